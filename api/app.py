"""The HTTP application put together: the routes, the door in front of them, and the document that describes them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Request, Response

from api import (
    access,
    accounts,
    bundles,
    callbacks,
    cases,
    confirmations,
    corrections,
    departments,
    event_feed,
    explain,
    grants,
    health,
    inbox,
    links,
    listing,
    people,
    problems,
    proofs,
    question,
    rosters,
    single_proofs,
    tasks,
    units,
    verifications,
    watch_list,
)
from api import clock as case_clock
from api.feed import Feed
from api.figures import Figures
from api.house import House
from api.identity import public
from api.limits import Door
from api.pages import all_pages
from api.reference import describe
from api.settings import ApiSettings
from api.shapes import V1
from domain.catalogue import Catalogue, catalogue
from domain.form import SHANGHAI
from store.cases import CaseStore
from store.log import configure
from store.settings import StoreSettings

ROUTERS: Final[tuple[APIRouter, ...]] = (
    cases.router,
    people.router,
    tasks.router,
    inbox.router,
    question.router,
    verifications.router,
    proofs.router,
    links.router,
    single_proofs.router,
    single_proofs.batches,
    confirmations.router,
    confirmations.batches,
    case_clock.router,
    corrections.router,
    callbacks.router,
    bundles.router,
    explain.router,
    watch_list.router,
    departments.router,
    event_feed.router,
    access.router,
    grants.router,
    rosters.router,
    rosters.files,
    units.router,
    listing.router,
    listing.files,
    accounts.router,
    health.router,
)


def now() -> datetime:
    """The clock of the process: aware, in UTC."""
    return datetime.now(UTC)


def create_app(
    store: CaseStore,
    settings: ApiSettings | None = None,
    clock: Callable[[], datetime] = now,
    *,
    declared: Catalogue | None = None,
) -> FastAPI:
    """The application over a store; it disposes of the store's connections when it stops."""
    settings = settings or ApiSettings()
    figures = Figures(store, clock, _threads_in_use)
    house = House(
        store=store,
        catalogue=declared or catalogue(),
        settings=settings,
        clock=clock,
        figures=figures,
        feed=Feed(store, settings.feed_polls_seconds),
        readiness=health.Readiness(store.database),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        global_limiter = anyio.to_thread.current_default_thread_limiter()
        global_limiter.total_tokens = settings.threads
        _LIMITERS.append(global_limiter)
        today = clock().astimezone(SHANGHAI).date()
        bundles_today = house.catalogue.all_in_force(today)
        try:
            await anyio.to_thread.run_sync(store.listing.say_what_is_refused, bundles_today, today)
            yield
        finally:
            house.feed.close()
            _LIMITERS.remove(global_limiter)
            store.database.dispose()

    app = FastAPI(
        title="onething",
        version="1",
        lifespan=lifespan,
        # The usual pages load their scripts from somebody else's servers.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.house = house
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route(
        f"{V1}/openapi.json", _document, name="openapi", include_in_schema=False, dependencies=[Depends(public)]
    )
    all_pages.install(app)
    app.add_middleware(
        Door,
        bytes_at_most=settings.request_bytes_at_most,
        arrives_within=settings.request_arrives_within_seconds,
        clock=clock,
        figures=figures,
    )
    return app


def from_environment() -> FastAPI:
    """The application as the environment describes it; a factory for uvicorn."""
    settings = ApiSettings()
    configure(settings.log_format, settings.log_level)
    return create_app(CaseStore.from_settings(StoreSettings()), settings)


_LIMITERS: Final[list[anyio.CapacityLimiter]] = []


def _threads_in_use() -> int:
    return sum(limiter.borrowed_tokens for limiter in _LIMITERS)


def _document(request: Request) -> Response:
    # No closure over the application: FastAPI remembers every endpoint for the life of the process, and all it holds.
    return Response(describe(request.app), media_type="application/json")
