"""Whoever saw or was sent somebody's data is in the log before they have it, and nobody takes it out again."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Row, select

from domain.actors import THE_ENGINE, Actor
from domain.refusals import Refusal
from store.access_log import Access, AccessFlaw, note_for_unit, verify
from store.cases import CaseStore
from store.database import Database
from store.tables import access_log
from tests.desk import CLERK, MONDAY, case_file, family, file, register_says, settle

LOOKED = Access(MONDAY, CLERK, "unmask", ("mother.phone",), "联系申请人")


def entries(database: Database, stream: UUID | None = None) -> list[Row[*tuple[Any, ...]]]:
    with database.reading() as connection:
        found = connection.execute(select(access_log).order_by(access_log.c.position)).all()
    return [row for row in found if stream is None or row.stream == stream]


def flaws(database: Database) -> list[AccessFlaw]:
    with database.reading() as connection:
        return list(verify(connection))


@pytest.fixture
def superuser(superuser_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(superuser_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute("ALTER TABLE access_log DISABLE TRIGGER append_only")
        yield connection


def test_opening_a_case_logs_every_register_that_will_be_asked_and_what_it_is_told(store: CaseStore) -> None:
    case = file(store)

    asked = {row.recipient: row for row in entries(store.database, case.case_id)}

    open_routes = {live.asked for live in case_file(store, case.case_id).proofs.values() if live.state == "asked"}
    assert asked.keys() == open_routes
    assert asked["marriage_register"].about == ["husband_citizen_id", "wife_citizen_id"]
    assert {row.account for row in asked.values()} == {THE_ENGINE.account}
    assert all(row.purpose and row.granted and row.case_id == case.case_id for row in asked.values())


def test_a_submission_is_logged_with_the_decision_that_makes_it_due(store: CaseStore) -> None:
    case = file(store)
    for proof in ("birth_record", "mother_identity"):
        store.handle(case.case_id, [register_says(case.case_id, proof)], tell_workflow=False)
    assert not [row for row in entries(store.database, case.case_id) if row.action == "submit"]

    store.handle(case.case_id, [register_says(case.case_id, "father_identity")], tell_workflow=False)

    (sent,) = [row for row in entries(store.database, case.case_id) if row.action == "submit"]
    assert sent.recipient == "delivery_institution"
    assert {"mother.citizen_id", "father.name", "born_at"} <= set(sent.about)
    assert not {"mother.account", "mother.nationality"} & set(sent.about), "more than the department needs"


def test_a_decision_that_is_not_committed_discloses_nothing_and_logs_nothing(store: CaseStore) -> None:
    case = file(store)
    before = len(entries(store.database))

    with pytest.raises(Refusal):
        settle(store, case.case_id, "mother_identity")

    assert len(entries(store.database)) == before


def test_no_value_ever_stands_in_the_log(store: CaseStore) -> None:
    form = family(3)
    file(store, form, key="3")

    text = "\n".join(str(row) for row in entries(store.database))

    for person in ("mother", "father"):
        for field in ("citizen_id", "name", "phone"):
            assert form[person][field] not in text


def test_a_person_who_opens_a_case_is_in_its_log_first(store: CaseStore) -> None:
    case = file(store)

    opened = store.open_for(case.case_id, Access(MONDAY, CLERK, "open", ("form",), "受理", case_id=case.case_id))

    last = entries(store.database, case.case_id)[-1]
    assert opened.declared("mother.name")
    assert (last.account, last.unit, last.action, last.about) == (CLERK.account, CLERK.unit, "open", ["form"])
    assert flaws(store.database) == []


def test_one_unit_s_first_entries_come_from_many_desks_at_once(store: CaseStore, other_store: CaseStore) -> None:
    start = threading.Barrier(8)

    def look(number: int) -> None:
        start.wait(10)
        by = Actor(account=f"desk-{number}", unit="a_new_unit")
        (store, other_store)[number % 2].log_accesses([Access(MONDAY, by, "list", ("case_no",), "日常工作")] * 3)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(8)))

    assert len(entries(store.database)) == 24
    assert flaws(store.database) == []


def change(superuser: psycopg.Connection, stream: UUID) -> int:
    superuser.execute("UPDATE access_log SET account = 'nobody' WHERE stream = %s AND number = 2", (stream,))
    return 2


def grant_afterwards(superuser: psycopg.Connection, stream: UUID) -> int:
    superuser.execute("UPDATE access_log SET granted = NOT granted WHERE stream = %s AND number = 3", (stream,))
    return 3


def delete_one(superuser: psycopg.Connection, stream: UUID) -> int:
    superuser.execute("DELETE FROM access_log WHERE stream = %s AND number = 2", (stream,))
    return 2


def cut_the_tail(superuser: psycopg.Connection, stream: UUID) -> int:
    superuser.execute("DELETE FROM access_log WHERE stream = %s AND number >= 4", (stream,))
    return 4


def swap_two(superuser: psycopg.Connection, stream: UUID) -> int:
    for old, new in ((2, -1), (3, 2), (-1, 3)):
        superuser.execute("UPDATE access_log SET number = %s WHERE stream = %s AND number = %s", (new, stream, old))
    return 2


def take_away_the_head(superuser: psycopg.Connection, stream: UUID) -> int:
    superuser.execute("DELETE FROM streams WHERE id = %s", (stream,))
    return 1


@pytest.mark.parametrize(
    "tamper",
    [change, grant_afterwards, delete_one, cut_the_tail, swap_two, take_away_the_head],
    ids=lambda tamper: tamper.__name__,
)
def test_whoever_tampers_with_the_access_log_is_found(
    store: CaseStore, superuser: psycopg.Connection, tamper: Any
) -> None:
    case = file(store)
    file(store, family(1), key="1")
    store.log_accesses([LOOKED])
    assert flaws(store.database) == []

    first_wrong = tamper(superuser, case.case_id)

    assert [(flaw.stream, flaw.number) for flaw in flaws(store.database)] == [(case.case_id, first_wrong)]


def test_the_application_itself_cannot_change_the_log(store: CaseStore) -> None:
    store.log_accesses([LOOKED])
    for statement in ("UPDATE access_log SET account = 'x'", "DELETE FROM access_log", "TRUNCATE access_log"):
        with pytest.raises(Exception, match="permission denied"), store.database.begin() as connection:
            connection.exec_driver_sql(statement)


def test_entries_of_several_units_go_to_a_chain_each(store: CaseStore) -> None:
    other = Actor(account="auditor-1", unit="audit_office")
    with store.database.begin() as connection:
        note_for_unit(connection, [LOOKED, Access(MONDAY, other, "audit", (), "年度检查"), LOOKED])

    assert sorted(row.number for row in entries(store.database)) == [1, 1, 2]
    assert flaws(store.database) == []
