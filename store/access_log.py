"""Who saw or was sent whose data, when and what for (查询日志): append-only, hash-chained.

An entry is written before the data is given, in the same transaction as the decision to give it,
so that a crash can leave an entry too many and never one too few.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlalchemy import Connection, select

from domain.actors import Actor
from store.batch import Batch
from store.log import masked
from store.streams import GENESIS, Stream, begin_once, chained, lock, write
from store.tables import access_log, streams

_UNITS = UUID("6f6e6574-6869-5e67-8a00-000000756e69")


@dataclass(frozen=True, slots=True)
class Access:
    """One access: what was done with which data (by name, never by value), for whom and why."""

    at: datetime
    by: Actor
    action: str
    about: tuple[str, ...]
    purpose: str
    recipient: str | None = None
    case_id: UUID | None = None
    granted: bool = True


def note(batch: Batch, stream: Stream, accesses: Sequence[Access]) -> Stream:
    """Chain the accesses to a locked stream; the caller writes the stream back."""
    rows: list[dict[str, object]] = []
    for access in accesses:
        row: dict[str, object] = {
            "stream": stream.id,
            "number": stream.access_count + 1,
            "at": access.at,
            "account": access.by.account,
            "unit": access.by.unit,
            "action": access.action,
            "about": list(access.about),
            "recipient": access.recipient,
            "case_id": access.case_id,
            # Typed by a person, who may have named another; in an append-only table it would stay for ever.
            "purpose": masked(access.purpose),
            "granted": access.granted,
        }
        row["hash"] = chained(stream.access_head, *_hashed(row))
        stream = stream.access_added(row["hash"])  # type: ignore[arg-type]  # bytes, put there one line above
        rows.append(row)
    batch.insert(access_log, rows)
    return stream


def note_for_unit(connection: Connection, accesses: Sequence[Access]) -> None:
    """Log accesses that are not about one case (a list, a search, an attempt that was refused)."""
    for unit in dict.fromkeys(access.by.unit for access in accesses):
        stream_id = uuid5(_UNITS, unit)
        stream = lock(connection, stream_id)
        if stream is None:
            begin_once(connection, Stream(stream_id))
            stream = lock(connection, stream_id)
            assert stream is not None
        batch = Batch()
        write(batch, note(batch, stream, [access for access in accesses if access.by.unit == unit]))
        batch.write(connection)


def note_for_case(connection: Connection, case_id: UUID, accesses: Sequence[Access]) -> None:
    """Log accesses to one case outside its write path."""
    stream = lock(connection, case_id)
    if stream is not None:
        batch = Batch()
        write(batch, note(batch, stream, accesses))
        batch.write(connection)


@dataclass(frozen=True, slots=True)
class AccessFlaw:
    """The first wrong entry of a stream's access log."""

    stream: UUID
    number: int
    fault: str


def verify(connection: Connection) -> Iterator[AccessFlaw]:
    """Walk every chain of the access log; yields the first flaw of each stream that has one."""
    heads = {row.id: (row.access_count, row.access_head) for row in connection.execute(select(streams))}
    found: dict[UUID, tuple[int, bytes]] = {}
    flawed: set[UUID] = set()
    for row in connection.execution_options(yield_per=2000).execute(
        select(access_log).order_by(access_log.c.stream, access_log.c.number)
    ):
        if row.stream in flawed:
            continue
        number, head = found.get(row.stream, (0, GENESIS))
        if row.number != number + 1 or chained(head, *_hashed(row._asdict())) != row.hash:
            flawed.add(row.stream)
            yield AccessFlaw(row.stream, number + 1, "an entry is missing or does not match its hash")
            continue
        found[row.stream] = (row.number, row.hash)
    for stream, expected in heads.items():
        if stream not in flawed and found.get(stream, (0, GENESIS)) != expected:
            yield AccessFlaw(stream, found.get(stream, (0, GENESIS))[0] + 1, "the end of the log is missing")
    for stream in found.keys() - heads.keys() - flawed:
        yield AccessFlaw(stream, 1, "the stream has no head")


def _hashed(row: "dict[str, object]") -> tuple[str, ...]:
    at = row["at"]
    assert isinstance(at, datetime)
    about = row["about"]
    assert isinstance(about, list)
    return (
        str(row["stream"]),
        str(row["number"]),
        at.astimezone(UTC).isoformat(),
        str(row["account"]),
        str(row["unit"]),
        str(row["action"]),
        "\x1f".join(about),
        str(row["recipient"]),
        str(row["case_id"]),
        str(row["purpose"]),
        str(row["granted"]),
    )
