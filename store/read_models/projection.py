"""How a case becomes rows: every read model is a view of the case file, written with the events.

Because the rows are computed from the file and not from each event, a read model can never drift
from the fold, and rebuilding is the same computation over again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from domain.case_file import CaseFile
from store.batch import Batch

Row = Mapping[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class ReadModel:
    """A table and the rows that one case has in it."""

    table: Table
    rows: Callable[[CaseFile], Sequence[Row]]
    exclusive: bool = False
    """A row that another case holds already is a conflict, not an update."""

    def key(self, row: Row) -> Key:
        """What makes the row one."""
        return tuple(row[column.name] for column in self.table.primary_key)

    def project(self, batch: Batch, before: CaseFile | None, after: CaseFile) -> None:
        """Write what changed between two states of a case."""
        old = {} if before is None else {self.key(row): row for row in self.rows(before)}
        new = {self.key(row): row for row in self.rows(after)}
        changed = [row for key, row in new.items() if old.get(key) != row]
        if self.exclusive:
            batch.insert(self.table, changed)
        else:
            batch.upsert(self.table, changed)
        names = [column.name for column in self.table.primary_key]
        batch.delete(self.table, [dict(zip(names, key, strict=True)) for key in old if key not in new])
