"""迟到的答复: what comes when the ladder has moved on, or when departments have acted, is kept and believed.

So is what an officer finds who had answered that there is no record.
"""

from datetime import timedelta
from typing import Any

import pytest

from domain.actors import Actor
from domain.case_file import CaseFile, CaseState, EarlierAnswer, ProofState, VerificationState
from domain.events import (
    LateAnswerRecorded,
)
from domain.refusals import (
    AlreadySettled,
    CaseEnded,
    NotInHand,
    ReasonMissing,
)
from domain.waiting import waits
from tests.domain.asking import (
    DUE,
    IDENTITY,
    MARRIAGE,
    asked,
    contradicted_afterwards,
    offered,
    passed_over,
    taken_up,
    with_the_caseworker,
    with_the_community,
    with_the_department,
)
from tests.domain.telling import (
    COLLEAGUE,
    COMMUNITY,
    COMMUNITY_WORKER,
    MONDAY,
    OFFICER,
    TUESDAY,
    answers,
    claims,
    commits,
    departments_conclude,
    expires,
    given,
    opens,
    settle,
    told,
    when,
    withdraw,
)

# --- answers that come when the ladder has moved on


def between_the_rungs() -> CaseFile:
    return passed_over()


def met_by_the_community() -> CaseFile:
    return given(answers(file := with_the_community(), MARRIAGE, by=COMMUNITY_WORKER, at=DUE), file=file)


def contested_by_the_community() -> CaseFile:
    return given(answers(file := with_the_community(), MARRIAGE, "contradicts", by=COMMUNITY_WORKER), file=file)


LADDER_MOVED_ON: tuple[tuple[str, CaseFile, str], ...] = (
    ("the next rung is due", between_the_rungs(), "proof_met"),
    ("the community has it", with_the_community(), "proof_met"),
    ("the caseworker has it", with_the_caseworker(), "proof_met"),
    ("a superior took it up", taken_up(), "proof_met"),
    ("the community has shown it", met_by_the_community(), ""),
    ("the community contests it", contested_by_the_community(), ""),
    ("the caseworker found it shown", given(settle(MARRIAGE, met=True), file=with_the_caseworker()), ""),
    ("the caseworker found it not shown", given(settle(MARRIAGE, met=False), file=with_the_caseworker()), ""),
)


@pytest.mark.parametrize(
    ("file", "then"), [(file, then) for _, file, then in LADDER_MOVED_ON], ids=[name for name, _, _ in LADDER_MOVED_ON]
)
def test_a_late_match_is_kept_and_ends_what_is_still_being_obtained(file: CaseFile, then: str) -> None:
    events = when(answers(file, MARRIAGE, rung=1, at=TUESDAY), file)

    assert told(events)[0] == f"late_answer_recorded {MARRIAGE}"
    assert (f"proof_met {MARRIAGE}" in told(events)) == (then == "proof_met")
    after = given(answers(file, MARRIAGE, rung=1, at=TUESDAY), file=file)
    assert after.late_answers == file.late_answers + 1
    assert not any(live.state is VerificationState.OPEN for live in after.verifications.values())
    if then:
        assert (after.proof(MARRIAGE).state, after.proof(MARRIAGE).met_by) == (
            ProofState.MET,
            "department_verification",
        )
    else:
        assert after.proof(MARRIAGE) == file.proof(MARRIAGE)


