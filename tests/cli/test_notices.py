"""An operator sees what people have not been told, and puts back what a receiver has refused."""

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.cli.conftest import Terminal
from tests.cli.test_events import superuser

NOWHERE = "339999"
"""The division of the notices of these tests."""
TOLD_WITHIN_SECONDS = 20


@pytest.fixture
def operator(demonstration: Terminal) -> Iterator[Terminal]:
    """Whoever operates a demonstration, in which no notice of these tests is left over."""
    yield demonstration
    with superuser(demonstration) as connection:
        connection.execute("DELETE FROM notices WHERE division = %s", [NOWHERE])


def write(operator: Terminal, card: UUID, action: str, *, refused: bool = False, sent: bool = False) -> str:
    """A notice of nobody's case as it stands some minutes later; one that is on its way is put off for an hour."""
    id = uuid4()
    with superuser(operator) as connection:
        connection.execute(
            "INSERT INTO notices (id, card, case_id, case_no, action, audience, unit, division, title, title_en,"
            " reminded, made_at, attempts, refusals, fault, not_before, refused_at, sent_at)"
            " VALUES (%s, %s, gen_random_uuid(), '339999202611230000011', %s, 'owner', 'police', %s, '母亲身份',"
            " 'Identity', 0, now() - interval '10 minutes', 5, %s, %s, now() + interval '1 hour',"
            " CASE WHEN %s THEN now() - interval '5 minutes' END, CASE WHEN %s THEN now() END)",
            [id, card, action, NOWHERE, 5 if refused else 0, None if sent else "http_422", refused, sent],
        )
    return str(id)


def row(operator: Terminal, id: str) -> dict[str, Any]:
    with superuser(operator) as connection:
        found = connection.execute("SELECT to_json(n) FROM notices n WHERE id = %s", [id]).fetchone()
    assert found is not None
    kept: dict[str, Any] = found[0]
    return kept


def findings(operator: Terminal) -> dict[str, dict[str, Any]]:
    said = operator.onething("doctor", "--json")
    return {one["about"]: one for one in json.loads(said.out) if one["level"] != "ok"}


def test_the_doctor_tells_refused_notices_from_unsent_ones_and_names_the_command(operator: Terminal) -> None:
    write(operator, uuid4(), "show", refused=True)
    found = findings(operator)
    assert "notices" not in found, "a refused one is not waited for"
    assert found["refused notices"]["level"] == "warning"
    assert found["refused notices"]["en"].startswith("1 notice(s) were refused")
    assert found["refused notices"]["fix"].startswith("onething notice retry --all")

    write(operator, uuid4(), "show")
    found = findings(operator)
    assert found["notices"]["en"].startswith("1 notice(s) are unsent")
    assert found["refused notices"]["en"].startswith("1 notice(s) were refused")


def test_the_doctor_says_nothing_of_what_nobody_needs_any_more(operator: Terminal) -> None:
    card = uuid4()
    write(operator, card, "show", refused=True)
    write(operator, card, "withdraw", sent=True)

    assert {"notices", "refused notices"} & findings(operator).keys() == set()


def test_what_was_not_sent_is_listed_with_how_it_stands(operator: Terminal) -> None:
    card = uuid4()
    overtaken, withdrawn = write(operator, card, "show", refused=True), write(operator, card, "withdraw", sent=True)
    refused, unsent = write(operator, uuid4(), "show", refused=True), write(operator, uuid4(), "remind")

    listed = {one["id"]: one for one in operator.onething("notice", "list", "--json").json()}
    lines = operator.onething("notice", "list", "--plain").out.splitlines()

    assert {id: one["standing"] for id, one in listed.items()} == {
        overtaken: "overtaken",
        refused: "refused",
        unsent: "unsent",
    }
    assert (listed[refused]["case_no"], listed[refused]["fault"]) == ("339999202611230000011", "http_422")
    assert withdrawn not in listed
    assert [line.split("\t")[:2] for line in lines] == [
        [overtaken, "overtaken"],
        [refused, "refused"],
        [unsent, "unsent"],
    ]


def test_a_refused_notice_is_put_back_and_then_told(operator: Terminal) -> None:
    refused = write(operator, uuid4(), "show", refused=True)

    said = operator.onething("notice", "retry", refused)

    assert said.code == 0, said.err
    assert said.out.startswith(f"{refused}\t已放回待送 put back")
    until = time.monotonic() + TOLD_WITHIN_SECONDS
    while row(operator, refused)["sent_at"] is None:
        assert time.monotonic() < until, row(operator, refused)
        time.sleep(0.05)
    told = row(operator, refused)
    assert (told["attempts"], told["refused_at"], told["reached"]) == (1, None, True)


def test_all_that_can_be_put_back_is_and_the_rest_is_left(operator: Terminal) -> None:
    card = uuid4()
    stale = write(operator, card, "show", refused=True)
    write(operator, card, "withdraw", sent=True)
    refused = [write(operator, uuid4(), "show", refused=True) for _ in range(2)]

    said = operator.onething("notice", "retry", "--all", "--json")

    assert said.code == 0, said.err
    assert said.json() == [{"id": id, "result": "put_back"} for id in refused]
    assert row(operator, stale)["refused_at"] is not None
    again = operator.onething("notice", "retry", "--all")
    assert (again.code, again.out) == (0, "")


def test_of_each_that_cannot_be_put_back_it_is_said_why(operator: Terminal) -> None:
    card, unknown = uuid4(), str(uuid4())
    stale, withdrawn = write(operator, card, "show", refused=True), write(operator, card, "withdraw", sent=True)
    refused = write(operator, uuid4(), "show", refused=True)

    said = operator.onething("notice", "retry", stale, withdrawn, refused)
    missing = operator.onething("notice", "retry", unknown)

    assert said.code == 4
    assert [line.split("\t")[1].split()[0] for line in said.out.splitlines()] == [
        "已被后续提醒取代,",
        "未被拒收",
        "已放回待送",
    ]
    assert row(operator, stale)["sent_at"] is None
    assert (missing.code, "no such notice" in missing.out) == (3, True)


@pytest.mark.parametrize("words", [(), ("--all", "0b0c6a2e-6f43-5c6e-9d5c-0b8f0a6a5f10"), ("seven",)])
def test_a_retry_says_which(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert terminal.onething("notice", "retry", *words).code == 2
