"""What happened is the record of truth: gapless, in order, and nobody changes it unseen."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.commands import RecordDepartmentAnswer, command_id
from domain.events import write_event
from domain.refusals import CaseMovedOn, NoSuchCase
from store.cases import CaseStore
from store.commands import handle
from store.database import Database
from store.events import Flaw, feed, feed_end, read, read_with, verify
from store.streams import GENESIS, chained
from tests.desk import CASEWORKER, CLERK, MONDAY, case_file, family, file, register_says, store_on, withdraw


@pytest.fixture
def superuser(superuser_url: str) -> Iterator[psycopg.Connection]:
    """Somebody with every right on the database, and with the guard against changes switched off."""
    address = superuser_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ALTER TABLE events DISABLE TRIGGER append_only")
        yield connection


def flaws(database: Database) -> list[Flaw]:
    with database.reading() as connection:
        return list(verify(connection))


def versions(database: Database, case_id: UUID) -> list[int]:
    with database.reading() as connection:
        return [entry.version for entry in read(connection, case_id)]


# ── the chain ───────────────────────────────────────────────────────────────────────────────────────────────────────


def change_a_body(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    superuser.execute(
        "UPDATE events SET body = jsonb_set(body::jsonb, '{by,account}', '\"nobody\"')::json"
        " WHERE case_id = %s AND version = %s",
        (case, at),
    )
    return at


def change_a_time(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    superuser.execute("UPDATE events SET at = at - interval '1 day' WHERE case_id = %s AND version = %s", (case, at))
    return at


def change_a_type(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    superuser.execute("UPDATE events SET type = 'case_forged' WHERE case_id = %s AND version = %s", (case, at))
    return at


def change_the_command(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    superuser.execute("UPDATE events SET command_id = %s WHERE case_id = %s AND version = %s", (uuid4(), case, at))
    return at


def delete_one(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    superuser.execute("DELETE FROM events WHERE case_id = %s AND version = %s", (case, at))
    return at


def insert_one(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    superuser.execute("UPDATE events SET version = -version WHERE case_id = %s AND version > %s", (case, at))
    superuser.execute("UPDATE events SET version = 1 - version WHERE case_id = %s AND version < 0", (case,))
    superuser.execute(
        "INSERT INTO events (case_id, version, command_id, type, schema_version, at, body, hash)"
        " SELECT case_id, version + 1, command_id, type, schema_version, at, body, hash FROM events"
        " WHERE case_id = %s AND version = %s",
        (case, at),
    )
    return at + 1


def swap_two(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    for old, new in ((at, -1), (at + 1, at), (-1, at + 1)):
        superuser.execute("UPDATE events SET version = %s WHERE case_id = %s AND version = %s", (new, case, old))
    return at


def cut_the_tail(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    superuser.execute("DELETE FROM events WHERE case_id = %s AND version >= %s", (case, at))
    return at


def replace_the_whole(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    """The log of another case under this one's name; whoever does that begins with the first event."""
    superuser.execute("DELETE FROM events WHERE case_id = %s", (case,))
    superuser.execute(
        "INSERT INTO events (case_id, version, command_id, type, schema_version, at, body, hash)"
        " SELECT %s, version, command_id, type, schema_version, at, body, hash FROM events"
        " WHERE case_id = (SELECT case_id FROM events WHERE case_id <> %s LIMIT 1)",
        (case, case),
    )
    return 1


