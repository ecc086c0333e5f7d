"""The listing of proofs (证明事项清单): what may be asked of people at all, and how each proof is settled instead.

Nobody may ask for what is not in the published listing (优化营商环境条例 44); a proof that was cancelled
must not come back through a form. Every line is dated: what was asked in March is judged by March.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, model_validator

from domain.bundle import Bundle
from domain.columns import (
    CellFaulty,
    Column,
    Remark,
    Sheet,
    a_code,
    a_day,
    a_whole_number,
    one_of,
    read_rows,
    remark,
    several,
    some_text,
    yes_or_no,
)
from domain.departments import DEPARTMENTS, REGISTERS

VALID_DAYS: Final = 30


class ListedRoute(StrEnum):
    """办理方式: how a proof is settled without the person bringing a paper."""

    CANCELLED = "cancelled"  # 直接取消: not asked any more
    COMMITMENT = "commitment"  # 告知承诺
    SHARED_DATA = "shared_data"  # 数据查询
    DEPARTMENT_VERIFICATION = "department_verification"  # 部门核验


ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    ListedRoute.CANCELLED.value: ("直接取消",),
    ListedRoute.COMMITMENT.value: ("告知承诺",),
    ListedRoute.SHARED_DATA.value: ("数据查询", "数据共享"),
    ListedRoute.DEPARTMENT_VERIFICATION.value: ("部门核验",),
}
"""Each route with the names it goes by, the usual one first."""


class ListedProof(BaseModel):
    """One line of the listing, in force from its day until its last day, or until a later line of the same code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    title: str
    title_en: str = ""
    route: ListedRoute
    basis: str
    collected_by: tuple[str, ...] = ()
    """收取单位: who used to ask for it."""
    issued_by: str
    """开具部门: the department that holds the fact."""
    source: str | None = None
    """The register that shows it, where one does."""
    immediate: bool = False
    """即办: a person who is asked has thirty minutes, else twenty-four hours."""
    valid_days: int = VALID_DAYS
    """For how many days an answer may be used again."""
    yearly_volume: int = 0
    batch: int = 1
    """The announcement with which it was settled (批次)."""
    effective_from: date
    effective_to: date | None = None
    """The last day; None: until further notice."""
    reason_kept: str = ""
    """保留理由: why it could not be cancelled."""
    about_two: bool = False
    """关系人: whether it is about the relation of two people, so that whoever asks for it names both."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("a line ends after it begins")
        return self


def listed_on(lines: Iterable[ListedProof], on: date) -> Mapping[str, ListedProof]:
    """The line of each code that is in force on that day; a code whose last line has ended is not there."""
    newest: dict[str, ListedProof] = {}
    for line in lines:
        if line.effective_from <= on and (
            line.code not in newest or newest[line.code].effective_from < line.effective_from
        ):
            newest[line.code] = line
    return {code: line for code, line in newest.items() if line.effective_to is None or on <= line.effective_to}


def days_of_change(lines: Iterable[ListedProof], after: date) -> frozenset[date]:
    """The days after that one on which a line begins, or the first without it."""
    begin_or_end = (
        day
        for line in lines
        for day in (line.effective_from, None if line.effective_to is None else line.effective_to + timedelta(days=1))
    )
    return frozenset(day for day in begin_or_end if day is not None and day > after)


def demands_outside(bundle: Bundle, listed: Mapping[str, ListedProof], on: date) -> tuple[str, ...]:
    """A sentence for each proof that the bundle demands though the listing does not allow it on that day."""
    found: list[str] = []
    for code, proof in bundle.proofs().items():
        line = listed.get(code)
        if line is None:
            found.append(
                f"“{proof.title}”({code})自 {on} 起不在证明事项清单内, 不得索要"
                f" · the proof {code} is outside the listing on {on} and may not be demanded"
            )
        elif line.route is ListedRoute.CANCELLED:
            found.append(
                f"“{proof.title}”({code})已于 {line.effective_from} 直接取消, 不得索要"
                f" · the proof {code} was cancelled on {line.effective_from} and may not be demanded"
            )
    return tuple(found)


# ── as a table ──────────────────────────────────────────────────────────────────────────────────────────────────────

COLUMNS: Final = (
    Column(
        "code",
        "证明代码",
        "Code",
        a_code(
            r"[a-z][a-z0-9_]{0,63}",
            "应为小写字母、数字和下划线, 以字母开头",
            "must be small letters, digits and _, a letter first",
        ),
        True,
    ),
    Column("title", "证明名称", "Title", some_text(100), True),
    Column("title_en", "英文名称", "Title in English", some_text(200), empty=""),
    Column("route", "办理方式", "Route", one_of(ROUTES), True),
    Column("basis", "设定依据", "Legal basis", some_text(300), True),
    Column("collected_by", "收取单位", "Collected by", several(some_text(60), 100), empty=()),
    Column(
        "issued_by",
        "开具部门",
        "Issued by",
        one_of({code: (one.title, one.title_en) for code, one in DEPARTMENTS.items()}),
        True,
    ),
    Column(
        "source",
        "数据源",
        "Register",
        one_of({code: (one.title, one.title_en) for code, one in REGISTERS.items()}),
    ),
    Column("immediate", "即办", "Immediate", yes_or_no, empty=False),
    Column("valid_days", "有效天数", "Days valid", a_whole_number(1, 3_650), empty=VALID_DAYS),
    Column("yearly_volume", "年办件量", "Cases a year", a_whole_number(0, 99_999_999), empty=0),
    Column("batch", "批次", "Batch", a_whole_number(1, 999), empty=1),
    Column("effective_from", "生效日期", "In force from", a_day, True),
    Column("effective_to", "失效日期", "In force until", a_day),
    Column("reason_kept", "保留理由", "Reason kept", some_text(300), empty=""),
    Column("about_two", "关系人", "About two", yes_or_no),
)
"""The listing's columns, in the order of an export."""
BY_CODE: Final = {column.code: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class ListingFile:
    """A listing as read, each line with its row."""

    lines: tuple[tuple[int, ListedProof], ...]
    faults: tuple[Remark, ...]
    about_two_as_kept: frozenset[int] = frozenset()
    """The rows that do not say whether the proof is about two people, as in files from before there was that column:
    what is known of it stays so, and a proof that is new is about one."""


def read_listing(sheet: Sheet) -> ListingFile:
    """Read a whole file; every fault of every row is named at once."""
    reading = read_rows(COLUMNS, sheet)
    faults = list(reading.faults)
    lines: list[tuple[int, ListedProof]] = []
    seen: dict[tuple[str, date], int] = {}
    as_kept: set[int] = set()
    for row in reading.rows:
        begins, ends = row.values["effective_from"], row.values["effective_to"]
        if ends is not None and ends < begins:
            order = CellFaulty("order", "失效日期早于生效日期", "ends before it begins")
            faults.append(remark(row.number, BY_CODE["effective_to"], order))
            continue
        said = row.values["about_two"]
        if said is None:
            as_kept.add(row.number)
        line = ListedProof(**{**row.values, "about_two": bool(said)})
        first = seen.setdefault((line.code, line.effective_from), row.number)
        if first != row.number:
            twice = CellFaulty("twice", f"与第 {first} 行重复", f"is the same as row {first}")
            faults.append(remark(row.number, BY_CODE["code"], twice))
        lines.append((row.number, line))
    return ListingFile(tuple(lines), tuple(faults), frozenset(as_kept))


def as_row(line: ListedProof) -> dict[str, Any]:
    """A line by column, as an export writes it."""
    return {column.code: getattr(line, column.code) for column in COLUMNS}


def shown(column: str, text: str) -> str:
    """A cell as people read it: nothing here is personal, but codes have names."""
    match column:
        case "route" if text:
            return ROUTES[text][0]
        case "issued_by" if text:
            return DEPARTMENTS[text].title
        case "source" if text:
            return REGISTERS[text].title
        case _:
            return text
