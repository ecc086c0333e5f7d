"""When somebody may retire (退休年龄): the statutory month under the gradual delay, and the window around it.

The law speaks of the month of birth and of nothing finer. It is therefore one table by category and birth month, made
once from the schedule that also explains it: a scan of a city's people and a single explained answer cannot disagree.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, assert_never

from domain.law import explained
from domain.law.explained import Basis, Step
from domain.law.months import (
    MONTHS_IN_YEAR,
    age_text,
    age_zh,
    first_day,
    month_of,
    month_text,
    months_en,
    read_month,
    years_en,
    years_zh,
)
from domain.law.questions import Question, QuestionFaulty
from domain.refusals import FieldFault

# ── the law ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Category(StrEnum):
    """Whose age it is; whether a woman's is 50 or 55 follows from her post (工人 / 干部), which people review."""

    M60 = "M60"  # 男职工
    F55 = "F55"  # 原法定退休年龄五十五周岁的女职工
    F50 = "F50"  # 原法定退休年龄五十周岁的女职工


@dataclass(frozen=True, slots=True)
class Schedule:
    """渐进式延迟 for one category: an annex table of the 退休办法 as the rule that yields its rows.

    The annexes end with the births of 1976-12, 1981-12 and 1984-12; everybody younger takes the longest delay.
    """

    zh: str
    en: str
    base_age: int
    """原法定退休年龄, in months."""
    first_affected: int
    """The first birth month with a delay."""
    births_per_month: int
    """Birth months that share one further month of delay."""
    longest_delay: int
    basis: Basis

    def delay(self, born: int) -> int:
        """Months of delay for this birth month."""
        since = born - self.first_affected
        return 0 if since < 0 else min(self.longest_delay, since // self.births_per_month + 1)


REFORM: Final = date(2025, 1, 1)
_MEASURES: Final = "国务院关于渐进式延迟法定退休年龄的办法"

BEFORE_THE_REFORM: Final = Basis("国发〔1978〕104号", date(1978, 6, 2))
FLEXIBLE: Final = Basis(f"{_MEASURES}第三条", REFORM)
HOW_TO_CHOOSE: Final = Basis("实施弹性退休制度暂行办法（人社部发〔2024〕94号）", REFORM)
SPECIAL_WORK: Final = Basis("国发〔1978〕104号；2025年起的办理办法待查", REFORM, unverified=True)

SCHEDULES: Final[Mapping[Category, Schedule]] = MappingProxyType(
    {
        Category.M60: Schedule(
            zh="男职工",
            en="men",
            base_age=60 * MONTHS_IN_YEAR,
            first_affected=month_of(1965, 1),
            births_per_month=4,
            longest_delay=36,
            basis=Basis(f"{_MEASURES}第一条、附件1", REFORM),
        ),
        Category.F55: Schedule(
            zh="原法定退休年龄五十五周岁的女职工",
            en="women whose age was 55",
            base_age=55 * MONTHS_IN_YEAR,
            first_affected=month_of(1970, 1),
            births_per_month=4,
            longest_delay=36,
            basis=Basis(f"{_MEASURES}第一条、附件2", REFORM),
        ),
        Category.F50: Schedule(
            zh="原法定退休年龄五十周岁的女职工",
            en="women whose age was 50",
            base_age=50 * MONTHS_IN_YEAR,
            first_affected=month_of(1975, 1),
            births_per_month=2,
            longest_delay=60,
            basis=Basis(f"{_MEASURES}第一条、附件3", REFORM),
        ),
    }
)

FLEXIBLE_MONTHS: Final = 36
"""Earlier or later by three years at most."""

SPECIAL_WORK_EARLIEST: Final[Mapping[Category, int]] = MappingProxyType(
    {Category.M60: 55 * MONTHS_IN_YEAR, Category.F55: 45 * MONTHS_IN_YEAR, Category.F50: 45 * MONTHS_IN_YEAR}
)
"""特殊工种: nobody was let go younger. Whether these ages move too is not known, so a month is approved, not computed."""


@dataclass(frozen=True, slots=True)
class MinContribution:
    """最低缴费年限 in months, for retirement months from this day on."""

    basis: Basis
    months: int


MIN_CONTRIBUTION: Final = (
    MinContribution(
        Basis("2011-07-01前的规定未收录，按十五年计", BEFORE_THE_REFORM.effective_from, unverified=True), 180
    ),
    MinContribution(Basis("社会保险法第十六条", date(2011, 7, 1)), 180),
    MinContribution(Basis(f"{_MEASURES}第二条", REFORM), 180),
    *(MinContribution(Basis(f"{_MEASURES}第二条", date(2030 + later, 1, 1)), 186 + 6 * later) for later in range(10)),
)

# ── for a scan ──────────────────────────────────────────────────────────────────────────────────────────────────────

FIRST_BIRTH: Final = month_of(1930, 1)
LAST_BIRTH: Final = month_of(2099, 12)

STATUTORY_MONTHS: Final[Mapping[Category, Mapping[int, int]]] = MappingProxyType(
    {
        category: MappingProxyType(
            {born: born + schedule.base_age + schedule.delay(born) for born in range(FIRST_BIRTH, LAST_BIRTH + 1)}
        )
        for category, schedule in SCHEDULES.items()
    }
)
"""Category -> birth month -> statutory month: the law as a table, for whoever asks about millions."""

_BORN: Final = MappingProxyType(
    {category: {month: born for born, month in table.items()} for category, table in STATUTORY_MONTHS.items()}
)


def statutory_month(category: Category, born: int) -> int:
    """The month in which the statutory age is reached; raises KeyError for a birth outside the table."""
    return STATUTORY_MONTHS[category][born]


def born_for(category: Category, month: int) -> int | None:
    """The one birth month that reaches the statutory age in this month; None for the months that the delay skips."""
    return _BORN[category].get(month)


# ── what a person may choose ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Early:
    """弹性提前: so many months before the statutory month."""

    months: int


@dataclass(frozen=True, slots=True)
class Late:
    """弹性延迟: so many months after it, as both sides agree."""

    months: int


@dataclass(frozen=True, slots=True)
class Approved:
    """特殊工种提前退休: the month that an authority approved; an input, never a result."""

    month: int


Choice = Early | Late | Approved

_CHOICE: Final = re.compile(r"(early|late):([1-9][0-9]{0,2})|approved:([0-9-]{7})")


def read_choice(text: str) -> Choice:
    """A choice written as "early:12", "late:6" or "approved:2026-03"; raises ValueError for anything else."""
    found = _CHOICE.fullmatch(text)
    if found is None:
        raise ValueError("a choice is written as early:12, late:6 or approved:2026-03")
    if found[3]:
        return Approved(read_month(found[3]))
    return (Early if found[1] == "early" else Late)(int(found[2]))


class ChoiceRefused(QuestionFaulty):
    """The law does not let this person choose that month; the sentence says which it allows."""

    code = "retirement.choice_refused"

    def __init__(self, rule: str, zh: str, en: str) -> None:
        super().__init__([FieldFault("/choose", rule, zh, en)])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The month somebody chose, the age then (in months), and the contribution (in months) that it takes."""

    month: int
    age: int
    min_contribution_months: int


@dataclass(frozen=True, slots=True)
class RetirementAge:
    """When one person may retire; ages and contributions in months, and None for a window that does not exist."""

    category: Category
    born: int
    delay_months: int
    age: int
    statutory_month: int
    earliest_month: int | None
    latest_month: int | None
    min_contribution_months: int
    chosen: Chosen | None
    steps: tuple[Step, ...]
    """In each, `of` names the result; a month stands in it as year × 12 + month − 1."""

    def told(self) -> dict[str, object]:
        """The result without its steps."""
        told: dict[str, object] = {
            "category": self.category.value,
            "born": month_text(self.born),
            "delay_months": self.delay_months,
            "age": age_text(self.age),
            "statutory_month": month_text(self.statutory_month),
            "earliest_month": None if self.earliest_month is None else month_text(self.earliest_month),
            "latest_month": None if self.latest_month is None else month_text(self.latest_month),
            "min_contribution_months": self.min_contribution_months,
        }
        if self.chosen is not None:
            told |= {
                "chosen_month": month_text(self.chosen.month),
                "chosen_age": age_text(self.chosen.age),
                "chosen_min_contribution_months": self.chosen.min_contribution_months,
            }
        return told

    def as_text(self) -> str:
        """The answer as one line of JSON."""
        return explained.as_text(self.told(), (step.as_text() for step in self.steps))


FIELDS: Final = frozenset({"category", "born", "choose"})


def answer_retirement_age(given: object) -> RetirementAge:
    """The answer to `{"category": "F55", "born": "1970-05", "choose": "early:1"}`; raises QuestionFaulty."""
    question = Question(given, FIELDS)
    category = question.one_of("category", tuple(Category))
    born = question.word("born", read_month, "应为出生年月, 如 1970-05", "must be a month of birth such as 1970-05")
    choice = question.word(
        "choose",
        read_choice,
        "应为 early:月数, late:月数 或 approved:年月, 如 early:12",
        "must be early:MONTHS, late:MONTHS or approved:YYYY-MM, such as early:12",
        required=False,
    )
    if born is not None and not FIRST_BIRTH <= born <= LAST_BIRTH:
        first, last = month_text(FIRST_BIRTH), month_text(LAST_BIRTH)
        question.fault("born", "range", f"应在 {first} 到 {last} 之间", f"must be from {first} to {last}")
    question.settled()
    assert category is not None
    assert born is not None
    return retirement_age(Category(category), born, choice)


def retirement_age(category: Category, born: int, choice: Choice | None = None) -> RetirementAge:
    """When somebody of this category and birth month may retire, and what a choice comes to.

    Raises ChoiceRefused for a month that the law does not allow, and KeyError for a birth outside the table.
    """
    schedule = SCHEDULES[category]
    statutory = statutory_month(category, born)
    delay = statutory - born - schedule.base_age
    has_window = statutory >= month_of(REFORM.year, REFORM.month)
    earliest = max(born + schedule.base_age, statutory - FLEXIBLE_MONTHS) if has_window else None
    latest = statutory + FLEXIBLE_MONTHS if has_window else None
    minimum = _min_contribution(statutory)
    steps = [*_delay_steps(schedule, born), *_statutory_steps(schedule, born, delay, statutory)]
    if earliest is not None and latest is not None:
        steps += _window_steps(schedule, born, statutory, earliest, latest)
    steps.append(_min_contribution_step("min_contribution_months", statutory, minimum))
    chosen = None
    if choice is not None:
        chosen, chosen_steps = _chosen(category, born, statutory, earliest, latest, choice)
        steps += chosen_steps
    return RetirementAge(
        category=category,
        born=born,
        delay_months=delay,
        age=schedule.base_age + delay,
        statutory_month=statutory,
        earliest_month=earliest,
        latest_month=latest,
        min_contribution_months=minimum.months,
        chosen=chosen,
        steps=tuple(steps),
    )


# ── the explanation ─────────────────────────────────────────────────────────────────────────────────────────────────


def _delay_steps(schedule: Schedule, born: int) -> Iterator[Step]:
    of, first = "delay_months", month_text(schedule.first_affected)
    since, step = born - schedule.first_affected, schedule.births_per_month
    if since < 0:
        zh = f"{schedule.zh}，{first}前出生，不延迟"
        en = f"{schedule.en}, born before {first}: no delay"
        yield BEFORE_THE_REFORM.step(of, "not_delayed", 0, zh, en)
        return
    tell = schedule.basis.step
    yield tell(
        of,
        "months_since_first_affected",
        since,
        f"{schedule.zh}，{first}起出生的延迟；出生月份在其后第 {since} 个月",
        f"{schedule.en}, delayed from births of {first} on; this birth is {months_en(since)} after",
    )
    zh, en = (
        f"每 {step} 个出生月份延迟 1 个月：除以 {step}",
        f"1 month of delay for {step} birth months: divided by {step}",
    )
    yield tell(of, "births_per_month_of_delay", step, zh, en, "divided_by")
    yield tell(of, "whole_months", 1, "只计整月", "whole months only", "down_to")
    yield tell(
        of, "first_month_counts", 1, "首个受影响月份即延迟 1 个月：加 1", "the first birth months have 1: plus 1"
    )
    zh = f"最多延迟 {schedule.longest_delay} 个月：本人延迟 {schedule.delay(born)} 个月"
    en = f"at most {schedule.longest_delay}: the delay is {schedule.delay(born)}"
    yield tell(of, "longest_delay", schedule.longest_delay, zh, en, "at_most")


def _statutory_steps(schedule: Schedule, born: int, delay: int, statutory: int) -> Iterator[Step]:
    age, of = schedule.base_age + delay, "statutory_month"
    base = BEFORE_THE_REFORM
    zh, en = f"原法定退休年龄 {age_zh(schedule.base_age)}", f"the age before the reform, {years_en(schedule.base_age)}"
    yield base.step("age", "base_age", schedule.base_age, zh, en)
    if delay:
        base = schedule.basis
        zh, en = f"延迟 {delay} 个月，为 {age_zh(age)}", f"delayed by {months_en(delay)} to {years_en(age)}"
        yield base.step("age", "delay", delay, zh, en)
    zh, en = (
        f"出生月份 {month_text(born)}；只按月计，与出生日无关",
        f"born in {month_text(born)}; the day does not count",
    )
    yield base.step(of, "birth_month", born, zh, en)
    zh = f"加退休年龄 {age_zh(age)}：{month_text(statutory)} 达到法定退休年龄"
    en = f"plus the age of {years_en(age)}: the statutory age is reached in {month_text(statutory)}"
    yield base.step(of, "statutory_age", age, zh, en)


def _window_steps(schedule: Schedule, born: int, statutory: int, earliest: int, latest: int) -> Iterator[Step]:
    tell = FLEXIBLE.step
    reached = f"{month_text(statutory)} 达到法定退休年龄", f"the statutory age is reached in {month_text(statutory)}"
    years = FLEXIBLE_MONTHS // MONTHS_IN_YEAR
    yield tell("earliest_month", "statutory_month", statutory, *reached)
    zh, en = f"自愿提前最多 {years} 年", f"{years} years earlier at most, as the person wishes"
    yield tell("earliest_month", "earliest", -FLEXIBLE_MONTHS, zh, en)
    zh = f"不得低于原法定退休年龄 {age_zh(schedule.base_age)}：最早 {month_text(earliest)}"
    en = f"never below the age of {years_en(schedule.base_age)}: in {month_text(earliest)} at the earliest"
    yield tell("earliest_month", "never_below_base_age", born + schedule.base_age, zh, en, "at_least")
    yield tell("latest_month", "statutory_month", statutory, *reached)
    zh = f"单位与职工协商一致，延迟最多 {years} 年：最迟 {month_text(latest)}"
    en = f"{years} years later at most, if both sides agree: in {month_text(latest)} at the latest"
    yield tell("latest_month", "latest", FLEXIBLE_MONTHS, zh, en)


def _min_contribution(month: int) -> MinContribution:
    on = first_day(month)
    return next(rule for rule in reversed(MIN_CONTRIBUTION) if rule.basis.effective_from <= on)


def _min_contribution_step(of: str, month: int, rule: MinContribution) -> Step:
    year, length = month // MONTHS_IN_YEAR, rule.months
    zh, en = f"{year} 年的最低缴费年限 {years_zh(length)}", f"the least contribution for {year}: {years_en(length)}"
    return rule.basis.step(of, "min_contribution", length, zh, en)


def _chosen(
    category: Category, born: int, statutory: int, earliest: int | None, latest: int | None, choice: Choice
) -> tuple[Chosen, list[Step]]:
    reached = f"{month_text(statutory)} 达到法定退休年龄", f"the statutory age is reached in {month_text(statutory)}"
    told: tuple[Step, ...]
    match choice:
        case Early(months):
            month = _within_window(statutory - months, statutory, earliest, latest)
            told = (
                FLEXIBLE.step("chosen_month", "statutory_month", statutory, *reached),
                HOW_TO_CHOOSE.step(
                    "chosen_month",
                    "early",
                    -months,
                    f"自愿提前 {months} 个月：{month_text(month)}；至少在此前 3 个月书面告知单位",
                    f"{months_en(months)} earlier by choice: {month_text(month)}; the employer is told in writing 3 months before",
                ),
            )
            # 弹性提前: the contribution of the chosen year, which is the easier one.
            counts = month
        case Late(months):
            month = _within_window(statutory + months, statutory, earliest, latest)
            told = (
                FLEXIBLE.step("chosen_month", "statutory_month", statutory, *reached),
                HOW_TO_CHOOSE.step(
                    "chosen_month",
                    "late",
                    months,
                    f"协商延迟 {months} 个月：{month_text(month)}；至少在法定退休年龄前 1 个月书面约定；"
                    "公务员、国有企事业单位领导和管理人员除外",
                    f"{months_en(months)} later by agreement: {month_text(month)}; agreed in writing 1 month before the statutory "
                    "age; not for civil servants, leaders and managers of state bodies and firms",
                ),
            )
            counts = statutory
        case Approved(month):
            youngest = born + SPECIAL_WORK_EARLIEST[category]
            if not youngest <= month < statutory:
                first, last = month_text(youngest), month_text(statutory - 1)
                raise ChoiceRefused(
                    "approved_window",
                    f"特殊工种提前退休应在 {first} 到 {last} 之间",
                    f"an approved month for special work lies from {first} to {last}",
                )
            zh = f"特殊工种提前退休，经批准的月份 {month_text(month)}"
            en = f"early for special work, in the approved month {month_text(month)}"
            told = (SPECIAL_WORK.step("chosen_month", "approved", month, zh, en),)
            counts = month
        case _:
            assert_never(choice)
    age, minimum = month - born, _min_contribution(counts)
    zh, en = f"{month_text(month)} 时 {age_zh(age)}", f"in {month_text(month)} the age is {years_en(age)}"
    at_that_age = told[-1]._replace(of="chosen_age", rule="age", amount=age, zh=zh, en=en)
    least = _min_contribution_step("chosen_min_contribution_months", counts, minimum)
    return Chosen(month, age, minimum.months), [*told, at_that_age, least]


def _within_window(month: int, statutory: int, earliest: int | None, latest: int | None) -> int:
    if earliest is None or latest is None:
        raise ChoiceRefused(
            "before_reform",
            f"{month_text(statutory)} 达到法定退休年龄，早于 2025-01，没有弹性退休",
            f"the statutory age is reached in {month_text(statutory)}, before 2025-01: there is no choice of a month",
        )
    if not earliest <= month <= latest:
        first, last = month_text(earliest), month_text(latest)
        raise ChoiceRefused(
            "window",
            f"{month_text(month)} 不在可选范围 {first} 到 {last} 之内",
            f"{month_text(month)} is outside the window from {first} to {last}",
        )
    return month
