"""查询日志: who looked at whose data, as an auditor asks it; the log itself is written elsewhere and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, or_, select, true

from domain.scopes import Action, Reach, Viewer, reach
from store.scoping import within
from store.tables import access_log, cases, units


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessesWanted:
    """Which entries; None leaves it open."""

    case_no: str | None = None
    account: str | None = None
    unit: str | None = None
    action: str | None = None
    granted: bool | None = None
    since: datetime | None = None
    before: datetime | None = None
    case_ids: Sequence[UUID] | None = None


@dataclass(frozen=True, slots=True)
class AccessLine:
    """One entry; `position` is its place in the whole log."""

    position: int
    at: datetime
    account: str
    unit: str
    action: str
    about: Sequence[str]
    recipient: str | None
    purpose: str
    granted: bool
    case_no: str | None


def list_accesses(
    connection: Connection, viewer: Viewer, wanted: AccessesWanted, after: int | None, limit: int
) -> list[AccessLine]:
    """A page of the entries that the viewer may see, newest first."""
    conditions: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (cases.c.case_no, wanted.case_no),
            (access_log.c.account, wanted.account),
            (access_log.c.unit, wanted.unit),
            (access_log.c.action, wanted.action),
            (access_log.c.granted, wanted.granted),
        )
        if value is not None
    ]
    if wanted.since is not None:
        conditions.append(access_log.c.at >= wanted.since)
    if wanted.before is not None:
        conditions.append(access_log.c.at < wanted.before)
    if wanted.case_ids is not None:
        conditions.append(access_log.c.case_id.in_(wanted.case_ids))
    if after is not None:
        conditions.append(access_log.c.position < after)
    rows = connection.execute(
        select(
            access_log.c.position,
            access_log.c.at,
            access_log.c.account,
            access_log.c.unit,
            access_log.c.action,
            access_log.c.about,
            access_log.c.recipient,
            access_log.c.purpose,
            access_log.c.granted,
            cases.c.case_no,
        )
        .join(cases, cases.c.case_id == access_log.c.case_id, isouter=True)
        .where(_visible_to(viewer), *conditions)
        .order_by(access_log.c.position.desc())
        .limit(limit)
    )
    return [AccessLine(**row) for row in rows.mappings()]


def _visible_to(viewer: Viewer) -> ColumnElement[bool]:
    if reach(viewer, Action.READ_ACCESS_LOG) is Reach.EVERYWHERE:
        return true()
    # A chief answers for the cases of the division, whoever looked, and for the division's own people.
    of_the_division = select(units.c.code).where(within(viewer.division, units.c.division))
    return or_(
        within(viewer.division, cases.c.division),
        and_(access_log.c.case_id.is_(None), access_log.c.unit.in_(of_the_division)),
    )
