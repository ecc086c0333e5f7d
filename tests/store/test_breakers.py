"""A service that fails again and again is left alone, tried by one caller at a time, and comes back by itself."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from domain.actors import Actor
from store.breakers import (
    LONGEST_PAUSE,
    PROBE_ANSWERS_WITHIN,
    SEEN_FOR,
    Breaker,
    Breakers,
    all_breakers,
    answered,
    failed,
    pause_by_hand,
    paused_until,
    resume_by_hand,
)
from store.database import Database

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)
POLICE = "public_security"
SUPERVISOR = Actor(account="supervisor-1", unit="district_office")


def after(seconds: float) -> datetime:
    return NINE + timedelta(seconds=seconds)


class Service:
    """The functions of the module, each in a transaction of its own as its callers do it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fails(self, at: datetime, times: int = 1, threshold: int = 5) -> None:
        for _ in range(times):
            with self._database.begin() as connection:
                failed(connection, POLICE, at, "answered 503", threshold)

    def answers(self) -> None:
        with self._database.begin() as connection:
            answered(connection, POLICE)

    def paused_until(self, at: datetime) -> datetime | None:
        with self._database.begin() as connection:
            return paused_until(connection, POLICE, at)

    def paused_by_hand(self, at: datetime, reason: str | None = None) -> Breaker:
        with self._database.begin() as connection:
            return pause_by_hand(connection, POLICE, SUPERVISOR, at, reason)

    def resumed_by_hand(self) -> bool:
        with self._database.begin() as connection:
            return resume_by_hand(connection, POLICE)

    def shown(self) -> list[Breaker]:
        with self._database.reading() as connection:
            return list(all_breakers(connection))


@pytest.fixture
def police(database: Database) -> Service:
    return Service(database)


def test_a_few_failures_do_not_pause_a_service_and_an_answer_forgets_them(police: Service) -> None:
    police.fails(NINE, times=4)
    assert police.paused_until(NINE) is None
    assert [breaker.failures for breaker in police.shown()] == [4]

    police.answers()

    assert police.shown() == []
    police.fails(NINE, times=4)
    assert police.paused_until(NINE) is None


def test_the_fifth_failure_in_a_row_pauses_it_visibly(police: Service) -> None:
    police.fails(NINE, times=5)

    assert police.paused_until(after(0)) == after(5)
    assert police.paused_until(after(4.9)) == after(5)
    assert police.shown() == [Breaker(POLICE, 5, NINE, after(5), None, "answered 503")]


def test_a_threshold_of_one_pauses_at_once(police: Service) -> None:
    police.fails(NINE, threshold=1)

    assert police.paused_until(NINE) == after(5)


