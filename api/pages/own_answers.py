"""The API's own answers as pages read them: what a page shows is what a program would have been told.

A page asks through the same function as a program does, so that rights, refusals and the access log
cannot differ between the two.
"""

from typing import TypeVar
from urllib.parse import parse_qs

from fastapi import Response

from api.shapes import Shown

T = TypeVar("T", bound=Shown)


def told(answered: Response, shape: type[T]) -> T:
    """The values that the answer was made of."""
    return shape.model_validate_json(bytes(answered.body))


def cursor_after(answered: Response) -> str | None:
    """Where the next page begins, as the Link header says; None on the last one."""
    _, _, query = answered.headers.get("link", "").partition("?")
    return next(iter(parse_qs(query.partition(">")[0]).get("cursor", [])), None)
