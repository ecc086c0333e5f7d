"""核验待办: what a unit has been asked, by queue and by when it is due; and handing out many at once.

The list names no person, so that it may be left open on a desk. A person's number is searched by a form
and never stands in an address.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select

from api.acts import Sent
from api.house import House, TheHouse
from api.inbox import Inbox, InboxSearch, counted_queues, found_in_inbox, list_of_inbox, wanted_by
from api.pages.doors import MayAssign, MayReadInbox, MaySearchInbox
from api.pages.faults import PageRoute
from api.pages.ladder import Warned
from api.pages.own_answers import cursor_after, told
from api.pages.rendering import HEADERS, once, render
from api.problems import Trouble
from api.shapes import PLAIN, Cursor
from api.verification_view import VerificationView
from api.verifications import ASSIGNED_AT_MOST, AssignedRow, Assignments, assigned
from domain.refusals import Refusal
from domain.scopes import Action, Reach, Viewer, reach
from store.database import again_if_lost
from store.duty import ANSWERS
from store.read_models.verifications import OVER, Queue
from store.tables import accounts

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROWS: Final = 25
Typed = Annotated[str, Form(max_length=4000)]

EMPTY: Final[Mapping[Queue, str]] = {
    Queue.OPEN: "没有待答复的核验。部门或社区被问到时, 会立即出现在这里。",
    Queue.MINE: "没有在您手中的核验。您认领或被指派后, 会出现在这里。",
    Queue.UNIT: "没有待认领的核验。",
    Queue.COLLEAGUES: "同事手中没有核验。",
    Queue.SOON: "一小时内没有到期的核验。",
    Queue.SUSPENDED: "没有中止计时的核验。",
    Queue.LATE_OR_CONTRADICTING: "没有迟到或不一致的答复。",
    Queue.ENDED: "还没有已结束的核验。",
}
SORTS: Final = {"citizen_id": "公民身份号码", "passport": "护照号码", "phone": "手机号码"}
"""By what a person can be looked for."""
WRONG: Final = {
    "case_no": "这不是办件编号。按身份号码或手机号码查找, 请用下面的“按当事人查找”。",
    "person": "请选择号码种类, 填写完整号码, 并写明理由(2 至 500 字)。",
    "ids": "请至少勾选一项。",
    "to": "请选择分派给谁。",
    "reason": "请写明分派理由, 2 至 500 字。",
}


@dataclass(frozen=True)
class QueueTab:
    """One queue above the list."""

    code: str
    title: str
    title_en: str
    many: int
    current: bool


@dataclass(frozen=True)
class InboxRow:
    """One verification in the list."""

    view: VerificationView
    warning: Warned
    by: str | None
    """Who has it; of what has ended, who answered."""
    mine: bool


@dataclass(frozen=True)
class Looking:
    """What is looked at, and what was typed into the forms."""

    queue: Queue = Queue.OPEN
    q: str = ""
    cursor: str | None = None
    wrong: str | None = None
    person: Mapping[str, str] | None = None
    found: Sequence[VerificationView] | None = None
    """What a search for a person has found, in place of the queue."""
    chosen: frozenset[UUID] = frozenset()
    to: str = ""
    reason: str = ""
    assigned: int | None = None
    """How many have just been handed out."""
    refused: Sequence[AssignedRow] = ()


@router.get("/inbox", name="inbox_page")
def inbox_page(
    house: TheHouse,
    viewer: MayReadInbox,
    request: Request,
    queue: Annotated[Queue, Query()] = Queue.OPEN,
    q: Annotated[str, Query(max_length=40, pattern=PLAIN)] = "",
    cursor: Cursor = None,
    fragment: Annotated[Literal["rows"] | None, Query(description="rows: only the list.")] = None,
    assigned: Annotated[int | None, Query(ge=1, le=ASSIGNED_AT_MOST)] = None,
) -> Response:
    """A page of one queue."""
    looking = Looking(queue, q, cursor, assigned=assigned)
    return _page(house, viewer, request, looking, rows_only=fragment is not None)


@router.post("/inbox/find", name="find_in_inbox_by_form")
def find(
    house: TheHouse,
    viewer: MaySearchInbox,
    request: Request,
    queue: Annotated[Queue, Form()] = Queue.OPEN,
    q: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Inside a queue. Posted, because somebody may type a person's name or number, which no address should hold.

    What was found is a case number or a part of a proof's title, so it may stand in one.
    """
    typed = " ".join(q.split())[:40]
    looking = Looking(queue, typed)
    views, _, wrong = _listed(house, viewer, request, looking)
    if views and typed:
        return RedirectResponse(f"/inbox?{urlencode({'queue': queue, 'q': typed})}", 303, HEADERS)
    return _page(house, viewer, request, replace(looking, wrong=wrong, found=() if typed else None))


@router.post("/inbox/search", name="search_inbox_by_form")
def search(
    house: TheHouse,
    viewer: MaySearchInbox,
    request: Request,
    queue: Annotated[Queue, Form()] = Queue.OPEN,
    by: Typed = "",
    value: Typed = "",
    reason: Typed = "",
) -> Response:
    """The questions about one person; posted, because addresses end up in logs."""
    person = {"by": by, "value": value, "reason": reason}
    try:
        asked = InboxSearch.model_validate(
            {"by": by, "value": value.strip(), "reason": " ".join(reason.split()), "queue": queue}
        )
        found = found_in_inbox(house, viewer, asked).verifications
    except (ValidationError, Refusal, Trouble) as fault:
        if isinstance(fault, Trouble) and fault.status_code != 422:
            raise
        return _page(house, viewer, request, Looking(queue, wrong=WRONG["person"], person=person))
    return _page(house, viewer, request, Looking(queue, person=person, found=found))


