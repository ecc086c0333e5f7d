"""Files come as people have them: by any spreadsheet, in either encoding, sometimes broken, sometimes meant to hurt."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api import workbooks
from api.workbooks import SheetUnreadable, read_sheet, write_sheet
from domain.columns import Column, read_rows, some_text

HALF_PAST_NINE = datetime.fromisoformat("2026-11-23T09:30")
"""As a spreadsheet has it: without a zone."""
HEADER = ("姓名", "说明")
COLUMNS = (
    Column("name", "姓名", "Name", some_text(60), required=True),
    Column("note", "说明", "Note", some_text(500), empty=""),
)


def workbook(*rows: Sequence[Any], form: Callable[[Any], None] = lambda sheet: None) -> bytes:
    made = openpyxl.Workbook()
    table = made.active
    assert table is not None
    for row in rows:
        table.append(list(row))
    form(table)
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def repacked(content: bytes, changed: dict[str, bytes], *, dropped: Sequence[str] = ()) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            if name not in changed and name not in dropped:
                after.writestr(name, before.read(name))
        for name, inside in changed.items():
            after.writestr(name, inside)
    return made.getvalue()


def refused(content: bytes) -> str:
    with pytest.raises(SheetUnreadable) as refusal:
        read_sheet(content)
    return refusal.value.rule


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_file_is_read_in_whichever_encoding_it_came(encoding: str) -> None:
    content = '姓名,说明\r\n欧阳𬭎,“一件事”\r\n\r\n尉迟㛃,"两行\n的说明"\r\n万俟岚,'.encode(encoding)

    assert read_sheet(content).rows == [
        (1, ["姓名", "说明"]),
        (2, ["欧阳𬭎", "“一件事”"]),
        (4, ["尉迟㛃", "两行\n的说明"]),
        (6, ["万俟岚", ""]),
    ]


def test_a_workbook_keeps_its_rows_and_its_kinds_of_cells() -> None:
    content = workbook(HEADER, (), ("欧阳𬭎", date(2026, 11, 23)), (339901001001, HALF_PAST_NINE), (1.5, True))

    assert read_sheet(content).rows == [
        (1, ["姓名", "说明"]),
        (3, ["欧阳𬭎", date(2026, 11, 23)]),
        (4, [339901001001.0, HALF_PAST_NINE]),
        (5, [1.5, True]),
    ]


def test_a_table_that_begins_further_down_keeps_the_spreadsheets_numbers() -> None:
    def lower(table: Any) -> None:
        table.insert_rows(1, 4)
        table.insert_cols(1, 2)

    assert [number for number, _ in read_sheet(workbook(HEADER, ("甲", "乙"), form=lower)).rows] == [5, 6]


# ── what is written ─────────────────────────────────────────────────────────────────────────────────────────────────

FORMULAS = [
    "=1+1",
    "+86",
    "-3",
    "@SUM(A1)",
    "＝1+1",
    "'=1+1",
    "''@x",
    '=HYPERLINK("http://x")',
    "_x0041_",
    "_x005F_x0041_",
    "a'=b",
    "'平常",
    "#N/A",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_a_spreadsheet_would_run_is_marked_and_comes_back_unmarked(text: str) -> None:
    for kind, content in (
        ("xlsx", write_sheet(COLUMNS, [{"name": "甲", "note": text}], "表", "xlsx")),
        ("csv", write_sheet(COLUMNS, [{"name": "甲", "note": text}], "表", "csv")),
    ):
        assert read_sheet(content).rows[1][1] == ["甲", text], kind
        cell = _second_cell(content, kind)
        assert not cell.startswith(("=", "+", "-", "@", "＝")), kind


def _second_cell(content: bytes, kind: str) -> str:
    if kind == "csv":
        return content.decode("utf-8-sig").splitlines()[1].partition(",")[2].strip('"')
    table = openpyxl.load_workbook(io.BytesIO(content)).active
    assert table is not None
    cell = table.cell(2, 2)
    assert cell.data_type == "s", "a formula would be f"
    return str(cell.value)


def test_a_written_csv_opens_in_chinese_excel() -> None:
    content = write_sheet(COLUMNS, [{"name": "甲", "note": ""}], "表", "csv")
    assert content == b"\xef\xbb\xbf" + "姓名,说明\r\n甲,\r\n".encode()
    assert write_sheet(COLUMNS, [], "表", "csv", "gb18030") == "姓名,说明\r\n".encode("gb18030")


def _one_line(text: str) -> str:
    return " ".join(text.split())


TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")), min_size=1, max_size=40).map(
    _one_line
)
ROWS = st.lists(
    st.fixed_dictionaries({"name": TEXTS.filter(bool), "note": TEXTS | st.sampled_from(FORMULAS)}), max_size=8
)


@settings(deadline=None, max_examples=150)
@given(rows=ROWS, kind=st.sampled_from(["xlsx", "utf-8-sig", "utf-8", "gb18030"]))
def test_whatever_is_exported_reads_back_identically(rows: list[dict[str, str]], kind: Any) -> None:
    content = (
        write_sheet(COLUMNS, rows, "表", "xlsx") if kind == "xlsx" else write_sheet(COLUMNS, rows, "表", "csv", kind)
    )

    reading = read_rows(COLUMNS, read_sheet(content))

    assert reading.faults == ()
    assert [dict(row.values) for row in reading.rows] == rows


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"a,b\x00c", "encoding"),
        ("姓名".encode("utf-16"), "encoding"),
        (b"\xff\xff\xff", "encoding"),
        (b'name,"note\r\nx', "csv"),
        (b"PK\x03\x04 and nothing more", "not_a_workbook"),
        (b",".join([b"x"] * 65), "too_many"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(content: bytes, rule: str) -> None:
    assert refused(content) == rule


def test_a_file_that_is_too_large_is_not_even_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "BYTES_AT_MOST", 100)
    assert refused(b"x" * 101) == "too_large"


def test_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "ROWS_AT_MOST", 3)
    assert len(read_sheet(b"h\n1\n2\n3\n").rows) == 4
    assert refused(b"h\n1\n2\n3\n4\n") == "too_many"
    assert refused(workbook(*[["x"]] * 5)) == "too_many"


def test_an_archive_that_unpacks_too_far_is_refused_before_it_is_read() -> None:
    bomb = repacked(workbook(HEADER), {"xl/media/image1.png": b"\0" * (workbooks.UNPACKED_AT_MOST + 1)})
    assert len(bomb) < 200_000
    assert refused(bomb) == "unpacks_too_far"
    many = repacked(workbook(HEADER), {f"xl/media/{n}": b"" for n in range(workbooks.PARTS_AT_MOST)})
    assert refused(many) == "unpacks_too_far"


def test_an_archive_that_lies_about_its_size_is_not_unpacked_to_its_end() -> None:
    content = repacked(workbook(HEADER), {"xl/media/image1.png": b"\0" * 300_000_000})
    lying = content.replace((300_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != content

    tracemalloc.start()
    assert refused(lying) == "not_a_workbook"
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000


@pytest.mark.parametrize(
    "place",
    [
        b'<c r="XFD1048576"',
        b"<c s='1' r='XFD1'",
        b'<row r="1048576"',
        b'<x:c t=">" r="A9999999"',
        b'<row spans="1" r = "200000"',
    ],
)
def test_one_cell_in_the_last_corner_does_not_lay_out_the_whole_sheet(place: bytes) -> None:
    content = workbook(HEADER)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml")
    far = xml.replace(b"</sheetData>", place + b"/></sheetData>")
    assert far != xml
    assert refused(repacked(content, {"xl/worksheets/sheet1.xml": far})) == "too_many"


def test_an_archive_packed_in_another_way_is_not_unpacked() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>" * 100)
    broken = bytearray(content.getvalue())
    start = broken.index(b"xl/workbook.xml") + len("xl/workbook.xml") + 9
    broken[start : start + 20] = b"\xff" * 20

    assert refused(bytes(broken)) == "not_a_workbook"


def test_a_workbook_that_is_none_of_ours_is_refused() -> None:
    content = workbook(HEADER, ("甲", "乙"))
    assert refused(repacked(content, {}, dropped=["xl/workbook.xml"])) == "not_a_workbook"
    assert refused(repacked(content, {"xl/workbook.bin": b""})) == "not_a_workbook"
    assert (
        refused(repacked(content, {"xl/workbook.xml": b"<!DOCTYPE x [<!ENTITY a 'b'>]><workbook/>"}))
        == "not_a_workbook"
    )
    assert refused(repacked(content, {"xl/worksheets/sheet1.xml": b"<not closed"})) == "not_a_workbook"
    assert refused(content[: len(content) // 2]) == "not_a_workbook"
    broken = bytearray(content)
    middle = content.index(b"xl/worksheets/sheet1.xml") + 60
    broken[middle : middle + 8] = b"\0" * 8
    assert refused(bytes(broken)) == "not_a_workbook"


@settings(deadline=None, max_examples=200)
@given(content=st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"PK\x03\x04" + tail))
def test_no_odd_file_breaks_the_reader(content: bytes) -> None:
    with suppress(SheetUnreadable):
        read_sheet(content)
