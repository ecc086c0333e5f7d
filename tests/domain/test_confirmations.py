"""Which form a row of a list answers, what it would lead to; and a declaration that shows an amount ahead checks itself."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from domain.actors import THE_ENGINE
from domain.bundle import Bundle, Confirmation, Fact, FromForm, FromProof, Preview
from domain.bundles.retirement import BUNDLE, CONFIRMED
from domain.case_file import CaseFile
from domain.columns import Cell, FaultyRow, Row, Sheet, SheetFaulty, read_rows
from domain.commands import (
    AnswerVerification,
    ExpireVerification,
    NoteMilestone,
    OpenVerification,
    RecordDepartmentAnswer,
    RecordRegisterAnswer,
)
from domain.confirmations import COLUMNS, NothingToConfirm, NotSentOut, came_of, confirmation_in, read_list
from domain.declaration import contradictions
from domain.identifiers import case_no
from domain.refusals import AnswerNotOffered, VerificationOver
from domain.steps import AskRegister, FindVerifier, SubmitItem, steps
from domain.time_limits import in_shanghai
from tests.bundles.test_retirement import BUREAU, FILED, _after, confirms, form, goes_on, opened, the_day_comes
from tests.domain.telling import an_id, given, opening, read

ROUTE = next(route for route in CONFIRMED.routes if isinstance(route, Confirmation))
assert ROUTE.previews is not None
PREVIEWS: Preview = ROUTE.previews


def previewing(**changes: Any) -> Bundle:
    """The retirement bundle with another amount shown ahead."""
    return asking(previews=PREVIEWS.model_copy(update=changes))


def asking(**changes: Any) -> Bundle:
    """The retirement bundle with another form to confirm."""
    route = ROUTE.model_copy(update=changes)
    proof = CONFIRMED.model_copy(update={"routes": (route, *CONFIRMED.routes[1:])})
    items = tuple(
        item.model_copy(update={"proofs": (proof,)}) if item.code == "confirmation" else item for item in BUNDLE.items
    )
    return BUNDLE.model_copy(update={"items": items})


def without(name: str, **replaced: Any) -> tuple[Fact, ...]:
    """The facts without one, or with it from elsewhere."""
    kept = tuple(fact for fact in PREVIEWS.facts if fact.name != name)
    return (*kept, Fact(name=name, **replaced)) if replaced else kept


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"entitlement": "gold"}, "proof confirmed: the entitlement gold is not in domain/law"),
        ({"facts": without("index")}, "proof confirmed: the entitlement pension needs the fact index"),
        ({"on": FromForm(field="retiree.name")}, "proof confirmed: retiree.name is no date or month or moment"),
        ({"on": FromForm(field="insurance.never")}, "proof confirmed: the form has no field insurance.never"),
        (
            {"facts": without("index", origin=FromForm(field="insurance.never"))},
            "proof confirmed, fact index: the form has no field insurance.never",
        ),
        (
            {"facts": without("index", origin=FromProof(proof="nothing", answer="index"))},
            "proof confirmed, fact index: comes from the proof nothing, which no item declares",
        ),
        (
            {"facts": without("index", origin=FromProof(proof="personnel_file", answer="index"))},
            "under no circumstance, proof confirmed takes index from personnel_file, which nobody asks for",
        ),
        (
            {"facts": without("index", origin=FromForm(field="insurance.contribution_months"), when=("deemed_years",))},
            "under no circumstance, proof confirmed computes ahead without the fact index",
        ),
        ({"when": ("nowhere",)}, "proof confirmed: the circumstance nowhere is not declared"),
        ({"title_en": ""}, "proof confirmed: the amount that is shown ahead needs its title, in both languages"),
        (
            {"entitlement": "maternity_allowance"},
            "proof confirmed: the entitlement maternity_allowance has no monthly amount that could be shown ahead",
        ),
    ],
)
def test_a_declaration_says_what_is_wrong_with_the_amount_that_it_shows_ahead(
    changes: dict[str, Any], sentence: str
) -> None:
    assert sentence in contradictions(previewing(**changes))


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("insurance.never", "proof confirmed: the form has no field insurance.never"),
        (
            "retiree.citizen_id",
            "proof confirmed: retiree.citizen_id is no choice or month or date or account or amount",
        ),
        ("retiree.residence", "proof confirmed: retiree.residence is corrected by somebody who is not shown it"),
        ("insurance.contribution_months", "proof confirmed: insurance.contribution_months is no choice or month"),
    ],
)
def test_a_declaration_says_what_its_reader_cannot_be_let_correct(path: str, sentence: str) -> None:
    assert any(said.startswith(sentence) for said in contradictions(asking(corrects=(path,))))


def test_who_confirms_cannot_become_somebody_else_by_it() -> None:
    section = BUNDLE.section("retiree").model_copy(update={"at_most": 2})
    among_two = BUNDLE.model_copy(
        update={"sections": tuple(section if one.code == "retiree" else one for one in BUNDLE.sections)}
    )

    assert any("retiree.account is of one person among several" in said for said in contradictions(among_two))


def test_the_amount_is_declared_and_correcting_what_it_rests_on_asks_again() -> None:
    assert contradictions(previewing()) == ()
    assert FromForm(field="insurance.born_in") in set(CONFIRMED.origins())


def test_before_the_day_the_form_has_not_gone_out_and_the_day_is_named() -> None:
    with pytest.raises(NotSentOut) as refused:
        confirmation_in(goes_on(opened(form()), FILED))

    assert refused.value.day is not None
    assert in_shanghai(refused.value.day).date() == date(2027, 2, 1)
    assert "2027-02-01" in refused.value.zh
    assert "2027-02-01" in refused.value.en


def test_while_what_comes_before_is_being_done_no_day_is_promised() -> None:
    file = _day_without_review()

    with pytest.raises(NotSentOut) as refused:
        confirmation_in(file)

    assert refused.value.day is None


def _day_without_review() -> CaseFile:
    file = opened(form())
    day = file.milestones["form_sent"]
    return _after(file, NoteMilestone(id=an_id(), at=day, by=THE_ENGINE, milestone="form_sent"))


def test_the_form_that_went_out_is_the_one_and_stays_it_when_it_was_answered() -> None:
    file, day = the_day_comes(goes_on(opened(form()), FILED), "form_sent")
    asked = confirmation_in(file)

    assert asked.rung == ("confirmed", 1, 0)
    assert confirmation_in(confirms(file, day)).answered_by == "pension"


def test_a_form_that_could_not_go_out_is_waited_for_no_more() -> None:
    file = _day_without_review()

    while not any(isinstance(step, FindVerifier) for step in steps(file)):
        file = _reviewed_once(file)
    (step,) = (one for one in steps(file) if isinstance(one, FindVerifier))
    nobody = OpenVerification(
        id=an_id(), at=FILED, by=THE_ENGINE, proof=step.proof, round=step.round, rung=step.rung, unit=None
    )

    with pytest.raises(VerificationOver):
        confirmation_in(_after(file, nobody))


def _reviewed_once(file: CaseFile) -> CaseFile:
    step, at = steps(file)[0], FILED
    if isinstance(step, AskRegister):
        return _after(
            file,
            RecordRegisterAnswer(
                id=an_id(), at=at, by=THE_ENGINE, proof=step.proof, round=step.round, rung=step.rung, outcome="matches"
            ),
        )
    assert isinstance(step, SubmitItem)
    return _after(
        file,
        RecordDepartmentAnswer(
            id=an_id(), at=at, by=THE_ENGINE, item=step.item, answer="concluded", reference="R", attempt=step.attempt
        ),
    )


def test_a_case_of_another_life_event_has_nothing_to_confirm() -> None:
    with pytest.raises(NothingToConfirm):
        confirmation_in(given(opening(read())))


def test_no_record_is_refused_in_time_and_late() -> None:
    file, day = the_day_comes(goes_on(opened(form()), FILED), "form_sent")

    due = confirmation_in(file).due
    assert due is not None
    expiry = ExpireVerification(id=an_id(), at=due, by=THE_ENGINE, proof="confirmed", round=1, rung=0)
    late = AnswerVerification(
        id=an_id(), at=due, by=BUREAU, proof="confirmed", round=1, rung=0, answer="no_record", note="note/1"
    )

    with pytest.raises(AnswerNotOffered):
        confirms(file, day, "no_record")
    with pytest.raises(AnswerNotOffered):
        _after(_after(file, expiry), late)


@pytest.mark.parametrize(
    ("events", "came"),
    [
        ({"verification_answered", "proof_met"}, "confirmed"),
        ({"late_answer_recorded", "proof_met"}, "confirmed"),
        ({"verification_answered", "proof_contested"}, "contested"),
        ({"verification_answered", "route_exhausted"}, "handed_on"),
        ({"late_answer_recorded"}, "kept"),
    ],
)
def test_what_came_of_it_is_read_from_what_happened(events: set[str], came: str) -> None:
    assert came_of(events) == came


def test_a_list_is_read_in_either_language_and_silence_is_no_answer() -> None:
    number = case_no("339901", "02", date(2026, 11, 23), 1)
    header: tuple[int, Sequence[Cell]] = (1, ["Case number", "答复", "note"])
    rows: list[tuple[int, Sequence[Cell]]] = [
        (2, [f"{number[:6]} {number[6:]}", "确认无误", None]),
        (3, [number, "不办理", "本人暂不退休"]),
        (4, [number, "hand_to_community", ""]),
        (5, [number, None, "没有回音"]),
        (6, [number, "查无此记录", ""]),
        (7, [float(number), "确认", ""]),
        (8, [number[:-1] + str((int(number[-1]) + 1) % 10), "确认", ""]),
    ]

    reading = read_rows(COLUMNS, Sheet([header, *rows]))

    assert [(row.values["case_no"], row.values["answer"], row.values["note"]) for row in reading.rows] == [
        (number, "matches", None),
        (number, "contradicts", "本人暂不退休"),
        (number, "hand_to_community", None),
    ]
    assert [(fault.row, fault.column) for fault in reading.faults] == [
        (5, "answer"),
        (6, "answer"),
        (7, "case_no"),
        (8, "case_no"),
    ]


def test_a_list_is_read_row_by_row_and_a_case_that_is_there_twice_is_told_by_the_rows_of_the_file() -> None:
    one, other = (case_no("339901", "02", date(2026, 11, 23), serial) for serial in (1, 2))
    rows: list[tuple[int, Sequence[Cell]]] = [
        (1, ["case_no", "answer"]),
        (2, [one, "matches"]),
        (4, [float(one), "matches"]),
        (5, [other, "matches"]),
        (6, [other, "也许"]),
    ]

    read = read_list(Sheet(rows))

    assert [row.number for row in read if isinstance(row, Row)] == [2]
    faults = [fault for row in read if isinstance(row, FaultyRow) for fault in row.faults]
    assert [(fault.row, fault.rule) for fault in faults] == [(4, "numeric_cell"), (5, "same_case_twice"), (6, "choice")]
    assert "第 5、6 行" in faults[1].zh


def test_a_list_with_a_wrong_header_is_refused_whole() -> None:
    with pytest.raises(SheetFaulty):
        read_list(Sheet([(1, ["number", "answer"]), (2, ["7", "matches"])]))
