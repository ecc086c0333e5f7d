"""When something goes wrong (出错页): every error as a page with a sentence and what to do next."""

import traceback
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api.pages.rendering import ALONE, HEADERS, render
from api.pages.words import LANGUAGES
from api.problems import Problem, problem, trace_id_of
from domain.identifiers import is_case_no
from domain.refusals import Refusal
from store.database import StoreUnavailable
from store.vault import Forgotten

log: Final = structlog.get_logger("onething.api")

NEXT: Final[Mapping[int, str]] = {
    400: "请返回上一页重新操作。",
    401: "请重新登录后继续。",
    403: "如确需办理, 请联系本单位管理员核对您的角色; 如页面已打开很久, 请刷新后重试。",
    404: "请核对办件编号; 如编号无误, 该办件可能不属于您的单位或辖区。",
    405: "请从办件列表重新进入。",
    408: "网络可能较慢, 请重新提交。",
    409: "请刷新页面, 看看办件现在的情况, 再决定是否继续。",
    410: "如需了解办理结果, 请查看不含个人信息的办件经过。",
    412: "请刷新页面, 看看办件现在的情况, 再决定是否继续。",
    413: "请缩短内容后重新提交。",
    422: "请核对填写的内容后重新提交。",
    500: "请稍后重试; 如再次出现, 请把下面的追踪号告诉管理员。",
    503: "请稍候片刻后刷新页面, 已提交的内容不会重复生效。",
}
_NOT_OURS: Final = (HTTPException, Refusal, RequestValidationError, StoreUnavailable, Forgotten)


class PageRoute(APIRoute):
    """A route whose every failure is a page, the unforeseen one too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, and what is shown when it fails."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except _NOT_OURS:
                raise
            except Exception as fault:
                # Its message may quote what was sent, so the log has the place and the kind and no more.
                frames = traceback.extract_tb(fault.__traceback__)[-8:]
                places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
                log.error("page failed", fault=type(fault).__name__, at=places)
                told = problem(
                    trace_id_of(request),
                    500,
                    "internal",
                    "系统故障, 已记录",
                    "something went wrong here; it is in the log",
                )
                return as_page(request, told, {})

        return guarded


def as_page(request: Request, told: Problem, headers: Mapping[str, str]) -> Response:
    """The problem for a person; whoever is not signed in is led to the door and back."""
    if told.status == 401 and request.method in {"GET", "HEAD"}:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        asked = request.query_params.get("lang")
        led = ({"next": wanted} if wanted != "/" else {}) | ({"lang": asked} if asked in LANGUAGES else {})
        return RedirectResponse(f"/login?{urlencode(led)}" if led else "/login", 303, HEADERS)
    if _is_bad_link(request, told):
        # In the same words and under the same status, whatever is wrong with it.
        return render(request, "link_bad.html", status=404, here="/v/", headers=ALONE, keeps_language=False)
    answered = render(
        request,
        "problem.html",
        status=told.status,
        here=page_behind(request),
        problem=told,
        next=NEXT.get(told.status, NEXT[400]),
        again=page_behind(request),
    )
    if "retry-after" in (kept := {name.lower(): value for name, value in headers.items()}):
        answered.headers["retry-after"] = kept["retry-after"]
    return answered


def _is_bad_link(request: Request, told: Problem) -> bool:
    """Cut short, added to, never ours, or about what is no more: for its holder, who has no account, it is all one."""
    if not request.url.path.startswith("/v/"):
        return False
    of_address = any((fault.parameter or "").startswith(("path.", "query.")) for fault in told.errors)
    return told.status in {404, 410} or of_address


def page_behind(request: Request) -> str:
    """The page from which a form was sent, and which can be opened again; a page's own address for the others."""
    parts = request.url.path.split("/")
    if request.method in {"GET", "HEAD"}:
        return request.url.path
    match parts[1:]:
        case ["cases", number, *_] if is_case_no(number):
            return f"/cases/{number}"
        case ["inbox", id, _]:
            return f"/inbox/{id}"
        case [("inbox" | "verifications" | "listing" | "rosters" | "grants") as home, *_]:
            return f"/{home}"
        case ["v", _]:
            return request.url.path
        case _:
            return "/"
