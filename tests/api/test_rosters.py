"""Rosters over HTTP: a file is looked at, compared and taken over; names are masked until somebody says why."""

from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select

from api.workbooks import BYTES_AT_MOST, CSV, XLSX, read_sheet, write_sheet
from domain.roster import COLUMNS, Community, as_row, read_roster
from domain.scopes import Role
from store.access_log import verify
from store.accounts import add_account, issue_token
from store.tables import access_log
from tests.api.conftest import CENTRE, Api
from tests.desk import MONDAY
from tests.rosters import DIRECTOR, MINGYUE, NEIGHBOUR, SECRETARY, TODAY, file


def content(*rows: dict[str, Any], kind: str = "xlsx") -> bytes:
    place = Community(
        code=MINGYUE, title="云澜区明月社区", subdistrict="339901001", subdistrict_title="明溪街道", division="339901"
    )
    places = {MINGYUE: place}
    for row in rows:
        if row["community"] not in places:
            places[row["community"]] = place.model_copy(
                update={"code": row["community"], "title": row["community_title"]}
            )
    lines = [as_row(line, places[line.community]) for _, line in file(*rows).lines]
    return write_sheet(COLUMNS, lines, "花名册", "xlsx" if kind == "xlsx" else "csv")


def send(client: httpx.Client, route: str, sent: bytes, kind: str = XLSX) -> httpx.Response:
    return client.post(f"/api/v1/rosters{route}", content=sent, headers={"content-type": kind})


def test_a_file_is_looked_at_compared_and_taken_over(centre: httpx.Client) -> None:
    sent = content(SECRETARY, DIRECTOR)
    looked = send(centre, "/preview", sent).json()
    assert looked == {"joined": 3, "left": 0, "changed": 0, "unchanged": 0, "faults": [], "warnings": [], "stops": []}
    assert centre.get("/api/v1/rosters").json() == {"communities": []}, "nothing was written"

    assert send(centre, "", sent).json()["joined"] == 3
    assert send(centre, "", sent).json() == {**looked, "joined": 0, "unchanged": 2}

    compared = send(centre, "/diff", content({**SECRETARY, "rank": "7"}, kind="csv"), CSV).json()
    assert (compared["changed"], compared["left"]) == (1, 1)
    changed, left = compared["changes"]
    assert changed["entry"] == f"{MINGYUE} 书记 尉迟*"
    assert changed["fields"] == [{"column": "rank", "column_title": "联系顺序", "before": "1", "after": "7"}]
    assert (left["kind"], left["entry"], left["row"]) == ("left", f"{MINGYUE} 主任 欧阳*", None)
    assert "尉迟㛃" not in str(compared)


def test_a_file_may_be_as_long_over_http_as_at_a_terminal(centre: httpx.Client) -> None:
    looked_at = send(centre, "/preview", b"PK\x03\x04" + b"x" * (BYTES_AT_MOST - 4))
    assert (looked_at.status_code, looked_at.json()["code"]) == (422, "sheet.unreadable")
    too_long = send(centre, "/preview", b"x" * (BYTES_AT_MOST + 1), CSV)
    assert (too_long.status_code, too_long.json()["code"]) == (413, "request.too_long")
    no_file = send(centre, "/preview", b"x" * 1_000_001, "application/json")
    assert no_file.status_code == 413, "what is no file has no need of so much"


def test_a_fault_is_told_by_row_and_column_and_never_quoted(centre: httpx.Client) -> None:
    sent = "社区代码,姓名,身份证号,联系电话,职务,联系顺序,任职起\n339901001001,尉迟㛃,3.39901E+17,15498000001,书记,1,2024-01-01\n"

    looked = send(centre, "/preview", sent.encode("gb18030"), CSV).json()
    assert [(one["row"], one["column"], one["rule"]) for one in looked["faults"]] == [(2, "citizen_id", "numeric_cell")]
    refused = send(centre, "", sent.encode(), CSV)
    assert refused.status_code == 422
    told = refused.json()
    assert told["code"] == "sheet.faulty"
    assert told["errors"][0]["pointer"] == "/2/citizen_id"
    assert "尉迟" not in refused.text
    assert "3.39901E+17" not in refused.text


