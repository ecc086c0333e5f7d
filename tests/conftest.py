"""What tests share: a real PostgreSQL, and for each test that asks a database of its own, migrated already.

One server per test process (pytest-xdist included), started by the first test that needs it. A test's database is a
copy of a template, so that it costs milliseconds and nothing has to be cleaned away.
"""

import gc
import os
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from demo.postgres import EmbeddedPostgres
from store.database import Database
from store.schema import upgrade
from tests.grants import UNITS_THAT_OPEN, grant_everything

APP_ROLE = "onething_app"
MIGRATOR_ROLE = "onething_migrator"
TEMPLATE = "onething_template"


@dataclass(frozen=True)
class TestServer:
    """The server of this test process, and the names and passwords that go with it."""

    __test__ = False

    server: EmbeddedPostgres
    administrator: psycopg.Connection
    app_password: str
    migrator_password: str

    def app_url(self, database: str) -> str:
        """The address for the application's role."""
        return self.server.url_of(database, user=APP_ROLE, password=self.app_password)

    def migrator_url(self, database: str) -> str:
        """The address for the role that owns the schema."""
        return self.server.url_of(database, user=MIGRATOR_ROLE, password=self.migrator_password)

    def superuser_url(self, database: str) -> str:
        """The address for the one who may do everything."""
        return self.server.url_of(database)

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """A new database, owned by the migrator."""
        # Copying files is a third faster than replaying them through the log, as long as nothing is synced.
        self._run("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY", name, MIGRATOR_ROLE, template)

    def drop_database(self, name: str) -> None:
        """Away with it, whoever is still connected."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def grant_every_register(self) -> None:
        """Whoever opens a case in a test may query every register; tests of grants use other units, or take one away."""
        template = Database(self.app_url(TEMPLATE), pool_size=1)
        with template.begin() as connection:
            for unit in UNITS_THAT_OPEN:
                grant_everything(connection, unit)
        # A database that somebody is connected to cannot be copied.
        template.dispose()

    def _run(self, statement: LiteralString, *names: str) -> None:
        self.administrator.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """The server, with the migrator's and the application's roles and the migrated template."""
    settings = {"autovacuum": "off", "deadlock_timeout": "50ms"}
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), fsync=False, settings=settings)
    with server, psycopg.connect(server.conninfo_of("postgres"), autocommit=True) as administrator:
        ours = TestServer(server, administrator, secrets.token_hex(16), secrets.token_hex(16))
        administrator.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                sql.Identifier(MIGRATOR_ROLE), sql.Literal(ours.migrator_password)
            )
        )
        ours.create_database(TEMPLATE)
        upgrade(ours.migrator_url(TEMPLATE), app_role=APP_ROLE, app_password=ours.app_password)
        ours.grant_every_register()
        yield ours


_NUMBERS = count(1)


@pytest.fixture
def database_name(postgres: TestServer) -> Iterator[str]:
    """A fresh, migrated database of this test's own."""
    name = f"test_{next(_NUMBERS)}"
    postgres.create_database(name, template=TEMPLATE)
    yield name
    postgres.drop_database(name)


@pytest.fixture
def empty_database_name(postgres: TestServer) -> Iterator[str]:
    """A fresh database without any table."""
    name = f"empty_{next(_NUMBERS)}"
    postgres.create_database(name)
    yield name
    postgres.drop_database(name)


@pytest.fixture
def database_url(postgres: TestServer, database_name: str) -> str:
    """The fresh database, for the application's role."""
    return postgres.app_url(database_name)


@pytest.fixture
def migrator_url(postgres: TestServer, database_name: str) -> str:
    """The same database, for the role that owns the schema."""
    return postgres.migrator_url(database_name)


@pytest.fixture
def superuser_url(postgres: TestServer, database_name: str) -> str:
    """The same database, for the one who may do everything."""
    return postgres.superuser_url(database_name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same database, as the product uses it."""
    ours = Database(database_url, pool_size=5, waits_seconds=5)
    yield ours
    ours.dispose()


_SESSION = pytest.StashKey[pytest.Session]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep the session: how it ended is known only when it is over."""
    session.config.stash[_SESSION] = session


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of garbage collection, as a worker does: a long pause would fail its workflows."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """After a Temporal client the interpreter's own way out crashes one time in ten (sdk-python #300); leave before."""
    session = config.stash.get(_SESSION, None)
    if session is None or hasattr(config, "workerinput") or "temporalio.bridge.client" not in sys.modules:
        return
    gc.collect()
    time.sleep(0.3)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(session.exitstatus))
