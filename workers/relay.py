"""告知: tells workflows what was committed without them, in the order of the outbox, until they have heard.

A row is deleted only after Temporal took its news, in the transaction that holds it; so a relay may
die at any instant, and any number of relays may run side by side.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import Connection
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.messages import News
from domain.events import CaseOpened
from store.cases import CaseStore
from store.database import StoreUnavailable
from store.events import read
from store.outbox import CHANNEL, Waiting, put_off, take, told
from workers.settings import WorkerSettings

log: Final = structlog.get_logger("onething.relay")


def workflow_id(case_id: UUID) -> str:
    """The workflow of a case; opaque, so that nothing personal shows in Temporal."""
    return f"case-{case_id}"


class Relay:
    """One relay; `run` goes on until it is cancelled."""

    def __init__(
        self, store: CaseStore, client: Client, settings: WorkerSettings, clock: Callable[[], datetime], *, eager: bool
    ) -> None:
        self._store = store
        self._client = client
        self._settings = settings
        self._clock = clock
        self._eager = eager
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Empty the outbox whenever there is news, and look at it now and then all the same."""
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                self._woken.clear()
                try:
                    while await self.tell_some():
                        pass
                except StoreUnavailable as fault:
                    log.warning("outbox not readable", fault=type(fault).__name__)
                    await asyncio.sleep(self._settings.relay_polls_seconds)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._settings.relay_polls_seconds)
        finally:
            listening.cancel()

    async def tell_some(self) -> int:
        """Tell up to one batch; returns how many rows were told."""
        begun = self._store.database.begin()
        connection = await asyncio.to_thread(begun.__enter__)
        try:
            rows = await asyncio.to_thread(take, connection, self._settings.relay_batch, self._clock())
            done = await self._tell(connection, rows) if rows else 0
        except BaseException as fault:
            # Cancelled or failed: the rows stay for the next relay.
            await asyncio.shield(asyncio.to_thread(begun.__exit__, type(fault), fault, fault.__traceback__))
            raise
        await asyncio.to_thread(begun.__exit__, None, None, None)
        return done

    async def _tell(self, connection: Connection, rows: tuple[Waiting, ...]) -> int:
        news = await asyncio.to_thread(self._read, connection, rows)
        # One case's rows in their order; cases side by side.
        by_case: dict[UUID, list[tuple[Waiting, News]]] = {}
        for row, heard in zip(rows, news, strict=True):
            by_case.setdefault(row.case_id, []).append((row, heard))
        faults = await asyncio.gather(*(self._tell_case(entries) for entries in by_case.values()))
        failed = {row.id: fault for found in faults for row, fault in found}
        await asyncio.to_thread(self._settle, connection, rows, failed)
        return len(rows) - len(failed)

    def _read(self, connection: Connection, rows: tuple[Waiting, ...]) -> list[News]:
        return [
            News(
                case_id=row.case_id,
                events=tuple(
                    entry
                    for entry in read(connection, row.case_id, row.first_version - 1)
                    if entry.version <= row.last_version
                ),
            )
            for row in rows
        ]

    async def _tell_case(self, entries: list[tuple[Waiting, News]]) -> list[tuple[Waiting, str]]:
        for place, (_row, news) in enumerate(entries):
            try:
                await self._deliver(news)
            except RPCError as fault:
                log.warning("workflow not told", case_id=str(news.case_id), fault=fault.status.name)
                return [(later, fault.status.name) for later, _ in entries[place:]]
        return []

    async def _deliver(self, news: News) -> None:
        first = news.events[0].event
        if isinstance(first, CaseOpened):
            with suppress(WorkflowAlreadyStartedError):
                await self._client.start_workflow(
                    first.bundle.workflow_type,
                    news,
                    id=workflow_id(news.case_id),
                    task_queue=self._settings.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    task_timeout=timedelta(seconds=self._settings.workflow_task_seconds),
                    request_eager_start=self._eager,
                )
            return
        try:
            await self._client.get_workflow_handle(workflow_id(news.case_id)).signal("events_happened", news)
        except RPCError as fault:
            # The run has ended: what came later is in the events, and nothing was waiting for it.
            if fault.status is not RPCStatusCode.NOT_FOUND:
                raise

    def _settle(self, connection: Connection, rows: tuple[Waiting, ...], failed: dict[int, str]) -> None:
        told(connection, [row.id for row in rows if row.id not in failed])
        for row in rows:
            if row.id in failed:
                put_off(connection, row, self._clock(), failed[row.id])

    async def _listen(self) -> None:
        """Hear the notices of committing transactions; only a hint, so a lost one costs a second."""
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._store.database.conninfo(), autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._woken.set()
                    async for _ in connection.notifies():
                        self._woken.set()
            except (psycopg.Error, OSError):
                await asyncio.sleep(self._settings.relay_polls_seconds)
