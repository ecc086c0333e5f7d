"""Leave and allowance after a birth, on both sides of every date."""

import json
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.law.entitlement import Entitlement, EntitlementClash, FactMissing, entitlements, gathered
from domain.law.explained import Explained, NoRuleInForce, Step, folded, half_up
from domain.law.maternity import ENTITLEMENT, allowance, leave_days, miscarriage_leave_days, yuan

BIRTH = date(2026, 8, 20)
ZHEJIANG_EXTENDS = date(2021, 11, 25)
NATIONAL_LEAVE = date(2012, 4, 28)
ALLOWANCE_BEGINS = date(2011, 7, 1)
DAY_BEFORE = {
    ZHEJIANG_EXTENDS: date(2021, 11, 24),
    NATIONAL_LEAVE: date(2012, 4, 27),
    ALLOWANCE_BEGINS: date(2011, 6, 30),
}

births = st.dates(NATIONAL_LEAVE, date(2030, 12, 31))


@pytest.mark.parametrize(
    ("child_order", "children_born", "difficult", "days"),
    [
        (1, 1, False, 158),
        (1, 1, True, 173),
        (2, 1, False, 188),
        (3, 3, False, 218),
        (1, 2, False, 173),
        (3, 1, True, 203),
    ],
)
def test_leave_as_the_provincial_guide_counts_it(
    child_order: int, children_born: int, difficult: bool, days: int
) -> None:
    leave = leave_days(BIRTH, child_order=child_order, children_born=children_born, difficult=difficult)

    assert leave.value == days


def test_the_province_extends_leave_for_births_from_its_day_on() -> None:
    after = leave_days(ZHEJIANG_EXTENDS, child_order=1, children_born=1, difficult=False)
    before = leave_days(DAY_BEFORE[ZHEJIANG_EXTENDS], child_order=1, children_born=1, difficult=False)

    assert (before.value, after.value) == (98, 158)
    assert before.steps[-1].unverified
    assert "未收录" in before.steps[-1].zh


def test_no_leave_is_invented_before_the_first_rule() -> None:
    leave = leave_days(NATIONAL_LEAVE, child_order=2, children_born=1, difficult=True)
    assert leave.value == 113

    with pytest.raises(NoRuleInForce) as refusal:
        leave_days(DAY_BEFORE[NATIONAL_LEAVE], child_order=2, children_born=1, difficult=True)
    assert (refusal.value.on, refusal.value.first) == (DAY_BEFORE[NATIONAL_LEAVE], NATIONAL_LEAVE)
    with pytest.raises(NoRuleInForce):
        miscarriage_leave_days(DAY_BEFORE[NATIONAL_LEAVE], completed_months=5)


def test_a_fourth_child_is_not_named_by_the_province() -> None:
    leave = leave_days(BIRTH, child_order=4, children_born=1, difficult=False)

    assert leave.value == 98
    assert leave.steps[-1].unverified


@pytest.mark.parametrize(("months", "days"), [(0, 15), (3, 15), (4, 42), (8, 42)])
def test_leave_after_a_miscarriage_changes_at_four_months(months: int, days: int) -> None:
    assert miscarriage_leave_days(BIRTH, completed_months=months).value == days


@given(births, st.integers(1, 6), st.integers(1, 5), st.booleans())
def test_the_steps_of_a_leave_recompute_to_it(on: date, order: int, born: int, difficult: bool) -> None:
    leave = leave_days(on, child_order=order, children_born=born, difficult=difficult)

    assert folded(leave.steps) == leave.value
    assert all(step.effective_from <= on for step in leave.steps if step.amount)
    assert all(str(step.amount) in step.zh and str(step.amount) in step.en for step in leave.steps if step.amount)


@given(births, st.integers(1, 6), st.integers(1, 5))
def test_difficulty_and_each_further_baby_add_fifteen_days(on: date, order: int, born: int) -> None:
    plain = leave_days(on, child_order=order, children_born=born, difficult=False).value

    assert leave_days(on, child_order=order, children_born=born, difficult=True).value == plain + 15
    assert leave_days(on, child_order=order, children_born=born + 1, difficult=False).value == plain + 15


@pytest.mark.parametrize(
    ("wage", "days", "fen"),
    [
        (600_000, 158, 3_160_000),
        (624_975, 158, 3_291_535),
        (1, 15, 1),
        (1, 14, 0),
        (100, 98, 327),
        (0, 98, 0),
    ],
)
def test_the_allowance_is_exact_and_rounded_half_up_once(wage: int, days: int, fen: int) -> None:
    assert allowance(BIRTH, average_monthly_wage_fen=wage, days=days).value == fen


@given(st.integers(0, 10**15), st.integers(0, 300))
def test_the_steps_of_an_allowance_recompute_to_it(wage: int, days: int) -> None:
    paid = allowance(BIRTH, average_monthly_wage_fen=wage, days=days)

    assert half_up(folded(paid.steps)) == paid.value
    assert abs(Fraction(wage * days, 30) - paid.value) <= Fraction(1, 2)
    told = paid.as_json()["steps"]
    assert isinstance(told, list)
    assert [step["amount"] for step in told] == [wage, 30, days]


