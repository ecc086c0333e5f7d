"""What people do with the questions they were asked (部门核验、社区核实): who takes which, its clock, and the answer.

Two who answer at once are told apart by the case's lock: one answer counts, the other is told whose did,
and both attempts are in the access log.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, StringConstraints

from api.acts import AsSent, Sent, act_key
from api.case_view import EventView, Sentence, event_views
from api.house import House, TheHouse
from api.identity import MayAnswerVerification, MayAssign
from api.limits import StrictRoute
from api.problems import cleaned, faulty
from api.question import VerificationId
from api.reach import get_verification, refused
from api.shapes import PLAIN, V1, Asked, Because, Id, Reason, Shown, WrittenInstant, answer
from api.verification_view import VerificationView, verification_view
from domain.actors import Actor
from domain.case_file import VerificationState
from domain.commands import (
    AnswerVerification,
    AssignVerification,
    Command,
    ResumeVerification,
    SuspendVerification,
    command_id,
)
from domain.events import (
    Answer,
    ApplicationAmended,
    LateAnswerRecorded,
    ProofContested,
    ProofMet,
    Recorded,
    VerificationAnswered,
)
from domain.identifiers import NotAnIdentifier, read_phone, sentence
from domain.refusals import Conflict, FieldFault, FormFaulty, Refusal
from domain.scopes import Action, Viewer, reach
from store.access_log import Access
from store.acts import ActKey, Recipient, act_once, bind_key
from store.commands import Handled
from store.database import again_if_lost
from store.read_models.verifications import VerificationLine, find_verifications, lines_of
from store.scoping import verifications_visible_to
from store.vault import Content, Kept

router = APIRouter(prefix=V1, tags=["verifications"], route_class=StrictRoute)

ASSIGNED_AT_MOST: Final = 200
CORRECTED_WHEN_CONFIRMING: Final = "确认时更正"

AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")]


class PhoneCall(Asked):
    """电话答复: with whom it was spoken, kept in the vault and nowhere else."""

    spoke_with: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PLAIN)]
    number: Annotated[str, StringConstraints(min_length=1, max_length=40)] = Field(description="A mainland phone.")
    at: WrittenInstant = Field(description="When, with its time zone.")
    said: Annotated[str, StringConstraints(min_length=2, max_length=1000, pattern=PLAIN)]


class GivenAnswer(Asked):
    """What the officer found out; everything but a match needs a reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"answer": "matches"},
                {
                    "answer": "contradicts",
                    "reason": "档案中登记的姓名不同",
                    "phone": {
                        "spoke_with": "社区值班人员",
                        "number": "0579-85551234",
                        "at": "2026-11-23T09:10:00+08:00",
                        "said": "本人已于去年迁出",
                    },
                },
            ]
        }
    )

    answer: Answer = Field(
        description="一致 · 不一致 · 查无此记录 · 转社区核实; of a confirmation: 确认无误 · 信息有误或不办理 · – · 转社区联系"
    )
    reason: Reason | None = None
    phone: PhoneCall | None = None
    corrections: dict[str, Any] | None = Field(
        default=None,
        min_length=1,
        description="更正后确认: a JSON merge patch (RFC 7396) of what the question lists under `corrects`; only with "
        "`matches`, to a confirmation. Nothing can be emptied by it.",
        examples=[{"insurance": {"choice": "late", "retires_on": "2027-06"}}],
    )


class HandOver(Asked):
    """To which colleague."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "officer-2"}]})

    to: AccountName


class TakeBack(Asked):
    """Why a superior takes it back, and to whom it goes; without `to`, into the unit's queue."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "承办人请假", "to": "officer-2"}]})

    reason: Reason
    to: AccountName | None = None


class Assignments(Asked):
    """批量分派: which verifications go to whom, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"ids": ["0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4d"], "to": "officer-2", "reason": "按片区分派"}]
        }
    )

    ids: Annotated[list[Id], Field(min_length=1, max_length=ASSIGNED_AT_MOST)]
    to: AccountName
    reason: Reason


class VerificationActed(Shown):
    """The verification after an act, as it now stands; and what the act caused, however often it is sent."""

    verification: VerificationView
    events: tuple[EventView, ...]


class AnswerHeard(VerificationActed):
    """The answer was kept, and whether it decided anything."""

    counted: bool
    told: Sentence


class AssignedRow(Shown):
    """What became of one row."""

    id: UUID
    assigned: bool
    verification: VerificationView | None
    problem: str | None = Field(description="The code of the refusal.")
    detail: str | None
    detail_zh: str | None


class AssignedRows(Shown):
    """Row by row, in the order asked."""

    rows: tuple[AssignedRow, ...]


# ── acts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does with a verification, before it has an id and a moment."""

    name: str
    command: Callable[..., Command]
    """Takes id, at, by, proof, round and rung; and note, where something is said."""
    said: Content | None = None
    """For the vault."""
    to: str | None = None
    """Which colleague it goes to."""
    corrections: Mapping[str, Any] | None = None
    """What is corrected in the form with it."""
    logged: bool = False
    """In the access log also where it is granted."""


