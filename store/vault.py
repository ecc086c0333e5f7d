"""Personal data (个人信息), sealed per person and per case; everything else holds only references.

Destroying an owner's data key makes all that it sealed unreadable for good, in the backups too,
while the events stay whole: history stays, content goes (个人信息保护法 47).
"""

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from secrets import token_bytes
from types import MappingProxyType
from typing import Final
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, LargeBinary, Uuid, any_, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from store.batch import Batch
from store.keys import KEY_BYTES, KeyRing
from store.tables import vault_contacts, vault_entries, vault_keys, vault_lookups

NONCE_BYTES: Final = 12

Content = Mapping[str, str]


class VaultTampered(Exception):
    """What is stored was not sealed here under this name, or the key ring lacks its key."""


class Forgotten(Exception):
    """The owner's key was destroyed; the content is gone by right."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Something to keep: whose it is, under which name, and what it says."""

    owner: UUID
    name: str
    content: Content
    command: UUID | None = None
    """Kept only if this command, now and for the first time, changed something; None: with any."""


WrappedKey = tuple[str, bytes]
"""The id of the wrapping key, and an owner's data key wrapped with it."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything the vault holds for one case, opened."""

    entries: Mapping[tuple[UUID, str], Content]
    forgotten: frozenset[UUID]
    wrapped: Mapping[UUID, WrappedKey] = field(default_factory=dict)
    """The data keys met on opening, as they are stored: who keeps more for these owners need not look again."""

    def find(self, owner: UUID, name: str) -> Content | None:
        """The content, or None if there is none under that name."""
        return self.entries.get((owner, name))

    def with_kept(self, kept: Sequence[Kept]) -> "Dossier":
        """The dossier after these were kept too."""
        added = {(one.owner, one.name): one.content for one in kept}
        return replace(self, entries={**self.entries, **added})


