"""The rosters of the communities (花名册): compared with a file, taken over in one transaction, and written out again.

A line is known by its community, person and post; its days may be corrected. Who is missing from the
file of his community has left it: his line ends the day before, and stays for questions about the past.
Names, ID numbers and phones are sealed in the vault, each community's in a place of its own; a line
itself holds nobody's name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, any_, bindparam, delete, func, or_, select, text, true, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from domain.actors import Actor
from domain.columns import CellFaulty, Change, Comparison, Remark, SheetFaulty, differences, remark
from domain.identifiers import mask_name
from domain.roster import (
    COLUMNS,
    COMMUNITY_COLUMNS,
    LINE_COLUMNS,
    POSTS,
    Community,
    Post,
    RosterFile,
    RosterLine,
    as_row,
    shown,
)
from domain.time_limits import in_shanghai
from store.batch import Batch
from store.duty import ROSTER_ENTRY, phones_of, roster_place, serves_on
from store.tables import accounts, communities, roster_lines, units, vault_entries
from store.vault import Dossier, Kept, Vault

ONE_AT_A_TIME: Final = 0x726F7374
"""Two imports at once take turns: the second is compared with what the first has written."""

_BY_CODE: Final = {column.code: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is kept, with its person opened; `opened` is None once the person was forgotten."""

    community: str
    person: UUID
    post: Post
    rank: int
    account: str | None
    valid_from: date
    valid_to: date | None
    opened: RosterLine | None


@dataclass(frozen=True, slots=True)
class CommunityCount:
    """A community and how many serve there on the day asked about."""

    community: Community
    unit: str | None
    serving: int


# ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def list_communities(
    connection: Connection, on: date, among: ColumnElement[bool] | None = None
) -> tuple[CommunityCount, ...]:
    """The communities, by code, with nobody's personal content; `among` is a condition over `units`."""
    serving = (
        select(roster_lines.c.community, func.count().label("serving"))
        .where(serves_on(on))
        .group_by(roster_lines.c.community)
        .subquery()
    )
    found = connection.execute(
        select(communities, units.c.code.label("unit"), func.coalesce(serving.c.serving, 0).label("serving"))
        .select_from(communities)
        .outerjoin(units, units.c.community == communities.c.code)
        .outerjoin(serving, serving.c.community == communities.c.code)
        .where(true() if among is None else among)
        .order_by(communities.c.code)
    )
    return tuple(CommunityCount(_community(row), row.unit, row.serving) for row in found)


def roster(
    connection: Connection, vault: Vault, codes: Sequence[str] | None, on: date, *, history: bool = False
) -> tuple[tuple[Community, RosterLine], ...]:
    """The lines in force on that day or later, with history all of them; by community, then in order of call.

    Personal content: the caller notes the access first. Who was forgotten is left out. `codes` None: everywhere.
    """
    known = _communities(connection, codes)
    lines = _lines(connection, vault, tuple(known), None if history else on)
    return tuple((known[line.community], line.opened) for line in lines if line.opened is not None)


# ── comparing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def compare(connection: Connection, vault: Vault, file: RosterFile, on: date) -> Comparison:
    """What the file would change; nothing is written. Opens the rosters of the communities that it names."""
    return _compare(connection, vault, file, on).told


@dataclass(frozen=True, slots=True)
class _Compared:
    told: Comparison
    communities: Sequence[Community]
    """Those that are new or described differently."""
    joined: Sequence[RosterLine]
    changed: Sequence[tuple[Line, RosterLine]]
    left: Sequence[Line]


