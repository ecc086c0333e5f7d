"""The declaration in force on a day, and how declarations get along with each other."""

from datetime import date, timedelta

import pytest

from domain.bundles.newborn import BUNDLE as NEWBORN
from domain.catalogue import BundleContradictsItself, Catalogue, catalogue
from domain.refusals import NoSuchBundle
from tests.domain.tennis_club import TENNIS_CLUB

NEW_LAW = date(2027, 1, 1)
NEWER = TENNIS_CLUB.model_copy(update={"effective_from": NEW_LAW, "basis": "club rules of 2027"})


def test_every_module_of_bundles_is_found_by_itself() -> None:
    assert NEWBORN in list(catalogue())
    assert "NewbornBundle" in catalogue().workflow_types()
    assert catalogue() is catalogue()


@pytest.mark.parametrize(
    ("on", "basis"),
    [
        (date(2026, 1, 1), "club rules"),
        (NEW_LAW - timedelta(days=1), "club rules"),
        (NEW_LAW, "club rules of 2027"),
        (date(2099, 1, 1), "club rules of 2027"),
    ],
)
def test_a_case_is_governed_by_the_declaration_in_force_on_its_day(on: date, basis: str) -> None:
    # The order in which modules are found must not matter.
    for bundles in ([TENNIS_CLUB, NEWER], [NEWER, TENNIS_CLUB]):
        assert Catalogue(bundles).in_force("tennis_club", on).basis == basis


@pytest.mark.parametrize(("code", "on"), [("tennis_club", date(2025, 12, 31)), ("chess_club", NEW_LAW)])
def test_no_declaration_no_case(code: str, on: date) -> None:
    with pytest.raises(NoSuchBundle) as refusal:
        Catalogue([TENNIS_CLUB]).in_force(code, on)

    assert refusal.value.bundle == code


def test_all_in_force_names_each_code_once() -> None:
    both = Catalogue([TENNIS_CLUB, NEWER, NEWBORN])

    assert both.all_in_force(NEW_LAW) == (NEWBORN, NEWER)
    assert both.all_in_force(date(2026, 6, 1)) == (NEWBORN, TENNIS_CLUB)
    assert both.all_in_force(date(2025, 6, 1)) == (NEWBORN,)


def test_two_versions_of_one_bundle_are_served_by_one_workflow_type() -> None:
    assert Catalogue([TENNIS_CLUB, NEWER]).workflow_types() == ("TennisClubBundle", "SingleProof")


def test_the_same_code_on_the_same_day_is_refused() -> None:
    with pytest.raises(BundleContradictsItself, match="tennis_club: declared twice from 2026-01-01"):
        Catalogue([TENNIS_CLUB, TENNIS_CLUB])


@pytest.mark.parametrize(
    ("shared", "sentence"),
    [
        ({"business": NEWBORN.business}, "shares the business digits with newborn"),
        ({"workflow_type": NEWBORN.workflow_type}, "shares the workflow type with newborn"),
    ],
)
def test_two_bundles_share_neither_case_numbers_nor_workflow_types(shared: dict[str, str], sentence: str) -> None:
    with pytest.raises(BundleContradictsItself, match=sentence):
        Catalogue([NEWBORN, TENNIS_CLUB.model_copy(update=shared)])
