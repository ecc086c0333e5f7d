"""算法说明页: a retirement age, a divisor and a pension worked out step by step, for facts that name nobody.

The forms are posted, so that nobody's figures stand in an address, and nothing of them is kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Annotated, Any, Final, Literal, NamedTuple

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from api import explain
from api.explain import (
    LawStep,
    PensionAsked,
    PensionDivisorAsked,
    PensionDivisorTold,
    PensionTold,
    RetirementAgeAsked,
    RetirementAgeTold,
)
from api.house import TheHouse
from api.pages.doors import MayExplain, MayReadExplanations
from api.pages.explain_faults import at_its_field
from api.pages.faults import PageRoute
from api.pages.own_answers import told
from api.pages.rendering import HEADERS, render
from domain.law.months import age_zh, read_age, years_en, years_zh
from domain.law.pension import REGIONS
from domain.law.retirement_age import Category
from domain.refusals import FormFaulty
from domain.timeline import Text

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Which = Literal["retirement-age", "pension-divisor", "pension"]
TITLES: Final[Mapping[Which, str]] = {
    "retirement-age": "退休年龄",
    "pension-divisor": "计发月数",
    "pension": "基本养老金",
}
CATEGORIES: Final = {
    Category.M60: "男职工",
    Category.F55: "原五十五周岁女职工",
    Category.F50: "原五十周岁女职工",
}
CHOICES: Final = {
    "": "法定退休年龄",
    "early": "弹性提前, 提前几个月",
    "late": "弹性延迟, 延迟几个月",
    "approved": "特殊工种, 批准的年月",
}
REGION_NAMES: Final = {"zhejiang": "浙江省"}
FIELDS: Final = {
    "category": "人员类别",
    "born": "出生年月, 如 1970-05",
    "choice": "退休时间选择",
    "choose": "几个月, 或批准的年月(按法定退休年龄的不填)",
    "age_years": "退休时年龄: 岁",
    "age_months": "退休时年龄: 又几个月",
    "month": "退休年月, 如 2026-12(不填按最新规定)",
    "region": "地区",
    "base": "计发基数(元/月)",
    "index": "平均缴费指数, 如 1.05",
    "contribution_years": "缴费年限(含视同): 年",
    "contribution_months": "缴费年限(含视同): 又几个月",
    "account_balance": "个人账户储存额(元)",
    "divisor": "计发月数(与年龄填一项)",
    "index_before_1998": "1997年底前缴费指数(可不填)",
    "years_before_1998_years": "1997年底前缴费年限: 年(可不填)",
    "years_before_1998_months": "1997年底前缴费年限: 又几个月(可不填)",
}
"""What the forms ask, by the names of their fields."""
RESULTS: Final = {
    "delay_months": "延迟月数",
    "age": "退休年龄",
    "statutory_month": "法定退休年月",
    "earliest_month": "最早可选年月",
    "latest_month": "最迟可选年月",
    "min_contribution_months": "最低缴费年限",
    "chosen_month": "所选退休年月",
    "chosen_age": "届时年龄",
    "chosen_min_contribution_months": "届时最低缴费年限",
    "divisor": "计发月数",
    "contribution_years": "缴费年限",
    "years_before_1998": "1997年底前缴费年限",
    "basic": "基础养老金",
    "account": "个人账户养老金",
    "transitional": "过渡性养老金",
    "adjustment": "过渡性调节金",
    "supplement": "基本养老金补贴",
    "sum": "五项合计",
    "total": "月基本养老金",
}
"""What each result is called."""
_MONTHS: Final = frozenset({"delay_months", "min_contribution_months", "chosen_min_contribution_months"})
_AGES: Final = frozenset({"age", "chosen_age"})
_MONEY: Final = frozenset({"basic", "account", "transitional", "adjustment", "supplement", "sum", "total"})
_YEARS: Final = frozenset({"contribution_years", "years_before_1998"})

Line = Annotated[str, Field(max_length=100)]


class Typed(BaseModel):
    """A form as it was sent; every field is text, and an empty one was not filled in."""

    def text(self, name: str) -> str | None:
        """What was typed into that field; None if nothing was."""
        return str(getattr(self, name)).strip() or None


class RetirementAgeTyped(Typed):
    """Whose retirement age."""

    category: Line = ""
    born: Line = ""
    choice: Line = ""
    choose: Line = ""


class PensionDivisorTyped(Typed):
    """At which age."""

    age_years: Line = ""
    age_months: Line = ""
    month: Line = ""


class PensionTyped(PensionDivisorTyped):
    """What a pension is assessed from."""

    region: Line = ""
    base: Line = ""
    index: Line = ""
    contribution_years: Line = ""
    contribution_months: Line = ""
    account_balance: Line = ""
    divisor: Line = ""
    index_before_1998: Line = ""
    years_before_1998_years: Line = ""
    years_before_1998_months: Line = ""


class Result(NamedTuple):
    """One result with its steps: what it is called, what it comes to, and how."""

    title: str
    value: Text
    steps: tuple[LawStep, ...]


@dataclass(frozen=True)
class Attempt:
    """A form that was sent: what was typed, and the results or what is wrong with it."""

    form: Which | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Text] = field(default_factory=dict)
    refusal: FormFaulty | None = None
    results: tuple[Result, ...] = ()

    def value(self, form: str, name: str) -> str:
        """What was typed into that field of that form."""
        return self.typed.get(name, "") if self.form == form else ""

    def fault(self, form: str, name: str) -> Text | None:
        """What is wrong with that field of that form."""
        return self.faults.get(name) if self.form == form else None


@router.get("/explain", name="explain_page")
def explain_page(viewer: MayReadExplanations, request: Request) -> Response:
    """Three forms."""
    return _page(request, Attempt())


@router.post("/explain/retirement-age", name="explain_retirement_age_by_form")
def retirement_age(
    house: TheHouse, viewer: MayExplain, request: Request, typed: Annotated[RetirementAgeTyped, Form()]
) -> Response:
    """The statutory month, the window around it, and what a choice comes to."""
    asked = RetirementAgeAsked(category=typed.text("category"), born=typed.text("born"), choose=_choice(typed))

    def work_out() -> RetirementAgeTold:
        return told(explain.explain_retirement_age(viewer, asked), RetirementAgeTold)

    return _tried(house, request, "retirement-age", typed, work_out)


@router.post("/explain/pension-divisor", name="explain_pension_divisor_by_form")
def pension_divisor(
    house: TheHouse, viewer: MayExplain, request: Request, typed: Annotated[PensionDivisorTyped, Form()]
) -> Response:
    """Over how many months the account is paid out."""
    asked = PensionDivisorAsked(age=_age(typed), month=typed.text("month"))

    def work_out() -> PensionDivisorTold:
        return told(explain.explain_pension_divisor(viewer, asked), PensionDivisorTold)

    return _tried(house, request, "pension-divisor", typed, work_out)


@router.post("/explain/pension", name="explain_pension_by_form")
def pension(house: TheHouse, viewer: MayExplain, request: Request, typed: Annotated[PensionTyped, Form()]) -> Response:
    """A pension in its parts."""
    asked = PensionAsked(
        region=typed.text("region"),
        month=typed.text("month"),
        base=typed.text("base"),
        index=typed.text("index"),
        contribution=_length(typed, "contribution"),
        account_balance=typed.text("account_balance"),
        divisor=typed.text("divisor"),
        age=_age(typed),
        index_before_1998=typed.text("index_before_1998"),
        years_before_1998=_length(typed, "years_before_1998"),
    )

    def work_out() -> PensionTold:
        return told(explain.explain_pension(viewer, asked), PensionTold)

    return _tried(house, request, "pension", typed, work_out)


@router.get("/explain/{question}", name="back_from_explanation")
def back_to_forms(viewer: MayReadExplanations, question: str) -> Response:
    """An address to which only forms are sent, opened once more."""
    return RedirectResponse("/explain", 303, HEADERS)


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _choice(typed: Typed) -> str | None:
    choice, value = typed.text("choice"), typed.text("choose")
    return None if choice is None and value is None else f"{choice or ''}:{_whole(value or '')}"


def _age(typed: Typed) -> str | None:
    years, months = typed.text("age_years"), typed.text("age_months")
    if years is None and months is None:
        return None
    return f"{_whole(years or '')}y{f'{_whole(months)}m' if months else ''}"


def _length(typed: Typed, name: str) -> dict[str, Any] | None:
    parts = {part: typed.text(f"{name}_{part}") for part in ("years", "months")}
    given = {part: _whole(text) for part, text in parts.items() if text is not None}
    return given or None


def _whole(text: str) -> int | str:
    """The number that stands there; what is none is left to the law to refuse."""
    return int(text) if text.isascii() and text.isdecimal() else text


def _tried(house: TheHouse, request: Request, form: Which, typed: Typed, work_out: Callable[[], Any]) -> Response:
    filled = typed.model_dump()
    try:
        answered = work_out()
    except FormFaulty as faulty:
        house.figures.refused.labels(faulty.code).inc()
        faults: dict[str, Text] = {}
        for one in faulty.faults:
            faults = {**at_its_field(one, filled), **faults}
        return _page(request, Attempt(form, filled, faults, faulty), 422)
    return _page(request, Attempt(form, filled, results=tuple(_results(answered))))


def _results(answered: RetirementAgeTold | PensionDivisorTold | PensionTold) -> list[Result]:
    """Every result that has steps, in the order in which they were worked out."""
    values = answered.model_dump()
    return [
        Result(RESULTS[of], _in_words(of, values[of]), tuple(steps))
        for of, steps in groupby(answered.steps, lambda step: step.of)
    ]


def _in_words(of: str, value: Any) -> Text:
    if of in _AGES:
        months = read_age(value)
        return Text(age_zh(months), years_en(months))
    if of in _MONTHS:
        return (
            Text(f"{value} 个月", f"{value} months") if of == "delay_months" else Text(years_zh(value), years_en(value))
        )
    if of in _MONEY:
        return Text(f"{value} 元", f"{value} yuan")
    if of in _YEARS:
        return Text(f"{value} 年", f"{value} years")
    return Text(str(value), str(value))


def _page(request: Request, attempt: Attempt, status: int = 200) -> Response:
    return render(
        request,
        "explain.html",
        status=status,
        here="/explain" if request.method == "POST" else None,
        attempt=attempt,
        titles_of=TITLES,
        fields=FIELDS,
        categories=CATEGORIES,
        choices=CHOICES,
        regions={code: REGION_NAMES[code] for code in REGIONS},
    )
