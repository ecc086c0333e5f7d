"""What tests of running cases share: a birth desk that files the city's families, and a store on the test's database."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from demo.city.examples import application_for
from demo.city.population import CITY
from domain.actors import Actor
from domain.bundle import Bundle
from domain.case_file import CaseFile
from domain.catalogue import catalogue
from domain.commands import RecordRegisterAnswer, SettleProof, WithdrawCase, command_id
from domain.form import Application, read_application
from store.cases import CaseStore, Filed
from store.database import Database
from store.keys import KeyRing
from store.vault import Vault

MONDAY = datetime(2026, 11, 23, 1, tzinfo=UTC)
"""Nine o'clock in Shanghai, a working day."""
CLERK = Actor(account="desk-1", unit="hospital")
CASEWORKER = Actor(account="caseworker-1", unit="hospital")
DIVISION = "339901"
EXAMPLES = Path(__file__).parents[1] / "examples" / "newborn"

RING = KeyRing("k1", {"k1": sha256(b"vault").digest()})
LOOKUP_KEY = sha256(b"lookup").digest()


def newborn() -> Bundle:
    """The bundle in force on MONDAY."""
    return catalogue().in_force("newborn", MONDAY.date())


def store_on(database: Database, ring: KeyRing = RING) -> CaseStore:
    """The write path of one process."""
    return CaseStore(database, Vault(ring, LOOKUP_KEY))


def example(name: str = "family") -> dict[str, Any]:
    """The form of one of the families that the documentation tells about."""
    form: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))["application"]
    return form


def family(number: int) -> dict[str, Any]:
    """The form of the n-th plain family."""
    form: dict[str, Any] = application_for(CITY.family(number))["application"]
    return form


def read(form: Mapping[str, Any], *, bundle: Bundle | None = None, at: datetime = MONDAY) -> Application:
    """The form as an application."""
    return read_application(bundle or newborn(), form, at=at)


def file(
    store: CaseStore,
    form: Mapping[str, Any] | None = None,
    *,
    key: str = "key-1",
    by: Actor = CLERK,
    at: datetime = MONDAY,
    bundle: Bundle | None = None,
) -> Filed:
    """Hand the form in at the desk."""
    given = example() if form is None else form
    fingerprint = sha256(json.dumps(given, sort_keys=True).encode()).digest()
    return store.file(
        read(given, bundle=bundle, at=at), by=by, division=DIVISION, at=at, key=key, fingerprint=fingerprint
    )


def case_file(store: CaseStore, case_id: UUID) -> CaseFile:
    """The case as committed."""
    return store.open_case_file(case_id).file


def withdraw(store: CaseStore, case_id: UUID, *, id: str = "withdraw", at: datetime = MONDAY) -> CaseFile:
    """The family takes the application back."""
    command = WithdrawCase(id=command_id(case_id, id), at=at, by=CLERK, note=f"note/{id}")
    return store.act(case_id, command, note=f"note/{id}", reason="改在户籍地办理").file


def settle(store: CaseStore, case_id: UUID, proof: str, *, met: bool = True, at: datetime = MONDAY) -> CaseFile:
    """A caseworker decides the proof."""
    id = command_id(case_id, "settle", proof)
    command = SettleProof(id=id, at=at, by=CASEWORKER, proof=proof, met=met, note=f"note/{id}")
    return store.act(case_id, command, note=f"note/{id}", reason="已核验原件").file


def register_says(case_id: UUID, proof: str, *, round: int = 1, rung: int = 0, **more: Any) -> RecordRegisterAnswer:
    """The command by which the engine records that the register agrees."""
    return RecordRegisterAnswer(
        **{
            "id": command_id(case_id, f"ask {proof} {round}.{rung}"),
            "at": MONDAY,
            "by": Actor(account="onething", unit="onething"),
            "proof": proof,
            "round": round,
            "rung": rung,
            "outcome": "matches",
            **more,
        }
    )
