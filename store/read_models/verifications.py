"""核验待办: what each unit was asked, who has it, until when, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, assert_never
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, DateTime, and_, func, literal, not_, or_, select, tuple_

from domain.case_file import CaseFile, Rung, VerificationState
from domain.notices import card_id
from domain.refusals import NotFound
from store.read_models.cases import NEVER_DUE
from store.read_models.projection import ReadModel
from store.tables import case_people, verifications


class NoSuchVerification(NotFound):
    """There is no such verification, or none that this account may see."""

    code = "verification.unknown"

    def __init__(self) -> None:
        super().__init__("没有这项核验, 或您无权查看", "there is no such verification, or you may not see it")


def _verifications(file: CaseFile) -> list[Mapping[str, Any]]:
    return [
        {
            "case_id": file.case_id,
            "proof": proof,
            "round": round,
            "rung": rung,
            "id": card_id(file.case_id, proof, round, rung),
            "case_no": file.opened.case_no,
            "division": file.opened.division,
            "title": declared.title,
            "title_en": declared.title_en,
            "route": asked.opened.route,
            "unit": asked.opened.unit,
            "community": asked.opened.community,
            "immediate": asked.opened.immediate,
            "state": asked.state,
            "owner": asked.owner,
            "owner_since": asked.owner_since,
            "claimed": asked.claimed,
            "opened_at": asked.opened.at,
            "due": asked.due,
            "suspended": asked.clock.is_suspended,
            "reminded": asked.reminded,
            "answer": asked.answer,
            "answered_by": asked.answered_by,
            "by_phone": asked.by_phone,
            "note": asked.note,
            "ended_at": asked.ended_at,
        }
        for (proof, round, rung), asked in file.verifications.items()
        for declared in (file.declared_proof(proof),)
    ]


VERIFICATIONS: Final = ReadModel(verifications, _verifications)


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class VerificationLine:
    """One question to a unit; no personal data."""

    id: UUID
    case_id: UUID
    case_no: str
    proof: str
    round: int
    rung: int
    title: str
    title_en: str
    route: str
    unit: str
    community: str | None
    division: str
    immediate: bool
    state: str
    owner: str | None
    owner_since: datetime
    claimed: bool
    opened_at: datetime
    due: datetime | None
    suspended: bool
    reminded: int
    answer: str | None
    answered_by: str | None
    by_phone: bool
    ended_at: datetime | None

    @property
    def on_ladder(self) -> Rung:
        """Which rung of which proof's ladder it is, as the case file names it."""
        return (self.proof, self.round, self.rung)


LINE: Final = tuple(verifications.c[name] for name in VerificationLine.__dataclass_fields__)
OPEN: Final = verifications.c.state == VerificationState.OPEN.value
SOON: Final = timedelta(hours=1)


class Queue(StrEnum):
    """One way to look at what was asked; the first holds all that is open, the last all that is over."""

    OPEN = "open"
    MINE = "mine"
    UNIT = "unit"
    """Waits for anybody of the unit: not claimed, and not the asker's own by the duty roster."""
    COLLEAGUES = "colleagues"
    SOON = "soon"
    """Due within an hour, or overdue and not passed on yet."""
    SUSPENDED = "suspended"
    LATE_OR_CONTRADICTING = "late_or_contradicting"
    """Answered when the ladder had moved on, or with 不一致: somebody should look."""
    ENDED = "ended"


OVER: Final = frozenset({Queue.LATE_OR_CONTRADICTING, Queue.ENDED})
"""Sorted by when they ended, the latest first; the others by when they are due, those that stand still last."""

Place = tuple[datetime, UUID]
"""Where a line stands in its queue: where the next page goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxWanted:
    """Which verifications, as seen by an account at a moment; None leaves it open."""

    account: str
    at: datetime
    queue: Queue = Queue.OPEN
    unit: str | None = None
    owner: str | None = None
    case_no: str | None = None
    title: str | None = None
    """A part of the proof's title, in either language."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions over `verifications`, but for the queue."""
        found: list[ColumnElement[bool]] = [
            column == value
            for column, value in (
                (verifications.c.unit, self.unit),
                (verifications.c.owner, self.owner),
                (verifications.c.case_no, self.case_no),
            )
            if value is not None
        ]
        if self.title is not None:
            found.append(
                or_(
                    verifications.c.title.icontains(self.title, autoescape=True),
                    verifications.c.title_en.icontains(self.title, autoescape=True),
                )
            )
        return found

    def holds(self, queue: Queue) -> ColumnElement[bool]:
        """Whether a verification is in that queue."""
        mine = func.coalesce(verifications.c.owner == self.account, False)
        match queue:
            case Queue.OPEN:
                return OPEN
            case Queue.MINE:
                return and_(OPEN, mine)
            case Queue.UNIT:
                return and_(OPEN, not_(verifications.c.claimed), not_(mine))
            case Queue.COLLEAGUES:
                return and_(OPEN, verifications.c.claimed, not_(mine))
            case Queue.SOON:
                return and_(OPEN, verifications.c.due <= self.at + SOON)
            case Queue.SUSPENDED:
                return and_(OPEN, verifications.c.suspended)
            case Queue.LATE_OR_CONTRADICTING:
                late = and_(
                    verifications.c.state != VerificationState.ANSWERED.value, verifications.c.answer.is_not(None)
                )
                return and_(not_(OPEN), or_(late, verifications.c.answer == "contradicts"))
            case Queue.ENDED:
                return not_(OPEN)
            case _:
                assert_never(queue)


