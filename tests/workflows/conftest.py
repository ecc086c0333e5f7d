"""A whole house for one test: real Postgres, real Temporal with a clock that the test moves, the real worker and relay.

Workflows run in the sandbox here, which production does without; the city answers in this process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.case_steps import CaseSteps
from activities.settings import GatewaySettings
from demo.temporal_server import TIME_SKIPPING, USUAL_SETTINGS, find_program
from domain.bundle import Bundle
from domain.case_file import CaseFile
from domain.time_limits import hours
from store.cases import CaseStore, Filed
from store.database import Database
from store.events import read
from tests.city import City
from tests.desk import example, file, newborn, store_on
from workers.bundle_worker import bundle_worker
from workers.relay import Relay, workflow_id
from workers.settings import WorkerSettings

SANDBOX = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("domain", "store", "activities")
)
RUNNERS: Mapping[str, WorkflowRunner] = {"sandboxed": SANDBOX, "as in production": UnsandboxedWorkflowRunner()}
_NUMBERS = count(1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Temporal's client lives on one loop."""
    return "asyncio"


@asynccontextmanager
async def time_skipping(converter: DataConverter = pydantic_data_converter) -> AsyncIterator[WorkflowEnvironment]:
    """A server where every workflow has its own clock, and only `fast_forward` moves it.

    The SDK calls this experimental; nothing else here knows how it is done.
    """
    settings = {**USUAL_SETTINGS, **TIME_SKIPPING}
    arguments = [word for name, value in settings.items() for word in ("--dynamic-config-value", f"{name}={value}")]
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        data_converter=converter,
        dev_server_existing_path=str(find_program()),
        dev_server_extra_args=arguments,
        dev_server_startup_timeout=timedelta(seconds=60),
        dev_server_log_level="error",
    )
    try:
        yield environment
    finally:
        await environment.shutdown()


@pytest.fixture(scope="session")
async def temporal(anyio_backend: str) -> AsyncIterator[WorkflowEnvironment]:
    """The server of all tests here."""
    async with time_skipping() as environment:
        yield environment


@dataclass
class Clock:
    """The clock of desk and worker, moved together with a workflow's own."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def with_hours(promised: int = 24) -> Bundle:
    """The newborn bundle with limits that need no calendar, so that the tests pass in any year."""
    bundle = newborn()
    items = tuple(item.model_copy(update={"promised_limit": hours(promised)}) for item in bundle.items)
    return bundle.model_copy(update={"items": items})


@dataclass
class House:
    """Desk, store, worker and relay of one test."""

    store: CaseStore
    temporal: WorkflowEnvironment
    settings: WorkerSettings
    gateways: GatewaySettings
    clock: Clock = field(default_factory=Clock)
    city: City = field(default_factory=City)
    runner: WorkflowRunner = SANDBOX
    _worker: Worker | None = None
    _running: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def client(self) -> Client:
        """The client of worker and relay."""
        return self.temporal.client

    async def open(self) -> None:
        """The worker begins to work."""
        steps = CaseSteps(self.store, self.city, self.city, self.gateways, self.clock)
        self._worker = bundle_worker(self.client, steps, self.settings, workflow_runner=self.runner)
        self._running = [asyncio.create_task(self._worker.run())]

    async def close(self) -> None:
        """The worker stops; whatever it had in hand is done by the next one."""
        if self._worker is not None:
            await self._worker.shutdown()
            await asyncio.gather(*self._running)
        self._worker, self._running = None, []

    def file(
        self, form: str | Mapping[str, Any] = "family", *, bundle: Bundle | None = None, key: str = "key"
    ) -> Filed:
        """Hand a form in at the desk."""
        given = example(form) if isinstance(form, str) else form
        return file(self.store, given, key=key, at=self.clock(), bundle=bundle or with_hours())

    def case(self, filed: Filed) -> CaseFile:
        """The case as committed."""
        return self.store.case_file(filed.case_id)

    def types(self, filed: Filed) -> list[str]:
        """What happened, by its stored words."""
        with self.store.database.reading() as connection:
            return [entry.event.type for entry in read(connection, filed.case_id)]

    def handle(self, filed: Filed) -> WorkflowHandle[Any, Any]:
        """The case's workflow."""
        return self.client.get_workflow_handle(workflow_id(filed.case_id))

    async def ended(self, filed: Filed, *, within: float = 20) -> Any:
        """How the workflow ended."""
        await self.until(filed, lambda file: file.over, within=within)
        return await asyncio.wait_for(self.handle(filed).result(), within)

    async def until(self, filed: Filed, condition: Callable[[CaseFile], bool], *, within: float = 15) -> CaseFile:
        """Wait until the case is so."""
        deadline = asyncio.get_running_loop().time() + within
        while not condition(file := await asyncio.to_thread(self.case, filed)):
            if asyncio.get_running_loop().time() > deadline:
                states = {item: live.state.value for item, live in file.items.items()}
                proofs = {proof: live.state.value for proof, live in file.proofs.items()}
                raise AssertionError(f"still waiting at version {file.version}: {states} {proofs}")
            await asyncio.sleep(0.02)
        return file

    async def heard(self, filed: Filed, *, within: float = 15) -> None:
        """Wait until the relay has told everything, and the workflow has had its turn."""
        deadline = asyncio.get_running_loop().time() + within
        while await asyncio.to_thread(self._untold):
            assert asyncio.get_running_loop().time() < deadline, "the relay does not get it told"
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)

    async def later(self, filed: Filed, by: timedelta) -> None:
        """Let time pass for the case, and for everybody's clock."""
        self.clock.ahead += by
        await asyncio.wait_for(self.temporal.fast_forward(self.handle(filed), by), 30)

    async def call_back(self, *cases: Filed) -> None:
        """The departments tell what they owe."""
        numbers: dict[str, UUID] = {case.case_no: case.case_id for case in cases}
        await asyncio.to_thread(self.city.call_back, self.store, numbers, self.clock())

    def _untold(self) -> int:
        with self.store.database.reading() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one())


@asynccontextmanager
async def relaying(house: House) -> AsyncIterator[None]:
    """With a relay that tells the house's workflows what people do."""
    relay = asyncio.create_task(Relay(house.store, house.client, house.settings, house.clock, eager=False).run())
    try:
        yield
    finally:
        relay.cancel()
        await asyncio.wait({relay})


@pytest.fixture
async def house(temporal: WorkflowEnvironment, database_url: str) -> AsyncIterator[House]:
    """An open house, with its relay."""
    database = Database(database_url, pool_size=8, waits_seconds=10)
    settings = WorkerSettings(
        task_queue=f"desk-{next(_NUMBERS)}", relay_polls_seconds=0.2, shutdown_grace_seconds=0, workflow_task_seconds=5
    )
    ours = House(store_on(database), temporal, settings, GatewaySettings(at_once_seconds=0.3))
    async with relaying(ours):
        await ours.open()
        try:
            yield ours
        finally:
            await ours.close()
    database.dispose()
