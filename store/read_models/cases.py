"""办件列表: one line per case, whose it is, and what no two open cases may share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, DateTime, Select, and_, func, literal, or_, select, tuple_

from domain import single_proof
from domain.case_file import ENDED, CaseFile, CaseState, ItemState
from domain.form import SHANGHAI
from domain.waiting import waits
from store.read_models.projection import ReadModel
from store.tables import case_keys, case_people, cases


def _line(file: CaseFile) -> list[Mapping[str, Any]]:
    items = file.items.values()
    open_items = [item for item in items if item.state not in ENDED]
    waiting = waits(file)
    return [
        {
            "case_id": file.case_id,
            "case_no": file.opened.case_no,
            "bundle": file.bundle.code,
            "title": file.bundle.title,
            "title_en": file.bundle.title_en,
            "state": file.state,
            "outcome": file.outcome,
            "version": file.version,
            "unit": file.opened.by.unit,
            "opened_by": file.opened.by.account,
            "division": file.opened.division,
            "applicant": file.opened.people[file.bundle.applicant][0],
            "circumstances": list(file.circumstances),
            "warnings": list(file.opened.warnings),
            "opened_at": file.opened.at,
            "changed_at": file.changed_at,
            "ended_at": file.ended_at,
            "next_due": min(
                (
                    due
                    for due in (
                        *(item.promised_by for item in open_items),
                        *(wait.due for wait in waiting),
                    )
                    if due is not None
                ),
                default=None,
            ),
            "items_in_play": len(file.items),
            "items_concluded": sum(item.state is ItemState.CONCLUDED for item in items),
            "in_hand": sum(wait.on == "caseworker" for wait in waiting),
            "overdue": sum(item.overdue_since is not None for item in open_items),
            "waits_for": list(dict.fromkeys(wait.on for wait in waiting)),
        }
    ]


def _people(file: CaseFile) -> list[Mapping[str, Any]]:
    return [
        {"case_id": file.case_id, "section": section, "number": number, "person": person}
        for section, people in file.opened.people.items()
        for number, person in enumerate(people, 1)
    ]


def _keys(file: CaseFile) -> list[Mapping[str, Any]]:
    answered = file.state is CaseState.CONCLUDED and file.bundle.code == single_proof.BUNDLE
    if file.state is CaseState.WITHDRAWN or answered:
        # An answer is good for so many days, so the same may be asked again; a child is born once.
        return []
    application = {"key": file.opened.application_key, "kind": "application", "case_id": file.case_id}
    return [
        application,
        *({"key": key, "kind": "event", "case_id": file.case_id} for key in file.opened.event_keys),
    ]


LINES: Final = ReadModel(cases, _line)
PEOPLE: Final = ReadModel(case_people, _people)
KEYS: Final = ReadModel(case_keys, _keys, exclusive=True)


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One line of the case list; no personal data."""

    case_id: UUID
    case_no: str
    bundle: str
    title: str
    title_en: str
    state: str
    outcome: str | None
    version: int
    unit: str
    division: str
    opened_at: datetime
    changed_at: datetime
    ended_at: datetime | None
    next_due: datetime | None
    items_in_play: int
    items_concluded: int
    in_hand: int
    overdue: int
    waits_for: Sequence[str]


_LINE: Final = tuple(cases.c[name] for name in CaseLine.__dataclass_fields__)

