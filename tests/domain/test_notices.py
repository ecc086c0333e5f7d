"""提醒: what lies on whose desk, and what is told when it changes."""

from datetime import timedelta
from uuid import UUID

from domain.case_file import CaseFile
from domain.commands import Command
from domain.notices import Card, Notice, card_id, cards, notices
from tests.domain.telling import (
    BIRTH_DESK,
    COMMUNITY,
    COMMUNITY_WORKER,
    MONDAY,
    OFFICER,
    TUESDAY,
    UNIT,
    a_family,
    amend,
    answers,
    assigns,
    claims,
    concluded,
    departments_conclude,
    escalates,
    expires,
    given,
    opens,
    proven,
    read,
    register,
    registers_agree,
    reminds,
    resumes,
    settle,
    suspends,
    withdraw,
)

MARRIAGE = "parents_marriage"
DUE = MONDAY + timedelta(minutes=30)


def asked(**who: str) -> CaseFile:
    """A department has the question until half past nine."""
    file = registers_agree(a_family(), but=(MARRIAGE,))
    file = given(register(file, MARRIAGE, "not_found"), file=file)
    return given(opens(file, MARRIAGE, **who), file=file)  # type: ignore[arg-type]  # names of people only


def with_the_community() -> CaseFile:
    file = given(expires(asked(), MARRIAGE, at=DUE), file=asked())
    return given(opens(file, MARRIAGE, unit=COMMUNITY, at=DUE), file=file)


def said(file: CaseFile, *commands: Command) -> list[tuple[str, str, str]]:
    """What is told because of the commands: (action, audience, unit)."""
    return [(one.action, one.audience, one.card.unit) for one in notices(file, given(*commands, file=file))]


def card_of(file: CaseFile, rung: int = 1) -> Card:
    return cards(file)[card_id(file.case_id, MARRIAGE, file.proof(MARRIAGE).round, rung)]


# --- cards


def test_a_question_is_a_card_on_the_units_desk_until_its_limit() -> None:
    card = card_of(asked(owner=OFFICER.account))

    assert (card.proof, card.audience, card.unit, card.account, card.due) == (
        MARRIAGE,
        "owner",
        UNIT,
        OFFICER.account,
        DUE,
    )


def test_what_a_caseworker_has_to_decide_lies_with_the_unit_that_took_the_case_in() -> None:
    file = given(escalates(MARRIAGE), file=asked())

    (card,) = cards(file).values()

    assert (card.proof, card.audience, card.unit, card.account, card.due) == (
        MARRIAGE,
        "caseworkers",
        BIRTH_DESK.unit,
        None,
        None,
    )


def test_registers_and_departments_lie_on_nobodys_desk() -> None:
    for file in (a_family(), proven(), concluded()):
        assert cards(file) == {}
    assert cards(None) == {}


def test_no_card_outlives_its_case() -> None:
    for file in (asked(), given(escalates(MARRIAGE), file=asked())):
        assert cards(file)
        assert cards(given(withdraw(), file=file)) == {}


def test_what_was_contradicted_after_departments_acted_stays_on_the_desk_of_a_withdrawn_case() -> None:
    file = registers_agree(a_family(), but=("mother_identity",))
    file = given(register(file, "mother_identity", "not_found"), file=file)
    file = given(opens(file, "mother_identity"), file=file)
    file = given(expires(file, "mother_identity", at=DUE), file=file)
    file = given(opens(file, "mother_identity", unit=COMMUNITY), file=file)
    file = given(answers(file, "mother_identity", by=COMMUNITY_WORKER), file=file)
    file = given(answers(file, "mother_identity", "contradicts", rung=1), file=file)

    file = departments_conclude(given(withdraw(), file=file))

    (card,) = cards(file).values()
    assert (card.proof, card.audience) == ("mother_identity", "caseworkers")
    assert cards(given(settle("mother_identity", met=True), file=file)) == {}


# --- what is told


def test_a_question_is_shown_to_the_unit_that_is_asked() -> None:
    file = registers_agree(a_family(), but=(MARRIAGE,))
    file = given(register(file, MARRIAGE, "not_found"), file=file)

    assert said(file, opens(file, MARRIAGE)) == [("show", "owner", UNIT)]


def test_a_new_case_tells_nobody() -> None:
    assert notices(None, a_family()) == ()


def test_what_changes_nothing_on_a_desk_is_not_told() -> None:
    file = asked()

    assert said(file) == []
    assert said(file, amend(file, read(), "mother.phone")) == []
    assert said(file, withdraw()) != []


def test_a_new_owner_and_a_stopped_clock_update_the_card() -> None:
    file = asked()
    assert said(file, claims(file, MARRIAGE)) == [("update", "owner", UNIT)]

    (notice,) = notices(file, stopped := given(suspends(file, MARRIAGE, at=MONDAY), file=file))

    assert (notice.action, notice.card.due) == ("update", None)
    assert said(stopped, resumes(stopped, MARRIAGE, at=TUESDAY)) == [("update", "owner", UNIT)]


