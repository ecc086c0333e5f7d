"""The listing of proofs (证明事项清单) as it was on any day: compared with a file, taken over, written out again.

What was in force on a day that is past is not rewritten: cases were judged by it. A line is therefore
followed by another of a later day, and who imported which of them, and when, is kept with it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, any_, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.types import Text

from domain.actors import Actor
from domain.catalogue import BundlesWouldStop, Catalogue
from domain.columns import CellFaulty, Change, Comparison, Remark, SheetFaulty, Stop, differences, remark
from domain.listing import BY_CODE, COLUMNS, ListedProof, ListedRoute, ListingFile, as_row, listed_on, shown
from domain.time_limits import in_shanghai
from store.batch import Batch
from store.tables import proof_listing

ONE_AT_A_TIME: Final = 0x6C697374
"""Two imports at once take turns: the second is compared with what the first has written."""


@dataclass(frozen=True, slots=True)
class KeptProof:
    """A line of the listing with who imported it last, and when."""

    line: ListedProof
    kept_by: str
    kept_at: datetime


def listed(connection: Connection, on: date) -> Mapping[str, ListedProof]:
    """The lines in force on that day, by code."""
    newest = (
        select(proof_listing)
        .ext(distinct_on(proof_listing.c.code))
        .where(proof_listing.c.effective_from <= on)
        .order_by(proof_listing.c.code, proof_listing.c.effective_from.desc())
    )
    return listed_on((_line(row) for row in connection.execute(newest)), on)


def counts(connection: Connection, on: date) -> Mapping[ListedRoute, int]:
    """How many lines in force on that day are settled by each route."""
    return counted(listed(connection, on).values())


def counted(lines: Collection[ListedProof]) -> Mapping[ListedRoute, int]:
    """How many of these lines are settled by each route."""
    return {route: sum(line.route is route for line in lines) for route in ListedRoute}


def history(connection: Connection, code: str) -> tuple[KeptProof, ...]:
    """Every line there ever was of a code, oldest first; empty if there was none."""
    asked = select(proof_listing).where(proof_listing.c.code == code).order_by(proof_listing.c.effective_from)
    return tuple(KeptProof(_line(row), row.kept_by, row.kept_at) for row in connection.execute(asked))


def lines_to_export(connection: Connection, on: date, *, past: bool = False) -> tuple[ListedProof, ...]:
    """What is in force on that day or will be; with `past` everything that ever was. By code, oldest first."""
    everything = _kept(connection, None)
    if past:
        return tuple(line for lines in everything.values() for line in lines)
    return tuple(
        line
        for lines in everything.values()
        for line in lines
        if line.effective_from > on or listed_on(lines, on).get(line.code) == line
    )


def export_rows(lines: Iterable[ListedProof]) -> Iterable[Mapping[str, Any]]:
    """The lines as rows of a table."""
    return map(as_row, lines)


def compare(
    connection: Connection,
    file: ListingFile,
    on: date,
    *,
    whole: bool = False,
    demanded_by: Catalogue | None = None,
) -> Comparison:
    """What the file would change; nothing is written. `whole`: what the file does not name leaves the listing.

    With `demanded_by` it is told which of these bundles could not be filed any more, and from which day on.
    """
    return _compare(connection, file, on, whole, demanded_by).told


def apply(
    connection: Connection,
    file: ListingFile,
    by: Actor,
    at: datetime,
    *,
    whole: bool = False,
    demanded_by: Catalogue | None = None,
    although_bundles_stop: bool = False,
) -> Comparison:
    """Take the file over; the same file again changes nothing.

    Raises SheetFaulty, with every fault, NaiveTime, and BundlesWouldStop where bundles of `demanded_by` could not be
    filed any more and nobody has said that this is meant.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    on = in_shanghai(at).date()
    compared = _compare(connection, file, on, whole, demanded_by)
    if compared.told.faults:
        raise SheetFaulty(compared.told.faults)
    if compared.told.stops and not although_bundles_stop:
        raise BundlesWouldStop(compared.told.stops)
    batch = Batch()
    batch.upsert(proof_listing, [_row(line, by, at) for line in compared.written])
    batch.delete(proof_listing, [{"code": line.code, "effective_from": line.effective_from} for line in compared.never])
    batch.write(connection)
    return compared.told


# ── comparing ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Compared:
    told: Comparison
    written: Sequence[ListedProof]
    never: Sequence[ListedProof]
    """Lines that leave before they began."""


