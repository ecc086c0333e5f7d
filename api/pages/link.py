"""一次性链接页: one question for somebody without an account, on a phone: what is asked, and the answer.

The link is the whole of the right, so the page keeps nothing: no cookie, nothing in a cache, no address
told to anybody. Used once it says who closed the question; too late it says who has it now.
"""

from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import true

from api import links
from api.house import House, TheHouse
from api.identity import guard_origin, public
from api.links import LinkAnswer, LinkShown, line_of_link
from api.pages.answer_form import (
    AsTyped,
    Attempt,
    Done,
    FieldsWrong,
    done_told,
    faults_of,
    given,
    outcome,
    wrong_of,
)
from api.pages.faults import PageRoute
from api.pages.own_answers import told
from api.pages.question import shown
from api.pages.rendering import ALONE, render
from api.pages.words import LANGUAGES
from api.problems import Trouble, status_of
from api.question import Question
from api.verifications import AnswerHeard
from domain.refusals import Conflict, FormFaulty, NotAcceptable
from domain.time_limits import in_shanghai
from domain.timeline import Text
from domain.waiting import Wait, waits
from store.database import again_if_lost
from store.links import LinkRefused, read_link
from store.read_models.verifications import VerificationLine, find_verification

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LONG_AGO: Final = datetime(1970, 1, 2, tzinfo=UTC)
"""Before any link ran out: whether it was ever one of ours."""

OneTime = Annotated[str, Path(pattern=r"^[A-Za-z0-9_=-]{1,200}$")]


@router.get("/v/{token}", name="link_page", dependencies=[Depends(public)])
def link_page(
    house: TheHouse, request: Request, token: OneTime, done: Annotated[Done | None, Query()] = None
) -> Response:
    """What the link asks; or who has closed it, or who has it now."""
    return _page(house, request, token, done=done)


@router.post("/v/{token}", name="answer_link_by_form", dependencies=[Depends(public)])
def answer_link(
    house: TheHouse,
    request: Request,
    token: OneTime,
    typed: AsTyped,
) -> Response:
    """Answer it, once."""
    guard_origin(request)
    attempt = Attempt("answer", typed.everything)
    try:
        asked = LinkAnswer.model_validate({**given(typed).model_dump(mode="json"), "token": token})
        heard = told(links.answer_link(house, asked), AnswerHeard)
    except FieldsWrong as fault:
        return _page(house, request, token, 422, Attempt("answer", typed.everything, fault.wrong))
    except Trouble as fault:
        return _page(house, request, token, 422, Attempt("answer", typed.everything, wrong_of(fault)))
    except FormFaulty as faulty:
        return _page(house, request, token, 422, Attempt("answer", typed.everything, faults_of(faulty)))
    except (LinkRefused, ValidationError):
        return _page(house, request, token, 410, attempt)
    except (Conflict, NotAcceptable) as refusal:
        house.figures.refused.labels(refusal.code).inc()
        return _page(house, request, token, status_of(refusal), Attempt("answer", typed.everything, refusal=refusal))
    return RedirectResponse(f"/v/{token}?{urlencode({'done': outcome(heard), **_language(request)})}", 303, ALONE)


def _language(request: Request) -> dict[str, str]:
    """As the address asks for it: without a cookie it has to go along."""
    asked = request.query_params.get("lang")
    return {"lang": asked} if asked in LANGUAGES else {}


def _page(
    house: House,
    request: Request,
    token: str,
    status: int = 200,
    attempt: Attempt | None = None,
    *,
    done: Done | None = None,
) -> Response:
    tried = attempt or Attempt()
    try:
        line = line_of_link(house, token)
    except LinkRefused:
        return _over(house, request, token, tried)
    if line.state != "open":
        return _closed(house, request, line, tried, 200 if attempt is None else status, done)
    question = told(links.show_question_of_link(house, LinkShown(token=token)), Question)
    return render(
        request,
        "link.html",
        status=status,
        here=f"/v/{token}",
        headers=ALONE,
        keeps_language=False,
        **shown(question, house, by_link=True),
        action=f"/v/{token}?{urlencode(_language(request))}".rstrip("?"),
        attempt=tried,
    )


def _over(house: House, request: Request, token: str, attempt: Attempt) -> Response:
    """The time of a link of ours is over; one that never was ours is answered like an address that does not exist."""
    id = read_link(house.store.vault, token, LONG_AGO)

    def look() -> VerificationLine | None:
        with house.store.database.glancing() as connection:
            return find_verification(connection, id, true())

    line = again_if_lost(look)
    if line is None:
        raise LinkRefused
    return _closed(house, request, line, attempt, 410, None)


def _closed(
    house: House, request: Request, line: VerificationLine, attempt: Attempt, status: int, done: Done | None
) -> Response:
    """What has become of the question, without anything about the person."""
    file = house.store.case_file(line.case_id)
    wait = next((one for one in waits(file) if one.what == line.proof), None)
    moved = done == "corrected" and line.state == "withdrawn"
    # An address can be typed by anybody: it says nothing that is not so.
    said = done_told(done, line.route, by_link=True) if line.answer or moved else None
    return render(
        request,
        "link_closed.html",
        status=status,
        here=request.url.path,
        headers=ALONE,
        keeps_language=False,
        one=line,
        attempt=attempt,
        done=said,
        now_with=None if wait is None or (said and not moved) else _to_the_reader(wait, line.route),
    )


def _to_the_reader(wait: Wait, route: str) -> Text:
    """How it stands: whoever confirms is told what comes to them, and anybody else what the case waits for."""
    if route == "confirmation" and wait.on == "calendar" and wait.due is not None:
        day = f"{in_shanghai(wait.due):%Y-%m-%d}"
        return Text(f"{day} 起会再请您确认一次", f"from {day} on you are asked to confirm once more")
    if route == "confirmation" and wait.on == "caseworker":
        return Text("经办人会核对并联系您", "a caseworker checks it and calls you")
    return Text(wait.zh, wait.en)
