"""What a pension comes to: published divisors and assessments, every rounding, and what a newer base changes."""

import json
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.law.explained import NoRuleInForce, Step, exact_text, folded, half_up_to, up_to
from domain.law.months import month_of, read_age
from domain.law.pension import (
    BASES,
    PARTS,
    ContributionRecord,
    base_for,
    pension,
    reassess,
)
from domain.law.pension_divisor import DIVISORS, pension_divisor
from domain.law.pension_question import FIELDS, answer_divisor, answer_pension
from domain.law.questions import QuestionFaulty, read_json
from domain.law.residents_pension import residents_month, residents_pension

UNHURRIED = settings(deadline=None)
"""A busy machine is no finding."""

INVENTED: dict[str, Any] = {
    "base": 8433,
    "index": "1.0500",
    "contribution": {"years": 36, "months": 7},
    "account_balance": "152340.60",
    "divisor": "137.8",
    "index_before_1998": "0.9800",
    "years_before_1998": {"years": 9, "months": 1},
}


def but(**changed: Any) -> dict[str, Any]:
    """The invented person, with something changed; None leaves it out."""
    return {name: value for name, value in (INVENTED | changed).items() if value is not None}


# ── the divisor ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("age", "divisor"),
    [
        ("50y1m", "194.6"),
        ("50y3m", "193.8"),
        ("51y2m", "189.2"),
        ("51y11m", "185.4"),
        ("55y1m", "169.5"),
        ("55y4m", "168.0"),
        ("58y9m", "146.8"),
        ("60y1m", "138.4"),
        ("60y2m", "137.8"),
        ("60y3m", "137.3"),
        ("61y1m", "131.4"),
        ("62y10m", "118.3"),
    ],
)
def test_a_divisor_between_two_ages_is_the_published_one(age: str, divisor: str) -> None:
    assert answer_divisor({"age": age}).told() == {"age": age, "divisor": divisor}


@pytest.mark.parametrize(
    ("age", "divisor"), [("40y", "233"), ("47y", "208"), ("50y", "195"), ("60y", "139"), ("70y", "56")]
)
def test_a_whole_age_has_the_divisor_of_the_annex(age: str, divisor: str) -> None:
    assert answer_divisor({"age": age}).told()["divisor"] == divisor


def test_a_half_is_not_rounded_to_the_even_neighbour() -> None:
    exact = folded(pension_divisor(read_age("60y3m")).steps[:-1])

    assert exact == Fraction("137.25")
    assert Decimal("137.25").quantize(Decimal("0.1"), ROUND_HALF_EVEN) == Decimal("137.2"), "what others publish"
    assert pension_divisor(read_age("60y3m")).value == Decimal("137.3")


def test_a_row_is_divided_by_its_own_step_and_not_by_the_one_before() -> None:
    # 54 to 55 goes by 5, 55 to 56 by 6: with the wrong one 55y1m comes to 169.6.
    assert half_up_to(Fraction(170) - Fraction(DIVISORS[54] - DIVISORS[55], 12), 1) == Decimal("169.6")
    assert pension_divisor(read_age("55y1m")).value == Decimal("169.5")


def test_months_count_from_2025_on() -> None:
    age = read_age("60y3m")

    assert pension_divisor(age, month_of(2024, 12)).value == 139
    assert pension_divisor(age, month_of(2025, 1)).value == Decimal("137.3")
    assert pension_divisor(age, month_of(2006, 1)).value == 139
    with pytest.raises(NoRuleInForce):
        pension_divisor(age, month_of(2005, 12))


def test_what_was_not_confirmed_is_shown() -> None:
    assert [step.unverified for step in pension_divisor(read_age("60y1m")).steps] == [False, True, True]
    assert [step.unverified for step in pension_divisor(read_age("60y")).steps] == [False]
    assert [step.unverified for step in pension_divisor(read_age("47y")).steps] == [True], "some prints have 207"


@UNHURRIED
@given(st.integers(40 * 12, 70 * 12 - 1))
def test_a_divisor_falls_with_age_and_stays_between_its_neighbours(age: int) -> None:
    found, years = pension_divisor(age), age // 12

    assert DIVISORS[years + 1] <= found.value <= DIVISORS[years]
    assert pension_divisor(age + 1).value < found.value
    assert folded(found.steps) == Fraction(found.value)


