"""A concluded item may turn out to have come to something else: it is corrected, and nothing of the first is lost."""

from dataclasses import replace

import pytest

from domain.case_file import CaseFile, CaseState, ItemState
from domain.events import ItemCorrected
from domain.refusals import CaseEnded, CaseMovedOn, ItemNotConcluded, NoSuchPart, NothingToCorrect
from domain.steps import steps
from domain.timeline import sentence
from tests.domain.telling import (
    MONDAY,
    POLICE,
    TUESDAY,
    a_family,
    concluded,
    corrects,
    department,
    given,
    proven,
    told,
    when,
    withdraw,
)

CERTIFICATE, NUMBER = "birth_certificate", "birth_certificate_no"
REGISTRATION = "household_registration"


def certified() -> CaseFile:
    """The certificate is made, everything else goes on."""
    return given(department(CERTIFICATE, "concluded"), file=proven())


def test_the_department_corrects_what_it_concluded() -> None:
    file = concluded()

    (event,) = when(corrects(REGISTRATION, "household_no", "citizen_id"), file)

    assert event == ItemCorrected(
        at=TUESDAY,
        by=POLICE,
        item=REGISTRATION,
        number=1,
        products=("household_no", "citizen_id"),
        note="note/8",
    )
    assert sentence(event, file.bundle).zh == "“出生户口登记”办理结果更正: 户号、公民身份号码"


def test_a_case_that_is_over_stays_over_and_an_open_one_goes_on_as_it_was() -> None:
    for file in (concluded(), certified()):
        after = given(corrects(CERTIFICATE, NUMBER), file=file)

        assert (after.state, after.outcome, after.ended_at) == (file.state, file.outcome, file.ended_at)
        assert after.items[CERTIFICATE].state is ItemState.CONCLUDED
        assert after.items[CERTIFICATE].since == MONDAY
        assert {item for item in file.items if after.items[item] != file.items[item]} == {CERTIFICATE}
        assert steps(after) == steps(file), "there is nothing to be done about it"


def test_corrections_stand_in_their_order_beside_what_the_item_was_concluded_with() -> None:
    file = concluded()
    before = file.items[REGISTRATION]

    file = given(corrects(REGISTRATION, "household_no"), corrects(REGISTRATION, "citizen_id"), file=file)

    live = file.items[REGISTRATION]
    assert [(one.number, one.products) for one in live.corrections] == [(1, ("household_no",)), (2, ("citizen_id",))]
    assert [one.version for one in live.corrections] == [file.version - 1, file.version]
    assert replace(live, corrections=()) == before
    assert live.made == (*before.products, "household_no", "citizen_id")


def test_only_what_was_concluded_can_be_corrected() -> None:
    with pytest.raises(ItemNotConcluded):
        when(corrects(CERTIFICATE, NUMBER), proven())
    denied = given(department(CERTIFICATE, "denied", reason_code="name"), file=proven())
    with pytest.raises(ItemNotConcluded):
        when(corrects(CERTIFICATE, NUMBER), denied)


def test_a_withdrawn_case_is_not_corrected() -> None:
    file = given(withdraw(), file=certified())

    assert file.state is CaseState.WITHDRAWN
    with pytest.raises(CaseEnded):
        when(corrects(CERTIFICATE, NUMBER), file)


def test_a_correction_that_says_what_stands_is_none() -> None:
    with pytest.raises(NothingToCorrect):
        when(corrects(CERTIFICATE), concluded())


def test_what_the_case_or_the_item_does_not_have_cannot_be_corrected() -> None:
    with pytest.raises(NoSuchPart):
        when(corrects("passport", NUMBER), concluded())
    with pytest.raises(NoSuchPart):
        when(corrects(CERTIFICATE, "household_no"), concluded())


def test_whoever_saw_an_older_version_looks_again() -> None:
    file = certified()

    with pytest.raises(CaseMovedOn):
        when(corrects(CERTIFICATE, NUMBER, seen=file.version - 1), file)
    assert told(when(corrects(CERTIFICATE, NUMBER, seen=file.version), file)) == (f"item_corrected {CERTIFICATE}",)


def test_nothing_of_a_family_just_filed_can_be_corrected() -> None:
    file = a_family()

    for item in file.items:
        with pytest.raises(ItemNotConcluded):
            when(corrects(item), file)
