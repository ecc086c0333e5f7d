"""On which days the offices work: China's holidays and swapped working weekends, year by year.

No formula yields these days. The State Council's general office announces them each autumn for the next
year, so a year whose notice is not written below is refused loudly: a promise of twenty working days made
in December must not be computed with a guessed January.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

SATURDAY = 5


class CalendarNotShipped(LookupError):
    """No notice for this year is known here, so nobody can say which of its days are working days."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(f"the working days of {year} are not known: add the State Council's notice for {year}")


@dataclass(frozen=True, slots=True)
class DaysOff:
    """放假: a run of days off under one name, first and last day included."""

    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class YearTable:
    """What one yearly notice says (国务院办公厅关于部分节假日安排的通知).

    `days_off` includes the weekend days that the notice counts in; `working_weekends` (调休上班) are the
    Saturdays and Sundays worked in exchange.
    """

    year: int
    notice: str
    published: date
    days_off: tuple[DaysOff, ...]
    working_weekends: tuple[date, ...]


TABLES = (
    YearTable(
        year=2024,
        notice="国办发明电〔2023〕7号",
        published=date(2023, 10, 25),
        days_off=(
            DaysOff("元旦", date(2024, 1, 1), date(2024, 1, 1)),
            # The eve, 9 February, was only recommended for paid leave: in law it stayed a working day.
            DaysOff("春节", date(2024, 2, 10), date(2024, 2, 17)),
            DaysOff("清明节", date(2024, 4, 4), date(2024, 4, 6)),
            DaysOff("劳动节", date(2024, 5, 1), date(2024, 5, 5)),
            DaysOff("端午节", date(2024, 6, 10), date(2024, 6, 10)),
            DaysOff("中秋节", date(2024, 9, 15), date(2024, 9, 17)),
            DaysOff("国庆节", date(2024, 10, 1), date(2024, 10, 7)),
        ),
        working_weekends=(
            date(2024, 2, 4),
            date(2024, 2, 18),
            date(2024, 4, 7),
            date(2024, 4, 28),
            date(2024, 5, 11),
            date(2024, 9, 14),
            date(2024, 9, 29),
            date(2024, 10, 12),
        ),
    ),
    YearTable(
        year=2025,
        notice="国办发明电〔2024〕12号",
        published=date(2024, 11, 12),
        days_off=(
            DaysOff("元旦", date(2025, 1, 1), date(2025, 1, 1)),
            DaysOff("春节", date(2025, 1, 28), date(2025, 2, 4)),
            DaysOff("清明节", date(2025, 4, 4), date(2025, 4, 6)),
            DaysOff("劳动节", date(2025, 5, 1), date(2025, 5, 5)),
            DaysOff("端午节", date(2025, 5, 31), date(2025, 6, 2)),
            DaysOff("国庆节、中秋节", date(2025, 10, 1), date(2025, 10, 8)),
        ),
        working_weekends=(
            date(2025, 1, 26),
            date(2025, 2, 8),
            date(2025, 4, 27),
            date(2025, 9, 28),
            date(2025, 10, 11),
        ),
    ),
    YearTable(
        year=2026,
        notice="国办发明电〔2025〕7号",
        published=date(2025, 11, 4),
        days_off=(
            DaysOff("元旦", date(2026, 1, 1), date(2026, 1, 3)),
            DaysOff("春节", date(2026, 2, 15), date(2026, 2, 23)),
            DaysOff("清明节", date(2026, 4, 4), date(2026, 4, 6)),
            DaysOff("劳动节", date(2026, 5, 1), date(2026, 5, 5)),
            DaysOff("端午节", date(2026, 6, 19), date(2026, 6, 21)),
            DaysOff("中秋节", date(2026, 9, 25), date(2026, 9, 27)),
            DaysOff("国庆节", date(2026, 10, 1), date(2026, 10, 7)),
        ),
        working_weekends=(
            date(2026, 1, 4),
            date(2026, 2, 14),
            date(2026, 2, 28),
            date(2026, 5, 9),
            date(2026, 9, 20),
            date(2026, 10, 10),
        ),
    ),
)


def _named_days_off() -> dict[date, str]:
    return {
        off.first + timedelta(days=after): off.name
        for table in TABLES
        for off in table.days_off
        for after in range((off.last - off.first).days + 1)
    }


_YEARS: Mapping[int, YearTable] = MappingProxyType({table.year: table for table in TABLES})
_DAYS_OFF: Mapping[date, str] = MappingProxyType(_named_days_off())
_WORKING_WEEKENDS = frozenset(day for table in TABLES for day in table.working_weekends)


def shipped_years() -> tuple[int, ...]:
    """The years whose notice is written here, oldest first."""
    return tuple(sorted(_YEARS))


def year_table(year: int) -> YearTable:
    """The notice of a year, with its number; raises CalendarNotShipped."""
    if year not in _YEARS:
        raise CalendarNotShipped(year)
    return _YEARS[year]


def is_working_day(day: date) -> bool:
    """Whether offices work on this day (工作日); raises CalendarNotShipped.

    A moment is refused with TypeError: which day it falls on depends on a time zone that only the caller knows.
    """
    if isinstance(day, datetime):
        raise TypeError("a working day is a date, not a moment")
    year_table(day.year)
    if day in _DAYS_OFF:
        return False
    return day.weekday() < SATURDAY or day in _WORKING_WEEKENDS


def holiday_name(day: date) -> str | None:
    """The holiday (节假日) whose days off include this day; None on others, plain weekends among them."""
    year_table(day.year)
    return _DAYS_OFF.get(day)


def working_day_after(day: date, count: int = 1) -> date:
    """The `count`-th working day after this day, the day itself not counted; raises CalendarNotShipped."""
    if count < 1:
        raise ValueError("working days are counted from one")
    while count:
        day += timedelta(days=1)
        if is_working_day(day):
            count -= 1
    return day


def working_day_from(day: date) -> date:
    """This day if offices work on it, else the next on which they do; raises CalendarNotShipped."""
    return day if is_working_day(day) else working_day_after(day)
