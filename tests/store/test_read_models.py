"""What pages show is the events seen another way: rebuilt from zero it is the same, byte for byte."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from domain.actors import THE_ENGINE
from domain.commands import ExpireVerification, OpenVerification, command_id
from store.cases import CaseStore, Filed
from store.database import Database
from store.read_models.all_models import MODELS, differences, rebuild
from store.tables import READ_MODELS
from tests.desk import CLERK, MONDAY, example, family, file, register_says, settle, withdraw


def dump(database: Database) -> dict[str, list[str]]:
    """Every row of every read model as Postgres writes it."""
    with database.reading() as connection:
        return {
            table.name: sorted(connection.execute(text(f"SELECT t::text FROM {table.name} t")).scalars())
            for table in READ_MODELS
        }


HALF_AN_HOUR = timedelta(minutes=30)


def lives(store: CaseStore) -> list[Filed]:
    """Cases in every state that a store alone can bring them into."""
    names = ("family", "twins", "unmarried", "foreign_father", "resident", "uninsured", "name_differs")
    filed = [file(store, example(name), key=name) for name in names]
    first, second, third = (case.case_id for case in filed[:3])
    store.handle(first, [register_says(first, "mother_identity")], tell_workflow=False)
    store.handle(first, [register_says(first, "birth_record", outcome="not_found")], tell_workflow=False)
    asked = OpenVerification(
        id=command_id(first, "verify"), at=MONDAY, by=THE_ENGINE, proof="birth_record", round=1, rung=1, unit="health"
    )
    silent = ExpireVerification(
        id=command_id(first, "expire"), at=MONDAY + HALF_AN_HOUR, by=THE_ENGINE, proof="birth_record", round=1, rung=1
    )
    store.handle(first, [asked, silent], tell_workflow=False)
    settle(store, first, "birth_record", met=False)
    store.handle(
        second,
        [register_says(second, "father_identity", outcome="contradicts", differing=("name",))],
        tell_workflow=False,
    )
    withdraw(store, third)
    fourth = filed[3]
    store.amend(
        fourth.case_id,
        {"mother": {"phone": "15499000088"}},
        reason="号码有误",
        by=CLERK,
        at=MONDAY,
        id=command_id(fourth.case_id, "amend"),
        seen=fourth.version,
    )
    return filed


def test_every_read_model_table_has_its_model() -> None:
    assert {model.table for model in MODELS} == set(READ_MODELS)


def test_a_rebuild_from_zero_is_what_was_written_live(store: CaseStore) -> None:
    filed = lives(store)
    live = dump(store.database)
    assert all(live.values()), "a table without rows proves nothing"

    with store.database.begin() as connection:
        rebuilt = rebuild(connection)

    assert rebuilt == len(filed)
    assert dump(store.database) == live


def test_a_rebuild_brings_back_what_was_lost(store: CaseStore) -> None:
    lives(store)
    live = dump(store.database)
    with store.database.begin() as connection:
        for table in READ_MODELS:
            connection.execute(text(f"DELETE FROM {table.name}"))

    with store.database.begin() as connection:
        rebuild(connection)

    assert dump(store.database) == live


WRONGS = {
    "cases": ("UPDATE cases SET state = 'concluded' WHERE case_id = :case", "state"),
    "case_people": ("DELETE FROM case_people WHERE case_id = :case AND section = 'father'", "missing"),
    "case_keys": ("INSERT INTO case_keys VALUES ('x', 'event', :case)", "too many"),
    "case_items": ("UPDATE case_items SET state = 'denied' WHERE case_id = :case AND place = 1", "state"),
    "case_proofs": ("UPDATE case_proofs SET exhausted = '{x}' WHERE case_id = :case AND place = 0", "exhausted"),
}


@pytest.mark.parametrize("table", WRONGS)
def test_a_row_that_says_otherwise_than_the_events_is_named_and_left_alone(store: CaseStore, table: str) -> None:
    case = file(store)
    file(store, family(1), key="1")
    statement, column = WRONGS[table]
    with store.database.begin() as connection:
        connection.execute(text(statement), {"case": case.case_id})
    wrong = dump(store.database)

    with store.database.reading() as connection:
        found = list(differences(connection))

    assert [(one.table, one.case_id, one.columns) for one in found] == [(table, case.case_id, (column,))]
    assert dump(store.database) == wrong


def test_rows_of_a_case_that_never_was_are_found(store: CaseStore, superuser_url: str) -> None:
    case = file(store)
    unclear = register_says(case.case_id, "birth_record", outcome="not_found")
    asked = OpenVerification(
        id=command_id(case.case_id, "verify"),
        at=MONDAY,
        by=THE_ENGINE,
        proof="birth_record",
        round=1,
        rung=1,
        unit="health",
    )
    store.handle(case.case_id, [unclear, asked], tell_workflow=False)
    with psycopg.connect(superuser_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as superuser:
        superuser.execute("ALTER TABLE events DISABLE TRIGGER append_only")
        superuser.execute("DELETE FROM events WHERE case_id = %s", (case.case_id,))
        superuser.execute("DELETE FROM streams WHERE id = %s", (case.case_id,))

    with store.database.reading() as connection:
        found = list(differences(connection))

    assert {one.table for one in found} == {table.name for table in READ_MODELS}
    assert {one.columns for one in found} == {("no such stream",)}


def test_c8_rebuilding_under_load_ends_with_what_the_events_say(store: CaseStore, other_store: CaseStore) -> None:
    """Desks go on filing and deciding while everything is rebuilt again and again."""
    done = threading.Event()
    rebuilds: list[int] = []

    def rebuild_on_and_on() -> None:
        while not done.is_set():
            with other_store.database.begin() as connection:
                rebuilds.append(rebuild(connection))

    def work(number: int) -> Any:
        case = file(store, family(number), key=str(number))
        store.handle(case.case_id, [register_says(case.case_id, "mother_identity")], tell_workflow=False)
        return withdraw(store, case.case_id) if number % 3 == 0 else None

    with ThreadPoolExecutor(5) as pool:
        rebuilding = pool.submit(rebuild_on_and_on)
        list(pool.map(work, range(40)))
        done.set()
        rebuilding.result(60)
    live = dump(store.database)
    with store.database.begin() as connection:
        assert rebuild(connection) == 40

    assert len(rebuilds) > 1
    assert dump(store.database) == live
    with store.database.reading() as connection:
        assert list(differences(connection)) == []
