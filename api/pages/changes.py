"""That something changed, as it happens (实时更新): a page is told which case, and asks the server for the rest.

The place in the feed is taken before the answer begins, so that nothing falls between the page and its stream.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.cases import CaseNo
from api.event_feed import stream  # the API's own, so that both stop at the same moment
from api.feed import News, NotACursor, read_cursor
from api.house import House, TheHouse
from api.pages.doors import MayListCases, MayReadCase, MayReadInbox
from api.pages.faults import PageRoute
from api.reach import get_case
from domain.scopes import Action

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)]


@router.get("/cases/changes", name="stream_of_case_list", response_class=StreamingResponse)
async def changes_of_list(
    house: TheHouse, viewer: MayListCases, request: Request, last_event_id: LastEventId = None
) -> Response:
    """That one of the account's cases changed."""
    return await _told(
        house, request, Action.LIST_CASES, last_event_id, lambda news: news.concerns(viewer, Action.LIST_CASES)
    )


@router.get("/inbox/changes", name="stream_of_inbox", response_class=StreamingResponse)
async def changes_of_inbox(
    house: TheHouse, viewer: MayReadInbox, request: Request, last_event_id: LastEventId = None
) -> Response:
    """That a case changed about which the unit was asked, or one of the division's."""
    return await _told(
        house, request, Action.READ_INBOX, last_event_id, lambda news: news.concerns(viewer, Action.READ_INBOX)
    )


@router.get("/cases/{case_no}/changes", name="stream_of_case_page", response_class=StreamingResponse)
async def changes_of_case(
    house: TheHouse, viewer: MayReadCase, request: Request, case_no: CaseNo, last_event_id: LastEventId = None
) -> Response:
    """That this case changed."""
    line = await run_in_threadpool(get_case, house, viewer, Action.READ_CASE, case_no)
    return await _told(house, request, Action.READ_CASE, last_event_id, lambda news: news.entry.case_id == line.case_id)


async def _told(
    house: House, request: Request, action: Action, heard: str | None, concerns: Callable[[News], bool]
) -> Response:
    def told(news: News) -> str | None:
        if not concerns(news):
            return None
        return f"id: {news.entry.cursor}\nevent: changed\ndata: {news.case.case_no}\n\n"

    return await stream(house, request, action, await run_in_threadpool(_start, house, heard), told)


def _start(house: House, heard: str | None) -> str:
    try:
        if heard:
            read_cursor(heard)
            return heard
    except NotACursor:
        pass

    return house.feed.end()
