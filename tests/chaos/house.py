"""A whole house on this machine, several of each process, to be struck anywhere while it works and looked at afterwards.

It is the stack that `make demo` starts: real PostgreSQL that syncs to disk, real Temporal on its file, the real
worker, relay and API processes. The demo city runs in processes of its own, which nobody strikes: its ledger is the
witness of what was done.
"""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx
from sqlalchemy import func, select

from demo.stack import Stack
from demo.temporal_server import find_program
from domain.scopes import Role
from store import access_log, events
from store.accounts import NameTaken, add_account, issue_token
from store.cases import CaseStore
from store.database import Database, StoreUnavailable
from store.keys import KeyRing, read_key
from store.read_models.all_models import differences
from store.tables import case_items, cases, notices, outbox, verifications
from store.tables import events as event_table
from store.vault import Vault
from tests.chaos.clerks import Clerks
from tests.chaos.officers import Officers

ITEMS_OF_A_BIRTH = 8
WORKFLOW_TASK_SECONDS = "5"
"""What is in hand when a worker dies is missed after this; the default is ten."""


ENDS_OF_A_RUNG = frozenset({"route_exhausted", "proof_met", "proof_contested"})
SECOND_REGISTRAR = "registrar-2"

_HEARD_TWICE = select(event_table.c.case_id, event_table.c.body).where(
    event_table.c.type == "late_answer_recorded", event_table.c.body["answer"].as_string().in_(("concluded", "matches"))
)


@dataclass(frozen=True)
class Booked:
    """One submission in a department's own books."""

    department: str
    idempotency_key: str
    case_no: str
    item: str
    subject: str | None
    outcome: str
    calls: int
    effects: int


@dataclass(frozen=True)
class Run:
    """One run of a workflow, as Temporal shows it."""

    workflow: str
    status: str
    started: str


