"""未送达: notices that did not reach anybody, because their receiver refused them or because there was nobody to tell.

Whoever looks at the question hears of it there; an operator puts a refused one back once its receiver would take it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, case, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from domain.notices import Action, Audience
from store.notices import CHANNEL
from store.outbox import Level
from store.streams import lock
from store.tables import notices


class Standing(StrEnum):
    """How it stands with a notice that was not sent."""

    UNSENT = "unsent"  # is tried until the receiver answers
    REFUSED = "refused"  # given up, and may be put back
    OVERTAKEN = "overtaken"  # given up, and too late for the card


class Retry(StrEnum):
    """What came of an attempt to put a notice back."""

    PUT_BACK = "put_back"
    OVERTAKEN = "overtaken"
    NOT_REFUSED = "not_refused"
    UNKNOWN = "unknown"


_LATER: Final = notices.alias("later")
_GIVEN_UP: Final = notices.c.refused_at.is_not(None)
_OVERTAKEN: Final = exists().where(
    # What follows about the card was told, is about to be, or took the card away: told after it, this one would put
    # on a desk what does not wait there any more.
    _LATER.c.card == notices.c.card,
    _LATER.c.number > notices.c.number,
    or_(_LATER.c.refused_at.is_(None), _LATER.c.action == "withdraw"),
)


# ── what a question says ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The latest notice of a card reached nobody."""

    refused_at: datetime | None
    """None: the receiver would have told it, but there was nobody to tell."""


def undelivered(connection: Connection, cards: Collection[UUID]) -> Mapping[UUID, Undelivered]:
    """Those of the cards about which the latest that was tried to its end has reached nobody."""
    latest = (
        select(notices.c.card, notices.c.refused_at, notices.c.reached)
        .ext(distinct_on(notices.c.card))
        .where(notices.c.card.in_(cards), or_(notices.c.sent_at.is_not(None), _GIVEN_UP))
        .order_by(notices.c.card, notices.c.number.desc())
    )
    return {
        row.card: Undelivered(row.refused_at)
        for row in connection.execute(latest)
        if row.refused_at is not None or row.reached is False
    }


# ── what an operator does about it ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class NotSent:
    """One notice that was not sent; no personal data."""

    standing: Standing
    id: UUID
    case_no: str
    title: str
    title_en: str
    action: Action
    audience: Audience
    unit: str
    account: str | None
    made_at: datetime
    attempts: int
    fault: str | None
    refused_at: datetime | None


def list_not_sent(connection: Connection) -> tuple[NotSent, ...]:
    """Every notice that was not sent, the oldest first."""
    standing = case(
        (~_GIVEN_UP, Standing.UNSENT.value), (_OVERTAKEN, Standing.OVERTAKEN.value), else_=Standing.REFUSED.value
    ).label("standing")
    columns = [notices.c[name] for name in NotSent.__dataclass_fields__ if name != "standing"]
    asked = select(standing, *columns).where(notices.c.sent_at.is_(None)).order_by(notices.c.number)
    return tuple(NotSent(Standing(stands), *facts) for stands, *facts in connection.execute(asked))


def refused_level(connection: Connection) -> Level:
    """How many notices were refused and since when, for `doctor`; without those that nobody needs any more."""
    asked = select(func.count(), func.min(notices.c.refused_at)).where(
        notices.c.sent_at.is_(None), _GIVEN_UP, ~_OVERTAKEN
    )
    row = connection.execute(asked).one()
    return Level(row[0], row[1])


def retry(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, Retry]:
    """Put refused notices back, as if they had never been tried; what came of each."""
    asked = select(notices.c.id, notices.c.case_id).where(notices.c.id.in_(ids))
    cases = {row.id: row.case_id for row in connection.execute(asked)}
    # While a case is held, nothing new is written about its cards: a withdrawal cannot be written, and told, between
    # our look and our commit.
    for case_id in sorted({*cases.values()}):
        lock(connection, case_id)
    put_back = connection.execute(
        update(notices)
        .where(notices.c.id.in_(ids), _GIVEN_UP, ~_OVERTAKEN)
        .values(attempts=0, refusals=0, refused_at=None, not_before=None, fault=None)
        .returning(notices.c.id)
    )
    done = {*put_back.scalars()}
    given_up = {*connection.execute(select(notices.c.id).where(notices.c.id.in_(ids), _GIVEN_UP)).scalars()}
    if done:
        connection.execute(select(func.pg_notify(CHANNEL, "")))
    came_of = dict.fromkeys(cases, Retry.NOT_REFUSED)
    came_of |= dict.fromkeys(given_up, Retry.OVERTAKEN)
    came_of |= dict.fromkeys(done, Retry.PUT_BACK)
    return {id: came_of.get(id, Retry.UNKNOWN) for id in ids}
