"""Whether this process lives, can work, and how it is doing; for machines that watch it, and without any case's data.

A reverse proxy publishes none of the three.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from api.house import TheHouse
from api.identity import public
from api.shapes import answer
from store.database import CannotConnect, Database
from store.schema import SchemaStatus, status

router = APIRouter(tags=["health"], dependencies=[Depends(public)])

ASKED_AT_MOST_EVERY: Final = timedelta(seconds=1)


class Alive(BaseModel):
    """It answers."""

    status: str


class Ready(BaseModel):
    """Whether it can work, and if not, what is missing."""

    ready: bool
    database: str
    schema_version: str | None
    schema_needed: str | None


@router.get("/healthz", response_model=Alive)
async def healthz() -> Response:
    """The process lives: it asks nobody, so that a dead database does not get it killed as well."""
    return answer(Alive(status="ok"))


@router.get("/readyz", response_model=Ready, responses={503: {"model": Ready}})
def readyz(house: TheHouse) -> Response:
    """The database answers, and its schema is the one this code needs."""
    told = house.readiness.ask(house.clock())
    return answer(told, 200 if told.ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(house: TheHouse) -> Response:
    """Figures for Prometheus; of this process and of the database they share."""
    return Response(house.figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


class Readiness:
    """Asks the database for a connection of its own, at most once a second however often it is asked."""

    def __init__(self, database: Database, look: Callable[[str], SchemaStatus] = status) -> None:
        self._database = database
        self._look = look
        self._lock = threading.Lock()
        self._seen: Ready | None = None
        self._seen_at: datetime | None = None

    def ask(self, at: datetime) -> Ready:
        """The state, as of a second ago at most."""
        with self._lock:
            if self._seen is None or self._seen_at is None or abs(at - self._seen_at) >= ASKED_AT_MOST_EVERY:
                self._seen, self._seen_at = self._ask(), at
            return self._seen

    def _ask(self) -> Ready:
        try:
            found = self._look(self._database.conninfo())
        except CannotConnect:
            return Ready(ready=False, database="unreachable", schema_version=None, schema_needed=None)
        return Ready(ready=found.up_to_date, database="ok", schema_version=found.current, schema_needed=found.head)
