"""Whoever is asked in a house that is struck: two registrars, the communities, and the caseworker behind them.

Registrars and caseworker go by the API and ask again until they are answered, as the clerks do; both registrars look at
every question, so that some are answered twice. Communities have no account here and answer as their link would.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid5

import httpx2 as httpx
from sqlalchemy import select

from domain.actors import Actor
from domain.commands import AnswerVerification
from domain.events import Answer
from domain.refusals import Refusal
from store.cases import CaseStore
from store.database import StoreUnavailable
from store.tables import verifications
from tests.chaos.clerks import ANSWERS_WITHIN_SECONDS

LOOKS_EVERY_SECONDS = 0.2
SAID: Sequence[Answer] = ("matches", "matches", "matches", "contradicts", "no_record", "hand_to_community")
REASON = "已查阅档案"
ANSWERED = frozenset({200, 404, 409})
"""404: the question was withdrawn while they looked; 409: a colleague was faster, and so on."""


class Officers:
    """They look at their inboxes until the block is left."""

    def __init__(
        self, store: CaseStore, api_urls: Sequence[str], registrars: Sequence[str], caseworker: str, seed: str
    ) -> None:
        self.statuses: Counter[int] = Counter()
        self.answered: Counter[str] = Counter()
        """Route -> answers that were taken."""
        self._store = store
        self._api_urls = tuple(api_urls)
        self._seed = seed
        self._done: set[str] = set()
        self._going_home = threading.Event()
        self._lock = threading.Lock()
        self._client = httpx.Client(timeout=ANSWERS_WITHIN_SECONDS, trust_env=False)
        looks: list[Callable[[], None]] = [
            *(lambda token=token: self._answer_inbox(token) for token in registrars),
            self._answer_for_communities,
            lambda: self._settle_tasks(caseworker),
        ]
        self._threads = [threading.Thread(target=self._again_and_again, args=(look,), daemon=True) for look in looks]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._going_home.set()
        for thread in self._threads:
            thread.join(2 * ANSWERS_WITHIN_SECONDS)
        self._client.close()

    def _again_and_again(self, look: Callable[[], None]) -> None:
        while not self._going_home.wait(LOOKS_EVERY_SECONDS):
            try:
                look()
            except (httpx.HTTPError, ValueError, KeyError, StoreUnavailable):
                continue  # whatever it was, it is still there at the next look

    def _answer_inbox(self, token: str) -> None:
        for question in self._ask(token, "GET", "/api/v1/inbox").json()["verifications"]:
            key = f"{question['id']}-{token[-6:]}"
            if key not in self._done:
                said = {"answer": self._answer_to(question["id"]), "reason": REASON}
                path = f"/api/v1/inbox/{question['id']}/answer"
                answered = self._ask(token, "POST", path, json=said, headers={"idempotency-key": key})
                self._note(key, answered.status_code, "department_verification")

    def _settle_tasks(self, token: str) -> None:
        for task in self._ask(token, "GET", "/api/v1/tasks").json()["tasks"]:
            decided, seen = {"met": True, "reason": REASON}, {"if-match": task["etag"]}
            answered = self._ask(token, "POST", task["act"], json=decided, headers=seen)
            self._note(f"{task['case_no']}{task['act']}", answered.status_code, "escalation")

    def _answer_for_communities(self) -> None:
        with self._store.database.reading() as connection:
            waiting = connection.execute(
                select(verifications).where(verifications.c.route == "community_check", verifications.c.state == "open")
            ).all()
        for asked in waiting:
            command = AnswerVerification(
                id=uuid5(asked.id, "answer"),
                at=datetime.now(UTC),
                by=Actor(account="by-link", unit=asked.unit),
                proof=asked.proof,
                round=asked.round,
                rung=asked.rung,
                answer="matches",
            )
            try:
                self._store.act(asked.case_id, command)
            except Refusal:
                continue
            self._note(str(asked.id), 200, "community_check")

    def _answer_to(self, question: str) -> Answer:
        return random.Random(f"{self._seed}/{question}").choice(SAID)

    def _ask(self, token: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", **more.pop("headers", {})}
        url = self._api_urls[int(time.monotonic() * 1000) % len(self._api_urls)]
        return self._client.request(method, f"{url}{path}", headers=headers, **more)

    def _note(self, key: str, status: int, route: str) -> None:
        with self._lock:
            self.statuses[status] += 1
            if status in ANSWERED:
                self._done.add(key)
            if status == 200:
                self.answered[route] += 1
