"""Whom a notice reaches: people with an account and without, or nobody; each look at a number is on record."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog

from activities.notices import LogNotices
from domain.notices import card_id
from domain.scopes import Role
from store.accounts import add_account, add_unit
from store.cases import CaseStore
from store.links import read_link
from store.rosters import apply
from store.undelivered import Undelivered, undelivered
from tests import rosters
from tests.desk import DIVISION, MONDAY, case_file
from tests.domain import telling
from tests.notices import (
    LIMIT,
    MINGYUE,
    PROOF,
    Receiver,
    act,
    answer,
    ask,
    written,
)
from tests.retirees import Retiree
from tests.workers.sending import Attempts, a_life, adapter_of, all_told, at_work, notifier, patient, settings_of, turns
from tests.workers.sending import _closed as _closed
from tests.workers.sending import receiver as receiver
from tests.workers.sending import store as store
from workers.notifier import LINK_WITHOUT_LIMIT, Notifier

pytestmark = pytest.mark.anyio


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
