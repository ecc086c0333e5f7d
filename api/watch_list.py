"""到龄名单: who comes to an age, by which rule and why, as the bureau reads it; it names nobody.

The list is made by the nightly reading of the register, and this only shows it: a doubt is settled where
it arose, in the register, and the next reading sees that.
"""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from api.house import House, TheHouse
from api.identity import allowed
from api.limits import StrictRoute
from api.shapes import (
    V1,
    Cursor,
    Limit,
    Moment,
    Named,
    Shown,
    answer,
    bad_cursor,
    cursor_parts,
    next_link,
    write_cursor,
)
from domain.law.months import month_text, read_month
from domain.scopes import Action, Viewer
from domain.watch_list import (
    Outcome,
    fault_in_words,
    months_ahead,
    occasion_in_force,
    reason_in_words,
    reasons_with_case,
    rule_in_words,
)
from store.access_log import Access, note_for_unit
from store.database import again_if_lost
from store.read_models.watch_list import Change, Line, LinesWanted, ListStands, list_lines, lists_as_they_stand

router = APIRouter(prefix=V1, tags=["watch list"], route_class=StrictRoute)

MayReadWatchList = Annotated[Viewer, Depends(allowed(Action.READ_WATCH_LIST))]

Month = Annotated[
    str, Query(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="The month in which the age is reached.")
]
Occasion = Annotated[
    str, Query(max_length=64, pattern=r"^[a-z][a-z0-9_]*$", description="What is reached: retirement, senior_60 …")
]
District = Annotated[str | None, Query(pattern=r"^[0-9]{6}$", description="Six digits; without it, all that you see.")]


_DISTRICT: Final = re.compile(r"[0-9]{6}")
_PERSON: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class WatchReason(Shown):
    """By which rule somebody is on the list, why somebody has to look first, or what stood in the way of a case."""

    code: str
    zh: str
    en: str


class WatchListLine(Shown):
    """One person, by the register's number; never a name."""

    person: str
    district: str
    month: str
    months: tuple[str, ...] = Field(description="Every month that the register's entries give; several are in doubt.")
    born: str | None = Field(description="The month of birth that leads to the month.")
    rule: WatchReason | None = Field(description="By which rule and birth; null of whom another month lists now.")
    outcome: Outcome
    reasons: tuple[WatchReason, ...]
    change: Change | None = Field(description="Against the reading before; null without one, or if nothing changed.")
    month_now: str | None = Field(description="Of somebody who is gone: the month that lists them now.")
    case_no: str | None
    case_readable: bool = Field(description="Whether this account may read the case.")
    fault: WatchReason | None = Field(description="Why somebody who is due has no case of the scan's own.")


class WatchList(Shown):
    """A page of the list, by district and number."""

    occasion: Named
    month: str
    lines: tuple[WatchListLine, ...]


class WatchOutcomes(Shown):
    """How many stand how."""

    due: int
    conflict: int
    excluded: int


class WatchChanges(Shown):
    """How many differ from the reading before."""

    new: int
    gone: int
    changed: int


class WatchListStanding(Shown):
    """The list of one month and district."""

    month: str
    district: str
    outcomes: WatchOutcomes
    with_case: int
    lines_read: int | None = Field(description="Lines of the register that the last reading went through.")
    read_at: Moment | None = Field(description="When the last reading came to its end; null: none has.")
    read_before_at: Moment | None
    changes: WatchChanges | None = Field(description="Null without a reading before.")


class WatchListSummary(Shown):
    """Every list that the account may see, by month and district."""

    occasion: Named
    lists: tuple[WatchListStanding, ...]


