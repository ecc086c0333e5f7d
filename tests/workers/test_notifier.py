"""What people are told arrives once and in its order, whoever dies or is away in between."""

import asyncio
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import pytest

from activities.faults import NotAccepted
from activities.notices import HttpNotices, Message, NoticeAdapter
from domain.notices import card_id
from store.cases import CaseStore
from store.database import Database, StoreUnavailable
from tests.desk import store_on
from tests.domain import telling
from tests.faults.proxy import DatabaseProxy
from tests.notices import (
    MINGYUE,
    PROOF,
    Receiver,
    act,
    answer,
    ask,
    expire,
    written,
)
from tests.workers.sending import (
    LIFE,
    WITHIN_SECONDS,
    a_life,
    adapter_of,
    all_told,
    at_work,
    by_card,
    each_once,
    notifier,
    settings_of,
)
from tests.workers.sending import _closed as _closed
from tests.workers.sending import receiver as receiver
from tests.workers.sending import store as store
from workers.notifier import Notifier

pytestmark = pytest.mark.anyio


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_two_senders_racing_tell_every_card_in_its_order_and_nothing_twice(
    store: CaseStore, receiver: Receiver
) -> None:
    async with at_work(notifier(store, receiver, notices_at_once=3), notifier(store, receiver, notices_at_once=2)):
        for number in range(1, 9):
            await asyncio.to_thread(a_life, store, number)
        await all_told(store)

    assert list(by_card(receiver).values()) == [LIFE] * 8
    each_once(store, receiver)
    assert {one["calls"] for one in receiver.told()} == {1}


async def test_a_card_that_somebody_has_dealt_with_disappears(store: CaseStore, receiver: Receiver) -> None:
    case_id = await asyncio.to_thread(ask, store)
    async with at_work(notifier(store, receiver)):
        await all_told(store)
        (card,) = receiver.cards("officer-1")
        await asyncio.to_thread(answer, store, case_id)
        await all_told(store)

    assert card["card"] == str(card_id(case_id, PROOF, 1, 1))
    assert receiver.cards() == []


async def test_a_card_that_is_handed_over_moves_to_the_other_desk(store: CaseStore, receiver: Receiver) -> None:
    case_id = await asyncio.to_thread(ask, store)
    handed = act(store, case_id, lambda case: telling.assigns(case, PROOF, "assigned", "officer-2"))
    async with at_work(notifier(store, receiver)):
        await all_told(store)

    assert handed.verifications
    assert receiver.cards("officer-1") == []
    assert len(receiver.cards("officer-2")) == 1


async def test_whoever_let_a_limit_pass_loses_the_card_and_the_superior_hears_of_it(
    store: CaseStore, receiver: Receiver
) -> None:
    case_id = await asyncio.to_thread(ask, store)
    await asyncio.to_thread(expire, store, case_id)
    async with at_work(notifier(store, receiver)):
        await all_told(store)

    told = [(one["action"], one.get("recipients")) for one in receiver.told() if one.get("audience") != "caseworkers"]
    assert told[-2:] == [("withdraw", None), ("passed", [{"account": "chief"}])]
    assert receiver.cards("officer-1") == []


# ── killed, away, poisoned ──────────────────────────────────────────────────────────────────────────────────────────


class CutAfterwards:
    """Sends over HTTP, and breaks the sender's database connections when the receiver has answered."""

    reaches_contacts: ClassVar[bool] = True

    def __init__(self, adapter: NoticeAdapter, proxy: DatabaseProxy, times: int) -> None:
        self._adapter = adapter
        self._proxy = proxy
        self._left = times

    async def _then_cut(self) -> None:
        if self._left:
            self._left -= 1
            await asyncio.to_thread(self._proxy.cut_everything)

    async def show(self, message: Message) -> None:
        await self._adapter.show(message)
        await self._then_cut()

    async def update(self, message: Message) -> None:
        await self._adapter.update(message)
        await self._then_cut()

    async def remind(self, message: Message) -> None:
        await self._adapter.remind(message)
        await self._then_cut()

    async def withdraw(self, message: Message) -> None:
        await self._adapter.withdraw(message)
        await self._then_cut()

    async def passed(self, message: Message) -> None:
        await self._adapter.passed(message)
        await self._then_cut()

    async def close(self) -> None:
        """Whoever made the adapter closes it."""


