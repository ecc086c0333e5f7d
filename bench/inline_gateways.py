"""Departments and registers that answer at once and in the same process, so that a figure is the engine's own."""

from collections.abc import Mapping
from typing import Any

from activities.departments import Departments
from activities.faults import NotAccepted
from activities.settings import GatewaySettings
from activities.shared_data import Query, RegisterAnswer, SharedData
from demo.city.inline import InlineDepartments, NotTaken, answer_query
from domain.department_answers import Accepted, Concluded, Denied, read_answer


class InlineSharedData:
    """The registers of the demo city, without the wire."""

    async def ask(self, source: str, purpose: str, queries: Mapping[str, Query]) -> Mapping[str, RegisterAnswer]:
        """The same answers as the platform's."""
        return {
            key: RegisterAnswer(outcome, record or {})
            for key, query in queries.items()
            for outcome, record in (answer_query(source, dict(query)),)
        }


class InlineDesks:
    """The departments of the demo city, without the wire; their ledger lives in memory."""

    def __init__(self) -> None:
        self._desks = InlineDepartments()

    async def submit(self, department: str, key: str, body: Mapping[str, Any]) -> Concluded | Accepted | Denied:
        """The same answers as the departments'."""
        try:
            return read_answer(self._desks.submit(department, key, dict(body)))
        except NotTaken as fault:
            raise NotAccepted(department, f"http_{fault.status}") from None


def inline_gateways(_settings: GatewaySettings) -> tuple[SharedData, Departments]:
    """For `workers.running.serve`."""
    return InlineSharedData(), InlineDesks()
