"""A register of insured persons in this process: the demo city's people, line by line, as a test wants them to stand."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Connection

from activities.insured_register import Page
from demo.city import insured
from demo.city.population import CITY
from demo.city.workers import Worker, workers
from domain.bundles.retirement import BUNDLE
from domain.law.months import read_month
from domain.law.retirement_age import Category
from domain.scopes import Role
from domain.watch_list import InsuredPerson, Outcome, judge
from store.accounts import add_account, add_unit
from tests.grants import grant_everything

MARCH = read_month("2027-03")
(RETIREMENT,) = BUNDLE.discoveries
BUREAU = "pension-bureau"


@cache
def _everybody() -> tuple[Worker, ...]:
    return tuple(workers(60_000))


def line(one: Worker) -> InsuredPerson:
    """The worker as the register lists them."""
    return InsuredPerson(
        person=one.person,
        district=one.district,
        sex=one.sex,
        category=Category(one.category) if one.category else None,
        born=one.born,
        born_in_file=one.born_in_file,
        contribution_months=one.contribution_months,
        places=one.places,
        arrears=one.arrears,
        state=one.state,
    )


def found(outcome: Outcome = Outcome.DUE, *, month: int = MARCH, district: str = "339901") -> Iterator[Worker]:
    """Workers of the city who are found in that month, with that outcome; the same in every run."""
    for one in _everybody():
        if one.district == district and one.n:
            finding = judge(line(one), RETIREMENT, month, read_in=month)
            if finding is not None and finding.outcome is outcome:
                yield one


def some_due(count: int, *, district: str = "339901") -> tuple[Worker, ...]:
    """So many who are due in March 2027, about whom nothing is in doubt."""
    due = found(district=district)
    return tuple(next(due) for _ in range(count))


class Register:
    """The port, with everything in memory; `lines` may be changed between two pages, and `asked` says what was."""

    def __init__(self, *people: Worker, page: int | None = None) -> None:
        self.lines = {one.person: line(one) for one in people}
        self.answers: dict[str, dict[str, str]] = {}
        """What the record of a person says otherwise than the city does."""
        self.unreadable: set[str] = set()
        self.asked: list[str] = []
        self.recorded: list[str] = []
        self.page_size = page
        self.before_page: Callable[[str], None] = lambda after: None

    def say(self, one: Worker, **other: Any) -> None:
        """Let the line of a person read otherwise."""
        self.lines[one.person] = replace(self.lines[one.person], **other)

    async def page(self, district: str, born: Collection[int], after: str, limit: int) -> Page:
        """One page, by number."""
        self.before_page(after)
        self.asked.append(after)
        those = sorted(
            (
                one
                for one in self.lines.values()
                if one.district == district and one.person > after and (one.born in born or one.born_in_file in born)
            ),
            key=lambda one: one.person,
        )
        size = self.page_size or limit
        page = those[:size]
        return Page(
            [one for one in page if one.person not in self.unreadable],
            page[-1].person if len(those) > size else None,
            len(page),
            [one.person for one in page if one.person in self.unreadable],
        )

    async def records(self, persons: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """What the city holds of them."""
        self.recorded += persons
        records = insured.records({"persons": [one for one in persons if one in self.lines]}, CITY)["records"]
        return {person: {**record, **self.answers.get(person, {})} for person, record in records.items()}


def provide_bureau(connection: Connection, unit: str = BUREAU, division: str = "339900") -> None:
    """The city's pension bureau, with an officer, and with a right to every register."""
    add_unit(connection, unit, title="婺川市社会保险中心", division=division, department="human_resources")
    add_account(connection, f"{unit}-1", unit=unit, role=Role.PENSION_OFFICER, password=None)
    grant_everything(connection, unit)
