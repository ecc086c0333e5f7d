"""The listing of proofs as a process goes by it (现行清单): read again every few seconds, so that a cancellation bites.

Every application is held against it, and none has time for a question that has the same answer all day.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from threading import Lock
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from domain.bundle import Bundle
from domain.catalogue import demands_too_much
from domain.listing import ListedProof
from store.database import Database, StoreUnavailable, again_if_lost
from store.listing import listed

log: Final = structlog.get_logger("onething.listing")

LOOKS_AGAIN_AFTER_SECONDS: Final = 2.0


class ListingInForce:
    """What may be asked of people; one per process, threads share it."""

    def __init__(
        self,
        database: Database,
        *,
        looks_again_after: float = LOOKS_AGAIN_AFTER_SECONDS,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._looks_again_after = looks_again_after
        self._stopwatch = stopwatch
        self._lock = Lock()
        self._known: tuple[date, float, Mapping[str, ListedProof]] | None = None

    def on(self, day: date) -> Mapping[str, ListedProof]:
        """The lines in force on that day, by code; at most a few seconds old. Raises StoreUnavailable."""
        with self._lock:
            known = self._known
            if known is None or known[0] != day or self._stopwatch() - known[1] >= self._looks_again_after:
                # The time before looking: what is changed while we look is seen by the next.
                known = (day, self._stopwatch(), again_if_lost(lambda: self._look(day)))
                self._known = known
            return known[2]

    def refuses(self, bundles: Iterable[Bundle], day: date) -> Mapping[str, tuple[str, ...]]:
        """Bundle -> why no case of it can be filed on that day; only those of which that is so."""
        return demands_too_much(bundles, self.on(day), day)

    def say_what_is_refused(self, bundles: Iterable[Bundle], day: date) -> None:
        """Into the log, loudly, when a process starts; one that cannot look says so and starts all the same."""
        try:
            refused = self.refuses(bundles, day)
        except (StoreUnavailable, SQLAlchemyError) as fault:
            log.warning("listing not readable", fault=type(fault).__name__)
            return
        for bundle, demands in refused.items():
            log.error("bundle demands too much, its cases are refused", bundle=bundle, demands=list(demands))

    def _look(self, day: date) -> Mapping[str, ListedProof]:
        with self._database.glancing() as connection:
            return listed(connection, day)
