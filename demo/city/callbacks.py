"""Telling the city's customer, later, how a submission ended — again and again until it says that it has heard.

Pending news lives in the ledger, not in memory: a department that is restarted still owes its answers.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from demo.city.ledger import Callback, Ledger

MOST_AT_ONCE = 50
ANSWERS_WITHIN_SECONDS = 10.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 30.0
LOOKS_AGAIN_AFTER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class CallbackAddress:
    url: str
    token: str
    tokens: Mapping[str, str] = field(default_factory=dict)
    """Department -> its own token, for a customer who lets no department answer for another; else `token`."""


class CallbackSender:
    def __init__(self, ledger: Ledger, address: CallbackAddress) -> None:
        self.ledger = ledger
        self.address = address
        self._news = asyncio.Event()

    def something_is_due(self) -> None:
        self._news.set()

    async def run(self) -> None:
        headers = {"content-type": "application/json"}
        async with httpx2.AsyncClient(headers=headers, timeout=ANSWERS_WITHIN_SECONDS, trust_env=False) as client:
            while True:
                self._news.clear()
                due = self.ledger.callbacks_due(time.time(), MOST_AT_ONCE)
                if due:
                    await asyncio.gather(*(self._tell(client, callback) for callback in due))
                    continue
                await self._wait()

    async def _wait(self) -> None:
        next_at = self.ledger.next_callback_at()
        pause = LOOKS_AGAIN_AFTER_SECONDS if next_at is None else max(0.0, next_at - time.time())
        try:
            await asyncio.wait_for(self._news.wait(), min(pause, LOOKS_AGAIN_AFTER_SECONDS))
        except TimeoutError:
            return

    async def _tell(self, client: httpx2.AsyncClient, callback: Callback) -> None:
        """All copies leave at once; one that was heard, or refused for good, settles the matter."""
        department = self.ledger.department_of(json.loads(callback.payload)["submission"])
        token = self.address.tokens.get(department, self.address.token)
        statuses = await asyncio.gather(*(self._post(client, callback.payload, token) for _ in range(callback.copies)))
        if any(200 <= status < 300 for status in statuses):
            self.ledger.settle_callback(callback.number, "delivered")
        elif any(400 <= status < 500 for status in statuses):
            self.ledger.settle_callback(callback.number, "refused")
        else:
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(callback.tries, 10))
            self.ledger.postpone_callback(callback.number, time.time() + pause)

    async def _post(self, client: httpx2.AsyncClient, payload: bytes, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        try:
            return (await client.post(self.address.url, content=payload, headers=headers)).status_code
        except (httpx2.HTTPError, OSError):
            return 0
