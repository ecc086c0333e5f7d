"""What a pension comes to (基本养老金): Zhejiang's five parts, the base they rest on, and what a newer one changes.

Every amount is folded from the steps that explain it, in fractions, and rounded only where the rule rounds. Zhejiang's
documents were not read: its constants reproduce published assessments, so they stand here dated and marked as not
confirmed, and each answer says so beside the number.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Final

from domain.law import explained
from domain.law.explained import Basis, NoRuleInForce, Step, exact_text, folded, half_up_to, up_to
from domain.law.months import MONTHS_IN_YEAR, first_day, years_en, years_zh
from domain.law.pension_divisor import pension_divisor
from domain.law.rounding import CENT, TENTH, rounding_step

EXACT: Final = Context(prec=200, traps=[Inexact, InvalidOperation])
"""Products are written out in full; an operation that would have to round is a mistake and raises."""

HALF: Final = Decimal("0.5")

# ── Zhejiang ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """计发办法 of one region, as it was put together by this day; a new document makes a new one."""

    region: str
    effective_from: date
    lengths: Basis
    basic: Basis
    account: Basis
    transitional: Basis
    transitional_rate: Decimal
    adjustment: Basis
    adjustment_amount: Decimal
    adjustment_for_each_year: Decimal
    supplement: Basis
    supplement_amount: Decimal
    rounding: Basis


# Of these documents only number and year are known, so each counts from the first day of its year.
FORMULAS: Final = (
    Formula(
        region="zhejiang",
        effective_from=date(2018, 1, 1),
        lengths=Basis("浙江省经办口径（待查）", date(2006, 1, 1), unverified=True),
        basic=Basis("国发〔2005〕38号第六条", date(2006, 1, 1)),
        account=Basis("国发〔2005〕38号第六条", date(2006, 1, 1)),
        transitional=Basis("浙劳社老〔2006〕142号", date(2006, 1, 1), unverified=True),
        transitional_rate=Decimal("0.014"),
        adjustment=Basis("浙人社发〔2018〕102号", date(2018, 1, 1), unverified=True),
        adjustment_amount=Decimal(480),
        adjustment_for_each_year=Decimal(3),
        supplement=Basis("浙人社发〔2011〕146号", date(2011, 1, 1), unverified=True),
        supplement_amount=Decimal(150),
        rounding=Basis("浙江省经办口径（待查）", date(2006, 1, 1), unverified=True),
    ),
)
REGIONS: Final = tuple(sorted({formula.region for formula in FORMULAS}))

BASES: Final[Mapping[int, Decimal]] = MappingProxyType({2023: Decimal(8020), 2024: Decimal(8310), 2025: Decimal(8433)})
"""计发基数 of Zhejiang, in yuan a month, by year of retirement; not confirmed in published texts."""


@dataclass(frozen=True, slots=True)
class ContributionRecord:
    """缴费记录: what a pension is assessed from; money in yuan.

    Lengths of time are whole months as an int, or years as a Decimal where the months are not known; both include
    deemed years (视同缴费年限). `divisor` is given, or follows from `age` (months).
    """

    index: Decimal
    contribution: int | Decimal
    account_balance: Decimal
    divisor: Decimal | None = None
    age: int | None = None
    index_before_1998: Decimal = Decimal(0)
    years_before_1998: int | Decimal = 0


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """The last steps of a result, as long as they are the same for everybody; written out once."""

    steps: tuple[Step, ...]
    text: str

    @classmethod
    def of(cls, *steps: Step) -> "Ending":
        """The ending with these steps; where a result is rounded, the last of them rounds."""
        return cls(steps, ",".join(step.as_text() for step in steps))


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One result of an assessment, with the steps of its own and those that everybody shares."""

    value: Decimal
    own: tuple[Step, ...]
    ending: Ending
    before: str = ""
    """What was exact before the last step rounded it; empty where nothing is rounded."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps: folded, they are the value."""
        return (*self.own, *self.ending.steps)

    def texts(self) -> Iterator[str]:
        """The steps written out."""
        for step in self.own:
            yield step.as_text()
        if self.ending.text:
            yield self.ending.text

    def rounding(self) -> dict[str, str]:
        """Where, how, to what and from what it was rounded."""
        last = self.ending.steps[-1]
        return {
            "of": last.of,
            "does": last.does,
            "to": str(last.amount),
            "before": self.before,
            "after": str(self.value),
        }


