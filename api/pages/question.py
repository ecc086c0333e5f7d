"""核验页: one question to a unit: what is asked, the declared facts to compare with, and the answer.

Each act is the API's own. What could not be carried out comes back as the page as it is now, with what was
typed and with who was faster.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import StringConstraints, ValidationError

from api import verifications
from api.acts import Sent
from api.house import House, TheHouse
from api.pages.doors import MayAnswer, MayAssign, MayReadInbox
from api.pages.faults import PageRoute
from api.pages.inbox import colleagues, warning
from api.pages.looks import OFFERS, OFFERS_TO_THE_PERSON, Offer
from api.pages.rendering import HEADERS, once, render
from api.problems import Trouble, status_of
from api.question import Question, VerificationId, question_to
from api.reach import get_verification
from api.shapes import Because
from api.verifications import AnswerHeard, GivenAnswer, HandOver, PhoneCall, TakeBack
from domain.form import SHANGHAI
from domain.refusals import Conflict, FormFaulty, NotAcceptable, Refusal
from domain.scopes import Action, Reach, Viewer, reach
from domain.timeline import Text
from domain.verifications import SETTLES
from store.database import again_if_lost
from store.unit_titles import unit_titles

T = TypeVar("T")

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Typed = Annotated[str, Form(max_length=4000)]
Mark = Annotated[str, Form(alias="once", max_length=40)]

Lines = Annotated[list[Annotated[str, StringConstraints(max_length=500)]], Form(default_factory=list, max_length=20)]


def typed_corrections(path: Lines, was: Lines, value: Lines) -> Mapping[str, str]:
    """更正: what is typed otherwise than it stood, "section.field" -> text; empty where nothing is."""
    return {
        place: typed.strip()
        for place, before, typed in zip(path, was, value, strict=False)
        if typed.strip() != before and PATH.fullmatch(place)
    }


Corrected = Annotated[Mapping[str, str], Depends(typed_corrections)]
PATH: Final = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")

Done = Literal[
    "met",
    "corrected",
    "contested",
    "next",
    "kept",
    "claim",
    "release",
    "hand-over",
    "take-back",
    "suspend",
    "resume",
]
DONE: Final[Mapping[Done, str]] = {
    "met": "答复已记入办件: 该证明已核实, 需要它的事项继续办理。",
    "corrected": "已更正申请, 到新的日期会再请确认一次。",
    "contested": "答复已记入办件: 与申报不一致, 由经办人认定。经办人已收到提醒。",
    "next": "答复已记入办件, 转由下一环节核实。",
    "kept": "该证明已由其他环节处理; 您的答复已留存, 不改变结果。",
    "claim": "已认领, 现由您承办。时限继续计算。",
    "release": "已退回本单位, 由同事认领。时限继续计算。",
    "hand-over": "已移交, 同事已收到提醒。时限继续计算。",
    "take-back": "已收回, 理由已记入办件。新的承办人或本单位已收到提醒。",
    "suspend": "已中止计时, 理由已记入办件。恢复计时后, 剩余时限不变。",
    "resume": "已恢复计时, 剩余时限不变。",
}
"""What an act has led to, told on the page after it."""
CONFIRMED: Final[Mapping[Done, str]] = {
    "met": "已确认, 将按所列信息办理。",
    "corrected": "已更正。日期有变动, 到新的日期会再请您确认一次。",
    "contested": "已收到, 所列信息暂不办理; 经办人会核对并联系本人。",
    "next": "已收到, 社区工作者会打电话联系本人。",
    "kept": "这件事已经有了结果; 答复已留存, 不改变结果。",
}
"""The same where something was confirmed, for whoever answers: the person, the employer, or an officer for them."""


def done_told(done: Done | None, route: str) -> str | None:
    """What the act has led to, in the words of what was asked."""
    if done is None:
        return None
    return CONFIRMED.get(done, DONE[done]) if route == "confirmation" else DONE[done]


WRONG: Final = {
    "answer": "请选择一个答复。",
    "corrections": "有更正的, 答复请选“确认无误”; 要由经办人处理的, 请写在说明里, 不要更正。",
    "reason": "请写明理由, 2 至 500 字。",
    "spoke_with": "请写明与谁通话。",
    "number": "请填写通话的电话号码, 手机或带区号的固定电话。",
    "at": "请填写通话时间, 不早于本项核验发出, 不晚于现在。",
    "said": "请写明对方说了什么, 2 至 1000 字。",
    "to": "请选择同事。",
}
_PHONE: Final = ("spoke_with", "number", "at", "said")


@dataclass(frozen=True)
class Attempt:
    """A form that was sent and could not be carried out: what was typed, and why not."""

    form: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str | Text] = field(default_factory=dict)
    """Field -> a sentence of `words`, or one of the rules of the form."""
    refusal: Refusal | None = None

    def value(self, form: str, name: str) -> str:
        """What was typed into that field of that form."""
        return self.typed.get(name, "") if self.form == form else ""


class FieldsWrong(Exception):
    """Fields of a form cannot be sent like this; `wrong` says which and why."""

    def __init__(self, wrong: Mapping[str, str | Text]) -> None:
        self.wrong = wrong
        super().__init__(", ".join(wrong))


@router.get("/inbox/{verification_id}", name="question_page")
def question_page(
    house: TheHouse,
    viewer: MayReadInbox,
    request: Request,
    verification_id: VerificationId,
    done: Annotated[Done | None, Query()] = None,
    found: Annotated[bool, Query()] = False,
) -> Response:
    """What is asked; the reading is in the access log before anything is opened."""
    return _page(house, viewer, request, verification_id, done=done, found=found)


@router.post("/inbox/{verification_id}/answer", name="answer_by_form")
def answer(
    house: TheHouse,
    viewer: MayAnswer,
    request: Request,
    verification_id: VerificationId,
    corrected: Corrected,
    answer: Typed = "",
    reason: Typed = "",
    spoke_with: Typed = "",
    number: Typed = "",
    at: Typed = "",
    said: Typed = "",
    mark: Mark = "",
) -> Response:
    """一致、不一致、查无此记录、转社区核实."""
    typed = {
        "answer": answer,
        "reason": reason,
        "spoke_with": spoke_with,
        "number": number,
        "at": at,
        "said": said,
        **corrected,
    }

    def act() -> Done:
        asked = given(typed, corrected)
        body = " ".join(typed.values())
        return outcome(verifications.do_answer(house, viewer, verification_id, asked, Sent(f"{mark} {body}", body)))

    return _tried(house, viewer, request, verification_id, Attempt("answer", typed), act)


@router.post("/inbox/{verification_id}/claim", name="claim_by_form")
def claim(
    house: TheHouse, viewer: MayAnswer, request: Request, verification_id: VerificationId, mark: Mark = ""
) -> Response:
    """认领."""
    deed = verifications.deed_claim(viewer)
    return _done(house, viewer, request, verification_id, Attempt("claim"), deed, mark, "claim")


@router.post("/inbox/{verification_id}/release", name="release_by_form")
def release(
    house: TheHouse, viewer: MayAnswer, request: Request, verification_id: VerificationId, mark: Mark = ""
) -> Response:
    """退回本单位."""
    return _done(
        house, viewer, request, verification_id, Attempt("release"), verifications.deed_release(), mark, "release"
    )


@router.post("/inbox/{verification_id}/hand-over", name="hand_over_by_form")
def hand_over(
    house: TheHouse,
    viewer: MayAnswer,
    request: Request,
    verification_id: VerificationId,
    to: Typed = "",
    mark: Mark = "",
) -> Response:
    """移交同事."""
    attempt = Attempt("hand-over", {"to": to})

    def act() -> Done:
        asked = _read(lambda: HandOver(to=to))
        deed = verifications.deed_hand_over(asked.to)
        return _do(house, viewer, Action.ANSWER_VERIFICATION, verification_id, deed, f"{mark} {to}", "hand-over")

    return _tried(house, viewer, request, verification_id, attempt, act)


@router.post("/inbox/{verification_id}/take-back", name="take_back_by_form")
def take_back(
    house: TheHouse,
    viewer: MayAssign,
    request: Request,
    verification_id: VerificationId,
    to: Typed = "",
    reason: Typed = "",
    mark: Mark = "",
) -> Response:
    """收回, 改派或退回本单位."""
    attempt = Attempt("take-back", {"to": to, "reason": reason})

    def act() -> Done:
        deed = verifications.deed_take_back(_read(lambda: TakeBack(reason=_line(reason), to=to or None)))
        key = f"{mark} {to} {reason}"
        return _do(house, viewer, Action.ASSIGN_VERIFICATION, verification_id, deed, key, "take-back")

    return _tried(house, viewer, request, verification_id, attempt, act)


@router.post("/inbox/{verification_id}/suspension", name="suspend_by_form")
def suspend(
    house: TheHouse,
    viewer: MayAnswer,
    request: Request,
    verification_id: VerificationId,
    reason: Typed = "",
    mark: Mark = "",
) -> Response:
    """中止计时."""
    attempt = Attempt("suspend", {"reason": reason})

    def act() -> Done:
        deed = verifications.deed_suspend(_read(lambda: Because(reason=_line(reason))).reason)
        return _do(house, viewer, Action.ANSWER_VERIFICATION, verification_id, deed, f"{mark} {reason}", "suspend")

    return _tried(house, viewer, request, verification_id, attempt, act)


@router.post("/inbox/{verification_id}/resumption", name="resume_by_form")
def resume(
    house: TheHouse, viewer: MayAnswer, request: Request, verification_id: VerificationId, mark: Mark = ""
) -> Response:
    """恢复计时."""
    return _done(
        house, viewer, request, verification_id, Attempt("resume"), verifications.deed_resume(), mark, "resume"
    )


@router.get("/inbox/{verification_id}/{act}", name="back_from_act")
def back_to_question(viewer: MayReadInbox, verification_id: VerificationId, act: str) -> Response:
    """An address to which only forms are sent, opened once more: to the question itself."""
    return RedirectResponse(f"/inbox/{verification_id}", 303, HEADERS)


# ── what was typed ──────────────────────────────────────────────────────────────────────────────────────────────────


def given(typed: Mapping[str, str], corrected: Mapping[str, str]) -> GivenAnswer:
    """The answer; raises FieldsWrong with every field that cannot be sent like this."""
    called = any(typed[name].strip() for name in ("spoke_with", "number", "said"))
    wrong: dict[str, str | Text] = {}
    phone: PhoneCall | None = None
    if called:
        try:
            phone = PhoneCall.model_validate(
                {
                    "spoke_with": _line(typed["spoke_with"]),
                    "number": typed["number"].strip(),
                    "at": _moment(typed["at"]),
                    "said": _line(typed["said"]),
                }
            )
        except ValidationError as fault:
            wrong |= {name: WRONG[name] for name in _fields_of(fault)}
    reason = _line(typed["reason"])
    try:
        answered = GivenAnswer.model_validate({"answer": typed["answer"], "reason": reason or None})
    except ValidationError as fault:
        raise FieldsWrong(wrong | {name: WRONG[name] for name in _fields_of(fault)}) from None
    if answered.answer != "matches" and answered.reason is None:
        wrong["reason"] = WRONG["reason"]
    if answered.answer != "matches" and corrected:
        wrong["corrections"] = WRONG["corrections"]
    if wrong:
        raise FieldsWrong(wrong)
    return answered.model_copy(update={"phone": phone, "corrections": _patch(corrected)})


def _patch(corrected: Mapping[str, str]) -> Mapping[str, Any] | None:
    """As a JSON merge patch; what was emptied is taken off the form."""
    patch: defaultdict[str, dict[str, str | None]] = defaultdict(dict)
    for path, text in corrected.items():
        section, _, code = path.partition(".")
        patch[section][code] = text or None
    return patch or None


def faults_of(faulty: FormFaulty) -> Mapping[str, Text]:
    """What the rules of the form say to a correction: "section.field" -> the sentence."""
    return {one.pointer.removeprefix("/corrections/").replace("/", "."): Text(one.zh, one.en) for one in faulty.faults}


def outcome(heard: AnswerHeard) -> Done:
    """What the answer has led to, in a word."""
    kinds = {event.type for event in heard.events}
    if not heard.counted:
        return "kept"
    if "application_amended" in kinds and "proof_met" not in kinds:
        return "corrected"
    return "met" if "proof_met" in kinds else "contested" if "proof_contested" in kinds else "next"


def _line(text: str) -> str:
    """In one line: a reason is read in lists and logs."""
    return " ".join(text.split())


def _moment(typed: str) -> str:
    """A moment as a browser's field gives it, which is meant in Shanghai."""
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=SHANGHAI).isoformat()
    except ValueError:
        return typed


