"""算法说明页: the answers of the law as the API gives them, every step with its source, and every fault at its field."""

import re
from typing import Any

import pytest

from api.pages.explain import FIELDS, RESULTS
from domain.law.pension_question import answer_divisor, answer_pension
from domain.law.retirement_age import answer_retirement_age
from tests.pages.conftest import ACCOUNTS, Browser, Page, Pages, text_of

AGE = {"category": "F55", "born": "1970-05", "choice": "early", "choose": "2"}
DIVISOR = {"age_years": "60", "age_months": "1"}
PENSION = {
    "region": "zhejiang",
    "base": "8433",
    "index": "1.0500",
    "contribution_years": "36",
    "contribution_months": "7",
    "account_balance": "152340.60",
    "age_years": "60",
    "age_months": "2",
    "index_before_1998": "0.9800",
    "years_before_1998_years": "9",
    "years_before_1998_months": "1",
}
ANSWERS: dict[str, tuple[dict[str, str], Any]] = {
    "retirement-age": (AGE, answer_retirement_age({"category": "F55", "born": "1970-05", "choose": "early:2"})),
    "pension-divisor": (DIVISOR, answer_divisor({"age": "60y1m"}).divisor),
    "pension": (
        PENSION,
        answer_pension(
            {
                "region": "zhejiang",
                "base": "8433",
                "index": "1.0500",
                "contribution": {"years": 36, "months": 7},
                "account_balance": "152340.60",
                "age": "60y2m",
                "index_before_1998": "0.9800",
                "years_before_1998": {"years": 9, "months": 1},
            }
        ),
    ),
}


def asked(browser: Browser, form: str, **typed: str) -> Page:
    """The form, filled in and sent."""
    return browser.send(browser.get("/explain"), f"/explain/{form}", **typed)


def faulty_fields(page: Page) -> set[str]:
    """The fields at which something is wrong, each with its sentence and a link to it."""
    at_fields = set(re.findall(r'aria-describedby="([\w-]+)-wrong"', page.html))
    assert at_fields == set(re.findall(r'<li><a href="#([\w-]+)">', page.html))
    assert at_fields == set(re.findall(r'class="field-wrong" id="([\w-]+)-wrong"', page.html))
    return at_fields


