"""A register of insured persons of any size, in a table of a PostgreSQL of its own, and the adapter that reads it ahead.

Made set-based by the server, with the doubts of the demo city in the same shares, so that a million people
take seconds. It is read in either of two ways: every line is fetched and judged here, as from a register
that can do nothing but page; or the register picks the months of birth itself, as ours asks it to.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

import psycopg

from activities.insured_register import Page
from demo.city.places import DIVISIONS
from domain.law.retirement_age import STATUTORY_MONTHS, Category
from domain.watch_list import InsuredPerson

Way = Literal["every_line", "by_month_of_birth"]

_TABLE: Final = """
CREATE TABLE insured (
    district text COLLATE "C" NOT NULL, person text COLLATE "C" NOT NULL, sex text NOT NULL, category text NOT NULL,
    born integer NOT NULL, born_in_file integer, contribution_months integer NOT NULL, places integer NOT NULL,
    arrears boolean NOT NULL, state text NOT NULL
)
"""
_PEOPLE: Final = """
INSERT INTO insured
SELECT district, person, sex, CASE WHEN odd < 8 AND sex = '2' THEN '' WHEN sex = '1' THEN 'M60'
                                   WHEN lot %% 2 = 0 THEN 'F55' ELSE 'F50' END,
       born, CASE WHEN odd BETWEEN 10 AND 19 THEN born + 1 + lot %% 9 ELSE born END,
       CASE WHEN odd BETWEEN 20 AND 34 THEN 100 + lot %% 60 ELSE 192 + lot / 11 %% 260 END,
       CASE WHEN odd BETWEEN 35 AND 42 THEN 2 ELSE 1 END,
       odd BETWEEN 43 AND 49,
       CASE WHEN odd BETWEEN 50 AND 57 THEN 'retired' WHEN odd BETWEEN 58 AND 61 THEN 'dead' ELSE 'active' END
FROM (
    SELECT (%(districts)s::text[])[1 + n %% %(many)s] AS district, 'CB' || lpad(n::text, 9, '0') AS person,
           CASE WHEN hashint8extended(n, 1) & 1 = 0 THEN '1' ELSE '2' END AS sex,
           ((hashint8extended(n, 2) & 2147483647) %% 1000)::int AS odd,
           (hashint8extended(n, 3) & 16777215)::int AS lot,
           1950 * 12 + ((hashint8extended(n, 4) & 2147483647) %% 360)::int AS born
    FROM generate_series(0, %(people)s - 1) AS n
) AS drawn
ORDER BY district, person
"""
_LAW: Final = "CREATE TABLE law (category text, born integer, month integer)"
_MEANT: Final = """
SELECT DISTINCT i.person FROM insured i
JOIN law l ON (l.category = i.category OR i.category = '' AND l.category IN ('F50', 'F55'))
          AND (l.born = i.born OR l.born = i.born_in_file)
WHERE l.month = %s ORDER BY 1
"""
_COLUMNS: Final = "person, district, sex, category, born, born_in_file, contribution_months, places, arrears, state"


def make_register(conninfo: str, people: int) -> None:
    """So many insured persons in all districts, the same in every run."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(_TABLE)
        districts = [division.code for division in DIVISIONS]
        connection.execute(_PEOPLE, {"districts": districts, "many": len(districts), "people": people})
        connection.execute("ALTER TABLE insured ADD PRIMARY KEY (district, person)")
        connection.execute("CREATE INDEX ON insured (district, born)")
        connection.execute("CREATE INDEX ON insured (district, born_in_file)")
        connection.execute(_LAW)
        with connection.cursor() as cursor, cursor.copy("COPY law FROM STDIN") as copy:
            for category, months in STATUTORY_MONTHS.items():
                for born, month in months.items():
                    copy.write_row((category.value, born, month))
        connection.execute("VACUUM ANALYZE insured")


def meant(conninfo: str, month: int) -> list[str]:
    """Whom the law means in that month, by the register's own join with the law's table: nothing of ours reads it."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return [row[0] for row in connection.execute(_MEANT, (month,))]


class SqlInsuredRegister:
    """The register's port on that table; `statements` is how many it was sent."""

    def __init__(self, conninfo: str, way: Way) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._way = way
        self.statements = 0

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    async def page(self, district: str, born: Collection[int], after: str, limit: int) -> Page:
        """One page: of `limit` lines where every line is read, of `limit` people where the register picks them."""
        read = self._every_line if self._way == "every_line" else self._by_month_of_birth
        return await asyncio.to_thread(read, district, frozenset(born), after, limit)

    async def records(self, persons: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Nobody's case is opened here."""
        raise NotImplementedError

    def _every_line(self, district: str, born: frozenset[int], after: str, limit: int) -> Page:
        lines = self._execute(
            "SELECT person, born, born_in_file FROM insured WHERE district = %s AND person > %s ORDER BY person LIMIT %s",
            (district, after, limit),
        )
        # The law as a set of months: whoever is not in it needs no object to be made.
        hits = [person for person, by_card, by_file in lines if by_card in born or by_file in born]
        people: list[InsuredPerson] = []
        if hits:
            whole = self._execute(
                f"SELECT {_COLUMNS} FROM insured WHERE district = %s AND person = ANY (%s) ORDER BY person",
                (district, hits),
            )
            people = [_person(row) for row in whole]
        return Page(people, lines[-1][0] if len(lines) == limit else None, len(lines))

    def _by_month_of_birth(self, district: str, born: frozenset[int], after: str, limit: int) -> Page:
        months = sorted(born)
        rows = self._execute(
            f"SELECT {_COLUMNS} FROM insured WHERE district = %s AND person > %s"
            " AND (born = ANY (%s) OR born_in_file = ANY (%s)) ORDER BY person LIMIT %s",
            (district, after, months, months, limit),
        )
        return Page([_person(row) for row in rows], rows[-1][0] if len(rows) == limit else None, len(rows))

    def _execute(self, statement: str, given: tuple[Any, ...]) -> list[Any]:
        self.statements += 1
        with self._connection.cursor(binary=True) as cursor:
            return cursor.execute(statement.encode(), given, prepare=True).fetchall()


def _person(row: Any) -> InsuredPerson:
    person, district, sex, category, born, born_in_file, months, places, arrears, state = row
    known = Category(category) if category else None
    return InsuredPerson(person, district, sex, known, born, born_in_file, months, places, arrears, state)
