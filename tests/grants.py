"""What tests of other things need of grants: that they do not stand in the way, or that one is taken away.

Written as rows, not applied for: a test counts the access log's entries, and its clock may stand in any year.
"""

from datetime import UTC, date, datetime
from uuid import uuid4

from sqlalchemy import Connection, insert, update

from domain.departments import REGISTERS
from domain.grants import EVERY_PURPOSE
from store.tables import grants

UNITS_THAT_OPEN = ("hospital", "neighbour", "far-hospital", "clinic", "health", "police", "office", "bureau")
"""Every unit of `tests.desk` and `tests.api.conftest` in whose name a test may open a case."""

_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_FOR_EVER = date(9999, 12, 31)


def grant_everything(connection: Connection, unit: str, purpose: str = EVERY_PURPOSE) -> None:
    """The unit may query every register, for this purpose."""
    connection.execute(
        insert(grants),
        [
            {
                "id": uuid4(),
                "unit": unit,
                "source": source,
                "purpose": purpose,
                "reason": "test",
                "applied_by": f"{unit}-chief",
                "applied_at": _LONG_AGO,
                "valid_until": _FOR_EVER,
                "confidentiality_signed_by": f"{unit}-chief",
                "confidentiality_signed_at": _LONG_AGO,
                "approved_by": "data-centre",
                "approved_at": _LONG_AGO,
            }
            for source in REGISTERS
        ],
    )


def take_away(connection: Connection, unit: str, *sources: str, at: datetime) -> None:
    """The data centre has revoked these grants of the unit; without `sources`, all of them."""
    ended = update(grants).where(grants.c.unit == unit, grants.c.ended_at.is_(None))
    if sources:
        ended = ended.where(grants.c.source.in_(sources))
    connection.execute(ended.values(ended_by="data-centre", ended_at=at, ended_because="test"))
