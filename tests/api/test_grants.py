"""A unit applies and signs over HTTP, the data centre decides, auditors read along, and everybody else is refused."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from domain.departments import REGISTERS
from domain.grants import sources_needed
from domain.scopes import Role
from domain.single_proof import SOURCES
from store.accounts import add_account, add_unit, issue_token
from store.tables import accounts
from tests.api.conftest import Api
from tests.desk import DIVISION, MONDAY, newborn

WANTED: dict[str, Any] = {
    "source": "marriage_register",
    "purpose": "newborn",
    "reason": "核验父母婚姻状况",
    "valid_until": "2027-11-22",
}
NEW_ACCOUNTS = {
    "ward-1": ("ward", Role.BIRTH_DESK),
    "ward-2": ("ward", Role.UNIT_CHIEF),
    "other-1": ("other-ward", Role.BIRTH_DESK),
    "centre-1": ("data-centre", Role.DATA_CENTRE),
    "asking-1": ("asking-bank", Role.REQUESTER),
}


@pytest.fixture
def api(api: Api) -> Api:
    """With units to which nothing is granted, and a data centre."""
    with api.store.database.begin() as connection:
        for unit in dict.fromkeys(unit for unit, _ in NEW_ACCOUNTS.values()):
            add_unit(connection, unit, title=unit, division=DIVISION)
        for account, (unit, role) in NEW_ACCOUNTS.items():
            add_account(connection, account, unit=unit, role=role)
            api.tokens[account] = issue_token(connection, account, label="test", at=MONDAY)
    return api


def apply(api: Api, by: str = "ward-1", key: str = "key-1", **changed: Any) -> Any:
    return api.by(by).post("/api/v1/grants", json=WANTED | changed, headers={"idempotency-key": key})


def applied(api: Api, by: str = "ward-1", key: str = "key-1", **changed: Any) -> str:
    answered = apply(api, by, key, **changed)
    assert answered.status_code == 201, answered.text
    number: str = answered.json()["id"]
    return number


def post(api: Api, by: str, number: str, what: str, reason: str | None = None) -> Any:
    body = None if reason is None else {"reason": reason}
    return api.by(by).post(f"/api/v1/grants/{number}/{what}", json=body)


def listed(api: Api, by: str, query: str = "") -> list[dict[str, Any]]:
    answered = api.by(by).get(f"/api/v1/grants?{query}")
    assert answered.status_code == 200, answered.text
    found: list[dict[str, Any]] = answered.json()["grants"]
    return found


def missing(api: Api, by: str, query: str = "bundle=newborn") -> list[str]:
    answered = api.by(by).get(f"/api/v1/grants/missing?{query}")
    assert answered.status_code == 200, answered.text
    return [one["code"] for one in answered.json()["missing"]]


def test_a_unit_applies_signs_and_is_permitted(api: Api) -> None:
    assert missing(api, "ward-1") == list(sources_needed(newborn()))
    number = applied(api)

    assert post(api, "ward-2", number, "confidentiality").json()["confidentiality_signed_by"] == "ward-2"
    told = post(api, "centre-1", number, "approval")

    assert told.status_code == 200
    assert (told.json()["state"], told.json()["approved_by"], told.json()["valid_until"]) == (
        "approved",
        "centre-1",
        "2027-11-22",
    )
    assert told.json()["source"] == {
        "code": "marriage_register",
        "title": "婚姻登记信息",
        "title_en": REGISTERS["marriage_register"].title_en,
    }
    assert "marriage_register" not in missing(api, "ward-1")
    assert "marriage_register" in missing(api, "other-1")


def test_the_same_request_again_is_the_same_application(api: Api) -> None:
    first, again, other = apply(api), apply(api), apply(api, reason="另一个理由")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key.reused")


def test_what_waits_for_a_decision_is_a_conflict(api: Api) -> None:
    applied(api)

    again = apply(api, key="key-2")

    assert (again.status_code, again.json()["code"]) == (409, "grant.already_applied_for")


@pytest.mark.parametrize(
    ("changed", "pointer", "rule"),
    [
        ({"source": "gossip"}, "/source", "unknown"),
        ({"source": "Marriage Register"}, "/source", "pattern"),
        ({"purpose": "wedding"}, "/purpose", "unknown"),
        ({"purpose": "**"}, "/purpose", "pattern"),
        ({"reason": "  "}, "/reason", "blank"),
        ({"valid_until": "2026-11-23"}, "/valid_until", "past"),
        ({"valid_until": "2028-11-24"}, "/valid_until", "too_late"),
        ({"valid_until": "2027-02-29"}, "/valid_until", "pattern"),
        ({"valid_until": "20271122"}, "/valid_until", "pattern"),
        ({"valid_until": "2027-11-22T00:00:00Z"}, "/valid_until", "pattern"),
        ({"valid_until": 1826841600}, "/valid_until", "pattern"),
        ({"valid_until": None}, "/valid_until", "pattern"),
        ({"unit": "hospital"}, "/unit", "unknown"),
    ],
)
def test_a_faulty_application_names_field_and_rule_and_keeps_nothing(
    api: Api, changed: dict[str, Any], pointer: str, rule: str
) -> None:
    answered = apply(api, **changed)

    assert answered.status_code == 422, answered.text
    assert [(fault["pointer"], fault["code"]) for fault in answered.json()["errors"]] == [(pointer, rule)]
    assert all(fault["detail"] and fault["detail_zh"] for fault in answered.json()["errors"])
    assert listed(api, "ward-1") == []


def test_every_fault_is_named_at_once(api: Api) -> None:
    answered = apply(api, source="gossip", purpose="wedding", valid_until="2020-01-01")

    assert {fault["pointer"] for fault in answered.json()["errors"]} == {"/source", "/purpose", "/valid_until"}


@pytest.mark.parametrize(
    ("what", "by", "status", "code"),
    [
        ("confidentiality", "other-1", 404, "grant.unknown"),
        ("confidentiality", "centre-1", 403, "not_allowed"),
        ("approval", "ward-2", 403, "not_allowed"),
        ("approval", "caseworker-1", 403, "not_allowed"),
        ("approval", "auditor-1", 403, "not_allowed"),
        ("approval", "centre-1", 409, "grant.not_signed"),
        ("refusal", "ward-1", 403, "not_allowed"),
        ("revocation", "ward-1", 403, "not_allowed"),
        ("revocation", "centre-1", 409, "grant.settled"),
    ],
)
def test_who_may_not_is_told_so_and_nothing_changes(api: Api, what: str, by: str, status: int, code: str) -> None:
    number = applied(api)
    before = listed(api, "ward-1")

    answered = post(api, by, number, what, "不需要" if what in {"refusal", "revocation"} else None)

    assert (answered.status_code, answered.json()["code"]) == (status, code)
    assert listed(api, "ward-1") == before


def refused_attempts(api: Api, account: str) -> list[tuple[str, str]]:
    answered = api.by("auditor-1").get(f"/api/v1/access-log?account={account}&granted=false")
    return [(entry["unit"], entry["action"]) for entry in answered.json()["accesses"]]


def test_every_attempt_beyond_ones_reach_is_in_the_access_log(api: Api) -> None:
    number = applied(api)
    post(api, "caseworker-1", number, "approval")
    post(api, "other-1", number, "confidentiality")
    api.by("other-1").get("/api/v1/grants?unit=ward")
    api.by("other-1").get("/api/v1/grants/missing?bundle=newborn&unit=ward")

    assert refused_attempts(api, "caseworker-1") == [("bureau", "approve_grant")]
    assert refused_attempts(api, "other-1") == [
        ("other-ward", "read_grants"),
        ("other-ward", "read_grants"),
        ("other-ward", "apply_grant"),
    ]


def test_who_applied_and_joined_the_data_centre_since_approves_nothing_of_their_own(api: Api) -> None:
    number = applied(api)
    post(api, "ward-2", number, "confidentiality")
    with api.store.database.begin() as connection:
        moved = update(accounts).where(accounts.c.account == "ward-1")
        connection.execute(moved.values(unit="data-centre", role=Role.DATA_CENTRE.value))

    answered = post(api, "ward-1", number, "approval")

    assert (answered.status_code, answered.json()["code"]) == (403, "grant.own_application")
    assert refused_attempts(api, "ward-1") == [("data-centre", "approve_grant")]


def test_a_refusal_and_a_revocation_say_why(api: Api) -> None:
    first, second = applied(api), applied(api, key="key-2", source="employers")
    post(api, "ward-1", second, "confidentiality")
    post(api, "centre-1", second, "approval")

    refused = post(api, "centre-1", first, "refusal", "非本单位职责").json()
    revoked = post(api, "centre-1", second, "revocation", "职责调整").json()

    assert (refused["state"], refused["ended_by"], refused["ended_because"]) == ("refused", "centre-1", "非本单位职责")
    assert (revoked["state"], revoked["ended_by"], revoked["ended_because"]) == ("revoked", "centre-1", "职责调整")
    assert "employers" in missing(api, "ward-1")
    assert post(api, "centre-1", second, "revocation", "又一次").json() == revoked
    assert post(api, "centre-1", second, "approval").json()["code"] == "grant.settled"


def test_no_reason_no_refusal(api: Api) -> None:
    number = applied(api)

    assert post(api, "centre-1", number, "refusal").status_code == 422
    assert post(api, "centre-1", number, "refusal", " ").status_code == 422
    assert listed(api, "ward-1")[0]["state"] == "applied"


def test_a_grant_that_nobody_made_is_not_found(api: Api) -> None:
    assert post(api, "centre-1", str(uuid4()), "approval").status_code == 404
    assert post(api, "centre-1", "seven", "approval").status_code == 422


def test_a_unit_reads_its_own_grants_and_the_data_centre_and_auditors_all(api: Api) -> None:
    mine, theirs = applied(api), applied(api, by="other-1")

    assert [one["id"] for one in listed(api, "ward-2")] == [mine]
    for by in ("centre-1", "auditor-1"):
        assert {one["id"] for one in listed(api, by, "state=applied")} == {mine, theirs}
        assert [one["id"] for one in listed(api, by, "unit=other-ward")] == [theirs]
    assert api.by("ward-1").get("/api/v1/grants?unit=other-ward").status_code == 403
    assert api.by("ward-1").get("/api/v1/grants/missing?bundle=newborn&unit=other-ward").status_code == 403
    assert api.by("caseworker-1").get("/api/v1/grants").status_code == 403
    assert missing(api, "auditor-1", "bundle=newborn&unit=other-ward") == list(sources_needed(newborn()))
    assert missing(api, "auditor-1", "bundle=newborn&unit=hospital") == []


def test_the_list_goes_on_page_by_page_and_misses_none(api: Api) -> None:
    for number, source in enumerate(sources_needed(newborn())):
        applied(api, key=f"key-{number}", source=source)
    seen: list[str] = []
    address: str | None = "/api/v1/grants?limit=3&purpose=newborn"
    while address:
        answered = api.by("ward-1").get(address)
        page = [one["source"]["code"] for one in answered.json()["grants"]]
        assert 0 < len(page) <= 3
        seen += page
        address = answered.links["next"]["url"] if "next" in answered.links else None

    assert sorted(seen) == sorted(sources_needed(newborn()))


@pytest.mark.parametrize("query", ["cursor=abc", "state=gone", "limit=0", "unit=Ward%201", "source=%2A"])
def test_a_faulty_question_names_its_parameter(api: Api, query: str) -> None:
    answered = api.by("centre-1").get(f"/api/v1/grants?{query}")

    assert answered.status_code == 422
    assert answered.json()["errors"][0]["parameter"] == f"query.{query.partition('=')[0]}"


def test_a_bundle_that_nobody_declared_is_not_found(api: Api) -> None:
    assert api.by("ward-1").get("/api/v1/grants/missing?bundle=wedding").status_code == 404


def test_what_single_proofs_need_is_missing_as_what_a_life_event_needs(api: Api) -> None:
    assert missing(api, "asking-1", "bundle=single_proof") == list(SOURCES)
    number = applied(api, by="asking-1", source="household_register", purpose="single_proof")
    post(api, "asking-1", number, "confidentiality")
    assert post(api, "centre-1", number, "approval").status_code == 200

    left = [source for source in SOURCES if source != "household_register"]
    assert missing(api, "asking-1", "bundle=single_proof") == left
    assert missing(api, "auditor-1", "bundle=single_proof&unit=asking-bank") == left

    assert post(api, "centre-1", number, "revocation", "职责调整").status_code == 200
    assert missing(api, "asking-1", "bundle=single_proof") == list(SOURCES)