def deed_claim(viewer: Viewer) -> Deed:
    """认领: "mine"."""
    return Deed("claim", partial(AssignVerification, how="claimed", owner=viewer.actor.account))


def deed_release() -> Deed:
    """退回: back into the unit's queue."""
    return Deed("release", partial(AssignVerification, how="released", owner=None))


def deed_hand_over(to: str) -> Deed:
    """移交 to a colleague."""
    return Deed("hand-over", partial(AssignVerification, how="handed_over", owner=to), to=to)


def deed_take_back(asked: TakeBack) -> Deed:
    """收回 by a superior."""
    command = partial(AssignVerification, how="taken_back", owner=asked.to)
    return Deed("take-back", command, said={"text": asked.reason}, to=asked.to)


def deed_suspend(viewer: Viewer, reason: str) -> Deed:
    """中止计时."""
    return Deed("suspend", partial(SuspendVerification, as_superior=_leads(viewer)), said={"text": reason})


def deed_resume(viewer: Viewer) -> Deed:
    """恢复计时."""
    return Deed("resume", partial(ResumeVerification, as_superior=_leads(viewer)))


def _leads(viewer: Viewer) -> bool:
    """Whoever hands out the unit's questions is responsible for their clocks, too."""
    return reach(viewer, Action.ASSIGN_VERIFICATION) is not None


def deed_answer(house: House, asked: GivenAnswer, line: VerificationLine) -> Deed:
    """答复; raises 422 for a phone that is none, and for a call that was not made since the question was opened.

    Raises FormFaulty for a correction that would take something off the form instead of correcting it.
    """
    said = {} if asked.reason is None else {"text": asked.reason}
    if asked.phone is not None:
        said |= _call(house, asked.phone, line.opened_at)
    # A call without a reason is no reason: only a match goes without one, and the rules say so.
    given = bool(said) and (asked.answer == "matches" or asked.reason is not None)
    command = partial(AnswerVerification, answer=asked.answer, by_phone=asked.phone is not None)
    if asked.corrections is not None:
        if emptied := tuple(_emptied(asked.corrections)):
            raise FormFaulty(emptied)
        # Every amendment has its reason; that of this one is plain without anybody writing it.
        said, given = {"text": CORRECTED_WHEN_CONFIRMING} | said, True
    return Deed("answer", command, said=said if given else None, corrections=asked.corrections, logged=True)


def _emptied(corrections: Mapping[str, Any]) -> Iterator[FieldFault]:
    """What a merge patch takes away: nobody confirms what is not there, such as a pension without an account."""
    for section, fields in corrections.items():
        whole = {(section,): fields}
        places = {(section, field): one for field, one in fields.items()} if isinstance(fields, Mapping) else whole
        for place, value in places.items():
            if value is None:
                yield FieldFault(
                    f"/corrections/{'/'.join(map(cleaned, place))}",
                    "empty",
                    "确认时不能清空; 没有的请选“信息有误”并写明",
                    "must not be emptied when confirming; where there is none, answer that something is wrong, and say so",
                )


def _call(house: House, phone: PhoneCall, opened_at: datetime) -> dict[str, str]:
    try:
        number = read_phone(phone.number)
    except NotAnIdentifier as wrong:
        raise faulty(
            "/phone/number", wrong.rule, sentence(wrong.kind, wrong.rule), sentence(wrong.kind, wrong.rule, "en")
        ) from None
    if phone.at > house.clock():
        raise faulty("/phone/at", "in_future", "不能晚于现在", "must not be in the future")
    # To the minute, as calls are noted down.
    if phone.at < opened_at.replace(second=0, microsecond=0):
        raise faulty(
            "/phone/at", "before_question", "不能早于本项核验发出的时间", "must not be before the question was opened"
        )
    return {"spoke_with": phone.spoke_with, "number": number, "at": phone.at.isoformat(), "said": phone.said}


# ── carrying them out ───────────────────────────────────────────────────────────────────────────────────────────────


def do(house: House, viewer: Viewer, action: Action, id: UUID, deed: Deed, sent: Sent) -> VerificationActed:
    """Carry the deed out, once for each key."""
    line = get_verification(house, viewer, action, id)
    handled = _done(house, viewer, action, line, deed, sent)
    return VerificationActed(verification=_now(handled, line), events=event_views(handled.events))


