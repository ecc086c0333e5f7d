"""Every process the demonstration starts ends with the demonstration, however it ends.

A person who closes the terminal, or whose machine kills the demo, must not find yesterday's servers still holding
the ports and the files. So each child is a direct child, asks the kernel to be signalled when its owner dies, and
writes to a log file of its own. Logs are files because a pipe that nobody reads blocks the child that fills it.
"""

import errno
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"
OURS_FROM, OURS_TO = 20_000, 32_000
"""Below what any kernel gives to outgoing connections."""
LOG_LINES_SHOWN = 15
LOG_KEPT_BYTES = 20 * 1024 * 1024
_TETHER = Path(__file__).with_name("tether.py")


class ServiceError(Exception):
    """A service of the demonstration is not as we need it; the message says what a person can do.

    ServiceError
    ├── ServiceMissing      no program of that kind on this machine
    ├── ServiceInUse        another process works with the same directory or port
    ├── ServiceStopped      it ended by itself; the end of its log is in the message
    └── ServiceNotReady     it runs, but did not answer in time
    """


class ServiceMissing(ServiceError):
    """No program of that kind on this machine."""


class ServiceInUse(ServiceError):
    """Another process works with the same directory or port."""


class ServiceStopped(ServiceError):
    """The service ended by itself."""


class ServiceNotReady(ServiceError):
    """The service runs, but did not answer in time."""


@dataclass(frozen=True)
class Phase:
    """One step of a start and the seconds it took, for the lines a person reads while waiting."""

    name: str
    seconds: float


