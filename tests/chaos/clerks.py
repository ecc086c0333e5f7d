"""Clerks at the birth desk: each files one application after another, and asks again until it is acknowledged.

What a careful client does, and no more: one Idempotency-Key for each application, the same body every time, the
other API when one does not answer, and no end of patience.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import httpx2 as httpx

from demo.city.examples import application_for
from demo.city.population import CITY

ACKNOWLEDGED = frozenset({200, 201})
ANSWERS_WITHIN_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 0.5


class Clerks:
    """As many as file at once; leaving the block sends them home."""

    def __init__(self, api_urls: Sequence[str], token: str, *, first_family: int, at_once: int, seed: str) -> None:
        self.acknowledged: dict[str, str] = {}
        """Idempotency-Key -> case number, for every application that was answered 200 or 201; in that order."""
        self.statuses: Counter[int] = Counter()
        self.unanswered = 0
        """Requests that ended without an answer."""
        self._api_urls = tuple(api_urls)
        self._seed = seed
        self._families = _with_eight_items(first_family)
        self._filed: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._going_home = threading.Event()
        self._pool = ThreadPoolExecutor(at_once, "clerk")
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            timeout=ANSWERS_WITHIN_SECONDS,
            trust_env=False,
        )

    def file(self, applications: int) -> None:
        """Let so many families come to the desk; returns at once."""
        for _ in range(applications):
            number, application = next(self._families)
            key = f"family-{number}"
            self._filed[key] = json.dumps(application, ensure_ascii=False).encode()
            self._pool.submit(self._until_acknowledged, key)

    def waiting(self) -> int:
        """How many applications are not acknowledged yet."""
        return len(self._filed) - len(self.acknowledged)

    def all_acknowledged(self, within: float) -> None:
        """Wait until every application that was filed is acknowledged."""
        self.wait_for(len(self._filed), within=within)

    def wait_for(self, many: int, *, within: float) -> None:
        """Wait until so many applications are acknowledged."""
        until = time.monotonic() + within
        while len(self.acknowledged) < many:
            assert time.monotonic() < until, f"{self.waiting()} applications are not acknowledged after {within:g} s"
            time.sleep(0.02)

    def ask_again(self) -> dict[str, str]:
        """File everything once more under the same keys; returns the case numbers of now."""
        first = dict(self.acknowledged)
        return {key: self._ask(key, self._api_urls[0]) or "none" for key in first}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._going_home.set()
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def _until_acknowledged(self, key: str) -> None:
        chances = random.Random(f"{self._seed}/{key}")
        while not self._going_home.is_set():
            case_no = self._ask(key, chances.choice(self._api_urls))
            if case_no is not None:
                with self._lock:
                    self.acknowledged[key] = case_no
                return
            time.sleep(chances.uniform(0.05, LONGEST_PAUSE_SECONDS))

    def _ask(self, key: str, api_url: str) -> str | None:
        try:
            answered = self._client.post(
                f"{api_url}/api/v1/cases", content=self._filed[key], headers={"idempotency-key": key}
            )
            case_no: str | None = answered.json()["case_no"] if answered.status_code in ACKNOWLEDGED else None
        except (httpx.HTTPError, ValueError):
            with self._lock:
                self.unanswered += 1
            return None
        with self._lock:
            self.statuses[answered.status_code] += 1
        return case_no


def _with_eight_items(first: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Families to whom all eight items apply: a mother who is not insured has no benefit to claim."""
    number = first
    while True:
        family = CITY.family(number)
        if family.mother_scheme != "none":
            yield number, application_for(family)
        number += 1
