"""What the law demands of a declaration before it is taken in (要件): a code, the facts it needs, and the judgement.

A new requirement is a module in this folder that exports `REQUIREMENT`; no list is kept by hand.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType

import domain.law


@dataclass(frozen=True, slots=True)
class Unlawful:
    """What is wrong with which fact; `rule` is stable for programs, the sentences are for people."""

    fact: str
    rule: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """What the law leaves open for a fact (可选范围), for whoever is about to choose it."""

    fact: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """`judge(told_on, facts)` names everything that the law does not allow; a fact that is missing demands nothing.

    `told_on` has the day on which each fact was told: whoever told it in time is not late because something else is
    corrected months later.
    """

    code: str
    needs: tuple[str, ...]
    judge: Callable[[Mapping[str, date], Mapping[str, str]], tuple[Unlawful, ...]]
    leaves_open: Callable[[date, Mapping[str, str]], tuple[LeftOpen, ...]] = lambda _today, _facts: ()
    """`leaves_open(today, facts)`: what could still be chosen today; it promises nothing that `judge` refuses."""


@cache
def requirements() -> Mapping[str, Requirement]:
    """Every requirement of this folder by its code."""
    names = sorted(module.name for module in pkgutil.iter_modules(domain.law.__path__))
    modules = (importlib.import_module(f"{domain.law.__name__}.{name}") for name in names)
    found = [one for module in modules if isinstance(one := getattr(module, "REQUIREMENT", None), Requirement)]
    return MappingProxyType({one.code: one for one in found})
