"""一次性链接: the way to one question for somebody without an account, good for as long as the question is open.

Nothing is kept of it: the link carries which question and until when, under our keyed hash. That it is used once
is not the link's to know but the question's, which was answered or not.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from math import ceil
from typing import Final
from uuid import UUID

from domain.refusals import NotFound
from domain.time_limits import in_shanghai
from store.vault import Vault

KIND: Final = "one-time-link"
ID_BYTES: Final = 16
UNTIL_BYTES: Final = 5
SEAL_BYTES: Final = 15
"""120 bits; together 36 bytes, which are 48 letters without padding, so that it fits into a short message."""


class LinkRefused(NotFound):
    """The link is not one of ours, or its time is over; which of the two is not told."""

    code = "link.refused"

    def __init__(self) -> None:
        super().__init__(
            "链接无效或已过期, 请联系发来链接的单位",
            "this link is not valid, or no longer; ask the office that sent it",
        )


def sign_link(vault: Vault, id: UUID, until: datetime) -> str:
    """The token of the question `id`, 48 letters fit for an address; good until that second. Raises NaiveTime."""
    claim = id.bytes + ceil(in_shanghai(until).timestamp()).to_bytes(UNTIL_BYTES)
    return urlsafe_b64encode(claim + _seal(vault, claim)).decode("ascii")


def read_link(vault: Vault, token: str, at: datetime) -> UUID:
    """The question that the token leads to; raises LinkRefused and NaiveTime."""
    moment = in_shanghai(at)
    try:
        decoded = urlsafe_b64decode(token)
    except ValueError:
        raise LinkRefused from None
    claim, seal = decoded[:-SEAL_BYTES], decoded[-SEAL_BYTES:]
    # Compared in constant time; and letters that decoding passes over would give one question many addresses.
    genuine = hmac.compare_digest(seal, _seal(vault, claim)) and urlsafe_b64encode(decoded) == token.encode()
    if not genuine or moment.timestamp() > int.from_bytes(claim[ID_BYTES:]):
        raise LinkRefused
    return UUID(bytes=claim[:ID_BYTES])


def _seal(vault: Vault, claim: bytes) -> bytes:
    return vault.digest(KIND, claim.hex())[:SEAL_BYTES]