@router.get("/watch-list", response_model=WatchList)
def show_watch_list(
    house: TheHouse,
    viewer: MayReadWatchList,
    request: Request,
    month: Month,
    occasion: Occasion = "retirement",
    district: District = None,
    outcome: Annotated[Outcome | None, Query()] = None,
    change: Annotated[Change | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Who reaches the age in that month, why each is on the list, and what a reading changed; the look is logged."""
    named = _occasion(house, occasion)
    asked = read_month(month)
    wanted = LinesWanted(occasion=occasion, month=asked, district=district, outcome=outcome, change=change)
    after = None if cursor is None else _place(cursor)

    def look() -> list[Line]:
        with house.store.database.begin() as connection:
            about = (f"occasion/{occasion}", f"month/{month}", f"district/{district or 'all'}")
            access = Access(
                at=house.clock(), by=viewer.actor, action="read_watch_list", about=about, purpose="到龄名单 watch list"
            )
            note_for_unit(connection, [access])
            return list_lines(connection, viewer, wanted, after, limit + 1)

    found = again_if_lost(look)
    last = found[limit - 1] if len(found) > limit else None
    more = {} if last is None else next_link(request, cursor=write_cursor(last.district, last.person))
    lines = tuple(_line(one, asked) for one in found[:limit])
    return answer(WatchList(occasion=named, month=month, lines=lines), headers=more)


@router.get("/watch-list/summary", response_model=WatchListSummary)
def summarize_watch_lists(
    house: TheHouse,
    viewer: MayReadWatchList,
    occasion: Occasion = "retirement",
    month: Annotated[
        str | None,
        Query(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="One month; else this one and all after it."),
    ] = None,
) -> Response:
    """How many are on each list, when it was last read, and what that reading changed."""
    named = _occasion(house, occasion)
    first = months_ahead(house.today, 0) if month is None else read_month(month)
    last = None if month is None else first

    def look() -> list[ListStands]:
        with house.store.database.reading() as connection:
            return lists_as_they_stand(connection, viewer, occasion, first, last)

    return answer(WatchListSummary(occasion=named, lists=tuple(map(_standing, again_if_lost(look)))))


def _occasion(house: House, occasion: str) -> Named:
    """The occasion by its names; raises NoSuchOccasion."""
    _, discovery = occasion_in_force(house.catalogue.all_in_force(house.today), occasion)
    return Named(code=discovery.code, title=discovery.title, title_en=discovery.title_en)


def _line(one: Line, month: int) -> WatchListLine:
    gone = one.change == Change.GONE
    reasons = tuple(one.reasons) if gone else reasons_with_case(one.reasons, month, one.case_month)
    return WatchListLine(
        person=one.person,
        district=one.district,
        month=month_text(month),
        months=tuple(map(month_text, one.months)),
        born=None if one.born is None else month_text(one.born),
        rule=_worded(one.rule, rule_in_words(one.rule)) if one.rule else None,
        outcome=Outcome(one.outcome),
        reasons=tuple(_worded(code, reason_in_words(code)) for code in reasons),
        change=None if one.change is None else Change(one.change),
        month_now=None if one.month_now is None else month_text(one.month_now),
        case_no=one.case_no,
        case_readable=one.case_readable,
        fault=None if one.fault is None else _worded(one.fault, fault_in_words(one.fault)),
    )


def _worded(code: str, words: tuple[str, str]) -> WatchReason:
    return WatchReason(code=code, zh=words[0], en=words[1])


def _standing(one: ListStands) -> WatchListStanding:
    return WatchListStanding(
        month=month_text(one.month),
        district=one.district,
        outcomes=WatchOutcomes(**{outcome.value: many for outcome, many in one.outcomes.items()}),
        with_case=one.with_case,
        lines_read=one.lines_read,
        read_at=one.read_at,
        read_before_at=one.read_before_at,
        changes=None
        if one.changes is None
        else WatchChanges(**{change.value: many for change, many in one.changes.items()}),
    )


def _place(cursor: str) -> tuple[str, str]:
    district, person = cursor_parts(cursor, 2)
    if not (_DISTRICT.fullmatch(district) and _PERSON.fullmatch(person)):
        raise bad_cursor()
    return district, person