PARTS: Final = ("basic", "account", "transitional", "adjustment", "supplement")


@dataclass(frozen=True, slots=True)
class Pension:
    """An assessed pension, in yuan a month: five parts, their sum, and `total`, which is what is paid."""

    region: str
    base: Decimal
    results: Mapping[str, Part]
    """By name: contribution_years, years_before_1998, divisor, the five PARTS, and total, in the order of the law."""

    @property
    def total(self) -> Decimal:
        """What is paid a month."""
        return self.results["total"].value

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in order; `of` names the result of each."""
        return tuple(step for part in self.results.values() for step in part.steps)

    def told(self) -> dict[str, object]:
        """The result without its steps; amounts as text, so that nobody's program makes floats of them."""
        told: dict[str, object] = {"region": self.region, "base": f"{self.base:f}"}
        for name, part in self.results.items():
            if name == "total":
                told["sum"] = part.before
            told[name] = f"{part.value:f}"
        told["roundings"] = [part.rounding() for part in self.results.values() if part.before]
        return told

    def as_text(self) -> str:
        """The answer as one line of JSON."""
        return explained.as_text(self.told(), [text for part in self.results.values() for text in part.texts()])


def _rounded(places: int, ending: Ending, *own: Step) -> Part:
    """What the steps amount to, rounded as the last of them says."""
    *fixed, rounding = ending.steps
    before = folded((*own, *fixed))
    value = up_to(before, places) if rounding.does == "up_to" else half_up_to(before, places)
    return Part(value, own, ending, exact_text(before))


def pension(record: ContributionRecord, base: Decimal, region: str = "zhejiang", month: int | None = None) -> Pension:
    """The monthly pension on this base (计发基数, yuan a month), retiring in this month; None: by the newest formula.

    Raises NoRuleInForce before the region's first formula, and ValueError for an age outside the table of divisors.
    """
    formula = _formula(region, None if month is None else first_day(month))
    years = _length(formula, "contribution_years", record.contribution)
    before = _length(formula, "years_before_1998", record.years_before_1998)
    divisor = _divisor(formula, record, month)
    parts = {
        "basic": _basic(formula, base, record.index, years.value),
        "account": _account(formula, record.account_balance, divisor.value),
        "transitional": _transitional(formula, base, record.index_before_1998, before.value),
        "adjustment": _adjustment(formula, record.index, years.value),
        "supplement": _supplement(formula),
    }
    total = _total(formula, [part.value for part in parts.values()])
    results = {"contribution_years": years, "years_before_1998": before, "divisor": divisor, **parts, "total": total}
    return Pension(region, base, results)


def _formula(region: str, on: date | None) -> Formula:
    known = [formula for formula in FORMULAS if formula.region == region]
    if not known:
        raise ValueError("no formula is written here for this region")
    if on is None:
        return known[-1]
    found = next((formula for formula in reversed(known) if formula.effective_from <= on), None)
    if found is None:
        raise NoRuleInForce(f"pension of {region}", on, known[0].effective_from)
    return found


_LENGTHS: Final = {
    "contribution_years": ("缴费年限（含视同）", "contributions, deemed ones included"),
    "years_before_1998": ("1997年底前缴费年限", "contributions to 1997"),
}


def _length(formula: Formula, of: str, length: int | Decimal) -> Part:
    if isinstance(length, int):
        return _length_in_months(formula, of, length)
    zh, en = _LENGTHS[of]
    zh, en = f"{zh} {length:f} 年", f"{length:f} years of {en}"
    return _rounded(CENT, _endings(formula)[of], formula.lengths.step(of, "years", length, zh, en))


@cache
def _length_in_months(formula: Formula, of: str, months: int) -> Part:
    zh, en = _LENGTHS[of]
    zh, en = f"{zh} {years_zh(months)}：{months} 个月除以 12", f"{years_en(months)} of {en}: {months} months / 12"
    years = formula.lengths.step(of, "months", Fraction(months, MONTHS_IN_YEAR), zh, en)
    return _shared(_rounded(CENT, _endings(formula)[of], years))


def _shared(part: Part) -> Part:
    return Part(part.value, (), Ending.of(*part.steps), part.before)