def _compare(connection: Connection, vault: Vault, file: RosterFile, on: date) -> _Compared:
    known = _communities(connection, tuple(file.communities))
    described, changes, faults = _described(known, file)
    faults += [*file.faults, *_wrong_accounts(connection, file, on)]
    all_kept = _lines(connection, vault, tuple(known), None)
    kept: dict[tuple[str, str, Post], list[Line]] = {}
    for one in all_kept:
        if one.opened is not None:
            kept.setdefault((one.community, one.opened.citizen_id, one.post), []).append(one)
    pairs = _paired(file, kept)
    joined: list[RosterLine] = []
    changed: list[tuple[Line, RosterLine]] = []
    for row, line in file.lines:
        before = pairs.get(row)
        said = {} if before is None or before.opened is None else dict(before.opened)
        fields = differences(LINE_COLUMNS, said, dict(line), shown)
        if before is None:
            joined.append(line)
            changes.append(Change("joined", "person", _named(line), row, fields))
        elif fields:
            changed.append((before, line))
            changes.append(Change("changed", "person", _named(line), row, fields))
    met = {_key(one) for one in pairs.values()}
    faults += _overlapping(file, kept, met)
    # Of a file with rows that cannot be read nobody knows who is missing: a faulty row is no one who left.
    gone = () if file.faults else all_kept
    left = [one for one in gone if _key(one) not in met and (one.valid_to is None or one.valid_to >= on)]
    changes += [Change("left", "person", _named(one.opened or one), None) for one in left]
    unchanged = len(file.lines) - len(joined) - len(changed)
    faults.sort(key=lambda one: one.row)
    told = Comparison(tuple(changes), unchanged, tuple(faults), file.warnings)
    return _Compared(told, described, joined, changed, left)


_Kept = Mapping[tuple[str, str, Post], Sequence[Line]]


def _paired(file: RosterFile, kept: _Kept) -> dict[int, Line]:
    """Which kept line each row of the file is about: the one that begins on its day, else one whose days it shares."""
    pairs: dict[int, Line] = {}
    met: set[object] = set()
    for same_day in (True, False):
        for row, line in file.lines:
            if row in pairs:
                continue
            for other in kept.get((line.community, line.citizen_id, line.post), ()):
                fits = (
                    line.valid_from == other.valid_from if same_day else line.overlaps(other.valid_from, other.valid_to)
                )
                if fits and _key(other) not in met:
                    pairs[row] = other
                    met.add(_key(other))
                    break
    return pairs


def _overlapping(file: RosterFile, kept: _Kept, met: set[object]) -> Iterable[Remark]:
    for row, line in file.lines:
        for other in kept.get((line.community, line.citizen_id, line.post), ()):
            if _key(other) not in met and line.overlaps(other.valid_from, other.valid_to):
                clash = CellFaulty(
                    "overlap",
                    f"与已有的任期({other.valid_from} 至 {other.valid_to or '今'})重叠",
                    f"overlaps with the term kept from {other.valid_from} to {other.valid_to or 'now'}",
                )
                yield remark(row, _BY_CODE["valid_from"], clash)
                break


def _described(known: Mapping[str, Community], file: RosterFile) -> tuple[list[Community], list[Change], list[Remark]]:
    """The communities that the file makes or changes."""
    described: list[Community] = []
    changes: list[Change] = []
    faults: list[Remark] = []
    for code, (row, said) in file.communities.items():
        before = known.get(code)
        missing = [
            column
            for column in COMMUNITY_COLUMNS
            if before is None and column.code not in {"community", "division"} and column.code not in said
        ]
        faults += [
            remark(
                row,
                column,
                CellFaulty(
                    "unknown_community",
                    "社区尚未登记, 请一并填写此列",
                    "the community is not known yet, so this column must say where it lies",
                ),
            )
            for column in missing
        ]
        if missing:
            continue
        kept = {} if before is None else before.model_dump()
        after = Community.model_validate({"division": code[:6], **kept, **said_of(said), "code": code})
        if after == before:
            continue
        described.append(after)
        columns = [column for column in COMMUNITY_COLUMNS if column.code != "community"]
        fields = differences(columns, _as_said(kept), _as_said(after.model_dump()))
        kind: Literal["joined", "changed"] = "joined" if before is None else "changed"
        changes.append(Change(kind, "community", f"{code} {after.title}", row, fields))
    return described, changes, faults