@pytest.mark.parametrize(
    ("sent", "kind", "status", "code"),
    [
        (b"{}", "application/json", 415, "request.media_type"),
        (b"x=1", "application/x-www-form-urlencoded", 415, "request.media_type"),
        (b"", CSV, 422, "sheet.unreadable"),
        (b"PK\x03\x04broken", XLSX, 422, "sheet.unreadable"),
        (b"a\x00b", CSV, 422, "sheet.unreadable"),
        (b"x" * (BYTES_AT_MOST + 1), CSV, 413, "request.too_long"),
    ],
)
def test_what_is_no_file_of_rows_is_refused(
    centre: httpx.Client, sent: bytes, kind: str, status: int, code: str
) -> None:
    refused = send(centre, "", sent, kind)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_the_rosters_are_written_out_and_read_back(api: Api, centre: httpx.Client) -> None:
    send(centre, "", content(SECRETARY, NEIGHBOUR))
    for asked in ({"format": "xlsx"}, {"format": "csv"}, {"format": "csv", "encoding": "gb18030"}):
        told = centre.post("/api/v1/rosters/export", json={**asked, "reason": "年度核对"})
        assert told.status_code == 200
        assert f'filename="rosters.{asked["format"]}"' in told.headers["content-disposition"]
        again = read_roster(read_sheet(told.content), TODAY)
        assert [line for _, line in again.lines] == [line for _, line in file(SECRETARY, NEIGHBOUR).lines]
        assert send(centre, "", told.content, told.headers["content-type"]).json()["unchanged"] == 2
    assert centre.post("/api/v1/rosters/export", json={"format": "csv"}).status_code == 422, "why is not said"
    with api.store.database.reading() as connection:
        logged = connection.execute(select(access_log).where(access_log.c.action == "export_rosters")).all()
    assert [(one.account, one.purpose, list(one.about)) for one in logged] == [(CENTRE, "年度核对", ["roster"])] * 3


def test_whoever_works_an_inbox_sees_whom_to_call_and_says_why(api: Api, centre: httpx.Client) -> None:
    send(centre, "", content(SECRETARY, DIRECTOR))
    masked = api.by("caseworker-1").get(f"/api/v1/rosters/{MINGYUE}")
    assert [(one["name"], one["phones"]) for one in masked.json()["lines"]] == [
        ("尉迟*", ["154****0001", "154****0001"]),
        ("欧阳*", ["154****0002"]),
    ]

    told = api.by("caseworker-1").post(
        f"/api/v1/rosters/{MINGYUE}/contacts", json={"reason": "向社区书记电话核实居住情况"}
    )
    assert told.json()["contacts"][0] == {
        "name": "尉迟㛃", "phones": ["15498000001", "15497000001"], "post": "secretary", "post_title": "书记",
    }  # fmt: skip
    with api.store.database.reading() as connection:
        logged = connection.execute(select(access_log).where(access_log.c.account == "caseworker-1")).all()
    assert [(one.action, list(one.about)) for one in logged] == [
        ("read_roster", [f"roster/{MINGYUE}"]),
        ("reveal_roster", [f"roster/{MINGYUE}"]),
    ]


def test_a_roster_is_seen_only_as_far_as_the_role_reaches(api: Api, centre: httpx.Client) -> None:
    send(centre, "", content(SECRETARY, NEIGHBOUR))
    with api.store.database.begin() as connection:
        add_account(connection, "worker-1", unit=f"community-{MINGYUE}", role=Role.COMMUNITY_WORKER)
        api.tokens["worker-1"] = issue_token(connection, "worker-1", label="test", at=MONDAY)

    def seen(account: str) -> list[str]:
        return [one["code"][-3:] for one in api.by(account).get("/api/v1/rosters").json()["communities"]]

    assert [seen(who) for who in (CENTRE, "caseworker-1", "far-caseworker", "worker-1", "auditor-1")] == [
        ["001", "002"], ["001", "002"], [], ["001"], ["001", "002"],
    ]  # fmt: skip
    other = NEIGHBOUR["community"]
    for who in ("far-caseworker", "worker-1"):
        assert api.by(who).get(f"/api/v1/rosters/{other}").status_code == 404
        told = api.by(who).post(f"/api/v1/rosters/{other}/contacts", json={"reason": "随便看看"})
        assert (told.status_code, told.json()["code"]) == (404, "community.unknown")


