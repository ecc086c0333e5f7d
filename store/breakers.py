"""A department or register that fails again and again is left alone for a while, visibly, and tried again by itself.

The state is a row that every process and every page sees: an in-process breaker would be invisible,
and each process would have to find out anew. While a service is paused, exactly one caller at a time
may try it (the probe); its answer reopens the service for all, its failure makes the pause longer.
A pause by hand ends by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Row, case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.actors import Actor
from store.database import Database
from store.tables import breakers

FAILURES_UNTIL_PAUSED: Final = 5
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(seconds=60)
PROBE_ANSWERS_WITHIN: Final = timedelta(seconds=60)
"""Longer than any call may take; if the prober died, the next probe is given out after this."""
SEEN_FOR: Final = timedelta(seconds=1)
"""How old a process's picture of the breakers may be."""
FAULT_CHARACTERS: Final = 200


@dataclass(frozen=True)
class Breaker:
    """One service that has failed lately or is paused; a healthy one has none."""

    service: str
    failures: int
    paused_since: datetime | None
    next_try_at: datetime | None
    """None while paused: it was paused by hand and does not reopen by itself."""
    paused_by: str | None
    fault: str | None

    def paused_until(self, at: datetime) -> datetime | None:
        """When to ask again; None: not paused, or a probe is due."""
        if self.paused_since is None:
            return None
        if self.next_try_at is None:
            return at + LONGEST_PAUSE
        return self.next_try_at if self.next_try_at > at else None


# ── calls and their outcome ─────────────────────────────────────────────────────────────────────────────────────────


def paused_until(connection: Connection, service: str, at: datetime) -> datetime | None:
    """When to ask again; None: call now. While it is paused only one caller is told so, the probe."""
    seen = _find(connection, service)
    if seen is None or seen.paused_since is None:
        return None
    return seen.paused_until(at) or _wait_or_probe(connection, service, at)


def failed(
    connection: Connection,
    service: str,
    at: datetime,
    fault: str,
    threshold: int = FAILURES_UNTIL_PAUSED,
    pause: timedelta = FIRST_PAUSE,
) -> Breaker:
    """Count a failure; the `threshold`-th in a row pauses the service. `fault` is shown: no personal data.

    While it is paused only probes count, and they were counted when they were given out: calls that
    were under way when it broke down all fail at once and must not lengthen the pause.
    """
    paused = breakers.c.paused_since.is_not(None)
    by_hand = breakers.c.paused_by.is_not(None)
    failures = case((paused, breakers.c.failures), else_=breakers.c.failures + 1)
    until = at + func.least(
        pause * func.power(2, func.least(func.greatest(failures - threshold, 0), 16)), LONGEST_PAUSE
    )
    trips = failures >= threshold
    first: dict[str, Any] = {"service": service, "failures": 1, "fault": fault[:FAULT_CHARACTERS]}
    if threshold <= 1:
        first |= {"paused_since": at, "next_try_at": at + pause}
    new = insert(breakers).values(first)
    counted = new.on_conflict_do_update(
        index_elements=[breakers.c.service],
        set_={
            "failures": failures,
            "paused_since": case((paused, breakers.c.paused_since), (trips, literal(at)), else_=None),
            "next_try_at": case((by_hand, None), (paused | trips, until), else_=None),
            # What an operator wrote stays until an operator takes it away.
            "fault": case((by_hand, breakers.c.fault), else_=new.excluded.fault),
        },
    )
    return _breaker(connection.execute(counted.returning(*breakers.c)).one())


def answered(connection: Connection, service: str) -> None:
    """It works: forget its failures. A pause by hand stays."""
    connection.execute(delete(breakers).where(breakers.c.service == service, breakers.c.paused_by.is_(None)))


def _wait_or_probe(connection: Connection, service: str, at: datetime) -> datetime | None:
    """The first to come gets the probe; whoever waited for the row's lock finds the time moved on."""
    probe = (
        update(breakers)
        .where(breakers.c.service == service, breakers.c.next_try_at <= at)
        .values(next_try_at=at + PROBE_ANSWERS_WITHIN, failures=breakers.c.failures + 1)
    )
    if connection.execute(probe).rowcount == 1:
        return None
    seen = _find(connection, service)
    return seen.paused_until(at) if seen else None


