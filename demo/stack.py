"""The whole house on one machine, from an empty directory to an open counter: started, found again, stopped, erased.

    state/
        postgres/  temporal/  city/     what each of them keeps
        secrets/                        keys and passwords, made once, readable by the owner only
        tokens/                         one file for each account
        logs/                           one file for each process
        ports.json                      the ports of last time, so that bookmarks stay right
        running.json                    only while it runs: where everything is

Whoever starts it holds the directory; the kernel lets go of it when that process ends, however it ends. So a second
start can tell a running stack, which it uses, from the remains of a killed one, which it clears away.

A server that is there already is used instead of our own when `DATABASE_URL` or `TEMPORAL_ADDRESS` names it.
"""

import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Self

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

import demo.postgres
import demo.temporal_server
from demo.accounts import department_account, provide, write_secret
from demo.city.listing import provide_listing
from demo.city.places import DIVISIONS
from demo.city.rosters import provide_rosters
from demo.city.submissions import REFERENCE_PREFIXES
from demo.grants import provide_grants
from demo.postgres import EmbeddedPostgres
from demo.processes import (
    LOOPBACK,
    Child,
    Phase,
    Processes,
    PythonProcess,
    ServiceError,
    ServiceInUse,
    command_line_of,
    free_port,
    hold_directory,
    port_is_taken,
    wait_for_url,
    wait_until,
)
from demo.running import Running, recorded
from demo.temporal_server import TemporalServer
from store.database import Database
from store.keys import KeyRing, read_key, write_key
from store.schema import status, upgrade
from store.vault import Vault

DEFAULT_PORT: Final = 8000
PORTS_TRIED: Final = 50
DATABASE: Final = "onething"
APP_ROLE: Final = "onething_app"
READY_WITHIN_SECONDS: Final = 90.0
"""Long: on a laptop that does other things as well, five Python processes start at the same moment."""
HELD_BY_A_GLANCE_SECONDS: Final = 1.0
"""Whoever looks whether a stack runs holds its directory for an instant; that is no reason to give up."""
STOPS_WITHIN_SECONDS: Final = 15.0

_IRREPLACEABLE: Final = ("vault-keys", "lookup-key", "payload-keys")
_OURS: Final = ("postgres", "temporal", "city", "secrets", "tokens", "logs", "ports.json", "running.json")


def erase(state: Path) -> None:
    """Remove everything a stack has kept in `state`, its cases and its keys; refuses while it runs."""
    state = state.resolve()
    if not state.exists():
        return
    hold = _hold(state, "Stop it before erasing its data.")
    try:
        _end_leftovers(state)
        demo.postgres.erase(state / "postgres")
        demo.temporal_server.erase(state / "temporal")
        # By name: somebody may have chosen a directory in which other things lie as well.
        for name in _OURS:
            if (state / name).is_dir():
                shutil.rmtree(state / name)
            else:
                (state / name).unlink(missing_ok=True)
    finally:
        os.close(hold)


