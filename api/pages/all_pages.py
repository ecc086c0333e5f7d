"""All pages of the house and their files, put into the application with one call."""

from collections.abc import MutableMapping
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from api.pages import (
    asking,
    case_acts,
    case_list,
    case_page,
    changes,
    confirmations,
    explain,
    grants,
    inbox,
    link,
    listing,
    question,
    rosters,
    signing_in,
    watch_list,
)
from api.pages.faults import as_page
from api.pages.rendering import FOLDER, HEADERS

ROUTERS: Final[tuple[APIRouter, ...]] = (
    signing_in.router,
    case_list.router,
    # Before the page of a case, whose number could be anything in an address.
    changes.router,
    case_acts.router,
    case_page.router,
    # Before the page of a question, for the same reason.
    inbox.router,
    question.router,
    link.router,
    confirmations.router,
    asking.router,
    listing.router,
    rosters.router,
    grants.router,
    watch_list.router,
    explain.router,
)


class Files(StaticFiles):
    """Style sheet, script and icon; kept by browsers, because their addresses change when they do."""

    async def get_response(self, path: str, scope: MutableMapping[str, Any]) -> Response:
        """The file."""
        answered = await super().get_response(path, scope)
        answered.headers["content-security-policy"] = HEADERS["content-security-policy"]
        answered.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if b"v=" in scope["query_string"] else "no-cache"
        )
        return answered


class FilesMount(Mount):
    """Where the files are; like the pages, no part of the API's document."""

    include_in_schema = False


def install(app: FastAPI) -> None:
    """Add every page, and show every problem outside /api/ as a page."""
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.append(FilesMount("/static", Files(directory=FOLDER / "static"), name="static"))
    app.state.problem_as_page = as_page
