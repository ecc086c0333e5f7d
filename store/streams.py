"""The lock under which everything about one case is written, and the heads of its two hash chains.

One row per case: whoever holds it is alone, so the race of an answer and a deadline is settled by
who commits first, and never by who woke first.
"""

from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert as insert_or_leave

from store.batch import Batch
from store.tables import streams

GENESIS: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Stream:
    """A locked stream as it stands; written back by `store`."""

    id: UUID
    version: int = 0
    head: bytes = GENESIS
    access_count: int = 0
    access_head: bytes = GENESIS

    def event_added(self, digest: bytes) -> "Stream":
        """The stream one event further."""
        return replace(self, version=self.version + 1, head=digest)

    def access_added(self, digest: bytes) -> "Stream":
        """The stream one access log entry further."""
        return replace(self, access_count=self.access_count + 1, access_head=digest)


def chained(head: bytes, *parts: str) -> bytes:
    """The next head of a chain: SHA-256 over the head before it and each part with its length."""
    digest = sha256(head)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.digest()


_LOCK = select(streams).where(streams.c.id == bindparam("stream")).with_for_update()


def lock(connection: Connection, stream: UUID) -> Stream | None:
    """The stream, held until the transaction ends; None if there is none."""
    row = connection.execute(_LOCK, {"stream": stream}).one_or_none()
    return None if row is None else Stream(row.id, row.version, row.head, row.access_count, row.access_head)


def begin(batch: Batch, stream: Stream) -> None:
    """Write a stream for the first time; a twin in another transaction waits, and then fails."""
    batch.insert(streams, [asdict(stream)])


def begin_once(connection: Connection, stream: Stream) -> None:
    """Write a stream unless there is one; a twin in another transaction waits here, and then finds it."""
    connection.execute(insert_or_leave(streams).values(**asdict(stream)).on_conflict_do_nothing())


def write(batch: Batch, stream: Stream) -> None:
    """Write the locked stream back."""
    batch.update(streams, [asdict(stream)])
