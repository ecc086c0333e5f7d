"""What a department can answer to a submission (办理结果), by call or by callback, in one agreed shape.

Anything else is not an answer: a page with an apology on it never concludes an item.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

Reference = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w./:-]+$")]
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
Value = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)
    reference: Reference
    """The department's own number."""


class Concluded(_Told):
    """办结: the department did it; `products` are what it made, by code."""

    outcome: Literal["concluded"]
    products: Mapping[str, Value] = {}


class Accepted(_Told):
    """The department took it and will call back."""

    outcome: Literal["accepted"]


class Denied(_Told):
    """不予许可: the department says no, with a code and, if it likes, a reason in words."""

    outcome: Literal["denied"]
    reason_code: ReasonCode
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


DepartmentAnswer = Annotated[Concluded | Accepted | Denied, Field(discriminator="outcome")]

_ANSWER: TypeAdapter[Concluded | Accepted | Denied] = TypeAdapter(DepartmentAnswer)


def read_answer(told: Mapping[str, Any]) -> Concluded | Accepted | Denied:
    """The answer as told; raises pydantic's ValidationError (a ValueError)."""
    return _ANSWER.validate_python(dict(told))


class ProductMissing(ValueError):
    """A concluded item lacks a product that a later item reads; names the product."""

    def __init__(self, product: str) -> None:
        self.product = product
        super().__init__(f"the product {product} is missing")
