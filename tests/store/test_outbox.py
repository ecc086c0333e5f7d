"""What a workflow has to hear is written with the events, held by one relay at a time, and never lost."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
from sqlalchemy import select

from store.cases import CaseStore
from store.database import Database
from store.outbox import CHANNEL, level, put_off, take, told
from store.tables import outbox
from tests.desk import MONDAY, family, file, register_says, withdraw


def waiting(database: Database) -> list[tuple[int, int, int]]:
    with database.reading() as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.id)).all()
    return [(row.first_version, row.last_version, row.attempts) for row in rows]


def test_what_people_do_is_told_and_what_the_workflow_did_itself_is_not(store: CaseStore) -> None:
    case = file(store)
    opened = waiting(store.database)
    store.handle(case.case_id, [register_says(case.case_id, "mother_identity")], tell_workflow=False)
    assert waiting(store.database) == opened == [(1, case.version, 0)]

    after = withdraw(store, case.case_id)

    assert waiting(store.database) == [(1, case.version, 0), (case.version + 2, after.version, 0)]


def test_whoever_listens_is_woken_by_the_commit(store: CaseStore, superuser_url: str) -> None:
    with psycopg.connect(superuser_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        file(store)
        assert [notice.channel for notice in listener.notifies(timeout=5, stop_after=1)] == [CHANNEL]
        assert list(listener.notifies(timeout=0.1)) == []


def test_two_relays_hold_different_rows(store: CaseStore, other_store: CaseStore) -> None:
    for number in range(6):
        file(store, family(number), key=str(number))

    with store.database.begin() as one, other_store.database.begin() as two:
        first, second = take(one, 4, MONDAY), take(two, 4, MONDAY)
        told(one, [row.id for row in first])

    assert [row.id for row in first] == sorted(row.id for row in first)
    assert len(first) == 4
    assert len(second) == 2
    assert not {row.id for row in first} & {row.id for row in second}
    assert len(waiting(store.database)) == 2, "what the second relay did not tell waits for the next"


def test_many_relays_empty_the_outbox_once(store: CaseStore, other_store: CaseStore) -> None:
    for number in range(30):
        file(store, family(number), key=str(number))
    lock = threading.Lock()
    delivered: list[int] = []

    def relay(process: CaseStore) -> None:
        while True:
            with process.database.begin() as connection:
                rows = take(connection, 3, MONDAY)
                told(connection, [row.id for row in rows])
            if not rows:
                return
            with lock:
                delivered.extend(row.id for row in rows)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(relay, (store, other_store, store, other_store)))

    assert len(delivered) == len(set(delivered)) == 30
    with store.database.reading() as connection:
        assert level(connection).rows == 0


def test_a_row_that_could_not_be_told_waits_longer_each_time_and_for_ever_if_need_be(store: CaseStore) -> None:
    file(store)
    at, pauses = MONDAY, []
    for _ in range(8):
        with store.database.begin() as connection:
            (row,) = take(connection, 10, at)
            put_off(connection, row, at, "UNAVAILABLE " + "x" * 500)
        with store.database.begin() as connection:
            assert take(connection, 10, at) == ()
            again_at = connection.scalars(select(outbox.c.not_before)).one()
            assert again_at is not None
        pauses.append((again_at - at).total_seconds())
        at = again_at

    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    with store.database.reading() as connection:
        found: Sequence[str | None] = connection.scalars(select(outbox.c.fault)).all()
        assert [len(fault or "") for fault in found] == [200]


def test_the_level_says_how_much_waits_and_since_when(store: CaseStore) -> None:
    with store.database.reading() as connection:
        assert level(connection).oldest is None
    for number in range(3):
        file(store, family(number), key=str(number), at=MONDAY + timedelta(minutes=number))

    with store.database.reading() as connection:
        now = level(connection)
    assert (now.rows, now.oldest) == (3, MONDAY)
