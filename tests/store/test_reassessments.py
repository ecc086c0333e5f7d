"""Once its year's base is published, each pension that was paid provisionally is corrected, once, and owed for the past."""

import json
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import select

from domain.case_file import CaseState
from domain.commands import WithdrawCase
from domain.law.pension import BASES
from domain.law.pension_reassessment import BackPayment
from domain.time_limits import SHANGHAI
from store import reassessments
from store.batch import Batch
from store.cases import CaseStore
from store.corrections import Correction, correct
from store.events import read
from store.read_models.all_models import differences
from store.reassessments import BaseNotPublished, Found, Outcome, reassess
from store.tables import access_log
from store.vault import Kept
from tests.pensions import OFFICER, RECORD, Retiree

OCTOBER = datetime(2025, 10, 20, 9, tzinfo=SHANGHAI)
"""Three months were paid: August, September and October."""


def run(store: CaseStore, *, dry_run: bool = False, district: str | None = None, at: datetime = OCTOBER) -> list[Found]:
    return list(reassess(store, 2025, at, dry_run=dry_run, district=district))


def outcomes(found: list[Found]) -> list[tuple[Outcome, str | None]]:
    return [(one.outcome, one.reason) for one in found]


def test_the_difference_is_paid_from_now_on_and_owed_for_the_months_that_were_paid(store: CaseStore) -> None:
    retiree = Retiree(store).assessed().paid()
    assert retiree.pension() == "6001.80"

    (found,) = run(store)

    assert (found.case_no, found.district) == (retiree.filed.case_no, "339901")
    assert found.outcome is Outcome.CORRECTED
    payment = found.payment
    assert isinstance(payment, BackPayment)
    assert payment.reassessment.difference == Decimal("61.50")
    assert (payment.months, payment.owed.value) == (3, Decimal("184.50"))
    assert retiree.pension() == "6063.30"
    assert retiree.pension(corrections=0) == "6001.80", "the first assessment stays as it was"


def test_the_case_stays_as_it_ended_and_says_why_it_was_corrected(store: CaseStore) -> None:
    retiree = Retiree(store).assessed().paid()
    before = retiree.file

    run(store)

    after = retiree.file
    assert (after.state, after.outcome, after.ended_at) == (CaseState.CONCLUDED, "complete", before.ended_at)
    (correction,) = after.items["pension_assessment"].corrections
    assert (correction.number, correction.products) == (1, ("pension",))
    assert correction.by.unit == OFFICER.unit
    case = store.open_case_file(retiree.case_id)
    why = case.dossier.find(retiree.case_id, correction.note) or {}
    assert "应补发 184.50 元" in why["text"]
    assert "184.50 yuan owed" in why["text"]
    told = json.loads(why["explanation"])
    assert (told["difference"], told["months"], told["owed"]) == ("61.50", 3, "184.50")
    assert [step["of"] for step in told["steps"]] == ["base", "difference", "difference", "owed", "owed"]
    with store.database.reading() as connection:
        assert [*differences(connection)] == []


def test_no_amount_comes_into_an_event(store: CaseStore) -> None:
    retiree = Retiree(store).assessed().paid()
    run(store)

    with store.database.reading() as connection:
        told = [one.event.model_dump_json() for one in read(connection, retiree.case_id)]

    assert "item_corrected" in told[-1]
    assert not [one for one in told for amount in ("6063", "6001", "61.50", "184.50") if amount in one]


def test_run_twice_each_case_is_corrected_once(store: CaseStore) -> None:
    retiree = Retiree(store).assessed().paid()

    first, second = run(store), run(store, at=OCTOBER.replace(month=12))

    assert outcomes(first) == [(Outcome.CORRECTED, None)]
    assert outcomes(second) == [(Outcome.ALREADY_CORRECTED, None)]
    assert len(retiree.file.items["pension_assessment"].corrections) == 1


def test_a_run_that_is_killed_is_run_again_and_goes_on(store: CaseStore) -> None:
    retirees = [Retiree(store, number).assessed() for number in range(3)]
    next(reassess(store, 2025, OCTOBER))

    again = run(store)

    assert sorted(one.outcome for one in again) == ["already_corrected", "corrected", "corrected"]
    assert [len(one.file.items["pension_assessment"].corrections) for one in retirees] == [1, 1, 1]


