"""What the law grants a person (待遇): a code, the facts it needs, and the calculation.

A new entitlement is one dated module in this folder that exports `ENTITLEMENT`; no list is kept by hand.
Facts arrive as text because they come from forms and registers, so each is read here with suspicion.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType, ModuleType

import domain.law

Facts = Mapping[str, str]

MOST_DIGITS = 15
"""Nobody's wage in fen is longer, and a few hundred times as much still fits a bigint column."""


class FactMissing(ValueError):
    """A fact the calculation needs is not there, or cannot be read. Names the fact, never its content."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the fact {name} is missing or cannot be read")


class EntitlementClash(ValueError):
    """Two modules claim the same code."""

    def __init__(self, code: str, modules: tuple[str, str]) -> None:
        self.code = code
        self.modules = modules
        super().__init__(f"{modules[0]} and {modules[1]} both declare the entitlement {code}: rename one")


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One entitlement.

    `compute(on, facts)` takes the day whose law applies and the facts named in `needs`, and returns results as
    text: amounts in whole fen, days as digits, the explanation as a JSON list of sentences. It raises FactMissing,
    and NoRuleInForce for a day before its first rule.
    """

    code: str
    title: str
    needs: tuple[str, ...]
    compute: Callable[[date, Facts], Facts]
    monthly: str | None = None
    """Which result is an amount in yuan a month that may be shown ahead; its results then say whether they are
    `provisional`, and the explanation is JSON with the law's own `steps`."""


@cache
def entitlements() -> Mapping[str, Entitlement]:
    """Every entitlement of this folder by its code; raises EntitlementClash."""
    names = sorted(module.name for module in pkgutil.iter_modules(domain.law.__path__))
    return gathered(importlib.import_module(f"{domain.law.__name__}.{name}") for name in names)


def gathered(modules: Iterable[ModuleType]) -> Mapping[str, Entitlement]:
    """The entitlements these modules export; raises EntitlementClash, and TypeError for a false ENTITLEMENT."""
    found: dict[str, tuple[Entitlement, str]] = {}
    for module in modules:
        entitlement: object = getattr(module, "ENTITLEMENT", None)
        if entitlement is None:
            continue
        if not isinstance(entitlement, Entitlement):
            raise TypeError(f"ENTITLEMENT of {module.__name__} is not an Entitlement")
        if entitlement.code in found:
            raise EntitlementClash(entitlement.code, (found[entitlement.code][1], module.__name__))
        found[entitlement.code] = (entitlement, module.__name__)
    return MappingProxyType({code: entitlement for code, (entitlement, _) in found.items()})


def whole_number(facts: Facts, name: str, *, at_least: int = 0) -> int:
    """A fact written in ASCII digits; raises FactMissing.

    `int()` alone would also read full-width digits, signs, blanks and underscores.
    """
    text = facts.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise FactMissing(name)
    number = int(text)
    if number < at_least:
        raise FactMissing(name)
    return number


def one_of(facts: Facts, name: str, choices: tuple[str, ...]) -> str:
    """A fact that must be one of the words given; raises FactMissing."""
    text = facts.get(name, "")
    if text not in choices:
        raise FactMissing(name)
    return text
