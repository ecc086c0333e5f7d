"""The divisor of a pension (计发月数): over how many months the balance of an individual account is paid out, by age."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from domain.law.explained import Basis, Explained, NoRuleInForce, folded, half_up_to
from domain.law.months import MONTHS_IN_YEAR, age_zh, first_day, months_en
from domain.law.rounding import TENTH, rounding_step

_ANNEX: Final = Basis("国发〔2005〕38号附件", date(2006, 1, 1))
_ANNEX_47: Final = Basis("国发〔2005〕38号附件（部分印本作207）", date(2006, 1, 1), unverified=True)
_BY_MONTH: Final = Basis("2025年起按年龄的月份插值（依据文件待查）", date(2025, 1, 1), unverified=True)

TABLE_IN_FORCE: Final = _ANNEX.effective_from
YOUNGEST: Final = 40
OLDEST: Final = 70
# From 40, 50 and 60 years on.
_FORTIES: Final = (233, 230, 226, 223, 220, 216, 212, 208, 204, 199)
_FIFTIES: Final = (195, 190, 185, 180, 175, 170, 164, 158, 152, 145)
_SIXTIES: Final = (139, 132, 125, 117, 109, 101, 93, 84, 75, 65, 56)
DIVISORS: Final[Mapping[int, int]] = MappingProxyType(
    dict(zip(range(YOUNGEST, OLDEST + 1), (*_FORTIES, *_FIFTIES, *_SIXTIES), strict=True))
)
"""计发月数 for whole ages: months over which the balance of an individual account is paid out."""
MOST_DIVISOR: Final = max(DIVISORS.values())
LEAST_DIVISOR: Final = min(DIVISORS.values())


def pension_divisor(age: int, month: int | None = None) -> Explained[Decimal]:
    """The divisor (计发月数) for an age in months, retiring in this month; None: by the newest rule.

    Raises NoRuleInForce before 2006-01, and ValueError for an age outside the table.
    """
    years, months = divmod(age, MONTHS_IN_YEAR)
    if not YOUNGEST * MONTHS_IN_YEAR <= age <= OLDEST * MONTHS_IN_YEAR:
        raise ValueError("the table of divisors goes from 40 to 70 years")
    on = None if month is None else first_day(month)
    if on is not None and on < TABLE_IN_FORCE:
        raise NoRuleInForce("pension divisor", on, TABLE_IN_FORCE)
    whole = DIVISORS[years]
    zh, en = f"{years} 岁的计发月数 {whole}", f"at {years} years the divisor is {whole}"
    table_step = (_ANNEX_47 if years == 47 else _ANNEX).step("divisor", "whole_age", whole, zh, en)
    if not months:
        return Explained(Decimal(whole), (table_step,))
    if on is not None and on < _BY_MONTH.effective_from:
        zh, en = f"{age_zh(age)} 按周岁计：不足一年的月份不计", "completed years count, further months do not"
        return Explained(Decimal(whole), (table_step, _ANNEX.step("divisor", "completed_years", 0, zh, en)))
    later = DIVISORS[years + 1]
    steps = (
        table_step,
        _BY_MONTH.step(
            "divisor",
            "further_months",
            Fraction((later - whole) * months, MONTHS_IN_YEAR),
            f"{years + 1} 岁为 {later}；多出 {months} 个月，减少 ({whole} − {later}) × {months} ÷ 12",
            f"at {years + 1} it is {later}; for {months_en(months)} more, less ({whole} - {later}) x {months} / 12",
        ),
        rounding_step(_BY_MONTH, "divisor", TENTH),
    )
    return Explained(half_up_to(folded(steps), TENTH), steps)
