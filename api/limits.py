"""The door (入口): how much a request may bring, how it is read, and what every answer carries.

One layer around the application, because each layer costs every request. It numbers requests, stops
bodies that are too long or never end, tells the time, and turns what nobody caught into an answer
without a word of what was sent.
"""

import asyncio
import json
import math
import os
import re
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import structlog
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.figures import Figures
from api.problems import Fault, Trouble, as_json, problem
from api.workbooks import BYTES_AT_MOST, TAKES
from domain.form import SHANGHAI

log: Final = structlog.get_logger("onething.api")

KEYS_AT_MOST: Final = 5_000
KEYS_OF_A_BATCH_AT_MOST: Final = 12_000
"""A thousand questions about two persons have ten names each."""
BRACKETS_AT_MOST: Final = 5_000
DEPTH_AT_MOST: Final = 32
"""An application is four deep."""

_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
UNMATCHED: Final = "unmatched"


class Door:
    """The outermost layer of the application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        bytes_at_most: int,
        arrives_within: float,
        clock: Callable[[], datetime],
        figures: Figures,
    ) -> None:
        self._app = app
        self._bytes_at_most = bytes_at_most
        self._arrives_within = arrives_within
        self._clock = clock
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = _wanted_headers(scope)
        parent = _TRACEPARENT.fullmatch(given.get(b"traceparent", ""))
        trace_id = parent[1] if parent else os.urandom(16).hex()
        asked_id = given.get(b"x-request-id", "")
        request_id = asked_id if _REQUEST_ID.fullmatch(asked_id) else uuid4().hex
        scope["trace_id"] = trace_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, trace_id=trace_id)
        began = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers["x-request-id"] = request_id
                headers["x-server-time"] = self._clock().astimezone(SHANGHAI).isoformat(timespec="milliseconds")
                headers["x-content-type-options"] = "nosniff"
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            length = given.get(b"content-length", "")
            kind = given.get(b"content-type", "").partition(";")[0].strip().lower()
            at_most = max(self._bytes_at_most, BYTES_AT_MOST) if kind in TAKES else self._bytes_at_most
            if length.isdecimal() and int(length[:20]) > at_most:
                await self._refuse(_too_long(at_most), trace_id, scope, receive, send_with_headers)
            else:
                body = _Body(receive, at_most, self._arrives_within)
                await self._app(scope, body.receive, send_with_headers)
        except Exception as fault:
            # Its message may quote what was sent, so the log has the place and the kind and no more.
            log.error("request failed", fault=type(fault).__name__, at=_places(fault))
            if status:
                raise _AfterTheFirstWord from None
            told = problem(trace_id, 500, "internal", "系统故障, 已记录", "something went wrong here; it is in the log")
            await as_json(told)(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", UNMATCHED)
            self._figures.answered.labels(scope["method"], route, status).observe(time.perf_counter() - began)

    async def _refuse(self, trouble: Trouble, trace_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        told = problem(trace_id, trouble.status_code, trouble.code, trouble.zh, trouble.en)
        await as_json(told, trouble.headers)(scope, receive, send)


class _AfterTheFirstWord(Exception):
    """The answer had begun when it failed; the server closes the connection so that nobody takes it for whole."""


class _Body:
    """A body as it arrives: counted, and not waited for without end."""

    def __init__(self, receive: Receive, bytes_at_most: int, within: float) -> None:
        self._receive = receive
        self._left = bytes_at_most
        self._bytes_at_most = bytes_at_most
        self._within = within
        self._deadline: float | None = None
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._deadline = self._deadline or loop.time() + self._within
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Trouble(
                408,
                "request.too_slow",
                "请求内容迟迟没有到达",
                "the body took too long to arrive",
                headers={"connection": "close"},
            ) from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _too_long(self._bytes_at_most)
        self._complete = not message.get("more_body", False)
        return message


def _too_long(bytes_at_most: int) -> Trouble:
    # Closed, because a sender who is not heard may go on sending.
    return Trouble(
        413,
        "request.too_long",
        f"请求内容最多 {bytes_at_most} 字节",
        f"the body may have at most {bytes_at_most} bytes",
        headers={"connection": "close"},
    )


_WANTED: Final = frozenset({b"traceparent", b"x-request-id", b"content-length", b"content-type"})


def _wanted_headers(scope: Scope) -> Mapping[bytes, str]:
    return {name: value.decode("latin-1") for name, value in scope["headers"] if name in _WANTED}


def _places(fault: BaseException) -> list[str]:
    frames = traceback.extract_tb(fault.__traceback__)[-8:]
    return [f"{'/'.join(frame.filename.rsplit('/', 2)[-2:])}:{frame.lineno} {frame.name}" for frame in frames]


# ── reading JSON ────────────────────────────────────────────────────────────────────────────────────────────────────


class StrictRoute(APIRoute):
    """A route whose JSON bodies are read strictly: everybody who reads the body reads the same."""

    keys_at_most = KEYS_AT_MOST

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given a request that reads strictly."""
        handler = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            strict.keys_at_most = self.keys_at_most
            return await handler(strict)

        return strictly


