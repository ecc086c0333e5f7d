"""What every request has at hand: the store, the declarations, the clock and the figures, put together once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

from fastapi import Depends, Request
from sqlalchemy import Connection

from api.feed import Feed
from api.figures import Figures
from api.settings import ApiSettings
from domain.catalogue import Catalogue
from domain.time_limits import in_shanghai
from store.cases import CaseStore
from store.database import again_if_lost

T = TypeVar("T")

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

    @property
    def today(self) -> date:
        """The day it is in Shanghai."""
        return in_shanghai(self.clock()).date()

    def committed(self, work: Callable[[Connection], T]) -> T:
        """What the work returns, once it is committed; done again where the connection was lost before that was known."""

        def once() -> T:
            with self.store.database.begin() as connection:
                return work(connection)

        return again_if_lost(once)


def house_of(request: Request) -> House:
    """The house that this request came to."""
    return cast(House, request.app.state.house)


async def _house(request: Request) -> House:
    # async, so that it costs no thread.
    return house_of(request)


TheHouse = Annotated[House, Depends(_house)]
