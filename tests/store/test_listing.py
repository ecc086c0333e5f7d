"""The listing is kept by date: what was in force in March is told in March's words, whatever was imported since."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError

from api.workbooks import read_sheet, write_sheet
from demo.city.listing import listing as city_listing
from demo.city.listing import provide_listing
from domain.catalogue import catalogue
from domain.columns import Remark, SheetFaulty
from domain.listing import COLUMNS, ListedProof, ListedRoute, ListingFile, demands_outside, read_listing
from store.database import Database
from store.listing import apply, compare, counts, export_rows, history, lines_to_export, listed
from store.tables import proof_listing
from tests.desk import MONDAY
from tests.domain.test_listing import proof
from tests.rosters import CENTRE, TODAY

TOMORROW = TODAY + timedelta(days=1)


def file(*lines: ListedProof) -> ListingFile:
    return ListingFile(tuple(enumerate(lines, start=2)), ())


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


def taken_over(connection: Connection, *lines: ListedProof, at: datetime = MONDAY, **more: Any) -> dict[str, int]:
    return apply(connection, file(*lines), CENTRE, at, **more).counts()


def faults(connection: Connection, *lines: ListedProof) -> list[tuple[int, str, str]]:
    return [(one.row, one.column, one.rule) for one in compare(connection, file(*lines), TODAY).faults]


def test_an_import_says_who_kept_a_line_and_when(connection: Connection) -> None:
    assert taken_over(connection, proof()) == {"joined": 1, "left": 0, "changed": 0, "unchanged": 0}

    (kept,) = history(connection, "a")
    assert (kept.line, kept.kept_by, kept.kept_at) == (proof(), CENTRE.account, MONDAY)
    assert history(connection, "b") == ()


def test_a_file_from_before_there_was_a_column_for_relations_is_taken_over_and_forgets_none(
    connection: Connection,
) -> None:
    taken_over(connection, proof(about_two=True), proof("b"))
    columns = [column for column in COLUMNS if column.code != "about_two"]
    lines = [proof(), proof("b"), proof(effective_from=TOMORROW, valid_days=7), proof("c")]
    old_file = read_listing(read_sheet(write_sheet(columns, export_rows(lines), "x", "csv")))

    told = apply(connection, old_file, CENTRE, MONDAY)

    assert told.counts() == {"joined": 1, "left": 0, "changed": 1, "unchanged": 2}
    assert {code: line.about_two for code, line in listed(connection, TOMORROW).items()} == {
        "a": True, "b": False, "c": False,
    }  # fmt: skip


def test_a_faulty_row_is_no_proof_that_left(connection: Connection) -> None:
    taken_over(connection, proof(), proof("b"))
    faulty = ListingFile(((2, proof()),), (Remark(3, "route", "办理方式", "choice", "", ""),))

    assert compare(connection, faulty, TODAY, whole=True).counts()["left"] == 0
    assert compare(connection, file(proof()), TODAY, whole=True).counts()["left"] == 1


def test_the_same_file_twice_changes_nothing(connection: Connection) -> None:
    taken_over(connection, proof(), proof("b"))
    later = taken_over(connection, proof(), proof("b"), at=MONDAY + timedelta(days=3))

    assert later == {"joined": 0, "left": 0, "changed": 0, "unchanged": 2}
    assert connection.execute(select(proof_listing.c.kept_at).distinct()).scalars().all() == [MONDAY]


def test_a_later_line_takes_over_on_its_day(connection: Connection) -> None:
    taken_over(connection, proof())
    changed = proof(route="cancelled", effective_from=TOMORROW)
    told = apply(connection, file(changed), CENTRE, MONDAY)

    (change,) = told.changes
    assert (change.kind, change.what, change.entry, change.row) == ("changed", "proof", "a 证明", 2)
    assert [(one.column, one.before, one.after) for one in change.fields] == [
        ("route", "数据查询", "直接取消"),
        ("effective_from", "2018-07-17", "2026-11-24"),
    ]
    assert listed(connection, TODAY)["a"].route is ListedRoute.SHARED_DATA
    assert listed(connection, TOMORROW)["a"].route is ListedRoute.CANCELLED
    assert listed(connection, date(2018, 7, 16)) == {}
    assert [kept.line.route for kept in history(connection, "a")] == ["shared_data", "cancelled"]


def test_what_is_in_force_is_not_rewritten(connection: Connection) -> None:
    taken_over(connection, proof(), proof("b", effective_from=TOMORROW), proof("c", effective_from=TODAY))

    assert faults(connection, proof(title="改写")) == [(2, "effective_from", "in_force_already")]
    assert faults(connection, proof(effective_from=date(2017, 1, 1))) == [(2, "effective_from", "before_another")]
    assert faults(connection, proof(effective_to=date(2026, 1, 1))) == [(2, "effective_to", "in_the_past")]
    assert faults(connection, proof(effective_to=TODAY)) == []
    assert faults(connection, proof("b", effective_from=TOMORROW, title="更正")) == []
    assert faults(connection, proof("c", effective_from=TODAY, title="当日更正")) == []
    with pytest.raises(SheetFaulty):
        taken_over(connection, proof(title="改写"), proof("d"))
    assert "d" not in listed(connection, TODAY)


def test_a_file_of_one_batch_says_nothing_of_the_others(connection: Connection) -> None:
    taken_over(connection, proof(), proof("b"))

    assert taken_over(connection, proof("c"))["left"] == 0
    assert listed(connection, TODAY).keys() == {"a", "b", "c"}


def test_with_the_whole_listing_whatever_is_missing_has_left(connection: Connection) -> None:
    taken_over(connection, proof(), proof("b"), proof("c", effective_from=TOMORROW))

    assert taken_over(connection, proof(), whole=True) == {"joined": 0, "left": 2, "changed": 0, "unchanged": 1}
    assert listed(connection, TODAY).keys() == {"a"}
    assert listed(connection, TODAY - timedelta(days=1)).keys() == {"a", "b"}
    assert listed(connection, TOMORROW).keys() == {"a"}
    assert taken_over(connection, proof(), whole=True)["left"] == 0
    assert taken_over(connection, proof("b", effective_from=TODAY))["changed"] == 1, "and may come back later"


def test_what_is_exported_reads_back_as_it_is(connection: Connection) -> None:
    taken_over(connection, *city_listing())
    taken_over(connection, proof("future", effective_from=TOMORROW), proof("ended", effective_to=date(2020, 1, 1)))
    lines = lines_to_export(connection, TODAY)
    assert len(lines) == 271
    assert len(lines_to_export(connection, TODAY, past=True)) == 272

    for content in (
        write_sheet(COLUMNS, export_rows(lines), "证明事项清单", "xlsx"),
        write_sheet(COLUMNS, export_rows(lines), "证明事项清单", "csv"),
        write_sheet(COLUMNS, export_rows(lines), "证明事项清单", "csv", "gb18030"),
    ):
        again = read_listing(read_sheet(content))
        assert again.faults == ()
        assert [line for _, line in again.lines] == list(lines)
        assert apply(connection, again, CENTRE, MONDAY, whole=True).counts() == {
            "joined": 0, "left": 0, "changed": 0, "unchanged": 271,
        }  # fmt: skip


def test_two_imports_at_the_same_moment_take_turns(database: Database) -> None:
    with database.begin() as first, database.begin() as second:
        apply(first, file(proof()), CENTRE, MONDAY)
        second.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            apply(second, file(proof("b")), CENTRE, MONDAY)


def test_the_city_has_its_270_proofs_in_four_announcements(connection: Connection) -> None:
    provide_listing(connection, MONDAY)
    provide_listing(connection, MONDAY + timedelta(days=9))

    assert counts(connection, TODAY) == {
        ListedRoute.CANCELLED: 70,
        ListedRoute.COMMITMENT: 57,
        ListedRoute.DEPARTMENT_VERIFICATION: 59,
        ListedRoute.SHARED_DATA: 84,
    }
    lines = listed(connection, TODAY)
    assert len({line.title for line in lines.values()}) == 270
    assert sum(line.yearly_volume for line in lines.values()) == 445_000
    relation = lines["father_child_relation"]
    assert (relation.title, relation.issued_by, relation.immediate) == ("父子(女)关系证明", "public_security", True)
    for bundle in catalogue():
        assert demands_outside(bundle, lines, TODAY) == ()
    assert {kept.kept_at for kept in history(connection, "parents_marriage")} == {MONDAY}


def test_a_city_that_has_changed_its_listing_keeps_it(connection: Connection) -> None:
    taken_over(connection, proof("father_child_relation", effective_from=TOMORROW))
    provide_listing(connection, MONDAY)

    assert len(listed(connection, TODAY)) == 269
    assert len(history(connection, "father_child_relation")) == 1