# ── by hand ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def pause_by_hand(connection: Connection, service: str, by: Actor, at: datetime, reason: str | None = None) -> Breaker:
    """Stop calling the service until somebody resumes it; pausing what is paused by hand changes nothing."""
    new = insert(breakers).values(
        service=service,
        failures=0,
        paused_since=at,
        paused_by=by.account,
        fault=None if reason is None else reason[:FAULT_CHARACTERS],
    )
    paused = new.on_conflict_do_update(
        index_elements=[breakers.c.service],
        set_={
            "paused_since": func.coalesce(breakers.c.paused_since, new.excluded.paused_since),
            "next_try_at": None,
            "paused_by": new.excluded.paused_by,
            "fault": func.coalesce(new.excluded.fault, breakers.c.fault),
        },
        where=breakers.c.paused_by.is_(None),
    )
    connection.execute(paused)
    kept = _find(connection, service)
    assert kept is not None
    return kept


def resume_by_hand(connection: Connection, service: str) -> bool:
    """Call it again, whoever or whatever paused it; False when it was not paused."""
    resumed = delete(breakers).where(breakers.c.service == service, breakers.c.paused_since.is_not(None))
    return connection.execute(resumed).rowcount == 1


def all_breakers(connection: Connection) -> Sequence[Breaker]:
    """Every service that has failed lately or is paused, for the page that shows them."""
    return [_breaker(row) for row in connection.execute(select(breakers).order_by(breakers.c.service))]


def _find(connection: Connection, service: str) -> Breaker | None:
    found = connection.execute(select(breakers).where(breakers.c.service == service)).first()
    return _breaker(found) if found else None


def _breaker(row: Row[*tuple[Any, ...]]) -> Breaker:
    return Breaker(row.service, row.failures, row.paused_since, row.next_try_at, row.paused_by, row.fault)


# ── in a process that calls ─────────────────────────────────────────────────────────────────────────────────────────


class Breakers:
    """The breakers as one process sees them: one small read a second, so that a healthy call costs no statement.

    Threads share it. Only failures, recoveries and probes write, each in a short transaction of its own.
    """

    def __init__(
        self, database: Database, *, threshold: int = FAILURES_UNTIL_PAUSED, first_pause: timedelta = FIRST_PAUSE
    ) -> None:
        self._database = database
        self._threshold = threshold
        self._first_pause = first_pause
        self._lock = Lock()
        self._seen: dict[str, Breaker] = {}
        self._seen_at: datetime | None = None

    def paused_until(self, service: str, at: datetime) -> datetime | None:
        """When to ask again; None: call now, and report `answered` or `failed`."""
        seen = self._look(at).get(service)
        if seen is None or seen.paused_since is None:
            return None
        if until := seen.paused_until(at):
            return until
        with self._database.begin() as connection:
            until = paused_until(connection, service, at)
        self._forget_picture()
        return until

    def is_clear(self, service: str, at: datetime) -> bool:
        """Nothing is on record against the service and the picture is fresh: no statement is needed.

        Asked on the event loop, so it never waits for a thread that is looking just now.
        """
        seen_at, seen = self._seen_at, self._seen
        return seen_at is not None and abs(at - seen_at) < SEEN_FOR and service not in seen

    def is_paused(self, service: str, at: datetime) -> bool:
        """Paused, whether or not a probe is due: for a caller that will not wait long enough to be the probe."""
        seen = self._look(at).get(service)
        return seen is not None and seen.paused_since is not None

    def failed(self, service: str, at: datetime, fault: str) -> Breaker:
        """The call failed in a way that says something about the service: no answer, 5xx, garbage."""
        with self._database.begin() as connection:
            breaker = failed(connection, service, at, fault, self._threshold, self._first_pause)
        self._forget_picture()
        return breaker

    def answered(self, service: str, at: datetime) -> None:
        """The call was answered, be the answer yes or no."""
        if service not in self._look(at):
            return
        with self._database.begin() as connection:
            answered(connection, service)
        self._forget_picture()

    def _look(self, at: datetime) -> dict[str, Breaker]:
        with self._lock:
            # A clock that was set back must not keep an old picture alive.
            if self._seen_at is None or abs(at - self._seen_at) >= SEEN_FOR:
                with self._database.reading() as connection:
                    self._seen = {breaker.service: breaker for breaker in all_breakers(connection)}
                self._seen_at = at
            return self._seen

    def _forget_picture(self) -> None:
        with self._lock:
            self._seen_at = None