@pytest.mark.parametrize(
    ("given", "place", "rule"),
    [
        ({}, "/age", "missing"),
        ({"age": "39y11m"}, "/age", "range"),
        ({"age": "70y1m"}, "/age", "range"),
        ({"age": "60y12m"}, "/age", "pattern"),
        ({"age": 60}, "/age", "type"),
        ({"age": "60y", "month": "2005-12"}, "/month", "no_rule"),
        ({"age": "60y", "month": "0000-01"}, "/month", "no_rule"),
        ({"age": "60y", "ages": "60y"}, "/ages", "unknown"),
    ],
)
def test_a_question_about_a_divisor_names_what_is_wrong(given: object, place: str, rule: str) -> None:
    with pytest.raises(QuestionFaulty) as refused:
        answer_divisor(given)
    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [(place, rule)]


def test_an_age_outside_the_table_is_a_fault() -> None:
    for age in (479, 841):
        with pytest.raises(ValueError, match="40 to 70"):
            pension_divisor(age)


# ── Zhejiang ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_invented_person_is_assessed_to_the_cent() -> None:
    told = answer_pension(INVENTED).told()

    assert {name: told[name] for name in (*PARTS, "sum", "total")} == {
        "basic": "3161.91",
        "account": "1105.52",
        "transitional": "1050.56",
        "adjustment": "595.23",
        "supplement": "150.00",
        "sum": "6063.22",
        "total": "6063.30",
    }
    assert (told["contribution_years"], told["years_before_1998"]) == ("36.58", "9.08")


def test_the_age_leads_to_the_same_divisor() -> None:
    by_age = answer_pension(but(divisor=None, age="60y2m")).told()

    assert by_age["divisor"] == "137.8"
    assert by_age["total"] == "6063.30"


def test_without_service_before_1998_there_is_no_transitional_pension() -> None:
    for nothing in (
        but(index_before_1998=None, years_before_1998=None),
        but(years_before_1998={"years": 0}),
        but(index_before_1998="0", years_before_1998=0),
        but(index_before_1998="1.2", years_before_1998="0.00"),
    ):
        told = answer_pension(nothing).told()
        assert told["transitional"] == "0.00"
        assert told["sum"] == "5012.66"
        assert told["total"] == "5012.70"


def test_each_rounding_is_told_with_what_was_exact() -> None:
    told = answer_pension(but(divisor=None, age="60y3m")).told()["roundings"]

    assert isinstance(told, list)
    shown = {one["of"]: (one["does"], one["to"], one["before"], one["after"]) for one in told}
    assert shown["contribution_years"] == ("half_up_to", "0.01", "439/12", "36.58")
    assert shown["divisor"] == ("half_up_to", "0.1", "137.25", "137.3")
    assert shown["basic"] == ("half_up_to", "0.01", "3161.911185", "3161.91")
    assert shown["total"][0:2] == ("up_to", "0.1")
    assert list(shown) == [
        "contribution_years",
        "years_before_1998",
        "divisor",
        "basic",
        "account",
        "transitional",
        "adjustment",
        "total",
    ]


def test_a_cent_over_is_a_tenth_more_and_nothing_over_is_nothing_more() -> None:
    assert up_to(Fraction("6063.21"), 1) == Decimal("6063.3")
    assert up_to(Fraction("6063.20"), 1) == Decimal("6063.2")
    assert up_to(Fraction(0), 1) == 0


def test_whatever_zhejiangs_documents_were_not_read_for_is_marked() -> None:
    steps = answer_pension(INVENTED).steps

    marked = {step.of for step in steps if step.unverified}
    assert marked == {"contribution_years", "years_before_1998", "basic", "account", *PARTS[2:], "total"}
    assert {step.of for step in steps if step.unverified and step.rule != "rounding"} == {
        "contribution_years",
        "years_before_1998",
        *PARTS[2:],
        "total",
    }
    assert all(step.source for step in steps)
    assert all(step.en.isascii() for step in steps)


def decimals(most: int, places: int, least: str = "0") -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(least), most, places=places, allow_nan=False, allow_infinity=False)


