"""Signing in and out (登录) for browsers, and who one is; accounts themselves are kept with the `onething` command."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from api.house import TheHouse
from api.identity import (
    CSRF_HEADER,
    Caller,
    cookie_name,
    guard_cookie,
    guard_origin,
    identify,
    public,
    whoever_is_signed_in,
)
from api.limits import StrictRoute
from api.shapes import V1, Asked, Shown, answer
from domain.scopes import MAY
from store.accounts import SESSION_LASTS, SignInRefused, sign_in, sign_out
from store.database import again_if_lost

log = structlog.get_logger("onething.api")

router = APIRouter(prefix=V1, tags=["session"], route_class=StrictRoute)


class Credentials(Asked):
    """An account and its password."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"account": "desk-1", "password": "correct horse battery"}]}
    )

    account: Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$")]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class SessionView(Shown):
    """Who is signed in, and what the role may do."""

    account: str
    unit: str
    role: str
    division: str
    department: str | None
    may: tuple[str, ...]
    csrf_token: str | None = Field(
        description="For the header X-CSRF-Token; null for a bearer token, which needs none."
    )


@router.post("/session", status_code=201, response_model=SessionView, dependencies=[Depends(public)])
def sign_in_here(house: TheHouse, request: Request, asked: Credentials) -> Response:
    """Sign in: sets the session cookie, which scripts cannot read."""
    guard_origin(request)
    try:
        with house.store.database.begin() as connection:
            signed_in = sign_in(connection, asked.account, asked.password, house.clock())
    except SignInRefused:
        log.warning("sign in refused")
        raise
    told = answer(_view(Caller(signed_in.viewer, signed_in.csrf)), 201)
    set_session_cookie(told, signed_in.cookie, secure=house.settings.session_secure_cookie)
    return told


@router.get("/session", response_model=SessionView, dependencies=[Depends(whoever_is_signed_in)])
def show_session(request: Request) -> Response:
    """Who is asking."""
    return answer(_view(identify(request)))


@router.delete("/session", status_code=204, response_class=Response, dependencies=[Depends(whoever_is_signed_in)])
def sign_out_here(house: TheHouse, request: Request) -> Response:
    """Sign out; a bearer token is revoked with the `onething` command instead."""
    caller = identify(request)
    guard_cookie(request, caller, request.headers.get(CSRF_HEADER))
    name = cookie_name(secure=house.settings.session_secure_cookie)
    cookie = request.cookies.get(name)
    if cookie is not None and caller.csrf is not None:

        def out() -> None:
            with house.store.database.begin() as connection:
                sign_out(connection, cookie)

        again_if_lost(out)
    told = Response(status_code=204)
    told.delete_cookie(name, path="/", secure=house.settings.session_secure_cookie, httponly=True, samesite="lax")
    return told


def set_session_cookie(response: Response, cookie: str, *, secure: bool) -> None:
    """Give the browser its session."""
    response.set_cookie(
        cookie_name(secure=secure),
        cookie,
        max_age=int(SESSION_LASTS.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def _view(caller: Caller) -> SessionView:
    viewer = caller.viewer
    return SessionView(
        account=viewer.actor.account,
        unit=viewer.actor.unit,
        role=viewer.role,
        division=viewer.division,
        department=viewer.department,
        may=tuple(MAY[viewer.role]),
        csrf_token=caller.csrf,
    )
