"""What happened to a case (办件), in the words it is stored in for good.

The stored `type` is the word in the literal, never the name of the class, so that a class may be
renamed while twenty-year-old cases stay readable. References only: no name, number, phone or free
text of a person is ever part of an event.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domain.actors import Actor
from domain.bundle import SharedBundle
from domain.plan import Plan
from domain.silence import SilenceRule
from domain.time_limits import Ledger

Answer = Literal["matches", "contradicts", "no_record", "hand_to_community"]
"""一致 · 不一致 · 查无此记录 · 转社区核实."""


class Happened(BaseModel):
    """One fact: when, and by whom."""

    model_config = ConfigDict(frozen=True)
    schema_version: ClassVar[int] = 1

    at: datetime
    by: Actor


class CaseOpened(Happened):
    """收件: one form was filed and taken in by all departments at once (跑一次规定 art. 5)."""

    type: Literal["case_opened"] = "case_opened"
    case_id: UUID
    case_no: str
    bundle: SharedBundle
    division: str
    people: Mapping[str, tuple[UUID, ...]]
    """Section of the form -> the vault keys of its persons, in the order of the form."""
    circumstances: tuple[str, ...]
    milestones: Mapping[str, datetime] = Field(default_factory=dict)
    plan: Plan
    warnings: tuple[str, ...] = ()
    """Codes of what was accepted with a doubt, as "pointer:rule"."""
    application_key: str
    """Keyed hash of the whole application: the same application again is this case."""
    event_keys: tuple[str, ...] = ()
    """Keyed hashes of what may have only one open case (the child)."""


class MilestoneReached(Happened):
    """期日到: the day has come that some items or proofs waited for."""

    type: Literal["milestone_reached"] = "milestone_reached"
    milestone: str


class ItemAccepted(Happened):
    """受理: the item's turn has come and its clock runs."""

    type: Literal["item_accepted"] = "item_accepted"
    item: str
    promised_by: datetime | None
    """None: the limit ends in a year whose calendar of working days is not published."""
    statutory_by: datetime | None = None


class RouteOpened(Happened):
    """A rung of the proof's ladder is tried; `asked` is a register, a department, or who is asked in a word."""

    type: Literal["route_opened"] = "route_opened"
    proof: str
    round: int
    rung: int
    route: str
    asked: str


class RouteExhausted(Happened):
    """A route was tried and could not meet the proof; the next one takes over."""

    type: Literal["route_exhausted"] = "route_exhausted"
    proof: str
    round: int
    rung: int
    route: str
    reason: str
    note: str | None = None
    """Where a person's reason is kept in the case's vault."""


class VerificationOpened(Happened):
    """部门核验 or 社区核实 begins: a unit, and one of its people where the duty roster names one, has until `due`."""

    type: Literal["verification_opened"] = "verification_opened"
    proof: str
    round: int
    rung: int
    route: str
    unit: str
    owner: str | None = None
    """None: the unit's queue, until somebody claims it."""
    community: str | None = None
    immediate: bool
    clock: Ledger
    due: datetime
    remind_at: tuple[datetime, ...]
    """When half, and when four fifths of the limit will be used up."""
    silence: SilenceRule | None = None
    """The rule that the unit had set when the form went out; None: what is declared next."""


class VerificationAssigned(Happened):
    """Who has the verification now, and how it came to them."""

    type: Literal["verification_assigned"] = "verification_assigned"
    proof: str
    round: int
    rung: int
    owner: str | None
    how: Literal["claimed", "released", "handed_over", "taken_back", "assigned"]
    note: str | None = None


class VerificationReminded(Happened):
    """So much of the limit is used up; the owner was reminded."""

    type: Literal["verification_reminded"] = "verification_reminded"
    proof: str
    round: int
    rung: int
    percent: int


class VerificationSuspended(Happened):
    """中止计时: the clock stands still, for the reason under `note`."""

    type: Literal["verification_suspended"] = "verification_suspended"
    proof: str
    round: int
    rung: int
    note: str


class VerificationResumed(Happened):
    """恢复计时: the clock runs again, until `due`."""

    type: Literal["verification_resumed"] = "verification_resumed"
    proof: str
    round: int
    rung: int
    due: datetime
    remind_at: tuple[datetime, ...]


class VerificationAnswered(Happened):
    """The unit answered; what was said, and with whom it was spoken on the telephone, is in the vault under `note`."""

    type: Literal["verification_answered"] = "verification_answered"
    proof: str
    round: int
    rung: int
    answer: Answer
    by_phone: bool = False
    note: str | None = None


class CommitmentAnswered(Happened):
    """告知承诺: signed, with the letter under `note`, or declined."""

    type: Literal["commitment_answered"] = "commitment_answered"
    proof: str
    round: int
    rung: int
    signed: bool
    note: str | None = None


class ProofMet(Happened):
    """The fact is shown; `evidence` tells whether its record is kept in the vault under the proof's name."""

    type: Literal["proof_met"] = "proof_met"
    proof: str
    round: int
    rung: int
    route: str
    evidence: bool = True


class ProofContested(Happened):
    """不一致: a register or a person contradicts what was declared; the items that need it stop until it is settled."""

    type: Literal["proof_contested"] = "proof_contested"
    proof: str
    round: int
    rung: int
    differing: tuple[str, ...]
    """The names of the values that differ, not the values."""
    evidence: bool = True
    """Whether a register's record is kept; a person's contradiction is a note."""


class ProofSettled(Happened):
    """A caseworker settled the proof by hand; the reason is in the case's vault under `note`."""

    type: Literal["proof_settled"] = "proof_settled"
    proof: str
    round: int
    met: bool
    note: str


class ProofDropped(Happened):
    """No item needs the proof any more."""

    type: Literal["proof_dropped"] = "proof_dropped"
    proof: str


