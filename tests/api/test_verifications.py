"""People take what they were asked, answer it once, and stop its clock only with a reason."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from domain.time_limits import OfficeHours
from store.tables import accounts, metadata, units
from tests.api.conftest import Api
from tests.api.officers import (
    CALL,
    HALF_AN_HOUR,
    MINUTE,
    PATIENCE_SECONDS,
    REASON,
    SUBJECT,
    Question,
    act,
    acted,
    ask,
    case_of,
    expires,
    ids,
    is_whole,
    listed,
    logged,
    opened,
    post,
    shown,
    types,
)
from tests.api.officers import api as api  # with units that are asked
from tests.api.test_cases import case_id, contested
from tests.desk import MONDAY
from tests.workflows.officers import PROOF

CIVIL = "云澜区民政局"

# ── who has it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_officer_claims_releases_and_hands_over(api: Api) -> None:
    question = ask(api)

    def told(by: str, what: str, body: Any = None) -> tuple[Any, Any]:
        now = acted(api, by, question, what, body)["verification"]
        return now["owner"], now["claimed"]

    assert told("civil-1", "claim") == ("civil-1", True)
    assert told("civil-1", "claim") == ("civil-1", True)
    assert told("civil-1", "release") == (None, False)
    assert told("civil-2", "claim") == ("civil-2", True)
    assert told("civil-2", "hand-over", {"to": "civil-1"}) == ("civil-1", True)
    assert types(api, question).count("verification_assigned") == 4
    assert ids(listed(api, "civil-1", "queue=mine")) == [str(question.id)]


def test_a_name_from_the_duty_roster_binds_nobody(api: Api) -> None:
    question = ask(api, owner="civil-1")

    assert acted(api, "civil-2", question, "claim")["verification"]["owner"] == "civil-2"


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("claim", None),
        ("release", None),
        ("hand-over", {"to": "civil-chief"}),
        ("answer", {"answer": "matches"}),
        ("suspension", {"reason": "等待档案馆回函"}),
    ],
)
def test_what_a_colleague_has_claimed_is_refused_with_who_and_since_when(api: Api, what: str, body: Any) -> None:
    question = ask(api)
    acted(api, "civil-1", question, "claim")
    api.clock.at += MINUTE

    answered = act(api, "civil-2", question, what, body)

    told = answered.json()
    assert (answered.status_code, told["code"]) == (409, "verification.held")
    assert (told["by"], told["at"]) == ("civil-1", "2026-11-23T09:00:00.000+08:00")
    (entry,) = [
        one for one in logged(api, question, "answer_verification") if one["purpose"] == "refused: verification.held"
    ]
    assert (entry["account"], entry["granted"]) == ("civil-2", False)
    assert case_of(api, question).verification(PROOF, 1, 0).owner == "civil-1"


@pytest.mark.parametrize("to", ["officer-1", "far-civil-1", "civil-system", "nobody-at-all", "mingyue-1"])
def test_it_goes_to_a_colleague_and_to_nobody_else(api: Api, to: str) -> None:
    question = ask(api)
    with api.store.database.begin() as connection:
        connection.execute(update(units).where(units.c.code == "civil").values(title=CIVIL))
    acted(api, "civil-1", question, "claim")

    handed = act(api, "civil-1", question, "hand-over", {"to": to})
    back = act(api, "civil-chief", question, "take-back", {"reason": "承办人请假", "to": to})
    given = post(api, "civil-chief", "inbox/assignments", {"ids": [str(question.id)], "to": to, "reason": "按片区"})

    assert (handed.status_code, handed.json()["code"]) == (422, "verification.not_a_colleague")
    assert (back.status_code, back.json()["code"]) == (422, "verification.not_a_colleague")
    for refused in (handed, back):
        assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/to"]
        assert f"“{CIVIL}”" in refused.json()["errors"][0]["detail_zh"], "the unit by its name, not by its code"
    (row,) = given.json()["rows"]
    assert (row["assigned"], row["problem"]) == (False, "verification.not_a_colleague")
    assert case_of(api, question).verification(PROOF, 1, 0).owner == "civil-1"


def test_a_colleague_whose_account_was_closed_is_none(api: Api) -> None:
    question = ask(api)
    with api.store.database.begin() as connection:
        connection.execute(update(accounts).where(accounts.c.account == "civil-2").values(disabled_at=MONDAY))

    assert act(api, "civil-1", question, "hand-over", {"to": "civil-2"}).status_code == 422


@pytest.mark.parametrize("superior", ["civil-chief", "supervisor-1"])
def test_a_superior_takes_back_with_a_reason(api: Api, superior: str) -> None:
    question, another = ask(api, "one"), ask(api, "two")
    for one in (question, another):
        acted(api, "civil-1", one, "claim")

    queued = acted(api, superior, question, "take-back", {"reason": "承办人请假"})["verification"]
    given = acted(api, superior, another, "take-back", {"reason": "承办人请假", "to": "civil-2"})["verification"]

    assert (queued["owner"], queued["claimed"]) == (None, False)
    assert (given["owner"], given["claimed"]) == ("civil-2", False)
    assert act(api, superior, question, "take-back", {}).status_code == 422
    assert act(api, superior, question, "take-back", {"reason": ""}).status_code == 422
    assert act(api, "civil-2", question, "take-back", {"reason": "承办人请假"}).status_code == 403


def test_many_are_handed_out_at_once_and_each_row_is_told(api: Api) -> None:
    one, two, over = (ask(api, name) for name in ("one", "two", "over"))
    theirs = ask(api, "theirs", unit="mingyue")
    acted(api, "civil-1", two, "claim")
    acted(api, "civil-1", over, "answer", {"answer": "matches"})
    nothing = uuid4()
    wanted = [str(id) for id in (one.id, theirs.id, two.id, nothing, over.id, one.id)]

    answered = post(api, "civil-chief", "inbox/assignments", {"ids": wanted, "to": "civil-2", "reason": "按片区分派"})

    assert answered.status_code == 200, answered.text
    assert [(row["id"], row["assigned"], row["problem"]) for row in answered.json()["rows"]] == [
        (str(one.id), True, None),
        (str(theirs.id), False, "verification.unknown"),
        (str(two.id), True, None),
        (str(nothing), False, "verification.unknown"),
        (str(over.id), False, "case.part_settled"),
    ]
    assert {line["owner"] for line in listed(api, "civil-2", "queue=mine")} == {"civil-2"}
    assert set(ids(listed(api, "civil-2", "queue=mine"))) == {str(one.id), str(two.id)}
    assert [entry["granted"] for entry in logged(api, theirs, "assign_verification")] == [False]


def test_many_handed_out_again_under_the_same_key_change_nothing_more(api: Api) -> None:
    question = ask(api)
    body = {"ids": [str(question.id)], "to": "civil-2", "reason": "按片区分派"}
    post(api, "civil-chief", "inbox/assignments", body, key="k")
    acted(api, "civil-1", question, "claim")

    again = post(api, "civil-chief", "inbox/assignments", body, key="k")
    other = post(api, "civil-chief", "inbox/assignments", {**body, "to": "civil-1"}, key="k")

    assert again.json()["rows"][0]["assigned"] is True
    assert case_of(api, question).verification(PROOF, 1, 0).owner == "civil-1"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key.reused")


@pytest.mark.parametrize("ids_", [[], ["not-an-id"], [7], [None], [str(uuid4())] * 201])
def test_a_list_of_nothing_or_of_too_much_is_refused(api: Api, ids_: list[Any]) -> None:
    answered = post(api, "civil-chief", "inbox/assignments", {"ids": ids_, "to": "civil-2", "reason": "按片区分派"})

    assert answered.status_code == 422
    assert answered.json()["errors"][0]["pointer"].startswith("/ids")


def test_an_id_that_is_none_and_a_reason_of_blanks_are_told_what_they_must_be(api: Api) -> None:
    ids_ = [str(uuid4()), "not-an-id"]

    told = post(api, "civil-chief", "inbox/assignments", {"ids": ids_, "to": "civil-2", "reason": "   "}).json()

    faults = {fault["pointer"]: (fault["detail_zh"], fault["detail"]) for fault in told["errors"]}
    assert faults == {
        "/ids/1": ("应为编号(UUID)", "must be an id (UUID)"),
        "/reason": ("须有 2 至 500 个字符, 不能全为空白", "must have 2 to 500 characters, not blanks only"),
    }


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "proof_state", "told"),
    [
        ("matches", "met", "该证明已核实"),
        ("contradicts", "contested", "与申报不一致, 由经办人认定"),
        ("no_record", "asked", "已记录, 转由下一环节核实"),
        ("hand_to_community", "asked", "已记录, 转由下一环节核实"),
    ],
)
def test_each_answer_moves_the_proof(api: Api, said: str, proof_state: str, told: str) -> None:
    question = ask(api)

    heard = acted(api, "civil-1", question, "answer", {"answer": said, "reason": REASON})

    now = heard["verification"]
    assert (now["state"], now["answer"], now["answered_by"]) == ("answered", said, "civil-1")
    assert (heard["counted"], heard["told"]["zh"]) == (True, told)
    assert case_of(api, question).proof(PROOF).state == proof_state
    assert REASON not in json.dumps(heard, ensure_ascii=False)
    (entry,) = logged(api, question, "answer_verification")
    assert (entry["account"], entry["granted"], entry["about"]) == ("civil-1", True, [PROOF])


@pytest.mark.parametrize("said", ["contradicts", "no_record", "hand_to_community"])
def test_everything_but_a_match_needs_a_reason(api: Api, said: str) -> None:
    question = ask(api)
    call = {"spoke_with": "单秀英", "number": "0579-85551234", "at": "2026-11-23T09:00:00+08:00", "said": "不清楚"}

    for body in ({"answer": said}, {"answer": said, "phone": call}):
        answered = act(api, "civil-1", question, "answer", body)
        assert (answered.status_code, answered.json()["code"]) == (422, "reason.missing")
    assert act(api, "civil-1", question, "answer", {"answer": said, "reason": "  "}).status_code == 422
    assert case_of(api, question).verification(PROOF, 1, 0).state == "open"
    acted(api, "civil-1", question, "answer", {"answer": said, "reason": REASON})


def test_a_match_needs_none(api: Api) -> None:
    assert acted(api, "civil-1", ask(api), "answer", {"answer": "matches"})["counted"] is True


@pytest.mark.parametrize("said", ["yes", "", None, 1, "MATCHES"])
def test_there_are_four_answers_and_no_fifth(api: Api, said: Any) -> None:
    answered = act(api, "civil-1", ask(api), "answer", {"answer": said})

    assert (answered.status_code, answered.json()["errors"][0]["pointer"]) == (422, "/answer")


def test_what_is_answered_already_is_refused_with_who_and_when(api: Api) -> None:
    question = ask(api)
    acted(api, "civil-1", question, "answer", {"answer": "matches"})
    api.clock.at += MINUTE

    answered = act(api, "civil-2", question, "answer", {"answer": "contradicts", "reason": REASON})

    told = answered.json()
    assert (answered.status_code, told["code"]) == (409, "case.part_settled")
    assert (told["by"], told["at"]) == ("civil-1", "2026-11-23T09:00:00.000+08:00")
    assert [(one["account"], one["granted"]) for one in logged(api, question, "answer_verification")] == [
        ("civil-2", False),
        ("civil-1", True),
    ]


def test_two_officers_at_once_one_answer_counts_and_the_other_is_told_whose(api: Api) -> None:
    """C2: fifty times, from a barrier; both attempts are in the access log."""
    officers: tuple[str, ...] = ("civil-1", "civil-2")
    winners = set()
    for officer in officers:
        api.by(officer)  # made beforehand, so that the race is not about who connects first
    with ThreadPoolExecutor(2) as pool:
        for number in range(50):
            question = ask(api, f"round {number}")
            barrier = Barrier(2)

            def answer(by: str, question: Question = question, barrier: Barrier = barrier) -> Any:
                said = "matches" if by == "civil-1" else "contradicts"
                barrier.wait(PATIENCE_SECONDS)
                return act(api, by, question, "answer", {"answer": said, "reason": REASON})

            told: dict[str, Any] = dict(
                zip(officers, pool.map(answer, officers, timeout=PATIENCE_SECONDS), strict=True)
            )

            assert sorted(one.status_code for one in told.values()) == [200, 409]
            winner = next(by for by, one in told.items() if one.status_code == 200)
            loser = next(by for by in officers if by != winner)
            refusal = told[loser].json()
            assert (refusal["code"], refusal["by"]) == ("case.part_settled", winner)
            assert refusal["at"] == "2026-11-23T09:00:00.000+08:00"
            assert types(api, question).count("verification_answered") == 1
            entries = logged(api, question, "answer_verification")
            assert {(one["account"], one["granted"]) for one in entries} == {(winner, True), (loser, False)}
            assert len(entries) == 2
            winners.add(winner)
    assert is_whole(api)


def test_the_same_answer_sent_again_is_one_answer(api: Api) -> None:
    question = ask(api)
    first = acted(api, "civil-1", question, "answer", {"answer": "matches"}, key="k")

    again = acted(api, "civil-1", question, "answer", {"answer": "matches"}, key="k")

    assert again == first
    assert len(logged(api, question, "answer_verification")) == 1


def test_the_same_key_for_another_answer_is_refused(api: Api) -> None:
    question, another = ask(api, "one"), ask(api, "two")
    acted(api, "civil-1", question, "answer", {"answer": "matches"}, key="k")

    other = act(api, "civil-1", question, "answer", {"answer": "contradicts", "reason": REASON}, key="k")
    elsewhere = act(api, "civil-1", another, "answer", {"answer": "matches"}, key="k")
    somebody = act(api, "civil-2", another, "answer", {"answer": "matches"}, key="k")

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key.reused")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "idempotency_key.reused")
    assert somebody.status_code == 200


def test_a_key_is_not_spent_by_what_was_refused(api: Api) -> None:
    question = ask(api)
    acted(api, "civil-1", question, "claim")

    assert act(api, "civil-2", question, "answer", {"answer": "matches"}, key="k").status_code == 409
    acted(api, "civil-1", question, "release")
    acted(api, "civil-2", question, "answer", {"answer": "matches"}, key="k")


def test_without_a_key_nothing_is_done(api: Api) -> None:
    question = ask(api)

    for what, body in (("claim", None), ("answer", {"answer": "matches"}), ("suspension", {"reason": REASON})):
        answered = api.by("civil-1").post(f"/api/v1/inbox/{question.id}/{what}", json=body)
        assert (answered.status_code, answered.json()["code"]) == (400, "idempotency_key.missing")


# ── answers that come late (B7, C3) ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "counted", "proof_state", "words"),
    [
        ("matches", True, "met", "仍予采信"),
        ("contradicts", True, "contested", "仍予采信"),
        ("no_record", False, "verifying", "不改变结果"),
    ],
)
def test_an_answer_after_the_limit_is_kept_and_told_whether_it_counted(
    api: Api, said: str, counted: bool, proof_state: str, words: str
) -> None:
    question = ask(api)
    api.clock.at += HALF_AN_HOUR
    expires(api, question)
    community = opened(api, question.case_id, rung=1, unit="mingyue")

    heard = acted(api, "civil-1", question, "answer", {"answer": said, "reason": REASON})

    assert heard["counted"] is counted
    assert words in heard["told"]["zh"]
    assert (heard["verification"]["state"], heard["verification"]["answer"]) == ("expired", said)
    assert case_of(api, question).proof(PROOF).state == proof_state
    assert "late_answer_recorded" in types(api, question)
    assert ids(listed(api, "civil-1", "queue=late_or_contradicting")) == [str(question.id)]
    assert shown(api, "civil-1", question)["said"] == REASON
    assert bool(listed(api, "mingyue-1")) is not counted
    if not counted:
        acted(api, "mingyue-1", community, "answer", {"answer": "matches"})


@pytest.mark.parametrize("first", ["no_record", "hand_to_community"])
@pytest.mark.parametrize(("found", "proof_state"), [("matches", "met"), ("contradicts", "contested")])
def test_who_answered_that_there_is_no_record_finds_it_and_is_heard(
    api: Api, first: str, found: str, proof_state: str
) -> None:
    question = ask(api)
    acted(api, "civil-1", question, "answer", {"answer": first, "reason": REASON}, key="first")
    community = opened(api, question.case_id, rung=1, unit="mingyue")
    api.clock.at += MINUTE
    said = {"answer": found, "reason": "另一卷宗中找到"}

    heard = acted(api, "civil-1", question, "answer", said, key="then")

    assert (heard["counted"], heard["verification"]["state"]) == (True, "answered")
    assert (heard["verification"]["answer"], heard["verification"]["answered_by"]) == (found, "civil-1")
    assert "补充答复已采信" in heard["told"]["zh"]
    assert case_of(api, question).proof(PROOF).state == proof_state
    assert not listed(api, "mingyue-1")
    assert act(api, "mingyue-1", community, "answer", {"answer": "matches"}).json()["counted"] is False
    told = shown(api, "civil-1", question)
    assert (told["said"], told["earlier"]["answer"], told["earlier"]["said"]) == ("另一卷宗中找到", first, REASON)
    assert told["may_add"] is False
    assert (told["earlier"]["at"], told["answered_at"]) == (
        "2026-11-23T09:00:00.000+08:00",
        "2026-11-23T09:01:00.000+08:00",
    )
    assert acted(api, "civil-1", question, "answer", said, key="then") == heard


def test_only_who_had_no_record_reads_it_in_full_once_more_and_that_is_logged(api: Api) -> None:
    question = ask(api)
    acted(api, "civil-1", question, "answer", {"answer": "no_record", "reason": REASON})

    def read(by: str, found: str) -> tuple[bool, bool]:
        told = api.by(by).get(f"/api/v1/inbox/{question.id}?found={found}").json()
        return told["may_add"], told["in_full"]

    assert read("civil-1", "false") == (True, False)
    assert read("civil-1", "true") == (True, True)
    assert [one["account"] for one in logged(api, question, "read_question")] == ["civil-1"]
    assert read("civil-2", "true") == (False, False)
    assert read("caseworker-1", "true") == (False, False)


def test_a_second_answer_is_refused_where_the_first_was_a_colleagues_or_says_no_more(api: Api) -> None:
    question = ask(api)
    acted(api, "civil-1", question, "answer", {"answer": "no_record", "reason": REASON}, key="k")

    for by, body in (
        ("civil-2", {"answer": "matches"}),
        ("civil-1", {"answer": "hand_to_community", "reason": REASON}),
    ):
        refused = act(api, by, question, "answer", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "case.part_settled")
        assert refused.json()["by"] == "civil-1"
    reused = act(api, "civil-1", question, "answer", {"answer": "matches"}, key="k")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key.reused")


def test_an_answer_after_the_proof_was_taken_up_is_kept_and_believed(api: Api) -> None:
    question = ask(api)
    post(api, "caseworker-1", f"cases/{question.case_no}/proofs/{PROOF}/escalation", {"reason": "当事人等候在窗口"})

    heard = acted(api, "civil-1", question, "answer", {"answer": "matches"})

    assert (heard["counted"], heard["verification"]["state"]) == (True, "withdrawn")


def test_after_the_withdrawal_of_the_case_nothing_counts_and_nothing_changes(api: Api) -> None:
    question = ask(api)
    api.by("desk-1").post(
        f"/api/v1/cases/{question.case_no}/withdrawal",
        json={"reason": "本人已提供原件"},
        headers={"if-match": api.etag(question.case_no)},
    )
    version = case_of(api, question).version

    for what, body, code in (
        ("answer", {"answer": "matches"}, "case.ended"),
        ("claim", None, "verification.over"),
        ("suspension", {"reason": REASON}, "verification.over"),
    ):
        answered = act(api, "civil-1", question, what, body)
        assert (answered.status_code, answered.json()["code"]) == (409, code)
    assert case_of(api, question).version == version
    assert len(logged(api, question, "answer_verification")) == 3
    assert not any(entry["granted"] for entry in logged(api, question, "answer_verification"))


def test_after_an_amendment_the_old_question_is_over(api: Api) -> None:
    case_no = api.filed()
    case = case_id(api, case_no)
    contested(api, case_no, "father_identity", outcome="unreachable")
    question = opened(api, case, "father_identity", rung=1, unit="police")
    amended = api.by("desk-1").patch(
        f"/api/v1/cases/{case_no}",
        json={"application": {"father": {"name": "欧阳远志"}}, "reason": "姓名录入有误"},
        headers={"if-match": api.etag(case_no)},
    )
    assert amended.status_code == 200, amended.text

    answered = act(api, "officer-1", question, "answer", {"answer": "matches"})

    assert (answered.status_code, answered.json()["code"]) == (409, "verification.over")
    assert answered.json()["at"] == "2026-11-23T09:00:00.000+08:00"
    assert shown(api, "officer-1", question)["in_full"] is False


# ── by telephone ────────────────────────────────────────────────────────────────────────────────────────────────────


CALLED_BECAUSE = "电话核实后与申报的婚姻状况不一致"


def test_a_telephone_answer_is_kept_sealed_and_shown_masked(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    question = ask(api)

    heard = acted(
        api, "civil-1", question, "answer", {"answer": "contradicts", "reason": CALLED_BECAUSE, "phone": CALL}
    )

    assert heard["verification"]["by_phone"] is True
    told = shown(api, "civil-1", question)
    assert told["said"] == CALLED_BECAUSE
    assert told["phone"] == {
        "spoke_with": "申屠*",
        "number": "154****0321",
        "at": CALL["at"],
        "said": CALL["said"],
    }
    said = capfd.readouterr()
    with api.store.database.reading() as connection:
        stored = json.dumps(
            [str(row) for table in metadata.sorted_tables for row in connection.execute(select(table))],
            ensure_ascii=False,
        )
    feed = api.by("desk-1").get(f"/api/v1/cases/{question.case_no}/events").text
    figures = api.by(None).get("/metrics").text
    for secret in (CALL["spoke_with"], CALL["number"], CALL["said"], CALLED_BECAUSE, SUBJECT["citizen_id"]):
        for where in (said.out, said.err, stored, feed, figures, json.dumps(heard, ensure_ascii=False)):
            assert secret not in where


def test_a_match_by_telephone_keeps_the_call_without_a_reason(api: Api) -> None:
    question = ask(api)

    acted(api, "civil-1", question, "answer", {"answer": "matches", "phone": CALL})

    told = shown(api, "civil-1", question)
    assert (told["said"], told["phone"]["said"]) == (None, CALL["said"])


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        ({"number": "12345"}, "/phone/number", "length"),
        ({"number": "电话"}, "/phone/number", "characters"),
        ({"at": "2026-11-23T09:00:01+08:00"}, "/phone/at", "in_future"),
        ({"at": "2026-11-23T08:59:00+08:00"}, "/phone/at", "before_question"),
        ({"at": "1999-01-01T09:00:00+08:00"}, "/phone/at", "before_question"),
        ({"at": "2026-11-23T08:55:00"}, "/phone/at", "type"),
        ({"at": 1764000000}, "/phone/at", "type"),
        ({"spoke_with": ""}, "/phone/spoke_with", "too_short"),
        ({"said": "a\u0000b"}, "/phone/said", "pattern"),
        ({"whom": "x"}, "/phone/whom", "unknown"),
    ],
)
def test_a_call_that_cannot_have_been_is_refused_by_place_and_rule(
    api: Api, wrong: dict[str, Any], pointer: str, code: str
) -> None:
    question = ask(api)

    answered = act(api, "civil-1", question, "answer", {"answer": "matches", "phone": {**CALL, **wrong}})

    assert answered.status_code == 422, answered.text
    assert [(fault["pointer"], fault["code"]) for fault in answered.json()["errors"]] == [(pointer, code)]
    assert case_of(api, question).verification(PROOF, 1, 0).state == "open"


def test_a_call_is_noted_to_the_minute_and_may_be_of_the_minute_in_which_the_question_came(api: Api) -> None:
    api.clock.at += timedelta(seconds=40)
    question = ask(api)

    acted(api, "civil-1", question, "answer", {"answer": "matches", "phone": CALL})


def test_a_late_call_is_kept_too(api: Api) -> None:
    question = ask(api)
    api.clock.at += HALF_AN_HOUR
    expires(api, question)

    acted(api, "civil-1", question, "answer", {"answer": "no_record", "reason": REASON, "phone": CALL})

    assert shown(api, "civil-1", question)["phone"]["said"] == CALL["said"]


# ── the clock ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_is_stopped_with_a_reason_and_what_was_left_is_left(api: Api) -> None:
    question = ask(api)
    api.clock.at = MONDAY + 10 * MINUTE
    stopped = acted(api, "civil-1", question, "suspension", {"reason": "档案馆停电"})["verification"]
    api.clock.at = MONDAY + timedelta(hours=5)
    told = shown(api, "civil-1", question)
    running = acted(api, "civil-1", question, "resumption")["verification"]

    assert (stopped["suspended"], stopped["due"]) == (True, None)
    assert (told["limit"]["used_seconds"], told["suspended_because"]) == (600, "档案馆停电")
    assert (running["suspended"], running["due"]) == (False, "2026-11-23T14:20:00.000+08:00")
    assert shown(api, "civil-1", question)["suspended_because"] is None


def test_what_has_ended_keeps_the_limit_that_a_standstill_gave_it(api: Api) -> None:
    answered, passed_over, handed_up, stopped = (ask(api, purpose) for purpose in ("一", "二", "三", "四"))
    for question in (answered, passed_over, handed_up):
        acted(api, "civil-1", question, "suspension", {"reason": "档案馆停电"})
    api.clock.at += 10 * MINUTE
    for question in (answered, passed_over, handed_up):
        acted(api, "civil-1", question, "resumption")
    acted(api, "civil-1", stopped, "suspension", {"reason": "档案馆停电"})

    acted(api, "civil-1", answered, "answer", {"answer": "matches"})
    for question in (handed_up, stopped):
        post(api, "caseworker-1", f"cases/{question.case_no}/proofs/{PROOF}/escalation", {"reason": "当事人等候在窗口"})
    api.clock.at += HALF_AN_HOUR
    expires(api, passed_over)

    ended = {line["id"]: (line["state"], line["due"]) for line in listed(api, "civil-1", "queue=ended")}
    extended = "2026-11-23T09:40:00.000+08:00"
    assert ended == {
        str(answered.id): ("answered", extended),
        str(handed_up.id): ("withdrawn", extended),
        str(stopped.id): ("withdrawn", None),
        str(passed_over.id): ("expired", extended),
    }
    is_whole(api)


def test_a_clock_that_cannot_be_stopped_or_started_says_which_rule(api: Api) -> None:
    question = ask(api)

    running = act(api, "civil-1", question, "resumption")
    acted(api, "civil-1", question, "suspension", {"reason": "档案馆停电"})
    again = act(api, "civil-1", question, "suspension", {"reason": "档案馆停电"})
    acted(api, "civil-1", question, "resumption")
    api.clock.at += HALF_AN_HOUR
    late = act(api, "civil-1", question, "suspension", {"reason": "档案馆停电"})

    assert [(one.status_code, one.json()["code"], one.json()["rule"]) for one in (running, again, late)] == [
        (409, "verification.clock", "not_suspended"),
        (409, "verification.clock", "already_suspended"),
        (409, "verification.clock", "already_over"),
    ]
    assert act(api, "civil-1", question, "suspension", {}).status_code == 422
    assert act(api, "civil-1", question, "suspension", None).status_code == 422


def test_in_an_office_with_hours_only_open_time_is_used_up(api: Api) -> None:
    api.clock.at = datetime.fromisoformat("2026-11-23T16:50:00+08:00")
    question = ask(api, hours=OfficeHours())
    api.clock.at = datetime.fromisoformat("2026-11-24T08:40:00+08:00")

    assert shown(api, "civil-1", question)["limit"] == {"budget_seconds": 1800, "used_seconds": 1200}
