"""为什么还在等: who has the case, since when, and what would unblock it."""

import pytest

from domain.case_file import CaseFile
from domain.waiting import waits
from tests.domain.telling import (
    MONDAY,
    TUESDAY,
    a_family,
    concluded,
    department,
    departments_conclude,
    given,
    proven,
    register,
    registers_agree,
    rejected,
    resubmit,
    settle,
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


def test_a_proof_that_no_register_could_show_waits_for_a_caseworker() -> None:
    file = given(register(a_family(), "parents_marriage", "not_found", at=TUESDAY), file=a_family())

    (wait,) = (wait for wait in waits(file) if wait.on == "caseworker")

    assert (wait.what, wait.since) == ("parents_marriage", TUESDAY)
    assert wait.zh == "“父母婚姻状况”共享数据无法证明, 待经办人认定"
    assert wait.en == "a caseworker has to decide on Parents' marriage: no register could show it"


def test_a_contradiction_waits_for_a_caseworker_and_says_why() -> None:
    file = given(register(a_family(), "mother_identity", "contradicts"), file=a_family())

    (wait,) = (wait for wait in waits(file) if wait.on == "caseworker")

    assert "不一致" in wait.zh
    assert "the register says otherwise" in wait.en


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
    file = given(register(a := registers_agree(a_family(), but=("birth_record",)), "birth_record", "not_found"), file=a)
    file = given(settle("birth_record", met=False), file=file)

    assert set(held_by(file)) == {"mother_child_handbook"}


def test_every_sentence_is_told_in_both_languages_and_ends_nowhere_in_code() -> None:
    for file in (a_family(), proven("twins"), given(unreachable("birth_certificate"), file=proven())):
        for wait in waits(file):
            assert wait.zh
            assert wait.en
            assert "_" not in wait.zh + wait.en
