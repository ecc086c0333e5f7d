"""Whose notice reached nobody is said where the question is looked at, in both languages and with what to do."""

import json
from typing import Any

import pytest

from domain.actors import Actor
from store.links import sign_link
from tests.api.conftest import Api
from tests.api.officers import REASON, acted, ask, opened, shown
from tests.api.officers import api as api  # with units that are asked
from tests.desk import MONDAY
from tests.notices import LIMIT, deliver, turn_down
from tests.retirees import Retiree

OFFICER = Actor(account="pension-1", unit="office")


def test_a_question_whose_notice_was_refused_says_so_and_since_when(api: Api) -> None:
    question = ask(api)
    assert shown(api, "civil-1", question)["undelivered"] is None, "it is on its way"

    turn_down(api.store, question.id, MONDAY + LIMIT)

    said = {
        "zh": "提醒未能送达: 接收方拒收, 最近一次 2026-11-23 09:30。请电话联系。",
        "en": "The notice was not delivered: its receiver refused it, last at 2026-11-23 09:30. Please call.",
    }
    assert shown(api, "civil-1", question)["undelivered"] == said
    assert shown(api, "supervisor-1", question)["undelivered"] == said


def test_the_sentence_goes_with_the_next_notice_that_is_taken_or_with_the_question(api: Api) -> None:
    question, other = ask(api, "申请住房贷款"), ask(api, "申请公租房")
    for one in (question, other):
        turn_down(api.store, one.id)

    acted(api, "civil-2", question, "claim")
    assert shown(api, "civil-1", question)["undelivered"] is not None
    deliver(api.store, question.id)
    acted(api, "civil-1", other, "answer", {"answer": "contradicts", "reason": REASON})

    assert shown(api, "civil-1", question)["undelivered"] is None
    assert shown(api, "civil-1", other)["undelivered"] is None


def test_where_nobody_could_be_told_the_question_asks_for_somebody(api: Api) -> None:
    question = ask(api)
    deliver(api.store, question.id, nobody=True)

    said = shown(api, "supervisor-1", question)["undelivered"]

    assert said["zh"] == "没有人收到提醒: 没有可通知的账号, 也没有可联系的电话。请安排人员, 或提级处理。"
    assert said["en"].startswith("Nobody was told")


@pytest.mark.parametrize(
    ("nobody", "zh", "en"),
    [
        (
            False,
            "确认链接未能送达本人: 接收方拒收, 最近一次 2026-11-23 09:00。本人尚未收到表单, 请电话联系。",
            "The link was not delivered: its receiver refused it, last at 2026-11-23 09:00."
            " The person has not got the form; please call them.",
        ),
        (
            True,
            "确认链接没有发给本人: 表中没有可用的电话, 或本系统未启用短信等发送渠道。本人尚未收到表单, 请设法联系。",
            "The link was sent to nobody: the form has no phone for it, or nothing sends messages here."
            " The person has not got the form; please find another way to reach them.",
        ),
    ],
)
def test_the_desk_hears_that_the_person_has_not_got_the_form(api: Api, nobody: bool, zh: str, en: str) -> None:
    one = Retiree(api.store, by=OFFICER).sent_out()
    if nobody:
        deliver(api.store, one.question, nobody=True)
    else:
        turn_down(api.store, one.question)

    told = api.by("pension-1").get(f"/api/v1/inbox/{one.question}").json()

    assert told["undelivered"] == {"zh": zh, "en": en}
    said = json.dumps(told["undelivered"], ensure_ascii=False)
    assert [personal for personal in (one.worker.name, one.worker.phone) if personal in said] == []


def test_whoever_holds_the_link_is_not_told_that_it_did_not_come(api: Api) -> None:
    one = Retiree(api.store, by=OFFICER).sent_out()
    turn_down(api.store, one.question)
    token = sign_link(api.store.vault, one.question, one.due)

    told: Any = api.by(None).post("/api/v1/links/question", json={"token": token}).json()

    assert (told["notice"] is not None, told["undelivered"]) == (True, None)


def test_what_an_earlier_rung_did_not_hear_is_not_said_of_the_next(api: Api) -> None:
    question = ask(api)
    turn_down(api.store, question.id)
    acted(api, "civil-1", question, "answer", {"answer": "hand_to_community", "reason": REASON})
    community = opened(api, question.case_id, rung=1, unit="mingyue")

    assert shown(api, "mingyue-1", community)["undelivered"] is None