def do_answer(house: House, viewer: Viewer, id: UUID, asked: GivenAnswer, sent: Sent) -> AnswerHeard:
    """Answer, and tell whether it counted."""
    action = Action.ANSWER_VERIFICATION
    line = get_verification(house, viewer, action, id)
    handled = _done(house, viewer, action, line, deed_answer(house, asked, line), sent)
    return heard(handled, line)


def _done(house: House, viewer: Viewer, action: Action, line: VerificationLine, deed: Deed, sent: Sent) -> Handled:
    bound = act_key(house, viewer.actor, sent, deed.name, str(line.id))
    command = command_id(line.case_id, deed.name, line.id, viewer.actor.account, bound.key)
    return carry_out(house, viewer.actor, action, line, deed, command, bound)


def carry_out(
    house: House, by: Actor, action: Action, line: VerificationLine, deed: Deed, id: UUID, key: ActKey | None
) -> Handled:
    """Carry the deed out as the command `id`; who was a moment too late has tried all the same, and that is logged."""
    at, note = house.clock(), f"note/{id}"
    said: dict[str, Any] = {} if deed.said is None else {"note": note}
    command = deed.command(id=id, at=at, by=by, proof=line.proof, round=line.round, rung=line.rung, **said)
    granted = Access(at=at, by=by, action=action, about=(line.proof,), purpose=deed.name, case_id=line.case_id)
    try:
        return act_once(
            house.store,
            line.case_id,
            command,
            key=key,
            kept=[] if deed.said is None else [Kept(line.case_id, note, deed.said)],
            corrections=deed.corrections,
            to=None if deed.to is None else Recipient(deed.to, line.unit),
            access=granted if deed.logged else None,
        )
    except FormFaulty as faulty:
        raise FormFaulty([replace(one, pointer=_in_corrections(one.pointer)) for one in faulty.faults]) from None
    except Conflict as refusal:
        house.store.log_accesses([refused(house, by, action, line.case_id, (line.proof,), refusal.code)])
        raise


def _in_corrections(pointer: str) -> str:
    """Where it was given: the rules of the form know it as the application."""
    return f"/corrections{pointer.removeprefix('/application')}"


def _now(handled: Handled, line: VerificationLine) -> VerificationView:
    return verification_view(lines_of(handled.file)[line.on_ladder])


def heard(handled: Handled, line: VerificationLine) -> AnswerHeard:
    """What became of the answer."""
    live = handled.file.verification(*line.on_ladder)
    after_the_limit = live.state is VerificationState.EXPIRED
    counted, told = _told(handled.events, found=live.earlier is not None, after_the_limit=after_the_limit)
    return AnswerHeard(verification=_now(handled, line), events=event_views(handled.events), counted=counted, told=told)


def _told(events: Sequence[Recorded], *, found: bool, after_the_limit: bool) -> tuple[bool, Sentence]:
    """Whether the answer decided something, in words for whoever gave it; `found` adds to an answer of their own."""
    kinds = {type(entry.event) for entry in events}
    if LateAnswerRecorded not in kinds:
        before = ("", "")
    elif found:
        before = ("补充答复已采信: ", "added to your answer, and taken: ")
    elif after_the_limit:
        before = ("答复晚于时限, 仍予采信: ", "late, and taken all the same: ")
    else:
        before = ("答复到时已转下一环节, 仍予采信: ", "the next rung was asked already; taken all the same: ")
    if ProofMet in kinds:
        zh, en = "该证明已核实", "the proof is shown"
    elif ProofContested in kinds:
        zh, en = "与申报不一致, 由经办人认定", "it contradicts what was declared; a caseworker decides"
    elif ApplicationAmended in kinds:
        zh, en = (
            "已更正, 到新的日期会再请确认一次",
            "corrected; it is sent to be confirmed once more when the new day comes",
        )
    elif VerificationAnswered in kinds:
        zh, en = "已记录, 转由下一环节核实", "taken; the next rung of the ladder is asked"
    else:
        zh = "该证明已由其他环节处理; 您的答复已留存, 不改变结果"
        en = "others have dealt with this proof meanwhile; your answer is kept and changes nothing"
        return False, Sentence(zh=zh, en=en)
    return True, Sentence(zh=f"{before[0]}{zh}", en=f"{before[1]}{en}")


# ── who has it, its clock, and the answer ───────────────────────────────────────────────────────────────────────────


@router.post("/inbox/assignments", response_model=AssignedRows)
def assign_verifications(house: TheHouse, viewer: MayAssign, asked: Assignments, sent: AsSent) -> Response:
    """Hand out many to one colleague; each row is told what became of it, and one refused stops no other."""
    return answer(assigned(house, viewer, asked, sent))