def test_a_reminder_reminds_the_owner_and_says_how_much_is_used_up() -> None:
    file = given(claims(asked(), MARRIAGE), file=asked())

    (notice,) = notices(file, given(reminds(file, MARRIAGE, 50, at=MONDAY + timedelta(minutes=15)), file=file))

    assert (notice.action, notice.audience, notice.card.reminded, notice.card.account) == (
        "remind",
        "owner",
        50,
        OFFICER.account,
    )


def test_a_limit_that_is_over_takes_the_card_away_and_tells_the_superior() -> None:
    file = asked()

    assert said(file, expires(file, MARRIAGE, at=DUE)) == [("withdraw", "owner", UNIT), ("passed", "superior", UNIT)]


def test_an_answer_takes_the_card_away_and_the_superior_is_not_told() -> None:
    file = asked()

    for answer in ("matches", "no_record", "hand_to_community"):
        assert said(file, answers(file, MARRIAGE, answer)) == [("withdraw", "owner", UNIT)]


def test_a_contradiction_puts_it_on_the_caseworkers_desk_instead() -> None:
    file = asked()

    assert said(file, answers(file, MARRIAGE, "contradicts")) == [
        ("show", "caseworkers", BIRTH_DESK.unit),
        ("withdraw", "owner", UNIT),
    ]


def test_what_a_caseworker_has_decided_leaves_every_desk() -> None:
    file = given(escalates(MARRIAGE), file=asked())

    assert said(file, settle(MARRIAGE, met=True)) == [("withdraw", "caseworkers", BIRTH_DESK.unit)]


def test_a_late_answer_takes_the_card_from_whoever_has_it_now() -> None:
    file = with_the_community()

    assert said(file, answers(file, MARRIAGE, rung=1)) == [("withdraw", "owner", COMMUNITY)]
    assert said(file, answers(file, MARRIAGE, "contradicts", rung=1)) == [
        ("show", "caseworkers", BIRTH_DESK.unit),
        ("withdraw", "owner", COMMUNITY),
    ]


def test_whoever_ends_a_question_in_another_way_leaves_no_card_behind() -> None:
    file = asked()

    for command in (
        escalates(MARRIAGE),
        withdraw(),
        amend(file, read(mother__name="尉迟静"), "mother.name"),
        amend(file, read(birth__parents_married=False), "birth.parents_married"),
    ):
        assert ("withdraw", "owner", UNIT) in said(file, command)
        assert ("passed", "superior", UNIT) not in said(file, command)


def test_several_things_in_one_go_are_told_once_each() -> None:
    file = asked()
    after = given(expires(file, MARRIAGE, at=DUE), file=file)
    after = given(opens(after, MARRIAGE, unit=COMMUNITY, at=DUE), file=after)

    told = [(one.action, one.card.unit) for one in notices(file, after)]

    assert told == [("show", COMMUNITY), ("withdraw", UNIT), ("passed", UNIT)]


# --- ids


def test_the_same_change_has_the_same_id_however_often_it_is_told() -> None:
    file = asked()
    after = given(expires(file, MARRIAGE, at=DUE), file=file)

    assert notices(file, after) == notices(file, after)


def test_no_two_notices_of_a_case_share_an_id() -> None:
    told: list[Notice] = []
    file = a_family()

    def then(command: Command) -> None:
        nonlocal file
        after = given(command, file=file)
        told.extend(notices(file, after))
        file = after

    then(register(file, MARRIAGE, "not_found"))
    then(opens(file, MARRIAGE))
    then(claims(file, MARRIAGE))
    then(assigns(file, MARRIAGE, "released", None, by=OFFICER))
    then(claims(file, MARRIAGE))
    then(reminds(file, MARRIAGE, 50, at=DUE))
    then(reminds(file, MARRIAGE, 80, at=DUE))
    then(expires(file, MARRIAGE, at=DUE))
    then(opens(file, MARRIAGE, unit=COMMUNITY, at=DUE))
    then(answers(file, MARRIAGE, "contradicts", by=COMMUNITY_WORKER))
    then(settle(MARRIAGE, met=True))
    then(answers(file, MARRIAGE, "contradicts", rung=1))
    then(settle(MARRIAGE, met=True))

    ids = [notice.id for notice in told]
    assert len(ids) == len(set(ids)) == 14
    assert len({notice.card.id for notice in told}) == 3, "two questions and one hand"


def test_cards_of_two_cases_two_rungs_and_two_rounds_are_not_mixed_up() -> None:
    ids = {
        card_id(case_id, proof, round, rung)
        for case_id in (UUID(int=1), UUID(int=2))
        for proof in (MARRIAGE, "birth_record")
        for round in (1, 2)
        for rung in (1, 2, "hand")
    }

    assert len(ids) == 24
