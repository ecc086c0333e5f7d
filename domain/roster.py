"""Who serves in a community (花名册): secretary, director, deputies and workers, from when to when, and whom to call.

A roster is a dated list, because a question asked in March is answered by whoever served in March. A
file is the complete roster of each community that it names, and says nothing of the others.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

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
)
from domain.identifiers import (
    Kind,
    NotAnIdentifier,
    Rule,
    citizen_id_check,
    mask_citizen_id,
    mask_name,
    mask_phone,
    read_citizen_id,
    read_person_name,
    read_phone,
    sentence,
)

PHONES_AT_MOST: Final = 4
RANKS: Final = (1, 999)


class Post(StrEnum):
    """职务: what somebody is in the community."""

    SECRETARY = "secretary"  # 书记
    DIRECTOR = "director"  # 主任
    DEPUTY = "deputy"  # 副主任
    WORKER = "worker"  # 社工


POSTS: Final[Mapping[str, tuple[str, ...]]] = {
    Post.SECRETARY.value: ("书记", "党委书记", "党支部书记"),
    Post.DIRECTOR.value: ("主任",),
    Post.DEPUTY.value: ("副主任",),
    Post.WORKER.value: ("社工", "社区工作者"),
}
"""Each post with the names it goes by, the usual one first."""


class Community(BaseModel):
    """社区: where it lies; the subdistrict (镇街) and the division (区划) by code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    title: str
    subdistrict: str
    subdistrict_title: str
    division: str


