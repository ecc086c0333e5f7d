"""Whoever is filed at a counter meets the same doubts as whoever is found by the scan: the bureau's record has them."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from activities.case_steps import CaseSteps
from activities.messages import Wave
from activities.settings import GatewaySettings
from activities.shared_data import compared
from demo.city import insured
from demo.city.places import DIVISIONS
from demo.city.population import CITY
from demo.city.workers import Worker
from domain.bundle import SharedDataQuery
from domain.bundles.retirement import BUNDLE
from domain.case_file import LiveProof, ProofState
from domain.law.months import month_text
from domain.law.retirement_age import Category, statutory_month
from domain.steps import steps
from domain.watch_list import Finding, Outcome, completed, judge, prefilled
from store.cases import CaseStore
from tests import desk
from tests.city import City
from tests.insured import MARCH, RETIREMENT, found, line

pytestmark = pytest.mark.anyio

ENOUGH: Final = 180
CONTRADICTS: Final = {
    "birth_dates_differ": {"born_in", "born_in_file"},
    "category_unknown": {"category"},
    "contributions_short": {"contribution_months"},
    "two_places": {"places"},
    "arrears": {"arrears"},
}
"""By a doubt of the watch list: what of the bureau's record contradicts the form, one or the other."""


def on_the_list(outcome: Outcome) -> Iterator[tuple[Worker, Finding]]:
    """Everybody in the city who is on the list of March 2027, and how."""
    for division in DIVISIONS:
        for one in found(outcome, district=division.code):
            finding = judge(line(one), RETIREMENT, MARCH, read_in=MARCH)
            assert finding is not None
            yield one, finding


def as_the_scan_fills_it_in(one: Worker, finding: Finding) -> dict[str, Any]:
    (record,) = insured.records({"persons": [one.person]}, CITY)["records"].values()
    return prefilled(RETIREMENT, BUNDLE, completed(record, RETIREMENT, finding))


def as_typed_at_the_counter(one: Worker, finding: Finding, category: str, born: int) -> dict[str, Any]:
    """By somebody who takes them for this category and month of birth, and for somebody who has paid long enough."""
    form = as_the_scan_fills_it_in(one, finding)
    form["insurance"] |= {
        "category": category,
        "born_in": month_text(born),
        "retires_on": month_text(statutory_month(Category(category), born)),
        "contribution_months": max(one.contribution_months, ENOUGH),
    }
    return form


async def contributions(store: CaseStore, form: dict[str, Any]) -> LiveProof:
    """The contribution record, once the registers were asked; the case is withdrawn then."""
    filed = desk.file(store, form, key=uuid4().hex, bundle=BUNDLE)
    city, case = City(), desk.case_file(store, filed.case_id)
    of_a_worker = CaseSteps(store, city, city, GatewaySettings(at_once_seconds=1.0), lambda: desk.MONDAY)
    asked = Wave(case_id=filed.case_id, steps=steps(case), version=case.version)
    await ActivityEnvironment().run(of_a_worker.carry_out, asked)
    compared_with = desk.case_file(store, filed.case_id).proofs["contributions"]
    desk.withdraw(store, filed.case_id)
    return compared_with


async def test_whom_the_watch_list_keeps_for_somebody_to_look_at_is_contested_at_the_counter(store: CaseStore) -> None:
    met: set[str] = set()
    for one, finding in on_the_list(Outcome.CONFLICT):
        for category in (one.category,) if one.category else ("F55", "F50"):
            for born in {one.born, one.born_in_file or one.born}:
                proof = await contributions(store, as_typed_at_the_counter(one, finding, category, born))

                assert proof.state is ProofState.CONTESTED
                assert all(CONTRADICTS[reason] & set(proof.differing) for reason in finding.reasons)
        met |= set(finding.reasons)
    assert met == CONTRADICTS.keys()


async def test_nobody_looks_at_whom_no_doubt_is_about(store: CaseStore) -> None:
    due = on_the_list(Outcome.DUE)
    for one, finding in (next(due) for _ in range(8)):
        by_hand = await contributions(store, as_typed_at_the_counter(one, finding, one.category, one.born))
        by_the_scan = await contributions(store, as_the_scan_fills_it_in(one, finding))

        assert (by_hand.state, by_the_scan.state) == (ProofState.MET, ProofState.MET)


async def test_a_woman_who_is_taken_for_the_other_category_is_contested(store: CaseStore) -> None:
    one, finding = next(found for found in on_the_list(Outcome.DUE) if found[0].category == "F55")

    proof = await contributions(store, as_typed_at_the_counter(one, finding, "F50", one.born))

    assert (proof.state, proof.differing) == (ProofState.CONTESTED, ("category",))


@pytest.mark.parametrize(
    ("answered", "agrees"), [("1966-09", True), ("1966-09-01", True), ("1966-09-17", True), ("1966-10", False)]
)
def test_a_month_is_compared_as_a_month_however_a_register_writes_it(answered: str, agrees: bool) -> None:
    route = BUNDLE.proof("contributions").routes[0]
    assert isinstance(route, SharedDataQuery)
    without_doubt = {"arrears": "none", "places": "1", "state": "active"}

    differing = compared(
        BUNDLE, route, (), {"insurance.born_in": "1966-09-01"}, {**without_doubt, "born_in_file": answered}
    )

    assert (differing == ()) is agrees
