"""A department answers later (部门回调): once heard, however often and in whatever order it is said.

The submission's own key says which case, item and attempt is meant; the account's unit says whose
answer it can be. An answer that comes when the matter is settled is kept as late and changes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Response
from pydantic import Field, StringConstraints

from api.house import TheHouse
from api.identity import MayAnswer
from api.limits import StrictRoute
from api.problems import Fault, Trouble
from api.reach import get_case, get_own_item
from api.shapes import V1, Asked, Shown, answer
from domain.case_file import ENDED
from domain.commands import Command, command_id
from domain.department_answers import (
    Accepted,
    Concluded,
    Denied,
    ProductMissing,
    ReasonCode,
    Reference,
    Value,
    read_answer,
)
from domain.events import LateAnswerRecorded
from domain.refusals import ItemNotSubmitted
from domain.scopes import Action
from store.answers import recorded
from store.cases import OpenedCase
from store.vault import Kept

router = APIRouter(prefix=V1, tags=["callbacks"], route_class=StrictRoute)

Submission = Annotated[
    str,
    StringConstraints(pattern=r"^\d{21}/[a-z][a-z0-9_]*(:[1-9])?/[1-9]\d{0,3}$"),
    Field(description="The Idempotency-Key that the submission came with: case number/item/attempt."),
]
ProductCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _Answer(Asked):
    submission: Submission
    reference: Reference = Field(description="The department's own number.")


class ConcludedLater(_Answer):
    """办结: the department did it."""

    outcome: Literal["concluded"]
    products: dict[ProductCode, Value] = Field(default={}, max_length=50)


class AcceptedLater(_Answer):
    """The department took it and will call again."""

    outcome: Literal["accepted"]


class DeniedLater(_Answer):
    """不予许可: the department says no."""

    outcome: Literal["denied"]
    reason_code: ReasonCode
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


DepartmentCallback = Annotated[ConcludedLater | AcceptedLater | DeniedLater, Field(discriminator="outcome")]

EXAMPLES = [
    {
        "submission": "339901012611220000015/birth_certificate/1",
        "outcome": "concluded",
        "reference": "CS0000000001",
        "products": {"birth_certificate_no": "A330123456"},
    },
    {
        "submission": "339901012611220000015/maternity_benefit/1",
        "outcome": "denied",
        "reference": "YB0000000001",
        "reason_code": "not_insured_long_enough",
        "reason": "连续参保不足规定月数",
    },
]


class Heard(Shown):
    """The answer was heard; the same however often it is told."""

    submission: str
    outcome: str
    late: bool = Field(description="It came when the item was settled already, and changed nothing.")


@router.post("/callbacks", response_model=Heard)
def hear_department(
    house: TheHouse, viewer: MayAnswer, asked: Annotated[DepartmentCallback, Body(examples=EXAMPLES)]
) -> Response:
    """A department's answer to a submission."""
    case_no, item, number = asked.submission.split("/")
    attempt = int(number)
    line = get_case(house, viewer, Action.ANSWER_SUBMISSION, case_no)
    told = read_answer(asked.model_dump(exclude={"submission"}))
    # What identifies the answer is the answer: two different ones about one attempt are two acts.
    id_ = command_id(line.case_id, "callback", item, attempt, told.outcome, told.reference, *_digest(house, told))
    at = house.clock()

    def judged(case: OpenedCase) -> tuple[Command, Sequence[Kept]]:
        get_own_item(viewer, case.file, item)
        live = case.file.item(item)
        if attempt > live.attempt:
            raise ItemNotSubmitted(item)
        command, kept = recorded(case, item, attempt, told, id=id_, at=at, by=viewer.actor)
        if live.state in ENDED:
            # What was made first stands; what is said late is kept beside it, never over it.
            kept = [Kept(one.owner, f"late/{id_}/{one.name}", one.content) for one in kept]
        return command, kept

    try:
        handled = house.store.act_on(line.case_id, judged)
    except ProductMissing as missing:
        raise _lacks(missing.product) from None
    late = any(isinstance(entry.event, LateAnswerRecorded) for entry in handled.events)
    return answer(Heard(submission=asked.submission, outcome=told.outcome, late=late))


def _digest(house: TheHouse, told: Concluded | Accepted | Denied) -> Sequence[str]:
    content: Mapping[str, Any] = told.model_dump(exclude={"outcome", "reference"})
    return (house.store.vault.digest("callback", repr(sorted(content.items()))).hex(),) if content else ()


def _lacks(product: str) -> Trouble:
    zh, en = f"缺少后续事项需要的“{product}”", f"lacks {product}, which later items read"
    fault = Fault(pointer=f"/products/{product}", code="missing", detail=en, detail_zh=zh)
    return Trouble(422, "callback.product_missing", zh, en, faults=[fault])
