"""A roster is taken over whole or not at all, once or twice alike, and nobody's name leaves the vault."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError

from api.workbooks import read_sheet, write_sheet
from demo.city.rosters import provide_rosters, roster_sheet
from domain.columns import SheetFaulty
from domain.roster import COLUMNS, Community, RosterLine, as_row, read_roster
from domain.scopes import Role
from store.accounts import add_account, add_unit, disable_account
from store.database import Database
from store.duty import community_contacts, community_named, holder_in_community, roster_place
from store.rosters import apply, compare, export_rows, list_communities, roster, unit_of
from store.tables import roster_lines, units, vault_entries
from store.vault import Vault
from tests.desk import LOOKUP_KEY, MONDAY, RING
from tests.rosters import CENTRE, DIRECTOR, MINGYUE, NEIGHBOUR, SECRETARY, TODAY, WORKER, file


@pytest.fixture
def vault() -> Vault:
    return Vault(RING, LOOKUP_KEY)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


def taken_over(connection: Connection, vault: Vault, *rows: Mapping[str, Any], at: datetime = MONDAY) -> dict[str, int]:
    return apply(connection, vault, file(*rows), CENTRE, at).counts()


def kept(connection: Connection, vault: Vault, on: date = TODAY, *, history: bool = False) -> list[RosterLine]:
    return [line for _, line in roster(connection, vault, None, on, history=history)]


def test_an_import_makes_the_community_its_unit_and_its_roster(connection: Connection, vault: Vault) -> None:
    counts = taken_over(connection, vault, SECRETARY, DIRECTOR)

    assert counts == {"joined": 3, "left": 0, "changed": 0, "unchanged": 0}
    unit = connection.execute(select(units)).one()
    assert (unit.code, unit.title, unit.division, unit.department, unit.community) == (
        unit_of(MINGYUE), "云澜区明月社区", "339901", None, MINGYUE,
    )  # fmt: skip
    (found,) = list_communities(connection, TODAY)
    assert (found.community.subdistrict_title, found.unit, found.serving) == ("明溪街道", unit_of(MINGYUE), 2)
    assert [(line.name, line.phones) for line in kept(connection, vault)] == [
        ("尉迟㛃", ("15498000001", "15497000001")),
        ("欧阳𬭎", ("15498000002",)),
    ]


def test_a_faulty_row_is_nobody_who_left(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY, DIRECTOR, WORKER)

    told = compare(connection, vault, file(SECRETARY, {**DIRECTOR, "phones": "12"}), TODAY)
    assert [(one.row, one.column) for one in told.faults] == [(3, "phones")]
    assert told.counts() == {"joined": 0, "left": 0, "changed": 0, "unchanged": 1}
    assert compare(connection, vault, file(SECRETARY, DIRECTOR), TODAY).counts()["left"] == 1, "the worker has"


def test_the_same_file_twice_changes_nothing(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY, DIRECTOR, NEIGHBOUR)
    before = [tuple(row) for row in connection.execute(select(vault_entries))]

    later = taken_over(connection, vault, SECRETARY, DIRECTOR, NEIGHBOUR, at=MONDAY + timedelta(days=1))

    assert later == {"joined": 0, "left": 0, "changed": 0, "unchanged": 3}
    assert [tuple(row) for row in connection.execute(select(vault_entries))] == before
    assert connection.execute(select(roster_lines.c.kept_at).distinct()).scalars().all() == [MONDAY]


def test_whoever_is_missing_has_left_the_day_before_and_stays_in_the_past(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY, DIRECTOR)

    counts = taken_over(connection, vault, SECRETARY)

    assert counts == {"joined": 0, "left": 1, "changed": 0, "unchanged": 1}
    assert [line.name for line in kept(connection, vault)] == ["尉迟㛃"]
    yesterday = MONDAY - timedelta(days=1)
    assert [one.name for one in community_contacts(connection, vault, MINGYUE, yesterday)] == ["尉迟㛃", "欧阳𬭎"]
    assert [one.name for one in community_contacts(connection, vault, MINGYUE, MONDAY)] == ["尉迟㛃"]
    assert taken_over(connection, vault, SECRETARY)["left"] == 0, "nobody leaves twice"


def test_a_community_that_the_file_does_not_name_stays_as_it_is(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY, NEIGHBOUR)

    counts = taken_over(connection, vault, DIRECTOR)

    assert counts["left"] == 1
    assert {line.name for line in kept(connection, vault)} == {"欧阳𬭎", "仇志远"}


def test_whoever_was_to_begin_and_does_not_leaves_no_trace(connection: Connection, vault: Vault) -> None:
    to_come = {**DIRECTOR, "valid_from": "2027-01-01"}
    taken_over(connection, vault, SECRETARY, to_come)

    taken_over(connection, vault, SECRETARY)

    assert len(connection.execute(select(roster_lines)).all()) == 1
    assert len(connection.execute(select(vault_entries)).all()) == 1


def test_a_difference_is_told_field_by_field_and_masked(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY, DIRECTOR)
    called_otherwise = {**SECRETARY, "phones": "15498111101", "rank": "5", "valid_to": "2026-12-31"}

    told = compare(connection, vault, file(called_otherwise, DIRECTOR), TODAY)

    (change,) = told.changes
    assert (change.kind, change.what, change.row) == ("changed", "person", 2)
    assert change.entry == f"{MINGYUE} 书记 尉迟*"
    assert [(one.column, one.before, one.after) for one in change.fields] == [
        ("phones", "154****0001、154****0001", "154****1101"),
        ("rank", "1", "5"),
        ("valid_to", "", "2026-12-31"),
    ]
    everything = repr(compare(connection, vault, file(NEIGHBOUR), TODAY)) + repr(told)
    for personal in (
        "尉迟㛃",
        "欧阳𬭎",
        "仇志远",
        "339901196503120029",
        "339901196801230015",
        "15498000001",
        "15498000009",
    ):
        assert personal not in everything
    assert kept(connection, vault)[0].rank == 1, "nothing was written"


def test_the_first_day_of_a_line_can_be_corrected(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY)
    counts = taken_over(connection, vault, {**SECRETARY, "valid_from": "2023-06-01"})

    assert counts == {"joined": 0, "left": 0, "changed": 1, "unchanged": 0}
    assert [line.valid_from for line in kept(connection, vault, history=True)] == [date(2023, 6, 1)]


def test_whoever_comes_back_has_a_second_line(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, {**SECRETARY, "valid_to": "2025-12-31"}, DIRECTOR)
    counts = taken_over(connection, vault, {**SECRETARY, "valid_from": "2026-06-01"}, DIRECTOR)

    assert counts == {"joined": 1, "left": 0, "changed": 0, "unchanged": 1}
    assert len(kept(connection, vault, history=True)) == 3
    assert len(connection.execute(select(roster_lines.c.person).distinct()).all()) == 2, "one person"


def test_a_term_that_overlaps_an_earlier_one_is_refused(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, {**SECRETARY, "valid_to": "2025-12-31"})
    taken_over(connection, vault, {**SECRETARY, "valid_from": "2026-06-01"})

    with pytest.raises(SheetFaulty) as refused:
        taken_over(connection, vault, {**SECRETARY, "valid_from": "2025-06-01"})

    (fault,) = refused.value.faults
    assert (fault.row, fault.column, fault.rule) == (2, "valid_from", "overlap")


def test_a_fault_in_one_row_keeps_the_whole_file_out(connection: Connection, vault: Vault) -> None:
    with pytest.raises(SheetFaulty) as refused:
        taken_over(connection, vault, SECRETARY, {**DIRECTOR, "phones": "12345"})

    assert [(fault.row, fault.column) for fault in refused.value.faults] == [(3, "phones")]
    assert list_communities(connection, TODAY) == ()
    assert kept(connection, vault) == []


def test_an_unknown_community_has_to_say_where_it_lies(connection: Connection, vault: Vault) -> None:
    bare = {name: value for name, value in SECRETARY.items() if not name.startswith(("community_", "subdistrict"))}

    told = compare(connection, vault, file(bare), TODAY)
    assert {(fault.column, fault.rule) for fault in told.faults} == {
        ("community_title", "unknown_community"),
        ("subdistrict", "unknown_community"),
        ("subdistrict_title", "unknown_community"),
    }

    taken_over(connection, vault, SECRETARY)
    assert taken_over(connection, vault, bare)["unchanged"] == 1, "a known one need not be described again"


def test_a_community_is_renamed_with_its_unit(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY)
    counts = taken_over(connection, vault, {**SECRETARY, "community_title": "云澜区明月新社区"})

    assert counts["changed"] == 1
    assert connection.execute(select(units.c.title)).scalar_one() == "云澜区明月新社区"
    assert community_named(connection, "云澜区明月新社区") == MINGYUE
    assert community_named(connection, "云澜区明月社区") is None


def test_an_account_on_a_roster_is_of_that_communitys_unit(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY, NEIGHBOUR)
    add_account(connection, "worker-1", unit=unit_of(MINGYUE), role=Role.COMMUNITY_WORKER)

    with pytest.raises(SheetFaulty) as refused:
        taken_over(connection, vault, {**SECRETARY, "account": "nobody"}, {**NEIGHBOUR, "account": "worker-1"})
    assert [(fault.row, fault.rule) for fault in refused.value.faults] == [
        (2, "unknown_account"),
        (3, "account_elsewhere"),
    ]

    taken_over(connection, vault, SECRETARY, {**WORKER, "account": "worker-1"})
    holder = holder_in_community(connection, MINGYUE, MONDAY)
    assert holder is not None
    assert (holder.unit, holder.account) == (unit_of(MINGYUE), "worker-1")
    disable_account(connection, "worker-1", MONDAY)
    assert taken_over(connection, vault, SECRETARY, {**WORKER, "account": "worker-1"})["unchanged"] == 2


def test_whoever_is_forgotten_is_on_no_list_any_more(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY, DIRECTOR)
    person = vault.person_of(connection, "citizen_id", DIRECTOR["citizen_id"])
    assert person is not None
    vault.forget(connection, person, MONDAY)

    assert [line.name for line in kept(connection, vault)] == ["尉迟㛃"]
    assert [one.name for one in community_contacts(connection, vault, MINGYUE, MONDAY)] == ["尉迟㛃"]
    assert taken_over(connection, vault, SECRETARY, DIRECTOR) == {"joined": 1, "left": 1, "changed": 0, "unchanged": 1}


def test_nobodys_name_number_or_phone_is_outside_the_vault(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY, DIRECTOR)

    tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
    everything = "".join(str(connection.execute(text(f'SELECT * FROM "{table}"')).all()) for table in tables)
    for personal in ("尉迟", "欧阳", "339901196503120029", "15498000001", "15497000001"):
        assert personal not in everything
    assert len(vault.open(connection, roster_place(MINGYUE)).entries) == 2


def test_what_is_exported_reads_back_as_it_is(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY, {**DIRECTOR, "valid_to": "2027-01-31"}, NEIGHBOUR)
    lines = roster(connection, vault, None, TODAY)

    for content in (
        write_sheet(COLUMNS, export_rows(lines), "花名册", "xlsx"),
        write_sheet(COLUMNS, export_rows(lines), "花名册", "csv"),
        write_sheet(COLUMNS, export_rows(lines), "花名册", "csv", "gb18030"),
    ):
        again = read_roster(read_sheet(content), TODAY)
        assert again.faults == ()
        assert [line for _, line in again.lines] == [line for _, line in lines]
        assert apply(connection, vault, again, CENTRE, MONDAY).counts()["unchanged"] == 3


def test_two_imports_at_the_same_moment_take_turns(database: Database, vault: Vault) -> None:
    with database.begin() as first, database.begin() as second:
        apply(first, vault, file(SECRETARY), CENTRE, MONDAY)
        second.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            apply(second, vault, file(NEIGHBOUR), CENTRE, MONDAY)


def test_the_city_has_its_113_rosters_at_once(connection: Connection, vault: Vault) -> None:
    provide_rosters(connection, vault, datetime.now(UTC))
    provide_rosters(connection, vault, datetime.now(UTC))

    found = list_communities(connection, datetime.now(UTC).date())
    assert len(found) == 113
    assert len({one.community.subdistrict for one in found}) == 14
    assert all(one.serving == 4 for one in found)
    assert community_named(connection, "云澜区明月社区") == MINGYUE
    assert read_roster(roster_sheet(), TODAY).warnings == ()


def test_a_city_that_has_other_rosters_keeps_them(connection: Connection, vault: Vault) -> None:
    taken_over(connection, vault, SECRETARY)
    provide_rosters(connection, vault, datetime.now(UTC))

    assert [line.name for line in kept(connection, vault)] == ["尉迟㛃"]


def test_the_open_communitys_worker_is_asked_by_account(connection: Connection, vault: Vault) -> None:
    add_unit(connection, unit_of(MINGYUE), title="云澜区明月社区", division="339901")
    add_account(connection, "community", unit=unit_of(MINGYUE), role=Role.COMMUNITY_WORKER)
    provide_rosters(connection, vault, datetime.now(UTC))

    holder = holder_in_community(connection, MINGYUE, datetime.now(UTC))
    assert holder is not None
    assert (holder.unit, holder.account) == (unit_of(MINGYUE), "community")


def test_a_row_is_written_as_it_is_read() -> None:
    (_, line), *_ = file(SECRETARY).lines
    community = Community(
        code=MINGYUE, title="云澜区明月社区", subdistrict="339901001", subdistrict_title="明溪街道", division="339901"
    )
    assert (
        file({**as_row(line, community), "phones": "、".join(line.phones), "post": line.post.value, "rank": "1"}).lines[
            0
        ][1]
        == line
    )
