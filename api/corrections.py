"""更正: a department corrects what an item of its own came to, with a reason; what stood before is kept and shown beside it."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import ConfigDict, Field, StringConstraints

from api.acts import AsSent, act_key
from api.cases import Acted, CaseNo, Part, acted
from api.house import TheHouse
from api.identity import MayCorrect
from api.limits import StrictRoute
from api.problems import Fault, Trouble, unseen
from api.reach import get_case, get_own_item
from api.shapes import V1, Asked, Reason, version_of
from domain.commands import command_id
from domain.department_answers import ProductFaulty, Value
from domain.scopes import Action, Role
from store.access_log import Access
from store.cases import OpenedCase
from store.corrections import Correction, correct

router = APIRouter(prefix=V1, tags=["cases"], route_class=StrictRoute)

IfMatchIfSeen = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=100,
        description="The ETag of the case as you saw it; only a department's program, which sees no cases, leaves it out.",
    ),
]
ProductCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class CorrectedProducts(Asked):
    """What the item came to in truth, and why it was said otherwise."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"products": {"birth_certificate_no": "A330123457"}, "reason": "证件编号录入有误, 已核对原件"}]
        }
    )

    products: dict[ProductCode, Value] = Field(
        min_length=1, max_length=50, description="Product -> its right value; products left out stay as they are."
    )
    reason: Reason


@router.post("/cases/{case_no}/items/{item}/correction", response_model=Acted)
def correct_item(
    house: TheHouse,
    viewer: MayCorrect,
    case_no: CaseNo,
    item: Part,
    asked: CorrectedProducts,
    sent: AsSent,
    if_match: IfMatchIfSeen = None,
) -> Response:
    """Correct what a concluded item came to, also after the case has ended; the case's own state does not change."""
    line = get_case(house, viewer, Action.CORRECT_ITEM, case_no)
    if if_match is None and viewer.role is not Role.INTEGRATOR:
        raise unseen()
    bound = act_key(house, viewer.actor, sent, Action.CORRECT_ITEM, case_no, item)
    at = house.clock()

    def judged(case: OpenedCase) -> Correction:
        get_own_item(viewer, case.file, item)
        return Correction(item, asked.products, {"text": asked.reason})

    try:
        handled = correct(
            house.store,
            line.case_id,
            judged,
            id=command_id(line.case_id, Action.CORRECT_ITEM, item, viewer.actor.account, bound.key),
            at=at,
            by=viewer.actor,
            seen=None if if_match is None else version_of(if_match),
            key=bound,
            access=Access(
                at=at,
                by=viewer.actor,
                action=Action.CORRECT_ITEM,
                about=tuple(asked.products),
                purpose=asked.reason,
                case_id=line.case_id,
            ),
        )
    except ProductFaulty as faulty:
        raise _not_valid(faulty) from None
    return acted(line, handled)


def _not_valid(faulty: ProductFaulty) -> Trouble:
    zh, en = {
        "unknown": (f"该事项没有办理结果“{faulty.product}”", f"the item makes no {faulty.product}"),
        "amount": (
            f"“{faulty.product}”应为金额(元), 如 5012.70",
            f"{faulty.product} must be an amount such as 5012.70",
        ),
    }[faulty.rule]
    fault = Fault(pointer=f"/products/{faulty.product}", code=faulty.rule, detail=en, detail_zh=zh)
    return Trouble(422, "request.not_valid", zh, en, faults=[fault])
