"""Whatever a service sends back: an answer in the agreed shape, or a fault with a name; never something in between."""

import asyncio
import gzip
import json
import re
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.departments import HttpDepartments
from activities.faults import GatewayFault, NoSlotFree, NotAccepted
from activities.gateway import RETRYABLE, Gateway
from activities.shared_data import HttpSharedData
from domain.department_answers import Accepted, Concluded, Denied
from tests.activities.http_service import Answer, Service, drip, endless, serving, silence, whole

DONE = {"outcome": "concluded", "reference": "GA0000000001", "products": {"citizen_id": "33990120261120000X"}}
LATER = {"outcome": "accepted", "reference": "GA0000000001"}
NO = {
    "outcome": "denied",
    "reference": "GA0000000001",
    "reason_code": "household_unknown",
    "reason": "随落户人无本市户籍",
}
POLICE = "public_security"
NAMED = re.compile(r"public_security: [A-Za-z0-9_:]+")
"""A fault as it may be logged and shown: nothing of what was answered."""


pytestmark = pytest.mark.anyio


@asynccontextmanager
async def gateway(
    *, within: float = 2.0, bytes_at_most: int = 100_000, calls_at_once: int = 8, token: str | None = None
) -> AsyncIterator[Gateway]:
    ours = Gateway(token=token, within=within, bytes_at_most=bytes_at_most, calls_at_once=calls_at_once)
    try:
        yield ours
    finally:
        await ours.close()


async def submit(ours: Gateway, service: Service, department: str = POLICE) -> Concluded | Accepted | Denied:
    return await HttpDepartments(ours, service.url, {}).submit(department, "3399-1/household_registration/1", {})


async def fault_of(answer: Answer, **limits: Any) -> GatewayFault:
    async with serving(answer) as service, gateway(**limits) as ours:
        with pytest.raises(GatewayFault) as caught:
            await submit(ours, service)
        return caught.value


def body(said: object) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()


@pytest.mark.parametrize(("said", "kind"), [(DONE, Concluded), (LATER, Accepted), (NO, Denied)])
async def test_a_readable_answer_is_taken_as_it_was_given(said: dict[str, Any], kind: type) -> None:
    async with serving(whole(body(said))) as service, gateway(token="secret") as ours:
        answer = await submit(ours, service)

    assert isinstance(answer, kind)
    assert answer.reference == "GA0000000001"
    assert service.asked == ["POST /public_security/submissions HTTP/1.1"]
    assert "idempotency-key: 3399-1/household_registration/1" in service.headers[0]
    assert "authorization: bearer secret" in service.headers[0]