@pytest.mark.parametrize(
    ("file", "contests"),
    [
        (
            file,
            file.proof(MARRIAGE).state not in {ProofState.CONTESTED, ProofState.NOT_MET},
        )
        for _, file, _ in LADDER_MOVED_ON
    ],
    ids=[name for name, _, _ in LADDER_MOVED_ON],
)
def test_a_late_contradiction_is_kept_and_contests_what_was_not_contested(file: CaseFile, contests: bool) -> None:
    events = when(answers(file, MARRIAGE, "contradicts", rung=1, at=TUESDAY), file)

    assert told(events)[0] == f"late_answer_recorded {MARRIAGE}"
    assert (f"proof_contested {MARRIAGE}" in told(events)) == contests
    after = given(answers(file, MARRIAGE, "contradicts", rung=1, at=TUESDAY), file=file)
    assert not any(live.state is VerificationState.OPEN for live in after.verifications.values())
    if contests:
        assert (after.proof(MARRIAGE).state, after.proof(MARRIAGE).contested_by) == (
            ProofState.CONTESTED,
            OFFICER.account,
        )
    else:
        assert after.proof(MARRIAGE) == file.proof(MARRIAGE)


@pytest.mark.parametrize(
    ("file", "answer", "contradicts"),
    [
        (passed_over(), "matches", False),
        (passed_over(), "contradicts", True),
        (met_by_the_community(), "matches", False),
        (met_by_the_community(), "contradicts", True),
        (contested_by_the_community(), "contradicts", False),
        (contested_by_the_community(), "matches", True),
        (given(settle(MARRIAGE, met=False), file=with_the_caseworker()), "matches", True),
        (given(settle(MARRIAGE, met=False), file=with_the_caseworker()), "contradicts", False),
        (met_by_the_community(), "no_record", False),
    ],
)
def test_a_late_answer_says_whether_it_says_otherwise(file: CaseFile, answer: Any, contradicts: bool) -> None:
    (event, *_) = when(answers(file, MARRIAGE, answer, rung=1, by_phone=True), file)

    assert isinstance(event, LateAnswerRecorded)
    assert event.contradicts is contradicts
    assert (event.round, event.rung, event.by_phone, event.note) == (1, 1, True, "note/4")


@pytest.mark.parametrize("answer", ["no_record", "hand_to_community"])
@pytest.mark.parametrize("file", [with_the_community(), met_by_the_community()], ids=["open", "met"])
def test_a_late_answer_that_settles_nothing_changes_nothing(file: CaseFile, answer: Any) -> None:
    (event,) = when(answers(file, MARRIAGE, answer, rung=1), file)

    assert event.type == "late_answer_recorded"
    assert given(answers(file, MARRIAGE, answer, rung=1), file=file).proofs == file.proofs


def test_a_late_match_withdraws_the_question_from_whoever_has_it_now() -> None:
    file = with_the_community()

    after = given(answers(file, MARRIAGE, rung=1, at=TUESDAY), file=file)

    assert (asked(after, rung=2).state, asked(after, rung=2).ended_at) == (VerificationState.WITHDRAWN, TUESDAY)
    assert (asked(after).state, asked(after).answer, asked(after).answered_by) == (
        VerificationState.EXPIRED,
        "matches",
        OFFICER.account,
    )
    # What the community says then is late in its turn.
    (event,) = when(answers(after, MARRIAGE, rung=2, by=COMMUNITY_WORKER), after)
    assert event.type == "late_answer_recorded"


def test_a_late_match_takes_back_the_offer_of_a_commitment() -> None:
    file = given(answers(file := offered(), "conduct", rung=0), file=file)

    assert file.proof("conduct").state is ProofState.MET
    with pytest.raises(NotInHand):
        when(commits("conduct", signed=True), file)


def test_a_late_contradiction_contests_what_was_committed_to() -> None:
    file = given(commits("conduct", signed=True), file=offered())

    file = given(answers(file, "conduct", "contradicts", rung=1, by=COMMUNITY_WORKER), file=file)

    assert file.proof("conduct").state is ProofState.CONTESTED


def test_of_two_late_answers_the_second_hears_who_was_first_and_when_that_was() -> None:
    file = given(answers(file := passed_over(), MARRIAGE, "no_record", rung=1, at=TUESDAY), file=file)

    with pytest.raises(AlreadySettled) as refusal:
        when(answers(file, MARRIAGE, rung=1, by=COLLEAGUE, at=TUESDAY), file)

    assert (refusal.value.by, refusal.value.at) == (OFFICER.account, TUESDAY)


