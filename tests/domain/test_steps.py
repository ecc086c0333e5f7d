"""What is asked of the world now, and at which instants something falls due."""

from datetime import datetime

import pytest
from pydantic import TypeAdapter

from domain.case_file import CaseFile
from domain.steps import AskRegister, FindVerifier, Instant, Question, SayOverdue, Step, SubmitItem, agenda, steps
from domain.time_limits import due_at, working_days
from tests.domain.telling import (
    EVERY_FAMILY,
    MONDAY,
    TUESDAY,
    a_family,
    amend,
    concluded,
    department,
    given,
    nobody_can_be_asked,
    opening,
    opens,
    overdue,
    proven,
    read,
    register,
    registers_agree,
    rejected,
    resubmit,
    settle,
    withdraw,
)


def keys(file: CaseFile) -> list[str]:
    return [step.key for step in steps(file)]


def promised(file: CaseFile) -> list[tuple[str, datetime]]:
    """The items whose promised dates lie ahead."""
    return [(entry.item, entry.due) for entry in agenda(file) if isinstance(entry, SayOverdue)]


def test_a_new_case_asks_its_registers_in_the_order_of_the_plan() -> None:
    assert keys(a_family()) == [
        "ask birth_record 1.0",
        "ask mother_identity 1.0",
        "ask father_identity 1.0",
        "ask parents_marriage 1.0",
        "ask fathers_household 1.0",
        "ask prenatal_record 1.0",
        "ask mother_insurance 1.0",
        "ask mother_account 1.0",
    ]


def test_a_proven_case_submits_what_is_ready() -> None:
    assert keys(proven()) == [
        "submit birth_certificate 1",
        "submit mother_child_handbook 1",
        "submit maternity_benefit 1",
    ]


def test_a_conclusion_makes_the_next_ones_due() -> None:
    file = given(department("birth_certificate:2", "concluded"), file=proven("twins"))

    assert keys(file) == [
        "submit birth_certificate:1 1",
        "submit household_registration:2 1",
        "submit vaccination_certificate:2 1",
        "submit mother_child_handbook 1",
        "submit child_care_booklet:2 1",
        "submit maternity_benefit 1",
    ]


def test_a_question_asked_anew_has_another_key() -> None:
    file = given(amend(a_family(), read(mother__name="尉迟静"), "mother.name"), file=a_family())

    assert "ask mother_identity 2.0" in keys(file)
    assert "ask mother_identity 1.0" not in keys(file)


def test_a_submission_sent_again_has_another_key() -> None:
    file = given(rejected("birth_certificate"), resubmit("birth_certificate"), file=proven())

    assert "submit birth_certificate 2" in keys(file)


def test_nothing_is_asked_while_a_person_has_it() -> None:
    file = registers_agree(a_family(), but=("birth_record",))
    file = given(register(file, "birth_record", "unreachable"), file=file)
    assert keys(file) == ["verify birth_record 1.1", "submit mother_child_handbook 1"]

    file = nobody_can_be_asked(file)

    assert keys(file) == ["submit mother_child_handbook 1"]
    assert keys(given(settle("birth_record", met=True), file=file)) == [
        "submit birth_certificate 1",
        "submit mother_child_handbook 1",
        "submit maternity_benefit 1",
    ]


def test_what_was_acknowledged_is_not_sent_again() -> None:
    file = given(department("birth_certificate", "acknowledged"), file=proven())

    assert "submit birth_certificate 1" not in keys(file)


@pytest.mark.parametrize("file", [concluded(), given(withdraw(), file=a_family())], ids=["concluded", "withdrawn"])
def test_nothing_is_due_in_a_case_that_is_over(file: CaseFile) -> None:
    assert steps(file) == ()
    assert agenda(file) == ()


def test_the_agenda_names_the_earliest_instant_first() -> None:
    assert promised(proven()) == [
        ("birth_certificate", due_at(MONDAY, working_days(1))),
        ("mother_child_handbook", due_at(MONDAY, working_days(1))),
        ("maternity_benefit", due_at(MONDAY, working_days(5))),
    ]


def test_what_has_passed_or_ended_is_off_the_agenda() -> None:
    file = proven()
    item, due = promised(file)[0]

    file = given(overdue(item, due), department("maternity_benefit", "concluded"), file=file)

    assert [item for item, _ in promised(file)] == ["mother_child_handbook"]


def test_an_item_sent_to_its_department_late_keeps_its_promised_date() -> None:
    file = registers_agree(a_family(), but=("birth_record",))
    before = file.item("birth_certificate").promised_by

    file = given(register(file, "birth_record", at=TUESDAY), file=file)

    assert file.item("birth_certificate").promised_by == before


@pytest.mark.parametrize("family", EVERY_FAMILY[::7], ids=lambda family: " ".join(family.circumstances))
def test_no_two_steps_of_a_whole_case_share_a_key(family: object) -> None:
    file = given(opening(family))  # type: ignore[arg-type]  # parametrize knows no types
    seen: list[str] = []
    while due := steps(file):
        step = due[0]
        seen.append(step.key)
        match step:
            case AskRegister():
                file = given(register(file, step.proof), file=file)
            case SubmitItem():
                file = given(department(step.item, "concluded", attempt=step.attempt), file=file)
            case FindVerifier():
                raise AssertionError("every register agrees, so nobody else is asked")

    assert len(seen) == len(set(seen))
    assert keys(file) == []


def test_a_step_survives_the_journey_through_a_message() -> None:
    adapter: TypeAdapter[Question | Instant] = TypeAdapter(Step)
    file = given(register(a_family(), "parents_marriage", "not_found"), file=a_family())
    opened = given(opens(file, "parents_marriage"), file=file)

    for step in (*steps(file), *steps(proven()), *agenda(opened)):
        assert adapter.validate_json(adapter.dump_json(step)) == step
