"""A Temporal server that tests may stop, and a relay between it and the test's own database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from activities.messages import News
from demo.processes import free_port
from demo.temporal_server import TemporalServer
from store.cases import CaseStore, Filed
from store.database import Database, again_if_lost
from tests.desk import MONDAY, store_on
from workers.relay import Relay, workflow_id
from workers.settings import WorkerSettings

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Temporal's client lives on one loop."""
    return "asyncio"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """The server, on a file: what it was told survives a stop."""
    with TemporalServer(tmp_path_factory.mktemp("temporal"), port=free_port()) as ours:
        yield ours


@pytest.fixture(scope="session")
async def client(server: TemporalServer, anyio_backend: str) -> Client:
    """One client, as a relay process has it."""
    return await Client.connect(server.address, namespace=server.namespace, data_converter=pydantic_data_converter)


class Relays:
    """Any number of relays of one test, and what Temporal has heard from them. Nobody works: nothing ends by itself."""

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self._url = url
        self.database = Database(url, pool_size=8, waits_seconds=10)
        self.store = store_on(self.database)
        self._others: list[Database] = []
        self.settings = WorkerSettings(task_queue=f"relayed-{next(_NUMBERS)}", relay_polls_seconds=0.2)

    def relay(self, **settings: Any) -> Relay:
        """Another relay process."""
        database = Database(self._url, pool_size=4, waits_seconds=10)
        self._others.append(database)
        told = self.settings.model_copy(update=settings)
        return Relay(store_on(database), self.client, told, lambda: MONDAY, eager=False)

    @asynccontextmanager
    async def running(self, relay: Relay) -> AsyncIterator[None]:
        """The relay at work."""
        task = asyncio.create_task(relay.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
        assert task.cancelled(), "the relay has ended by itself"

    def untold(self) -> int:
        """Rows of the outbox."""

        def counted() -> int:
            with self.database.reading() as connection:
                return int(connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one())

        return again_if_lost(counted)

    async def all_told(self, within: float = 20) -> None:
        """Wait until the outbox is empty."""
        deadline = asyncio.get_running_loop().time() + within
        while left := await asyncio.to_thread(self.untold):
            assert asyncio.get_running_loop().time() < deadline, f"{left} rows are still untold"
            await asyncio.sleep(0.02)

    async def history(self, filed: Filed) -> WorkflowHistory:
        """What the case's workflow was told."""
        return await self.client.get_workflow_handle(workflow_id(filed.case_id)).fetch_history()

    async def heard(self, filed: Filed) -> set[int]:
        """The versions that the case's workflow was told, at its start and later."""
        found: set[int] = set()
        for event in (await self.history(filed)).events:
            if event.HasField("workflow_execution_started_event_attributes"):
                payloads = event.workflow_execution_started_event_attributes.input.payloads
            elif event.HasField("workflow_execution_signaled_event_attributes"):
                payloads = event.workflow_execution_signaled_event_attributes.input.payloads
            else:
                continue
            (news,) = await self.client.data_converter.decode(payloads, [News])
            found |= {entry.version for entry in news.events}
        return found

    async def started(self, *cases: Filed) -> list[str]:
        """The running workflows of these cases, in the order of their start."""
        found = []
        for case in cases:
            try:
                one = await self.client.get_workflow_handle(workflow_id(case.case_id)).describe()
            except RPCError as fault:
                if fault.status is RPCStatusCode.NOT_FOUND:
                    continue
                raise
            if one.status is WorkflowExecutionStatus.RUNNING:
                found.append((one.start_time, one.id))
        return [name for _, name in sorted(found)]

    def close(self) -> None:
        for database in (self.database, *self._others):
            database.dispose()


@pytest.fixture
async def relays(client: Client, database_url: str) -> AsyncIterator[Relays]:
    """Relays on the test's own database."""
    ours = Relays(client, database_url)
    yield ours
    ours.close()


@pytest.fixture
def store(relays: Relays) -> CaseStore:
    """The desk's store."""
    return relays.store
