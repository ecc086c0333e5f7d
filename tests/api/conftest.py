"""A real API process's worth of HTTP for each test: uvicorn in a thread, on the test's own database, with accounts."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn

from api.app import create_app
from api.serving import listen_on
from api.settings import ApiSettings
from domain.scopes import Role
from store.accounts import add_account, add_unit, issue_token
from store.cases import CaseStore
from store.database import Database
from tests.desk import DIVISION, MONDAY, example, store_on

ELSEWHERE = "339902"
CENTRE = "data-centre-1"
PASSWORD = "松鼠爱吃 2026 颗松子"

UNITS: dict[str, tuple[str, str | None]] = {
    "hospital": (DIVISION, None),
    "neighbour": (DIVISION, None),
    "far-hospital": (ELSEWHERE, None),
    "bureau": (DIVISION, None),
    "far-bureau": (ELSEWHERE, None),
    "police": (DIVISION, "public_security"),
    "health": (DIVISION, "health"),
    "clinic": (DIVISION, "delivery_institution"),
    "office": (DIVISION, None),
    "centre": ("339900", None),
}
ACCOUNTS: dict[str, tuple[str, Role]] = {
    "desk-1": ("hospital", Role.BIRTH_DESK),
    "desk-2": ("hospital", Role.BIRTH_DESK),
    "neighbour-1": ("neighbour", Role.BIRTH_DESK),
    "far-desk": ("far-hospital", Role.BIRTH_DESK),
    "caseworker-1": ("bureau", Role.CASEWORKER),
    "far-caseworker": ("far-bureau", Role.CASEWORKER),
    "supervisor-1": ("bureau", Role.SUPERVISOR),
    "officer-1": ("police", Role.VERIFIER),
    "police-system": ("police", Role.INTEGRATOR),
    "health-system": ("health", Role.INTEGRATOR),
    "clinic-system": ("clinic", Role.INTEGRATOR),
    "hospital-system": ("hospital", Role.INTEGRATOR),
    "community-1": ("office", Role.COMMUNITY_WORKER),
    "pension-1": ("office", Role.PENSION_OFFICER),
    "auditor-1": ("office", Role.AUDITOR),
    CENTRE: ("centre", Role.DATA_CENTRE),
    "chief-of-office": ("office", Role.UNIT_CHIEF),
    "asker-1": ("office", Role.REQUESTER),
}
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: reading the system's certificates for each takes longer than most tests."""


@dataclass
class Clock:
    """The one clock; a test moves it."""

    at: datetime = MONDAY

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Api:
    """An API that answers, and clients for every account."""

    url: str
    store: CaseStore
    clock: Clock
    tokens: dict[str, str]
    _clients: dict[str | None, httpx.Client] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def by(self, account: str | None) -> httpx.Client:
        """A client that shows the account's token; None shows nothing."""
        with self._lock:
            if account not in self._clients:
                headers = {} if account is None else {"authorization": f"Bearer {self.tokens[account]}"}
                self._clients[account] = httpx.Client(
                    base_url=self.url,
                    headers=headers,
                    timeout=60,
                    trust_env=False,
                    verify=NO_TLS,
                    limits=httpx.Limits(max_connections=300),
                )
            return self._clients[account]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def file(
        self, form: Any = None, *, by: str = "desk-1", key: str = "key-1", bundle: str = "newborn"
    ) -> httpx.Response:
        """Hand a form in."""
        body = {"bundle": bundle, "application": example() if form is None else form}
        return self.by(by).post("/api/v1/cases", json=body, headers={"idempotency-key": key})

    def filed(self, form: Any = None, *, by: str = "desk-1", key: str = "key-1") -> str:
        """The number of a case that was filed just now."""
        answered = self.file(form, by=by, key=key)
        assert answered.status_code == 201, answered.text
        number: str = answered.json()["case_no"]
        return number

    def etag(self, case_no: str) -> str:
        """The version of the case as it stands."""
        tag: str = self.by("desk-1").get(f"/api/v1/cases/{case_no}").headers["etag"]
        return tag


def settings(**changed: Any) -> ApiSettings:
    """Settings for tests, from nowhere but here."""
    given: dict[str, Any] = {"session_secure_cookie": False, "feed_polls_seconds": 0.02, "feed_heartbeat_seconds": 0.3}
    return ApiSettings.model_validate(given | changed)


def with_accounts(database: Database) -> dict[str, str]:
    """Units and accounts, and a token for each account."""
    with database.begin() as connection:
        for unit, (division, department) in UNITS.items():
            add_unit(connection, unit, title=unit, division=division, department=department)
        for account, (unit, role) in ACCOUNTS.items():
            add_account(connection, account, unit=unit, role=role, password=PASSWORD if account == "desk-1" else None)
        return {account: issue_token(connection, account, label="test", at=MONDAY) for account in ACCOUNTS}


@contextmanager
def served(store: CaseStore, clock: Callable[[], datetime], **changed: Any) -> Iterator[str]:
    """The address of an API in a thread of its own."""
    listening = listen_on("127.0.0.1", 0, reuse=False)
    app = create_app(store, settings(**changed), clock)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < until, "the API did not start"
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        app.state.house.feed.close_soon()
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def clock() -> Clock:
    """The one clock of the test."""
    return Clock()


@pytest.fixture
def tokens(database: Database) -> dict[str, str]:
    """A token for each account."""
    return with_accounts(database)


@pytest.fixture
def api(database: Database, clock: Clock, tokens: dict[str, str]) -> Iterator[Api]:
    """The API."""
    store = store_on(database)
    with served(store, clock) as url:
        ours = Api(url, store, clock, tokens)
        yield ours
        ours.close()


@pytest.fixture
def centre(api: Api) -> httpx.Client:
    """The data centre's account, which takes files over."""
    return api.by(CENTRE)


Served = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def another_api() -> Served:
    """Starts a further API, as another process would be."""
    return served
