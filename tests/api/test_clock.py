"""Whose time it was: every second belongs to somebody, the sum is the elapsed time, and everybody is told the same why."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.actors import Actor
from domain.commands import ResumeVerification, SuspendVerification, command_id
from tests.api.conftest import Api
from tests.api.test_cases import concluded
from tests.api.test_single_proofs import PROOF, answered, asked, case_id_of, engine_goes_on, settled
from tests.api.test_single_proofs import api as api  # with a bank
from tests.desk import MONDAY

CHIEF = Actor(account="chief", unit="police")


def clock_of(api: Api, case_no: str, by: str = "bank-1") -> dict[str, Any]:
    told = api.by(by).get(f"/api/v1/cases/{case_no}/clock")
    assert told.status_code == 200, told.text
    found: dict[str, Any] = json.loads(told.text, parse_float=Decimal)
    return found


def adds_up(clock: dict[str, Any]) -> None:
    """To the microsecond, for the case and for each of its items."""
    assert sum(share["seconds"] for share in clock["shares"]) == clock["elapsed_seconds"]
    for part in (clock, *clock["items"]):
        whole = part.get("seconds", clock["elapsed_seconds"])
        assert sum(share["seconds"] for share in part["shares"]) == whole
        assert sum(share["share"] for share in part["shares"]) == (1 if whole else 0)


def suspended(api: Api, case_no: str, *, for_minutes: int) -> None:
    """The chief of the police unit stops the clock, and starts it again."""
    case_id = case_id_of(api, case_no)
    id_, note = command_id(case_id, "stop"), "note/stop"
    stop = SuspendVerification(id=id_, at=api.clock(), by=CHIEF, proof=PROOF, round=1, rung=0, note=note)
    api.store.act(case_id, stop, note=note, reason="调阅纸质档案")
    api.clock.at += timedelta(minutes=for_minutes)
    id_ = command_id(case_id, "go")
    api.store.act(case_id, ResumeVerification(id=id_, at=api.clock(), by=CHIEF, proof=PROOF, round=1, rung=0))


def test_every_second_is_somebodys_and_suspended_time_is_named(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    api.clock.at += timedelta(minutes=5, microseconds=1)
    suspended(api, case_no, for_minutes=60)
    api.clock.at += timedelta(minutes=7)
    answered(api, case_no, "contradicts", "底册登记不同")
    api.clock.at += timedelta(minutes=20, milliseconds=1)
    settled(api, case_no, met=True)
    api.clock.at += timedelta(days=3)

    clock = clock_of(api, case_no)

    adds_up(clock)
    held = {(share["kind"], share["code"], share["suspended"]): share["seconds"] for share in clock["shares"]}
    assert held == {
        ("unit", "police", True): 3600,
        ("caseworker", None, False): Decimal("1200.001"),
        ("unit", "police", False): Decimal("720.000001"),
    }
    assert clock["elapsed_seconds"] == Decimal("5520.001001")
    assert clock["suspended_seconds"] == 3600
    assert clock["shares"][0]["title"] == "police: 父子(女)关系证明 (中止计时)"
    (item,) = clock["items"]
    assert (item["item"], item["seconds"]) == ("answer", clock["elapsed_seconds"])
    assert clock["waiting_label"]["zh"] == "已结束, 不再等待"


def test_a_running_case_is_counted_until_now_and_says_why_it_waits(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    api.clock.at = MONDAY + timedelta(minutes=10)

    clock = clock_of(api, case_no)

    adds_up(clock)
    assert clock["elapsed_seconds"] == 600
    assert clock["until"] == "2026-11-23T09:10:00.000+08:00"
    assert [(share["kind"], share["proof"], share["route"]) for share in clock["shares"]] == [
        ("unit", PROOF, "department_verification")
    ]
    (wait,) = clock["waits"]
    assert (wait["on"], wait["due"]) == ("unit:police", "2026-11-23T09:30:00.000+08:00")
    assert clock["waiting_label"]["zh"] == wait["zh"]
    # The same sentence for whoever may ask.
    assert clock_of(api, case_no, "caseworker-1")["waits"] == clock["waits"]


def test_the_person_who_had_it_is_named_to_staff(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    officer = api.by("officer-1")
    (line,) = officer.get(f"/api/v1/inbox?q={case_no}").json()["verifications"]
    claimed = officer.post(f"/api/v1/inbox/{line['id']}/claim", headers={"idempotency-key": "mine"})
    assert claimed.status_code == 200
    api.clock.at += timedelta(minutes=1)

    assert "officer-1" in {share["account"] for share in clock_of(api, case_no, "caseworker-1")["shares"]}
    # A department sees its own item, and no names.
    seen = clock_of(api, case_no, "officer-1")
    assert seen["shares"] == []
    assert [item["item"] for item in seen["items"]] == ["answer"]
    assert {share["account"] for item in seen["items"] for share in item["shares"]} == {None}


@pytest.mark.parametrize("by", ["desk-1", "caseworker-1"])
def test_a_whole_life_event_adds_up_too(api: Api, by: str) -> None:
    case_no = api.filed()
    api.clock.at += timedelta(hours=1, microseconds=333_333)
    concluded(api, case_no)

    clock = clock_of(api, case_no, by)

    adds_up(clock)
    assert len(clock["items"]) == 8
    assert {share["kind"] for item in clock["items"] for share in item["shares"]} >= {"item", "register"}
    assert all(share["title"] and share["title_en"] for item in clock["items"] for share in item["shares"])


def test_a_department_sees_its_own_items_of_a_life_event_only(api: Api) -> None:
    case_no = api.filed()
    api.clock.at += timedelta(hours=1)

    clock = clock_of(api, case_no, "officer-1")

    assert {item["item"] for item in clock["items"]} == {"household_registration"}
    assert clock["shares"] == []


@pytest.mark.parametrize(("by", "status"), [("neighbour-1", 404), ("far-caseworker", 404), ("auditor-1", 403)])
def test_whoever_may_not_see_the_case_does_not_see_its_clock(api: Api, by: str, status: int) -> None:
    case_no = api.filed()

    assert api.by(by).get(f"/api/v1/cases/{case_no}/clock").status_code == status
