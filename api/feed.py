"""News of all cases for those who listen (动态): one look at the database for all listeners of a process.

Only while somebody listens, and several times a second. A listener first reads what it missed by
itself, then joins the others; the cursor of each entry tells what it has heard already.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool

from domain.scopes import Action, Viewer, may
from store.cases import CaseStore
from store.database import StoreUnavailable, again_if_lost
from store.events import FeedEntry, feed, feed_end
from store.read_models.cases import CaseLine, find_cases
from store.read_models.progress import departments_of
from store.read_models.verifications import units_asked

log: Final = structlog.get_logger("onething.feed")

PAGE: Final = 500
HELD_FOR_A_LISTENER: Final = 2_000
"""A listener that is slower than this is let go; it comes back with its last cursor."""
LOOKS_AGAIN_AFTER_TROUBLE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class News:
    """One event, and the case as its readers know it."""

    entry: FeedEntry
    case: CaseLine
    departments: frozenset[str]
    addressed: frozenset[str] = frozenset()
    """The units that were asked something about the case."""

    def concerns(self, viewer: Viewer, action: Action) -> bool:
        """Whether the viewer may hear of it under that action."""
        return may(
            viewer,
            action,
            unit=self.case.unit,
            division=self.case.division,
            departments=self.departments,
            addressed=self.addressed,
        )


class NotACursor(ValueError):
    """The text was never the cursor of an entry."""


def read_cursor(text: str) -> tuple[int, int]:
    """The place that a cursor means; raises NotACursor."""
    transaction, dash, position = text.partition("-")
    if dash and all(part.isascii() and part.isdecimal() and len(part) <= 19 for part in (transaction, position)):
        place = int(transaction), int(position)
        if max(place) < 2**63:
            return place
    raise NotACursor


def page_of_news(store: CaseStore, after: str, limit: int) -> list[News]:
    """The next entries after a cursor ("" from the beginning), each with its case."""
    with store.database.reading() as connection:
        entries = feed(connection, after, limit)
        if not entries:
            return []
        case_ids = list({entry.case_id for entry in entries})
        cases, departments = find_cases(connection, case_ids), departments_of(connection, case_ids)
        addressed = units_asked(connection, case_ids)
    return [
        News(
            entry,
            cases[entry.case_id],
            departments.get(entry.case_id, frozenset()),
            addressed.get(entry.case_id, frozenset()),
        )
        for entry in entries
        if entry.case_id in cases
    ]


@dataclass(eq=False, slots=True)
class _Ear:
    queue: "asyncio.Queue[News | None]" = field(default_factory=lambda: asyncio.Queue(HELD_FOR_A_LISTENER + 1))

    def hear(self, news: News) -> bool:
        if self.queue.qsize() >= HELD_FOR_A_LISTENER:
            return False
        self.queue.put_nowait(news)
        return True

    def end(self) -> None:
        with suppress(asyncio.QueueFull):
            self.queue.put_nowait(None)


class Feed:
    """The feed of one process; lives on its event loop."""

    def __init__(self, store: CaseStore, every_seconds: float) -> None:
        self._store = store
        self._every = every_seconds
        self._ears: set[_Ear] = set()
        self._cursor: str | None = None
        self._looking: asyncio.Task[None] | None = None
        self._begun = asyncio.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def ready(self) -> None:
        """Raises StoreUnavailable where listening would only begin to fail."""
        await run_in_threadpool(self.end)

    async def listen(self, after: str | None, *, silence: float) -> AsyncGenerator[News | None, None]:
        """Entries after a cursor (None: from now), as they come; None after so many seconds of silence.

        Ends when the process stops or the listener is too slow.
        """
        ear = _Ear()
        try:
            await self._begin(ear)
            cursor = after if after is not None else self._cursor or ""
            while not self._closed:
                missed = await run_in_threadpool(page_of_news, self._store, cursor, PAGE)
                for news in missed:
                    cursor = news.entry.cursor
                    yield news
                if len(missed) < PAGE:
                    break
            heard = read_cursor(cursor) if cursor else (0, 0)
            while not self._closed:
                try:
                    async with asyncio.timeout(silence):
                        next_one = await ear.queue.get()
                except TimeoutError:
                    yield None
                    continue
                if next_one is None:
                    return
                place = read_cursor(next_one.entry.cursor)
                if place > heard:
                    heard = place
                    yield next_one
        finally:
            self._ears.discard(ear)

    async def _begin(self, ear: _Ear) -> None:
        """Fix the common place before this listener catches up, so that nothing lies between the two."""
        async with self._begun:
            self._loop = asyncio.get_running_loop()
            if self._looking is None:
                self._cursor = await run_in_threadpool(self.end)
                self._looking = asyncio.create_task(self._look())
            self._ears.add(ear)

    def close_soon(self) -> None:
        """The same as `close`, from a signal handler."""
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self.close)

    def close(self) -> None:
        """Let all listeners go, so that the process can stop."""
        self._closed = True
        for ear in self._ears:
            ear.end()

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._ears)

    async def _look(self) -> None:
        while self._ears and not self._closed:
            await asyncio.sleep(self._every)
            try:
                page = await run_in_threadpool(page_of_news, self._store, self._cursor or "", PAGE)
            except StoreUnavailable as fault:
                log.warning("feed not readable", fault=type(fault).__name__)
                await asyncio.sleep(LOOKS_AGAIN_AFTER_TROUBLE_SECONDS)
                continue
            except Exception as fault:
                # Never silently: the listeners come back, and then hear what the matter is.
                log.error("feed failed", fault=type(fault).__name__)
                for ear in self._ears:
                    ear.end()
                break
            if page:
                self._cursor = page[-1].entry.cursor
                self._tell(page)
        self._looking = None

    def _tell(self, page: Sequence[News]) -> None:
        for ear in tuple(self._ears):
            if not all(ear.hear(news) for news in page):
                self._ears.discard(ear)
                ear.end()

    def end(self) -> str:
        """The place after everything that is visible now."""

        def once() -> str:
            with self._store.database.reading() as connection:
                return feed_end(connection)

        return again_if_lost(once)
