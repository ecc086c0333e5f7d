"""How a page is made (页面): the templates, their language and their clock, and the headers that keep scripts of others out.

A template sees values and a few functions that say them; a name it does not know is an error, never a blank.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.house import house_of
from api.identity import CSRF_FIELD
from api.pages.doors import caller_of
from api.pages.looks import CHANGES, ROLES, ROUTES, answer_word, look
from api.pages.words import LANGUAGES, Language, Say
from domain.form import SHANGHAI
from domain.scopes import Action, reach

FOLDER: Final = Path(__file__).parents[1]
LANGUAGE_COOKIE: Final = "onething-language"
LANGUAGE_LASTS: Final = timedelta(days=365)

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "content-security-policy": CSP,
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

ALONE: Final[Mapping[str, str]] = HEADERS | {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}
"""Of a page whose address is itself the right to see it."""

TEMPLATES: Final = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


DOORS: Final = (
    (Action.READ_INBOX, "/inbox", "核验待办"),
    (Action.CONFIRM_IN_BATCH, "/confirmations", "批量确认"),
    (Action.LIST_CASES, "/cases", "办件"),
    (Action.ASK_VERIFICATION, "/verifications", "单项核验"),
    (Action.READ_WATCH_LIST, "/watch-list", "到龄名单"),
    (Action.READ_ROSTERS, "/rosters", "花名册"),
    (Action.READ_GRANTS, "/grants", "数据权限"),
    (Action.READ_LISTING, "/listing", "证明清单"),
    (Action.READ_BUNDLES, "/explain", "算法说明"),
)
"""Where each action is at home, in the order of the navigation."""


def render(
    request: Request,
    template: str,
    *,
    status: int = 200,
    here: str | None = None,
    fragment: bool = False,
    headers: Mapping[str, str] = HEADERS,
    keeps_language: bool = True,
    **shown: Any,
) -> Response:
    """The page; `here` is the address that shows it again, where that is not the request's own."""
    language = language_of(request)
    now = house_of(request).clock()
    context = {**words_at(language, now), **_frame(request, language, here), "fragment": fragment, **shown}
    told = Response(TEMPLATES.get_template(template).render(context), status, headers, "text/html")
    if keeps_language and request.query_params.get("lang") in LANGUAGES:
        told.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=int(LANGUAGE_LASTS.total_seconds()),
            path="/",
            secure=house_of(request).settings.session_secure_cookie,
            httponly=True,
            samesite="lax",
        )
    return told