class RosterLine(BaseModel):
    """One person in one post of one community; both days are included and are Shanghai's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    community: str
    name: str = Field(repr=False)
    citizen_id: str = Field(repr=False)
    phones: tuple[str, ...] = Field(repr=False)
    """The first is called first."""
    post: Post
    rank: int
    """Who is called first; 1 is the first."""
    account: str | None = None
    valid_from: date
    valid_to: date | None = None

    def overlaps(self, valid_from: date, valid_to: date | None) -> bool:
        """Whether any day belongs to both."""
        return (self.valid_to is None or valid_from <= self.valid_to) and (
            valid_to is None or self.valid_from <= valid_to
        )


def _identifier(read: Callable[[str], str]) -> Callable[[str], str]:
    def reading(text: str) -> str:
        try:
            return read(text)
        except NotAnIdentifier as wrong:
            raise CellFaulty(
                wrong.rule, sentence(wrong.kind, wrong.rule), sentence(wrong.kind, wrong.rule, "en")
            ) from None

    return reading


def _citizen_id(text: str) -> str:
    """The number; one that fails only its check character is kept as written, and doubted later."""
    try:
        return read_citizen_id(text, today=None).number
    except NotAnIdentifier as wrong:
        if wrong.rule is not Rule.CHECK:
            raise
        number = text.strip().upper()
        return read_citizen_id(number[:17] + citizen_id_check(number[:17]), today=None).number[:17] + number[17]


def fails_check(citizen_id: str) -> bool:
    """Whether the check character does not fit the other seventeen."""
    return citizen_id_check(citizen_id[:17]) != citizen_id[17]


COMMUNITY_COLUMNS: Final = (
    Column("community", "社区代码", "Community", a_code(r"[0-9]{12}", "应为 12 位数字", "must be twelve digits"), True),
    Column("community_title", "社区名称", "Community title", some_text(60)),
    Column("subdistrict", "镇街代码", "Subdistrict", a_code(r"[0-9]{9}", "应为 9 位数字", "must be nine digits")),
    Column("subdistrict_title", "镇街名称", "Subdistrict title", some_text(60)),
    Column("division", "区划代码", "Division", a_code(r"[0-9]{6}", "应为 6 位数字", "must be six digits")),
)
LINE_COLUMNS: Final = (
    Column("name", "姓名", "Name", _identifier(read_person_name), True),
    Column("citizen_id", "身份证号", "Citizen ID", _identifier(_citizen_id), True, as_text_only=True),
    Column(
        "phones",
        "联系电话",
        "Phones",
        several(_identifier(read_phone), PHONES_AT_MOST),
        True,
        as_text_only=True,
    ),
    Column("post", "职务", "Post", one_of(POSTS), True),
    Column("rank", "联系顺序", "Order", a_whole_number(*RANKS), True),
    Column(
        "account",
        "账号",
        "Account",
        a_code(
            r"[a-z0-9][a-z0-9._@-]{0,63}", "应为本系统账号", "must be an account: small letters, digits and . _ @ -"
        ),
    ),
    Column("valid_from", "任职起", "From", a_day, True),
    Column("valid_to", "任职止", "To", a_day),
)
COLUMNS: Final = (*COMMUNITY_COLUMNS, *LINE_COLUMNS)
"""A roster's columns, in the order of an export."""
_BY_CODE: Final = {column.code: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class RosterFile:
    """A roster as read: its lines and the communities that it describes, each with its row."""

    lines: tuple[tuple[int, RosterLine], ...]
    communities: Mapping[str, tuple[int, Mapping[str, str]]]
    """By code: the row that names it first, and what the file says of it."""
    faults: tuple[Remark, ...]
    warnings: tuple[Remark, ...]


def read_roster(sheet: Sheet, today: date) -> RosterFile:
    """Read a whole file; every fault of every row is named at once."""
    reading = read_rows(COLUMNS, sheet)
    faults, warnings = list(reading.faults), []
    communities: dict[str, tuple[int, Mapping[str, str]]] = {}
    lines: list[tuple[int, RosterLine]] = []
    for row in reading.rows:
        line = RosterLine(community=row.values["community"], **{c.code: row.values[c.code] for c in LINE_COLUMNS})
        lines.append((row.number, line))
        faults += _of_line(row.number, line, today)
        if fails_check(line.citizen_id):
            zh, en = sentence(Kind.CITIZEN_ID, Rule.CHECK), sentence(Kind.CITIZEN_ID, Rule.CHECK, "en")
            warnings.append(remark(row.number, _BY_CODE["citizen_id"], CellFaulty(Rule.CHECK, zh, en)))
        faults += _of_community(row.number, row.values, communities)
    faults += _among(lines)
    return RosterFile(tuple(lines), communities, tuple(faults), tuple(warnings))


def as_row(line: RosterLine, community: Community) -> dict[str, Any]:
    """A line and its community by column, as an export writes them."""
    return {
        "community": community.code,
        "community_title": community.title,
        "subdistrict": community.subdistrict,
        "subdistrict_title": community.subdistrict_title,
        "division": community.division,
        **{column.code: getattr(line, column.code) for column in LINE_COLUMNS},
    }


def shown(column: str, text: str) -> str:
    """A cell as it may be shown beside others: what is personal is masked."""
    match column:
        case "name":
            return mask_name(text)
        case "citizen_id":
            return mask_citizen_id(text)
        case "phones":
            return "、".join(mask_phone(phone) for phone in text.split("、"))
        case "post":
            return POSTS[text][0] if text else ""
        case _:
            return text


def _of_line(row: int, line: RosterLine, today: date) -> Iterable[Remark]:
    if line.valid_to is not None and line.valid_to < line.valid_from:
        yield remark(
            row,
            _BY_CODE["valid_to"],
            CellFaulty("order", "任职止早于任职起", "ends before it begins"),
        )
    born = line.citizen_id[6:14]
    if born > f"{today:%Y%m%d}":
        zh, en = sentence(Kind.CITIZEN_ID, Rule.FUTURE_DATE), sentence(Kind.CITIZEN_ID, Rule.FUTURE_DATE, "en")
        yield remark(row, _BY_CODE["citizen_id"], CellFaulty(Rule.FUTURE_DATE, zh, en))


def _of_community(
    row: int, values: Mapping[str, Any], known: dict[str, tuple[int, Mapping[str, str]]]
) -> Iterable[Remark]:
    code = values["community"]
    said = {column.code: values[column.code] for column in COMMUNITY_COLUMNS[1:] if values[column.code] is not None}
    if said.get("division", code[:6]) != code[:6]:
        yield remark(
            row,
            _BY_CODE["division"],
            CellFaulty("division", "与社区代码的前六位不一致", "does not fit the community's first six digits"),
        )
    if said.get("subdistrict", code)[:6] != code[:6]:
        yield remark(
            row,
            _BY_CODE["subdistrict"],
            CellFaulty("subdistrict", "与社区不在同一区划", "lies in another division than the community"),
        )
    first, before = known.setdefault(code, (row, said))
    for name, value in said.items():
        if before.get(name, value) != value:
            yield remark(
                row,
                _BY_CODE[name],
                CellFaulty("community_differs", f"与第 {first} 行不一致", f"differs from row {first}"),
            )
    known[code] = (first, {**said, **before})


def _among(lines: Iterable[tuple[int, RosterLine]]) -> Iterable[Remark]:
    """What rows say against each other."""
    in_post: dict[tuple[str, str, Post], list[tuple[int, RosterLine]]] = {}
    of_person: dict[tuple[str, str], tuple[int, RosterLine]] = {}
    for row, line in lines:
        before = in_post.setdefault((line.community, line.citizen_id, line.post), [])
        for other, earlier in before:
            if line.overlaps(earlier.valid_from, earlier.valid_to):
                twice = line.valid_from == earlier.valid_from
                yield remark(
                    row,
                    _BY_CODE["valid_from"],
                    CellFaulty("twice", f"与第 {other} 行重复", f"is the same as row {other}")
                    if twice
                    else CellFaulty("overlap", f"任期与第 {other} 行重叠", f"overlaps with row {other}"),
                )
                break
        before.append((row, line))
        first, said = of_person.setdefault((line.community, line.citizen_id), (row, line))
        for column in ("name", "phones"):
            if getattr(said, column) != getattr(line, column):
                yield remark(
                    row,
                    _BY_CODE[column],
                    CellFaulty(
                        "person_differs", f"同一人与第 {first} 行不一致", f"differs from row {first}, the same person"
                    ),
                )
