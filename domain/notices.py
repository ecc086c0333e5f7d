"""提醒: whom something waits for, as cards on desks; what changes between two states of a case is told.

A card that somebody else has dealt with disappears. Because notices are what differs between the
cards before and after, a way of closing a question that nobody thought of here cannot leave one behind.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID, uuid5

from domain.case_file import IN_HAND, CaseFile, VerificationState

_CARDS: Final = UUID("6f6e6574-6869-5e67-8a00-000063617264")

Audience = Literal["owner", "superior", "caseworkers"]
Action = Literal["show", "update", "remind", "withdraw", "passed"]


@dataclass(frozen=True, slots=True)
class Card:
    """One thing that waits for a person."""

    id: UUID
    proof: str
    audience: Audience
    unit: str
    """The unit that was asked; the one that took the case in, where caseworkers are meant."""
    account: str | None
    due: datetime | None
    reminded: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell about a card; the same change has the same id, however often it is told."""

    id: UUID
    action: Action
    audience: Audience
    card: Card


def card_id(case_id: UUID, proof: str, round: int, rung: int | str) -> UUID:
    """The card of one rung, and of the hand that settles a proof (`rung` "hand"); also the id of the verification."""
    return uuid5(_CARDS, f"{case_id} {proof} {round}.{rung}")


def cards(file: CaseFile | None) -> Mapping[UUID, Card]:
    """Everything of a case that waits for a person now."""
    if file is None:
        return {}
    found: list[Card] = []
    for (proof, round, rung), asked in file.verifications.items():
        if asked.state is VerificationState.OPEN:
            id = card_id(file.case_id, proof, round, rung)
            found.append(Card(id, proof, "owner", asked.opened.unit, asked.owner, asked.due, asked.reminded))
    for proof, live in file.proofs.items():
        if live.state in IN_HAND:
            id = card_id(file.case_id, proof, live.round, "hand")
            found.append(Card(id, proof, "caseworkers", file.opened.by.unit, None, None))
    return {card.id: card for card in found}


def notices(before: CaseFile | None, after: CaseFile) -> tuple[Notice, ...]:
    """What has to be told because of what changed."""
    return tuple(_notices(before, after))


def _notices(before: CaseFile | None, after: CaseFile) -> Iterator[Notice]:
    old, new = cards(before), cards(after)
    for id, card in new.items():
        was = old.get(id)
        if was is None:
            yield _notice(after, "show", card)
        elif was.reminded != card.reminded:
            yield _notice(after, "remind", card)
        elif was != card:
            yield _notice(after, "update", card)
    for id, card in old.items():
        if id not in new:
            yield _notice(after, "withdraw", card)
            if _expired(after, id):
                yield _notice(after, "passed", card, "superior")


def _notice(file: CaseFile, action: Action, card: Card, audience: Audience | None = None) -> Notice:
    return Notice(uuid5(card.id, f"{file.version} {action}"), action, audience or card.audience, card)


def _expired(file: CaseFile, id: UUID) -> bool:
    return any(
        asked.state is VerificationState.EXPIRED and card_id(file.case_id, *rung) == id
        for rung, asked in file.verifications.items()
    )
