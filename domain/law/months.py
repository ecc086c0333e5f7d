"""Whole months (整月): the law of retirement counts in months, so a day of birth has no place in it.

A month is one whole number, year × 12 + month − 1, and an age is a number of months: adding an age to a birth is
then one addition, and the mistake of public calculators, to carry the day of birth along, cannot be written down.
"""

import re
from datetime import date
from typing import Final

MONTHS_IN_YEAR: Final = 12

_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_AGE: Final = re.compile(r"([1-9][0-9]?)y(?:([0-9]|1[01])m)?")


def month_of(year: int, month: int) -> int:
    """The month (1 to 12) of a year as one whole number."""
    return year * MONTHS_IN_YEAR + month - 1


def read_month(text: str) -> int:
    """The month written as "1970-05"; raises ValueError for anything else, a day among it."""
    found = _MONTH.fullmatch(text)
    if found is None:
        raise ValueError("a month is written as 1970-05")
    return month_of(int(found[1]), int(found[2]))


def month_text(month: int) -> str:
    """The month as "1970-05"."""
    year, after = divmod(month, MONTHS_IN_YEAR)
    return f"{year:04d}-{after + 1:02d}"


def first_day(month: int) -> date:
    """The first day of the month: on it, the law of that month is in force."""
    year, after = divmod(month, MONTHS_IN_YEAR)
    return date(year, after + 1, 1)


def read_age(text: str) -> int:
    """Months of an age written as "60y1m" or "60y"; raises ValueError for anything else, twelve months among it."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise ValueError("an age is written as 60y1m or 60y")
    return int(found[1]) * MONTHS_IN_YEAR + int(found[2] or 0)


def age_text(months: int) -> str:
    """The age as programs read it: "60y1m", and "60y" for a whole one."""
    years, rest = divmod(months, MONTHS_IN_YEAR)
    return f"{years}y{rest}m" if rest else f"{years}y"


def age_zh(months: int) -> str:
    """The age as people read it: "60岁1个月"."""
    years, rest = divmod(months, MONTHS_IN_YEAR)
    return f"{years}岁{rest}个月" if rest else f"{years}岁"


def years_zh(months: int) -> str:
    """A length of time: "15年6个月"."""
    years, rest = divmod(months, MONTHS_IN_YEAR)
    return f"{years}年{rest}个月" if rest else f"{years}年"


def years_en(months: int) -> str:
    """A length of time, or an age: "15 years 6 months"."""
    years, rest = divmod(months, MONTHS_IN_YEAR)
    told = f"{years} year{'' if years == 1 else 's'}"
    return f"{told} {months_en(rest)}" if rest else told


def months_en(months: int) -> str:
    """So many months: "1 month"."""
    return f"{months} month{'' if months == 1 else 's'}"