def test_a_late_answer_is_nobodys_alone() -> None:
    file = given(claims(file := with_the_department(), MARRIAGE), file=file)
    file = given(expires(file, MARRIAGE, at=DUE), file=file)

    assert when(answers(file, MARRIAGE, rung=1, by=COLLEAGUE), file)


# --- who answered that there is no record finds it after all


def no_record(answer: Any = "no_record") -> CaseFile:
    """The department's officer holds nothing about it, or sends on to the community, which has it now."""
    file = given(answers(file := with_the_department(), MARRIAGE, answer, note="note/1"), file=file)
    return given(opens(file, MARRIAGE, unit=COMMUNITY, at=DUE), file=file)


@pytest.mark.parametrize("answer", ["no_record", "hand_to_community"])
def test_who_had_no_record_and_finds_it_closes_the_later_rung(answer: Any) -> None:
    file = no_record(answer)

    events = when(answers(file, MARRIAGE, rung=1, at=TUESDAY), file)
    after = given(answers(file, MARRIAGE, rung=1, at=TUESDAY), file=file)

    assert told(events)[:2] == (f"late_answer_recorded {MARRIAGE}", f"proof_met {MARRIAGE}")
    assert (after.proof(MARRIAGE).state, after.proof(MARRIAGE).met_by) == (ProofState.MET, "department_verification")
    assert asked(after, rung=2).state is VerificationState.WITHDRAWN
    question = asked(after)
    assert (question.state, question.answer, question.answered_at) == (VerificationState.ANSWERED, "matches", TUESDAY)
    assert question.answered_late
    assert question.earlier == EarlierAnswer(answer, MONDAY, "note/1"), "the first answer stays on record"


def test_who_had_no_record_and_finds_otherwise_contests_what_the_community_has_shown() -> None:
    file = given(answers(file := no_record(), MARRIAGE, by=COMMUNITY_WORKER, at=DUE), file=file)
    assert file.proof(MARRIAGE).state is ProofState.MET

    late, *then = when(answers(file, MARRIAGE, "contradicts", rung=1, at=TUESDAY), file)

    assert isinstance(late, LateAnswerRecorded)
    assert late.contradicts
    assert told(tuple(then))[0] == f"proof_contested {MARRIAGE}"


def test_a_match_that_is_found_after_the_community_has_shown_it_is_kept_and_changes_nothing() -> None:
    file = given(answers(file := no_record(), MARRIAGE, by=COMMUNITY_WORKER, at=DUE), file=file)

    after = given(answers(file, MARRIAGE, rung=1, at=TUESDAY), file=file)

    assert after.proofs == file.proofs
    assert asked(after).answer == "matches"


def test_who_was_late_with_no_record_may_find_it_too() -> None:
    file = given(answers(file := with_the_community(), MARRIAGE, "no_record", rung=1), file=file)

    file = given(answers(file, MARRIAGE, rung=1, at=TUESDAY), file=file)

    assert file.proof(MARRIAGE).state is ProofState.MET
    assert (asked(file).state, asked(file).answered_late) == (VerificationState.EXPIRED, True)


@pytest.mark.parametrize("answer", ["matches", "contradicts"])
def test_a_colleague_who_finds_it_is_still_told_whose_answer_counted(answer: Any) -> None:
    file = no_record()

    with pytest.raises(AlreadySettled) as refusal:
        when(answers(file, MARRIAGE, answer, rung=1, by=COLLEAGUE, at=TUESDAY), file)

    assert (refusal.value.by, refusal.value.at) == (OFFICER.account, MONDAY)


@pytest.mark.parametrize("answer", ["no_record", "hand_to_community"])
def test_no_record_is_not_said_twice(answer: Any) -> None:
    file = no_record()

    with pytest.raises(AlreadySettled):
        when(answers(file, MARRIAGE, answer, rung=1, at=TUESDAY), file)


