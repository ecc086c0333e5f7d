"""核验页: one question to a unit: what is asked, the declared facts to compare with, and the answer.

Each act is the API's own. What could not be carried out comes back as the page as it is now, with what was
typed and with who was faster.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from api import verifications
from api.acts import Sent
from api.house import House, TheHouse
from api.pages.answer_form import (
    AsTyped,
    Attempt,
    Done,
    FieldsWrong,
    Typed,
    done_told,
    faults_of,
    given,
    in_one_line,
    outcome,
    read_fields,
    wrong_of,
)
from api.pages.doors import MayAnswer, MayAssign, MayReadInbox
from api.pages.faults import PageRoute
from api.pages.inbox import colleagues, warning
from api.pages.looks import OFFERS, OFFERS_TO_THE_PERSON, Offer
from api.pages.rendering import HEADERS, once, render
from api.problems import Trouble, status_of
from api.question import Question, VerificationId, question_to
from api.reach import get_verification
from api.shapes import Because
from api.verifications import HandOver, TakeBack
from domain.form import SHANGHAI
from domain.refusals import Conflict, FormFaulty, NotAcceptable
from domain.scopes import Action, Reach, Viewer, reach
from domain.verifications import SETTLES
from store.database import again_if_lost
from store.unit_titles import unit_titles

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Mark = Annotated[str, Form(alias="once", max_length=40)]


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
    typed: AsTyped,
    mark: Mark = "",
) -> Response:
    """一致、不一致、查无此记录、转社区核实."""

    def act() -> Done:
        asked = given(typed)
        body = " ".join(typed.everything.values())
        return outcome(verifications.do_answer(house, viewer, verification_id, asked, Sent(f"{mark} {body}", body)))

    return _tried(house, viewer, request, verification_id, Attempt("answer", typed.everything), act)


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
        asked = read_fields(lambda: HandOver(to=to))
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
        deed = verifications.deed_take_back(read_fields(lambda: TakeBack(reason=in_one_line(reason), to=to or None)))
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
        deed = verifications.deed_suspend(viewer, read_fields(lambda: Because(reason=in_one_line(reason))).reason)
        return _do(house, viewer, Action.ANSWER_VERIFICATION, verification_id, deed, f"{mark} {reason}", "suspend")

    return _tried(house, viewer, request, verification_id, attempt, act)


@router.post("/inbox/{verification_id}/resumption", name="resume_by_form")
def resume(
    house: TheHouse, viewer: MayAnswer, request: Request, verification_id: VerificationId, mark: Mark = ""
) -> Response:
    """恢复计时."""
    return _done(
        house, viewer, request, verification_id, Attempt("resume"), verifications.deed_resume(viewer), mark, "resume"
    )


@router.get("/inbox/{verification_id}/{act}", name="back_from_act")
def back_to_question(viewer: MayReadInbox, verification_id: VerificationId, act: str) -> Response:
    """An address to which only forms are sent, opened once more: to the question itself."""
    return RedirectResponse(f"/inbox/{verification_id}", 303, HEADERS)


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
        may_stop=answers_role and open_ and (free or assigns),
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
