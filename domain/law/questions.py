"""What somebody asks the law (询问): its fields read with suspicion, every fault named with its field and its rule.

The same question comes as options of a command, as one of ten thousand lines and over HTTP; it is read here once, so
that all three are answered and refused alike. A number is a decimal from the text on, since a float would already be
another number; and a fault never repeats what was wrong.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence, Set
from decimal import Decimal
from typing import Any, Final, TypeVar

from domain.law.months import MONTHS_IN_YEAR
from domain.refusals import FieldFault, FormFaulty, Refusal

T = TypeVar("T")

MOST_UNKNOWN: Final = 5
"""Unknown fields named one by one; an object with a million of them gets no million sentences back."""
MOST_PLACES: Final = 20
"""What other programs write after the point is shorter."""

_NUMBER: Final = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,40})?")


class QuestionFaulty(FormFaulty):
    """The question cannot be answered as it was asked; all of its faults are named at once."""

    code = "question.faulty"

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        self.faults = tuple(faults)
        Refusal.__init__(
            self,
            "; ".join(f"{field_of(one)}{one.zh}" for one in faults),
            "; ".join(f"{field_of(one)}{one.en}" for one in faults),
        )


def field_of(fault: FieldFault) -> str:
    """The field that a fault is about, as it leads a sentence; empty for the question as a whole."""
    return f"{fault.pointer[1:].replace('/', '.')}: " if fault.pointer else ""


class Question:
    """The fields of one question, each read once; `settled` raises QuestionFaulty if any of them was at fault.

    A field that is at fault or not given reads as None, so that the others are still looked at.
    """

    def __init__(self, given: object, known: frozenset[str]) -> None:
        if not isinstance(given, dict):
            raise QuestionFaulty([FieldFault("", "type", "应为对象", "must be an object")])
        self._given: dict[str, Any] = given
        self._faults: list[FieldFault] = []
        if not given.keys() <= known:
            self._unknown(given.keys() - known)

    def settled(self) -> None:
        """Everything that is asked for has been read; raises QuestionFaulty."""
        if self._faults:
            raise QuestionFaulty(self._faults)

    def has(self, field: str) -> bool:
        """Whether the field was given; null says the same as leaving it out."""
        return self._given.get(field) is not None

    def fault(self, field: str, rule: str, zh: str, en: str) -> None:
        """Name something that is wrong with a field."""
        self._faults.append(FieldFault(f"/{field}", rule, zh, en))

    def word(self, field: str, read: Callable[[str], T], zh: str, en: str, *, required: bool = True) -> T | None:
        """A text of a certain form; `read` raises ValueError for any other, and the sentences tell the form."""

        def strictly(value: object) -> T:
            if not isinstance(value, str):
                raise _Wrong("type", "应为文本", "must be text")
            try:
                return read(value)
            except ValueError:
                raise _Wrong("pattern", zh, en) from None

        return self._read(field, strictly, required=required)

    def one_of(self, field: str, choices: Sequence[str]) -> str | None:
        """A word that must be one of these."""

        def strictly(value: object) -> str:
            if not isinstance(value, str):
                raise _Wrong("type", "应为文本", "must be text")
            if value not in choices:
                told = ", ".join(choices)
                raise _Wrong("choice", f"应为其中之一: {told}", f"must be one of: {told}")
            return value

        return self._read(field, strictly, required=True)

    def number(
        self, field: str, most: int, *, places: int = MOST_PLACES, positive: bool = False, required: bool = True
    ) -> Decimal | None:
        """A number from 0 (from above 0 if `positive`) to `most`, with at most so many decimals."""
        return self._read(field, _number, most, places, positive, required=required)

    def years(self, field: str, most: int, *, required: bool = True) -> int | Decimal | None:
        """A length of time: a whole number of months for `{"years": 36, "months": 7}`, else years as a decimal."""
        value = self._given.get(field)
        if not isinstance(value, dict):
            return self.number(field, most, required=required)
        parts = Question(value, frozenset({"years", "months"}))
        years = parts._read("years", _whole, most, required=True)
        months = parts._read("months", _whole, MONTHS_IN_YEAR - 1, required=False)
        self._faults += [FieldFault(f"/{field}{one.pointer}", one.rule, one.zh, one.en) for one in parts._faults]
        return None if years is None else years * MONTHS_IN_YEAR + (months or 0)

    def _read(self, field: str, read: Callable[..., T], *rule: object, required: bool) -> T | None:
        value = self._given.get(field)
        if value is None:
            if required:
                self.fault(field, "missing", "缺少此项", "is missing")
            return None
        try:
            return read(value, *rule)
        except _Wrong as wrong:
            self.fault(field, wrong.rule, wrong.zh, wrong.en)
            return None

    def _unknown(self, names: Set[str]) -> None:
        shown: set[str] = set()
        for name in names:
            # The name itself is the sender's text and may hold anything, so it is cut and cleaned.
            clean = "".join(c for c in str(name)[:40] if c.isalnum() or c in "_-")
            shown.add("?" if not clean or sum(c.isdigit() for c in clean) > 4 else clean)
        for name in sorted(shown)[:MOST_UNKNOWN]:
            self.fault(name, "unknown", "不认识此项", "is not known here")


LONGEST: Final = 10_000
"""Bytes of a question; one that is meant has a few hundred."""


def read_json(text: bytes) -> object:
    """What a line of JSON says, its numbers as decimals; raises QuestionFaulty for what is no JSON or is ambiguous."""
    if len(text) > LONGEST:
        raise _not_json("too_long", f"最多 {LONGEST} 字节", f"must have at most {LONGEST} bytes")
    try:
        return _DECODER.decode(text.removeprefix(BOM_UTF8).decode())
    except _Twice:
        raise _not_json("duplicate_key", "同一名称出现两次", "has a name that stands twice") from None
    except (ValueError, RecursionError):
        raise _not_json("json", "不是有效的 JSON", "is not valid JSON") from None


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _no_constant(_: str) -> object:
    raise ValueError("JSON has no NaN and no Infinity")


_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once)


def _not_json(rule: str, zh: str, en: str) -> QuestionFaulty:
    return QuestionFaulty([FieldFault("", rule, zh, en)])


class _Wrong(ValueError):
    def __init__(self, rule: str, zh: str, en: str) -> None:
        self.rule, self.zh, self.en = rule, zh, en
        super().__init__(en)


def _number(value: object, most: int, places: int, positive: bool) -> Decimal:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise _Wrong("pattern", "应为十进制数, 如 1.05", "must be a decimal number such as 1.05")
    # bool is an int in Python, and a float is no longer the number that was written.
    elif isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise _Wrong("type", "应为数字", "must be a number")
    read = Decimal(value)
    # Comparing costs the length of a number, and no more: one with a giant exponent is never written out.
    if read < 0 or read > most or (positive and not read):
        if positive:
            raise _Wrong("range", f"应大于 0, 不超过 {most}", f"must be above 0 and at most {most}")
        raise _Wrong("range", f"应在 0 到 {most} 之间", f"must be from 0 to {most}")
    if -int(read.as_tuple().exponent) > places:
        raise _Wrong("places", f"最多 {places} 位小数", f"must have at most {places} decimals")
    return read


def _whole(value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Wrong("type", "应为整数", "must be a whole number")
    if not 0 <= value <= most:
        raise _Wrong("range", f"应在 0 到 {most} 之间", f"must be from 0 to {most}")
    return value
