"""The shapes of answers and requests (数据格式): what a program may rely on, each with its meaning.

Requests are strict: a field that we do not know is refused, so that a misspelt one is not silently
ignored. Answers never hold personal data unless their name says so.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import date, datetime
from json import dumps, loads
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from api.problems import Fault, Trouble
from domain.form import SHANGHAI

V1: Final = "/api/v1"
ROWS_AT_MOST: Final = 200

Moment = Annotated[
    datetime,
    PlainSerializer(lambda at: at.astimezone(SHANGHAI).isoformat(timespec="milliseconds"), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""RFC 3339 with +08:00."""

PLAIN: Final = r"^[^\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$"
"""One line that shows all that is in it: no control characters, none that turn the direction of writing."""


def _said(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "blanks only")
    return text


Reason = Annotated[
    str,
    StringConstraints(min_length=2, max_length=500, pattern=PLAIN),
    AfterValidator(_said),
    Field(
        description="Why, in words, for whoever reads the case or its access log later.", examples=["申请人来电要求"]
    ),
]


def _year_in_reach(at: datetime) -> datetime:
    # Postgres and time zones disagree with Python about the first and the last years.
    if not 1900 <= at.year <= 9000:
        raise ValueError("out of reach")
    return at


def _read_moment(given: Any) -> Any:
    # Not what the library would read: it takes numbers, and days that are midnight somewhere.
    try:
        if isinstance(given, str) and "T" in given:
            read = _year_in_reach(datetime.fromisoformat(given))
            if read.tzinfo is not None:
                return read
    except ValueError:
        pass
    raise PydanticCustomError("datetime_parsing", "not a moment")


_A_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _read_day(given: Any) -> Any:
    # Not what the library would read: it takes numbers, and moments that are midnight somewhere.
    try:
        if isinstance(given, str) and _A_DAY.fullmatch(given):
            return date.fromisoformat(given)
    except ValueError:
        pass
    raise PydanticCustomError("string_pattern_mismatch", "not a day")


def _read_id(given: Any) -> Any:
    try:
        return UUID(given)
    except (ValueError, AttributeError, TypeError):
        raise PydanticCustomError("uuid_parsing", "not an id") from None


Instant = Annotated[AwareDatetime, AfterValidator(_year_in_reach)]
"""In an address, where everything is text."""
WrittenInstant = Annotated[
    datetime,
    BeforeValidator(_read_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]
"""In a body: text with its time zone."""
Day = Annotated[date, BeforeValidator(_read_day), WithJsonSchema({"type": "string", "format": "date"})]
"""In a body."""
Id = Annotated[UUID, BeforeValidator(_read_id), WithJsonSchema({"type": "string", "format": "uuid"})]
"""In a body."""
Limit = Annotated[int, Query(ge=1, le=ROWS_AT_MOST, description="The longest page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=200, pattern=r"^[A-Za-z0-9_-]+$", description="Where to go on: from the Link of the page before."),
]


class Shown(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


class Asked(BaseModel):
    """A request body: a field that we do not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Because(Asked):
    """The reason of an act."""

    reason: Reason


class Named(Shown):
    """A code with its names."""

    code: str
    title: str
    title_en: str


def answer(shown: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer as JSON, written by the model itself: validating it once more would cost as much as making it."""
    return Response(shown.model_dump_json(), status, headers=dict(headers or {}), media_type="application/json")


# ── versions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def etag(version: int) -> str:
    """The version of a case as a strong entity tag."""
    return f'"{version}"'


def version_of(tag: str) -> int:
    """The version that If-Match names; a tag that was never ours cannot match."""
    number = tag.strip().strip('"')
    if tag.strip() != f'"{number}"' or not (number.isascii() and number.isdecimal()) or len(number) > 9:
        raise Trouble(
            412,
            "if_match.unknown",
            "If-Match 不是本系统给出的版本",
            'If-Match must be the ETag of the case as you saw it, such as "12"',
        )
    return int(number)


def seen_already(if_none_match: str | None, version: int) -> bool:
    """Whether the asker has this version (If-None-Match compares weakly)."""
    return if_none_match is not None and etag(version) in {
        tag.strip().removeprefix("W/") for tag in if_none_match.split(",")
    }


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_cursor(*parts: object) -> str:
    """An opaque place in a list."""
    return urlsafe_b64encode(dumps([str(part) for part in parts]).encode()).decode().rstrip("=")


def cursor_parts(cursor: str, many: int) -> list[str]:
    """What `write_cursor` was given; raises 422 for what was never ours."""
    try:
        parts = loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        parts = None
    if not isinstance(parts, list) or len(parts) != many or not all(isinstance(part, str) for part in parts):
        raise bad_cursor()
    return parts


def write_place(place: tuple[datetime, UUID]) -> str:
    """The cursor of a list in order of a moment: the moment and the id of the line at which a page ends."""
    at, id = place
    return write_cursor(at.isoformat(), id)


def read_place(cursor: str) -> tuple[datetime, UUID]:
    """What `write_place` was given; raises 422 for what was never ours."""
    at, id = cursor_parts(cursor, 2)
    try:
        place = datetime.fromisoformat(at), UUID(id)
    except ValueError:
        raise bad_cursor() from None
    if place[0].tzinfo is None:
        raise bad_cursor()
    return place


def bad_cursor() -> Trouble:
    """The cursor of a request was never ours."""
    fault = Fault(
        pointer="",
        parameter="query.cursor",
        code="cursor",
        detail="is not one of our cursors",
        detail_zh="不是有效的游标",
    )
    return Trouble(422, "request.not_valid", "游标无效", "the cursor is not valid", faults=[fault])


def next_link(request: Request, **changed: object) -> dict[str, str]:
    """The header that leads to the next page: the same question, from there on."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in changed]
    query = urlencode([*kept, *((name, str(value)) for name, value in changed.items())])
    return {"link": f'<{request.url.path}?{query}>; rel="next"'}
