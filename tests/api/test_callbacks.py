"""What a department tells later is heard once, from the department that owes it, and never undoes what was settled."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select

from store.outbox import level
from store.tables import vault_entries
from tests.api.conftest import Api
from tests.api.test_cases import case_id, concluded
from tests.desk import example, register_says


@pytest.fixture
def submitted(api: Api) -> str:
    """A case whose birth certificate waits for the clinic."""
    case_no = api.filed()
    proofs = ("birth_record", "mother_identity", "father_identity")
    case = case_id(api, case_no)
    api.store.handle(case, [register_says(case, proof) for proof in proofs], tell_workflow=True)
    return case_no


def tell(api: Api, case_no: str, by: str = "clinic-system", **changed: Any) -> httpx.Response:
    body: dict[str, Any] = {
        "submission": f"{case_no}/birth_certificate/1",
        "outcome": "concluded",
        "reference": "CS0000000001",
        "products": {"birth_certificate_no": "A330123456"},
    }
    if changed.get("outcome", "concluded") != "concluded":
        del body["products"]
    return api.by(by).post("/api/v1/callbacks", json=body | changed)


def item(api: Api, case_no: str, code: str = "birth_certificate") -> dict[str, Any]:
    shown = api.by("desk-1").get(f"/api/v1/cases/{case_no}").json()
    return next(one for one in shown["items"] if one["id"] == code)


def version(api: Api, case_no: str) -> int:
    return int(api.by("desk-1").get(f"/api/v1/cases/{case_no}").json()["version"])


def test_a_hundred_callbacks_are_one_effect_and_a_hundred_equal_answers(api: Api, submitted: str) -> None:
    before = version(api, submitted)

    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda _: tell(api, submitted), range(100)))

    assert {answered.status_code for answered in answers} == {200}
    assert {answered.content for answered in answers} == {answers[0].content}
    told = api.by("desk-1").get(f"/api/v1/cases/{submitted}/events?after={before}").json()["events"]
    assert [event["type"] for event in told].count("item_concluded") == 1
    assert item(api, submitted)["state"] == "concluded"
    with api.store.database.reading() as connection:
        # One for the filing, one for the registers' answers, one for this.
        assert level(connection).rows == 3


def test_a_department_may_first_take_it_and_then_say_no(api: Api, submitted: str) -> None:
    taken = tell(api, submitted, outcome="accepted")
    denied = tell(api, submitted, outcome="denied", reason_code="record_incomplete", reason="分娩记录不完整")

    assert taken.json() == {"submission": f"{submitted}/birth_certificate/1", "outcome": "accepted", "late": False}
    assert denied.status_code == 200
    assert item(api, submitted)["state"] == "denied"
    assert item(api, submitted)["reason_code"] == "record_incomplete"
    assert "分娩记录不完整" not in api.by("desk-1").get(f"/api/v1/cases/{submitted}/events").text


def test_a_second_opinion_is_kept_as_late_and_overwrites_nothing(api: Api, submitted: str) -> None:
    tell(api, submitted)

    late = tell(api, submitted, reference="CS0000000002", products={"birth_certificate_no": "A339999999"})
    contradiction = tell(api, submitted, outcome="denied", reason_code="mistake")

    assert late.json()["late"] is True
    assert contradiction.json()["late"] is True
    assert item(api, submitted)["state"] == "concluded"
    revealed = api.by("desk-1").post(f"/api/v1/cases/{submitted}/reveal", json={"reason": "核对证号"}).json()
    assert revealed["content"]["products"]["birth_certificate"] == {"birth_certificate_no": "A330123456"}
    with api.store.database.reading() as connection:
        beside = connection.execute(select(vault_entries.c.name).where(vault_entries.c.name.like("late/%"))).scalars()
        assert [name.partition("/product/")[2] for name in beside] == ["birth_certificate/birth_certificate_no"]


def test_an_answer_without_what_later_items_read_is_refused(api: Api, submitted: str) -> None:
    answered = tell(api, submitted, products={})

    assert answered.status_code == 422
    assert answered.json()["code"] == "callback.product_missing"
    assert answered.json()["errors"][0]["pointer"] == "/products/birth_certificate_no"
    assert item(api, submitted)["state"] == "submitted"


def test_an_answer_to_what_was_never_asked_is_refused(api: Api, submitted: str) -> None:
    early = tell(
        api,
        submitted,
        by="police-system",
        submission=f"{submitted}/household_registration/1",
        products={"citizen_id": "x"},
    )
    ahead = tell(api, submitted, submission=f"{submitted}/birth_certificate/2")

    assert (early.status_code, early.json()["code"]) == (409, "item.not_submitted")
    assert (ahead.status_code, ahead.json()["code"]) == (409, "item.not_submitted")


@pytest.mark.parametrize(
    ("by", "status"),
    [("police-system", 404), ("health-system", 404), ("hospital-system", 404), ("desk-1", 403), ("officer-1", 404)],
)
def test_nobody_answers_for_another_department(api: Api, submitted: str, by: str, status: int) -> None:
    answered = tell(api, submitted, by=by)

    assert answered.status_code == status
    assert item(api, submitted)["state"] == "submitted"


@pytest.mark.parametrize(
    "changed",
    [
        {"submission": "x"},
        {"submission": "339901012611230000011/birth_certificate/0"},
        {"outcome": "maybe"},
        {"reference": "has blanks"},
        {"reference": "x" * 65},
        {"products": {"birth_certificate_no": 5}},
        {"products": {"No Such": "x"}},
        {"status": "open"},
        {"outcome": "denied"},
    ],
)
def test_what_cannot_be_read_is_refused(api: Api, submitted: str, changed: dict[str, Any]) -> None:
    answered = tell(api, submitted, **changed)

    assert answered.status_code == 422, answered.text
    assert answered.json()["errors"]
    assert item(api, submitted)["state"] == "submitted"


def test_a_case_that_does_not_exist_is_not_found(api: Api, submitted: str) -> None:
    other = submitted[:-1] + str((int(submitted[-1]) + 1) % 10)

    assert tell(api, other).status_code == 404


def test_twins_are_answered_one_by_one(api: Api) -> None:
    case_no = api.filed(example("twins"))
    case = case_id(api, case_no)
    proofs = ("birth_record", "mother_identity", "father_identity")
    api.store.handle(case, [register_says(case, proof) for proof in proofs], tell_workflow=True)

    tell(api, case_no, submission=f"{case_no}/birth_certificate:2/1")

    assert item(api, case_no, "birth_certificate:1")["state"] == "submitted"
    assert item(api, case_no, "birth_certificate:2")["state"] == "concluded"


def test_what_is_concluded_lets_the_next_item_begin(api: Api) -> None:
    case_no = api.filed()

    concluded(api, case_no)

    assert item(api, case_no, "vaccination_certificate")["state"] == "submitted"
