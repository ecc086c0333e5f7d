"""What people did is told to the workflow: in order, at least once, whatever breaks in between."""

import asyncio
import random
import time

import psycopg
import pytest

from demo.temporal_server import TemporalServer
from store.cases import CaseStore, Filed
from store.outbox import take
from store.tables import outbox
from tests.desk import CLERK, MONDAY, case_file, family, file, withdraw
from tests.workers.conftest import Relays
from workers.relay import Relay, TemporalAway, workflow_id

pytestmark = pytest.mark.anyio


def file_many(store: CaseStore, many: int) -> list[Filed]:
    return [file(store, family(number), key=str(number)) for number in range(many)]


def all_versions(store: CaseStore, filed: Filed) -> set[int]:
    return set(range(1, case_file(store, filed.case_id).version + 1))


async def test_a_filed_case_has_its_workflow_under_an_opaque_name(relays: Relays, store: CaseStore) -> None:
    filed = file(store)

    assert await relays.relay().tell_some() == 1

    assert await relays.started(filed) == [f"case-{filed.case_id}"]
    assert await relays.heard(filed) == all_versions(store, filed)
    assert filed.case_no not in workflow_id(filed.case_id)
    assert await relays.relay().tell_some() == 0


async def test_what_happens_later_is_signalled(relays: Relays, store: CaseStore) -> None:
    filed = file(store)
    await relays.relay().tell_some()
    withdraw(store, filed.case_id)

    await relays.relay().tell_some()

    assert await relays.heard(filed) == all_versions(store, filed)
    signals = [
        e for e in (await relays.history(filed)).events if e.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert len(signals) == 1


async def test_a_notice_wakes_the_relay_long_before_it_looks_by_itself(relays: Relays, store: CaseStore) -> None:
    async with relays.running(relays.relay(relay_polls_seconds=60.0)):
        await asyncio.sleep(0.5)
        await asyncio.to_thread(file, store)
        await relays.all_told(within=5)


async def test_without_its_notices_the_relay_looks_by_itself(
    relays: Relays, store: CaseStore, superuser_url: str
) -> None:
    def end_the_listening() -> int:
        with psycopg.connect(superuser_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as superuser:
            return superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            ).rowcount

    async with relays.running(relays.relay(relay_polls_seconds=0.3)):
        await asyncio.sleep(0.3)
        for number in range(3):
            assert await asyncio.to_thread(end_the_listening) == 1
            await asyncio.to_thread(file, store, family(number), key=str(number))
            await relays.all_told(within=5)
            await asyncio.sleep(0.5)


async def test_a_relay_whose_database_connections_are_cut_goes_on(
    relays: Relays, store: CaseStore, superuser_url: str
) -> None:
    def cut_all() -> None:
        with psycopg.connect(superuser_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = 'onething_app'"
            )

    filed = []
    async with relays.running(relays.relay()):
        for number in range(10):
            filed.append(await asyncio.to_thread(file, store, family(number), key=str(number)))
            await asyncio.to_thread(cut_all)
        await relays.all_told()

    assert sorted(await relays.started(*filed)) == sorted(workflow_id(one.case_id) for one in filed)


# ── A4: Temporal is away ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a4_applications_filed_while_temporal_is_away_start_once_and_in_order(
    relays: Relays, store: CaseStore, server: TemporalServer
) -> None:
    async with relays.running(relays.relay(relay_batch=16)):
        server.stop()
        filed = await asyncio.to_thread(file_many, store, 200)
        await asyncio.to_thread(withdraw, store, filed[0].case_id)
        await asyncio.sleep(1)
        assert await asyncio.to_thread(relays.untold) == 201, "something was told to nobody"
        server.start()
        await relays.all_told(within=60)

    started = await relays.started(*filed)
    accepted = [workflow_id(one.case_id) for one in filed]
    assert sorted(started) == sorted(accepted)
    moved = [abs(started.index(name) - place) for place, name in enumerate(accepted)]
    assert max(moved) < 16, "a later application overtook more than its own batch"
    assert await relays.heard(filed[0]) == all_versions(store, filed[0])
    histories = [await relays.history(one) for one in filed[::20]]
    for history in histories:
        starts = [e for e in history.events if e.HasField("workflow_execution_started_event_attributes")]
        assert len(starts) == 1


async def test_rows_keep_their_places_while_temporal_is_away(
    relays: Relays, store: CaseStore, server: TemporalServer
) -> None:
    """Put off one by one they would be told in any order, and the last filed first."""
    relay = relays.relay()
    file_many(store, 3)
    server.stop()
    try:
        began = time.monotonic()
        with pytest.raises(TemporalAway):
            await relay.tell_some()
        took = time.monotonic() - began
    finally:
        server.start()

    assert took < 9, "longer than the database lets a transaction stand idle"
    with relays.database.reading() as connection:
        rows = connection.execute(outbox.select()).all()
    assert {(row.attempts, row.not_before) for row in rows} == {(0, None)}
    async with relays.running(relay):
        await relays.all_told()


