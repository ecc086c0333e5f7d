"""One question to a unit as it is listed (核验事项): what is asked, who has it, until when; no personal data."""

from uuid import UUID

from pydantic import Field

from api.shapes import Moment, Shown
from api.words import VERIFICATION_STATES
from domain.case_file import VerificationState
from domain.identifiers import grouped_case_no
from domain.timeline import answer_title
from store.read_models.verifications import VerificationLine


class VerificationView(Shown):
    """One verification (部门核验、社区核实)."""

    id: UUID
    case_no: str
    case_no_grouped: str
    proof: str
    title: str
    title_en: str
    route: str
    unit: str = Field(description="The unit that was asked.")
    community: str | None
    immediate: bool = Field(description="30 minutes to answer; otherwise 24 hours.")
    state: str
    state_label: str
    owner: str | None = Field(description="Who has it; null: it waits in the unit's queue.")
    owner_since: Moment
    claimed: bool = Field(description="Somebody said it is theirs; a name from the duty roster binds nobody.")
    opened_at: Moment
    due: Moment | None = Field(description="null while the clock stands still; what has ended keeps what it had.")
    suspended: bool
    reminded: int = Field(description="Percent of the limit at which the last reminder went out.")
    answer: str | None
    answer_label: str | None
    answered_by: str | None
    by_phone: bool
    ended_at: Moment | None


def verification_view(line: VerificationLine) -> VerificationView:
    """The line as it is shown."""
    return VerificationView(
        id=line.id,
        case_no=line.case_no,
        case_no_grouped=grouped_case_no(line.case_no),
        proof=line.proof,
        title=line.title,
        title_en=line.title_en,
        route=line.route,
        unit=line.unit,
        community=line.community,
        immediate=line.immediate,
        state=line.state,
        state_label=VERIFICATION_STATES[VerificationState(line.state)],
        owner=line.owner,
        owner_since=line.owner_since,
        claimed=line.claimed,
        opened_at=line.opened_at,
        due=line.due,
        suspended=line.suspended,
        reminded=line.reminded,
        answer=line.answer,
        answer_label=None if line.answer is None else answer_title(line.route, line.answer).zh,
        answered_by=line.answered_by,
        by_phone=line.by_phone,
        ended_at=line.ended_at,
    )
