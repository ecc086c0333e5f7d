"""What is too long, too deep, ambiguous or not JSON at all is refused in one shape, soon, and nothing comes of it."""

import json
import re
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from api.limits import read_json
from api.problems import Trouble
from store.cases import CaseStore
from store.database import Database
from tests.api.conftest import Api, Clock, Served
from tests.api.test_cases import how_many_cases
from tests.desk import store_on

CASES = "/api/v1/cases"
FULLEST = json.dumps({"bundle": "newborn", "application": {}}).encode()

BODIES: dict[str, tuple[bytes, int, str]] = {
    "ten megabytes": (b'{"bundle":"' + b"x" * 10_000_000 + b'"}', 413, "request.too_long"),
    "depth 10,000": (b"[" * 10_000 + b"]" * 10_000, 422, "request.not_json"),
    "depth 40": (b'{"a":' * 40 + b"1" + b"}" * 40, 422, "request.not_json"),
    "unclosed": (b"[" * 4_000, 422, "request.not_json"),
    "very many keys": (b"{" + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}", 422, "request.not_json"),
    "a key twice": (b'{"bundle":"newborn","bundle":"newborn","application":{}}', 422, "request.not_json"),
    "a key twice, inside": (b'{"bundle":"newborn","application":{"a":1,"\\u0061":2}}', 422, "request.not_json"),
    "NaN": (b'{"bundle":"newborn","application":{"a":NaN}}', 422, "request.not_json"),
    "infinity": (b'{"bundle":"newborn","application":{"a":-Infinity}}', 422, "request.not_json"),
    "too large a number": (b'{"bundle":"newborn","application":{"a":1e999}}', 422, "request.not_json"),
    "too long a number": (b'{"bundle":"newborn","application":{"a":' + b"9" * 5000 + b"}}", 422, "request.not_json"),
    "invalid UTF-8": (b'{"bundle":"\xff\xfe"}', 422, "request.not_json"),
    "GB18030": ('{"bundle":"新生儿"}'.encode("gb18030"), 422, "request.not_json"),
    "UTF-16": ('{"bundle":"newborn"}'.encode("utf-16"), 422, "request.not_json"),
    "half a character": (b'{"bundle":"newborn","application":{"a":"\\ud800"}}', 422, "request.not_json"),
    "not JSON": (b"bundle=newborn", 422, "request.not_json"),
    "nothing": (b"", 422, "request.not_valid"),
    "a list": (b"[]", 422, "request.not_valid"),
    "null": (b"null", 422, "request.not_valid"),
    "wrong types": (b'{"bundle":5,"application":"x"}', 422, "request.not_valid"),
    "unknown field": (b'{"bundle":"newborn","application":{},"status":"concluded"}', 422, "request.not_valid"),
}


def post(api: Api, body: bytes, **headers: str) -> httpx.Response:
    given = {"content-type": "application/json", "idempotency-key": "k"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return api.by("desk-1").post(CASES, content=body, headers=given)


REFUSED_WITHIN_CPU_SECONDS = 10.0
"""Far above the milliseconds that it takes; whoever reads such a body with more than linear effort takes minutes."""


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_cannot_be_meant_is_refused_at_once(api: Api, kind: str) -> None:
    body, status, code = BODIES[kind]
    # The processor's time: the clock on the wall also measures who else is at work on this machine.
    began = time.process_time()

    answered = post(api, body)

    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.json()["code"] == code
    assert time.process_time() - began < REFUSED_WITHIN_CPU_SECONDS
    assert how_many_cases(api) == 0


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=gbk"],
)
def test_another_format_is_refused(api: Api, content_type: str) -> None:
    answered = post(api, FULLEST, content_type=content_type)

    assert (answered.status_code, answered.json()["code"]) == (415, "request.media_type")


def test_what_was_sent_never_comes_back(api: Api) -> None:
    number = "339901199403170006"
    bodies: list[Any] = [
        {"bundle": number, "application": number, number: number},
        {"bundle": "newborn", "application": {number: {number: number}}},
        {"bundle": "newborn", "application": {"mother": number}},
    ]

    for body in bodies:
        assert number not in post(api, json.dumps(body).encode()).text
    for path in (
        f"/api/v1/cases?state={number}",
        f"/api/v1/cases?{number}=1",
        f"/api/v1/bundles/x{number}",
        f"/api/v1/{number}",
    ):
        assert number not in api.by("desk-1").get(path).text


def test_names_and_texts_of_all_kinds_are_taken_as_they_are_or_refused(api: Api) -> None:
    for hostile in (
        "'; DROP TABLE events; --",
        "<script>alert(1)</script>",
        "{{7*7}}${7*7}",
        "=cmd|' /C calc'!A0",
        "line\nnext",
        "\x00",
        "\u202eabc",
        "𫖯䶮" * 100,
        "x" * 1_000,
        "../../etc/passwd",
    ):
        answered = api.by("desk-1").post(
            "/api/v1/people/search", json={"by": "name", "value": hostile, "reason": f"窗口{hostile}"}
        )
        assert answered.status_code in {200, 422}
        answered = api.by("desk-1").get(CASES, params={"q": hostile, "bundle": hostile})
        assert answered.status_code == 422


