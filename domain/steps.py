"""What has to be asked of the outside world now, and at which instants something falls due.

The workflow puts these two questions to the case file and has no opinion of its own: it carries
the steps out, and wakes at the instants.
"""

from datetime import datetime
from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from domain.bundle import Escalation, SharedDataQuery
from domain.case_file import ENDED, CaseFile, ItemState, ProofState


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


Step = Annotated[AskRegister | SubmitItem | SayOverdue, Field(discriminator="step")]
"""Everything the engine does by itself."""


def steps(file: CaseFile) -> tuple[AskRegister | SubmitItem, ...]:
    """The questions and submissions that are due, in the order of the plan."""
    return (
        *(
            AskRegister(proof=proof, round=live.round, rung=live.rung, source=route.source)
            for proof, live in file.proofs.items()
            if live.state is ProofState.ASKED and (route := _register(file, proof)) is not None
        ),
        *(
            SubmitItem(item=item, attempt=live.attempt, department=live.planned.department)
            for item, live in file.items.items()
            if live.state is ItemState.SUBMITTED
        ),
    )


def agenda(file: CaseFile) -> tuple[SayOverdue, ...]:
    """The instants at which something falls due, earliest first."""
    return tuple(
        sorted(
            (
                SayOverdue(item=item, due=live.promised_by)
                for item, live in file.items.items()
                if live.promised_by is not None and live.state not in ENDED and live.overdue_since is None
            ),
            key=lambda entry: (entry.due, entry.item),
        )
    )


def _register(file: CaseFile, proof: str) -> SharedDataQuery | None:
    route = file.route(proof)
    match route:
        case SharedDataQuery():
            return route
        case Escalation():
            return None
        case _:
            assert_never(route)
