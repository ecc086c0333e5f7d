"""Every error as one kind of answer (RFC 9457 problem+json): what is wrong, where, and under which stable code.

What was sent never comes back in an error: errors are logged, mailed and photographed, and a
misplaced value may be somebody's number. So the validation library's own sentences, which quote
the input, are replaced by ours.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, Protocol

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.house import house_of
from domain.columns import SheetFaulty
from domain.refusals import (
    AlreadyOpen,
    AlreadySettled,
    CaseMovedOn,
    ClockRefused,
    Conflict,
    FormFaulty,
    HeldByAnother,
    NotAcceptable,
    NotAllowed,
    NotEligibleHere,
    NotFound,
    NotYoursToCorrect,
    ReasonMissing,
    Refusal,
    VerificationOver,
)
from domain.single_proof import NoSuchProof, ProofCancelled
from domain.time_limits import in_shanghai
from store.accounts import SignInRefused
from store.acts import NotAColleague
from store.database import StoreUnavailable
from store.log import masked
from store.vault import Forgotten

log: Final = structlog.get_logger("onething.api")

MEDIA_TYPE: Final = "application/problem+json"
TRY_AGAIN_SECONDS: Final = "2"

_TITLES: Final = {
    400: "请求有误",
    401: "请先登录",
    403: "无权办理",
    404: "没有找到",
    405: "不支持此方法",
    406: "无法按要求的格式答复",
    408: "请求超时",
    409: "与现状冲突",
    410: "已依法删除",
    412: "内容已有更新",
    413: "请求过大",
    415: "格式不支持",
    422: "内容有误",
    428: "缺少前提条件",
    500: "系统故障",
    503: "暂时无法提供服务",
}


class Fault(BaseModel):
    """One thing wrong in one place; never the value itself."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(
        description="JSON pointer into the body, or /row/column of a file; empty where a parameter is meant."
    )
    parameter: str | None = Field(default=None, description="The parameter, as place.name, such as query.limit.")
    code: str
    detail: str
    detail_zh: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="urn:onething:problem:<code>")
    title: str = Field(description="The kind of problem, in Chinese and English.")
    status: int
    code: str = Field(description="Stable, for programs.")
    detail: str
    detail_zh: str
    trace_id: str = Field(description="Name it when asking for help; the log has it too.")
    errors: tuple[Fault, ...] = ()
    case_no: str | None = Field(default=None, description="The case that stands in the way, if you may see it.")
    by: str | None = Field(default=None, description="The account that was faster, or has it.")
    at: str | None = Field(default=None, description="Since when that is so, RFC 3339.")
    rule: str | None = Field(default=None, description="Which rule of a clock stands in the way.")


class Trouble(HTTPException):
    """A problem that HTTP itself has with a request; rules of the field raise a Refusal instead."""

    def __init__(
        self,
        status: int,
        code: str,
        zh: str,
        en: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail=en, headers=headers)
        self.code = code
        self.zh = zh
        self.en = en
        self.faults = tuple(faults)


def faulty(pointer: str, code: str, zh: str, en: str) -> Trouble:
    """One field of the body is wrong in a way that its shape cannot tell."""
    fault = Fault(pointer=pointer, code=code, detail=en, detail_zh=zh)
    return Trouble(422, "request.not_valid", zh, en, faults=[fault])


class AsPage(Protocol):
    """How a problem is shown to a person with a browser."""

    def __call__(self, request: Request, problem: Problem, headers: Mapping[str, str]) -> Response: ...


def install(app: FastAPI) -> None:
    """Answer every error in this shape; whatever is left is caught by the door (`api.limits`)."""
    for error, handler in (
        (Refusal, _refusal),
        (RequestValidationError, _not_valid),
        (HTTPException, _http),
        (StoreUnavailable, _unavailable),
        (Forgotten, _forgotten),
    ):
        app.add_exception_handler(error, handler)


def title_of(status: int) -> str:
    """The kind of problem, for people."""
    english = HTTPStatus(status).phrase
    return f"{_TITLES[status]} {english}" if status in _TITLES else english


def problem(
    trace_id: str,
    status: int,
    code: str,
    zh: str,
    en: str,
    faults: Sequence[Fault] = (),
    facts: Mapping[str, str | None] = MappingProxyType({}),
) -> Problem:
    """The problem; whatever looks like a person's number in its sentences is masked once more."""
    return Problem(
        type=f"urn:onething:problem:{code}",
        title=title_of(status),
        status=status,
        code=code,
        detail=masked(en),
        detail_zh=masked(zh),
        trace_id=trace_id,
        errors=tuple(faults),
        **facts,
    )


