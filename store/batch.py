"""All rows of one transaction in one statement.

A case's step touches up to ten tables. Sent one by one, row by row, the statements cost more than
everything else together (measured: docs/decisions); sent as one, the transaction is a lock, a
write and a commit. Each table's rows travel as one JSON parameter, so the statement's text does not
change with their number and stays prepared.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal

from pydantic_core import to_json
from sqlalchemy import Column, Connection, LargeBinary, Table, Uuid
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSON

Row = Mapping[str, Any]
Way = Literal["insert", "ignore", "upsert", "update", "delete"]

_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


class Batch:
    """Rows collected for any number of tables; `write` sends them together.

    All parts see the database as it was before any of them, so no part may rest on another.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[Way, Table, tuple[str, ...], bytes]] = []
        self._notices: list[str] = []

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows; one that exists already is an IntegrityError."""
        self._add("insert", table, rows)

    def ignore(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows, leaving those that exist already as they are."""
        self._add("ignore", table, rows)

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows, or replace those of the same primary key."""
        self._add("upsert", table, rows)

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        """Change the given columns of the rows of these primary keys."""
        self._add("update", table, rows)

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Remove the rows of these primary keys."""
        self._add("delete", table, keys)

    def notify(self, channel: str) -> None:
        """Wake whoever listens on the channel when the transaction commits."""
        if channel not in self._notices:
            self._notices.append(channel)

    def write(self, connection: Connection) -> None:
        """Send everything in one statement."""
        if not self._parts and not self._notices:
            return
        statement = _statement(
            tuple((way, table, columns) for way, table, columns, _ in self._parts), len(self._notices)
        )
        parameters: dict[str, Any] = {f"p{place}": part[3].decode() for place, part in enumerate(self._parts)}
        parameters |= {f"n{place}": channel for place, channel in enumerate(self._notices)}
        connection.exec_driver_sql(statement, parameters)
        self._parts.clear()
        self._notices.clear()

    def _add(self, way: Way, table: Table, rows: Sequence[Row]) -> None:
        if rows:
            self._parts.append((way, table, tuple(rows[0]), to_json(rows, bytes_mode="hex")))


@cache
def _statement(parts: tuple[tuple[Way, Table, tuple[str, ...]], ...], notices: int) -> str:
    written = ",\n".join(
        f"w{place} AS ({_part(way, table, columns, place)} RETURNING 1)"
        for place, (way, table, columns) in enumerate(parts)
    )
    told = ", ".join(f"pg_notify(%(n{place})s, '')" for place in range(notices)) or "1"
    return f"WITH {written} SELECT {told}" if parts else f"SELECT {told}"


def _part(way: Way, table: Table, names: tuple[str, ...], place: int) -> str:
    columns = [table.c[name] for name in names]
    key = [column.name for column in table.primary_key]
    typed = ", ".join(f"{column.name} {_travels_as(column)}" for column in columns)
    given = f"json_to_recordset(%(p{place})s::json) AS x({typed})"
    same = " AND ".join(f"{table.name}.{name} = {_read(table.c[name])}" for name in key)
    if way == "delete":
        return f"DELETE FROM {table.name} USING {given} WHERE {same}"
    if way == "update":
        changed = ", ".join(f"{column.name} = {_read(column)}" for column in columns if column.name not in key)
        return f"UPDATE {table.name} SET {changed} FROM {given} WHERE {same}"
    read = ", ".join(_read(column) for column in columns)
    insert = f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {read} FROM {given}"
    if way == "ignore":
        return f"{insert} ON CONFLICT DO NOTHING"
    if way == "upsert":
        replaced = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
        return f"{insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {replaced}"
    return insert


def _travels_as(column: Column[Any]) -> str:
    if isinstance(column.type, LargeBinary | JSON):
        return "text"
    return "uuid" if isinstance(column.type, Uuid) else column.type.compile(dialect=_DIALECT)


def _read(column: Column[Any]) -> str:
    if isinstance(column.type, LargeBinary):
        return f"decode(x.{column.name}, 'hex')"
    if isinstance(column.type, JSON):
        # Not as a JSON value: the text has to arrive as it was hashed.
        return f"x.{column.name}::json"
    return f"x.{column.name}"
