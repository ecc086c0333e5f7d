"""What a provisional pension is on its year's own base, and what is owed for the months already paid, step by step."""

import json
from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.law import pension_grant
from domain.law.entitlement import FactMissing
from domain.law.explained import Step, folded
from domain.law.months import month_of
from domain.law.pension import BASES, base_for
from domain.law.pension_grant import ENTITLEMENT
from domain.law.pension_reassessment import AssessedOtherwise, owed, reassessed

UNHURRIED = settings(deadline=None)
JULY = date(2025, 7, 1)
AUGUST = month_of(2025, 8)
FACTS = {
    "born_in": "1965-05-01",
    "contribution_months": "439",
    "index": "1.0500",
    "account_balance": "152340.60",
    "index_before_1998": "0.9800",
    "months_before_1998": "109",
}


@pytest.fixture
def granted(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What was granted before the base of 2025 was published, with what it was computed from."""
    monkeypatch.setattr(pension_grant, "base_for", partial(base_for, published={2024: Decimal(8310)}))
    return {**FACTS, **ENTITLEMENT.compute(JULY, FACTS)}


def by_result(steps: tuple[Step, ...]) -> dict[str, Fraction]:
    """What the steps of each result fold to."""
    of: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        of[step.of].append(step)
    return {name: folded(found) for name, found in of.items()}


def test_a_provisional_assessment_says_so_and_on_which_base(granted: dict[str, str]) -> None:
    told = json.loads(granted["explanation"])

    assert granted["provisional"] == "true"
    assert told["base"] == "8310"
    assert (told["steps"][0]["of"], told["steps"][0]["amount"]) == ("base", "8310")
    assert "先按此预发" in told["steps"][0]["zh"]


def test_the_difference_is_owed_for_every_month_that_was_paid(granted: dict[str, str]) -> None:
    payment = reassessed(JULY, granted, base_for(2025), first=AUGUST, last=AUGUST + 3)

    assert payment.reassessment.old.total == Decimal("6001.80") == Decimal(granted["pension"])
    assert payment.reassessment.new.total == Decimal("6063.30")
    assert (payment.months, payment.owed.value) == (4, Decimal("246.00"))
    assert by_result(payment.steps) == {"base": 8433, "difference": Fraction("61.5"), "owed": Fraction(246)}
    assert "2025-08 至 2025-11" in payment.steps[-1].zh
    told = json.loads(payment.as_text())
    assert {name: told[name] for name in ("base", "difference", "months", "owed")} == {
        "base": "8433",
        "difference": "61.50",
        "months": 4,
        "owed": "246.00",
    }
    assert told["old"]["total"] == "6001.80"
    assert told["new"]["total"] == "6063.30"
    assert [step["zh"] for step in told["steps"]] == [step.zh for step in payment.steps]


def test_what_is_not_confirmed_of_it_is_marked(granted: dict[str, str]) -> None:
    payment = reassessed(JULY, granted, base_for(2025), first=AUGUST, last=AUGUST)

    assert all(step.unverified for step in payment.steps)
    assert all(step.source and step.en.isascii() for step in payment.steps)
    assert "1 month paid" in payment.steps[-1].en


def test_where_nothing_was_paid_nothing_is_owed(granted: dict[str, str]) -> None:
    payment = reassessed(JULY, granted, base_for(2025), first=AUGUST, last=AUGUST - 1)

    assert (payment.months, payment.owed.value) == (0, Decimal(0))
    assert "尚未发放" in payment.steps[-1].zh
    with pytest.raises(ValueError, match="before it began"):
        owed(Decimal(1), AUGUST, AUGUST - 2)


def test_a_lower_base_is_owed_the_other_way(granted: dict[str, str]) -> None:
    lower = base_for(2025, {2025: Decimal(8200)})

    payment = reassessed(JULY, granted, lower, first=AUGUST, last=AUGUST + 1)

    assert payment.reassessment.difference < 0
    assert payment.owed.value == 2 * payment.reassessment.difference


def test_what_the_record_does_not_lead_to_is_left_to_a_person(granted: dict[str, str]) -> None:
    for changed in ({"pension": "6001.90"}, {"index": "1.0600"}):
        with pytest.raises(AssessedOtherwise):
            reassessed(JULY, {**granted, **changed}, base_for(2025), first=AUGUST, last=AUGUST)


@pytest.mark.parametrize("missing", [*FACTS, "explanation"])
def test_a_fact_that_is_missing_is_named_and_never_guessed(granted: dict[str, str], missing: str) -> None:
    less = {name: value for name, value in granted.items() if name != missing}

    with pytest.raises(FactMissing) as named:
        reassessed(JULY, less, base_for(2025), first=AUGUST, last=AUGUST)
    assert named.value.name == missing


cents = st.decimals(-100_000, 100_000, places=2, allow_nan=False, allow_infinity=False)


@UNHURRIED
@given(cents, st.integers(0, 600), st.integers(month_of(2020, 1), month_of(2090, 1)))
def test_the_steps_recompute_what_is_owed_to_the_cent(difference: Decimal, months: int, first: int) -> None:
    found = owed(difference, first, first + months - 1)

    assert folded(found.steps) == Fraction(found.value) == Fraction(difference) * months
    assert found.value.as_tuple().exponent == -2


@UNHURRIED
@given(cents, cents, st.integers(0, 600))
def test_settling_twice_owes_as_much_as_settling_once(one: Decimal, other: Decimal, months: int) -> None:
    last = AUGUST + months - 1

    assert owed(one, AUGUST, last).value + owed(other, AUGUST, last).value == owed(one + other, AUGUST, last).value


def test_the_years_own_base_is_no_longer_provisional() -> None:
    facts = ENTITLEMENT.compute(JULY, FACTS)

    assert facts["provisional"] == "false"
    assert facts["pension"] == "6063.30"
    assert json.loads(facts["explanation"])["base"] == f"{BASES[2025]}"
