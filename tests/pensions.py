"""Retirees whose pension was assessed on whatever base was published then: what tests of corrections begin with."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from itertools import count, islice
from typing import Any, assert_never
from unittest.mock import patch
from uuid import UUID, uuid5

from demo.city.workers import workers
from domain.actors import THE_ENGINE, Actor
from domain.bundles.retirement import BUNDLE
from domain.case_file import CaseFile
from domain.commands import AnswerVerification, Command, NoteMilestone, OpenVerification, RecordRegisterAnswer
from domain.department_answers import Concluded
from domain.form import read_application
from domain.law import pension_grant
from domain.law.pension import base_for
from domain.law.pension_grant import ENTITLEMENT
from domain.steps import AskRegister, FindVerifier, SubmitItem, steps
from domain.time_limits import SHANGHAI
from store.answers import recorded
from store.cases import CaseStore, Filed
from store.vault import Kept
from tests.insured import BUREAU

OFFICER = Actor(account=f"{BUREAU}-1", unit=BUREAU)
RETIRES = date(2025, 7, 1)
FILED = datetime(2025, 1, 6, 9, tzinfo=SHANGHAI)
RECORD = {
    "contribution_months": "439",
    "index": "1.0500",
    "account_balance": "152340.60",
    "index_before_1998": "0.9800",
    "months_before_1998": "109",
}
"""The invented person of the law's own tests, month by month."""
KNOWN_THEN: Mapping[int, Decimal] = {2023: Decimal(8020), 2024: Decimal(8310)}
"""What was published when a pension of 2025 was assessed early in that year."""
_SPACE = UUID("00000000-0000-4000-8000-0000000000aa")
_numbers: Iterator[int] = count(1)


def a_form(number: int = 0) -> dict[str, Any]:
    """The n-th of several men born in May 1965, who retire in July 2025."""
    men = (one for one in workers(1_000) if one.sex == "1")
    worker = next(islice(men, number, None))
    return {
        "insurance": {
            "category": "M60",
            "born_in": "1965-05-01",
            "choice": "statutory",
            "retires_on": RETIRES.isoformat(),
            "contribution_months": 439,
            "deemed_years": False,
            "employed": False,
            "housing_fund": False,
        },
        "retiree": {"name": worker.name, "citizen_id": worker.citizen_id, "account": worker.account},
    }


class Retiree:
    """One case, from its form to the first payment."""

    def __init__(self, store: CaseStore, number: int = 0, division: str = "339901", by: Actor = OFFICER) -> None:
        self.store = store
        self.form = a_form(number)
        self.filed: Filed = store.file(
            read_application(BUNDLE, self.form, at=FILED),
            by=by,
            division=division,
            at=FILED,
            key=f"retiree-{number}",
            fingerprint=sha256(str(number).encode()).digest(),
        )
        self.known = KNOWN_THEN

    @property
    def case_id(self) -> UUID:
        """Its stream."""
        return self.filed.case_id

    @property
    def file(self) -> CaseFile:
        """The case as committed."""
        return self.store.case_file(self.case_id)

    def pension(self, *, corrections: int | None = None) -> str | None:
        """What is paid a month, after so many corrections."""
        case = self.store.open_case_file(self.case_id)
        return case.made("pension_assessment", "pension", corrections=corrections)

    def assessed(self, on: Mapping[int, Decimal] = KNOWN_THEN) -> "Retiree":
        """Everything goes as it should until the pension is assessed, with these bases known."""
        self.known = on
        self._go_on(FILED)
        day = self._day("form_sent")
        self._do(self._confirmed(day))
        self._go_on(day)
        self._day("retires")
        return self

    def paid(self) -> "Retiree":
        """And is paid for the first time, which ends the case."""
        self._day("paid_from")
        return self

    def _day(self, milestone: str) -> datetime:
        at = self.file.milestones[milestone] + timedelta(minutes=1)
        self._do(NoteMilestone(id=_an_id(), at=at, by=THE_ENGINE, milestone=milestone))
        self._go_on(at)
        return at

    def _confirmed(self, at: datetime) -> Command:
        live = self.file.proofs["confirmed"]
        return AnswerVerification(
            id=_an_id(), at=at, by=OFFICER, proof="confirmed", round=live.round, rung=live.rung, answer="matches"
        )

    def _go_on(self, at: datetime) -> None:
        while due := steps(self.file):
            match step := due[0]:
                case AskRegister():
                    rung = {"proof": step.proof, "round": step.round, "rung": step.rung}
                    asked = RecordRegisterAnswer(id=_an_id(), at=at, by=THE_ENGINE, outcome="matches", **rung)  # type: ignore[arg-type]  # mypy cannot tell the keys apart
                    self._do(asked, Kept(self.case_id, f"evidence/{step.proof}", RECORD, asked.id))
                case FindVerifier():
                    rung = {"proof": step.proof, "round": step.round, "rung": step.rung}
                    self._do(OpenVerification(id=_an_id(), at=at, by=THE_ENGINE, unit=BUREAU, **rung))  # type: ignore[arg-type]  # as above
                case SubmitItem():
                    self._conclude(step, at)
                case _:
                    assert_never(step)

    def _conclude(self, step: SubmitItem, at: datetime) -> None:
        products, kept = {}, []
        if step.item == "pension_assessment":
            facts = self._entitled()
            products = {"pension_no": "YL0000000001", "pension": facts["pension"]}
            kept = [Kept(self.case_id, f"entitled/{step.item}", facts)]
        said = Concluded(outcome="concluded", reference=f"RS-{step.item}", products=products)
        case = self.store.open_case_file(self.case_id)
        command, made = recorded(case, step.item, step.attempt, said, id=_an_id(), at=at, by=THE_ENGINE)
        self._do(command, *made, *kept)

    def _entitled(self) -> Mapping[str, str]:
        facts = {**RECORD, "born_in": "1965-05-01"}
        with patch.object(pension_grant, "base_for", partial(base_for, published=self.known)):
            return {**facts, **ENTITLEMENT.compute(RETIRES, facts)}

    def _do(self, command: Command, *kept: Kept) -> None:
        self.store.handle(self.case_id, [command], kept=kept, tell_workflow=True)


def _an_id() -> UUID:
    return uuid5(_SPACE, str(next(_numbers)))