def as_json(told: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as programs read it."""
    return Response(
        told.model_dump_json(exclude_none=True), told.status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def status_of(refusal: Refusal) -> int:
    """What a refusal is in HTTP."""
    match refusal:
        case NotFound():
            return 404
        case NotAcceptable():
            return 422
        case CaseMovedOn():
            # The version always comes from If-Match.
            return 412
        case Conflict():
            return 409
        case NotAllowed():
            return 403
        case SignInRefused():
            return 401
        case _:
            return 409


def _answer(
    request: Request,
    status: int,
    code: str,
    zh: str,
    en: str,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
    facts: Mapping[str, str | None] = MappingProxyType({}),
) -> Response:
    told = problem(trace_id_of(request), status, code, zh, en, faults, facts)
    as_page: AsPage | None = getattr(request.app.state, "problem_as_page", None)
    if as_page is not None and not request.url.path.startswith("/api/"):
        return as_page(request, told, headers or {})
    return as_json(told, headers)


def trace_id_of(request: Request) -> str:
    """The trace that the door gave or passed on."""
    found: str = request.scope.get("trace_id", "")
    return found


async def _refusal(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    house_of(request).figures.refused.labels(refusal.code).inc()
    facts: Mapping[str, str | None] = {}
    match refusal:
        case AlreadyOpen():
            facts = {"case_no": refusal.case_no}
        case AlreadySettled():
            facts = {"by": refusal.by, "at": _moment(refusal.at)}
        case HeldByAnother():
            facts = {"by": refusal.by, "at": _moment(refusal.since)}
        case VerificationOver():
            facts = {"at": _moment(refusal.at)}
        case ClockRefused():
            facts = {"rule": refusal.rule}
        case _:
            pass
    status = status_of(refusal)
    headers = {"www-authenticate": 'Session realm="onething"'} if status == 401 else None
    return _answer(request, status, refusal.code, refusal.zh, refusal.en, faults_of(refusal), headers, facts)


def faults_of(refusal: Refusal) -> list[Fault]:
    """What is wrong in which place of what was sent; nothing where the whole of it cannot be."""
    match refusal:
        case FormFaulty():
            return [
                Fault(pointer=fault.pointer, code=fault.rule, detail=fault.en, detail_zh=fault.zh)
                for fault in refusal.faults
            ]
        case SheetFaulty():
            return [
                Fault(pointer=f"/{fault.row}/{fault.column}", code=fault.rule, detail=fault.en, detail_zh=fault.zh)
                for fault in refusal.faults
            ]
        case NotEligibleHere():
            return [Fault(pointer="/application", code=refusal.reason_code, detail=refusal.en, detail_zh=refusal.zh)]
        case ReasonMissing():
            return [Fault(pointer="/reason", code="missing", detail=refusal.en, detail_zh=refusal.zh)]
        case NotYoursToCorrect():
            return [
                Fault(
                    pointer=f"/corrections/{path.replace('.', '/')}", code="not_yours", detail=one.en, detail_zh=one.zh
                )
                for path in refusal.paths
                for one in (NotYoursToCorrect((path,)),)
            ]
        case NotAColleague():
            return [Fault(pointer="/to", code="not_a_colleague", detail=refusal.en, detail_zh=refusal.zh)]
        case NoSuchProof():
            return [Fault(pointer="/proof", code="not_listed", detail=refusal.en, detail_zh=refusal.zh)]
        case ProofCancelled():
            return [Fault(pointer="/proof", code="cancelled", detail=refusal.en, detail_zh=refusal.zh)]
        case _:
            return []


def _moment(at: datetime | None) -> str | None:
    return None if at is None else in_shanghai(at).isoformat(timespec="milliseconds")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Trouble):
        return _answer(request, error.status_code, error.code, error.zh, error.en, error.faults, headers=error.headers)
    phrase = HTTPStatus(error.status_code).phrase
    code = "http." + phrase.lower().replace(" ", "_").replace("'", "").replace("-", "_")
    zh = _TITLES.get(error.status_code, "请求无法处理")
    headers = {"allow": _allowed_here(request)} if error.status_code == 405 else error.headers
    return _answer(request, error.status_code, code, zh, phrase.lower(), headers=headers)


def _allowed_here(request: Request) -> str:
    """What may be done at this address; the router itself names only the first route that it finds there."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(request.url.path):
            methods |= route.methods or set()
    return ", ".join(sorted(methods))


async def _unavailable(request: Request, fault: Exception) -> Response:
    log.warning("store unavailable", fault=type(fault).__name__)
    return _answer(
        request,
        503,
        "store.unavailable",
        "系统暂时无法访问数据, 请稍后再试; 您的请求可以原样重新提交",
        "the store cannot serve now; the request may be sent again as it is",
        headers={"retry-after": TRY_AGAIN_SECONDS},
    )


async def _forgotten(request: Request, _: Exception) -> Response:
    return _answer(
        request, 410, "person.forgotten", "该当事人的个人信息已依法删除", "this person's data was erased by law"
    )


# ── what the validation library found ───────────────────────────────────────────────────────────────────────────────

_SENTENCES: Final[Mapping[str, tuple[str, str, str]]] = {
    "missing": ("missing", "缺少此项", "is missing"),
    "extra_forbidden": ("unknown", "不认识此项", "is not known here"),
    "string_too_short": ("too_short", "至少 {min_length} 个字符", "must have at least {min_length} characters"),
    "string_too_long": ("too_long", "最多 {max_length} 个字符", "must have at most {max_length} characters"),
    "too_short": ("too_few", "至少 {min_length} 个", "must have at least {min_length} entries"),
    "too_long": ("too_many", "最多 {max_length} 个", "must have at most {max_length} entries"),
    "string_pattern_mismatch": ("pattern", "格式不符", "does not have the required form"),
    "string_unicode": ("encoding", "编码有误", "is not valid Unicode"),
    "greater_than_equal": ("range", "不能小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("range", "不能大于 {le}", "must be at most {le}"),
    "literal_error": ("choice", "应为其中之一: {expected}", "must be one of: {expected}"),
    "enum": ("choice", "应为其中之一: {expected}", "must be one of: {expected}"),
    "blank": ("blank", "须有 2 至 500 个字符, 不能全为空白", "must have 2 to 500 characters, not blanks only"),
    "union_tag_invalid": ("choice", "应为其中之一: {expected_tags}", "must be one of: {expected_tags}"),
    "union_tag_not_found": ("missing", "缺少 {discriminator}", "lacks {discriminator}"),
}
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "string": ("应为文本", "must be text"),
    "int": ("应为整数", "must be a whole number"),
    "bool": ("应为 true 或 false", "must be true or false"),
    "dict": ("应为对象", "must be an object"),
    "mapping": ("应为对象", "must be an object"),
    "model": ("应为对象", "must be an object"),
    "list": ("应为列表", "must be a list"),
    "datetime": (
        "应为带时区的时刻, 如 2026-11-20T08:15:00+08:00",
        "must be a moment such as 2026-11-20T08:15:00+08:00",
    ),
    "uuid": ("应为编号(UUID)", "must be an id (UUID)"),
    "timezone": ("应带时区, 如 +08:00", "must name its time zone, such as +08:00"),
}
_PRECONDITIONS: Final = {
    "idempotency-key": (
        400,
        "idempotency_key.missing",
        "缺少请求头 Idempotency-Key",
        "the header Idempotency-Key is missing",
    ),
    "if-match": (
        428,
        "if_match.missing",
        "缺少请求头 If-Match: 请写明您看到的版本",
        "the header If-Match must name the version you saw",
    ),
}


def unseen() -> Trouble:
    """A person acts on a case without saying which version of it they saw."""
    status, code, zh, en = _PRECONDITIONS["if-match"]
    return Trouble(status, code, zh, en)


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    for one in found:
        name = str(one["loc"][-1]).lower()
        if one["loc"][0] == "header" and one["type"] == "missing" and name in _PRECONDITIONS:
            status, code, zh, en = _PRECONDITIONS[name]
            return _answer(request, status, code, zh, en)
    return _answer(
        request,
        422,
        "request.not_valid",
        f"请求有 {len(found)} 处错误",
        f"the request has {len(found)} fault(s)",
        [_fault(one) for one in found],
    )


def faults_of_row(found: ValidationError, *place: str | int) -> list[Fault]:
    """The faults of one row of a batch, each with its place in the whole body."""
    return [_fault({**one, "loc": ("body", *place, *one["loc"])}) for one in found.errors(include_url=False)]


def _fault(one: Mapping[str, Any]) -> Fault:
    kind, context = one["type"], one.get("ctx", {})
    place, *path = one["loc"]
    if kind in _SENTENCES:
        code, chinese, english = _SENTENCES[kind]
        zh, en = chinese.format_map(_in_chinese(context)), english.format_map(context)
    else:
        code = "type" if kind.endswith(("_type", "_parsing")) else "not_valid"
        zh, en = _TYPES.get(kind.split("_")[0], ("无效", "is not valid"))
    if place == "body":
        # Names of unions' branches stand in the path too; they are no part of the body.
        pointer = "".join(f"/{cleaned(part)}" for part in path if not _is_branch(part))
        return Fault(pointer=pointer, code=code, detail=en, detail_zh=zh)
    return Fault(pointer="", parameter=f"{place}.{'.'.join(map(cleaned, path))}", code=code, detail=en, detail_zh=zh)


def _in_chinese(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """The library lists choices as `'this', 'that' or 'another'`; choices themselves hold no quotation marks."""
    listed = {
        name: "、".join(found)
        for name in ("expected", "expected_tags")
        if (found := re.findall("'([^']*)'", str(context.get(name, ""))))
    }
    return {**context, **listed}


_BRANCHES: Final = frozenset({"concluded", "accepted", "denied"})


def _is_branch(part: object) -> bool:
    return part in _BRANCHES


def cleaned(part: object) -> str:
    """A name in the path; where the sender chose it, it may hold anything, so it is cut and cleaned."""
    shown = re.sub(r"[^\w-]", "", str(part))[:40]
    return "?" if not isinstance(part, int) and sum(c.isdigit() for c in shown) > 4 else shown
