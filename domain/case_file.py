"""The case as it stands (办件): what follows from everything that happened, and nothing else.

`evolve` believes what happened; it never refuses and never looks anything up, so that an old case
reads the same in twenty years. What may happen is decided in `decisions.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import reduce
from typing import Annotated, Final, Self, assert_never
from uuid import UUID

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter

from domain.actors import Actor
from domain.bundle import Bundle, Item, Proof, Route
from domain.events import (
    ApplicationAmended,
    CaseConcluded,
    CaseOpened,
    CaseWithdrawn,
    CommitmentAnswered,
    DepartmentUnreachable,
    Event,
    ItemAccepted,
    ItemAcknowledged,
    ItemCancelled,
    ItemConcluded,
    ItemCorrected,
    ItemDenied,
    ItemOverdue,
    ItemSubmitted,
    ItemUnreachable,
    LateAnswerRecorded,
    MilestoneReached,
    ProofContested,
    ProofDropped,
    ProofMet,
    ProofSettled,
    Recorded,
    RouteExhausted,
    RouteOpened,
    SubmissionRejected,
    VerificationAnswered,
    VerificationAssigned,
    VerificationOpened,
    VerificationReminded,
    VerificationResumed,
    VerificationSuspended,
)
from domain.plan import Plan, PlannedItem, PlannedProof
from domain.refusals import NoSuchPart
from domain.time_limits import Ledger


class CaseState(StrEnum):
    """Where the case is."""

    OPEN = "open"
    CONCLUDED = "concluded"
    WITHDRAWN = "withdrawn"


class ItemState(StrEnum):
    """Where an item is; the last five are ends."""

    WAITING = "waiting"
    """前置事项未办结: those that it comes after have not ended."""
    ACCEPTED = "accepted"
    """受理: its clock runs, its proofs are being obtained."""
    SUBMITTED = "submitted"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    """The department could not read what we sent; a caseworker has it."""
    CONCLUDED = "concluded"
    DENIED = "denied"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"


ENDED = frozenset({ItemState.CONCLUDED, ItemState.DENIED, ItemState.UNREACHABLE, ItemState.CANCELLED})
NOT_YET_SUBMITTED = frozenset({ItemState.WAITING, ItemState.ACCEPTED})
WITH_US = NOT_YET_SUBMITTED | {ItemState.REJECTED}
"""In no department's hands, and not ended."""
UNANSWERED = frozenset({ItemState.SUBMITTED, ItemState.ACKNOWLEDGED})
"""In the hands of a department."""


class ProofState(StrEnum):
    """Where a proof is."""

    PLANNED = "planned"
    ASKED = "asked"
    """Its rung is being tried by the engine."""
    VERIFYING = "verifying"
    """A unit has it and a limit runs."""
    OFFERED = "offered"
    """The applicant may sign for it or decline."""
    ESCALATED = "escalated"
    CONTESTED = "contested"
    MET = "met"
    NOT_MET = "not_met"
    DROPPED = "dropped"


IN_HAND = frozenset({ProofState.ESCALATED, ProofState.CONTESTED})
"""Waiting for a caseworker."""
BEING_OBTAINED = frozenset({ProofState.ASKED, ProofState.VERIFYING, ProofState.OFFERED, ProofState.ESCALATED})
"""Some rung is tried, and none has answered for good."""
PROOF_ENDED = frozenset({ProofState.MET, ProofState.NOT_MET, ProofState.DROPPED})


NO_ANSWER: Final = "no_answer"
"""Why a rung gave up when its limit was over."""
_STATE_ON_ROUTE: Final = {"escalation": ProofState.ESCALATED, "commitment": ProofState.OFFERED}