def test_two_runs_at_once_correct_once(store: CaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    retiree = Retiree(store).assessed().paid()

    def faster(*given: object, **more: object) -> object:
        monkeypatch.setattr(reassessments, "correct", correct)
        assert outcomes(run(store)) == [(Outcome.CORRECTED, None)]
        return correct(*given, **more)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(reassessments, "correct", faster)

    assert outcomes(run(store)) == [(Outcome.ALREADY_CORRECTED, None)]
    assert len(retiree.file.items["pension_assessment"].corrections) == 1


def test_a_dry_run_tells_the_same_and_changes_nothing(store: CaseStore) -> None:
    retiree = Retiree(store).assessed().paid()
    version = retiree.file.version

    looked = run(store, dry_run=True)

    assert retiree.file.version == version
    (once,), (then,) = looked, run(store)
    assert once.payment is not None
    assert then.payment is not None
    assert (once.outcome, once.payment.as_text()) == (then.outcome, then.payment.as_text())


def test_before_the_first_payment_nothing_is_owed(store: CaseStore) -> None:
    retiree = Retiree(store).assessed()

    (found,) = run(store, at=datetime(2025, 7, 20, tzinfo=SHANGHAI))

    assert found.payment is not None
    assert (found.payment.months, found.payment.owed.value) == (0, Decimal(0))
    assert retiree.pension() == "6063.30"
    retiree.paid()
    assert retiree.file.outcome == "complete"


def test_only_the_district_that_is_asked_for(store: CaseStore) -> None:
    here, there = Retiree(store, 0).assessed(), Retiree(store, 1, division="339902").assessed()

    assert [one.case_no for one in run(store, district="339902")] == [there.filed.case_no]
    assert here.pension() == "6001.80"


def test_pages_of_cases_are_read_to_their_end(store: CaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassessments, "PAGE", 1)
    retirees = [Retiree(store, number).assessed() for number in range(3)]

    found = run(store)

    assert {one.case_no for one in found} == {one.filed.case_no for one in retirees}
    assert len(found) == 3


def test_who_was_assessed_on_the_years_own_base_is_left_alone(store: CaseStore) -> None:
    Retiree(store).assessed(BASES).paid()

    assert outcomes(run(store)) == [(Outcome.NOT_PROVISIONAL, None)]


def test_a_base_that_comes_to_the_same_corrects_nothing(store: CaseStore) -> None:
    retiree = Retiree(store).assessed({2024: BASES[2025]}).paid()

    assert outcomes(run(store)) == [(Outcome.UNCHANGED, None)]
    assert retiree.file.items["pension_assessment"].corrections == ()


def test_who_is_not_assessed_yet_or_retires_in_another_year_is_not_told_of(store: CaseStore) -> None:
    Retiree(store, 0)
    Retiree(store, 1).assessed()

    assert list(reassess(store, 2024, OCTOBER)) == []
    assert len(run(store)) == 1


def test_before_the_base_is_published_nothing_can_be_settled(store: CaseStore) -> None:
    retiree = Retiree(store).assessed()

    with pytest.raises(BaseNotPublished):
        reassess(store, 2025, OCTOBER, published={2024: Decimal(8310)})
    assert retiree.pension() == "6001.80"


def _corrected_by_hand(retiree: Retiree) -> None:
    correct(
        retiree.store,
        retiree.case_id,
        lambda _: Correction("pension_assessment", {"pension": "6010.00"}, {"text": "缴费指数有误"}),
        id=uuid4(),
        at=OCTOBER,
        by=OFFICER,
    )


def _withdrawn(retiree: Retiree) -> None:
    command = WithdrawCase(id=uuid4(), at=OCTOBER, by=OFFICER, note="note/1")
    retiree.store.act(retiree.case_id, command, note="note/1", reason="本人要求")


def _forgotten(retiree: Retiree) -> None:
    (person,) = retiree.file.opened.people["retiree"]
    with retiree.store.database.begin() as connection:
        retiree.store.vault.forget(connection, person, OCTOBER)


def _keep(retiree: Retiree, content: dict[str, str]) -> None:
    batch = Batch()
    with retiree.store.database.begin() as connection:
        kept = [Kept(retiree.case_id, "entitled/pension_assessment", content)]
        retiree.store.vault.keep(connection, batch, retiree.case_id, kept, OCTOBER)
        batch.write(connection)


def _without_record(retiree: Retiree) -> None:
    _keep(retiree, {})


def _without_one_fact(retiree: Retiree) -> None:
    case = retiree.store.open_case_file(retiree.case_id)
    _keep(retiree, {name: value for name, value in case.entitled("pension_assessment").items() if name != "index"})


def _with_another_record(retiree: Retiree) -> None:
    case = retiree.store.open_case_file(retiree.case_id)
    _keep(retiree, {**case.entitled("pension_assessment"), **RECORD, "index": "1.2"})


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (_corrected_by_hand, "corrected_by_hand"),
        (_withdrawn, "withdrawn"),
        (_forgotten, "forgotten"),
        (_without_record, "record_missing"),
        (_without_one_fact, "record_missing"),
        (_with_another_record, "assessed_otherwise"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_computed_is_told_with_the_reason_and_the_others_go_on(
    store: CaseStore, meanwhile: object, reason: str
) -> None:
    odd, plain = Retiree(store, 0).assessed(), Retiree(store, 1).assessed()
    assert callable(meanwhile)
    meanwhile(odd)
    before = odd.file

    found = {one.case_no: one for one in run(store)}

    assert (found[odd.filed.case_no].outcome, found[odd.filed.case_no].reason) == (Outcome.CANNOT_COMPUTE, reason)
    assert reason in reassessments.WHY_NOT
    assert odd.file == before
    assert found[plain.filed.case_no].outcome is Outcome.CORRECTED


def test_each_look_into_somebodys_record_is_in_the_access_log(store: CaseStore) -> None:
    retiree = Retiree(store).assessed()
    run(store, dry_run=True)

    with store.database.reading() as connection:
        rows = connection.execute(
            select(access_log).where(access_log.c.case_id == retiree.case_id, access_log.c.action == "reassessment")
        ).all()

    (row,) = rows
    assert (row.account, row.unit) == ("reassessment", OFFICER.unit)
    assert row.purpose.startswith("社会保险经办条例 18")
