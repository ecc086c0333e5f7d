"""How a case becomes rows: every read model is a view of the case file, written with the events.

Because the rows are computed from the file and not from each event, a read model can never drift
from the fold, and rebuilding is the same computation over again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Delete, Table, and_, bindparam, delete
from sqlalchemy.dialects.postgresql import Insert, insert

from domain.case_file import CaseFile

Row = Mapping[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class ReadModel:
    """A table and the rows that one case has in it."""

    table: Table
    rows: Callable[[CaseFile], Sequence[Row]]
    exclusive: bool = False
    """A row that another case holds already is a conflict, not an update."""
    upsert: Insert = field(init=False)
    remove: Delete = field(init=False)

    def __post_init__(self) -> None:
        statement = insert(self.table)
        key = [column.name for column in self.table.primary_key]
        if not self.exclusive:
            statement = statement.on_conflict_do_update(
                index_elements=key,
                set_={
                    column.name: statement.excluded[column.name] for column in self.table.c if column.name not in key
                },
            )
        object.__setattr__(self, "upsert", statement)
        gone = delete(self.table).where(and_(*(self.table.c[name] == bindparam(f"key_{name}") for name in key)))
        object.__setattr__(self, "remove", gone)

    def key(self, row: Row) -> Key:
        """What makes the row one."""
        return tuple(row[column.name] for column in self.table.primary_key)

    def project(self, connection: Connection, before: CaseFile | None, after: CaseFile) -> None:
        """Write what changed between two states of a case."""
        old = {} if before is None else {self.key(row): row for row in self.rows(before)}
        new = {self.key(row): row for row in self.rows(after)}
        if changed := [row for key, row in new.items() if old.get(key) != row]:
            connection.execute(self.upsert, changed)
        if gone := [key for key in old if key not in new]:
            names = [f"key_{column.name}" for column in self.table.primary_key]
            connection.execute(self.remove, [dict(zip(names, key, strict=True)) for key in gone])
