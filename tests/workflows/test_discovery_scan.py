"""到龄扫描 on a real server: a night that reads and opens, goes on after a crash, and is asked for by a schedule."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select
from temporalio.client import ScheduleOverlapPolicy, WorkflowFailureError, WorkflowHandle
from temporalio.worker import Worker

from activities.discovering import Discovering
from activities.faults import GatewayFault, NotAccepted
from demo.city.workers import Worker as Person
from domain.case_file import CaseState
from domain.catalogue import catalogue
from domain.time_limits import in_shanghai
from domain.watch_list import months_ahead
from store.tables import cases, scan_runs
from store.watch_list import Listed, listed
from tests.insured import Register, found, provide_bureau
from tests.workflows.conftest import SANDBOX, House
from workers.scan_worker import scan_queue, scan_worker
from workers.schedules import ENDS_WITHIN, MADE_UP_WITHIN, ensure_schedules, schedule_id
from workflows.discovery_scan import DiscoveryScan, NightlyScan

pytestmark = pytest.mark.anyio

DISTRICT = "339901"
ASKED = NightlyScan(occasion="retirement", district=DISTRICT, months_ahead=6, open_per_second=100)
_NUMBERS = count(1)


class Night:
    """The register of a district with some who are due in half a year, and a worker that scans it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.month = months_ahead(in_shanghai(house.clock()).date(), 6)
        due = found(month=self.month)
        self.due: tuple[Person, ...] = tuple(next(due) for _ in range(4))
        self.register = Register(*self.due, page=1)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        discovering = Discovering(self.house.store, self.register, catalogue(), self.house.clock, page=1)
        settings = self.house.settings
        async with scan_worker(self.house.client, discovering, settings, workflow_runner=SANDBOX) as worker:
            yield worker

    async def start(self, asked: NightlyScan = ASKED) -> WorkflowHandle[DiscoveryScan, int]:
        return await self.house.client.start_workflow(
            DiscoveryScan.run,
            asked,
            id=f"night-{next(_NUMBERS)}-{self.house.settings.task_queue}",
            task_queue=scan_queue(self.house.settings),
        )

    def lines(self) -> dict[str, Listed]:
        with self.house.store.database.reading() as connection:
            return {one.person: one for one in listed(connection, "retirement", self.month)}

    def cases(self) -> int:
        with self.house.store.database.reading() as connection:
            return len(connection.execute(select(cases.c.case_id)).all())

    def readings(self) -> list[int]:
        """The months that were read to the end, in that order."""
        with self.house.store.database.reading() as connection:
            ended = select(scan_runs.c.month).where(scan_runs.c.finished_at.is_not(None))
            return list(connection.execute(ended.order_by(scan_runs.c.finished_at)).scalars())


@pytest.fixture
def night(house: House) -> Night:
    with house.store.database.begin() as connection:
        provide_bureau(connection)
    return Night(house)


async def ended(handle: WorkflowHandle[DiscoveryScan, int], within: float = 40) -> int:
    return await asyncio.wait_for(handle.result(), within)


async def test_a_night_reads_every_month_up_to_the_furthest_and_opens_the_cases_of_the_due(night: Night) -> None:
    async with night.worker():
        assert await ended(await night.start()) == 4

    assert night.readings() == list(range(night.month - 6, night.month + 1))
    assert set(night.lines()) == {one.person for one in night.due}
    assert all(one.case_id for one in night.lines().values())


async def test_the_next_night_finds_nobody_new(night: Night) -> None:
    async with night.worker():
        await ended(await night.start())
        assert await ended(await night.start()) == 0

    assert night.cases() == 4


async def test_the_next_night_ends_the_case_of_whoever_has_died(night: Night) -> None:
    async with night.worker():
        await ended(await night.start())
        night.register.say(night.due[1], state="dead")
        assert await ended(await night.start()) == 0

    states = {
        line.person: night.house.store.case_file(line.case_id).state for line in night.lines().values() if line.case_id
    }
    assert [one for one, state in states.items() if state is CaseState.WITHDRAWN] == [night.due[1].person]
    assert len(states) == 4


