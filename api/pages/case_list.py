"""办件列表: the cases that the account may see, by what has to be done about them, with the time that remains.

A list shows the masked name of each applicant; which cases' names were shown is in the access log. What
changes while somebody looks is sent without names, and the browser keeps those that it has.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, literal, select

from api.cases import page_of_cases
from api.house import House, TheHouse
from api.masking import masked
from api.pages.doors import MayFindCase, MayFindTimeline, MayListCases
from api.pages.faults import PageRoute
from api.pages.rendering import HEADERS, render
from api.reach import Sight
from api.shapes import Cursor, read_place, write_place
from domain.bundle import FieldKind
from domain.case_file import ENDED, CaseFile, CaseState, ItemState
from domain.identifiers import grouped_case_no, is_case_no
from domain.scopes import Action, Reach, Viewer, reach
from domain.waiting import Wait, waits
from store.access_log import Access, note_for_unit
from store.cases import OpenedCase
from store.database import again_if_lost
from store.read_models.cases import CaseLine, Order, Wanted, place_of
from store.scoping import cases_visible_to
from store.tables import cases

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROWS: Final = 25
COUNTED_AT_MOST: Final = 999
"""Counting on costs the same again and tells nobody anything."""


@dataclass(frozen=True)
class Tab:
    """One view of the list; `whole` views say something about departments that a single one does not see."""

    code: str
    title: str
    wanted: Wanted
    order: Order
    empty: str
    action: Action = Action.LIST_CASES
    whole: bool = False


TABS: Final = (
    Tab(
        "open",
        "办理中",
        Wanted(state=CaseState.OPEN),
        "due",
        "没有正在办理的办件。新收件会立即出现在这里。",
    ),
    Tab(
        "in_hand",
        "待我处理",
        # Of concluded ones too: a late answer may say otherwise than what was decided.
        Wanted(in_hand=True),
        "due",
        "没有需要您处理的办件。共享数据无法证明、信息不一致或部门退回材料时, 办件会出现在这里。",
        Action.SETTLE_PROOF,
        whole=True,
    ),
    Tab(
        "overdue",
        "超期",
        Wanted(overdue=True),
        "due",
        "没有超期的办件。事项超过承诺时限时, 办件会出现在这里。",
        whole=True,
    ),
    Tab("concluded", "已办结", Wanted(state=CaseState.CONCLUDED), "opened", "还没有办结的办件。"),
    Tab("all", "全部", Wanted(), "opened", "还没有办件。收件后会立即出现在这里。"),
)
TabCode = Literal["open", "in_hand", "overdue", "concluded", "all"]


@dataclass(frozen=True)
class TabView:
    """A tab as it stands above the list."""

    code: str
    title: str
    many: str
    current: bool


@dataclass(frozen=True)
class Row:
    """One case in the list, as far as the viewer sees it."""

    line: CaseLine
    number: str
    applicant: str | None
    """Masked; None: this answer leaves it out."""
    concluded: int
    in_play: int
    waits: tuple[Wait, ...]
    due: datetime | None
    overdue: int
    in_hand: int

    @property
    def title(self) -> str:
        """What the case is about."""
        return self.line.title

    @property
    def title_en(self) -> str:
        """The same in English."""
        return self.line.title_en


@router.get("/cases", name="case_list_page")
def case_list_page(
    house: TheHouse,
    viewer: MayListCases,
    request: Request,
    tab: Annotated[TabCode | None, Query()] = None,
    cursor: Cursor = None,
    fragment: Annotated[Literal["rows"] | None, Query(description="rows: only the list, without names.")] = None,
) -> Response:
    """A page of one view of the list."""
    return _page(house, viewer, request, tab, cursor, rows_only=fragment is not None)


@router.post("/cases/find", name="find_case_by_form")
def find_case(
    house: TheHouse, viewer: MayFindCase, request: Request, case_no: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """To the case of that number. Posted, because somebody may type another number, which no address should hold."""
    number = read_number(case_no)
    if number is None:
        return _page(house, viewer, request, None, None, typed=case_no, wrong=NOT_A_NUMBER)
    if not page_of_cases(house, viewer, Wanted(case_no=number), "opened", None, 1):
        return _page(house, viewer, request, None, None, typed=case_no, wrong=NOT_FOUND)
    return RedirectResponse(f"/cases/{number}", 303, HEADERS)


@router.post("/timelines/find", name="find_timeline_by_form")
def find_timeline(
    viewer: MayFindTimeline, request: Request, case_no: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """To the timeline of the case of that number, for whoever may see what happened but not whose case it is."""
    number = read_number(case_no)
    if number is None:
        return render(
            request, "home.html", status=422, here="/", reads_timelines=True, typed=case_no, wrong=NOT_A_NUMBER
        )
    return RedirectResponse(f"/cases/{number}/timeline", 303, HEADERS)


NOT_A_NUMBER: Final = "这不是办件编号。编号共 21 位数字, 请对照回执核对。"
NOT_FOUND: Final = "没有这个编号的办件, 或您无权查看。请对照回执核对。"


def read_number(typed: str) -> str | None:
    """The case number that was typed, grouped or not; None if it is none."""
    number = "".join(typed.replace("-", "").split())
    return number if is_case_no(number) else None


def case_file_of(house: House, line: CaseLine) -> CaseFile:
    """The case at least as new as its line; what this process has folded already is not read again."""
    known = house.store.files.find(line.case_id)
    return known.file if known and known.file.version >= line.version else house.store.case_file(line.case_id)


# ── the page ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(
    house: House,
    viewer: Viewer,
    request: Request,
    code: str | None,
    cursor: str | None,
    *,
    rows_only: bool = False,
    typed: str = "",
    wrong: str | None = None,
) -> Response:
    tabs = [tab for tab in TABS if _has(viewer, tab)]
    tab = next((one for one in tabs if one.code == code), tabs[0])
    after = None if cursor is None else read_place(cursor)
    lines = page_of_cases(house, viewer, tab.wanted, tab.order, after, ROWS)
    more = write_place(place_of(lines[ROWS - 1], tab.order)) if len(lines) > ROWS else None
    files = {line.case_id: case_file_of(house, line) for line in lines[:ROWS]}
    names = {} if rows_only else _names(house, viewer, files.values())
    counts = _counts(house, viewer, tabs)
    return render(
        request,
        "case_rows.html" if rows_only else "case_list.html",
        status=200 if wrong is None else 422,
        here="/cases" if wrong else None,
        fragment=rows_only,
        tabs=[TabView(one.code, one.title, _many(counts[place]), one is tab) for place, one in enumerate(tabs)],
        tab=tab,
        rows=[_row(viewer, line, files[line.case_id], names.get(line.case_id)) for line in lines[:ROWS]],
        cursor=cursor,
        more=more,
        typed=typed,
        wrong=wrong,
    )


def _has(viewer: Viewer, tab: Tab) -> bool:
    of_a_department = reach(viewer, Action.LIST_CASES) is Reach.DEPARTMENT
    return reach(viewer, tab.action) is not None and not (tab.whole and of_a_department)


def _row(viewer: Viewer, line: CaseLine, file: CaseFile, applicant: str | None) -> Row:
    sight = Sight.of(viewer, Action.LIST_CASES, file)
    items = [live for item, live in file.items.items() if sight.item(item)]
    open_items = [live for live in items if live.state not in ENDED]
    found = sorted(
        (wait for wait in waits(file) if sight.whole() or sight.item(wait.what) or sight.proof(wait.what)),
        # What a person can do something about comes first.
        key=lambda wait: wait.on != "caseworker",
    )
    return Row(
        line=line,
        number=grouped_case_no(line.case_no),
        applicant=applicant,
        concluded=sum(live.state is ItemState.CONCLUDED for live in items),
        in_play=len(items),
        waits=tuple(found),
        due=min((live.promised_by for live in open_items if live.promised_by is not None), default=None),
        overdue=sum(live.overdue_since is not None for live in open_items),
        in_hand=sum(wait.on == "caseworker" for wait in found) if sight.whole() else 0,
    )


def _names(house: House, viewer: Viewer, files: Iterable[CaseFile]) -> dict[UUID, str]:
    """The masked name of each case's applicant, as far as the viewer may see it; noted in the access log."""
    wanted = {
        file.case_id: (file, path)
        for file in files
        if Sight.of(viewer, Action.LIST_CASES, file).field(path := f"{file.bundle.applicant}.name")
    }
    if not wanted:
        return {}

    def look() -> dict[UUID, str]:
        with house.store.database.begin() as connection:
            note_for_unit(
                connection,
                [
                    Access(
                        at=house.clock(),
                        by=viewer.actor,
                        action="list_masked",
                        about=tuple(f"{file.opened.case_no}/{path}" for file, path in wanted.values()),
                        purpose="查看办件列表",
                    )
                ],
            )
            dossiers = house.store.vault.open_many(connection, list(wanted))
        found = {}
        for case_id, (file, path) in wanted.items():
            name = OpenedCase(file, dossiers[case_id]).declared(path) if case_id in dossiers else None
            found[case_id] = masked(FieldKind.NAME, name) if name else ""
        return found

    return again_if_lost(look)


def _counts(house: House, viewer: Viewer, tabs: Sequence[Tab]) -> Sequence[int]:
    visible = cases_visible_to(viewer, Action.LIST_CASES)
    each = [
        select(func.count())
        .select_from(
            select(literal(1))
            .select_from(cases)
            .where(visible, *tab.wanted.conditions())
            .limit(COUNTED_AT_MOST + 1)
            .subquery()
        )
        .scalar_subquery()
        for tab in tabs
    ]

    def look() -> Sequence[int]:
        with house.store.database.reading() as connection:
            return tuple(connection.execute(select(*each)).one())

    return again_if_lost(look)


def _many(count: int) -> str:
    return f"{COUNTED_AT_MOST}+" if count > COUNTED_AT_MOST else str(count)
