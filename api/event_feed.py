"""The feed of what happens to all cases (动态), to be read page by page or listened to (SSE).

Both tell the same in the same order and use the same cursors, so a listener that was cut off goes on
where it was. An account hears of its own cases only, and stops hearing when its right is revoked.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.case_view import facts_of
from api.cases import CaseNo
from api.feed import PAGE, News, NotACursor, page_of_news, read_cursor
from api.house import House, TheHouse
from api.identity import MayReadCase, MayReadFeed, identify
from api.limits import StrictRoute
from api.problems import Fault, Trouble
from api.reach import get_case
from api.shapes import V1, Limit, Moment, Shown, answer, next_link
from domain.events import EVENT_CLASSES, read_event
from domain.refusals import Refusal
from domain.scopes import Action, Viewer, reach
from store.database import StoreUnavailable, again_if_lost

router = APIRouter(prefix=V1, tags=["events"], route_class=StrictRoute)

PAGES_LOOKED_THROUGH = 10
"""A small unit's events are few among all; after so many pages the asker goes on by itself."""

After = Annotated[
    str, Query(max_length=40, pattern=r"^(\d{1,19}-\d{1,19})?$", description="The cursor of the last event heard.")
]
Types = Annotated[
    list[str] | None, Query(max_length=len(EVENT_CLASSES), description="Only events of these types; may be repeated.")
]
OfCase = Annotated[
    str | None,
    Query(alias="case_no", max_length=40, description="Only of this case, such as a verification that was asked for."),
]


class FeedEvent(Shown):
    """One event of any case, without personal data."""

    cursor: str
    case_no: str
    bundle: str
    version: int
    type: str
    at: Moment
    account: str
    unit: str
    facts: dict[str, Any]


class FeedPage(Shown):
    """A page of the feed."""

    events: tuple[FeedEvent, ...]
    next: str = Field(description="Where to go on from, also when there is nothing yet.")


@router.get("/events", response_model=FeedPage)
def events(
    house: TheHouse,
    viewer: MayReadFeed,
    request: Request,
    after: After = "",
    types: Types = None,
    of_case: OfCase = None,
    limit: Limit = 100,
) -> Response:
    """What happened to all cases that the account may follow, or to one of them, in an order that misses none."""
    _place(after)
    case = _case(house, viewer, of_case)

    def look() -> FeedPage:
        found: list[FeedEvent] = []
        cursor = after
        for _ in range(PAGES_LOOKED_THROUGH):
            page = page_of_news(house.store, cursor, PAGE)
            for news in page:
                cursor = news.entry.cursor
                if _wanted(news, viewer, types, case):
                    found.append(_view(news))
                if len(found) == limit:
                    break
            if len(found) == limit or len(page) < PAGE:
                break
        return FeedPage(events=tuple(found), next=cursor)

    page = again_if_lost(look)
    return answer(page, headers=next_link(request, after=page.next) if len(page.events) == limit else {})


@router.get(
    "/events/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream_of_events(
    house: TheHouse,
    viewer: MayReadFeed,
    request: Request,
    after: After = "",
    types: Types = None,
    of_case: OfCase = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)] = None,
) -> Response:
    """The same as it happens; without a cursor from now on. With `case_no`, whoever asked hears of that case alone."""
    start = last_event_id or after or None
    _place(start or "")
    case = await run_in_threadpool(_case, house, viewer, of_case)

    def told(news: News) -> str | None:
        return _sse(news, _view(news).model_dump_json()) if _wanted(news, viewer, types, case) else None

    return await stream(house, request, Action.READ_EVENTS_FEED, start, told)


@router.get(
    "/cases/{case_no}/changes",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream_of_case(house: TheHouse, viewer: MayReadCase, request: Request, case_no: CaseNo) -> Response:
    """That the case changed, as it happens: its new version and nothing more, so that a page knows when to look."""
    line = await run_in_threadpool(get_case, house, viewer, Action.READ_CASE, case_no)

    def told(news: News) -> str | None:
        if news.entry.case_id != line.case_id:
            return None
        return f'id: {news.entry.cursor}\nevent: changed\ndata: {{"version":{news.entry.version}}}\n\n'

    # From this instant on, and not from when the first listener was heard: what happens between would be missed.
    start = await run_in_threadpool(house.feed.end)
    return await stream(house, request, Action.READ_CASE, start, told)


async def stream(
    house: House, request: Request, action: Action, after: str | None, told: Callable[[News], str | None]
) -> Response:
    listening = house.feed.listen(after, silence=house.settings.feed_heartbeat_seconds)

    async def lines() -> AsyncIterator[str]:
        async with aclosing(listening):
            yield "retry: 2000\n: listening\n\n"
            async for news in listening:
                if news is not None:
                    if (line := told(news)) is not None:
                        yield line
                elif await run_in_threadpool(_still_allowed, request, action):
                    yield ": still here\n\n"
                else:
                    return

    await house.feed.ready()
    return StreamingResponse(
        lines(), media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
    )


def _still_allowed(request: Request, action: Action) -> bool:
    try:
        return reach(identify(request).viewer, action) is not None
    except (Trouble, Refusal):
        return False
    except StoreUnavailable:
        # Nobody can tell now; the next silence asks again.
        return True


def _case(house: House, viewer: Viewer, case_no: str | None) -> UUID | None:
    """Which case is meant; raises NoSuchCase for one that the account may not follow."""
    return None if case_no is None else get_case(house, viewer, Action.READ_EVENTS_FEED, case_no).case_id


def _wanted(news: News, viewer: Viewer, types: list[str] | None, case: UUID | None) -> bool:
    return (
        (case is None or news.entry.case_id == case)
        and (types is None or news.entry.type in types)
        and news.concerns(viewer, Action.READ_EVENTS_FEED)
    )


def _view(news: News) -> FeedEvent:
    entry, case = news.entry, news.case
    event = read_event(entry.type, EVENT_CLASSES[entry.type].schema_version, entry.body)
    return FeedEvent(
        cursor=entry.cursor,
        case_no=case.case_no,
        bundle=case.bundle,
        version=entry.version,
        type=entry.type,
        at=entry.at,
        account=event.by.account,
        unit=event.by.unit,
        facts=facts_of(event),
    )


def _sse(news: News, data: str) -> str:
    return f"id: {news.entry.cursor}\nevent: {news.entry.type}\ndata: {data}\n\n"


def _place(cursor: str) -> None:
    if not cursor:
        return
    try:
        read_cursor(cursor)
    except NotACursor:
        zh, en = "不是有效的游标", "is not one of our cursors"
        fault = Fault(pointer="", parameter="query.after", code="cursor", detail=en, detail_zh=zh)
        raise Trouble(422, "request.not_valid", zh, f"the cursor {en}", faults=[fault]) from None
