"""老年优待证: a bundle that is one module and this file, and that nobody applies for."""

from datetime import date, datetime

import pytest

from demo.city.workers import Worker, workers
from domain.bundles.senior_card import BUNDLE
from domain.catalogue import catalogue
from domain.declaration import contradictions
from domain.form import read_application
from domain.law.months import first_day, month_of
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


def test_the_dead_are_not_sent_a_card() -> None:
    discovery = BUNDLE.discoveries[0]
    (born,) = born_months(discovery.when, MONTH)
    alive = next(one for one in workers(20_000) if one.born == born and one.state == "active")

    found = judge(as_listed(alive, state="dead"), discovery, MONTH, read_in=MONTH)

    assert found is not None
    assert (found.outcome, found.reasons) == (Outcome.EXCLUDED, ("dead",))
