"""How long a mother may stay at home after a birth, and what she is paid meanwhile (产假, 生育津贴).

The law in force on the day of birth decides, so a late claim for an old birth keeps the old law. National and
provincial days are separate steps because they come from different laws and may be paid by different purses.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.law.entitlement import Entitlement, FactMissing, Facts, one_of, whole_number
from domain.law.explained import Explained, NoRuleInForce, Step, folded, half_up


@dataclass(frozen=True, slots=True)
class NationalLeave:
    """Days by 女职工劳动保护特别规定, all of them calendar days."""

    effective_from: date
    source: str
    base: int
    difficult: int
    each_further_baby: int
    miscarriage_before_four_months: int
    miscarriage_from_four_months: int


@dataclass(frozen=True, slots=True)
class ProvincialExtension:
    """延长产假: further days by the order of the birth; an order that is not named gets none."""

    effective_from: date
    source: str
    by_birth_order: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class AllowanceRule:
    """生育津贴 = the employer's average monthly wage of the year before / `days_in_month` x days."""

    effective_from: date
    source: str
    days_in_month: int
    days_in_month_source: str
    days_in_month_unverified: bool


NATIONAL = (
    NationalLeave(
        effective_from=date(2012, 4, 28),
        source="女职工劳动保护特别规定（国务院令第619号）第七条",
        base=98,
        difficult=15,
        each_further_baby=15,
        miscarriage_before_four_months=15,
        miscarriage_from_four_months=42,
    ),
)

ZHEJIANG = (
    ProvincialExtension(
        effective_from=date(2021, 11, 25),
        source="浙江省人口与计划生育条例第二十二条",
        by_birth_order=((1, 60), (2, 90), (3, 90)),
    ),
)

ALLOWANCE = (
    AllowanceRule(
        effective_from=date(2011, 7, 1),
        source="社会保险法第五十六条",
        days_in_month=30,
        days_in_month_source="经办惯例",
        days_in_month_unverified=True,
    ),
)

FOUR_MONTHS = 4

MOST_BABIES = 10
"""More at one birth is a slip of the pen, and a slip must not become money."""


def leave_days(on: date, *, child_order: int, children_born: int, difficult: bool) -> Explained[int]:
    """Days of maternity leave (产假) for a birth on this day, in calendar days from the birth.

    `child_order` is the order of this birth (胎次), so twins of a first birth are one birth of order 1; how twins
    count is not confirmed in a published text. Raises NoRuleInForce before 2012-04-28.
    """
    if child_order < 1 or children_born < 1:
        raise ValueError("a birth has an order and at least one child")
    national = _national(on)
    steps = [
        _national_step(national, "maternity_leave", f"产假 {national.base} 天", f"{national.base} days", national.base)
    ]
    if difficult:
        days = national.difficult
        steps.append(_national_step(national, "difficult_birth", f"难产增加 {days} 天", f"{days} for difficulty", days))
    if further := children_born - 1:
        days = further * national.each_further_baby
        zh = f"多胞胎，每多生育 1 个婴儿增加 {national.each_further_baby} 天，共 {days} 天"
        en = f"{national.each_further_baby} days for each further baby, {days} in all"
        steps.append(_national_step(national, "further_babies", zh, en, days))
    steps.append(_provincial_step(on, child_order, twins=further > 0))
    return Explained(value=int(folded(steps)), steps=tuple(steps))


def miscarriage_leave_days(on: date, *, completed_months: int) -> Explained[int]:
    """Days of leave after a miscarriage (流产) on this day, by completed months of pregnancy.

    Raises NoRuleInForce before 2012-04-28.
    """
    if completed_months < 0:
        raise ValueError("months of pregnancy are not negative")
    national = _national(on)
    if completed_months < FOUR_MONTHS:
        days, zh, en = national.miscarriage_before_four_months, "怀孕未满 4 个月流产", "miscarriage before 4 months"
    else:
        days, zh, en = national.miscarriage_from_four_months, "怀孕满 4 个月流产", "miscarriage from 4 months"
    step = _national_step(national, "miscarriage_leave", f"{zh}，产假 {days} 天", f"{en}: {days} days", days)
    return Explained(value=days, steps=(step,))


