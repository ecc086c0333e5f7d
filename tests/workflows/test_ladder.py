"""核验阶梯 on a real server whose clock the test moves: who is asked, until when, and who has it when nobody answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from domain.actors import Actor
from domain.bundle import Bundle
from domain.case_file import CaseFile, CaseState, ItemState, LiveVerification, ProofState, VerificationState
from domain.commands import AnswerCommitment, EscalateProof, ResumeVerification, SuspendVerification, command_id
from domain.events import Answer
from domain.law import calendar
from domain.law.calendar import YearTable
from domain.listing import ListedRoute
from domain.refusals import AlreadySettled, CaseEnded, ClockRefused, VerificationOver
from domain.time_limits import SHANGHAI, OfficeHours
from domain.timeline import sentence
from domain.waiting import waits
from store.cases import Filed
from store.duty import set_office_hours
from store.events import read
from store.tables import notices
from tests.desk import CLERK, example, settle, withdraw
from tests.grants import take_away
from tests.rosters import GUIYU, MINGYUE
from tests.workflows.conftest import House
from tests.workflows.officers import (
    CHIEF,
    CIVIL_AFFAIRS,
    COMMUNITY_SECRETARY,
    NEIGHBOURS_SECRETARY,
    OFFICER,
    PROOF,
    about,
    alone,
    answer,
    asked,
    man_communities,
    man_department,
)

pytestmark = pytest.mark.anyio

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
COMMUNITY = COMMUNITY_SECRETARY.unit


@pytest.fixture
async def manned(house: House) -> House:
    """The same house, with officers in civil affairs and secretaries in two communities."""
    with house.store.database.begin() as connection:
        man_department(connection, house.clock().date())
        man_communities(connection, house.store.vault, house.clock())
    return house


def file_alone(house: House, bundle: Bundle | None = None, *, community: str | None = "云澜区明月社区") -> Filed:
    """One proof is asked for by itself."""
    return house.file(about(community), bundle=bundle or alone())


async def offered(house: House, *, immediate: bool = True) -> Filed:
    """A case that waits for its applicant, who may sign for the fact or decline."""
    filed = file_alone(house, alone(ListedRoute.COMMITMENT, immediate=immediate))
    await house.heard(filed)
    assert house.case(filed).proofs[PROOF].state is ProofState.OFFERED
    return filed


async def waiting_for(house: House, filed: Filed, on: str, *, proof: str = PROOF) -> LiveVerification:
    """The question, once it is with that unit."""
    case = await house.until(
        filed, lambda file: f"unit:{on}" in {wait.on for wait in waits(file) if wait.what == proof}
    )
    return asked(case, proof)


async def with_caseworker(house: House, filed: Filed, proof: str = PROOF) -> CaseFile:
    """The case, once nobody but a caseworker can decide on the proof."""
    return await house.until(filed, lambda file: file.proofs[proof].state is ProofState.ESCALATED)


async def reminded(house: House, filed: Filed, percent: int, proof: str = PROOF) -> CaseFile:
    """The case, once its question has been reminded of."""
    return await house.until(filed, lambda file: asked(file, proof).reminded == percent)


async def pass_by(house: House, filed: Filed, live: LiveVerification, proof: str = PROOF) -> None:
    """Nobody answers: let the whole limit go by, mark after mark, as a clock does."""
    for percent, instant in ((50, live.remind_at[0]), (80, live.remind_at[1]), (100, live.due)):
        assert instant is not None
        await house.later(filed, instant - house.clock() + timedelta(seconds=1))
        if percent < 100:
            case = await reminded(house, filed, percent, proof)
            assert case.verifications[live.rung].state is VerificationState.OPEN, "it was given up before its limit"
    await house.until(filed, lambda file: file.verifications[live.rung].state is not VerificationState.OPEN)


def told(house: House, filed: Filed) -> list[tuple[str, str, str, str | None]]:
    """What people were told, in order: what, whom, which unit, which account."""
    with house.store.database.reading() as connection:
        rows = connection.execute(
            select(notices).where(notices.c.case_id == filed.case_id).order_by(notices.c.number)
        ).all()
    assert len({row.id for row in rows}) == len(rows)
    return [(row.action, row.audience, row.unit, row.account) for row in rows]


def happened(house: House, filed: Filed, kind: str) -> list[Any]:
    """The events of one type."""
    with house.store.database.reading() as connection:
        return [entry.event for entry in read(connection, filed.case_id) if entry.event.type == kind]


async def timers(house: House, filed: Filed) -> list[datetime]:
    """The instants for which the workflow has set its alarm, as the server keeps them, to the second."""
    past = await house.handle(filed).fetch_history()
    started = [event for event in past.events if event.HasField("timer_started_event_attributes")]
    return [
        (
            event.event_time.ToDatetime(house.clock().tzinfo)
            + event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        )
        for event in started
    ]


async def until_timers(house: House, filed: Filed, count: int) -> list[datetime]:
    """The same, when there are so many; the second question is in the store before the workflow has heard of it."""
    until = asyncio.get_running_loop().time() + 30
    while len(alarms := await timers(house, filed)) < count:
        assert asyncio.get_running_loop().time() < until, f"only {len(alarms)} alarms were set"
        await asyncio.sleep(0.05)
    return alarms


def same_second(one: datetime, other: datetime) -> bool:
    return abs(one - other) < timedelta(seconds=1)


# ── an answer in time ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_match_before_the_limit_concludes_a_proof_asked_for_alone_by_itself(manned: House) -> None:
    filed = file_alone(manned)
    question = await waiting_for(manned, filed, CIVIL_AFFAIRS)
    assert question.owner == OFFICER.account
    await manned.later(filed, 29 * MINUTE)

    answer(manned.store, filed.case_id, at=manned.clock())

    assert await manned.ended(filed) == "complete"
    item = manned.case(filed).items["answer"]
    assert (item.state, item.reference) == (ItemState.CONCLUDED, filed.case_no)
    assert manned.case(filed).proofs[PROOF].met_by == "department_verification"
    assert manned.city.calls == [], "nobody outside was told anything"
    past = await manned.handle(filed).fetch_history()
    assert past.events[0].workflow_execution_started_event_attributes.workflow_type.name == "SingleProof"


async def test_a_match_lets_the_item_go_to_its_department_and_the_case_to_its_end(manned: House) -> None:
    filed = manned.file("marriage_not_on_file")
    await waiting_for(manned, filed, CIVIL_AFFAIRS, proof="parents_marriage")
    case = await manned.until(
        filed, lambda file: sum(live.state is ItemState.CONCLUDED for live in file.items.values()) == 5
    )
    assert case.items["household_registration"].state is ItemState.ACCEPTED, "everything else went on meanwhile"

    answer(manned.store, filed.case_id, proof="parents_marriage", at=manned.clock())

    assert await manned.ended(filed) == "complete"
    assert set(manned.city.effects(filed.case_no).values()) == {1}


# ── nobody answers ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("immediate", "limit"),
    [(True, timedelta(minutes=30)), (False, timedelta(hours=24))],
    ids=["half an hour", "a day"],
)
async def test_silence_hands_on_to_the_community_and_then_to_a_caseworker_each_at_its_limit(
    manned: House, immediate: bool, limit: timedelta
) -> None:
    filed = file_alone(manned, alone(immediate=immediate))
    first = await waiting_for(manned, filed, CIVIL_AFFAIRS)
    assert first.due == first.opened.at + limit

    await pass_by(manned, filed, first)
    second = await waiting_for(manned, filed, COMMUNITY)
    assert second.opened.community == MINGYUE
    assert second.owner == COMMUNITY_SECRETARY.account
    assert second.due == second.opened.at + limit
    await pass_by(manned, filed, second)
    case = await with_caseworker(manned, filed)

    assert case.proofs[PROOF].exhausted == (("department_verification", "no_answer"), ("community_check", "no_answer"))
    settle(manned.store, filed.case_id, PROOF, at=manned.clock())
    assert await manned.ended(filed) == "complete"
    assert manned.types(filed).count("verification_opened") == 2
    assert manned.types(filed).count("verification_reminded") == 4


async def test_reminders_come_at_half_and_at_four_fifths_and_the_superior_hears_at_the_end(manned: House) -> None:
    filed = file_alone(manned)
    first = await waiting_for(manned, filed, CIVIL_AFFAIRS)
    assert first.remind_at == (first.opened.at + 15 * MINUTE, first.opened.at + 24 * MINUTE)

    await pass_by(manned, filed, first)
    await waiting_for(manned, filed, COMMUNITY)

    assert told(manned, filed) == [
        ("show", "owner", CIVIL_AFFAIRS, OFFICER.account),
        ("remind", "owner", CIVIL_AFFAIRS, OFFICER.account),
        ("remind", "owner", CIVIL_AFFAIRS, OFFICER.account),
        ("withdraw", "owner", CIVIL_AFFAIRS, OFFICER.account),
        ("passed", "superior", CIVIL_AFFAIRS, OFFICER.account),
        ("show", "owner", COMMUNITY, COMMUNITY_SECRETARY.account),
    ]
    marks = happened(manned, filed, "verification_reminded")
    assert [mark.percent for mark in marks] == [50, 80]
    due = (*first.remind_at, first.due)
    alarms = await until_timers(manned, filed, 4)
    assert all(instant and same_second(alarm, instant) for alarm, instant in zip(alarms, due, strict=False))
    assert len(alarms) == 4, "three marks of the first question, and the first of the second"


async def test_nobody_is_reminded_of_what_was_answered(manned: House) -> None:
    filed = manned.file("marriage_not_on_file")
    await waiting_for(manned, filed, CIVIL_AFFAIRS, proof="parents_marriage")
    manned.city.answers_later.add("public_security")
    answer(manned.store, filed.case_id, proof="parents_marriage", at=manned.clock())
    await manned.until(filed, lambda file: file.items["household_registration"].state is ItemState.ACKNOWLEDGED)

    await manned.later(filed, 2 * HOUR)
    await manned.call_back(filed)

    assert await manned.ended(filed) == "complete"
    assert "verification_reminded" not in manned.types(filed)
    assert [action for action, *_ in told(manned, filed)] == ["show", "withdraw"]


async def test_a_limit_that_passes_while_no_worker_is_there_is_kept_when_one_comes(manned: House) -> None:
    filed = file_alone(manned)
    first = await waiting_for(manned, filed, CIVIL_AFFAIRS)
    await manned.close()
    passing = asyncio.create_task(manned.later(filed, HOUR))
    await asyncio.sleep(1.5)

    await manned.open()

    await passing
    await manned.until(filed, lambda file: file.verifications[first.rung].state is VerificationState.EXPIRED)
    await waiting_for(manned, filed, COMMUNITY)


# ── answers that move the ladder on ─────────────────────────────────────────────────────────────────────────────────


async def test_no_record_in_the_archive_hands_on_to_the_community(manned: House) -> None:
    filed = file_alone(manned)
    await waiting_for(manned, filed, CIVIL_AFFAIRS)

    answer(manned.store, filed.case_id, "no_record", at=manned.clock())
    second = await waiting_for(manned, filed, COMMUNITY)
    answer(manned.store, filed.case_id, by=COMMUNITY_SECRETARY, by_phone=True, at=manned.clock())

    assert await manned.ended(filed) == "complete"
    assert manned.case(filed).proofs[PROOF].exhausted == (("department_verification", "no_record"),)
    assert manned.case(filed).verifications[second.rung].by_phone


async def test_a_contradiction_stops_the_ladder_and_a_caseworker_looks(manned: House) -> None:
    filed = file_alone(manned)
    await waiting_for(manned, filed, CIVIL_AFFAIRS)

    answer(manned.store, filed.case_id, "contradicts", at=manned.clock())
    await manned.heard(filed)
    case = manned.case(filed)

    assert case.proofs[PROOF].state is ProofState.CONTESTED
    assert {wait.on for wait in waits(case)} == {"caseworker"}
    assert told(manned, filed)[-2:] == [
        ("show", "caseworkers", "hospital", None),
        ("withdraw", "owner", CIVIL_AFFAIRS, OFFICER.account),
    ]
    settle(manned.store, filed.case_id, PROOF, met=False, at=manned.clock())
    assert await manned.ended(filed) == "partial"


async def test_an_officer_who_knows_that_the_community_knows_hands_it_over_past_other_departments(
    manned: House,
) -> None:
    one = alone()
    (item,) = one.items
    (proof,) = item.proofs
    department, community, last = proof.routes
    longer = proof.model_copy(
        update={"routes": (department, department.model_copy(update={"department": "health"}), community, last)}
    )
    filed = file_alone(manned, one.model_copy(update={"items": (item.model_copy(update={"proofs": (longer,)}),)}))
    await waiting_for(manned, filed, CIVIL_AFFAIRS)

    answer(manned.store, filed.case_id, "hand_to_community", at=manned.clock())
    question = await waiting_for(manned, filed, COMMUNITY)

    assert question.rung == (PROOF, 1, 2)
    answer(manned.store, filed.case_id, by=COMMUNITY_SECRETARY, at=manned.clock())
    assert await manned.ended(filed) == "complete"


async def test_a_chief_who_does_not_wait_sends_it_to_the_caseworker_at_once(manned: House) -> None:
    filed = file_alone(manned)
    await waiting_for(manned, filed, CIVIL_AFFAIRS)
    id = uuid4()

    escalate = EscalateProof(id=id, at=manned.clock(), by=CHIEF, proof=PROOF, note=f"note/{id}")
    manned.store.act(filed.case_id, escalate, note=f"note/{id}", reason="申请人明日启程")
    case = await with_caseworker(manned, filed)

    assert case.proofs[PROOF].exhausted == (("department_verification", "escalated_by_hand"),)
    settle(manned.store, filed.case_id, PROOF, at=manned.clock())
    assert await manned.ended(filed) == "complete"
    assert manned.types(filed).count("verification_opened") == 1, "the community was not asked in vain"


# ── answers that come late ──────────────────────────────────────────────────────────────────────────────────────────


async def passed_over(house: House) -> tuple[Filed, LiveVerification]:
    """A case whose first question nobody answered in time; the community has it."""
    filed = file_alone(house)
    first = await waiting_for(house, filed, CIVIL_AFFAIRS)
    await pass_by(house, filed, first)
    await waiting_for(house, filed, COMMUNITY)
    return filed, first


async def test_b7_a_late_match_spares_the_community_its_answer(manned: House) -> None:
    filed, first = await passed_over(manned)

    answer(manned.store, filed.case_id, to=first, at=manned.clock())

    assert await manned.ended(filed) == "complete"
    case = manned.case(filed)
    assert case.verifications[first.rung].state is VerificationState.EXPIRED
    assert case.verifications[first.rung].answered_by == OFFICER.account
    assert case.verifications[PROOF, 1, 1].state is VerificationState.WITHDRAWN
    assert told(manned, filed)[-1] == ("withdraw", "owner", COMMUNITY, COMMUNITY_SECRETARY.account)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("contradicts", ProofState.CONTESTED),
        ("no_record", ProofState.VERIFYING),
        ("hand_to_community", ProofState.VERIFYING),
    ],
)
async def test_b7_any_other_late_answer_is_kept_and_only_a_contradiction_is_acted_on(
    manned: House, said: Answer, state: ProofState
) -> None:
    filed, first = await passed_over(manned)

    answer(manned.store, filed.case_id, said, to=first, at=manned.clock())
    await manned.heard(filed)

    case = manned.case(filed)
    assert case.proofs[PROOF].state is state
    assert case.late_answers == 1
    assert case.verifications[first.rung].answer == said
    if state is ProofState.CONTESTED:
        settle(manned.store, filed.case_id, PROOF, at=manned.clock())
    else:
        answer(manned.store, filed.case_id, by=COMMUNITY_SECRETARY, at=manned.clock())
    assert await manned.ended(filed) == "complete"


async def test_b7_a_late_match_spares_the_caseworker_the_decision(manned: House) -> None:
    filed, first = await passed_over(manned)
    await pass_by(manned, filed, asked(manned.case(filed)))
    await with_caseworker(manned, filed)

    answer(manned.store, filed.case_id, to=first, at=manned.clock())

    assert await manned.ended(filed) == "complete"
    assert told(manned, filed)[-1] == ("withdraw", "caseworkers", "hospital", None)


async def test_b7_a_late_contradiction_reopens_what_the_community_has_shown(manned: House) -> None:
    """The item is with its department by then, and a caseworker has to know all the same."""
    manned.city.answers_later.add("public_security")
    form = example("marriage_not_on_file")
    form["mother"]["residence"] = "云澜区明月社区"
    filed = manned.file(form)
    first = await waiting_for(manned, filed, CIVIL_AFFAIRS, proof="parents_marriage")
    await pass_by(manned, filed, first, "parents_marriage")
    await waiting_for(manned, filed, COMMUNITY, proof="parents_marriage")
    answer(manned.store, filed.case_id, proof="parents_marriage", by=COMMUNITY_SECRETARY, at=manned.clock())
    await manned.until(filed, lambda file: file.items["household_registration"].state is ItemState.ACKNOWLEDGED)

    answer(manned.store, filed.case_id, "contradicts", to=first, at=manned.clock())
    await manned.heard(filed)

    case = manned.case(filed)
    assert case.proofs["parents_marriage"].state is ProofState.CONTESTED
    assert {wait.on for wait in waits(case)} == {"caseworker", "department:public_security"}
    settle(manned.store, filed.case_id, "parents_marriage", at=manned.clock())
    await manned.call_back(filed)
    assert await manned.ended(filed) == "complete"


async def test_b7_an_answer_after_the_end_of_the_case_is_kept_and_changes_nothing(manned: House) -> None:
    filed, first = await passed_over(manned)
    answer(manned.store, filed.case_id, by=COMMUNITY_SECRETARY, at=manned.clock())
    assert await manned.ended(filed) == "complete"

    answer(manned.store, filed.case_id, "contradicts", to=first, at=manned.clock())
    await manned.heard(filed)

    case = manned.case(filed)
    assert (case.state, case.late_answers) == (CaseState.CONCLUDED, 1)
    assert happened(manned, filed, "late_answer_recorded")[0].contradicts


# ── the clock stands still ──────────────────────────────────────────────────────────────────────────────────────────


def suspend(house: House, filed: Filed, proof: str = PROOF) -> None:
    """The officer stops the clock, with a reason."""
    proof, round, rung = asked(house.case(filed), proof).rung
    id = uuid4()
    note = f"note/{id}"
    stop = SuspendVerification(id=id, at=house.clock(), by=OFFICER, proof=proof, round=round, rung=rung, note=note)
    house.store.act(filed.case_id, stop, note=note, reason="等待申请人补充信息")


def resume(house: House, filed: Filed, proof: str = PROOF) -> LiveVerification:
    """The officer lets it run again."""
    proof, round, rung = asked(house.case(filed), proof).rung
    go_on = ResumeVerification(id=uuid4(), at=house.clock(), by=OFFICER, proof=proof, round=round, rung=rung)
    house.store.act(filed.case_id, go_on)
    return asked(house.case(filed), proof)


async def test_a_suspended_question_outlasts_its_limit_and_has_what_was_left_when_it_goes_on(manned: House) -> None:
    filed = file_alone(manned)
    first = await waiting_for(manned, filed, CIVIL_AFFAIRS)
    await manned.later(filed, 20 * MINUTE)
    await reminded(manned, filed, 50)
    suspend(manned, filed)
    await manned.heard(filed)

    await manned.later(filed, timedelta(days=3))
    assert asked(manned.case(filed)).state is VerificationState.OPEN
    assert asked(manned.case(filed)).due is None
    running = resume(manned, filed)
    await manned.heard(filed)

    assert running.due is not None
    left = running.due - happened(manned, filed, "verification_resumed")[0].at
    used = happened(manned, filed, "verification_suspended")[0].at - first.opened.at
    assert left == 30 * MINUTE - used
    await manned.later(filed, running.due - manned.clock() - MINUTE)
    await reminded(manned, filed, 80)
    assert manned.types(filed).count("verification_reminded") == 2, "half of the limit was said before"
    await manned.later(filed, MINUTE)
    await waiting_for(manned, filed, COMMUNITY)
    assert manned.types(filed).count("route_exhausted") == 1


async def test_a_suspended_question_may_be_answered(manned: House) -> None:
    filed = file_alone(manned)
    await waiting_for(manned, filed, CIVIL_AFFAIRS)
    suspend(manned, filed)
    await manned.heard(filed)
    await manned.later(filed, timedelta(days=3))

    answer(manned.store, filed.case_id, at=manned.clock())

    assert await manned.ended(filed) == "complete"


# ── the community ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("residence", "secretary"),
    [(GUIYU, NEIGHBOURS_SECRETARY), (None, COMMUNITY_SECRETARY)],
    ids=["lives elsewhere", "lives where registered"],
)
async def test_the_community_where_somebody_lives_is_asked_before_the_one_where_they_are_registered(
    manned: House, residence: str | None, secretary: Actor
) -> None:
    manned.city.holds_nothing.add("marriage_register")
    form = example("family")
    form["birth"]["household_follows"] = "mother"
    if residence is not None:
        form["mother"]["residence"] = residence
    filed = manned.file(form)
    await waiting_for(manned, filed, CIVIL_AFFAIRS, proof="parents_marriage")
    await manned.until(filed, lambda file: file.proofs["mothers_household"].state is ProofState.MET)

    answer(manned.store, filed.case_id, "no_record", proof="parents_marriage", at=manned.clock())
    question = await waiting_for(manned, filed, secretary.unit, proof="parents_marriage")

    assert (question.opened.community, question.owner) == (residence or MINGYUE, secretary.account)


@pytest.mark.parametrize("community", [None, "云澜区不存在社区"], ids=["none named", "unknown"])
async def test_where_no_community_is_known_the_caseworker_has_it_at_once(manned: House, community: str | None) -> None:
    filed = file_alone(manned, community=community)
    await waiting_for(manned, filed, CIVIL_AFFAIRS)

    answer(manned.store, filed.case_id, "no_record", at=manned.clock())
    case = await with_caseworker(manned, filed)

    assert case.proofs[PROOF].exhausted[-1] == ("community_check", "no_community")


async def test_where_nobody_is_on_duty_the_next_rung_is_due_at_once_and_the_reason_is_said(house: House) -> None:
    filed = file_alone(house)

    case = await with_caseworker(house, filed)

    assert case.proofs[PROOF].exhausted == (
        ("department_verification", "nobody_on_duty"),
        ("community_check", "no_community"),
    )
    assert told(house, filed) == [("show", "caseworkers", "hospital", None)]


# ── office hours ────────────────────────────────────────────────────────────────────────────────────────────────────


NINE_TO_FIVE = OfficeHours(opens=time(8, 30), closes=time(17, 0))


@pytest.fixture
def friday(manned: House, monkeypatch: pytest.MonkeyPatch) -> date:
    """A Friday of next year, whose calendar is known here and in no test ends: three more Fridays follow it.

    The weekend after the first is a plain one. The Monday after the second is a holiday, the Saturday after the
    third is worked in exchange. The year after that is known to nobody.
    """
    year = manned.clock().year + 1
    first = next(day for day in (date(year, 3, number) for number in range(1, 8)) if day.weekday() == 4)
    holiday, worked = first + timedelta(days=10), first + timedelta(days=15)
    years = {one: YearTable(one, "test", date(one - 1, 11, 1), (), ()) for one in (year - 1, year)}
    monkeypatch.setattr(calendar, "_YEARS", years)
    monkeypatch.setattr(calendar, "_DAYS_OFF", {holiday: "test"})
    monkeypatch.setattr(calendar, "_WORKING_WEEKENDS", frozenset({worked}))
    with manned.store.database.begin() as connection:
        set_office_hours(connection, CIVIL_AFFAIRS, NINE_TO_FIVE, first)
    return first


async def asked_at(house: House, day: date, at: str, *, immediate: bool = True) -> Filed:
    """A case whose applicant makes up their mind at that moment not to commit, so that civil affairs is asked."""
    filed = await offered(house, immediate=immediate)
    moment = datetime.combine(day, time.fromisoformat(at), SHANGHAI)
    await house.later(filed, moment - house.clock())
    commit(house, filed, signed=False)
    return filed


@pytest.mark.parametrize(
    ("week", "immediate", "at", "due"),
    [
        (0, True, "16:50", (3, "08:50")),
        (0, True, "10:00", (0, "10:30")),
        (0, False, "16:00", (3, "16:00")),
        (1, True, "16:50", (4, "08:50")),
        (1, False, "16:00", (4, "16:00")),
        (2, True, "16:50", (1, "08:50")),
    ],
    ids=[
        "half an hour over a weekend",
        "half an hour of one morning",
        "a day over a weekend",
        "half an hour over a holiday",
        "a day over a holiday",
        "half an hour into a Saturday that is worked",
    ],
)
async def test_in_an_office_with_hours_only_open_time_counts(
    manned: House, friday: date, week: int, immediate: bool, at: str, due: tuple[int, str]
) -> None:
    day = friday + timedelta(weeks=week)
    filed = await asked_at(manned, day, at, immediate=immediate)
    question = await waiting_for(manned, filed, CIVIL_AFFAIRS)

    days, clock = due
    assert question.due is not None
    assert same_minute(question.due, datetime.combine(day + timedelta(days=days), time.fromisoformat(clock), SHANGHAI))
    await pass_by(manned, filed, question)
    await waiting_for(manned, filed, COMMUNITY)
    assert manned.types(filed).count("verification_reminded") == 2


async def test_a_limit_that_would_end_in_a_year_without_calendar_is_never_guessed_and_the_next_rung_has_it(
    manned: House, friday: date
) -> None:
    last = next(
        day for day in (date(friday.year, 12, number) for number in range(31, 20, -1)) if calendar.is_working_day(day)
    )
    filed = await asked_at(manned, last, "16:50")

    question = await waiting_for(manned, filed, COMMUNITY)

    case = manned.case(filed)
    assert case.proofs[PROOF].exhausted[-1] == ("department_verification", "calendar_not_shipped")
    assert "工作日历尚未发布" in sentence(happened(manned, filed, "route_exhausted")[-1], case.bundle).zh
    assert question.due == question.opened.at + 30 * MINUTE, "a community is there day and night"
    answer(manned.store, filed.case_id, by=COMMUNITY_SECRETARY, at=manned.clock())
    assert await manned.ended(filed) == "complete"


async def test_a_question_suspended_into_a_year_without_calendar_may_be_answered_though_its_clock_cannot_go_on(
    manned: House, friday: date
) -> None:
    filed = await asked_at(manned, friday, "10:00")
    await waiting_for(manned, filed, CIVIL_AFFAIRS)
    suspend(manned, filed)
    await manned.heard(filed)
    await manned.later(filed, timedelta(days=366))

    with pytest.raises(ClockRefused) as refused:
        resume(manned, filed)
    assert refused.value.rule == "calendar_not_shipped"

    answer(manned.store, filed.case_id, at=manned.clock())
    assert await manned.ended(filed) == "complete"


def same_minute(one: datetime, other: datetime) -> bool:
    return abs(one - other) < MINUTE


# ── the family changes its mind ─────────────────────────────────────────────────────────────────────────────────────


async def to_department(house: House, filed: Filed, proof: str) -> None:
    await waiting_for(house, filed, CIVIL_AFFAIRS, proof=proof)


async def to_community(house: House, filed: Filed, proof: str) -> None:
    await to_department(house, filed, proof)
    answer(house.store, filed.case_id, "no_record", proof=proof, at=house.clock())
    await waiting_for(house, filed, COMMUNITY, proof=proof)


async def to_caseworker(house: House, filed: Filed, proof: str) -> None:
    await to_community(house, filed, proof)
    answer(house.store, filed.case_id, "no_record", by=COMMUNITY_SECRETARY, proof=proof, at=house.clock())
    await with_caseworker(house, filed, proof)


RUNGS = pytest.mark.parametrize("climb", [to_department, to_community, to_caseworker], ids=lambda climb: climb.__name__)
Climb = Callable[[House, Filed, str], Awaitable[None]]


@RUNGS
async def test_a_withdrawal_closes_whatever_question_is_open_and_no_answer_counts_any_more(
    manned: House, climb: Climb
) -> None:
    filed = file_alone(manned)
    await climb(manned, filed, PROOF)
    question = asked(manned.case(filed))

    withdraw(manned.store, filed.case_id, at=manned.clock())

    assert await manned.ended(filed) == "withdrawn"
    with pytest.raises((CaseEnded, AlreadySettled)):
        answer(manned.store, filed.case_id, to=question, at=manned.clock())
    assert all(live.state is not VerificationState.OPEN for live in manned.case(filed).verifications.values())
    shown = [action for action, *_ in told(manned, filed)]
    assert shown.count("show") == shown.count("withdraw")


async def amend(house: House, filed: Filed, patch: Mapping[str, Any]) -> None:
    """The desk corrects the form, once nothing else is under way."""
    case = await house.until(filed, lambda file: len(waits(file)) == 1)
    at, id = house.clock(), command_id(filed.case_id, "amend")
    house.store.amend(filed.case_id, patch, reason="按户口簿更正", by=CLERK, at=at, id=id, seen=case.version)


@RUNGS
async def test_an_amendment_asks_anew_and_who_was_asked_before_is_told_that_it_is_over(
    manned: House, climb: Climb
) -> None:
    proof = "parents_marriage"
    form = example("marriage_not_on_file")
    form["mother"]["residence"] = MINGYUE
    filed = manned.file(form)
    await climb(manned, filed, proof)
    before = [live for live in manned.case(filed).verifications.values() if live.answered_by is None]

    await amend(manned, filed, {"mother": {"name": "尉迟娇", "residence": GUIYU}})
    await manned.until(filed, lambda file: (proof, 2, 1) in file.verifications)

    for question in before:
        with pytest.raises(VerificationOver):
            answer(manned.store, filed.case_id, to=question, at=manned.clock())
    answer(manned.store, filed.case_id, "no_record", proof=proof, at=manned.clock())
    moved = await waiting_for(manned, filed, NEIGHBOURS_SECRETARY.unit, proof=proof)
    assert moved.rung == (proof, 2, 2)
    answer(manned.store, filed.case_id, proof=proof, by=NEIGHBOURS_SECRETARY, at=manned.clock())
    assert await manned.ended(filed) == "complete"


async def test_who_has_been_asked_goes_on_when_only_what_others_read_is_corrected(manned: House) -> None:
    proof = "parents_marriage"
    filed = manned.file("marriage_not_on_file")
    await waiting_for(manned, filed, CIVIL_AFFAIRS, proof=proof)

    await amend(manned, filed, {"mother": {"residence": GUIYU}})
    answer(manned.store, filed.case_id, "no_record", proof=proof, at=manned.clock())

    moved = await waiting_for(manned, filed, NEIGHBOURS_SECRETARY.unit, proof=proof)
    assert moved.rung == (proof, 1, 2)
    assert moved.opened.community == GUIYU


# ── commitments, registers ──────────────────────────────────────────────────────────────────────────────────────────


def commit(house: House, filed: Filed, *, signed: bool) -> None:
    """At the counter, the applicant signs the letter or says no."""
    id = uuid4()
    note = f"note/{id}" if signed else None
    command = AnswerCommitment(id=id, at=house.clock(), by=CLERK, proof=PROOF, signed=signed, note=note)
    house.store.act(filed.case_id, command, note=note, reason="已签署告知承诺书")


async def test_a_signed_commitment_takes_the_place_of_the_proof_however_long_it_was_thought_over(
    manned: House,
) -> None:
    filed = await offered(manned)
    assert {wait.on for wait in waits(manned.case(filed))} == {"applicant"}
    await manned.later(filed, timedelta(days=12))

    commit(manned, filed, signed=True)

    assert await manned.ended(filed) == "complete"
    assert manned.case(filed).proofs[PROOF].met_by == "commitment"
    assert told(manned, filed) == [], "nobody was asked anything"


async def test_a_declined_commitment_costs_nothing_but_the_usual_way(manned: House) -> None:
    filed = await offered(manned)

    commit(manned, filed, signed=False)
    await waiting_for(manned, filed, CIVIL_AFFAIRS)
    answer(manned.store, filed.case_id, at=manned.clock())

    assert await manned.ended(filed) == "complete"
    assert manned.case(filed).proofs[PROOF].exhausted == (("commitment", "declined"),)


async def test_a_withdrawal_while_the_applicant_thinks_it_over_ends_the_case(manned: House) -> None:
    filed = await offered(manned)

    withdraw(manned.store, filed.case_id, at=manned.clock())

    assert await manned.ended(filed) == "withdrawn"


@pytest.mark.parametrize("holds", [True, False], ids=["on file", "not on file"])
async def test_a_register_that_shows_it_answers_a_proof_asked_for_alone_and_else_civil_affairs_does(
    manned: House, holds: bool
) -> None:
    if not holds:
        manned.city.holds_nothing.add("identity_register")
    filed = file_alone(manned, alone(ListedRoute.SHARED_DATA, source="identity_register"))
    if not holds:
        await waiting_for(manned, filed, CIVIL_AFFAIRS)
        answer(manned.store, filed.case_id, at=manned.clock())

    assert await manned.ended(filed) == "complete"
    assert manned.case(filed).proofs[PROOF].met_by == ("shared_data_query" if holds else "department_verification")


async def test_without_a_grant_the_register_is_not_asked_and_civil_affairs_is(manned: House) -> None:
    with manned.store.database.begin() as connection:
        take_away(connection, "hospital", "marriage_register", at=manned.clock())
    filed = manned.file("family")

    await waiting_for(manned, filed, CIVIL_AFFAIRS, proof="parents_marriage")

    assert manned.case(filed).proofs["parents_marriage"].exhausted == (("shared_data_query", "no_grant"),)
    assert "marriage_register" not in {service for service, _ in manned.city.calls}
    answer(manned.store, filed.case_id, proof="parents_marriage", at=manned.clock())
    assert await manned.ended(filed) == "complete"
