"""The way to Postgres: a pool of connections, transactions, and work that is done again when the line went dead.

A server that restarts cuts every connection of the pool at once, and it may have committed without
being able to say so. Both are survived by asking again, because every command carries its own id:
what was written the first time is found and not written twice. Nothing is pinged beforehand; that
would cost every healthy transaction a round trip to learn what the next statement says anyway.

    StoreUnavailable
    ├── CannotConnect       nobody answers, or the server is starting, stopping or full
    ├── NoConnectionFree    all connections of this process were busy for too long
    ├── ConnectionLost      it broke in the middle; whether a commit arrived is unknown
    └── Collided            deadlock, or a lock not given up in time; nothing was written
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.settings import StoreSettings

T = TypeVar("T")

CONNECTS_WITHIN_SECONDS: Final = 5
STANDS_IDLE_SECONDS: Final = 10
"""A worker that freezes inside a transaction holds a case's lock; after this the server takes it away."""
WAITS_FOR_LOCK_SECONDS: Final = 15
"""Longer than STANDS_IDLE_SECONDS, so that whoever waits behind a frozen worker still gets its turn."""
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0

_SESSION: Final = (
    f"-c timezone=UTC -c idle_in_transaction_session_timeout={STANDS_IDLE_SECONDS}s"
    f" -c lock_timeout={WAITS_FOR_LOCK_SECONDS}s"
)
_COLLISIONS: Final = ("40001", "40P01", "55P03")
_SERVER_IN_TROUBLE: Final = ("53", "57P", "58")
"""Out of disk or memory, shutting down, input or output error: classes of SQLSTATE, by their first letters."""


class StoreUnavailable(Exception):
    """The store cannot serve now; nothing is wrong with the request, and it may be sent again."""


class CannotConnect(StoreUnavailable):
    """Nobody answers, or the server is starting, stopping or full."""


class NoConnectionFree(StoreUnavailable):
    """All connections of this process were busy for longer than a request waits."""


class ConnectionLost(StoreUnavailable):
    """The connection broke in the middle; whether a commit arrived is unknown."""


class Collided(StoreUnavailable):
    """Two transactions stood in each other's way and this one gave up; nothing was written."""


class Database:
    """The connections of one process to one database; threads share it."""

    def __init__(
        self, url: str, *, pool_size: int = 12, waits_seconds: float = 5.0, password_file: Path | None = None
    ) -> None:
        address = make_url(url)
        self._address = address
        self._password_file = password_file
        connect_args: dict[str, Any] = {
            "application_name": "onething",
            "connect_timeout": CONNECTS_WITHIN_SECONDS,
            # A machine that vanished without a word is noticed after a minute, not after two hours.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,
            "options": _SESSION,
        }
        self._engine = create_engine(
            address,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=waits_seconds,
            # The last one back goes out first: few connections stay warm, with their statements prepared.
            pool_use_lifo=True,
            isolation_level="READ COMMITTED",
            connect_args={name: value for name, value in connect_args.items() if name not in address.query},
            # Errors go to logs, and a parameter may be a person's.
            hide_parameters=True,
        )
        # One instant for all the questions of a page; a read-only snapshot never collides with anybody.
        self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._glancer = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        if password_file is not None:
            event.listen(self._engine, "do_connect", _password_from(password_file))

    @classmethod
    def from_settings(cls, settings: StoreSettings) -> Self:
        """The application's database, as the settings name it."""
        return cls(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            waits_seconds=settings.database_waits_seconds,
            password_file=settings.database_password_file,
        )

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back when it raises."""
        with _faults_by_name(), self._connect(self._engine) as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that cannot write and sees one instant throughout."""
        with _faults_by_name(), self._connect(self._reader) as connection, connection.begin():
            yield connection

    def conninfo(self) -> str:
        """The address in libpq's words, password included, for a connection that only listens."""
        address = self._address.set(drivername="postgresql")
        if self._password_file is not None:
            address = address.set(password=self._password_file.read_text("utf-8").strip())
        return address.render_as_string(hide_password=False)

    def dispose(self) -> None:
        """Close the idle connections; busy ones close when they come back."""
        self._engine.dispose()

    @contextmanager
    def glancing(self) -> Iterator[Connection]:
        """For a single statement that reads: without a transaction around it, which would be two more round trips."""
        with _faults_by_name(), self._connect(self._glancer) as connection:
            yield connection

    def _connect(self, engine: Engine) -> Connection:
        try:
            return engine.connect()
        except PoolTimeout:
            raise NoConnectionFree("all connections are busy") from None
        except OperationalError as fault:
            raise CannotConnect(f"cannot connect: {_first_line(fault)}") from fault


def again_if_lost(work: Callable[[], T], *, attempts: int = 3) -> T:
    """Do the work, again when the store went away in the middle; it must be the same however often it is done.

    The whole work is repeated, its transaction included. A busy pool is not asked again: whoever
    waits longer only makes the queue longer.
    """
    for attempt in range(1, attempts):
        try:
            return work()
        except NoConnectionFree:
            raise
        except StoreUnavailable:
            # Not all at the same moment: a server that comes back would be overrun, two rivals meet again.
            time.sleep(min(FIRST_PAUSE_SECONDS * 4 ** (attempt - 1), LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1))
    return work()


@contextmanager
def _faults_by_name() -> Iterator[None]:
    try:
        yield
    except DBAPIError as fault:
        sqlstate = fault.orig.sqlstate if isinstance(fault.orig, psycopg.Error) else None
        if fault.connection_invalidated:
            raise ConnectionLost(f"the connection was lost: {_first_line(fault)}") from fault
        if sqlstate in _COLLISIONS:
            raise Collided(_first_line(fault)) from fault
        if sqlstate is not None and sqlstate.startswith(_SERVER_IN_TROUBLE):
            raise StoreUnavailable(_first_line(fault)) from fault
        raise


def _first_line(fault: DBAPIError) -> str:
    return next(iter(str(fault.orig).splitlines()), type(fault.orig).__name__)


def _password_from(file: Path) -> Callable[[Any, Any, list[Any], dict[str, Any]], None]:
    # Read for every new connection, so that a password changed on disk needs no restart.
    def add_password(_dialect: Any, _record: Any, _args: list[Any], parameters: dict[str, Any]) -> None:
        parameters["password"] = file.read_text("utf-8").strip()

    return add_password
