"""What workflow and activities say to each other: references and events, never personal data."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.case_file import CaseFile
from domain.events import Recorded
from domain.steps import Step


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class News(_Message):
    """Events of one case that the workflow has to hear of; they may repeat and come out of order."""

    case_id: UUID
    events: tuple[Recorded, ...]
    file: CaseFile | None = None
    """How the case stands before these events: what a run hands on to its next one, in place of a long history."""


class Wave(_Message):
    """Everything that is due for a case at one moment."""

    case_id: UUID
    steps: tuple[Step, ...]
    version: int = 0
    """How far the workflow has heard; the answer begins after it."""


class Progress(_Message):
    """What came of a wave, and the keys of the steps that were not answered at once."""

    events: tuple[Recorded, ...] = ()
    unanswered: tuple[str, ...] = ()


class PatientStep(_Message):
    """One step that is tried until it is answered."""

    case_id: UUID
    step: Step
