"""The migrated tables are those the code knows, and what happened cannot be changed, whoever tries."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, insert, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from store import schema
from store.database import CannotConnect, Database
from store.schema import RoleUnfit, SchemaBusy, SchemaStatus, status, upgrade
from store.tables import APPEND_ONLY, Xid8, access_log, case_serial, events, metadata
from tests.conftest import APP_ROLE, MIGRATOR_ROLE, TestServer

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
CASE = UUID("00000000-0000-7000-8000-000000000001")

ONE_ROW = {
    "events": insert(events).values(
        case_id=CASE, version=1, command_id=CASE, type="note", schema_version=1, at=NOON, body={}, hash=b""
    ),
    "access_log": insert(access_log).values(
        stream=CASE,
        number=1,
        at=NOON,
        account="a",
        unit="u",
        action="read",
        about=[],
        purpose="p",
        granted=True,
        hash=b"",
    ),
}


@contextmanager
def as_whom(url: str) -> Iterator[Connection]:
    engine: Engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def test_the_schema_and_the_code_describe_the_same_tables(migrator_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ischema_names, "xid8", Xid8)
    with as_whom(migrator_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})

        assert compare_metadata(context, metadata) == []


def test_the_sequence_of_case_numbers_is_as_the_code_knows_it(migrator_url: str) -> None:
    with as_whom(migrator_url) as connection:
        found = connection.execute(text("SELECT sequencename, start_value, max_value, cycle FROM pg_sequences"))
        sequences = {row.sequencename: (row.start_value, row.max_value, row.cycle) for row in found}

    assert sequences[case_serial.name] == (case_serial.start, case_serial.maxvalue, case_serial.cycle)


def test_a_fresh_database_is_brought_to_the_newest_step(postgres: TestServer, empty_database_name: str) -> None:
    url = postgres.migrator_url(empty_database_name)
    before = status(url)

    upgrade(url)

    assert before == SchemaStatus(None, before.head)
    assert not before.up_to_date
    assert status(url).up_to_date


def test_the_application_itself_sees_whether_the_schema_fits(database_url: str) -> None:
    assert status(database_url).up_to_date


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(migrator_url: str, database_url: str) -> None:
    with as_whom(database_url) as connection:
        connection.execute(ONE_ROW["events"])
        connection.commit()

    upgrade(migrator_url)

    with as_whom(database_url) as connection:
        assert connection.execute(text("SELECT count(*) FROM events")).scalar_one() == 1


def test_starts_at_the_same_moment_do_not_collide(postgres: TestServer, empty_database_name: str) -> None:
    url = postgres.migrator_url(empty_database_name)
    faults: list[BaseException] = []
    together = threading.Barrier(4)

    def start() -> None:
        together.wait()
        try:
            upgrade(url)
        except BaseException as fault:
            faults.append(fault)

    starts = [threading.Thread(target=start) for _ in range(4)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join()

    assert faults == []
    assert status(url).up_to_date


def test_an_upgrade_gives_up_when_another_one_never_ends(migrator_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "WAITS_FOR_ANOTHER_UPGRADE_SECONDS", 0.1)
    with as_whom(migrator_url) as other:
        other.execute(text("SELECT pg_advisory_lock(:key)"), {"key": schema._UPGRADE_LOCK})

        with pytest.raises(SchemaBusy):
            upgrade(migrator_url)


def test_nobody_answers() -> None:
    with pytest.raises(CannotConnect):
        status("postgresql+psycopg://nobody@127.0.0.1:1/nothing")


@pytest.mark.parametrize("table", sorted(ONE_ROW))
@pytest.mark.parametrize("change", ["UPDATE {} SET hash = ''", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("who", ["database_url", "migrator_url", "superuser_url"])
def test_what_happened_is_never_changed(request: pytest.FixtureRequest, table: str, change: str, who: str) -> None:
    with as_whom(request.getfixturevalue("database_url")) as connection:
        connection.execute(ONE_ROW[table])
        connection.commit()

    with as_whom(request.getfixturevalue(who)) as connection:
        with pytest.raises(ProgrammingError) as refusal:
            connection.execute(text(change.format(table)))
        connection.rollback()

        assert isinstance(refusal.value.orig, psycopg.errors.InsufficientPrivilege)
        assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1


def test_the_application_adds_to_what_happened_and_works_with_the_rest(migrator_url: str) -> None:
    rights = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    question = text("SELECT has_table_privilege(:role, :table, :right)")
    with as_whom(migrator_url) as connection:
        held = {
            table.name: {
                right
                for right in rights
                if connection.execute(question, {"role": APP_ROLE, "table": table.name, "right": right}).scalar_one()
            }
            for table in metadata.sorted_tables
        }

    assert held == {
        table.name: {"SELECT", "INSERT"} if table in APPEND_ONLY else {"SELECT", "INSERT", "UPDATE", "DELETE"}
        for table in metadata.sorted_tables
    }


def test_the_application_draws_case_numbers_but_makes_no_tables(database: Database) -> None:
    with database.begin() as connection:
        assert connection.execute(text("SELECT nextval('case_serial')")).scalar_one() == 1
    with pytest.raises(ProgrammingError), database.begin() as connection:
        connection.execute(text("CREATE TABLE mine (id integer)"))
    with pytest.raises(ProgrammingError), database.begin() as connection:
        connection.execute(text("SELECT setval('case_serial', 1)"))
    with pytest.raises(ProgrammingError), database.begin() as connection:
        connection.execute(text("ALTER TABLE events DISABLE TRIGGER append_only"))


def test_another_role_is_given_the_same_rights(postgres: TestServer, database_name: str) -> None:
    upgrade(postgres.migrator_url(database_name), app_role="second_app", app_password="of the second")

    with as_whom(postgres.server.url_of(database_name, user="second_app", password="of the second")) as connection:
        connection.execute(ONE_ROW["events"])


def test_the_owner_of_the_tables_is_refused_as_application(migrator_url: str) -> None:
    with pytest.raises(RoleUnfit):
        upgrade(migrator_url, app_role=MIGRATOR_ROLE)


def test_a_superuser_is_refused_as_application(migrator_url: str) -> None:
    with pytest.raises(RoleUnfit):
        upgrade(migrator_url, app_role="postgres")


def test_a_role_that_cannot_be_made_is_named(postgres: TestServer, database_name: str) -> None:
    postgres.administrator.execute("ALTER ROLE onething_migrator NOCREATEROLE")
    try:
        with pytest.raises(RoleUnfit, match="CREATE ROLE missing_app LOGIN"):
            upgrade(postgres.migrator_url(database_name), app_role="missing_app")
    finally:
        postgres.administrator.execute("ALTER ROLE onething_migrator CREATEROLE")
