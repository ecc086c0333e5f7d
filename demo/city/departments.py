"""The departments' systems, each under its own name: where an item is submitted and, at once or later, decided.

A fault may fall between booking and answering; the ledger then shows the effect that the caller never heard of.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from demo.city.administration import administration, as_response, for_administrators
from demo.city.callbacks import CallbackAddress, CallbackSender
from demo.city.faults import KINDS, Fault, Faults, Struck, spoiled
from demo.city.ledger import Ledger
from demo.city.population import Population
from demo.city.submissions import REFERENCE_PREFIXES, Departments
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

NEVER_BOOKED = Reply(200, b'{"outcome":"concluded","reference":"--","products":{}}')


class DepartmentSystems:
    """The ASGI application around `Departments`."""

    def __init__(
        self, ledger: Ledger, city: Population, token: str, admin_token: str, address: CallbackAddress | None = None
    ) -> None:
        self.departments = Departments(ledger, city)
        self.ledger = ledger
        self.entry = f"Bearer {token}".encode()
        self.faults = Faults(REFERENCE_PREFIXES, KINDS, city.seed)
        self.sender = CallbackSender(ledger, address) if address else None
        self.rest = Starlette(
            routes=[
                *administration(self.faults, admin_token),
                Route("/admin/callbacks", for_administrators(self._callbacks, admin_token), methods=["GET"]),
                Route("/ledger", self._entries, methods=["GET"]),
                Route("/{department}/ledger", self._entries, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.endswith("/submissions"):
            await self.rest(scope, receive, send)
            return
        department = path[1 : -len("/submissions")]
        try:
            body = await read_body(receive)
            self._admit(scope, department)
        except BadRequest as bad:
            await send_reply(send, bad.reply)
            return
        struck = self.faults.strike(department)
        if struck.delay_seconds:
            await asyncio.sleep(struck.delay_seconds)
        fault = struck.spoils
        if fault is None:
            await send_reply(send, self._submit(scope, department, body, struck))
        else:
            await self._fail(fault, struck, scope, department, body, receive, send)

    def _admit(self, scope: Scope, department: str) -> None:
        if not may_enter(scope, self.entry):
            raise BadRequest(401, "the department does not know this token")
        if scope["method"] != "POST":
            raise BadRequest(405, "an item is submitted with POST")
        if department not in REFERENCE_PREFIXES:
            raise BadRequest(404, f"no department is called {department}")

    def _submit(self, scope: Scope, department: str, body: bytes, struck: Struck) -> Reply:
        try:
            submission = parsed_object(body)
        except BadRequest as bad:
            return bad.reply
        reply = self.departments.submit(department, header(scope, b"idempotency-key"), submission, struck)
        if reply.status == 202 and self.sender is not None:
            self.sender.something_is_due()
        return reply

    async def _fail(
        self, fault: Fault, struck: Struck, scope: Scope, department: str, body: bytes, receive: Receive, send: Send
    ) -> None:
        # A slow answer is still the true one, so there is always something to be slow about.
        books = fault.fault == "slow_body" or fault.lets_the_effect_happen()
        reply = self._submit(scope, department, body, struck) if books else NEVER_BOOKED
        if fault.fault == "down":
            await hang_up(receive, send)
        elif fault.fault == "black_hole":
            await never_answer(receive)
        elif fault.fault == "slow_body":
            await send_slowly(send, reply, fault.seconds)
        else:
            await send_reply(send, spoiled(fault, reply))

    async def _entries(self, request: Request) -> Response:
        department = request.path_params.get("department")
        if department is not None and department not in REFERENCE_PREFIXES:
            return as_response(problem(404, f"no department is called {department}"))
        return as_response(Reply(200, as_json(self.ledger.entries(department))))

    async def _callbacks(self, _: Request) -> Response:
        return as_response(Reply(200, as_json(self.ledger.callbacks())))

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        telling = asyncio.create_task(self.sender.run()) if self.sender else None
        try:
            yield
        finally:
            if telling:
                telling.cancel()
                with suppress(asyncio.CancelledError):
                    await telling
            self.ledger.close()
