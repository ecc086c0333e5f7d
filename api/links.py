"""One-time links (一次性链接): a question for somebody without an account, who may read it and answer it once.

The link is the whole of the right, and stands in the body, because addresses end up in logs.
"""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field, StringConstraints
from sqlalchemy import true

from api.house import House, TheHouse
from api.identity import public
from api.limits import StrictRoute
from api.question import Question, open_question
from api.shapes import V1, Asked, answer
from api.verifications import AnswerHeard, GivenAnswer, carry_out, deed_answer, heard
from domain.actors import Actor
from domain.scopes import Action
from store.database import again_if_lost
from store.links import LinkRefused, read_link
from store.read_models.verifications import VerificationLine, find_verification

router = APIRouter(prefix=V1, tags=["verifications"], route_class=StrictRoute)

Token = Annotated[str, StringConstraints(min_length=1, max_length=200), Field(description="Of the one-time link.")]


class LinkAnswer(GivenAnswer):
    """The same from somebody without an account, who was sent a link."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "A" * 48, "answer": "matches"}]})

    token: Token


class LinkShown(Asked):
    """The link, in the body because addresses end up in the logs of everybody in between."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "A" * 48}]})

    token: Token


@router.post("/links/question", response_model=Question, dependencies=[Depends(public)])
def show_question_of_link(house: TheHouse, asked: LinkShown) -> Response:
    """What a one-time link asks; its holder needs no account, and the read is in the access log under the link."""
    line = line_of_link(house, asked.token)
    question = open_question(house, holder_of_link(line), line, of_the_unit=True)
    # Whoever holds the link has been reached.
    return answer(question.model_copy(update={"undelivered": None}))


@router.post("/links/answer", response_model=AnswerHeard, dependencies=[Depends(public)])
def answer_link(house: TheHouse, asked: LinkAnswer) -> Response:
    """Answer what a one-time link asks; a second use is told who closed it, and when."""
    line = line_of_link(house, asked.token)
    # Every use is an act of its own: the link is spent by the first, not by the first of each content.
    handled = carry_out(
        house, holder_of_link(line), Action.ANSWER_VERIFICATION, line, deed_answer(house, asked, line), uuid4(), None
    )
    return answer(heard(handled, line))


def line_of_link(house: House, token: str) -> VerificationLine:
    """The verification that the link leads to; raises LinkRefused."""
    id = read_link(house.store.vault, token, house.clock())

    def look() -> VerificationLine | None:
        with house.store.database.glancing() as connection:
            # The link itself is the right to see this one.
            return find_verification(connection, id, true())

    line = again_if_lost(look)
    if line is None:
        raise LinkRefused
    return line


def holder_of_link(line: VerificationLine) -> Actor:
    """Who holds the link, for the record: the link, and the unit that was asked; never a person."""
    return Actor.of_link(line.id.hex[:8], line.unit)
