"""The one write path: lock the case, load it, decide, append, project, log, and fill the outbox, in one transaction.

A command that comes again returns the events of its first time and changes nothing, so that a
worker may crash after the commit, a clerk may press twice, and a lost answer may be asked for again.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from domain.actors import THE_ENGINE, Actor
from domain.bundle import SharedDataQuery, Verification
from domain.case_file import CaseFile, evolve, evolve_recorded
from domain.commands import Command, OpenCase
from domain.decisions import decide
from domain.events import (
    Event,
    ItemSubmitted,
    LateAnswerRecorded,
    Recorded,
    RouteExhausted,
    RouteOpened,
    VerificationOpened,
)
from domain.refusals import NoSuchCase
from domain.verifications import asked_of
from store.access_log import Access, note
from store.batch import Batch
from store.events import Appended, append, read_with
from store.notices import tell_people
from store.outbox import put
from store.read_models.all_models import project
from store.streams import Stream, begin, lock, write
from store.vault import Kept, Vault, WrappedKey

MOST_REMEMBERED: Final = 2_000
"""Case files a process keeps; a miss costs one read of the stream."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A case file, and every command that has had a part in it."""

    file: CaseFile
    commands: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Handled:
    """What the commands caused (now or the first time), and the case as it stands."""

    events: tuple[Recorded, ...]
    folded: Folded

    @property
    def file(self) -> CaseFile:
        """The case as it stands."""
        return self.folded.file


class CaseFiles:
    """Case files already folded, by case; any of them may be behind, never wrong."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._files: OrderedDict[UUID, Folded] = OrderedDict()
        self._lock = Lock()

    def find(self, case_id: UUID) -> Folded | None:
        """The newest fold this process has seen."""
        with self._lock:
            return self._files.get(case_id)

    def remember(self, folded: Folded) -> None:
        """Keep a fold that is committed."""
        with self._lock:
            known = self._files.get(folded.file.case_id)
            if known is None or known.file.version < folded.file.version:
                self._files[folded.file.case_id] = folded
                self._files.move_to_end(folded.file.case_id)
            while len(self._files) > self._most:
                self._files.popitem(last=False)

    def forget(self) -> None:
        """Start afresh (after a rebuild or a restore)."""
        with self._lock:
            self._files.clear()


def load(connection: Connection, files: CaseFiles, case_id: UUID) -> CaseFile:
    """The case as committed; refuses with NoSuchCase."""
    folded = _folded(files.find(case_id), read_with(connection, case_id, _version(files.find(case_id)), ()))
    if folded is None:
        raise NoSuchCase
    files.remember(folded)
    return folded.file


def _version(known: Folded | None) -> int:
    return 0 if known is None else known.file.version


def _folded(known: Folded | None, read: Sequence[Appended]) -> Folded | None:
    version = _version(known)
    file = evolve_recorded(
        None if known is None else known.file, (entry.recorded for entry in read if entry.recorded.version > version)
    )
    if file is None:
        return None
    commands = frozenset(entry.command for entry in read)
    return Folded(file, commands if known is None else known.commands | commands)


def handle(
    connection: Connection,
    vault: Vault,
    files: CaseFiles,
    case_id: UUID,
    commands: Sequence[Command],
    *,
    kept: Sequence[Kept] = (),
    wrapped: Mapping[UUID, WrappedKey] = MappingProxyType({}),
    tell_workflow: bool,
) -> Handled:
    """Carry out commands of one case in the caller's transaction.

    `kept` goes to the vault with the commands that it names and that were not handled before.
    `tell_workflow` is false only for the case's own workflow, which hears the events as the answer of its activity.
    Raises what the rules refuse; then nothing is written.
    """
    stream = lock(connection, case_id)
    if stream is None and not isinstance(commands[0], OpenCase):
        raise NoSuchCase
    wanted = [command.id for command in commands]
    known = None if stream is None else files.find(case_id)
    if known is not None and stream is not None and known.file.version > stream.version:
        # The database was set back behind this process (a restore); what is folded here never happened.
        files.forget()
        known = None
    earlier: Sequence[Appended] = ()
    if stream is not None and (
        known is None or known.file.version != stream.version or not known.commands.isdisjoint(wanted)
    ):
        earlier = read_with(connection, case_id, _version(known), wanted)
    before = _folded(known, earlier)
    # The first answer stands, also where newer events have been folded in since.
    repeated = tuple(entry.recorded for entry in earlier if entry.command in wanted)

    file = None if before is None else before.file
    done_before = frozenset() if before is None else before.commands
    new: list[tuple[UUID, Event]] = []
    for command in commands:
        if command.id in done_before:
            continue
        for event in decide(command, file):
            new.append((command.id, event))
            file = evolve(file, event)
    if file is None:
        raise NoSuchCase
    if not new:
        return Handled(repeated, Folded(file, done_before))

    batch = Batch()
    # What came late changes nothing, in the vault neither: a newer record or number stands there by now.
    changed = {command for command, event in new if not isinstance(event, LateAnswerRecorded)}
    mine = [one for one in kept if one.command is None or one.command in changed]
    vault.keep(connection, batch, case_id, mine, new[0][1].at, wrapped)
    after, recorded = append(batch, stream or Stream(case_id), new)
    after = note(batch, after, _disclosures(file, recorded))
    if stream is None:
        begin(batch, after)
    else:
        write(batch, after)
    project(batch, None if before is None else before.file, file)
    tell_people(batch, None if before is None else before.file, file, new[-1][1].at)
    if tell_workflow:
        put(batch, case_id, recorded[0].version, recorded[-1].version, recorded[-1].event.at)
    batch.write(connection)
    return Handled((*repeated, *recorded), Folded(file, done_before | {command for command, _ in new}))


def _disclosures(file: CaseFile, recorded: Sequence[Recorded]) -> list[Access]:
    """Whose data the engine is about to send to whom: logged with the decision to send it."""
    found: list[Access] = []
    for entry in recorded:
        event = entry.event
        match event:
            case RouteOpened():
                proof = file.declared_proof(event.proof)
                route = proof.routes[event.rung]
                if isinstance(route, SharedDataQuery):
                    about = [fact.name for fact in route.by if fact.applies(file.circumstances)]
                    found.append(_disclosure(file, event, "query", about, event.asked, proof.basis))
            case RouteExhausted() if event.reason == "no_grant":
                proof = file.declared_proof(event.proof)
                route = proof.routes[event.rung]
                asked = asked_of(route)
                found.append(replace(_disclosure(file, event, "query", (), asked, proof.basis), granted=False))
            case VerificationOpened():
                proof = file.declared_proof(event.proof)
                route = proof.routes[event.rung]
                shown = route.shows if isinstance(route, Verification) else ()
                found.append(_disclosure(file, event, "verify", shown, event.unit, proof.basis))
            case ItemSubmitted():
                item = file.declared_item(event.item)
                about = [*item.discloses, *(fact.name for fact in item.facts), *item.reads]
                found.append(_disclosure(file, event, "submit", about, event.department, item.basis))
            case _:
                pass
    return found


def _disclosure(file: CaseFile, event: Event, action: str, about: Sequence[str], recipient: str, basis: str) -> Access:
    # The engine sends, whoever's command made it due, and under the rights of the unit that took the case in.
    return Access(
        at=event.at,
        by=Actor(account=THE_ENGINE.account, unit=file.opened.by.unit),
        action=action,
        about=tuple(about),
        purpose=basis,
        recipient=recipient,
        case_id=file.case_id,
    )