@router.post("/inbox/assignments", name="assign_by_form")
def assign(
    house: TheHouse,
    viewer: MayAssign,
    request: Request,
    queue: Annotated[Queue, Form()] = Queue.OPEN,
    ids: Annotated[list[UUID] | None, Form(max_length=ASSIGNED_AT_MOST)] = None,
    to: Typed = "",
    reason: Typed = "",
    mark: Annotated[str, Form(alias="once", max_length=40)] = "",
) -> Response:
    """Hand out what was ticked; each row is told what became of it."""
    chosen, why = tuple(ids or ()), " ".join(reason.split())
    looking = Looking(queue, chosen=frozenset(chosen), to=to, reason=reason)
    try:
        asked = Assignments.model_validate({"ids": [str(one) for one in chosen], "to": to, "reason": why})
    except ValidationError as fault:
        field = str(fault.errors()[0]["loc"][0])
        return _page(house, viewer, request, replace(looking, wrong=WRONG[field]))
    body = " ".join([to, why, *map(str, chosen)])
    rows = assigned(house, viewer, asked, Sent(f"{mark} {body}", body)).rows
    refused = [row for row in rows if not row.assigned]
    if not refused:
        return RedirectResponse(f"/inbox?{urlencode({'queue': queue, 'assigned': len(rows)})}", 303, HEADERS)
    left = replace(looking, chosen=frozenset(row.id for row in refused), refused=refused)
    return _page(house, viewer, request, replace(left, assigned=len(rows) - len(refused) or None))


@router.get("/inbox/find", name="back_from_inbox_find")
@router.get("/inbox/search", name="back_from_inbox_search")
@router.get("/inbox/assignments", name="back_from_assignments")
def back_to_inbox(house: TheHouse, viewer: MayReadInbox, request: Request) -> Response:
    """An address to which only forms are sent, opened once more."""
    return _page(house, viewer, request, Looking())


def warning(view: VerificationView, house: House) -> Warned:
    """How much of the limit is used up, as the last reminder said."""
    if view.state != "open":
        return ""
    if view.due is None:
        return "stopped"
    if view.due <= house.clock():
        return "over"
    return "late" if view.reminded >= 80 else "half" if view.reminded >= 50 else ""


def colleagues(house: House, unit: str) -> Sequence[str]:
    """The accounts of the unit that could take a verification over."""

    def look() -> Sequence[str]:
        asked = (
            select(accounts.c.account)
            .where(accounts.c.unit == unit, accounts.c.role.in_(ANSWERS), accounts.c.disabled_at.is_(None))
            .order_by(accounts.c.account)
        )
        with house.store.database.glancing() as connection:
            return tuple(connection.execute(asked).scalars())

    return again_if_lost(look)


# ── the page ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _listed(
    house: House, viewer: Viewer, request: Request, looking: Looking
) -> tuple[Sequence[VerificationView], str | None, str | None]:
    """A page of the queue, where it goes on, and what is wrong with what is looked for."""
    q = looking.q.strip() or None
    try:
        answered = list_of_inbox(house, viewer, request, looking.queue, q=q, limit=ROWS, cursor=looking.cursor)
    except Trouble as fault:
        if fault.code != "case_no.not_valid":
            raise
        return (), None, WRONG["case_no"]
    return told(answered, Inbox).verifications, cursor_after(answered), None


def _row(view: VerificationView, house: House, viewer: Viewer) -> InboxRow:
    by = view.owner if view.state == "open" else view.answered_by
    return InboxRow(view, warning(view, house), by, by == viewer.actor.account)


def _page(house: House, viewer: Viewer, request: Request, looking: Looking, *, rows_only: bool = False) -> Response:
    views, more, wrong = looking.found, None, looking.wrong
    if views is None:
        views, more, wrong = _listed(house, viewer, request, looking)
        wrong = looking.wrong or wrong
    counts = counted_queues(house, viewer, wanted_by(house, viewer)).queues
    assigns = reach(viewer, Action.ASSIGN_VERIFICATION)
    return render(
        request,
        "inbox_rows.html" if rows_only else "inbox.html",
        status=409 if looking.refused else 200 if wrong is None else 422,
        here=None if request.method == "GET" else "/inbox",
        fragment=rows_only,
        queues=[QueueTab(one.queue, one.title, one.title_en, one.many, one.queue is looking.queue) for one in counts],
        queue=looking.queue,
        title=next(one for one in counts if one.queue is looking.queue),
        empty=EMPTY[looking.queue],
        over=looking.queue in OVER,
        rows=[_row(view, house, viewer) for view in views],
        more=more,
        looking=looking,
        wrong=wrong,
        sorts=SORTS,
        assigns=assigns is not None,
        # Whoever leads a division hands out inside each unit, whose accounts they name themselves.
        colleagues=colleagues(house, viewer.actor.unit) if assigns is Reach.ADDRESSED else (),
        of_division=reach(viewer, Action.READ_INBOX) is Reach.DIVISION,
        once=once(),
    )
