"""What units are called (单位名称), for whoever is told who has something in hand."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from store.tables import units


def unit_titles(connection: Connection, codes: Collection[str]) -> Mapping[str, str]:
    """Code -> title, of those that there are."""
    found = connection.execute(select(units.c.code, units.c.title).where(units.c.code.in_(codes)))
    return {row.code: row.title for row in found}
