"""老年优待证: a bundle that is one module and this file, and that nobody applies for."""

from dataclasses import replace
from datetime import date, datetime, time

import pytest

from demo.city.numbers import citizen_id
from demo.city.workers import Worker, workers
from domain.bundles.senior_card import BUNDLE
from domain.catalogue import catalogue
from domain.declaration import contradictions
from domain.form import Application, read_application
from domain.law.months import first_day, month_of
from domain.refusals import FormFaulty
from domain.time_limits import SHANGHAI
from domain.watch_list import InsuredPerson, Outcome, born_months, completed, judge, prefilled

SUNDAY = datetime(2026, 11, 22, 9, tzinfo=SHANGHAI)
MONTH = month_of(2026, 12)


def as_listed(one: Worker, *, state: str = "active") -> InsuredPerson:
    """As the register shows them to whoever asks for an age: without a category."""
    return InsuredPerson(
        one.person, one.district, one.sex, None, one.born, one.born_in_file, one.contribution_months, state=state
    )


def test_it_holds_together_and_is_in_force() -> None:
    assert contradictions(BUNDLE) == ()
    assert catalogue().in_force("senior_card", date(2026, 11, 22)) is BUNDLE


@pytest.mark.parametrize(("code", "years"), [("senior_60", 60), ("senior_70", 70)])
def test_who_turns_sixty_or_seventy_has_a_case_that_nobody_had_to_fill_in(code: str, years: int) -> None:
    discovery = next(one for one in BUNDLE.discoveries if one.code == code)
    (born,) = born_months(discovery.when, MONTH)
    one = next(one for one in workers(20_000) if one.born == born and one.state == "active")

    found = judge(as_listed(one), discovery, MONTH, read_in=MONTH)

    assert found is not None
    assert found.born is not None
    assert (found.outcome, first_day(found.born).year) == (Outcome.DUE, 2026 - years)
    record = {
        "name": one.name,
        "citizen_id": one.citizen_id,
        "community": one.community,
        "born_on": one.born_on.isoformat(),
    }
    application = read_application(BUNDLE, prefilled(discovery, BUNDLE, completed(record, discovery, found)), at=SUNDAY)
    assert application.value("birthday.age") == str(years)
    assert application.value("birthday.on") == one.born_on.replace(year=one.born_on.year + years).isoformat()


def by_hand(age: int, born_on: date, on: date) -> Application:
    """The form as it is handed in at a counter."""
    form = {
        "birthday": {"age": str(age), "on": on.isoformat()},
        "senior": {"name": "欧阳知行", "citizen_id": citizen_id("339901", born_on, 1)},
    }
    return read_application(BUNDLE, form, at=SUNDAY)


@pytest.mark.parametrize(
    ("age", "born_on", "birthday"),
    [
        (60, date(1966, 12, 31), date(2026, 12, 31)),
        (70, date(1956, 12, 1), date(2026, 12, 1)),
        (60, date(1968, 2, 29), date(2028, 2, 29)),
        (70, date(1968, 2, 29), date(2038, 3, 1)),
    ],
)
def test_a_card_waits_for_the_very_day_on_which_its_age_is_reached(age: int, born_on: date, birthday: date) -> None:
    discovery = next(one for one in BUNDLE.discoveries if one.code == f"senior_{age}")
    month = month_of(born_on.year + age, born_on.month)
    one = replace(next(workers(1)), born_on=born_on, state="active")
    found = judge(as_listed(one), discovery, month, read_in=month)
    assert found is not None
    days = completed({"born_on": born_on.isoformat()}, discovery, found)
    assert days["birthday"] == birthday.isoformat()

    (reached,) = by_hand(age, born_on, birthday).milestones.values()

    assert reached == datetime.combine(birthday, time(), SHANGHAI)


@pytest.mark.parametrize(
    ("age", "on"),
    [(60, date(2016, 12, 4)), (70, date(2016, 12, 5)), (70, date(2026, 12, 4))],
    ids=["a day before sixty", "sixty, for the card at seventy", "a day before seventy"],
)
def test_nobody_is_given_a_card_at_a_counter_for_an_age_that_they_do_not_have_on_that_day(age: int, on: date) -> None:
    with pytest.raises(FormFaulty) as refusal:
        by_hand(age, date(1956, 12, 5), on)

    assert [(one.pointer, one.rule) for one in refusal.value.faults] == [
        ("/application/senior/citizen_id", "born_too_late")
    ]


def test_the_dead_are_not_sent_a_card() -> None:
    discovery = BUNDLE.discoveries[0]
    (born,) = born_months(discovery.when, MONTH)
    alive = next(one for one in workers(20_000) if one.born == born and one.state == "active")

    found = judge(as_listed(alive, state="dead"), discovery, MONTH, read_in=MONTH)

    assert found is not None
    assert (found.outcome, found.reasons) == (Outcome.EXCLUDED, ("dead",))
