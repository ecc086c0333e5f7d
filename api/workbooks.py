"""Workbooks and CSV files as rows of cells (导入导出): what is read is bounded before it is unpacked.

A workbook is an archive: a few kilobytes may unpack to gigabytes, and one cell in the last corner of a
sheet makes a reader lay out seventeen thousand million empty ones. Both are looked for first. What is
written can be opened by anybody's spreadsheet, so a text that it would run as a formula is marked as text.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from domain.columns import Cell, Column, Sheet, written
from domain.refusals import NotAcceptable

Format = Literal["xlsx", "csv"]
Encoding = Literal["utf-8-sig", "utf-8", "gb18030"]

BYTES_AT_MOST: Final = 5_000_000
"""Of a file, whichever way it comes: over HTTP or at a terminal."""
UNPACKED_AT_MOST: Final = 50_000_000
ROWS_AT_MOST: Final = 20_000
COLUMNS_AT_MOST: Final = 64
PIECE: Final = 65_536
PARTS_AT_MOST: Final = 500
"""A workbook of one table has about a dozen."""

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv"
ANY_FILE: Final = "application/octet-stream"
TAKES: Final = (CSV, XLSX, ANY_FILE)
"""What a request whose body is a file may call it."""

_FORMULA: Final = re.compile("'*[=+\\-@＝＋－＠\t\r\n]")
_CELL: Final = re.compile(rb"""<(?:[\w.-]+:)?(?:row|c)(?=[\s/>])((?:[^>"']|"[^"]*"|'[^']*')*)>""")
_PLACE: Final = re.compile(rb"""(?<![\w:.-])r\s*=\s*["']([^"']*)["']""")
_ESCAPED: Final = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


class SheetUnreadable(NotAcceptable):
    """The file as a whole cannot be read; `rule` says why."""

    code = "sheet.unreadable"

    def __init__(self, rule: str, zh: str, en: str) -> None:
        self.rule = rule
        super().__init__(zh, en)


def read_sheet(content: bytes) -> Sheet:
    """The first sheet of an .xlsx workbook, or a CSV file in UTF-8 or GB18030; blank rows are left out.

    What it is shows in the bytes themselves: names and media types are often wrong. Raises SheetUnreadable.
    """
    if len(content) > BYTES_AT_MOST:
        raise SheetUnreadable(
            "too_large", f"文件最多 {BYTES_AT_MOST} 字节", f"the file may have at most {BYTES_AT_MOST} bytes"
        )
    if not content.strip():
        raise SheetUnreadable("empty", "文件没有内容", "the file is empty")
    rows = _workbook(content) if content.startswith(b"PK\x03\x04") else _csv(content)
    kept: list[tuple[int, Sequence[Cell]]] = []
    for number, cells in rows:
        if any(cell not in (None, "") and not (isinstance(cell, str) and cell.isspace()) for cell in cells):
            if len(kept) > ROWS_AT_MOST:
                raise _too_many()
            kept.append((number, [_plain(cell) for cell in cells]))
    return Sheet(kept)


def write_sheet(
    columns: Sequence[Column],
    rows: Iterable[Mapping[str, Any]],
    title: str,
    format: Format,
    encoding: Encoding = "utf-8-sig",
) -> bytes:
    """The rows under the columns' Chinese titles, every cell as text; reading it gives the same rows."""
    header = [column.title for column in columns]
    body = ([_harmless(written(row.get(column.code))) for column in columns] for row in rows)
    match format:
        case "xlsx":
            return _as_workbook(header, body, title)
        case "csv":
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\r\n")
            writer.writerow(header)
            writer.writerows(body)
            return text.getvalue().encode(encoding)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _workbook(content: bytes) -> Iterable[tuple[int, Sequence[Cell]]]:
    _look_before(content)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            if not workbook.sheet_names:
                return []
            sheet = workbook.get_sheet_by_index(0)
            first = (sheet.start or (0, 0))[0] + 1
            return list(enumerate(sheet.to_python(skip_empty_area=True), first))
    except PasswordError:
        raise _no_workbook() from None
    except (CalamineError, ValueError, OverflowError):
        raise _no_workbook() from None


def _look_before(content: bytes) -> None:
    """Refuse an archive that would unpack to more than it should, before anything lays it out."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
            if "xl/workbook.xml" not in names or names & {"xl/workbook.bin", "content.xml"}:
                raise _no_workbook()
            if len(parts) != len(names) or len(parts) > PARTS_AT_MOST:
                raise _bomb()
            if sum(part.file_size for part in parts) > UNPACKED_AT_MOST:
                raise _bomb()
            for part in parts:
                if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise _no_workbook()
                unpacked = _unpacked(archive, part)
                if part.filename.endswith(".xml"):
                    _look_at_places(unpacked)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as fault:
        if isinstance(fault, SheetUnreadable):
            raise
        raise _no_workbook() from None


def _unpacked(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """The part to its end: the size it says it has is believed only where its checksum holds."""
    with archive.open(part) as packed:
        # Piece by piece: read at once, it would be unpacked whole before anybody compares it with that size.
        return b"".join(iter(lambda: packed.read(PIECE), b""))


def _look_at_places(xml: bytes) -> None:
    if b"\0" in xml or b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise _no_workbook()
    for tag in _CELL.finditer(xml):
        place = _PLACE.search(tag[1])
        if place is None:
            continue
        found = re.fullmatch(rb"([A-Z]{0,3})([0-9]{1,7})", place[1])
        if found is None:
            raise _no_workbook()
        if int(found[2]) > ROWS_AT_MOST * 2 or _number_of(found[1]) > COLUMNS_AT_MOST:
            raise _too_many()


def _number_of(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _csv(content: bytes) -> Iterable[tuple[int, Sequence[Cell]]]:
    if b"\0" in content:
        raise _not_text()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            raise _not_text() from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        began = 1
        for cells in reader:
            if len(cells) > COLUMNS_AT_MOST:
                raise _too_many()
            yield began, cells
            # As the editor counts, where a quoted cell goes over several lines.
            began = reader.line_num + 1
    except csv.Error:
        raise SheetUnreadable(
            "csv", f"CSV 第 {reader.line_num} 行格式有误", f"line {reader.line_num} of the CSV file is malformed"
        ) from None


def _plain(cell: Cell) -> Cell:
    """Take off the mark that an export puts before what looks like a formula."""
    if isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell):
        return cell[1:]
    return cell


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _harmless(text: str) -> str:
    # The mark is doubled where a text has it already, so that taking one off always gives the text back.
    return f"'{text}" if _FORMULA.match(text) else text


def _as_workbook(header: Sequence[str], body: Iterable[Sequence[str]], title: str) -> bytes:
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet(title)
    sheet.freeze_panes = "A2"
    bold = Font(bold=True)

    def cell(text: str, *, heading: bool = False) -> Any:
        # `_x0041_` is how a workbook writes A: a text that looks like it is escaped.
        made = WriteOnlyCell(sheet, value=_ESCAPED.sub("_x005F_", text))
        made.data_type = "s"
        made.number_format = "@"
        if heading:
            made.font = bold
        return made

    sheet.append([cell(text, heading=True) for text in header])
    for row in body:
        sheet.append([cell(text) for text in row])
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _no_workbook() -> SheetUnreadable:
    return SheetUnreadable(
        "not_a_workbook",
        "不是可读的 .xlsx 工作簿(旧版 .xls、加密或损坏的文件请另存为 .xlsx 或 CSV)",
        "is not a readable .xlsx workbook; save an old, encrypted or damaged one as .xlsx or CSV",
    )


def _bomb() -> SheetUnreadable:
    return SheetUnreadable("unpacks_too_far", "工作簿解压后过大", "the workbook unpacks to more than it should")


def _too_many() -> SheetUnreadable:
    return SheetUnreadable(
        "too_many",
        f"最多 {ROWS_AT_MOST} 行、{COLUMNS_AT_MOST} 列",
        f"may have at most {ROWS_AT_MOST} rows and {COLUMNS_AT_MOST} columns",
    )


def _not_text() -> SheetUnreadable:
    return SheetUnreadable(
        "encoding", "CSV 应为 UTF-8 或 GB18030 编码", "a CSV file must be encoded in UTF-8 or GB18030"
    )
