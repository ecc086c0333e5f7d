"""到龄名单页: every month's list at a glance, and of one month each line with its rule, its reasons and what changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from api import watch_list
from api.house import House, TheHouse
from api.pages.doors import MayReadWatchList
from api.pages.faults import PageRoute
from api.pages.own_answers import cursor_after, told
from api.pages.rendering import render
from api.shapes import Cursor
from api.watch_list import Occasion, WatchList, WatchListLine, WatchListStanding, WatchListSummary
from domain.identifiers import grouped_case_no
from domain.scopes import Action, Reach, Viewer, reach
from domain.time_limits import in_shanghai
from domain.timeline import Text
from domain.watch_list import Outcome
from store.read_models.watch_list import Change

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROWS: Final = 50
Show = Literal["", "due", "conflict", "excluded", "new", "gone", "changed"]
TABS: Final[tuple[tuple[Show, str], ...]] = (
    ("", "全部"),
    ("due", "到龄"),
    ("conflict", "待核"),
    ("excluded", "排除"),
    ("new", "新增"),
    ("gone", "移出"),
    ("changed", "变化"),
)
"""Either by the outcome or by what the last reading changed."""


@dataclass(frozen=True)
class Total:
    """Several lists taken together; `read_at` is of the one that was read longest ago, None if one never was."""

    counts: Mapping[str, int]
    with_case: int
    read_at: datetime | None
    compared: bool
    """Whether any of them was read before."""


@dataclass(frozen=True)
class CaseLink:
    """The case of a line; `address` is None for whoever may not see it."""

    number: str
    address: str | None


@router.get("/watch-list", name="watch_list_page")
def watch_list_page(
    house: TheHouse,
    viewer: MayReadWatchList,
    request: Request,
    occasion: Occasion = "retirement",
    month: Annotated[str, Query(pattern=r"^([0-9]{4}-(0[1-9]|1[0-2]))?$")] = "",
    district: Annotated[str, Query(pattern=r"^([0-9]{6})?$")] = "",
    show: Annotated[Show, Query()] = "",
    cursor: Cursor = None,
) -> Response:
    """Without a month, the months to come; with one, its list."""
    answered = watch_list.summarize_watch_lists(house, viewer, occasion, month or None)
    summary = told(answered, WatchListSummary)
    here = [one for one in summary.lists if district in {"", one.district}]
    lines: Sequence[WatchListLine] = ()
    more = None
    if month:
        listed = watch_list.show_watch_list(
            house, viewer, request, month, occasion, district or None, *_filters(show), ROWS, cursor
        )
        lines, more = told(listed, WatchList).lines, cursor_after(listed)
    return render(
        request,
        "watch_list.html",
        occasion=occasion,
        occasions=_occasions(house),
        month=month,
        district=district,
        districts=sorted({one.district for one in summary.lists} | ({district} if district else set())),
        show=show,
        tabs=TABS,
        groups=_grouped(here, by_district=bool(month)),
        total=_total(here),
        lines=[(one, _case_link(viewer, one)) for one in lines],
        more=more,
        cursor=cursor,
        command=_command(occasion, month),
    )


def _filters(show: Show) -> tuple[Outcome | None, Change | None]:
    if not show:
        return None, None
    return (Outcome(show), None) if show in set(Outcome) else (None, Change(show))


def _grouped(lists: Sequence[WatchListStanding], *, by_district: bool) -> list[tuple[str, Total]]:
    """Each month, or each district of one month, with its numbers."""
    groups: dict[str, list[WatchListStanding]] = {}
    for one in lists:
        groups.setdefault(one.district if by_district else one.month, []).append(one)
    return [(name, _total(of_it)) for name, of_it in groups.items()]


def _total(lists: Iterable[WatchListStanding]) -> Total:
    lists = tuple(lists)
    counts: dict[str, int] = {name: 0 for name, _ in TABS}
    for one in lists:
        changes = {} if one.changes is None else one.changes.model_dump()
        for name, many in (one.outcomes.model_dump() | changes).items():
            counts[name] += many
    counts[""] = sum(counts[outcome.value] for outcome in Outcome) + counts[Change.GONE]
    read = [one.read_at for one in lists]
    return Total(
        counts=counts,
        with_case=sum(one.with_case for one in lists),
        read_at=None if None in read or not read else min(at for at in read if at is not None),
        compared=any(one.changes is not None for one in lists),
    )


def _case_link(viewer: Viewer, one: WatchListLine) -> CaseLink | None:
    if one.case_no is None:
        return None
    address = None
    if one.case_readable:
        address = f"/cases/{one.case_no}"
    elif reach(viewer, Action.READ_CASE_EVENTS) is Reach.EVERYWHERE:
        address = f"/cases/{one.case_no}/timeline"
    return CaseLink(grouped_case_no(one.case_no), address)


def _occasions(house: House) -> Mapping[str, Text]:
    today = in_shanghai(house.clock()).date()
    return {
        discovery.code: Text(discovery.title, discovery.title_en)
        for bundle in house.catalogue.all_in_force(today)
        for discovery in bundle.discoveries
    }


def _command(occasion: str, month: str) -> str:
    """How an operator has the register read now."""
    of_what = "" if occasion == "retirement" else f" --occasion {occasion}"
    return f"onething retire scan{f' --month {month}' if month else ''}{of_what}"