class Stack:
    """PostgreSQL, Temporal, the city and the product's processes on one directory, ours from start to stop.

    Every worker process also relays; `relays` are further processes that do nothing else. Each is started by the
    main thread and dies with it. `fsync=False` is for tests: a power cut may then cost the cluster.
    """

    def __init__(
        self,
        state: Path,
        *,
        port: int | None = None,
        workers: int = 1,
        relays: int = 0,
        apis: int = 1,
        fsync: bool = True,
        temporal_pages: bool = True,
        environment: Mapping[str, str] | None = None,
        worker_module: str = "workers",
    ) -> None:
        """`port=None`: 8000, or the next that is free; 0: any; the second API has the next port, and so on.

        `environment` is added to what the product's processes are told, and wins. `worker_module` is what the
        worker processes run; benchmarks put one in place that has no network to its departments.
        """
        self.state = state.resolve()
        self.wanted_port = port
        self.ports: tuple[int, ...] = ()
        """Of the APIs, once it starts."""
        self.postgres: EmbeddedPostgres | None = None
        self.temporal: TemporalServer | None = None
        self.processes = Processes(self.state / "logs")
        self._counts = {"worker": workers, "relay": relays, "api": apis}
        self._fsync = fsync
        self._temporal_pages = temporal_pages
        self._added_environment = dict(environment or {})
        self._worker_module = worker_module
        self._given_database = os.environ.get("DATABASE_URL", "").strip() or None
        self._given_temporal = demo.temporal_server.attached()
        self._wanted: dict[str, PythonProcess] = {}
        self._city_ports: dict[str, int] = {}
        self._hold: int | None = None
        self._running: Running | None = None

    # ── what is known once it runs ──────────────────────────────────────────────────────────────────────────────

    @property
    def running(self) -> Running:
        """Where everything is; raises when it has not been started."""
        if self._running is None:
            raise ServiceError("The stack was not started.")
        return self._running

    @property
    def api_url(self) -> str:
        """The first API."""
        return self.running.api_urls[0]

    @property
    def superuser_conninfo(self) -> str:
        """The way into the database for the one who may do everything, for psycopg and psql."""
        return _without_driver(self._administrator_url)

    @property
    def moved_from_port(self) -> int | None:
        """The usual port, when it was taken and the next one was used instead."""
        return DEFAULT_PORT if self.wanted_port is None and self.ports[:1] not in {(), (DEFAULT_PORT,)} else None

    # ── start and stop ──────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> Generator[Phase]:
        """Start everything; yields each part with its seconds as it becomes ready. Exhaust it: it does the work.

        Raises ServiceInUse when another process has this directory or the port that was asked for.
        """
        if self._hold is not None:
            raise ServiceInUse("This stack runs already.")
        self.state.mkdir(parents=True, exist_ok=True)
        self._hold = _hold(self.state, "Stop it first, or choose another directory with --state.")
        try:
            yield from self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> Iterator[Phase]:
        # PostgreSQL may run as another user, who must get through to its directory; nobody may look around.
        self.state.chmod(0o711)
        _end_leftovers(self.state)
        (self.state / "running.json").unlink(missing_ok=True)
        (self.state / ".gitignore").write_text("*\n", encoding="ascii")
        self.ports = self._api_ports()
        self._provide_secrets()
        self._choose_city_ports()

        # The platform needs nothing of the others, so its Python starts while the servers do.
        platform, departments = self._city()
        city_began = time.monotonic()
        self._start_processes([platform])
        began = time.monotonic()
        version = self._start_postgres()
        yield Phase(f"PostgreSQL {version}", time.monotonic() - began)
        began = time.monotonic()
        self._migrate()
        self._provide_accounts()
        yield Phase("表结构与账号 schema and accounts", time.monotonic() - began)
        # A worker waits for Temporal by itself; most of its start is reading its own code.
        product_began = time.monotonic()
        self._start_processes([departments, *self._product()])
        began = time.monotonic()
        self._start_temporal()
        yield Phase("Temporal", time.monotonic() - began)
        for wanted in (platform, departments):
            self._wait_for(wanted)
        yield Phase("演示城市 demo city", time.monotonic() - city_began)
        for kind, title in (("worker", "办理进程 worker"), ("relay", "传达进程 relay"), ("api", "接口 API")):
            wanted_ones = [wanted for wanted in self._product() if wanted.name.startswith(kind)]
            for wanted in wanted_ones:
                self._wait_for(wanted)
            if wanted_ones:
                yield Phase(_counted(title, len(wanted_ones)), time.monotonic() - product_began)
        self._announce()

    def stop(self) -> None:
        """Stop everything in order; what was accepted is kept. One that does not end is made to."""
        (self.state / "running.json").unlink(missing_ok=True)
        with ExitStack() as last_to_first:
            last_to_first.callback(self._let_go)
            if self.postgres is not None:
                last_to_first.callback(self.postgres.stop)
            if self.temporal is not None:
                last_to_first.callback(self.temporal.stop)
            last_to_first.callback(self.processes.stop, STOPS_WITHIN_SECONDS)
            # All at once: each may take a moment to finish what it has in hand.
            for name in self.processes.names:
                self.processes.child(name).tell(signal.SIGTERM)

    def must_be_running(self) -> None:
        """Raise `ServiceStopped` with the end of its log for the first part that ended by itself."""
        if self.postgres is not None:
            self.postgres.must_be_running()
        if self.temporal is not None:
            self.temporal.must_be_running()
        self.processes.must_be_running()

    def kill(self, name: str) -> None:
        """SIGKILL to one part: "postgres", "temporal", or a process such as "worker-1" or "departments"."""
        match name:
            case "postgres" if self.postgres is not None:
                self.postgres.kill()
            case "temporal" if self.temporal is not None:
                self.temporal.kill()
            case _:
                self.processes.child(name).kill()

    def start_again(self, name: str, *, wait: bool = True) -> None:
        """Start a part that was killed; the same names as for `kill`."""
        match name:
            case "postgres" if self.postgres is not None:
                self.postgres.start()
            case "temporal" if self.temporal is not None:
                self.temporal.start()
            case _:
                self._start_processes([self._wanted[name]])
                if wait:
                    self._wait_for(self._wanted[name])

    def __enter__(self) -> Self:
        for _ in self.start():
            pass
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ── ports and secrets ───────────────────────────────────────────────────────────────────────────────────────

    def _api_ports(self) -> tuple[int, ...]:
        count = self._counts["api"]
        if self.wanted_port == 0:
            return tuple(_different_free_ports(count))
        if self.wanted_port is not None:
            asked_for = tuple(range(self.wanted_port, self.wanted_port + count))
            for port in asked_for:
                if port_is_taken(port):
                    raise ServiceInUse(
                        f"Port {port} is taken by another program."
                        " Choose another one with --port, or leave --port out to get the next free one."
                    )
            return asked_for
        for first in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
            ports = tuple(range(first, first + count))
            if not any(map(port_is_taken, ports)):
                return ports
        raise ServiceInUse(
            f"No {count} free ports in a row between {DEFAULT_PORT} and {DEFAULT_PORT + PORTS_TRIED}."
            " Choose one with --port."
        )

    def _choose_city_ports(self) -> None:
        """The same as last time where they are still free."""
        file = self.state / "ports.json"
        remembered: dict[str, int] = {}
        with suppress(FileNotFoundError, ValueError):
            remembered = json.loads(file.read_text(encoding="ascii"))
        names = ("platform", "departments", "temporal", "temporal-pages")
        fresh = _different_free_ports(len(names), but_not=self.ports)
        for name, unused in zip(names, fresh, strict=True):
            port = remembered.get(name)
            usable = isinstance(port, int) and port not in self.ports and not port_is_taken(port)
            self._city_ports[name] = port if usable and port is not None else unused
        file.write_text(json.dumps(self._city_ports) + "\n", encoding="ascii")

    def _secret(self, name: str) -> Path:
        return self.state / "secrets" / name

    def _provide_secrets(self) -> None:
        """Made before the first cluster; a key that is missing later is not replaced, for it cannot be."""
        (self.state / "secrets").mkdir(mode=0o700, exist_ok=True)
        makers: dict[str, Callable[[Path], None]] = {
            "vault-keys": lambda file: KeyRing.fresh().write(file),
            "lookup-key": write_key,
            "payload-keys": lambda file: KeyRing.fresh().write(file),
            "app-password": _write_random,
            "gateway-token": _write_random,
            "city-admin-token": _write_random,
        }
        cases_exist = (self.state / "postgres" / "cluster").exists()
        for name, make in makers.items():
            if self._secret(name).exists():
                continue
            if cases_exist and name in _IRREPLACEABLE:
                raise ServiceError(
                    f"{self._secret(name)} is gone, and what it sealed cannot be opened without it."
                    f" Put it back, or start afresh: onething demo --reset --state {self.state}"
                )
            half_made = self._secret(f"{name}.new")
            half_made.unlink(missing_ok=True)
            make(half_made)
            os.replace(half_made, self._secret(name))

    # ── the servers ─────────────────────────────────────────────────────────────────────────────────────────────

    def _start_postgres(self) -> str:
        if self._given_database is not None:
            _refuse_somebody_elses_tables(self._administrator_url)
            return "(DATABASE_URL)"
        self.postgres = EmbeddedPostgres(self.state / "postgres", fsync=self._fsync)
        self.postgres.start()
        with psycopg.connect(self.postgres.conninfo_of("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        return self.postgres.programs.version

    def _start_temporal(self) -> None:
        if self._given_temporal is not None:
            return
        self.temporal = TemporalServer(
            self.state / "temporal",
            port=self._city_ports["temporal"],
            ui_port=self._city_ports["temporal-pages"] if self._temporal_pages else None,
        )
        self.temporal.start()

    @property
    def _administrator_url(self) -> str:
        if self._given_database is not None:
            return make_url(self._given_database).set(drivername="postgresql+psycopg").render_as_string(False)
        assert self.postgres is not None
        return self.postgres.url_of(DATABASE)

    @property
    def _app_url(self) -> str:
        """Without the password, which is in a file: this text is written down and shown."""
        url = make_url(self._administrator_url).set(username=APP_ROLE)
        return url._replace(password=None).render_as_string(hide_password=False)

    def _migrate(self) -> None:
        password = self._secret("app-password").read_text(encoding="ascii").strip()
        upgrade(self._administrator_url, app_role=APP_ROLE, app_password=password)
        app = make_url(self._app_url).set(drivername="postgresql", password=password)
        try:
            psycopg.connect(app.render_as_string(hide_password=False)).close()
        except psycopg.OperationalError:
            # The role is older than the file: a server that was given, or a file that was lost.
            with psycopg.connect(_without_driver(self._administrator_url), autocommit=True) as connection:
                hashed = connection.pgconn.encrypt_password(password.encode(), APP_ROLE.encode(), b"scram-sha-256")
                statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
                connection.execute(statement.format(sql.Identifier(APP_ROLE), sql.Literal(hashed.decode())))

    def _provide_accounts(self) -> None:
        database = Database(self._app_url, pool_size=1, password_file=self._secret("app-password"))
        try:
            with database.begin() as connection:
                provide(connection, self.state / "tokens", datetime.now(UTC))
                provide_grants(connection, datetime.now(UTC))
                provide_listing(connection, datetime.now(UTC))
                vault = Vault(KeyRing.from_file(self._secret("vault-keys")), read_key(self._secret("lookup-key")))
                provide_rosters(connection, vault, datetime.now(UTC))
        finally:
            database.dispose()

    # ── the processes ───────────────────────────────────────────────────────────────────────────────────────────

    def _city(self) -> tuple[PythonProcess, ...]:
        (self.state / "city").mkdir(mode=0o700, exist_ok=True)
        tokens = (
            "--token-file", str(self._secret("gateway-token")),
            "--admin-token-file", str(self._secret("city-admin-token")),
        )  # fmt: skip
        calls_back: tuple[str, ...] = ()
        if self.ports:
            calls_back = (
                "--callback-url", f"http://{LOOPBACK}:{self.ports[0]}/api/v1/callbacks",
                *(
                    word
                    for department in REFERENCE_PREFIXES
                    for word in (
                        "--callback-token-of",
                        f"{department}={self.state / 'tokens' / department_account(department)}",
                    )
                ),
            )  # fmt: skip
        ledger = ("--ledger", str(self.state / "city" / "ledger.sqlite"))
        cards = ("--ledger", str(self.state / "city" / "notices.sqlite"))
        return tuple(
            PythonProcess(
                service,
                "demo.city",
                (service, "--port", str(self._city_ports[service]), *tokens, *more),
                ready_url=f"http://{LOOPBACK}:{self._city_ports[service]}/healthz",
            )
            for service, more in (("platform", cards), ("departments", (*ledger, *calls_back)))
        )

    def _product(self) -> tuple[PythonProcess, ...]:
        told = self.environment
        return (
            *(
                PythonProcess(f"worker-{number}", self._worker_module, environment=told)
                for number in range(1, self._counts["worker"] + 1)
            ),
            *(
                PythonProcess(f"relay-{number}", "workers", ("relay",), environment=told)
                for number in range(1, self._counts["relay"] + 1)
            ),
            *(
                PythonProcess(
                    f"api-{number}",
                    "api",
                    environment={**told, "ONETHING_API_PORT": str(port)},
                    ready_url=f"http://{LOOPBACK}:{port}/healthz",
                )
                for number, port in enumerate(self.ports, 1)
            ),
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings of the product's processes, by their names; secrets are named by their files."""
        temporal = self._given_temporal
        return {
            "ONETHING_DATABASE_URL": self._app_url,
            "ONETHING_DATABASE_PASSWORD_FILE": str(self._secret("app-password")),
            "ONETHING_VAULT_KEYS_FILE": str(self._secret("vault-keys")),
            "ONETHING_LOOKUP_KEY_FILE": str(self._secret("lookup-key")),
            "ONETHING_PAYLOAD_KEYS_FILE": str(self._secret("payload-keys")),
            "ONETHING_TEMPORAL_ADDRESS": temporal.address if temporal else f"{LOOPBACK}:{self._city_ports['temporal']}",
            "ONETHING_TEMPORAL_NAMESPACE": temporal.namespace if temporal else demo.temporal_server.NAMESPACE,
            "ONETHING_SHARED_DATA_URL": f"http://{LOOPBACK}:{self._city_ports['platform']}",
            "ONETHING_DEPARTMENTS_URL": f"http://{LOOPBACK}:{self._city_ports['departments']}",
            "ONETHING_GATEWAY_TOKEN_FILE": str(self._secret("gateway-token")),
            "ONETHING_NOTICES_ADAPTER": "http",
            "ONETHING_NOTICES_URL": f"http://{LOOPBACK}:{self._city_ports['platform']}",
            "ONETHING_NOTICES_TOKEN_FILE": str(self._secret("gateway-token")),
            **({"ONETHING_NOTICES_LINK_URL": f"http://{LOOPBACK}:{self.ports[0]}/v"} if self.ports else {}),
            "ONETHING_SCAN_DISTRICTS": json.dumps([division.code for division in DIVISIONS]),
            "ONETHING_LOG_FORMAT": "json",
            "ONETHING_API_HOST": LOOPBACK,
            # Without a certificate a browser would not send a secure cookie back.
            "ONETHING_SESSION_SECURE_COOKIE": "false",
            **self._added_environment,
        }

    def _start_processes(self, wanted: Sequence[PythonProcess]) -> None:
        """All of them, without waiting for the first before starting the second."""
        for one in wanted:
            self._wanted[one.name] = one
            self.processes.start(replace(one, ready_url=None))

    def _wait_for(self, wanted: PythonProcess) -> None:
        child = self.processes.child(wanted.name)
        if wanted.ready_url is not None:
            wait_for_url(wanted.ready_url, within_seconds=READY_WITHIN_SECONDS, child=child)
            return
        wait_until(
            partial(_says_ready, child),
            what=wanted.name,
            within_seconds=READY_WITHIN_SECONDS,
            child=child,
            every_seconds=0.05,
        )

    def _announce(self) -> None:
        parts = {name: self.processes.child(name).pid for name in self.processes.names}
        if self.temporal is not None:
            parts["temporal"] = self.temporal.pid
        operator = {"ONETHING_MIGRATOR_DATABASE_URL": self._administrator_url}
        if self.postgres is not None:
            parts["postgres"] = self.postgres.pid
            administrator = make_url(self._administrator_url)._replace(password=None)
            operator = {
                "ONETHING_MIGRATOR_DATABASE_URL": administrator.render_as_string(hide_password=False),
                "ONETHING_MIGRATOR_PASSWORD_FILE": str(self.state / "postgres" / "superuser-password"),
            }
        elif self._given_database is not None:
            operator = {}
        self._running = Running(
            pid=os.getpid(),
            started_at=datetime.now(UTC),
            state=self.state,
            api_urls=tuple(f"http://{LOOPBACK}:{port}" for port in self.ports),
            temporal_ui_url=self.temporal.ui_url if self.temporal is not None else None,
            shared_data_url=self.environment["ONETHING_SHARED_DATA_URL"],
            departments_url=self.environment["ONETHING_DEPARTMENTS_URL"],
            environment=self.environment,
            operator_environment=operator,
            processes={name: (pid, command_line_of(pid) or "") for name, pid in parts.items()},
        )
        write_secret(self.state / "running.json", self._running.model_dump_json(indent=2))

    def _let_go(self) -> None:
        self._running = None
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _hold(state: Path, what_to_do: str) -> int:
    until = time.monotonic() + HELD_BY_A_GLANCE_SECONDS
    while True:
        try:
            return hold_directory(state, refusal=f"A stack runs on {state}. {what_to_do}")
        except ServiceInUse:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _end_leftovers(state: Path) -> None:
    """End what a killed owner left behind; where the kernel has done it already there is nothing to end."""
    left = recorded(state)
    for name, (pid, command) in left.processes.items() if left is not None else ():
        # The same words, or the number belongs to somebody else by now. PostgreSQL sees to its own leftover.
        if name != "postgres" and command and command_line_of(pid) == command:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _different_free_ports(count: int, *, but_not: Sequence[int] = ()) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = free_port()
        if port not in found and port not in but_not:
            found.append(port)
    return found


def _write_random(file: Path) -> None:
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(24) + "\n", encoding="ascii")


def _refuse_somebody_elses_tables(url: str) -> None:
    """DATABASE_URL is a common name: it may point at the database of another program."""
    if status(url).current is not None:
        return
    with psycopg.connect(_without_driver(url)) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if found is not None and found[0]:
        raise ServiceError(
            "DATABASE_URL names a database that holds the tables of another program."
            " Name an empty one, or unset DATABASE_URL to let onething start its own PostgreSQL."
        )


def _without_driver(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _says_ready(child: Child) -> bool:
    return '"event": "ready"' in child.log_of_this_run()


def _counted(title: str, count: int) -> str:
    return title if count == 1 else f"{title} ×{count}"
