"""The data-sharing platform: one address through which every register of the city is asked, and the cards on its desks.

A question states its purpose and the asking unit, as the sharing rules demand, and may carry several people at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from demo.city import insured
from demo.city.administration import administration, as_response
from demo.city.faults import SPOILING, Fault, Faults, spoiled
from demo.city.notices import NEVER_TAKEN, Cards
from demo.city.population import Population
from demo.city.registers import REGISTERS, WrongKeys, answer_query
from demo.city.wire import (
    BadRequest,
    Reply,
    as_json,
    hang_up,
    header,
    may_enter,
    never_answer,
    parsed_object,
    problem,
    read_body,
    send_reply,
    send_slowly,
)

MOST_QUERIES_AT_ONCE = 100
NOTICES = "notices"


class Platform:
    """The ASGI application; `query` and `cards` are the whole of it without the network."""

    def __init__(self, city: Population, token: str, admin_token: str, cards: Cards | None = None) -> None:
        self.city = city
        self.cards = cards or Cards()
        self.entry = f"Bearer {token}".encode()
        self.faults = Faults({*REGISTERS, NOTICES}, SPOILING | {"latency"}, city.seed)
        self.rest = Starlette(
            routes=[
                *administration(self.faults, admin_token),
                Route("/cards", self._cards, methods=["GET"]),
                Route("/notices", self._notices, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith("/cards/"):
            await self._take_notice(path[len("/cards/") :], scope, receive, send)
            return
        source, _, what = path.removeprefix("/sources/").partition("/")
        if scope["type"] != "http" or not path.startswith("/sources/") or what not in {"query", *READ_AHEAD}:
            await self.rest(scope, receive, send)
            return
        try:
            body = await read_body(receive)
            self._admit(scope, source)
        except BadRequest as bad:
            await send_reply(send, bad.reply)
            return
        struck = self.faults.strike(source)
        if struck.delay_seconds:
            await asyncio.sleep(struck.delay_seconds)
        reply = self.query(source, body) if what == "query" else self.read_ahead(source, what, body)
        await _answer(reply, struck.spoils, receive, send)

    async def _take_notice(self, card: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(receive)
            if not may_enter(scope, self.entry):
                raise BadRequest(401, "the platform does not know this token")
        except BadRequest as bad:
            await send_reply(send, bad.reply)
            return
        struck = self.faults.strike(NOTICES)
        if struck.delay_seconds:
            await asyncio.sleep(struck.delay_seconds)
        fault = struck.spoils
        takes = fault is None or fault.fault == "slow_body" or fault.lets_the_effect_happen()
        key = header(scope, b"idempotency-key")
        reply = self.cards.take(scope["method"], card, key, body) if takes else NEVER_TAKEN
        await _answer(reply, fault, receive, send)

    async def _cards(self, request: Request) -> Response:
        if not may_enter(request.scope, self.entry):
            return as_response(problem(401, "the platform does not know this token"))
        return as_response(Reply(200, as_json(self.cards.shown(request.query_params.get("account")))))

    async def _notices(self, request: Request) -> Response:
        if not may_enter(request.scope, self.entry):
            return as_response(problem(401, "the platform does not know this token"))
        return as_response(Reply(200, as_json(self.cards.entries())))

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.cards.close()

    def _admit(self, scope: Scope, source: str) -> None:
        if not may_enter(scope, self.entry):
            raise BadRequest(401, "the platform does not know this token")
        if scope["method"] != "POST":
            raise BadRequest(405, "a register is asked with POST")
        if source not in REGISTERS:
            raise BadRequest(404, f"the platform lists no source called {source}")

    def read_ahead(self, source: str, what: str, body: bytes) -> Reply:
        """The register of insured persons, for those who come to an age (无感智办)."""
        try:
            if source != "insured_persons":
                raise BadRequest(404, "this register cannot be read ahead")
            asked = parsed_object(body)
            if lacking := [(f"/{name}", "is required") for name in READ_AHEAD[what] if name not in asked]:
                raise BadRequest(422, "the platform cannot answer this", lacking)
        except BadRequest as bad:
            return bad.reply
        answer = insured.people(asked, self.city.size) if what == "people" else insured.records(asked, self.city)
        return Reply(200, as_json(answer))

    def query(self, source: str, body: bytes) -> Reply:
        try:
            asked = parsed_object(body)
            wrong = _contradictions(asked)
            if wrong:
                raise BadRequest(422, "the platform cannot answer this", wrong)
            answers = []
            for place, question in enumerate(asked["queries"]):
                try:
                    outcome, record = answer_query(source, question["by"], self.city)
                except WrongKeys as keys:
                    raise BadRequest(
                        422, "the platform cannot answer this", [(f"/queries/{place}/by", str(keys))]
                    ) from keys
                answers.append({"key": question["key"], "outcome": outcome, "record": record})
        except BadRequest as bad:
            return bad.reply
        return Reply(200, as_json({"answers": answers}))


READ_AHEAD = {"people": ("born", "after", "limit", "district"), "records": ("persons",)}
"""What may be read of the register of insured persons without a case, and what has to be named for it."""


async def _answer(reply: Reply, fault: Fault | None, receive: Receive, send: Send) -> None:
    if fault is None:
        await send_reply(send, reply)
    elif fault.fault == "down":
        await hang_up(receive, send)
    elif fault.fault == "black_hole":
        await never_answer(receive)
    elif fault.fault == "slow_body":
        await send_slowly(send, reply, fault.seconds)
    else:
        await send_reply(send, spoiled(fault, reply))


def _contradictions(asked: dict[str, Any]) -> list[tuple[str, str]]:
    wrong = [
        (f"/{name}", "is required: a question states its purpose and who asks")
        for name in ("purpose", "unit")
        if not isinstance(asked.get(name), str) or not asked[name].strip()
    ]
    queries = asked.get("queries")
    if not isinstance(queries, list) or not 1 <= len(queries) <= MOST_QUERIES_AT_ONCE:
        return [*wrong, ("/queries", f"is a list of 1 to {MOST_QUERIES_AT_ONCE}")]
    for place, question in enumerate(queries):
        if not isinstance(question, dict):
            wrong.append((f"/queries/{place}", "is an object"))
            continue
        if not isinstance(question.get("key"), str) or not question["key"]:
            wrong.append((f"/queries/{place}/key", "is required"))
        by = question.get("by")
        if not isinstance(by, dict) or not by or not all(isinstance(v, str) for v in by.values()):
            wrong.append((f"/queries/{place}/by", "is an object of texts"))
    return wrong
