"""The departments' books: what was submitted, what was done because of it, and what has yet to be told.

One SQLite file, written by one process: every effect is committed before its answer leaves, so that a kill at any
instant loses neither an effect nor a number. Calls and effects are counted apart, because only their difference proves
that a repeated call did nothing.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS submissions (
    number INTEGER PRIMARY KEY, department TEXT NOT NULL, idempotency_key TEXT NOT NULL, case_no TEXT NOT NULL,
    item TEXT NOT NULL, subject TEXT, outcome TEXT NOT NULL, fingerprint BLOB NOT NULL, status INTEGER NOT NULL,
    answer BLOB NOT NULL, calls INTEGER NOT NULL, UNIQUE (department, idempotency_key));
CREATE TABLE IF NOT EXISTS effects (number INTEGER PRIMARY KEY, submission INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS children (
    birth_certificate_no TEXT PRIMARY KEY, birth TEXT NOT NULL, birth_order INTEGER NOT NULL, born_on TEXT NOT NULL,
    sex TEXT NOT NULL, citizen_id TEXT UNIQUE, insurance_no TEXT, card_no TEXT,
    UNIQUE (birth, birth_order)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS benefits (birth TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS callbacks (
    number INTEGER PRIMARY KEY, payload BLOB NOT NULL, copies INTEGER NOT NULL, due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'pending');
CREATE INDEX IF NOT EXISTS callbacks_pending ON callbacks (due_at) WHERE state = 'pending';
"""
IN_MEMORY = ":memory:"


class LedgerInUse(RuntimeError):
    """Another process of the city already writes this file."""


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    number: int
    fingerprint: bytes
    status: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class Callback:
    number: int
    payload: bytes
    copies: int
    tries: int


