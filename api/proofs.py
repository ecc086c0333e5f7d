"""Acts on a proof rather than on a question (提级、告知承诺): wait no longer for whoever was asked, or sign for the fact."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, StringConstraints

from api.acts import AsSent, Sent, act_key
from api.case_view import event_views
from api.cases import Acted, CaseNo, Part
from api.house import House, TheHouse
from api.identity import MayAnswerCommitment, MayEscalate
from api.limits import StrictRoute
from api.problems import faulty
from api.reach import get_case
from api.shapes import V1, Asked, Because, answer, etag
from domain.commands import AnswerCommitment, Command, EscalateProof, command_id
from domain.scopes import Action, Viewer
from store.acts import act_once
from store.vault import Kept

router = APIRouter(prefix=V1, tags=["verifications"], route_class=StrictRoute)


class CommitmentAnswer(Asked):
    """告知承诺: the applicant signed the letter, or declined to."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"signed": True, "letter": "本人承诺所述情况属实, 愿承担相应后果。"}]}
    )

    signed: bool
    letter: Annotated[str, StringConstraints(min_length=2, max_length=5000)] | None = Field(
        default=None, description="What was signed; kept in the vault. Only with signed."
    )


@router.post("/cases/{case_no}/proofs/{proof}/escalation", response_model=Acted)
def escalate_proof(
    house: TheHouse, viewer: MayEscalate, case_no: CaseNo, proof: Part, asked: Because, sent: AsSent
) -> Response:
    """提级: whoever is waited for is waited for no longer; a caseworker settles the proof."""
    return _acted_on_proof(house, viewer, Action.ESCALATE_PROOF, case_no, proof, EscalateProof, asked.reason, sent)


@router.post("/cases/{case_no}/proofs/{proof}/commitment", response_model=Acted)
def answer_commitment(
    house: TheHouse, viewer: MayAnswerCommitment, case_no: CaseNo, proof: Part, asked: CommitmentAnswer, sent: AsSent
) -> Response:
    """告知承诺: signed, the fact is taken as shown; declined, the ordinary way is open, and nobody loses anything."""
    if asked.signed and (asked.letter is None or not asked.letter.strip()):
        raise faulty("/letter", "missing", "请附所签署的承诺书", "the letter that was signed is missing")
    if not asked.signed and asked.letter is not None:
        raise faulty("/letter", "unknown", "未作承诺, 不应附承诺书", "who declines has signed no letter")
    return _acted_on_proof(
        house,
        viewer,
        Action.ANSWER_COMMITMENT,
        case_no,
        proof,
        partial(AnswerCommitment, signed=asked.signed),
        asked.letter,
        sent,
    )


def _acted_on_proof(
    house: House,
    viewer: Viewer,
    action: Action,
    case_no: str,
    proof: str,
    command: Callable[..., Command],
    said: str | None,
    sent: Sent,
) -> Response:
    line = get_case(house, viewer, action, case_no)
    bound = act_key(house, viewer.actor, sent, action, case_no, proof)
    id = command_id(line.case_id, action, proof, viewer.actor.account, bound.key)
    note = None if said is None else f"note/{id}"
    more: dict[str, Any] = {} if note is None else {"note": note}
    handled = act_once(
        house.store,
        line.case_id,
        command(id=id, at=house.clock(), by=viewer.actor, proof=proof, **more),
        key=bound,
        kept=[] if note is None or said is None else [Kept(line.case_id, note, {"text": said})],
    )
    version = handled.events[-1].version if handled.events else handled.file.version
    told = Acted(case_no=line.case_no, version=version, events=event_views(handled.events))
    return answer(told, headers={"etag": etag(version)})
