"""The pension as it is granted (养老金核定): the record as it stands at retirement, on the base that is published by then.

While the year's own base is not published the latest one is used (预发), and the assessment says that it is provisional.
"""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from domain.law import explained
from domain.law.entitlement import Entitlement, FactMissing, Facts, whole_number
from domain.law.months import month_of
from domain.law.pension import ContributionRecord, base_for, pension

LARGEST: Final = Decimal(10) ** 9


def _compute(on: date, facts: Facts) -> Facts:
    month = month_of(on.year, on.month)
    record = contribution_record(month, facts)
    base = base_for(on.year)
    try:
        granted = pension(record, base.amount, month=month)
    except ValueError:
        raise FactMissing("born_in") from None
    steps = (step.as_text() for step in (*base.steps, *granted.steps))
    return {
        "pension": f"{granted.total:f}",
        "provisional": str(base.provisional).lower(),
        "explanation": explained.as_text(granted.told(), steps),
    }


def contribution_record(month: int, facts: Facts) -> ContributionRecord:
    """The record of somebody who retires in this month, from the facts of the entitlement; raises FactMissing."""
    try:
        born = date.fromisoformat(facts.get("born_in", "")[: len("2026-11-20")])
    except ValueError:
        raise FactMissing("born_in") from None
    return ContributionRecord(
        index=_decimal(facts, "index"),
        contribution=whole_number(facts, "contribution_months", at_least=1),
        account_balance=_decimal(facts, "account_balance"),
        age=month - month_of(born.year, born.month),
        index_before_1998=_decimal(facts, "index_before_1998"),
        years_before_1998=whole_number(facts, "months_before_1998"),
    )


def _decimal(facts: Facts, name: str) -> Decimal:
    text = facts.get(name, "")
    try:
        value = Decimal(text) if text.isascii() and len(text) <= 20 else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or not 0 <= value <= LARGEST:
        raise FactMissing(name)
    return value


ENTITLEMENT: Final = Entitlement(
    code="pension",
    title="基本养老金",
    needs=("contribution_months", "index", "account_balance", "index_before_1998", "months_before_1998", "born_in"),
    compute=_compute,
    monthly="pension",
)
