"""What tests of notices share: questions to units, as the ladder asks them, and a receiver that counts by id."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx2
from sqlalchemy import Connection, select

from demo.processes import free_port
from domain.case_file import CaseFile
from domain.commands import Command
from domain.scopes import Role
from store.accounts import add_account, add_unit
from store.cases import CaseStore
from store.notices import REFUSALS_AT_MOST, Unsent, put_off, sent, take
from store.rosters import apply, unit_of
from store.tables import notices
from store.vault import Vault
from tests import rosters
from tests.desk import DIVISION, MONDAY, case_file, family, file
from tests.domain import telling

PROOF = "mother_identity"
POLICE = "police"
LIMIT = timedelta(minutes=30)
MINGYUE = unit_of(rosters.MINGYUE)
TOKEN = "receiver"
STARTS_WITHIN_SECONDS = 20
ATTEMPT = timedelta(minutes=2)
"""Longer than any attempt is put off."""


def provide_desks(connection: Connection, vault: Vault) -> None:
    """A police unit with two officers and a chief, a service centre, and a community where nobody has an account."""
    add_unit(connection, POLICE, title="云澜区公安分局", division=DIVISION, department="public_security")
    add_unit(connection, "centre", title="政务服务中心", division=DIVISION)
    add_unit(connection, "far-centre", title="别区政务服务中心", division="339902")
    for account, unit, role in (
        ("officer-1", POLICE, Role.VERIFIER),
        ("officer-2", POLICE, Role.VERIFIER),
        ("chief", POLICE, Role.UNIT_CHIEF),
        ("police-system", POLICE, Role.INTEGRATOR),
        ("caseworker-1", "centre", Role.CASEWORKER),
        ("supervisor-1", "centre", Role.SUPERVISOR),
        ("auditor-1", "centre", Role.AUDITOR),
        ("far-caseworker", "far-centre", Role.CASEWORKER),
    ):
        add_account(connection, account, unit=unit, role=role)
    apply(connection, vault, rosters.file(rosters.SECRETARY, rosters.DIRECTOR), rosters.CENTRE, MONDAY)


def ask(store: CaseStore, number: int = 1, *, unit: str = POLICE, owner: str | None = "officer-1") -> UUID:
    """Family `number` files; the register is away, and the unit is asked who the mother is."""
    case_id = file(store, family(number), key=f"key-{number}").case_id
    act(store, case_id, lambda case: telling.register(case, PROOF, "unreachable"))
    act(store, case_id, lambda case: telling.opens(case, PROOF, unit=unit, owner=owner))
    return case_id


def act(store: CaseStore, case_id: UUID, command: Callable[[CaseFile], Command]) -> CaseFile:
    """Something happens to the case."""
    given = command(case_file(store, case_id))
    return store.handle(case_id, [given], tell_workflow=False).file


def remind(store: CaseStore, case_id: UUID, percent: int) -> CaseFile:
    """So much of the limit is used up."""
    at = MONDAY + LIMIT * percent / 100
    before = case_file(store, case_id).version
    reminded = act(store, case_id, lambda case: telling.reminds(case, PROOF, percent, at=at))
    assert reminded.version > before
    return reminded


def answer(store: CaseStore, case_id: UUID) -> CaseFile:
    """The unit says that it is so; the card is done with."""
    return act(store, case_id, lambda case: telling.answers(case, PROOF))


def expire(store: CaseStore, case_id: UUID) -> CaseFile:
    """Nobody has answered in time."""
    return act(store, case_id, lambda case: telling.expires(case, PROOF, at=MONDAY + LIMIT))


def taken(connection: Connection, card: UUID, at: datetime = MONDAY) -> Unsent:
    """The notice of the card that is to be told next, held as a sender holds it."""
    (notice,) = (one for one in take(connection, 1_000, at) if one.card == card)
    return notice


def turn_down(store: CaseStore, card: UUID, at: datetime = MONDAY) -> UUID:
    """The receiver refuses the card's next notice until it is given up, which is at that moment."""
    refused: set[UUID] = set()
    for left in reversed(range(REFUSALS_AT_MOST)):
        moment = at - left * ATTEMPT
        with store.database.begin() as connection:
            notice = taken(connection, card, moment)
            put_off(connection, notice, moment, "http_422", refused=True)
            refused.add(notice.id)
    (id,) = refused
    return id


def deliver(store: CaseStore, card: UUID, at: datetime = MONDAY, *, nobody: bool = False) -> UUID:
    """The receiver takes the card's next notice."""
    with store.database.begin() as connection:
        notice = taken(connection, card, at)
        sent(connection, [notice], at, to_nobody=[notice.number] if nobody else [])
    return notice.id


def written(connection: Connection) -> list[Any]:
    """Every notice, in the order in which it was written."""
    return list(connection.execute(select(notices).order_by(notices.c.number)))


class Receiver:
    """The demo city's desks in a process of their own, which may stop and come back with what they know."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        headers = {"Authorization": f"Bearer {TOKEN}", "X-Admin-Token": TOKEN}
        self._client = httpx2.Client(base_url=self.url, headers=headers, timeout=5, trust_env=False)
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN)

    def start(self) -> None:
        words = (
            *("platform", "--port", str(self._port), "--token-file", str(self.token_file)),
            *("--ledger", str(self._folder / "notices.sqlite")),
        )
        self._process = subprocess.Popen([sys.executable, "-m", "demo.city", *words], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("demo city platform listening")
        # It listens a moment before it serves, and only who serves can be asked to stop.
        self._client.get("/healthz", timeout=STARTS_WITHIN_SECONDS).raise_for_status()

    def stop(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.terminate()
            self._process.wait(STARTS_WITHIN_SECONDS)
            self._process.stdout.close()
            self._process = None

    def fault(self, fault: str, **more: Any) -> None:
        """Let the receiver fail from now on."""
        self._client.post("/admin/faults", json={"service": "notices", "fault": fault, **more}).raise_for_status()

    def heal(self) -> None:
        self._client.delete("/admin/faults").raise_for_status()

    def told(self) -> list[dict[str, Any]]:
        """Every notice in the order in which it came first, with calls and effects."""
        found: list[dict[str, Any]] = self._client.get("/notices").raise_for_status().json()
        return found

    def cards(self, account: str | None = None) -> list[dict[str, Any]]:
        """The cards on the desks now."""
        asked = {"account": account} if account else {}
        found: list[dict[str, Any]] = self._client.get("/cards", params=asked).raise_for_status().json()
        return found

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._client.close()


@contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    """A receiver until the end of the block."""
    with Receiver(folder) as receiver:
        yield receiver
