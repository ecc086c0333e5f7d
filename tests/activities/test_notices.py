"""A notice reaches its receiver as it was meant, or there is a fault with a name; the log never holds a way in."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import structlog
from pydantic import ValidationError

from activities.faults import GatewayFault, NotAccepted
from activities.gateway import Gateway
from activities.notices import Addressee, HttpNotices, LogNotices, Message, notice_adapter, tell
from activities.settings import NoticeSettings
from domain.notices import Action
from store.notices import Unsent
from tests.activities.http_service import Answer, drip, serving, silence, whole
from tests.desk import MONDAY
from tests.notices import receiving

pytestmark = pytest.mark.anyio

NOTICE = Unsent(
    number=1,
    id=UUID("0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4d"),
    card=UUID("1a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4d"),
    case_id=UUID("2a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4d"),
    case_no="339901202611230000011",
    action="show",
    audience="owner",
    unit="community-339901001001",
    account=None,
    division="339901",
    title="母亲身份",
    title_en="Mother's identity",
    due=MONDAY + timedelta(minutes=30),
    reminded=0,
    made_at=MONDAY,
    attempts=0,
    refusals=0,
)
CONTACT = Addressee("尉迟㛃", ("15498000001",))
LINK = "http://127.0.0.1:8000/v/token-that-lets-in"
MESSAGE = Message(NOTICE, ("officer-1",), CONTACT, LINK)
TAKEN = json.dumps({"notice": str(NOTICE.id)}).encode()
METHODS: dict[Action, str] = {
    "show": "PUT",
    "update": "PUT",
    "remind": "POST",
    "passed": "POST",
    "withdraw": "DELETE",
}


def of(action: Action) -> Message:
    return replace(MESSAGE, notice=replace(NOTICE, action=action))


@asynccontextmanager
async def adapter(url: str, *, within: float = 2.0, token: str | None = None) -> AsyncIterator[HttpNotices]:
    gateway = Gateway(token=token, within=within, bytes_at_most=1_000, calls_at_once=8)
    try:
        yield HttpNotices(gateway, url)
    finally:
        await gateway.close()


# ── over HTTP ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("action", METHODS)
async def test_every_action_has_its_method_and_the_notice_is_the_key(action: Action) -> None:
    async with serving(whole(TAKEN)) as service, adapter(service.url, token="secret") as ours:
        await tell(ours, of(action))

    assert service.asked == [f"{METHODS[action]} /cards/{NOTICE.card} HTTP/1.1"]
    assert f"idempotency-key: {NOTICE.id}" in service.headers[0]
    assert "authorization: bearer secret" in service.headers[0]
    assert ("content-type" in service.headers[0]) == (action != "withdraw")


async def test_a_card_says_what_waits_for_whom_and_until_when(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        async with adapter(receiver.url, token="receiver") as ours:
            await tell(ours, MESSAGE)
        (card,) = receiver.cards()

    assert card == {
        "card": str(NOTICE.card),
        "action": "show",
        "audience": "owner",
        "case_no": NOTICE.case_no,
        "title": "母亲身份",
        "title_en": "Mother's identity",
        "unit": NOTICE.unit,
        "due": "2026-11-23T01:30:00+00:00",
        "reminded": 0,
        "made_at": "2026-11-23T01:00:00+00:00",
        "recipients": [{"account": "officer-1"}, {"name": "尉迟㛃", "phones": ["15498000001"]}],
        "link": LINK,
    }


async def test_a_card_is_changed_and_withdrawn_and_a_repetition_does_nothing(tmp_path: Path) -> None:
    def named(action: Action, id: int) -> Message:
        return replace(MESSAGE, notice=replace(NOTICE, action=action, id=UUID(int=id), reminded=id * 10))

    with receiving(tmp_path) as receiver:
        async with adapter(receiver.url, token="receiver") as ours:
            await tell(ours, named("show", 1))
            await tell(ours, named("update", 2))
            assert [card["reminded"] for card in receiver.cards("officer-1")] == [20]
            await tell(ours, named("withdraw", 3))
            await tell(ours, named("withdraw", 3))
            await tell(ours, named("show", 1))
            await tell(ours, named("passed", 4))

        assert receiver.cards() == []
        assert [(one["action"], one["calls"], one["effects"]) for one in receiver.told()] == [
            ("show", 2, 1),
            ("update", 1, 1),
            ("withdraw", 2, 1),
            ("passed", 1, 1),
        ]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (whole(json.dumps({"notice": str(uuid4())}).encode()), "answer_about_another_notice"),
        (whole(b"<html>OK</html>"), "unreadable_answer"),
        (whole(b"{}"), "unreadable_answer"),
        (whole(b"", status=500), "http_500"),
        (whole(b"", status=404), "http_404"),
        (whole(b" " * 5_000 + TAKEN), "answer_too_long"),
        (silence, "no_answer_in_time"),
        (drip(TAKEN, seconds_per_byte=0.1), "no_answer_in_time"),
    ],
)
async def test_whatever_is_not_its_own_answer_is_a_fault_with_a_name(answer: Answer, fault: str) -> None:
    async with serving(answer) as service, adapter(service.url, within=0.5) as ours:
        with pytest.raises(GatewayFault) as caught:
            await tell(ours, MESSAGE)

    assert caught.value.fault == fault


@pytest.mark.parametrize("status", [404, 410])
async def test_a_card_that_is_not_there_counts_as_withdrawn_and_as_nothing_else(status: int) -> None:
    async with serving(whole(b"no such card", status=status)) as service, adapter(service.url) as ours:
        await tell(ours, of("withdraw"))
        for action in set(METHODS) - {"withdraw"}:
            with pytest.raises((GatewayFault, NotAccepted)) as caught:
                await tell(ours, of(action))
            assert str(caught.value).endswith(f"http_{status}")


@pytest.mark.parametrize("status", [401, 403, 422, 500])
async def test_a_withdrawal_that_is_refused_for_any_other_reason_is_not_taken(status: int) -> None:
    async with serving(whole(b"{}", status=status)) as service, adapter(service.url) as ours:
        with pytest.raises((GatewayFault, NotAccepted)):
            await tell(ours, of("withdraw"))


async def test_a_receiver_that_is_not_there_is_a_fault_and_one_that_refuses_says_so(tmp_path: Path) -> None:
    async with adapter("http://127.0.0.1:1") as ours:
        with pytest.raises(GatewayFault) as away:
            await tell(ours, MESSAGE)
    async with serving(whole(b"{}", status=422)) as service, adapter(service.url) as ours:
        with pytest.raises(NotAccepted) as refused:
            await tell(ours, MESSAGE)

    assert away.value.fault.startswith("connection:")
    assert refused.value.fault == "http_422"


# ── into the log ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("action", METHODS)
async def test_the_log_says_what_was_told_by_reference_and_holds_nobody_and_no_link(action: Action) -> None:
    with structlog.testing.capture_logs() as lines:
        await tell(LogNotices(), of(action))

    (line,) = lines
    assert (line["event"], line["action"], line["case_no"]) == ("notice", action, NOTICE.case_no)
    assert line["notice"] == str(NOTICE.id)
    assert line["accounts"] == ["officer-1"]
    assert [secret for secret in ("尉迟㛃", "15498000001", "token-that-lets-in") if secret in str(line)] == []


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_notices_are_logged_unless_a_service_is_named(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    settings = NoticeSettings(notices_adapter="http", notices_url="http://127.0.0.1:1/", notices_token_file=token)

    assert isinstance(notice_adapter(NoticeSettings()), LogNotices)
    over_http = notice_adapter(settings)
    await over_http.close()
    assert isinstance(over_http, HttpNotices)


@pytest.mark.parametrize("url", [None, ""])
def test_a_service_without_an_address_is_refused_by_the_name_of_the_setting(url: str | None) -> None:
    with pytest.raises(ValidationError, match="notices_url"):
        NoticeSettings(notices_adapter="http", notices_url=url)


@pytest.fixture(autouse=True)
def _settings_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NoticeSettings.model_fields:
        monkeypatch.delenv(f"ONETHING_{name.upper()}", raising=False)
