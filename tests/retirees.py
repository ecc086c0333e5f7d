"""People of the city who retire, with a case each, moved on to where their form has gone out; no engine, no network."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, assert_never
from uuid import UUID, uuid4

from activities.verifiers import find_verifier
from demo.city.places import DIVISIONS
from demo.city.registers import answer_query
from demo.city.workers import Worker
from domain.actors import THE_ENGINE, Actor
from domain.bundles.retirement import BUNDLE
from domain.case_file import CaseFile
from domain.commands import (
    Command,
    ExpireVerification,
    NoteMilestone,
    RecordDepartmentAnswer,
    RecordRegisterAnswer,
)
from domain.law.months import first_day, read_month
from domain.notices import card_id
from domain.steps import AskRegister, FindVerifier, SubmitItem, steps
from store.cases import CaseStore, Filed
from store.vault import Kept
from tests import desk
from tests.insured import found

DECEMBER, MARCH = read_month("2026-12"), read_month("2027-03")
"""Of the first, the form has gone out by MONDAY; of the second it has not."""


@cache
def who_retires(month: int) -> tuple[Worker, ...]:
    """Without an employer, and about whom nothing is in doubt."""
    return tuple(
        one
        for division in DIVISIONS
        for one in found(month=month, district=division.code)
        if one.employer is None and not one.deemed_years
    )


def form(worker: Worker, month: int, said: Mapping[str, object] | None = None, **insurance: object) -> dict[str, Any]:
    """The form as the scan fills it in; of the person, and of the insurance, with other answers."""
    filled: dict[str, Any] = {
        "category": worker.category,
        "born_in": first_day(worker.born).isoformat(),
        "choice": "statutory",
        "retires_on": first_day(month).isoformat(),
        "contribution_months": worker.contribution_months,
        "deemed_years": False,
        "employed": False,
        "housing_fund": False,
    }
    person = {
        "name": worker.name,
        "citizen_id": worker.citizen_id,
        "phone": worker.phone,
        "account": worker.account,
    }
    return {"insurance": filled | insurance, "retiree": person | dict(said or {})}


class Retiree:
    """One of them, with a case of the unit; everybody agrees with what was filled in."""

    def __init__(
        self,
        store: CaseStore,
        number: int = 0,
        *,
        by: Actor,
        month: int = DECEMBER,
        at: datetime = desk.MONDAY,
        **person: object,
    ) -> None:
        self.store, self.at = store, at
        self.worker = who_retires(month)[number]
        self.filed: Filed = desk.file(
            store, form(self.worker, month, person), key=f"retiree-{month}-{number}", by=by, at=at, bundle=BUNDLE
        )

    @property
    def case_no(self) -> str:
        """Its number."""
        return self.filed.case_no

    @property
    def case_id(self) -> UUID:
        """Its stream."""
        return self.filed.case_id

    @property
    def file(self) -> CaseFile:
        """The case as committed."""
        return self.store.case_file(self.case_id)

    @property
    def question(self) -> UUID:
        """The form that went out in this round."""
        return card_id(self.case_id, "confirmed", self.file.proof("confirmed").round, 0)

    @property
    def due(self) -> datetime:
        """By when it is to be confirmed."""
        due = self.file.verification("confirmed", self.file.proof("confirmed").round, 0).due
        assert due is not None
        return due

    def goes_on(self, *, without_record: bool = False) -> "Retiree":
        """Registers agree and departments conclude until nothing is due; with or without a record in the vault."""
        while due := steps(self.file):
            for step in due:
                command, kept = self._done(step)
                self._handle(command, *(() if without_record else kept))
        return self

    def sent_out(self, *, without_record: bool = False) -> "Retiree":
        """The form has gone out."""
        self.goes_on(without_record=without_record)
        return self.day_comes("form_sent", without_record=without_record)

    def day_comes(self, milestone: str, *, without_record: bool = False) -> "Retiree":
        """The day is here."""
        self.at = max(self.at, self.file.milestones[milestone])
        self._handle(NoteMilestone(id=uuid4(), at=self.at, by=THE_ENGINE, milestone=milestone))
        return self.goes_on(without_record=without_record)

    def is_silent(self) -> "Retiree":
        """The limit passes; where nobody of the community can be asked, a caseworker has it then."""
        self.at = self.due
        round = self.file.proof("confirmed").round
        self._handle(ExpireVerification(id=uuid4(), at=self.at, by=THE_ENGINE, proof="confirmed", round=round, rung=0))
        return self.goes_on()

    def chooses(self, choice: str, month: int, *, by: Actor) -> "Retiree":
        """At the counter: another month."""
        patch = {"insurance": {"choice": choice, "retires_on": first_day(month).isoformat()}}
        self.store.amend(
            self.case_id, patch, reason="本人书面选择", by=by, at=self.at, id=uuid4(), seen=self.file.version
        )
        return self.goes_on()

    def happened(self) -> Iterator[str]:
        """The types of all events."""
        return (entry.event.type for entry in self.store.events_after(self.case_id, 0))

    def _handle(self, command: Command, *kept: Kept) -> None:
        self.store.handle(self.case_id, [command], kept=kept, tell_workflow=False)

    def _done(self, step: AskRegister | FindVerifier | SubmitItem) -> tuple[Command, tuple[Kept, ...]]:
        at, by = self.at, THE_ENGINE
        match step:
            case AskRegister():
                command = RecordRegisterAnswer(
                    id=uuid4(), at=at, by=by, proof=step.proof, round=step.round, rung=step.rung, outcome="matches"
                )
                return command, (Kept(self.case_id, f"evidence/{step.proof}", self._record(step.proof)),)
            case FindVerifier():
                with self.store.database.reading() as connection:
                    case = self.store.open_case_file(self.case_id)
                    asked = find_verifier(connection, case, step.proof, step.round, step.rung, id=uuid4(), at=at)
                return asked, ()
            case SubmitItem():
                answered = RecordDepartmentAnswer(
                    id=uuid4(), at=at, by=by, item=step.item, answer="concluded", reference="R", attempt=step.attempt
                )
                return answered, ()
            case _:
                assert_never(step)

    def _record(self, proof: str) -> dict[str, str]:
        if proof not in {"contributions", "final_record"}:
            return {"name": self.worker.name}
        _, record = answer_query("pension_records", {"citizen_id": self.worker.citizen_id})
        assert record is not None
        return dict(record)
