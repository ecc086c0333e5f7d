"""Append what happened and read it back: the record of truth (事件库).

Each event's hash covers the one before it, so a change, a removal or an insertion anywhere in a
case shows at the first wrong event.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Text, any_, bindparam, cast, or_, select, text
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY

from domain.events import EVENT_CLASSES, Event, Recorded, read_event, write_event
from store.batch import Batch
from store.streams import GENESIS, Stream, chained
from store.tables import events, streams


@dataclass(frozen=True, slots=True)
class Appended:
    """An event of a stream and the command that it came from."""

    command: UUID
    recorded: Recorded


_BODY = cast(events.c.body, Text).label("text")
_COLUMNS = (events.c.version, events.c.command_id, events.c.type, events.c.schema_version, _BODY)
_SINCE = (
    select(*_COLUMNS)
    .where(
        events.c.case_id == bindparam("case"),
        or_(
            events.c.version > bindparam("version"),
            events.c.command_id == any_(bindparam("commands", type_=ARRAY(UuidType))),
        ),
    )
    .order_by(events.c.version)
)


def read(connection: Connection, case_id: UUID, after: int = 0) -> tuple[Recorded, ...]:
    """The events of a case after a version."""
    return tuple(entry.recorded for entry in read_with(connection, case_id, after, ()))


def read_with(connection: Connection, case_id: UUID, after: int, commands: Sequence[UUID]) -> tuple[Appended, ...]:
    """The events after a version, and those that these commands caused before; in order."""
    rows = connection.execute(_SINCE, {"case": case_id, "version": after, "commands": list(commands)})
    return tuple(_appended(row) for row in rows)


def append(batch: Batch, stream: Stream, new: Sequence[tuple[UUID, Event]]) -> tuple[Stream, tuple[Recorded, ...]]:
    """Append events, each with the command it came from; the stream must be locked by this transaction."""
    rows: list[dict[str, object]] = []
    recorded: list[Recorded] = []
    for command, event in new:
        body = write_event(event)
        digest = chained(stream.head, *_hashed(stream.id, stream.version + 1, command, event, body))
        stream = stream.event_added(digest)
        rows.append(
            {
                "case_id": stream.id,
                "version": stream.version,
                "command_id": command,
                "type": event.type,
                "schema_version": event.schema_version,
                "at": event.at,
                "body": body,
                "hash": digest,
            }
        )
        recorded.append(Recorded(version=stream.version, event=event))
    batch.insert(events, rows)
    return stream, tuple(recorded)


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first wrong event of a case, and what is wrong with it."""

    case_id: UUID
    version: int
    fault: str


def verify(connection: Connection) -> Iterator[Flaw]:
    """Walk every chain; yields the first flaw of each case that has one."""
    heads = {
        row.id: (row.version, row.head)
        for row in connection.execute(select(streams.c.id, streams.c.version, streams.c.head))
    }
    rows = connection.execution_options(yield_per=2000).execute(
        select(events.c.case_id, *_COLUMNS, events.c.at, events.c.hash).order_by(events.c.case_id, events.c.version)
    )
    current: UUID | None = None
    version, head, flawed = 0, GENESIS, False
    ended: dict[UUID, tuple[int, bytes]] = {}
    for row in rows:
        if row.case_id != current:
            current, version, head, flawed = row.case_id, 0, GENESIS, False
        if flawed:
            continue
        flaw = _flaw(row, version, head)
        if flaw is not None:
            flawed = True
            yield Flaw(row.case_id, version + 1, flaw)
            ended.pop(row.case_id, None)
            heads.pop(row.case_id, None)
            continue
        version, head = row.version, row.hash
        ended[row.case_id] = (version, head)
    for case_id, (expected, expected_head) in heads.items():
        found, found_head = ended.get(case_id, (0, GENESIS))
        if found < expected:
            yield Flaw(case_id, found + 1, "the end of the stream is missing")
        elif found > expected or found_head != expected_head:
            yield Flaw(case_id, found, "the stream's head does not match its last event")
    for case_id in ended.keys() - heads.keys():
        yield Flaw(case_id, 1, "the stream has no head")


def _flaw(row: Row[*tuple[Any, ...]], version: int, head: bytes) -> str | None:
    if row.version != version + 1:
        return "an event is missing or out of order"
    if row.type not in EVENT_CLASSES:
        return "the type is unknown"
    try:
        event = read_event(row.type, row.schema_version, row.text)
    except ValueError:
        return "the body cannot be read"
    if event.at != row.at:
        return "the time differs from the body"
    parts = _hashed(row.case_id, row.version, row.command_id, event, row.text, row.schema_version)
    if chained(head, *parts) != row.hash:
        return "the hash does not match"
    return None


def _hashed(
    case_id: UUID, version: int, command: UUID, event: Event, body: str, schema_version: int | None = None
) -> tuple[str, ...]:
    schema = event.schema_version if schema_version is None else schema_version
    return (str(case_id), str(version), str(command), event.type, str(schema), body)


def _appended(row: Row[*tuple[Any, ...]]) -> Appended:
    event = read_event(row.type, row.schema_version, row.text)
    return Appended(row.command_id, Recorded(version=row.version, event=event))


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One event of the feed over all cases; `cursor` is where to go on from."""

    cursor: str
    case_id: UUID
    version: int
    type: str
    at: datetime
    body: str


_CURSOR = re.compile(r"([0-9]{1,20})-([0-9]{1,19})")
_FEED = text(
    """
    SELECT transaction_id::text AS transaction, position, case_id, version, type, at, body::text AS body
    FROM events
    WHERE (transaction_id, position) > (cast(:transaction AS xid8), :position)
      AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY transaction_id, position
    LIMIT :limit
    """
)


def feed(connection: Connection, after: str, limit: int) -> tuple[FeedEntry, ...]:
    """The events of all cases after a cursor ("" from the beginning), in an order that misses none.

    Positions are given before commit, so a reader that went by position could pass over a slow
    transaction; rows of transactions that might still have older company are held back instead.
    Raises ValueError for a cursor that is not one.
    """
    transaction, position = _cursor(after)
    rows = connection.execute(_FEED, {"transaction": str(transaction), "position": position, "limit": limit})
    return tuple(
        FeedEntry(
            f"{row.transaction}-{row.position}",
            row.case_id,
            row.version,
            row.type,
            row.at.astimezone(UTC),
            row.body,
        )
        for row in rows
    )


def _cursor(text: str) -> tuple[int, int]:
    match = _CURSOR.fullmatch(text or "0-0")
    if match is None or int(match[1]) >= 2**64 or int(match[2]) >= 2**63:
        raise ValueError("not a cursor of the feed")
    return int(match[1]), int(match[2])


def feed_end(connection: Connection) -> str:
    """The cursor after everything that is visible now."""
    transaction = connection.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")).scalar_one()
    return f"{int(transaction) - 1}-{2**62}"
