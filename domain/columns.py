"""The columns of an imported register (导入表): how each cell is read, and what is said when it cannot be.

Spreadsheets keep sixteen digits of a number, so an ID number that was typed as a number has lost its
last ones for good; such a cell is refused and named rather than guessed. What is wrong is told by row
and column and never quotes the cell, which may hold somebody's name.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, Final, Literal, TypeVar, assert_never

from domain.refusals import NotAcceptable

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

Cell = str | int | float | bool | date | datetime | time | timedelta | None
"""What a cell of a workbook holds; in a CSV file every cell is text."""

LIST_MARK: Final = "、"
MOST_TOLD: Final = 200
"""A file of the wrong kind has a fault in every cell; whoever mends it begins at the top."""

_ROUNDED: Final = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+")
_DAY: Final = re.compile(r"([0-9]{4})([-/.年])([0-9]{1,2})[-/.月]([0-9]{1,2})日?(?: 00:00(?::00)?)?")
_EXACT: Final = 2**53
_NOT_SHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Cn"})
_YES: Final = frozenset({"是", "有", "√", "yes", "y", "true", "1"})
_NO: Final = frozenset({"否", "无", "×", "no", "n", "false", "0"})


class CellFaulty(ValueError):
    """A cell cannot be what its column says; carries the rule and both sentences, never the cell."""

    def __init__(self, rule: str, zh: str, en: str) -> None:
        self.rule = rule
        self.zh = zh
        self.en = en
        super().__init__(en)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something wrong or doubtful: in which row (as the spreadsheet counts) and column, by which rule."""

    row: int
    column: str
    title: str
    rule: str
    zh: str
    en: str

    def __str__(self) -> str:
        where = f"第 {self.row} 行 row {self.row}" + (f" · {self.title}" if self.title else "")
        return f"{where} · {self.zh} · {self.en}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: known by its code or either title; `read` makes a value of the text, or raises CellFaulty."""

    code: str
    title: str
    title_en: str
    read: Callable[[str], Any]
    required: bool = False
    as_text_only: bool = False
    """An identifier that a number would round or rob of its zeros."""
    empty: Any = None
    """What an empty cell means."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The filled rows of one table, each with its number as the spreadsheet counts; the first is the header."""

    rows: Sequence[tuple[int, Sequence[Cell]]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One row as read: its number, and each column's value by code."""

    number: int
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FaultyRow:
    """One row that could not be read: its number, what is wrong with it, and the values that could."""

    number: int
    faults: tuple[Remark, ...]
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows that could be read, and everything that is wrong with the others."""

    rows: tuple[Row, ...]
    faults: tuple[Remark, ...]


class SheetFaulty(NotAcceptable):
    """The file cannot be taken over; every fault is named, and nothing was changed."""

    code = "sheet.faulty"

    def __init__(self, faults: Sequence[Remark]) -> None:
        self.faults = tuple(faults)
        super().__init__(
            f"文件有 {len(faults)} 处错误, 未作改动", f"the file has {len(faults)} fault(s); nothing changed"
        )


def read_rows(columns: Sequence[Column], sheet: Sheet) -> Reading:
    """Every row under the header, in the order of the file."""
    rows: list[Row] = []
    faults: list[Remark] = []
    try:
        for one in each_row(columns, sheet):
            match one:
                case Row():
                    rows.append(one)
                case FaultyRow():
                    faults += one.faults
                    if len(faults) >= MOST_TOLD:
                        break
                case _:
                    assert_never(one)
    except SheetFaulty as refusal:
        return Reading((), refusal.faults)
    return Reading(tuple(rows), tuple(faults))


def each_row(columns: Sequence[Column], sheet: Sheet) -> Iterator[Row | FaultyRow]:
    """Every row under the header by itself, so that one can be taken without the others.

    Raises SheetFaulty for an empty file and a wrong header.
    """
    if not sheet.rows:
        raise SheetFaulty([Remark(1, "", "", "empty", "文件没有内容", "the file is empty")])
    head, *below = sheet.rows
    places, wrong = _places(columns, *head)
    if wrong:
        # Under a header that is wrong every cell would be wrong too.
        raise SheetFaulty(wrong)
    for number, cells in below:
        values: dict[str, Any] = {}
        faults: list[Remark] = []
        for column in columns:
            place = places.get(column.code)
            cell = cells[place] if place is not None and place < len(cells) else None
            try:
                values[column.code] = _value(column, cell)
            except CellFaulty as fault:
                faults.append(remark(number, column, fault))
        yield FaultyRow(number, tuple(faults), values) if faults else Row(number, values)


def remark(row: int, column: Column, fault: CellFaulty) -> Remark:
    """What is wrong, in its place."""
    return Remark(row, column.code, column.title, fault.rule, fault.zh, fault.en)


def _places(columns: Sequence[Column], number: int, header: Sequence[Cell]) -> tuple[dict[str, int], list[Remark]]:
    known = {_folded(name): column for column in columns for name in (column.code, column.title, column.title_en)}
    places: dict[str, int] = {}
    faults: list[Remark] = []
    # Without a heading that we know the file has begun without a header, and its first row may name somebody.
    is_header = any(_folded(str(cell or "")) in known for cell in header)
    for place, cell in enumerate(header):
        name = _folded(str(cell or ""))
        column = known.get(name)
        if column is None:
            if name:
                zh, en = _unknown(place + 1, str(cell) if is_header else None)
                faults.append(Remark(number, "", "", "unknown_column", zh, en))
        elif column.code in places:
            faults.append(
                Remark(number, column.code, column.title, "column_twice", "此列出现两次", "the column is there twice")
            )
        else:
            places[column.code] = place
    faults += [
        Remark(number, column.code, column.title, "column_missing", "缺少此列", "the column is missing")
        for column in columns
        if column.required and column.code not in places
    ]
    return places, faults


def _unknown(place: int, heading: str | None) -> tuple[str, str]:
    if heading is None:
        return f"第 {place} 列不认识", f"column {place} is unknown"
    # Its text is the sender's and may hold anything, so it is cut and cleaned.
    clean = "".join(one for one in heading[:40] if one.isalnum() or one in "_-")
    shown = "?" if not clean or sum(one.isdigit() for one in clean) > 4 else clean
    return f"第 {place} 列“{shown}”不认识", f"column {place} ({shown}) is unknown"


def _folded(name: str) -> str:
    return re.sub(r"[\s*＊]+", "", unicodedata.normalize("NFKC", name)).lower()


def _value(column: Column, cell: Cell) -> Any:
    text = as_text(cell, text_only=column.as_text_only)
    if text:
        return column.read(text)
    if column.required:
        raise CellFaulty("missing", "不能为空", "must not be empty")
    return column.empty


def as_text(cell: Cell, *, text_only: bool = False) -> str:
    """The cell as one line of text without blanks around it; raises CellFaulty for what a spreadsheet has rounded."""
    match cell:
        case None:
            return ""
        case bool():
            return "是" if cell else "否"
        case str():
            text = re.sub(r"\s+", " ", cell).strip()
            if text_only and _ROUNDED.fullmatch(text):
                raise _numeric()
            if any(unicodedata.category(character) in _NOT_SHOWN and not _is_hanzi(character) for character in text):
                raise CellFaulty(
                    "characters", "含有不可见的控制字符", "contains a control character that cannot be seen"
                )
            return text
        case int() | float():
            if text_only or cell != cell or abs(cell) >= _EXACT:
                raise _numeric()
            return str(int(cell)) if cell == int(cell) else str(cell)
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ", "minutes")
        case date():
            return cell.isoformat()
        case time() | timedelta():
            raise CellFaulty("time", "不应为时间", "must not be a time of day")


def _is_hanzi(character: str) -> bool:
    """Hanzi newer than this Python's tables count as unassigned there."""
    code = ord(character)
    return 0x20000 <= code <= 0x3FFFD and code & 0xFFFE != 0xFFFE


def _numeric() -> CellFaulty:
    return CellFaulty(
        "numeric_cell",
        "单元格是数字格式, 末几位可能已丢失; 请设为文本格式后重新填写",
        "the cell is a number and may have lost digits; format it as text and type it again",
    )


# ── kinds of cells ──────────────────────────────────────────────────────────────────────────────────────────────────


def some_text(at_most: int) -> Callable[[str], str]:
    """Text of a bounded length."""

    def read(text: str) -> str:
        if len(text) > at_most:
            raise CellFaulty("too_long", f"最多 {at_most} 个字符", f"must have at most {at_most} characters")
        return text

    return read


def a_code(pattern: str, zh: str, en: str) -> Callable[[str], str]:
    """A code of a fixed form; the sentences say which."""
    compiled = re.compile(pattern)

    def read(text: str) -> str:
        if not compiled.fullmatch(text):
            raise CellFaulty("pattern", zh, en)
        return text

    return read


def a_day(text: str) -> date:
    """2026-11-20, 2026/11/20 or 2026年11月20日."""
    found = _DAY.fullmatch(text)
    try:
        if found is not None and 1900 <= int(found[1]) <= 2999:
            return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        pass
    raise CellFaulty("day", "应为日期, 如 2026-11-20", "must be a day such as 2026-11-20")


def a_whole_number(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds, both included."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise CellFaulty("number", f"应为 {low} 至 {high} 的整数", f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def yes_or_no(text: str) -> bool:
    """是 or 否."""
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise CellFaulty("yes_no", "应为“是”或“否”", "must be 是 (yes) or 否 (no)")


def one_of(choices: Mapping[str, tuple[str, ...]]) -> Callable[[str], str]:
    """One of the codes, by the code or any of its names."""
    known = {_folded(name): code for code, names in choices.items() for name in (code, *names)}
    shown = "、".join(names[0] if names else code for code, names in choices.items())

    def read(text: str) -> str:
        found = known.get(_folded(text))
        if found is None:
            raise CellFaulty("choice", f"应为其中之一: {shown}", f"must be one of: {', '.join(choices)}")
        return found

    return read


def several(read_one: Callable[[str], T], at_most: int) -> Callable[[str], tuple[T, ...]]:
    """A list, its entries apart by 、 or a semicolon."""

    def read(text: str) -> tuple[T, ...]:
        parts = [part.strip() for part in re.split("[、;；]", text) if part.strip()]
        if len(parts) > at_most:
            raise CellFaulty("too_many", f"最多 {at_most} 个", f"must have at most {at_most} entries")
        return tuple(dict.fromkeys(read_one(part) for part in parts))

    return read


def written(value: object) -> str:
    """A value as a cell's text, such that reading it gives the value again."""
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case tuple() | list():
            return LIST_MARK.join(map(written, value))
        case Enum():
            return str(value.value)
        case _:
            return str(value)


# ── differences ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after, as it may be shown."""

    column: str
    title: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """What an import would do to one entry: joined (新增), left (离开) or changed (变更)."""

    kind: Literal["joined", "left", "changed"]
    what: str
    """What sort of entry: a community, a person, a proof."""
    entry: str
    """The entry, as it may be shown."""
    row: int | None
    """The row of the file; None for one that is missing there."""
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """What could not be done any more from a day on, once the file is taken over: whoever does that has to mean it."""

    code: str
    since: date
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A file beside what is kept: what would change, what cannot be taken over, and what is doubtful."""

    changes: tuple[Change, ...]
    unchanged: int
    faults: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()
    stops: tuple[Stop, ...] = ()

    def counts(self) -> dict[str, int]:
        """How many joined, left, changed, and how many stay as they are."""
        kinds = Counter(change.kind for change in self.changes)
        return {kind: kinds[kind] for kind in ("joined", "left", "changed")} | {"unchanged": self.unchanged}


def differences(
    columns: Iterable[Column],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    shown: Callable[[str, str], str] = lambda _, text: text,
) -> tuple[FieldChange, ...]:
    """The fields that differ; `shown` masks what is personal, by column."""
    return tuple(
        FieldChange(
            column.code,
            column.title,
            shown(column.code, written(before.get(column.code))),
            shown(column.code, written(after.get(column.code))),
        )
        for column in columns
        if before.get(column.code) != after.get(column.code)
    )