def _fields_of(fault: ValidationError) -> set[str]:
    return {str(one["loc"][0]) for one in fault.errors()}


def _read(build: Callable[[], T]) -> T:
    try:
        return build()
    except ValidationError as fault:
        raise FieldsWrong({name: WRONG[name] for name in _fields_of(fault)}) from None


# ── acting and showing ──────────────────────────────────────────────────────────────────────────────────────────────


def _do(house: House, viewer: Viewer, action: Action, id: UUID, deed: verifications.Deed, key: str, done: Done) -> Done:
    verifications.do(house, viewer, action, id, deed, Sent(key, key))
    return done


def _done(
    house: House,
    viewer: Viewer,
    request: Request,
    id: UUID,
    attempt: Attempt,
    deed: verifications.Deed,
    mark: str,
    done: Done,
) -> Response:
    action = Action.ANSWER_VERIFICATION
    return _tried(
        house, viewer, request, id, attempt, lambda: _do(house, viewer, action, id, deed, f"{mark} {done}", done)
    )


def _tried(
    house: House, viewer: Viewer, request: Request, id: UUID, attempt: Attempt, act: Callable[[], Done]
) -> Response:
    try:
        done = act()
    except FieldsWrong as fault:
        return _page(house, viewer, request, id, 422, Attempt(attempt.form, attempt.typed, fault.wrong))
    except Trouble as fault:
        wrong = wrong_of(fault)
        return _page(house, viewer, request, id, 422, Attempt(attempt.form, attempt.typed, wrong))
    except FormFaulty as faulty:
        return _page(house, viewer, request, id, 422, Attempt(attempt.form, attempt.typed, faults_of(faulty)))
    except (Conflict, NotAcceptable) as refusal:
        house.figures.refused.labels(refusal.code).inc()
        tried = Attempt(attempt.form, attempt.typed, refusal=refusal)
        return _page(house, viewer, request, id, status_of(refusal), tried)
    # Another address than before, so that the browser shows the top of the page, where the answer is.
    return RedirectResponse(f"/inbox/{id}?{urlencode({'done': done})}", 303, HEADERS)


