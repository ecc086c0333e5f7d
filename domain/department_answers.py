"""What a department can answer to a submission (办理结果), by call or by callback, in one agreed shape.

Anything else is not an answer: a page with an apology on it never concludes an item.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

_LOOKS_LIKE_A_PERSON: Final = re.compile(r"\d{15}")


def _of_no_person(reference: str) -> str:
    if _LOOKS_LIKE_A_PERSON.search(reference):
        raise ValueError("a reference may not hold what could be an ID number")
    return reference


# It goes into events as it is, so nothing that could name a person may pass.
Reference = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]*$"),
    AfterValidator(_of_no_person),
]
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


class ProductFaulty(ValueError):
    """A corrected product that its item does not make (`unknown`), or whose value it cannot have (`amount`)."""

    def __init__(self, product: str, rule: Literal["unknown", "amount"]) -> None:
        self.product = product
        self.rule = rule
        super().__init__(f"the product {product} is faulty: {rule}")


class ProductMissing(ValueError):
    """A concluded item lacks a product that a later item reads; names the product."""

    def __init__(self, product: str) -> None:
        self.product = product
        super().__init__(f"the product {product} is missing")