class House:
    """The stack, its city and its books."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        running = stack.running
        self.kinds: Mapping[str, tuple[str, ...]] = {
            kind: tuple(name for name in running.processes if name.startswith(kind))
            for kind in ("worker", "relay", "api", "temporal", "postgres")
        }
        """What may be struck: kind -> names."""
        secrets = stack.state / "secrets"
        self.database = Database(
            running.environment["ONETHING_DATABASE_URL"], pool_size=1, password_file=secrets / "app-password"
        )
        self._admin = {"x-admin-token": (secrets / "city-admin-token").read_text("ascii").strip()}
        self._city = httpx.Client(trust_env=False, timeout=30)

    @classmethod
    @contextmanager
    def opened(cls, state: Path, **environment: str) -> Iterator[Self]:
        """Two workers, a relay and two APIs, all at work."""
        told = {"ONETHING_WORKFLOW_TASK_SECONDS": WORKFLOW_TASK_SECONDS, **environment}
        stack = Stack(state, port=0, workers=2, relays=1, apis=2, temporal_pages=False, environment=told)
        with stack:
            house = cls(stack)
            try:
                yield house
            finally:
                house.close()

    def close(self) -> None:
        """Give the connections back."""
        self._city.close()
        self.database.dispose()

    def clerks(self, *, first_family: int, at_once: int = 8, seed: str = "0") -> Clerks:
        """Clerks at the birth desk, who begin with that family."""
        running = self.stack.running
        return Clerks(running.api_urls, running.token_of("desk"), first_family=first_family, at_once=at_once, seed=seed)

    @contextmanager
    def officers(self, *, seed: str) -> Iterator[Officers]:
        """Registrars, communities and a caseworker, who answer whatever they are asked."""
        running, secrets = self.stack.running, self.stack.state / "secrets"
        with self.database.begin() as connection, suppress(NameTaken):
            add_account(connection, SECOND_REGISTRAR, unit="civil-affairs", role=Role.VERIFIER)
        with self.database.begin() as connection:
            second = issue_token(connection, SECOND_REGISTRAR, label=seed, at=datetime.now(UTC))
        database = Database(
            running.environment["ONETHING_DATABASE_URL"], pool_size=2, password_file=secrets / "app-password"
        )
        vault = Vault(KeyRing.from_file(secrets / "vault-keys"), read_key(secrets / "lookup-key"))
        registrars = (running.token_of("registrar"), second)
        caseworker = running.token_of("caseworker")
        try:
            with Officers(CaseStore(database, vault), running.api_urls, registrars, caseworker, seed) as officers:
                yield officers
        finally:
            database.dispose()

    # ── striking ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def everything(self) -> tuple[str, ...]:
        """All that may be struck."""
        return tuple(name for names in self.kinds.values() for name in names)

    def strike(self, name: str) -> None:
        """Kill one part and start it again, without waiting until a process of ours is ready."""
        self.stack.must_be_running()  # whatever ends by itself is a fault of its own
        self.stack.kill(name)
        self.stack.start_again(name, wait=False)

    def strike_everything(self) -> None:
        """Kill all parts in the same instant, as a power cut would, and start them again."""
        self.stack.must_be_running()
        for name in self.everything:
            os.kill(self._pid(name), signal.SIGKILL)
        for name in self.everything:
            self.stack.kill(name)
        for name in ("postgres", "temporal"):
            self.stack.start_again(name)
        for name in self.everything:
            if name not in {"postgres", "temporal"}:
                self.stack.start_again(name, wait=False)

    def freeze(self, name: str) -> None:
        """Stop a process where it stands (SIGSTOP)."""
        os.kill(self._pid(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on as if nothing had been (SIGCONT)."""
        os.kill(self._pid(name), signal.SIGCONT)

    def _pid(self, name: str) -> int:
        match name:
            case "postgres" if self.stack.postgres is not None:
                return self.stack.postgres.pid
            case "temporal" if self.stack.temporal is not None:
                return self.stack.temporal.pid
            case _:
                return self.stack.processes.child(name).pid

    # ── the city ────────────────────────────────────────────────────────────────────────────────────────────────

    def arrange(self, service: str, fault: str, **more: Any) -> None:
        """Let departments be slow, or answer later."""
        url = f"{self.stack.running.departments_url}/admin/faults"
        self._city.post(url, json={"service": service, "fault": fault, **more}, headers=self._admin).raise_for_status()

    def arrange_no_marriage_on_file(self, *, probability: float, seed: int) -> None:
        """Let the marriage register hold nothing about so many couples."""
        nothing = {"answers": [{"key": "parents_marriage", "outcome": "not_found", "record": None}]}
        said = {"status": 200, "body": json.dumps(nothing)}
        fault = {"service": "marriage_register", "fault": "raw", "probability": probability, "seed": seed}
        url = f"{self.stack.running.shared_data_url}/admin/faults"
        self._city.post(url, json={**fault, "params": said}, headers=self._admin).raise_for_status()

    def arrange_nothing(self) -> None:
        """Departments and registers are well again."""
        for service in (self.stack.running.departments_url, self.stack.running.shared_data_url):
            self._city.delete(f"{service}/admin/faults", headers=self._admin).raise_for_status()

    def books(self) -> list[Booked]:
        """Every submission in the departments' books."""
        found = self._city.get(f"{self.stack.running.departments_url}/ledger").json()
        return [Booked(**line) for line in found]

    # ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────

    def runs(self) -> list[Run]:
        """Every run of every workflow."""
        listed = self.temporal("workflow", "list", "--limit", "100000")
        return [
            Run(one["execution"]["workflowId"], one["status"].rpartition("_")[2].lower(), one["startTime"])
            for one in json.loads(listed or "[]")
        ]

    def temporal(self, *words: str) -> str:
        """What Temporal's own program answers."""
        environment = self.stack.running.environment
        told = subprocess.run(
            [
                find_program(),
                *words,
                "--output=json",
                f"--address={environment['ONETHING_TEMPORAL_ADDRESS']}",
                f"--namespace={environment['ONETHING_TEMPORAL_NAMESPACE']}",
            ],
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return told.stdout

    def wait_until_whole(self, clerks: Clerks, *, within: float) -> float:
        """Wait until every acknowledged case is concluded and nothing is under way; returns the seconds."""
        began = time.monotonic()
        while left := self._left_to_do(clerks):
            self.stack.must_be_running()
            assert time.monotonic() - began < within, f"not whole after {within:g} s: {left}"
            time.sleep(0.25)
        return time.monotonic() - began

    def _left_to_do(self, clerks: Clerks) -> str:
        if waiting := clerks.waiting():
            return f"{waiting} applications are not acknowledged yet"
        with suppress(StoreUnavailable), self.database.reading() as connection:
            query = select(cases.c.case_no, cases.c.waits_for).where(cases.c.state == "open")
            if still_open := connection.execute(query).all():
                return f"{len(still_open)} cases are open, such as {still_open[:3]}"
            if untold := connection.execute(select(func.count()).select_from(outbox)).scalar_one():
                return f"{untold} rows wait in the outbox"
            running = [run.workflow for run in self.runs() if run.status == "running"]
            if running:
                return f"{len(running)} workflows run, such as {running[:3]}"
            return next((f"{url} is not ready yet" for url in self.stack.running.api_urls if not self._serves(url)), "")
        return "the database does not answer"

    def _serves(self, api_url: str) -> bool:
        try:
            return self._city.get(f"{api_url}/healthz").is_success
        except httpx.HTTPError:
            return False

    def wrong(self, clerks: Clerks) -> list[str]:
        """Everything that is not as it must be once the house is whole; empty if nothing is."""
        return [
            *self._wrong_in_our_books(clerks),
            *self._wrong_on_the_ladder(),
            *self._wrong_in_their_books(),
            *self._wrong_in_temporal(),
        ]

    def _wrong_in_our_books(self, clerks: Clerks) -> Iterator[str]:
        with self.database.reading() as connection:
            known = {row.case_no: row for row in connection.execute(select(cases))}
            concluded = Counter(
                connection.execute(
                    select(cases.c.case_no)
                    .join(case_items, case_items.c.case_id == cases.c.case_id)
                    .where(case_items.c.state == "concluded")
                ).scalars()
            )
            for late in connection.execute(_HEARD_TWICE):
                yield f"{late.case_id}: what was heard before was heard once more, as late: {late.body}"
            yield from map(str, events.verify(connection))
            yield from map(str, access_log.verify(connection))
            yield from map(str, differences(connection))
        for case_no in clerks.acknowledged.values():
            if case_no not in known:
                yield f"{case_no}: acknowledged and lost"
        for case_no, case in known.items():
            if (case.state, case.outcome, concluded[case_no]) != ("concluded", "complete", ITEMS_OF_A_BIRTH):
                yield f"{case_no}: {case.state}, {case.outcome}, {concluded[case_no]} items concluded"
        if doubled := [case_no for case_no, many in Counter(clerks.acknowledged.values()).items() if many > 1]:
            yield f"one case for several applications: {doubled}"
        if wrong := clerks.statuses.keys() - {200, 201, 503}:
            yield f"a clerk was answered {sorted(wrong)}"

    def _wrong_on_the_ladder(self) -> Iterator[str]:
        """Every rung has one end, every question was put once, and every card that was shown is gone."""
        rungs: dict[tuple[Any, ...], Counter[str]] = {}
        shown: dict[Any, Counter[str]] = {}
        with self.database.reading() as connection:
            for event in connection.execute(select(event_table.c.case_id, event_table.c.type, event_table.c.body)):
                rung = (event.case_id, *(event.body.get(name) for name in ("proof", "round", "rung")))
                if event.type in ENDS_OF_A_RUNG | {"route_opened", "verification_opened"}:
                    kind = "ended" if event.type in ENDS_OF_A_RUNG else event.type
                    rungs.setdefault(rung, Counter())[kind] += 1
            for notice in connection.execute(select(notices.c.card, notices.c.action)):
                shown.setdefault(notice.card, Counter())[notice.action] += 1
            for question in connection.execute(select(verifications).where(verifications.c.state == "open")):
                yield f"{question.case_no}: {question.unit} was asked about {question.proof} and is waited for still"
        for rung, many in rungs.items():
            if many["route_opened"] != 1 or many["verification_opened"] > 1 or many["ended"] > 1:
                yield f"{rung}: {dict(many)}"
        for card, many in shown.items():
            if (many["show"], many["withdraw"]) != (1, 1):
                yield f"card {card}: {dict(many)}"

    def _wrong_in_their_books(self) -> Iterator[str]:
        books = self.books()
        for line in books:
            if line.effects != 1 or line.outcome != "concluded":
                yield f"{line.idempotency_key}: {line.effects} effects, {line.outcome}"
        effects: dict[str, Counter[str]] = {}
        for line in books:
            effects.setdefault(line.case_no, Counter())[line.item] += line.effects
        with self.database.reading() as connection:
            known = set(connection.execute(select(cases.c.case_no)).scalars())
        for case_no in known | effects.keys():
            found = effects.get(case_no, Counter())
            if case_no not in known:
                yield f"{case_no}: the departments know a case that we do not"
            if len(found) != ITEMS_OF_A_BIRTH or set(found.values()) != {1}:
                yield f"{case_no}: the departments' books hold {dict(found)}"

    def _wrong_in_temporal(self) -> Iterator[str]:
        with self.database.reading() as connection:
            wanted = {f"case-{case_id}" for case_id in connection.execute(select(cases.c.case_id)).scalars()}
        runs = self.runs()
        for workflow, many in Counter(run.workflow for run in runs).items():
            if many > 1 or workflow not in wanted:
                yield f"{workflow}: {many} runs"
        for run in runs:
            if run.status != "completed":
                yield f"{run.workflow}: {run.status}"
        for missing in wanted - {run.workflow for run in runs}:
            yield f"{missing}: never ran"
