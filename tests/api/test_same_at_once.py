"""The same submission, a hundred times at once, over two API processes: one case, a hundred equal answers (C1)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2 as httpx
import pytest
from sqlalchemy import func, select

from store.database import Database
from store.keys import KeyRing, write_key
from store.tables import cases, request_keys, vault_entries, vault_keys
from tests.desk import example, family

AT_ONCE, ROUNDS = 100, 10
SETTINGS = "ONETHING_"


@pytest.fixture
def two_processes(database_url: str, tokens: dict[str, str], tmp_path: Path) -> Iterator[list[httpx.Client]]:
    """Two API processes on one database, each on a port of its own."""
    KeyRing.fresh().write(tmp_path / "vault-keys")
    write_key(tmp_path / "lookup-key")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)} | {
        "ONETHING_DATABASE_URL": database_url,
        "ONETHING_VAULT_KEYS_FILE": str(tmp_path / "vault-keys"),
        "ONETHING_LOOKUP_KEY_FILE": str(tmp_path / "lookup-key"),
        "ONETHING_DATABASE_POOL_SIZE": "6",
        # The tokens of the test were made on a Monday to come, and are good on any day.
        "ONETHING_API_PORT": "0",
        "ONETHING_LOG_FORMAT": "json",
    }
    processes: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []
    logs = [tmp_path / f"api-{number}.log" for number in range(2)]
    try:
        for log in logs:
            with log.open("wb") as to:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "api"], env=environment, stderr=to, cwd=Path(__file__).parents[2]
                    )
                )
        clients += [_client(log, process, tokens["desk-1"]) for log, process in zip(logs, processes, strict=True)]
        yield clients
    finally:
        for client in clients:
            client.close()
        for process in processes:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(30) for process in processes]
    assert codes == [0, 0]


def _client(log: Path, process: "subprocess.Popen[bytes]", token: str) -> httpx.Client:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text("utf-8").splitlines():
            if '"event": "ready"' in line:
                address = line.partition('"address": "')[2].partition('"')[0]
                return httpx.Client(
                    base_url=address,
                    headers={"authorization": f"Bearer {token}"},
                    timeout=60,
                    trust_env=False,
                    limits=httpx.Limits(max_connections=AT_ONCE),
                )
        time.sleep(0.05)
    raise AssertionError(log.read_text("utf-8"))


def test_a_hundred_at_once_are_one_case_and_a_hundred_equal_answers(
    two_processes: list[httpx.Client], database: Database
) -> None:
    for number in range(ROUNDS):
        form = example() if number == 0 else family(number)

        def file(nth: int, form: object = form, number: int = number) -> httpx.Response:
            # Half of them under one key, half under keys of their own: the same application is the same case.
            key = f"round-{number}" if nth % 2 else f"round-{number}-{nth}"
            return two_processes[nth % 2 if nth % 4 < 2 else 1 - nth % 2].post(
                "/api/v1/cases", json={"bundle": "newborn", "application": form}, headers={"idempotency-key": key}
            )

        with ThreadPoolExecutor(AT_ONCE) as crowd:
            answers = list(crowd.map(file, range(AT_ONCE)))

        statuses = [answered.status_code for answered in answers]
        assert sorted(statuses) == [200] * (AT_ONCE - 1) + [201]
        assert {answered.content for answered in answers} == {answers[0].content}
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(cases)) == ROUNDS
        assert connection.scalar(select(func.count(request_keys.c.case_id.distinct()))) == ROUNDS
        # A data key for each case and each person, and none for the ninety-nine that lost.
        owners = select(func.count(vault_entries.c.owner.distinct()))
        assert connection.scalar(select(func.count()).select_from(vault_keys)) == connection.scalar(owners)
