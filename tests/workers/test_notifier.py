"""What people are told arrives once and in its order, whoever dies or is away in between."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
import structlog

from activities.faults import NotAccepted
from activities.notices import HttpNotices, LogNotices, Message, NoticeAdapter, notice_adapter
from activities.settings import NoticeSettings
from domain.notices import card_id
from domain.scopes import Role
from store.accounts import add_account, add_unit
from store.cases import CaseStore
from store.database import Database, StoreUnavailable
from store.links import read_link
from store.notices import REFUSALS_AT_MOST, level
from store.rosters import apply
from store.undelivered import Undelivered, undelivered
from tests import rosters
from tests.desk import DIVISION, MONDAY, case_file, store_on
from tests.domain import telling
from tests.faults.proxy import DatabaseProxy
from tests.notices import (
    ATTEMPT,
    LIMIT,
    MINGYUE,
    PROOF,
    Receiver,
    act,
    answer,
    ask,
    expire,
    provide_desks,
    receiving,
    remind,
    written,
)
from tests.retirees import Retiree
from workers.notifier import LINK_WITHOUT_LIMIT, Notifier

pytestmark = pytest.mark.anyio

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


# ── refused for good ────────────────────────────────────────────────────────────────────────────────────────────────


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


async def test_what_the_receiver_refuses_is_given_up_and_the_withdrawal_is_told_all_the_same(
    store: CaseStore, receiver: Receiver
) -> None:
    case_id = await asyncio.to_thread(ask, store)
    sender = patient(store, receiver)
    receiver.fault("raw", params={"status": 422}, times=REFUSALS_AT_MOST, after_effect=False)
    assert await turns(sender, REFUSALS_AT_MOST + 3) == 0, "after the last refusal it is not told any more"
    await asyncio.to_thread(answer, store, case_id)

    assert await turns(sender, 2) == 1
    assert [one["action"] for one in receiver.told()] == ["withdraw"]
    with store.database.reading() as connection:
        show, withdraw = written(connection)
        assert level(connection).rows == 0
    assert (show.attempts, show.fault, show.sent_at, show.reached) == (REFUSALS_AT_MOST, "http_422", None, None)
    assert show.refused_at is not None
    assert withdraw.sent_at is not None


@pytest.mark.parametrize("fault", ["error_503", "down", "garbage_html"])
async def test_a_receiver_that_is_away_for_long_is_never_given_up(
    store: CaseStore, receiver: Receiver, fault: str
) -> None:
    await asyncio.to_thread(a_life, store, 1)
    sender = patient(store, receiver)
    receiver.fault(fault)
    assert await turns(sender, 4 * REFUSALS_AT_MOST) == 0

    receiver.heal()
    assert await turns(sender, len(LIFE)) == len(LIFE)
    assert list(by_card(receiver).values()) == [LIFE]


async def test_a_receivers_door_that_is_shut_refuses_no_notice(store: CaseStore, receiver: Receiver) -> None:
    await asyncio.to_thread(a_life, store, 1)
    for status in (401, 404, 429):
        receiver.fault("raw", params={"status": status}, times=REFUSALS_AT_MOST, after_effect=False)
    assert await turns(patient(store, receiver), 3 * REFUSALS_AT_MOST + len(LIFE)) == len(LIFE)


def reached(store: CaseStore) -> list[tuple[str, bool]]:
    """Every notice that was sent, and whether anybody heard of it for whom it was meant."""
    with store.database.reading() as connection:
        return [(row.action, row.reached) for row in written(connection)]


async def test_a_notice_that_nobody_could_be_told_of_is_kept_as_such(store: CaseStore, receiver: Receiver) -> None:
    with store.database.begin() as connection:
        add_unit(connection, "empty", title="无人值守", division=DIVISION)
    empty = await asyncio.to_thread(lambda: ask(store, 1, unit="empty", owner=None))
    await asyncio.to_thread(answer, store, empty)
    await turns(patient(store, receiver), 2)
    assert reached(store) == [("show", False), ("withdraw", True)]

    await asyncio.to_thread(lambda: ask(store, 2, unit=MINGYUE, owner=None))
    await asyncio.to_thread(ask, store, 3)
    await turns(patient(store, receiver), 1)
    assert reached(store)[2:] == [("show", True)] * 2


async def test_a_contact_without_a_phone_is_nobody_to_tell(store: CaseStore, receiver: Receiver) -> None:
    read = rosters.file(rosters.SECRETARY)
    silent = replace(read, lines=tuple((row, line.model_copy(update={"phones": ()})) for row, line in read.lines))
    with store.database.begin() as connection:
        apply(connection, store.vault, silent, rosters.CENTRE, MONDAY)
    await asyncio.to_thread(lambda: ask(store, unit=MINGYUE, owner=None))
    await turns(patient(store, receiver), 1)

    (card,) = receiver.cards()
    assert card["recipients"] == [{"name": rosters.SECRETARY["name"], "phones": []}]
    assert reached(store) == [("show", False)]


async def test_a_contact_who_was_forgotten_is_nobody_to_tell(store: CaseStore, receiver: Receiver) -> None:
    with store.database.begin() as connection:
        for person in connection.exec_driver_sql("SELECT person FROM roster_lines").scalars().all():
            store.vault.forget(connection, person, MONDAY)
    await asyncio.to_thread(lambda: ask(store, unit=MINGYUE, owner=None))
    await turns(patient(store, receiver), 1)

    assert reached(store) == [("show", False)]


async def test_a_log_brings_an_officer_to_the_inbox_and_a_community_without_accounts_to_nothing(
    store: CaseStore, receiver: Receiver
) -> None:
    await asyncio.to_thread(ask, store, 1)
    await asyncio.to_thread(lambda: ask(store, 2, unit=MINGYUE, owner=None))
    await Notifier(store, LogNotices(), settings_of(receiver), Attempts()).tell_some()

    assert reached(store) == [("show", True), ("show", False)]


@pytest.mark.parametrize("brought", [True, False], ids=["with a phone", "without a phone"])
async def test_a_form_has_reached_the_person_only_by_their_link(
    store: CaseStore, receiver: Receiver, brought: bool
) -> None:
    desk = telling.BIRTH_DESK
    with store.database.begin() as connection:
        add_unit(connection, desk.unit, title="社保中心", division=DIVISION)
        add_account(connection, "clerk", unit=desk.unit, role=Role.PENSION_OFFICER)
    number: dict[str, Any] = {} if brought else {"phone": None}
    retiree = await asyncio.to_thread(lambda: Retiree(store, by=desk, **number).sent_out())
    await turns(patient(store, receiver), 3)

    (card,) = (one for one in receiver.cards() if one["card"] == str(retiree.question))
    assert {"account": "clerk"} in card["recipients"], "the desk has a card, whether the person has a link or not"
    with store.database.reading() as connection:
        found = undelivered(connection, [retiree.question])
    assert found == ({} if brought else {retiree.question: Undelivered(None)})


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


# ── people without an account ───────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_has_no_account_is_sent_a_link_to_the_question_for_as_long_as_it_is_open(
    store: CaseStore, receiver: Receiver
) -> None:
    case_id = await asyncio.to_thread(lambda: ask(store, unit=MINGYUE, owner=None))
    async with at_work(notifier(store, receiver, notices_link_url="https://onething.test/v/")):
        await all_told(store)

    (card,) = receiver.cards()
    assert card["recipients"] == [{"name": "尉迟㛃", "phones": ["15498000001", "15497000001"]}]
    address, _, token = card["link"].rpartition("/")
    assert address == "https://onething.test/v"
    (asked,) = case_file(store, case_id).verifications.values()
    assert asked.due is not None
    assert read_link(store.vault, token, asked.due) == card_id(case_id, PROOF, 1, 1)
    with pytest.raises(Exception, match="not valid"):
        read_link(store.vault, token, asked.due + timedelta(seconds=1))


async def test_while_the_clock_stands_still_the_link_holds_for_some_days(store: CaseStore, receiver: Receiver) -> None:
    case_id = await asyncio.to_thread(lambda: ask(store, unit=MINGYUE, owner=None))
    act(store, case_id, lambda case: telling.suspends(case, PROOF, at=MONDAY + LIMIT / 2))
    settings = settings_of(receiver)
    sender = Notifier(store, adapter_of(settings), settings, lambda: MONDAY)
    while await sender.tell_some():
        pass

    (card,) = receiver.cards()
    assert (card["action"], card["due"]) == ("update", None)
    token = card["link"].rpartition("/")[2]
    assert read_link(store.vault, token, MONDAY + LINK_WITHOUT_LIMIT) == card_id(case_id, PROOF, 1, 1)


async def test_whoever_retires_is_sent_the_link_to_their_form_and_the_look_at_their_number_is_on_record(
    store: CaseStore, receiver: Receiver
) -> None:
    retiree = await asyncio.to_thread(lambda: Retiree(store, by=telling.BIRTH_DESK).sent_out())
    receiver.fault("error_500", times=1)
    async with at_work(notifier(store, receiver)):
        await all_told(store)

    (card,) = (one for one in receiver.cards() if one["card"] == str(retiree.question))
    assert {"name": retiree.worker.name, "phones": [retiree.worker.phone]} in card["recipients"]
    token = card["link"].rpartition("/")[2]
    assert read_link(store.vault, token, retiree.due) == retiree.question
    with store.database.reading() as connection:
        looked = connection.exec_driver_sql("SELECT about, recipient FROM access_log WHERE action = 'notify'").all()
    assert [tuple(row) for row in looked] == [(["retiree.name", "retiree.phone"], "notices")], (
        "once, however often tried"
    )


async def test_whoever_let_it_pass_is_called_by_the_community_and_the_superior_is_sent_nobodys_number(
    store: CaseStore, receiver: Receiver
) -> None:
    retiree = await asyncio.to_thread(lambda: Retiree(store, by=telling.BIRTH_DESK).sent_out())
    await asyncio.to_thread(retiree.is_silent)
    async with at_work(notifier(store, receiver)):
        await all_told(store)

    (passed,) = (one for one in receiver.told() if one["action"] == "passed")
    assert (passed["link"], [one for one in passed["recipients"] if "phones" in one]) == (None, [])


async def test_whoever_gave_no_number_is_asked_through_the_desk_alone(store: CaseStore, receiver: Receiver) -> None:
    retiree = await asyncio.to_thread(lambda: Retiree(store, by=telling.BIRTH_DESK, phone=None).sent_out())
    async with at_work(notifier(store, receiver)):
        await all_told(store)

    (card,) = (one for one in receiver.cards() if one["card"] == str(retiree.question))
    assert (card["link"], [one for one in card["recipients"] if "phones" in one]) == (None, [])


async def test_a_log_calls_nobody_so_nobodys_phone_is_looked_up(store: CaseStore, receiver: Receiver) -> None:
    await asyncio.to_thread(lambda: ask(store, unit=MINGYUE, owner=None))
    async with at_work(notifier(store, receiver, LogNotices())):
        await all_told(store)

    with store.database.reading() as connection:
        looked = connection.exec_driver_sql("SELECT count(*) FROM access_log WHERE action = 'notify'").scalar_one()
    assert looked == 0


@pytest.mark.parametrize("adapter", ["log", "http"])
async def test_no_line_of_the_log_holds_a_person_or_a_link(
    store: CaseStore, receiver: Receiver, adapter: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await asyncio.to_thread(lambda: ask(store, 1, unit=MINGYUE, owner=None))
    await asyncio.to_thread(a_life, store, 2)
    receiver.fault("error_500", times=2)
    with structlog.testing.capture_logs() as ours:
        async with at_work(notifier(store, receiver, adapter_of(settings_of(receiver, notices_adapter=adapter)))):
            await all_told(store)

    assert {line["event"] for line in ours} >= {"notice" if adapter == "log" else "notice not taken"}
    lines = f"{ours} {caplog.text}"
    secrets = [rosters.SECRETARY["name"], *rosters.SECRETARY["phones"].split("、"), "/v/"]
    assert [secret for secret in secrets if secret in lines] == []
