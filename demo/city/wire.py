"""How a city service takes a request and gives an answer, with nothing between it and the socket.

The services are part of what is benchmarked, so the two busy addresses are read straight from ASGI; the seldom used
ones (health, faults, ledger) stay ordinary Starlette routes.
"""

import asyncio
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

MOST_BYTES_IN_A_REQUEST = 1_000_000
JSON_TYPE = b"application/json; charset=utf-8"
PROBLEM_TYPE = b"application/problem+json; charset=utf-8"
DEMO_TOKEN = "demo-city"  # no secret: it opens made-up people, on this machine's own loopback
ADMIN_HEADER = "x-admin-token"
LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: bytes = JSON_TYPE


class BadRequest(ValueError):
    """The request cannot be understood; `pointers` says where, so that the sender can mend it."""

    def __init__(self, status: int, title: str, pointers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(title)
        self.reply = problem(status, title, pointers)


def problem(status: int, title: str, pointers: Iterable[tuple[str, str]] = ()) -> Reply:
    said: dict[str, Any] = {"title": title, "status": status}
    errors = [{"pointer": pointer, "detail": detail} for pointer, detail in pointers]
    if errors:
        said["errors"] = errors
    return Reply(status, as_json(said), PROBLEM_TYPE)


def as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


async def read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BYTES_IN_A_REQUEST:
            raise BadRequest(413, "the request is larger than a city service reads")
    return body


def parsed_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
        if b"\\u" in body:
            # Half a surrogate pair is valid JSON but no character: no ledger could store it.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadRequest(422, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest(422, "the body is not a JSON object")
    return value


def header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def may_enter(scope: Scope, expected: bytes) -> bool:
    """`expected` is the whole header value; compared in constant time, as a real platform would."""
    for key, value in scope["headers"]:
        if key == b"authorization":
            return hmac.compare_digest(value, expected)
    return False


def may_administer(scope: Scope, token: str) -> bool:
    client = scope.get("client")
    given = header(scope, ADMIN_HEADER.encode())
    return (
        client is not None
        and client[0] in LOOPBACK
        and given is not None
        and hmac.compare_digest(given.encode("latin-1"), token.encode())
    )


async def send_reply(send: Send, reply: Reply) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [
                (b"content-type", reply.content_type),
                (b"content-length", b"%d" % len(reply.body)),
            ],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})


async def send_slowly(send: Send, reply: Reply, seconds_per_byte: float) -> None:
    length = (b"content-length", b"%d" % len(reply.body))
    headers = [(b"content-type", reply.content_type), length]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    for place in range(len(reply.body)):
        await send({"type": "http.response.body", "body": reply.body[place : place + 1], "more_body": True})
        await asyncio.sleep(seconds_per_byte)
    await send({"type": "http.response.body", "body": b""})


async def never_answer(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def hang_up(receive: Receive, send: Send) -> None:
    """ASGI has no word for closing the connection unanswered, so the server's own transport is asked."""
    cycle = getattr(send, "__self__", None)
    if cycle is None or not hasattr(cycle, "transport"):
        raise ConnectionError("this server cannot hang up")
    cycle.transport.close()
    await never_answer(receive)
