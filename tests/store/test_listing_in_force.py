"""What is cancelled today may not be demanded a few seconds later; what an earlier request was answered with stands."""

from collections.abc import Iterable
from datetime import date

import pytest
from structlog.testing import capture_logs

from demo.city.listing import listing
from domain.actors import Actor
from domain.case_file import CaseState
from domain.catalogue import BundleDemandsTooMuch
from domain.listing import ListedProof, ListedRoute, ListingFile
from domain.single_proof import read_request
from store.cases import CaseStore, Filed
from store.database import Database
from store.listing import apply
from store.listing_in_force import LOOKS_AGAIN_AFTER_SECONDS, ListingInForce
from store.read_models.all_models import differences
from tests.desk import DIVISION, MONDAY, case_file, family, file, newborn
from tests.domain.telling import commits
from tests.domain.test_single_proof import ABOUT_ONE, line

CENTRE = Actor(account="data-centre", unit="data-centre")
BANK = Actor(account="bank-1", unit="bank")
TODAY = date(2026, 11, 23)
DEMANDED = "parents_marriage"


def take_over(database: Database, lines: Iterable[ListedProof]) -> None:
    with database.begin() as connection:
        apply(connection, ListingFile(tuple(enumerate(lines, start=2)), ()), CENTRE, MONDAY)


def cancel(database: Database, code: str) -> None:
    (now,) = (one for one in listing() if one.code == code)
    take_over(database, [now.model_copy(update={"route": ListedRoute.CANCELLED, "effective_from": TODAY})])


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch(store: CaseStore) -> Stopwatch:
    """The store's listing goes by it."""
    ours = Stopwatch()
    store.listing = ListingInForce(store.database, stopwatch=ours)
    return ours


def test_a_listing_that_is_empty_refuses_nothing(store: CaseStore) -> None:
    assert store.listing.refuses([newborn()], TODAY) == {}
    assert file(store).new


def test_a_cancelled_proof_bites_within_seconds_and_names_itself(store: CaseStore, stopwatch: Stopwatch) -> None:
    take_over(store.database, listing())
    assert file(store, family(1), key="1").new

    cancel(store.database, DEMANDED)
    stopwatch.seconds = LOOKS_AGAIN_AFTER_SECONDS
    with pytest.raises(BundleDemandsTooMuch, match=DEMANDED) as refused:
        file(store, family(2), key="2")

    assert "直接取消" in refused.value.zh
    # What was filed before it was cancelled is answered as before, and its case goes on.
    assert not file(store, family(1), key="1").new
    assert not file(store, family(1), key="again").new
    # A refused application leaves nothing behind: after the mistake is mended it can be filed under its key.
    (before,) = (one for one in listing() if one.code == DEMANDED)
    take_over(store.database, [before.model_copy(update={"effective_from": TODAY})])
    stopwatch.seconds *= 2
    assert file(store, family(2), key="2").new


def test_what_is_outside_the_listing_is_refused_as_well(store: CaseStore) -> None:
    take_over(store.database, (one for one in listing() if one.code != DEMANDED))

    with pytest.raises(BundleDemandsTooMuch, match=f"{DEMANDED} is outside"):
        file(store)


def test_between_two_looks_the_database_is_left_alone(database: Database) -> None:
    stopwatch = Stopwatch()
    in_force = ListingInForce(database, stopwatch=stopwatch)
    assert in_force.on(TODAY) == {}

    take_over(database, [line()])

    assert in_force.on(TODAY) == {}
    assert in_force.on(date(2026, 11, 24)), "another day is another question"
    stopwatch.seconds = LOOKS_AGAIN_AFTER_SECONDS
    assert set(in_force.on(TODAY)) == {"father_child_relation"}


def ask(store: CaseStore, key: str, **changed: str) -> Filed:
    """The bank's question."""
    application = read_request(line(ListedRoute.COMMITMENT), ABOUT_ONE | changed, at=MONDAY)
    return store.file(application, by=BANK, division=DIVISION, at=MONDAY, key=key, fingerprint=key.encode())


def test_the_same_question_is_one_case_while_it_is_open_and_another_once_it_is_answered(store: CaseStore) -> None:
    first = ask(store, "1")
    again = ask(store, "2")
    assert (again.case_id, again.new) == (first.case_id, False)
    assert ask(store, "3", purpose="贷款").new, "for another purpose it is another question"

    store.act(first.case_id, commits("father_child_relation", signed=True), note="letter/1", reason="本人承诺属实")
    assert case_file(store, first.case_id).state is CaseState.CONCLUDED
    next_month = ask(store, "4")

    assert next_month.new
    assert ask(store, "2").case_id == first.case_id, "the same request has the same answer"
    with store.database.reading() as connection:
        assert list(differences(connection)) == []


def test_two_units_ask_the_same_and_neither_hears_of_the_other(store: CaseStore) -> None:
    application = read_request(line(), ABOUT_ONE, at=MONDAY)
    school = Actor(account="school-1", unit="school")
    filed = [
        store.file(application, by=by, division=DIVISION, at=MONDAY, key="key", fingerprint=b"same")
        for by in (BANK, school)
    ]

    assert [one.new for one in filed] == [True, True]
    assert filed[0].case_id != filed[1].case_id


def test_a_process_that_cannot_look_starts_all_the_same_and_one_that_can_is_loud() -> None:
    nowhere = ListingInForce(Database("postgresql+psycopg://nobody@127.0.0.1:9/nothing"))
    with capture_logs() as told:
        nowhere.say_what_is_refused([newborn()], TODAY)

    assert [(entry["event"], entry["log_level"]) for entry in told] == [("listing not readable", "warning")]


def test_what_is_refused_is_in_the_log_by_name(store: CaseStore) -> None:
    take_over(store.database, (one for one in listing() if one.code != DEMANDED))
    with capture_logs() as told:
        store.listing.say_what_is_refused([newborn()], TODAY)

    (entry,) = told
    assert (entry["log_level"], entry["bundle"]) == ("error", "newborn")
    assert [DEMANDED in sentence for sentence in entry["demands"]] == [True]
