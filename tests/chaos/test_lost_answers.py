"""The API is killed when its commit is done and its answer not yet given: the client asks again, and finds its case."""

import os
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx2 as httpx
import pytest
from sqlalchemy import func, select

from demo.accounts import provide
from demo.city.examples import application_for
from demo.city.population import CITY
from store.database import Database
from store.keys import KeyRing, write_key
from store.tables import cases, events, outbox
from tests.chaos.nursery import Api, apis
from tests.faults.proxy import COMMITTED, DatabaseProxy

TIMES = 25


class KillingProxy(DatabaseProxy):
    """Kills whoever writes when the server has said that it is committed, before that is heard."""

    killed = 0

    def kill_at_next_commit(self, process_id: int) -> None:
        """Whose next commit of something written will be its last."""
        self._victim = process_id

    _victim: int | None = None

    async def _answers(self, server: StreamReader, to_client: StreamWriter) -> None:
        wrote = False
        while True:
            head = await server.readexactly(5)
            body = await server.readexactly(int.from_bytes(head[1:], "big") - 4)
            if head[:1] == b"C":
                wrote = wrote or body.startswith(b"INSERT")
                if body == COMMITTED:
                    if wrote and self._victim is not None:
                        os.kill(self._victim, signal.SIGKILL)
                        self._victim = None
                        self.killed += 1
                        return
                    wrote = False
            to_client.write(head + body)
            await to_client.drain()


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
def environment(proxy: KillingProxy, tmp_path: Path) -> Mapping[str, str]:
    """What an API at the other end of the wire is told."""
    KeyRing.fresh().write(tmp_path / "vault-keys")
    write_key(tmp_path / "lookup-key")
    return {
        "ONETHING_DATABASE_URL": proxy.url,
        "ONETHING_VAULT_KEYS_FILE": str(tmp_path / "vault-keys"),
        "ONETHING_LOOKUP_KEY_FILE": str(tmp_path / "lookup-key"),
    }


def test_the_answer_of_a_killed_api_is_found_by_asking_again(
    environment: Mapping[str, str], proxy: KillingProxy, token: str, database: Database
) -> None:
    found: list[str] = []
    with (
        apis(environment, 2) as (mortal, other),
        httpx.Client(headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30) as client,
    ):

        def file(api: Api, number: int) -> httpx.Response:
            form = application_for(CITY.family(5_000_000 + number))
            return client.post(f"{api.url}/api/v1/cases", json=form, headers={"idempotency-key": f"lost-{number}"})

        other.start()
        for number in range(TIMES):
            proxy.kill_at_next_commit(mortal.start())
            with pytest.raises(httpx.TransportError):
                file(mortal, number)
            assert proxy.killed == number + 1, "it ended before it had committed"
            mortal.end()

            again = file(other, number)
            assert again.status_code == 200, again.text
            found.append(again.json()["case_no"])

    with database.reading() as connection:
        assert sorted(connection.execute(select(cases.c.case_no)).scalars()) == sorted(found)
        opened = select(func.count()).select_from(events).where(events.c.type == "case_opened")
        assert connection.execute(opened).scalar_one() == TIMES
        assert connection.execute(select(func.count()).select_from(outbox)).scalar_one() == TIMES
    assert len(set(found)) == TIMES