def _compare(
    connection: Connection, file: ListingFile, on: date, whole: bool, demanded_by: Catalogue | None
) -> _Compared:
    everything = whole or demanded_by is not None
    kept = _kept(connection, None if everything else {line.code for _, line in file.lines})
    faults = list(file.faults)
    changes: list[Change] = []
    written: list[ListedProof] = []
    for row, line in file.lines:
        versions = kept.get(line.code, ())
        same = next((one for one in versions if one.effective_from == line.effective_from), None)
        earlier = [one for one in versions if one.effective_from < line.effective_from]
        before = same or (earlier[-1] if earlier else None)
        if before is not None and row in file.about_two_as_kept:
            line = line.model_copy(update={"about_two": before.about_two})
        if same == line:
            continue
        faults += _rewrites(row, line, same, versions, on)
        kind: Any = "joined" if before is None else "changed"
        fields = differences(COLUMNS, {} if before is None else as_row(before), as_row(line), shown)
        changes.append(Change(kind, "proof", _named(line), row, fields))
        written.append(line)
    unchanged = len(file.lines) - len(written)
    never: list[ListedProof] = []
    # Of a file with rows that cannot be read nobody knows what is missing: a faulty row is no proof that left.
    if whole and not file.faults:
        named = {line.code for _, line in file.lines}
        for code, versions in kept.items():
            if code in named:
                continue
            for line in versions:
                if line.effective_from >= on:
                    never.append(line)
                elif line == listed_on(versions, on).get(code):
                    written.append(line.model_copy(update={"effective_to": on - timedelta(days=1)}))
                else:
                    continue
                changes.append(Change("left", "proof", _named(line), None))
    faults.sort(key=lambda one: one.row)
    stops = () if demanded_by is None or faults else _stops(kept, written, never, on, demanded_by)
    return _Compared(Comparison(tuple(changes), unchanged, tuple(faults), stops=stops), written, never)


def _stops(
    kept: Mapping[str, Sequence[ListedProof]],
    written: Iterable[ListedProof],
    never: Iterable[ListedProof],
    on: date,
    demanded_by: Catalogue,
) -> tuple[Stop, ...]:
    """The bundles whose intake the file would close, and not the listing as it is."""
    before = {(line.code, line.effective_from): line for lines in kept.values() for line in lines}
    after = before | {(line.code, line.effective_from): line for line in written}
    for line in never:
        del after[line.code, line.effective_from]
    return demanded_by.stops(after.values(), on, but_for=before.values())


def _rewrites(
    row: int, line: ListedProof, same: ListedProof | None, versions: Sequence[ListedProof], on: date
) -> Iterable[Remark]:
    """Whether the line would change what was in force already."""
    if same is not None and same.effective_from < on:
        if same.model_copy(update={"effective_to": line.effective_to}) != line:
            begun = CellFaulty(
                "in_force_already",
                "此行已生效, 不可改写; 请用新的生效日期另起一行",
                "this line is in force already; follow it by another with a later day",
            )
            yield remark(row, BY_CODE["effective_from"], begun)
        elif line.effective_to is not None and line.effective_to < on - timedelta(days=1):
            past = CellFaulty("in_the_past", "失效日期不能早于昨天", "a line cannot have ended before yesterday")
            yield remark(row, BY_CODE["effective_to"], past)
    elif same is None and any(line.effective_from < other.effective_from for other in versions):
        earlier = CellFaulty(
            "before_another", "早于同一证明的已有版本", "is earlier than a line of the same proof that is kept already"
        )
        yield remark(row, BY_CODE["effective_from"], earlier)


def _kept(connection: Connection, codes: set[str] | None) -> dict[str, list[ListedProof]]:
    asked = select(proof_listing).order_by(proof_listing.c.code, proof_listing.c.effective_from)
    if codes is not None:
        asked = asked.where(proof_listing.c.code == any_(bindparam("codes", sorted(codes), ARRAY(Text))))
    found: dict[str, list[ListedProof]] = {}
    for row in connection.execute(asked):
        found.setdefault(row.code, []).append(_line(row))
    return found


def _named(line: ListedProof) -> str:
    return f"{line.code} {line.title}"


def _line(row: Any) -> ListedProof:
    return ListedProof(**{name: getattr(row, name) for name in ListedProof.model_fields})


def _row(line: ListedProof, by: Actor, at: datetime) -> dict[str, Any]:
    return {**line.model_dump(), "kept_by": by.account, "kept_at": at}
