"""到龄名单 as the bureau reads it: who is on it and why, what a reading changed, and how each list stands.

What changed is told against the reading before the one that found a line last. Whoever is gone stays in
view until the next reading, because a name that silently disappears is what a list is kept to prevent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)

from domain.scopes import Action, Viewer
from domain.watch_list import Outcome
from store.scoping import cases_visible_to, districts_visible_to
from store.tables import cases, scan_findings, scan_runs, watch_list
from store.watch_list import READINGS_KEPT


class Change(StrEnum):
    """What differs from the reading before."""

    NEW = "new"  # 新增
    GONE = "gone"  # 移出
    CHANGED = "changed"  # 变化: another outcome, or other reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesWanted:
    """Which lines of one month's list; None leaves it open. `month` is year × 12 + month − 1."""

    occasion: str
    month: int
    district: str | None = None
    outcome: Outcome | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One person on a list, by the register's number, or gone from it since the reading before."""

    district: str
    person: str
    months: Sequence[int]
    born: int | None
    rule: str
    outcome: str
    reasons: Sequence[str]
    change: str | None
    month_now: int | None
    """The month under which the register lists somebody now who is gone from this one."""
    case_month: int | None
    fault: str | None
    case_no: str | None
    case_readable: bool
    """Whether the viewer may read the case."""


@dataclass(frozen=True, slots=True)
class ListStands:
    """How the list of one month and district stands; None where no reading came to its end, or none before it."""

    month: int
    district: str
    outcomes: dict[Outcome, int]
    with_case: int
    lines_read: int | None
    read_at: datetime | None
    read_before_at: datetime | None
    changes: dict[Change, int] | None


def list_lines(
    connection: Connection, viewer: Viewer, wanted: LinesWanted, after: tuple[str, str] | None, limit: int
) -> list[Line]:
    """A page of the lines that the viewer may see, by district and number; `after` names the last of the page before."""
    readings = _readings(viewer, wanted.occasion, scan_runs.c.month == wanted.month)
    last, before = readings.alias("last"), readings.alias("before")
    lines = union_all(_on_it(viewer, wanted, last, before), _gone(wanted, last, before)).subquery("lines")
    conditions = [
        column == value
        for column, value in (
            (lines.c.district, wanted.district),
            (lines.c.outcome, wanted.outcome),
            (lines.c.change, wanted.change),
        )
        if value is not None
    ]
    if after is not None:
        conditions.append(tuple_(lines.c.district, lines.c.person) > tuple_(*after))
    question = (
        select(
            *(lines.c[name] for name in Line.__dataclass_fields__ if name not in {"case_no", "case_readable"}),
            cases.c.case_no,
            func.coalesce(cases_visible_to(viewer, Action.READ_CASE), False).label("case_readable"),
        )
        .outerjoin_from(lines, cases, cases.c.case_id == lines.c.case_id)
        .where(*conditions)
        .order_by(lines.c.district, lines.c.person)
        .limit(limit)
    )
    return [Line(**row) for row in connection.execute(question).mappings()]


def lists_as_they_stand(
    connection: Connection, viewer: Viewer, occasion: str, first: int, last: int | None = None
) -> list[ListStands]:
    """Each list that the viewer may see, by month and district, from that month on (to this one)."""

    def of_months(column: ColumnElement[int]) -> ColumnElement[bool]:
        return column >= first if last is None else column.between(first, last)

    readings = _readings(viewer, occasion, of_months(scan_runs.c.month))
    read = {(row.month, row.district, row.nth): row for row in connection.execute(select(readings))}
    changes = {(row.month, row.district): row for row in connection.execute(_changes(readings))}
    counted = connection.execute(
        select(
            watch_list.c.month,
            watch_list.c.district,
            watch_list.c.outcome,
            func.count().label("many"),
            func.count(watch_list.c.case_id).label("with_case"),
        )
        .where(
            watch_list.c.occasion == occasion,
            watch_list.c.gone_at.is_(None),
            of_months(watch_list.c.month),
            districts_visible_to(viewer, Action.READ_WATCH_LIST, watch_list.c.district),
        )
        .group_by(watch_list.c.month, watch_list.c.district, watch_list.c.outcome)
    ).all()
    found: list[ListStands] = []
    for place in sorted({(row.month, row.district) for row in counted} | {key[:2] for key in read}):
        here = {row.outcome: row for row in counted if (row.month, row.district) == place}
        ended, before = read.get((*place, 1)), read.get((*place, 2))
        differs = changes[place] if before is not None else None
        found.append(
            ListStands(
                month=place[0],
                district=place[1],
                outcomes={one: here[one].many if one in here else 0 for one in Outcome},
                with_case=sum(row.with_case for row in here.values()),
                lines_read=None if ended is None else ended.scanned,
                read_at=None if ended is None else ended.finished_at,
                read_before_at=None if before is None else before.finished_at,
                changes=None if differs is None else {one: getattr(differs, one.value) or 0 for one in Change},
            )
        )
    return found


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _readings(viewer: Viewer, occasion: str, of_months: ColumnElement[bool]) -> CTE:
    """The readings whose findings are kept, of the districts that the viewer may see; `nth` 1 is the last."""
    nth = func.row_number().over(
        partition_by=(scan_runs.c.month, scan_runs.c.district),
        order_by=(scan_runs.c.finished_at.desc(), scan_runs.c.id),
    )
    ended = (
        select(
            scan_runs.c.id,
            scan_runs.c.month,
            scan_runs.c.district,
            scan_runs.c.scanned,
            scan_runs.c.finished_at,
            nth.label("nth"),
        )
        .where(
            scan_runs.c.occasion == occasion,
            of_months,
            scan_runs.c.finished_at.is_not(None),
            districts_visible_to(viewer, Action.READ_WATCH_LIST, scan_runs.c.district),
        )
        .subquery()
    )
    return select(ended).where(ended.c.nth <= READINGS_KEPT).cte("readings")


