"""核验待办 over HTTP: what a unit was asked, by queue, by number and by person; no personal data.

A queue may be left open on a desk. Only a search for one person asks a reason, and is on record.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from api.case_view import Sentence
from api.house import House, TheHouse
from api.identity import MayReadInbox
from api.limits import StrictRoute
from api.people import find_people, read_wanted
from api.question import shows
from api.reach import typed_case_no
from api.shapes import (
    PLAIN,
    V1,
    Asked,
    Cursor,
    Limit,
    Reason,
    Shown,
    answer,
    next_link,
    read_place,
    write_place,
)
from api.verification_view import VerificationView, verification_view
from domain.scopes import Action, Viewer
from store.access_log import Access, note_for_case, note_for_unit
from store.commands import load
from store.database import again_if_lost
from store.read_models.verifications import (
    InboxWanted,
    Place,
    Queue,
    VerificationLine,
    count_queues,
    inbox,
    inbox_of_people,
    place_of,
)
from store.scoping import verifications_visible_to

router = APIRouter(prefix=V1, tags=["verifications"], route_class=StrictRoute)

FOUND_AT_MOST: Final = 50
LONGEST_NUMBER_IN_A_TITLE: Final = 10

QUEUES: Final[Mapping[Queue, Sentence]] = {
    Queue.OPEN: Sentence(zh="全部待办", en="All open"),
    Queue.MINE: Sentence(zh="我的", en="Mine"),
    Queue.UNIT: Sentence(zh="本单位待领", en="Unclaimed"),
    Queue.COLLEAGUES: Sentence(zh="同事办理中", en="With colleagues"),
    Queue.SOON: Sentence(zh="一小时内到期", en="Due within an hour"),
    Queue.SUSPENDED: Sentence(zh="已中止计时", en="Clock stopped"),
    Queue.LATE_OR_CONTRADICTING: Sentence(zh="迟到或不一致的答复", en="Late or contradicting"),
    Queue.ENDED: Sentence(zh="已结束", en="Ended"),
}

Code = Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$")]
InQueue = Annotated[Queue, Query(description="Which queue.")]
Sought = Annotated[
    str | None,
    Query(min_length=1, max_length=40, pattern=PLAIN, description="A case number, or a part of the proof's title."),
]


class InboxSearch(Asked):
    """Whose verifications to look for inside a queue, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"by": "citizen_id", "value": "339901199403170006", "reason": "当事人来电询问"}]
        }
    )

    by: Literal["citizen_id", "passport", "phone"]
    value: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(description="The whole of it.")
    reason: Reason
    queue: Annotated[Queue, Field(strict=False)] = Queue.OPEN


class Inbox(Shown):
    """A page of a queue, the next due first; the Link header leads on."""

    verifications: tuple[VerificationView, ...]


class QueueCount(Shown):
    """How much a queue holds."""

    queue: Queue
    title: str
    title_en: str
    many: int


class InboxCounts(Shown):
    """Every queue with its number, of one instant."""

    queues: tuple[QueueCount, ...]


