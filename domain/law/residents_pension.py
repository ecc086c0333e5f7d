"""What the residents' scheme pays (城乡居民养老保险), and from which month: for those with no employer's pension."""

from datetime import date
from decimal import Decimal
from typing import Final

from domain.law.explained import Basis, Explained, folded, half_up_to
from domain.law.months import MONTHS_IN_YEAR
from domain.law.rounding import CENT, rounding_step

RESIDENTS: Final = Basis("国发〔2014〕8号", date(2014, 2, 21), unverified=True)
RESIDENTS_AGE: Final = 60 * MONTHS_IN_YEAR
"""For women and men, and not postponed by the reform."""
RESIDENTS_MIN_CONTRIBUTION: Final = 15 * MONTHS_IN_YEAR
RESIDENTS_DIVISOR: Final = 139


def residents_month(born: int) -> Explained[int]:
    """The month from which the residents' scheme (城乡居民养老保险) pays, for this birth month."""
    zh, en = "加 60 岁，男女相同，不延迟", "plus 60 years, for women and men, not postponed"
    steps = (
        RESIDENTS.step("month", "birth_month", born, "出生月份", "the month of birth"),
        RESIDENTS.step("month", "residents_age", RESIDENTS_AGE, zh, en),
    )
    return Explained(int(folded(steps)), steps)


def residents_pension(*, basic_amount: Decimal, account_balance: Decimal) -> Explained[Decimal]:
    """The residents' pension in yuan a month; the basic amount (基础养老金) is the city's own configuration."""
    zh, en = (
        f"个人账户储存额 {account_balance:f} 元",
        f"the balance of the individual account, {account_balance:f} yuan",
    )
    steps = (
        RESIDENTS.step("residents", "balance", account_balance, zh, en),
        RESIDENTS.step("residents", "divisor", RESIDENTS_DIVISOR, "除以 139", "divided by 139", "divided_by"),
        RESIDENTS.step(
            "residents",
            "basic_amount",
            basic_amount,
            f"加当地基础养老金 {basic_amount:f} 元",
            f"plus the basic amount of the place, {basic_amount:f} yuan",
        ),
        rounding_step(RESIDENTS, "residents", CENT),
    )
    return Explained(half_up_to(folded(steps), CENT), steps)
