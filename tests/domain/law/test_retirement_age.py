"""When people may retire, on both sides of the reform, against published rows and the mistakes of public calculators."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.law.explained import Step, folded
from domain.law.months import (
    age_text,
    first_day,
    month_of,
    month_text,
    months_en,
    read_age,
    read_month,
    years_en,
    years_zh,
)
from domain.law.questions import QuestionFaulty
from domain.law.retirement_age import (
    FIRST_BIRTH,
    FLEXIBLE_MONTHS,
    LAST_BIRTH,
    SCHEDULES,
    STATUTORY_MONTHS,
    Approved,
    Category,
    Choice,
    ChoiceRefused,
    Early,
    Late,
    answer_retirement_age,
    born_for,
    read_choice,
    retirement_age,
    statutory_month,
)

UNHURRIED = settings(deadline=None)
"""A busy machine is no finding."""

PUBLISHED = """
M60 1963-12 0  60y    2023-12 –       –       15y
M60 1964-12 0  60y    2024-12 –       –       15y
M60 1965-01 1  60y1m  2025-02 2025-01 2028-02 15y
M60 1965-04 1  60y1m  2025-05 2025-04 2028-05 15y
M60 1965-05 2  60y2m  2025-07 2025-05 2028-07 15y
M60 1966-09 6  60y6m  2027-03 2026-09 2030-03 15y
M60 1969-01 13 61y1m  2030-02 2029-01 2033-02 15y6m
M60 1973-12 27 62y3m  2036-03 2033-12 2039-03 18y6m
M60 1975-06 32 62y8m  2038-02 2035-06 2041-02 19y6m
M60 1976-08 35 62y11m 2039-07 2036-08 2042-07 20y
M60 1976-09 36 63y    2039-09 2036-09 2042-09 20y
M60 1977-01 36 63y    2040-01 2037-01 2043-01 20y
F55 1963-04 0  55y    2018-04 –       –       15y
F55 1969-12 0  55y    2024-12 –       –       15y
F55 1970-01 1  55y1m  2025-02 2025-01 2028-02 15y
F55 1970-04 1  55y1m  2025-05 2025-04 2028-05 15y
F55 1970-05 2  55y2m  2025-07 2025-05 2028-07 15y
F55 1974-01 13 56y1m  2030-02 2029-01 2033-02 15y6m
F55 1978-08 26 57y2m  2035-10 2033-08 2038-10 18y
F55 1981-09 36 58y    2039-09 2036-09 2042-09 20y
F55 1982-01 36 58y    2040-01 2037-01 2043-01 20y
F50 1974-12 0  50y    2024-12 –       –       15y
F50 1975-01 1  50y1m  2025-02 2025-01 2028-02 15y
F50 1975-02 1  50y1m  2025-03 2025-02 2028-03 15y
F50 1975-03 2  50y2m  2025-05 2025-03 2028-05 15y
F50 1978-01 19 51y7m  2029-08 2028-01 2032-08 15y
F50 1981-01 37 53y1m  2034-02 2031-02 2037-02 17y6m
F50 1983-11 54 54y6m  2038-05 2035-05 2041-05 19y6m
F50 1984-11 60 55y    2039-11 2036-11 2042-11 20y
F50 1985-01 60 55y    2040-01 2037-01 2043-01 20y
""".strip().splitlines()

categories = st.sampled_from(Category)
births = st.integers(FIRST_BIRTH, LAST_BIRTH)
REFORM = month_of(2025, 1)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: " ".join(row.split()[:2]))
def test_a_published_row_comes_out_as_published(row: str) -> None:
    category, born, delay, age, statutory, earliest, latest, minimum = row.split()

    told = answer_retirement_age({"category": category, "born": born}).told()

    assert told == {
        "category": category,
        "born": born,
        "delay_months": int(delay),
        "age": age,
        "statutory_month": statutory,
        "earliest_month": None if earliest == "–" else earliest,
        "latest_month": None if latest == "–" else latest,
        "min_contribution_months": read_age(minimum),
    }


# ── the mistakes of public calculators ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "born", ["1970-05-01", "1970-05-31", "19700531", "1970-5", "1970-13", "１９７０-05", " 1970-05"]
)
def test_a_day_of_birth_is_not_even_read(born: str) -> None:
    with pytest.raises(QuestionFaulty) as refused:
        answer_retirement_age({"category": "F55", "born": born})

    (fault,) = refused.value.faults
    assert (fault.pointer, fault.rule) == ("/born", "pattern")


def test_a_whole_month_of_births_retires_in_one_month_and_never_one_later() -> None:
    # Who carries the day of birth along gives those born on the last day one month more.
    assert month_text(statutory_month(Category.M60, month_of(1965, 1))) == "2025-02"
    assert month_text(statutory_month(Category.M60, month_of(1965, 4))) == "2025-05"


def test_a_woman_of_50_is_delayed_by_five_years_at_most_and_not_by_three() -> None:
    delays = {statutory_month(Category.F50, born) - born - 600 for born in range(month_of(1981, 1), LAST_BIRTH + 1)}

    assert min(delays) == 37
    assert max(delays) == 60


def test_the_last_rows_of_a_table_are_no_band_of_a_year() -> None:
    last = [
        statutory_month(Category.M60, month_of(1976, month)) - month_of(1976, month) - 720 for month in range(1, 13)
    ]

    assert last == [34, 34, 34, 34, 35, 35, 35, 35, 36, 36, 36, 36]


# ── both sides of the dates ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("category", "born", "month"),
    [("M60", "1954-09", "2014-09"), ("F55", "1959-09", "2014-09"), ("F50", "1964-09", "2014-09")],
)
def test_who_reached_the_age_before_the_reform_keeps_the_old_law(category: str, born: str, month: str) -> None:
    answer = answer_retirement_age({"category": category, "born": born})

    assert month_text(answer.statutory_month) == month
    assert (answer.delay_months, answer.earliest_month, answer.latest_month) == (0, None, None)
    assert all(step.effective_from <= first_day(answer.statutory_month) for step in answer.steps)


@pytest.mark.parametrize("category", Category)
def test_the_delay_begins_with_the_law(category: Category) -> None:
    schedule = SCHEDULES[category]
    first = schedule.first_affected

    assert schedule.basis.effective_from == date(2025, 1, 1)
    assert first + schedule.base_age == REFORM
    before, after = retirement_age(category, first - 1), retirement_age(category, first)
    assert (before.delay_months, before.statutory_month) == (0, REFORM - 1)
    assert (after.delay_months, after.statutory_month) == (1, REFORM + 1)


@pytest.mark.parametrize(
    ("year", "least"),
    [
        (2024, "15y"),
        (2029, "15y"),
        (2030, "15y6m"),
        (2031, "16y"),
        (2032, "16y6m"),
        (2033, "17y"),
        (2034, "17y6m"),
        (2035, "18y"),
        (2036, "18y6m"),
        (2037, "19y"),
        (2038, "19y6m"),
        (2039, "20y"),
        (2060, "20y"),
    ],
)
def test_the_least_contribution_grows_with_the_year(year: int, least: str) -> None:
    in_that_year = [
        retirement_age(category, born)
        for category in Category
        for month in range(month_of(year, 1), month_of(year, 12) + 1)
        if (born := born_for(category, month)) is not None
    ]

    assert {answer.min_contribution_months for answer in in_that_year} == {read_age(least)}


def test_before_the_law_of_2011_the_least_contribution_is_marked_as_not_confirmed() -> None:
    for born, unverified in (("1951-06", True), ("1951-07", False)):
        steps = answer_retirement_age({"category": "M60", "born": born}).steps
        assert [step.unverified for step in steps if step.of == "min_contribution_months"] == [unverified]


# ── properties ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_and_the_explanation_agree_on_every_birth_month() -> None:
    for category, table in STATUTORY_MONTHS.items():
        assert list(table) == list(range(FIRST_BIRTH, LAST_BIRTH + 1))
        for born, month in table.items():
            answer = retirement_age(category, born)
            assert answer.statutory_month == month == statutory_month(category, born)
            assert answer.age == month - born


@UNHURRIED
@given(categories, births, births)
def test_who_is_born_later_retires_later_and_waits_no_less(category: Category, one: int, other: int) -> None:
    elder, younger = sorted((one, other))

    assert statutory_month(category, elder) - elder <= statutory_month(category, younger) - younger
    if elder < younger:
        assert statutory_month(category, elder) < statutory_month(category, younger)


@UNHURRIED
@given(categories, births)
def test_the_window_lies_around_the_statutory_month_and_above_the_old_age(category: Category, born: int) -> None:
    answer, schedule = retirement_age(category, born), SCHEDULES[category]

    assert 0 <= answer.delay_months <= schedule.longest_delay
    assert answer.age == schedule.base_age + answer.delay_months
    if answer.earliest_month is None or answer.latest_month is None:
        assert answer.latest_month is None
        assert answer.statutory_month < REFORM
    else:
        assert born + schedule.base_age <= answer.earliest_month <= answer.statutory_month <= answer.latest_month
        assert answer.earliest_month >= answer.statutory_month - FLEXIBLE_MONTHS
        assert answer.latest_month == answer.statutory_month + FLEXIBLE_MONTHS
        # Who goes as early as possible stands either on the floor or three years before.
        assert answer.earliest_month in {born + schedule.base_age, answer.statutory_month - FLEXIBLE_MONTHS}


def by_result(steps: Iterable[Step]) -> dict[str, Fraction]:
    """What the steps of each result fold to."""
    of: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        of[step.of].append(step)
    return {name: folded(found) for name, found in of.items()}


@UNHURRIED
@given(categories, births, st.none() | st.builds(Early, st.integers(1, 36)) | st.builds(Late, st.integers(1, 36)))
def test_the_steps_recompute_every_result(category: Category, born: int, choice: Choice | None) -> None:
    try:
        answer = retirement_age(category, born, choice)
    except ChoiceRefused:
        return

    results = by_result(answer.steps)
    assert results.pop("delay_months") == answer.delay_months
    assert results.pop("age") == answer.age
    assert results.pop("statutory_month") == answer.statutory_month
    assert results.pop("earliest_month", None) == answer.earliest_month
    assert results.pop("latest_month", None) == answer.latest_month
    assert results.pop("min_contribution_months") == answer.min_contribution_months
    if answer.chosen is not None:
        assert results.pop("chosen_month") == answer.chosen.month
        assert results.pop("chosen_age") == answer.chosen.age
        assert results.pop("chosen_min_contribution_months") == answer.chosen.min_contribution_months
    assert results == {}


@UNHURRIED
@given(categories, births)
def test_each_step_names_its_law_in_both_languages(category: Category, born: int) -> None:
    for step in retirement_age(category, born).steps:
        assert step.rule
        assert step.source
        assert step.zh
        assert step.en
        assert step.en.isascii()


# ── what a person may choose ────────────────────────────────────────────────────────────────────────────────────────


def chosen(category: str, born: str, choose: str) -> tuple[str, str, str]:
    told = answer_retirement_age({"category": category, "born": born, "choose": choose}).told()
    least = told["chosen_min_contribution_months"]
    assert isinstance(least, int)
    return str(told["chosen_month"]), str(told["chosen_age"]), age_text(least)


def test_who_goes_early_needs_the_contribution_of_the_chosen_year() -> None:
    assert chosen("M60", "1969-01", "early:12") == ("2029-02", "60y1m", "15y")
    assert chosen("M60", "1969-01", "early:1") == ("2030-01", "61y", "15y6m")


def test_who_goes_late_needs_the_contribution_of_the_statutory_year() -> None:
    assert chosen("M60", "1969-01", "late:36") == ("2033-02", "64y1m", "15y6m")


@pytest.mark.parametrize(
    ("category", "born", "most_early"), [("F55", "1970-05", 2), ("M60", "1976-09", 36), ("F50", "1985-01", 36)]
)
def test_nobody_goes_before_the_old_age_or_three_years_early(category: str, born: str, most_early: int) -> None:
    chosen(category, born, f"early:{most_early}")

    with pytest.raises(ChoiceRefused) as refused:
        chosen(category, born, f"early:{most_early + 1}")
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.rule) == ("/choose", "window")
    assert "不在可选范围" in fault.zh
    with pytest.raises(ChoiceRefused):
        chosen(category, born, "late:37")


def test_a_woman_of_50_at_full_delay_may_go_at_52() -> None:
    assert chosen("F50", "1985-01", "early:36")[1] == "52y"


@pytest.mark.parametrize("choose", ["early:1", "late:1"])
def test_before_the_reform_there_is_nothing_to_choose(choose: str) -> None:
    with pytest.raises(ChoiceRefused) as refused:
        chosen("M60", "1964-12", choose)

    assert refused.value.faults[0].rule == "before_reform"
    assert "2025-01" in refused.value.en


def test_special_work_is_an_approved_month_and_never_computed() -> None:
    assert chosen("F50", "1985-01", "approved:2030-01") == ("2030-01", "45y", "15y6m")
    assert chosen("M60", "1969-01", "approved:2024-12") == ("2024-12", "55y11m", "15y")
    answer = answer_retirement_age({"category": "F50", "born": "1985-01", "choose": "approved:2030-01"})
    assert [step.unverified for step in answer.steps if step.rule == "approved"] == [True]
    for month in ("2029-12", "2040-01"):
        with pytest.raises(ChoiceRefused, match="special work"):
            chosen("F50", "1985-01", f"approved:{month}")
    assert retirement_age(Category.F50, month_of(1985, 1), Approved(month_of(2031, 2))).statutory_month == month_of(
        2040, 1
    )


@pytest.mark.parametrize(
    "text", ["early:0", "early:", "early:-1", "early:1.5", "late:1000", "sooner:1", "early:１", "approved:2026-13", ""]
)
def test_a_choice_that_is_none_is_refused_by_its_form(text: str) -> None:
    with pytest.raises(QuestionFaulty) as refused:
        answer_retirement_age({"category": "M60", "born": "1969-01", "choose": text})
    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [("/choose", "pattern")]


def test_a_choice_is_read_as_it_is_written() -> None:
    assert read_choice("early:12") == Early(12)
    assert read_choice("late:6") == Late(6)
    assert read_choice("approved:2026-03") == Approved(month_of(2026, 3))


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_faults_of_a_question_are_named_at_once_and_never_repeated() -> None:
    with pytest.raises(QuestionFaulty) as refused:
        answer_retirement_age({"category": "M65", "born": 197005, "name": "某人", "3399011985": 1})

    assert {(fault.pointer, fault.rule) for fault in refused.value.faults} == {
        ("/category", "choice"),
        ("/born", "type"),
        ("/name", "unknown"),
        ("/?", "unknown"),
    }
    assert "M65" not in refused.value.zh + refused.value.en
    assert "197005" not in refused.value.zh + refused.value.en


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({}, {("/category", "missing"), ("/born", "missing")}),
        ({"category": None, "born": "1970-05"}, {("/category", "missing")}),
        ({"category": True, "born": "1970-05"}, {("/category", "type")}),
        ({"category": "F55", "born": "1929-12"}, {("/born", "range")}),
        ({"category": "F55", "born": "2100-01"}, {("/born", "range")}),
        ({"category": "F55", "born": "0000-01"}, {("/born", "range")}),
        ([], {("", "type")}),
        (None, {("", "type")}),
        ("F55", {("", "type")}),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(given: object, faults: set[tuple[str, str]]) -> None:
    with pytest.raises(QuestionFaulty) as refused:
        answer_retirement_age(given)
    assert {(fault.pointer, fault.rule) for fault in refused.value.faults} == faults


# ── for a scan ──────────────────────────────────────────────────────────────────────────────────────────────────────


@UNHURRIED
@given(categories, births)
def test_a_statutory_month_leads_back_to_its_one_birth_month(category: Category, born: int) -> None:
    assert born_for(category, statutory_month(category, born)) == born


def test_a_month_that_the_delay_skips_has_nobody() -> None:
    assert born_for(Category.M60, month_of(2025, 1)) is None
    assert born_for(Category.M60, month_of(2025, 6)) is None
    assert born_for(Category.M60, month_of(2025, 7)) == month_of(1965, 5)


def test_a_birth_outside_the_table_is_not_guessed() -> None:
    for born in (FIRST_BIRTH - 1, LAST_BIRTH + 1, -1):
        with pytest.raises(KeyError):
            statutory_month(Category.M60, born)


# ── whole months ────────────────────────────────────────────────────────────────────────────────────────────────────


@UNHURRIED
@given(st.integers(1000, 9999), st.integers(1, 12), st.integers(0, 1200))
def test_months_add_like_numbers(year: int, month: int, later: int) -> None:
    here = month_of(year, month)

    assert read_month(month_text(here)) == here
    assert first_day(here) == date(year, month, 1)
    assert month_of(year + later // 12, 1) + later % 12 + month - 1 == here + later


@UNHURRIED
@given(st.integers(12, 99 * 12 + 11))
def test_an_age_is_read_as_it_is_told(months: int) -> None:
    assert read_age(age_text(months)) == months


@pytest.mark.parametrize("text", ["60", "60y12m", "60y0", "060y", "60Y1m", "60y1m ", "y1m", "-60y", "100y", "６０y"])
def test_what_is_no_age_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="60y1m"):
        read_age(text)


def test_lengths_of_time_are_told_in_both_languages() -> None:
    assert (years_zh(186), years_en(186)) == ("15年6个月", "15 years 6 months")
    assert (years_zh(12), years_en(13), months_en(2)) == ("1年", "1 year 1 month", "2 months")
