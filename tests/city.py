"""The demo city in this process, without the network, and with a switch for everything that its offices can do wrong."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from activities.faults import GatewayFault, NotAccepted
from activities.shared_data import Query, RegisterAnswer
from demo.city.faults import Fault, Struck
from demo.city.inline import answer_query
from demo.city.ledger import Ledger
from demo.city.population import CITY
from demo.city.submissions import Departments
from domain.actors import Actor
from domain.commands import command_id
from domain.department_answers import Accepted, Concluded, Denied, read_answer
from store.answers import recorded
from store.cases import CaseStore
from store.commands import Handled
from tests.desk import MONDAY


class City:
    """Registers and departments; what is in a set is in that state until it is taken out."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._departments = Departments(self.ledger, CITY)
        self.away: set[str] = set()
        """Services of which no answer comes: a fault after `silent_for` seconds."""
        self.silent_for = 0.0
        self.answers_later: set[str] = set()
        self.says_no: set[str] = set()
        self.cannot_read: set[str] = set()
        self.holds_nothing: set[str] = set()
        self.says_otherwise: dict[str, dict[str, str]] = {}
        """What a register's records say since then, by its code."""
        self.calls: list[tuple[str, str]] = []

    async def ask(self, source: str, purpose: str, queries: Mapping[str, Query]) -> Mapping[str, RegisterAnswer]:
        """The platform's port."""
        self.calls.append((source, purpose))
        await self._maybe_away(source)
        answers: dict[str, RegisterAnswer] = {}
        for key, query in queries.items():
            if source in self.holds_nothing:
                answers[key] = RegisterAnswer("not_found", {})
                continue
            outcome, record = answer_query(source, dict(query))
            answers[key] = RegisterAnswer(outcome, {**record, **self.says_otherwise.get(source, {})} if record else {})
        return answers

    async def submit(self, department: str, key: str, body: Mapping[str, Any]) -> Concluded | Accepted | Denied:
        """The departments' port."""
        self.calls.append((department, key))
        await self._maybe_away(department)
        if department in self.cannot_read:
            raise NotAccepted(department, "http_422")
        struck = Struck(
            later=_arranged(department, "later") if department in self.answers_later else None,
            deny=_arranged(department, "deny") if department in self.says_no else None,
        )
        reply = self._departments.submit(department, key, json.loads(json.dumps(dict(body))), struck)
        if reply.status >= 400:
            raise NotAccepted(department, f"http_{reply.status}")
        return read_answer(json.loads(reply.body))

    def call_back(self, store: CaseStore, case_ids: Mapping[str, UUID], at: Any = MONDAY) -> list[Handled]:
        """Tell every answer that is owed, as the callback route does."""
        handled = []
        for callback in self.ledger.callbacks_due(time.time() + 10, 1000):
            handled.append(self.tell(store, case_ids, json.loads(callback.payload), at))
            self.ledger.settle_callback(callback.number, "delivered")
        return handled

    def tell(
        self, store: CaseStore, case_ids: Mapping[str, UUID], told: Mapping[str, Any], at: Any = MONDAY
    ) -> Handled:
        """Tell one answer."""
        case_no, item, attempt = str(told["submission"]).split("/")
        case_id = case_ids[case_no]
        answer = read_answer({name: value for name, value in told.items() if name != "submission"})
        command, kept = recorded(
            store.open_case_file(case_id),
            item,
            int(attempt),
            answer,
            id=command_id(case_id, "callback", told["submission"], answer.outcome, answer.reference),
            at=at,
            by=Actor(account="integrator-1", unit="departments"),
        )
        return store.handle(case_id, [command], kept=kept, tell_workflow=True)

    def effects(self, case_no: str) -> dict[str, int]:
        """What the departments' own books hold of a case: item -> effects."""
        found: dict[str, int] = {}
        for entry in self.ledger.entries():
            if entry["case_no"] == case_no:
                found[entry["item"]] = found.get(entry["item"], 0) + entry["effects"]
        return found

    async def _maybe_away(self, service: str) -> None:
        await asyncio.sleep(0)
        if service in self.away:
            await asyncio.sleep(self.silent_for)
            raise GatewayFault(service, "http_503")


def _arranged(service: str, fault: str) -> Fault:
    return Fault(service, fault, 1.0, 0.0, None, {}, None, "1")