def test_an_auditor_sees_that_somebody_serves_and_nobodys_name(api: Api, centre: httpx.Client) -> None:
    send(centre, "", content(SECRETARY))
    (line,) = api.by("auditor-1").get(f"/api/v1/rosters/{MINGYUE}").json()["lines"]
    assert (line["post"], line["name"], line["phones"]) == ("secretary", "", [])
    told = api.by("auditor-1").post(f"/api/v1/rosters/{MINGYUE}/contacts", json={"reason": "审计抽查"})
    assert told.status_code == 403


def test_only_the_data_centre_takes_files_over(api: Api) -> None:
    for who in ("desk-1", "caseworker-1", "supervisor-1", "officer-1", "auditor-1", "police-system"):
        for route in ("", "/preview", "/diff"):
            assert send(api.by(who), route, content(SECRETARY)).status_code == 403
        assert api.by(who).post("/api/v1/rosters/export", json={"reason": "想看看"}).status_code == 403


# ── units and duties ────────────────────────────────────────────────────────────────────────────────────────────────

DUTY = {"unit": "police", "account": "officer-1", "post": "officer", "valid_from": "2026-11-01"}


def test_an_account_goes_on_duty_and_off(api: Api, centre: httpx.Client) -> None:
    made = centre.post("/api/v1/duties", json={**DUTY, "weekdays": [3, 1, 3]})
    assert made.status_code == 201
    kept = {**DUTY, "valid_to": None, "weekdays": [1, 3], "rank": 1}
    assert made.json() == kept
    assert centre.post("/api/v1/duties", json={**DUTY, "weekdays": [1, 3]}).status_code == 201
    assert centre.get("/api/v1/duties", params={"unit": "police", "today": True}).json() == {"duties": [kept]}
    assert api.by("officer-1").get("/api/v1/duties").json() == {"duties": [kept]}
    assert api.by("far-caseworker").get("/api/v1/duties").json() == {"duties": []}

    clash = centre.post("/api/v1/duties", json=DUTY)
    assert (clash.status_code, clash.json()["code"]) == (409, "duty.overlaps")
    ending = {**DUTY, "last_day": "2026-11-22"}
    assert centre.post("/api/v1/duties/endings", json=ending).status_code == 204
    assert centre.get("/api/v1/duties", params={"today": True}).json() == {"duties": []}
    gone = centre.post("/api/v1/duties/endings", json={**ending, "valid_from": "2020-01-01"})
    assert (gone.status_code, gone.json()["code"]) == (404, "duty.unknown")
    stranger = centre.post("/api/v1/duties", json={**DUTY, "account": "desk-1"})
    assert (stranger.status_code, stranger.json()["code"]) == (422, "duty.account")
    assert centre.post("/api/v1/duties", json={**DUTY, "weekdays": [8]}).status_code == 422
    assert api.by("supervisor-1").post("/api/v1/duties", json=DUTY).status_code == 403


