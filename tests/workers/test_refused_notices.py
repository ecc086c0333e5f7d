"""A notice that its receiver refuses for good is given up; one whose receiver is away never is."""

import asyncio

import pytest

from store.cases import CaseStore
from store.notices import REFUSALS_AT_MOST, level
from tests.notices import (
    Receiver,
    answer,
    ask,
    written,
)
from tests.workers.sending import LIFE, a_life, by_card, patient, turns
from tests.workers.sending import _closed as _closed
from tests.workers.sending import receiver as receiver
from tests.workers.sending import store as store

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize("status", [404, 410])
async def test_the_withdrawal_of_a_card_that_was_never_taken_is_told_once(
    store: CaseStore, receiver: Receiver, status: int
) -> None:
    case_id = await asyncio.to_thread(ask, store)
    sender = patient(store, receiver)
    receiver.fault("raw", params={"status": 422}, times=REFUSALS_AT_MOST, after_effect=False)
    assert await turns(sender, REFUSALS_AT_MOST) == 0
    await asyncio.to_thread(answer, store, case_id)
    receiver.fault("raw", params={"status": status}, times=1, after_effect=False)

    assert await turns(sender, 1) == 1, "what is not there has disappeared"
    with store.database.reading() as connection:
        _, withdraw = written(connection)
        assert level(connection).rows == 0
    assert (withdraw.attempts, withdraw.fault, withdraw.refused_at) == (1, None, None)
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