Order = Literal["opened", "due"]
"""Newest first, or what falls due next first."""
Place = tuple[datetime, UUID]
"""Where a line stands in an order: where the next page goes on."""
NEVER_DUE: Final = datetime(9999, 12, 31, tzinfo=SHANGHAI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines; None leaves it open."""

    state: str | None = None
    bundle: str | None = None
    case_no: str | None = None
    overdue: bool | None = None
    in_hand: bool | None = None
    opened_from: datetime | None = None
    opened_before: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions over `cases`."""
        found: list[ColumnElement[bool]] = [
            column == value
            for column, value in (
                (cases.c.state, self.state),
                (cases.c.bundle, self.bundle),
                (cases.c.case_no, self.case_no),
            )
            if value is not None
        ]
        found += [
            (column > 0) if value else (column == 0)
            for column, value in ((cases.c.overdue, self.overdue), (cases.c.in_hand, self.in_hand))
            if value is not None
        ]
        if self.opened_from is not None:
            found.append(cases.c.opened_at >= self.opened_from)
        if self.opened_before is not None:
            found.append(cases.c.opened_at < self.opened_before)
        return found


def find_case(connection: Connection, case_no: str, visible: ColumnElement[bool]) -> CaseLine | None:
    """The line of one case, if it is among the visible ones."""
    row = connection.execute(select(*_LINE).where(cases.c.case_no == case_no, visible)).one_or_none()
    return None if row is None else CaseLine(*row)


def find_case_ids(connection: Connection, case_nos: Sequence[str], visible: ColumnElement[bool]) -> Mapping[str, UUID]:
    """The cases of these numbers, as far as they are among the visible ones."""
    rows = connection.execute(select(cases.c.case_no, cases.c.case_id).where(cases.c.case_no.in_(case_nos), visible))
    return {row.case_no: row.case_id for row in rows}


def find_cases(connection: Connection, case_ids: Sequence[UUID]) -> Mapping[UUID, CaseLine]:
    """The lines of these cases, whoever may see them."""
    rows = connection.execute(select(*_LINE).where(cases.c.case_id.in_(case_ids)))
    return {row.case_id: CaseLine(*row) for row in rows}


def list_cases(
    connection: Connection, visible: ColumnElement[bool], wanted: Wanted, order: Order, after: Place | None, limit: int
) -> list[CaseLine]:
    """A page of lines after a place, in order."""
    question = select(*_LINE).where(visible, *wanted.conditions())
    rows = connection.execute(_paged(question, order, after).limit(limit))
    return [CaseLine(*row) for row in rows]


def place_of(line: CaseLine, order: Order) -> Place:
    """Where the line stands."""
    return (line.opened_at if order == "opened" else line.next_due or NEVER_DUE, line.case_id)


def cases_of_people(
    connection: Connection, visible: ColumnElement[bool], people: Sequence[UUID], limit: int
) -> list[tuple[CaseLine, str, int, UUID]]:
    """The cases of these persons, newest first, with the section and place that each has in them."""
    rows = connection.execute(
        select(*_LINE, case_people.c.section, case_people.c.number, case_people.c.person)
        .join(case_people, case_people.c.case_id == cases.c.case_id)
        .where(case_people.c.person.in_(people), visible)
        .order_by(cases.c.opened_at.desc(), cases.c.case_id, case_people.c.section, case_people.c.number)
        .limit(limit)
    )
    return [(CaseLine(*row[: len(_LINE)]), row.section, row.number, row.person) for row in rows]


def count_by_state(connection: Connection) -> Mapping[str, int]:
    """How many cases are in each state, for metrics."""
    question = select(cases.c.state, func.count().label("many")).group_by(cases.c.state)
    return {row.state: row.many for row in connection.execute(question)}


def _paged(question: Select[*tuple[Any, ...]], order: Order, after: Place | None) -> Select[*tuple[Any, ...]]:
    if order == "opened":
        if after is not None:
            at, last = after
            question = question.where(
                or_(cases.c.opened_at < at, and_(cases.c.opened_at == at, cases.c.case_id > last))
            )
        return question.order_by(cases.c.opened_at.desc(), cases.c.case_id)
    due = func.coalesce(cases.c.next_due, literal(NEVER_DUE, DateTime(timezone=True)))
    if after is not None:
        question = question.where(tuple_(due, cases.c.case_id) > tuple_(*after))
    return question.order_by(due, cases.c.case_id)
