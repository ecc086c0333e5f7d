"""What the law says over HTTP is what it says at a terminal, and no number in it ever was a float."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.law.pension_question import answer_divisor, answer_pension
from domain.law.questions import read_json
from domain.law.retirement_age import answer_retirement_age
from tests.api.conftest import ACCOUNTS, Api

PENSION: dict[str, Any] = {
    "region": "zhejiang",
    "base": 8433,
    "index": 1.05,
    "contribution": {"years": 36, "months": 7},
    "account_balance": "152340.60",
    "age": "60y2m",
    "index_before_1998": "0.9800",
    "years_before_1998": {"years": 9, "months": 1},
}
AGE = {"category": "F55", "born": "1970-05", "choose": "late:6"}
ANSWERS: dict[str, Callable[[object], Any]] = {
    "retirement-age": answer_retirement_age,
    "pension-divisor": answer_divisor,
    "pension": answer_pension,
}
QUESTIONS: dict[str, dict[str, Any]] = {"retirement-age": AGE, "pension-divisor": {"age": "60y1m"}, "pension": PENSION}


def asked(api: Api, what: str, body: str, by: str | None = "pension-1") -> Any:
    """The answer to a body, to the letter as it is sent."""
    headers = {"content-type": "application/json"}
    return api.by(by).post(f"/api/v1/explain/{what}", content=body.encode(), headers=headers)


def faults(api: Api, what: str, body: object) -> set[tuple[str, str]]:
    """Where and why a body is refused."""
    answered = asked(api, what, body if isinstance(body, str) else json.dumps(body))
    assert answered.status_code == 422, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    return {(one["pointer"], one["code"]) for one in answered.json()["errors"]}


@pytest.mark.parametrize("what", ANSWERS)
def test_the_answer_is_the_one_of_the_law_to_the_letter(api: Api, what: str) -> None:
    body = json.dumps(QUESTIONS[what])

    answered = asked(api, what, body)

    assert answered.status_code == 200, answered.text
    assert answered.headers["content-type"] == "application/json"
    assert answered.text == ANSWERS[what](read_json(body.encode())).as_text()


@pytest.mark.parametrize("what", ANSWERS)
def test_whoever_works_in_the_house_may_ask_and_nobody_else(api: Api, what: str) -> None:
    body = json.dumps(QUESTIONS[what])

    assert asked(api, what, body, by=None).status_code == 401
    for account in ("desk-1", "caseworker-1", "pension-1", "supervisor-1"):
        assert account in ACCOUNTS
        assert asked(api, what, body, by=account).status_code == 200, account


def test_a_number_is_read_from_the_text_of_the_request(api: Api) -> None:
    body = json.dumps(PENSION).replace('"index": 1.05', '"index": 1.00000000000000000001')

    told = asked(api, "pension", body).json()

    assert any("1.00000000000000000001" in step["zh"] for step in told["steps"])
    assert all(not isinstance(step["amount"], float) for step in told["steps"])


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"base": -1}, ("/base", "range")),
        ({"base": True}, ("/base", "type")),
        ({"base": None}, ("/base", "missing")),
        ({"base": "8,433"}, ("/base", "pattern")),
        ({"base": 8433.001}, ("/base", "places")),
        ({"account_balance": 10**14}, ("/account_balance", "range")),
        ({"contribution": {"years": 36, "months": 12}}, ("/contribution/months", "range")),
        ({"contribution": [36, 7]}, ("/contribution", "type")),
        ({"divisor": "137.8"}, ("/divisor", "either_or")),
        ({"region": "hubei"}, ("/region", "choice")),
        ({"name": "欧阳知予"}, ("/name", "unknown")),
    ],
    ids=str,
)
def test_a_pension_that_cannot_be_meant_is_refused_by_its_field(
    api: Api, changed: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert faults(api, "pension", PENSION | changed) == {fault}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_what_is_no_number_is_not_even_json(api: Api, number: str) -> None:
    body = json.dumps(PENSION).replace('"base": 8433', f'"base": {number}')

    assert {place for place, _ in faults(api, "pension", body)} == {""}


@pytest.mark.parametrize(("number", "rule"), [("1e300", "range"), ("1e-300", "places"), ("-0.5", "range")])
def test_a_number_of_absurd_size_is_refused_without_being_written_out(api: Api, number: str, rule: str) -> None:
    body = json.dumps(PENSION).replace('"base": 8433', f'"base": {number}')

    assert faults(api, "pension", body) == {("/base", rule)}


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"born": "1970-05-17"}, ("/born", "pattern")),
        ({"born": 197005}, ("/born", "type")),
        ({"category": "F56"}, ("/category", "choice")),
        ({"choose": "early:3"}, ("/choose", "window")),
        ({"choose": "sooner"}, ("/choose", "pattern")),
        ({"sex": "2"}, ("/sex", "unknown")),
    ],
    ids=str,
)
def test_a_retirement_age_that_cannot_be_meant_is_refused_by_its_field(
    api: Api, changed: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert faults(api, "retirement-age", AGE | changed) == {fault}


def test_what_the_law_does_not_allow_is_said_in_both_languages(api: Api) -> None:
    told = asked(api, "retirement-age", json.dumps(AGE | {"born": "1969-12"})).json()

    assert told["code"] == "retirement.choice_refused"
    assert "没有弹性退休" in told["detail_zh"]
    assert "2025-01" in told["detail"]
    assert faults(api, "pension-divisor", {}) == {("/age", "missing")}
    assert faults(api, "pension-divisor", {"age": "39y"}) == {("/age", "range")}
