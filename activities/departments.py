"""送达部门: submitting an item to the department that owes it, under a key that makes a repetition harmless."""

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from activities.faults import GatewayFault
from activities.gateway import Gateway
from domain.department_answers import Accepted, Concluded, Denied, read_answer


class Departments(Protocol):
    """The port: any department's system."""

    async def submit(self, department: str, key: str, body: Mapping[str, Any]) -> Concluded | Accepted | Denied:
        """The department's answer; the same key has the same answer. Raises GatewayFault or NotAccepted."""
        ...


class _Whatever(BaseModel):
    """An answer that is JSON; whether it is one of ours is read next."""

    model_config = ConfigDict(extra="allow")


class HttpDepartments:
    """Departments over HTTP, each at its own address."""

    def __init__(self, gateway: Gateway, url: str, urls: Mapping[str, str]) -> None:
        self._gateway = gateway
        self._url = url.rstrip("/")
        self._urls = {department: address.rstrip("/") for department, address in urls.items()}

    async def submit(self, department: str, key: str, body: Mapping[str, Any]) -> Concluded | Accepted | Denied:
        """One call; whether it is the first under this key is the department's to know."""
        url = f"{self._urls.get(department, f'{self._url}/{department}')}/submissions"
        answered = await self._gateway.call(department, url, body, _Whatever, key=key)
        try:
            return read_answer(answered.model_extra or {})
        except ValueError:
            raise GatewayFault(department, "unreadable_answer") from None