def lines_of(file: CaseFile) -> Mapping[Rung, VerificationLine]:
    """The lines of one case, as its file has them now."""
    return {
        (row["proof"], row["round"], row["rung"]): VerificationLine(
            **{name: row[name] for name in VerificationLine.__dataclass_fields__}
        )
        for row in _verifications(file)
    }


def find_verification(connection: Connection, id: UUID, visible: ColumnElement[bool]) -> VerificationLine | None:
    """The line of that id, if it is among the visible ones."""
    row = connection.execute(select(*LINE).where(verifications.c.id == id, visible)).one_or_none()
    return None if row is None else VerificationLine(*row)


def find_verifications(
    connection: Connection, ids: Sequence[UUID], visible: ColumnElement[bool]
) -> Mapping[UUID, VerificationLine]:
    """The lines of these ids, as far as they are among the visible ones."""
    rows = connection.execute(select(*LINE).where(verifications.c.id.in_(ids), visible))
    return {row.id: VerificationLine(*row) for row in rows}


def units_asked(connection: Connection, case_ids: Sequence[UUID]) -> Mapping[UUID, frozenset[str]]:
    """Case -> the units that were asked something about it."""
    rows = connection.execute(
        select(verifications.c.case_id, verifications.c.unit).where(verifications.c.case_id.in_(case_ids)).distinct()
    )
    found: dict[UUID, frozenset[str]] = {}
    for row in rows:
        found[row.case_id] = found.get(row.case_id, frozenset()) | {row.unit}
    return found


def inbox(
    connection: Connection, visible: ColumnElement[bool], wanted: InboxWanted, after: Place | None, limit: int
) -> list[VerificationLine]:
    """A page of a queue after a place, in order."""
    question = select(*LINE).where(visible, wanted.holds(wanted.queue), *wanted.conditions())
    if wanted.queue in OVER:
        ended, id = verifications.c.ended_at, verifications.c.id
        if after is not None:
            question = question.where(or_(ended < after[0], and_(ended == after[0], id > after[1])))
        question = question.order_by(ended.desc(), id)
    else:
        if after is not None:
            question = question.where(tuple_(_DUE, verifications.c.id) > tuple_(*after))
        question = question.order_by(_DUE, verifications.c.id)
    return [VerificationLine(*row) for row in connection.execute(question.limit(limit))]


def inbox_of_people(
    connection: Connection, visible: ColumnElement[bool], wanted: InboxWanted, people: Sequence[UUID], limit: int
) -> list[tuple[VerificationLine, str]]:
    """What a queue has in the cases of these persons, with the section that each has there; due first."""
    rows = connection.execute(
        select(*LINE, case_people.c.section)
        .join(case_people, case_people.c.case_id == verifications.c.case_id)
        .where(case_people.c.person.in_(people), visible, wanted.holds(wanted.queue), *wanted.conditions())
        .order_by(_DUE, verifications.c.id, case_people.c.section)
        .limit(limit)
    )
    return [(VerificationLine(*row[: len(LINE)]), row.section) for row in rows]


def count_queues(connection: Connection, visible: ColumnElement[bool], wanted: InboxWanted) -> Mapping[Queue, int]:
    """How many each queue holds, whichever queue is wanted; in one statement, so that the numbers fit each other."""
    counts = [func.count().filter(wanted.holds(queue)).label(queue.value) for queue in Queue]
    row = connection.execute(select(*counts).where(visible, *wanted.conditions())).one()
    return dict(zip(Queue, row, strict=True))


def place_of(line: VerificationLine, queue: Queue) -> Place:
    """Where the line stands in that queue."""
    if queue in OVER:
        return (line.ended_at or line.opened_at, line.id)
    return (line.due or NEVER_DUE, line.id)


_DUE: Final = func.coalesce(verifications.c.due, literal(NEVER_DUE, DateTime(timezone=True)))
