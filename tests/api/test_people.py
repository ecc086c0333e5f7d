"""Nobody looks at a person's data without a trace, and nobody sees more of it than was asked for (E7)."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from store import access_log
from store.tables import metadata
from tests.api.conftest import Api
from tests.api.test_cases import concluded
from tests.desk import example

MOTHER = example()["mother"]
SECRETS = (
    MOTHER["citizen_id"],
    example()["father"]["citizen_id"],
    MOTHER["phone"],
    MOTHER["account"],
    MOTHER["name"],
    example()["children"][0]["name"],
)


def search(api: Api, by: str, value: str, account: str = "desk-1") -> Any:
    return api.by(account).post("/api/v1/people/search", json={"by": by, "value": value, "reason": "申请人查询进度"})


def log_of(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.by("auditor-1").get(f"/api/v1/access-log?{query}").json()["accesses"]
    return found


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("citizen_id", MOTHER["citizen_id"]),
        ("citizen_id", f" {MOTHER['citizen_id']} "),
        ("phone", f"+86 {MOTHER['phone']}"),
        ("name", MOTHER["name"]),
        ("name", example()["children"][0]["name"]),
    ],
)
def test_a_person_is_found_by_exactly_what_was_filed_and_shown_masked(api: Api, by: str, value: str) -> None:
    case_no = api.filed()

    answered = search(api, by, value)

    (found,) = answered.json()["found"]
    assert found["case_no"] == case_no
    assert "*" in found["person"]["name"]
    for secret in SECRETS:
        assert secret not in answered.text


@pytest.mark.parametrize(("by", "value"), [("phone", "15499000777"), ("name", "尉迟"), ("passport", "E12345678")])
def test_who_is_not_known_is_not_found_and_the_search_is_logged_all_the_same(api: Api, by: str, value: str) -> None:
    api.filed()

    assert search(api, by, value).json() == {"found": []}
    assert [entry["about"] for entry in log_of(api, "action=search_people")] == [[by]]


def test_a_number_that_cannot_be_one_is_refused_without_repeating_it(api: Api) -> None:
    wrong = MOTHER["citizen_id"][:-1] + "7"

    answered = search(api, "citizen_id", wrong)

    assert (answered.status_code, answered.json()["errors"][0]["code"]) == (422, "check")
    assert wrong not in answered.text


def test_a_masked_read_and_a_revealed_one_are_both_in_the_log_before_they_are_seen(api: Api) -> None:
    case_no = api.filed()
    concluded(api, case_no)

    bare = api.by("desk-1").get(f"/api/v1/cases/{case_no}")
    masked = api.by("caseworker-1").get(f"/api/v1/cases/{case_no}?include=content")
    api.by("desk-2").get(f"/api/v1/cases/{case_no}/receipt")
    revealed = api.by("caseworker-1").post(f"/api/v1/cases/{case_no}/reveal", json={"reason": "核对证件原件"})

    for secret in SECRETS:
        assert secret not in bare.text
        assert secret not in masked.text
        assert secret in revealed.text
    assert revealed.json()["content"]["products"]["birth_certificate"]["birth_certificate_no"] == "A330123456"
    by_people = [entry for entry in log_of(api, f"case_no={case_no}") if entry["account"] != "onething"]
    assert [(entry["account"], entry["action"], entry["purpose"]) for entry in by_people] == [
        ("caseworker-1", "reveal", "核对证件原件"),
        ("desk-2", "read_receipt", "打印回执"),
        ("caseworker-1", "read_masked", "查看办件"),
    ]
    assert "mother.citizen_id" in by_people[0]["about"]
    with api.store.database.reading() as connection:
        assert list(access_log.verify(connection)) == []


def test_revealing_asks_a_reason(api: Api) -> None:
    case_no = api.filed()

    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": "a\nb"}, {"reason": "看", "unmask": True}):
        assert api.by("caseworker-1").post(f"/api/v1/cases/{case_no}/reveal", json=body).status_code == 422
    assert [entry for entry in log_of(api) if entry["action"] == "reveal"] == []


def test_a_person_is_told_who_looked(api: Api) -> None:
    case_no = api.filed()
    api.by("caseworker-1").post(f"/api/v1/cases/{case_no}/reveal", json={"reason": "核对证件原件"})

    told = api.by("auditor-1").post(
        "/api/v1/access-log/search",
        json={"by": "citizen_id", "value": MOTHER["citizen_id"], "reason": "本人申请查询"},
    )

    accesses = told.json()["accesses"]
    assert {entry["case_no"] for entry in accesses} == {case_no}
    assert ("caseworker-1", "reveal") in {(entry["account"], entry["action"]) for entry in accesses}
    assert ("auditor-1", "search_access_log") in {(entry["account"], entry["action"]) for entry in log_of(api)}


def test_a_supervisor_sees_the_log_of_the_division_and_no_other(api: Api) -> None:
    ours, theirs = api.filed(key="1"), api.filed(example("twins"), by="far-desk", key="2")
    api.by("desk-1").get(f"/api/v1/cases/{ours}/receipt")
    api.by("far-desk").get(f"/api/v1/cases/{theirs}/receipt")
    api.by("far-desk").get("/api/v1/tasks")

    seen = api.by("supervisor-1").get("/api/v1/access-log").json()["accesses"]

    assert {entry["case_no"] for entry in seen} == {ours}
    assert {entry["unit"] for entry in seen} == {"hospital"}
    queries = api.by("supervisor-1").get("/api/v1/access-log?unit=hospital&action=query").json()["accesses"]
    assert queries, "a register is asked under the rights of the unit that took the case in"
    assert {(entry["account"], entry["case_no"]) for entry in queries} == {("onething", ours)}
    assert api.by("supervisor-1").get(f"/api/v1/access-log?case_no={theirs}").json()["accesses"] == []


def test_the_log_is_read_page_by_page(api: Api) -> None:
    case_no = api.filed()
    for _ in range(3):
        api.by("desk-1").get(f"/api/v1/cases/{case_no}/receipt")

    whole = log_of(api, "limit=200")
    path, found = "/api/v1/access-log?limit=4", []
    while path:
        answered = api.by("auditor-1").get(path)
        found += answered.json()["accesses"]
        path = answered.headers.get("link", "").partition(">")[0].removeprefix("<")

    assert found == whole
    assert len(whole) > 8


def test_no_canary_leaves_the_vault(api: Api, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """After a run through everything: no row outside the seals, no log line, no figure holds a person's data."""
    case_no = api.filed()
    concluded(api, case_no)
    for by, value in (("citizen_id", MOTHER["citizen_id"]), ("phone", MOTHER["phone"]), ("name", MOTHER["name"])):
        search(api, by, value)
        search(api, by, value, account="auditor-1")
    api.by("desk-1").get(f"/api/v1/cases/{case_no}?include=content")
    api.by("caseworker-1").post(f"/api/v1/cases/{case_no}/reveal", json={"reason": "核对证件原件"})
    api.file({"mother": MOTHER}, key=MOTHER["citizen_id"])
    api.by("desk-1").get(f"/api/v1/cases?q={MOTHER['citizen_id']}", headers={"x-request-id": MOTHER["citizen_id"]})
    api.by("desk-1").patch(
        f"/api/v1/cases/{case_no}",
        json={"application": {"mother": {"phone": "15499000008"}}, "reason": f"号码 {MOTHER['phone']} 写错"},
        headers={"if-match": api.etag(case_no)},
    )

    logged = "".join(capfd.readouterr()) + api.by(None).get("/metrics").text
    with api.store.database.reading() as connection:
        stored = json.dumps(
            [str(row) for table in metadata.sorted_tables for row in connection.execute(select(table))],
            ensure_ascii=False,
        )
        assert connection.scalar(text("SELECT count(*) FROM vault_entries")) > 0
    for secret in (*SECRETS, "15499000008", "A330123456"):
        assert secret not in logged
        assert secret not in stored
