"""老年优待证: prepared before the birthday, brought on it, and not to whoever has died or moved away meanwhile."""

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import select

from activities.discovering import Discovering, Opening, Scan
from demo.city.workers import Worker, workers
from domain.bundles.senior_card import BUNDLE
from domain.case_file import CaseFile, ItemState, ProofState
from domain.catalogue import catalogue
from domain.scopes import Role
from domain.time_limits import SHANGHAI, in_shanghai
from domain.waiting import waits
from domain.watch_list import born_months, months_ahead
from store.accounts import add_account, add_unit
from store.cases import Filed
from store.tables import cases
from tests.grants import grant_everything
from tests.insured import Register
from tests.workflows.conftest import House

pytestmark = pytest.mark.anyio

DISTRICT = "339901"
OFFICE = "civil-affairs"
SIXTY = BUNDLE.discoveries[0]
A_MOMENT = timedelta(minutes=1)


class Senior:
    """Somebody who turns sixty next month, found and with a case this month; nobody has applied for anything."""

    def __init__(self, house: House, worker: Worker, filed: Filed) -> None:
        self.house, self.worker, self.filed = house, worker, filed

    @property
    def birthday(self) -> datetime:
        sixty = self.worker.born_on.replace(year=self.worker.born_on.year + 60)
        return datetime.combine(sixty, time(), SHANGHAI)

    @property
    def file(self) -> CaseFile:
        return self.house.case(self.filed)

    def asked(self, service: str) -> int:
        """How often the register or department was called."""
        return [called for called, _ in self.house.city.calls].count(service)

    async def time_passes_until(self, then: datetime) -> None:
        await self.house.later(self.filed, then - self.house.clock())


@pytest.fixture
async def senior(house: House) -> Senior:
    month = months_ahead(in_shanghai(house.clock()).date(), 1)
    (born,) = born_months(SIXTY.when, month)
    worker = next(
        one
        for one in workers(20_000)
        if one.born == born and one.born_on.day > 1 and one.district == DISTRICT and one.state == "active"
    )
    with house.store.database.begin() as connection:
        add_unit(connection, OFFICE, title="云澜区民政局", division=DISTRICT, department="civil_affairs")
        add_account(connection, f"{OFFICE}-1", unit=OFFICE, role=Role.VERIFIER, password=None)
        grant_everything(connection, OFFICE)
    discovering = Discovering(house.store, Register(worker), catalogue(), house.clock)
    await discovering.read(Scan(occasion=SIXTY.code, district=DISTRICT, month=month), lambda _: None)
    opening = Opening(occasion=SIXTY.code, district=DISTRICT, until_month=month, at_most=9, per_second=100)
    assert (await discovering.open(opening, lambda _: None)).opened == 1
    with house.store.database.reading() as connection:
        row = connection.execute(select(cases)).one()
    senior = Senior(house, worker, Filed(row.case_id, row.case_no, row.version, new=True))
    # Prepared: the register has been asked, and nothing but the birthday is waited for.
    await house.until(senior.filed, lambda file: file.proofs["senior_household"].state is ProofState.MET)
    await house.until(senior.filed, lambda file: {wait.on for wait in waits(file)} == {"calendar"})
    return senior


async def test_a_card_that_was_prepared_ahead_is_issued_on_the_birthday_and_not_before(senior: Senior) -> None:
    await senior.time_passes_until(senior.birthday - A_MOMENT)
    await senior.house.heard(senior.filed)
    assert senior.file.items["senior_card"].state is ItemState.WAITING
    assert (senior.asked("civil_affairs"), senior.asked("household_register")) == (0, 1)

    await senior.time_passes_until(senior.birthday + A_MOMENT)

    assert await senior.house.ended(senior.filed) == "complete"
    assert (senior.asked("civil_affairs"), senior.asked("household_register")) == (1, 2)


@pytest.mark.parametrize("says", [{"state": "dead"}, {"community": "外地社区"}], ids=["dead", "moved away"])
async def test_whoever_died_or_moved_away_before_the_birthday_is_brought_no_card_before_somebody_has_looked(
    senior: Senior, says: dict[str, str]
) -> None:
    senior.house.city.says_otherwise["household_register"] = says

    await senior.time_passes_until(senior.birthday + A_MOMENT)

    file = await senior.house.until(
        senior.filed, lambda file: file.proofs["senior_household_on_the_day"].state is ProofState.CONTESTED
    )
    assert {(wait.what, wait.on) for wait in waits(file) if wait.on == "caseworker"} == {
        ("senior_household_on_the_day", "caseworker")
    }
    assert file.items["senior_card"].state is ItemState.ACCEPTED
    assert senior.asked("civil_affairs") == 0
