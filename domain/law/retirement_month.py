"""Whether somebody may retire in the month they chose (退休时间): the window, the contributions, and who was told in time.

A category is a man's or a woman's, and the citizen ID number says which (GB 11643: the 17th digit is odd for men).

人社部发〔2024〕94号: early, the employer is told in writing three months before the chosen month; late, both sides
agree in writing a month before the statutory month.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from domain.identifiers import Sex, read_citizen_id
from domain.law.contributions import contributed_by
from domain.law.months import month_of, month_text
from domain.law.requirement import LeftOpen, Requirement, Unlawful
from domain.law.retirement_age import (
    FIRST_BIRTH,
    LAST_BIRTH,
    Category,
    Choice,
    ChoiceRefused,
    Early,
    Late,
    RetirementAge,
    retirement_age,
)

TOLD_MONTHS_BEFORE_EARLY: Final = 3
AGREED_MONTHS_BEFORE_STATUTORY: Final = 1
SEX_OF: Final[Mapping[Category, Sex]] = MappingProxyType(
    {Category.M60: "male", Category.F55: "female", Category.F50: "female"}
)


def _judge(told_on: Mapping[str, date], facts: Mapping[str, str]) -> tuple[Unlawful, ...]:
    category = Category(facts["category"])
    # Of the wrong category, nothing else could be judged.
    if not_theirs := _sex(category, facts.get("citizen_id")):
        return not_theirs
    born, chosen = _month(facts["born_in"]), _month(facts["retires_on"])
    if not FIRST_BIRTH <= born <= LAST_BIRTH:
        return (Unlawful("born_in", "out_of_table", "不在法定退休年龄表内", "is outside the tables of the law"),)
    at_statutory = retirement_age(category, born)
    statutory = at_statutory.statutory_month
    found = [*_direction(facts["choice"], chosen, statutory)]
    if not found:
        try:
            age = retirement_age(category, born, _choice(chosen - statutory))
        except ChoiceRefused as refused:
            return tuple(Unlawful("retires_on", fault.rule, fault.zh, fault.en) for fault in refused.faults)
        found += _in_time(facts["choice"], _month_of(told_on["retires_on"]), chosen, statutory)
        found += _contributed(age, int(facts["contribution_months"]), chosen, _month_of(told_on["contribution_months"]))
    return tuple(found)


def _leaves_open(today: date, facts: Mapping[str, str]) -> tuple[LeftOpen, ...]:
    category, born, now = Category(facts["category"]), _month(facts["born_in"]), _month_of(today)
    if not FIRST_BIRTH <= born <= LAST_BIRTH:
        return ()
    age = retirement_age(category, born)
    statutory = age.statutory_month
    zh, en = [f"法定退休时间为 {month_text(statutory)}"], [f"the statutory month is {month_text(statutory)}"]
    if age.earliest_month is not None and age.latest_month is not None:
        first, last = max(age.earliest_month, now + TOLD_MONTHS_BEFORE_EARLY), statutory - 1
        if first <= last:
            zh.append(f"现在可提前至 {month_text(first)} 到 {month_text(last)}, 须书面告知用人单位")
            en.append(f"earlier from {month_text(first)} to {month_text(last)}, with written notice to the employer")
        else:
            zh.append("提前退休的告知期限已过")
            en.append("it is too late to give notice for an earlier one")
        if now <= statutory - AGREED_MONTHS_BEFORE_STATUTORY:
            zh.append(f"可延迟至 {month_text(statutory + 1)} 到 {month_text(age.latest_month)}, 须与用人单位书面约定")
            en.append(
                f"later from {month_text(statutory + 1)} to {month_text(age.latest_month)}, agreed in writing with"
                " the employer"
            )
        else:
            zh.append("延迟退休的约定期限已过")
            en.append("it is too late to agree on a later one")
    return (LeftOpen("retires_on", "; ".join(zh), "; ".join(en)),)


def _sex(category: Category, citizen_id: str | None) -> tuple[Unlawful, ...]:
    # A case that was opened before the number was asked for is judged by the rest.
    if citizen_id is None or read_citizen_id(citizen_id, today=None).sex == SEX_OF[category]:
        return ()
    zh, en = "与公民身份号码的性别不符", "does not fit the sex in the citizen ID number"
    return (Unlawful("category", "not_of_that_sex", zh, en),)


def _direction(choice: str, chosen: int, statutory: int) -> tuple[Unlawful, ...]:
    wrong = {
        "statutory": chosen != statutory,
        "early": chosen >= statutory,
        "late": chosen <= statutory,
    }[choice]
    if not wrong:
        return ()
    month = month_text(statutory)
    zh, en = f"与选择不符, 法定退休时间为 {month}", f"does not fit the choice; the statutory month is {month}"
    return (Unlawful("retires_on", "not_as_chosen", zh, en),)


def _choice(months: int) -> Choice | None:
    if months == 0:
        return None
    return Early(-months) if months < 0 else Late(months)


def _in_time(choice: str, told: int, chosen: int, statutory: int) -> tuple[Unlawful, ...]:
    if choice == "early" and told > chosen - TOLD_MONTHS_BEFORE_EARLY:
        return (
            Unlawful(
                "retires_on",
                "told_too_late",
                f"提前退休须至少提前 {TOLD_MONTHS_BEFORE_EARLY} 个月书面告知用人单位",
                f"retiring early takes written notice to the employer {TOLD_MONTHS_BEFORE_EARLY} months before",
            ),
        )
    if choice == "late" and told > statutory - AGREED_MONTHS_BEFORE_STATUTORY:
        return (
            Unlawful(
                "retires_on",
                "agreed_too_late",
                f"延迟退休须在法定退休时间前至少 {AGREED_MONTHS_BEFORE_STATUTORY} 个月书面约定",
                f"retiring late is agreed in writing {AGREED_MONTHS_BEFORE_STATUTORY} month before the statutory month",
            ),
        )
    return ()


def _contributed(age: RetirementAge, months: int, chosen: int, told: int) -> tuple[Unlawful, ...]:
    minimum = age.min_contribution_months if age.chosen is None else age.chosen.min_contribution_months
    by_then = contributed_by(chosen, months, told)
    if by_then >= minimum:
        return ()
    zh = f"到退休时为 {by_then} 个月, 不足最低缴费年限 {minimum} 个月, 须先续缴或转入居民养老保险"
    en = f"will be {by_then} months by then, below the minimum of {minimum}: pay on, or join the residents' scheme"
    return (Unlawful("contribution_months", "too_few", zh, en),)


def _month(day: str) -> int:
    return _month_of(date.fromisoformat(day[: len("2026-11-20")]))


def _month_of(day: date) -> int:
    return month_of(day.year, day.month)


REQUIREMENT: Final = Requirement(
    code="retirement_month",
    needs=("category", "born_in", "choice", "retires_on", "contribution_months"),
    judge=_judge,
    leaves_open=_leaves_open,
)
