"""What waiting costs, and how fast an answer is taken: thousands of open verifications on the embedded house.

Each is a case of its own with a workflow that sleeps to its next reminder. While nothing happens, the
house is left alone and read from outside; then officers answer some of them over HTTP.
"""

import json
import os
import platform
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from bench.house import peak_rss_mib, percentiles, read, rss_mib
from demo.city.population import family
from demo.stack import Stack

CLIENTS: Final = 8
OFFICERS: Final = 4
ANSWERS_PER_SECOND: Final = 10.0
"""Due at this pace whatever happens, and measured from when they were due: people do not wait for each other."""
GIVES_UP_AFTER_SECONDS: Final = 1800
_PROOF: Final = (
    "SELECT code FROM proof_listing WHERE route = 'department_verification' AND issued_by = 'public_security'"
    " AND NOT immediate AND NOT about_two AND effective_from <= current_date ORDER BY code LIMIT 1"
)
_OPEN: Final = "SELECT count(*) FROM verifications WHERE state = 'open'"
_CONCLUDED: Final = "SELECT count(*) FROM cases WHERE state = 'concluded'"


def verifications(*, open: int, answers: int, idle_seconds: float, fsync: bool) -> dict[str, Any]:
    """Open so many, look on for a while, answer some; returns the figures."""
    with TemporaryDirectory(prefix="onething-bench-", dir="/var/tmp") as directory:
        stack = Stack(Path(directory), port=0, fsync=fsync, temporal_pages=False)
        with stack, psycopg.connect(stack.superuser_conninfo, autocommit=True) as connection:
            row = connection.execute(_PROOF).fetchone()
            assert row is not None, "the listing has no such proof"
            empty = rss_mib(stack)
            began = time.perf_counter()
            refused = _ask(stack, row[0], open)
            _until(connection, _OPEN, open - refused)
            opened_in = time.perf_counter() - began
            # Whatever is still being written has its time; then nothing happens any more.
            time.sleep(5)
            before, cpu_from = read(stack), time.perf_counter()
            time.sleep(idle_seconds)
            after, idle = read(stack), time.perf_counter() - cpu_from
            waiting = rss_mib(stack)
            latencies, told = _answer(stack, connection, answers)
            answered = time.perf_counter()
            _until(connection, _CONCLUDED, len(latencies))
            return {
                "benchmark": "verifications",
                "conditions": {
                    "open": open,
                    "answers_per_second": ANSWERS_PER_SECOND,
                    "fsync": fsync,
                    "cpus": os.cpu_count(),
                    "machine": platform.machine(),
                    "python": platform.python_version(),
                    "load_average_before": round(os.getloadavg()[0], 2),
                },
                "opened": open - refused,
                "refused": refused,
                "opened_per_second": round((open - refused) / opened_in, 1),
                "idle_seconds": round(idle, 1),
                "idle_cpu_percent": {
                    name: round((used - before.cpu_seconds[name]) / idle * 100, 2)
                    for name, used in after.cpu_seconds.items()
                },
                "idle_write_transactions": after.write_transactions - before.write_transactions,
                "rss_mib_empty": {name: round(value) for name, value in empty.items()},
                "rss_mib_waiting": {name: round(value) for name, value in waiting.items()},
                "peak_rss_mib": {name: round(value) for name, value in peak_rss_mib(stack).items()},
                "database_bytes_per_verification": round(after.database_bytes / max(1, open)),
                "answered": len(latencies),
                "not_answered": told,
                "answer_latency_ms": {name: round(value, 1) for name, value in percentiles(latencies).items()},
                "last_answer_to_last_conclusion_seconds": round(time.perf_counter() - answered, 2),
            }


class _Client:
    """One account's connections, one for each thread."""

    def __init__(self, stack: Stack, account: str) -> None:
        address = urlsplit(stack.api_url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 80
        self._token = (stack.state / "tokens" / account).read_text("utf-8").strip()
        self._here = threading.local()

    def post(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, Any]:
        connection: HTTPConnection | None = getattr(self._here, "connection", None)
        if connection is None:
            connection = self._here.connection = HTTPConnection(self._host, self._port, timeout=60)
        connection.request(
            "POST",
            path,
            json.dumps(body, ensure_ascii=False).encode(),
            {
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "Idempotency-Key": key,
            },
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def _ask(stack: Stack, proof: str, count: int) -> int:
    """Ask for one proof about each of so many people; returns how many were refused."""
    bank = _Client(stack, "bank")

    def ask(number: int) -> bool:
        person = family(number).mother
        body = {
            "proof": proof,
            "purpose": "贷款审批",
            "subject": {"name": person.name, "citizen_id": person.citizen_id},
        }
        status, _ = bank.post("/api/v1/verifications", f"bench-{number}", body)
        return status < 300

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sum(not done for done in clients.map(ask, range(1, count + 1)))


def _answer(stack: Stack, connection: "psycopg.Connection[Any]", count: int) -> tuple[list[float], int]:
    """Let officers answer some, spread over all; the seconds that each answer took, and how many were refused."""
    ids = [str(row[0]) for row in connection.execute("SELECT id FROM verifications ORDER BY id LIMIT %s", (count,))]
    officer = _Client(stack, "verifier")

    started = time.perf_counter()

    def answer(place: int, id: str) -> float | None:
        due = started + place / ANSWERS_PER_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        status, _ = officer.post(f"/api/v1/inbox/{id}/answer", f"bench-{id}", {"answer": "matches"})
        return time.perf_counter() - due if status < 300 else None

    with ThreadPoolExecutor(OFFICERS) as officers:
        taken = list(officers.map(answer, range(len(ids)), ids))
    return [seconds for seconds in taken if seconds is not None], sum(seconds is None for seconds in taken)


def _until(connection: "psycopg.Connection[Any]", question: Any, count: int) -> None:
    began = time.perf_counter()
    while True:
        row = connection.execute(question).fetchone()
        if row is not None and row[0] >= count:
            return
        if time.perf_counter() - began > GIVES_UP_AFTER_SECONDS:
            raise TimeoutError(f"{row and row[0]} of {count} after {GIVES_UP_AFTER_SECONDS} s")
        time.sleep(0.5)
