"""Whoever was asked sees what they need to answer, on record; whoever leads them sees it masked."""

import json

from domain.scopes import Role
from store.accounts import add_account, issue_token
from tests.api.conftest import Api
from tests.api.officers import HALF_AN_HOUR, MINUTE, REASON, SUBJECT, acted, ask, expires, logged, opened, shown
from tests.api.officers import api as api  # with units that are asked
from tests.api.test_cases import case_id, contested
from tests.desk import MONDAY
from tests.workflows.officers import PROOF


def test_whoever_is_asked_sees_the_question_in_full_and_that_is_on_record_first(api: Api) -> None:
    question = ask(api)
    api.clock.at += 10 * MINUTE

    told = shown(api, "civil-1", question)

    assert (told["verification"]["title"], told["basis"]) == ("婚姻状况证明", "婚姻登记条例 18")
    assert (told["rung"], told["rungs"]) == (1, 3)
    assert told["limit"] == {"budget_seconds": 1800, "used_seconds": 600}
    fields = {one["path"]: (one["title"], one["value"]) for one in told["fields"]}
    assert fields["subject.name"] == ("当事人姓名", SUBJECT["name"])
    assert fields["subject.citizen_id"] == ("当事人公民身份号码", SUBJECT["citizen_id"])
    assert (told["in_full"], told["forgotten"], told["tried"]) == (True, False, [])
    (entry,) = logged(api, question, "read_question")
    assert (entry["account"], entry["granted"]) == ("civil-1", True)
    assert {"subject.name", "subject.citizen_id"} <= set(entry["about"])


def test_whoever_leads_them_sees_it_masked(api: Api) -> None:
    question = ask(api)

    for account in ("supervisor-1", "caseworker-1"):
        told = api.by(account).get(f"/api/v1/inbox/{question.id}")
        assert told.json()["in_full"] is False
        assert SUBJECT["citizen_id"] not in told.text
        assert SUBJECT["name"] not in told.text
    assert [entry["account"] for entry in logged(api, question, "read_masked")] == ["caseworker-1", "supervisor-1"]


def test_whoever_has_answered_has_no_more_business_with_the_persons_data(api: Api) -> None:
    question = ask(api)
    acted(api, "civil-1", question, "answer", {"answer": "contradicts", "reason": REASON})

    told = shown(api, "civil-1", question)

    assert told["in_full"] is False
    assert SUBJECT["citizen_id"] not in json.dumps(told, ensure_ascii=False)
    assert told["said"] == REASON
    assert [entry["account"] for entry in logged(api, question, "read_masked")] == ["civil-1"]


def test_whoever_may_still_answer_late_sees_what_they_need_for_it(api: Api) -> None:
    question = ask(api)
    api.clock.at += HALF_AN_HOUR
    expires(api, question)

    told = shown(api, "civil-1", question)

    assert (told["verification"]["state_label"], told["in_full"]) == ("逾期未答复", True)
    assert told["limit"] == {"budget_seconds": 1800, "used_seconds": 1800}


def test_the_next_rung_is_told_who_gave_up_before_and_why(api: Api) -> None:
    question = ask(api)
    acted(api, "civil-1", question, "answer", {"answer": "hand_to_community", "reason": "本人未在本地办理登记"})
    community = opened(api, question.case_id, rung=1, unit="mingyue")

    told = shown(api, "mingyue-1", community)

    assert told["tried"] == [
        {
            "route": "department_verification",
            "unit": "civil",
            "reason": "handed_to_community",
            "because": {"zh": "部门转社区核实", "en": "the department handed it to the community"},
            "said": "本人未在本地办理登记",
        }
    ]
    assert shown(api, "civil-1", question)["tried"] == []


def test_why_it_waits_is_the_same_sentence_for_the_officer_and_for_whoever_watches_the_case(api: Api) -> None:
    question = ask(api)
    clock = api.by("caseworker-1").get(f"/api/v1/cases/{question.case_no}/clock").json()
    (why,) = (one for one in clock["waits"] if one["what"] == PROOF)

    assert shown(api, "civil-1", question)["waiting_label"] == {"zh": why["zh"], "en": why["en"]}

    acted(api, "civil-1", question, "answer", {"answer": "matches"})
    assert shown(api, "civil-1", question)["waiting_label"] is None


def test_registers_and_departments_that_gave_up_are_told_apart(api: Api) -> None:
    case_no = api.filed()
    case = case_id(api, case_no)
    contested(api, case_no, "mother_identity", outcome="unreachable")
    first = opened(api, case, "mother_identity", rung=1, unit="health")
    with api.store.database.begin() as connection:
        add_account(connection, "health-1", unit="health", role=Role.VERIFIER)
        api.tokens["health-1"] = issue_token(connection, "health-1", label="test", at=MONDAY)
    acted(api, "health-1", first, "answer", {"answer": "no_record", "reason": "档案尚未移交"})
    second = opened(api, case, "mother_identity", rung=2, unit="mingyue")

    assert [(one["route"], one["reason"]) for one in shown(api, "mingyue-1", second)["tried"]] == [
        ("shared_data_query", "unreachable"),
        ("department_verification", "no_record"),
    ]
    assert [one["route"] for one in shown(api, "health-1", first)["tried"]] == ["shared_data_query"]


def test_choices_are_shown_with_what_they_mean(api: Api) -> None:
    case_no = api.filed()
    contested(api, case_no, "birth_record", outcome="unreachable")
    question = opened(api, case_id(api, case_no), "birth_record", rung=1, unit="mingyue")

    fields = {one["path"]: one for one in shown(api, "mingyue-1", question)["fields"]}

    assert fields["birth.delivery"]["choice"] == {"zh": "顺产", "en": "Normal"}
    assert set(fields) == {"birth.birth_record_no", "birth.born_at", "birth.delivery", "mother.name"}


def test_a_case_shows_whom_its_proofs_were_asked_of(api: Api) -> None:
    question = ask(api)
    acted(api, "civil-2", question, "claim")

    case = api.by("desk-1").get(f"/api/v1/cases/{question.case_no}").json()

    (proof,) = case["proofs"]
    assert (proof["state"], proof["state_label"]) == ("verifying", "待核验人答复")
    (asked,) = proof["verifications"]
    assert (asked["id"], asked["unit"], asked["owner"], asked["claimed"]) == (
        str(question.id),
        "civil",
        "civil-2",
        True,
    )
