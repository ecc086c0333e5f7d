"""What may happen to a case, and what follows: every command in every situation that matters."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.bundle import Escalation, SharedDataQuery
from domain.bundles.newborn import BUNDLE as NEWBORN
from domain.case_file import CaseFile, CaseState, ItemState, ProofState, evolve, evolve_all
from domain.commands import Command
from domain.events import ApplicationAmended, ItemAccepted, ItemSubmitted, LateAnswerRecorded, RouteOpened
from domain.refusals import (
    AlreadySettled,
    CaseEnded,
    CaseMovedOn,
    ItemNotSubmitted,
    NoSuchCase,
    NoSuchPart,
    NotInHand,
    PeopleMayNotChange,
    ProofStillOpen,
)
from domain.steps import steps
from domain.time_limits import SHANGHAI, due_at, working_days
from tests.domain.telling import (
    CASEWORKER,
    MONDAY,
    OTHER_CASEWORKER,
    a_family,
    amend,
    concluded,
    department,
    departments_conclude,
    given,
    nobody_can_be_asked,
    opening,
    overdue,
    proofs_in,
    proven,
    read,
    register,
    registers_agree,
    rejected,
    resubmit,
    settle,
    states,
    told,
    unreachable,
    when,
    withdraw,
)

AFTER_THE_CERTIFICATE = (
    "household_registration",
    "vaccination_certificate",
    "child_care_booklet",
)
AFTER_THE_ID_NUMBER = ("medical_insurance", "citizen_card")


def in_hand(proof: str = "parents_marriage") -> CaseFile:
    """A case in which a caseworker has to decide on one proof; everything else is with its department."""
    file = registers_agree(a_family(), but=(proof,))
    return nobody_can_be_asked(given(register(file, proof, "not_found"), file=file))


def refused_by_department(item: str = "birth_certificate") -> CaseFile:
    """The department could not read one submission."""
    return given(rejected(item), file=proven())


# --- opening


def test_opening_accepts_everything_that_waits_for_nothing() -> None:
    events = when(opening(read()), None)

    assert [event.item for event in events if isinstance(event, ItemAccepted)] == [
        "birth_certificate",
        "mother_child_handbook",
        "maternity_benefit",
    ]


def test_opening_asks_every_register_that_can_be_asked_already() -> None:
    events = when(opening(read()), None)

    assert {event.asked for event in events if isinstance(event, RouteOpened)} == {
        "birth_records",
        "identity_register",
        "marriage_register",
        "household_register",
        "prenatal_records",
        "insured_persons",
        "payment_accounts",
    }
    # The employers' register is asked by a number that the insured persons' register will tell.
    assert proofs_in(a_family(), ProofState.PLANNED) == ("mother_employer",)


def test_an_accepted_item_has_its_promised_date_from_that_very_moment() -> None:
    file = a_family()

    assert file.item("birth_certificate").promised_by == due_at(MONDAY, working_days(1))
    assert file.item("maternity_benefit").statutory_by == due_at(MONDAY, working_days(10))
    assert file.item("citizen_card").promised_by is None


def test_no_date_is_promised_where_the_calendar_of_the_year_is_not_published() -> None:
    late = datetime(2031, 12, 30, 9, tzinfo=SHANGHAI)

    file = given(opening(read(), at=late))

    assert file.item("birth_certificate").state is ItemState.ACCEPTED
    assert file.item("birth_certificate").promised_by is None
    assert when(overdue("birth_certificate", late), file) == ()


def test_opening_the_same_case_again_changes_nothing() -> None:
    file = a_family()

    assert when(opening(read()), file) == ()


@pytest.mark.parametrize(
    "command",
    [
        department("birth_certificate", "concluded"),
        settle("parents_marriage", met=True),
        unreachable("birth_certificate"),
        rejected("birth_certificate"),
        resubmit("birth_certificate"),
        overdue("birth_certificate", MONDAY),
        withdraw(),
        amend(a_family(), read()),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nothing_happens_to_a_case_that_was_never_opened(command: Command) -> None:
    with pytest.raises(NoSuchCase):
        when(command, None)


def test_a_stream_begins_with_its_opening_and_opens_once() -> None:
    events = when(opening(read()), None)

    with pytest.raises(TypeError):
        evolve(None, events[1])
    with pytest.raises(TypeError):
        evolve(a_family(), events[0])


@pytest.mark.parametrize(
    "command",
    [
        department("passport", "concluded"),
        unreachable("passport"),
        rejected("passport"),
        resubmit("passport"),
        overdue("passport", MONDAY),
        settle("passport", met=True),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_the_case_does_not_have_is_refused(command: Command) -> None:
    with pytest.raises(NoSuchPart) as refusal:
        when(command, a_family())

    assert refusal.value.part == "passport"


# --- registers


def test_an_item_goes_to_its_department_with_its_last_proof() -> None:
    file = registers_agree(a_family(), but=("father_identity",))
    assert file.item("birth_certificate").state is ItemState.ACCEPTED

    events = when(register(file, "father_identity"), file)

    assert told(events) == ("proof_met father_identity", "item_submitted birth_certificate")


def test_a_proof_that_reads_another_record_is_asked_when_that_one_is_there() -> None:
    file = a_family()

    assert told(when(register(file, "mother_insurance"), file)) == (
        "proof_met mother_insurance",
        "route_opened mother_employer",
    )


@pytest.mark.parametrize("reason", ["not_found", "unreadable", "unreachable", "key_missing", "no_grant"])
def test_a_register_that_cannot_show_it_hands_over_to_the_department_that_can(reason: Any) -> None:
    file = a_family()

    events = when(register(file, "parents_marriage", reason), file)

    assert told(events) == ("route_exhausted parents_marriage", "route_opened parents_marriage")
    file = given(register(file, "parents_marriage", reason), file=file)
    assert (file.proof("parents_marriage").state, file.proof("parents_marriage").asked) == (
        ProofState.ASKED,
        "civil_affairs",
    )
    assert file.proof("parents_marriage").exhausted == (("shared_data_query", reason),)


def test_a_register_that_nobody_stands_behind_hands_over_to_the_caseworker() -> None:
    file = a_family()

    file = given(register(file, "mother_account", "not_found"), file=file)

    assert file.proof("mother_account").state is ProofState.ESCALATED


def test_every_rung_of_a_longer_ladder_is_tried_in_turn() -> None:
    ladder = (
        SharedDataQuery(source="marriage_register", by=NEWBORN.proofs()["parents_marriage"].routes[0].by),  # type: ignore[union-attr]  # its first rung is a query
        SharedDataQuery(source="household_register", by=NEWBORN.proofs()["mothers_household"].routes[0].by),  # type: ignore[union-attr]  # as above
        Escalation(),
    )
    application = read()
    longer = application.bundle.model_copy(
        update={
            "items": tuple(
                item.model_copy(
                    update={
                        "proofs": tuple(
                            proof.model_copy(update={"routes": ladder}) if proof.code == "parents_marriage" else proof
                            for proof in item.proofs
                        )
                    }
                )
                for item in application.bundle.items
            )
        }
    )
    file = given(opening(replace(application, bundle=longer)))

    asked = [file.proof("parents_marriage").asked]
    for _ in range(2):
        file = given(register(file, "parents_marriage", "not_found"), file=file)
        asked.append(file.proof("parents_marriage").asked)

    assert asked == ["marriage_register", "household_register", "caseworker"]


def test_a_contradiction_stops_the_items_that_need_the_proof_and_no_others() -> None:
    file = a_family()
    file = given(register(file, "parents_marriage", "contradicts", differing=("state",)), file=file)

    file = departments_conclude(registers_agree(file))

    assert file.proof("parents_marriage").state is ProofState.CONTESTED
    assert file.proof("parents_marriage").differing == ("state",)
    assert states(file) == {
        "birth_certificate": "concluded",
        "household_registration": "accepted",
        "medical_insurance": "waiting",
        "citizen_card": "waiting",
        "vaccination_certificate": "concluded",
        "mother_child_handbook": "concluded",
        "child_care_booklet": "concluded",
        "maternity_benefit": "concluded",
    }
    assert steps(file) == ()


# --- late answers of registers


def test_a_repeated_answer_of_a_register_is_kept_as_late_and_changes_nothing() -> None:
    before = a_family()
    answer = register(before, "parents_marriage")
    file = given(answer, file=before)

    events = when(answer, file)

    assert told(events) == ("late_answer_recorded parents_marriage",)
    after = given(answer, file=file)
    assert replace(after, version=0, late_answers=0) == replace(file, version=0)
    assert after.late_answers == 1


@pytest.mark.parametrize(
    ("decided", "late", "contradicts"),
    [
        (True, "contradicts", True),
        (True, "matches", False),
        (False, "matches", True),
        (False, "contradicts", False),
        (True, "not_found", False),
    ],
)
def test_a_late_answer_says_whether_it_contradicts_what_a_caseworker_decided(
    decided: bool, late: Any, contradicts: bool
) -> None:
    file = given(settle("parents_marriage", met=decided), file=in_hand())

    (event,) = when(register(file, "parents_marriage", late, rung=0), file)

    assert isinstance(event, LateAnswerRecorded)
    assert event.contradicts is contradicts


def test_an_answer_about_what_was_declared_before_an_amendment_is_late() -> None:
    file = a_family()
    early = register(file, "mother_identity", "contradicts")
    file = given(amend(file, read(mother__name="尉迟静"), "mother.name"), file=file)
    assert file.proof("mother_identity").round == 2

    (event,) = when(early, file)

    assert isinstance(event, LateAnswerRecorded)
    assert not event.contradicts


# --- settling by hand


def test_a_caseworker_finds_it_shown_and_the_item_goes_on() -> None:
    file = departments_conclude(in_hand())

    events = when(settle("parents_marriage", met=True), file)

    assert told(events) == ("proof_settled parents_marriage", "item_submitted household_registration")


def test_a_caseworker_finds_it_not_shown_and_the_item_is_denied_with_the_reason() -> None:
    file = departments_conclude(given(settle("parents_marriage", met=False), file=in_hand()))

    denied = file.item("household_registration")
    assert (denied.state, denied.reason_code) == (ItemState.DENIED, "proof_not_met:parents_marriage")
    assert denied.note == "note/1"
    assert {item: file.item(item).because for item in AFTER_THE_ID_NUMBER} == dict.fromkeys(
        AFTER_THE_ID_NUMBER, "household_registration"
    )
    assert (file.state, file.outcome) == (CaseState.CONCLUDED, "partial")


def test_a_proof_that_several_items_need_denies_them_all() -> None:
    file = given(register(a_family(), "birth_record", "contradicts", differing=("born_on",)), file=a_family())

    file = given(settle("birth_record", met=False), file=file)

    assert file.item("birth_certificate").state is ItemState.DENIED
    assert file.item("maternity_benefit").state is ItemState.DENIED
    assert {file.item(item).state for item in AFTER_THE_CERTIFICATE} == {ItemState.UNREACHABLE}
    assert file.item("mother_child_handbook").state is ItemState.ACCEPTED


def test_of_two_caseworkers_the_second_hears_who_was_first_and_when() -> None:
    file = given(settle("parents_marriage", met=True, by=CASEWORKER), file=in_hand())

    with pytest.raises(AlreadySettled) as refusal:
        when(settle("parents_marriage", met=False, by=OTHER_CASEWORKER), file)

    assert (refusal.value.by, refusal.value.at) == (CASEWORKER.account, MONDAY)


def test_what_a_register_is_still_asked_is_not_for_a_caseworker_to_decide() -> None:
    with pytest.raises(NotInHand):
        when(settle("parents_marriage", met=True), a_family())


def test_what_nobody_needs_any_more_is_not_for_a_caseworker_to_decide() -> None:
    file = given(withdraw(), file=in_hand())
    assert file.proof("parents_marriage").state is ProofState.DROPPED

    with pytest.raises(NotInHand):
        when(settle("parents_marriage", met=True), file)


# --- departments


def test_a_serial_item_is_accepted_when_the_one_before_it_is_concluded() -> None:
    file = proven()

    events = when(department("birth_certificate", "concluded"), file)

    assert told(events) == (
        "item_concluded birth_certificate",
        "item_accepted household_registration",
        "item_submitted household_registration",
        "item_accepted vaccination_certificate",
        "item_submitted vaccination_certificate",
        "item_accepted child_care_booklet",
        "item_submitted child_care_booklet",
    )


def test_every_item_concluded_concludes_the_case() -> None:
    file = concluded()

    assert set(states(file).values()) == {"concluded"}
    assert (file.state, file.outcome, file.ended_at) == (CaseState.CONCLUDED, "complete", MONDAY)
    assert file.over


def test_a_denial_makes_what_depends_on_it_unreachable_with_the_reason() -> None:
    file = departments_conclude(proven(), but=("household_registration",))

    events = when(department("household_registration", "denied", reason_code="other_household"), file)

    assert told(events) == (
        "item_denied household_registration",
        "item_unreachable medical_insurance",
        "item_unreachable citizen_card",
        "case_concluded",
    )
    file = evolve_all(file, events) or file
    assert file.item("household_registration").reason_code == "other_household"
    assert file.item("citizen_card").because == "household_registration"
    assert file.outcome == "partial"


def test_unreachable_goes_down_the_whole_chain_at_once() -> None:
    file = given(department("birth_certificate", "denied", reason_code="no_such_birth"), file=proven())

    assert {file.item(item).because for item in AFTER_THE_CERTIFICATE} == {"birth_certificate"}
    assert {file.item(item).because for item in AFTER_THE_ID_NUMBER} == {"household_registration"}
    # Nobody needs them any more, so nobody is asked any more.
    assert not proofs_in(file, ProofState.ASKED, ProofState.ESCALATED)


def test_a_denial_without_a_reason_is_still_a_denial_with_one() -> None:
    file = given(department("birth_certificate", "denied"), file=proven())

    assert file.item("birth_certificate").reason_code == "unspecified"


def test_the_second_twin_is_not_held_up_by_the_first() -> None:
    file = given(department("birth_certificate:1", "denied", reason_code="name"), file=proven("twins"))

    file = departments_conclude(file)

    assert {item for item, state in states(file).items() if state == "concluded"} == {
        *(f"{item}:2" for item in ("birth_certificate", *AFTER_THE_CERTIFICATE, *AFTER_THE_ID_NUMBER)),
        "mother_child_handbook",
        "maternity_benefit",
    }
    assert file.outcome == "partial"


def test_an_answer_may_come_later_under_the_departments_own_number() -> None:
    file = given(department("birth_certificate", "acknowledged", reference="B-1"), file=proven())
    assert (file.item("birth_certificate").state, file.item("birth_certificate").reference) == (
        ItemState.ACKNOWLEDGED,
        "B-1",
    )

    file = given(department("birth_certificate", "concluded", reference="B-1"), file=file)

    assert file.item("birth_certificate").state is ItemState.CONCLUDED


@pytest.mark.parametrize("answer", ["acknowledged", "concluded", "denied"])
def test_the_same_answer_a_hundred_times_has_one_effect(answer: Any) -> None:
    file = given(department("birth_certificate", answer, reason_code="r"), file=proven())

    for _ in range(100):
        assert when(department("birth_certificate", answer, reason_code="r"), file) == ()


def test_an_acknowledgement_after_the_conclusion_is_no_news() -> None:
    file = given(department("birth_certificate", "concluded"), file=proven())

    assert when(department("birth_certificate", "acknowledged"), file) == ()


@pytest.mark.parametrize(("first", "second"), [("concluded", "denied"), ("denied", "concluded")])
def test_a_second_thought_of_a_department_is_kept_and_changes_nothing(first: Any, second: Any) -> None:
    file = given(department("birth_certificate", first), file=proven())

    (event,) = when(department("birth_certificate", second), file)

    assert isinstance(event, LateAnswerRecorded)
    assert event.contradicts
    assert states(given(department("birth_certificate", second), file=file)) == states(file)


def test_a_second_conclusion_under_another_number_is_kept_but_contradicts_nothing() -> None:
    file = given(department("birth_certificate", "concluded", reference="B-1"), file=proven())

    (event,) = when(department("birth_certificate", "concluded", reference="B-2"), file)

    assert isinstance(event, LateAnswerRecorded)
    assert (event.contradicts, event.reference) == (False, "B-2")


@pytest.mark.parametrize("answer", ["acknowledged", "concluded", "denied"])
def test_nobody_can_answer_what_was_not_sent(answer: Any) -> None:
    for file in (a_family(), given(withdraw(), file=a_family())):
        with pytest.raises(ItemNotSubmitted):
            when(department("household_registration", answer), file)


@pytest.mark.parametrize("attempt", [-1, 0, 2])
def test_nobody_can_answer_an_attempt_that_was_not_made(attempt: int) -> None:
    with pytest.raises(ItemNotSubmitted):
        when(department("birth_certificate", "concluded", attempt=attempt), proven())


def test_a_department_out_of_reach_is_noted_once() -> None:
    file = proven()
    assert told(when(unreachable("birth_certificate"), file)) == ("department_unreachable birth_certificate",)

    file = given(unreachable("birth_certificate"), file=file)

    assert when(unreachable("birth_certificate"), file) == ()
    assert told(when(unreachable("birth_certificate", "http_500"), file)) == (
        "department_unreachable birth_certificate",
    )
    assert file.item("birth_certificate").unreachable_since == MONDAY


def test_a_department_that_answers_is_not_out_of_reach_any_more() -> None:
    file = given(unreachable("birth_certificate"), department("birth_certificate", "concluded"), file=proven())

    assert file.item("birth_certificate").unreachable_since is None
    assert when(unreachable("birth_certificate"), file) == ()


# --- rejection


def test_a_rejected_submission_waits_for_a_caseworker_and_is_sent_again() -> None:
    file = refused_by_department()
    assert file.item("birth_certificate").state is ItemState.REJECTED
    assert file.item("birth_certificate").fault == "http_422"

    (event,) = when(resubmit("birth_certificate"), file)

    assert isinstance(event, ItemSubmitted)
    assert event.attempt == 2


def test_a_rejection_is_noted_once_and_an_old_one_not_at_all() -> None:
    file = refused_by_department()
    assert when(rejected("birth_certificate"), file) == ()

    file = given(resubmit("birth_certificate"), file=file)

    assert when(rejected("birth_certificate", attempt=1), file) == ()
    assert when(unreachable("birth_certificate", attempt=1), file) == ()
    assert told(when(rejected("birth_certificate", attempt=2), file)) == ("submission_rejected birth_certificate",)


@pytest.mark.parametrize("file", [a_family(), proven(), concluded()], ids=["accepted", "submitted", "concluded"])
def test_only_a_rejected_submission_can_be_sent_again(file: CaseFile) -> None:
    with pytest.raises(NotInHand):
        when(resubmit("birth_certificate"), file)


def test_a_department_may_answer_the_attempt_it_rejected_after_all() -> None:
    file = given(department("birth_certificate", "concluded", attempt=1), file=refused_by_department())

    assert file.item("birth_certificate").state is ItemState.CONCLUDED


def corrected_while_the_department_has_it() -> CaseFile:
    """The birth record is asked again for the benefit, which has not gone; the certificate has."""
    file = registers_agree(a_family(), but=("mother_account",))
    file = given(amend(file, read(birth__delivery="difficult"), "birth.delivery"), file=file)
    assert file.item("birth_certificate").state is ItemState.SUBMITTED
    assert file.proof("birth_record").state is ProofState.ASKED
    return file


def test_nothing_is_sent_again_unproven_after_a_correction() -> None:
    file = given(rejected("birth_certificate"), file=corrected_while_the_department_has_it())

    with pytest.raises(ProofStillOpen) as refusal:
        when(resubmit("birth_certificate"), file)

    assert refusal.value.proofs == ("birth_record",)
    file = given(register(file, "birth_record"), resubmit("birth_certificate"), file=file)
    assert file.item("birth_certificate").attempt == 2


def test_what_was_sent_back_is_denied_if_the_correction_cannot_be_shown() -> None:
    file = given(rejected("birth_certificate"), file=corrected_while_the_department_has_it())

    file = given(register(file, "birth_record", "contradicts"), settle("birth_record", met=False), file=file)

    assert file.item("birth_certificate").reason_code == "proof_not_met:birth_record"


def test_a_dropped_proof_is_asked_again_when_the_item_comes_back() -> None:
    file = corrected_while_the_department_has_it()
    uninsured = read(birth__delivery="difficult", birth__mother_insurance="none")
    file = given(amend(file, uninsured, "birth.mother_insurance"), file=file)
    assert file.proof("birth_record").state is ProofState.DROPPED

    events = when(rejected("birth_certificate"), file)

    assert told(events) == ("submission_rejected birth_certificate", "route_opened birth_record")
    file = evolve_all(file, events) or file
    assert (file.proof("birth_record").state, file.proof("birth_record").round) == (ProofState.ASKED, 3)


# --- promised dates


def test_a_promised_date_that_has_passed_is_said_once() -> None:
    file = proven()
    due = file.item("birth_certificate").promised_by
    assert due is not None

    assert told(when(overdue("birth_certificate", due), file)) == ("item_overdue birth_certificate",)
    file = given(overdue("birth_certificate", due), file=file)
    assert when(overdue("birth_certificate", due), file) == ()
    assert file.item("birth_certificate").overdue_since == due


def test_no_date_is_overdue_before_it_has_passed_or_if_it_was_never_promised() -> None:
    file = proven()
    due = file.item("birth_certificate").promised_by
    assert due is not None

    assert when(overdue("birth_certificate", due, at=due - timedelta(seconds=1)), file) == ()
    assert when(overdue("birth_certificate", due + timedelta(days=1)), file) == ()
    assert when(overdue("citizen_card", due), file) == ()


def test_what_was_concluded_in_time_is_not_overdue_afterwards() -> None:
    file = proven()
    due = file.item("birth_certificate").promised_by
    assert due is not None

    file = given(department("birth_certificate", "concluded"), file=file)

    assert when(overdue("birth_certificate", due), file) == ()


# --- withdrawing


def test_withdrawing_before_anything_was_sent_ends_everything_at_once() -> None:
    file = given(withdraw(), file=a_family())

    assert set(states(file).values()) == {"cancelled"}
    assert set(proofs_in(file, ProofState.DROPPED)) == set(file.proofs)
    assert (file.state, file.over, steps(file)) == (CaseState.WITHDRAWN, True, ())


def test_withdrawing_leaves_what_departments_have_and_says_so() -> None:
    file = given(department("birth_certificate", "concluded"), file=proven())

    events = when(withdraw(), file)

    assert events[0].model_dump()["already_with_departments"] == (
        "household_registration",
        "vaccination_certificate",
        "mother_child_handbook",
        "child_care_booklet",
        "maternity_benefit",
    )
    file = given(withdraw(), file=file)
    assert states(file)["birth_certificate"] == "concluded"
    assert states(file)["household_registration"] == "submitted"
    assert states(file)["citizen_card"] == "cancelled"
    assert not file.over


def test_a_withdrawn_case_is_over_when_the_last_department_has_answered() -> None:
    file = given(withdraw(), file=proven())

    file = departments_conclude(file)

    assert file.over
    assert file.state is CaseState.WITHDRAWN
    assert states(file)["birth_certificate"] == "concluded"
    assert states(file)["household_registration"] == "cancelled"


def test_withdrawing_races_with_the_last_conclusion_and_one_of_the_two_ends_holds() -> None:
    last = department("maternity_benefit", "concluded")
    before = departments_conclude(proven(), but=("maternity_benefit",))

    concluded_first = given(last, file=before)
    assert concluded_first.state is CaseState.CONCLUDED
    with pytest.raises(CaseEnded):
        when(withdraw(), concluded_first)

    withdrawn_first = given(withdraw(), last, file=before)
    assert (withdrawn_first.state, withdrawn_first.outcome) == (CaseState.WITHDRAWN, None)
    assert withdrawn_first.item("maternity_benefit").state is ItemState.CONCLUDED


def test_withdrawing_cancels_what_a_department_could_not_read() -> None:
    file = given(withdraw(), file=refused_by_department())

    assert file.item("birth_certificate").state is ItemState.CANCELLED


def test_a_rejection_after_the_withdrawal_ends_the_item() -> None:
    file = given(withdraw(), rejected("birth_certificate"), file=proven())

    assert file.item("birth_certificate").state is ItemState.CANCELLED


@pytest.mark.parametrize("ended", [concluded(), given(withdraw(), file=proven())], ids=["concluded", "withdrawn"])
def test_what_has_ended_is_neither_withdrawn_nor_amended(ended: CaseFile) -> None:
    with pytest.raises(CaseEnded):
        when(withdraw(), ended)
    with pytest.raises(CaseEnded):
        when(amend(ended, read()), ended)


# --- amending


def test_amending_asks_again_what_reads_the_corrected_field_and_nothing_else() -> None:
    file = a_family()
    for proof in ("mother_identity", "father_identity"):
        file = given(register(file, proof), file=file)

    (amended, *follow) = when(amend(file, read(mother__name="尉迟静"), "mother.name"), file)

    assert isinstance(amended, ApplicationAmended)
    assert set(amended.reopened) == {"mother_identity", "parents_marriage", "mother_account"}
    assert {event for event in told(follow) if not event.startswith("route_opened")} == set()
    file = evolve_all(file, (amended, *follow)) or file
    assert file.proof("mother_identity").state is ProofState.ASKED
    assert file.proof("mother_identity").round == 2
    assert file.proof("father_identity").state is ProofState.MET


def test_amending_what_only_a_later_rung_would_show_asks_nobody_again() -> None:
    file = a_family()

    (amended, *_) = when(amend(file, read(mother__residence="后宅街道金城社区"), "mother.residence"), file)
    assert isinstance(amended, ApplicationAmended)
    assert amended.reopened == ()

    file = nobody_can_be_asked(given(register(file, "mother_identity", "not_found"), file=file))
    (amended, *_) = when(amend(file, read(mother__residence="后宅街道金城社区"), "mother.residence"), file)
    assert isinstance(amended, ApplicationAmended)
    assert amended.reopened == ("mother_identity",)


def test_what_reads_a_reopened_record_is_asked_again_too() -> None:
    file = a_family()
    for proof in ("mother_insurance", "mother_employer"):
        file = given(register(file, proof), file=file)

    file = given(amend(file, read(), "mother.citizen_id"), file=file)

    assert file.proof("mother_insurance").state is ProofState.ASKED
    assert (file.proof("mother_employer").state, file.proof("mother_employer").round) == (ProofState.PLANNED, 2)


def test_amending_leaves_what_departments_have_as_it_is() -> None:
    file = given(
        department("birth_certificate", "concluded"), file=registers_agree(a_family(), but=("mother_account",))
    )

    (amended, *_) = when(amend(file, read(mother__name="尉迟静"), "mother.name"), file)

    assert isinstance(amended, ApplicationAmended)
    assert amended.already_with_departments == (
        "birth_certificate",
        "household_registration",
        "vaccination_certificate",
        "mother_child_handbook",
        "child_care_booklet",
    )
    # Their proofs are not asked again; only the benefit has not gone yet.
    assert set(amended.reopened) == {"mother_account"}


def test_amending_takes_out_what_no_longer_applies() -> None:
    file = a_family()

    events = when(amend(file, read(birth__mother_insurance="none"), "birth.mother_insurance"), file)

    assert told(events)[:2] == ("application_amended", "item_cancelled maternity_benefit")
    file = departments_conclude(registers_agree(evolve_all(file, events) or file))
    assert file.item("maternity_benefit").reason_code == "no_longer_applies"
    assert file.outcome == "complete"


def test_amending_back_brings_back_what_was_taken_out() -> None:
    file = a_family()
    file = given(amend(file, read(birth__mother_insurance="none"), "birth.mother_insurance"), file=file)
    file = given(amend(file, read(), "birth.mother_insurance"), file=file)
    assert file.item("maternity_benefit").state is ItemState.ACCEPTED

    file = departments_conclude(registers_agree(file))

    assert set(states(file).values()) == {"concluded"}
    assert file.proof("mother_insurance").round == 2


def test_amending_plans_what_newly_applies() -> None:
    file = a_family("uninsured")
    assert "maternity_benefit" not in file.items

    file = given(
        amend(file, read("uninsured", birth__mother_insurance="resident"), "birth.mother_insurance"), file=file
    )

    assert file.item("maternity_benefit").state is ItemState.ACCEPTED
    assert file.proof("mother_insurance").state is ProofState.ASKED
    assert "mother_employer" not in file.proofs


def test_amending_changes_the_proofs_of_what_has_not_gone_yet() -> None:
    file = a_family()

    file = given(
        amend(file, read(birth__parents_married=False), "birth.parents_married"),
        file=given(register(file, "parents_marriage", "contradicts"), file=file),
    )

    assert file.proof("parents_marriage").state is ProofState.DROPPED
    assert file.proof("paternity").state is ProofState.ESCALATED


def test_a_proof_that_is_asked_otherwise_under_new_circumstances_is_asked_again() -> None:
    file = registers_agree(a_family())
    foreign = replace(read(), circumstances=(*read().circumstances, "mother_foreign"))

    (amended, *_) = when(amend(file, foreign), file)

    # The question about the marriage names another parent, although no field that it reads was corrected.
    assert isinstance(amended, ApplicationAmended)
    assert "parents_marriage" in amended.reopened


def test_a_rejected_submission_is_sent_again_as_corrected_once_its_proofs_hold() -> None:
    file = refused_by_department()

    file = given(amend(file, read(mother__name="尉迟静"), "mother.name"), file=file)
    assert file.item("birth_certificate").state is ItemState.ACCEPTED
    assert file.proof("mother_identity").state is ProofState.ASKED
    file = registers_agree(file)

    assert (file.item("birth_certificate").state, file.item("birth_certificate").attempt) == (ItemState.SUBMITTED, 2)


def test_a_rejected_submission_that_no_longer_applies_is_cancelled() -> None:
    file = refused_by_department("maternity_benefit")

    file = given(amend(file, read(birth__mother_insurance="none"), "birth.mother_insurance"), file=file)

    assert file.item("maternity_benefit").state is ItemState.CANCELLED


def test_another_child_is_another_application() -> None:
    file = a_family()
    one_more = read("twins", children__1__name="查一诺")

    with pytest.raises(PeopleMayNotChange):
        when(amend(file, one_more, "children.name"), file)


def test_a_denied_item_is_not_brought_back_by_an_amendment() -> None:
    file = given(settle("parents_marriage", met=False), file=in_hand())

    file = given(amend(file, read(birth__parents_married=False), "birth.parents_married"), file=file)

    assert file.item("household_registration").state is ItemState.DENIED
    assert "paternity" not in {*proofs_in(file, ProofState.ASKED, ProofState.ESCALATED)}


# --- who saw what


@pytest.mark.parametrize("seen", [1, 10_000])
def test_who_saw_an_older_version_is_asked_to_look_again(seen: int) -> None:
    file = in_hand()

    with pytest.raises(CaseMovedOn) as refusal:
        when(settle("parents_marriage", met=True, seen=seen), file)

    assert (refusal.value.expected, refusal.value.actual) == (seen, file.version)
    assert when(settle("parents_marriage", met=True, seen=file.version), file)


def test_of_two_commands_on_the_same_version_only_the_first_is_carried_out() -> None:
    before = in_hand()
    after = given(settle("parents_marriage", met=True, seen=before.version), file=before)

    for command in (
        settle("parents_marriage", met=False, seen=before.version),
        withdraw(seen=before.version),
        amend(before, read(), seen=before.version),
    ):
        with pytest.raises(CaseMovedOn):
            when(command, after)


def test_the_same_command_on_the_same_case_always_has_the_same_outcome() -> None:
    command = opening(read("twins"))

    assert when(command, None) == when(command, None)
