"""What a workflow has not been told yet (发件箱): written with the events, emptied by the relay.

Telling may happen twice and late, never not at all; the workflow puts events in order by their
version and ignores those it knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger

from store.tables import outbox

CHANNEL: Final = "onething_outbox"
"""LISTEN here to hear of new rows; the notice is only a hint, polling finds them all the same."""

_PUT = insert(outbox)
_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row: which events of which case are to be told."""

    id: int
    case_id: UUID
    first_version: int
    last_version: int
    attempts: int


def put(connection: Connection, case_id: UUID, first_version: int, last_version: int, at: datetime) -> None:
    """Leave events for the relay; it is woken when the transaction commits."""
    connection.execute(
        _PUT,
        {"case_id": case_id, "first_version": first_version, "last_version": last_version, "created_at": at},
    )
    connection.execute(_NOTIFY)


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


_TOLD = delete(outbox).where(outbox.c.id == func.any(bindparam("ids", type_=ARRAY(BigInteger))))


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
