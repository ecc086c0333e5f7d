"""A pension that was granted provisionally, on its year's own base (重新核定): what it is now, and what is owed for the past.

The first assessment stays as it was. The difference of a month, times the months that were paid at the old amount, is
paid afterwards, or taken back (多退少补); every step of it is explained. What is known of this rule is that a
provisional pension is settled later; how the months are counted is the bureau's own practice, and marked so.
"""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from domain.law import explained
from domain.law.entitlement import FactMissing, Facts
from domain.law.explained import Basis, Explained, Step, folded, half_up_to
from domain.law.months import month_of, month_text, months_en
from domain.law.pension import Base, Reassessment, pension, reassess
from domain.law.pension_grant import contribution_record
from domain.law.rounding import CENT

PRACTICE: Final = Basis(
    "浙江省经办口径: 预发后按公布的计发基数结算, 多退少补（待查）", date(2006, 1, 1), unverified=True
)


class AssessedOtherwise(ValueError):
    """The record does not lead to the amount that was granted: a person has to look."""


@dataclass(frozen=True, slots=True)
class BackPayment:
    """补差: what is right now, and what it comes to for the months that are paid already; yuan, negative if too much."""

    base: Base
    reassessment: Reassessment
    months: int
    owed: Explained[Decimal]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps; `of` names the result of each: base, difference, owed."""
        return (*self.base.steps, *self.reassessment.steps, *self.owed.steps)

    def as_text(self) -> str:
        """The whole calculation as one line of JSON, with both assessments in full."""
        told = {
            "base": f"{self.base.amount:f}",
            "difference": f"{self.reassessment.difference:f}",
            "months": self.months,
            "owed": f"{self.owed.value:f}",
        }
        written = explained.as_text(told, (step.as_text() for step in self.steps))
        old, new = self.reassessment.old, self.reassessment.new
        return f'{{"old":{old.as_text()},"new":{new.as_text()},{written[1:]}'


def reassessed(on: date, facts: Facts, base: Base, *, first: int, last: int) -> BackPayment:
    """The pension granted on this day from these facts, on another base; paid from month `first` to `last`, both included.

    `facts` are what the assessment was computed from, and its own results. Raises FactMissing, AssessedOtherwise, and
    ValueError where `last` comes before the month before `first`.
    """
    month = month_of(on.year, on.month)
    record = contribution_record(month, facts)
    try:
        old = pension(record, Decimal(json.loads(facts["explanation"])["base"]), month=month)
    except (KeyError, ArithmeticError, json.JSONDecodeError):
        raise FactMissing("explanation") from None
    if f"{old.total:f}" != facts.get("pension"):
        raise AssessedOtherwise
    found = reassess(old, record, base.amount, month)
    return BackPayment(base, found, last - first + 1, owed(found.difference, first, last))


def owed(difference: Decimal, first: int, last: int) -> Explained[Decimal]:
    """What a difference of so many yuan a month comes to, from month `first` to `last`, both included.

    The month before `first` means that nothing has been paid yet; raises ValueError for an earlier one.
    """
    months = last - first + 1
    if months < 0:
        raise ValueError("a payment cannot end before it began")
    zh, en = f"每月差额 {difference:f} 元", f"a difference of {difference:f} yuan a month"
    if months:
        counted_zh = f"乘以已按原标准发放的 {months} 个月（{month_text(first)} 至 {month_text(last)}）"
        counted_en = f"times {months_en(months)} paid at the old amount, {month_text(first)} to {month_text(last)}"
    else:
        counted_zh, counted_en = "尚未发放，没有已发月份", "times no month: nothing has been paid yet"
    steps = (
        PRACTICE.step("owed", "difference", difference, zh, en),
        PRACTICE.step("owed", "months_paid", months, counted_zh, counted_en, "times"),
    )
    return Explained(half_up_to(folded(steps), CENT), steps)
