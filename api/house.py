"""What every request has at hand: the store, the declarations, the clock and the figures, put together once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

from api.feed import Feed
from api.figures import Figures
from api.settings import ApiSettings
from domain.catalogue import Catalogue
from store.cases import CaseStore

if TYPE_CHECKING:
    from api.health import Readiness


@dataclass(frozen=True)
class House:
    """One per process; threads share it."""

    store: CaseStore
    catalogue: Catalogue
    settings: ApiSettings
    clock: Callable[[], datetime]
    figures: Figures
    feed: Feed
    readiness: "Readiness"


def house_of(request: Request) -> House:
    """The house that this request came to."""
    return cast(House, request.app.state.house)


async def _house(request: Request) -> House:
    # async, so that it costs no thread.
    return house_of(request)


TheHouse = Annotated[House, Depends(_house)]