class Child:
    """A direct child that dies with us and writes to its own log file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, log_started_at: int) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._log_started_at = log_started_at

    @property
    def pid(self) -> int:
        """The process id; the child keeps it through every exec."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.exit_code is None

    def tell(self, number: signal.Signals) -> None:
        """Send a signal; silent when the child has already ended."""
        if self.is_running:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after `seconds`."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, grace_seconds: float = 10.0, *, gently: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to end, insist after `grace_seconds`; returns the seconds it took."""
        began = time.monotonic()
        self.tell(gently)
        if not self.wait(grace_seconds):
            self.kill()
        return time.monotonic() - began

    def kill(self) -> float:
        """End it without a word, as a power cut would; returns the seconds until it was gone."""
        began = time.monotonic()
        self.tell(signal.SIGKILL)
        self._process.wait()
        return time.monotonic() - began

    def log_of_this_run(self) -> str:
        """What it has written since it was started; earlier runs share the file."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_started_at)
            return log.read().decode("utf-8", "replace")

    def must_be_running(self) -> None:
        """Raise `ServiceStopped` with the end of the log when it has ended."""
        if self.is_running:
            return
        last_lines = "\n".join(self.log_of_this_run().splitlines()[-LOG_LINES_SHOWN:]) or "(it wrote nothing)"
        raise ServiceStopped(
            f"{self.name} ended by itself (exit code {self.exit_code}). Its log, {self.log}, ends with:\n{last_lines}"
        )


def start_child(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    working_directory: Path | None = None,
    when_the_owner_dies: signal.Signals = signal.SIGKILL,
) -> Child:
    """Start `command` as a child that receives `when_the_owner_dies` the moment this process is gone.

    The kernel's promise is tied to the thread that starts the child, not to the process: a child started by a worker
    thread would die with that thread. Hence only the main thread may start one.

    The child leads a session of its own, so that Ctrl-C reaches only the demo, which then stops everything in order.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"{name} must be started by the main thread: a child dies with the thread that started it")
    log.parent.mkdir(parents=True, exist_ok=True)
    _keep_log_small(log)
    # -I -S: nothing of the environment and no installed package has a say in these few lines, and they start faster.
    tether = [sys.executable, "-I", "-S", _TETHER, int(when_the_owner_dies), os.getpid()]
    with log.open("ab") as output:
        log_started_at = output.tell()
        process = subprocess.Popen(
            [str(word) for word in (*tether, *command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=working_directory,
            start_new_session=True,
        )
    return Child(name, process, log, log_started_at)


def _keep_log_small(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(log.suffix + ".before"))


@dataclass(frozen=True)
class PythonProcess:
    """A module of ours to be run: `python -m module argument…`, ready when its page answers."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment; these win."""
    ready_url: str | None = None
    """An address that answers with a 2xx once the process is at work; None: it counts as ready at once."""
    ready_within_seconds: float = 30.0


class Processes:
    """The Python processes of the demonstration: started in the order given, stopped in the reverse order.

    A context manager: leaving the block, by whatever way, stops them all.
    """

    def __init__(self, log_directory: Path) -> None:
        self.log_directory = log_directory
        self._children: dict[str, Child] = {}
        self._phases: list[Phase] = []

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Each start with its seconds, in order."""
        return tuple(self._phases)

    @property
    def names(self) -> tuple[str, ...]:
        """The processes that were started and not stopped by us, in the order of their start."""
        return tuple(self._children)

    def child(self, name: str) -> Child:
        """The process of that name; KeyError when none was started."""
        return self._children[name]

    def start(self, wanted: PythonProcess) -> Child:
        """Start one process and wait until it is ready."""
        earlier = self._children.get(wanted.name)
        if earlier is not None and earlier.is_running:
            raise ServiceInUse(f"{wanted.name} already runs with process id {earlier.pid}; stop it first.")
        began = time.monotonic()
        child = start_child(
            wanted.name,
            [sys.executable, "-m", wanted.module, *wanted.arguments],
            log=self.log_directory / f"{wanted.name}.log",
            # Unbuffered, so that the log shows what happened up to a kill.
            environment={**os.environ, "PYTHONUNBUFFERED": "1", **wanted.environment},
        )
        self._children[wanted.name] = child
        if wanted.ready_url is not None:
            wait_for_url(wanted.ready_url, within_seconds=wanted.ready_within_seconds, child=child)
        self._phases.append(Phase(wanted.name, time.monotonic() - began))
        return child

    def start_in_order(self, *wanted: PythonProcess) -> tuple[Phase, ...]:
        """Start each when the one before it is ready; returns how long each took."""
        known = len(self._phases)
        for process in wanted:
            self.start(process)
        return tuple(self._phases[known:])

    def must_be_running(self) -> None:
        """Raise `ServiceStopped` for the first process that ended by itself."""
        for child in self._children.values():
            child.must_be_running()

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Ask each to end, the youngest first, and insist after `grace_seconds`."""
        while self._children:
            _, child = self._children.popitem()
            child.stop(grace_seconds)

    def kill(self) -> None:
        """End all without a word."""
        while self._children:
            _, child = self._children.popitem()
            child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wait_for_url(url: str, *, within_seconds: float = 30.0, child: Child | None = None) -> float:
    """Wait until `url` answers with a 2xx; returns the seconds. Gives up at once when `child` has ended."""
    # Straight to the address: a proxy set for the way out of the house must not be asked about our own loopback.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answers() -> bool:
        try:
            with direct.open(url, timeout=2.0):
                return True
        except urllib.error.HTTPError as refused:
            refused.close()
            return False
        except (OSError, ValueError):
            return False

    return wait_until(answers, what=url, within_seconds=within_seconds, child=child, every_seconds=0.05)


def wait_until(
    happened: Callable[[], bool],
    *,
    what: str,
    within_seconds: float,
    child: Child | None = None,
    every_seconds: float = 0.02,
) -> float:
    """Wait until `happened()`; returns the seconds. Raises `ServiceNotReady`, or `ServiceStopped` for `child`."""
    began = time.monotonic()
    while not happened():
        if child is not None:
            child.must_be_running()
        if time.monotonic() - began > within_seconds:
            log = "" if child is None else f" Its log: {child.log}"
            raise ServiceNotReady(f"{what} did not answer within {within_seconds:g} seconds.{log}")
        time.sleep(every_seconds)
    return time.monotonic() - began


def free_port(host: str = LOOPBACK) -> int:
    """A port that nobody listens on now. Somebody may take it before you do: use it soon.

    Not one that the kernel would give: those it also gives to whoever connects anywhere, and a server that takes some
    seconds to start would find its port taken by a client.
    """
    while True:
        port = OURS_FROM + secrets.randbelow(OURS_TO - OURS_FROM)
        if not port_is_taken(port, host):
            return port


def port_is_taken(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could not listen on `port` now."""
    with socket.socket() as probe:
        # As servers do: the remains of closed connections do not count, a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as refused:
            if refused.errno in (errno.EADDRINUSE, errno.EACCES):
                return True
            raise
    return False


def first_free_port(wanted: int, *, tries: int = 50, host: str = LOOPBACK) -> int:
    """`wanted`, or the next port above it that is free: a taken port is no reason not to start."""
    for port in range(wanted, wanted + tries):
        if not port_is_taken(port, host):
            return port
    raise ServiceInUse(f"The ports {wanted} to {wanted + tries - 1} are all taken. Choose another one.")


def hold_directory(directory: Path, *, refusal: str) -> int:
    """Hold `directory` until the returned file descriptor is closed; `ServiceInUse(refusal)` when another one holds it.

    Children do not inherit the hold, and the kernel forgets it with its process: a killed owner locks nobody out.
    """
    hold = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as refused:
        os.close(hold)
        if refused.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        raise ServiceInUse(refusal) from None
    return hold


def command_line_of(pid: int) -> str | None:
    """The words a running process was started with; None when none runs, empty when it has ended but for its name."""
    entry = Path(f"/proc/{pid}")
    if Path("/proc/self").exists():
        try:
            return (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
    listing = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return listing.stdout.strip() or None
