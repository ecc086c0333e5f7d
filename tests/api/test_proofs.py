"""A superior waits no longer for an answer; an applicant signs for a fact, or declines and loses nothing."""

from typing import Any
from uuid import UUID

import pytest

from domain.listing import ListedRoute
from tests.api.conftest import Api
from tests.api.officers import REASON, SUBJECT, Question, ask, case_of, listed, post
from tests.api.officers import api as api  # with units that are asked
from tests.desk import CLERK, file
from tests.workflows.officers import PROOF, about, alone


def test_a_superior_waits_no_longer_and_the_proof_is_theirs_to_settle(api: Api) -> None:
    question = ask(api)
    path = f"cases/{question.case_no}/proofs/{PROOF}/escalation"

    told = post(api, "supervisor-1", path, {"reason": "当事人等候在窗口"}, key="k")
    again = post(api, "supervisor-1", path, {"reason": "当事人等候在窗口"}, key="k")
    other = post(api, "supervisor-1", path, {"reason": "当事人等候在窗口"})

    assert told.status_code == again.status_code == 200, told.text
    assert told.json() == again.json()
    assert told.json()["version"] == int(told.headers["etag"].strip('"'))
    assert case_of(api, question).proof(PROOF).state == "escalated"
    assert listed(api, "civil-1") == []
    assert (other.status_code, other.json()["code"]) == (409, "case.part_not_in_hand")
    assert post(api, "supervisor-1", path, {}).status_code == 422
    nothing = post(api, "supervisor-1", f"cases/{question.case_no}/proofs/nothing/escalation", {"reason": REASON})
    assert (nothing.status_code, nothing.json()["code"]) == (404, "case.part_unknown")


LETTER = "本人承诺婚姻状况为未婚, 如有不实愿承担相应后果"


def offered(api: Api, purpose: str = "申请住房贷款") -> Question:
    """The applicant may sign for the proof."""
    bundle = alone(ListedRoute.COMMITMENT)
    form = {**about(purpose=purpose), "subject": SUBJECT}
    filed = file(api.store, form, key=f"key-{purpose}", by=CLERK, at=api.clock(), bundle=bundle)
    return Question(UUID(int=0), filed.case_id, filed.case_no)


def test_an_applicant_who_signs_has_shown_it(api: Api) -> None:
    question = offered(api)

    told = post(
        api, "desk-1", f"cases/{question.case_no}/proofs/{PROOF}/commitment", {"signed": True, "letter": LETTER}
    )

    assert told.status_code == 200, told.text
    assert LETTER not in told.text
    assert case_of(api, question).proof(PROOF).state == "met"
    note = case_of(api, question).proof(PROOF).note
    assert api.store.open_case_file(question.case_id).note(note) == LETTER


def test_an_applicant_who_declines_loses_nothing(api: Api) -> None:
    question = offered(api)

    told = post(api, "desk-1", f"cases/{question.case_no}/proofs/{PROOF}/commitment", {"signed": False})

    assert told.status_code == 200, told.text
    assert (case_of(api, question).proof(PROOF).state, case_of(api, question).proof(PROOF).rung) == ("asked", 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"signed": True}, "missing"),
        ({"signed": True, "letter": "   "}, "missing"),
        ({"signed": False, "letter": LETTER}, "unknown"),
    ],
)
def test_a_signature_has_its_letter_and_a_refusal_has_none(api: Api, body: Any, code: str) -> None:
    question = offered(api)

    told = post(api, "desk-1", f"cases/{question.case_no}/proofs/{PROOF}/commitment", body)

    assert told.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in told.json()["errors"]] == [("/letter", code)]
    assert case_of(api, question).proof(PROOF).state == "offered"


def test_nobody_signs_for_what_was_not_offered(api: Api) -> None:
    question = ask(api)

    told = post(api, "desk-1", f"cases/{question.case_no}/proofs/{PROOF}/commitment", {"signed": False})

    assert (told.status_code, told.json()["code"]) == (409, "case.part_not_in_hand")