@router.get("/inbox", response_model=Inbox)
def list_of_inbox(
    house: TheHouse,
    viewer: MayReadInbox,
    request: Request,
    queue: InQueue = Queue.OPEN,
    unit: Code = None,
    owner: Code = None,
    q: Sought = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """One queue of the account: its unit's, or those of its division; no personal data."""
    wanted = wanted_by(house, viewer, queue=queue, unit=unit, owner=owner, q=q)
    lines = page_of_inbox(house, viewer, wanted, None if cursor is None else read_place(cursor), limit)
    more = next_link(request, cursor=write_place(place_of(lines[limit - 1], queue))) if len(lines) > limit else {}
    return answer(Inbox(verifications=tuple(verification_view(line) for line in lines[:limit])), headers=more)


def wanted_by(
    house: House,
    viewer: Viewer,
    *,
    queue: Queue = Queue.OPEN,
    unit: str | None = None,
    owner: str | None = None,
    q: str | None = None,
) -> InboxWanted:
    """The question as the account asks it now; raises 422 for a number that is no case number."""
    case_no, title = (None, None) if q is None else _looked_for(q)
    return InboxWanted(
        account=viewer.actor.account,
        at=house.clock(),
        queue=queue,
        unit=unit,
        owner=owner,
        case_no=case_no,
        title=title,
    )


def page_of_inbox(
    house: House, viewer: Viewer, wanted: InboxWanted, after: Place | None, limit: int
) -> list[VerificationLine]:
    """A page and one line more, if there is one: it tells that the queue goes on."""

    def look() -> list[VerificationLine]:
        with house.store.database.reading() as connection:
            visible = verifications_visible_to(viewer, Action.READ_INBOX)
            return inbox(connection, visible, wanted, after, limit + 1)

    return again_if_lost(look)


def _looked_for(typed: str) -> tuple[str | None, str | None]:
    # A long number that is none of ours may be a person's; a search for it goes through POST, where nobody logs it.
    if sum(letter.isdigit() for letter in typed) > LONGEST_NUMBER_IN_A_TITLE:
        return typed_case_no(typed), None
    return None, typed.strip() or None


@router.get("/inbox/counts", response_model=InboxCounts)
def counts_of_inbox(
    house: TheHouse, viewer: MayReadInbox, unit: Code = None, owner: Code = None, q: Sought = None
) -> Response:
    """How much each queue holds, so that nobody has to open them all."""
    return answer(counted_queues(house, viewer, wanted_by(house, viewer, unit=unit, owner=owner, q=q)))


def counted_queues(house: House, viewer: Viewer, wanted: InboxWanted) -> InboxCounts:
    """The numbers of all queues."""

    def look() -> Mapping[Queue, int]:
        with house.store.database.glancing() as connection:
            return count_queues(connection, verifications_visible_to(viewer, Action.READ_INBOX), wanted)

    counts = again_if_lost(look)
    return InboxCounts(
        queues=tuple(
            QueueCount(queue=queue, title=QUEUES[queue].zh, title_en=QUEUES[queue].en, many=many)
            for queue, many in counts.items()
        )
    )


@router.post("/inbox/search", response_model=Inbox)
def search_inbox(house: TheHouse, viewer: MayReadInbox, asked: InboxSearch) -> Response:
    """The questions about one person inside a queue, by the person's number or phone; the search is in the access log."""
    return answer(found_in_inbox(house, viewer, asked))


def found_in_inbox(house: House, viewer: Viewer, asked: InboxSearch) -> Inbox:
    """The questions that show the verifier something about this person; raises 422 for what no number can be."""
    value = read_wanted(house, asked.by, asked.value)
    wanted = wanted_by(house, viewer, queue=asked.queue)

    def look() -> Inbox:
        at, by, about = house.clock(), viewer.actor, (asked.by,)
        with house.store.database.begin() as connection:
            note_for_unit(connection, [Access(at=at, by=by, action="search_inbox", about=about, purpose=asked.reason)])
            people = find_people(house, connection, asked.by, value)
            visible = verifications_visible_to(viewer, Action.READ_INBOX)
            rows = inbox_of_people(connection, visible, wanted, people, FOUND_AT_MOST) if people else []
            files = {line.case_id: load(connection, house.store.files, line.case_id) for line, _ in rows}
            # Who stands elsewhere in the same case is nobody the verifier was asked about.
            found = {
                line.id: line
                for line, section in rows
                if any(path.startswith(f"{section}.") for path in shows(files[line.case_id], line.on_ladder))
            }
            # In one order for everybody, so that two searches never wait for each other.
            for case_id in sorted({line.case_id for line in found.values()}):
                access = Access(
                    at=at, by=by, action="found_by_search", about=about, purpose=asked.reason, case_id=case_id
                )
                note_for_case(connection, case_id, [access])
            return Inbox(verifications=tuple(verification_view(line) for line in found.values()))

    return again_if_lost(look)
