"""A person's act, once (经办行为): its key, its decision and its entry in the access log, in one transaction.

Sent again under the same key it has the first answer; the same key for another request is refused,
because a repetition that quietly did something else would be worse than an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from domain.commands import AnswerVerification, Command
from domain.refusals import NotAcceptable, SameKeyOtherRequest
from store.access_log import Access, note_for_case
from store.cases import CaseStore, OpenedCase, amendment
from store.commands import Handled, handle, load
from store.database import again_if_lost
from store.duty import is_colleague
from store.streams import lock
from store.tables import request_keys
from store.unit_titles import unit_titles
from store.vault import Kept


class NotAColleague(NotAcceptable):
    """The account is no person's of that unit who could answer what the unit was asked."""

    code = "verification.not_a_colleague"

    def __init__(self, account: str, unit: str, title: str | None = None) -> None:
        self.account = account
        self.unit = unit
        super().__init__(
            f"账号“{account}”不是“{title or unit}”可以答复核验的人员",
            f"{account!r} is nobody of {unit!r} who could answer it",
        )


@dataclass(frozen=True, slots=True)
class ActKey:
    """An Idempotency-Key as it is kept: whose, its keyed hash, and what tells its request from another."""

    account: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom something is to be handed, and the unit in which that must be a colleague."""

    account: str
    unit: str


def act_once(
    store: CaseStore,
    case_id: UUID,
    command: Command,
    *,
    key: ActKey | None = None,
    kept: Sequence[Kept] = (),
    corrections: Mapping[str, Any] | None = None,
    to: Recipient | None = None,
    access: Access | None = None,
) -> Handled:
    """Carry out a person's command; again under its key, or with its id, it returns the first answer.

    `corrections` is what an answer that confirms a form corrects in it, as a JSON merge patch.
    Raises SameKeyOtherRequest, NotAColleague, FormFaulty, and what the rules refuse; then nothing is written.
    """

    def once() -> Handled:
        with store.database.begin() as connection:
            new = key is None or bind_key(connection, key, case_id, command.at)
            if new and to is not None and not is_colleague(connection, to.account, to.unit):
                raise NotAColleague(to.account, to.unit, unit_titles(connection, [to.unit]).get(to.unit))
            judged, corrected = _as_corrected(store, connection, case_id, command, corrections)
            to_keep = (*kept, *corrected)
            handled = handle(connection, store.vault, store.files, case_id, [judged], kept=to_keep, tell_workflow=True)
            if new and access is not None:
                note_for_case(connection, case_id, [access])
            return handled

    handled = again_if_lost(once)
    # Only now is it committed.
    store.files.remember(handled.folded)
    return handled


def _as_corrected(
    store: CaseStore, connection: Connection, case_id: UUID, command: Command, corrections: Mapping[str, Any] | None
) -> tuple[Command, Sequence[Kept]]:
    """The answer with what it corrects; a form in which nothing differs is confirmed as it is."""
    if corrections is None or not isinstance(command, AnswerVerification):
        return command, ()
    lock(connection, case_id)
    file = load(connection, store.files, case_id)
    case = OpenedCase(file, store.vault.open(connection, case_id))
    corrects, kept = amendment(case, corrections, by=command.by, at=command.at, id=command.id)
    return (replace(command, corrects=corrects), kept) if corrects.changed else (command, ())


def bind_key(connection: Connection, key: ActKey, case_id: UUID, at: datetime) -> bool:
    """Keep which request the key stands for; False if it stands for this one already. Raises SameKeyOtherRequest."""
    mine = connection.execute(
        insert(request_keys)
        .values(account=key.account, key=key.key, fingerprint=key.fingerprint, case_id=case_id, made_at=at)
        .on_conflict_do_nothing()
        .returning(request_keys.c.key)
    ).first()
    if mine is not None:
        return True
    first = connection.execute(
        select(request_keys.c.fingerprint).where(request_keys.c.account == key.account, request_keys.c.key == key.key)
    ).scalar_one()
    if first != key.fingerprint:
        raise SameKeyOtherRequest
    return False