def _on_it(viewer: Viewer, wanted: LinesWanted, last: CTE, before: CTE) -> Select[Any]:
    found_before = scan_findings.alias("found_before")
    # While a reading is under way, what it has found so far is held against the last that came to its end.
    compared_with = case((watch_list.c.last_run == last.c.id, before.c.id), else_=last.c.id)
    change = case(
        (compared_with.is_(None), null()),
        (found_before.c.person.is_(None), literal(Change.NEW.value)),
        (
            or_(found_before.c.outcome != watch_list.c.outcome, found_before.c.reasons != watch_list.c.reasons),
            literal(Change.CHANGED.value),
        ),
    )
    return (
        select(
            *_found_of(watch_list.c.outcome, watch_list.c.reasons, watch_list.c.district, watch_list.c.person),
            watch_list.c.months,
            watch_list.c.born,
            watch_list.c.rule,
            change.label("change"),
            null().cast(Integer).label("month_now"),
            watch_list.c.case_month,
            watch_list.c.fault,
            watch_list.c.case_id,
        )
        .outerjoin_from(watch_list, last, and_(last.c.district == watch_list.c.district, last.c.nth == 1))
        .outerjoin(before, and_(before.c.district == watch_list.c.district, before.c.nth == READINGS_KEPT))
        .outerjoin(
            found_before, and_(found_before.c.run == compared_with, found_before.c.person == watch_list.c.person)
        )
        .where(
            watch_list.c.occasion == wanted.occasion,
            watch_list.c.month == wanted.month,
            watch_list.c.gone_at.is_(None),
            districts_visible_to(viewer, Action.READ_WATCH_LIST, watch_list.c.district),
        )
    )


def _gone(wanted: LinesWanted, last: CTE, before: CTE) -> Select[Any]:
    found_before, found_now = scan_findings.alias("found_before"), scan_findings.alias("found_now")
    elsewhere = and_(watch_list.c.gone_at.is_(None), watch_list.c.month != wanted.month)
    still_here = and_(
        watch_list.c.gone_at.is_(None),
        watch_list.c.month == wanted.month,
        watch_list.c.district == last.c.district,
    )
    as_found_here = watch_list.c.month == wanted.month
    return (
        select(
            *_found_of(found_before.c.outcome, found_before.c.reasons, last.c.district, found_before.c.person),
            case((as_found_here, watch_list.c.months), else_=literal([], ARRAY(Integer))),
            case((as_found_here, watch_list.c.born), else_=null()),
            case((as_found_here, watch_list.c.rule), else_=literal("")),
            literal(Change.GONE.value).cast(Text),
            case((elsewhere, watch_list.c.month), else_=null()),
            watch_list.c.case_month,
            null().cast(Text),
            watch_list.c.case_id,
        )
        .select_from(last)
        .join(before, and_(before.c.district == last.c.district, before.c.nth == READINGS_KEPT))
        .join(found_before, found_before.c.run == before.c.id)
        .outerjoin(found_now, and_(found_now.c.run == last.c.id, found_now.c.person == found_before.c.person))
        .outerjoin(
            watch_list,
            and_(watch_list.c.occasion == wanted.occasion, watch_list.c.person == found_before.c.person),
        )
        .where(last.c.nth == 1, found_now.c.person.is_(None), ~func.coalesce(still_here, False))
    )


def _found_of(
    outcome: ColumnElement[str],
    reasons: ColumnElement[Sequence[str]],
    district: ColumnElement[str],
    person: ColumnElement[str],
) -> tuple[ColumnElement[Any], ...]:
    """The columns that come from a finding, in one order for both halves of the list."""
    return (
        district.label("district"),
        person.label("person"),
        outcome.label("outcome"),
        reasons.label("reasons"),
    )


def _changes(readings: CTE) -> Select[int, str, int, int, int]:
    """By month and district, how many are new, gone and changed between the last reading and the one before."""
    found = scan_findings.c
    of_a_person = (
        select(
            readings.c.month,
            readings.c.district,
            func.bool_or(readings.c.nth == 1).label("now"),
            func.bool_or(readings.c.nth == READINGS_KEPT).label("before"),
            or_(
                func.min(found.outcome) != func.max(found.outcome),
                func.min(found.reasons, type_=ARRAY(Text)) != func.max(found.reasons, type_=ARRAY(Text)),
            ).label("differs"),
        )
        .join_from(readings, scan_findings, found.run == readings.c.id)
        .group_by(readings.c.month, readings.c.district, found.person)
        .subquery()
    )
    one = of_a_person.c
    return (
        select(
            readings.c.month,
            readings.c.district,
            func.count().filter(~one.before).label("new"),
            func.count().filter(~one.now).label("gone"),
            func.count().filter(one.now, one.before, one.differs).label("changed"),
        )
        .outerjoin_from(readings, of_a_person, and_(one.month == readings.c.month, one.district == readings.c.district))
        .where(readings.c.nth == READINGS_KEPT)
        .group_by(readings.c.month, readings.c.district)
    )
