"""到龄名单: who reaches an age in a month, why each person is on the list, and what a person has to look at first.

Nobody applies: the register is read ahead, and the list says of everybody it names by which rule and
which dates. A doubt is a finding too; it puts the person on the list for the bureau, never off it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, assert_never

from domain.bundle import AtAge, AtRetirementAge, Bundle, Discovery, FieldKind
from domain.law.contributions import contributed_by
from domain.law.months import MONTHS_IN_YEAR, first_day, month_text
from domain.law.retirement_age import STATUTORY_MONTHS, Category, born_for, retirement_age
from domain.refusals import NotFound

READ_AHEAD: Final = "insured_persons"
"""The register (数据源) in which people are found; whoever reads a person's record in it needs a grant for it."""


class Outcome(StrEnum):
    """What follows from being found."""

    DUE = "due"
    """Nothing speaks against it: a case is opened."""
    CONFLICT = "conflict"
    """Somebody at the bureau has to look first."""
    EXCLUDED = "excluded"
    """The day is theirs, the case is not."""


CONFLICTS: Final = {
    "birth_dates_differ": ("身份证与档案出生年月不一致", "ID card and file disagree on the month of birth"),
    "category_unknown": ("人员类别不明(工人/干部岗位)", "the category is not known"),
    "contributions_short": ("缴费年限不足", "too few years of contributions"),
    "two_places": ("多地参保", "insured in more than one place"),
    "arrears": ("有欠费", "contributions are owed"),
    "register_unreadable": ("登记内容无法读取", "the register's entry cannot be read"),
    "case_for_other_month": (
        "已开办件的月份与现登记不一致",
        "the case was opened for another month than is registered now",
    ),
}
DEAD: Final = "dead"
EXCLUSIONS: Final = {
    "already_retired": ("已退休", "has retired already"),
    DEAD: ("已死亡", "has died"),
}
FAULTS: Final = {
    "already_open": ("窗口已先收件", "a counter was faster: that is their case"),
    "no_record": ("登记部门未给出其办理信息", "the register gives no record of them"),
    "no_desk": (
        "牵头部门在当地和本市均无人受理",
        "nobody takes cases in for the leading department there or in the city",
    ),
    "no_grant": (
        "受理单位无权查询参保信息, 未读取其办理信息",
        "the unit that would take the case in has no grant for the register; nobody's record was read",
    ),
    "record_unreadable": ("登记信息无法读取", "the register's record cannot be read"),
}
"""Why somebody who is due has no case of the scan's own; a fault of the form stands as "form:/pointer:rule"."""


class NoSuchOccasion(NotFound):
    """No bundle in force finds anybody on that occasion."""

    code = "discovery.unknown"

    def __init__(self, occasion: str) -> None:
        super().__init__(f"没有名为“{occasion}”的免申即办事由", f"no bundle in force is started by {occasion!r}")


def occasion_in_force(bundles: Iterable[Bundle], occasion: str) -> tuple[Bundle, Discovery]:
    """The discovery of that code, and the bundle among these that declares it; raises NoSuchOccasion."""
    for bundle in bundles:
        for discovery in bundle.discoveries:
            if discovery.code == occasion:
                return bundle, discovery
    raise NoSuchOccasion(occasion)


@dataclass(frozen=True, slots=True)
class InsuredPerson:
    """One line of the register of insured persons; months as year × 12 + month − 1, nobody's name.

    `person` is the register's own number for them; `born` is by the ID card, `born_in_file` by the personnel file.
    """

    person: str
    district: str
    sex: str
    category: Category | None
    born: int
    born_in_file: int | None
    contribution_months: int
    places: int = 1
    arrears: bool = False
    state: str = "active"