def said_of(said: Mapping[str, str]) -> dict[str, str]:
    """What a file says of a community, under the names that the community has for it."""
    return {"title" if column == "community_title" else column: value for column, value in said.items()}


def _as_said(community: Mapping[str, str]) -> dict[str, str]:
    return {"community_title" if name == "title" else name: value for name, value in community.items()}


def _wrong_accounts(connection: Connection, file: RosterFile, on: date) -> Iterable[Remark]:
    """An account on a roster answers for that community, so it has to be of the community's own unit."""
    named = {line.account for _, line in file.lines if line.account is not None}
    if not named:
        return
    asked = select(accounts.c.account, accounts.c.unit, units.c.community).join(units, units.c.code == accounts.c.unit)
    found = connection.execute(asked.where(accounts.c.account == any_(bindparam("named", sorted(named), ARRAY(Text)))))
    serves = {row.account: {row.community, row.unit} for row in found}
    for row, line in file.lines:
        if line.account is None or (line.valid_to is not None and line.valid_to < on):
            continue
        if line.account not in serves:
            unknown = CellFaulty("unknown_account", "没有这个账号", "there is no such account")
            yield remark(row, _BY_CODE["account"], unknown)
        elif serves[line.account].isdisjoint((line.community, unit_of(line.community))):
            other = CellFaulty(
                "account_elsewhere", "账号不属于该社区的单位", "the account is not of this community's unit"
            )
            yield remark(row, _BY_CODE["account"], other)


# ── taking over ─────────────────────────────────────────────────────────────────────────────────────────────────────


