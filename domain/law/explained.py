"""A result that says how it came about: every number in it stands beside the rule and the day it took effect.

Weighty automatic decisions must be explained to the person they concern (个人信息保护法 24). The steps are
therefore the calculation itself, not a text about it: folding their amounts gives the result again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Generic, Literal, TypeVar, assert_never

T = TypeVar("T")

Does = Literal["add", "times", "divided_by"]


class NoRuleInForce(LookupError):
    """On this day none of the rules written here was in force; an older law has to be looked up by a person."""

    def __init__(self, rule: str, on: date, first: date) -> None:
        self.rule = rule
        self.on = on
        self.first = first
        super().__init__(f"no {rule} is written here for {on.isoformat()}; the first one is of {first.isoformat()}")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the rule, its published source (law and article), since when, a sentence, and its amount.

    `unverified` marks a rule that was not confirmed in a published text; officials must be able to see that.
    """

    rule: str
    source: str
    effective_from: date
    zh: str
    en: str
    amount: int | Fraction
    does: Does = "add"
    unverified: bool = False

    def sentence(self, language: Literal["zh", "en"] = "zh") -> str:
        """The sentence for a person, with the source and, where due, the warning."""
        if language == "zh":
            return f"{self.zh}（{self.source}{'，待核实' if self.unverified else ''}）"
        return f"{self.en} ({self.source}{', not confirmed' if self.unverified else ''})"

    def as_json(self) -> dict[str, object]:
        return {
            "rule": self.rule,
            "source": self.source,
            "effective_from": self.effective_from.isoformat(),
            "zh": self.zh,
            "en": self.en,
            "amount": _plain(self.amount),
            "does": self.does,
            "unverified": self.unverified,
        }


@dataclass(frozen=True, slots=True)
class Explained(Generic[T]):
    """A value and the steps that led to it."""

    value: T
    steps: tuple[Step, ...]

    def as_json(self) -> dict[str, object]:
        """Value and steps in JSON's types: dates as ISO text, fractions as "numerator/denominator"."""
        return {"value": _plain(self.value), "steps": [step.as_json() for step in self.steps]}

    def sentences(self, language: Literal["zh", "en"] = "zh") -> tuple[str, ...]:
        return tuple(step.sentence(language) for step in self.steps)


def folded(steps: Sequence[Step]) -> Fraction:
    """What the steps amount to, from zero, in order and exact."""
    amount = Fraction(0)
    for step in steps:
        match step.does:
            case "add":
                amount += step.amount
            case "times":
                amount *= step.amount
            case "divided_by":
                amount /= step.amount
            case _:
                assert_never(step.does)
    return amount


def half_up(amount: Fraction) -> int:
    """Rounded to a whole number, a half away from zero.

    Not `round`, which would send half a fen to the even neighbour.
    """
    whole, rest = divmod(abs(amount), 1)
    rounded = int(whole) + (rest >= Fraction(1, 2))
    return rounded if amount >= 0 else -rounded


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case date():
            return value.isoformat()
        case Fraction():
            return f"{value.numerator}/{value.denominator}"
        case _:
            raise TypeError(f"{type(value).__name__} has no agreed place in an explanation")
