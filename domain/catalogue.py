"""Which declaration is in force on a day (有效的一件事); every module in `domain/bundles/` is found by itself.

A life event is added by adding its module: there is no list to edit, so none can be forgotten. What it
demands is held against the listing of proofs: nobody may be asked for what is not listed, or is cancelled.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import domain.bundles
from domain import single_proof
from domain.bundle import Bundle
from domain.columns import Stop
from domain.declaration import contradictions
from domain.listing import ListedProof, days_of_change, demands_outside, listed_on
from domain.refusals import Conflict, NoSuchBundle


class BundleContradictsItself(ValueError):
    """A declaration was refused at load; `contradictions` holds every sentence, not only the first."""

    def __init__(self, found: Mapping[str, tuple[str, ...]]) -> None:
        self.contradictions = found
        super().__init__("\n".join(f"{code}: {sentence}" for code, all_of in found.items() for sentence in all_of))


class BundleDemandsTooMuch(Conflict):
    """The bundle demands a proof that is outside the listing, or cancelled; `demands` has a sentence for each."""

    code = "bundle.demands_too_much"

    def __init__(self, bundle: Bundle, demands: tuple[str, ...]) -> None:
        self.bundle = bundle.code
        self.demands = demands
        zh, en = zip(*(sentence.split(" · ", 1) for sentence in demands), strict=True)
        super().__init__(
            f"“{bundle.title}”暂不能受理: {'; '.join(zh)}", f"{bundle.code} cannot be filed now: {'; '.join(en)}"
        )


def demands_too_much(
    bundles: Iterable[Bundle], listed: Mapping[str, ListedProof], on: date
) -> Mapping[str, tuple[str, ...]]:
    """Bundle -> a sentence for each proof that it may not demand; an installation without a listing refuses nothing."""
    if not listed:
        return {}
    return {bundle.code: found for bundle in bundles if (found := demands_outside(bundle, listed, on))}


class BundlesWouldStop(Conflict):
    """Taken over, the listing would close the intake of bundles in force; whoever means it says so."""

    code = "listing.stops_bundles"

    def __init__(self, stops: tuple[Stop, ...]) -> None:
        self.stops = stops
        super().__init__(
            f"{'; '.join(stop.zh for stop in stops)}。确要如此, 请明确确认",
            f"{'; '.join(stop.en for stop in stops)}; if that is meant, say so",
        )


class Catalogue:
    """All declarations, each in force from its day until a later one of the same code takes over."""

    def __init__(self, bundles: Iterable[Bundle]) -> None:
        self._bundles = tuple(sorted(bundles, key=lambda bundle: (bundle.code, bundle.effective_from)))
        found: dict[str, tuple[str, ...]] = {}
        seen: set[tuple[str, date]] = set()
        for bundle in self._bundles:
            wrong = list(contradictions(bundle))
            if (key := (bundle.code, bundle.effective_from)) in seen:
                wrong.append(f"declared twice from {bundle.effective_from}")
            seen.add(key)
            wrong += [
                f"shares {what} with {other.code}"
                for other in self._bundles
                if other.code != bundle.code
                for what, mine, theirs in (
                    ("the business digits", bundle.business, other.business),
                    ("the workflow type", bundle.workflow_type, other.workflow_type),
                )
                if mine == theirs
            ]
            if wrong:
                found[bundle.code] = (*found.get(bundle.code, ()), *wrong)
        if found:
            raise BundleContradictsItself(found)

    def __iter__(self) -> Iterator[Bundle]:
        return iter(self._bundles)

    def in_force(self, code: str, on: date) -> Bundle:
        """The declaration that governs a case opened on that day; refuses with NoSuchBundle."""
        known = [bundle for bundle in self._bundles if bundle.code == code and bundle.effective_from <= on]
        if not known:
            raise NoSuchBundle(code, on)
        return known[-1]

    def all_in_force(self, on: date) -> tuple[Bundle, ...]:
        """Every declaration in force on that day, by code."""
        newest = {bundle.code: bundle for bundle in self._bundles if bundle.effective_from <= on}
        return tuple(newest.values())

    def stops(
        self, lines: Collection[ListedProof], on: date, *, but_for: Collection[ListedProof] = ()
    ) -> tuple[Stop, ...]:
        """The bundles that cannot be filed from a day on, today or later, each with the first such day.

        Left out is what these other lines would stop on that very day as well.
        """
        found: dict[str, Stop] = {}
        declared = (bundle.effective_from for bundle in self._bundles if bundle.effective_from > on)
        for day in sorted({on, *declared, *days_of_change(lines, on), *days_of_change(but_for, on)}):
            bundles = self.all_in_force(day)
            anyway = demands_too_much(bundles, listed_on(but_for, day), day)
            for code, demands in demands_too_much(bundles, listed_on(lines, day), day).items():
                if code not in anyway and code not in found:
                    found[code] = _stop(self.in_force(code, day), day, demands)
        return tuple(found.values())

    def workflow_types(self) -> tuple[str, ...]:
        """The workflow types that a worker has to serve; proofs that are asked for alone have theirs too."""
        return tuple(dict.fromkeys((*(bundle.workflow_type for bundle in self._bundles), single_proof.WORKFLOW_TYPE)))


def _stop(bundle: Bundle, since: date, demands: tuple[str, ...]) -> Stop:
    zh, en = zip(*(sentence.split(" · ", 1) for sentence in demands), strict=True)
    return Stop(
        bundle.code,
        since,
        f"“{bundle.title}”自 {since} 起不能受理: {'; '.join(zh)}",
        f"no case of {bundle.code} can be filed from {since} on: {'; '.join(en)}",
    )


@cache
def catalogue() -> Catalogue:
    """Every bundle shipped; raises BundleContradictsItself with all that is wrong."""
    modules = sorted(module.name for module in iter_modules(domain.bundles.__path__))
    return Catalogue(import_module(f"domain.bundles.{name}").BUNDLE for name in modules)