async def test_a_sender_cut_off_between_telling_and_remembering_tells_again_under_the_same_id(
    store: CaseStore, receiver: Receiver, database_url: str
) -> None:
    for number in range(1, 4):
        await asyncio.to_thread(a_life, store, number)
    with DatabaseProxy(database_url) as proxy:
        behind = Database(proxy.url, pool_size=4, waits_seconds=5)
        adapter = CutAfterwards(adapter_of(settings_of(receiver)), proxy, 5)
        async with at_work(notifier(store_on(behind), receiver, adapter, notices_at_once=1)):
            await all_told(store)
        behind.dispose()

    assert list(by_card(receiver).values()) == [LIFE] * 3
    each_once(store, receiver)
    assert sum(one["calls"] for one in receiver.told()) == 3 * len(LIFE) + 5


class CutsWhenAsked:
    """A clock that breaks the sender's database connections when it is read for the second time: who is told?"""

    def __init__(self, proxy: DatabaseProxy) -> None:
        self._proxy = proxy
        self._read = 0

    def __call__(self) -> datetime:
        self._read += 1
        if self._read == 2:
            self._proxy.cut_everything()
        return datetime.now(UTC)


async def test_a_sender_cut_off_while_it_looks_up_whom_to_tell_goes_on_when_the_database_is_back(
    store: CaseStore, receiver: Receiver, database_url: str
) -> None:
    for number in range(1, 4):
        await asyncio.to_thread(ask, store, number, owner=None)
    with DatabaseProxy(database_url) as proxy:
        behind = Database(proxy.url, pool_size=4, waits_seconds=5)
        settings = settings_of(receiver)
        sender = Notifier(store_on(behind), adapter_of(settings), settings, CutsWhenAsked(proxy))
        with pytest.raises(StoreUnavailable):
            await sender.tell_some()
        assert receiver.told() == []
        async with at_work(sender):
            await all_told(store)
        behind.dispose()

    each_once(store, receiver)
    with store.database.reading() as connection:
        assert [(row.attempts, row.fault) for row in written(connection)] == [(1, None)] * 3


async def test_a_commit_whose_answer_is_lost_is_not_told_again(
    store: CaseStore, receiver: Receiver, database_url: str
) -> None:
    await asyncio.to_thread(a_life, store, 1)
    with DatabaseProxy(database_url) as proxy:
        behind = Database(proxy.url, pool_size=4, waits_seconds=5)
        sender = notifier(store_on(behind), receiver)
        proxy.cut_commits(1)
        with pytest.raises(StoreUnavailable):
            await sender.tell_some()
        async with at_work(sender):
            await all_told(store)
        behind.dispose()

    assert proxy.cuts == 1
    assert {one["calls"] for one in receiver.told()} == {1}
    each_once(store, receiver)


async def test_a_sender_that_is_stopped_again_and_again_loses_and_doubles_nothing(
    store: CaseStore, receiver: Receiver
) -> None:
    for number in range(1, 5):
        await asyncio.to_thread(a_life, store, number)
    for turn in range(12):
        task = asyncio.create_task(notifier(store, receiver, notices_at_once=2).run())
        await asyncio.sleep(0.004 * turn)
        task.cancel()
        await asyncio.wait({task})
    async with at_work(notifier(store, receiver)):
        await all_told(store)

    assert list(by_card(receiver).values()) == [LIFE] * 4
    each_once(store, receiver)


async def test_what_happens_while_the_receiver_is_away_is_told_afterwards_in_order(
    store: CaseStore, receiver: Receiver
) -> None:
    receiver.stop()
    async with at_work(notifier(store, receiver)):
        answered = [await asyncio.to_thread(a_life, store, number) for number in range(1, 4)]
        late = await asyncio.to_thread(ask, store, 4)
        await asyncio.to_thread(expire, store, late)
        await some_attempts(store)
        receiver.start()
        await all_told(store)

    told = by_card(receiver)
    assert [told[str(card_id(case_id, PROOF, 1, 1))] for case_id in answered] == [LIFE] * 3
    assert told[str(card_id(late, PROOF, 1, 1))] == ["show", "withdraw", "passed"]
    each_once(store, receiver)


async def some_attempts(store: CaseStore) -> None:
    """Until every card that waits was tried in vain."""

    def tried() -> bool:
        with store.database.reading() as connection:
            rows = written(connection)
            return {row.card for row in rows} == {row.card for row in rows if row.attempts}

    async with asyncio.timeout(WITHIN_SECONDS):
        while not await asyncio.to_thread(tried):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("fault", ["error_500", "garbage_html", "garbage_200_error", "down"])