@dataclass(frozen=True, slots=True)
class Finding:
    """Somebody who is on the list of a month, by which dates and rule, and what is in the way."""

    person: str
    district: str
    occasion: str
    """The code of the discovery."""
    month: int
    months: tuple[int, ...]
    """Every month that the register's entries give; more than one where they are in doubt."""
    outcome: Outcome
    reasons: tuple[str, ...]
    born: int | None
    """The month of birth that leads to `month`; None where the register's entry cannot be read."""
    rule: str
    """"M60 1966-09 -> 2027-03": category or age, month of birth, month reached."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands on a list."""

    outcome: Outcome
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from the reading before, each by the register's numbers."""

    new: tuple[str, ...]
    gone: tuple[str, ...]
    changed: tuple[str, ...]
    """Who is on both, for other reasons or with another outcome."""


def changes(before: Mapping[str, Standing], after: Mapping[str, Standing]) -> Changes:
    """The list of one reading against that of the one before it."""
    return Changes(
        new=tuple(sorted(after.keys() - before.keys())),
        gone=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(one for one in after.keys() & before.keys() if after[one] != before[one])),
    )


def unreadable(person: str, district: str, discovery: Discovery, month: int) -> Finding:
    """Somebody of whom the register says that the month is theirs, in words that nobody can read."""
    reasons, rule = ("register_unreadable",), f"? -> {month_text(month)}"
    return Finding(person, district, discovery.code, month, (month,), Outcome.CONFLICT, reasons, None, rule)


def reason_in_words(reason: str) -> tuple[str, str]:
    """A conflict or exclusion by its code, in Chinese and in English."""
    return CONFLICTS.get(reason) or EXCLUSIONS.get(reason) or (reason, reason)


def rule_in_words(rule: str) -> tuple[str, str]:
    """By which rule and month of birth somebody is on the list of a month, in Chinese and in English."""
    read = _RULE.fullmatch(rule)
    if read is None:
        return rule, rule
    who, born, month = read.groups()
    if born is None:
        return f"登记给出 {month}", f"the register gives {month}"
    if who in CATEGORIES:
        zh, en = CATEGORIES[Category(who)]
        return f"{zh}, {born} 出生, {month} 达到法定退休年龄", f"{en}, born in {born}: the statutory age in {month}"
    return f"{born} 出生, {month} 满 {who} 周岁", f"born in {born}: {who} years old in {month}"


CATEGORIES: Final = {
    Category.M60: ("男职工", "men"),
    Category.F55: ("原五十五周岁女职工", "women whose age was 55"),
    Category.F50: ("原五十周岁女职工", "women whose age was 50"),
}
_RULE: Final = re.compile(r"(\w+|\?) (?:([0-9]{4}-[0-9]{2}) )?-> ([0-9]{4}-[0-9]{2})")


def reasons_with_case(reasons: Sequence[str], month: int, case_month: int | None) -> tuple[str, ...]:
    """Those of the finding, and that the case was opened for a month which the register does not give any more."""
    moved = case_month is not None and case_month != month
    return (*reasons, "case_for_other_month") if moved else tuple(reasons)


def fault_in_words(fault: str) -> tuple[str, str]:
    """What stood in the way of a case, by its code, in Chinese and in English."""
    if fault.startswith("form:"):
        places = fault.removeprefix("form:")
        return f"预填申请表有误: {places}", f"the form as filled in is refused: {places}"
    return FAULTS.get(fault, (fault, fault))


def born_months(when: AtRetirementAge | AtAge, month: int) -> frozenset[int]:
    """Every month of birth that can be reached in that month: what a register is asked for."""
    match when:
        case AtRetirementAge():
            found = (born_for(category, month) for category in Category)
            return frozenset(born for born in found if born is not None)
        case AtAge():
            return frozenset({month - when.years * MONTHS_IN_YEAR})
        case _:
            assert_never(when)


def judge(one: InsuredPerson, discovery: Discovery, month: int, *, read_in: int) -> Finding | None:
    """What the register's line, read in `read_in`, means for the list of that month; None if it is not about it."""
    match discovery.when:
        case AtRetirementAge():
            return _at_retirement_age(one, discovery.code, month, read_in)
        case AtAge(years=years):
            if one.born != month - years * MONTHS_IN_YEAR:
                return None
            rule = f"{years} {month_text(one.born)} -> {month_text(month)}"
            reasons = (DEAD,) if one.state == "dead" else ()
            outcome = Outcome.EXCLUDED if reasons else Outcome.DUE
            return Finding(one.person, one.district, discovery.code, month, (month,), outcome, reasons, one.born, rule)
        case _:
            assert_never(discovery.when)


