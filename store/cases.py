"""Cases as the rest of the house uses them: open one, hand in commands, read one with its personal content.

The transactions are here: whoever calls sees either everything or nothing of what was asked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, Self
from uuid import UUID, uuid4

from sqlalchemy import Connection, Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import IntegrityError

from domain.actors import Actor
from domain.bundle import FieldKind
from domain.case_file import CaseFile
from domain.catalogue import BundleDemandsTooMuch
from domain.commands import AmendApplication, Command, OpenCase, command_id
from domain.events import Recorded
from domain.form import SHANGHAI, Application, SoFar, as_filed, read_application
from domain.identifiers import case_no
from domain.refusals import AlreadyOpen, NoSuchCase, PeopleMayNotChange, SameKeyOtherRequest
from store.access_log import Access, note_for_case, note_for_unit
from store.batch import Batch
from store.commands import CaseFiles, Handled, handle, load
from store.database import Database, again_if_lost
from store.events import read, read_with
from store.grants import permitted
from store.keys import KeyRing, read_key
from store.listing_in_force import ListingInForce
from store.settings import StoreSettings
from store.streams import lock
from store.tables import case_keys, case_serial, cases, request_keys
from store.vault import Dossier, Kept, Vault, WrappedKey

IDENTIFYING: Final = (FieldKind.CITIZEN_ID, FieldKind.PASSPORT)
NO_VERSION: Final = 2**31 - 1
FINDABLE: Final = (FieldKind.NAME, FieldKind.PHONE)


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """A case with its personal content opened; lives as long as one step and is never logged."""

    file: CaseFile
    dossier: Dossier

    def person(self, section: str, number: int | None = None) -> UUID:
        """The vault key of the section's n-th person (from 1)."""
        return self.file.opened.people[section][(number or 1) - 1]

    def declared(self, path: str, number: int | None = None, *, at_version: int | None = None) -> str | None:
        """What the applicant declared at "section.field"; "section.count" is how many there are.

        With `at_version`, as the form stood then: a department that is asked again is sent what it was sent first.
        """
        section, _, code = path.partition(".")
        people = self.file.opened.people.get(section)
        if code == "count":
            return str(len(people or ()))
        if people is None:
            owner = self.file.case_id
        elif (number or 1) > len(people):
            return None
        else:
            owner = self.person(section, number)
        content = self.dossier.find(owner, self._form_name(owner, section, at_version))
        return None if content is None else content.get(code)

    def _form_name(self, owner: UUID, section: str, at_version: int | None) -> str:
        """Under which name the section is kept as it stood then; an amendment leaves the old one as "…@version"."""
        current = f"form/{section}"
        if at_version is None:
            return current
        replaced = [
            int(name.rpartition("@")[2])
            for kept_for, name in self.dossier.entries
            if kept_for == owner and name.startswith(f"{current}@")
        ]
        later = [version for version in replaced if version >= at_version]
        return f"{current}@{min(later)}" if later else current

    def form(self) -> Mapping[str, tuple[Mapping[str, str], ...]]:
        """The whole form as it stands now."""
        found: dict[str, tuple[Mapping[str, str], ...]] = {}
        for section in self.file.bundle.sections:
            people = self.file.opened.people.get(section.code)
            owners = (self.file.case_id,) if people is None else people
            rows = tuple(
                content for owner in owners if (content := self.dossier.find(owner, f"form/{section.code}")) is not None
            )
            if rows:
                found[section.code] = rows
        return found

    def evidence(self, proof: str) -> Mapping[str, str]:
        """The record by which a proof was met; empty if a person settled it without one."""
        live = self.file.proofs.get(proof)
        if live is None or not live.evidence:
            # What an earlier round found may be about what has been amended since.
            return {}
        return self.dossier.find(self.file.case_id, f"evidence/{proof}") or {}

    def note(self, name: str | None) -> str | None:
        """A reason in words."""
        content = self.dossier.find(self.file.case_id, name) if name else None
        return None if content is None else content.get("text")

    def entitled(self, item: str) -> Mapping[str, str]:
        """The facts that an amount was computed from when the item was sent, and what it came to; empty if none was."""
        return self.dossier.find(self.file.case_id, f"entitled/{item}") or {}

    def made(self, item: str, code: str, *, corrections: int | None = None) -> str | None:
        """What the item made of this product, as it stood after so many corrections; None: after all of them."""
        live = self.file.items[item]
        numbers = [
            one.number
            for one in live.corrections
            if code in one.products and (corrections is None or one.number <= corrections)
        ]
        place = product_place(item, code, numbers[-1] if numbers else 0)
        content = self.dossier.find(self.person(self.file.bundle.product(code).belongs_to, live.planned.number), place)
        return None if content is None else content.get("value")

    def product(self, code: str, number: int | None = None, *, at_version: int | None = None) -> str | None:
        """What an earlier item made, for the n-th person of the list; with `at_version`, as it stood then."""
        producer = self.file.bundle.producer_of(code).code
        for item, live in self.file.items.items():
            if live.planned.item == producer and (number is None or live.planned.number in {None, number}):
                then = sum(at_version is None or one.version <= at_version for one in live.corrections)
                value = self.made(item, code, corrections=then)
                if value is not None:
                    return value
        return None