def test_a_body_without_end_is_cut_off(api: Api) -> None:
    with raw(api) as line:
        line.sendall(_head(api, "transfer-encoding: chunked"))
        sent, chunk = 0, b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        with suppress(OSError):
            while sent < 100_000_000:
                line.sendall(chunk)
                sent += len(chunk)
    # What lies in the machines' buffers does not count as read.
    assert sent < 20_000_000


def test_a_body_that_trickles_is_not_waited_for(
    database: Database, tokens: dict[str, str], another_api: Served, clock: Clock
) -> None:
    with another_api(store_on(database), clock, request_arrives_within_seconds=0.3) as url:
        ours = Api(url, store_on(database), clock, tokens)
        with raw(ours) as line:
            line.sendall(_head(ours, "content-length: 100") + b"{")
            assert b"408" in line.recv(4096)


def test_two_hundred_who_send_nothing_do_not_keep_others_waiting(api: Api) -> None:
    waiting = [raw(api) for _ in range(200)]
    try:
        for line in waiting:
            line.sendall(_head(api, "content-length: 100") + b"{")
        took = []
        for _ in range(20):
            began = time.perf_counter()
            assert api.by("desk-1").get(CASES).status_code == 200
            took.append(time.perf_counter() - began)
        assert sorted(took)[18] < 1
    finally:
        for line in waiting:
            line.close()


def test_large_bodies_leave_no_memory_behind(api: Api) -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux tells")

    def megabytes() -> int:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) // 1024  # type: ignore[index]  # always there

    post(api, BODIES["very many keys"][0])
    before = megabytes()
    for kind in ("very many keys", "depth 10,000", "unclosed"):
        for _ in range(5):
            post(api, BODIES[kind][0])
    assert megabytes() - before < 50


def raw(api: Api) -> socket.socket:
    address = urlsplit(api.url)
    return socket.create_connection((address.hostname, address.port), timeout=10)


def _head(api: Api, length: str) -> bytes:
    return (
        f"POST {CASES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {api.tokens['desk-1']}\r\n"
        f"content-type: application/json\r\nidempotency-key: k\r\n{length}\r\n\r\n"
    ).encode()


# ── the shape of errors ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_error_has_one_shape(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("secret 339901199403170006")

    client = api.by("desk-1")
    answers = {
        401: httpx.get(f"{api.url}{CASES}"),
        403: client.get("/api/v1/tasks"),
        404: client.get("/api/v1/nowhere"),
        405: client.delete(CASES),
        422: client.get(f"{CASES}?limit=0"),
        400: client.post(CASES, json={"bundle": "newborn", "application": {}}),
    }
    monkeypatch.setattr(CaseStore, "case_file", breaks)
    answers[500] = client.get(f"{CASES}/{api.filed()}")

    for status, answered in answers.items():
        told = answered.json()
        assert (answered.status_code, told["status"]) == (status, status)
        assert answered.headers["content-type"] == "application/problem+json"
        assert told["type"] == f"urn:onething:problem:{told['code']}"
        assert re.fullmatch(r"[0-9a-f]{32}", told["trace_id"])
        assert told["title"]
        assert told["detail"]
        assert told["detail_zh"]
    assert answers[405].headers["allow"] == "GET, POST"
    assert "secret" not in answers[500].text


def test_a_trace_goes_through(api: Api) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "x-request-id": "counter-7.1"}

    answered = api.by("desk-1").get("/api/v1/nowhere", headers=headers)
    other = api.by("desk-1").get("/api/v1/nowhere", headers={"traceparent": "00-x-y-z", "x-request-id": "a b\tc"})

    assert answered.json()["trace_id"] == trace
    assert answered.headers["x-request-id"] == "counter-7.1"
    assert re.fullmatch(r"[0-9a-f]{32}", other.json()["trace_id"])
    assert other.headers["x-request-id"] != "a b\tc"


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ['{"a":[{"b":"[{"}]}', '{"a":"\\ud83d\\ude00"}', "[]", '"x"', '{"a":"\\"{["}'])
def test_what_is_meant_is_read(text: str) -> None:
    assert read_json(text.encode()) == json.loads(text)


def test_brackets_in_texts_are_not_depth() -> None:
    read_json(json.dumps({"a": "[{" * 500}).encode())


def test_32_deep_is_read_and_33_is_not() -> None:
    read_json(b"[" * 32 + b"]" * 32)
    with pytest.raises(Trouble):
        read_json(b"[" * 33 + b"]" * 33)