lengths = st.integers(0, 960) | decimals(80, 4)
records = st.builds(
    ContributionRecord,
    index=decimals(10, 20, "0.0001"),
    contribution=lengths,
    account_balance=decimals(100_000_000, 2),
    divisor=st.none(),
    age=st.integers(40 * 12, 70 * 12),
    index_before_1998=decimals(10, 6),
    years_before_1998=lengths,
)
bases = decimals(1_000_000, 2, "0.01")


def by_result(steps: tuple[Step, ...]) -> dict[str, Fraction]:
    """What the steps of each result fold to."""
    of: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        of[step.of].append(step)
    return {name: folded(found) for name, found in of.items()}


@UNHURRIED
@given(records, bases)
def test_the_steps_recompute_every_part_and_the_total(record: ContributionRecord, base: Decimal) -> None:
    answer = pension(record, base)

    told, results = answer.told(), by_result(answer.steps)
    for name, part in answer.results.items():
        assert results.pop(name) == Fraction(part.value) == Fraction(str(told[name]))
    assert results == {}


@UNHURRIED
@given(records, bases)
def test_a_part_is_the_formula_computed_in_fractions(record: ContributionRecord, base: Decimal) -> None:
    parts = {name: Fraction(part.value) for name, part in pension(record, base).results.items()}

    years, index, cent = parts["contribution_years"], Fraction(record.index), Fraction(1, 200)
    of_base = Fraction(base)
    assert abs(parts["basic"] - of_base * (1 + index) / 2 * years / 100) <= cent
    assert abs(parts["account"] - Fraction(record.account_balance) / parts["divisor"]) <= cent
    before = of_base * Fraction(record.index_before_1998) * parts["years_before_1998"] * Fraction("0.014")
    assert abs(parts["transitional"] - before) <= cent
    assert abs(parts["adjustment"] - (480 + index * years * 3)) <= cent
    together = sum((parts[name] for name in PARTS), Fraction(0))
    assert 0 <= parts["total"] - together < Fraction(1, 10)


@UNHURRIED
@given(records, bases)
def test_an_answer_written_out_is_its_steps_as_json(record: ContributionRecord, base: Decimal) -> None:
    answer = pension(record, base)

    assert json.loads(answer.as_text()) == answer.told() | {"steps": [step.as_json() for step in answer.steps]}


@UNHURRIED
@given(records, bases, bases)
def test_a_higher_base_never_gives_less(record: ContributionRecord, one: Decimal, other: Decimal) -> None:
    lower, higher = sorted((one, other))

    assert pension(record, lower).total <= pension(record, higher).total


def test_a_length_in_months_and_the_same_number_of_years_are_two_things() -> None:
    months = answer_pension(but(contribution={"years": 3}, years_before_1998=None)).told()
    years = answer_pension(but(contribution="36", years_before_1998=None)).told()

    assert (months["contribution_years"], years["contribution_years"]) == ("3.00", "36.00")


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def faults(question: object) -> set[tuple[str, str]]:
    """Where and why a question is refused."""
    with pytest.raises(QuestionFaulty) as refused:
        answer_pension(question)
    return {(fault.pointer, fault.rule) for fault in refused.value.faults}


@pytest.mark.parametrize("field", ["base", "index", "account_balance", "divisor", "index_before_1998"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (True, "type"),
        (1.05, "type"),
        ([], "type"),
        ({}, "type"),
        (Decimal("NaN"), "type"),
        (Decimal("Infinity"), "type"),
        ("NaN", "pattern"),
        ("-1", "pattern"),
        ("1e3", "pattern"),
        ("1,000", "pattern"),
        ("１", "pattern"),
        (" 1", "pattern"),
        ("1_0", "pattern"),
        ("", "pattern"),
        (-1, "range"),
        (Decimal("-0.01"), "range"),
        (Decimal("1e999999999"), "range"),
        (10**400, "range"),
        ("999999999999999", "range"),
        (Decimal("1e-999999"), "places"),
    ],
    ids=str,
)
def test_a_number_that_cannot_be_meant_is_refused_by_its_field(field: str, value: object, rule: str) -> None:
    assert (f"/{field}", rule) in faults(but(**{field: value}))