def product_place(item: str, code: str, correction: int = 0) -> str:
    """Under which name the vault keeps what an item made; a correction has a place of its own beside the first value."""
    return f"product/{item}/{code}" + (f"@{correction}" if correction else "")


@dataclass(frozen=True, slots=True)
class Filed:
    """The case of an application; `new` is false if it was filed before."""

    case_id: UUID
    case_no: str
    version: int
    new: bool


class CaseStore:
    """The write path with its database, vault and memory of case files; one per process."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self.vault = vault
        self.files = CaseFiles()
        self.listing = ListingInForce(database)

    @classmethod
    def from_settings(cls, settings: StoreSettings) -> Self:
        """The store with its database and keys; raises KeyRingFaulty."""
        vault = Vault(KeyRing.from_file(settings.vault_keys_file), read_key(settings.lookup_key_file))
        return cls(Database.from_settings(settings), vault)

    def handle(
        self,
        case_id: UUID,
        commands: Sequence[Command],
        *,
        kept: Sequence[Kept] = (),
        wrapped: Mapping[UUID, WrappedKey] = MappingProxyType({}),
        tell_workflow: bool,
    ) -> Handled:
        """Carry out commands in one transaction; a repetition returns the first answer."""

        def once() -> Handled:
            with self.database.begin() as connection:
                return handle(
                    connection,
                    self.vault,
                    self.files,
                    case_id,
                    commands,
                    kept=kept,
                    wrapped=wrapped,
                    tell_workflow=tell_workflow,
                )

        handled = again_if_lost(once)
        # Only now is it committed.
        self.files.remember(handled.folded)
        return handled

    def first_answers(self, case_id: UUID, ids: Sequence[UUID]) -> tuple[Recorded, ...]:
        """What commands of these ids have caused; empty if none of them was handled yet."""

        def once() -> tuple[Recorded, ...]:
            with self.database.reading() as connection:
                return tuple(entry.recorded for entry in read_with(connection, case_id, NO_VERSION, ids))

        return again_if_lost(once)

    def open_case_file(self, case_id: UUID, *, at_least: int | None = None) -> OpenedCase:
        """The case with its personal content, for the engine's own steps (logged when they became due).

        With `at_least`, a fold of this process that has come that far is new enough and is not looked up again.
        """
        known = None if at_least is None else self.files.find(case_id)

        def once() -> OpenedCase:
            if known is not None and at_least is not None and known.file.version >= at_least:
                with self.database.glancing() as connection:
                    return OpenedCase(known.file, self.vault.open(connection, case_id))
            with self.database.reading() as connection:
                return OpenedCase(load(connection, self.files, case_id), self.vault.open(connection, case_id))

        return again_if_lost(once)

    def registers_permitted(self, file: CaseFile, at: datetime) -> frozenset[str]:
        """The registers that the unit which took the case in may query for it now (数据权限)."""

        def once() -> frozenset[str]:
            with self.database.glancing() as connection:
                return permitted(connection, file.opened.by.unit, file.bundle.code, at)

        return again_if_lost(once)

    def events_after(self, case_id: UUID, version: int) -> tuple[Recorded, ...]:
        """Everything that happened to the case after that version."""

        def once() -> tuple[Recorded, ...]:
            with self.database.glancing() as connection:
                return read(connection, case_id, version)

        return again_if_lost(once)

    def case_file(self, case_id: UUID) -> CaseFile:
        """The case as it stands, without any personal content."""

        def once() -> CaseFile:
            with self.database.reading() as connection:
                return load(connection, self.files, case_id)

        return again_if_lost(once)

    def case_of_event(self, application: Application) -> UUID | None:
        """The case that the application's event has, whoever took it in; None if there is none."""
        keys = self._event_keys(application)

        def once() -> UUID | None:
            with self.database.glancing() as connection:
                row = connection.execute(_HOLDERS, {"keys": keys}).first()
                return None if row is None else UUID(str(row.case_id))

        return again_if_lost(once)

    def open_for(self, case_id: UUID, access: Access) -> OpenedCase:
        """The case with its personal content, for a person: the access is in the log before anything is opened."""

        def once() -> OpenedCase:
            with self.database.begin() as connection:
                note_for_case(connection, case_id, [access])
                return OpenedCase(load(connection, self.files, case_id), self.vault.open(connection, case_id))

        return again_if_lost(once)

    def log_accesses(self, accesses: Sequence[Access]) -> None:
        """Log accesses that are not about one case, and attempts that were refused."""

        def once() -> None:
            with self.database.begin() as connection:
                note_for_unit(connection, accesses)

        again_if_lost(once)

    def act_on(self, case_id: UUID, judged: Callable[[OpenedCase], tuple[Command, Sequence[Kept]]]) -> Handled:
        """Carry out what `judged` makes of the case as it stands, under the lock it will be written under.

        The case is handed over without personal content: whoever answers has no business with it.
        """

        def once() -> Handled:
            with self.database.begin() as connection:
                lock(connection, case_id)
                file = load(connection, self.files, case_id)
                command, kept = judged(OpenedCase(file, Dossier({}, frozenset())))
                return handle(connection, self.vault, self.files, case_id, [command], kept=kept, tell_workflow=True)

        handled = again_if_lost(once)
        self.files.remember(handled.folded)
        return handled

    def file(
        self,
        application: Application,
        *,
        by: Actor,
        division: str,
        at: datetime,
        key: str,
        fingerprint: bytes,
    ) -> Filed:
        """Take in an application, or return the case that it already has.

        Raises SameKeyOtherRequest, AlreadyOpen if the same event has a case under another application, and
        BundleDemandsTooMuch where a new case would ask for what the listing of proofs does not allow.
        """
        bundle = application.bundle
        # Before the transaction: nobody waits for a second connection while holding one.
        demands = self.listing.refuses([bundle], at.astimezone(SHANGHAI).date()).get(bundle.code, ())

        def once() -> Filed:
            with self.database.begin() as connection:
                return self._file(connection, application, by, division, at, key, fingerprint, demands)

        try:
            return again_if_lost(once)
        except IntegrityError:
            # A twin was faster by a moment; what it wrote is visible now, so the second look finds it.
            return again_if_lost(once)

    def filed_before(self, by: Actor, *, key: str, fingerprint: bytes) -> Filed | None:
        """The case that this very request was answered with; None for a new one. Raises SameKeyOtherRequest."""

        def once() -> Filed | None:
            with self.database.reading() as connection:
                return self._first_time(connection, by, key, fingerprint)

        return again_if_lost(once)

    def amend(
        self, case_id: UUID, patch: Mapping[str, Any], *, reason: str, by: Actor, at: datetime, id: UUID, seen: int
    ) -> Handled:
        """Correct the form by a JSON merge patch (RFC 7396), read as strictly as a new one.

        Raises FormFaulty, PeopleMayNotChange where the patch makes it about other people, CaseMovedOn, CaseEnded.
        """

        def once() -> Handled:
            with self.database.begin() as connection:
                case = OpenedCase(load(connection, self.files, case_id), self.vault.open(connection, case_id))
                command, kept = amendment(case, patch, by=by, at=at, id=id, seen=seen)
                kept.append(Kept(case_id, command.note, {"text": reason}))
                return handle(connection, self.vault, self.files, case_id, [command], kept=kept, tell_workflow=True)

        handled = again_if_lost(once)
        self.files.remember(handled.folded)
        return handled

    def act(self, case_id: UUID, command: Command, *, note: str | None = None, reason: str | None = None) -> Handled:
        """Carry out a person's command; the reason in words goes to the vault under `note`."""
        kept = [Kept(case_id, note, {"text": reason})] if note and reason else []
        return self.handle(case_id, [command], kept=kept, tell_workflow=True)

    def _file(
        self,
        connection: Connection,
        application: Application,
        by: Actor,
        division: str,
        at: datetime,
        key: str,
        fingerprint: bytes,
        demands: tuple[str, ...],
    ) -> Filed:
        case_id = uuid4()
        mine = connection.execute(
            insert(request_keys)
            .values(account=by.account, key=key, fingerprint=fingerprint, case_id=case_id, made_at=at)
            .on_conflict_do_nothing()
            .returning(case_serial.next_value())
        ).scalar_one_or_none()
        if mine is None:
            first = self._first_time(connection, by, key, fingerprint)
            assert first is not None
            return first

        bundle = application.bundle
        event_keys = tuple(self._event_keys(application))
        application_key = self.vault.digest(f"application/{bundle.code}/{by.unit}", *_flat(application)).hex()
        taken = connection.execute(_HOLDERS, {"keys": [application_key, *event_keys]}).all()
        if same := next((row for row in taken if row.key == application_key), None):
            connection.execute(
                request_keys.update()
                .where(request_keys.c.account == by.account, request_keys.c.key == key)
                .values(case_id=same.case_id)
            )
            return self._case_of(connection, same.case_id)
        if taken:
            raise AlreadyOpen(taken[0].case_no if taken[0].unit == by.unit else None)
        if demands:
            raise BundleDemandsTooMuch(bundle, demands)

        rows = [
            (section, row)
            for section in bundle.sections
            if section.person
            for row in application.sections.get(section.code, ())
        ]
        identities = [
            next(
                (
                    (field.kind.value, row[field.code])
                    for field in section.fields
                    if field.kind in IDENTIFYING and field.code in row
                ),
                None,
            )
            for section, row in rows
        ]
        persons = self.vault.persons(connection, identities)
        people: dict[str, tuple[UUID, ...]] = {}
        kept: list[Kept] = []
        contacts: list[tuple[UUID, str, str]] = []
        for (section, filled), person in zip(rows, persons, strict=True):
            people[section.code] = (*people.get(section.code, ()), person)
            kept.append(Kept(person, f"form/{section.code}", filled))
            contacts += [
                (person, field.kind.value, filled[field.code])
                for field in section.fields
                if field.kind in FINDABLE and field.code in filled
            ]
        kept += [
            Kept(case_id, f"form/{section.code}", row)
            for section in bundle.sections
            if not section.person
            for row in application.sections.get(section.code, ())
        ]
        batch = Batch()
        self.vault.make_findable(batch, contacts)
        batch.write(connection)
        number = case_no(division, bundle.business, at.astimezone(SHANGHAI).date(), mine)
        command = OpenCase(
            id=command_id(case_id, "open"),
            at=at,
            by=by,
            case_id=case_id,
            case_no=number,
            bundle=bundle,
            division=division,
            people=people,
            counts=application.counts,
            circumstances=application.circumstances,
            milestones=application.milestones,
            warnings=application.warnings,
            application_key=application_key,
            event_keys=event_keys,
        )
        handled = handle(connection, self.vault, self.files, case_id, [command], kept=kept, tell_workflow=True)
        return Filed(case_id, number, handled.file.version, new=True)

    def _first_time(self, connection: Connection, by: Actor, key: str, fingerprint: bytes) -> Filed | None:
        first = connection.execute(
            select(request_keys.c.fingerprint, request_keys.c.case_id).where(
                request_keys.c.account == by.account, request_keys.c.key == key
            )
        ).first()
        if first is None:
            return None
        if first.fingerprint != fingerprint:
            raise SameKeyOtherRequest
        return self._case_of(connection, first.case_id)

    def _event_keys(self, application: Application) -> list[str]:
        about = f"event/{application.bundle.code}"
        return [self.vault.digest(about, *values).hex() for values in application.event_values()]

    def _case_of(self, connection: Connection, case_id: UUID) -> Filed:
        row = connection.execute(select(cases.c.case_no, cases.c.version).where(cases.c.case_id == case_id)).first()
        if row is None:
            raise NoSuchCase
        return Filed(case_id, row.case_no, row.version, new=False)


