"""How many newborn bundles the house sees through: filed over HTTP, concluded by every department, all records written.

Closed loop (`concurrency` cases under way at a time) tells what it can carry; open loop (`rate` filings
a second, whatever happens) tells how long one family waits, counted from the instant its filing was due.
"""

import http.client
import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import psycopg

from bench.house import history_events, peak_rss_mib, percentiles, read
from demo.city.examples import application_for
from demo.city.population import family
from demo.stack import Stack

Gateways = Literal["inline", "http"]

FILERS: Final = 8
"""Connections that file; more would only wait for the two cores."""
CREATED: Final = 201
WARM_UP: Final = 60
GIVES_UP_AFTER_SECONDS: Final = 300
HISTORIES_READ: Final = 5


@dataclass
class _Run:
    """One series: when each case was due or filed, and when it was seen concluded."""

    begun: dict[str, float] = field(default_factory=dict)
    concluded: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def under_way(self) -> int:
        return len(self.begun) - len(self.concluded)


def newborn(*, count: int, concurrency: int, rate: float | None, gateways: Gateways, fsync: bool) -> dict[str, Any]:
    """Run it on an embedded house of its own; returns the figures."""
    with TemporaryDirectory(prefix="onething-bench-", dir="/var/tmp") as directory:
        stack = Stack(
            Path(directory),
            port=0,
            fsync=fsync,
            temporal_pages=False,
            worker_module="bench.inline_worker" if gateways == "inline" else "workers",
        )
        with stack:
            filing = _Filing(stack, first=1)
            _series(stack, filing, count=WARM_UP, concurrency=min(20, concurrency), rate=None)
            before = read(stack)
            started = time.perf_counter()
            run = _series(stack, filing, count=count, concurrency=concurrency, rate=rate)
            seconds = time.perf_counter() - started
            after = read(stack)
            done = len(run.concluded)
            sample = list(run.concluded)[:: max(1, done // HISTORIES_READ)][:HISTORIES_READ]
            return {
                "benchmark": "newborn",
                "conditions": {
                    "gateways": gateways,
                    "count": count,
                    "concurrency": None if rate else concurrency,
                    "rate_per_second": rate,
                    "fsync": fsync,
                    "cpus": os.cpu_count(),
                    "machine": platform.machine(),
                    "python": platform.python_version(),
                    "load_average_before": round(os.getloadavg()[0], 2),
                },
                "concluded": done,
                "refused": len(run.refused),
                "bundles_per_second": round(done / seconds, 2),
                "latency_ms": {
                    name: round(value, 1)
                    for name, value in percentiles(
                        [at - run.begun[case_no] for case_no, at in run.concluded.items()]
                    ).items()
                },
                "cpu_ms_per_bundle": {
                    name: round((used - before.cpu_seconds[name]) / done * 1000, 2)
                    for name, used in after.cpu_seconds.items()
                },
                "postgres_write_transactions_per_bundle": round(
                    (after.write_transactions - before.write_transactions) / done, 2
                ),
                "postgres_bytes_per_bundle": round((after.database_bytes - before.database_bytes) / done),
                "postgres_wal_bytes_per_bundle": round((after.wal_bytes - before.wal_bytes) / done),
                "temporal_history_events_per_bundle": max(history_events(stack, one) for one in sample),
                "peak_rss_mib": {name: round(value) for name, value in peak_rss_mib(stack).items()},
            }


class _Filing:
    """Files distinct families over HTTP, each once; bodies are made before the clock runs."""

    def __init__(self, stack: Stack, first: int) -> None:
        self._next = first
        address = urlsplit(stack.api_url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 80
        self._token = (stack.state / "tokens" / "desk").read_text("utf-8").strip()
        self._here = threading.local()

    def bodies(self, count: int) -> list[tuple[str, bytes]]:
        """The next `count` applications, with a key for each."""
        numbers = range(self._next, self._next + count)
        self._next += count
        return [
            (f"bench-{number}", json.dumps(application_for(family(number)), ensure_ascii=False).encode())
            for number in numbers
        ]

    def file(self, key: str, body: bytes) -> tuple[int, str]:
        """File one; the status, and the case's number or the code of the refusal."""
        connection: http.client.HTTPConnection | None = getattr(self._here, "connection", None)
        if connection is None:
            connection = self._here.connection = http.client.HTTPConnection(self._host, self._port, timeout=60)
        connection.request(
            "POST",
            "/api/v1/cases",
            body,
            {
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "Idempotency-Key": key,
            },
        )
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return answer.status, said["case_no"] if answer.status == CREATED else str(said.get("code"))


def _series(stack: Stack, filing: _Filing, *, count: int, concurrency: int, rate: float | None) -> _Run:
    run = _Run()
    bodies = filing.bodies(count)

    def file(due: float | None, key: str, body: bytes) -> None:
        began = due if due is not None else time.perf_counter()
        status, told = filing.file(key, body)
        if status == CREATED:
            run.begun[told] = began
        else:
            run.refused.append(f"{status} {told}")

    with _watching(stack, run, every=0.005 if rate else 0.02), ThreadPoolExecutor(FILERS) as filers:
        started = time.perf_counter()
        for sent, (key, body) in enumerate(bodies):
            due: float | None = None
            if rate:
                due = started + sent / rate
                time.sleep(max(0.0, due - time.perf_counter()))
            else:
                while sent - len(run.concluded) - len(run.refused) >= concurrency:
                    time.sleep(0.001)
                    _not_for_ever(started)
            filers.submit(file, due, key, body)
        while len(run.concluded) + len(run.refused) < count:
            time.sleep(0.002)
            _not_for_ever(started)
    return run


_CONCLUDED: Final = "SELECT case_no FROM cases WHERE case_no = ANY(%s) AND state = 'concluded'"


@contextmanager
def _watching(stack: Stack, run: _Run, *, every: float) -> Iterator[None]:
    """Note each case when its conclusion is first visible to another session."""
    stopped = threading.Event()

    def watch() -> None:
        with psycopg.connect(stack.superuser_conninfo, autocommit=True) as connection:
            while not stopped.is_set():
                waited_for = [case_no for case_no in list(run.begun) if case_no not in run.concluded]
                rows = connection.execute(_CONCLUDED, (waited_for,)).fetchall() if waited_for else []
                now = time.perf_counter()
                run.concluded.update({case_no: now for (case_no,) in rows})
                stopped.wait(every)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopped.set()
        watcher.join()


def _not_for_ever(started: float) -> None:
    if time.perf_counter() - started > GIVES_UP_AFTER_SECONDS:
        raise TimeoutError(f"not concluded after {GIVES_UP_AFTER_SECONDS} s")