@pytest.mark.parametrize("form", ANSWERS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_step_stands_there_in_words_with_its_source_and_date_and_no_code(
    pages: Pages, form: str, language: str
) -> None:
    typed, answer = ANSWERS[form]
    browser = pages.by("pension-1")
    browser.get(f"/explain?lang={language}")

    page = asked(browser, form, **typed)

    assert page.status == 200
    for step in answer.steps:
        assert (step.zh if language == "zh" else step.en) in page.text
        assert step.source in page.text
        assert step.effective_from.isoformat() in page.text
    assert ("未经证实" in page.text) is (language == "zh" and any(step.unverified for step in answer.steps))
    steps = text_of(page.html[page.html.index('<table class="cases steps">') : page.html.index("</table>")])
    assert "_" not in steps
    if language == "zh":
        assert not {step.rule for step in answer.steps} & set(re.findall("[a-z]+", steps))
    assert page.answer.url.query == b""


def test_the_results_are_told_in_words(pages: Pages) -> None:
    browser = pages.by("caseworker-1")

    age, pension = asked(browser, "retirement-age", **AGE), asked(browser, "pension", **PENSION)

    assert "法定退休年月 2025-07" in age.text
    assert "退休年龄 55岁2个月" in age.text
    assert "最低缴费年限 15年" in age.text
    assert "月基本养老金 6063.30 元" in pension.text
    assert "计发月数 138.4" in asked(browser, "pension-divisor", **DIVISOR).text


def test_everything_that_can_be_worked_out_has_a_name() -> None:
    for _, answer in ANSWERS.values():
        assert {step.of for step in answer.steps} <= RESULTS.keys()


def test_the_law_without_a_choice_and_with_a_divisor_is_asked_too(pages: Pages) -> None:
    browser = pages.by("pension-1")

    assert asked(browser, "retirement-age", category="M60", born="1966-09").status == 200
    assert asked(
        browser, "retirement-age", category="F50", born="1978-01", choice="approved", choose="2023-02"
    ).status in {200, 422}
    by_divisor = {name: value for name, value in PENSION.items() if not name.startswith("age_")} | {"divisor": "139"}
    assert asked(browser, "pension", **by_divisor).status == 200


@pytest.mark.parametrize(
    ("form", "typed", "fields"),
    [
        ("retirement-age", {}, {"category", "born"}),
        ("retirement-age", AGE | {"born": "1970-13"}, {"born"}),
        ("retirement-age", AGE | {"category": "M65"}, {"category"}),
        ("retirement-age", AGE | {"choose": "99"}, {"choose"}),
        ("retirement-age", AGE | {"choice": ""}, {"choice"}),
        ("retirement-age", AGE | {"choose": ""}, {"choose"}),
        ("pension-divisor", {}, {"age_years"}),
        ("pension-divisor", {"age_years": "六十"}, {"age_years"}),
        ("pension-divisor", {"age_months": "3"}, {"age_years"}),
        ("pension-divisor", {"age_years": "60", "age_months": "12"}, {"age_months"}),
        ("pension-divisor", {"age_years": "六十", "age_months": "13"}, {"age_years", "age_months"}),
        ("pension-divisor", DIVISOR | {"month": "2026"}, {"month"}),
        ("pension", PENSION | {"base": "-1", "index": "", "account_balance": "1e9"}, {"base", "index", "account_balance"}),
        ("pension", PENSION | {"contribution_years": "x"}, {"contribution_years"}),
        ("pension", PENSION | {"contribution_months": "12"}, {"contribution_months"}),
        ("pension", PENSION | {"contribution_years": "", "contribution_months": ""}, {"contribution_years"}),
        ("pension", PENSION | {"years_before_1998_years": "40"}, {"years_before_1998_years"}),
        ("pension", PENSION | {"index_before_1998": ""}, {"index_before_1998"}),
        ("pension", PENSION | {"divisor": "138"}, {"divisor"}),
        ("pension", PENSION | {"region": "jiangsu"}, {"region"}),
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_named_at_its_field_and_what_was_typed_stays(
    pages: Pages, form: str, typed: dict[str, str], fields: set[str]
) -> None:
    page = asked(pages.by("pension-1"), form, **typed)

    assert page.status == 422
    assert faulty_fields(page) == {f"{form}-{name}" for name in fields}
    assert page.title.startswith("错误")
    for name, value in typed.items():
        if name in FIELDS and name not in {"category", "choice", "region"}:
            assert f'id="{form}-{name}" name="{name}" value="{value}"' in page.html


@pytest.mark.parametrize(
    ("form", "typed", "field", "zh", "en"),
    [
        ("retirement-age", AGE | {"choice": "late", "choose": ""}, "choose",
         "请填写几个月, 1 到 36 的整数", "say how many months, a whole number from 1 to 36"),
        ("retirement-age", AGE | {"choose": "两个月"}, "choose",
         "请填写几个月, 1 到 36 的整数", "say how many months, a whole number from 1 to 36"),
        ("retirement-age", AGE | {"choice": "approved", "choose": "2024-13"}, "choose",
         "请填写批准的年月, 如 2026-03", "give the approved month, such as 2026-03"),
        ("retirement-age", AGE | {"choice": ""}, "choice",
         "填了几个月或年月的, 请选择提前、延迟或特殊工种", "choose earlier, later or special work"),
        ("retirement-age", AGE | {"category": "M65"}, "category", "请从列表中选择", "choose one from the list"),
        ("pension-divisor", {"age_years": "60", "age_months": "13"}, "age_months",
         "应为 0 到 11 的整数", "must be a whole number from 0 to 11"),
        ("pension-divisor", {"age_months": "3"}, "age_years",
         "请填写整岁数, 如 60", "must be a whole number of years, such as 60"),
        ("pension-divisor", {"age_years": "6"}, "age_years", "应在 40 岁到 70 岁之间", "must be from 40 to 70 years"),
        ("pension-divisor", {"age_years": "170"}, "age_years", "应在 40 岁到 70 岁之间", "must be from 40 to 70 years"),
        ("pension", PENSION | {"divisor": "138"}, "divisor",
         "计发月数与退休时年龄, 请填其中一项", "give either the divisor or the age at retirement, and not both"),
        ("pension", PENSION | {"years_before_1998_years": "40"}, "years_before_1998_years",
         "不能超过全部缴费年限", "must not exceed the whole time of contributions"),
    ],
)  # fmt: skip
def test_a_fault_is_told_at_its_own_field_in_words_and_never_as_a_command_is_written(
    pages: Pages, form: str, typed: dict[str, str], field: str, zh: str, en: str
) -> None:
    browser = pages.by("pension-1")

    page = asked(browser, form, **typed)
    browser.get("/explain?lang=en")
    english = asked(browser, form, **typed)

    for said, told in ((page, zh), (english, en)):
        assert faulty_fields(said) == {f"{form}-{field}"}
        assert re.search(rf'id="{form}-{field}-wrong">[^<]*{re.escape(told)}', said.html)
        for command in ("early:", "late:", "approved:", "60y", "0y", "age_"):
            assert command not in said.text
    assert not re.search(r'class="field-wrong"[^>]*>[^<]*[a-z]', page.html)
    for name in ("category", "choice"):
        if typed.get(name) in {"F55", "late", "early", "approved"}:
            assert f'value="{typed[name]}" selected' in page.html


def test_a_number_with_a_zero_before_it_is_the_same_number(pages: Pages) -> None:
    browser = pages.by("pension-1")

    assert "2025-07" in asked(browser, "retirement-age", **AGE | {"choose": "02"}).text
    assert "138.4" in asked(browser, "pension-divisor", age_years="60", age_months="01").text


@pytest.mark.parametrize("account", ["desk-1", "caseworker-1", "supervisor-1", "pension-1", "auditor-1", "bank-1"])
def test_whoever_works_in_the_house_may_ask(pages: Pages, account: str) -> None:
    assert account in ACCOUNTS
    assert asked(pages.by(account), "pension-divisor", **DIVISOR).status == 200


def test_whoever_is_not_signed_in_is_sent_to_the_door(pages: Pages) -> None:
    stranger = pages.stranger()

    assert (
        stranger.get("/explain").answer.headers.get("location", "").startswith("/login")
        or stranger.get("/explain").status == 401
    )
    assert stranger.post("/explain/pension", **PENSION).status in {303, 401, 403}


def test_what_was_typed_is_shown_and_never_obeyed(pages: Pages) -> None:
    hostile = "<script>alert('1')</script>"

    page = asked(pages.by("pension-1"), "retirement-age", category="M60", born=hostile)

    assert page.status == 422
    assert "<script>alert" not in page.html
    assert "&lt;script&gt;alert" in page.html