@dataclass(frozen=True, slots=True)
class Correction:
    """One correction of a concluded item (更正)."""

    number: int
    version: int
    """The version of the case that it led to: what was sent before it was sent without it."""
    at: datetime
    by: Actor
    products: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class LiveItem:
    """One item of the case as it stands."""

    planned: PlannedItem
    state: ItemState = ItemState.WAITING
    since: datetime | None = None
    """When it came into this state."""
    accepted_at: datetime | None = None
    promised_by: datetime | None = None
    statutory_by: datetime | None = None
    attempt: int = 0
    submitted_at_version: int | None = None
    """What it was sent with is what the case held at this version, whatever is amended later."""
    reference: str | None = None
    products: tuple[str, ...] = ()
    reason_code: str | None = None
    note: str | None = None
    because: str | None = None
    overdue_since: datetime | None = None
    unreachable_since: datetime | None = None
    fault: str | None = None
    settled_by: str | None = None
    corrections: tuple[Correction, ...] = ()
    """In their order; `products` are what it was concluded with."""

    @property
    def made(self) -> tuple[str, ...]:
        """The products that it has now: those it was concluded with, and those that a correction added."""
        return tuple(dict.fromkeys((*self.products, *(made for one in self.corrections for made in one.products))))

    @property
    def no_longer_applied(self) -> bool:
        """An amendment took it out of play; nobody was denied anything."""
        return self.state is ItemState.CANCELLED and self.reason_code == "no_longer_applies"