def amendment(
    case: OpenedCase, patch: Mapping[str, Any], *, by: Actor, at: datetime, id: UUID, seen: int | None = None
) -> tuple[AmendApplication, list[Kept]]:
    """The command that corrects the form by a JSON merge patch (RFC 7396), and what the vault is to keep of it.

    Raises FormFaulty, and PeopleMayNotChange where the patch makes it about other people.
    """
    file, before = case.file, case.form()
    so_far = SoFar(before, file.opened.at, file.corrected)
    application = read_application(file.bundle, _merged(as_filed(file.bundle, before), patch), at=at, so_far=so_far)
    changed = _changed(before, application.sections)
    if application.event_values() != Application(file.bundle, before, (), ()).event_values() or any(
        file.bundle.field(path).kind in IDENTIFYING for path in changed
    ):
        raise PeopleMayNotChange
    kept: list[Kept] = []
    for section, rows in application.sections.items():
        people = file.opened.people.get(section)
        if people is not None and len(people) != len(rows):
            raise PeopleMayNotChange
        for number, row in enumerate(rows):
            owner = file.case_id if people is None else people[number]
            if row != before.get(section, ())[number]:
                kept.append(Kept(owner, f"form/{section}", row))
                kept.append(Kept(owner, f"form/{section}@{file.version}", before[section][number]))
    command = AmendApplication(
        id=id,
        at=at,
        by=by,
        expected_version=seen,
        changed=changed,
        circumstances=application.circumstances,
        counts=application.counts,
        milestones=application.milestones,
        note=f"note/{id}",
    )
    return command, kept


