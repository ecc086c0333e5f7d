"""An operator writes down what units and the data centre decided, and the doctor names what is still missing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.grant import StateName
from domain.catalogue import catalogue
from domain.grants import GrantState, day_of, sources_needed, years_after
from tests.cli.conftest import Said, Terminal
from tests.cli.test_events import superuser

UNIT = "late-ward"


def rows(demonstration: Terminal, statement: str) -> list[tuple[Any, ...]]:
    with superuser(demonstration) as connection:
        return connection.execute(statement.encode()).fetchall()


@pytest.fixture(scope="module")
def ward(demonstration: Terminal) -> Iterator[Terminal]:
    """A demonstration with a birth desk to which nothing is granted; gone afterwards, as far as it can go."""
    added = demonstration.onething(
        "account", "add", "late-desk", "--role", "birth_desk", "--unit", UNIT, "--unit-title", "第二产房",
        "--division", "339901", "--no-password",
    )  # fmt: skip
    assert added.code == 0, added.err
    yield demonstration
    with superuser(demonstration) as connection:
        connection.execute("UPDATE accounts SET disabled_at = now() WHERE account = 'late-desk'")
        connection.execute("UPDATE grants SET ended_by = 'test', ended_at = now() WHERE unit = %s", [UNIT])


def apply(ward: Terminal, *words: str, by: str = "late-desk") -> Said:
    return ward.onething("grant", "apply", *words, "--bundle", "newborn", "--by", by, "--reason", "窗口受理", "--json")


def applied(ward: Terminal, *words: str) -> list[str]:
    said = apply(ward, *words)
    assert said.code == 0, said.err
    return [one["id"] for one in said.json()]


def findings(terminal: Terminal) -> list[dict[str, Any]]:
    said = terminal.onething("doctor", "--json")
    return [one for one in json.loads(said.out) if one["about"] == "grants"]


def needed() -> tuple[str, ...]:
    return sources_needed(next(iter(catalogue())))


def test_the_states_are_those_of_the_rules() -> None:
    assert {state.value for state in StateName} == {state.value for state in GrantState}


def test_a_demonstration_grants_its_desks_what_the_bundles_need_through_the_whole_of_the_rules(
    demonstration: Terminal,
) -> None:
    said = demonstration.onething("grant", "list", "--unit", "hospital", "--json")

    granted = said.json()
    assert {(one["source"], one["purpose"]) for one in granted} == {
        (source, bundle.code) for bundle in catalogue() for source in sources_needed(bundle)
    }
    assert {(one["state"], one["applied_by"], one["approved_by"]) for one in granted} == {
        ("approved", "desk", "data-centre")
    }
    logged = rows(
        demonstration, "SELECT action, count(*) FROM access_log WHERE recipient = 'hospital' GROUP BY 1 ORDER BY 1"
    )
    assert logged == [(action, len(granted)) for action in ("grant_applied", "grant_approved", "grant_signed")]
    assert demonstration.onething("grant", "missing", "--unit", "hospital").out == ""


def test_the_doctor_names_each_unit_bundle_and_register_and_the_command(ward: Terminal) -> None:
    named = findings(ward)
    found = {one["en"].split()[0]: one for one in named if "for newborn" in one["en"]}

    assert {one["en"].split()[0] for one in named} == {UNIT}, "neither the hospital nor a department's own program"
    for source in needed():
        assert source in found[UNIT]["en"]
        assert source in found[UNIT]["fix"]
    assert found[UNIT]["level"] == "warning"
    assert "--bundle newborn" in found[UNIT]["fix"]
    missing = ward.onething("grant", "missing", "--bundle", "newborn", "--plain").out.splitlines()
    assert missing == [f"{UNIT}\tnewborn\t{source}" for source in needed()]


def test_what_is_applied_for_signed_and_approved_is_missing_no_more_and_revoked_it_is_again(ward: Terminal) -> None:
    ids = applied(ward, "employers", "insured_persons", "--signed")

    approved = ward.onething("grant", "approve", *ids, "--by", "data-centre", "--json")

    assert approved.code == 0, approved.err
    assert {(one["state"], one["unit"], one["approved_by"]) for one in approved.json()} == {
        ("approved", UNIT, "data-centre")
    }
    left = ward.onething("grant", "missing", "--unit", UNIT, "--bundle", "newborn", "--json").json()
    assert left == [
        {
            "unit": UNIT,
            "bundle": "newborn",
            "sources": [source for source in needed() if source not in {"employers", "insured_persons"}],
        }
    ]
    revoked = ward.onething("grant", "revoke", ids[0], "--by", "data-centre", "--reason", "职责调整")
    assert revoked.code == 0, revoked.err
    assert "revoked" in revoked.out
    assert "employers" in ward.onething("grant", "missing", "--unit", UNIT, "--plain").out


def test_the_log_tells_who_decided_and_that_it_came_through_the_operator(ward: Terminal) -> None:
    (id,) = applied(ward, "payment_accounts", "--signed")
    ward.onething("grant", "approve", id, "--by", "data-centre")

    logged = rows(ward, f"SELECT account, action FROM access_log WHERE 'grant/{id}' = ANY(about) ORDER BY position")

    assert logged == [
        ("late-desk", "grant_applied"),
        ("late-desk", "grant_signed"),
        ("operator", "act_for_account"),
        ("data-centre", "grant_approved"),
        ("operator", "act_for_account"),
    ]


def test_what_is_not_signed_waits_and_can_be_refused(ward: Terminal) -> None:
    (id,) = applied(ward, "household_register")

    unsigned = ward.onething("grant", "approve", id, "--by", "data-centre")
    waiting = ward.onething("grant", "list", "--unit", UNIT, "--stands", "applied", "--plain")
    refused = ward.onething("grant", "refuse", id, "--by", "data-centre", "--reason", "非本单位职责")

    assert unsigned.code == 4
    assert "保密协议尚未签署" in unsigned.err
    assert id in waiting.out
    assert "unsigned" in waiting.out
    assert refused.code == 0, refused.err
    assert "refused" in refused.out


def test_the_rules_hold_for_the_operator_too(ward: Terminal) -> None:
    (id,) = applied(ward, "birth_records", "--signed")
    until = str(years_after(day_of(datetime.now(UTC)), 2) + timedelta(days=2))

    for words, code, sentence in (
        (("grant", "approve", id, "--by", "late-desk"), 1, "由数据中心审批"),
        (("grant", "approve", id, "--by", "supervisor"), 1, "由数据中心审批"),
        (("grant", "approve", id, "--by", "nobody"), 3, "没有“nobody”这个账号"),
        (("grant", "approve", "00000000-0000-4000-8000-000000000000", "--by", "data-centre"), 3, "没有这项数据权限"),
        (("grant", "revoke", id, "--by", "data-centre", "--reason", "不需要"), 4, "尚未审批"),
        (("grant", "revoke", id, "--by", "data-centre", "--reason", " "), 2, "请写明理由"),
        (("grant", "approve", "seven", "--by", "data-centre"), 2, "valid UUID"),
        (("grant", "missing", "--bundle", "wedding"), 3, "wedding"),
    ):
        said = ward.onething(*words)
        assert said.code == code, (words, said.err)
        assert sentence in said.err
    for more, code, sentence in (
        (("gossip",), 1, "没有这个数据源"),
        (("identity_register", "--until", until), 1, "有效期最长两年"),
        (("birth_records",), 4, "尚待数据中心审批"),
    ):
        said = apply(ward, *more)
        assert said.code == code, (more, said.err)
        assert sentence in said.err


def test_of_several_registers_all_are_applied_for_or_none(ward: Terminal) -> None:
    before = ward.onething("grant", "list", "--unit", UNIT, "--json").json()

    said = apply(ward, "exit_entry_records", "gossip")

    assert said.code == 1
    assert ward.onething("grant", "list", "--unit", UNIT, "--json").json() == before


def test_the_doctor_names_a_grant_that_is_about_to_end(ward: Terminal) -> None:
    soon = str(day_of(datetime.now(UTC)) + timedelta(days=20))
    ids = applied(ward, "prenatal_records", "--signed", "--until", soon)
    ward.onething("grant", "approve", *ids, "--by", "data-centre")

    (found,) = [one for one in findings(ward) if "prenatal_records" in one["en"] and soon in one["en"]]

    assert found["level"] == "warning"
    assert "prenatal_records --bundle newborn" in found["fix"]


def test_the_doctor_names_the_register_that_may_not_be_read_ahead(demonstration: Terminal) -> None:
    unit = "civil-affairs-339905"
    mine = "unit = %s AND source = 'insured_persons'"
    with superuser(demonstration) as connection:
        connection.execute(f"UPDATE grants SET ended_by = 'test', ended_at = now() WHERE {mine}".encode(), [unit])

    (found,) = [one for one in findings(demonstration) if one["en"].startswith(unit)]

    assert "insured_persons" in found["en"]
    assert "onething grant apply insured_persons --bundle senior_card" in found["fix"]
    applied = demonstration.onething(
        "grant", "apply", "insured_persons", "--bundle", "senior_card", "--by", "registrar-339905",
        "--reason", "到龄主动服务", "--signed", "--json",
    )  # fmt: skip
    approved = demonstration.onething("grant", "approve", applied.json()[0]["id"], "--by", "data-centre")
    assert approved.code == 0, approved.err
    assert [one for one in findings(demonstration) if one["en"].startswith(unit)] == []


def test_a_grant_for_single_proofs_that_was_taken_back_is_named(demonstration: Terminal) -> None:
    listed = demonstration.onething("grant", "list", "--unit", "bank", "--json").json()
    (id,) = [one["id"] for one in listed if (one["source"], one["state"]) == ("household_register", "approved")]
    assert demonstration.onething("grant", "missing", "--unit", "bank", "--bundle", "single_proof").out == ""

    revoked = demonstration.onething("grant", "revoke", id, "--by", "data-centre", "--reason", "职责调整")
    assert revoked.code == 0, revoked.err

    (found,) = [one for one in findings(demonstration) if one["en"].startswith("bank ")]
    assert "household_register for single_proof" in found["en"]
    assert "onething grant apply household_register --bundle single_proof" in found["fix"]
    missing = "bank\tsingle_proof\thousehold_register\n"
    assert missing in demonstration.onething("grant", "missing", "--plain").out
    assert demonstration.onething("grant", "missing", "--bundle", "single_proof", "--plain").out == missing
    assert "single_proof" not in demonstration.onething("grant", "missing", "--unit", "hospital", "--plain").out

    applied = demonstration.onething(
        "grant", "apply", "household_register", "--bundle", "single_proof", "--by", "bank",
        "--reason", "办理存款继承", "--signed", "--json",
    )  # fmt: skip
    approved = demonstration.onething("grant", "approve", applied.json()[0]["id"], "--by", "data-centre")
    assert approved.code == 0, approved.err
    assert [one for one in findings(demonstration) if one["en"].startswith("bank ")] == []
