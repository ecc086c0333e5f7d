"""Every read model, written with each append and rebuilt from the events by `onething events rebuild`.

The rebuild folds each stream again and writes the rows aside, so that checking changes nothing and
a real rebuild swaps only when it is complete.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Table, select

from domain.case_file import CaseFile, evolve_recorded
from store.batch import Batch
from store.events import read
from store.read_models.cases import KEYS, LINES, PEOPLE
from store.read_models.progress import ITEMS, PROOFS
from store.read_models.projection import Key, ReadModel
from store.read_models.verifications import VERIFICATIONS
from store.tables import streams

MODELS: Final[tuple[ReadModel, ...]] = (LINES, PEOPLE, KEYS, ITEMS, PROOFS, VERIFICATIONS)


def project(batch: Batch, before: CaseFile | None, after: CaseFile) -> None:
    """Write every read model of one case."""
    for model in MODELS:
        model.project(batch, before, after)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that the read model has, lacks, or has differently from the events."""

    table: str
    case_id: UUID
    key: Key
    columns: tuple[str, ...]


def differences(connection: Connection) -> Iterator[Difference]:
    """Fold every stream anew and compare with the stored rows; changes nothing.

    Run it in one REPEATABLE READ transaction, so that both sides are of the same instant.
    """
    known: set[UUID] = set()
    for case_id in _cases(connection):
        known.add(case_id)
        file = evolve_recorded(None, read(connection, case_id))
        if file is None:
            continue
        for model in MODELS:
            yield from _compared(connection, model, case_id, {model.key(row): row for row in model.rows(file)})
    for model in MODELS:
        for case_id in connection.execute(select(model.table.c.case_id).distinct()).scalars():
            if case_id not in known:
                yield Difference(model.table.name, case_id, (), ("no such stream",))


def rebuild(connection: Connection) -> int:
    """Empty every read model and write it anew from the events; returns the number of cases.

    One transaction: readers see the old rows until the new ones are complete. Writers wait.
    """
    for model in MODELS:
        connection.exec_driver_sql(f"LOCK TABLE {model.table.name} IN SHARE ROW EXCLUSIVE MODE")
    for model in MODELS:
        connection.execute(model.table.delete())
    rebuilt = 0
    for case_id in _cases(connection):
        file = evolve_recorded(None, read(connection, case_id))
        if file is not None:
            batch = Batch()
            project(batch, None, file)
            batch.write(connection)
            rebuilt += 1
    return rebuilt


def _cases(connection: Connection) -> tuple[UUID, ...]:
    return tuple(connection.execute(select(streams.c.id).where(streams.c.version > 0)).scalars())


def _compared(
    connection: Connection, model: ReadModel, case_id: UUID, expected: Mapping[Key, Mapping[str, Any]]
) -> Iterator[Difference]:
    stored = {model.key(row): row for row in _stored(connection, model.table, case_id)}
    for key in expected.keys() | stored.keys():
        left, right = expected.get(key), stored.get(key)
        if left is None or right is None:
            yield Difference(model.table.name, case_id, key, ("missing" if right is None else "too many",))
        elif wrong := tuple(name for name in left if left[name] != right[name]):
            yield Difference(model.table.name, case_id, key, wrong)


def _stored(connection: Connection, table: Table, case_id: UUID) -> list[Mapping[str, Any]]:
    return [row._asdict() for row in connection.execute(select(table).where(table.c.case_id == case_id))]
