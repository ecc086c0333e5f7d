"""The facts that an amount or a submission needs (事实), from the form and from the records by which proofs were met."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from domain.bundle import Fact, FromForm, FromProof, Origin
from store.cases import OpenedCase


def facts_known(case: OpenedCase, facts: Iterable[Fact], *, at_version: int | None = None) -> Mapping[str, str]:
    """Those that apply under the case's circumstances and are known, by name."""
    return {
        fact.name: value
        for fact in facts
        if fact.applies(case.file.circumstances)
        and (value := fact_value(case, fact.origin, at_version=at_version)) is not None
    }


def fact_value(case: OpenedCase, origin: Origin, *, at_version: int | None = None) -> str | None:
    """The value from the form or from a proof's record; None if it is not known."""
    match origin:
        case FromForm():
            return case.declared(origin.field, at_version=at_version)
        case FromProof():
            return case.evidence(origin.proof).get(origin.answer)
        case _:
            assert_never(origin)