_HOLDERS = (
    select(case_keys.c.key, case_keys.c.case_id, cases.c.case_no, cases.c.unit)
    .join(cases, cases.c.case_id == case_keys.c.case_id)
    .where(case_keys.c.key == any_(bindparam("keys", type_=ARRAY(Text))))
)


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _changed(
    before: Mapping[str, Sequence[Mapping[str, str]]], after: Mapping[str, Sequence[Mapping[str, str]]]
) -> tuple[str, ...]:
    if {section: len(rows) for section, rows in before.items()} != {
        section: len(rows) for section, rows in after.items()
    }:
        raise PeopleMayNotChange
    return tuple(
        dict.fromkeys(
            f"{section}.{field}"
            for section, rows in after.items()
            for old, new in zip(before[section], rows, strict=True)
            for field in sorted(old.keys() | new.keys())
            if old.get(field) != new.get(field)
        )
    )


def _flat(application: Application) -> list[str]:
    return [
        f"{section}.{number}.{field}={value}"
        for section, rows in sorted(application.sections.items())
        for number, row in enumerate(rows)
        for field, value in sorted(row.items())
    ]


def fingerprint(*parts: bytes) -> bytes:
    """What tells one request from another under the same Idempotency-Key."""
    return sha256(b"\x1f".join(parts)).digest()
