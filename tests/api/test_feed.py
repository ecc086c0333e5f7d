"""What happens is told in one order, to those who may hear it, and to nobody after their right is gone."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx
import pytest

from store.accounts import revoke_token
from tests.api.conftest import Api
from tests.api.test_cases import contested
from tests.desk import family


@contextmanager
def listening(api: Api, account: str, path: str, **headers: str) -> Iterator[Iterator[dict[str, Any]]]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with api.by(account).stream("GET", path, headers=given) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["x-accel-buffering"] == "no"
        yield messages(stream)


def messages(stream: httpx.Response) -> Iterator[dict[str, Any]]:
    """The messages, and comments as {"comment": …}."""
    message: dict[str, Any] = {}
    for line in stream.iter_lines():
        if not line:
            if message and "retry" not in message:
                yield message
            message = {}
            continue
        name, _, value = line.partition(": ")
        message[name or "comment"] = json.loads(value) if name == "data" else value


def events_only(told: Iterator[dict[str, Any]], many: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for message in told:
        if "id" in message:
            found.append(message)
            if len(found) == many:
                break
    return found


def read_all(api: Api, account: str = "auditor-1") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.by(account).get("/api/v1/events?limit=200").json()["events"]
    return found


def test_the_feed_is_read_page_by_page(api: Api) -> None:
    api.filed(family(1), key="1")
    api.filed(family(2), key="2")
    whole = read_all(api)

    path, found = "/api/v1/events?limit=7", []
    while path:
        answered = api.by("auditor-1").get(path)
        found += answered.json()["events"]
        path = answered.headers.get("link", "").partition(">")[0].removeprefix("<")

    assert found == whole
    assert {event["type"] for event in whole} >= {"case_opened", "route_opened", "item_accepted"}
    assert "people" not in whole[0]["facts"]


def test_a_listener_hears_what_it_missed_and_then_what_comes(api: Api) -> None:
    case_no = api.filed()
    missed = read_all(api)

    with listening(api, "auditor-1", "/api/v1/events/stream", last_event_id=missed[2]["cursor"]) as told:
        before = events_only(told, len(missed) - 3)
        contested(api, case_no)
        after = events_only(told, 1)

    assert [message["data"] for message in before] == missed[3:]
    assert after[0]["event"] == "proof_contested"
    assert after[0]["data"]["case_no"] == case_no


def test_without_a_cursor_one_hears_from_now_on(api: Api) -> None:
    case_no = api.filed()

    with listening(api, "auditor-1", "/api/v1/events/stream?types=proof_contested") as told:
        later = threading.Timer(0.3, contested, (api, case_no))
        later.start()
        (heard,) = events_only(told, 1)
        later.join()

    assert heard["event"] == "proof_contested"


def test_everybody_listens_to_one_look(api: Api) -> None:
    case_no = api.filed()
    heard: list[list[dict[str, Any]]] = []
    here = threading.Barrier(6)

    def listen() -> None:
        with listening(api, "auditor-1", "/api/v1/events/stream?types=proof_contested") as told:
            here.wait()
            heard.append(events_only(told, 1))

    crowd = [threading.Thread(target=listen) for _ in range(5)]
    for one in crowd:
        one.start()
    here.wait()
    threading.Event().wait(0.2)
    contested(api, case_no)
    for one in crowd:
        one.join(20)

    assert len(heard) == 5
    assert all(messages == heard[0] for messages in heard)


def test_a_unit_hears_of_its_own_cases_only(api: Api) -> None:
    ours = api.filed(family(1), key="1")
    api.filed(family(2), by="neighbour-1", key="2")

    assert {event["case_no"] for event in read_all(api, "hospital-system")} == {ours}
    with listening(api, "hospital-system", "/api/v1/events/stream?after=0-0") as told:
        assert {message["data"]["case_no"] for message in events_only(told, 10)} == {ours}


def test_a_silent_stream_says_that_it_lives_and_ends_when_the_right_is_gone(api: Api) -> None:
    with listening(api, "auditor-1", "/api/v1/events/stream") as told:
        assert {"comment": "still here"} in [next(told), next(told)]
        with api.store.database.begin() as connection:
            revoke_token(connection, api.tokens["auditor-1"], api.clock.at)
        assert all("comment" in message for message in told)


def test_a_page_learns_that_its_case_changed_and_no_more(api: Api) -> None:
    case_no, other = api.filed(family(1), key="1"), api.filed(family(2), key="2")

    with listening(api, "desk-1", f"/api/v1/cases/{case_no}/changes") as told:
        later = [threading.Timer(0.3, contested, (api, number)) for number in (other, case_no)]
        for one in later:
            one.start()
        (heard,) = events_only(told, 1)
        for one in later:
            one.join()

    assert heard["event"] == "changed"
    assert set(heard["data"]) == {"version"}
    assert heard["data"]["version"] == int(api.etag(case_no).strip('"'))


@pytest.mark.parametrize(
    "cursor", ["x", "1", "1-", "-1-1", "1-1-1", "9" * 30 + "-1", "9223372036854775808-1", "1_0-1", "1-٣"]
)
def test_a_cursor_that_was_never_ours_is_refused(api: Api, cursor: str) -> None:
    for path in ("/api/v1/events", "/api/v1/events/stream"):
        assert api.by("auditor-1").get(path, params={"after": cursor}).status_code == 422


def test_only_some_may_follow_everything(api: Api) -> None:
    assert api.by("desk-1").get("/api/v1/events/stream").status_code == 403
    assert api.by("officer-1").get("/api/v1/cases/339901012611230000011/changes").status_code == 404
