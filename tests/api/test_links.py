"""Somebody without an account reads and answers one question by a link, once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any
from uuid import uuid4

from store.links import sign_link
from tests.api.conftest import Api
from tests.api.officers import (
    CALL,
    HALF_AN_HOUR,
    MINUTE,
    PATIENCE_SECONDS,
    REASON,
    SUBJECT,
    Question,
    acted,
    ask,
    case_of,
    logged,
    shown,
)
from tests.api.officers import api as api  # with units that are asked
from tests.workflows.officers import PROOF


def link(api: Api, question: Question, until: datetime | None = None) -> str:
    return sign_link(api.store.vault, question.id, until or api.clock() + HALF_AN_HOUR)


def by_link(api: Api, what: str, token: str, **more: Any) -> Any:
    return api.by(None).post(f"/api/v1/links/{what}", json={"token": token, **more})


def test_a_link_asks_and_is_answered_once(api: Api) -> None:
    question = ask(api, unit="mingyue")
    token, holder = link(api, question), f"link:{question.id.hex[:8]}"

    told = by_link(api, "question", token)
    heard = by_link(api, "answer", token, answer="matches")
    api.clock.at += MINUTE
    again = by_link(api, "answer", token, answer="matches")
    afterwards = by_link(api, "question", token)

    assert told.json()["in_full"] is True
    assert SUBJECT["citizen_id"] in told.text
    assert (heard.status_code, heard.json()["counted"]) == (200, True)
    assert (again.status_code, again.json()["by"], again.json()["at"]) == (
        409,
        holder,
        "2026-11-23T09:00:00.000+08:00",
    )
    assert (afterwards.json()["in_full"], afterwards.json()["verification"]["answered_by"]) == (False, holder)
    assert SUBJECT["citizen_id"] not in afterwards.text
    assert [(one["account"], one["unit"], one["granted"]) for one in logged(api, question, "answer_verification")] == [
        (holder, "mingyue", False),
        (holder, "mingyue", True),
    ]
    assert [one["account"] for one in logged(api, question, "read_question")] == [holder]


def test_a_link_that_found_no_record_is_spent_all_the_same(api: Api) -> None:
    question = ask(api, unit="mingyue")
    token = link(api, question)
    by_link(api, "answer", token, answer="no_record", reason=REASON)

    again = by_link(api, "answer", token, answer="matches")
    told = by_link(api, "question", token).json()

    assert (again.status_code, again.json()["code"]) == (409, "case.part_settled")
    assert (told["may_add"], told["in_full"]) == (False, False)
    assert case_of(api, question).proof(PROOF).state == "asked"


def test_two_uses_of_a_link_at_once_are_one_answer(api: Api) -> None:
    with ThreadPoolExecutor(2) as pool:
        for number in range(10):
            question = ask(api, f"round {number}", unit="mingyue")
            token, barrier = link(api, question), Barrier(2)

            def use(_: int, token: str = token, barrier: Barrier = barrier) -> int:
                barrier.wait(PATIENCE_SECONDS)
                status: int = by_link(api, "answer", token, answer="matches").status_code
                return status

            assert sorted(pool.map(use, range(2), timeout=PATIENCE_SECONDS)) == [200, 409]


def test_a_link_whose_question_a_colleague_answered_says_who(api: Api) -> None:
    question = ask(api, unit="mingyue")
    token = link(api, question)
    acted(api, "mingyue-1", question, "answer", {"answer": "matches"})

    told = by_link(api, "answer", token, answer="matches")

    assert (told.status_code, told.json()["by"]) == (409, "mingyue-1")


def test_a_link_needs_a_reason_where_everybody_does_and_keeps_a_call_like_theirs(api: Api) -> None:
    question = ask(api, unit="mingyue")
    token = link(api, question)

    assert by_link(api, "answer", token, answer="contradicts").json()["code"] == "reason.missing"
    assert by_link(api, "answer", token, answer="contradicts", reason=REASON, phone=CALL).status_code == 200
    assert shown(api, "mingyue-1", question)["phone"]["number"] == "154****0321"


def test_a_link_of_nobody_or_of_yesterday_leads_nowhere(api: Api) -> None:
    question = ask(api, unit="mingyue")
    nobodys = sign_link(api.store.vault, uuid4(), api.clock() + HALF_AN_HOUR)
    expired = link(api, question, api.clock() - MINUTE)

    for token in (nobodys, expired, link(api, question)[:-1], "A" * 48, "nothing", "\u0000", "链接"):
        for what, more in (("question", {}), ("answer", {"answer": "matches"})):
            told = by_link(api, what, token, **more)
            assert (told.status_code, told.json()["code"]) == (404, "link.refused")
            assert token not in told.text or token in {"nothing", "链接"}
    assert case_of(api, question).verification(PROOF, 1, 0).state == "open"