def wrong_of(fault: Trouble) -> Mapping[str, str | Text]:
    """What was wrong with a telephone call; raises what is about anything else."""
    names = [one.pointer.rpartition("/")[2] for one in fault.faults if one.pointer.startswith("/phone/")]
    if not names:
        raise fault
    return {name: WRONG[name] for name in names}


def _page(
    house: House,
    viewer: Viewer,
    request: Request,
    id: UUID,
    status: int = 200,
    attempt: Attempt | None = None,
    *,
    done: Done | None = None,
    found: bool = False,
) -> Response:
    line = get_verification(house, viewer, Action.READ_INBOX, id)
    # Whoever adds to an answer and has left something out is still at it.
    adding = found or (status == 422 and attempt is not None and attempt.form == "answer")
    question = question_to(house, viewer, line, found=adding)
    asked = question.verification
    mine = asked.owner == viewer.actor.account
    open_ = asked.state == "open"
    answers_role = reach(viewer, Action.ANSWER_VERIFICATION) is not None
    assigns = open_ and reach(viewer, Action.ASSIGN_VERIFICATION) is not None
    free = mine or not asked.claimed
    return render(
        request,
        "question.html",
        status=status,
        here=f"/inbox/{id}",
        **shown(question, house),
        done=done_told(done, asked.route),
        attempt=attempt or Attempt(),
        mine=mine,
        may_answer=answers_role and question.in_full and (free or not open_),
        may_add=answers_role and question.may_add,
        may_claim=answers_role and open_ and not (mine and asked.claimed) and not (asked.claimed and not mine),
        may_release=answers_role and open_ and mine and asked.claimed,
        may_hand_over=answers_role and open_ and free,
        may_stop=answers_role and open_ and free,
        may_take_back=assigns,
        colleagues=[
            one for one in (colleagues(house, asked.unit) if open_ else ()) if one != viewer.actor.account or assigns
        ],
        # A department that only answers has no item of the case, and would find nothing there.
        reads_case=reach(viewer, Action.READ_CASE) in {Reach.DIVISION, Reach.OWN_UNIT},
        once=once(),
    )


