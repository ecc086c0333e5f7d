"""Who may see or do what: the whole table once more in the words of the field, and the database of the same opinion."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, combinations, product
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import Connection, insert, select

from domain.actors import Actor
from domain.scopes import MAY, Action, Reach, Role, Viewer, may, reach
from store.database import Database
from store.scoping import cases_visible_to, items_visible_to
from store.tables import case_items, cases, verifications

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
MINE, NEIGHBOUR = "maternity_hospital", "another_hospital"
HERE, ELSEWHERE = "999901", "999902"
POLICE, HEALTH = "public_security", "health"

# One letter for each role, in the order of Role: own unit, division, addressed to it, its department's items in its
# division (p), everywhere, - not at all.
#                                    desk   casew  superv   verif  commun   chief   asker  centre pension   audit  integr
THE_TABLE = {
    Action.READ_BUNDLES:         "      e       e       e       e       e       e       e       e       e       e       e",
    Action.OPEN_CASE:            "      u       -       -       -       -       -       -       -       u       -       u",
    Action.READ_CASE:            "      u       d       d       p       -       p       u       -       u       -       u",
    Action.READ_CASE_EVENTS:     "      u       d       d       -       -       -       u       -       u       e       u",
    Action.LIST_CASES:           "      u       d       d       p       -       p       u       -       u       -       u",
    Action.SEARCH_PEOPLE:        "      u       d       d       -       -       -       -       -       u       -       -",
    Action.REVEAL_PERSON:        "      u       d       d       p       -       p       -       -       u       -       -",
    Action.AMEND_CASE:           "      u       d       d       -       -       -       -       -       u       -       u",
    Action.WITHDRAW_CASE:        "      u       d       d       -       -       -       u       -       u       -       u",
    Action.SETTLE_PROOF:         "      -       d       d       -       -       -       -       -       -       -       -",
    Action.RESUBMIT_ITEM:        "      -       d       d       -       -       -       -       -       -       -       -",
    Action.ANSWER_SUBMISSION:    "      -       -       -       p       -       p       -       -       -       -       p",
    Action.CORRECT_ITEM:         "      -       -       -       p       -       p       -       -       p       -       p",
    Action.READ_DEPARTMENTS:     "      e       e       e       e       e       e       e       e       e       e       e",
    Action.PAUSE_DEPARTMENT:     "      -       -       e       -       -       -       -       -       -       -       -",
    Action.READ_EVENTS_FEED:     "      -       -       -       -       -       -       u       -       -       e       u",
    Action.READ_ACCESS_LOG:      "      -       -       d       -       -       -       -       -       -       e       -",
    Action.READ_INBOX:           "      -       d       d       a       a       a       -       -       a       -       -",
    Action.ANSWER_VERIFICATION:  "      -       -       -       a       a       a       -       -       a       -       -",
    Action.CONFIRM_IN_BATCH:     "      -       -       -       -       -       -       -       -       u       -       -",
    Action.SET_SILENCE_RULE:     "      -       -       -       -       -       -       -       e       u       -       -",
    Action.ASSIGN_VERIFICATION:  "      -       -       d       -       -       a       -       -       -       -       -",
    Action.ESCALATE_PROOF:       "      -       d       d       -       -       -       -       -       -       -       -",
    Action.ANSWER_COMMITMENT:    "      u       d       d       -       -       -       u       -       u       -       u",
    Action.ASK_VERIFICATION:     "      -       -       -       -       -       -       u       -       -       -       u",
    Action.READ_ROSTERS:         "      -       d       d       u       u       u       -       e       -       e       -",
    Action.MANAGE_ROSTERS:       "      -       -       -       -       -       -       -       e       -       -       -",
    Action.READ_LISTING:         "      e       e       e       e       e       e       e       e       e       e       e",
    Action.MANAGE_LISTING:       "      -       -       -       -       -       -       -       e       -       -       -",
    Action.READ_WATCH_LIST:      "      -       -       d       -       -       -       -       -       d       e       -",
    Action.READ_GRANTS:          "      u       -       -       u       -       u       u       e       u       e       u",
    Action.APPLY_GRANT:          "      u       -       -       u       -       u       u       -       u       -       u",
    Action.APPROVE_GRANT:        "      -       -       -       -       -       -       -       e       -       -       -",
    Action.MANAGE_ACCOUNTS:      "      -       -       -       -       -       -       -       -       -       -       -",
}  # fmt: skip


class Case(NamedTuple):
    """One case, by all that decides who sees it."""

    unit: str
    division: str
    departments: tuple[str, ...]
    addressed: tuple[str, ...] = ()
    """The units that a verification of the case was sent to."""


EVERY_CASE = [
    Case(unit, division, departments, addressed)
    for unit, division in product((MINE, NEIGHBOUR), (HERE, ELSEWHERE))
    for departments in chain.from_iterable(combinations((POLICE, HEALTH), many) for many in range(3))
    for addressed in ((), (MINE,), (NEIGHBOUR,))
]


def case_id(case: Case) -> UUID:
    return UUID(int=EVERY_CASE.index(case) + 1)


def viewer(role: Role, department: str | None) -> Viewer:
    return Viewer(Actor(account="somebody", unit=MINE), role, HERE, department)


def seen_by(letter: str, case: Case, department: str | None) -> bool:
    return {
        "u": case.unit == MINE,
        "d": case.division == HERE,
        "a": MINE in case.addressed,
        "p": case.division == HERE and department in case.departments,
        "e": True,
        "-": False,
    }[letter]


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        for case in EVERY_CASE:
            insert_case(connection, case)
        yield connection


def insert_case(connection: Connection, case: Case) -> None:
    connection.execute(
        insert(cases).values(
            case_id=case_id(case),
            case_no=str(case_id(case).int),
            bundle="newborn",
            title="T",
            title_en="T",
            state="in_progress",
            version=1,
            unit=case.unit,
            opened_by="somebody",
            division=case.division,
            applicant=UUID(int=0),
            circumstances=[],
            warnings=[],
            opened_at=MONDAY,
            changed_at=MONDAY,
            items_in_play=0,
            items_concluded=0,
            in_hand=0,
            overdue=0,
            waits_for=[],
        )
    )
    for rung, unit in enumerate(case.addressed, 1):
        connection.execute(
            insert(verifications).values(
                case_id=case_id(case),
                proof="p",
                round=1,
                rung=rung,
                id=UUID(int=case_id(case).int * 10 + rung),
                case_no="1",
                division=case.division,
                title="T",
                title_en="T",
                route="department_verification",
                unit=unit,
                immediate=True,
                state="open",
                owner_since=MONDAY,
                claimed=False,
                opened_at=MONDAY,
                suspended=False,
                reminded=0,
                by_phone=False,
            )
        )
    for place, department in enumerate(case.departments):
        connection.execute(
            insert(case_items).values(
                case_id=case_id(case),
                item=f"{department}_item",
                place=place,
                code="c",
                title="T",
                title_en="T",
                department=department,
                state="submitted",
                since=MONDAY,
                attempt=1,
                products=[],
                waits_for=[],
                open_proofs=[],
            )
        )


def test_the_table_names_every_action_and_role() -> None:
    assert set(THE_TABLE) == set(Action)
    assert set(MAY) == set(Role)
    assert {len(letters.split()) for letters in THE_TABLE.values()} == {len(Role)}


@pytest.mark.parametrize("department", [None, POLICE])
def test_each_case_is_allowed_exactly_to_whom_the_table_says_and_the_database_agrees(
    connection: Connection, department: str | None
) -> None:
    asked = 0
    for action, letters in THE_TABLE.items():
        for role, letter in zip(Role, letters.split(), strict=True):
            who = viewer(role, department)
            expected = {case for case in EVERY_CASE if seen_by(letter, case, department)}
            by_the_rule = {case for case in EVERY_CASE if may(who, action, **case._asdict())}
            by_the_database = set(
                connection.execute(select(cases.c.case_id).where(cases_visible_to(who, action))).scalars()
            )

            assert by_the_rule == expected, (role, action)
            assert by_the_database == {case_id(case) for case in expected}, (role, action)
            asked += len(EVERY_CASE)

    assert asked == len(Action) * len(Role) * 48


@pytest.mark.parametrize(
    ("role", "department"), [(Role.CASEWORKER, None), (Role.SUPERVISOR, None), (Role.VERIFIER, POLICE)]
)
def test_a_citys_office_answers_for_every_district_of_its_city_and_no_other(
    connection: Connection, role: Role, department: str | None
) -> None:
    for division, seen in (("999900", {HERE, ELSEWHERE}), ("999800", set()), (HERE, {HERE})):
        who = Viewer(Actor(account="somebody", unit="city-office"), role, division, department)
        expected = {
            case for case in EVERY_CASE if case.division in seen and (not department or department in case.departments)
        }
        visible = select(cases.c.case_id).where(cases_visible_to(who, Action.READ_CASE))

        assert {case for case in EVERY_CASE if may(who, Action.READ_CASE, **case._asdict())} == expected
        assert set(connection.execute(visible).scalars()) == {case_id(case) for case in expected}


def test_a_department_sees_its_own_items_of_a_case_and_a_caseworker_all(connection: Connection) -> None:
    def items_of(who: Viewer) -> set[str]:
        both = Case(NEIGHBOUR, HERE, (POLICE, HEALTH))
        question = select(case_items.c.department).where(case_items.c.case_id == case_id(both))
        return set(connection.execute(question.where(items_visible_to(who, Action.READ_CASE))).scalars())

    assert items_of(viewer(Role.VERIFIER, POLICE)) == {POLICE}
    assert items_of(viewer(Role.VERIFIER, None)) == set()
    assert items_of(viewer(Role.CASEWORKER, None)) == {POLICE, HEALTH}
    assert items_of(viewer(Role.AUDITOR, None)) == set()


def test_an_auditor_never_sees_a_person() -> None:
    personal = {Action.READ_CASE, Action.LIST_CASES, Action.SEARCH_PEOPLE, Action.REVEAL_PERSON}

    assert not personal & set(MAY[Role.AUDITOR])


def test_whoever_takes_an_application_in_does_not_settle_its_proofs() -> None:
    assert not [role for role, row in MAY.items() if {Action.OPEN_CASE, Action.SETTLE_PROOF} <= set(row)]


def test_nobody_manages_accounts_over_the_network() -> None:
    assert not [role for role in Role if reach(viewer(role, POLICE), Action.MANAGE_ACCOUNTS)]


def test_the_table_cannot_be_changed_while_running() -> None:
    with pytest.raises(TypeError):
        MAY[Role.COMMUNITY_WORKER] = {Action.READ_CASE: Reach.EVERYWHERE}  # type: ignore[index]
