"""The insured workers of 婺川市, worked out from their numbers like everybody here: born 1950 to 1979, nearly retired.

Nearly all of them are as the registers would like them. One in some hundred is not, in each of the
ways that a pension bureau meets: those are what the list of who is due has to name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from demo.city import names
from demo.city.numbers import citizen_id, is_citizen_id, with_luhn
from demo.city.places import DIVISION_BY_CODE, DIVISIONS
from demo.city.population import DEFAULT_SEED, EMPLOYERS, draw

FIRST_BIRTHDAY = date(1950, 1, 1)
BIRTHDAYS = (date(1980, 1, 1) - FIRST_BIRTHDAY).days
"""Before the fathers of the city's newborns were born: nobody is in two populations."""
SEQUENCES = 900
FIRST_SEQUENCE = 100
WORKERS = len(DIVISIONS) * BIRTHDAYS * SEQUENCES
SPREAD = 7_000_003
GATHER = pow(SPREAD, -1, WORKERS)
"""Coprime to WORKERS: neighbours in n are strangers in age and place."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One insured person as all registers together know them; months as year × 12 + month − 1, money in yuan."""

    n: int
    person: str
    name: str
    sex: str
    born_on: date
    citizen_id: str
    phone: str
    account: str
    district: str
    community: str
    community_code: str
    category: str
    born_in_file: int | None
    contribution_months: int
    medical_months: int
    places: int
    arrears: bool
    state: str
    employer: int | None
    housing_fund: bool
    deemed_years: bool
    index: str
    account_balance: str
    months_before_1998: int

    @property
    def born(self) -> int:
        """The month of birth by the ID card."""
        return self.born_on.year * 12 + self.born_on.month - 1


def worker(n: int, seed: int = DEFAULT_SEED) -> Worker:
    """The n-th insured person, the same in every run."""
    if not 0 <= n < WORKERS:
        raise IndexError(f"workers are numbered 0 to {WORKERS - 1}, not {n}")
    position, place = divmod(n * SPREAD % WORKERS, len(DIVISIONS))
    sequence, days = divmod(position, BIRTHDAYS)
    division = DIVISIONS[place]
    born_on = FIRST_BIRTHDAY + timedelta(days=days)
    number = sequence + FIRST_SEQUENCE
    sex = "1" if number % 2 else "2"
    lot, odd = draw(seed, n, 71), draw(seed, n, 72) % 1000
    born = born_on.year * 12 + born_on.month - 1
    category = "M60" if sex == "1" else ("F55", "F50")[lot % 2]
    community = division.communities[lot // 7 % len(division.communities)]
    characters = names.MENS_CHARACTERS if sex == "1" else names.WOMENS_CHARACTERS
    months = 192 + lot // 11 % 260
    employer = lot // 13 % EMPLOYERS if lot // 17 % 4 else None
    return Worker(
        n=n,
        person=f"CB{n:09d}",
        name=names.surname(draw(seed, n, 73)) + names.given_name(draw(seed, n, 74), characters),
        sex=sex,
        born_on=born_on,
        citizen_id=citizen_id(division.code, born_on, number),
        phone=f"141{n:08d}",
        account=with_luhn(f"629998{n:012d}"),
        district=division.code,
        community=community.name,
        community_code=community.code,
        category="" if odd < 8 and sex == "2" else category,
        born_in_file=born + 1 + lot % 9 if 10 <= odd < 20 else born,
        contribution_months=100 + lot % 60 if 20 <= odd < 35 else months,
        # Medical insurance was often begun later than the pension's, seldom earlier.
        medical_months=max(0, months - lot // 41 % 72),
        places=2 if 35 <= odd < 43 else 1,
        arrears=43 <= odd < 50,
        state="retired" if 50 <= odd < 58 else "dead" if 58 <= odd < 62 else "active",
        employer=employer,
        # Who has no employer now may have had one: then the account is sealed, and still theirs.
        housing_fund=employer is not None or lot // 37 % 3 == 0,
        deemed_years=lot // 19 % 5 == 0,
        index=f"{(6000 + lot // 23 % 15_000) / 10_000:.4f}",
        account_balance=f"{30_000 + lot // 29 % 250_000}.{lot % 100:02d}",
        months_before_1998=max(0, min(lot // 31 % 150, (date(1998, 1, 1) - born_on).days // 31 - 18 * 12)),
    )


def workers(size: int) -> Iterator[Worker]:
    """The first so many."""
    return (worker(n) for n in range(size))


def find_worker(number: str) -> Worker | None:
    """Who has this citizen ID number, if it is a worker's."""
    if not is_citizen_id(number) or number[:6] not in DIVISION_BY_CODE:
        return None
    place, sequence = int(number[4:6]) - 1, int(number[14:17]) - FIRST_SEQUENCE
    try:
        days = (date(int(number[6:10]), int(number[10:12]), int(number[12:14])) - FIRST_BIRTHDAY).days
    except ValueError:
        return None
    if not 0 <= days < BIRTHDAYS or not 0 <= sequence < SEQUENCES:
        return None
    position = (sequence * BIRTHDAYS + days) * len(DIVISIONS) + place
    return worker(position * GATHER % WORKERS)
