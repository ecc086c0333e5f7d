"""A house with pages: a real API process's worth of HTTP on the test's own database, and browsers that are signed in."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select

from domain.actors import Actor
from domain.scopes import Role, Viewer
from store.accounts import NameTaken, add_account, add_unit
from store.cases import CaseStore
from store.database import Database
from store.read_models.accesses import AccessesWanted, AccessLine, list_accesses
from store.tables import access_log
from tests.api.conftest import NO_TLS, PASSWORD, UNITS, Clock, served
from tests.desk import DIVISION, store_on

ACCOUNTS = {
    "desk-1": ("hospital", Role.BIRTH_DESK),
    "neighbour-1": ("neighbour", Role.BIRTH_DESK),
    "caseworker-1": ("bureau", Role.CASEWORKER),
    "caseworker-2": ("bureau", Role.CASEWORKER),
    "far-caseworker": ("far-bureau", Role.CASEWORKER),
    "supervisor-1": ("bureau", Role.SUPERVISOR),
    "officer-1": ("police", Role.VERIFIER),
    "community-1": ("office", Role.COMMUNITY_WORKER),
    "pension-1": ("office", Role.PENSION_OFFICER),
    "auditor-1": ("office", Role.AUDITOR),
    "civil-1": ("civil", Role.VERIFIER),
    "civil-2": ("civil", Role.VERIFIER),
    "civil-chief": ("civil", Role.UNIT_CHIEF),
    "mingyue-1": ("mingyue", Role.COMMUNITY_WORKER),
    "bank-1": ("bank", Role.REQUESTER),
    "school-1": ("school", Role.REQUESTER),
    "data-centre-1": ("data-centre", Role.DATA_CENTRE),
}
MORE_UNITS = {
    "civil": (DIVISION, "civil_affairs"),
    "mingyue": (DIVISION, None),
    "bank": (DIVISION, None),
    "school": (DIVISION, None),
    "data-centre": ("339900", None),
}


def text_of(html: str) -> str:
    """What stands there, in one line, without tags."""
    body = re.sub(r"<(script|style|template)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@dataclass
class Page:
    """An answer as a person sees it."""

    answer: httpx.Response

    @property
    def status(self) -> int:
        """Its status."""
        return self.answer.status_code

    @property
    def html(self) -> str:
        """As sent."""
        return self.answer.text

    @property
    def text(self) -> str:
        """What stands on it, in one line, without tags."""
        return text_of(self.html)

    @property
    def title(self) -> str:
        """Of the window."""
        return unescape(re.search(r"<title>(.*?)</title>", self.html, re.DOTALL)[1])  # type: ignore[index]  # it has one

    def hidden(self, form: str, name: str) -> str:
        """The value of a hidden field of a form, found by the form's address or id."""
        body = next(
            found[0] for found in re.finditer(r"<form\b.*?</form>", self.html, re.DOTALL) if form in found[0][:200]
        )
        return unescape(re.search(rf'name="{name}" value="([^"]*)"', body)[1])  # type: ignore[index]  # as above


@dataclass
class Browser:
    """One person's browser; follows no redirect by itself, so that a test sees where it is led."""

    client: httpx.Client

    def get(self, path: str) -> Page:
        """Open an address."""
        return Page(self.client.get(path))

    def post(self, path: str, **fields: str) -> Page:
        """Send a form as it stands."""
        return Page(self.client.post(path, data=fields))

    def send(self, page: Page, action: str, **typed: str) -> Page:
        """Fill in a form of the page and send it with its hidden fields."""
        form = next(
            found[0]
            for found in re.finditer(r"<form\b.*?</form>", page.html, re.DOTALL)
            if f'action="{action}"' in found[0][:300]
        )
        hidden = {
            name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
        }
        return Page(self.client.post(action, data={**hidden, **typed}))

    def follow(self, page: Page) -> Page:
        """Go where one is led."""
        assert page.status == 303, page.text
        return self.get(page.answer.headers["location"])


@dataclass
class Pages:
    """The house, and a browser for whoever is asked for."""

    url: str
    store: CaseStore
    clock: Clock
    _clients: list[httpx.Client] = field(default_factory=list)

    def stranger(self) -> Browser:
        """Nobody yet."""
        client = httpx.Client(base_url=self.url, timeout=60, trust_env=False, verify=NO_TLS)
        self._clients.append(client)
        return Browser(client)

    def account(self, account: str) -> str:
        """The account's name; made when it is needed, because a password takes its time to hash."""
        unit, role = ACCOUNTS[account]
        with suppress(NameTaken), self.store.database.begin() as connection:
            add_account(connection, account, unit=unit, role=role, password=PASSWORD)
        return account

    def by(self, account: str) -> Browser:
        """Signed in through the form."""
        self.account(account)
        browser = self.stranger()
        led = browser.send(browser.get("/login"), "/login", account=account, password=PASSWORD)
        assert led.status == 303, led.text
        return browser

    def close(self) -> None:
        """Close every browser."""
        for client in self._clients:
            client.close()


def with_units(database: Database) -> None:
    """The bodies that have accounts."""
    with database.begin() as connection:
        for unit, (division, department) in (UNITS | MORE_UNITS).items():
            add_unit(connection, unit, title=unit, division=division, department=department)


@pytest.fixture
def pages(database: Database) -> Iterator[Pages]:
    """The house with its pages."""
    with_units(database)
    store, clock = store_on(database), Clock()
    with served(store, clock) as url:
        ours = Pages(url, store, clock)
        yield ours
        ours.close()


def accesses(pages: Pages, account: str) -> list[tuple[str, tuple[str, ...], str, bool]]:
    """What the account has looked at: action, about what, why, and whether it was let."""
    with pages.store.database.reading() as connection:
        rows = connection.execute(
            select(access_log).where(access_log.c.account == account).order_by(access_log.c.position)
        )
        return [(row.action, tuple(row.about), row.purpose, row.granted) for row in rows]


def access_lines(pages: Pages, case_no: str) -> list[AccessLine]:
    """What an auditor finds about the case."""
    auditor = Viewer(Actor(account="auditor-1", unit="office"), Role.AUDITOR, "339901")
    with pages.store.database.reading() as connection:
        return list_accesses(connection, auditor, AccessesWanted(case_no=case_no), None, 50)


def heard(pages: Pages, account: str, path: str, change: Callable[[], Any]) -> list[str]:
    """What a stream tells the account after something happened; nothing, if it is silent for a while."""
    with pages.by(account).client.stream("GET", path) as answered:
        lines = answered.iter_lines()
        assert any(line == ": listening" for line in lines)
        change()
        silences = 0
        for line in lines:
            silences += line == ": still here"
            if line.startswith("data:"):
                return [line]
            if silences == 3:
                break
    return []
