"""A department corrects over HTTP what an item of its own came to: with a reason, once, and beside what stood before."""

from datetime import datetime
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select

from domain.time_limits import SHANGHAI
from store.accounts import issue_token
from store.read_models.all_models import differences
from store.reassessments import reassess
from store.tables import access_log
from tests.api.conftest import Api
from tests.api.test_cases import case_id
from tests.desk import MONDAY
from tests.insured import BUREAU, provide_bureau
from tests.pages.stories import Story, automatic, fresh
from tests.pensions import Retiree

ITEM = "household_registration"
RIGHT = {"household_no": "A330123499"}
REASON = "户号录入有误, 已核对户籍底册"


@pytest.fixture
def story(api: Api) -> Story:
    """A family's case that went well to its end."""
    return automatic(api.store)


def correct(
    api: Api,
    case_no: str,
    *,
    by: str = "officer-1",
    item: str = ITEM,
    key: str = "key-1",
    seen: int | None = None,
    **changed: Any,
) -> httpx.Response:
    """Ask for it, having seen the newest version."""
    version = api.store.case_file(case_id(api, case_no)).version if seen is None else seen
    body = {"products": RIGHT, "reason": REASON} | changed
    headers = {"idempotency-key": key, "if-match": f'"{version}"'}
    return api.by(by).post(f"/api/v1/cases/{case_no}/items/{item}/correction", json=body, headers=headers)


def shown(api: Api, case_no: str, by: str = "desk-1") -> Any:
    return api.by(by).get(f"/api/v1/cases/{case_no}?include=content").json()


def revealed(api: Api, case_no: str) -> Any:
    answered = api.by("officer-1").post(f"/api/v1/cases/{case_no}/reveal", json={"reason": "核对更正"})
    return answered.json()["content"]


def test_what_stands_what_stood_and_why_are_shown(api: Api, story: Story) -> None:
    before = revealed(api, story.case_no)["products"][ITEM]["household_no"]

    answered = correct(api, story.case_no)

    assert answered.status_code == 200, answered.text
    (event,) = answered.json()["events"]
    assert (event["type"], event["account"], event["unit"]) == ("item_corrected", "officer-1", "police")
    assert event["facts"] == {"item": ITEM, "number": 1, "products": ["household_no"]}
    view = shown(api, story.case_no)
    item = next(one for one in view["items"] if one["id"] == ITEM)
    assert (view["state"], view["outcome"], item["state"]) == ("concluded", "complete", "concluded")
    (told,) = item["corrections"]
    assert (told["number"], told["unit"], told["products"]) == (1, "police", ["household_no"])
    content = revealed(api, story.case_no)
    assert content["products"][ITEM]["household_no"] == "A330123499"
    (correction,) = content["corrections"][ITEM]
    assert correction["reason"] == REASON
    assert correction["values"] == [
        {"product": "household_no", "before": before, "now": "A330123499", "difference": None}
    ]


def test_the_receipt_tells_it_masked(api: Api, story: Story) -> None:
    correct(api, story.case_no)

    receipt = api.by("desk-1").get(f"/api/v1/cases/{story.case_no}/receipt").json()

    line = next(one for one in receipt["items"] if one["item"] == ITEM)
    assert line["products"]["household_no"] == "A3****99"
    ((correction,), (value,)) = line["corrections"], line["corrections"][0]["values"]
    assert correction["reason"] == REASON
    assert value["now"] == "A3****99"
    assert value["before"].count("*") == 4
    assert "A330123499" not in str(receipt)


def test_the_same_request_again_is_the_same_correction(api: Api, story: Story) -> None:
    seen = story.file.version
    first = correct(api, story.case_no, seen=seen)
    again = correct(api, story.case_no, seen=seen)

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert len(story.file.items[ITEM].corrections) == 1


def test_another_request_under_the_same_key_is_refused(api: Api, story: Story) -> None:
    correct(api, story.case_no)

    answered = correct(api, story.case_no, products={"household_no": "A330123400"})

    assert (answered.status_code, answered.json()["code"]) == (422, "idempotency_key.reused")
    assert len(story.file.items[ITEM].corrections) == 1


def test_a_second_correction_stands_beside_the_first(api: Api, story: Story) -> None:
    correct(api, story.case_no)
    correct(api, story.case_no, key="key-2", products={"household_no": "A330123400"}, reason="再次核对底册")

    told = revealed(api, story.case_no)["corrections"][ITEM]

    assert [(one["number"], one["values"][0]["before"], one["values"][0]["now"]) for one in told][1:] == [
        (2, "A330123499", "A330123400")
    ]
    assert [one["reason"] for one in told] == [REASON, "再次核对底册"]


def test_whoever_saw_an_older_version_is_told_to_look_again(api: Api, story: Story) -> None:
    answered = correct(api, story.case_no, seen=story.file.version - 1)

    assert (answered.status_code, answered.json()["code"]) == (412, "case.version_conflict")
    assert story.file.items[ITEM].corrections == ()


def test_a_correction_that_says_what_stands_is_refused(api: Api, story: Story) -> None:
    stands = revealed(api, story.case_no)["products"][ITEM]["household_no"]

    answered = correct(api, story.case_no, products={"household_no": stands})

    assert (answered.status_code, answered.json()["code"]) == (409, "item.nothing_to_correct")
    correct(api, story.case_no, key="key-2", products={"household_no": "A330123499", "citizen_id": "x"})
    same = correct(api, story.case_no, key="key-3", products={"household_no": "A330123499", "citizen_id": "y"})
    assert same.json()["events"][0]["facts"]["products"] == ["citizen_id"], "only what differs is corrected"


