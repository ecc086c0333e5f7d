"""The cards on the city's desks: what people were told that waits for them, and what they were told twice.

One SQLite file, written by one process, like the departments' books: calls and effects are counted apart, because only
their difference proves that a repeated notice did nothing. A notice is known by its id alone: told again, it may
reach somebody else, since whoever sends it looks anew who is on duty.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any
from uuid import UUID

from demo.city.ledger import IN_MEMORY, LedgerInUse
from demo.city.wire import BadRequest, Reply, as_json, parsed_object

SCHEMA = """
CREATE TABLE IF NOT EXISTS notices (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, card TEXT NOT NULL, action TEXT NOT NULL, told BLOB NOT NULL,
    calls INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS effects (number INTEGER PRIMARY KEY, notice INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS cards (card TEXT PRIMARY KEY, shown BLOB NOT NULL) WITHOUT ROWID;
"""
TELLS = {"PUT": ("show", "update"), "POST": ("remind", "passed")}
NEVER_TAKEN = Reply(200, b'{"notice":"--"}')


class Cards:
    """The desks; `take` is one notice, all of it or nothing."""

    def __init__(self, path: Path | str = IN_MEMORY) -> None:
        self._db = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False, timeout=0.2)
        try:
            # Exclusive, so that two city processes can never both believe that they have taken a notice first.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(SCHEMA)
        except sqlite3.OperationalError as locked:
            raise LedgerInUse(f"the cards {path} cannot be opened: {locked}") from locked

    def close(self) -> None:
        self._db.close()

    def take(self, method: str, card: str, key: str | None, body: bytes) -> Reply:
        """PUT shows or changes a card, POST tells something about it, DELETE takes it away, whether it is there or not."""
        try:
            card, id = _uuid(card, "/card"), _uuid(key or "", "/idempotency-key")
            told = _told(method, body)
        except BadRequest as bad:
            return bad.reply
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._book(id, card, told)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return Reply(200, as_json({"notice": id}))

    def _book(self, id: str, card: str, told: dict[str, Any]) -> None:
        if self._db.execute("UPDATE notices SET calls = calls + 1 WHERE id = ?", (id,)).rowcount:
            return
        action, details = told["action"], as_json(told)
        number = self._db.execute(
            "INSERT INTO notices (id, card, action, told, calls) VALUES (?, ?, ?, ?, 1)", (id, card, action, details)
        ).lastrowid
        self._db.execute("INSERT INTO effects (notice) VALUES (?)", (number,))
        if action == "withdraw":
            self._db.execute("DELETE FROM cards WHERE card = ?", (card,))
        elif action != "passed":
            self._db.execute("INSERT OR REPLACE INTO cards VALUES (?, ?)", (card, details))

    def shown(self, account: str | None = None) -> list[dict[str, Any]]:
        """The cards that lie on the desks now; of one account, or all."""
        rows = self._db.execute("SELECT card, shown FROM cards ORDER BY card")
        cards = [{"card": card, **json.loads(shown)} for card, shown in rows]
        return [card for card in cards if account is None or {"account": account} in card["recipients"]]

    def entries(self) -> list[dict[str, Any]]:
        """Every notice in the order in which it came first, with its calls, and its effects as they were counted."""
        rows = self._db.execute(
            "SELECT n.id, n.card, n.action, n.told, n.calls, count(e.number) FROM notices n"
            " LEFT JOIN effects e ON e.notice = n.number GROUP BY n.number ORDER BY n.number"
        )
        return [
            {**json.loads(told), "id": id, "card": card, "action": action, "calls": calls, "effects": effects}
            for id, card, action, told, calls, effects in rows
        ]


def _told(method: str, body: bytes) -> dict[str, Any]:
    if method == "DELETE":
        return {"action": "withdraw"}
    if method not in TELLS:
        raise BadRequest(405, "a card is told of with PUT, POST or DELETE")
    told = parsed_object(body)
    wrong = [
        (f"/{name}", "is required") for name in ("case_no", "title", "unit") if not isinstance(told.get(name), str)
    ]
    if told.get("action") not in TELLS[method]:
        wrong.append(("/action", f"is one of {', '.join(TELLS[method])}"))
    if not isinstance(told.get("recipients"), list):
        wrong.append(("/recipients", "is a list"))
    if wrong:
        raise BadRequest(422, "this notice cannot be understood", wrong)
    return told


def _uuid(text: str, pointer: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise BadRequest(422, "this notice cannot be understood", [(pointer, "is a UUID")]) from None
