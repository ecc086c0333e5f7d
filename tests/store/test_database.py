"""A connection may die at any moment; what can be done again is done again, the rest is said plainly."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from demo.postgres import EmbeddedPostgres
from store import database as module
from store.database import (
    CannotConnect,
    Collided,
    ConnectionLost,
    Database,
    NoConnectionFree,
    StoreUnavailable,
    again_if_lost,
)
from store.settings import StoreSettings
from tests.conftest import APP_ROLE, TestServer

ADD = text("INSERT INTO units (code, title, division) VALUES (:code, 'T', '999901') ON CONFLICT DO NOTHING")
COUNT = text("SELECT count(*) FROM units")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def small(database_url: str) -> Iterator[Database]:
    ours = Database(database_url, pool_size=1, waits_seconds=0.05)
    yield ours
    ours.dispose()


def cut_all(postgres: TestServer, database_name: str) -> int:
    cut = postgres.administrator.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [database_name]
    )
    return len(cut.fetchall())


def units_in(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(COUNT).scalar_one())


def test_a_transaction_is_kept_whole_or_not_at_all(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(ADD, {"code": "kept"})

    def add_and_fail() -> None:
        with database.begin() as connection:
            connection.execute(ADD, {"code": "lost"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()

    assert units_in(database) == 1


def test_readers_cannot_write_and_see_one_instant(database: Database) -> None:
    with pytest.raises(DBAPIError, match="read-only"), database.reading() as connection:
        connection.execute(ADD, {"code": "a"})

    with database.reading() as reader:
        before = reader.execute(COUNT).scalar_one()
        with database.begin() as writer:
            writer.execute(ADD, {"code": "a"})
        assert reader.execute(COUNT).scalar_one() == before == 0


def test_a_connection_that_was_read_only_writes_again(small: Database) -> None:
    units_in(small)
    with small.begin() as connection:
        assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
        connection.execute(ADD, {"code": "a"})

    assert units_in(small) == 1


def test_times_come_back_in_utc(database: Database) -> None:
    with database.reading() as connection:
        at = connection.execute(text("SELECT '2026-11-02T20:00+08:00'::timestamptz")).scalar_one()

    assert at.utcoffset() == timedelta(0)
    assert at.tzinfo is UTC


def test_connections_that_were_cut_while_idle_are_survived(
    postgres: TestServer, database_name: str, database: Database
) -> None:
    with database.begin(), database.begin(), database.begin():
        pass
    units_in(database)
    assert cut_all(postgres, database_name) >= 1

    assert again_if_lost(lambda: units_in(database)) == 0


def test_a_connection_cut_in_the_middle_is_survived_and_nothing_is_written_twice(
    postgres: TestServer, database_name: str, database: Database
) -> None:
    runs = 0

    def work() -> None:
        nonlocal runs
        runs += 1
        with database.begin() as connection:
            connection.execute(ADD, {"code": "a"})
            if runs == 1:
                cut_all(postgres, database_name)
            connection.execute(ADD, {"code": "b"})

    again_if_lost(work)

    assert runs == 2
    assert units_in(database) == 2


def test_an_answer_lost_after_the_commit_is_survived(
    postgres: TestServer, database_name: str, database: Database
) -> None:
    runs = 0

    def work() -> None:
        nonlocal runs
        runs += 1
        with database.begin() as connection:
            connection.execute(ADD, {"code": "a"})
        if runs == 1:
            raise ConnectionLost("as if the server had committed and died before it could say so")

    again_if_lost(work)

    assert runs == 2
    assert units_in(database) == 1


def test_a_connection_lost_at_the_commit_itself_is_named(
    postgres: TestServer, database_name: str, database: Database
) -> None:
    def cut_before_the_commit() -> None:
        with database.begin() as connection:
            connection.execute(ADD, {"code": "a"})
            cut_all(postgres, database_name)

    with pytest.raises(ConnectionLost):
        cut_before_the_commit()


def test_all_connections_cut_at_once_under_work_are_survived(
    postgres: TestServer, database_name: str, database: Database
) -> None:
    all_at_work, stop = threading.Barrier(5), threading.Event()
    faults: list[BaseException] = []
    answers: list[int] = []

    def work() -> None:
        try:
            answers.append(units_in(database))
            all_at_work.wait(30)
            while not stop.is_set():
                answers.append(again_if_lost(lambda: units_in(database), attempts=10))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    all_at_work.wait(30)
    cut = [cut_all(postgres, database_name) for _ in range(10)]
    stop.set()
    for thread in threads:
        thread.join()

    assert faults == []
    assert cut[0] > 0
    assert set(answers) == {0}


def test_a_server_that_crashed_and_recovers_is_waited_for(tmp_path: Path) -> None:
    """The one test that needs a server of its own: SIGKILL, and the work goes on when it is back."""
    with EmbeddedPostgres(tmp_path / "crashing", fsync=False) as server:
        database = Database(server.url)
        select_one = text("SELECT 1")

        def ask() -> int:
            with database.reading() as connection:
                return int(connection.execute(select_one).scalar_one())

        assert ask() == 1
        server.kill()
        # The process that served us notices a moment later that its server is gone, and answers until then.
        until = time.monotonic() + 30

        def ask_until_it_is_gone() -> None:
            while time.monotonic() < until:
                ask()

        with pytest.raises(StoreUnavailable):
            ask_until_it_is_gone()
        server.start()

        assert again_if_lost(ask) == 1
        database.dispose()


def test_patience_has_an_end() -> None:
    runs = 0

    def work() -> None:
        nonlocal runs
        runs += 1
        raise ConnectionLost("gone")

    with pytest.raises(ConnectionLost):
        again_if_lost(work, attempts=3)

    assert runs == 3


def test_what_is_not_the_connections_fault_is_not_tried_again(database: Database) -> None:
    runs = 0

    def work() -> None:
        nonlocal runs
        runs += 1
        with database.begin() as connection:
            connection.execute(text("SELECT no_such_column FROM units"))

    with pytest.raises(ProgrammingError):
        again_if_lost(work)

    assert runs == 1


def test_a_busy_pool_says_so_and_is_not_asked_again(small: Database) -> None:
    runs = 0

    def work() -> None:
        nonlocal runs
        runs += 1
        with small.begin():
            pass

    with small.begin(), pytest.raises(NoConnectionFree):
        again_if_lost(work)

    assert runs == 1


def test_nobody_answers() -> None:
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")

    with pytest.raises(CannotConnect), nowhere.begin():
        pass


def test_a_database_that_takes_no_connections_is_unavailable(
    postgres: TestServer, database_name: str, database: Database
) -> None:
    closed = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 0").format(sql.Identifier(database_name))
    postgres.administrator.execute(closed)

    with pytest.raises(StoreUnavailable), database.begin():
        pass


def test_a_deadlock_ends_with_both_works_done(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(ADD, {"code": "a"})
        connection.execute(ADD, {"code": "b"})
    together = threading.Barrier(2)
    runs: list[str] = []
    touch = text("UPDATE units SET title = title WHERE code = :code")

    def work(first: str, second: str) -> None:
        met = False

        def both() -> None:
            nonlocal met
            runs.append(first)
            with database.begin() as connection:
                connection.execute(touch, {"code": first})
                if not met:
                    met = True
                    together.wait(5)
                connection.execute(touch, {"code": second})

        again_if_lost(both)

    threads = [threading.Thread(target=work, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(runs) == 3


def test_a_lock_that_is_not_given_up_is_a_collision(database: Database) -> None:
    def lock() -> None:
        with database.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
            connection.execute(text("SELECT 1 FROM units FOR UPDATE"))

    with database.begin() as connection:
        connection.execute(ADD, {"code": "a"})
    with database.begin() as holder:
        holder.execute(text("SELECT 1 FROM units FOR UPDATE"))

        with pytest.raises(Collided):
            lock()


def test_a_worker_that_freezes_loses_its_locks(database: Database) -> None:
    def freeze() -> None:
        with database.begin() as connection:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20ms'"))
            time.sleep(0.3)
            connection.execute(COUNT)

    with pytest.raises(ConnectionLost):
        freeze()
    with database.reading() as connection:
        limit = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()

    assert limit == f"{module.STANDS_IDLE_SECONDS}s"


def test_the_password_may_come_from_a_file_and_change_there(
    postgres: TestServer, database_name: str, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("wrong")
    settings = StoreSettings(
        database_url=SecretStr(postgres.server.url_of(database_name, user=APP_ROLE, password="")),
        database_password_file=secret,
    )
    ours = Database.from_settings(settings)

    with pytest.raises(CannotConnect) as refusal, ours.begin():
        pass
    secret.write_text(postgres.app_password + "\n")

    assert units_in(ours) == 0
    assert postgres.app_password not in str(refusal.value)
    ours.dispose()


def test_an_error_does_not_show_the_values_of_the_statement(database: Database) -> None:
    with pytest.raises(DBAPIError) as refusal, database.begin() as connection:
        connection.execute(text("SELECT no_such_column, :number"), {"number": "33999920260101123X"})

    assert "33999920260101123X" not in str(refusal.value)
