"""A sender of notices, its receiver, and cases whose cards are told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from activities.notices import NoticeAdapter, notice_adapter
from activities.settings import NoticeSettings
from store.cases import CaseStore
from store.database import Database
from store.notices import level
from tests.desk import MONDAY, store_on
from tests.notices import (
    ATTEMPT,
    Receiver,
    answer,
    ask,
    provide_desks,
    receiving,
    remind,
    written,
)
from workers.notifier import Notifier

WITHIN_SECONDS = 30


@pytest.fixture
def store(database_url: str) -> Iterator[CaseStore]:
    database = Database(database_url, pool_size=8, waits_seconds=10)
    store = store_on(database)
    with database.begin() as connection:
        provide_desks(connection, store.vault)
    yield store
    database.dispose()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path) as receiver:
        yield receiver


_OPEN: list[NoticeAdapter] = []


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    while _OPEN:
        await _OPEN.pop().close()


def adapter_of(settings: NoticeSettings) -> NoticeAdapter:
    """The adapter of one process, closed when the test ends."""
    _OPEN.append(notice_adapter(settings))
    return _OPEN[-1]


def settings_of(receiver: Receiver, **more: Any) -> NoticeSettings:
    told: dict[str, Any] = {
        "notices_adapter": "http",
        "notices_url": receiver.url,
        "notices_token_file": receiver.token_file,
        "notices_poll_seconds": 0.1,
        "notices_answer_within_seconds": 2.0,
    }
    return NoticeSettings(**told | more)


def notifier(store: CaseStore, receiver: Receiver, adapter: NoticeAdapter | None = None, **more: Any) -> Notifier:
    """A sender on a real clock, so that what was put off comes back."""
    settings = settings_of(receiver, **more)
    return Notifier(store, adapter or adapter_of(settings), settings, lambda: datetime.now(UTC))


@asynccontextmanager
async def at_work(*senders: Notifier) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(sender.run()) for sender in senders]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks), "a sender has ended by itself"


async def all_told(store: CaseStore) -> None:
    def unsent() -> int:
        with store.database.reading() as connection:
            return level(connection).rows

    async with asyncio.timeout(WITHIN_SECONDS):
        while await asyncio.to_thread(unsent):
            await asyncio.sleep(0.02)


def a_life(store: CaseStore, number: int) -> UUID:
    """Asked, reminded twice, answered: four notices about one card."""
    case_id = ask(store, number)
    remind(store, case_id, 50)
    remind(store, case_id, 80)
    answer(store, case_id)
    return case_id


LIFE = ["show", "remind", "remind", "withdraw"]


def by_card(receiver: Receiver) -> dict[str, list[str]]:
    """The actions about each card, in the order in which they first came."""
    found: dict[str, list[str]] = {}
    for one in receiver.told():
        found.setdefault(one["card"], []).append(one["action"])
    return found


def each_once(store: CaseStore, receiver: Receiver) -> None:
    """Every notice that was written had its effect at the receiver, and had it once."""
    with store.database.reading() as connection:
        expected = sorted(str(row.id) for row in written(connection))
    assert sorted(one["id"] for one in receiver.told()) == expected
    assert {one["effects"] for one in receiver.told()} == {1}


class Attempts:
    """A clock that an attempt moves on, so that whatever was put off is due again."""

    def __init__(self) -> None:
        self.at = MONDAY

    def __call__(self) -> datetime:
        self.at += ATTEMPT
        return self.at


def patient(store: CaseStore, receiver: Receiver) -> Notifier:
    """A sender on that clock."""
    settings = settings_of(receiver)
    return Notifier(store, adapter_of(settings), settings, Attempts())


async def turns(sender: Notifier, many: int) -> int:
    """So many rounds; returns how many notices were taken."""
    return sum([await sender.tell_some() for _ in range(many)])