def test_who_changed_office_hours_duties_or_the_silence_rule_is_in_the_access_log(
    api: Api, centre: httpx.Client
) -> None:
    hours, rule = "/api/v1/units/police/office-hours", "/api/v1/units/office/silence-rule"
    centre.put(hours, json={"opens": "08:30", "closes": "17:00", "lunch": ["12:00", "13:30"]})
    centre.put(hours, json={"opens": None, "closes": None})
    centre.post("/api/v1/duties", json={**DUTY, "weekdays": [1, 3]})
    centre.post("/api/v1/duties/endings", json={**DUTY, "last_day": "2026-11-22"})
    api.by("pension-1").put(rule, json={"rule": "caseworker"})
    assert centre.put("/api/v1/units/nowhere/office-hours", json={"opens": None, "closes": None}).status_code == 404

    with api.store.database.reading() as connection:
        logged = connection.execute(select(access_log).order_by(access_log.c.position)).all()
        assert list(verify(connection)) == []

    centre_unit = logged[0].unit
    assert [(one.account, one.unit, one.action, *one.about, one.purpose) for one in logged] == [
        (CENTRE, centre_unit, "set_office_hours", "unit/police", "办公时间 office hours 08:30-17:00 lunch 12:00-13:30"),
        (CENTRE, centre_unit, "set_office_hours", "unit/police", "自然小时 natural hours"),
        (CENTRE, centre_unit, "put_on_duty", "unit/police",
         "安排值守 on duty officer-1 officer from 2026-11-01 weekdays 1,3 rank 1"),
        (CENTRE, centre_unit, "take_off_duty", "unit/police",
         "结束值守 off duty officer-1 officer from 2026-11-01 last day 2026-11-22"),
        ("pension-1", "office", "set_silence_rule", "unit/office", "未答复的处理 silence rule caseworker"),
    ]  # fmt: skip


def test_a_unit_says_its_office_hours(api: Api, centre: httpx.Client) -> None:
    address = "/api/v1/units/police/office-hours"
    told = centre.put(address, json={"opens": "08:30", "closes": "17:30", "lunch": ["12:00", "13:30"]})
    assert told.json()["office_hours"] == {"opens": "08:30:00", "closes": "17:30:00", "lunch": ["12:00:00", "13:30:00"]}
    seen = {one["code"]: one for one in api.by("desk-1").get("/api/v1/units").json()["units"]}
    assert seen["police"] == told.json()
    assert seen["hospital"]["office_hours"] is None

    assert centre.put(address, json={"opens": "17:00", "closes": "08:00"}).json()["code"] == "request.not_valid"
    assert (
        centre.put("/api/v1/units/nowhere/office-hours", json={"opens": "08:00", "closes": "17:00"}).status_code == 404
    )
    api.clock.at = MONDAY.replace(month=12)
    late = centre.put(address, json={"opens": "08:30", "closes": "17:30"})
    assert (late.status_code, late.json()["code"]) == (422, "office_hours.calendar_not_shipped")
    assert "2027" in late.json()["detail_zh"]
    natural = centre.put(address, json={"opens": None, "closes": None})
    assert natural.json()["office_hours"] is None


@pytest.mark.parametrize(
    ("said", "faults"),
    [
        ({}, [("/opens", "missing"), ("/closes", "missing")]),
        ({"opens": "08:30"}, [("/closes", "missing")]),
        ({"opens": "08:30", "closes": None}, [("/closes", "both_or_neither")]),
        ({"opens": None, "closes": "17:00"}, [("/opens", "both_or_neither")]),
        ({"opens": None, "closes": None, "lunch": ["12:00", "13:00"]}, [("/lunch", "natural_hours")]),
        ({"opens": "17:00", "closes": "08:00"}, [("/closes", "order")]),
        ({"opens": "08:00", "closes": "17:00", "lunch": ["13:00", "12:00"]}, [("/lunch", "order")]),
    ],
    ids=str,
)
def test_office_hours_are_never_guessed_nor_taken_away_by_leaving_them_out(
    api: Api, centre: httpx.Client, said: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    address = "/api/v1/units/police/office-hours"
    kept = centre.put(address, json={"opens": "09:00", "closes": "16:00"}).json()

    told = centre.put(address, json=said)

    assert told.status_code == 422
    assert [(one["pointer"], one["code"]) for one in told.json()["errors"]] == faults
    assert kept in api.by("desk-1").get("/api/v1/units").json()["units"]