class BatchRoute(StrictRoute):
    """The same for a body of up to a thousand requests."""

    keys_at_most = KEYS_OF_A_BATCH_AT_MOST


class StrictRequest(Request):
    """A request whose body must be JSON of the kind that has one meaning."""

    keys_at_most = KEYS_AT_MOST

    async def body(self) -> bytes:
        """The body; another format than JSON is refused before it is looked at."""
        content = await super().body()
        if content and not _is_json(self.headers.get("content-type", "")):
            raise Trouble(
                415,
                "request.media_type",
                "请求内容应为 application/json, UTF-8 编码",
                "the body must be application/json in UTF-8",
            )
        return content

    async def json(self) -> Any:
        """The body's value; the text itself is kept beside it, to tell one request from another."""
        content = await self.body()
        value = read_json(content, keys_at_most=self.keys_at_most)
        self.state.body_text = content.decode()
        return value


def read_json(content: bytes, *, keys_at_most: int = KEYS_AT_MOST) -> Any:
    """The value; raises Trouble for what two readers could understand differently, or what is meant to hurt."""
    brackets = content.count(b"{") + content.count(b"[")
    if brackets > BRACKETS_AT_MOST or content.count(b":") > 4 * keys_at_most:
        raise _unreadable("too_many_parts", "JSON 的组成部分过多", "the JSON has too many parts")
    # No text is deeper than it has brackets, so that the usual one is not measured.
    if brackets > DEPTH_AT_MOST and _depth(content) > DEPTH_AT_MOST:
        raise _unreadable(
            "too_deep", f"JSON 嵌套最多 {DEPTH_AT_MOST} 层", f"the JSON is nested deeper than {DEPTH_AT_MOST}"
        )
    keys = 0

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal keys
        keys += len(pairs)
        if keys > keys_at_most:
            raise _unreadable("too_many_parts", "JSON 的组成部分过多", "the JSON has too many parts")
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _unreadable("duplicate_key", "JSON 中有重复的名称", "a name stands twice in one object of the JSON")
        return found

    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _unreadable("encoding", "请求内容不是有效的 UTF-8", "the body is not valid UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=_no_constant, parse_float=_finite)
    except Trouble:
        raise
    except (ValueError, RecursionError):
        raise _unreadable("syntax", "请求内容不是有效的 JSON", "the body is not valid JSON") from None
    if "\\u" in text:
        _no_halves(value)
    return value


def _depth(content: bytes) -> int:
    depth = deepest = 0
    for token in _STRUCTURE.finditer(content):
        match token[0]:
            case b"{" | b"[":
                depth += 1
                deepest = max(deepest, depth)
            case b"}" | b"]":
                depth -= 1
            case _:
                pass
    return deepest


def _no_constant(_: str) -> Any:
    raise _unreadable("number", "JSON 没有 NaN 和 Infinity", "JSON has no NaN and no Infinity")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _unreadable("number", "数字过大", "a number is too large")
    return number


def _no_halves(value: Any) -> None:
    # Half a character (a lone surrogate) can be written with an escape, and nowhere be stored.
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _unreadable("encoding", "编码有误", "the body contains half a character") from None


def _unreadable(code: str, zh: str, en: str) -> Trouble:
    fault = Fault(pointer="", code=code, detail=en, detail_zh=zh)
    return Trouble(422, "request.not_json", zh, en, faults=[fault])


def _is_json(content_type: str) -> bool:
    kind, _, parameters = content_type.lower().partition(";")
    kind = kind.strip()
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters)
    return (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))) and (
        charset is None or charset[1] in {"utf-8", "utf8"}
    )
