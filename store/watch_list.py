"""到龄名单 as it is kept: each page of a reading with its place in the register, in one transaction.

A reading that is killed goes on where its last page was committed. A person is on the list once for each
occasion, whatever is read again: the key of the table says so, not the diligence of a scan.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from pydantic_core import to_json
from sqlalchemy import ColumnElement, Connection, delete, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from domain.case_file import CaseState
from domain.law.months import month_text
from domain.watch_list import DEAD, Finding, Outcome, Standing, fault_in_words, reason_in_words, reasons_with_case
from store.tables import cases, scan_findings, scan_runs, watch_list

GOES_ON_WITHIN: Final = timedelta(hours=20)
"""What was read longer ago has changed since; a reading that was left is begun anew, below a day so that nights differ."""
READINGS_KEPT: Final = 2
"""Of each list, with whom they found: the last one, and the one it is compared with."""


# ── readings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Run:
    """One reading of the register; `cursor` is where the next page goes on, `scanned` how many lines were read."""

    id: UUID
    occasion: str
    month: int
    district: str
    begun_at: datetime
    cursor: str
    scanned: int
    found: int
    """How many lines had to do with the month."""
    finished_at: datetime | None


_RUN: Final = tuple(scan_runs.c[name] for name in Run.__dataclass_fields__)


def begin_or_go_on(connection: Connection, occasion: str, month: int, district: str, at: datetime) -> Run:
    """The reading that is under way, or a new one; two that begin at once find the same."""
    left = delete(scan_runs).where(
        *_of(scan_runs.c, occasion, month, district),
        scan_runs.c.finished_at.is_(None),
        scan_runs.c.begun_at < at - GOES_ON_WITHIN,
    )
    _forget_findings(connection, connection.execute(left.returning(scan_runs.c.id)).scalars().all())
    row = {"id": uuid4(), "occasion": occasion, "month": month, "district": district, "begun_at": at}
    begun = (
        insert(scan_runs)
        .values(row)
        .on_conflict_do_update(
            index_elements=[scan_runs.c.occasion, scan_runs.c.month, scan_runs.c.district],
            index_where=scan_runs.c.finished_at.is_(None),
            # Changes nothing, and is the only way to be told of the row that was there.
            set_={"district": scan_runs.c.district},
        )
        .returning(*_RUN)
    )
    return Run(*connection.execute(begun).one())


_KEEP: Final = text(
    """
    WITH kept AS (
      INSERT INTO watch_list AS known
             (occasion, person, month, months, district, outcome, reasons, born, rule, last_run, found_at)
      SELECT occasion, person, month, months, district, outcome, reasons, born, rule, CAST(:run AS uuid), :at
      FROM json_to_recordset(CAST(:findings AS json))
        AS found (occasion text, person text, month int, months int[], district text, outcome text, reasons text[],
                  born int, rule text)
      ORDER BY person
      ON CONFLICT (occasion, person) DO UPDATE
         SET month = EXCLUDED.month, months = EXCLUDED.months, district = EXCLUDED.district,
             outcome = EXCLUDED.outcome, reasons = EXCLUDED.reasons, born = EXCLUDED.born, rule = EXCLUDED.rule,
             last_run = EXCLUDED.last_run, gone_at = NULL
       WHERE NOT (known.gone_at IS NULL AND known.month < EXCLUDED.month AND known.month = ANY (EXCLUDED.months))
      RETURNING person, outcome, reasons
    )
    INSERT INTO scan_findings (run, person, outcome, reasons)
    SELECT CAST(:run AS uuid), person, outcome, reasons FROM kept
    """
)
"""Whoever may be meant in several months (card and file disagree, the post is unknown) is on the list of the earliest
that was read, in whichever order; by person, so that two readings never wait for each other."""


def keep_page(
    connection: Connection, run: Run, findings: Sequence[Finding], *, last: str | None, read: int, at: datetime
) -> Run | None:
    """Keep what the page after `run.cursor` held, with the place it ended at; None `last` is the register's end.

    Returns the reading as it stands then; where somebody else has kept that page, nothing is written and theirs is
    returned. None: it was left for so long that another has begun anew.
    """
    moved = connection.execute(
        update(scan_runs)
        .where(scan_runs.c.id == run.id, scan_runs.c.cursor == run.cursor, scan_runs.c.finished_at.is_(None))
        .values(
            cursor=run.cursor if last is None else last,
            scanned=scan_runs.c.scanned + read,
            found=scan_runs.c.found + len(findings),
            finished_at=at if last is None else None,
        )
        .returning(*_RUN)
    ).first()
    if moved is None:
        theirs = connection.execute(select(*_RUN).where(scan_runs.c.id == run.id)).first()
        return None if theirs is None else Run(*theirs)
    if findings:
        connection.execute(_KEEP, {"run": run.id, "at": at, "findings": to_json(findings).decode()})
    if last is None:
        _finish(connection, run, at)
    return Run(*moved)


def _finish(connection: Connection, run: Run, at: datetime) -> None:
    """Whoever was on this list and is not in the register any more is gone from it; older readings are forgotten."""
    here = _of(watch_list.c, run.occasion, run.month, run.district)
    gone = update(watch_list).where(*here, watch_list.c.last_run != run.id, watch_list.c.gone_at.is_(None))
    connection.execute(gone.values(gone_at=at))
    older = _finished(run.occasion, run.month, run.district).with_only_columns(scan_runs.c.id).offset(READINGS_KEPT)
    _forget_findings(connection, connection.execute(older).scalars().all())


def _forget_findings(connection: Connection, runs: Sequence[UUID]) -> None:
    if runs:
        connection.execute(delete(scan_findings).where(scan_findings.c.run.in_(runs)))


def finished_runs(connection: Connection, occasion: str, month: int, district: str) -> tuple[Run, ...]:
    """The readings of a list that came to the register's end and whose findings are kept, the last one first."""
    found = connection.execute(_finished(occasion, month, district).limit(READINGS_KEPT))
    return tuple(Run(*row) for row in found)


