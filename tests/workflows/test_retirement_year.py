"""One retiree's year: found ahead, asked once, silent, called, paid; and those who choose, die, or decline meanwhile."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.client import WorkflowExecutionStatus

from activities.discovering import HAS_DIED, Closing, Discovering, Opening, Scan
from activities.submissions import submission
from api.confirmation_form import amount_ahead
from demo.city.rosters import provide_rosters
from demo.city.workers import Worker
from domain.actors import Actor
from domain.case_file import CaseFile, CaseState, ItemState, ProofState
from domain.catalogue import catalogue
from domain.commands import AnswerVerification, ResubmitItem, WithdrawCase, command_id
from domain.law import pension_grant
from domain.law.months import first_day, month_text
from domain.law.pension import base_for
from domain.refusals import FormFaulty
from domain.silence import SilenceRule
from domain.time_limits import in_shanghai
from domain.waiting import waits
from domain.watch_list import months_ahead
from store.acts import act_once
from store.cases import Filed
from store.corrections import Correction, correct
from store.duty import set_silence_rule
from store.events import read
from store.reassessments import reassess
from store.tables import cases
from store.vault import Kept
from store.watch_list import listed
from tests.insured import BUREAU, Register, found, provide_bureau
from tests.workflows.conftest import House

pytestmark = pytest.mark.anyio

OFFICER = Actor(account=f"{BUREAU}-1", unit=BUREAU)
A_MOMENT = timedelta(minutes=1)
DONE = ItemState.CONCLUDED
OF_THE_DAY = {"pension_assessment", "medical_retiree_status", "housing_fund_withdrawal", "township_handover"}


class Retiree:
    """Somebody who retires in half a year and about whom nothing is in doubt; nobody has applied for anything."""

    def __init__(self, house: House, worker: Worker, month: int) -> None:
        self.house, self.worker, self.month = house, worker, month
        self.register = Register(worker)
        self.filed: Filed | None = None

    @property
    def case(self) -> Filed:
        assert self.filed is not None
        return self.filed

    @property
    def file(self) -> CaseFile:
        return self.house.case(self.case)

    async def night(self) -> int:
        """The scan of one night, as the schedule runs it; returns how many cases it opened."""
        store, clock = self.house.store, self.house.clock
        discovering = Discovering(store, self.register, catalogue(), clock)
        asked = Scan(occasion="retirement", district=self.worker.district, month=self.month)
        await discovering.read(asked, lambda _: None)
        await discovering.close(Closing(occasion="retirement", district=self.worker.district), lambda _: None)
        opening = Opening(
            occasion="retirement", district=self.worker.district, until_month=self.month, at_most=9, per_second=100
        )
        opened = await discovering.open(opening, lambda _: None)
        with store.database.reading() as connection:
            (line,) = listed(connection, "retirement", self.month)
            row = connection.execute(select(cases).where(cases.c.case_id == line.case_id)).one()
        self.filed = Filed(row.case_id, row.case_no, row.version, new=True)
        return opened.opened

    def day(self, milestone: str) -> datetime:
        return self.file.milestones[milestone]

    async def day_comes(self, milestone: str) -> None:
        """Let time pass until the day, and a little more."""
        await self.house.later(self.case, self.day(milestone) - self.house.clock() + A_MOMENT)
        await self.house.until(self.case, lambda file: milestone in file.reached)

    async def until(self, **states: ItemState) -> CaseFile:
        return await self.house.until(
            self.case, lambda file: all(file.items[item].state is state for item, state in states.items()), within=30
        )

    async def reviewed(self) -> CaseFile:
        """The registers have been asked, the file was reviewed, and only the calendar is waited for."""
        await self.until(file_review=DONE)
        return await self.house.until(self.case, lambda file: {wait.on for wait in waits(file)} == {"calendar"})

    def choose(self, choice: str, month: int) -> None:
        """At the counter: another month, as the law lets them choose it; raises FormFaulty."""
        self.house.store.amend(
            self.case.case_id,
            {"insurance": {"choice": choice, "retires_on": first_day(month).isoformat()}},
            reason="本人书面选择弹性退休",
            by=OFFICER,
            at=self.house.clock(),
            id=uuid4(),
            seen=self.file.version,
        )

    def answer(self, *, by: Actor, by_phone: bool = False, corrections: dict[str, Any] | None = None) -> None:
        """What was filled in is right, says the person, or is once it is corrected like this."""
        live = self.file.proofs["confirmed"]
        command = AnswerVerification(
            id=(id := command_id(self.case.case_id, "confirm", live.round, live.rung)),
            at=self.house.clock(),
            by=by,
            proof="confirmed",
            round=live.round,
            rung=live.rung,
            answer="matches",
            by_phone=by_phone,
            note=None if corrections is None else f"note/{id}",
        )
        said = [] if corrections is None else [Kept(self.case.case_id, f"note/{id}", {"text": "确认时更正"})]
        act_once(self.house.store, self.case.case_id, command, kept=said, corrections=corrections)

    async def paper_is_seen(self, proof: str) -> None:
        """An officer of the bureau looks at the agreement or notice, and it is as was declared."""
        file = await self.house.until(self.case, lambda file: file.proofs[proof].state is ProofState.VERIFYING)
        live = file.proofs[proof]
        asked = file.verifications[proof, live.round, live.rung].opened
        assert (asked.route, asked.unit) == ("department_verification", BUREAU)
        command = AnswerVerification(
            id=command_id(self.case.case_id, "seen", proof, live.round),
            at=self.house.clock(),
            by=OFFICER,
            proof=proof,
            round=live.round,
            rung=live.rung,
            answer="matches",
        )
        act_once(self.house.store, self.case.case_id, command)
        await self.house.heard(self.case)

    def withdraw(self, reason: str) -> None:
        id = command_id(self.case.case_id, "withdraw")
        command = WithdrawCase(id=id, at=self.house.clock(), by=OFFICER, note=f"note/{id}")
        self.house.store.act(self.case.case_id, command, note=f"note/{id}", reason=reason)

    def happened(self, type: str) -> list[Any]:
        with self.house.store.database.reading() as connection:
            return [one.event for one in read(connection, self.case.case_id) if one.event.type == type]

    def effects(self) -> dict[str, int]:
        return self.house.city.effects(self.case.case_no)


def published(monkeypatch: pytest.MonkeyPatch, **bases: str) -> None:
    """These pension bases are known, by their years, and no others: what is shipped ends before these days come."""
    known = {int(year.removeprefix("of_")): Decimal(amount) for year, amount in bases.items()}
    monkeypatch.setattr(pension_grant, "base_for", partial(base_for, published=known))


@pytest.fixture(autouse=True)
def every_base_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    published(monkeypatch, **{f"of_{year}": "8433" for year in range(2020, 2100)})


@pytest.fixture
async def retiree(house: House) -> Retiree:
    """Found half a year ahead, in the first night, with a case that is reviewed."""
    month = months_ahead(in_shanghai(house.clock()).date(), 6)
    worker = next(
        one for one in found(month=month) if one.employer is not None and not one.deemed_years and one.sex == "1"
    )
    with house.store.database.begin() as connection:
        provide_bureau(connection)
        provide_rosters(connection, house.store.vault, house.clock())
    retiree = Retiree(house, worker, month)
    assert await retiree.night() == 1
    await retiree.reviewed()
    return retiree


async def test_a_year_from_the_register_to_the_first_payment(retiree: Retiree) -> None:
    house = retiree.house
    assert retiree.file.opened.by.account == "discovery"
    assert retiree.day("retires") - house.clock() > timedelta(days=150)

    # Two months later he agrees with his employer to work three months longer: every day moves.
    await house.later(retiree.case, timedelta(days=60))
    retiree.choose("late", retiree.month + 3)
    await retiree.paper_is_seen("late_agreement")
    await retiree.reviewed()
    assert in_shanghai(retiree.day("retires")).date() == first_day(retiree.month + 3)
    assert in_shanghai(retiree.day("form_sent")).date() == first_day(retiree.month + 2)
    assert retiree.file.reached == frozenset()

    # The statutory month passes, and nothing happens in it.
    await house.later(retiree.case, timedelta(days=130))
    assert retiree.file.reached == frozenset()
    assert await retiree.night() == 0, "the nightly scan leaves him alone"

    # A month ahead the form goes out; he says nothing, and silence is never consent.
    await retiree.day_comes("form_sent")
    await house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    await house.later(retiree.case, timedelta(days=16, minutes=1))
    file = await house.until(retiree.case, lambda file: file.proofs["confirmed"].rung == 1)
    asked = file.verifications["confirmed", 1, 1]
    assert (asked.opened.route, asked.opened.unit) == ("community_check", f"community-{retiree.worker.community_code}")
    assert file.items["confirmation"].state is ItemState.ACCEPTED
    assert "tax" not in {department for department, _ in house.city.calls}

    # The community worker calls, and he confirms.
    retiree.answer(by=Actor(account="somebody", unit=asked.opened.unit), by_phone=True)
    file = await retiree.until(confirmation=DONE, final_contribution=DONE, account_check=DONE)
    (answered,) = [event for event in retiree.happened("verification_answered") if event.proof == "confirmed"]
    assert (answered.by_phone, answered.answer) == (True, "matches")
    assert file.items["pension_assessment"].state is ItemState.WAITING

    # The pension is assessed on the day, and paid the month after.
    assert retiree.effects().keys() == {"file_review", "final_contribution", "account_check"}
    await retiree.day_comes("retires")
    file = await retiree.until(**dict.fromkeys(OF_THE_DAY, DONE))
    assert file.items["first_payment"].state is ItemState.WAITING
    case = house.store.open_case_file(retiree.case.case_id)
    assert float(case.product("pension") or 0) > 500
    medical = submission(case, "medical_retiree_status")
    assert medical["facts"] == {"medical_contribution_months": str(retiree.worker.medical_months)}

    await retiree.day_comes("paid_from")
    assert await house.ended(retiree.case, within=40) == "complete"

    assert retiree.effects() == dict.fromkeys(
        {"file_review", "final_contribution", "account_check", "first_payment", *OF_THE_DAY}, 1
    )
    assert [event.milestone for event in retiree.happened("milestone_reached")] == ["form_sent", "retires", "paid_from"]
    assert await retiree.night() == 0


async def test_where_the_bureau_calls_by_itself_silence_goes_to_its_caseworker_and_never_through(
    retiree: Retiree,
) -> None:
    with retiree.house.store.database.begin() as connection:
        set_silence_rule(connection, BUREAU, SilenceRule.CASEWORKER)
    await retiree.day_comes("form_sent")
    await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    await retiree.house.later(retiree.case, timedelta(days=16, minutes=1))

    file = await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.ESCALATED)

    assert [wait.on for wait in waits(file) if wait.what == "confirmed"] == ["caseworker"]
    assert file.items["confirmation"].state is ItemState.ACCEPTED
    assert "tax" not in {department for department, _ in retiree.house.city.calls}


async def test_while_no_base_is_known_the_pension_waits_for_somebody_and_is_never_guessed(
    retiree: Retiree, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(monkeypatch, of_2000="700")
    await retiree.day_comes("form_sent")
    await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    retiree.answer(by=OFFICER)
    await retiree.until(final_contribution=DONE)
    await retiree.day_comes("retires")
    await retiree.until(pension_assessment=ItemState.REJECTED)

    year = in_shanghai(retiree.day("retires")).year
    published(monkeypatch, **{f"of_{year - 1}": "8433"})
    id = command_id(retiree.case.case_id, "again")
    command = ResubmitItem(id=id, at=retiree.house.clock(), by=OFFICER, item="pension_assessment")
    retiree.house.store.act(retiree.case.case_id, command)

    await retiree.until(pension_assessment=DONE)


async def test_after_the_first_payment_the_base_is_published_and_the_difference_is_explained(
    retiree: Retiree, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, year = retiree.house, in_shanghai(retiree.day("retires")).year
    known = {year - 2: Decimal("8433")}
    published(monkeypatch, **{f"of_{of_year}": str(amount) for of_year, amount in known.items()})
    await retiree.day_comes("form_sent")
    await house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    retiree.answer(by=OFFICER)
    await retiree.until(final_contribution=DONE, account_check=DONE)
    await retiree.day_comes("retires")
    await retiree.until(**dict.fromkeys(OF_THE_DAY, DONE))

    # The bureau corrects the number while the workflow waits for the month of payment: it hears of it, and goes on.
    number = Correction("pension_assessment", {"pension_no": "YL0000009999"}, {"text": "编号录入有误"})
    correct(house.store, retiree.case.case_id, lambda _: number, id=uuid4(), at=house.clock(), by=OFFICER)
    await house.heard(retiree.case)
    await retiree.day_comes("paid_from")
    assert await house.ended(retiree.case, within=40) == "complete"
    first = house.store.open_case_file(retiree.case.case_id)
    assert first.entitled("pension_assessment")["provisional"] == "true"
    granted = Decimal(first.product("pension") or 0)

    # Two months later the year's own base is published.
    house.clock.ahead += timedelta(days=62)
    known[year] = Decimal("8800")
    (found,) = reassess(house.store, year, house.clock(), published=known)
    (again,) = reassess(house.store, year, house.clock(), published=known)

    assert (found.outcome, again.outcome) == ("corrected", "already_corrected")
    assert found.payment is not None
    case = house.store.open_case_file(retiree.case.case_id)
    *_, correction = case.file.items["pension_assessment"].corrections
    assert case.product("pension_no") == "YL0000009999"
    assert case.made("pension_assessment", "pension", corrections=1) == f"{granted:f}"
    now = Decimal(case.product("pension") or 0)
    assert now > granted
    assert case.file.state is CaseState.CONCLUDED

    # Who reads the explanation can compute it again.
    told = json.loads((case.dossier.find(case.file.case_id, correction.note) or {})["explanation"])
    by_result: dict[str, Fraction] = {}
    for step in told["steps"]:
        so_far, amount = by_result.get(step["of"], Fraction(0)), Fraction(str(step["amount"]))
        by_result[step["of"]] = so_far * amount if step["does"] == "times" else so_far + amount
    assert by_result == {"base": 8800, "difference": Fraction(now - granted), "owed": Fraction(told["owed"])}
    assert told["months"] == 3
    assert Decimal(told["owed"]) == (now - granted) * 3
    assert told["old"]["total"] == f"{granted:f}"

    # The workflow has ended long ago: the news is told all the same, and does not begin it anew.
    await house.heard(retiree.case)
    assert (await house.handle(retiree.case).describe()).status == WorkflowExecutionStatus.COMPLETED
    assert [event.products for event in retiree.happened("item_corrected")] == [("pension_no",), ("pension",)]


async def test_whoever_confirms_in_time_is_not_called(retiree: Retiree) -> None:
    await retiree.day_comes("form_sent")
    await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)

    retiree.answer(by=OFFICER)
    await retiree.until(confirmation=DONE, account_check=DONE)
    await retiree.house.later(retiree.case, timedelta(days=20))

    assert retiree.file.proofs["confirmed"].rung == 0
    assert {event.route for event in retiree.happened("verification_opened")} <= {"confirmation"}


async def test_the_pension_shown_with_the_form_is_the_one_that_is_granted(retiree: Retiree) -> None:
    await retiree.day_comes("form_sent")
    await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    shown = amount_ahead(retiree.house.store.open_case_file(retiree.case.case_id), ("confirmed", 1, 0))
    assert shown is not None
    assert shown.amount is not None

    retiree.answer(by=OFFICER)
    await retiree.until(final_contribution=DONE)
    await retiree.day_comes("retires")
    await retiree.until(pension_assessment=DONE)

    assert retiree.house.store.open_case_file(retiree.case.case_id).product("pension") == shown.amount


async def test_earlier_takes_three_months_notice_and_moves_every_day(retiree: Retiree) -> None:
    with pytest.raises(FormFaulty) as refused:
        retiree.choose("early", retiree.month - 4)
    assert [fault.rule for fault in refused.value.faults] == ["told_too_late"]

    retiree.choose("early", retiree.month - 2)

    await retiree.paper_is_seen("early_notice")
    await retiree.reviewed()
    assert in_shanghai(retiree.day("retires")).date() == first_day(retiree.month - 2)
    await retiree.day_comes("form_sent")
    await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    retiree.answer(by=OFFICER)
    await retiree.day_comes("retires")
    await retiree.until(pension_assessment=DONE)


async def test_later_is_agreed_a_month_before_the_statutory_month_and_not_after(retiree: Retiree) -> None:
    await retiree.house.later(retiree.case, retiree.day("form_sent") - retiree.house.clock() + timedelta(days=40))

    with pytest.raises(FormFaulty) as refused:
        retiree.choose("late", retiree.month + 6)

    assert [fault.rule for fault in refused.value.faults] == ["agreed_too_late"]


async def test_whoever_chooses_after_the_form_went_out_is_asked_to_confirm_what_they_chose(retiree: Retiree) -> None:
    await retiree.day_comes("form_sent")
    await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    first = retiree.file.proofs["confirmed"].round

    retiree.choose("late", retiree.month + 12)
    await retiree.paper_is_seen("late_agreement")

    assert "confirmed" not in {wait.what for wait in waits(retiree.file) if wait.on.startswith("unit:")}
    await retiree.day_comes("form_sent")
    file = await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    assert file.proofs["confirmed"].round > first
    assert in_shanghai(file.milestones["form_sent"]).date() == first_day(retiree.month + 11)


async def test_whoever_chooses_on_the_form_itself_confirms_once_more_when_its_day_comes_and_is_paid(
    retiree: Retiree,
) -> None:
    await retiree.day_comes("form_sent")
    await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    by_link = Actor(account="link:12345678", unit=BUREAU)

    retiree.answer(
        by=by_link, corrections={"insurance": {"choice": "late", "retires_on": month_text(retiree.month + 2)}}
    )

    await retiree.paper_is_seen("late_agreement")
    assert {wait.on for wait in waits(retiree.file)} == {"calendar"}
    await retiree.house.later(retiree.case, timedelta(days=20))
    assert retiree.happened("route_exhausted") == [], "the limit of the first form is nobody's any more"
    await retiree.day_comes("form_sent")
    file = await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    assert (file.proofs["confirmed"].round, in_shanghai(file.milestones["retires"]).date()) == (
        2,
        first_day(retiree.month + 2),
    )
    retiree.answer(by=by_link, corrections={"retiree": {"account": "6222020000000000008"}})
    await retiree.until(confirmation=DONE, final_contribution=DONE)
    file = await retiree.house.until(
        retiree.case, lambda file: file.proofs["payment_account"].state is ProofState.VERIFYING
    )
    (asked,) = [live.opened for rung, live in file.verifications.items() if rung[0] == "payment_account"]
    assert asked.route == "community_check", "no register knows the account"
    assert [event.proof for event in retiree.happened("verification_opened")] == [
        "confirmed",
        "late_agreement",
        "confirmed",
        "payment_account",
    ]
    await retiree.day_comes("retires")
    await retiree.until(pension_assessment=DONE)


async def test_who_dies_has_the_case_ended_by_the_next_night_and_nothing_is_granted(retiree: Retiree) -> None:
    await retiree.day_comes("form_sent")
    await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    retiree.register.say(retiree.worker, state="dead")
    assert await retiree.night() == 0
    with retiree.house.store.database.reading() as connection:
        (line,) = listed(connection, "retirement", retiree.month)
    assert (line.outcome, line.reasons, line.case_id) == ("excluded", ["dead"], retiree.case.case_id)

    assert await retiree.house.ended(retiree.case) == "withdrawn"
    assert retiree.file.state is CaseState.WITHDRAWN
    case = retiree.house.store.open_case_file(retiree.case.case_id)
    (withdrawn,) = retiree.happened("case_withdrawn")
    assert (withdrawn.by.account, case.note(withdrawn.note)) == ("discovery", HAS_DIED)
    assert retiree.effects() == {"file_review": 1}
    assert {live.state for item, live in case.file.items.items() if item != "file_review"} == {ItemState.CANCELLED}


async def test_who_dies_after_the_last_reading_is_granted_nothing_before_somebody_has_looked(retiree: Retiree) -> None:
    await retiree.day_comes("form_sent")
    await retiree.house.until(retiree.case, lambda file: file.proofs["confirmed"].state is ProofState.VERIFYING)
    retiree.answer(by=OFFICER)
    await retiree.until(final_contribution=DONE)
    retiree.house.city.says_otherwise["pension_records"] = {"state": "dead"}

    await retiree.day_comes("retires")

    file = await retiree.house.until(
        retiree.case, lambda file: file.proofs["final_record"].state is ProofState.CONTESTED
    )
    assert file.items["pension_assessment"].state is ItemState.ACCEPTED
    assert {wait.on for wait in waits(file) if wait.what == "final_record"} == {"caseworker"}


async def test_who_declines_is_left_alone_by_every_later_night(retiree: Retiree) -> None:
    retiree.withdraw("本人暂不办理")
    assert await retiree.house.ended(retiree.case) == "withdrawn"

    retiree.house.clock.ahead += timedelta(days=1)
    assert await retiree.night() == 0

    with retiree.house.store.database.reading() as connection:
        assert len(connection.execute(select(cases.c.case_id)).all()) == 1
