"""Nobody changes what happened without being found, and the lists can be proved and made anew."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest

from tests.cli.conftest import EXAMPLES, ONETHING, Terminal, clean_environment


@pytest.fixture
def case_no(demonstration: Terminal) -> str:
    """A concluded case."""
    said = demonstration.onething("run", EXAMPLES / "family.json", "--json")
    assert said.code == 0, said.err
    number: str = said.json()["case_no"]
    return number


@contextmanager
def superuser(terminal: Terminal) -> Iterator[psycopg.Connection]:
    """Somebody who may do everything to the database."""
    told = terminal.running().operator_environment
    url = told["ONETHING_MIGRATOR_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
    with open(told["ONETHING_MIGRATOR_PASSWORD_FILE"], encoding="ascii") as file:
        password = file.read().strip()
    with psycopg.connect(url, password=password, autocommit=True) as connection:
        yield connection


@contextmanager
def unguarded(connection: psycopg.Connection, table: LiteralString) -> Iterator[None]:
    """The trigger that refuses every change is out of the way: its owner can do that, and only the chain can tell."""
    connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
    try:
        yield
    finally:
        connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


def test_an_untouched_store_is_whole(demonstration: Terminal, case_no: str) -> None:
    said = demonstration.onething("events", "verify", "--json")
    assert said.code == 0, said.err
    assert said.json()["flaws"] == []
    assert said.json()["checked"]["events"] >= 40
    assert said.json()["checked"]["access_log"] > 0


def test_a_superusers_change_is_found_at_the_very_event(demonstration: Terminal, case_no: str) -> None:
    with superuser(demonstration) as connection:
        found = connection.execute(
            "SELECT e.case_id, e.version, e.body::text FROM events e JOIN cases c USING (case_id)"
            " WHERE c.case_no = %s AND e.type = 'item_concluded' ORDER BY e.version LIMIT 1",
            (case_no,),
        ).fetchone()
        assert found is not None
        case_id, version, body = found
        changed = body.replace('"reference":"', '"reference":"X')
        assert changed != body
        write = "UPDATE events SET body = %s::json WHERE case_id = %s AND version = %s"
        with unguarded(connection, "events"):
            connection.execute(write, (changed, case_id, version))
        try:
            said = demonstration.onething("events", "verify", "--json")
            plain = demonstration.onething("events", "verify")
        finally:
            with unguarded(connection, "events"):
                connection.execute(write, (body, case_id, version))
    assert said.code == 1
    flaw = {"log": "events", "stream": str(case_id), "entry": version, "fault": "the hash does not match"}
    assert said.json()["flaws"] == [flaw]
    assert f"events\t{case_id}\t{version}" in plain.out
    assert "Tampered" in plain.err
    assert demonstration.onething("events", "verify").code == 0


def test_a_removed_access_is_found_too(demonstration: Terminal, case_no: str) -> None:
    with superuser(demonstration) as connection:
        connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM access_log ORDER BY at, position LIMIT 1")
        with unguarded(connection, "access_log"):
            connection.execute(
                "DELETE FROM access_log a USING kept k WHERE a.stream = k.stream AND a.number = k.number"
            )
        try:
            said = demonstration.onething("events", "verify", "--json")
        finally:
            connection.execute("INSERT INTO access_log OVERRIDING SYSTEM VALUE SELECT * FROM kept")
    assert said.code == 1
    assert [flaw["log"] for flaw in said.json()["flaws"]] == ["access_log"]
    assert demonstration.onething("events", "verify").code == 0


def test_a_changed_list_is_found_and_mended(demonstration: Terminal, case_no: str) -> None:
    assert demonstration.onething("events", "rebuild", "--check").code == 0
    with superuser(demonstration) as connection:
        connection.execute("UPDATE cases SET items_concluded = 7, outcome = 'partial' WHERE case_no = %s", (case_no,))
        connection.execute(
            "DELETE FROM case_items i USING cases c WHERE i.case_id = c.case_id AND c.case_no = %s AND i.item = %s",
            (case_no, "citizen_card"),
        )
    found = demonstration.onething("events", "rebuild", "--check", "--json")
    assert found.code == 1
    assert "onething events rebuild" in found.err
    wrong = {(one["table"], tuple(sorted(one["columns"]))) for one in found.json()["differences"]}
    assert wrong == {("cases", ("items_concluded", "outcome")), ("case_items", ("missing",))}
    # Looking has changed nothing.
    again = demonstration.onething("events", "rebuild", "--check", "--json")
    assert len(again.json()["differences"]) == 2

    mended = demonstration.onething("events", "rebuild", "--json")
    assert mended.code == 0, mended.err
    assert mended.json()["rebuilt_cases"] >= 1
    assert demonstration.onething("events", "rebuild", "--check").code == 0
    assert "citizen_card" in demonstration.onething("case", "show", case_no, "--json").out


def test_the_tail_goes_on_from_a_cursor_and_names_nobody(demonstration: Terminal, case_no: str) -> None:
    everything = demonstration.onething("events", "tail", "--after", "", "--limit", "10000", "--json")
    assert everything.code == 0, everything.err
    events = [json.loads(line) for line in everything.out.splitlines()]
    assert events[0]["type"] == "case_opened"
    last = demonstration.onething("events", "tail", "-n", "3", "--json")
    assert [json.loads(line)["cursor"] for line in last.out.splitlines()] == [e["cursor"] for e in events[-3:]]
    rest = demonstration.onething("events", "tail", "--after", events[-3]["cursor"], "--json")
    assert [json.loads(line)["cursor"] for line in rest.out.splitlines()] == [e["cursor"] for e in events[-2:]]
    assert demonstration.onething("events", "tail", "--after", "yesterday").code == 2
    form = json.loads((EXAMPLES / "family.json").read_text(encoding="utf-8"))["application"]
    assert form["mother"]["name"] not in everything.out
    assert form["mother"]["citizen_id"] not in everything.out


def test_the_tail_can_be_followed(demonstration: Terminal, case_no: str) -> None:
    with subprocess.Popen(
        [ONETHING, "events", "tail", "-f", "-n", "1", "--json"],
        cwd=demonstration.directory,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        try:
            before = json.loads(following.stdout.readline())
            demonstration.onething("case", "start", EXAMPLES / "uninsured.json")
            after = json.loads(following.stdout.readline())
            following.send_signal(signal.SIGINT)
            ended_with = following.wait(20)
        finally:
            following.kill()
        assert after["cursor"] != before["cursor"]
        assert after["type"] == "case_opened"
        assert ended_with == 0