# ── several relays ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_two_relays_side_by_side_lose_nothing(relays: Relays, store: CaseStore) -> None:
    """Cases are opened and withdrawn faster than anybody can tell it, and any relay may have any row of a case."""

    def work(number: int) -> Filed:
        filed = file(store, family(number), key=str(number))
        if number % 2:
            withdraw(store, filed.case_id)
        return filed

    one, two = relays.relay(relay_batch=3), relays.relay(relay_batch=2)
    async with relays.running(one), relays.running(two):
        filed = await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(40)))
        await relays.all_told()

    assert len(await relays.started(*filed)) == 40
    for case in filed:
        assert await relays.heard(case) == all_versions(store, case)


async def test_news_that_overtakes_the_start_of_its_case_is_not_lost(relays: Relays, store: CaseStore) -> None:
    """One relay holds the opening; the other finds the withdrawal, and nobody there who could hear it."""
    filed = file(store)
    withdraw(store, filed.case_id)
    with relays.database.begin() as held:
        assert len(take(held, 1, MONDAY)) == 1
        assert await relays.relay().tell_some() == 1
        assert await relays.heard(filed) == all_versions(store, filed)
    assert await asyncio.to_thread(relays.untold) == 1

    assert await relays.relay().tell_some() == 1

    assert await relays.started(filed) == [workflow_id(filed.case_id)]
    assert await relays.heard(filed) == all_versions(store, filed)


async def test_a_relay_that_dies_in_the_middle_leaves_its_rows_to_the_next(relays: Relays, store: CaseStore) -> None:
    filed = file_many(store, 12)
    rng = random.Random(7)

    for _ in range(15):
        relay = relays.relay(relay_batch=4)
        task = asyncio.create_task(relay.run())
        await asyncio.sleep(rng.uniform(0, 0.03))
        task.cancel()
        await asyncio.wait({task})
    async with relays.running(relays.relay()):
        await relays.all_told()

    assert sorted(await relays.started(*filed)) == sorted(workflow_id(one.case_id) for one in filed)
    for case in filed:
        assert await relays.heard(case) == all_versions(store, case)


# ── ended, lost, poisonous ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_case_that_goes_on_has_its_lost_workflow_started_again_with_everything(
    relays: Relays, store: CaseStore
) -> None:
    filed = file(store)
    await relays.relay().tell_some()
    await relays.client.get_workflow_handle(workflow_id(filed.case_id)).terminate("by mistake")
    store.amend(
        filed.case_id,
        {"mother": {"phone": "15499000099"}},
        reason="号码有误",
        by=CLERK,
        at=MONDAY,
        id=filed.case_id,
        seen=filed.version,
    )

    await relays.relay().tell_some()

    assert await relays.started(filed) == [workflow_id(filed.case_id)]
    assert await relays.heard(filed) == all_versions(store, filed)


async def test_telling_a_start_twice_starts_once(relays: Relays, store: CaseStore) -> None:
    filed = file(store)
    with relays.database.begin() as connection:
        row = connection.execute(outbox.select()).one()
    relay = relays.relay()
    await relay.tell_some()
    with relays.database.begin() as connection:
        connection.execute(
            outbox.insert().values(
                case_id=filed.case_id, first_version=1, last_version=row.last_version, created_at=MONDAY
            )
        )

    await relay.tell_some()

    assert await asyncio.to_thread(relays.untold) == 0
    assert await relays.started(filed) == [workflow_id(filed.case_id)]


async def test_a_row_that_cannot_be_told_keeps_nobody_else_from_being_told(
    relays: Relays, store: CaseStore, superuser_url: str
) -> None:
    poisoned = file(store, family(1), key="1")
    relay: Relay = relays.relay()
    await relay.tell_some()
    with psycopg.connect(superuser_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as superuser:
        superuser.execute(
            "INSERT INTO events (case_id, version, command_id, type, schema_version, at, body, hash)"
            " VALUES (%s, 99, %s, 'x', 1, now(), json_build_object('text', repeat('x', 5000000)), '')",
            (poisoned.case_id, poisoned.case_id),
        )
        superuser.execute(
            "INSERT INTO outbox (case_id, first_version, last_version, created_at) VALUES (%s, 99, 99, now())",
            (poisoned.case_id,),
        )
    healthy = file(store, family(2), key="2")

    assert await relay.tell_some() == 1

    assert workflow_id(healthy.case_id) in await relays.started(healthy)
    with relays.database.reading() as connection:
        (row,) = connection.execute(outbox.select()).all()
    assert (row.case_id, row.attempts) == (poisoned.case_id, 1)
    assert row.fault


async def test_a_row_whose_events_a_restore_took_away_is_let_go(relays: Relays, store: CaseStore) -> None:
    filed = file(store)
    with relays.database.begin() as connection:
        connection.execute(
            outbox.insert().values(case_id=filed.case_id, first_version=500, last_version=501, created_at=MONDAY)
        )

    await relays.relay().tell_some()

    assert await asyncio.to_thread(relays.untold) == 0
    assert await relays.started(filed) == [workflow_id(filed.case_id)]
