"""到龄名单: who is on it, by which rule, and every doubt that puts a case into a person's hands."""

import pytest

from domain.bundles.retirement import BUNDLE
from domain.law.months import month_of, read_month
from domain.law.retirement_age import Category
from domain.watch_list import (
    CATEGORIES,
    CONFLICTS,
    EXCLUSIONS,
    FAULTS,
    Changes,
    InsuredPerson,
    Outcome,
    Standing,
    born_months,
    changes,
    fault_in_words,
    judge,
    reason_in_words,
    rule_in_words,
    unreadable,
)

(RETIREMENT,) = BUNDLE.discoveries
MARCH_2027 = read_month("2027-03")
READ_IN = read_month("2026-09")
"""Half a year ahead."""
BORN = read_month("1966-09")
"""domain.md 4.4: a man born 1966-09 reaches his statutory month in 2027-03."""


def a_man(**other: object) -> InsuredPerson:
    person: dict[str, object] = {
        "person": "P1",
        "district": "339901",
        "sex": "1",
        "category": Category.M60,
        "born": BORN,
        "born_in_file": BORN,
        "contribution_months": 300,
    }
    return InsuredPerson(**person | other)  # type: ignore[arg-type]


def test_a_man_is_found_in_his_statutory_month_and_in_no_other() -> None:
    found = judge(a_man(), RETIREMENT, MARCH_2027, read_in=READ_IN)

    assert found is not None
    assert (found.outcome, found.reasons, found.rule) == (Outcome.DUE, (), "M60 1966-09 -> 2027-03")
    assert judge(a_man(), RETIREMENT, MARCH_2027 - 1, read_in=READ_IN) is None
    assert judge(a_man(), RETIREMENT, MARCH_2027 + 1, read_in=READ_IN) is None


def test_the_register_is_asked_for_exactly_the_months_of_birth_that_the_law_lets_through() -> None:
    assert born_months(RETIREMENT.when, MARCH_2027) == {
        born
        for born in range(month_of(1950, 1), month_of(1990, 1))
        for category in Category
        if judge(a_man(category=category, born=born, born_in_file=born), RETIREMENT, MARCH_2027, read_in=READ_IN)
    }


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"born_in_file": BORN + 5}, "birth_dates_differ"),
        ({"category": None}, "category_unknown"),
        ({"contribution_months": 173}, "contributions_short"),
        ({"places": 2}, "two_places"),
        ({"arrears": True}, "arrears"),
    ],
)
def test_a_doubt_puts_the_person_on_the_list_for_somebody_to_look(other: dict[str, object], reason: str) -> None:
    found = judge(a_man(**other), RETIREMENT, MARCH_2027, read_in=READ_IN)

    assert found is not None
    assert (found.outcome, found.reasons) == (Outcome.CONFLICT, (reason,))
    assert reason in CONFLICTS


def test_whoever_pays_on_has_paid_long_enough_by_the_month_of_retirement() -> None:
    just_enough = judge(a_man(contribution_months=174), RETIREMENT, MARCH_2027, read_in=READ_IN)
    read_later = judge(a_man(contribution_months=174), RETIREMENT, MARCH_2027, read_in=READ_IN + 1)

    assert just_enough is not None
    assert (just_enough.outcome, just_enough.reasons) == (Outcome.DUE, ())
    assert read_later is not None
    assert read_later.reasons == ("contributions_short",)


@pytest.mark.parametrize("other", [{"arrears": True}, {"state": "suspended"}], ids=["arrears", "suspended"])
def test_whoever_does_not_pay_on_has_what_they_have_paid(other: dict[str, object]) -> None:
    found = judge(a_man(contribution_months=179, **other), RETIREMENT, MARCH_2027, read_in=READ_IN)

    assert found is not None
    assert "contributions_short" in found.reasons


def test_whose_file_says_the_month_is_found_though_the_card_says_another() -> None:
    found = judge(a_man(born=BORN - 40), RETIREMENT, MARCH_2027, read_in=READ_IN)

    assert found is not None
    assert found.reasons == ("birth_dates_differ",)


@pytest.mark.parametrize(("state", "reason"), [("retired", "already_retired"), ("dead", "dead")])
def test_who_has_retired_or_died_is_named_and_has_no_case(state: str, reason: str) -> None:
    found = judge(a_man(state=state, arrears=True), RETIREMENT, MARCH_2027, read_in=READ_IN)

    assert found is not None
    assert (found.outcome, found.reasons) == (Outcome.EXCLUDED, (reason,))
    assert reason in EXCLUSIONS


def test_a_woman_of_unknown_post_is_found_at_the_earlier_of_her_two_ages() -> None:
    woman = a_man(sex="2", category=None, born=read_month("1975-01"), born_in_file=None)

    found = judge(woman, RETIREMENT, read_month("2025-02"), read_in=READ_IN)

    assert found is not None
    assert found.reasons == ("category_unknown",)


def test_whose_papers_disagree_may_be_meant_in_either_month() -> None:
    doubted = a_man(born_in_file=BORN + 12)

    by_card = judge(doubted, RETIREMENT, MARCH_2027, read_in=READ_IN)
    assert by_card is not None
    by_file = judge(doubted, RETIREMENT, by_card.months[-1], read_in=READ_IN)

    assert by_file is not None
    assert by_card.months == by_file.months == (MARCH_2027, by_file.month)
    assert (by_card.born, by_file.born) == (BORN, BORN + 12)


def test_whoevers_entry_cannot_be_read_is_found_for_somebody_to_look() -> None:
    found = unreadable("P1", "339901", RETIREMENT, MARCH_2027)

    assert (found.outcome, found.reasons, found.born) == (Outcome.CONFLICT, ("register_unreadable",), None)


def test_a_reading_against_the_one_before_it() -> None:
    due, doubted = Standing(Outcome.DUE, ()), Standing(Outcome.CONFLICT, ("arrears",))

    found = changes({"P1": due, "P2": doubted, "P3": due}, {"P2": due, "P3": due, "P4": due})

    assert found == Changes(new=("P4",), gone=("P1",), changed=("P2",))


@pytest.mark.parametrize("code", [*CONFLICTS, *EXCLUSIONS])
def test_every_reason_has_words_in_both_languages(code: str) -> None:
    zh, en = reason_in_words(code)

    assert zh != code != en


@pytest.mark.parametrize("code", [*FAULTS, "form:/insurance/contribution_months:too_few"])
def test_every_fault_has_words_in_both_languages(code: str) -> None:
    zh, en = fault_in_words(code)

    assert zh != code != en
    assert zh != en


@pytest.mark.parametrize(
    ("rule", "zh", "en"),
    [
        ("M60 1966-09 -> 2027-03", "男职工, 1966-09 出生, 2027-03 达到法定退休年龄", "men, born in 1966-09: the statutory age in 2027-03"),
        ("60 1966-12 -> 2026-12", "1966-12 出生, 2026-12 满 60 周岁", "born in 1966-12: 60 years old in 2026-12"),
        ("? -> 2027-03", "登记给出 2027-03", "the register gives 2027-03"),
    ],
)  # fmt: skip
def test_the_rule_is_told_in_words(rule: str, zh: str, en: str) -> None:
    assert rule_in_words(rule) == (zh, en)


def test_every_category_has_words() -> None:
    assert set(CATEGORIES) == set(Category)
