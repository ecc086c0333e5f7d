"""An answer and its deadline in the same instant: one of them is first, and the record says which.

Two processes on two connections begin at a barrier and are then held back by tiny offsets drawn from a seed; what is
under way at the same time is the machine's to say. Every case is looked at afterwards as a whole.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from domain.actors import THE_ENGINE, Actor
from domain.case_file import VerificationState
from domain.commands import AnswerVerification, ExpireVerification, OpenVerification, WithdrawCase
from domain.events import Answer, Recorded
from domain.refusals import AlreadySettled, CaseEnded, Conflict
from store.cases import CaseStore
from store.events import verify
from store.read_models.all_models import differences
from store.tables import cases, notices, verifications
from store.tables import events as event_table
from tests.desk import CLERK, MONDAY, file
from tests.workflows.officers import CIVIL_AFFAIRS, COLLEAGUE, OFFICER, PROOF, REASON, about, alone

SEED = 20261123
INTERLEAVINGS = 1_000
FEWER = 200
BUNDLE = alone()
ANSWERS: tuple[Answer, ...] = ("matches", "contradicts", "no_record", "hand_to_community")
DUE = MONDAY + timedelta(minutes=30)
MOST_HELD_BACK_SECONDS = 0.004
"""About as long as one of the two takes under its lock, so that either may be first."""


@dataclass(frozen=True)
class Told:
    """What somebody was told: events, or a refusal."""

    events: tuple[Recorded, ...] = ()
    refused: Conflict | None = None

    @property
    def types(self) -> list[str]:
        return [entry.event.type for entry in self.events]


AtOnce = AnswerVerification | ExpireVerification | WithdrawCase


class Race:
    """Two who act on one case at the same moment, each through a process of its own."""

    def __init__(self, one: CaseStore, other: CaseStore, pool: ThreadPoolExecutor, seed: str) -> None:
        self._stores = (one, other)
        self._pool = pool
        self._chances = random.Random(seed)

    def ask(self, many: int) -> list[UUID]:
        """Cases with one question each that civil affairs has been asked, and half an hour for it."""
        return list(self._pool.map(self._ask, range(many)))

    def _ask(self, number: int) -> UUID:
        store = self._stores[number % 2]
        case_id = file(store, about(purpose=f"第 {number} 笔贷款"), key=f"key-{number}", bundle=BUNDLE).case_id
        rung = OpenVerification(
            id=uuid4(), at=MONDAY, by=THE_ENGINE, proof=PROOF, round=1, rung=0, unit=CIVIL_AFFAIRS, owner=None
        )
        store.handle(case_id, [rung], tell_workflow=False)
        return case_id

    def run(self, case_id: UUID, *commands: AtOnce) -> tuple[Told, ...]:
        """Carry the commands out at once, each by its own process."""
        barrier = Barrier(len(commands))
        stores = self._chances.sample(self._stores, len(commands))

        def act(store: CaseStore, command: AtOnce, held_back: float) -> Told:
            barrier.wait(30)
            time.sleep(held_back)
            try:
                match command:
                    case ExpireVerification():
                        return Told(store.handle(case_id, [command], tell_workflow=False).events)
                    case AnswerVerification() | WithdrawCase():
                        return Told(store.act(case_id, command, note=command.note, reason=REASON).events)
            except Conflict as refused:
                return Told(refused=refused)

        acting = [
            self._pool.submit(act, store, command, self._chances.uniform(0, MOST_HELD_BACK_SECONDS))
            for store, command in zip(stores, commands, strict=True)
        ]
        return tuple(one.result(60) for one in acting)


@pytest.fixture
def race(store: CaseStore, other_store: CaseStore) -> Iterator[Race]:
    with ThreadPoolExecutor(2, "somebody") as pool:
        yield Race(store, other_store, pool, f"{SEED}")


def an_answer(said: Answer = "matches", by: Actor = OFFICER) -> AnswerVerification:
    id = uuid4()
    return AnswerVerification(id=id, at=DUE, by=by, proof=PROOF, round=1, rung=0, answer=said, note=f"note/{id}")


def the_deadline() -> ExpireVerification:
    return ExpireVerification(id=uuid4(), at=DUE, by=THE_ENGINE, proof=PROOF, round=1, rung=0)


def a_withdrawal() -> WithdrawCase:
    id = uuid4()
    return WithdrawCase(id=id, at=DUE, by=CLERK, note=f"note/{id}")


@dataclass
class Story:
    """One case, as every table tells it."""

    types: list[str] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    case: Any = None
    question: Any = None
    notices: list[Any] = field(default_factory=list)
    """About the question."""

    def told(self, action: str, audience: str = "owner") -> int:
        """How often somebody was told so about the question."""
        return sum((one.action, one.audience) == (action, audience) for one in self.notices)


def stories(store: CaseStore) -> Mapping[UUID, Story]:
    """Every case, after its versions and notices have been looked at."""
    found: defaultdict[UUID, Story] = defaultdict(Story)
    with store.database.reading() as connection:
        asked = select(event_table.c.case_id, event_table.c.version, event_table.c.type)
        for event in connection.execute(asked.order_by(event_table.c.case_id, event_table.c.version)):
            found[event.case_id].types.append(event.type)
            found[event.case_id].versions.append(event.version)
        for case in connection.execute(select(cases)):
            found[case.case_id].case = case
        for question in connection.execute(select(verifications).where(verifications.c.rung == 0)):
            found[question.case_id].question = question
        for notice in connection.execute(select(notices).order_by(notices.c.number)):
            if notice.card == found[notice.case_id].question.id:
                found[notice.case_id].notices.append(notice)
    for story in found.values():
        assert story.versions == list(range(1, story.case.version + 1)), "a version is missing, or there twice"
        assert len({one.id for one in story.notices}) == len(story.notices)
        assert story.told("show") == story.told("withdraw") == 1
    return found


def wrong_in_the_books(store: CaseStore) -> list[object]:
    """Where a chain of hashes is broken, and where a read model is not what the events say."""
    with store.database.reading() as connection:
        return [*verify(connection), *differences(connection)]


AFTER_AN_ANSWER = {
    "matches": ["verification_answered", "proof_met", "item_concluded", "case_concluded"],
    "contradicts": ["verification_answered", "proof_contested"],
    "no_record": ["verification_answered", "route_exhausted", "route_opened"],
    "hand_to_community": ["verification_answered", "route_exhausted", "route_opened"],
}
AFTER_A_LATE_ANSWER = {
    "matches": ["late_answer_recorded", "proof_met", "item_concluded", "case_concluded"],
    "contradicts": ["late_answer_recorded", "proof_contested"],
    "no_record": ["late_answer_recorded"],
    "hand_to_community": ["late_answer_recorded"],
}


def test_b7_an_answer_and_its_deadline_have_one_outcome_and_the_record_says_which(store: CaseStore, race: Race) -> None:
    chances = random.Random(SEED)
    answers: dict[UUID, Answer] = {case_id: chances.choice(ANSWERS) for case_id in race.ask(INTERLEAVINGS)}
    told = {case_id: race.run(case_id, an_answer(said), the_deadline()) for case_id, said in answers.items()}
    after = stories(store)
    in_time: Counter[str] = Counter()
    too_late: Counter[str] = Counter()

    for case_id, said in answers.items():
        (answered, expired), story = told[case_id], after[case_id]
        assert answered.refused is None, "an answer in the round that is asked is never refused for being late"
        assert (story.question.answer, story.question.answered_by) == (said, OFFICER.account)
        if answered.types == AFTER_AN_ANSWER[said]:
            in_time[said] += 1
            assert expired.events == ()
            assert story.question.state == VerificationState.ANSWERED
            assert "late_answer_recorded" not in story.types
            assert not story.told("passed", "superior")
        else:
            too_late[said] += 1
            assert expired.types == ["route_exhausted", "route_opened"]
            assert answered.types == AFTER_A_LATE_ANSWER[said]
            assert story.question.state == VerificationState.EXPIRED
            assert "verification_answered" not in story.types
            assert story.told("passed", "superior") == 1
        assert story.case.state == ("concluded" if said == "matches" else "open")

    assert set(in_time) == set(too_late) == set(ANSWERS), "one of them was always first"
    assert in_time.total() + too_late.total() == len(after) == INTERLEAVINGS
    with store.database.reading() as connection:
        assert list(verify(connection)) == []


def test_c2_of_two_answers_at_once_one_counts_and_the_other_is_told_whose(store: CaseStore, race: Race) -> None:
    chances = random.Random(SEED)
    said: dict[UUID, tuple[Answer, Answer]] = {
        case_id: (chances.choice(ANSWERS), chances.choice(ANSWERS)) for case_id in race.ask(FEWER)
    }
    told = {
        case_id: race.run(case_id, an_answer(ours, OFFICER), an_answer(theirs, COLLEAGUE))
        for case_id, (ours, theirs) in said.items()
    }
    counted: Counter[str] = Counter()

    for case_id, story in stories(store).items():
        first = 0 if told[case_id][1].refused else 1
        winner, lost = (OFFICER, COLLEAGUE)[first], told[case_id][1 - first]
        counted[winner.account] += 1
        assert isinstance(lost.refused, AlreadySettled)
        assert (lost.refused.by, lost.refused.at) == (winner.account, DUE)
        assert told[case_id][first].types == AFTER_AN_ANSWER[said[case_id][first]]
        assert (story.question.answer, story.question.answered_by) == (said[case_id][first], winner.account)
        assert story.types.count("verification_answered") == 1
        assert "late_answer_recorded" not in story.types

    assert set(counted) == {OFFICER.account, COLLEAGUE.account}
    assert counted.total() == FEWER
    assert wrong_in_the_books(store) == []


def test_c4_a_withdrawal_and_the_last_answer_have_one_of_two_ends(store: CaseStore, race: Race) -> None:
    told = {case_id: race.run(case_id, an_answer(), a_withdrawal()) for case_id in race.ask(FEWER)}
    ends: Counter[str] = Counter()

    for case_id, story in stories(store).items():
        answered, withdrawn = told[case_id]
        ends[story.case.state] += 1
        if story.case.state == "concluded":
            assert isinstance(withdrawn.refused, CaseEnded)
            assert answered.types == AFTER_AN_ANSWER["matches"]
            assert story.case.outcome == "complete"
            assert story.question.state == VerificationState.ANSWERED
            assert "case_withdrawn" not in story.types
        else:
            assert isinstance(answered.refused, CaseEnded)
            assert withdrawn.types == ["case_withdrawn", "item_cancelled", "proof_dropped"]
            assert story.question.state == VerificationState.WITHDRAWN
            assert story.question.answered_by is None
            assert "case_concluded" not in story.types

    assert set(ends) == {"concluded", "withdrawn"}
    assert ends.total() == FEWER
    assert wrong_in_the_books(store) == []
