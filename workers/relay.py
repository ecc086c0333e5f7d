"""告知: tells workflows what was committed without them, in the order of the outbox, until they have heard.

A row is deleted only after Temporal took its news, in the transaction that holds it; so a relay may
die at any instant, and any number of relays may run side by side.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString, TypeVar
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import Connection
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.messages import News
from domain.events import CaseOpened, Recorded
from store.cases import CaseStore
from store.database import STANDS_IDLE_SECONDS, Database, StoreUnavailable
from store.events import read
from store.outbox import CHANNEL, Untold, Waiting, news_of, put_off, take, told
from workers.settings import WorkerSettings

T = TypeVar("T")

log: Final = structlog.get_logger("onething.relay")

TEMPORAL_ANSWERS_WITHIN_SECONDS: Final = STANDS_IDLE_SECONDS * 0.6
"""For one batch; below what the database lets a transaction stand idle, which would undo what was told."""
AWAY: Final = frozenset(
    status.name
    for status in (
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.NOT_FOUND,
    )
)
"""The server, or its namespace, is away: nothing is wrong with any single row."""


class TemporalAway(Exception):
    """Temporal takes nothing now; everything stays where it is."""


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
        listening = asyncio.create_task(
            listen(self._store.database, CHANNEL, self._woken, self._settings.relay_polls_seconds)
        )
        try:
            while True:
                self._woken.clear()
                try:
                    while await to_its_end(self.tell_some()):
                        pass
                except (StoreUnavailable, TemporalAway) as fault:
                    log.warning("nothing can be told now", fault=str(fault))
                    await asyncio.sleep(self._settings.relay_polls_seconds)
                await woken_or_later(self._woken, self._settings.relay_polls_seconds)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def tell_some(self) -> int:
        """Tell up to one batch; returns how many rows were told. Raises StoreUnavailable, TemporalAway."""
        begun = self._store.database.begin()
        connection = await asyncio.to_thread(begun.__enter__)
        try:
            rows = await asyncio.to_thread(take, connection, self._settings.relay_batch, self._clock())
            count, away = await self._tell(connection, rows) if rows else (0, None)
        except BaseException as fault:
            # The rows stay for the next relay.
            await asyncio.to_thread(begun.__exit__, type(fault), fault, fault.__traceback__)
            raise
        await asyncio.to_thread(begun.__exit__, None, None, None)
        if away:
            raise TemporalAway(away)
        return count

    async def _tell(self, connection: Connection, rows: tuple[Waiting, ...]) -> tuple[int, str | None]:
        news = await asyncio.to_thread(news_of, connection, rows)
        # One case's rows in their order; cases side by side.
        by_case: dict[UUID, list[tuple[Waiting, Untold]]] = {}
        for row in rows:
            if row.id in news:
                by_case.setdefault(row.case_id, []).append((row, news[row.id]))
            else:
                # A restore took the events away behind the outbox: there is nothing left to tell.
                log.error("events are missing", case_id=str(row.case_id), first_version=row.first_version)
        failed: dict[int, str] = {}
        telling = [asyncio.create_task(self._tell_case(entries, failed)) for entries in by_case.values()]
        try:
            if telling:
                await asyncio.wait(telling, timeout=TEMPORAL_ANSWERS_WITHIN_SECONDS)
        finally:
            for task in telling:
                task.cancel()
        await asyncio.gather(*telling, return_exceptions=True)
        await asyncio.to_thread(self._settle, connection, rows, failed)
        return len(rows) - len(failed), next((fault for fault in failed.values() if fault in AWAY), None)

    async def _tell_case(self, entries: list[tuple[Waiting, Untold]], failed: dict[int, str]) -> None:
        """Tell one case's rows; those that could not be told are named in `failed`, also when this is cancelled."""
        failed |= {row.id: RPCStatusCode.DEADLINE_EXCEEDED.name for row, _ in entries}
        for row, news in entries:
            try:
                await self._deliver(row.case_id, news)
            except RPCError as fault:
                self._not_told(entries, failed, fault.status.name)
                return
            except Exception as fault:  # a row that cannot be told at all must not keep the others from being told
                self._not_told(entries, failed, type(fault).__name__)
                return
            del failed[row.id]

    def _not_told(self, entries: list[tuple[Waiting, Untold]], failed: dict[int, str], fault: str) -> None:
        log.warning("workflow not told", case_id=str(entries[0][0].case_id), fault=fault)
        failed |= {row.id: fault for row, _ in entries if row.id in failed}

    async def _deliver(self, case_id: UUID, untold: Untold) -> None:
        news = _as_stored(case_id, untold)
        if untold.workflow_type is not None:
            await self._start(case_id, untold.workflow_type, news)
            return
        try:
            await self._client.get_workflow_handle(workflow_id(case_id)).signal("events_happened", news)
        except RPCError as fault:
            if fault.status is not RPCStatusCode.NOT_FOUND:
                raise
            await self._begin_anew(case_id, news)

    async def _begin_anew(self, case_id: UUID, untold: RawValue) -> None:
        """Nobody heard: the workflow has ended, or its start is still with another relay, or its run was lost.

        In one go it is started with everything from the beginning, unless it has ended, and signalled, should
        somebody have been faster: kept to ourselves, the news would be missing in what begins a moment later.
        """
        events = await asyncio.to_thread(self._all_events, case_id)
        if events and isinstance(opened := events[0].event, CaseOpened):
            news = News(case_id=case_id, events=events)
            await self._start(case_id, opened.bundle.workflow_type, news, signal=untold)

    async def _start(
        self, case_id: UUID, workflow_type: str, news: RawValue | News, *, signal: RawValue | None = None
    ) -> None:
        again = signal is not None
        with suppress(WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                workflow_type,
                news,
                id=workflow_id(case_id),
                task_queue=self._settings.task_queue,
                id_reuse_policy=(
                    WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
                    if again
                    else WorkflowIDReusePolicy.REJECT_DUPLICATE
                ),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                task_timeout=timedelta(seconds=self._settings.workflow_task_seconds),
                start_signal="events_happened" if again else None,
                start_signal_args=[signal] if again else [],
                request_eager_start=self._eager and not again,
            )

    def _all_events(self, case_id: UUID) -> tuple[Recorded, ...]:
        with self._store.database.reading() as connection:
            return read(connection, case_id)

    def _settle(self, connection: Connection, rows: tuple[Waiting, ...], failed: dict[int, str]) -> None:
        told(connection, [row.id for row in rows if row.id not in failed])
        for row in rows:
            # With the server away all rows keep their places: what was accepted first also starts first.
            if failed.get(row.id, "") not in {"", *AWAY}:
                put_off(connection, row, self._clock(), failed[row.id])


async def listen(database: Database, channel: LiteralString, woken: asyncio.Event, again_after_seconds: float) -> None:
    """Hear what committing transactions say on a channel; only a hint, so a lost one costs a second."""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(database.conninfo(), autocommit=True)
            async with connection:
                await connection.execute(f"LISTEN {channel}")
                woken.set()
                async for _ in connection.notifies():
                    woken.set()
        except (psycopg.Error, OSError):
            await asyncio.sleep(again_after_seconds)


async def woken_or_later(woken: asyncio.Event, seconds: float) -> None:
    """Until it is woken, or for so long. Python 3.11's `wait_for` would lose a cancellation that comes with the waking."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Whoever is cancelled finishes the transaction first: threads cannot be stopped, and would keep its connection."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _as_stored(case_id: UUID, untold: Untold) -> RawValue:
    """`News` in the words of the event store; reading it here only to write it again would cost two milliseconds."""
    body = f'{{"case_id":"{case_id}","events":{untold.events}}}'
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=body.encode()))
