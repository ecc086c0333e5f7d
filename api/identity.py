"""Who is asking (身份): a program by its bearer token, a browser by its session; and whether the role may do that at all.

Every route says with `allowed(Action...)` or `public` who may use it; a guard test refuses a route that
says nothing. How far the permission reaches - which cases - is decided where the case is looked up.
"""

import hmac
from dataclasses import dataclass
from typing import Annotated, Final

import structlog
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api.house import House, house_of
from api.problems import Trouble
from domain.refusals import NotAllowed
from domain.scopes import Action, Viewer, reach
from store.access_log import Access
from store.accounts import viewer_of_session, viewer_of_token
from store.database import again_if_lost

log: Final = structlog.get_logger("onething.api")

CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf_token"
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """An account that has shown who it is; `csrf` is None where no browser adds credentials by itself."""

    viewer: Viewer
    csrf: str | None


def cookie_name(*, secure: bool) -> str:
    """The session cookie; with the prefix, browsers take it only from this host, over HTTPS, for all paths."""
    return "__Host-onething" if secure else "onething"


def identify(request: Request) -> Caller:
    """Who it is; raises 401. Asks the database each time, so that a revoked right is gone at once."""
    house = house_of(request)
    at = house.clock()
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        viewer = _by_token(house, token.strip()) if scheme.lower() == "bearer" else None
        if viewer is None:
            raise _unknown('Bearer realm="onething", error="invalid_token"', "token")
        caller = Caller(viewer, None)
    else:
        cookie = request.cookies.get(cookie_name(secure=house.settings.session_secure_cookie))
        if cookie is None:
            raise _unknown('Bearer realm="onething"', "nothing")

        def ask() -> tuple[Viewer, str] | None:
            with house.store.database.glancing() as connection:
                return viewer_of_session(connection, cookie, at)

        session = again_if_lost(ask)
        if session is None:
            raise _unknown('Bearer realm="onething"', "session")
        caller = Caller(*session)
    structlog.contextvars.bind_contextvars(account=caller.viewer.actor.account)
    return caller


def _by_token(house: House, token: str) -> Viewer | None:
    def ask() -> Viewer | None:
        with house.store.database.glancing() as connection:
            return viewer_of_token(connection, token, house.clock())

    return again_if_lost(ask)


def _unknown(challenge: str, by: str) -> Trouble:
    log.warning("not identified", by=by)
    return Trouble(
        401,
        "identity.unknown",
        "请先登录, 或出示有效的访问令牌",
        "sign in, or show a valid token",
        headers={"www-authenticate": challenge},
    )


# ── what a route says ───────────────────────────────────────────────────────────────────────────────────────────────


class Allowed:
    """The dependency that lets in whoever has a role that may do the action somewhere, and nobody else."""

    def __init__(self, action: Action) -> None:
        self.action = action

    def __call__(self, request: Request) -> Viewer:
        """The viewer; raises 401, 403, and 403 for a page of somebody else that sends our cookie."""
        caller = identify(request)
        guard_cookie(request, caller, request.headers.get(CSRF_HEADER))
        return self.permit(request, caller)

    def permit(self, request: Request, caller: Caller) -> Viewer:
        """Refuse a role that may not do this anywhere; the attempt is in the access log."""
        viewer = caller.viewer
        if reach(viewer, self.action) is None:
            house = house_of(request)
            route = getattr(request.scope.get("route"), "path", "")
            house.store.log_accesses([refused_attempt(house, viewer, self.action, route)])
            raise NotAllowed
        return viewer


class AllowedByForm(Allowed):
    """The same for an HTML form, which carries the session's token in a field."""

    async def __call__(self, request: Request) -> Viewer:  # type: ignore[override]  # FastAPI awaits either kind
        """The viewer; raises as `Allowed` does."""
        token = (await request.form()).get(CSRF_FIELD)

        def check() -> Viewer:
            caller = identify(request)
            guard_cookie(request, caller, token if isinstance(token, str) else None)
            return self.permit(request, caller)

        return await run_in_threadpool(check)