def test_the_divisor_is_shown_as_not_confirmed() -> None:
    paid = allowance(BIRTH, average_monthly_wage_fen=600_000, days=98)

    assert [step.rule for step in paid.steps if step.unverified] == ["days_in_month"]
    assert "待核实" in paid.sentences()[1]
    assert "not confirmed" in paid.sentences("en")[1]


def test_no_allowance_before_the_law_that_grants_it() -> None:
    assert allowance(ALLOWANCE_BEGINS, average_monthly_wage_fen=300_000, days=90).value == 900_000
    with pytest.raises(NoRuleInForce):
        allowance(DAY_BEFORE[ALLOWANCE_BEGINS], average_monthly_wage_fen=300_000, days=90)


def test_a_birth_without_a_child_and_a_negative_wage_are_faults() -> None:
    for order, born in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="birth"):
            leave_days(BIRTH, child_order=order, children_born=born, difficult=False)
    with pytest.raises(ValueError, match="negative"):
        miscarriage_leave_days(BIRTH, completed_months=-1)
    for wage, days in ((-1, 1), (1, -1)):
        with pytest.raises(ValueError, match="negative"):
            allowance(BIRTH, average_monthly_wage_fen=wage, days=days)


# --- the entitlement as a bundle meets it

FACTS = {"child_order": "1", "children": "1", "delivery": "normal", "average_monthly_wage_fen": "624975"}


def test_the_entitlement_is_found_and_computes_from_facts() -> None:
    found = entitlements()["maternity_allowance"]
    granted = found.compute(BIRTH, FACTS)

    assert found is ENTITLEMENT
    assert set(found.needs) == set(FACTS)
    assert (granted["benefit_days"], granted["allowance_fen"]) == ("158", "3291535")
    sentences = json.loads(granted["explanation"])
    assert sentences[0] == "产假 98 天（女职工劳动保护特别规定（国务院令第619号）第七条）"
    assert any("158 天" in told for told in sentences)
    assert any("32915.35 元" in told for told in sentences)


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("text", [None, "", " 1", "１", "-1", "+1", "1.5", "1_0", "一", "0", "9" * 16, "Normal"])
def test_a_fact_that_is_missing_or_no_number_is_named_and_not_repeated(name: str, text: str | None) -> None:
    facts = {known: told for known, told in FACTS.items() if known != name}
    if text is not None:
        facts[name] = text

    with pytest.raises(FactMissing) as refusal:
        ENTITLEMENT.compute(BIRTH, facts)

    assert refusal.value.name == name
    assert not text or len(text) < 5 or text not in str(refusal.value)


def test_eleven_children_at_one_birth_are_a_slip() -> None:
    with pytest.raises(FactMissing):
        ENTITLEMENT.compute(BIRTH, FACTS | {"children": "11"})


def nothing_granted(on: date, facts: Mapping[str, str]) -> Mapping[str, str]:
    return {}


def test_two_modules_may_not_claim_one_entitlement() -> None:
    modules = [ModuleType("one"), ModuleType("two"), ModuleType("silent")]
    for module in modules[:2]:
        vars(module)["ENTITLEMENT"] = Entitlement("same", "同名", (), nothing_granted)

    with pytest.raises(EntitlementClash, match="one and two") as refusal:
        gathered(modules)
    assert refusal.value.code == "same"
    assert set(gathered(modules[1:])) == {"same"}

    vars(modules[2])["ENTITLEMENT"] = "not one"
    with pytest.raises(TypeError, match="silent"):
        gathered(modules[2:])


# --- explanations


def test_an_explanation_is_plain_json() -> None:
    step = Step("rule", "law", BIRTH, "一半", "a half", Fraction(1, 2))

    told = Explained(BIRTH, (step,)).as_json()

    assert json.loads(json.dumps(told)) == {
        "value": "2026-08-20",
        "steps": [
            {
                "rule": "rule",
                "source": "law",
                "effective_from": "2026-08-20",
                "zh": "一半",
                "en": "a half",
                "amount": "1/2",
                "does": "add",
                "unverified": False,
            }
        ],
    }
    with pytest.raises(TypeError):
        Explained(object(), ()).as_json()


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [(Fraction(1, 2), 1), (Fraction(5, 2), 3), (Fraction(-1, 2), -1), (Fraction(49, 100), 0), (Fraction(-7, 3), -2)],
)
def test_a_half_goes_up(amount: Fraction, rounded: int) -> None:
    assert half_up(amount) == rounded


def test_fen_are_shown_as_yuan() -> None:
    assert [yuan(fen) for fen in (0, 5, 100, 1_234_567)] == ["0.00", "0.05", "1.00", "12345.67"]