class Vault:
    """Seals and opens with one key ring; holds no content between calls."""

    def __init__(self, ring: KeyRing, lookup_key: bytes) -> None:
        self._ring = ring
        self._lookup_key = lookup_key
        self._keys = {name: AESGCM(key) for name, key in ring.keys.items()}

    def digest(self, kind: str, *values: str) -> bytes:
        """Keyed hash: the same values find each other, and nobody can try out numbers without the key."""
        return hmac.digest(self._lookup_key, "\x1f".join((kind, *values)).encode(), sha256)

    def keep(
        self,
        connection: Connection,
        batch: Batch,
        case_id: UUID,
        kept: Sequence[Kept],
        at: datetime,
        wrapped: Mapping[UUID, WrappedKey] = MappingProxyType({}),
    ) -> None:
        """Seal, to be written with the batch; an entry of the same name is replaced."""
        if not kept:
            return
        keys = self._data_keys(connection, batch, {entry.owner for entry in kept}, at, wrapped)
        batch.upsert(
            vault_entries,
            [
                {
                    "case_id": case_id,
                    "owner": entry.owner,
                    "name": entry.name,
                    "sealed": _seal(keys[entry.owner], _place(case_id, entry.owner, entry.name), entry.content),
                    "kept_at": at,
                }
                for entry in {(entry.owner, entry.name): entry for entry in kept}.values()
            ],
        )

    def open(self, connection: Connection, case_id: UUID) -> Dossier:
        """Everything kept for a case; whose key was destroyed is left out and named."""
        return self.open_many(connection, (case_id,))[case_id]

    def open_many(self, connection: Connection, case_ids: Sequence[UUID]) -> Mapping[UUID, Dossier]:
        """The same for several cases in one statement."""
        opened: dict[UUID, dict[tuple[UUID, str], Content]] = {case_id: {} for case_id in case_ids}
        forgotten: dict[UUID, set[UUID]] = {case_id: set() for case_id in case_ids}
        wrapped: dict[UUID, dict[UUID, WrappedKey]] = {case_id: {} for case_id in case_ids}
        data_keys: dict[UUID, AESGCM] = {}
        for row in connection.execute(_OF_CASES, {"cases": list(case_ids)}):
            if row.wrapped is None:
                forgotten[row.case_id].add(row.owner)
                continue
            wrapped[row.case_id][row.owner] = (row.key_id, row.wrapped)
            if row.owner not in data_keys:
                data_keys[row.owner] = AESGCM(self._unwrap(row.owner, row.key_id, row.wrapped))
            place = _place(row.case_id, row.owner, row.name)
            opened[row.case_id][row.owner, row.name] = _unseal(data_keys[row.owner], place, row.sealed)
        return {
            case_id: Dossier(opened[case_id], frozenset(forgotten[case_id]), wrapped[case_id]) for case_id in case_ids
        }

    def person_of(self, connection: Connection, kind: str, number: str) -> UUID | None:
        """The person known by that number, if any."""
        found: UUID | None = connection.execute(
            select(vault_lookups.c.person).where(vault_lookups.c.digest == self.digest(kind, number))
        ).scalar_one_or_none()
        return found

    def persons_by(self, connection: Connection, kind: str, value: str) -> tuple[UUID, ...]:
        """The persons findable by something that several may share (a name, a phone)."""
        statement = select(vault_contacts.c.person).where(vault_contacts.c.digest == self.digest(kind, value))
        return tuple(connection.execute(statement).scalars())

    def make_findable(self, batch: Batch, contacts: Iterable[tuple[UUID, str, str]]) -> None:
        """Let persons be found by (person, kind, value): a name or a phone."""
        found = {(self.digest(kind, value), person) for person, kind, value in contacts}
        # Sorted, so that two families filed at once take their locks in the same order.
        batch.ignore(vault_contacts, [{"digest": digest, "person": person} for digest, person in sorted(found)])

    def persons(self, connection: Connection, numbers: Sequence[tuple[str, str] | None]) -> tuple[UUID, ...]:
        """The person for each identity number (kind, number), made where unknown; None is always a new person.

        Two transactions that meet the same new person agree: the later one waits and finds the first's.
        """
        wanted = {self.digest(*number): uuid4() for number in numbers if number is not None}
        known: dict[bytes, UUID] = {}
        if wanted:
            # Sorted, so that two families filed at once take the same locks in the same order.
            digests = sorted(wanted)
            made = connection.execute(
                _LOOKUPS_MADE, {"digests": digests, "persons": [wanted[digest] for digest in digests]}
            )
            known = {digest: wanted[digest] for digest in made.scalars()}
            if missing := sorted(wanted.keys() - known.keys()):
                known |= {row.digest: row.person for row in connection.execute(_LOOKUPS, {"digests": missing})}
        return tuple(uuid4() if number is None else known[self.digest(*number)] for number in numbers)

    def forget(self, connection: Connection, owner: UUID, at: datetime) -> None:
        """Destroy the owner's data key and what finds the person; the content stays as noise."""
        connection.execute(update(vault_keys).where(vault_keys.c.owner == owner).values(wrapped=None, forgotten_at=at))
        connection.execute(vault_lookups.delete().where(vault_lookups.c.person == owner))
        connection.execute(vault_contacts.delete().where(vault_contacts.c.person == owner))

    def rewrap(self, connection: Connection, limit: int) -> int:
        """Wrap up to `limit` data keys with the ring's current key; returns how many were left to do."""
        rows = connection.execute(
            select(vault_keys)
            .where(vault_keys.c.key_id != self._ring.current, vault_keys.c.wrapped.is_not(None))
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            key = self._unwrap(row.owner, row.key_id, row.wrapped)
            connection.execute(
                update(vault_keys)
                .where(vault_keys.c.owner == row.owner)
                .values(key_id=self._ring.current, wrapped=self._wrap(row.owner, key))
            )
        return len(rows)

    def _data_keys(
        self,
        connection: Connection,
        batch: Batch,
        owners: Iterable[UUID],
        at: datetime,
        known: Mapping[UUID, WrappedKey],
    ) -> dict[UUID, AESGCM]:
        wanted = sorted(owners)
        keys = {owner: AESGCM(self._unwrap(owner, *known[owner])) for owner in wanted if owner in known}
        if unknown := [owner for owner in wanted if owner not in keys]:
            for row in connection.execute(_KEYS_OF, {"owners": unknown}):
                if row.wrapped is None:
                    raise Forgotten
                keys[row.owner] = AESGCM(self._unwrap(row.owner, row.key_id, row.wrapped))
        fresh = {owner: token_bytes(KEY_BYTES) for owner in wanted if owner not in keys}
        # A plain insert: a key that somebody else made meanwhile must never be passed over in favour of ours.
        batch.insert(
            vault_keys,
            [
                {"owner": owner, "key_id": self._ring.current, "wrapped": self._wrap(owner, key), "made_at": at}
                for owner, key in fresh.items()
            ],
        )
        return keys | {owner: AESGCM(key) for owner, key in fresh.items()}

    def _wrap(self, owner: UUID, key: bytes) -> bytes:
        nonce = token_bytes(NONCE_BYTES)
        return nonce + self._keys[self._ring.current].encrypt(nonce, key, owner.bytes)

    def _unwrap(self, owner: UUID, key_id: str, wrapped: bytes) -> bytes:
        if key_id not in self._keys:
            raise VaultTampered(f"the key ring has no key {key_id}")
        try:
            return self._keys[key_id].decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], owner.bytes)
        except InvalidTag:
            raise VaultTampered("a data key does not belong to its owner") from None


_KEYS_OF = select(vault_keys).where(vault_keys.c.owner == any_(bindparam("owners", type_=ARRAY(Uuid))))
_LOOKUPS = select(vault_lookups).where(vault_lookups.c.digest == any_(bindparam("digests", type_=ARRAY(LargeBinary))))
_LOOKUPS_MADE = text(
    """
    INSERT INTO vault_lookups (digest, person)
    SELECT * FROM unnest(:digests, :persons)
    ON CONFLICT DO NOTHING
    RETURNING digest
    """
).bindparams(bindparam("digests", type_=ARRAY(LargeBinary)), bindparam("persons", type_=ARRAY(Uuid)))
_OF_CASES = (
    select(
        vault_entries.c.case_id,
        vault_entries.c.owner,
        vault_entries.c.name,
        vault_entries.c.sealed,
        vault_keys.c.key_id,
        vault_keys.c.wrapped,
    )
    .join(vault_keys, vault_keys.c.owner == vault_entries.c.owner)
    .where(vault_entries.c.case_id == any_(bindparam("cases", type_=ARRAY(Uuid))))
)


def _place(case_id: UUID, owner: UUID, name: str) -> bytes:
    """Bound into the seal, so that nobody can move one person's content to another's place."""
    return case_id.bytes + owner.bytes + name.encode()


def _seal(key: AESGCM, place: bytes, content: Content) -> bytes:
    nonce = token_bytes(NONCE_BYTES)
    return nonce + key.encrypt(nonce, json.dumps(dict(content), ensure_ascii=False).encode(), place)


def _unseal(key: AESGCM, place: bytes, sealed: bytes) -> Content:
    try:
        content: dict[str, str] = json.loads(key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place))
    except InvalidTag:
        raise VaultTampered("an entry does not belong where it was found") from None
    return content
