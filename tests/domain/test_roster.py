"""A roster's file is read row by row: what is wrong is named by row and column, and never quoted."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from domain.columns import Cell, CellFaulty, Sheet, a_day, as_text, yes_or_no
from domain.roster import COLUMNS, Post, RosterFile, read_roster
from tests.rosters import DIRECTOR, NEIGHBOUR, SECRETARY, TODAY, WORKER, file, sheet


def faults(*rows: Any) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.column, fault.rule) for fault in file(*rows).faults]


def test_a_row_is_read_into_one_line() -> None:
    read = file({**SECRETARY, "valid_to": "2026年12月31日"})

    assert (read.faults, read.warnings) == ((), ())
    ((row, line),) = read.lines
    assert row == 2
    assert line.post is Post.SECRETARY
    assert line.phones == ("15498000001", "15497000001")
    assert (line.rank, line.valid_from, line.valid_to) == (1, date(2024, 1, 1), date(2026, 12, 31))
    assert line.account is None


def test_columns_are_known_by_code_or_either_title_in_any_order() -> None:
    rows: list[tuple[int, list[Cell]]] = [
        (1, ["任职起", "Post", " 姓 名 ", "citizen_id", "联系电话*", "联系顺序", "社区代码"]),
        (2, ["2024/1/1", "党委书记", "欧阳𬭎", "339901197007020015", "154 9800 0002", 1.0, 339901001001.0]),
    ]
    read = read_roster(Sheet(rows), TODAY)

    assert read.faults == ()
    assert read.lines[0][1].post is Post.SECRETARY
    assert read.lines[0][1].phones == ("15498000002",)
    assert read.lines[0][1].community == "339901001001"


def test_a_header_that_is_wrong_is_all_that_is_told() -> None:
    read = read_roster(
        Sheet([(1, ["姓名", "姓名", "生日", *[c.title for c in COLUMNS if c.code not in {"name", "post"}]])]), TODAY
    )

    assert [(fault.column, fault.rule) for fault in read.faults] == [
        ("name", "column_twice"),
        ("", "unknown_column"),
        ("post", "column_missing"),
    ]
    assert (read.faults[1].zh, read.faults[1].en) == ("第 3 列“生日”不认识", "column 3 (生日) is unknown")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (["姓名", "339901199403170006"], "第 2 列“?”不认识"),
        (["姓名", "<b>备 注</b>" + "长" * 60], "第 2 列“b备注b" + "长" * 30 + "”不认识"),
        (["单秀英", "15499000321"], "第 1 列不认识"),
    ],
)
def test_a_heading_is_named_as_far_as_it_can_hold_nobodys_data(header: list[Cell], told: str) -> None:
    read = read_roster(Sheet([(1, header)]), TODAY)

    assert told in [fault.zh for fault in read.faults]
    assert not any(said in f"{fault.zh}{fault.en}" for fault in read.faults for said in ("单秀英", "15499", "339901"))


def test_an_empty_file_says_so() -> None:
    assert [fault.rule for fault in read_roster(Sheet([]), TODAY).faults] == ["empty"]


@pytest.mark.parametrize("number", [3.3990119650312e17, 339901196503120029, 15498000001.0, "3.39901E+17", "3.39901e17"])
@pytest.mark.parametrize("column", ["citizen_id", "phones"])
def test_a_number_that_a_spreadsheet_has_rounded_is_refused_by_row_and_column(column: str, number: Any) -> None:
    assert faults(DIRECTOR, {**SECRETARY, column: number}) == [(3, column, "numeric_cell")]


@pytest.mark.parametrize(
    ("change", "column", "rule"),
    [
        ({"name": ""}, "name", "missing"),
        ({"name": "12345"}, "name", "digits_only"),
        ({"name": "尉迟\u202e㛃"}, "name", "characters"),
        ({"citizen_id": "33990119650312002"}, "citizen_id", "length"),
        ({"citizen_id": "33990119650312002A"}, "citizen_id", "characters"),
        ({"citizen_id": "３39901196503120029"}, "citizen_id", "full_width"),
        ({"citizen_id": "339901196502300026"}, "citizen_id", "impossible_date"),
        ({"citizen_id": "339901196502300020"}, "citizen_id", "impossible_date"),
        ({"citizen_id": "339901203001010028"}, "citizen_id", "future_date"),
        ({"phones": "12345"}, "phones", "length"),
        ({"phones": "15498000001、电话"}, "phones", "characters"),
        ({"phones": "、".join(f"1549800000{n}" for n in range(5))}, "phones", "too_many"),
        ({"post": "保安"}, "post", "choice"),
        ({"rank": "0"}, "rank", "number"),
        ({"rank": "一"}, "rank", "number"),
        ({"rank": "1.5"}, "rank", "number"),
        ({"account": "Worker 1"}, "account", "pattern"),
        ({"valid_from": "2024-02-30"}, "valid_from", "day"),
        ({"valid_from": "45292"}, "valid_from", "day"),
        ({"valid_from": time(9)}, "valid_from", "time"),
        ({"valid_to": "2023-12-31"}, "valid_to", "order"),
        ({"community": "33990100100"}, "community", "pattern"),
        ({"community_title": "社" * 61}, "community_title", "too_long"),
        ({"division": "339902"}, "division", "division"),
        ({"subdistrict": "339902001"}, "subdistrict", "subdistrict"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_with_its_rule(change: dict[str, Any], column: str, rule: str) -> None:
    assert faults({**SECRETARY, **change}) == [(2, column, rule)]


def test_a_failed_check_character_is_doubted_and_kept_as_written() -> None:
    read = file({**SECRETARY, "citizen_id": "33990119650312002x"})

    assert read.faults == ()
    assert [(one.row, one.column, one.rule) for one in read.warnings] == [(2, "citizen_id", "check")]
    assert read.lines[0][1].citizen_id == "33990119650312002X"


def test_rows_that_contradict_each_other_name_each_other() -> None:
    assert faults(SECRETARY, SECRETARY) == [(3, "valid_from", "twice")]
    assert faults({**SECRETARY, "valid_to": "2024-06-30"}, {**SECRETARY, "valid_from": "2024-06-30"}) == [
        (3, "valid_from", "overlap")
    ]
    assert faults({**SECRETARY, "valid_to": "2024-06-30"}, {**SECRETARY, "valid_from": "2024-07-01"}) == []
    assert faults(SECRETARY, {**SECRETARY, "post": "主任"}) == [], "书记、主任一肩挑"
    assert faults(SECRETARY, {**SECRETARY, "post": "主任", "phones": "15498000008"}) == [
        (3, "phones", "person_differs")
    ]
    assert faults(SECRETARY, {**WORKER, "community_title": "别的社区"}) == [(3, "community_title", "community_differs")]
    assert faults(SECRETARY, NEIGHBOUR) == []


def test_no_remark_quotes_a_person() -> None:
    bad = file(
        {**SECRETARY, "citizen_id": "339901196503120020", "rank": "x"},
        {**DIRECTOR, "phones": "1549800000199"},
        SECRETARY,
        {**SECRETARY, "name": "别人"},
    )
    said = "".join(map(str, (*bad.faults, *bad.warnings))) + repr(bad.lines)

    assert len(bad.faults) == 4
    for personal in ("尉迟", "欧阳", "别人", "339901196503120020", "15498000001"):
        assert personal not in said


def test_a_file_of_the_wrong_kind_is_not_told_to_its_end() -> None:
    read: RosterFile = read_roster(sheet(*[{**SECRETARY, "rank": "x"}] * 1_000), TODAY)

    assert len(read.faults) == 200


# ── cells ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("  两 　字\n", "两 字"),
        (True, "是"),
        (3.0, "3"),
        (2.5, "2.5"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02"),
    ],
)
def test_a_cell_becomes_one_line_of_text(cell: Cell, text: str) -> None:
    assert as_text(cell) == text


@pytest.mark.parametrize("cell", ["a\x00b", "a\u202eb", "\ud800", 2.0**53, float("nan"), float("inf"), time(8)])
def test_a_cell_that_holds_no_text_is_refused(cell: Cell) -> None:
    with pytest.raises(CellFaulty):
        as_text(cell)


@pytest.mark.parametrize("text", ["2026-11-20", "2026/11/20", "2026.11.20", "2026年11月20日", "2026-11-20 00:00:00"])
def test_a_day_is_written_in_many_ways(text: str) -> None:
    assert a_day(text) == date(2026, 11, 20)


def test_yes_and_no() -> None:
    assert [yes_or_no(text) for text in ("是", "√", "Y", "true", "否", "无", "0")] == [True] * 4 + [False] * 3
    with pytest.raises(CellFaulty):
        yes_or_no("也许")