async def public() -> None:
    """Marks a route that anybody may use; it shows nothing of any case."""


async def whoever_is_signed_in() -> None:
    """Marks a route about the caller's own session; it identifies the caller by itself."""


def refused_attempt(house: House, viewer: Viewer, action: Action, route: str) -> Access:
    """The log entry for an attempt that went beyond what the account may do."""
    return Access(
        at=house.clock(), by=viewer.actor, action=action, about=(), purpose=f"refused: {route}", granted=False
    )


def guard_cookie(request: Request, caller: Caller, token: str | None) -> None:
    """A browser sends its cookie for other people's pages too, so a change needs the session's token as well."""
    if caller.csrf is None or request.method in _READS:
        return
    guard_origin(request)
    if token is None or not hmac.compare_digest(token.encode(), caller.csrf.encode()):
        raise _forged()


def guard_origin(request: Request) -> None:
    """Refuse what the browser itself says came from elsewhere; older ones do not say."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise _forged()


def _forged() -> Trouble:
    log.warning("cross-site request refused")
    return Trouble(
        403,
        "identity.cross_site",
        "请求不是从本系统的页面发出的, 请刷新页面后重试",
        "the request did not come from our own page; reload it and try again",
    )


def allowed(action: Action) -> Allowed:
    """For `Annotated[Viewer, Depends(allowed(Action.READ_CASE))]`."""
    return Allowed(action)


MayReadBundles = Annotated[Viewer, Depends(allowed(Action.READ_BUNDLES))]
MayOpenCase = Annotated[Viewer, Depends(allowed(Action.OPEN_CASE))]
MayReadCase = Annotated[Viewer, Depends(allowed(Action.READ_CASE))]
MayReadCaseEvents = Annotated[Viewer, Depends(allowed(Action.READ_CASE_EVENTS))]
MayListCases = Annotated[Viewer, Depends(allowed(Action.LIST_CASES))]
MaySearchPeople = Annotated[Viewer, Depends(allowed(Action.SEARCH_PEOPLE))]
MayReveal = Annotated[Viewer, Depends(allowed(Action.REVEAL_PERSON))]
MayAmend = Annotated[Viewer, Depends(allowed(Action.AMEND_CASE))]
MayWithdraw = Annotated[Viewer, Depends(allowed(Action.WITHDRAW_CASE))]
MaySettle = Annotated[Viewer, Depends(allowed(Action.SETTLE_PROOF))]
MayResubmit = Annotated[Viewer, Depends(allowed(Action.RESUBMIT_ITEM))]
MayCorrect = Annotated[Viewer, Depends(allowed(Action.CORRECT_ITEM))]
MayAnswer = Annotated[Viewer, Depends(allowed(Action.ANSWER_SUBMISSION))]
MayReadDepartments = Annotated[Viewer, Depends(allowed(Action.READ_DEPARTMENTS))]
MayPause = Annotated[Viewer, Depends(allowed(Action.PAUSE_DEPARTMENT))]
MayReadFeed = Annotated[Viewer, Depends(allowed(Action.READ_EVENTS_FEED))]
MayReadInbox = Annotated[Viewer, Depends(allowed(Action.READ_INBOX))]
MayAnswerVerification = Annotated[Viewer, Depends(allowed(Action.ANSWER_VERIFICATION))]
MayAssign = Annotated[Viewer, Depends(allowed(Action.ASSIGN_VERIFICATION))]
MayEscalate = Annotated[Viewer, Depends(allowed(Action.ESCALATE_PROOF))]
MayAnswerCommitment = Annotated[Viewer, Depends(allowed(Action.ANSWER_COMMITMENT))]
MayAskVerification = Annotated[Viewer, Depends(allowed(Action.ASK_VERIFICATION))]
MayReadAccessLog = Annotated[Viewer, Depends(allowed(Action.READ_ACCESS_LOG))]
