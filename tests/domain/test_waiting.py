"""为什么还在等: who has the case, since when, and what would unblock it."""

from datetime import timedelta

import pytest

from domain.case_file import CaseFile
from domain.waiting import Wait, waits
from tests.domain.telling import (
    LEAGUE_PLAYERS,
    MONDAY,
    TUESDAY,
    UNIT,
    a_family,
    concluded,
    department,
    departments_conclude,
    given,
    nobody_can_be_asked,
    opening,
    opens,
    proven,
    register,
    registers_agree,
    rejected,
    resubmit,
    settle,
    suspends,
    unreachable,
    withdraw,
)


def held_by(file: CaseFile) -> dict[str, str]:
    """What -> on whom."""
    return {wait.what: wait.on for wait in waits(file)}


def test_a_new_case_waits_for_its_registers() -> None:
    assert held_by(a_family()) == {
        "birth_record": "register:birth_records",
        "mother_identity": "register:identity_register",
        "father_identity": "register:identity_register",
        "parents_marriage": "register:marriage_register",
        "fathers_household": "register:household_register",
        "prenatal_record": "register:prenatal_records",
        "mother_insurance": "register:insured_persons",
        "mother_account": "register:payment_accounts",
    }


def test_a_proven_case_waits_for_its_departments_and_nobody_is_named_twice() -> None:
    assert held_by(proven()) == {
        "birth_certificate": "department:delivery_institution",
        "mother_child_handbook": "department:health",
        "maternity_benefit": "department:healthcare_security",
    }


def no_record_of(proof: str) -> CaseFile:
    """The register holds no record, so people are asked."""
    return given(register(a_family(), proof, "not_found"), file=a_family())


def waited_for(file: CaseFile, what: str) -> Wait:
    (wait,) = (wait for wait in waits(file) if wait.what == what)
    return wait


def test_a_proof_that_nobody_could_show_waits_for_a_caseworker() -> None:
    file = given(register(a_family(), "mother_account", "not_found", at=TUESDAY), file=a_family())

    (wait,) = (wait for wait in waits(file) if wait.on == "caseworker")

    assert (wait.what, wait.since) == ("mother_account", TUESDAY)
    assert wait.zh == "“待遇支付账户”无从核实, 待经办人认定"
    assert wait.en == "a caseworker has to decide on Account for payment: nobody else could show it"


def test_a_proof_whose_verifier_is_being_found_waits_for_the_department() -> None:
    wait = waited_for(no_record_of("parents_marriage"), "parents_marriage")

    assert (wait.on, wait.due) == ("department:civil_affairs", None)
    assert wait.zh == "正在向民政查询“父母婚姻状况”"


def test_a_verification_waits_for_its_unit_and_says_until_when() -> None:
    file = no_record_of("parents_marriage")
    file = given(opens(file, "parents_marriage", at=TUESDAY), file=file)

    wait = waited_for(file, "parents_marriage")

    assert (wait.on, wait.since, wait.due) == (f"unit:{UNIT}", TUESDAY, TUESDAY + timedelta(minutes=30))
    assert wait.zh == "等待民政核实“父母婚姻状况”, 11-24 09:30 前答复"
    assert wait.en == "waiting for Civil affairs to verify Parents' marriage by 11-24 09:30"


def test_a_verification_whose_clock_was_stopped_is_still_its_units() -> None:
    file = no_record_of("parents_marriage")
    file = given(opens(file, "parents_marriage"), suspends(file, "parents_marriage", at=MONDAY), file=file)

    wait = waited_for(file, "parents_marriage")

    assert (wait.on, wait.due) == (f"unit:{UNIT}", None)
    assert "中止" in wait.zh
    assert "the clock was stopped" in wait.en


def test_what_may_be_committed_to_waits_for_the_applicant() -> None:
    file = given(opening(LEAGUE_PLAYERS[0]))
    for _ in ("department", "community"):
        file = given(opens(file, "conduct", unit=None), file=file)

    wait = waited_for(file, "conduct")

    assert wait.on == "applicant"
    assert "承诺" in wait.zh
    assert "commitment" in wait.en


def test_a_contradiction_waits_for_a_caseworker_and_says_why() -> None:
    file = given(register(a_family(), "mother_identity", "contradicts"), file=a_family())

    (wait,) = (wait for wait in waits(file) if wait.on == "caseworker")

    assert "不一致" in wait.zh
    assert "whoever was asked says otherwise" in wait.en


def test_a_department_out_of_reach_is_waited_for_since_then() -> None:
    file = given(unreachable("birth_certificate", at=TUESDAY), file=proven())

    (wait,) = (wait for wait in waits(file) if wait.what == "birth_certificate")

    assert (wait.on, wait.since) == ("department:delivery_institution", MONDAY)
    assert "联系不上" in wait.zh
    assert "unreachable" in wait.en


def test_a_department_that_took_it_is_waited_for_since_it_took_it() -> None:
    file = given(department("birth_certificate", "acknowledged", at=TUESDAY), file=proven())

    (wait,) = (wait for wait in waits(file) if wait.what == "birth_certificate")

    assert wait.since == TUESDAY
    assert wait.zh == "等待助产机构办理“出生医学证明”"


def test_a_rejected_submission_is_the_caseworkers_until_it_is_sent_again() -> None:
    file = given(rejected("birth_certificate"), file=proven())
    assert held_by(file)["birth_certificate"] == "caseworker"

    file = given(resubmit("birth_certificate"), file=file)

    assert held_by(file)["birth_certificate"] == "department:delivery_institution"


def test_each_twin_is_waited_for_by_its_own_number() -> None:
    assert {"birth_certificate:1", "birth_certificate:2"} <= held_by(proven("twins")).keys()


def test_a_withdrawn_case_still_waits_for_what_departments_have() -> None:
    file = given(withdraw(), file=proven())

    assert set(held_by(file)) == {"birth_certificate", "mother_child_handbook", "maternity_benefit"}
    assert waits(departments_conclude(file)) == ()


@pytest.mark.parametrize(
    "file",
    [concluded(), given(withdraw(), file=a_family())],
    ids=["concluded", "withdrawn"],
)
def test_nobody_is_waited_for_in_a_case_that_is_over(file: CaseFile) -> None:
    assert waits(file) == ()


def test_what_was_denied_is_not_waited_for() -> None:
    file = registers_agree(a_family(), but=("birth_record",))
    file = nobody_can_be_asked(given(register(file, "birth_record", "not_found"), file=file))
    file = given(settle("birth_record", met=False), file=file)

    assert set(held_by(file)) == {"mother_child_handbook"}


def test_every_sentence_is_told_in_both_languages_and_ends_nowhere_in_code() -> None:
    asked = no_record_of("birth_record")
    opened = given(opens(asked, "birth_record"), file=asked)
    for file in (
        a_family(),
        proven("twins"),
        given(unreachable("birth_certificate"), file=proven()),
        asked,
        opened,
        given(suspends(opened, "birth_record", at=MONDAY), file=opened),
        nobody_can_be_asked(asked),
    ):
        for wait in waits(file):
            assert wait.zh
            assert wait.en
            assert "_" not in wait.zh + wait.en