@pytest.mark.parametrize("field", ["base", "index", "contribution", "account_balance"])
def test_what_a_pension_needs_is_missed_by_name(field: str) -> None:
    assert (f"/{field}", "missing") in faults(but(**{field: None}))


@pytest.mark.parametrize(
    ("changed", "place", "rule"),
    [
        ({"base": 0}, "/base", "range"),
        ({"base": "8433.005"}, "/base", "places"),
        ({"index": "10.1"}, "/index", "range"),
        ({"divisor": None}, "/divisor", "either_or"),
        ({"age": "60y2m"}, "/divisor", "either_or"),
        ({"divisor": "55.9"}, "/divisor", "range"),
        ({"divisor": "137.85"}, "/divisor", "places"),
        ({"index_before_1998": None}, "/index_before_1998", "missing"),
        ({"years_before_1998": "36.60"}, "/years_before_1998", "exceeds"),
        ({"contribution": {"years": 36, "months": 12}}, "/contribution/months", "range"),
        ({"contribution": {"years": 36.5}}, "/contribution/years", "type"),
        ({"contribution": {"months": 5}}, "/contribution/years", "missing"),
        ({"contribution": {"years": 36, "days": 3}}, "/contribution/days", "unknown"),
        ({"contribution": "81"}, "/contribution", "range"),
        ({"contribution": False}, "/contribution", "type"),
        ({"region": "hubei"}, "/region", "choice"),
        ({"month": "2017-12"}, "/month", "no_rule"),
        ({"total": "9999"}, "/total", "unknown"),
    ],
    ids=str,
)
def test_a_question_about_a_pension_names_what_is_wrong(changed: dict[str, Any], place: str, rule: str) -> None:
    assert faults(but(**changed)) == {(place, rule)}


def test_the_fields_are_those_that_the_answer_reads() -> None:
    assert set(INVENTED) <= FIELDS
    assert FIELDS - set(INVENTED) == {"region", "month", "age"}


