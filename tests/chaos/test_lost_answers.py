"""The API is killed when its commit is done and its answer not yet given: the client asks again, and finds its case."""

import os
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import httpx2 as httpx
import pytest
from sqlalchemy import func, select

from demo.accounts import provide
from demo.city.examples import application_for
from demo.city.population import CITY
from demo.processes import Processes, PythonProcess, free_port, wait_for_url
from store.database import Database
from store.keys import KeyRing, write_key
from store.tables import cases, events, outbox
from tests.faults.proxy import COMMITTED, DatabaseProxy

TIMES = 25
APIS = 3
READY_WITHIN_SECONDS = 60.0


class KillingProxy(DatabaseProxy):
    """Kills whoever writes when the server has said that it is committed, before that is heard."""

    victim: int | None = None
    """The process to be killed at its next commit of something written."""

    async def _answers(self, server: StreamReader, to_client: StreamWriter) -> None:
        wrote = False
        while True:
            head = await server.readexactly(5)
            body = await server.readexactly(int.from_bytes(head[1:], "big") - 4)
            if head[:1] == b"C":
                wrote = wrote or body.startswith(b"INSERT")
                if body == COMMITTED:
                    if wrote and self.victim is not None:
                        os.kill(self.victim, signal.SIGKILL)
                        self.victim = None
                        return
                    wrote = False
            to_client.write(head + body)
            await to_client.drain()


@dataclass(frozen=True)
class Api:
    """One API and its address."""

    url: str
    process: PythonProcess


@pytest.fixture
def proxy(database_url: str) -> Iterator[KillingProxy]:
    """The wire to the test's database."""
    with KillingProxy(database_url) as ours:
        yield ours


@pytest.fixture
def token(database: Database, tmp_path: Path) -> str:
    """The birth desk's."""
    with database.begin() as connection:
        provide(connection, tmp_path / "tokens", datetime.now(UTC))
    return (tmp_path / "tokens" / "desk").read_text("ascii").strip()


@pytest.fixture
def apis(proxy: KillingProxy, tmp_path: Path) -> Iterator[tuple[Processes, list[Api]]]:
    """Several API processes at the other end of the wire."""
    KeyRing.fresh().write(tmp_path / "vault-keys")
    write_key(tmp_path / "lookup-key")
    wanted = []
    for number in range(1, APIS + 1):
        port = free_port()
        environment = {
            "ONETHING_DATABASE_URL": proxy.url,
            "ONETHING_VAULT_KEYS_FILE": str(tmp_path / "vault-keys"),
            "ONETHING_LOOKUP_KEY_FILE": str(tmp_path / "lookup-key"),
            "ONETHING_API_PORT": str(port),
        }
        wanted.append(Api(f"http://127.0.0.1:{port}", PythonProcess(f"api-{number}", "api", environment=environment)))
    with Processes(tmp_path / "logs") as processes:
        for one in wanted:
            processes.start(one.process)
        yield processes, wanted


def test_the_answer_of_a_killed_api_is_found_by_asking_again(
    apis: tuple[Processes, list[Api]], proxy: KillingProxy, token: str, database: Database
) -> None:
    processes, wanted = apis
    in_turn = cycle(wanted)
    found: list[str] = []
    with httpx.Client(headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30) as client:

        def file(api: Api, number: int) -> httpx.Response:
            child = processes.child(api.process.name)
            wait_for_url(f"{api.url}/healthz", within_seconds=READY_WITHIN_SECONDS, child=child)
            return client.post(
                f"{api.url}/api/v1/cases",
                json=application_for(CITY.family(5_000_000 + number)),
                headers={"idempotency-key": f"lost-{number}"},
            )

        api = next(in_turn)
        for number in range(TIMES):
            child = processes.child(api.process.name)
            proxy.victim = child.pid
            with pytest.raises(httpx.TransportError):
                file(api, number)
            assert proxy.victim is None, "it ended before it had committed"
            assert child.wait(10)
            processes.start(api.process)

            api = next(in_turn)
            again = file(api, number)
            assert again.status_code == 200, again.text
            found.append(again.json()["case_no"])

    with database.reading() as connection:
        assert sorted(connection.execute(select(cases.c.case_no)).scalars()) == sorted(found)
        opened = select(func.count()).select_from(events).where(events.c.type == "case_opened")
        assert connection.execute(opened).scalar_one() == TIMES
        assert connection.execute(select(func.count()).select_from(outbox)).scalar_one() == TIMES
    assert len(set(found)) == TIMES
