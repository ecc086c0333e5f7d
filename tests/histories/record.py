"""`python -m tests.histories.record`: writes the histories anew that every change of `workflows/` has to replay.

Only for a change that is meant to break old runs, or for a new branch: old files stay as they are, because cases
that began under them are still running somewhere. Add `--all` to write those anew too.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from temporalio.testing import WorkflowEnvironment

from activities.messages import News
from activities.settings import GatewaySettings
from demo.postgres import EmbeddedPostgres
from domain.case_file import CaseFile, ItemState, VerificationState
from domain.commands import AnswerCommitment, ResubmitItem, ResumeVerification, SuspendVerification, command_id
from domain.listing import ListedRoute
from domain.waiting import waits
from store.cases import Filed
from store.database import Database
from store.keys import KeyRing
from store.schema import upgrade
from tests.desk import CASEWORKER, CLERK, settle, store_on, withdraw
from tests.grants import grant_everything
from tests.workflows.conftest import House, relaying, time_skipping, with_hours
from tests.workflows.officers import (
    CIVIL_AFFAIRS,
    COMMUNITY_SECRETARY,
    OFFICER,
    PROOF,
    about,
    alone,
    answer,
    asked,
    man_communities,
    man_department,
)
from workers.payloads import data_converter
from workers.settings import WorkerSettings

FOLDER: Final = Path(__file__).parent
PAYLOADS: Final = data_converter(KeyRing("test", {"test": sha256(b"no secret").digest()}), "default")
"""Sealed as in production, so that the histories also guard the seal; and a fifth of the size."""
Branch = Callable[[House], Awaitable[Filed]]
BRANCHES: Final[dict[str, Branch]] = {}
_NUMBERS: Final = count(1)


def branch(live: Branch) -> Branch:
    """A way that a case can go; named by its function."""
    BRANCHES[live.__name__] = live
    return live


def _with_caseworker(file: CaseFile) -> bool:
    return {wait.on for wait in waits(file)} == {"caseworker"}


def _registration_is(state: ItemState) -> Callable[[CaseFile], bool]:
    return lambda file: (
        file.items["household_registration"].state is state
        and file.items["maternity_benefit"].state is ItemState.CONCLUDED
    )


@branch
async def automatic(house: House) -> Filed:
    return house.file("family")


@branch
async def unmarried(house: House) -> Filed:
    return house.file("unmarried")


@branch
async def twins(house: House) -> Filed:
    return house.file("twins")


@branch
async def uninsured(house: House) -> Filed:
    return house.file("uninsured")


@branch
async def denial(house: House) -> Filed:
    house.city.says_no.add("public_security")
    return house.file("family")


@branch
async def escalation_met(house: House) -> Filed:
    filed = house.file("marriage_not_on_file")
    await house.until(filed, _with_caseworker)
    settle(house.store, filed.case_id, "parents_marriage", at=house.clock())
    return filed


@branch
async def escalation_not_met(house: House) -> Filed:
    filed = house.file("following_father")
    await house.until(filed, _with_caseworker)
    settle(house.store, filed.case_id, "paternity", met=False, at=house.clock())
    return filed


@branch
async def contested(house: House) -> Filed:
    filed = house.file("name_differs")
    await house.until(filed, _with_caseworker)
    settle(house.store, filed.case_id, "fathers_household", at=house.clock())
    return filed


@branch
async def later_by_callback(house: House) -> Filed:
    house.city.answers_later.add("public_security")
    filed = house.file("family")
    await house.until(filed, _registration_is(ItemState.ACKNOWLEDGED))
    await house.call_back(filed)
    return filed


@branch
async def overdue(house: House) -> Filed:
    house.city.answers_later.add("public_security")
    filed = house.file("family", bundle=with_hours(2))
    await house.until(filed, _registration_is(ItemState.ACKNOWLEDGED))
    await house.later(filed, timedelta(hours=3))
    await house.until(filed, lambda file: file.items["household_registration"].overdue_since is not None)
    await house.call_back(filed)
    return filed


@branch
async def withdrawal(house: House) -> Filed:
    filed = house.file("marriage_not_on_file")
    await house.until(filed, _with_caseworker)
    withdraw(house.store, filed.case_id, at=house.clock())
    return filed


@branch
async def withdrawal_with_a_department(house: House) -> Filed:
    house.city.answers_later.add("public_security")
    filed = house.file("family")
    await house.until(filed, _registration_is(ItemState.ACKNOWLEDGED))
    withdraw(house.store, filed.case_id, at=house.clock())
    await house.heard(filed)
    await house.call_back(filed)
    return filed


@branch
async def amendment(house: House) -> Filed:
    filed = house.file("marriage_not_on_file")
    await house.until(filed, _with_caseworker)
    house.store.amend(
        filed.case_id,
        {"birth": {"parents_married": False, "household_follows": "mother"}},
        reason="未登记结婚",
        by=CLERK,
        at=house.clock(),
        id=command_id(filed.case_id, "amend"),
        seen=house.case(filed).version,
    )
    return filed


@branch
async def unreachable_then_back(house: House) -> Filed:
    house.city.away.add("citizen_card_company")
    filed = house.file("family")
    await house.until(filed, lambda file: file.items["citizen_card"].unreachable_since is not None, within=30)
    house.city.away.clear()
    return filed


@branch
async def register_away_then_escalation(house: House) -> Filed:
    house.city.away.add("prenatal_records")
    filed = house.file("family")
    await house.until(filed, _with_caseworker, within=30)
    settle(house.store, filed.case_id, "prenatal_record", at=house.clock())
    return filed


@branch
async def rejected_and_sent_again(house: House) -> Filed:
    house.city.cannot_read.add("vaccination_unit")
    filed = house.file("family")
    await house.until(filed, _with_caseworker)
    house.city.cannot_read.clear()
    again = ResubmitItem(
        id=command_id(filed.case_id, "again"), at=house.clock(), by=CASEWORKER, item="vaccination_certificate"
    )
    house.store.act(filed.case_id, again)
    return filed


# ── the proof ladder ────────────────────────────────────────────────────────────────────────────────────────────────


async def _asked(house: House, on: str, filed: Filed | None = None) -> Filed:
    """A proof asked for alone, once that unit has been asked."""
    filed = filed or house.file(about(), bundle=alone())
    await house.until(filed, lambda file: {wait.on for wait in waits(file)} == {f"unit:{on}"})
    return filed


async def _passed_over(house: House, filed: Filed) -> None:
    """Nobody answers the open question by its limit."""
    question = asked(house.case(filed))
    await house.later(filed, timedelta(minutes=31))
    await house.until(filed, lambda file: file.verifications[question.rung].state is VerificationState.EXPIRED)


@branch
async def verification_matched(house: House) -> Filed:
    filed = house.file("marriage_not_on_file")
    await _asked(house, CIVIL_AFFAIRS, filed)
    answer(house.store, filed.case_id, proof="parents_marriage", at=house.clock())
    return filed


@branch
async def verification_contradicted(house: House) -> Filed:
    filed = await _asked(house, CIVIL_AFFAIRS)
    answer(house.store, filed.case_id, "contradicts", at=house.clock())
    await house.heard(filed)
    settle(house.store, filed.case_id, PROOF, met=False, at=house.clock())
    return filed


@branch
async def silence_to_caseworker(house: House) -> Filed:
    filed = await _asked(house, CIVIL_AFFAIRS)
    await _passed_over(house, filed)
    await _asked(house, COMMUNITY_SECRETARY.unit, filed)
    await _passed_over(house, filed)
    await house.until(filed, _with_caseworker)
    settle(house.store, filed.case_id, PROOF, at=house.clock())
    return filed


@branch
async def suspended_and_resumed(house: House) -> Filed:
    filed = await _asked(house, CIVIL_AFFAIRS)
    proof, round, rung = asked(house.case(filed)).rung
    id = command_id(filed.case_id, "suspend")
    note = f"note/{id}"
    stop = SuspendVerification(id=id, at=house.clock(), by=OFFICER, proof=proof, round=round, rung=rung, note=note)
    house.store.act(filed.case_id, stop, note=note, reason="等待异地档案")
    await house.heard(filed)
    await house.later(filed, timedelta(days=2))
    id = command_id(filed.case_id, "resume")
    go_on = ResumeVerification(id=id, at=house.clock(), by=OFFICER, proof=proof, round=round, rung=rung)
    house.store.act(filed.case_id, go_on)
    await house.heard(filed)
    await house.later(filed, timedelta(minutes=16))
    await house.until(filed, lambda file: asked(file).reminded > 0)
    answer(house.store, filed.case_id, at=house.clock())
    return filed


@branch
async def late_match(house: House) -> Filed:
    filed = await _asked(house, CIVIL_AFFAIRS)
    first = asked(house.case(filed))
    await _passed_over(house, filed)
    await _asked(house, COMMUNITY_SECRETARY.unit, filed)
    answer(house.store, filed.case_id, to=first, at=house.clock())
    return filed


@branch
async def handed_to_community(house: House) -> Filed:
    filed = await _asked(house, CIVIL_AFFAIRS)
    answer(house.store, filed.case_id, "hand_to_community", at=house.clock())
    await _asked(house, COMMUNITY_SECRETARY.unit, filed)
    answer(house.store, filed.case_id, by=COMMUNITY_SECRETARY, at=house.clock())
    return filed


@branch
async def commitment_signed(house: House) -> Filed:
    return await _committed(house, signed=True)


@branch
async def commitment_declined(house: House) -> Filed:
    filed = await _committed(house, signed=False)
    await _asked(house, CIVIL_AFFAIRS, filed)
    answer(house.store, filed.case_id, at=house.clock())
    return filed


async def _committed(house: House, *, signed: bool) -> Filed:
    filed = house.file(about(), bundle=alone(ListedRoute.COMMITMENT))
    await house.heard(filed)
    id = command_id(filed.case_id, "commitment")
    note = f"note/{id}" if signed else None
    command = AnswerCommitment(id=id, at=house.clock(), by=CLERK, proof=PROOF, signed=signed, note=note)
    house.store.act(filed.case_id, command, note=note, reason="已签署告知承诺书")
    return filed


@branch
async def single_proof(house: House) -> Filed:
    return house.file(about(), bundle=alone(ListedRoute.SHARED_DATA, source="identity_register"))


@branch
async def withdrawal_while_verifying(house: House) -> Filed:
    filed = await _asked(house, CIVIL_AFFAIRS)
    withdraw(house.store, filed.case_id, at=house.clock())
    return filed


@branch
async def begun_anew(house: House) -> Filed:
    """The second run of a case whose first history was full: it is handed the whole file in place of events."""
    filed = await _asked(house, CIVIL_AFFAIRS)
    first = house.handle(filed)
    await first.terminate()
    await house.client.start_workflow(
        house.case(filed).bundle.workflow_type,
        News(case_id=filed.case_id, events=(), file=house.case(filed)),
        id=first.id,
        task_queue=house.settings.task_queue,
    )
    await house.later(filed, timedelta(minutes=16))
    await house.until(filed, lambda file: asked(file).reminded > 0)
    answer(house.store, filed.case_id, at=house.clock())
    return filed


ON_THE_LADDER: Final = (
    verification_matched,
    verification_contradicted,
    silence_to_caseworker,
    suspended_and_resumed,
    late_match,
    handed_to_community,
    commitment_signed,
    commitment_declined,
    single_proof,
    withdrawal_while_verifying,
    begun_anew,
)
"""Lived with officers and community workers on duty; nobody was, when the others were recorded."""


async def recorded(house: House, live: Branch) -> str:
    """Live the branch to its end, and return its history."""
    with house.store.database.begin() as connection:
        grant_everything(connection, CLERK.unit)
        if live in ON_THE_LADDER:
            man_department(connection, house.clock().date())
            man_communities(connection, house.store.vault, house.clock())
    await house.open()
    try:
        filed = await live(house)
        await house.ended(filed, within=60)
        return (await house.handle(filed).fetch_history()).to_json()
    finally:
        await house.close()


def _house(url: str, temporal: WorkflowEnvironment) -> House:
    settings = WorkerSettings(
        task_queue=f"recording-{next(_NUMBERS)}", relay_polls_seconds=0.2, shutdown_grace_seconds=0
    )
    gateways = GatewaySettings(at_once_seconds=0.3, register_tries=2, department_tries=2)
    return House(store_on(Database(url, pool_size=8)), temporal, settings, gateways)


async def _record(postgres: EmbeddedPostgres, names: list[str]) -> None:
    async with time_skipping(PAYLOADS) as temporal:
        for name in names:
            url = _database(postgres, name)
            house = _house(url, temporal)
            async with relaying(house):
                text = await recorded(house, BRANCHES[name])
            house.store.database.dispose()
            path = FOLDER / f"{name}.json"
            path.write_text(json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
            sys.stdout.write(f"{path.name}: {len(json.loads(text)['events'])} events, {path.stat().st_size} bytes\n")


def _database(postgres: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(postgres.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    upgrade(postgres.url_of(name), app_role="onething_app", app_password="recording")
    return postgres.url_of(name, user="onething_app", password="recording")


if __name__ == "__main__":
    everything = "--all" in sys.argv
    wanted = [name for name in BRANCHES if everything or not (FOLDER / f"{name}.json").exists()]
    with tempfile.TemporaryDirectory() as directory, EmbeddedPostgres(Path(directory), fsync=False) as postgres:
        asyncio.run(_record(postgres, wanted))
    # A Temporal client was open: the interpreter's own way out may crash.
    sys.stdout.flush()
    os._exit(0)
