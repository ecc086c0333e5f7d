"""退休一件事: its graph, its days, what the law lets somebody choose, and the one confirmation."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, assert_never

import pytest

from activities.shared_data import compared
from api.case_view import expected_dates
from demo.city import insured
from demo.city.population import CITY
from demo.city.registers import answer_query
from demo.city.workers import Worker, workers
from domain.actors import THE_ENGINE, Actor
from domain.bundle import SharedDataQuery
from domain.bundles.retirement import BUNDLE
from domain.case_file import CaseFile, ItemState, ProofState, evolve_all
from domain.catalogue import catalogue
from domain.commands import (
    AnswerVerification,
    Command,
    NoteMilestone,
    NoteOverdue,
    OpenCase,
    OpenVerification,
    RecordDepartmentAnswer,
    RecordRegisterAnswer,
)
from domain.decisions import decide
from domain.declaration import contradictions
from domain.form import SoFar, left_open, read_application
from domain.identifiers import citizen_id_check
from domain.law.entitlement import entitlements
from domain.law.months import first_day, month_of, month_text, read_month
from domain.law.retirement_age import Category, statutory_month
from domain.refusals import FormFaulty
from domain.steps import AskRegister, FindVerifier, SubmitItem, agenda, steps
from domain.time_limits import SHANGHAI, days, due_at, in_shanghai
from domain.waiting import waits
from domain.watch_list import prefilled
from tests.domain.telling import amend, an_id

BUREAU = Actor(account="pension", unit="pension-office")
FILED = datetime(2026, 9, 7, 10, tzinfo=SHANGHAI)
MARCH = month_of(2027, 3)


def a_worker() -> Worker:
    """A man born in September 1966, who retires in March 2027, and about whom nothing is in doubt."""
    return next(
        one
        for one in workers(200_000)
        if one.born == month_of(1966, 9) and one.category == "M60" and one.born_in_file == one.born
        if not one.deemed_years and one.employer is None and one.contribution_months > 190 and one.state == "active"
    )


WORKER = a_worker()


def form(**answers: object) -> dict[str, Any]:
    """His form as the scan fills it in, with other answers: `retires_on="2026-12-01"`."""
    filled: dict[str, Any] = {
        "insurance": {
            "category": "M60",
            "born_in": first_day(WORKER.born).isoformat(),
            "choice": "statutory",
            "retires_on": first_day(MARCH).isoformat(),
            "contribution_months": WORKER.contribution_months,
            "deemed_years": False,
            "employed": False,
            "housing_fund": True,
        },
        "retiree": {"name": WORKER.name, "citizen_id": WORKER.citizen_id, "account": WORKER.account},
    }
    filled["insurance"] |= answers
    return filled


def opened(filled: Mapping[str, Any], at: datetime = FILED) -> CaseFile:
    application = read_application(BUNDLE, filled, at=at)
    command = OpenCase(
        id=an_id(),
        at=at,
        by=BUREAU,
        case_id=an_id(),
        case_no="R-1",
        bundle=BUNDLE,
        division="339901",
        people={"retiree": (an_id(),)},
        counts=application.counts,
        circumstances=application.circumstances,
        milestones=application.milestones,
        application_key="key",
    )
    return _after(None, command)


def _after(file: CaseFile | None, command: Command) -> CaseFile:
    after = evolve_all(file, decide(command, file))
    assert after is not None
    return after


def goes_on(file: CaseFile, at: datetime) -> CaseFile:
    """Registers agree, departments conclude, and whoever is to verify is found, until nothing is due."""
    while due := steps(file):
        for step in due:
            match step:
                case AskRegister():
                    command: Command = RecordRegisterAnswer(
                        id=an_id(), at=at, by=THE_ENGINE, proof=step.proof, round=step.round, rung=step.rung,
                        outcome="matches",
                    )  # fmt: skip
                case FindVerifier():
                    command = OpenVerification(
                        id=an_id(), at=at, by=THE_ENGINE, proof=step.proof, round=step.round, rung=step.rung,
                        unit="pension-office",
                    )  # fmt: skip
                case SubmitItem():
                    command = RecordDepartmentAnswer(
                        id=an_id(), at=at, by=THE_ENGINE, item=step.item, answer="concluded", reference="R-1",
                        attempt=step.attempt,
                    )  # fmt: skip
                case _:
                    assert_never(step)
            file = _after(file, command)
    return file


def the_day_comes(file: CaseFile, milestone: str) -> tuple[CaseFile, datetime]:
    day = file.milestones[milestone]
    return goes_on(_after(file, NoteMilestone(id=an_id(), at=day, by=THE_ENGINE, milestone=milestone)), day), day


def confirms(file: CaseFile, at: datetime, answer: Any = "matches", proof: str = "confirmed") -> CaseFile:
    live = file.proofs[proof]
    command = AnswerVerification(
        id=an_id(), at=at, by=BUREAU, proof=proof, round=live.round, rung=live.rung, answer=answer,
        note=None if answer == "matches" else "note/1",
    )  # fmt: skip
    return goes_on(_after(file, command), at)


def test_it_holds_together_and_is_in_force() -> None:
    assert contradictions(BUNDLE) == ()
    assert catalogue().in_force("retirement", date(2026, 11, 23)) is BUNDLE
    assert "pension" in entitlements()


def test_the_file_is_reviewed_at_once_and_then_nothing_happens_for_months() -> None:
    file = goes_on(opened(form()), FILED)

    assert file.items["file_review"].state is ItemState.CONCLUDED
    assert {item for item, live in file.items.items() if live.state is not ItemState.CONCLUDED} == {
        item.code for item in BUNDLE.items
    } - {"file_review"}
    assert {wait.on for wait in waits(file)} == {"calendar"}
    assert [in_shanghai(entry.due).date() for entry in agenda(file)] == [
        date(2027, 2, 1),
        date(2027, 3, 1),
        date(2027, 4, 1),
    ]


def test_a_month_ahead_the_form_goes_out_and_is_confirmed_once() -> None:
    file, day = the_day_comes(goes_on(opened(form()), FILED), "form_sent")
    assert file.proofs["confirmed"].state is ProofState.VERIFYING
    assert (file.verifications["confirmed", 1, 0].due or day) - day == timedelta(days=16)  # fifteen days, to 24:00

    file = confirms(file, day + timedelta(days=2))

    assert file.items["confirmation"].state is ItemState.CONCLUDED
    assert file.items["final_contribution"].state is ItemState.CONCLUDED
    assert file.items["pension_assessment"].state is ItemState.WAITING


def test_silence_is_never_consent_the_community_worker_calls() -> None:
    file, _ = the_day_comes(goes_on(opened(form()), FILED), "form_sent")
    due = file.verifications["confirmed", 1, 0].due
    assert due is not None
    from domain.commands import ExpireVerification

    file = goes_on(
        _after(file, ExpireVerification(id=an_id(), at=due, by=THE_ENGINE, proof="confirmed", round=1, rung=0)), due
    )

    assert file.items["confirmation"].state is ItemState.ACCEPTED
    assert file.verifications["confirmed", 1, 1].opened.route == "community_check"


def test_the_pension_is_assessed_on_the_day_and_paid_the_month_after() -> None:
    file, day = the_day_comes(goes_on(opened(form()), FILED), "form_sent")
    file = confirms(file, day)

    file, _ = the_day_comes(file, "retires")
    assert file.items["pension_assessment"].state is ItemState.CONCLUDED
    assert file.items["housing_fund_withdrawal"].state is ItemState.CONCLUDED
    assert file.items["first_payment"].state is ItemState.WAITING

    file, _ = the_day_comes(file, "paid_from")
    assert (file.state, file.outcome) == ("concluded", "complete")


def test_nobody_is_asked_for_a_housing_fund_account_that_they_never_had() -> None:
    """Who is insured without an employer may have none: no register is asked, and no caseworker has to decide."""
    file, day = the_day_comes(goes_on(opened(form(housing_fund=False)), FILED), "form_sent")
    file, _ = the_day_comes(confirms(file, day), "retires")

    assert file.items["pension_assessment"].state is ItemState.CONCLUDED
    assert "housing_fund_withdrawal" not in file.items
    assert "housing_fund" not in file.proofs
    file, _ = the_day_comes(file, "paid_from")
    assert (file.state, file.outcome) == ("concluded", "complete")


@pytest.mark.parametrize("has_account", [True, False])
def test_the_register_tells_of_a_sealed_account_whoever_employs_them_now(has_account: bool) -> None:
    one = next(one for one in workers(20_000) if one.employer is None and one.housing_fund is has_account)
    filled = filled_ahead(one)

    assert (filled["insurance"]["employed"], filled["insurance"]["housing_fund"]) == (False, has_account)
    outcome, account = answer_query("housing_fund_accounts", {"citizen_id": one.citizen_id})
    assert outcome == ("found" if has_account else "not_found")
    assert (account or {}).get("state") == ("sealed" if has_account else None)


def filled_ahead(one: Worker) -> dict[str, Any]:
    """The form as the registers fill it in for this person."""
    (discovery,) = BUNDLE.discoveries
    (record,) = insured.records({"persons": [one.person]}, CITY)["records"].values()
    return prefilled(discovery, BUNDLE, record)


@pytest.mark.parametrize("employed", [True, False])
def test_every_register_is_read_ahead_and_the_employers_only_of_who_has_one(employed: bool) -> None:
    one = next(one for one in workers(20_000) if (one.employer is not None) is employed)
    employer = {"employer": filled_ahead(one)["employer"]} if employed else {}

    file = opened(form(employed=employed) | employer)

    asked = {step.source for step in steps(file) if isinstance(step, AskRegister)}
    assert {"pension_records", "medical_insurance_records", "housing_fund_accounts", "household_register"} <= asked
    assert ("employers" in asked) is employed


@pytest.mark.parametrize(
    ("choice", "month", "proofs"),
    [
        ("late", "2027-06", {"late_agreement"}),
        ("early", "2026-12", {"early_notice"}),
        ("statutory", "2027-03", set()),
    ],
)
@pytest.mark.parametrize("employed", [True, False])
def test_what_was_settled_with_the_employer_in_writing_is_looked_at_by_the_bureau(
    choice: str, month: str, proofs: set[str], *, employed: bool
) -> None:
    one = next(one for one in workers(20_000) if one.employer is not None)
    employer = {"employer": filled_ahead(one)["employer"]} if employed else {}

    file = goes_on(opened(form(choice=choice, retires_on=month, employed=employed) | employer), FILED)

    asked = {proof: live.opened for (proof, _, _), live in file.verifications.items()}
    assert asked.keys() == (proofs if employed else set())
    assert {opened.route for opened in asked.values()} <= {"department_verification"}


def test_nothing_is_confirmed_before_the_bureau_has_seen_the_agreement() -> None:
    one = next(one for one in workers(20_000) if one.employer is not None)
    late = form(choice="late", retires_on="2027-06", employed=True) | {"employer": filled_ahead(one)["employer"]}

    file, day = the_day_comes(goes_on(opened(late), FILED), "form_sent")
    file = confirms(file, day)

    assert file.proofs["confirmed"].state is ProofState.MET
    assert file.items["confirmation"].state is ItemState.ACCEPTED
    file = confirms(file, day, proof="late_agreement")
    assert file.items["confirmation"].state is ItemState.CONCLUDED


def test_medical_insurance_paid_by_another_employer_is_noticed_half_a_year_ahead() -> None:
    one = next(one for one in workers(20_000) if one.employer is not None and one.state == "active")
    register = BUNDLE.proof("medical_insurance").routes[0]
    assert isinstance(register, SharedDataQuery)
    uscc = filled_ahead(one)["employer"]["uscc"]
    outcome, record = answer_query("medical_insurance_records", {"citizen_id": one.citizen_id})
    assert (outcome, answer_query("employers", {"uscc": uscc})[0]) == ("found", "found")
    assert record is not None
    declared = {"retiree.name": one.name, "employer.uscc": uscc}

    assert compared(BUNDLE, register, ("employed",), declared, record) == ()
    assert compared(BUNDLE, register, ("employed",), declared, record | {"employer_uscc": "another"}) == (
        "employer_uscc",
    )
    assert compared(BUNDLE, register, (), {"retiree.name": one.name}, record | {"employer_uscc": "another"}) == ()


@pytest.mark.parametrize(
    ("answers", "rule"),
    [
        ({"retires_on": "2027-02-01"}, "not_as_chosen"),
        ({"choice": "early", "retires_on": "2026-11-01"}, "told_too_late"),
        ({"choice": "early", "retires_on": "2027-05-01"}, "not_as_chosen"),
        ({"contribution_months": 120}, "too_few"),
    ],
)
def test_the_law_is_asked_before_the_declaration_is_taken_in(answers: dict[str, object], rule: str) -> None:
    with pytest.raises(FormFaulty) as refused:
        read_application(BUNDLE, form(**answers), at=FILED)

    assert [fault.rule for fault in refused.value.faults] == [rule]


@pytest.mark.parametrize(
    ("answers", "zh", "en"),
    [
        (
            {"choice": "late", "retires_on": "2027-06"},
            "“退休时间”: 延迟退休须在法定退休时间前至少 1 个月书面约定",
            "Retires on: retiring late is agreed in writing 1 month before the statutory month",
        ),
        (
            {"choice": "late", "retires_on": "2027-02"},
            "“退休时间”: 与选择不符, 法定退休时间为 2027-03",
            "Retires on: does not fit the choice; the statutory month is 2027-03",
        ),
    ],
)
def test_what_the_law_says_stands_behind_the_title_of_its_field(answers: dict[str, object], zh: str, en: str) -> None:
    with pytest.raises(FormFaulty) as refused:
        read_application(BUNDLE, form(**answers), at=datetime(2027, 3, 2, tzinfo=SHANGHAI))

    assert [(fault.zh, fault.en) for fault in refused.value.faults] == [(zh, en)]


def a_citizen_id(*, man: bool) -> str:
    """Born like him, and a man or a woman by the number."""
    first = f"{WORKER.citizen_id[:16]}{3 if man else 4}"
    return first + citizen_id_check(first)


@pytest.mark.parametrize(
    ("category", "man"), [("F50", True), ("F55", True), ("M60", False)], ids=["F50-man", "F55-man", "M60-woman"]
)
def test_nobody_retires_in_a_category_of_the_other_sex(category: str, man: bool) -> None:
    number = a_citizen_id(man=man)
    filled = form(category=category, choice="early", retires_on="2026-12")
    filled["retiree"]["citizen_id"] = number

    with pytest.raises(FormFaulty) as refused:
        read_application(BUNDLE, filled, at=FILED)

    (fault,) = refused.value.faults
    assert (fault.pointer, fault.rule) == ("/application/insurance/category", "not_of_that_sex")
    assert number not in f"{fault.zh}{fault.en}"


@pytest.mark.parametrize(("category", "born"), [("F55", "1971-09"), ("F50", "1976-09")])
def test_a_woman_retires_in_the_categories_of_women(category: str, born: str) -> None:
    when = month_text(statutory_month(Category(category), read_month(born)))
    filled = form(category=category, born_in=born, retires_on=when)
    filled["retiree"]["citizen_id"] = a_citizen_id(man=False)

    assert read_application(BUNDLE, filled, at=FILED).milestones


@pytest.mark.parametrize("written", ["2027-03", "2027-03-01"])
def test_a_month_may_be_written_as_one_or_as_its_first_day(written: str) -> None:
    application = read_application(BUNDLE, form(retires_on=written), at=FILED)

    assert in_shanghai(application.milestones["retires"]).date() == date(2027, 3, 1)


@pytest.mark.parametrize("written", ["2027-03-16", "2027-13", "2027-3", "202703", "March 2027", "2027"])
def test_whatever_is_no_month_is_refused_at_its_place(written: str) -> None:
    with pytest.raises(FormFaulty) as refused:
        read_application(BUNDLE, form(retires_on=written), at=FILED)

    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [
        ("/application/insurance/retires_on", "month")
    ]


def test_what_was_told_in_time_stays_in_time_when_something_else_is_corrected() -> None:
    just_enough = 15 * 12 - (month_of(2027, 6) - month_of(2026, 9))
    filled = form(choice="late", retires_on="2027-06-01", contribution_months=just_enough)
    told = read_application(BUNDLE, filled, at=FILED).sections
    long_after = FILED + timedelta(days=180)
    so_far = SoFar(told, FILED, {})

    with pytest.raises(FormFaulty):
        read_application(BUNDLE, filled, at=long_after)
    read_application(
        BUNDLE, filled | {"retiree": filled["retiree"] | {"phone": "15499000002"}}, at=long_after, so_far=so_far
    )

    other_month = filled | {"insurance": filled["insurance"] | {"retires_on": "2027-07-01"}}
    fewer_months = filled | {"insurance": filled["insurance"] | {"contribution_months": just_enough - 2}}
    for changed, rule in ((other_month, "agreed_too_late"), (fewer_months, "too_few")):
        with pytest.raises(FormFaulty) as refused:
            read_application(BUNDLE, changed, at=long_after, so_far=so_far)
        assert [fault.rule for fault in refused.value.faults] == [rule]


@pytest.mark.parametrize(
    "day", [FILED, FILED + timedelta(days=100), FILED + timedelta(days=160), FILED + timedelta(days=190)]
)
def test_what_the_law_is_said_to_leave_open_is_what_it_lets_somebody_choose(day: datetime) -> None:
    def lawful(choice: str, month: int) -> bool:
        try:
            read_application(BUNDLE, form(choice=choice, retires_on=first_day(month).isoformat()), at=day)
        except FormFaulty:
            return False
        return True

    def window(choice: str) -> str | None:
        months = [month_text(month) for month in range(MARCH - 50, MARCH + 50) if lawful(choice, month)]
        return f"{months[0]} 到 {months[-1]}" if months else None

    sections = read_application(BUNDLE, form(), at=FILED).sections

    said = left_open(BUNDLE, sections, at=day)["insurance.retires_on"]

    early, late = window("early"), window("late")
    assert "法定退休时间为 2027-03" in said.zh
    assert (f"现在可提前至 {early}" if early else "提前退休的告知期限已过") in said.zh
    assert (f"可延迟至 {late}" if late else "延迟退休的约定期限已过") in said.zh
    assert said.en.isascii()


def test_whose_day_is_moved_on_begins_anew_and_is_not_late_by_the_old_promise() -> None:
    sent, _ = the_day_comes(goes_on(opened(form()), FILED), "form_sent")
    promised = sent.items["confirmation"].promised_by
    assert promised is not None
    at = sent.milestones["form_sent"] + timedelta(days=1)
    so_far = SoFar(read_application(BUNDLE, form(), at=FILED).sections, FILED, {})
    later = read_application(BUNDLE, form(choice="late", retires_on="2027-09-01"), at=at, so_far=so_far)

    moved = _after(sent, amend(sent, later, "insurance.choice", "insurance.retires_on", at=at))

    assert (moved.items["confirmation"].state, moved.items["confirmation"].promised_by) == (ItemState.WAITING, None)
    over = NoteOverdue(id=an_id(), at=promised, by=THE_ENGINE, item="confirmation", promised_by=promised)
    assert decide(over, moved) == ()
    on_time = due_at(moved.milestones["form_sent"], days(30))
    assert expected_dates(moved)["confirmation"] == on_time
    again = the_day_comes(goes_on(moved, at), "form_sent")[0].items["confirmation"]
    assert (again.state, again.promised_by) == (ItemState.ACCEPTED, on_time)


def test_what_is_waited_for_by_the_calendar_is_expected_after_its_day() -> None:
    file = goes_on(opened(form()), FILED)

    assert file.waits_for_day("form_sent") is not None
    assert expected_dates(file)["confirmation"] > file.milestones["form_sent"]


def test_the_case_knows_when_each_field_was_corrected_last() -> None:
    file, months_later = opened(form()), FILED + timedelta(days=60)
    later = read_application(BUNDLE, form(choice="late", retires_on="2027-06-01"), at=FILED)
    file = _after(file, amend(file, later, "insurance.choice", "insurance.retires_on", at=FILED))
    file = _after(file, amend(file, later, "retiree.account", "insurance.retires_on", at=months_later))

    assert file.corrected == {
        "insurance.choice": FILED,
        "insurance.retires_on": months_later,
        "retiree.account": months_later,
    }


def test_earlier_within_the_window_and_with_notice_is_a_right() -> None:
    application = read_application(BUNDLE, form(choice="early", retires_on="2026-12-01"), at=FILED)

    assert in_shanghai(application.milestones["retires"]).date() == date(2026, 12, 1)


def test_later_is_agreed_a_month_before_the_statutory_month() -> None:
    late = form(choice="late", retires_on="2028-01-01")

    assert read_application(BUNDLE, late, at=FILED).milestones
    with pytest.raises(FormFaulty):
        read_application(BUNDLE, late, at=datetime(2027, 3, 2, tzinfo=SHANGHAI))
