"""A person's act as it was sent (经办行为): under which key, and in which words, so that a repetition is known as one."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.cases import IdempotencyKey
from api.house import House
from domain.actors import Actor
from store.acts import ActKey
from store.cases import fingerprint


@dataclass(frozen=True, slots=True)
class Sent:
    """What tells an act from another."""

    key: str
    """The Idempotency-Key."""
    body: str
    """The text as it was sent; empty where the route takes none."""


async def _sent(key: IdempotencyKey, request: Request) -> Sent:
    return Sent(key, getattr(request.state, "body_text", ""))


AsSent = Annotated[Sent, Depends(_sent)]
"""For every route whose act is done once, however often it is sent."""


def act_key(house: House, by: Actor, sent: Sent, *act: str) -> ActKey:
    """The key as it is kept: what a client puts into a key, or repeats in a body, is not ours to keep."""
    vault = house.store.vault
    return ActKey(
        by.account,
        vault.digest("idempotency-key", by.account, sent.key).hex(),
        fingerprint(vault.digest("act", *act, sent.body)),
    )
