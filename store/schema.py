"""Brings the tables to what this version of the code needs, and says who may do what with them.

Every start may call `upgrade`: it waits for another start that is at it, finds nothing to do, and
returns. The rights are stated anew each time rather than once in history, so that a new table or
another role has them too. The application may add to what happened, never change or delete it;
therefore it may not be the role that owns the tables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from store.database import CannotConnect
from store.tables import APPEND_ONLY, case_serial, metadata

WAITS_FOR_ANOTHER_UPGRADE_SECONDS: Final = 120
WAITS_FOR_TABLE_SECONDS: Final = 5
"""A change of a table waits behind open transactions, and everybody else waits behind it; better give up soon."""

_UPGRADE_LOCK: Final = 0x6F6E6574
_VERSION_TABLE: Final = "alembic_version"


class SchemaBusy(Exception):
    """Somebody else holds what an upgrade needs; nothing was changed, start it again."""


class RoleUnfit(Exception):
    """The application's role is missing or may do too much; the sentence says what to do."""


@dataclass(frozen=True)
class SchemaStatus:
    """Which step the database is at and which one this code needs; None: it was never set up."""

    current: str | None
    head: str

    @property
    def up_to_date(self) -> bool:
        """Whether this code can run on this database."""
        return self.current == self.head


def upgrade(migrator_url: str, *, app_role: str = "onething_app", app_password: str | None = None) -> None:
    """Run all steps that are missing and state the rights of `app_role`, which is made when there is none.

    The password is used only when the role is made. Raises CannotConnect, SchemaBusy, RoleUnfit.
    """
    with _connection(migrator_url) as connection, _alone(connection):
        _make_role(connection, app_role, app_password)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        with connection.begin():
            _state_rights(connection, app_role)


def status(url: str) -> SchemaStatus:
    """Where the database stands; the application's own role may ask. Raises CannotConnect."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    with _connection(url) as connection:
        return SchemaStatus(MigrationContext.configure(connection).get_current_revision(), head)


def _config() -> Config:
    config = Config()
    # The config file format that we do not use reads % as a reference.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        connection = engine.connect()
    except OperationalError as fault:
        raise CannotConnect(f"cannot connect: {str(fault.orig).strip()}") from fault
    with connection:
        yield connection


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Two starts at once: the second waits, then finds everything done.

    The lock belongs to the session, not to a transaction: a step may have to leave its transaction.
    """
    try:
        _set_lock_timeout(connection, WAITS_FOR_ANOTHER_UPGRADE_SECONDS)
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _UPGRADE_LOCK})
        _set_lock_timeout(connection, WAITS_FOR_TABLE_SECONDS)
        connection.commit()
        yield
    except DBAPIError as fault:
        if isinstance(fault.orig, psycopg.errors.LockNotAvailable):
            raise SchemaBusy("another upgrade, or an open transaction, holds what this upgrade needs") from fault
        raise


def _set_lock_timeout(connection: Connection, seconds: int) -> None:
    connection.execute(text("SELECT set_config('lock_timeout', :value, false)"), {"value": f"{seconds}s"})


def _make_role(connection: Connection, role: str, password: str | None) -> None:
    """Make the role if there is none and we may; refuse one that would be the owner of what it may not change."""
    driver = _driver(connection)
    if not _role_exists(connection, role):
        login = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role))
        if password is not None:
            # Hashed on this side: the statement may end up in the server's log.
            secret = driver.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            login = sql.SQL("{} PASSWORD {}").format(login, sql.Literal(secret))
        try:
            with connection.begin_nested():
                driver.execute(login)
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            pass  # roles belong to the whole server: an upgrade of a neighbouring database was faster
        except psycopg.errors.InsufficientPrivilege:
            raise RoleUnfit(
                f"there is no role {role!r} and this one may not make it; let an administrator run: CREATE ROLE {role} LOGIN"
            ) from None
    owns = text("SELECT pg_has_role(:role, current_user, 'MEMBER')")
    if connection.execute(owns, {"role": role}).scalar_one():
        raise RoleUnfit(
            f"the role {role!r} owns the tables or may do everything, so it could change what happened;"
            " give the application a role of its own"
        )
    connection.commit()


def _role_exists(connection: Connection, role: str) -> bool:
    found = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
    return found.first() is not None


def _state_rights(connection: Connection, role: str) -> None:
    """In one transaction: a running application never sees the moment between taking and giving."""
    driver = _driver(connection)
    to = sql.Identifier(role)
    append_only = [table.name for table in APPEND_ONLY]
    others = [table.name for table in metadata.sorted_tables if table.name not in append_only]
    driver.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(to))
    driver.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(to))
    for grant, names in (
        (sql.SQL("GRANT SELECT, INSERT ON {} TO {}"), append_only),
        (sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}"), others),
        (sql.SQL("GRANT SELECT ON {} TO {}"), [_VERSION_TABLE]),
    ):
        driver.execute(grant.format(sql.SQL(", ").join(map(sql.Identifier, names)), to))
    driver.execute(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sql.Identifier(case_serial.name), to))


def _driver(connection: Connection) -> "psycopg.Connection[object]":
    """The psycopg connection below: names of roles cannot be parameters, and psycopg knows how to quote them."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver
