"""The form that is confirmed once (意愿确认), beyond its fields: what its reader is told, and the amount computed ahead.

The amount is computed when somebody looks, by the rule that will grant it and from the records of that
moment; it is kept nowhere, so it is never older than what it rests on.
"""

from collections.abc import Mapping
from datetime import date
from json import loads
from typing import Any, Final

from pydantic import Field

from api.case_view import Sentence
from api.shapes import Shown
from domain.bundle import CommunityCheck, Confirmation, Fact, FromForm, FromProof, Preview
from domain.case_file import NO_ANSWER, CaseFile, Rung
from domain.law.entitlement import FactMissing, entitlements
from domain.law.explained import NoRuleInForce
from domain.verifications import next_rung
from store.cases import OpenedCase
from store.facts import fact_value, facts_known


class StepAhead(Shown):
    """One step of the computation: the rule, its source, since when, and a sentence."""

    of: str = Field(description="Which result the step belongs to.")
    zh: str
    en: str
    source: str
    effective_from: date
    unverified: bool = Field(description="未经证实: the rule was not confirmed in a published text.")


class AmountAhead(Shown):
    """测算: the amount as it would be granted; what is granted in the end rests on the record of that day."""

    title: str
    title_en: str
    amount: str | None = Field(description="Yuan a month; null where it cannot be computed.")
    provisional: bool = Field(description="预发: the year's own base is not published yet, and it is settled later.")
    steps: tuple[StepAhead, ...]
    why_not: Sentence | None = Field(description="Why it cannot be computed.")


def notice_of(file: CaseFile, rung: Rung) -> Sentence | None:
    """What whoever confirms is told; None where nothing is confirmed."""
    route = _route(file, rung)
    return None if route is None else Sentence(zh=route.notice, en=route.notice_en)


def asks_after_silence(file: CaseFile, rung: Rung) -> Sentence | None:
    """Who asks the person once the limit has passed; None where nothing is confirmed."""
    if _route(file, rung) is None:
        return None
    proof, _, place = rung
    routes = file.declared_proof(proof).routes
    next_one = routes[next_rung(routes, place, NO_ANSWER, file.verification(*rung).opened.silence)]
    return _COMMUNITY_WORKER if isinstance(next_one, CommunityCheck) else _CASEWORKER


def reads_for_preview(file: CaseFile, rung: Rung) -> tuple[str, ...]:
    """What the amount is computed from, as the access log names it."""
    previews = _previews(file, rung)
    return () if previews is None else tuple(_named(fact) for fact in previews.facts)


def amount_ahead(case: OpenedCase, rung: Rung) -> AmountAhead | None:
    """The amount with its explanation, or a sentence why there is none; None where the form declares no amount."""
    previews = _previews(case.file, rung)
    if previews is None:
        return None
    try:
        results = _computed(case, previews)
    except FactMissing as missing:
        return _untold(previews, _missing(case.file, previews, missing.name))
    except NoRuleInForce:
        return _untold(previews, _NO_RULE)
    monthly = entitlements()[previews.entitlement].monthly
    assert monthly is not None, "the declaration was checked when it was loaded"
    return AmountAhead(
        title=previews.title,
        title_en=previews.title_en,
        amount=results[monthly],
        provisional=results["provisional"] == "true",
        steps=tuple(_step(step) for step in loads(results["explanation"])["steps"]),
        why_not=None,
    )


def _computed(case: OpenedCase, previews: Preview) -> Mapping[str, str]:
    try:
        on = date.fromisoformat((fact_value(case, previews.on) or "")[: len("2026-11-20")])
    except ValueError:
        raise FactMissing(previews.on.field) from None
    return entitlements()[previews.entitlement].compute(on, facts_known(case, previews.facts))


def _step(told: Mapping[str, Any]) -> StepAhead:
    return StepAhead(
        of=told.get("of", ""),
        zh=told["zh"],
        en=told["en"],
        source=told["source"],
        effective_from=date.fromisoformat(told["effective_from"]),
        unverified=told["unverified"],
    )


def _untold(previews: Preview, why_not: Sentence) -> AmountAhead:
    return AmountAhead(
        title=previews.title,
        title_en=previews.title_en,
        amount=None,
        provisional=False,
        steps=(),
        why_not=why_not,
    )


_COMMUNITY_WORKER: Final = Sentence(zh="社区工作者", en="the community worker")
_CASEWORKER: Final = Sentence(zh="经办人", en="a caseworker")
_NO_RULE: Final = Sentence(
    zh="计算所需的标准尚未公布, 暂不能测算; 公布后核定。",
    en="What it is computed by is not published yet; it is assessed once it is.",
)


def _missing(file: CaseFile, previews: Preview, name: str) -> Sentence:
    for fact in previews.facts:
        if fact.name == name and isinstance(fact.origin, FromProof):
            proof = file.bundle.proof(fact.origin.proof)
            return Sentence(
                zh=f"“{proof.title}”没有可供计算的登记数据, 暂不能测算; 届时按登记核定。",
                en=f"{proof.title_en}: the register has given nothing to compute with; it is assessed when it is due.",
            )
    return Sentence(
        zh="表中缺少计算所需的信息, 暂不能测算; 请核对所填内容。",
        en="The form lacks something that it is computed from; check what was filled in.",
    )


def _named(fact: Fact) -> str:
    match fact.origin:
        case FromForm():
            return fact.origin.field
        case FromProof():
            return f"{fact.origin.proof}.{fact.origin.answer}"


def _route(file: CaseFile, rung: Rung) -> Confirmation | None:
    proof, _, place = rung
    route = file.declared_proof(proof).routes[place]
    return route if isinstance(route, Confirmation) else None


def _previews(file: CaseFile, rung: Rung) -> Preview | None:
    route = _route(file, rung)
    if route is None or route.previews is None or not route.previews.applies(file.circumstances):
        return None
    return route.previews