def delete_everything(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    superuser.execute("DELETE FROM events WHERE case_id = %s", (case,))
    return 1


def take_away_the_head(superuser: psycopg.Connection, case: UUID, at: int) -> int:
    superuser.execute("DELETE FROM streams WHERE id = %s", (case,))
    return 1


TAMPERINGS = (
    change_a_body,
    change_a_time,
    change_a_type,
    change_the_command,
    delete_one,
    insert_one,
    swap_two,
    cut_the_tail,
    replace_the_whole,
    delete_everything,
    take_away_the_head,
)


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
@pytest.mark.parametrize("at", [2, 5, -2], ids=["early", "middle", "late"])
def test_whoever_tampers_with_the_log_is_found_at_the_first_wrong_event(
    store: CaseStore,
    superuser: psycopg.Connection,
    tamper: Callable[[psycopg.Connection, UUID, int], int],
    at: int,
) -> None:
    case, untouched = (file(store, family(number), key=str(number)) for number in (1, 2))
    last = case_file(store, case.case_id).version
    assert flaws(store.database) == []

    first_wrong = tamper(superuser, case.case_id, at if at > 0 else last + at)

    found = flaws(store.database)
    assert [(flaw.case_id, flaw.version) for flaw in found] == [(case.case_id, first_wrong)]
    assert untouched.case_id != case.case_id


def test_a_long_log_is_verified_across_its_cases(store: CaseStore, superuser: psycopg.Connection) -> None:
    cases = [file(store, family(number), key=str(number)) for number in range(20)]
    for case in cases[::3]:
        change_a_body(superuser, case.case_id, 3)

    assert {(flaw.case_id, flaw.version) for flaw in flaws(store.database)} == {(c.case_id, 3) for c in cases[::3]}


@pytest.mark.parametrize("at", [2, 5, -1], ids=["early", "middle", "last"])
def test_a_forger_who_mends_the_hash_of_what_he_changed_is_found_at_the_next_event(
    store: CaseStore, superuser: psycopg.Connection, at: int
) -> None:
    """Each hash covers the one before it; who mends one has to mend all that follow, and the head of the stream."""
    case = file(store)
    with store.database.reading() as connection:
        entries = read_with(connection, case.case_id, 0, ())
    forged = entries[at if at < 0 else at - 1]
    version = forged.recorded.version
    (before,) = superuser.execute(
        "SELECT hash FROM events WHERE case_id = %s AND version = %s", (case.case_id, version - 1)
    ).fetchone() or (GENESIS,)
    event = forged.recorded.event.model_copy(update={"by": CASEWORKER})
    body = write_event(event)
    parts = (str(case.case_id), str(version), str(forged.command), event.type, str(event.schema_version), body)
    superuser.execute(
        "UPDATE events SET body = %s::json, hash = %s WHERE case_id = %s AND version = %s",
        (body, chained(before, *parts), case.case_id, version),
    )

    (flaw,) = flaws(store.database)

    assert flaw.version == min(version + 1, len(entries))


# ── order under pressure ────────────────────────────────────────────────────────────────────────────────────────────


def test_c7_of_a_thousand_stale_writers_exactly_one_succeeds_per_version(
    store: CaseStore, other_store: CaseStore
) -> None:
    case = file(store)
    start = case_file(store, case.case_id).version
    stores = (store, other_store)
    open_proofs = [proof for proof, live in case_file(store, case.case_id).proofs.items() if live.state == "asked"]
    rounds, writers = 10, 100
    wins: dict[int, list[int]] = {}
    lock = threading.Lock()

    def write(number: int, seen: int) -> None:
        proof = open_proofs[number % len(open_proofs)]
        command = register_says(
            case.case_id, proof, id=command_id(number, seen), expected_version=seen, outcome="unreadable", round=99
        )
        try:
            handled = stores[number % 2].handle(case.case_id, [command], tell_workflow=False)
        except CaseMovedOn:
            return
        with lock:
            wins.setdefault(seen, []).extend(entry.version for entry in handled.events)

    with ThreadPoolExecutor(10) as pool:
        for _ in range(rounds):
            seen = case_file(store, case.case_id).version
            list(pool.map(lambda number, seen=seen: write(number, seen), range(writers)))

    assert len(wins) == rounds
    for seen, written in wins.items():
        assert written == list(range(seen + 1, seen + 1 + len(written))), "two writers won the same version"
    end = start + sum(len(written) for written in wins.values())
    assert versions(store.database, case.case_id) == list(range(1, end + 1))
    assert flaws(store.database) == []


def test_a_late_answer_takes_one_version_and_changes_nothing(store: CaseStore) -> None:
    case = file(store)
    before = case_file(store, case.case_id)

    store.handle(case.case_id, [register_says(case.case_id, "mother_identity", round=7)], tell_workflow=False)

    after = case_file(store, case.case_id)
    assert (after.version, after.late_answers) == (before.version + 1, 1)
    assert after.proofs == before.proofs


def test_a_case_that_does_not_exist_has_no_history(store: CaseStore) -> None:
    with pytest.raises(NoSuchCase):
        withdraw(store, uuid4())
    with pytest.raises(NoSuchCase):
        case_file(store, uuid4())


# ── the feed over all cases ─────────────────────────────────────────────────────────────────────────────────────────


def everything(database: Database, after: str = "", step: int = 7) -> list[tuple[UUID, int]]:
    seen: list[tuple[UUID, int]] = []
    while True:
        with database.reading() as connection:
            page = feed(connection, after, step)
        if not page:
            return seen
        seen += [(entry.case_id, entry.version) for entry in page]
        after = page[-1].cursor


def test_the_feed_tells_every_event_once_and_each_case_in_order(store: CaseStore) -> None:
    cases = [file(store, family(number), key=str(number)) for number in range(5)]
    for case in cases:
        withdraw(store, case.case_id)

    seen = everything(store.database)

    assert len(seen) == len(set(seen)) == sum(len(versions(store.database, case.case_id)) for case in cases)
    for case in cases:
        mine = [version for case_id, version in seen if case_id == case.case_id]
        assert mine == sorted(mine)


def test_the_feed_goes_on_in_order_when_the_numbers_of_transactions_grow_longer(
    store: CaseStore, superuser: psycopg.Connection
) -> None:
    """As text, transaction 1000 would come before 999, and a page that ends there would pass the others over."""
    case = file(store, family(0), key="0")
    withdraw(store, case.case_id)
    all_of_it = [(case.case_id, version) for version in versions(store.database, case.case_id)]
    superuser.execute("UPDATE events SET transaction_id = (100 - %s + version)::text::xid8", (len(all_of_it) // 2,))

    for step in (1, 2, 7, len(all_of_it)):
        assert everything(store.database, step=step) == all_of_it


def test_the_feed_waits_for_a_slow_transaction_rather_than_passing_it_over(
    store: CaseStore, other_store: CaseStore
) -> None:
    """A position is given before the commit: who reads by position would never see the slow one."""
    slow_may_commit, slow_has_written = threading.Event(), threading.Event()
    case = file(store, family(0), key="0")
    fast = file(store, family(1), key="1")
    with store.database.reading() as connection:
        cursor = feed_end(connection)

    def write_slowly() -> None:
        with other_store.database.begin() as connection:
            command = register_says(case.case_id, "mother_identity")
            handle(connection, other_store.vault, other_store.files, case.case_id, [command], tell_workflow=False)
            slow_has_written.set()
            slow_may_commit.wait(10)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(write_slowly)
        assert slow_has_written.wait(10)
        withdraw(store, fast.case_id)
        held_back = everything(store.database, cursor)
        slow_may_commit.set()
        slow.result(10)
    told = everything(store.database, cursor)

    assert held_back == [], "news was told that an older transaction may still come before"
    assert {case_id for case_id, _ in told} == {case.case_id, fast.case_id}
    assert len(told) == len(set(told))


def test_readers_that_follow_the_feed_during_load_miss_nothing(store: CaseStore, other_store: CaseStore) -> None:
    done = threading.Event()
    seen: list[tuple[UUID, int]] = []

    def follow() -> None:
        cursor = ""
        while True:
            last_look = done.is_set()
            with store.database.reading() as connection:
                page = feed(connection, cursor, 50)
            seen.extend((entry.case_id, entry.version) for entry in page)
            cursor = page[-1].cursor if page else cursor
            if last_look and not page:
                return

    with ThreadPoolExecutor(5) as pool:
        following = pool.submit(follow)
        filed = list(pool.map(lambda n: file((store, other_store)[n % 2], family(n), key=str(n)), range(60)))
        done.set()
        following.result(30)

    assert len(seen) == len(set(seen))
    assert set(seen) == {
        (case.case_id, version) for case in filed for version in versions(store.database, case.case_id)
    }


@pytest.mark.parametrize(
    "cursor", ["x", "1", "1-", "-1", "1-2-3", "-1-5", "1 -2", "١-٢", f"{2**64}-0", f"0-{2**63}", "1-2;drop", "9" * 40]
)
def test_a_cursor_that_is_none_is_refused_before_the_database_sees_it(store: CaseStore, cursor: str) -> None:
    with store.database.reading() as connection, pytest.raises(ValueError, match="cursor"):
        feed(connection, cursor, 10)


def test_times_come_back_as_the_same_instant_in_utc(store: CaseStore) -> None:
    case = file(store)
    settled_at = MONDAY + timedelta(microseconds=123_457)
    answer = RecordDepartmentAnswer(
        id=command_id("x"), at=settled_at, by=CLERK, item="birth_certificate", answer="acknowledged", reference="CS1"
    )
    for proof in ("birth_record", "mother_identity", "father_identity"):
        store.handle(case.case_id, [register_says(case.case_id, proof)], tell_workflow=False)
    store.handle(case.case_id, [answer], tell_workflow=False)

    fresh = store_on(store.database)

    assert case_file(fresh, case.case_id) == case_file(store, case.case_id)
    assert case_file(fresh, case.case_id).items["birth_certificate"].since == settled_at
