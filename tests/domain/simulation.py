"""A seeded simulation of one case among registers, officers, departments and applicants who all misbehave.

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
from typing import Any

from domain.actors import Actor
from domain.bundle import CommunityCheck
from domain.case_file import NO_ANSWER, CaseFile, CaseState, ItemState, LiveVerification, ProofState, VerificationState
from domain.commands import Command
from domain.decisions import decide
from domain.events import (
    Event,
    ItemConcluded,
    ItemDenied,
    ItemSubmitted,
    LateAnswerRecorded,
    RouteExhausted,
    SubmissionRejected,
    VerificationAnswered,
    VerificationOpened,
)
from domain.refusals import (
    AlreadySettled,
    AnswerNotOffered,
    CaseEnded,
    CaseMovedOn,
    ClockRefused,
    HeldByAnother,
    ItemNotConcluded,
    ItemNotSubmitted,
    NoSuchPart,
    NothingToCorrect,
    NotInHand,
    ReasonMissing,
    Refusal,
    VerificationOver,
)
from domain.steps import (
    AskRegister,
    FindVerifier,
    LetExpire,
    NoteDay,
    RemindOwner,
    SayOverdue,
    SubmitItem,
    agenda,
    steps,
)
from domain.time_limits import SHANGHAI, OfficeHours
from domain.waiting import waits
from tests.domain.promises import Desks, believed, check
from tests.domain.telling import (
    COLLEAGUE,
    COMMUNITY,
    COMMUNITY_WORKER,
    EVERYBODY,
    MONDAY,
    OFFICER,
    UNIT,
    Hearer,
    amend,
    answers,
    assigns,
    changed_between,
    claims,
    commits,
    corrects,
    day_comes,
    department,
    escalates,
    expires,
    opening,
    opens,
    overdue,
    register,
    rejected,
    reminds,
    resubmit,
    resumes,
    same_people,
    settle,
    suspends,
    unreachable,
    withdraw,
)

LONGEST_STORY = 5_000
"""Happenings after which a case that has no end is taken to have none."""
NEW_YEARS_EVE = datetime(2026, 12, 30, 9, 0, tzinfo=SHANGHAI)
"""Soon after it comes a year whose calendar nobody knows."""
TOO_LATE = (VerificationOver, AlreadySettled, CaseEnded)
"""What an officer may hear whose question was ended by somebody else."""

READ_BY_MANY = ("mother.name", "birth.born_at", "player.name", "player.residence")
"""Fields whose correction makes somebody ask again."""

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
        self.now: datetime = MONDAY if self.random.random() < 0.9 else NEW_YEARS_EVE
        self.queue: list[tuple[datetime, int, Happening]] = []
        self.serial = 0
        # How bad a day it is: most are good, some are terrible.
        self.trouble = self.random.choice([0.0, 0.1, 0.3, 0.6])
        self.application = self.random.choice(EVERYBODY)
        # A unit that was granted no register has to ask people about everything.
        self.granted = self.random.random() < 0.85
        self.events: list[Event] = []
        self.file: CaseFile
        self.ledger = Ledger()
        self.workflow = Hearer()
        self.begun: set[str] = set()
        self.refusals: Counter[str] = Counter()
        self.happenings = 0
        self.desks = Desks()

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
        before, self.file = self.file, believed(self.file, new)
        self.events += new
        check(self.file)
        self.desks.hear(before, self.file)
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
                case FindVerifier():
                    self.later(lambda step=step: self.find(step))  # type: ignore[misc]  # as above
                case SayOverdue() | RemindOwner() | LetExpire() | NoteDay():
                    self.at(max(step.due, self.now), lambda step=step: self.fall_due(step))  # type: ignore[misc]  # as above

    def fall_due(self, due: SayOverdue | RemindOwner | LetExpire | NoteDay) -> None:
        match due:
            case SayOverdue():
                self.handle(overdue(due.item, due.due, at=self.now))
            case NoteDay():
                self.handle(day_comes(due.milestone, at=self.now))
            case RemindOwner() if (due.proof, due.round, due.rung) in self.file.verifications:
                self.of_round(due.round, due.proof, reminds, due.percent, rung=due.rung)
            case LetExpire():
                self.of_round(due.round, due.proof, expires, rung=due.rung)
            case _:
                raise AssertionError("a reminder for a question that nobody was asked")

    def of_round(self, round: int, proof: str, word: Callable[..., Command], *args: object, **more: object) -> bool:
        """Say it about this round, if the case has not gone on to another."""
        if self.file.proof(proof).round != round:
            return False
        return self.handle(word(self.file, proof, *args, at=self.now, **more), *TOO_LATE, ClockRefused, HeldByAnother)

    # --- registers

    def ask(self, step: AskRegister, tries: int = 0) -> None:
        if self.unlucky() and tries < 3:
            self.later(lambda: self.ask(step, tries + 1))
            return
        if not self.granted:
            outcome = "no_grant"
        elif self.unlucky(0.5):
            outcome = self.random.choice(["not_found", "unreadable", "unreachable", "key_missing", "contradicts"])
        else:
            outcome = "matches"
        for _ in range(self.random.choice([1, 1, 2, 3]) if self.unlucky() else 1):
            # A repetition may say otherwise, and comes in its own time: long after an amendment, for instance.
            self.later(lambda outcome=outcome: self.answered(step, outcome), slow=self.unlucky())  # type: ignore[misc]  # as above
            outcome = self.random.choice(["matches", "contradicts", "not_found"])

    def answered(self, step: AskRegister, outcome: Any) -> None:
        self.handle(register(self.file, step.proof, outcome, round=step.round, rung=step.rung, at=self.now))

    # --- people who are asked

    def find(self, step: FindVerifier, tries: int = 0) -> None:
        """The roster is looked up; it may be out of reach, or name nobody."""
        if self.unlucky() and tries < 3:
            self.later(lambda: self.find(step, tries + 1))
            return
        live = self.file.proof(step.proof)
        community = isinstance(self.file.declared_proof(step.proof).routes[step.rung], CommunityCheck)
        unit = None if self.unlucky(0.5) else COMMUNITY if community else UNIT
        command = opens(
            self.file,
            step.proof,
            round=step.round,
            rung=step.rung,
            unit=unit,
            owner=self.random.choice([None, OFFICER.account]) if unit == UNIT else None,
            hours=self.random.choice([None, None, OfficeHours()]),
            reason="no_community" if community else "nobody_on_duty",
            at=self.now,
        )
        before = self.file
        self.handle(command)
        opened = (step.proof, step.round, step.rung) in self.file.verifications.keys() - before.verifications.keys()
        if (live.round, live.rung) != (step.round, step.rung):
            assert not opened, "a rung that is not due any more was opened"
        if opened:
            for person in (COMMUNITY_WORKER,) if community else (OFFICER, COLLEAGUE):
                if person is not COLLEAGUE or self.unlucky():
                    self.later(lambda person=person: self.look_at(step, person), slow=self.random.random() < 0.3)  # type: ignore[misc]  # as above

    def look_at(self, step: FindVerifier, person: Actor) -> None:
        """Claims it or not, has the clock stopped or not, passes it on or not, and answers in the end, or never."""
        if self.standing(step) and self.random.random() < 0.3:
            self.of_round(step.round, step.proof, claims, by=person)
        if self.unlucky(0.5) and self.standing(step):
            how, owner = self.random.choice(
                [("released", None), ("handed_over", COLLEAGUE.account), ("taken_back", None), ("assigned", None)]
            )
            self.of_round(step.round, step.proof, assigns, how, owner, by=person, note="note/7")
        if self.unlucky(0.6) and self.standing(step) and self.of_round(step.round, step.proof, suspends):
            # Whoever stops a clock starts it again, or else takes the matter up.
            self.later(lambda: self.start_again(step), slow=self.random.random() < 0.5)
        if not self.unlucky(0.3):
            self.later(lambda: self.reply(step, person), slow=self.random.random() < 0.3)

    def standing(self, step: FindVerifier) -> bool:
        live = self.file.proof(step.proof)
        return (live.round, live.rung) == (step.round, step.rung)

    def start_again(self, step: FindVerifier) -> None:
        question = self.file.verifications[step.proof, step.round, step.rung]
        if question.state is VerificationState.OPEN and question.clock.is_suspended:
            resumed = self.of_round(step.round, step.proof, resumes, rung=step.rung)
            assert resumed or self.handle(escalates(step.proof, at=self.now)), "a clock stands still for ever"

    def reply(self, step: FindVerifier, person: Actor) -> None:
        """In time, or long after the ladder has moved on; what was asked before a correction is not wanted any more."""
        answer: Any = "matches"
        if self.unlucky():
            answer = self.random.choice(["matches", "contradicts", "no_record", "hand_to_community"])
        note = None if answer == "matches" or self.unlucky(0.1) else "note/4"
        by_phone = self.random.random() < 0.3
        command = answers(
            self.file,
            step.proof,
            answer,
            by=person,
            round=step.round,
            rung=step.rung,
            by_phone=by_phone,
            note=note,
            at=self.now,
        )
        before = self.file
        if self.handle(command, *TOO_LATE, AnswerNotOffered, HeldByAnother, ReasonMissing):
            assert self.file.verifications[step.proof, step.round, step.rung].answered_by == person.account
            if answer in {"no_record", "hand_to_community"} and self.random.random() < 0.5:
                # The archive was searched once more.
                self.later(lambda: self.reply(step, person), slow=self.random.random() < 0.7)
        else:
            assert self.file == before, "what was refused changed something"

    def superior(self) -> None:
        """Now and then does not wait any longer."""
        waiting = [
            proof
            for proof, live in self.file.proofs.items()
            if live.state in {ProofState.VERIFYING, ProofState.OFFERED} and self.unlucky(0.5)
        ]
        if waiting:
            self.handle(escalates(self.random.choice(waiting), at=self.now))
        if not self.file.over:
            self.later(self.superior, slow=True)

    def applicant(self) -> None:
        """Signs what may be committed to, or declines, or is too late for it."""
        offered = [wait.what for wait in waits(self.file) if wait.on == "applicant"]
        if offered:
            self.later(lambda: self.decide_freely(offered[0]), slow=self.unlucky())
        if not self.file.over:
            self.later(self.applicant, slow=True)

    def decide_freely(self, proof: str) -> None:
        signed = self.random.random() < 0.6
        self.handle(
            commits(proof, signed=signed, note=None if self.unlucky(0.1) else "letter/1", at=self.now),
            NotInHand,
            ReasonMissing,
        )

    # --- departments

    def submit(self, step: SubmitItem, tries: int = 0) -> None:
        if self.unlucky() and tries < 8:
            if tries > 1:
                fault = self.random.choice(["timeout", "http_503", "garbage"])
                self.handle(unreachable(step.item, fault, attempt=step.attempt, at=self.now))
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
                lambda: self.tell(
                    department(step.item, answer, attempt=step.attempt, reason_code="because", at=self.now)
                ),
                slow=answer != "acknowledged",
            )

    def tell(self, answer: Command) -> None:
        assert self.handle(answer), "a department's answer to what we sent was refused"

    def reject(self, step: SubmitItem) -> None:
        self.handle(rejected(step.item, attempt=step.attempt, at=self.now))

    # --- caseworkers and applicants

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
        if what in self.file.proofs:
            command = settle(what, met=not self.unlucky(0.3), seen=seen, at=self.now)
        else:
            command = resubmit(what, at=self.now)
        self.handle(command, CaseMovedOn, *(() if what in self.file.proofs else (Refusal,)))

    def amend(self) -> None:
        after = self.random.choice(same_people(self.application))
        corrected = self.random.choice([path for path in READ_BY_MANY if path.split(".")[0] in after.sections])
        changed = {*changed_between(self.application, after), corrected}
        if self.handle(amend(self.file, after, *sorted(changed), at=self.now), CaseEnded):
            self.application = after

    def withdraw(self) -> None:
        self.handle(withdraw(at=self.now), CaseEnded)

    def liar(self) -> None:
        """Calls back for what was never sent, and for what does not exist."""
        item = self.random.choice([*self.file.items, "passport"])
        attempt = 1 + (self.file.items[item].attempt if item in self.file.items else 0)
        before = self.file
        self.handle(department(item, "concluded", attempt=attempt, at=self.now), ItemNotSubmitted, NoSuchPart)
        assert self.file == before, "a forged answer was believed"

    def correct(self) -> None:
        """A department finds a mistake in what it did, soon or long after the case has ended; or finds none after all."""
        item = self.random.choice([*self.file.items])
        made = self.file.declared_item(item).produces
        products = [product.code for product in made if self.random.random() < 0.8]
        before = self.file
        if not self.handle(corrects(item, *products, at=self.now), ItemNotConcluded, NothingToCorrect, CaseEnded):
            assert self.file == before, "what was refused changed something"
        if not self.file.over:
            self.later(self.correct, slow=True)

    # --- the story

    def play(self) -> Story:
        command = opening(self.application, at=self.now)
        self.file = believed(None, decide(command, None))
        self.events += decide(command, None)
        self.desks.hear(None, self.file)
        self.later(lambda: self.hear([*enumerate(self.events, 1)]))
        for person in (self.caseworker, self.superior, self.applicant):
            self.later(person, slow=True)
        for _ in range(self.random.choice([1, 2]) if self.random.random() < 0.3 else 0):
            self.later(self.amend, slow=self.random.random() < 0.5)
        if self.random.random() < 0.15:
            self.later(self.withdraw, slow=self.random.random() < 0.7)
        if self.unlucky():
            self.later(self.liar)
        if self.random.random() < 0.3:
            self.later(self.correct, slow=True)
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
        for rung, question in self.file.verifications.items():
            self.one_outcome(rung, question)
        assert not self.desks.cards, "the case is over, and a card still lies on a desk"

    def one_outcome(self, rung: tuple[str, int, int], question: LiveVerification) -> None:
        """By the record, not by the file: opened once, and answered, expired or withdrawn, and late at most once.

        Whoever said that there is no record may have found it, and was late with that once more.
        """

        def about(event: Event) -> bool:
            match event:
                case LateAnswerRecorded():
                    return (event.about, event.round, event.rung) == rung
                case VerificationOpened() | VerificationAnswered() | RouteExhausted():
                    return (event.proof, event.round, event.rung) == rung
                case _:
                    return False

        record = Counter(event.type for event in self.events if about(event))
        expired = sum(
            isinstance(event, RouteExhausted) and about(event) and event.reason == NO_ANSWER for event in self.events
        )
        answered, late = record["verification_answered"], record["late_answer_recorded"]
        assert record["verification_opened"] == 1
        said = [
            event
            for event in self.events
            if isinstance(event, VerificationAnswered | LateAnswerRecorded) and about(event)
        ]
        assert answered + late == len(said) <= 2, f"{rung} was answered three times"
        if len(said) == 2:
            first, second = said
            assert isinstance(second, LateAnswerRecorded), f"{rung} was answered twice"
            assert first.answer in {"no_record", "hand_to_community"}, f"{rung} was settled and answered again"
            assert second.answer in {"matches", "contradicts"}, f"{rung} was answered again, and nothing was found"
            assert second.by == first.by, f"{rung} was answered by two"
        assert answered + expired <= 1, f"{rung} was answered and expired"
        assert question.state == (
            VerificationState.ANSWERED
            if answered
            else VerificationState.EXPIRED
            if expired
            else VerificationState.WITHDRAWN
        )