async def test_a_receiver_that_answers_rubbish_or_loses_its_answer_has_each_notice_once(
    store: CaseStore, receiver: Receiver, fault: str
) -> None:
    await asyncio.to_thread(a_life, store, 1)
    receiver.fault(fault, times=2, after_effect=True)
    async with at_work(notifier(store, receiver)):
        await all_told(store)

    assert list(by_card(receiver).values()) == [LIFE]
    each_once(store, receiver)
    assert sum(one["calls"] for one in receiver.told()) == len(LIFE) + 2


class Picky(HttpNotices):
    """Does not bring itself to tell of one card."""

    refused: UUID
    never_answers: bool = False

    async def show(self, message: Message) -> None:
        if message.notice.card == self.refused:
            if self.never_answers:
                await asyncio.Event().wait()
            raise NotAccepted("notices", "http_422")
        await super().show(message)


def picky(receiver: Receiver, case_id: UUID) -> Picky:
    adapter = adapter_of(settings_of(receiver))
    assert isinstance(adapter, HttpNotices)
    adapter.__class__ = Picky
    assert isinstance(adapter, Picky)
    adapter.refused = card_id(case_id, PROOF, 1, 1)
    return adapter


async def test_a_notice_that_cannot_be_taken_keeps_no_other_card_waiting(store: CaseStore, receiver: Receiver) -> None:
    poisoned = await asyncio.to_thread(a_life, store, 1)
    async with at_work(notifier(store, receiver, picky(receiver, poisoned), notices_at_once=1)):
        for number in range(2, 5):
            await asyncio.to_thread(a_life, store, number)
        async with asyncio.timeout(WITHIN_SECONDS):
            while await asyncio.to_thread(lambda: list(by_card(receiver).values())) != [LIFE] * 3:
                await asyncio.sleep(0.05)

    with store.database.reading() as connection:
        (first, *later) = [row for row in written(connection) if row.case_id == poisoned]
    assert (first.sent_at, first.fault) == (None, "http_422")
    assert [row.attempts for row in later] == [0, 0, 0]


async def test_a_call_that_never_ends_is_given_up_before_the_database_forgets_the_others(
    store: CaseStore, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.notifier.TOLD_WITHIN_SECONDS", 0.5)
    hanging = await asyncio.to_thread(ask, store, 1)
    await asyncio.to_thread(ask, store, 2)
    adapter = picky(receiver, hanging)
    adapter.never_answers = True

    async with asyncio.timeout(WITHIN_SECONDS):
        assert await notifier(store, receiver, adapter).tell_some() == 1

    with store.database.reading() as connection:
        told = {row.case_id == hanging: (row.sent_at is None, row.fault) for row in written(connection)}
    assert told == {True: (True, "no_answer_in_time"), False: (False, None)}


async def test_a_notice_whose_people_cannot_be_read_keeps_no_other_card_waiting(
    store: CaseStore, receiver: Receiver
) -> None:
    unreadable = await asyncio.to_thread(lambda: ask(store, 1, unit=MINGYUE, owner=None))
    with store.database.begin() as connection:
        connection.exec_driver_sql("UPDATE vault_entries SET sealed = '\\x00' WHERE name = 'roster'")
    await asyncio.to_thread(a_life, store, 2)
    sender = notifier(store, receiver)
    assert [await sender.tell_some() for _ in range(5)] == [1, 1, 1, 1, 0]

    with store.database.reading() as connection:
        faults = {row.case_id: row.fault for row in written(connection) if row.sent_at is None}
    assert list(faults) == [unreadable]
    assert list(by_card(receiver).values()) == [LIFE]


async def test_a_commit_wakes_the_sender_long_before_it_looks_by_itself(store: CaseStore, receiver: Receiver) -> None:
    async with at_work(notifier(store, receiver, notices_poll_seconds=600.0)):
        for number in (1, 2):
            await asyncio.to_thread(ask, store, number)
            await all_told(store)

    assert len(receiver.cards()) == 2


@pytest.mark.parametrize("moments", range(6))
async def test_a_sender_that_is_stopped_in_the_very_moment_of_being_woken_ends(
    store: CaseStore, receiver: Receiver, moments: int
) -> None:
    sender = notifier(store, receiver, notices_poll_seconds=600.0)
    task = asyncio.create_task(sender.run())
    await asyncio.to_thread(ask, store)
    await all_told(store)
    await asyncio.sleep(0.2)
    sender.wake()
    for _ in range(moments):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=WITHIN_SECONDS)

    assert task.cancelled()