def test_a_number_is_read_as_it_is_written() -> None:
    told = read_json(b'{"index": 1.00000000000000000001, "base": 8433.0}')

    assert told == {"index": Decimal("1.00000000000000000001"), "base": Decimal("8433.0")}
    assert "1.00000000000000000001" in answer_pension(but(index=Decimal("1.00000000000000000001"))).as_text()
    assert answer_pension(but(base=Decimal("8.433e3"))).told()["base"] == "8433"
    assert answer_pension(but(account_balance=Decimal("0e999999"))).told()["account"] == "0.00"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b'{"base": NaN}', "json"),
        (b'{"base": Infinity}', "json"),
        (b"\xff", "json"),
        (b"[" * 9_000, "json"),
        (b"9" * 9_000, "json"),
        (b'{"base": 1, "base": 2}', "duplicate_key"),
        (b" " * 10_001, "too_long"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_line_that_two_readers_could_read_differently_is_refused(line: bytes, rule: str) -> None:
    with pytest.raises(QuestionFaulty) as refused:
        read_json(line)
    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [("", rule)]


def test_the_first_line_of_a_file_may_begin_with_its_mark() -> None:
    assert read_json(b"\xef\xbb\xbf{}") == {}


# ── the formula of a month ──────────────────────────────────────────────────────────────────────────────────────────

RECORD = ContributionRecord(
    index=Decimal("1.05"),
    contribution=439,
    account_balance=Decimal("152340.60"),
    divisor=Decimal("137.8"),
    index_before_1998=Decimal("0.98"),
    years_before_1998=109,
)


def test_the_formula_of_the_month_applies_and_none_is_invented_before_the_first() -> None:
    assert pension(RECORD, BASES[2025], month=month_of(2018, 1)).total == Decimal("6063.30")
    with pytest.raises(NoRuleInForce):
        pension(RECORD, BASES[2025], month=month_of(2017, 12))


def test_the_divisor_follows_the_month_too() -> None:
    assert answer_pension(but(divisor=None, age="60y2m", month="2024-12")).told()["divisor"] == "139"
    assert answer_pension(but(divisor=None, age="60y2m", month="2025-01")).told()["divisor"] == "137.8"


def test_a_record_without_divisor_and_age_and_an_unknown_region_are_faults() -> None:
    with pytest.raises(ValueError, match="divisor or an age"):
        pension(ContributionRecord(Decimal(1), 180, Decimal(0)), BASES[2025])
    with pytest.raises(ValueError, match="region"):
        pension(RECORD, BASES[2025], "hubei")


# ── the base, and assessing again ───────────────────────────────────────────────────────────────────────────────────


def test_before_its_base_is_published_a_year_pays_on_the_latest_one() -> None:
    assert (base_for(2025).amount, base_for(2025).provisional) == (Decimal(8433), False)
    early = base_for(2026)
    assert (early.amount, early.of_year, early.provisional) == (Decimal(8433), 2025, True)
    assert "预发" in early.steps[0].zh
    assert early.steps[0].unverified
    assert (base_for(2027).amount, base_for(2027).of_year, base_for(2027).provisional) == (Decimal(8433), 2025, True)
    later = base_for(2026, {**BASES, 2026: Decimal(8600)})
    assert (later.amount, later.provisional) == (Decimal(8600), False)
    assert base_for(2024, {**BASES, 2026: Decimal(8600)}).of_year == 2024, "a later year's is never taken"


@pytest.mark.parametrize("year", [2022, 2028])
def test_no_base_is_invented(year: int) -> None:
    with pytest.raises(NoRuleInForce):
        base_for(year)


def test_a_new_base_is_a_correction_beside_the_first_assessment() -> None:
    provisional = pension(RECORD, BASES[2024])
    corrected = reassess(provisional, RECORD, BASES[2025])

    assert corrected.old is provisional
    assert corrected.new.total == Decimal("6063.30")
    assert corrected.difference == corrected.new.total - provisional.total == Decimal("61.50")
    assert folded(corrected.steps) == Fraction(corrected.difference)
    assert "8433" in corrected.steps[0].zh
    assert "8310" in corrected.steps[1].zh
    told = json.loads(corrected.as_text())
    assert told["old"] == json.loads(provisional.as_text())
    assert told["new"]["total"] == "6063.30"
    assert told["difference"] == "61.50"
    assert [step["of"] for step in told["steps"]] == ["difference", "difference"]


@UNHURRIED
@given(records, bases, bases)
def test_assessing_again_and_back_comes_to_nothing(record: ContributionRecord, one: Decimal, other: Decimal) -> None:
    there = reassess(pension(record, one), record, other)
    back = reassess(there.new, record, one)

    assert there.difference + back.difference == 0
    assert folded(there.steps) == Fraction(there.difference)
    assert back.new.total == there.old.total


# ── residents ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_residents_are_paid_from_60_whatever_the_reform_says() -> None:
    assert residents_month(month_of(1976, 9)).value == month_of(2036, 9)


def test_a_residents_pension_is_the_basic_amount_and_a_share_of_the_balance() -> None:
    paid = residents_pension(basic_amount=Decimal("310.00"), account_balance=Decimal("20000.00"))

    assert paid.value == Decimal("453.88")
    assert folded(paid.steps) == Fraction(paid.value)
    assert all(step.unverified for step in paid.steps)


# ── folding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_amount_in_full_ends_or_is_a_fraction() -> None:
    assert exact_text(Fraction(1, 8)) == "0.125"
    assert exact_text(Fraction(-7, 12)) == "-7/12"
    assert exact_text(Fraction(10**30)) == "1" + "0" * 30


@UNHURRIED
@given(st.fractions(-(10**6), 10**6), st.integers(0, 4))
def test_rounding_goes_to_the_nearest_and_up_goes_up(amount: Fraction, places: int) -> None:
    nearest, up, unit = half_up_to(amount, places), up_to(amount, places), Fraction(1, 10**places)

    assert abs(Fraction(nearest) - amount) <= unit / 2
    assert 0 <= Fraction(up) - amount < unit
    step = pension_divisor(480).steps[0]._replace(amount=amount, does="add")
    to_unit = step._replace(amount=Decimal(1).scaleb(-places))
    assert folded((step, to_unit._replace(does="half_up_to"))) == Fraction(nearest)
    assert folded((step, to_unit._replace(does="up_to"))) == Fraction(up)
