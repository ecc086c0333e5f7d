"""A seeded simulation of one case among registers, departments, caseworkers and applicants who all misbehave.

Plain Python, so that a hundred thousand cases take minutes. The workflow is played as it is built: it hears of events
in any order, starts every step once by its key, and starts again from nothing when its worker dies. One seed is one
story; the same seed tells the same story.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

from domain.case_file import CaseFile, CaseState, ItemState
from domain.commands import Command
from domain.decisions import decide
from domain.events import Event, ItemConcluded, ItemDenied, ItemSubmitted, SubmissionRejected
from domain.refusals import CaseEnded, CaseMovedOn, ItemNotSubmitted, NoSuchPart, Refusal
from domain.steps import AskRegister, SayOverdue, SubmitItem, agenda, steps
from domain.waiting import waits
from tests.domain.promises import believed, check
from tests.domain.telling import (
    EVERY_FAMILY,
    MONDAY,
    Hearer,
    amend,
    changed_between,
    department,
    opening,
    overdue,
    register,
    rejected,
    resubmit,
    same_people,
    settle,
    unreachable,
    withdraw,
)

LONGEST_STORY = 5_000
"""Happenings after which a case that has no end is taken to have none."""

Happening = Callable[[], None]
Carried = tuple[str, int]
"""One submission at a department: (item, attempt), the key under which it counts."""


@dataclass
class Ledger:
    """What one department has done, by its own books: a repeated submission gets its first answer."""

    answers: dict[Carried, str] = field(default_factory=dict)
    effects: Counter[Carried] = field(default_factory=Counter)


@dataclass
class Story:
    """What came of one seed."""

    seed: int
    state: CaseState
    outcome: str | None
    events: Counter[str]
    refusals: Counter[str]
    happenings: int


def play(seed: int) -> Story:
    """One case from filing to its end; raises AssertionError with what is wrong."""
    return _City(seed).play()


def tell(seed: int) -> list[Event]:
    """Everything that happened in that story."""
    city = _City(seed)
    city.play()
    return city.events


class _City:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.seed = seed
        self.now: datetime = MONDAY
        self.queue: list[tuple[datetime, int, Happening]] = []
        self.serial = 0
        # How bad a day it is: most are good, some are terrible.
        self.trouble = self.random.choice([0.0, 0.1, 0.3, 0.6])
        self.application = self.random.choice(EVERY_FAMILY)
        self.events: list[Event] = []
        self.file: CaseFile
        self.ledger = Ledger()
        self.workflow = Hearer()
        self.begun: set[str] = set()
        self.refusals: Counter[str] = Counter()
        self.happenings = 0

    # --- time

    def later(self, happening: Happening, *, slow: bool = False) -> None:
        seconds = self.random.expovariate(1 / 36_000 if slow else 1 / 60)
        self.at(self.now + timedelta(seconds=seconds), happening)

    def at(self, moment: datetime, happening: Happening) -> None:
        self.serial += 1
        heappush(self.queue, (moment, self.serial, happening))

    def unlucky(self, share: float = 1.0) -> bool:
        return self.random.random() < self.trouble * share

    # --- the one write path

    def handle(self, command: Command, *expected: type[Refusal]) -> bool:
        """Commit what happens, then tell the workflow: at some time, in any order, sometimes twice."""
        try:
            new = decide(command, self.file)
        except expected as refusal:
            self.refusals[refusal.code] += 1
            return False
        first = len(self.events) + 1
        self.file = believed(self.file, new)
        self.events += new
        check(self.file)
        news = [*enumerate(new, first)]
        for _ in range(2 if self.unlucky(0.3) else 1):
            if news:
                self.later(lambda: self.hear(news))
        return True

    # --- the workflow

    def hear(self, news: list[tuple[int, Event]]) -> None:
        if self.unlucky(0.05):
            # The worker dies: another one reads the history again, and starts every step again that is not answered.
            self.workflow = Hearer()
            self.begun.clear()
            news = [*enumerate(self.events, 1)]
        if not self.workflow.hear(news) or self.workflow.file is None or self.workflow.file.over:
            return
        for step in (*steps(self.workflow.file), *agenda(self.workflow.file)):
            if step.key in self.begun:
                continue
            self.begun.add(step.key)
            match step:
                case AskRegister():
                    self.later(lambda step=step: self.ask(step))  # type: ignore[misc]  # mypy cannot infer a default's type
                case SubmitItem():
                    self.later(lambda step=step: self.submit(step))  # type: ignore[misc]  # as above
                case SayOverdue():
                    self.at(max(step.due, self.now), lambda step=step: self.fall_due(step))  # type: ignore[misc]  # as above

    def fall_due(self, due: SayOverdue) -> None:
        self.handle(overdue(due.item, due.due))

    # --- registers

    def ask(self, step: AskRegister, tries: int = 0) -> None:
        if self.unlucky() and tries < 3:
            self.later(lambda: self.ask(step, tries + 1))
            return
        if self.unlucky(0.5):
            outcome = self.random.choice(["not_found", "unreadable", "unreachable", "key_missing", "contradicts"])
        else:
            outcome = "matches"
        for _ in range(self.random.choice([1, 1, 2, 3]) if self.unlucky() else 1):
            # A repetition may say otherwise, and comes in its own time: long after an amendment, for instance.
            answer = register(self.file, step.proof, outcome, round=step.round, rung=step.rung)  # type: ignore[arg-type]  # one of the list above
            self.later(lambda answer=answer: self.answered(answer), slow=self.unlucky())  # type: ignore[misc]  # as above
            outcome = self.random.choice(["matches", "contradicts", "not_found"])

    def answered(self, answer: Command) -> None:
        self.handle(answer)

    # --- departments

    def submit(self, step: SubmitItem, tries: int = 0) -> None:
        if self.unlucky() and tries < 8:
            if tries > 1:
                self.handle(
                    unreachable(step.item, self.random.choice(["timeout", "http_503", "garbage"]), attempt=step.attempt)
                )
            self.later(lambda: self.submit(step, tries + 1), slow=self.unlucky())
            return
        carried = (step.item, step.attempt)
        if carried not in self.ledger.answers:
            if self.unlucky(0.3):
                self.ledger.answers[carried] = "rejected"
            else:
                self.ledger.answers[carried] = "denied" if self.unlucky(0.2) else "concluded"
                self.ledger.effects[carried] += 1
        if self.unlucky(0.3):
            # It did its work, and the answer was lost: asked again, it repeats itself.
            self.later(lambda: self.submit(step, tries + 1))
            return
        answer = self.ledger.answers[carried]
        if answer == "rejected":
            self.later(lambda: self.reject(step))
        elif self.random.random() < 0.3:
            self.call_back(step, "acknowledged")
            self.call_back(step, answer)
        else:
            self.call_back(step, answer)

    def call_back(self, step: SubmitItem, answer: str) -> None:
        """Once, or many times; in order, or not."""
        for _ in range(self.random.choice([1, 2, 5]) if self.unlucky() else 1):
            self.later(
                lambda: self.tell(department(step.item, answer, attempt=step.attempt, reason_code="because")),
                slow=answer != "acknowledged",
            )

    def tell(self, answer: Command) -> None:
        assert self.handle(answer), "a department's answer to what we sent was refused"

    def reject(self, step: SubmitItem) -> None:
        self.handle(rejected(step.item, attempt=step.attempt))

    # --- people

    def caseworker(self) -> None:
        """Takes one thing from the queue, thinks, and decides; so does the colleague beside her."""
        mine = [wait.what for wait in waits(self.file) if wait.on == "caseworker"]
        if mine:
            what, seen = self.random.choice(mine), self.file.version
            self.later(lambda: self.decide_by_hand(what, seen))
            if self.unlucky():
                self.later(lambda: self.decide_by_hand(what, seen))
        if not self.file.over:
            self.later(self.caseworker, slow=True)

    def decide_by_hand(self, what: str, seen: int) -> None:
        command: Command
        command = settle(what, met=not self.unlucky(0.3), seen=seen) if what in self.file.proofs else resubmit(what)
        self.handle(command, CaseMovedOn, *(() if what in self.file.proofs else (Refusal,)))

    def amend(self) -> None:
        after = self.random.choice(same_people(self.application))
        changed = {*changed_between(self.application, after), *self.random.sample(["mother.name", "birth.born_at"], 1)}
        if self.handle(amend(self.file, after, *sorted(changed)), CaseEnded):
            self.application = after

    def withdraw(self) -> None:
        self.handle(withdraw(at=self.now), CaseEnded)

    def liar(self) -> None:
        """Calls back for what was never sent, and for what does not exist."""
        item = self.random.choice([*self.file.items, "passport"])
        attempt = 1 + (self.file.items[item].attempt if item in self.file.items else 0)
        before = self.file
        self.handle(department(item, "concluded", attempt=attempt), ItemNotSubmitted, NoSuchPart)
        assert self.file == before, "a forged answer was believed"

    # --- the story

    def play(self) -> Story:
        command = opening(self.application)
        self.file = believed(None, decide(command, None))
        self.events += decide(command, None)
        self.later(lambda: self.hear([*enumerate(self.events, 1)]))
        self.later(self.caseworker, slow=True)
        for _ in range(self.random.choice([1, 2]) if self.random.random() < 0.3 else 0):
            self.later(self.amend, slow=self.random.random() < 0.5)
        if self.random.random() < 0.15:
            self.later(self.withdraw, slow=self.random.random() < 0.7)
        if self.unlucky():
            self.later(self.liar)
        while self.queue:
            moment, _, happening = heappop(self.queue)
            self.now = max(self.now, moment)
            self.happenings += 1
            assert self.happenings < LONGEST_STORY, "the case has no end"
            happening()
        self.the_end()
        return Story(
            self.seed,
            self.file.state,
            self.file.outcome,
            Counter(event.type for event in self.events),
            self.refusals,
            self.happenings,
        )

    def the_end(self) -> None:
        assert self.file.over, f"nobody does anything any more, and the case waits for {waits(self.file)}"
        assert self.workflow.file == self.file, "the workflow ends with another case than the store"
        submitted = Counter((e.item, e.attempt) for e in self.events if isinstance(e, ItemSubmitted))
        assert set(submitted.values()) <= {1}, "the same attempt was made twice"
        assert set(self.ledger.effects.values()) <= {1}, "an effect was doubled"
        assert set(self.ledger.effects) <= set(submitted), "a department did what nobody decided to send"
        per_item = Counter(item for item, _ in self.ledger.effects)
        assert set(per_item.values()) <= {1}, "an item took effect in two attempts"
        turned_down = Counter(e.item for e in self.events if isinstance(e, SubmissionRejected))
        for item, live in self.file.items.items():
            answers = [e for e in self.events if isinstance(e, ItemConcluded | ItemDenied) and e.item == item]
            assert len(answers) <= 1, f"{item} ended twice"
            assert live.attempt <= turned_down[item] + 1, f"{item} was sent more often than it was turned down"
            if live.state is ItemState.CONCLUDED:
                assert self.ledger.answers[item, live.attempt] == "concluded", f"{item} was not concluded by anybody"