def apply(connection: Connection, vault: Vault, file: RosterFile, by: Actor, at: datetime) -> Comparison:
    """Take the file over; the same file again changes nothing. Raises SheetFaulty, with every fault, and NaiveTime."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    on = in_shanghai(at).date()
    compared = _compare(connection, vault, file, on)
    if compared.told.faults:
        raise SheetFaulty(compared.told.faults)
    _keep_communities(connection, compared.communities)
    numbers = sorted({line.citizen_id for line in compared.joined})
    persons = dict(zip(numbers, vault.persons(connection, [("citizen_id", number) for number in numbers]), strict=True))
    _end(connection, compared.left, on)
    lines: list[tuple[UUID, RosterLine, Line | None]] = [
        (before.person, line, before) for before, line in compared.changed
    ]
    lines += [(persons[line.citizen_id], line, None) for line in compared.joined]
    for community in sorted({line.community for _, line, _ in lines}):
        here = [(person, line, before) for person, line, before in lines if line.community == community]
        batch = Batch()
        kept = {person: Kept(person, ROSTER_ENTRY, _content(line)) for person, line, _ in here}
        vault.keep(connection, batch, roster_place(community), list(kept.values()), at)
        # A line whose first day was corrected is another row; the old one goes.
        batch.delete(
            roster_lines,
            [
                _key_row(before)
                for _, line, before in here
                if before is not None and before.valid_from != line.valid_from
            ],
        )
        batch.upsert(roster_lines, [_row(person, line, by, at) for person, line, _ in here])
        # One statement for each community: a person who is new in two of them is given one key and not two.
        batch.write(connection)
    return compared.told


def _keep_communities(connection: Connection, described: Sequence[Community]) -> None:
    if not described:
        return
    batch = Batch()
    batch.upsert(communities, [one.model_dump() for one in described])
    has_unit = set(connection.execute(select(units.c.community).where(units.c.community.is_not(None))).scalars())
    # A unit of that code may have been made by hand, for its accounts; it becomes the community's.
    fresh = [
        {"code": unit_of(one.code), "title": one.title, "division": one.division, "community": one.code}
        for one in described
        if one.code not in has_unit
    ]
    batch.upsert(units, fresh)
    batch.write(connection)
    for one in described:
        if one.code in has_unit:
            named = update(units).where(units.c.community == one.code)
            connection.execute(named.values(title=one.title, division=one.division))


def _end(connection: Connection, left: Sequence[Line], on: date) -> None:
    """Whoever left served until the day before; who had not begun never did."""
    batch = Batch()
    begun = [line for line in left if line.valid_from < on]
    batch.update(roster_lines, [{**_key_row(line), "valid_to": on - timedelta(days=1)} for line in begun])
    never = [line for line in left if line.valid_from >= on]
    batch.delete(roster_lines, [_key_row(line) for line in never])
    batch.write(connection)
    for line in never:
        serves = select(roster_lines.c.person).where(
            roster_lines.c.community == line.community, roster_lines.c.person == line.person
        )
        gone = delete(vault_entries).where(
            vault_entries.c.case_id == roster_place(line.community),
            vault_entries.c.owner == line.person,
            ~serves.exists(),
        )
        connection.execute(gone)


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def unit_of(community: str) -> str:
    """The code of the unit that an import makes for a community."""
    return f"community-{community}"


def export_rows(lines: Iterable[tuple[Community, RosterLine]]) -> Iterable[Mapping[str, Any]]:
    """The lines as rows of a table."""
    return (as_row(line, community) for community, line in lines)


def _communities(connection: Connection, codes: Sequence[str] | None) -> dict[str, Community]:
    asked = select(communities).order_by(communities.c.code)
    if codes is not None:
        asked = asked.where(communities.c.code == any_(bindparam("codes", list(codes), ARRAY(Text))))
    return {row.code: _community(row) for row in connection.execute(asked)}


def _community(row: Any) -> Community:
    return Community(
        code=row.code,
        title=row.title,
        subdistrict=row.subdistrict,
        subdistrict_title=row.subdistrict_title,
        division=row.division,
    )


def _lines(connection: Connection, vault: Vault, codes: Sequence[str], since: date | None) -> list[Line]:
    if not codes:
        return []
    asked = select(roster_lines).where(roster_lines.c.community == any_(bindparam("codes", list(codes), ARRAY(Text))))
    if since is not None:
        asked = asked.where(or_(roster_lines.c.valid_to.is_(None), roster_lines.c.valid_to >= since))
    rows = connection.execute(
        asked.order_by(
            roster_lines.c.community,
            roster_lines.c.rank,
            roster_lines.c.valid_from,
            roster_lines.c.person,
            roster_lines.c.post,
        )
    ).all()
    places = {code: roster_place(code) for code in {row.community for row in rows}}
    dossiers = vault.open_many(connection, list(places.values()))
    return [_line(row, dossiers[places[row.community]]) for row in rows]


def _line(row: Any, dossier: Dossier) -> Line:
    content = dossier.find(row.person, ROSTER_ENTRY)
    opened = None
    if content is not None:
        opened = RosterLine(
            community=row.community,
            name=content["name"],
            citizen_id=content["citizen_id"],
            phones=phones_of(content),
            post=Post(row.post),
            rank=row.rank,
            account=row.account,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
    return Line(row.community, row.person, Post(row.post), row.rank, row.account, row.valid_from, row.valid_to, opened)


def _content(line: RosterLine) -> dict[str, str]:
    return {"name": line.name, "citizen_id": line.citizen_id, "phones": " ".join(line.phones)}


def _row(person: UUID, line: RosterLine, by: Actor, at: datetime) -> dict[str, Any]:
    return {
        "community": line.community,
        "person": person,
        "post": line.post.value,
        "valid_from": line.valid_from,
        "valid_to": line.valid_to,
        "rank": line.rank,
        "account": line.account,
        "kept_by": by.account,
        "kept_at": at,
    }


def _key(line: Line) -> object:
    return (line.community, line.person, line.post, line.valid_from)


def _key_row(line: Line) -> dict[str, Any]:
    return {
        "community": line.community,
        "person": line.person,
        "post": line.post.value,
        "valid_from": line.valid_from,
    }


def _named(line: RosterLine | Line) -> str:
    who = f" {mask_name(line.name)}" if isinstance(line, RosterLine) else ""
    return f"{line.community} {POSTS[line.post.value][0]}{who}"
