"""What has to be asked of the outside world now, and at which instants something falls due.

The workflow puts these two questions to the case file and has no opinion of its own: it carries
the steps out, and wakes at the instants.
"""

from datetime import datetime
from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from domain.bundle import Commitment, CommunityCheck, Confirmation, DepartmentVerification, Escalation, SharedDataQuery
from domain.case_file import ENDED, CaseFile, CaseState, ItemState, LiveProof, ProofState, VerificationState
from domain.verifications import REMINDS_AT_PERCENT


class AskRegister(BaseModel):
    """Query the register of this rung."""

    model_config = ConfigDict(frozen=True)

    step: Literal["ask_register"] = "ask_register"
    proof: str
    round: int
    rung: int
    source: str

    @property
    def key(self) -> str:
        """The same question has the same key, however often it is asked."""
        return f"ask {self.proof} {self.round}.{self.rung}"


class FindVerifier(BaseModel):
    """Find who has to answer on this rung, and open the verification with them."""

    model_config = ConfigDict(frozen=True)

    step: Literal["find_verifier"] = "find_verifier"
    proof: str
    round: int
    rung: int

    @property
    def key(self) -> str:
        """A rung is opened once."""
        return f"verify {self.proof} {self.round}.{self.rung}"


class SubmitItem(BaseModel):
    """Send the item to its department."""

    model_config = ConfigDict(frozen=True)

    step: Literal["submit_item"] = "submit_item"
    item: str
    attempt: int
    department: str

    @property
    def key(self) -> str:
        """The same submission has the same key; the department counts on it too."""
        return f"submit {self.item} {self.attempt}"


class SayOverdue(BaseModel):
    """The promised date of an item has passed."""

    model_config = ConfigDict(frozen=True)

    step: Literal["say_overdue"] = "say_overdue"
    item: str
    due: datetime

    @property
    def key(self) -> str:
        """One instant passes once."""
        return f"overdue {self.item} {self.due.isoformat()}"


class RemindOwner(BaseModel):
    """So much of a verification's limit is used up."""

    model_config = ConfigDict(frozen=True)

    step: Literal["remind_owner"] = "remind_owner"
    proof: str
    round: int
    rung: int
    percent: int
    due: datetime

    @property
    def key(self) -> str:
        """A clock that was stopped and started reaches the mark at another instant."""
        return f"remind {self.proof} {self.round}.{self.rung} {self.percent} {self.due.isoformat()}"


class LetExpire(BaseModel):
    """A verification's limit is over."""

    model_config = ConfigDict(frozen=True)

    step: Literal["let_expire"] = "let_expire"
    proof: str
    round: int
    rung: int
    due: datetime

    @property
    def key(self) -> str:
        """As above."""
        return f"expire {self.proof} {self.round}.{self.rung} {self.due.isoformat()}"


class NoteDay(BaseModel):
    """A day that something waits for has come."""

    model_config = ConfigDict(frozen=True)

    step: Literal["note_day"] = "note_day"
    milestone: str
    due: datetime

    @property
    def key(self) -> str:
        """A day that was moved comes once more."""
        return f"day {self.milestone} {self.due.isoformat()}"


Question = AskRegister | FindVerifier | SubmitItem
"""What is due because of where the case stands."""
Instant = RemindOwner | LetExpire | SayOverdue | NoteDay
"""What is due because of the time."""
Step = Annotated[Question | Instant, Field(discriminator="step")]
"""Everything the engine does by itself."""


def steps(file: CaseFile) -> tuple[Question, ...]:
    """The questions and submissions that are due, in the order of the plan."""
    return (
        *(
            step
            for proof, live in file.proofs.items()
            if live.state is ProofState.ASKED and (step := _question(file, proof, live)) is not None
        ),
        *(
            SubmitItem(item=item, attempt=live.attempt, department=live.planned.department)
            for item, live in file.items.items()
            if live.state is ItemState.SUBMITTED
        ),
    )


def agenda(file: CaseFile) -> tuple[Instant, ...]:
    """The instants at which something falls due, earliest first."""
    found: list[Instant] = [
        SayOverdue(item=item, due=live.promised_by)
        for item, live in file.items.items()
        if live.promised_by is not None and live.state not in ENDED and live.overdue_since is None
    ]
    for (proof, round, rung), asked in file.verifications.items():
        if asked.state is VerificationState.OPEN and asked.due is not None:
            found += (
                RemindOwner(proof=proof, round=round, rung=rung, percent=percent, due=at)
                for percent, at in zip(REMINDS_AT_PERCENT, asked.remind_at, strict=True)
                if percent > asked.reminded
            )
            found.append(LetExpire(proof=proof, round=round, rung=rung, due=asked.due))
    if file.state is CaseState.OPEN:
        days = file.milestones.items()
        found += (NoteDay(milestone=code, due=day) for code, day in days if code not in file.reached)
    return tuple(sorted(found, key=lambda entry: (entry.due, entry.key)))


def _question(file: CaseFile, proof: str, live: LiveProof) -> AskRegister | FindVerifier | None:
    route = file.route(proof)
    match route:
        case SharedDataQuery():
            return AskRegister(proof=proof, round=live.round, rung=live.rung, source=route.source)
        case DepartmentVerification() | CommunityCheck() | Confirmation():
            return FindVerifier(proof=proof, round=live.round, rung=live.rung)
        case Commitment() | Escalation():
            return None
        case _:
            assert_never(route)