async def test_a_reading_that_fails_in_the_middle_goes_on_from_its_place(night: Night) -> None:
    third = night.due[2].person
    failures = iter((GatewayFault("insured_persons", "http_503"), MemoryError()))

    def fails_twice(after: str) -> None:
        if after == third and (fault := next(failures, None)):
            raise fault

    night.register.before_page = fails_twice
    async with night.worker():
        assert await ended(await night.start(), within=60) == 4

    assert next(failures, None) is None
    asked = [after for after in night.register.asked if after]
    assert asked == [one.person for one in night.due[:3]], "no page was read twice"


async def test_a_worker_that_dies_in_the_middle_is_followed_by_another(night: Night) -> None:
    reached, third = asyncio.Event(), night.due[2].person

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    class Hanging(Register):
        async def page(self, district, born, after, limit):  # type: ignore[no-untyped-def]
            if after == third:
                reached.set()
                await never()
            return await super().page(district, born, after, limit)

    healthy = night.register
    night.register = Hanging(*night.due, page=1)
    async with night.worker():
        handle = await night.start()
        await asyncio.wait_for(reached.wait(), 30)
    assert len(night.lines()) == 3, "what was read is kept"
    night.register = healthy

    async with night.worker():
        assert await ended(handle, within=120) == 4

    assert healthy.asked.count(night.due[0].person) == 0, "it goes on from its place"
    assert len(night.lines()) == 4


async def test_what_trying_again_cannot_mend_ends_the_night(night: Night) -> None:
    def refused(after: str) -> None:
        raise NotAccepted("insured_persons", "http_422")

    night.register.before_page = refused
    async with night.worker():
        with pytest.raises(WorkflowFailureError):
            await ended(await night.start())
        with pytest.raises(WorkflowFailureError):
            await ended(await night.start(ASKED.model_copy(update={"occasion": "nothing"})))


async def test_the_schedules_are_made_once_and_what_an_operator_set_stays(night: Night) -> None:
    client, queue = night.house.client, scan_queue(night.house.settings)
    occasions = ("retirement", "senior_60", "senior_70")
    try:
        assert await ensure_schedules(client, catalogue(), [DISTRICT], task_queue=queue) == 3
        paused = client.get_schedule_handle(schedule_id("senior_60", DISTRICT))
        await paused.pause(note="停一晚")

        assert await ensure_schedules(client, catalogue(), [DISTRICT], task_queue=queue) == 0

        assert (await paused.describe()).schedule.state.paused
        schedule = (await client.get_schedule_handle(schedule_id("retirement", DISTRICT)).describe()).schedule
        assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
        assert schedule.policy.catchup_window == MADE_UP_WITHIN
        assert not schedule.policy.pause_on_failure
        assert schedule.spec.time_zone_name == "Asia/Shanghai"
        assert getattr(schedule.action, "execution_timeout", None) == ENDS_WITHIN < timedelta(days=1)
    finally:
        for occasion in occasions:
            await client.get_schedule_handle(schedule_id(occasion, DISTRICT)).delete()


async def test_a_schedule_that_is_triggered_scans_and_opens(night: Night) -> None:
    client, queue = night.house.client, scan_queue(night.house.settings)
    await ensure_schedules(client, catalogue(), [DISTRICT], task_queue=queue)
    try:
        async with night.worker():
            await client.get_schedule_handle(schedule_id("retirement", DISTRICT)).trigger()
            deadline = asyncio.get_running_loop().time() + 60
            while night.cases() < 4:
                assert asyncio.get_running_loop().time() < deadline, "the night did not open the cases"
                await asyncio.sleep(0.1)
            running = [one async for one in client.list_workflows("WorkflowType = 'DiscoveryScan'")]
    finally:
        for occasion in ("retirement", "senior_60", "senior_70"):
            await client.get_schedule_handle(schedule_id(occasion, DISTRICT)).delete()
    assert {one.person for one in night.lines().values()} == {one.person for one in night.due}
    assert running
