"""What can be asked about a pension, read with suspicion: a divisor for an age, or an assessment of a whole record."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from domain.law import explained
from domain.law.explained import Explained
from domain.law.months import MONTHS_IN_YEAR, age_text, first_day, read_age, read_month
from domain.law.pension import EXACT, FORMULAS, REGIONS, ContributionRecord, Pension, pension
from domain.law.pension_divisor import LEAST_DIVISOR, MOST_DIVISOR, OLDEST, TABLE_IN_FORCE, YOUNGEST, pension_divisor
from domain.law.questions import Question
from domain.law.rounding import CENT, TENTH

MOST_YUAN: Final = 100_000_000
MOST_BASE: Final = 1_000_000
MOST_INDEX: Final = 10
MOST_YEARS: Final = 80
"""More is a slip of the pen, and a slip must not become money."""

FIELDS: Final = frozenset(
    {
        "region",
        "month",
        "base",
        "index",
        "contribution",
        "account_balance",
        "divisor",
        "age",
        "index_before_1998",
        "years_before_1998",
    }
)


@dataclass(frozen=True, slots=True)
class DivisorAnswer:
    """The divisor for an age."""

    age: int
    divisor: Explained[Decimal]

    def told(self) -> dict[str, object]:
        """The result without its steps."""
        return {"age": age_text(self.age), "divisor": f"{self.divisor.value:f}"}

    def as_text(self) -> str:
        """The answer as one line of JSON."""
        return explained.as_text(self.told(), (step.as_text() for step in self.divisor.steps))


def answer_divisor(given: object) -> DivisorAnswer:
    """The answer to `{"age": "60y1m", "month": "2026-03"}`, the month of retirement if known; raises QuestionFaulty."""
    question = Question(given, frozenset({"age", "month"}))
    age, month = _age(question, required=True), _month(question)
    question.settled()
    assert age is not None
    return DivisorAnswer(age, pension_divisor(age, month))


def answer_pension(given: object) -> Pension:
    """The answer to a question with the FIELDS above; raises QuestionFaulty.

    Needed are base, index, contribution, account_balance, and either divisor or age. Numbers are text or Decimals.
    """
    question = Question(given, FIELDS)
    region = question.one_of("region", REGIONS) if question.has("region") else REGIONS[0]
    base = question.number("base", MOST_BASE, places=CENT, positive=True)
    index = question.number("index", MOST_INDEX, positive=True)
    contribution = question.years("contribution", MOST_YEARS)
    balance = question.number("account_balance", MOST_YUAN, places=CENT)
    divisor = question.number("divisor", MOST_DIVISOR, places=TENTH, positive=True, required=False)
    age = _age(question, required=False)
    before = question.years("years_before_1998", MOST_YEARS, required=False) or 0
    index_before = question.number("index_before_1998", MOST_INDEX, required=bool(before)) or Decimal(0)
    month = _month(question, FORMULAS[0].effective_from)
    _check_divisor(question, divisor)
    if contribution is not None and _in_months(before) > _in_months(contribution):
        question.fault(
            "years_before_1998", "exceeds", "不能超过 contribution 全部缴费年限", "must not exceed contribution"
        )
    question.settled()
    assert region is not None
    assert base is not None
    assert index is not None
    assert contribution is not None
    assert balance is not None
    record = ContributionRecord(index, contribution, balance, divisor, age, index_before, before)
    return pension(record, base, region, month)


def _check_divisor(question: Question, divisor: Decimal | None) -> None:
    if question.has("divisor") == question.has("age"):
        question.fault("divisor", "either_or", "与 age 二者必填其一", "must be given, or age instead, not both")
    if divisor is not None and divisor < LEAST_DIVISOR:
        question.fault(
            "divisor",
            "range",
            f"应在 {LEAST_DIVISOR} 到 {MOST_DIVISOR} 之间",
            f"must be from {LEAST_DIVISOR} to {MOST_DIVISOR}",
        )


def _in_months(length: int | Decimal) -> int | Decimal:
    return length if isinstance(length, int) else EXACT.multiply(length, Decimal(MONTHS_IN_YEAR))


def _age(question: Question, *, required: bool) -> int | None:
    age = question.word(
        "age", read_age, "应为年龄, 如 60y1m 或 60y", "must be an age such as 60y1m or 60y", required=required
    )
    if age is not None and not YOUNGEST * MONTHS_IN_YEAR <= age <= OLDEST * MONTHS_IN_YEAR:
        question.fault("age", "range", f"应在 {YOUNGEST}y 到 {OLDEST}y 之间", f"must be from {YOUNGEST}y to {OLDEST}y")
    return age


def _month(question: Question, first: date = TABLE_IN_FORCE) -> int | None:
    month = question.word(
        "month", read_month, "应为退休年月, 如 2026-03", "must be a month such as 2026-03", required=False
    )
    if month is not None and not (first.year <= month // MONTHS_IN_YEAR <= 2199 and first <= first_day(month)):
        told = f"{first:%Y-%m}"
        question.fault("month", "no_rule", f"{told} 之前的规定未收录", f"no rule is written here before {told}")
    return month