def assigned(house: House, viewer: Viewer, asked: Assignments, sent: Sent) -> AssignedRows:
    """Row by row: a transaction for each, so that a long list never holds many cases at once."""
    action, ids = Action.ASSIGN_VERIFICATION, tuple(dict.fromkeys(asked.ids))
    bound = act_key(house, viewer.actor, sent, "assign")
    deed = Deed(
        "assign",
        partial(AssignVerification, how="assigned", owner=asked.to),
        said={"text": asked.reason},
        to=asked.to,
    )

    def begin() -> Mapping[UUID, VerificationLine]:
        with house.store.database.begin() as connection:
            lines = find_verifications(connection, ids, verifications_visible_to(viewer, action))
            for line in list(lines.values())[:1]:
                bind_key(connection, bound, line.case_id, house.clock())
            return lines

    lines = again_if_lost(begin)
    rows = []
    for id in ids:
        try:
            # The others are not there, or not for this account: the way that tells so and logs it.
            line = lines.get(id) or get_verification(house, viewer, action, id)
            command = command_id(line.case_id, deed.name, id, viewer.actor.account, bound.key)
            handled = carry_out(house, viewer.actor, action, line, deed, command, None)
        except Refusal as refusal:
            rows.append(
                AssignedRow(
                    id=id,
                    assigned=False,
                    verification=None,
                    problem=refusal.code,
                    detail=refusal.en,
                    detail_zh=refusal.zh,
                )
            )
        else:
            rows.append(
                AssignedRow(
                    id=id, assigned=True, verification=_now(handled, line), problem=None, detail=None, detail_zh=None
                )
            )
    return AssignedRows(rows=tuple(rows))


@router.post("/inbox/{verification_id}/claim", response_model=VerificationActed)
def claim_verification(
    house: TheHouse, viewer: MayAnswerVerification, verification_id: VerificationId, sent: AsSent
) -> Response:
    """认领: from now on nobody else may answer it."""
    return answer(do(house, viewer, Action.ANSWER_VERIFICATION, verification_id, deed_claim(viewer), sent))


@router.post("/inbox/{verification_id}/release", response_model=VerificationActed)
def release_verification(
    house: TheHouse, viewer: MayAnswerVerification, verification_id: VerificationId, sent: AsSent
) -> Response:
    """退回: anybody of the unit may take it."""
    return answer(do(house, viewer, Action.ANSWER_VERIFICATION, verification_id, deed_release(), sent))


@router.post("/inbox/{verification_id}/hand-over", response_model=VerificationActed)
def hand_over_verification(
    house: TheHouse, viewer: MayAnswerVerification, verification_id: VerificationId, asked: HandOver, sent: AsSent
) -> Response:
    """移交: it is a colleague's now; the limit runs on."""
    return answer(do(house, viewer, Action.ANSWER_VERIFICATION, verification_id, deed_hand_over(asked.to), sent))


@router.post("/inbox/{verification_id}/take-back", response_model=VerificationActed)
def take_back_verification(
    house: TheHouse, viewer: MayAssign, verification_id: VerificationId, asked: TakeBack, sent: AsSent
) -> Response:
    """收回: a superior takes it from whoever has it, and says why."""
    return answer(do(house, viewer, Action.ASSIGN_VERIFICATION, verification_id, deed_take_back(asked), sent))


@router.post("/inbox/{verification_id}/answer", response_model=AnswerHeard)
def answer_verification(
    house: TheHouse, viewer: MayAnswerVerification, verification_id: VerificationId, asked: GivenAnswer, sent: AsSent
) -> Response:
    """答复: one answer counts; one that comes when the ladder has moved on is kept, and told whether it was taken.

    Who answered `no_record` or `hand_to_community` may add `matches` or `contradicts` once the record is found,
    under a new key.
    """
    return answer(do_answer(house, viewer, verification_id, asked, sent))


@router.post("/inbox/{verification_id}/suspension", response_model=VerificationActed)
def suspend_verification(
    house: TheHouse, viewer: MayAnswerVerification, verification_id: VerificationId, asked: Because, sent: AsSent
) -> Response:
    """中止计时: the clock stands still, for a reason that stays on record."""
    return answer(
        do(house, viewer, Action.ANSWER_VERIFICATION, verification_id, deed_suspend(viewer, asked.reason), sent)
    )


@router.post("/inbox/{verification_id}/resumption", response_model=VerificationActed)
def resume_verification(
    house: TheHouse, viewer: MayAnswerVerification, verification_id: VerificationId, sent: AsSent
) -> Response:
    """恢复计时: what was left of the limit is left still."""
    return answer(do(house, viewer, Action.ANSWER_VERIFICATION, verification_id, deed_resume(viewer), sent))
