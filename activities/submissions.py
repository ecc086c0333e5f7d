"""What a department is sent (报送内容): exactly the declared fields and facts, gathered from the vault."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from domain.bundle import Item
from domain.law.entitlement import entitlements
from store.cases import OpenedCase
from store.facts import facts_known


def submission(case: OpenedCase, item_id: str) -> Mapping[str, Any]:
    """The body of one submission; raises FactMissing or NoRuleInForce where an amount cannot be computed."""
    live = case.file.item(item_id)
    planned, then = live.planned, live.submitted_at_version
    item = case.file.declared_item(item_id)
    facts = facts_known(case, item.facts, at_version=then)
    return {
        "case_no": case.file.opened.case_no,
        "item": item.code,
        "subject": item.for_each,
        "number": planned.number,
        "people": _people(case, item, planned.number, then),
        "products": {
            product: value
            for product in item.reads
            if (value := case.product(product, planned.number, at_version=then)) is not None
        },
        "facts": {**facts, **_entitled(case, item, facts, then)},
    }


def _people(
    case: OpenedCase, item: Item, number: int | None, at_version: int | None
) -> Mapping[str, Mapping[str, str]]:
    people: dict[str, dict[str, str]] = {}
    for path in item.discloses:
        section, _, field = path.partition(".")
        value = case.declared(path, number if section == item.for_each else None, at_version=at_version)
        if value is not None:
            people.setdefault(section, {})[field] = value
    return people


def _entitled(case: OpenedCase, item: Item, facts: Mapping[str, str], at_version: int | None) -> Mapping[str, str]:
    if item.entitle is None or not item.entitle.applies(case.file.circumstances):
        return {}
    on = case.declared(item.entitle.on.field, at_version=at_version) or ""
    rule = entitlements()[item.entitle.entitlement]
    return rule.compute(date.fromisoformat(on[: len("2026-11-20")]), facts)