def language_of(request: Request) -> Language:
    """As asked for in the address, else as last time, else Chinese."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        match asked:
            case "zh" | "en":
                return asked
            case _:
                pass
    return "zh"


def in_the_language_asked(request: Request) -> str:
    """What an address without a question needs so that whoever is led there reads on in the language they asked for."""
    asked = request.query_params.get("lang")
    return f"?{urlencode({'lang': asked})}" if asked in LANGUAGES else ""


def say_for(request: Request) -> Say:
    """The words in the language of the request."""
    return Say(language_of(request))


def _frame(request: Request, language: Language, here: str | None) -> dict[str, Any]:
    caller = caller_of(request)
    viewer = caller.viewer if caller else None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in {"lang", "fragment"}]
    other: Language = "en" if language == "zh" else "zh"
    return {
        "csrf_field": CSRF_FIELD,
        "csrf": (caller.csrf if caller else None) or "",
        "viewer": viewer,
        "role": ROLES[viewer.role] if viewer else None,
        "doors": [
            (address, title, request.url.path.startswith(address))
            for action, address, title in DOORS
            if viewer is not None and reach(viewer, action) is not None
        ],
        "other_language": other,
        "other_language_url": f"{here or request.url.path}?{urlencode([*([] if here else kept), ('lang', other)])}",
    }


def once() -> str:
    """A mark for a form, so that sending it twice is one act."""
    return token_urlsafe(12)


# ── what templates can say ──────────────────────────────────────────────────────────────────────────────────────────


class Titled(Protocol):
    """Something with a name in both languages."""

    @property
    def title(self) -> str: ...
    @property
    def title_en(self) -> str: ...


class Done(Protocol):
    """Something that somebody did."""

    @property
    def at(self) -> datetime: ...
    @property
    def account(self) -> str | None: ...
    @property
    def unit(self) -> str: ...


class Told(Protocol):
    """A sentence in both languages."""

    @property
    def zh(self) -> str: ...
    @property
    def en(self) -> str: ...


def words_at(language: Language, now: datetime) -> dict[str, Any]:
    """The functions of templates, for one language and one moment."""
    chinese = language == "zh"
    say = Say(language)

    def name(of: Titled) -> str:
        return of.title if chinese else of.title_en

    def sentence(of: Told) -> str:
        return of.zh if chinese else of.en

    return {
        "language": language,
        "now": now,
        "say": say,
        "name": name,
        "sentence": sentence,
        "titles": lambda parts: ("、" if chinese else ", ").join(map(sentence, parts)),
        "by_day": by_day,
        "moment": lambda at: moment(at, language, now),
        "deadline": lambda at: deadline(at, language, now),
        "day": lambda at: _day(at.astimezone(SHANGHAI), language, now),
        "clock": lambda at: f"{at.astimezone(SHANGHAI):%H:%M}",
        "left": lambda due: left(due - now, say),
        "hms": lambda seconds: f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        "machine_time": lambda at: at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "look": look,
        "routes": ROUTES,
        "answer_word": answer_word,
        "kinds": CHANGES,
        "person": lambda account: say("一次性链接") if account.startswith("link:") else account,
        "asset": asset,
        "query": urlencode,
    }


_WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def _day(here: datetime, language: Language, now: datetime) -> str:
    if language == "zh":
        year = "" if here.year == now.astimezone(SHANGHAI).year else f"{here.year}年"
        return f"{year}{here.month}月{here.day}日 {_WEEKDAYS[here.weekday()]}"
    year = "" if here.year == now.astimezone(SHANGHAI).year else f" {here.year}"
    return f"{here:%a} {here.day} {here:%b}{year}"


def moment(at: datetime, language: Language, now: datetime) -> str:
    """When something happened, in Shanghai, to the minute."""
    here = at.astimezone(SHANGHAI)
    return f"{_day(here, language, now)} {here:%H:%M}"


def deadline(at: datetime, language: Language, now: datetime) -> str:
    """By when: a limit in days ends at 24:00 of the day that people name."""
    here = at.astimezone(SHANGHAI)
    if (here.hour, here.minute, here.second) == (0, 0, 0):
        return f"{_day(here - timedelta(days=1), language, now)} 24:00"
    return moment(at, language, now)


def left(length: timedelta, say: Callable[..., str]) -> str:
    """What remains, or by how much it is over; the script on the page counts on in the same words."""
    over = length < timedelta()
    seconds = int(abs(length).total_seconds())
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days:
        span = say("{days} 天 {hours} 小时", days=days, hours=hours)
    elif hours:
        span = say("{hours} 小时 {minutes} 分", hours=hours, minutes=minutes)
    else:
        span = f"{minutes:02}:{seconds % 60:02}"
    return say("已超 {span}", span=span) if over else say("剩余 {span}", span=span)


def by_day(happened: Iterable[Done]) -> list[list[list[Done]]]:
    """What happened on one day in Shanghai together, and therein what one actor did within one minute."""

    def minute(one: Done) -> tuple[datetime, str | None, str]:
        return one.at.replace(second=0, microsecond=0), one.account, one.unit

    days = groupby(happened, lambda one: one.at.astimezone(SHANGHAI).date())
    return [[list(at_once) for _, at_once in groupby(of_day, minute)] for _, of_day in days]


@cache
def asset(file: str) -> str:
    """The address of a file in static/, which changes when the file does, so that browsers may keep it."""
    return f"/static/{file}?v={sha256((FOLDER / 'static' / file).read_bytes()).hexdigest()[:12]}"