def was_read(connection: Connection, occasion: str, month: int) -> bool:
    """Whether the list of that month was ever read to its end, in any district."""
    read = select(scan_runs.c.id).where(
        scan_runs.c.occasion == occasion, scan_runs.c.month == month, scan_runs.c.finished_at.is_not(None)
    )
    return connection.execute(read.limit(1)).first() is not None


def found_by(connection: Connection, run: Run | None) -> Mapping[str, Standing]:
    """Whom a reading put on its list, by the register's numbers; nobody without a reading."""
    if run is None:
        return {}
    asked = select(scan_findings).where(scan_findings.c.run == run.id)
    return {row.person: Standing(Outcome(row.outcome), tuple(row.reasons)) for row in connection.execute(asked)}


def _finished(occasion: str, month: int, district: str) -> Any:
    here = _of(scan_runs.c, occasion, month, district)
    ended = select(*_RUN).where(*here, scan_runs.c.finished_at.is_not(None))
    return ended.order_by(scan_runs.c.finished_at.desc(), scan_runs.c.id)


def _of(columns: Any, occasion: str, month: int, district: str) -> tuple[ColumnElement[bool], ...]:
    return (columns.occasion == occasion, columns.month == month, columns.district == district)


# ── the list ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list; the person by the register's number."""

    occasion: str
    person: str
    month: int
    months: Sequence[int]
    district: str
    outcome: str
    reasons: Sequence[str]
    born: int | None
    rule: str
    last_run: UUID
    """The reading that found them last."""
    found_at: datetime
    gone_at: datetime | None
    case_id: UUID | None
    case_month: int | None
    """The month for which the scan opened the case; None where there is none, or a counter was faster."""
    tried_at: datetime | None
    fault: str | None
    case_no: str | None

    def finding(self) -> Finding:
        """The line as it was found."""
        return Finding(
            person=self.person,
            district=self.district,
            occasion=self.occasion,
            month=self.month,
            months=tuple(self.months),
            outcome=Outcome(self.outcome),
            reasons=tuple(self.reasons),
            born=self.born,
            rule=self.rule,
        )

    def told(self) -> dict[str, Any]:
        """The line for programs."""
        return {
            "occasion": self.occasion,
            "person": self.person,
            "month": month_text(self.month),
            "months": [month_text(month) for month in self.months],
            "district": self.district,
            "outcome": self.outcome,
            "reasons": [_worded(code, reason_in_words(code)) for code in self.all_reasons()],
            "born": None if self.born is None else month_text(self.born),
            "rule": self.rule,
            "case_no": self.case_no,
            "fault": None if self.fault is None else _worded(self.fault, fault_in_words(self.fault)),
        }

    def all_reasons(self) -> tuple[str, ...]:
        """Those of the finding, and what the case that was opened differs in."""
        return reasons_with_case(self.reasons, self.month, self.case_month)