def _divisor(formula: Formula, record: ContributionRecord, month: int | None) -> Part:
    if record.divisor is not None:
        zh, en = f"计发月数 {record.divisor:f}，由询问给出", f"the divisor {record.divisor:f}, as given"
        return Part(record.divisor, (formula.account.step("divisor", "given", record.divisor, zh, en),), Ending.of())
    if record.age is None:
        raise ValueError("a record has a divisor or an age")
    return _divisor_for_age(record.age, month)


@cache
def _divisor_for_age(age: int, month: int | None) -> Part:
    found = pension_divisor(age, month)
    before = exact_text(folded(found.steps[:-1])) if found.steps[-1].rule == "rounding" else ""
    return Part(found.value, (), Ending.of(*found.steps), before)


@cache
def _endings(formula: Formula) -> Mapping[str, Ending]:
    rate, each, amount = formula.transitional_rate, formula.adjustment_for_each_year, formula.adjustment_amount
    by_region, adjusts = formula.rounding, formula.adjustment.step
    return {
        "contribution_years": Ending.of(rounding_step(formula.lengths, "contribution_years", CENT)),
        "years_before_1998": Ending.of(rounding_step(formula.lengths, "years_before_1998", CENT)),
        "basic": Ending.of(
            formula.basic.step("basic", "rate", Decimal("0.01"), "每满一年发给 1%", "1 % for each year", "times"),
            rounding_step(by_region, "basic", CENT),
        ),
        "account": Ending.of(rounding_step(by_region, "account", CENT)),
        "transitional": Ending.of(
            formula.transitional.step("transitional", "rate", rate, f"乘以 {rate}", f"times {rate}", "times"),
            rounding_step(by_region, "transitional", CENT),
        ),
        "adjustment": Ending.of(
            adjusts("adjustment", "for_each_year", each, f"乘以 {each} 元", f"times {each} yuan", "times"),
            adjusts("adjustment", "amount", amount, f"加 {amount} 元", f"plus {amount} yuan"),
            rounding_step(by_region, "adjustment", CENT),
        ),
        "total": Ending.of(rounding_step(by_region, "total", TENTH, "up_to")),
    }


def _basic(formula: Formula, base: Decimal, index: Decimal, years: Decimal) -> Part:
    of, tell = "basic", formula.basic.step
    wage = EXACT.multiply(base, index)
    average = EXACT.multiply(EXACT.add(base, wage), HALF)
    return _rounded(
        CENT,
        _endings(formula)[of],
        tell(
            of,
            "average",
            average,
            f"计发基数 {base:f} 元与指数化月平均缴费工资 {wage:f} 元（乘以平均缴费指数 {index:f}）的平均数 {average:f} 元",
            f"the average of the base, {base:f} yuan, and {wage:f} yuan (times the index {index:f}): {average:f} yuan",
        ),
        tell(of, "years", years, f"乘以缴费年限 {years} 年", f"times {years} years", "times"),
    )


def _account(formula: Formula, balance: Decimal, divisor: Decimal) -> Part:
    of, tell = "account", formula.account.step
    zh, en = f"个人账户储存额 {balance:f} 元", f"the balance of the individual account, {balance:f} yuan"
    return _rounded(
        CENT,
        _endings(formula)[of],
        tell(of, "balance", balance, zh, en),
        tell(of, "divisor", divisor, f"除以计发月数 {divisor:f}", f"divided by {divisor:f}", "divided_by"),
    )


def _transitional(formula: Formula, base: Decimal, index: Decimal, years: Decimal) -> Part:
    if not years:
        return _nothing_before_1998(formula)
    of, tell, indexed = "transitional", formula.transitional.step, EXACT.multiply(base, index)
    zh = f"计发基数 {base:f} 元乘以1997年底前缴费指数 {index:f}：{indexed:f} 元"
    en = f"the base, {base:f} yuan, times the index to 1997, {index:f}: {indexed:f} yuan"
    return _rounded(
        CENT,
        _endings(formula)[of],
        tell(of, "indexed_base", indexed, zh, en),
        tell(of, "years", years, f"乘以1997年底前缴费年限 {years} 年", f"times {years} years to 1997", "times"),
    )


@cache
def _nothing_before_1998(formula: Formula) -> Part:
    zh, en = "1997年底前无缴费年限，过渡性养老金为 0", "no contributions to 1997, so no transitional pension"
    step = formula.transitional.step("transitional", "none_before_1998", 0, zh, en)
    return Part(Decimal("0.00"), (), Ending.of(step))