def allowance(on: date, *, average_monthly_wage_fen: int, days: int) -> Explained[int]:
    """The allowance (生育津贴) in fen, exact and rounded half up once, at the end.

    `average_monthly_wage_fen` is the employer's average of the year before, not the mother's own wage. Who pays
    for the days of the provincial extension is not confirmed in a published text. Raises NoRuleInForce before
    2011-07-01.
    """
    if average_monthly_wage_fen < 0 or days < 0:
        raise ValueError("wages and days are not negative")
    first = ALLOWANCE[0].effective_from
    rule = next((rule for rule in reversed(ALLOWANCE) if rule.effective_from <= on), None)
    if rule is None:
        raise NoRuleInForce("maternity allowance", on, first)
    steps = (
        Step(
            rule="average_monthly_wage",
            source=rule.source,
            effective_from=rule.effective_from,
            zh=f"用人单位上年度职工月平均工资 {yuan(average_monthly_wage_fen)} 元",
            en=f"the employer's average monthly wage of the year before, {yuan(average_monthly_wage_fen)} yuan",
            amount=average_monthly_wage_fen,
        ),
        Step(
            rule="days_in_month",
            source=rule.days_in_month_source,
            effective_from=rule.effective_from,
            zh=f"除以 {rule.days_in_month} 天",
            en=f"divided by {rule.days_in_month} days",
            amount=rule.days_in_month,
            does="divided_by",
            unverified=rule.days_in_month_unverified,
        ),
        Step(
            rule="benefit_days",
            source=rule.source,
            effective_from=rule.effective_from,
            zh=f"乘以 {days} 天",
            en=f"times {days} days",
            amount=days,
            does="times",
        ),
    )
    return Explained(value=half_up(folded(steps)), steps=steps)


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals: 1234567 is "12345.67"."""
    return f"{fen // 100}.{fen % 100:02d}"


def _national(on: date) -> NationalLeave:
    rule = next((rule for rule in reversed(NATIONAL) if rule.effective_from <= on), None)
    if rule is None:
        raise NoRuleInForce("maternity leave", on, NATIONAL[0].effective_from)
    return rule


def _national_step(national: NationalLeave, rule: str, zh: str, en: str, days: int) -> Step:
    return Step(rule=rule, source=national.source, effective_from=national.effective_from, zh=zh, en=en, amount=days)


def _provincial_step(on: date, child_order: int, *, twins: bool) -> Step:
    extension = next((rule for rule in reversed(ZHEJIANG) if rule.effective_from <= on), None)
    if extension is None:
        # The province granted other days before, under texts that are not written here: say so, do not guess.
        since = ZHEJIANG[0]
        return Step(
            rule="provincial_extension_unknown",
            source=since.source,
            effective_from=since.effective_from,
            zh=f"生育早于 {since.effective_from.isoformat()}，此前的浙江省延长产假未收录，按 0 天计",
            en=f"birth before {since.effective_from.isoformat()}: earlier Zhejiang extensions are not written here",
            amount=0,
            unverified=True,
        )
    days = dict(extension.by_birth_order).get(child_order, 0)
    return Step(
        rule="provincial_extension",
        source=extension.source,
        effective_from=extension.effective_from,
        zh=f"第 {child_order} 孩，浙江省延长产假 {days} 天",
        en=f"Zhejiang extension for birth {child_order}: {days} days",
        amount=days,
        unverified=twins or not days,
    )


def _compute(on: date, facts: Facts) -> Facts:
    order = whole_number(facts, "child_order", at_least=1)
    children = whole_number(facts, "children", at_least=1)
    difficult = one_of(facts, "delivery", ("normal", "difficult")) == "difficult"
    wage = whole_number(facts, "average_monthly_wage_fen", at_least=1)
    if children > MOST_BABIES:
        raise FactMissing("children")
    leave = leave_days(on, child_order=order, children_born=children, difficult=difficult)
    paid = allowance(on, average_monthly_wage_fen=wage, days=leave.value)
    told = _told(leave, paid)
    return {
        "benefit_days": str(leave.value),
        "allowance_fen": str(paid.value),
        "explanation": json.dumps(told, ensure_ascii=False),
    }


def _told(leave: Explained[int], paid: Explained[int]) -> Sequence[str]:
    return [
        *leave.sentences(),
        f"产假合计 {leave.value} 天",
        *paid.sentences(),
        f"生育津贴 {yuan(paid.value)} 元；延长产假期间由谁支付待核实",
    ]


ENTITLEMENT = Entitlement(
    code="maternity_allowance",
    title="生育津贴",
    needs=("child_order", "children", "delivery", "average_monthly_wage_fen"),
    compute=_compute,
)