def _worded(code: str, words: tuple[str, str]) -> dict[str, str]:
    return {"code": code, "zh": words[0], "en": words[1]}


_LISTED: Final = (
    *(watch_list.c[name] for name in Listed.__dataclass_fields__ if name != "case_no"),
    cases.c.case_no,
)


def listed(
    connection: Connection,
    occasion: str,
    month: int,
    district: str | None = None,
    outcome: Outcome | None = None,
    *,
    after: str = "",
    limit: int = 500,
) -> list[Listed]:
    """A page of the list of one month, by the register's number; who is gone from it is left out."""
    question = (
        select(*_LISTED)
        .outerjoin_from(watch_list, cases, cases.c.case_id == watch_list.c.case_id)
        .where(
            watch_list.c.occasion == occasion,
            watch_list.c.month == month,
            watch_list.c.gone_at.is_(None),
            watch_list.c.person > after,
        )
        .order_by(watch_list.c.person)
        .limit(limit)
    )
    if district is not None:
        question = question.where(watch_list.c.district == district)
    if outcome is not None:
        question = question.where(watch_list.c.outcome == outcome.value)
    return [Listed(*row) for row in connection.execute(question)]


def to_start(
    connection: Connection,
    occasion: str,
    district: str,
    until_month: int,
    *,
    from_month: int | None = None,
    tried_before: datetime,
    limit: int,
) -> list[Listed]:
    """People whose case is to be opened; those first whom nobody has tried, then those whose last try failed."""
    question = (
        select(*_LISTED)
        .outerjoin_from(watch_list, cases, cases.c.case_id == watch_list.c.case_id)
        .where(
            watch_list.c.occasion == occasion,
            watch_list.c.district == district,
            watch_list.c.month <= until_month,
            *_TO_START,
            or_(watch_list.c.tried_at.is_(None), watch_list.c.tried_at < tried_before),
        )
        .order_by(watch_list.c.tried_at.nulls_first(), watch_list.c.month, watch_list.c.person)
        .limit(limit)
    )
    if from_month is not None:
        question = question.where(watch_list.c.month >= from_month)
    return [Listed(*row) for row in connection.execute(question)]


_TO_START: Final = (
    watch_list.c.outcome == Outcome.DUE.value,
    watch_list.c.case_id.is_(None),
    watch_list.c.gone_at.is_(None),
)


def still_to_start(connection: Connection, row: Listed) -> bool:
    """Whether the line stands as it was read, without a case: another opener may have been here."""
    here = (watch_list.c.occasion == row.occasion, watch_list.c.person == row.person, watch_list.c.month == row.month)
    return connection.execute(select(watch_list.c.person).where(*here, *_TO_START)).first() is not None


def open_cases_of_the_dead(
    connection: Connection, occasion: str, district: str, *, but: Collection[UUID], limit: int
) -> list[UUID]:
    """Cases that go on although the register says that the person has died; `but` are left out."""
    question = (
        select(cases.c.case_id)
        .join_from(watch_list, cases, cases.c.case_id == watch_list.c.case_id)
        .where(
            watch_list.c.occasion == occasion,
            watch_list.c.district == district,
            watch_list.c.outcome == Outcome.EXCLUDED.value,
            watch_list.c.reasons.contains([DEAD]),
            watch_list.c.gone_at.is_(None),
            cases.c.state == CaseState.OPEN.value,
            cases.c.case_id.not_in(but),
        )
        .order_by(cases.c.case_no)
        .limit(limit)
    )
    return list(connection.execute(question).scalars())


def tried(
    connection: Connection,
    row: Listed,
    *,
    case_id: UUID | None,
    case_month: int | None = None,
    fault: str | None,
    at: datetime,
) -> None:
    """The person's case, or the reason why it could not be opened. A case once noted is never replaced."""
    connection.execute(
        update(watch_list)
        .where(watch_list.c.occasion == row.occasion, watch_list.c.person == row.person, watch_list.c.case_id.is_(None))
        .values(case_id=case_id, case_month=case_month, fault=fault, tried_at=at)
    )