class Ledger:
    def __init__(self, path: Path | str = IN_MEMORY) -> None:
        # One connection, no waiting: the service is a single process and every booking takes microseconds.
        self._db = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False, timeout=0.2)
        try:
            # Exclusive, so that two city processes can never hand out the same numbers.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA wal_autocheckpoint = 8000")
            self._db.executescript(SCHEMA)
        except sqlite3.OperationalError as locked:
            raise LedgerInUse(f"the ledger {path} cannot be opened: {locked}") from locked
        self._read_numbers()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def booking(self) -> Iterator[None]:
        """All of one submission or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            self._read_numbers()
            raise
        self._db.execute("COMMIT")

    def find_first_answer(self, department: str, key: str) -> FirstAnswer | None:
        row = self._db.execute(
            "SELECT number, fingerprint, status, answer FROM submissions WHERE department = ? AND idempotency_key = ?",
            (department, key),
        ).fetchone()
        return None if row is None else FirstAnswer(*row)

    def count_repeated_call(self, number: int) -> None:
        self._db.execute("UPDATE submissions SET calls = calls + 1 WHERE number = ?", (number,))

    def next_submission(self) -> int:
        self._submissions += 1
        return self._submissions

    def book_submission(self, number: int, *fields: Any) -> None:
        self._db.execute("INSERT INTO submissions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)", (number, *fields))

    def next_effect(self) -> int:
        """A department makes its own numbers from this one; a denied submission leaves it unused."""
        return self._effects + 1

    def book_effect(self, number: int, submission: int) -> None:
        self._effects = number
        self._db.execute("INSERT INTO effects VALUES (?, ?)", (number, submission))

    def count_up(self, counter: str) -> int:
        """0, 1, 2 … for one division, day and sex: the sequence inside a citizen ID."""
        row = self._db.execute(
            "INSERT INTO counters VALUES (?, 0) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (counter,),
        ).fetchone()
        return int(row[0])

    def certificates_of(self, birth: str) -> list[int]:
        rows = self._db.execute("SELECT birth_order FROM children WHERE birth = ?", (birth,))
        return [row[0] for row in rows]

    def book_certificate(self, number: str, birth: str, birth_order: int, born_on: str, sex: str) -> None:
        self._db.execute(
            "INSERT INTO children (birth_certificate_no, birth, birth_order, born_on, sex) VALUES (?, ?, ?, ?, ?)",
            (number, birth, birth_order, born_on, sex),
        )

    def find_certificate(self, number: str) -> tuple[str, str, str | None] | None:
        """Born on, sex, and the citizen ID once the child is registered."""
        row: tuple[str, str, str | None] | None = self._db.execute(
            "SELECT born_on, sex, citizen_id FROM children WHERE birth_certificate_no = ?", (number,)
        ).fetchone()
        return row

    def book_registration(self, certificate: str, citizen_id: str) -> None:
        self._db.execute("UPDATE children SET citizen_id = ? WHERE birth_certificate_no = ?", (citizen_id, certificate))

    def find_child(self, citizen_id: str) -> tuple[str | None, str | None] | None:
        """Insurance number and card number, each once it exists."""
        row: tuple[str | None, str | None] | None = self._db.execute(
            "SELECT insurance_no, card_no FROM children WHERE citizen_id = ?", (citizen_id,)
        ).fetchone()
        return row

    def book_insurance(self, citizen_id: str, insurance_no: str) -> None:
        self._db.execute("UPDATE children SET insurance_no = ? WHERE citizen_id = ?", (insurance_no, citizen_id))

    def book_card(self, citizen_id: str, card_no: str) -> None:
        self._db.execute("UPDATE children SET card_no = ? WHERE citizen_id = ?", (card_no, citizen_id))

    def book_benefit(self, birth: str) -> bool:
        """False when this birth was paid for before."""
        return self._db.execute("INSERT OR IGNORE INTO benefits VALUES (?)", (birth,)).rowcount == 1

    def book_callback(self, payload: bytes, copies: int, due_at: float) -> None:
        self._db.execute("INSERT INTO callbacks (payload, copies, due_at) VALUES (?, ?, ?)", (payload, copies, due_at))

    def callbacks_due(self, now: float, at_most: int) -> list[Callback]:
        rows = self._db.execute(
            "SELECT number, payload, copies, tries FROM callbacks WHERE state = 'pending' AND due_at <= ?"
            " ORDER BY due_at LIMIT ?",
            (now, at_most),
        )
        return [Callback(*row) for row in rows]

    def next_callback_at(self) -> float | None:
        row = self._db.execute("SELECT min(due_at) FROM callbacks WHERE state = 'pending'").fetchone()
        return None if row[0] is None else float(row[0])

    def department_of(self, key: str) -> str:
        """The department that took the submission of this key."""
        row = self._db.execute("SELECT department FROM submissions WHERE idempotency_key = ?", (key,)).fetchone()
        return str(row[0])

    def settle_callback(self, number: int, state: str) -> None:
        self._db.execute("UPDATE callbacks SET state = ?, tries = tries + 1 WHERE number = ?", (state, number))

    def postpone_callback(self, number: int, due_at: float) -> None:
        self._db.execute("UPDATE callbacks SET due_at = ?, tries = tries + 1 WHERE number = ?", (due_at, number))

    def callbacks(self) -> list[dict[str, Any]]:
        rows = self._db.execute("SELECT number, copies, due_at, tries, state FROM callbacks ORDER BY number")
        return [dict(zip(("number", "copies", "due_at", "tries", "state"), row, strict=True)) for row in rows]

    def entries(self, department: str | None = None) -> list[dict[str, Any]]:
        """Every submission with its calls and its effects, counted from the effects themselves."""
        names = ("department", "idempotency_key", "case_no", "item", "subject", "outcome", "calls", "effects")
        rows = self._db.execute(
            "WITH counted AS (SELECT submission, count(*) AS effects FROM effects GROUP BY submission)"
            " SELECT s.department, s.idempotency_key, s.case_no, s.item, s.subject, s.outcome, s.calls,"
            " coalesce(c.effects, 0) FROM submissions s LEFT JOIN counted c ON c.submission = s.number"
            " WHERE ?1 IS NULL OR s.department = ?1 ORDER BY s.number",
            (department,),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _read_numbers(self) -> None:
        """Numbers go on where the books end, so none is given twice, before or after a kill."""
        self._submissions = self._highest("submissions")
        self._effects = self._highest("effects")

    def _highest(self, table: str) -> int:
        row = self._db.execute(f"SELECT coalesce(max(number), 0) FROM {table}").fetchone()
        return int(row[0])