def test_exactly_one_caller_gets_the_probe(police: Service, database: Database) -> None:
    police.fails(NINE, times=5)
    together = threading.Barrier(5)
    told: list[datetime | None] = []

    def ask() -> None:
        together.wait(5)
        told.append(police.paused_until(after(5)))

    callers = [threading.Thread(target=ask) for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert told.count(None) == 1
    assert set(told) == {None, after(5) + PROBE_ANSWERS_WITHIN}


def test_a_probe_that_is_answered_reopens_for_all(police: Service) -> None:
    police.fails(NINE, times=5)
    assert police.paused_until(after(5)) is None

    police.answers()

    assert police.paused_until(after(5)) is None
    assert police.paused_until(after(5)) is None


def test_the_pause_grows_from_five_seconds_to_a_minute(police: Service) -> None:
    now = NINE
    police.fails(now, times=5)
    pauses = []
    for _ in range(7):
        until = police.paused_until(now)
        assert until is not None
        pauses.append((until - now).total_seconds())
        now = until
        assert police.paused_until(now) is None
        police.fails(now)

    assert pauses == [5, 10, 20, 40, 60, 60, 60]
    assert police.shown()[0].paused_since == NINE


def test_calls_that_were_under_way_do_not_lengthen_the_pause(police: Service) -> None:
    police.fails(NINE, times=50)

    assert police.paused_until(NINE) == after(5)
    assert police.shown()[0].failures == 5


def test_a_probe_whose_caller_died_is_given_out_again(police: Service) -> None:
    police.fails(NINE, times=5)
    assert police.paused_until(after(5)) is None

    later = after(5) + PROBE_ANSWERS_WITHIN

    assert police.paused_until(later - timedelta(seconds=1)) == later
    assert police.paused_until(later) is None


def test_a_pause_by_hand_ends_by_hand(police: Service) -> None:
    police.paused_by_hand(NINE, "机房割接")
    a_day_later = after(86_400)

    assert police.paused_until(a_day_later) == a_day_later + LONGEST_PAUSE
    police.answers()
    police.fails(a_day_later, times=9)
    assert police.paused_until(a_day_later) == a_day_later + LONGEST_PAUSE
    assert police.shown()[0].paused_by == "supervisor-1"
    assert police.shown()[0].fault == "机房割接"
    assert police.shown()[0].next_try_at is None

    assert police.resumed_by_hand()
    assert not police.resumed_by_hand()
    assert police.paused_until(a_day_later) is None


def test_pausing_by_hand_takes_over_a_pause_that_came_by_itself(police: Service) -> None:
    police.fails(NINE, times=5)

    police.paused_by_hand(after(2))
    kept = police.paused_by_hand(after(3), "again")

    assert kept == Breaker(POLICE, 5, NINE, None, "supervisor-1", "answered 503")
    assert police.paused_until(after(5)) == after(5) + LONGEST_PAUSE


def test_a_person_may_resume_what_paused_by_itself(police: Service) -> None:
    police.fails(NINE, times=5)

    assert police.resumed_by_hand()
    assert police.paused_until(NINE) is None


def test_failures_at_the_same_moment_are_all_counted(police: Service) -> None:
    together = threading.Barrier(4)

    def fail() -> None:
        together.wait(5)
        police.fails(NINE)

    callers = [threading.Thread(target=fail) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert police.shown()[0].failures == 4


def test_a_long_fault_is_cut(police: Service, database: Database) -> None:
    with database.begin() as connection:
        assert len(failed(connection, POLICE, NINE, "x" * 5000).fault or "") == 200


def test_healthy_calls_cost_no_statement(database: Database) -> None:
    breakers = Breakers(database)
    statements: list[str] = []
    breakers.paused_until(POLICE, NINE)
    event.listen(database._engine, "before_cursor_execute", lambda *told: statements.append(told[2]))

    for _ in range(100):
        assert breakers.paused_until(POLICE, after(0.5)) is None
        breakers.answered(POLICE, after(0.5))

    assert statements == []


def test_every_process_knows_within_a_second(database: Database) -> None:
    mine, theirs = Breakers(database, threshold=2), Breakers(database, threshold=2)
    assert theirs.paused_until(POLICE, NINE) is None

    mine.failed(POLICE, NINE, "no answer")
    mine.failed(POLICE, NINE, "no answer")

    assert mine.paused_until(POLICE, NINE) == after(5)
    assert theirs.paused_until(POLICE, NINE) is None
    assert theirs.paused_until(POLICE, NINE + SEEN_FOR) == after(5)


def test_a_process_probes_recovers_and_tells_the_others(database: Database) -> None:
    mine, theirs = Breakers(database, threshold=1), Breakers(database, threshold=1)
    mine.failed(POLICE, NINE, "no answer")

    assert mine.paused_until(POLICE, after(5)) is None
    assert theirs.paused_until(POLICE, after(5)) == after(5) + PROBE_ANSWERS_WITHIN
    mine.answered(POLICE, after(6))

    assert mine.paused_until(POLICE, after(6)) is None
    assert theirs.paused_until(POLICE, after(7)) is None


def test_one_service_does_not_hold_up_another(database: Database) -> None:
    breakers = Breakers(database, threshold=1)
    breakers.failed(POLICE, NINE, "no answer")

    assert breakers.paused_until("tax", NINE) is None
