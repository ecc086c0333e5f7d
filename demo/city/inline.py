"""The city without the network, for benchmarks that measure the product and not the sockets.

Same registers, same desks, same ledger as the services; only the wire is missing.
"""

import json
from pathlib import Path
from typing import Any

from demo.city.ledger import IN_MEMORY, Ledger
from demo.city.population import CITY, Population
from demo.city.registers import answer_query
from demo.city.submissions import Departments

__all__ = ["InlineDepartments", "NotTaken", "answer_query"]


class NotTaken(ValueError):
    """The department would have answered with a problem: 404, 409 or 422."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status}: {problem['title']}")
        self.status = status
        self.problem = problem


class InlineDepartments:
    def __init__(self, ledger: Path | str = IN_MEMORY, city: Population = CITY) -> None:
        self.ledger = Ledger(ledger)
        self._departments = Departments(self.ledger, city)

    def submit(self, department: str, idempotency_key: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = self._departments.submit(department, idempotency_key, body)
        said: dict[str, Any] = json.loads(reply.body)
        if reply.status >= 400:
            raise NotTaken(reply.status, said)
        return said

    def entries(self, department: str | None = None) -> list[dict[str, Any]]:
        return self.ledger.entries(department)
