"""事项进度: the items and proofs of a case, who has each, since when and until when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, literal, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from domain.case_file import IN_HAND, CaseFile, ItemState
from store.read_models.projection import ReadModel
from store.tables import case_items, case_proofs, cases


def _items(file: CaseFile) -> list[Mapping[str, Any]]:
    return [
        {
            "case_id": file.case_id,
            "item": item,
            "place": place,
            "code": live.planned.item,
            "number": live.planned.number,
            "title": declared.title,
            "title_en": declared.title_en,
            "department": live.planned.department,
            "state": live.state,
            "since": live.since,
            "accepted_at": live.accepted_at,
            "promised_by": live.promised_by,
            "statutory_by": live.statutory_by,
            "attempt": live.attempt,
            "reference": live.reference,
            "products": list(live.made),
            "waits_for": list(file.waits_for(item)) if live.state is ItemState.WAITING else [],
            "open_proofs": list(file.open_proofs(item)) if live.state is ItemState.ACCEPTED else [],
            "reason_code": live.reason_code,
            "note": live.note,
            "because": live.because,
            "overdue_since": live.overdue_since,
            "unreachable_since": live.unreachable_since,
            "fault": live.fault,
        }
        for place, (item, live) in enumerate(file.items.items())
        for declared in (file.bundle.item(live.planned.item),)
    ]


def _proofs(file: CaseFile) -> list[Mapping[str, Any]]:
    declared = file.bundle.proofs()
    return [
        {
            "case_id": file.case_id,
            "proof": proof,
            "place": place,
            "title": declared[proof].title,
            "title_en": declared[proof].title_en,
            "state": live.state,
            "since": live.since,
            "round": live.round,
            "rung": live.rung,
            "asked": live.asked,
            "differing": list(live.differing),
            "exhausted": [f"{route}:{reason}" for route, reason in live.exhausted],
            "note": live.note,
            "settled_by": live.settled_by,
        }
        for place, (proof, live) in enumerate(file.proofs.items())
    ]


ITEMS: Final = ReadModel(case_items, _items)
PROOFS: Final = ReadModel(case_proofs, _proofs)


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that waits for a caseworker: a proof to settle, or a rejected submission; no personal data."""

    since: datetime
    case_id: UUID
    what: str
    kind: str
    title: str
    title_en: str
    differing: Sequence[str]
    tried: Sequence[str]
    """ "route:reason" of every route that gave up."""
    fault: str | None
    department: str | None
    case_no: str
    bundle: str
    version: int


TaskPlace = tuple[datetime, UUID, str]
_NOTHING: Final = literal([], ARRAY(Text))
_OPEN_TASKS: Final = union_all(
    select(
        case_proofs.c.since,
        case_proofs.c.case_id,
        case_proofs.c.proof.label("what"),
        case_proofs.c.state.label("kind"),
        case_proofs.c.title,
        case_proofs.c.title_en,
        case_proofs.c.differing,
        case_proofs.c.exhausted.label("tried"),
        literal(None, Text).label("fault"),
        literal(None, Text).label("department"),
    ).where(case_proofs.c.state.in_([state.value for state in IN_HAND])),
    select(
        case_items.c.since,
        case_items.c.case_id,
        case_items.c.item,
        case_items.c.state,
        case_items.c.title,
        case_items.c.title_en,
        _NOTHING,
        _NOTHING,
        case_items.c.fault,
        case_items.c.department,
    ).where(case_items.c.state == ItemState.REJECTED.value),
).subquery("tasks")


def list_tasks(connection: Connection, visible: ColumnElement[bool], after: TaskPlace | None, limit: int) -> list[Task]:
    """What waits for a caseworker, longest first, after a place.

    A case that is withdrawn or concluded may, too: departments had acted on what is in doubt now.
    """
    question = (
        select(*_OPEN_TASKS.c, cases.c.case_no, cases.c.bundle, cases.c.version)
        .join(cases, cases.c.case_id == _OPEN_TASKS.c.case_id)
        .where(visible)
        .order_by(_OPEN_TASKS.c.since, _OPEN_TASKS.c.case_id, _OPEN_TASKS.c.what)
        .limit(limit)
    )
    if after is not None:
        place = tuple_(_OPEN_TASKS.c.since, _OPEN_TASKS.c.case_id, _OPEN_TASKS.c.what)
        question = question.where(place > tuple_(*after))
    return [Task(**row) for row in connection.execute(question).mappings()]


def count_tasks(connection: Connection) -> Mapping[str, int]:
    """How many things wait for a caseworker, by kind, for metrics."""
    question = select(_OPEN_TASKS.c.kind, func.count().label("many")).group_by(_OPEN_TASKS.c.kind)
    return {row.kind: row.many for row in connection.execute(question)}


@dataclass(frozen=True, slots=True)
class ProofLine:
    """One proof of a case, in short; no personal data."""

    proof: str
    title: str
    title_en: str
    state: str


def proofs_of(connection: Connection, case_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[ProofLine]]:
    """The proofs of each case, in declared order."""
    found: dict[UUID, list[ProofLine]] = {}
    question = select(case_proofs).where(case_proofs.c.case_id.in_(case_ids))
    for row in connection.execute(question.order_by(case_proofs.c.case_id, case_proofs.c.place)):
        found.setdefault(row.case_id, []).append(ProofLine(row.proof, row.title, row.title_en, row.state))
    return found


def departments_of(connection: Connection, case_ids: Sequence[UUID]) -> Mapping[UUID, frozenset[str]]:
    """The departments that have an item of each case."""
    found: dict[UUID, set[str]] = {}
    question = select(case_items.c.case_id, case_items.c.department).where(case_items.c.case_id.in_(case_ids))
    for row in connection.execute(question.distinct()):
        found.setdefault(row.case_id, set()).add(row.department)
    return {case_id: frozenset(departments) for case_id, departments in found.items()}
