"""A case over HTTP: filed once, read as it stands, corrected and withdrawn by those who saw its newest version."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from domain.actors import THE_ENGINE
from domain.commands import NoteRejection, command_id
from store.tables import cases, events
from tests.api.conftest import Api
from tests.desk import MONDAY, example, family, register_says


def case_id(api: Api, case_no: str) -> UUID:
    with api.store.database.reading() as connection:
        found: UUID = connection.execute(select(cases.c.case_id).where(cases.c.case_no == case_no)).scalar_one()
    return found


def how_many_cases(api: Api) -> int:
    with api.store.database.reading() as connection:
        return int(connection.scalar(select(func.count()).select_from(cases)) or 0)


def contested(api: Api, case_no: str, proof: str = "parents_marriage", outcome: str = "contradicts") -> None:
    """A register says otherwise."""
    case = case_id(api, case_no)
    api.store.handle(
        case, [register_says(case, proof, outcome=outcome, differing=("husband_name",))], tell_workflow=True
    )


def rejected(api: Api, case_no: str, item: str = "mother_child_handbook", proof: str = "prenatal_record") -> None:
    """A department could not read a submission."""
    case = case_id(api, case_no)
    api.store.handle(case, [register_says(case, proof)], tell_workflow=True)
    command = NoteRejection(
        id=command_id(case, "rejected"), at=MONDAY, by=THE_ENGINE, item=item, attempt=1, fault="http_422"
    )
    api.store.handle(case, [command], tell_workflow=True)


# ── filing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_family_files_once_and_is_told_where_its_case_is(api: Api) -> None:
    answered = api.file()

    assert answered.status_code == 201
    case_no = answered.json()["case_no"]
    assert answered.headers["location"] == f"/api/v1/cases/{case_no}" == answered.json()["url"]
    assert answered.headers["etag"].strip('"').isdecimal()
    assert answered.headers["cache-control"] == "no-store"
    assert answered.headers["x-server-time"] == "2026-11-23T09:00:00.000+08:00"


def test_the_same_request_again_is_the_same_case(api: Api) -> None:
    first, again = api.file(), api.file()

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert how_many_cases(api) == 1


def test_the_same_application_under_another_key_is_the_same_case(api: Api) -> None:
    first, again = api.file(key="one"), api.file(key="two", by="desk-2")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_another_application_under_the_same_key_is_refused(api: Api) -> None:
    api.filed()

    answered = api.file(family(3))

    assert answered.status_code == 422
    assert answered.json()["code"] == "idempotency_key.reused"
    assert how_many_cases(api) == 1


def test_a_key_belongs_to_the_account_that_chose_it(api: Api) -> None:
    assert api.file(family(3), by="desk-1").status_code == 201
    assert api.file(family(4), by="desk-2").status_code == 201


def test_without_a_key_nothing_is_filed(api: Api) -> None:
    answered = api.by("desk-1").post("/api/v1/cases", json={"bundle": "newborn", "application": example()})

    assert answered.status_code == 400
    assert answered.json()["code"] == "idempotency_key.missing"
    assert how_many_cases(api) == 0


def test_the_same_child_in_another_application_is_refused_with_the_number_to_those_who_may_see_it(api: Api) -> None:
    case_no = api.filed()
    form = example()
    form["mother"]["phone"] = "15499000009"

    ours, theirs = api.file(form, key="two", by="desk-2"), api.file(form, key="three", by="neighbour-1")

    assert (ours.status_code, theirs.status_code) == (409, 409)
    assert ours.json()["code"] == theirs.json()["code"] == "case.already_open"
    assert ours.json()["case_no"] == case_no
    assert case_no not in theirs.text
    # The event keeps its case after it has been concluded, so nobody is told that it is being handled still.
    for refused in (ours.json(), theirs.json()):
        assert "在办或已办结" in refused["detail_zh"]
        assert "being handled or concluded" in refused["detail"]


def test_every_faulty_field_is_named_and_nothing_is_stored(api: Api) -> None:
    form = example()
    form["mother"]["citizen_id"] = form["mother"]["citizen_id"][:-1] + "7"
    form["birth"]["born_at"] = "2027-01-01T00:00:00+08:00"
    form["birth"]["child_order"] = "1"
    form["children"][0]["nickname"] = "小予"
    del form["father"]["name"]

    answered = api.file(form)

    assert answered.status_code == 422
    assert answered.headers["content-type"] == "application/problem+json"
    assert {(fault["pointer"], fault["code"]) for fault in answered.json()["errors"]} == {
        ("/application/mother/citizen_id", "check"),
        ("/application/birth/child_order", "type"),
        ("/application/children/0/nickname", "unknown"),
        ("/application/father/name", "missing"),
        ("/application/birth/born_at", "in_future"),
    }
    assert form["mother"]["citizen_id"] not in answered.text
    assert how_many_cases(api) == 0


def test_a_home_birth_is_sent_where_it_can_be_helped(api: Api) -> None:
    answered = api.file(example("home_birth"))

    assert answered.status_code == 422
    assert answered.json()["code"] == "application.not_eligible"
    assert "亲子鉴定" in answered.json()["detail_zh"]
    assert answered.json()["errors"][0]["code"] == "born_outside_institution"


def test_an_unknown_life_event_is_not_found(api: Api) -> None:
    answered = api.by("desk-1").post(
        "/api/v1/cases", json={"bundle": "wedding", "application": {}}, headers={"idempotency-key": "k"}
    )

    assert answered.status_code == 404
    assert answered.json()["code"] == "bundle.unknown"


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_case_shows_all_eight_items_with_their_dates_and_nobodys_data(api: Api) -> None:
    case_no = api.filed(example("uninsured"))

    shown = api.by("desk-1").get(f"/api/v1/cases/{case_no}")

    case = shown.json()
    assert [item["code"] for item in case["items"]] == [
        "birth_certificate",
        "household_registration",
        "medical_insurance",
        "citizen_card",
        "vaccination_certificate",
        "mother_child_handbook",
        "child_care_booklet",
        "maternity_benefit",
    ]
    benefit = case["items"][-1]
    assert (benefit["state"], benefit["state_label"]) == ("not_applicable", "不适用")
    assert "母亲未参保" in benefit["not_applicable_because"]["zh"]
    assert all(item["promised_by"] or item["expected_by"] for item in case["items"][:-1])
    assert all(wait["zh"] and wait["en"] for wait in case["waits"])
    for person in ("mother", "father"):
        for value in example("uninsured").get(person, {}).values():
            if len(value) > 3:
                assert value not in shown.text or value == "citizen_id"


def test_who_has_the_version_already_is_not_sent_it_again(api: Api) -> None:
    case_no = api.filed()
    first = api.by("desk-1").get(f"/api/v1/cases/{case_no}")

    again = api.by("desk-1").get(f"/api/v1/cases/{case_no}", headers={"if-none-match": first.headers["etag"]})
    contested(api, case_no)
    changed = api.by("desk-1").get(f"/api/v1/cases/{case_no}", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("case_no", ["123", "339901012611230000011", "x" * 30, "339901199403170006", "%00", "٣" * 21])
def test_a_number_that_is_none_is_not_found(api: Api, case_no: str) -> None:
    assert api.by("desk-1").get(f"/api/v1/cases/{case_no}").status_code == 404


def test_the_events_tell_everything_and_nobody(api: Api) -> None:
    case_no = api.filed()

    told = api.by("desk-1").get(f"/api/v1/cases/{case_no}/events").json()["events"]
    later = api.by("desk-1").get(f"/api/v1/cases/{case_no}/events?after=1").json()["events"]

    assert told[0]["type"] == "case_opened"
    assert [event["version"] for event in told] == list(range(1, len(told) + 1))
    assert told[0]["facts"]["bundle"] == "newborn"
    assert not {"people", "application_key", "event_keys", "note"} & told[0]["facts"].keys()
    assert later == told[1:]


def test_the_receipt_has_eight_promised_dates_and_masks_what_came_of_it(api: Api) -> None:
    case_no = api.filed()
    concluded(api, case_no)

    receipt = api.by("desk-1").get(f"/api/v1/cases/{case_no}/receipt").json()

    assert len(receipt["items"]) == 8
    assert all(line["promised_by"] or line["state"] == "concluded" for line in receipt["items"])
    assert receipt["items"][0]["products"] == {"birth_certificate_no": "A3****56"}
    assert receipt["applicant"]["name"] == "尉迟*"
    assert receipt["applicant"]["citizen_id"] == "339901********0006"


def concluded(api: Api, case_no: str) -> None:
    """The birth certificate is made."""
    case = case_id(api, case_no)
    proofs = ("birth_record", "mother_identity", "father_identity")
    api.store.handle(case, [register_says(case, proof) for proof in proofs], tell_workflow=True)
    answered = api.by("clinic-system").post(
        "/api/v1/callbacks",
        json={
            "submission": f"{case_no}/birth_certificate/1",
            "outcome": "concluded",
            "reference": "CS0000000001",
            "products": {"birth_certificate_no": "A330123456"},
        },
    )
    assert answered.status_code == 200, answered.text


# ── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def pages(api: Api, account: str, path: str) -> list[list[dict[str, Any]]]:
    """Every page of a list, by following its links."""
    found = []
    while path:
        answered = api.by(account).get(path)
        assert answered.status_code == 200, answered.text
        found.append(next(iter(answered.json().values())))
        path = answered.headers.get("link", "").partition(">")[0].removeprefix("<")
    return found


@pytest.mark.parametrize("order", ["opened", "due"])
def test_a_list_is_read_page_by_page_without_gap_or_repetition(api: Api, order: str) -> None:
    filed = []
    for number in range(7):
        # Some at the same instant: then the number of the case decides.
        api.clock.at = MONDAY + timedelta(hours=number // 3)
        filed.append(api.filed(family(number), key=f"k{number}"))

    found = pages(api, "desk-1", f"/api/v1/cases?limit=3&order={order}&bundle=newborn")

    assert [len(page) for page in found] == [3, 3, 1]
    assert sorted(line["case_no"] for page in found for line in page) == sorted(filed)
    if order == "opened":
        opened = [line["opened_at"] for page in found for line in page]
        assert opened == sorted(opened, reverse=True)


def test_a_list_can_be_narrowed(api: Api) -> None:
    one = api.filed(family(1), key="1")
    api.clock.at = MONDAY + timedelta(days=1)
    two = api.filed(family(2), key="2")
    contested(api, one, outcome="contradicts")

    def found(query: str) -> list[str]:
        return [line["case_no"] for line in api.by("desk-1").get(f"/api/v1/cases?{query}").json()["cases"]]

    assert found("in_hand=true") == [one]
    assert found("in_hand=false") == [two]
    assert found("overdue=true") == []
    assert found(f"q={two}") == [two]
    assert found("state=withdrawn") == []
    assert found("opened_before=2026-11-24T00:00:00%2B08:00") == [one]
    assert found("opened_from=2026-11-24T00:00:00%2B08:00") == [two]


def test_a_cursor_of_somebody_elses_making_is_refused(api: Api) -> None:
    for cursor in ("x", "W10", "WyJ4IiwieSJd", "A" * 200):
        answered = api.by("desk-1").get(f"/api/v1/cases?cursor={cursor}")
        assert answered.status_code == 422
        assert answered.json()["errors"][0]["parameter"] == "query.cursor"


# ── the caseworker's queue ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_queue_holds_what_waits_for_a_caseworker_and_how_to_decide_it(api: Api) -> None:
    case_no = api.filed()
    contested(api, case_no)
    rejected(api, case_no)

    queue = api.by("caseworker-1").get("/api/v1/tasks").json()["tasks"]

    assert {(task["kind"], task["what"]) for task in queue} == {
        ("contested", "parents_marriage"),
        ("rejected", "mother_child_handbook"),
    }
    assert pages(api, "caseworker-1", "/api/v1/tasks?limit=1") == [[task] for task in queue]
    for task in queue:
        body: dict[str, Any] = {"reason": "已核对原件"} | ({"met": True} if task["kind"] == "contested" else {})
        tag = api.etag(case_no)
        assert api.by("caseworker-1").post(task["act"], json=body, headers={"if-match": tag}).status_code == 200
    assert api.by("caseworker-1").get("/api/v1/tasks").json()["tasks"] == []


# ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_correction_needs_the_version_that_was_seen(api: Api) -> None:
    case_no = api.filed()
    path, tag = f"/api/v1/cases/{case_no}", api.etag(case_no)
    body = {"application": {"mother": {"phone": "15499000008"}}, "reason": "号码写错"}

    without = api.by("desk-1").patch(path, json=body)
    stale = api.by("desk-1").patch(path, json=body, headers={"if-match": '"1"'})
    foreign = api.by("desk-1").patch(path, json=body, headers={"if-match": "W/abc"})
    done = api.by("desk-1").patch(path, json=body, headers={"if-match": tag})
    again = api.by("desk-1").patch(path, json=body, headers={"if-match": tag})
    late = api.by("desk-2").patch(path, json=body, headers={"if-match": tag})

    assert (without.status_code, without.json()["code"]) == (428, "if_match.missing")
    assert (stale.status_code, stale.json()["code"]) == (412, "case.version_conflict")
    assert (foreign.status_code, foreign.json()["code"]) == (412, "if_match.unknown")
    assert done.status_code == 200
    assert done.json()["events"][0]["facts"]["changed"] == ["mother.phone"]
    assert again.json() == done.json()
    assert late.status_code == 412
    assert "15499000008" not in done.text


def test_a_correction_is_read_as_strictly_as_an_application(api: Api) -> None:
    case_no = api.filed()
    path, headers = f"/api/v1/cases/{case_no}", {"if-match": api.etag(case_no)}

    def patch(application: Any) -> Any:
        return api.by("desk-1").patch(path, json={"application": application, "reason": "更正"}, headers=headers)

    wrong, another = patch({"mother": {"phone": "12"}}), patch({"mother": {"citizen_id": "339908198305060145"}})

    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/application/mother/phone")
    assert (another.status_code, another.json()["code"]) == (409, "application.people_may_not_change")


def test_a_family_withdraws_once(api: Api) -> None:
    case_no = api.filed()
    path, headers = f"/api/v1/cases/{case_no}/withdrawal", {"if-match": api.etag(case_no)}

    first = api.by("desk-1").post(path, json={"reason": "改在户籍地办理"}, headers=headers)
    again = api.by("desk-1").post(path, json={"reason": "改在户籍地办理"}, headers=headers)
    more = api.by("desk-1").post(path, json={"reason": "再撤一次"}, headers={"if-match": api.etag(case_no)})

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert (more.status_code, more.json()["code"]) == (409, "case.ended")
    assert api.by("desk-1").get(f"/api/v1/cases/{case_no}").json()["state"] == "withdrawn"


def test_only_a_proof_in_hand_is_settled_and_only_once(api: Api) -> None:
    case_no = api.filed()
    path = f"/api/v1/cases/{case_no}/proofs/parents_marriage/settlement"
    body = {"met": True, "reason": "已核对结婚证原件"}

    early = api.by("caseworker-1").post(path, json=body, headers={"if-match": api.etag(case_no)})
    contested(api, case_no)
    headers = {"if-match": api.etag(case_no)}
    done, again = (api.by("caseworker-1").post(path, json=body, headers=headers) for _ in range(2))
    other = api.by("supervisor-1").post(path, json=body, headers={"if-match": api.etag(case_no)})
    unknown = api.by("caseworker-1").post(
        path.replace("parents_marriage", "nothing"), json=body, headers={"if-match": api.etag(case_no)}
    )

    assert (early.status_code, early.json()["code"]) == (409, "case.part_not_in_hand")
    assert done.status_code == again.status_code == 200
    assert done.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (409, "case.part_settled")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "case.part_unknown")


def test_a_rejected_submission_is_sent_again_once(api: Api) -> None:
    case_no = api.filed()
    path = f"/api/v1/cases/{case_no}/items/mother_child_handbook/resubmission"

    early = api.by("caseworker-1").post(path, json={"reason": "接口已修复"})
    rejected(api, case_no)
    done, again = (api.by("caseworker-1").post(path, json={"reason": "接口已修复"}) for _ in range(2))

    assert (early.status_code, early.json()["code"]) == (409, "case.part_not_in_hand")
    assert done.status_code == 200, done.text
    assert done.json() == again.json()
    assert done.json()["events"][0]["facts"]["attempt"] == 2


def test_no_answer_ever_says_what_the_vault_holds(api: Api) -> None:
    """The reason in words is kept in the vault; the event says only that there is one."""
    case_no = api.filed()
    secret = "王小明说的"
    api.by("desk-1").post(
        f"/api/v1/cases/{case_no}/withdrawal", json={"reason": secret}, headers={"if-match": api.etag(case_no)}
    )

    with api.store.database.reading() as connection:
        stored = json.dumps([str(row) for row in connection.execute(select(events))], ensure_ascii=False)

    assert secret not in stored