@pytest.mark.parametrize("first", ["matches", "contradicts"])
@pytest.mark.parametrize("then", ["matches", "contradicts"])
def test_an_answer_that_settled_it_is_the_only_one_also_where_it_was_found_later(first: Any, then: Any) -> None:
    at_once = given(answers(file := with_the_department(), MARRIAGE, first), file=file)
    found = given(answers(file := no_record(), MARRIAGE, first, rung=1), file=file)

    for file in (at_once, found):
        with pytest.raises(AlreadySettled):
            when(answers(file, MARRIAGE, then, rung=1, at=TUESDAY), file)


def test_a_link_is_spent_by_its_first_answer_whatever_that_was() -> None:
    holder = Actor.of_link("0a1b2c3d", COMMUNITY)
    file = given(answers(file := with_the_community(), MARRIAGE, "no_record", by=holder, at=DUE), file=file)

    with pytest.raises(AlreadySettled):
        when(answers(file, MARRIAGE, rung=2, by=holder, at=TUESDAY), file)


def test_what_is_found_after_the_case_was_withdrawn_is_refused_like_every_late_answer() -> None:
    withdrawn = given(withdraw(), file=no_record())

    with pytest.raises(CaseEnded):
        when(answers(withdrawn, MARRIAGE, rung=1, at=TUESDAY), withdrawn)


def test_a_contradiction_still_needs_its_reason_when_it_is_found_later() -> None:
    with pytest.raises(ReasonMissing):
        when(answers(file := no_record(), MARRIAGE, "contradicts", rung=1, note=None), file)


# --- a contradiction after departments have acted


def test_a_contradiction_after_items_were_sent_waits_for_a_caseworker_all_the_same() -> None:
    file = contradicted_afterwards()

    assert file.item("birth_certificate").state == "submitted", "what a department has stays with it"
    assert file.proof(IDENTITY).state is ProofState.CONTESTED
    assert {wait.what: wait.on for wait in waits(file)}[IDENTITY] == "caseworker"


@pytest.mark.parametrize("met", [True, False])
def test_the_case_does_not_end_before_somebody_has_looked_at_it(met: bool) -> None:
    file = departments_conclude(contradicted_afterwards())

    assert (file.state, file.in_hand) == (CaseState.OPEN, (IDENTITY,))
    assert [(wait.what, wait.on) for wait in waits(file)] == [(IDENTITY, "caseworker")]

    events = when(settle(IDENTITY, met=met, at=TUESDAY), file)

    assert told(events) == (f"proof_settled {IDENTITY}", "case_concluded")


def test_taking_the_application_back_does_not_spare_what_was_contradicted_a_look() -> None:
    file = departments_conclude(given(withdraw(), file=contradicted_afterwards()))

    assert (file.state, file.over) == (CaseState.WITHDRAWN, False)
    assert [(wait.what, wait.on) for wait in waits(file)] == [(IDENTITY, "caseworker")]
    assert given(settle(IDENTITY, met=True), file=file).over


def test_what_was_contested_and_no_department_has_acted_on_is_nobodys_concern_any_more() -> None:
    file = given(answers(file := with_the_department(), MARRIAGE, "contradicts"), file=file)

    file = given(withdraw(), file=file)

    assert file.proof(MARRIAGE).state is ProofState.DROPPED


def test_what_was_found_shown_after_a_contradiction_may_be_contradicted_again() -> None:
    file = given(expires(file := passed_over_twice(), IDENTITY, at=DUE + timedelta(hours=1)), file=file)
    file = given(answers(file, IDENTITY, "contradicts", rung=1), settle(IDENTITY, met=True), file=file)

    file = given(answers(file, IDENTITY, "contradicts", rung=2), file=file)

    assert file.proof(IDENTITY).state is ProofState.CONTESTED


def passed_over_twice() -> CaseFile:
    file = passed_over(IDENTITY)
    return given(opens(file, IDENTITY, unit=COMMUNITY, at=DUE), file=file)
