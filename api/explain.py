"""What the law says, step by step (法规解释): a retirement age, a divisor, a pension, for facts that name nobody.

The answers are those of `onething explain`, to the letter. Numbers are read from the text of the request as decimals:
a pension that came by way of a float could differ in its last cent from the one the office assessed.
"""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import ConfigDict, Field, WithJsonSchema

from api.identity import MayReadBundles
from api.limits import StrictRequest, StrictRoute
from api.shapes import V1, Asked, Shown
from domain.law.explained import Does
from domain.law.pension import REGIONS
from domain.law.pension_question import answer_divisor, answer_pension
from domain.law.retirement_age import Category, answer_retirement_age


class ExactRoute(StrictRoute):
    """A route whose JSON bodies are read strictly, and their numbers as they are written."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given a request that reads exactly."""
        handler = APIRoute.get_route_handler(self)

        async def exactly(request: Request) -> Response:
            return await handler(ExactRequest(request.scope, request.receive))

        return exactly


class ExactRequest(StrictRequest):
    """A request whose numbers with a point are decimals."""

    async def json(self) -> Any:
        """The body's value, once it has been found to have one meaning."""
        await super().json()
        return json.loads(self.state.body_text, parse_float=Decimal)


router = APIRouter(prefix=f"{V1}/explain", tags=["explain"], route_class=ExactRoute)

# ── requests: their names and presence here, their contents in domain.law, where every door has them read ───────────

_MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
_AGE = r"^[1-9][0-9]?y(([0-9]|1[01])m)?$"
_DECIMAL = r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,20})?$"

Month = Annotated[Any, WithJsonSchema({"type": "string", "pattern": _MONTH})]
Age = Annotated[Any, WithJsonSchema({"type": "string", "pattern": _AGE})]
Number = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": "string", "pattern": _DECIMAL}, {"type": "number", "minimum": 0}]})
]
Years = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {
                        "years": {"type": "integer", "minimum": 0, "maximum": 80},
                        "months": {"type": "integer", "minimum": 0, "maximum": 11},
                    },
                    "required": ["years"],
                    "additionalProperties": False,
                },
                {"type": "string", "pattern": _DECIMAL},
                {"type": "number", "minimum": 0, "maximum": 80},
            ]
        }
    ),
]


class RetirementAgeAsked(Asked):
    """Whose retirement age."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"category": "F55", "born": "1970-05", "choose": "early:2"}]}
    )

    category: Annotated[Any, WithJsonSchema({"type": "string", "enum": list(Category)})] = Field(
        description="M60 men; F55 and F50 women whose age was 55 or 50, which follows from the post."
    )
    born: Month = Field(description="The month of birth; the day does not count.")
    choose: Annotated[Any, WithJsonSchema({"type": "string", "maxLength": 20})] = Field(
        default=None,
        description="early:MONTHS, late:MONTHS, or approved:YYYY-MM for special work.",
        examples=["early:12"],
    )


class PensionDivisorAsked(Asked):
    """At which age."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"age": "60y1m"}]})

    age: Age = Field(description="Years and months at retirement.")
    month: Month = Field(default=None, description="The month of retirement; without it, the newest rule.")


class PensionAsked(Asked):
    """What a pension is assessed from; money in yuan, `divisor` or `age`, not both."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "region": "zhejiang",
                    "base": 8433,
                    "index": "1.0500",
                    "contribution": {"years": 36, "months": 7},
                    "account_balance": "152340.60",
                    "age": "60y2m",
                    "index_before_1998": "0.9800",
                    "years_before_1998": {"years": 9, "months": 1},
                }
            ]
        }
    )

    region: Annotated[Any, WithJsonSchema({"type": "string", "enum": list(REGIONS)})] = None
    month: Month = Field(default=None, description="The month of retirement; without it, the newest formula.")
    base: Number = Field(description="计发基数, yuan a month.")
    index: Number = Field(description="平均缴费指数.")
    contribution: Years = Field(description="缴费年限, deemed years included.")
    account_balance: Number = Field(description="个人账户储存额, yuan.")
    divisor: Number = Field(default=None, description="计发月数.")
    age: Age = Field(default=None, description="Years and months at retirement, from which the divisor follows.")
    index_before_1998: Number = Field(default=None, description="缴费指数 to 1997-12.")
    years_before_1998: Years = Field(default=None, description="缴费年限 to 1997-12.")


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class LawStep(Shown):
    """One step: the steps of one result, folded in order from zero, give the result again."""

    rule: str
    source: str
    effective_from: str
    does: Does = Field(description="What the step does with the amount so far; the last three round it to `amount`.")
    unverified: bool = Field(description="未经证实: the rule was not confirmed in a published text.")
    of: str = Field(description="The result that it belongs to.")
    zh: str
    en: str
    amount: int | str = Field(
        description="A whole number, a decimal, or above/below; a month is year × 12 + month - 1."
    )


class RetirementAgeTold(Shown):
    """When somebody may retire; a window only from 2025-01 on, and what was chosen only if it was asked."""

    category: Category
    born: str
    delay_months: int
    age: str
    statutory_month: str
    earliest_month: str | None
    latest_month: str | None
    min_contribution_months: int
    chosen_month: str | None = None
    chosen_age: str | None = None
    chosen_min_contribution_months: int | None = None
    steps: tuple[LawStep, ...]


class PensionDivisorTold(Shown):
    """The divisor, in months."""

    age: str
    divisor: str
    steps: tuple[LawStep, ...]


class PensionRounding(Shown):
    """One place where the rule rounds."""

    of: str
    does: Literal["half_up_to", "up_to"]
    to: str
    before: str
    after: str


class PensionTold(Shown):
    """A pension in yuan a month: its five parts, their sum, and the total that is paid."""

    region: str
    base: str
    contribution_years: str
    years_before_1998: str
    divisor: str
    basic: str
    account: str
    transitional: str
    adjustment: str
    supplement: str
    sum: str
    total: str
    roundings: tuple[PensionRounding, ...]
    steps: tuple[LawStep, ...]


@router.post("/retirement-age", response_model=RetirementAgeTold)
def explain_retirement_age(viewer: MayReadBundles, asked: RetirementAgeAsked) -> Response:
    """The statutory month under the gradual delay, the window around it, and the least contribution."""
    return _answer(answer_retirement_age(_given(asked)).as_text())


@router.post("/pension-divisor", response_model=PensionDivisorTold)
def explain_pension_divisor(viewer: MayReadBundles, asked: PensionDivisorAsked) -> Response:
    """The months over which the balance of an individual account is paid out."""
    return _answer(answer_divisor(_given(asked)).as_text())


@router.post("/pension", response_model=PensionTold)
def explain_pension(viewer: MayReadBundles, asked: PensionAsked) -> Response:
    """A pension in its parts, with every rounding."""
    return _answer(answer_pension(_given(asked)).as_text())


def _given(asked: Asked) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in asked.model_fields_set}


def _answer(text: str) -> Response:
    return Response(text, media_type="application/json")
