"""Where somebody on this machine arranges faults and takes them back: `/admin/faults`, and `/healthz` beside it.

Both services share these addresses, so that a test arranges a dead register and a dead department in the same words.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.city.faults import Faults
from demo.city.wire import BadRequest, Reply, as_json, may_administer, parsed_object, problem

Handler = Callable[[Request], Awaitable[Response]]


def as_response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.content_type.decode())


def administration(faults: Faults, admin_token: str) -> list[Route]:
    async def healthz(_: Request) -> Response:
        return as_response(Reply(200, b'{"status":"ok"}'))

    async def arranged(_: Request) -> Response:
        return as_response(Reply(200, as_json([fault.shown() for fault in faults.in_force])))

    async def arrange(request: Request) -> Response:
        fault = faults.add(parsed_object(await request.body()))
        return as_response(Reply(201, as_json(fault.shown())))

    async def clear(request: Request) -> Response:
        faults.clear(request.path_params.get("service"))
        return Response(status_code=204)

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/admin/faults", for_administrators(arranged, admin_token), methods=["GET"]),
        Route("/admin/faults", for_administrators(arrange, admin_token), methods=["POST"]),
        Route("/admin/faults", for_administrators(clear, admin_token), methods=["DELETE"]),
        Route("/admin/faults/{service}", for_administrators(clear, admin_token), methods=["DELETE"]),
    ]


def for_administrators(handler: Handler, admin_token: str) -> Handler:
    async def guarded(request: Request) -> Response:
        if not may_administer(request.scope, admin_token):
            return as_response(problem(403, "faults are arranged on this machine, with the admin token"))
        try:
            return await handler(request)
        except BadRequest as bad:
            return as_response(bad.reply)

    return guarded