def test_what_was_not_concluded_or_was_withdrawn_is_refused(api: Api) -> None:
    story = fresh(api.store)
    assert correct(api, story.case_no).json()["code"] == "item.not_concluded"

    story.withdrawn()

    assert correct(api, story.case_no, key="key-2").json()["code"] == "case.ended"


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"products": {"passport_no": "E1"}}, "/products/passport_no"),
        ({"products": {"birth_certificate_no": "E1"}}, "/products/birth_certificate_no"),
        ({"products": {"household_no": ""}}, "/products/household_no"),
        ({"products": {"household_no": "9" * 501}}, "/products/household_no"),
        ({"products": {"household_no": 7}}, "/products/household_no"),
        ({"products": {}}, "/products"),
        ({"reason": ""}, "/reason"),
        ({"because": "x"}, "/because"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_named_by_its_place(
    api: Api, story: Story, changed: dict[str, Any], pointer: str
) -> None:
    answered = correct(api, story.case_no, **changed)

    assert answered.status_code == 422
    assert [fault["pointer"] for fault in answered.json()["errors"]] == [pointer]
    assert story.file.items[ITEM].corrections == ()


def test_without_a_key_nothing_is_corrected_and_a_program_that_sees_no_case_needs_no_version(
    api: Api, story: Story
) -> None:
    path, body = f"/api/v1/cases/{story.case_no}/items/{ITEM}/correction", {"products": RIGHT, "reason": REASON}

    without = api.by("police-system").post(path, json=body)
    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key.missing")
    assert story.file.items[ITEM].corrections == ()

    assert api.by("police-system").post(path, json=body, headers={"idempotency-key": "key-1"}).status_code == 200


def test_a_person_says_which_version_they_saw(api: Api, story: Story) -> None:
    path, body = f"/api/v1/cases/{story.case_no}/items/{ITEM}/correction", {"products": RIGHT, "reason": REASON}

    answered = api.by("officer-1").post(path, json=body, headers={"idempotency-key": "key-1"})

    assert (answered.status_code, answered.json()["code"]) == (428, "if_match.missing")
    assert "If-Match" in answered.json()["detail_zh"]
    assert story.file.items[ITEM].corrections == ()


@pytest.mark.parametrize(
    ("account", "status"),
    [
        ("officer-1", 200),
        ("police-system", 200),
        ("clinic-system", 404),  # of this case it has another item
        ("pension-1", 404),  # a pension officer in a unit of no department
        ("desk-1", 403),
        ("caseworker-1", 403),
        ("supervisor-1", 403),
        ("community-1", 403),
        ("chief-of-office", 404),
        ("asker-1", 403),
        ("auditor-1", 403),
        ("data-centre-1", 403),
    ],
)
def test_only_the_department_itself_corrects(api: Api, story: Story, account: str, status: int) -> None:
    assert correct(api, story.case_no, by=account).status_code == status
    assert len(story.file.items[ITEM].corrections) == (status == 200)


def test_an_officer_of_the_bureau_corrects_a_pension_with_the_difference_told(api: Api) -> None:
    with api.store.database.begin() as connection:
        provide_bureau(connection)
        api.tokens[f"{BUREAU}-1"] = issue_token(connection, f"{BUREAU}-1", label="test", at=MONDAY)
    retiree = Retiree(api.store).assessed().paid()
    words: dict[str, Any] = {"by": f"{BUREAU}-1", "item": "pension_assessment", "reason": "缴费指数有误, 已核对档案"}
    case_no = retiree.filed.case_no

    for wrong in ("6010.005", "六千", "-1", "1e3"):
        refused = correct(api, case_no, products={"pension": wrong}, **words)
        assert [fault["code"] for fault in refused.json()["errors"]] == ["amount"]
    answered = correct(api, case_no, products={"pension": "5990.00"}, **words)

    assert answered.status_code == 200, answered.text
    (told,) = shown(api, case_no, by=f"{BUREAU}-1")["content"]["corrections"]["pension_assessment"]
    assert told["values"] == [{"product": "pension", "before": "6001.80", "now": "5990.00", "difference": "-11.80"}]


def test_a_pension_that_was_settled_is_shown_with_its_steps_and_without_a_whole_working_life(api: Api) -> None:
    with api.store.database.begin() as connection:
        provide_bureau(connection)
        api.tokens[f"{BUREAU}-1"] = issue_token(connection, f"{BUREAU}-1", label="test", at=MONDAY)
    retiree = Retiree(api.store).assessed().paid()
    list(reassess(api.store, 2025, datetime(2025, 10, 20, tzinfo=SHANGHAI)))

    (told,) = shown(api, retiree.filed.case_no, by=f"{BUREAU}-1")["content"]["corrections"]["pension_assessment"]

    assert told["values"][0]["difference"] == "61.50"
    assert set(told["explanation"]) == {"base", "difference", "months", "owed", "steps"}
    assert "152340.60" not in str(told)


def test_who_corrected_what_is_in_the_access_log_and_nothing_else_is_touched(api: Api, story: Story) -> None:
    correct(api, story.case_no)

    with api.store.database.reading() as connection:
        (row,) = connection.execute(select(access_log).where(access_log.c.action == "correct_item")).all()
        assert [*differences(connection)] == []
    assert (row.account, row.about, row.purpose) == ("officer-1", ["household_no"], REASON)
