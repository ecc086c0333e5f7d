"""A result that says how it came about: every number in it stands beside the rule and the day it took effect.

Weighty automatic decisions must be explained to the person they concern (个人信息保护法 24). The steps are
therefore the calculation itself, not a text about it: folding their amounts gives the result again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from functools import cache
from typing import Final, Generic, Literal, NamedTuple, TypeVar, assert_never

T = TypeVar("T")

Does = Literal["add", "times", "divided_by", "at_least", "at_most", "down_to", "half_up_to", "up_to"]
"""What a step does with the amount so far; the last three round it to a multiple of the step's own amount."""

UNVERIFIED: Final = "未经证实 · unverified"
"""What officials see beside a rule that was not confirmed in a published text."""


class NoRuleInForce(LookupError):
    """On this day none of the rules written here was in force; an older law has to be looked up by a person."""

    def __init__(self, rule: str, on: date, first: date) -> None:
        self.rule = rule
        self.on = on
        self.first = first
        super().__init__(f"no {rule} is written here for {on.isoformat()}; the first one is of {first.isoformat()}")


class Step(NamedTuple):
    """One step: the rule, its published source (law and article), since when, a sentence, and its amount.

    `unverified` marks a rule that was not confirmed in a published text; officials must be able to see that.
    Where several results are explained together, `of` names the one that the step belongs to. A tuple, because a
    batch of pensions is explained in hundreds of thousands of them.
    """

    rule: str
    source: str
    effective_from: date
    zh: str
    en: str
    amount: int | Fraction | Decimal
    does: Does = "add"
    unverified: bool = False
    of: str = ""

    def sentence(self, language: Literal["zh", "en"] = "zh") -> str:
        """The sentence for a person, with the source and, where due, the warning."""
        if language == "zh":
            return f"{self.zh}（{self.source}{'，待核实' if self.unverified else ''}）"
        return f"{self.en} ({self.source}{', not confirmed' if self.unverified else ''})"

    def as_json(self) -> dict[str, object]:
        told: dict[str, object] = {
            "rule": self.rule,
            "source": self.source,
            "effective_from": self.effective_from.isoformat(),
            "zh": self.zh,
            "en": self.en,
            "amount": _plain(self.amount),
            "does": self.does,
            "unverified": self.unverified,
        }
        if self.of:
            told["of"] = self.of
        return told

    def as_text(self) -> str:
        """`as_json` written out; what is the same for all cases of a rule is written once."""
        rule, source, effective_from, zh, en, amount, does, unverified, of = self
        fixed = _fixed_text(rule, source, effective_from, does, unverified, of)
        # Not by `_plain`: to find out that a decimal is no Fraction takes Python as long as the rest of this.
        if isinstance(amount, int):
            told = str(amount)
        else:
            told = f'"{amount:f}"' if isinstance(amount, Decimal) else f'"{amount.numerator}/{amount.denominator}"'
        return f'{fixed}"zh":{_quoted(zh)},"en":{_quoted(en)},"amount":{told}}}'


@dataclass(frozen=True, slots=True)
class Basis:
    """设定依据: the text that a rule rests on, and since when; whoever reads a result sees whether it was confirmed."""

    source: str
    effective_from: date
    unverified: bool = False

    def step(self, of: str, rule: str, amount: int | Fraction | Decimal, zh: str, en: str, does: Does = "add") -> Step:
        """A step of the result `of` that rests on this text."""
        return Step(rule, self.source, self.effective_from, zh, en, amount, does, self.unverified, of)


@cache
def _fixed_text(rule: str, source: str, effective_from: date, does: Does, unverified: bool, of: str) -> str:
    told = Step(rule, source, effective_from, "", "", 0, does, unverified, of).as_json()
    return _ENCODER.encode({name: told[name] for name in told if name not in {"zh", "en", "amount"}})[:-1] + ","


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_quoted: Final = json.encoder.encode_basestring


def as_text(told: Mapping[str, object], steps: Iterable[str]) -> str:
    """A result of several named values with its steps (already written out), as one line of JSON."""
    return f'{_ENCODER.encode(told)[:-1]},"steps":[{",".join(steps)}]}}'


@dataclass(frozen=True, slots=True)
class Explained(Generic[T]):
    """A value and the steps that led to it."""

    value: T
    steps: tuple[Step, ...]

    def as_json(self) -> dict[str, object]:
        """Value and steps in JSON's types: dates as ISO text, decimals as text, fractions as "above/below"."""
        return {"value": _plain(self.value), "steps": [step.as_json() for step in self.steps]}

    def sentences(self, language: Literal["zh", "en"] = "zh") -> tuple[str, ...]:
        return tuple(step.sentence(language) for step in self.steps)


def folded(steps: Iterable[Step]) -> Fraction:
    """What the steps amount to, from zero, in order and exact."""
    # Above and below the line, and never reduced on the way: that would cost more than the calculation.
    above, below = 0, 1
    for step in steps:
        p, q = step.amount.as_integer_ratio()
        match step.does:
            case "add":
                above, below = above * q + p * below, below * q
            case "times":
                above, below = above * p, below * q
            case "divided_by":
                # What is below stays positive, so that amounts can be compared.
                above, below = (above * q, below * p) if p > 0 else (-above * q, -below * p)
            case "at_least":
                above, below = (p, q) if above * q < p * below else (above, below)
            case "at_most":
                above, below = (p, q) if above * q > p * below else (above, below)
            case "down_to":
                above, below = above * q // (below * p) * p, q
            case "up_to":
                above, below = -(-above * q // (below * p)) * p, q
            case "half_up_to":
                above, below = _half_up(above * q, below * p) * p, q
            case _:
                assert_never(step.does)
    return Fraction(above, below)


def half_up(amount: Fraction) -> int:
    """Rounded to a whole number, a half away from zero.

    Not `round`, which would send half a fen to the even neighbour.
    """
    return _half_up(amount.numerator, amount.denominator)


def _half_up(above: int, below: int) -> int:
    rounded = (2 * abs(above) + below) // (2 * below)
    return rounded if above >= 0 else -rounded


def half_up_to(amount: Fraction, places: int) -> Decimal:
    """Rounded to so many decimals, a half away from zero."""
    above, below = amount.as_integer_ratio()
    return Decimal(_half_up(above * 10**places, below)).scaleb(-places)


def up_to(amount: Fraction, places: int) -> Decimal:
    """Rounded up to so many decimals, however little is over."""
    above, below = amount.as_integer_ratio()
    return Decimal(-(-above * 10**places // below)).scaleb(-places)


def exact_text(amount: Fraction) -> str:
    """An amount in full: as a decimal where it has an end, else as "above/below"."""
    above, below = amount.as_integer_ratio()
    try:
        return f"{_EXACT.divide(Decimal(above), Decimal(below)):f}"
    except Inexact:
        return f"{above}/{below}"


_EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation])


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case date():
            return value.isoformat()
        case Fraction():
            return f"{value.numerator}/{value.denominator}"
        case Decimal():
            return f"{value:f}"
        case _:
            raise TypeError(f"{type(value).__name__} has no agreed place in an explanation")
