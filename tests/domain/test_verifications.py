"""部门核验、社区核实、告知承诺: who is asked, who may answer until when, and what comes of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from domain.actors import Actor
from domain.bundle import CommunityCheck, DepartmentVerification, Escalation
from domain.case_file import CaseFile, CaseState, ProofState, VerificationState, evolve
from domain.commands import Command
from domain.events import (
    CommitmentAnswered,
    LateAnswerRecorded,
    ProofContested,
    ProofMet,
    VerificationAnswered,
    VerificationAssigned,
    VerificationOpened,
    VerificationReminded,
    VerificationResumed,
)
from domain.notices import cards
from domain.refusals import (
    AlreadySettled,
    AnswerNotOffered,
    CaseEnded,
    ClockRefused,
    HeldByAnother,
    NoSuchPart,
    NotInHand,
    ReasonMissing,
    Refusal,
    VerificationOver,
)
from domain.silence import SilenceRule
from domain.steps import AskRegister, FindVerifier, LetExpire, RemindOwner, agenda, steps
from domain.time_limits import SHANGHAI, OfficeHours
from domain.verifications import next_rung
from domain.waiting import waits
from tests.domain.asking import (
    BIRTH,
    DUE,
    FOUR_FIFTHS,
    HALF,
    IDENTITY,
    MARRIAGE,
    a_player_asked,
    asked,
    contradicted_afterwards,
    due_for_people,
    exhausted,
    offered,
    passed_over,
    sent_on_the_communitys_word,
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
    SUPERIOR,
    TUESDAY,
    UNIT,
    a_family,
    amend,
    answers,
    assigns,
    claims,
    commits,
    department,
    departments_conclude,
    escalates,
    expires,
    given,
    opens,
    proven,
    read,
    reminds,
    resumes,
    settle,
    suspends,
    told,
    when,
    withdraw,
)
from tests.domain.tennis_club import CONDUCT

# --- opening


def test_what_a_register_does_not_hold_is_asked_of_people() -> None:
    file = due_for_people()

    assert [step.key for step in steps(file) if isinstance(step, FindVerifier)] == [f"verify {MARRIAGE} 1.1"]
    assert not any(isinstance(step, AskRegister) for step in steps(file))


def test_who_has_half_an_hour_has_it_from_that_very_moment() -> None:
    (event,) = when(opens(file := due_for_people(), MARRIAGE, owner=OFFICER.account), file)

    assert isinstance(event, VerificationOpened)
    assert (event.due, event.remind_at, event.immediate) == (DUE, (HALF, FOUR_FIFTHS), True)
    assert (event.unit, event.owner, event.route, event.rung) == (UNIT, OFFICER.account, "department_verification", 1)
    opened = given(opens(file, MARRIAGE), file=file)
    assert opened.proof(MARRIAGE).state is ProofState.VERIFYING
    assert not any(isinstance(step, FindVerifier) for step in steps(opened)), "who was found is not looked for again"


def test_what_is_not_immediate_is_answered_within_twenty_four_hours() -> None:
    (event,) = when(opens(file := due_for_people("prenatal_record"), "prenatal_record"), file)

    assert isinstance(event, VerificationOpened)
    assert (event.due, event.immediate) == (MONDAY + timedelta(hours=24), False)


def test_asked_ten_minutes_before_closing_the_office_has_until_ten_to_nine() -> None:
    at = MONDAY.replace(hour=16, minute=50)

    (event,) = when(opens(file := due_for_people(), MARRIAGE, hours=OfficeHours(), at=at), file)

    assert isinstance(event, VerificationOpened)
    assert event.due == TUESDAY.replace(hour=8, minute=50)


@pytest.mark.parametrize(
    ("unit", "reason", "told_as"),
    [(None, "nobody_on_duty", "nobody_on_duty"), (None, "no_community", "no_community")],
)
def test_where_nobody_can_be_asked_the_next_rung_is_due_at_once_and_the_reason_is_told(
    unit: str | None, reason: str, told_as: str
) -> None:
    file = due_for_people()

    events = when(opens(file, MARRIAGE, unit=unit, reason=reason), file)

    assert told(events) == (f"route_exhausted {MARRIAGE}", f"route_opened {MARRIAGE}")
    file = given(opens(file, MARRIAGE, unit=unit, reason=reason), file=file)
    assert file.proof(MARRIAGE).exhausted[-1] == ("department_verification", told_as)
    assert (file.proof(MARRIAGE).state, file.proof(MARRIAGE).rung) == (ProofState.ASKED, 2)
    assert not file.verifications


def test_where_the_calendar_of_the_year_is_not_known_the_next_rung_is_due_at_once_and_the_reason_is_told() -> None:
    new_years_eve = datetime(2026, 12, 31, 16, 50, tzinfo=SHANGHAI)
    file = due_for_people()
    hours = OfficeHours()

    assert told(when(opens(file, MARRIAGE, at=new_years_eve), file)) == (f"verification_opened {MARRIAGE}",)
    gave_up = exhausted(file, opens(file, MARRIAGE, hours=hours, at=new_years_eve))

    assert (gave_up.reason, gave_up.rung) == ("calendar_not_shipped", 1)
    file = given(opens(file, MARRIAGE, hours=hours, at=new_years_eve), file=file)
    assert (file.proof(MARRIAGE).asked, file.verifications) == ("community", {})


def test_with_nobody_anywhere_it_comes_to_the_caseworker_with_every_reason() -> None:
    file = due_for_people()
    file = given(opens(file, MARRIAGE, unit=None), file=file)
    file = given(opens(file, MARRIAGE, unit=None, reason="no_community"), file=file)

    assert file.proof(MARRIAGE).state is ProofState.ESCALATED
    assert file.proof(MARRIAGE).exhausted == (
        ("shared_data_query", "not_found"),
        ("department_verification", "nobody_on_duty"),
        ("community_check", "no_community"),
    )


def test_a_rung_is_opened_once_however_often_the_engine_finds_somebody() -> None:
    command = opens(due_for_people(), MARRIAGE)

    assert when(command, with_the_department()) == ()
    assert when(command, passed_over()) == ()
    assert when(command, given(withdraw(), file=due_for_people())) == ()
    amended = given(amend(file := due_for_people(), read(mother__name="尉迟静"), "mother.name"), file=file)
    assert when(command, amended) == ()


def test_only_a_rung_of_people_is_opened_with_people() -> None:
    file = a_family()

    assert when(opens(file, MARRIAGE), file) == ()


# --- answering


def test_a_match_shows_the_fact_and_the_item_goes_on() -> None:
    file = departments_conclude(with_the_department())

    events = when(answers(file, MARRIAGE, note=None), file)

    assert told(events) == (
        f"verification_answered {MARRIAGE}",
        f"proof_met {MARRIAGE}",
        "item_submitted household_registration",
    )
    file = given(answers(file, MARRIAGE, note=None), file=file)
    assert (file.proof(MARRIAGE).met_by, file.proof(MARRIAGE).settled_by) == (
        "department_verification",
        OFFICER.account,
    )
    assert not file.proof(MARRIAGE).evidence, "no register's record is kept where a person answered"
    assert asked(file).state is VerificationState.ANSWERED


def test_no_record_goes_to_the_next_rung() -> None:
    file = with_the_department()

    events = when(answers(file, MARRIAGE, "no_record"), file)

    assert told(events) == (
        f"verification_answered {MARRIAGE}",
        f"route_exhausted {MARRIAGE}",
        f"route_opened {MARRIAGE}",
    )
    after = given(answers(file, MARRIAGE, "no_record"), file=file)
    assert (after.proof(MARRIAGE).asked, after.proof(MARRIAGE).exhausted[-1]) == (
        "community",
        ("department_verification", "no_record"),
    )
    assert exhausted(file, answers(file, MARRIAGE, "no_record")).note == "note/4", "the reason is kept with the rung"


def test_a_contradiction_stops_the_proof_and_never_goes_to_the_next_rung_by_itself() -> None:
    file = with_the_department()

    events = when(answers(file, MARRIAGE, "contradicts"), file)

    assert told(events) == (f"verification_answered {MARRIAGE}", f"proof_contested {MARRIAGE}")
    file = given(answers(file, MARRIAGE, "contradicts"), file=file)
    assert (file.proof(MARRIAGE).state, file.proof(MARRIAGE).contested_by) == (ProofState.CONTESTED, OFFICER.account)
    assert (file.proof(MARRIAGE).evidence, file.proof(MARRIAGE).differing) == (False, ())
    assert not any(isinstance(step, FindVerifier) for step in steps(file))
    assert {wait.what: wait.on for wait in waits(file)}[MARRIAGE] == "caseworker"


def test_handing_to_the_community_skips_the_rungs_between() -> None:
    routes = (CONDUCT.routes[0], CONDUCT.routes[0], *CONDUCT.routes[1:])

    assert next_rung(routes, 0, "handed_to_community") == 2
    assert next_rung(routes, 0, "no_record") == 1


@pytest.mark.parametrize(
    ("rule", "asks_next"), [(None, 1), (SilenceRule.COMMUNITY_CHECK, 2), (SilenceRule.CASEWORKER, 3)]
)
def test_who_asks_after_silence_is_the_units_rule_and_after_anything_else_it_is_not(
    rule: SilenceRule | None, asks_next: int
) -> None:
    department = DepartmentVerification(department="health", shows=())
    routes = (department, department, CommunityCheck(community=(), shows=()), Escalation())

    assert next_rung(routes, 0, "no_answer", rule) == asks_next
    assert next_rung(routes, 0, "no_record", rule) == 1
    assert next_rung(routes, 0, "handed_to_community", rule) == 2


def test_the_community_is_not_handed_what_it_has_already() -> None:
    file = given(answers(file := with_the_department(), MARRIAGE, "hand_to_community"), file=file)
    community = file.proof(MARRIAGE).rung
    file = given(opens(file, MARRIAGE, unit=COMMUNITY), file=file)

    with pytest.raises(AnswerNotOffered, match="asked already"):
        when(answers(file, MARRIAGE, "hand_to_community", rung=community), file)
    file = given(answers(file, MARRIAGE, "no_record", rung=community), file=file)
    assert file.proof(MARRIAGE).exhausted[-1] == ("community_check", "no_record")


def test_handing_to_the_community_where_no_community_is_asked_goes_to_the_next_rung() -> None:
    file = with_the_department(BIRTH)

    file = given(answers(file, BIRTH, "hand_to_community"), file=file)

    assert file.proof(BIRTH).asked == "caseworker"
    assert file.proof(BIRTH).exhausted[-1] == ("department_verification", "handed_to_community")


def test_the_department_may_hand_it_to_the_community_which_then_is_asked() -> None:
    file = given(answers(file := with_the_department(), MARRIAGE, "hand_to_community"), file=file)

    assert (file.proof(MARRIAGE).asked, file.proof(MARRIAGE).rung) == ("community", 2)
    file = given(opens(file, MARRIAGE, unit=COMMUNITY), file=file)
    file = given(answers(file, MARRIAGE, by=COMMUNITY_WORKER), file=file)
    assert file.proof(MARRIAGE).met_by == "community_check"


@pytest.mark.parametrize("answer", ["contradicts", "no_record", "hand_to_community"])
@pytest.mark.parametrize("file", [with_the_department(), passed_over()], ids=["in time", "late"])
def test_everything_but_a_match_needs_a_reason_in_words(file: CaseFile, answer: Any) -> None:
    with pytest.raises(ReasonMissing):
        when(answers(file, MARRIAGE, answer, rung=1, note=None), file)


def test_an_answer_by_telephone_is_marked_as_one() -> None:
    (event, *_) = when(answers(file := with_the_department(), MARRIAGE, by_phone=True), file)

    assert isinstance(event, VerificationAnswered)
    assert (event.by_phone, event.note) == (True, "note/4")
    assert asked(given(answers(file, MARRIAGE, by_phone=True), file=file)).by_phone


def test_of_two_officers_the_second_hears_who_was_first_and_when() -> None:
    file = given(answers(file := with_the_department(), MARRIAGE, at=HALF), file=file)

    with pytest.raises(AlreadySettled) as refusal:
        when(answers(file, MARRIAGE, "contradicts", by=COLLEAGUE, at=DUE), file)

    assert (refusal.value.by, refusal.value.at) == (OFFICER.account, HALF)


def test_an_answer_after_the_limit_is_taken_until_the_engine_has_let_it_expire() -> None:
    file = with_the_department()

    assert told(when(answers(file, MARRIAGE, at=DUE + timedelta(minutes=1)), file))[1] == f"proof_met {MARRIAGE}"


def test_what_nobody_was_asked_cannot_be_answered() -> None:
    for file, rung in ((due_for_people(), 1), (with_the_department(), 2), (with_the_department(), 0)):
        with pytest.raises(NoSuchPart):
            when(answers(file, MARRIAGE, rung=rung), file)


# --- whose it is


def test_a_name_from_the_roster_binds_nobody_and_a_claim_does() -> None:
    file = with_the_department(owner=OFFICER.account)
    assert when(answers(file, MARRIAGE, by=COLLEAGUE), file)

    file = given(claims(file, MARRIAGE, at=HALF), file=file)

    assert (asked(file).owner, asked(file).owner_since, asked(file).claimed) == (OFFICER.account, HALF, True)
    for command in (answers(file, MARRIAGE, by=COLLEAGUE), claims(file, MARRIAGE, by=COLLEAGUE)):
        with pytest.raises(HeldByAnother) as refusal:
            when(command, file)
        assert (refusal.value.by, refusal.value.since) == (OFFICER.account, HALF)
    assert when(answers(file, MARRIAGE), file)
    assert when(claims(file, MARRIAGE), file) == (), "claimed twice is claimed once"


def test_what_is_in_the_units_queue_is_whoevers_claims_it() -> None:
    file = given(claims(file := with_the_department(), MARRIAGE, by=COLLEAGUE), file=file)

    assert asked(file).owner == COLLEAGUE.account


def test_what_was_claimed_is_released_into_the_queue_by_its_owner_only() -> None:
    file = given(claims(file := with_the_department(), MARRIAGE), file=file)
    with pytest.raises(HeldByAnother):
        when(assigns(file, MARRIAGE, "released", None, by=COLLEAGUE), file)

    file = given(assigns(file, MARRIAGE, "released", None, by=OFFICER), file=file)

    assert (asked(file).owner, asked(file).claimed) == (None, False)
    assert when(assigns(file, MARRIAGE, "released", None, by=OFFICER), file) == ()
    assert when(claims(file, MARRIAGE, by=COLLEAGUE), file)


def test_the_clock_of_what_was_claimed_is_its_owners_and_the_superiors() -> None:
    file = given(claims(file := with_the_department(), MARRIAGE), file=file)
    with pytest.raises(HeldByAnother):
        when(suspends(file, MARRIAGE, by=COLLEAGUE, at=HALF), file)
    for stopped_by in (OFFICER, SUPERIOR):
        stopped = given(suspends(file, MARRIAGE, by=stopped_by, at=HALF), file=file)
        with pytest.raises(HeldByAnother):
            when(resumes(stopped, MARRIAGE, by=COLLEAGUE, at=HALF), stopped)
        assert when(resumes(stopped, MARRIAGE, by=OFFICER, at=HALF), stopped)


def test_nobody_gives_back_what_is_another_s() -> None:
    file = given(
        assigns(with_the_department(), MARRIAGE, "assigned", OFFICER.account, note="note/7"), file=with_the_department()
    )

    with pytest.raises(HeldByAnother):
        when(assigns(file, MARRIAGE, "released", None, by=COLLEAGUE), file)
    assert when(assigns(file, MARRIAGE, "released", None, by=OFFICER), file)


def test_what_is_handed_over_is_the_colleagues_alone() -> None:
    file = given(claims(file := with_the_department(), MARRIAGE), file=file)
    with pytest.raises(HeldByAnother):
        when(assigns(file, MARRIAGE, "handed_over", COLLEAGUE.account, by=COLLEAGUE), file)

    file = given(assigns(file, MARRIAGE, "handed_over", COLLEAGUE.account, by=OFFICER), file=file)

    assert (asked(file).owner, asked(file).claimed) == (COLLEAGUE.account, True)
    with pytest.raises(HeldByAnother):
        when(answers(file, MARRIAGE, by=OFFICER), file)


def test_a_superior_takes_back_what_was_claimed_and_says_why() -> None:
    file = given(claims(file := with_the_department(), MARRIAGE), file=file)
    with pytest.raises(ReasonMissing):
        when(assigns(file, MARRIAGE, "taken_back", None), file)

    (event,) = when(assigns(file, MARRIAGE, "taken_back", None, note="note/7"), file)

    assert isinstance(event, VerificationAssigned)
    assert (event.note, event.by) == ("note/7", SUPERIOR)
    file = given(assigns(file, MARRIAGE, "taken_back", None, note="note/7"), file=file)
    assert (asked(file).owner, asked(file).claimed) == (None, False)
    assert when(answers(file, MARRIAGE, by=COLLEAGUE), file)


def test_a_superior_hands_out_work_and_once_is_enough() -> None:
    file = given(claims(file := with_the_department(), MARRIAGE), file=file)

    file = given(assigns(file, MARRIAGE, "assigned", COLLEAGUE.account), file=file)

    assert (asked(file).owner, asked(file).claimed) == (COLLEAGUE.account, False)
    assert when(assigns(file, MARRIAGE, "assigned", COLLEAGUE.account), file) == ()
    assert when(assigns(file, MARRIAGE, "assigned", OFFICER.account), file)


# --- reminders and the limit


def test_a_reminder_goes_out_once_at_each_mark_and_not_before() -> None:
    file = with_the_department()
    assert when(reminds(file, MARRIAGE, 50, at=HALF - timedelta(seconds=1)), file) == ()

    (event,) = when(reminds(file, MARRIAGE, 50, at=HALF), file)

    assert isinstance(event, VerificationReminded)
    file = given(reminds(file, MARRIAGE, 50, at=HALF), file=file)
    assert when(reminds(file, MARRIAGE, 50, at=HALF), file) == ()
    assert when(reminds(file, MARRIAGE, 80, at=HALF), file) == (), "the second mark has its own time"
    file = given(reminds(file, MARRIAGE, 80, at=FOUR_FIFTHS), file=file)
    assert asked(file).reminded == 80
    assert when(reminds(file, MARRIAGE, 50, at=FOUR_FIFTHS), file) == (), "an earlier mark is not news any more"


def test_there_is_no_reminder_for_a_mark_that_nobody_knows_or_a_question_that_is_over() -> None:
    file = with_the_department()
    assert when(reminds(file, MARRIAGE, 90, at=DUE), file) == ()

    answered = given(answers(file, MARRIAGE, "no_record"), file=file)

    assert when(reminds(answered, MARRIAGE, 50, rung=1, at=DUE), answered) == ()


def test_the_limit_is_over_when_it_is_over_and_not_a_second_earlier() -> None:
    file = with_the_department()
    assert when(expires(file, MARRIAGE, at=DUE - timedelta(seconds=1)), file) == ()

    events = when(expires(file, MARRIAGE, at=DUE), file)

    assert told(events) == (f"route_exhausted {MARRIAGE}", f"route_opened {MARRIAGE}")
    file = given(expires(file, MARRIAGE, at=DUE), file=file)
    assert (asked(file).state, asked(file).ended_at) == (VerificationState.EXPIRED, DUE)
    assert file.proof(MARRIAGE).exhausted[-1] == ("department_verification", "no_answer")
    assert when(expires(file, MARRIAGE, rung=1, at=DUE), file) == (), "a limit is over once"


def test_an_answer_that_was_faster_than_the_limit_holds() -> None:
    file = given(answers(file := with_the_department(), MARRIAGE, "no_record"), file=file)

    assert when(expires(file, MARRIAGE, rung=1, at=DUE), file) == ()
    assert asked(file).state is VerificationState.ANSWERED


def test_the_agenda_names_the_marks_and_the_limit_and_crosses_off_what_was_done() -> None:
    def marks(file: CaseFile) -> list[tuple[str, datetime]]:
        return [(entry.step, entry.due) for entry in agenda(file) if isinstance(entry, RemindOwner | LetExpire)]

    file = with_the_department()
    assert marks(file) == [("remind_owner", HALF), ("remind_owner", FOUR_FIFTHS), ("let_expire", DUE)]

    file = given(reminds(file, MARRIAGE, 50, at=HALF), file=file)
    assert marks(file) == [("remind_owner", FOUR_FIFTHS), ("let_expire", DUE)]

    stopped = given(suspends(file, MARRIAGE, at=HALF), file=file)
    assert marks(stopped) == []
    assert marks(given(resumes(stopped, MARRIAGE, at=DUE), file=stopped)) == [
        ("remind_owner", DUE + timedelta(minutes=9)),
        ("let_expire", DUE + timedelta(minutes=15)),
    ]
    assert marks(given(answers(file, MARRIAGE), file=file)) == []


# --- stopping the clock


def stopped_at_half() -> CaseFile:
    return given(suspends(file := with_the_department(), MARRIAGE, at=HALF), file=file)


def test_a_stopped_clock_reminds_nobody_and_lets_nothing_expire() -> None:
    file = stopped_at_half()

    assert (asked(file).due, asked(file).clock.is_suspended) == (None, True)
    assert when(reminds(file, MARRIAGE, 50, at=TUESDAY), file) == ()
    assert when(expires(file, MARRIAGE, at=TUESDAY), file) == ()
    assert when(answers(file, MARRIAGE, at=TUESDAY), file), "whoever knows the answer need not wait for the clock"


def test_what_was_left_of_the_limit_is_left_still_when_the_clock_runs_again() -> None:
    file = stopped_at_half()

    (event,) = when(resumes(file, MARRIAGE, at=TUESDAY), file)

    assert isinstance(event, VerificationResumed)
    assert (event.due, event.remind_at) == (
        TUESDAY + timedelta(minutes=15),
        (TUESDAY, TUESDAY + timedelta(minutes=9)),
    )
    file = given(resumes(file, MARRIAGE, at=TUESDAY), file=file)
    assert when(expires(file, MARRIAGE, at=TUESDAY + timedelta(minutes=14)), file) == ()
    assert when(expires(file, MARRIAGE, at=TUESDAY + timedelta(minutes=15)), file)
    assert [entry.kind for entry in asked(file).clock.entries] == ["started", "suspended", "resumed"]
    assert asked(file).clock.entries[1].reason == "note/5"


@pytest.mark.parametrize(
    ("rule", "file", "command"),
    [
        ("already_suspended", stopped_at_half(), lambda file: suspends(file, MARRIAGE, at=DUE)),
        ("not_suspended", with_the_department(), lambda file: resumes(file, MARRIAGE, at=HALF)),
        ("already_over", with_the_department(), lambda file: suspends(file, MARRIAGE, at=DUE)),
        ("not_in_order", stopped_at_half(), lambda file: resumes(file, MARRIAGE, at=MONDAY)),
    ],
)
def test_a_clock_is_not_stopped_or_started_out_of_turn(
    rule: str, file: CaseFile, command: Callable[[CaseFile], Command]
) -> None:
    with pytest.raises(ClockRefused) as refusal:
        when(command(file), file)

    assert refusal.value.rule == rule
    assert refusal.value.zh != "时限不能这样变更", "each rule has its own sentence"


def test_a_clock_of_office_hours_is_neither_stopped_nor_started_in_a_year_whose_calendar_is_not_known() -> None:
    eve, new_year = datetime(2026, 12, 31, 16, 0, tzinfo=SHANGHAI), datetime(2027, 1, 1, 9, tzinfo=SHANGHAI)
    file = with_the_department(hours=OfficeHours(), at=eve)
    stopped = given(suspends(file, MARRIAGE, at=eve + timedelta(minutes=5)), file=file)

    for command, before in (
        (suspends(file, MARRIAGE, at=new_year), file),
        (resumes(stopped, MARRIAGE, at=new_year), stopped),
    ):
        with pytest.raises(ClockRefused) as refusal:
            when(command, before)
        assert refusal.value.rule == "calendar_not_shipped"
    # It stays somebody's all the same.
    assert asked(given(escalates(MARRIAGE, at=new_year), file=stopped)).state is VerificationState.WITHDRAWN


# --- a superior does not wait


@pytest.mark.parametrize(
    ("file", "proof", "rung"),
    [(with_the_department(), MARRIAGE, 3), (with_the_community(), MARRIAGE, 3), (a_player_asked(), "conduct", 3)],
    ids=["department", "community", "before a commitment"],
)
def test_a_superior_takes_it_to_the_caseworker_past_the_rungs_between(file: CaseFile, proof: str, rung: int) -> None:
    gave_up = exhausted(file, escalates(proof))
    assert (gave_up.reason, gave_up.note) == ("escalated_by_hand", "note/6")

    file = given(escalates(proof), file=file)

    assert (file.proof(proof).state, file.proof(proof).rung) == (ProofState.ESCALATED, rung)
    assert not any(live.state is VerificationState.OPEN for live in file.verifications.values())


def test_a_superior_need_not_wait_for_the_applicants_decision_either() -> None:
    file = given(escalates("conduct"), file=offered())

    assert file.proof("conduct").state is ProofState.ESCALATED


@pytest.mark.parametrize(
    "file",
    [a_family(), due_for_people(), with_the_caseworker(), proven()],
    ids=["with a register", "somebody is being found", "with a caseworker", "met"],
)
def test_only_what_waits_for_a_person_of_a_lower_rung_is_taken_up(file: CaseFile) -> None:
    with pytest.raises(NotInHand):
        when(escalates(MARRIAGE), file)


# --- commitments


def test_what_may_be_committed_to_is_offered_to_the_applicant_after_the_others() -> None:
    file = offered()

    assert (file.proof("conduct").state, file.proof("conduct").asked) == (ProofState.OFFERED, "applicant")
    assert not any(isinstance(step, FindVerifier) for step in steps(file))


def test_a_signed_commitment_shows_the_fact_and_its_letter_is_kept() -> None:
    file = offered()

    events = when(commits("conduct", signed=True), file)

    assert told(events) == ("commitment_answered conduct", "proof_met conduct")
    signed, met = events
    assert isinstance(signed, CommitmentAnswered)
    assert isinstance(met, ProofMet)
    assert (signed.signed, signed.note, met.evidence) == (True, "letter/1", False)
    file = given(commits("conduct", signed=True), file=file)
    assert (file.proof("conduct").met_by, file.proof("conduct").note) == ("commitment", "letter/1")


def test_a_commitment_without_a_letter_is_none() -> None:
    with pytest.raises(ReasonMissing):
        when(commits("conduct", signed=True, note=None), offered())


def test_declining_is_free_and_opens_the_ordinary_way() -> None:
    file = offered()

    events = when(commits("conduct", signed=False, note=None), file)

    assert told(events) == ("commitment_answered conduct", "route_exhausted conduct", "route_opened conduct")
    file = given(commits("conduct", signed=False, note=None), file=file)
    assert file.proof("conduct").state is ProofState.ESCALATED
    assert file.proof("conduct").exhausted[-1] == ("commitment", "declined")


@pytest.mark.parametrize(
    "file",
    [
        a_player_asked(),
        given(commits("conduct", signed=True), file=offered()),
        given(commits("conduct", signed=False), file=offered()),
        given(withdraw(), file=offered()),
    ],
    ids=["not offered yet", "signed", "declined", "withdrawn"],
)
def test_what_is_not_offered_cannot_be_signed(file: CaseFile) -> None:
    for signed in (True, False):
        with pytest.raises(NotInHand):
            when(commits("conduct", signed=signed), file)


# --- withdrawing and amending


OPEN_SOMEWHERE: tuple[tuple[str, CaseFile, str], ...] = (
    ("in the queue", with_the_department(), MARRIAGE),
    ("claimed", given(claims(with_the_department(), MARRIAGE), file=with_the_department()), MARRIAGE),
    ("stopped", stopped_at_half(), MARRIAGE),
    ("reminded", given(reminds(with_the_department(), MARRIAGE, 50, at=HALF), file=with_the_department()), MARRIAGE),
    ("with the community", with_the_community(), MARRIAGE),
    ("with the township", a_player_asked(), "conduct"),
)


@pytest.mark.parametrize(
    ("file", "proof"), [(file, proof) for _, file, proof in OPEN_SOMEWHERE], ids=[name for name, _, _ in OPEN_SOMEWHERE]
)
def test_taking_the_application_back_takes_back_the_questions(file: CaseFile, proof: str) -> None:
    rung = file.proof(proof).rung

    after = given(withdraw(), file=file)

    assert {live.state for live in after.verifications.values()} <= {
        VerificationState.WITHDRAWN,
        VerificationState.EXPIRED,
    }
    assert not any(isinstance(entry, RemindOwner | LetExpire) for entry in agenda(after))
    assert after.proof(proof).state is ProofState.DROPPED
    with pytest.raises(CaseEnded):
        when(answers(after, proof, rung=rung), after)


CORRECTED: tuple[tuple[str, CaseFile], ...] = tuple(
    (name, file) for name, file, proof in OPEN_SOMEWHERE if proof == MARRIAGE
)


@pytest.mark.parametrize("file", [file for _, file in CORRECTED], ids=[name for name, _ in CORRECTED])
def test_a_correction_takes_back_the_question_and_asks_it_anew(file: CaseFile) -> None:
    rung = file.proof(MARRIAGE).rung

    after = given(amend(file, read(mother__name="尉迟静"), "mother.name"), file=file)

    assert (after.proof(MARRIAGE).round, after.proof(MARRIAGE).rung) == (2, 0)
    assert after.verification(MARRIAGE, 1, rung).state is VerificationState.WITHDRAWN
    for command in (
        answers(after, MARRIAGE, round=1, rung=rung),
        answers(after, MARRIAGE, "contradicts", round=1, rung=1),
    ):
        with pytest.raises(VerificationOver) as refusal:
            when(command, after)
        assert refusal.value.at in {TUESDAY, DUE}


def test_a_correction_that_makes_the_proof_needless_takes_back_the_question() -> None:
    file = with_the_department()

    after = given(amend(file, read(birth__parents_married=False), "birth.parents_married"), file=file)

    assert asked(after).state is VerificationState.WITHDRAWN
    assert after.proof(MARRIAGE).state is ProofState.DROPPED
    with pytest.raises(VerificationOver):
        when(answers(after, MARRIAGE, rung=1), after)


def test_a_correction_of_something_else_leaves_the_question_where_it_is() -> None:
    file = given(claims(file := with_the_department(), MARRIAGE), file=file)

    after = given(amend(file, read(), "mother.phone"), file=file)

    assert asked(after) == asked(file)


def test_a_question_ends_with_its_rung_and_not_only_when_the_next_one_begins() -> None:
    file = with_the_department()
    gave_up, *_ = when(escalates(MARRIAGE), file)

    assert asked(evolve(file, gave_up)).state is VerificationState.WITHDRAWN


def test_a_question_on_a_rung_where_the_proof_does_not_stand_is_open_to_nobody() -> None:
    (opened,) = when(opens(file := passed_over(), MARRIAGE, unit=COMMUNITY, at=DUE), file)

    after = evolve(with_the_department(), opened)

    assert (asked(after, rung=1).state, asked(after, rung=2).state) == (
        VerificationState.OPEN,
        VerificationState.WITHDRAWN,
    )


def test_an_offer_of_a_commitment_ends_with_the_application() -> None:
    assert given(withdraw(), file=offered()).over


def test_a_contradiction_after_the_case_was_concluded_undoes_nothing_and_a_caseworker_looks() -> None:
    file = departments_conclude(sent_on_the_communitys_word())
    assert file.state is CaseState.CONCLUDED

    late, contested = when(answers(file, IDENTITY, "contradicts", rung=1), file)

    assert isinstance(late, LateAnswerRecorded)
    assert late.contradicts
    assert isinstance(contested, ProofContested)
    after = given(answers(file, IDENTITY, "contradicts", rung=1), file=file)
    assert (after.items, after.state, after.over) == (file.items, file.state, True)
    assert [(wait.what, wait.on) for wait in waits(after)] == [(IDENTITY, "caseworker")]
    assert [card.audience for card in cards(after).values()] == ["caseworkers"]
    for met in (True, False):
        looked_at = given(settle(IDENTITY, met=met), file=after)
        assert (looked_at.items, looked_at.in_hand, waits(looked_at), cards(looked_at)) == (file.items, (), (), {})


def test_a_match_after_the_case_was_concluded_is_kept_and_changes_nothing() -> None:
    file = departments_conclude(sent_on_the_communitys_word())

    (event,) = when(answers(file, IDENTITY, "matches", rung=1), file)

    assert isinstance(event, LateAnswerRecorded)
    after = given(answers(file, IDENTITY, "matches", rung=1), file=file)
    assert (after.proofs, after.state, after.over) == (file.proofs, file.state, True)


ABOUT_A_QUESTION: tuple[Callable[[CaseFile], Command], ...] = (
    lambda file: assigns(file, MARRIAGE, "claimed", OFFICER.account, by=OFFICER, rung=1),
    lambda file: assigns(file, MARRIAGE, "taken_back", None, note="note/7", rung=1),
    lambda file: suspends(file, MARRIAGE, rung=1, at=HALF),
    lambda file: resumes(file, MARRIAGE, rung=1, at=HALF),
)


@pytest.mark.parametrize("command", ABOUT_A_QUESTION, ids=["claim", "take back", "suspend", "resume"])
def test_what_is_over_is_neither_claimed_nor_stopped(command: Callable[[CaseFile], Command]) -> None:
    for file in (passed_over(), taken_up(), given(withdraw(), file=with_the_department())):
        with pytest.raises(VerificationOver):
            when(command(file), file)
    answered = given(answers(with_the_department(), MARRIAGE, "no_record"), file=with_the_department())
    with pytest.raises(AlreadySettled):
        when(command(answered), answered)
    with pytest.raises(NoSuchPart):
        when(command(a_family()), a_family())


def test_every_refusal_is_told_in_both_languages() -> None:
    file = given(claims(with_the_department(), MARRIAGE), file=with_the_department())
    refused: list[Refusal] = []
    for before, command in (
        (file, answers(file, MARRIAGE, by=COLLEAGUE)),
        (file, answers(file, MARRIAGE, "no_record", note=None)),
        (file, suspends(file, MARRIAGE, at=DUE)),
        (passed_over(), claims(with_the_department(), MARRIAGE)),
        (offered(), escalates("identity")),
    ):
        with pytest.raises(Refusal) as refusal:
            when(command, before)
        refused.append(refusal.value)

    assert [one.code for one in refused] == [
        "verification.held",
        "reason.missing",
        "verification.clock",
        "verification.over",
        "case.part_not_in_hand",
    ]
    assert all(one.zh and one.en.isascii() for one in refused)


# --- carrying the case on


@pytest.mark.parametrize(
    "file",
    [a_family(), with_the_department(), stopped_at_half(), with_the_community(), offered(), contradicted_afterwards()],
    ids=["nobody asked", "asked", "stopped", "asked twice", "offered", "contradicted"],
)
def test_a_case_survives_the_journey_to_the_next_run_of_its_workflow(file: CaseFile) -> None:
    adapter = TypeAdapter(CaseFile)

    again = adapter.validate_json(adapter.dump_json(file))

    assert again == file
    assert (steps(again), agenda(again), waits(again)) == (steps(file), agenda(file), waits(file))


def test_whoever_answers_is_named_with_the_unit() -> None:
    other = Actor(account="officer_77", unit="another_unit")

    (event, *_) = when(answers(file := with_the_department(), MARRIAGE, "contradicts", by=other), file)

    assert event.by == other
    contested = when(answers(file, MARRIAGE, "contradicts", by=other), file)[1]
    assert isinstance(contested, ProofContested)
    assert contested.by == other


def test_a_department_that_has_the_item_is_not_disturbed_by_a_match_that_comes_late() -> None:
    file = given(answers(file := sent_on_the_communitys_word(), IDENTITY, rung=1), file=file)

    assert given(department("birth_certificate", "concluded"), file=file).item("birth_certificate").attempt == 1