class VerificationState(StrEnum):
    """Where a verification is; all but the first are ends."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    """Nobody answered by the limit."""
    WITHDRAWN = "withdrawn"
    """Nobody needs the answer any more, or somebody else has given it."""


Rung = tuple[str, int, int]
"""A proof, its round, and the place of the rung on its ladder."""


@dataclass(frozen=True, slots=True)
class EarlierAnswer:
    """ "No record" or "ask the community", from somebody who then found the record after all."""

    answer: str
    at: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class LiveVerification:
    """One question to a unit as it stands; it stays in the file when it is over, for answers that come late."""

    opened: VerificationOpened
    clock: Ledger
    due: datetime | None
    """None while the clock stands still; what has ended keeps what it had."""
    remind_at: tuple[datetime, ...]
    owner: str | None
    owner_since: datetime
    claimed: bool = False
    """Somebody said "mine"; a name from the duty roster binds nobody else."""
    state: VerificationState = VerificationState.OPEN
    reminded: int = 0
    """Percent of the limit at which the last reminder went out."""
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    by_phone: bool = False
    note: str | None = None
    earlier: EarlierAnswer | None = None
    """What the same account had said before it found the record."""
    ended_at: datetime | None = None

    @property
    def answered_late(self) -> bool:
        """Whether the answer came when the ladder had moved on."""
        late = self.state is not VerificationState.ANSWERED or self.earlier is not None
        return self.answer is not None and late

    @property
    def rung(self) -> Rung:
        """Which rung of which proof."""
        return (self.opened.proof, self.opened.round, self.opened.rung)


def _as_list(verifications: Mapping[Rung, LiveVerification]) -> list[LiveVerification]:
    return list(verifications.values())


_VERIFICATIONS: Final = TypeAdapter(tuple[LiveVerification, ...])


def _by_rung(written: object) -> object:
    """A case file that a workflow hands on to its next run: JSON knows no keys of three parts."""
    if not isinstance(written, list):
        return written
    return {live.rung: live for live in _VERIFICATIONS.validate_python(written)}


@dataclass(frozen=True, slots=True)
class LiveProof:
    """One proof of the case as it stands; `round` counts how often it was opened anew."""

    planned: PlannedProof
    state: ProofState = ProofState.PLANNED
    since: datetime | None = None
    round: int = 1
    rung: int = 0
    asked: str | None = None
    evidence: bool = False
    met_by: str | None = None
    """The route that showed it."""
    differing: tuple[str, ...] = ()
    exhausted: tuple[tuple[str, str], ...] = ()
    """(route, reason) of every rung that gave up in this round."""
    gave_up: bool = False
    """The rung it stands on is exhausted, and the next one not opened yet."""
    contested_by: str | None = None
    note: str | None = None
    settled_by: str | None = None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One case: the fold of its stream."""

    version: int
    opened: CaseOpened
    plan: Plan
    circumstances: tuple[str, ...]
    items: Mapping[str, LiveItem]
    proofs: Mapping[str, LiveProof]
    verifications: Annotated[
        Mapping[Rung, LiveVerification],
        PlainSerializer(_as_list),
        BeforeValidator(_by_rung, json_schema_input_type=list),
    ] = field(default_factory=dict)
    milestones: Mapping[str, datetime] = field(default_factory=dict)
    reached: frozenset[str] = frozenset()
    """The milestones whose day has come."""
    corrected: Mapping[str, datetime] = field(default_factory=dict)
    """Which fields of the form were corrected, as "section.field", and when last."""
    state: CaseState = CaseState.OPEN
    outcome: str | None = None
    ended_at: datetime | None = None
    changed_at: datetime | None = None
    late_answers: int = 0
    notes: Mapping[str, str] = field(default_factory=dict)
    """What the note was about -> where it is kept in the case's vault."""

    @classmethod
    def begun(cls, opened: CaseOpened) -> Self:
        """The case right after its first event."""
        return cls(
            version=1,
            opened=opened,
            plan=opened.plan,
            circumstances=opened.circumstances,
            milestones=opened.milestones,
            items={entry.id: LiveItem(entry, since=opened.at) for entry in opened.plan.items},
            proofs={entry.proof: LiveProof(entry, since=opened.at) for entry in opened.plan.proofs},
            changed_at=opened.at,
        )

    @property
    def case_id(self) -> UUID:
        """The stream of the case."""
        return self.opened.case_id

    @property
    def bundle(self) -> Bundle:
        """The declaration as it was when the case opened."""
        return self.opened.bundle

    def item(self, item: str) -> LiveItem:
        """The item of that id; refuses with NoSuchPart."""
        if item not in self.items:
            raise NoSuchPart(item)
        return self.items[item]

    def proof(self, proof: str) -> LiveProof:
        """The proof of that code; refuses with NoSuchPart."""
        if proof not in self.proofs:
            raise NoSuchPart(proof)
        return self.proofs[proof]

    def declared_item(self, item: str) -> Item:
        """How the item is declared."""
        return self.bundle.item(self.item(item).planned.item)

    def declared_proof(self, proof: str) -> Proof:
        """How the proof is declared."""
        return self.bundle.proof(self.proof(proof).planned.proof)

    def route(self, proof: str) -> Route:
        """The rung the proof stands on."""
        return self.declared_proof(proof).routes[self.proof(proof).rung]

    def verification(self, proof: str, round: int, rung: int) -> LiveVerification:
        """The verification of that rung; refuses with NoSuchPart."""
        if (proof, round, rung) not in self.verifications:
            raise NoSuchPart(f"{proof} {round}.{rung}")
        return self.verifications[proof, round, rung]

    def waits_for_day(self, not_before: str | None) -> datetime | None:
        """The day that has not come yet; None if nothing is waited for, or the form names no such day."""
        return None if not_before is None or not_before in self.reached else self.milestones.get(not_before)

    def waits_for(self, item: str) -> tuple[str, ...]:
        """The items it comes after that have not been concluded."""
        return tuple(
            before for before in self.items[item].planned.after if self.items[before].state is not ItemState.CONCLUDED
        )

    def open_proofs(self, item: str) -> tuple[str, ...]:
        """Its proofs that have not been met."""
        return tuple(
            proof for proof in self.items[item].planned.proofs if self.proofs[proof].state is not ProofState.MET
        )

    def needed_proofs(self) -> frozenset[str]:
        """The proofs that an item not with its department still needs, and those which they read."""
        needed: set[str] = set()
        frontier = [proof for item in self.items.values() if item.state in WITH_US for proof in item.planned.proofs]
        while frontier:
            proof = frontier.pop()
            if proof not in needed:
                needed.add(proof)
                frontier.extend(self.proofs[proof].planned.after)
        return frozenset(needed)

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The items that a department has and has not answered."""
        return tuple(item for item, live in self.items.items() if live.state in UNANSWERED)

    @property
    def in_hand(self) -> tuple[str, ...]:
        """The proofs that a caseworker has to decide on."""
        return tuple(proof for proof, live in self.proofs.items() if live.state in IN_HAND)

    @property
    def over(self) -> bool:
        """Nothing goes on any more: concluded, or withdrawn with nobody left to answer or to decide.

        A proof of a concluded case may still be contested by an answer that comes late, and then be decided on.
        """
        return self.state is CaseState.CONCLUDED or (
            self.state is CaseState.WITHDRAWN and not self.unanswered and not self.in_hand
        )


def evolve(file: CaseFile | None, event: Event) -> CaseFile:
    """The case after the event."""
    if file is None:
        if not isinstance(event, CaseOpened):
            raise TypeError(f"a stream begins with case_opened, not with {event.type}")
        return CaseFile.begun(event)
    after = _changed(file, event)
    if after.verifications:
        after = _without_moot(after, event.at)
    return replace(after, version=file.version + 1, changed_at=event.at)


def evolve_all(file: CaseFile | None, events: Iterable[Event]) -> CaseFile | None:
    """The case after all of them."""
    return reduce(evolve, events, file)


def evolve_recorded(file: CaseFile | None, recorded: Iterable[Recorded]) -> CaseFile | None:
    """The case after all that was recorded."""
    return evolve_all(file, (entry.event for entry in recorded))


def _changed(file: CaseFile, event: Event) -> CaseFile:
    match event:
        case CaseOpened():
            raise TypeError("a case is opened once")
        case MilestoneReached():
            return replace(file, reached=file.reached | {event.milestone})
        case ItemAccepted():
            return _item(
                file,
                event.item,
                state=ItemState.ACCEPTED,
                since=event.at,
                accepted_at=event.at,
                promised_by=event.promised_by,
                statutory_by=event.statutory_by,
            )
        case RouteOpened():
            if event.round != file.proofs[event.proof].round:
                anew = LiveProof(file.proofs[event.proof].planned)
                file = replace(file, proofs={**file.proofs, event.proof: anew})
            return _proof(
                file,
                event.proof,
                state=_STATE_ON_ROUTE.get(event.route, ProofState.ASKED),
                since=event.at,
                round=event.round,
                rung=event.rung,
                asked=event.asked,
                gave_up=False,
            )
        case RouteExhausted():
            exhausted = (*file.proofs[event.proof].exhausted, (event.route, event.reason))
            live = file.verifications.get((event.proof, event.round, event.rung))
            if live is not None and event.reason == NO_ANSWER:
                file = _verification(file, event, state=VerificationState.EXPIRED, ended_at=event.at)
            return _proof(file, event.proof, exhausted=exhausted, gave_up=True)
        case VerificationOpened():
            begun = LiveVerification(event, event.clock, event.due, event.remind_at, event.owner, event.at)
            file = replace(file, verifications={**file.verifications, begun.rung: begun})
            return _proof(file, event.proof, state=ProofState.VERIFYING, since=event.at)
        case VerificationAssigned():
            claimed = event.how in {"claimed", "handed_over"}
            return _verification(file, event, owner=event.owner, owner_since=event.at, claimed=claimed)
        case VerificationReminded():
            return _verification(file, event, reminded=event.percent)
        case VerificationSuspended():
            stopped = _clock(file, event).suspend(event.at, event.note)
            return _verification(file, event, clock=stopped, due=None, remind_at=())
        case VerificationResumed():
            running = _clock(file, event).resume(event.at)
            return _verification(file, event, clock=running, due=event.due, remind_at=event.remind_at)
        case VerificationAnswered():
            return _verification(
                file,
                event,
                state=VerificationState.ANSWERED,
                answer=event.answer,
                answered_by=event.by.account,
                answered_at=event.at,
                by_phone=event.by_phone,
                note=event.note,
                ended_at=event.at,
            )
        case CommitmentAnswered():
            return _proof(file, event.proof, note=event.note)
        case ProofMet():
            return _proof(
                file,
                event.proof,
                state=ProofState.MET,
                since=event.at,
                evidence=event.evidence,
                met_by=event.route,
                settled_by=event.by.account,
            )
        case ProofContested():
            return _proof(
                file,
                event.proof,
                state=ProofState.CONTESTED,
                since=event.at,
                evidence=event.evidence,
                differing=event.differing,
                contested_by=event.by.account,
            )
        case ProofSettled():
            return _proof(
                file,
                event.proof,
                state=ProofState.MET if event.met else ProofState.NOT_MET,
                since=event.at,
                note=event.note,
                settled_by=event.by.account,
            )
        case ProofDropped():
            return _proof(file, event.proof, state=ProofState.DROPPED, since=event.at)
        case ItemSubmitted():
            return _item(
                file,
                event.item,
                state=ItemState.SUBMITTED,
                since=event.at,
                attempt=event.attempt,
                submitted_at_version=file.version + 1,
                fault=None,
            )
        case ItemAcknowledged():
            return _item(
                file,
                event.item,
                state=ItemState.ACKNOWLEDGED,
                since=event.at,
                reference=event.reference,
                unreachable_since=None,
                fault=None,
            )
        case ItemConcluded():
            return _item(
                file,
                event.item,
                state=ItemState.CONCLUDED,
                since=event.at,
                reference=event.reference,
                products=event.products,
                unreachable_since=None,
                fault=None,
                settled_by=event.by.account,
            )
        case ItemCorrected():
            corrected = Correction(event.number, file.version + 1, event.at, event.by, event.products, event.note)
            return _item(file, event.item, corrections=(*file.items[event.item].corrections, corrected))
        case ItemDenied():
            return _item(
                file,
                event.item,
                state=ItemState.DENIED,
                since=event.at,
                reference=event.reference,
                reason_code=event.reason_code,
                note=event.note,
                unreachable_since=None,
                fault=None,
                settled_by=event.by.account,
            )
        case ItemUnreachable():
            return _item(file, event.item, state=ItemState.UNREACHABLE, since=event.at, because=event.because)
        case ItemCancelled():
            return _item(file, event.item, state=ItemState.CANCELLED, since=event.at, reason_code=event.reason)
        case SubmissionRejected():
            return _item(
                file,
                event.item,
                state=ItemState.REJECTED,
                since=event.at,
                fault=event.fault,
                unreachable_since=None,
            )
        case DepartmentUnreachable():
            return _item(file, event.item, unreachable_since=event.since, fault=event.fault)
        case ItemOverdue():
            return _item(file, event.item, overdue_since=event.at)
        case LateAnswerRecorded():
            file = replace(file, late_answers=file.late_answers + 1)
            if event.round is None or event.rung is None:
                return file
            late = file.verifications[event.about, event.round, event.rung]
            earlier = late.earlier
            if late.answer is not None and late.answered_at is not None:
                earlier = EarlierAnswer(late.answer, late.answered_at, late.note)
            answered = replace(
                late,
                earlier=earlier,
                answer=event.answer,
                answered_by=event.by.account,
                answered_at=event.at,
                by_phone=event.by_phone,
                note=event.note,
            )
            return replace(file, verifications={**file.verifications, late.rung: answered})
        case ApplicationAmended():
            return _replanned(file, event)
        case CaseWithdrawn():
            return replace(
                file, state=CaseState.WITHDRAWN, ended_at=event.at, notes={**file.notes, "withdrawn": event.note}
            )
        case CaseConcluded():
            return replace(file, state=CaseState.CONCLUDED, outcome=event.outcome, ended_at=event.at)
        case _:
            assert_never(event)


def _item(file: CaseFile, item: str, **changes: object) -> CaseFile:
    live: LiveItem = replace(file.items[item], **changes)  # type: ignore[arg-type]  # checked by LiveItem's own fields
    return replace(file, items={**file.items, item: live})


def _proof(file: CaseFile, proof: str, **changes: object) -> CaseFile:
    live: LiveProof = replace(file.proofs[proof], **changes)  # type: ignore[arg-type]  # as above
    return replace(file, proofs={**file.proofs, proof: live})


AboutRung = (
    RouteExhausted
    | VerificationAssigned
    | VerificationReminded
    | VerificationSuspended
    | VerificationResumed
    | VerificationAnswered
)


def _clock(file: CaseFile, event: AboutRung) -> Ledger:
    return file.verifications[event.proof, event.round, event.rung].clock


def _verification(file: CaseFile, event: AboutRung, **changes: object) -> CaseFile:
    rung = (event.proof, event.round, event.rung)
    live: LiveVerification = replace(file.verifications[rung], **changes)  # type: ignore[arg-type]  # as above
    return replace(file, verifications={**file.verifications, rung: live})


def _without_moot(file: CaseFile, at: datetime) -> CaseFile:
    """Questions that nobody waits for any more are withdrawn, whatever made them moot."""
    moot = {
        rung: replace(live, state=VerificationState.WITHDRAWN, ended_at=at)
        for rung, live in file.verifications.items()
        if live.state is VerificationState.OPEN
        for proof in (file.proofs[rung[0]],)
        if proof.state is not ProofState.VERIFYING or (proof.round, proof.rung) != rung[1:] or proof.gave_up
    }
    return replace(file, verifications={**file.verifications, **moot}) if moot else file


def _day_moved_on(file: CaseFile, event: ApplicationAmended, item: str) -> bool:
    day = event.milestones.get(file.declared_item(item).not_before or "")
    return day is not None and day > event.at


def _replanned(file: CaseFile, event: ApplicationAmended) -> CaseFile:
    items: dict[str, LiveItem] = {}
    for entry in event.plan.items:
        live = file.items.get(entry.id)
        if live is None:
            items[entry.id] = LiveItem(entry, since=event.at)
        elif live.state in WITH_US and _day_moved_on(file, event, entry.id):
            # Its clock began for a day that is not the day any more.
            items[entry.id] = LiveItem(entry, since=event.at, attempt=live.attempt)
        elif live.state in NOT_YET_SUBMITTED:
            items[entry.id] = replace(live, planned=entry)
        elif live.state is ItemState.REJECTED:
            # The amendment answers the rejection: sent again, as corrected, once its proofs hold.
            items[entry.id] = replace(live, planned=entry, state=ItemState.ACCEPTED, since=event.at, fault=None)
        elif live.no_longer_applied:
            # An earlier amendment took it out of play, this one brings it back.
            items[entry.id] = LiveItem(entry, since=event.at, attempt=live.attempt)
        else:
            items[entry.id] = live
    # An item that no longer applies stays in the file until its cancellation is told: nothing disappears.
    items |= {item: live for item, live in file.items.items() if item not in items}
    proofs: dict[str, LiveProof] = {}
    for needed in event.plan.proofs:
        before = file.proofs.get(needed.proof)
        if before is None:
            proofs[needed.proof] = LiveProof(needed, since=event.at)
        elif needed.proof in event.reopened:
            proofs[needed.proof] = LiveProof(needed, since=event.at, round=before.round + 1)
        else:
            proofs[needed.proof] = replace(before, planned=needed)
    proofs |= {proof: live for proof, live in file.proofs.items() if proof not in proofs}
    return replace(
        file,
        plan=event.plan,
        circumstances=event.circumstances,
        milestones=event.milestones,
        corrected={**file.corrected, **dict.fromkeys(event.changed, event.at)},
        # A day that was moved has to come once more.
        reached=frozenset(one for one in file.reached if event.milestones.get(one) == file.milestones.get(one)),
        items=items,
        proofs=proofs,
        notes={**file.notes, "amended": event.note},
    )
