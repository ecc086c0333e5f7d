"""Signing in and out (登录, 退出), and the first page of each role."""

import hmac
from secrets import token_urlsafe
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts import set_session_cookie
from api.house import TheHouse
from api.identity import CSRF_FIELD, cookie_name, guard_cookie, guard_origin, public, whoever_is_signed_in
from api.pages.doors import whoever_calls
from api.pages.faults import PageRoute
from api.pages.rendering import HEADERS, in_the_language_asked, render
from api.problems import Trouble
from domain.scopes import Action, Reach, Viewer, reach
from store.accounts import SignInRefused, sign_in, sign_out
from store.database import again_if_lost

log: Final = structlog.get_logger("onething.api")

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LONGEST: Final = 200

Typed = Annotated[str, Form(max_length=1024)]
Next = Annotated[str, Query(max_length=LONGEST)]


@router.get("/login", name="sign_in_page", dependencies=[Depends(public)])
def sign_in_page(house: TheHouse, request: Request, next: Next = "") -> Response:
    """The form."""
    return _form(request, house.settings.session_secure_cookie, after=_ours(next))


@router.post("/login", name="sign_in_by_form", dependencies=[Depends(public)])
def sign_in_by_form(
    house: TheHouse,
    request: Request,
    account: Typed = "",
    password: Typed = "",
    next: Annotated[str, Form(max_length=LONGEST)] = "",
    csrf_token: Typed = "",
) -> Response:
    """Sign in and go where one wanted to go; an error keeps the account that was typed."""
    secure, account, after = house.settings.session_secure_cookie, account.strip().lower(), _ours(next)
    guard_origin(request)
    cookie = request.cookies.get(_form_cookie(secure=secure), "")
    if not cookie or not hmac.compare_digest(cookie.encode(), csrf_token.encode()):
        # Otherwise another site could sign somebody in under its own account, and read what is typed there.
        log.warning("sign in without our form")
        return _form(request, secure, 403, after, account, wrong="登录页面已过期, 请再试一次。")
    if not account or not password:
        return _form(request, secure, 422, after, account, wrong="请填写账号和密码。")
    try:
        with house.store.database.begin() as connection:
            signed_in = sign_in(connection, account, password, house.clock())
    except SignInRefused:
        log.warning("sign in refused")
        return _form(request, secure, 401, after, account, wrong="账号或密码不正确。请检查大小写和输入法后再试。")
    answered = RedirectResponse(after, 303, HEADERS)
    set_session_cookie(answered, signed_in.cookie, secure=secure)
    answered.delete_cookie(_form_cookie(secure=secure), path="/", secure=secure, httponly=True, samesite="lax")
    return answered


@router.post("/logout", name="sign_out_by_form", dependencies=[Depends(whoever_is_signed_in)])
def sign_out_by_form(
    house: TheHouse, request: Request, csrf_token: Annotated[str, Form(alias=CSRF_FIELD)] = ""
) -> Response:
    """Sign out; doing so twice is no mistake."""
    secure = house.settings.session_secure_cookie
    answered = RedirectResponse("/login", 303, HEADERS)
    try:
        caller = whoever_calls(request)
    except Trouble:
        return answered
    guard_cookie(request, caller, csrf_token)
    if (cookie := request.cookies.get(cookie_name(secure=secure))) is not None:

        def out() -> None:
            with house.store.database.begin() as connection:
                sign_out(connection, cookie)

        again_if_lost(out)
    answered.delete_cookie(cookie_name(secure=secure), path="/", secure=secure, httponly=True, samesite="lax")
    return answered


@router.get("/", name="home", dependencies=[Depends(whoever_is_signed_in)])
def home(request: Request) -> Response:
    """Where the work of the role is."""
    viewer = whoever_calls(request).viewer
    if (start := _start_of(viewer)) is not None:
        return RedirectResponse(start + in_the_language_asked(request), 303, HEADERS)
    reads = reach(viewer, Action.READ_CASE_EVENTS) is not None
    return render(request, "home.html", reads_timelines=reads, typed="", wrong=None)


def _start_of(viewer: Viewer) -> str | None:
    """What waits for oneself comes before what one only follows."""
    if reach(viewer, Action.READ_INBOX) is Reach.ADDRESSED:
        return "/inbox"
    starts = (
        (Action.OPEN_CASE, "/cases"),
        (Action.ASK_VERIFICATION, "/verifications"),
        (Action.LIST_CASES, "/cases"),
        (Action.MANAGE_LISTING, "/listing"),
    )
    return next((address for action, address in starts if reach(viewer, action) is not None), None)


def _form(
    request: Request, secure: bool, status: int = 200, after: str = "/", account: str = "", wrong: str | None = None
) -> Response:
    token = request.cookies.get(_form_cookie(secure=secure)) or token_urlsafe(32)
    answered = render(
        request,
        "sign_in.html",
        status=status,
        here="/login",
        after=after,
        account=account,
        wrong=wrong,
        form_token=token,
    )
    answered.set_cookie(_form_cookie(secure=secure), token, path="/", secure=secure, httponly=True, samesite="lax")
    return answered


def _form_cookie(*, secure: bool) -> str:
    return f"{cookie_name(secure=secure)}-form"


def _ours(address: str) -> str:
    """The address if it is one of our own pages, else the home page: nobody is sent elsewhere after signing in."""
    safe = address.startswith("/") and not address.startswith(("//", "/\\", "/api/", "/login", "/logout"))
    return address if safe and address.isprintable() and "\\" not in address else "/"
