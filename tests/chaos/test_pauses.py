"""Nobody is dead, somebody is away: a worker that freezes and comes back late, a Temporal that is gone for a while."""

import time
from collections import Counter

import psycopg
import pytest
from sqlalchemy import select

from store.tables import cases, events
from tests.chaos.house import House

WHOLE_WITHIN_SECONDS = 150.0
"""A frozen worker has asked for work and is given it until that is missed, twice in a row if need be."""
EVENTS = "SELECT count(*) FROM events"
TEMPORAL_AWAY_SECONDS = 600.0
CASES = 2
"""Few: whoever comes to itself too late for its calls counts them as failures, and five pause a department."""
CITIZENS = 200
TOLD_SIDE_BY_SIDE = 64
"""Rows of the outbox that one relay takes at once."""
COMES_TO_ITSELF_WITHIN_SECONDS = 3.0


def test_a_worker_that_was_frozen_in_its_transaction_writes_nothing_twice(house: House) -> None:
    frozen, other = house.kinds["worker"]
    house.arrange("*", "latency", seconds=0.6)
    house.stack.kill(other)
    with (
        house.clerks(first_family=3_100_000) as clerks,
        psycopg.connect(house.stack.superuser_conninfo) as lock,
        psycopg.connect(house.stack.superuser_conninfo, autocommit=True) as watch,
    ):
        clerks.file(1)
        clerks.all_acknowledged(within=WHOLE_WITHIN_SECONDS)
        # Hold the case, so that the worker has its answers and waits for its turn to write them.
        lock.execute("SELECT 1 FROM streams s JOIN cases c ON c.case_id = s.id WHERE c.state = 'open' FOR UPDATE OF s")
        until = time.monotonic() + WHOLE_WITHIN_SECONDS
        while not watch.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone():
            assert time.monotonic() < until, "the worker never came for the case"
            time.sleep(0.02)
        house.freeze(frozen)
        try:
            lock.rollback()  # now it holds the case itself, and does not know it
            house.stack.start_again(other)
            written, until = watch.execute(EVENTS).fetchone(), time.monotonic() + WHOLE_WITHIN_SECONDS
            while watch.execute(EVENTS).fetchone() == written:
                assert time.monotonic() < until, "the other one never got its turn"
                time.sleep(0.1)
        finally:
            house.thaw(frozen)
        time.sleep(COMES_TO_ITSELF_WITHIN_SECONDS)
        house.wait_until_whole(clerks, within=WHOLE_WITHIN_SECONDS)
        house.arrange_nothing()
        assert house.wrong(clerks) == []


@pytest.mark.parametrize(
    ("first_family", "patience"),
    [(3_000_000, False), (3_200_000, True)],
    ids=["in a wave", "in an activity of its own"],
)
def test_a_worker_that_was_frozen_past_its_limits_changes_nothing_when_it_comes_back(
    house: House, first_family: int, patience: bool
) -> None:
    frozen, other = house.kinds["worker"]
    house.arrange("*", "latency", seconds=0.6)
    if patience:
        # Longer than a wave waits: the step becomes an activity of its own, which is missed after 30 s.
        house.arrange("health", "latency", seconds=5.0)
    house.stack.kill(other)  # so that it is this one that has everything in hand
    with house.clerks(first_family=first_family, at_once=CASES) as clerks:
        clerks.file(CASES)
        clerks.all_acknowledged(within=WHOLE_WITHIN_SECONDS)
        mine = set(clerks.acknowledged.values())
        until = time.monotonic() + WHOLE_WITHIN_SECONDS
        while not any(line.case_no in mine for line in house.books()):
            assert time.monotonic() < until, "no department was ever called"
            time.sleep(0.02)
        # The first answers have come, the next calls are on their way.
        time.sleep(2.0 if patience else 0.3)
        house.freeze(frozen)
        try:
            house.stack.start_again(other)
            house.wait_until_whole(clerks, within=WHOLE_WITHIN_SECONDS)
            calls: Counter[tuple[str, str, str]] = Counter()
            for line in house.books():
                calls[line.case_no, line.item, line.department] += line.calls
            repeated = {by for (case_no, _, by), many in calls.items() if case_no in mine and many > 1}
            assert repeated, "it had nothing in hand when it froze"
            assert not patience or "health" in repeated
        finally:
            house.thaw(frozen)
        time.sleep(COMES_TO_ITSELF_WITHIN_SECONDS)
        house.arrange_nothing()

        house.wait_until_whole(clerks, within=WHOLE_WITHIN_SECONDS)
        assert house.wrong(clerks) == []


@pytest.mark.soak
def test_citizens_are_served_while_temporal_is_away_for_minutes(house: House) -> None:
    """The short form is with the relay's own tests."""
    with house.clerks(first_family=4_000_000) as clerks:
        house.stack.kill("temporal")
        gone = time.monotonic()
        clerks.file(CITIZENS)
        clerks.all_acknowledged(within=TEMPORAL_AWAY_SECONDS)
        assert clerks.statuses == {201: CITIZENS}
        assert clerks.unanswered == 0

        time.sleep(max(0.0, gone + TEMPORAL_AWAY_SECONDS - time.monotonic()))
        house.stack.start_again("temporal")
        house.wait_until_whole(clerks, within=WHOLE_WITHIN_SECONDS)

        assert house.wrong(clerks) == []
        with house.database.reading() as connection:
            accepted = connection.execute(
                select(cases.c.case_id)
                .join(events, (events.c.case_id == cases.c.case_id) & (events.c.version == 1))
                .where(cases.c.case_no.in_(clerks.acknowledged.values()))
                .order_by(events.c.position)
            ).scalars()
            order = {f"case-{case_id}": place for place, case_id in enumerate(accepted)}
        started = sorted((run for run in house.runs() if run.workflow in order), key=lambda run: run.started)
        overtaken = max(abs(order[run.workflow] - place) for place, run in enumerate(started))
        # Those that are told side by side may overtake each other, nobody else.
        assert overtaken < TOLD_SIDE_BY_SIDE, [order[run.workflow] for run in started]