def _adjustment(formula: Formula, index: Decimal, years: Decimal) -> Part:
    of, indexed = "adjustment", EXACT.multiply(index, years)
    zh = f"平均缴费指数 {index:f} 乘以缴费年限 {years} 年：{indexed:f}"
    en = f"the index {index:f} times {years} years: {indexed:f}"
    return _rounded(CENT, _endings(formula)[of], formula.adjustment.step(of, "indexed_years", indexed, zh, en))


@cache
def _supplement(formula: Formula) -> Part:
    amount = formula.supplement_amount.quantize(Decimal("0.01"))
    zh, en = f"基本养老金补贴 {amount} 元", f"the supplement, {amount} yuan"
    return Part(amount, (), Ending.of(formula.supplement.step("supplement", "supplement", amount, zh, en)))


def _total(formula: Formula, amounts: Sequence[Decimal]) -> Part:
    added, written = sum(amounts, Decimal(0)), " + ".join(map(str, amounts))
    zh, en = f"五项合计 {written} = {added} 元", f"the five parts: {written} = {added} yuan"
    adding = formula.rounding.step("total", "sum", added, zh, en)
    part = _rounded(TENTH, _endings(formula)["total"], adding)
    # Told to the cent like the others, though its last digit is always a nought.
    return Part(part.value.quantize(Decimal("0.01")), part.own, part.ending, str(added))


# ── the base, and assessing again ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Base:
    """计发基数 to assess with; `provisional` (预发) while the year's own is not published."""

    amount: Decimal
    of_year: int
    provisional: bool
    steps: tuple[Step, ...]


MOST_YEARS_BEHIND: Final = 2
"""Early in a year two bases may still be to come: its own, and the one of the year that has just ended."""


def base_for(year: int, published: Mapping[int, Decimal] = BASES) -> Base:
    """The base for retirements of this year: the latest that is published, provisional unless it is the year's own.

    Raises NoRuleInForce where it would be more than MOST_YEARS_BEHIND years behind.
    """
    of_year = max((one for one in published if year - MOST_YEARS_BEHIND <= one <= year), default=None)
    if of_year is None:
        raise NoRuleInForce("pension base of Zhejiang", date(year, 1, 1), date(min(published), 1, 1))
    amount, provisional = published[of_year], of_year != year
    basis = Basis(f"浙江省 {of_year} 年计发基数（公布文件待查）", date(of_year, 1, 1), unverified=True)
    zh, en = f"{of_year} 年计发基数 {amount} 元", f"the base of {of_year}, {amount} yuan"
    if provisional:
        zh += f"；{year} 年的尚未公布，先按此预发，公布后重新核定"
        en += f"; that of {year} is not published, so this one is paid on for now and settled later"
    return Base(amount, of_year, provisional, (basis.step("base", "base", amount, zh, en),))


@dataclass(frozen=True, slots=True)
class Reassessment:
    """重新核定: what was assessed, what is right now, and the difference in yuan a month (negative: paid too much)."""

    old: Pension
    new: Pension
    difference: Decimal
    steps: tuple[Step, ...]

    def as_text(self) -> str:
        """The correction as one line of JSON, with both assessments in full."""
        told = explained.as_text({"difference": f"{self.difference:f}"}, (step.as_text() for step in self.steps))
        return f'{{"old":{self.old.as_text()},"new":{self.new.as_text()},{told[1:]}'


def reassess(old: Pension, record: ContributionRecord, base: Decimal, month: int | None = None) -> Reassessment:
    """Assess the same record on another base: a correction beside the first assessment, which stays as it was.

    Raises as `pension` does.
    """
    new = pension(record, base, old.region, month)
    basis = _formula(old.region, None if month is None else first_day(month)).rounding
    steps = (
        basis.step(
            "difference",
            "new_total",
            new.total,
            f"按计发基数 {base:f} 元重新核定 {new.total} 元",
            f"assessed again on the base of {base:f} yuan: {new.total} yuan",
        ),
        basis.step(
            "difference",
            "old_total",
            -old.total,
            f"减去原按 {old.base:f} 元核定的 {old.total} 元，每月差额 {new.total - old.total} 元",
            f"less {old.total} yuan as assessed on {old.base:f}: {new.total - old.total} yuan a month",
        ),
    )
    return Reassessment(old, new, half_up_to(folded(steps), CENT), steps)
