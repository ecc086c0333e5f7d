"""One call to a service that is not ours: a total deadline, a size limit, no redirects, and slots of its own.

Whatever comes back that is not the agreed JSON is a fault with a name; an error page is never taken
for an answer, and its text goes nowhere, since it may hold anybody's data.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

import httpx2 as httpx
from pydantic import BaseModel, ValidationError

from activities.faults import GatewayFault, NoSlotFree, NotAccepted

RETRYABLE: Final = frozenset({401, 403, 404, 408, 409, 423, 425, 429})
"""4xx that say nothing against the submission itself: the department's door, not our paper."""


Answer = TypeVar("Answer", bound=BaseModel)
Method = Literal["POST", "PUT", "DELETE"]


class Gateway:
    """Calls to any number of services, each with its own slots."""

    def __init__(self, *, token: str | None, within: float, bytes_at_most: int, calls_at_once: int) -> None:
        self._within = within
        self._bytes_at_most = bytes_at_most
        self._calls_at_once = calls_at_once
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._client = httpx.AsyncClient(
            # Uncompressed, or a small answer could unfold to a gigabyte before anybody has counted it.
            headers={"accept-encoding": "identity", **({"authorization": f"Bearer {token}"} if token else {})},
            follow_redirects=False,
            trust_env=False,
            timeout=within,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def call(
        self,
        service: str,
        url: str,
        body: Mapping[str, Any] | None,
        answer: type[Answer],
        *,
        key: str | None = None,
        method: Method = "POST",
    ) -> Answer:
        """Send and read the answer; raises GatewayFault, or NotAccepted where trying again cannot help."""
        slots = self._slots.setdefault(service, asyncio.Semaphore(self._calls_at_once))
        called = False
        try:
            async with asyncio.timeout(self._within), slots:
                called = True
                status, content = await self._send(service, method, url, body, key)
        except TimeoutError:
            raise GatewayFault(service, "no_answer_in_time") if called else NoSlotFree(service) from None
        except httpx.HTTPError as fault:
            raise GatewayFault(service, f"connection:{type(fault).__name__}") from None
        if 400 <= status < 500 and status not in RETRYABLE:
            raise NotAccepted(service, f"http_{status}")
        if status not in {200, 201, 202}:
            raise GatewayFault(service, f"http_{status}")
        try:
            return answer.model_validate_json(content)
        except ValidationError:
            raise GatewayFault(service, "unreadable_answer") from None

    async def _send(
        self, service: str, method: Method, url: str, body: Mapping[str, Any] | None, key: str | None
    ) -> tuple[int, bytes]:
        headers = {"idempotency-key": key} if key else {}
        async with self._client.stream(method, url, json=body, headers=headers) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise GatewayFault(service, "unreadable_answer")
            content = bytearray()
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > self._bytes_at_most:
                    raise GatewayFault(service, "answer_too_long")
            return response.status_code, bytes(content)
