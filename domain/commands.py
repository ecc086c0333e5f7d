"""What someone asks of a case, with its own time and actor.

Time arrives here and nowhere else: the rules own no clock, so the same command on the same case
always has the same outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from domain.actors import Actor
from domain.bundle import Bundle
from domain.events import Answer
from domain.silence import SilenceRule
from domain.time_limits import OfficeHours

_NAMESPACE = UUID("6f6e6574-6869-5e67-8a00-636f6d6d616e")


def command_id(*parts: object) -> UUID:
    """The id of a command that comes from the same cause, however often it is sent."""
    return uuid5(_NAMESPACE, "|".join(str(part) for part in parts))


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Every command: its id (for idempotency), when, by whom, and which version the asker saw."""

    id: UUID
    at: datetime
    by: Actor
    expected_version: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCase(Asked):
    """Take in one application; its personal content is in the vault already."""

    case_id: UUID
    case_no: str
    bundle: Bundle
    division: str
    people: Mapping[str, tuple[UUID, ...]]
    counts: Mapping[str, int]
    circumstances: tuple[str, ...]
    milestones: Mapping[str, datetime] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    application_key: str
    event_keys: tuple[str, ...] = ()


RegisterOutcome = Literal["matches", "contradicts", "not_found", "unreadable", "unreachable", "key_missing", "no_grant"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordRegisterAnswer(Asked):
    """A register answered, or its retry budget is spent (`unreachable`)."""

    proof: str
    round: int
    rung: int
    outcome: RegisterOutcome
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SettleProof(Asked):
    """A caseworker decides a contested or escalated proof by hand."""

    proof: str
    met: bool
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordDepartmentAnswer(Asked):
    """A department answered a submission, at once or by callback; `attempt` None means the current one."""

    item: str
    answer: Literal["acknowledged", "concluded", "denied"]
    reference: str
    attempt: int | None = None
    products: tuple[str, ...] = ()
    reason_code: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectItem(Asked):
    """The department corrects a concluded item: `products` are those whose new values differ from what stands."""

    item: str
    products: tuple[str, ...]
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteUnreachable(Asked):
    """A department has not answered within its retry budget; the item goes on waiting."""

    item: str
    attempt: int
    since: datetime
    fault: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteRejection(Asked):
    """A department refused to read the submission: trying again unchanged would not help."""

    item: str
    attempt: int
    fault: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ResubmitItem(Asked):
    """A caseworker sends a rejected submission again."""

    item: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteOverdue(Asked):
    """A promised date has passed."""

    item: str
    promised_by: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AmendApplication(Asked):
    """The applicant corrects declared fields; the new values are in the vault already."""

    changed: tuple[str, ...]
    circumstances: tuple[str, ...]
    counts: Mapping[str, int]
    milestones: Mapping[str, datetime] = field(default_factory=dict)
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteMilestone(Asked):
    """A day that something waits for has come; what follows from it follows by itself."""

    milestone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawCase(Asked):
    """The applicant takes the application back."""

    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AboutVerification(Asked):
    """A command about one rung on which a person answers."""

    proof: str
    round: int
    rung: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenVerification(AboutVerification):
    """The engine found who has to answer; without a `unit` the rung gives up for `reason`."""

    unit: str | None
    owner: str | None = None
    community: str | None = None
    hours: OfficeHours | None = None
    silence: SilenceRule | None = None
    reason: str = "nobody_on_duty"


@dataclass(frozen=True, kw_only=True, slots=True)
class AssignVerification(AboutVerification):
    """Claim, release, hand over, take back, hand out; `owner` None puts it into the unit's queue."""

    how: Literal["claimed", "released", "handed_over", "taken_back", "assigned"]
    owner: str | None
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerVerification(AboutVerification):
    """An officer or community worker answers; everything but a match needs a reason, kept under `note`."""

    answer: Answer
    by_phone: bool = False
    note: str | None = None
    corrects: AmendApplication | None = None
    """What whoever confirms has corrected in the form: it is confirmed as corrected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemindVerification(AboutVerification):
    """So many percent of the limit are used up."""

    percent: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpireVerification(AboutVerification):
    """The limit is over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspendVerification(AboutVerification):
    """Stop the clock, for the reason under `note`; a superior may, whoever has claimed it."""

    note: str
    as_superior: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ResumeVerification(AboutVerification):
    """Let the clock run again; a superior may, whoever has claimed it."""

    as_superior: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class EscalateProof(Asked):
    """A superior does not wait for the rungs between: the proof goes to the last one, for the reason under `note`."""

    proof: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerCommitment(Asked):
    """The applicant signed the letter kept under `note`, or declined to."""

    proof: str
    signed: bool
    note: str | None = None


Command = (
    OpenCase
    | OpenVerification
    | AssignVerification
    | AnswerVerification
    | RemindVerification
    | ExpireVerification
    | SuspendVerification
    | ResumeVerification
    | EscalateProof
    | AnswerCommitment
    | NoteMilestone
    | RecordRegisterAnswer
    | SettleProof
    | RecordDepartmentAnswer
    | CorrectItem
    | NoteUnreachable
    | NoteRejection
    | ResubmitItem
    | NoteOverdue
    | AmendApplication
    | WithdrawCase
)
"""Everything that can be asked."""
