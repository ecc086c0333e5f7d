"""The rosters of the city's 113 communities: four people each, who do not exist, with numbers that nobody was given.

Made as a sheet and taken over as any file would be, so that a demonstration begins with what an import leaves.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from demo.city import names
from demo.city.numbers import citizen_id
from demo.city.places import DIVISIONS, Community, Division
from demo.city.population import DEFAULT_SEED, draw
from domain.actors import THE_ENGINE
from domain.columns import Cell, Sheet
from domain.roster import COLUMNS, read_roster
from domain.time_limits import in_shanghai
from store.duty import is_colleague
from store.rosters import apply, unit_of
from store.tables import communities
from store.vault import Vault

OPEN_COMMUNITY: Final = DIVISIONS[0].communities[0]
"""云澜区明月社区: the one whose worker has an account in the demonstration."""
OPEN_ACCOUNT: Final = "community"
POSTS: Final = ("书记", "主任", "副主任", "社工")
IN_POST_SINCE: Final = date(2024, 1, 1)
FIRST_BIRTHDAY: Final = date(1962, 1, 1)
BIRTHDAYS: Final = 6_000
"""All before 1979: nobody here is anybody's parent in `demo.city.population`."""
FIRST_PHONE: Final = 98_000_000
FIRST_SECOND_PHONE: Final = 97_000_000
QUESTION: Final = 40


def provide_rosters(connection: Connection, vault: Vault, at: datetime) -> None:
    """Make the rosters where there are none yet; whoever has imported others keeps them."""
    if connection.execute(select(communities.c.code).limit(1)).first() is not None:
        return
    account = OPEN_ACCOUNT if is_colleague(connection, OPEN_ACCOUNT, unit_of(OPEN_COMMUNITY.code)) else None
    file = read_roster(roster_sheet(account), in_shanghai(at).date())
    apply(connection, vault, file, THE_ENGINE, at)


def roster_sheet(account: str | None = None) -> Sheet:
    """All rosters as one sheet, a header and 452 rows; `account` is that of the open community's worker."""
    rows: list[tuple[int, tuple[Cell, ...]]] = [(1, tuple(column.title for column in COLUMNS))]
    for number, row in enumerate(_rows(account), start=2):
        rows.append((number, row))
    return Sheet(rows)


def _rows(account: str | None) -> Iterator[tuple[Cell, ...]]:
    number = 0
    for division in DIVISIONS:
        for community in division.communities:
            for rank, post in enumerate(POSTS, start=1):
                known_as = account if community == OPEN_COMMUNITY and post == "社工" else None
                yield _row(division, community, post, rank, number, known_as)
                number += 1


def _row(
    division: Division, community: Community, post: str, rank: int, number: int, account: str | None
) -> tuple[Cell, ...]:
    lot = draw(DEFAULT_SEED, number, QUESTION)
    is_man = number % 2
    characters = names.MENS_CHARACTERS if is_man else names.WOMENS_CHARACTERS
    born_on = FIRST_BIRTHDAY + timedelta(days=(number * 13) % BIRTHDAYS)
    phones = f"154{FIRST_PHONE + number:08d}"
    if rank == 1:
        phones += f"、154{FIRST_SECOND_PHONE + number:08d}"
    return (
        community.code,
        community.name,
        community.subdistrict.code,
        community.subdistrict.name,
        division.code,
        names.surname(lot) + names.given_name(lot >> 24, characters),
        citizen_id(division.code, born_on, 900 + is_man),
        phones,
        post,
        str(rank),
        account,
        IN_POST_SINCE.isoformat(),
        None,
    )