# ── garbage ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Talk:
    """One service and one gateway for many calls, on a loop of their own."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._serving = serving(whole(b""))
        self._calling = gateway()
        self.service = self._runner.run(self._serving.__aenter__())
        self.gateway = self._runner.run(self._calling.__aenter__())

    def call(self, answer: Answer) -> object:
        self.service.answer = answer
        try:
            return self._runner.run(submit(self.gateway, self.service))
        except (GatewayFault, NotAccepted) as fault:
            return fault

    def end(self) -> None:
        self._runner.run(self._calling.__aexit__(None, None, None))
        self._runner.run(self._serving.__aexit__(None, None, None))
        self._runner.close()


@pytest.fixture(scope="module")
def talk() -> Iterator[Talk]:
    ours = Talk()
    yield ours
    ours.end()


SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
FIXED = settings(deadline=None, derandomize=True, database=None, suppress_health_check=SLOW_IS_FINE)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
OUTCOMES = frozenset({"concluded", "accepted", "denied"})
NO_TEXT = st.none() | st.booleans() | st.integers() | st.lists(st.text(max_size=3), max_size=2)
NO_REFERENCE = NO_TEXT | st.sampled_from(["", "x" * 65, "a b", "1\n", "<b>1</b>", "1;drop"])


@st.composite
def spoiled_answers(draw: st.DrawFn) -> bytes:
    """A right answer with exactly one thing wrong about it."""
    said: dict[str, Any] = dict(draw(st.sampled_from([DONE, LATER, NO])))
    match draw(st.integers(0, 6)):
        case 0:
            said["outcome"] = draw(st.text(max_size=12).filter(lambda text: text not in OUTCOMES) | NO_TEXT)
        case 1:
            said["reference"] = draw(NO_REFERENCE)
        case 2:
            said.pop(draw(st.sampled_from(["outcome", "reference"])))
        case 3:
            said = {**DONE, "products": draw(NO_TEXT | st.text() | st.dictionaries(st.text(), NO_TEXT, min_size=1))}
        case 4:
            said = {**NO, "reason_code": draw(NO_TEXT | st.sampled_from(["", "No", "原因", "a-b", "1a"]))}
        case 5:
            whole_text = body(said)
            return whole_text[: draw(st.integers(0, len(whole_text) - 1))]
        case _:
            return (json.dumps(said, ensure_ascii=False) + "，请到窗口").encode("gb18030")
    return body(said)


GARBAGE = (
    # hypothesis reads our sources for words worth trying, and could then say the right ones by itself.
    st.binary(max_size=200).filter(lambda said: b"outcome" not in said)
    | ANYTHING.filter(lambda said: not isinstance(said, dict) or "outcome" not in said).map(body)
    | spoiled_answers()
    | st.sampled_from(
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            "<!DOCTYPE html><h1>系统维护中</h1>".encode(),
            b'{"error":{"code":500,"message":"pool exhausted"}}',
            b'{"code":"0","msg":"success","data":{"outcome":"concluded","reference":"GA1"}}',
            b'\xef\xbb\xbf{"outcome":"accepted","reference":NaN}',
            b"[" * 100_000,
            b'{"outcome":"accepted","reference":"\\ud800"}',
        ]
    )
)


@settings(FIXED, max_examples=500)
@given(said=GARBAGE)
def test_b4_garbage_is_never_taken_for_an_answer(talk: Talk, said: bytes) -> None:
    outcome = talk.call(whole(said))

    assert isinstance(outcome, GatewayFault), "a page with an apology on it has concluded an item"
    assert outcome.fault == "unreadable_answer"
    assert NAMED.fullmatch(str(outcome)), "the fault repeats what was answered"


@settings(FIXED, max_examples=60)
@given(status=st.integers(203, 599).filter(lambda status: status not in {204, 205, 304}))
def test_the_right_words_under_another_status_are_no_answer(talk: Talk, status: int) -> None:
    outcome = talk.call(whole(body(DONE), status=status))

    mended_by_trying_again = not 400 <= status < 500 or status in RETRYABLE
    assert isinstance(outcome, GatewayFault if mended_by_trying_again else NotAccepted)
    assert str(outcome) == f"public_security: http_{status}"


# ── too long, too slow, elsewhere ───────────────────────────────────────────────────────────────────────────────────


MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("what", "answer", "fault"),
    [
        ("50 MB", endless(f"content-length: {50 * MEGABYTE}\r\n", bytes(50_000), times=1_000), "answer_too_long"),
        (
            "endless",
            endless("transfer-encoding: chunked\r\n", b"c350\r\n" + bytes(50_000) + b"\r\n"),
            "answer_too_long",
        ),
        (
            "a bomb",
            whole(gzip.compress(bytes(50 * MEGABYTE)), more="content-encoding: gzip\r\n"),
            "unreadable_answer",
        ),
    ],
)
async def test_b5_a_body_without_end_is_cut_at_the_limit(what: str, answer: Answer, fault: str) -> None:
    tracemalloc.start()
    try:
        caught = await fault_of(answer, bytes_at_most=MEGABYTE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert caught.fault == fault, what
    assert peak < 8 * MEGABYTE, f"{what} took {peak / MEGABYTE:.0f} MB"


async def test_b3_a_trickle_of_bytes_ends_at_the_total_deadline_and_gives_the_connection_back() -> None:
    async with serving(drip(body(DONE), seconds_per_byte=0.05)) as service, gateway(within=0.3) as ours:
        began = time.monotonic()
        with pytest.raises(GatewayFault, match="no_answer_in_time"):
            await submit(ours, service)
        took = time.monotonic() - began
        await asyncio.sleep(0.1)

        assert took < 3.0
        assert service.hung_up == 1


@pytest.mark.parametrize("address", ["/elsewhere", "http://169.254.169.254/latest/meta-data", "//127.0.0.1:1/"])
async def test_b6_a_redirect_is_a_fault_and_not_followed(address: str) -> None:
    async with serving(whole(b"", status=302, more=f"location: {address}\r\n")) as service, gateway() as ours:
        with pytest.raises(GatewayFault, match="http_302"):
            await submit(ours, service)

    assert service.asked == ["POST /public_security/submissions HTTP/1.1"]


async def test_nobody_at_the_address_is_a_fault() -> None:
    async with serving(silence) as gone:
        pass
    async with gateway() as ours:
        with pytest.raises(GatewayFault, match="connection:ConnectError"):
            await submit(ours, gone)


async def test_b2_a_black_hole_holds_its_own_slots_and_nobody_elses() -> None:
    async with (
        serving(silence) as hole,
        serving(whole(body(DONE))) as healthy,
        gateway(within=1.5, calls_at_once=2) as ours,
    ):
        # Many: at the deadline the first give up their slots, and the next may still slip in for a moment.
        lost = [asyncio.create_task(submit(ours, hole, "tax")) for _ in range(40)]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        answers = await asyncio.gather(*(submit(ours, healthy) for _ in range(10)))
        took = time.monotonic() - began
        called = len(hole.asked)
        faults = await asyncio.gather(*lost, return_exceptions=True)

    assert [type(answer) for answer in answers] == [Concluded] * 10
    assert took < 1.0, "the healthy department waited for the black hole"
    assert called == 2
    assert all(isinstance(fault, GatewayFault) for fault in faults)
    # Those that never left our own door say nothing about the department.
    assert sum(isinstance(fault, NoSlotFree) for fault in faults) >= 1


# ── registers ───────────────────────────────────────────────────────────────────────────────────────────────────────


FOUND = {"key": "mother_identity", "outcome": "found", "record": {"name": "尉迟㛃"}}


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [FOUND, FOUND],
        [FOUND, {**FOUND, "key": "father_identity"}],
        [{**FOUND, "key": "father_identity"}],
        [{**FOUND, "record": None}],
        [{**FOUND, "record": {}}],
        [{**FOUND, "record": {"name": 7}}],
        [{**FOUND, "record": [["name", "尉迟㛃"]]}],
        [{**FOUND, "outcome": "FOUND"}],
        [{**FOUND, "outcome": "matches"}],
    ],
)
async def test_a_register_that_answers_another_question_has_not_answered(answers: list[dict[str, Any]]) -> None:
    async with serving(whole(body({"answers": answers}))) as service, gateway() as ours:
        with pytest.raises(GatewayFault, match="unreadable_answer"):
            await HttpSharedData(ours, service.url).ask("identity_register", "3399-1", {"mother_identity": {"id": "1"}})


async def test_an_empty_register_is_news_and_not_a_fault() -> None:
    nothing = {"key": "mother_identity", "outcome": "not_found", "record": None}
    async with serving(whole(body({"answers": [nothing]}))) as service, gateway() as ours:
        answers = await HttpSharedData(ours, service.url).ask("identity_register", "3399-1", {"mother_identity": {}})

    assert answers["mother_identity"].outcome == "not_found"
    assert service.asked == ["POST /sources/identity_register/query HTTP/1.1"]
