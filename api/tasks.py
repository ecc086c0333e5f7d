"""The caseworker's queue (待办): proofs that no register could show or that one contradicts, and rejected submissions."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.case_view import Tried
from api.house import House, TheHouse
from api.identity import MaySettle
from api.limits import StrictRoute
from api.shapes import (
    V1,
    Cursor,
    Limit,
    Moment,
    Shown,
    answer,
    bad_cursor,
    cursor_parts,
    etag,
    next_link,
    write_cursor,
)
from domain.scopes import Action, Viewer
from store.database import again_if_lost
from store.read_models.progress import Task, TaskPlace, list_tasks
from store.scoping import cases_visible_to

router = APIRouter(prefix=V1, tags=["tasks"], route_class=StrictRoute)


class TaskView(Shown):
    """One thing to decide; where to send the decision, and under which If-Match."""

    case_no: str
    bundle: str
    kind: Literal["escalated", "contested", "rejected"]
    what: str = Field(description="The proof or item.")
    title: str
    title_en: str
    since: Moment
    tried: tuple[Tried, ...]
    differing: tuple[str, ...] = Field(description="The names of values that differ, not the values.")
    department: str | None
    fault: str | None
    act: str = Field(description="Where to post the decision.")
    etag: str


class TaskList(Shown):
    """A page of the queue, longest waiting first."""

    tasks: tuple[TaskView, ...]


@router.get("/tasks", response_model=TaskList)
def list_of_tasks(
    house: TheHouse, viewer: MaySettle, request: Request, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """What waits for a caseworker in the cases that the account may settle."""
    found = page_of_tasks(house, viewer, None if cursor is None else _place(cursor), limit)
    more = {}
    if len(found) > limit:
        last = found[limit - 1]
        more = next_link(request, cursor=write_cursor(last.since.isoformat(), last.case_id, last.what))
    return answer(TaskList(tasks=tuple(_view(task) for task in found[:limit])), headers=more)


def page_of_tasks(house: House, viewer: Viewer, after: TaskPlace | None, limit: int) -> list[Task]:
    """A page and one more, if there is one: it tells that the queue goes on."""

    def look() -> list[Task]:
        with house.store.database.reading() as connection:
            return list_tasks(connection, cases_visible_to(viewer, Action.SETTLE_PROOF), after, limit + 1)

    return again_if_lost(look)


def _view(task: Task) -> TaskView:
    act = f"items/{task.what}/resubmission" if task.kind == "rejected" else f"proofs/{task.what}/settlement"
    return TaskView.model_validate(
        {
            "case_no": task.case_no,
            "bundle": task.bundle,
            "kind": task.kind,
            "what": task.what,
            "title": task.title,
            "title_en": task.title_en,
            "since": task.since,
            "tried": [
                Tried(route=route, reason=reason) for route, _, reason in (one.partition(":") for one in task.tried)
            ],
            "differing": task.differing,
            "department": task.department,
            "fault": task.fault,
            "act": f"{V1}/cases/{task.case_no}/{act}",
            "etag": etag(task.version),
        }
    )


def _place(cursor: str) -> TaskPlace:
    since, case_id, what = cursor_parts(cursor, 3)
    if "\x00" in what:
        raise bad_cursor()
    try:
        return datetime.fromisoformat(since), UUID(case_id), what
    except ValueError:
        raise bad_cursor() from None
