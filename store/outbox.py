"""What a workflow has not been told yet (发件箱): written with the events, emptied by the relay.

Telling may happen twice and late, never not at all; the workflow puts events in order by their
version and ignores those it knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, any_, bindparam, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger

from store.batch import Batch
from store.tables import outbox

CHANNEL: Final = "onething_outbox"
"""LISTEN here to hear of new rows; the notice is only a hint, polling finds them all the same."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row: which events of which case are to be told."""

    id: int
    case_id: UUID
    first_version: int
    last_version: int
    attempts: int


def put(batch: Batch, case_id: UUID, first_version: int, last_version: int, at: datetime) -> None:
    """Leave events for the relay; it is woken when the transaction commits."""
    batch.insert(
        outbox,
        [{"case_id": case_id, "first_version": first_version, "last_version": last_version, "created_at": at}],
    )
    batch.notify(CHANNEL)


_TAKE = (
    select(outbox.c.id, outbox.c.case_id, outbox.c.first_version, outbox.c.last_version, outbox.c.attempts)
    .where(or_(outbox.c.not_before.is_(None), outbox.c.not_before <= bindparam("at")))
    .order_by(outbox.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


def take(connection: Connection, most: int, at: datetime) -> tuple[Waiting, ...]:
    """Up to `most` rows, oldest first, held until the transaction ends; other relays pass them over."""
    return tuple(Waiting(*row) for row in connection.execute(_TAKE, {"most": most, "at": at}))


@dataclass(frozen=True, slots=True)
class Untold:
    """The news of one row, as the JSON it was stored as: nobody between store and workflow needs to understand it."""

    events: str
    workflow_type: str | None
    """Of the case's workflow, where the news is that the case was opened."""


_UNTOLD = text(
    """
    SELECT o.id,
           string_agg('{"version":' || e.version || ',"event":' || e.body::text || '}', ',' ORDER BY e.version) AS events,
           max(CASE WHEN e.type = 'case_opened' THEN e.body -> 'bundle' ->> 'workflow_type' END) AS workflow_type
    FROM outbox o
    JOIN events e ON e.case_id = o.case_id AND e.version BETWEEN o.first_version AND o.last_version
    WHERE o.id = ANY(:ids)
    GROUP BY o.id
    """
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)))


def news_of(connection: Connection, rows: Sequence[Waiting]) -> Mapping[int, Untold]:
    """The news of each row, by its id, in one statement."""
    found = connection.execute(_UNTOLD, {"ids": [row.id for row in rows]})
    return {row.id: Untold(f"[{row.events}]", row.workflow_type) for row in found}


_TOLD = delete(outbox).where(outbox.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))


def told(connection: Connection, ids: Sequence[int]) -> None:
    """These were delivered."""
    if ids:
        connection.execute(_TOLD, {"ids": list(ids)})


def put_off(connection: Connection, row: Waiting, at: datetime, fault: str) -> None:
    """This one could not be delivered now; it is tried again, later each time, for as long as it takes."""
    delay = timedelta(seconds=min(30, 2 ** min(row.attempts, 5)))
    connection.execute(
        update(outbox)
        .where(outbox.c.id == row.id)
        .values(attempts=row.attempts + 1, not_before=at + delay, fault=fault[:200])
    )


@dataclass(frozen=True, slots=True)
class Level:
    """How much waits, and since when."""

    rows: int
    oldest: datetime | None


def level(connection: Connection) -> Level:
    """The level of the outbox, for metrics and `doctor`."""
    row = connection.execute(select(func.count(), func.min(outbox.c.created_at))).one()
    return Level(row[0], row[1])