def shown(question: Question, house: House, *, by_link: bool = False) -> dict[str, Any]:
    """What both pages of a question show: an officer's, and the one behind a link."""
    units = {question.verification.unit, *(one.unit for one in question.tried if one.unit)}

    def look() -> Mapping[str, str]:
        with house.store.database.glancing() as connection:
            return unit_titles(connection, units)

    titles = again_if_lost(look)
    used, budget = question.limit.used_seconds, question.limit.budget_seconds
    return {
        "question": question,
        "one": question.verification,
        "units": {unit: titles.get(unit, unit) for unit in units},
        "used_percent": None if used is None else min(100, 100 * used // budget),
        "warning": _warning(question, house),
        "choices": _choices(question, by_link=by_link),
        "reason_label": REASON_FOR_CONFIRMING if question.notice else REASON_FOR_VERIFYING,
        "phone_at": f"{house.clock().astimezone(SHANGHAI):%Y-%m-%dT%H:%M}",
    }


def _choices(question: Question, *, by_link: bool) -> Sequence[Offer]:
    if by_link and question.notice:
        return OFFERS_TO_THE_PERSON
    offers = OFFERS.get(question.verification.route, OFFERS["community_check"])
    return tuple(one for one in offers if one.code in SETTLES) if question.may_add else offers


REASON_FOR_VERIFYING: Final = "理由(除“一致”外必填: 查了什么, 哪里不同)"
REASON_FOR_CONFIRMING: Final = "说明(除“确认无误”外必填: 哪里有误, 或为什么不办理)"


def _warning(question: Question, house: House) -> str:
    said = warning(question.verification, house)
    used, budget = question.limit.used_seconds, question.limit.budget_seconds
    if said in {"", "half"} and used is not None and question.verification.state == "open":
        return "late" if used * 100 >= budget * 80 else "half" if used * 100 >= budget * 50 else said
    return said