def completed(record: Mapping[str, str], discovery: Discovery, found: Finding) -> dict[str, str]:
    """The register's record with what the finding adds to it: the days that a form counts from.

    Raises ValueError where the record's own day of birth is none.
    """
    days = {"month": first_day(found.month).isoformat()}
    if found.born is not None:
        days["born_in"] = first_day(found.born).isoformat()
    if isinstance(discovery.when, AtAge) and (born_on := record.get("born_on")):
        days["birthday"] = _birthday(date.fromisoformat(born_on), discovery.when.years).isoformat()
    return {**record, **days}


def _birthday(born_on: date, years: int) -> date:
    try:
        return born_on.replace(year=born_on.year + years)
    except ValueError:
        # Born on 29 February: the year of life is complete when the day has passed.
        return date(born_on.year + years, 3, 1)


def prefilled(discovery: Discovery, bundle: Bundle, record: Mapping[str, str]) -> dict[str, Any]:
    """The form as the record fills it, in the shape in which an application is filed; what is unknown is left out.

    Raises ValueError where a number of the record is none.
    """
    form: dict[str, Any] = {}
    for filled in discovery.prefilled:
        text = filled.value if filled.value is not None else record.get(filled.answer or "")
        if not text:
            continue
        section, _, code = filled.field.partition(".")
        field = bundle.field(filled.field)
        match field.kind:
            case FieldKind.YES_NO:
                value: object = text == "true"
            case FieldKind.COUNT:
                value = int(text)
            case _:
                value = text
        form.setdefault(section, {})[code] = value
    return form


def _at_retirement_age(one: InsuredPerson, occasion: str, month: int, read_in: int) -> Finding | None:
    reached = {
        (category, born): STATUTORY_MONTHS[category].get(born) for category in _categories(one) for born in _births(one)
    }
    for (category, born), then in reached.items():
        if then == month:
            months = tuple(sorted({found for found in reached.values() if found is not None}))
            excluded = tuple(_excluded(one))
            reasons = excluded or tuple(_conflicts(one, category, born, _contributed(one, month, read_in)))
            outcome = Outcome.EXCLUDED if excluded else Outcome.CONFLICT if reasons else Outcome.DUE
            rule = f"{category} {month_text(born)} -> {month_text(month)}"
            return Finding(one.person, one.district, occasion, month, months, outcome, reasons, born, rule)
    return None


def _categories(one: InsuredPerson) -> tuple[Category, ...]:
    """Where the post is not known, whichever category comes first puts the person on the list."""
    if one.category is not None:
        return (one.category,)
    return (Category.M60,) if one.sex == "1" else (Category.F50, Category.F55)


def _births(one: InsuredPerson) -> tuple[int, ...]:
    return (one.born,) if one.born_in_file is None else (one.born, one.born_in_file)


def _excluded(one: InsuredPerson) -> Iterator[str]:
    if one.state == "retired":
        yield "already_retired"
    elif one.state == "dead":
        yield DEAD


def _contributed(one: InsuredPerson, month: int, read_in: int) -> int:
    """By that month; whoever owes contributions, or is not paying, is not taken to pay on."""
    pays_on = one.state == "active" and not one.arrears
    return contributed_by(month, one.contribution_months, read_in) if pays_on else one.contribution_months


def _conflicts(one: InsuredPerson, category: Category, born: int, contributed: int) -> Iterator[str]:
    if one.born_in_file is not None and one.born_in_file != one.born:
        yield "birth_dates_differ"
    if one.category is None:
        yield "category_unknown"
    if contributed < retirement_age(category, born).min_contribution_months:
        yield "contributions_short"
    if one.places > 1:
        yield "two_places"
    if one.arrears:
        yield "arrears"


def months_ahead(today: date, ahead: int) -> int:
    """The month that lies so many months ahead of a day's month."""
    return today.year * MONTHS_IN_YEAR + today.month - 1 + ahead