class ItemSubmitted(Happened):
    """The item is complete and goes to its department; from here on only the department can end it."""

    type: Literal["item_submitted"] = "item_submitted"
    item: str
    department: str
    attempt: int


class ItemAcknowledged(Happened):
    """The department took it and will answer later, under its own number."""

    type: Literal["item_acknowledged"] = "item_acknowledged"
    item: str
    attempt: int
    reference: str


class ItemConcluded(Happened):
    """办结: the department did it; the products are in the vault of the person they belong to."""

    type: Literal["item_concluded"] = "item_concluded"
    item: str
    attempt: int
    reference: str
    products: tuple[str, ...] = ()


class ItemCorrected(Happened):
    """更正: the department corrects what a concluded item came to; the first result stays beside it, as it was.

    The new values are in the vault of the person they belong to, under the product's name and the `number`.
    """

    type: Literal["item_corrected"] = "item_corrected"
    item: str
    number: int
    """Which correction of the item, from 1."""
    products: tuple[str, ...]
    """The products whose values are others now."""
    note: str
    """Where the reason, and the calculation where there is one, are kept in the case's vault."""


class ItemDenied(Happened):
    """不予许可: a lawful no, from the department or because a proof could not be shown."""

    type: Literal["item_denied"] = "item_denied"
    item: str
    reason_code: str
    reference: str | None = None
    note: str | None = None
    """Where the reason in words is kept in the case's vault."""


class ItemUnreachable(Happened):
    """The item can never begin: one that it comes after did not end well."""

    type: Literal["item_unreachable"] = "item_unreachable"
    item: str
    because: str


class ItemCancelled(Happened):
    """The item had not gone to its department yet and now will not."""

    type: Literal["item_cancelled"] = "item_cancelled"
    item: str
    reason: Literal["withdrawn", "no_longer_applies"]


class SubmissionRejected(Happened):
    """The department could not accept what we sent; a caseworker has to look and send it again."""

    type: Literal["submission_rejected"] = "submission_rejected"
    item: str
    attempt: int
    fault: str


class DepartmentUnreachable(Happened):
    """The department does not answer, or not readably; the item waits and is tried again."""

    type: Literal["department_unreachable"] = "department_unreachable"
    item: str
    department: str
    since: datetime
    fault: str


class ItemOverdue(Happened):
    """The promised date has passed; the department owes a public explanation (优化营商环境条例 art. 36)."""

    type: Literal["item_overdue"] = "item_overdue"
    item: str
    promised_by: datetime


class LateAnswerRecorded(Happened):
    """An answer came when the matter was settled already; it changes nothing and is not lost."""

    type: Literal["late_answer_recorded"] = "late_answer_recorded"
    about: str
    answer: str
    contradicts: bool = False
    reference: str | None = None
    round: int | None = None
    rung: int | None = None
    """Which verification it answers; None for a register or a department."""
    by_phone: bool = False
    note: str | None = None


class ApplicationAmended(Happened):
    """The applicant corrected the form; what departments have already is named and stays as it is."""

    type: Literal["application_amended"] = "application_amended"
    changed: tuple[str, ...]
    circumstances: tuple[str, ...]
    plan: Plan
    reopened: tuple[str, ...] = ()
    already_with_departments: tuple[str, ...] = ()
    milestones: Mapping[str, datetime] = Field(default_factory=dict)
    note: str


class CaseWithdrawn(Happened):
    """撤回: items not yet with a department are cancelled, the others stay."""

    type: Literal["case_withdrawn"] = "case_withdrawn"
    note: str
    already_with_departments: tuple[str, ...] = ()


class CaseConcluded(Happened):
    """Every item has ended: `complete` if each was concluded, else `partial`."""

    type: Literal["case_concluded"] = "case_concluded"
    outcome: Literal["complete", "partial"]


Event = Annotated[
    CaseOpened
    | MilestoneReached
    | ItemAccepted
    | RouteOpened
    | RouteExhausted
    | VerificationOpened
    | VerificationAssigned
    | VerificationReminded
    | VerificationSuspended
    | VerificationResumed
    | VerificationAnswered
    | CommitmentAnswered
    | ProofMet
    | ProofContested
    | ProofSettled
    | ProofDropped
    | ItemSubmitted
    | ItemAcknowledged
    | ItemConcluded
    | ItemCorrected
    | ItemDenied
    | ItemUnreachable
    | ItemCancelled
    | SubmissionRejected
    | DepartmentUnreachable
    | ItemOverdue
    | LateAnswerRecorded
    | ApplicationAmended
    | CaseWithdrawn
    | CaseConcluded,
    Field(discriminator="type"),
]
"""Everything that can have happened."""

EVENT_CLASSES: Final[Mapping[str, type[Happened]]] = {
    kind.model_fields["type"].default: kind for kind in get_args(get_args(Event)[0])
}

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {}
"""(type, stored schema version) -> how a body of that version reads in the next one."""

_EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)


class Recorded(BaseModel):
    """An event and its place in the stream of its case, counted from 1."""

    model_config = ConfigDict(frozen=True)

    version: int
    event: Event


def read_event(kind: str, schema_version: int, body: str) -> Event:
    """The event as stored, brought to today's shape; an unknown type is a fault, never skipped."""
    if schema_version == EVENT_CLASSES[kind].schema_version:
        return _EVENT.validate_json(body)
    changed: dict[str, Any] = json.loads(body)
    for version in range(schema_version, EVENT_CLASSES[kind].schema_version):
        changed = UPCASTERS[kind, version](changed)
    return _EVENT.validate_python(changed)


def write_event(event: Event) -> str:
    """The event as it is stored: JSON, defaults written out, so that a later default cannot change an old event."""
    return event.model_dump_json()
