"""到龄名单 as it is kept: each page once with its place, each person once, and what differs from the reading before."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from domain.law.months import read_month
from domain.watch_list import Changes, Finding, Outcome, Standing, changes
from store.cases import CaseStore
from store.database import Database
from store.tables import scan_findings, scan_runs, watch_list
from store.watch_list import (
    GOES_ON_WITHIN,
    Listed,
    Run,
    begin_or_go_on,
    finished_runs,
    found_by,
    keep_page,
    listed,
    still_to_start,
    to_start,
    tried,
)

NIGHT = datetime(2026, 9, 6, 18, tzinfo=UTC)
NEXT_NIGHT = NIGHT + timedelta(days=1)
DISTRICT = "339901"
OTHER_DISTRICT = "339902"
MARCH, MAY = read_month("2027-03"), read_month("2027-05")
BORN = read_month("1966-09")


def finding(person: str, **other: Any) -> Finding:
    """Somebody who is due in March, and about whom nothing is in doubt."""
    month = other.get("month", MARCH)
    told: dict[str, Any] = {
        "person": person,
        "district": DISTRICT,
        "occasion": "retirement",
        "month": month,
        "months": (month,),
        "outcome": Outcome.DUE,
        "reasons": (),
        "born": BORN,
        "rule": "M60 1966-09 -> 2027-03",
    }
    return Finding(**told | other)


def in_conflict(person: str, **other: Any) -> Finding:
    return finding(person, **{"outcome": Outcome.CONFLICT, "reasons": ("arrears",)} | other)


class Clerk:
    """One scanner; `read` reads a whole register of these people."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def begin(self, *, month: int = MARCH, district: str = DISTRICT, at: datetime = NIGHT) -> Run:
        with self.database.begin() as connection:
            return begin_or_go_on(connection, "retirement", month, district, at)

    def keep(
        self, run: Run, findings: Sequence[Finding] = (), *, last: str | None, read: int = 10, at: datetime = NIGHT
    ) -> Run | None:
        with self.database.begin() as connection:
            return keep_page(connection, run, findings, last=last, read=read, at=at)

    def read(self, *findings: Finding, month: int = MARCH, district: str = DISTRICT, at: datetime = NIGHT) -> Run:
        kept = self.keep(self.begin(month=month, district=district, at=at), findings, last=None, at=at)
        assert kept is not None
        return kept

    def lines(self, month: int = MARCH, **other: Any) -> list[Listed]:
        with self.database.reading() as connection:
            return listed(connection, "retirement", month, **other)

    def persons(self, month: int = MARCH, **other: Any) -> list[str]:
        return [one.person for one in self.lines(month, **other)]

    def differs(self, *, month: int = MARCH, district: str = DISTRICT) -> Changes:
        with self.database.reading() as connection:
            now, *before = finished_runs(connection, "retirement", month, district)
            return changes(found_by(connection, before[0] if before else None), found_by(connection, now))

    def to_start(
        self,
        *,
        since: int | None = None,
        until: int = MAY,
        district: str = DISTRICT,
        tried_before: datetime = NEXT_NIGHT,
    ) -> list[Listed]:
        with self.database.reading() as connection:
            return to_start(
                connection, "retirement", district, until, from_month=since, tried_before=tried_before, limit=100
            )

    def tried(self, row: Listed, *, case_id: UUID | None, fault: str | None = None, at: datetime = NIGHT) -> None:
        with self.database.begin() as connection:
            month = None if case_id is None else row.month
            tried(connection, row, case_id=case_id, case_month=month, fault=fault, at=at)

    def rows(self) -> list[Any]:
        with self.database.reading() as connection:
            return list(connection.execute(select(watch_list)))


@pytest.fixture
def clerk(database: Database) -> Clerk:
    return Clerk(database)


@pytest.fixture
def other(other_store: CaseStore) -> Clerk:
    return Clerk(other_store.database)


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_is_kept_with_the_place_it_ended_at(clerk: Clerk) -> None:
    run = clerk.begin()

    kept = clerk.keep(run, [finding("P1"), finding("P3")], last="P5")

    assert kept is not None
    assert (kept.id, kept.cursor, kept.scanned, kept.found, kept.finished_at) == (run.id, "P5", 10, 2, None)
    assert clerk.begin() == kept
    assert clerk.persons() == ["P1", "P3"]


def test_a_page_that_cannot_be_kept_whole_leaves_the_place_where_it_was(clerk: Clerk) -> None:
    run = clerk.begin()

    with pytest.raises(Exception, match="second time"):
        clerk.keep(run, [finding("P1"), finding("P1")], last="P5")

    assert clerk.begin() == run
    assert clerk.persons() == []


def test_the_same_page_is_kept_once(clerk: Clerk, other: Clerk) -> None:
    run = clerk.begin()
    first = clerk.keep(run, [finding("P1")], last="P5")

    again = other.keep(run, [finding("P2")], last="P7")

    assert again == first
    assert clerk.persons() == ["P1"]


def test_whoever_comes_late_with_the_last_page_does_not_end_a_reading_that_goes_on(clerk: Clerk, other: Clerk) -> None:
    run = clerk.begin()
    ahead = clerk.keep(run, [finding("P1")], last="P5")

    late = other.keep(run, [], last=None)

    assert late == ahead
    assert clerk.begin() == ahead


def test_whoever_comes_late_to_a_reading_that_is_finished_is_told_so(clerk: Clerk, other: Clerk) -> None:
    run = clerk.begin()
    finished = clerk.keep(run, [finding("P1")], last=None)

    assert other.keep(run, [finding("P1")], last=None) == finished
    assert finished is not None
    assert finished.finished_at == NIGHT


def test_two_that_begin_at_once_read_together(database_url: str) -> None:
    together = threading.Barrier(6)
    begun: list[Run] = []

    def begin() -> None:
        database = Database(database_url, pool_size=1)
        together.wait(20)
        begun.append(Clerk(database).begin())
        database.dispose()

    scanners = [threading.Thread(target=begin) for _ in range(6)]
    for scanner in scanners:
        scanner.start()
    for scanner in scanners:
        scanner.join(30)

    assert len(begun) == 6
    assert len({run.id for run in begun}) == 1


def test_six_that_keep_the_same_page_at_once_keep_it_once(database_url: str, clerk: Clerk) -> None:
    run, together, kept = clerk.begin(), threading.Barrier(6), []

    def keep() -> None:
        database = Database(database_url, pool_size=1)
        together.wait(20)
        kept.append(Clerk(database).keep(run, [finding("P1"), finding("P2")], last="P5"))
        database.dispose()

    scanners = [threading.Thread(target=keep) for _ in range(6)]
    for scanner in scanners:
        scanner.start()
    for scanner in scanners:
        scanner.join(30)

    assert len(kept) == 6
    assert {one and one.scanned for one in kept} == {10}


def test_a_reading_that_was_left_for_a_day_is_begun_anew(clerk: Clerk) -> None:
    left = clerk.begin()
    clerk.keep(left, [finding("P1")], last="P5")

    in_time = clerk.begin(at=NIGHT + GOES_ON_WITHIN)
    anew = clerk.begin(at=NEXT_NIGHT)

    assert in_time.id == left.id
    assert (anew.id == left.id, anew.cursor, anew.scanned) == (False, "", 0)
    assert clerk.keep(in_time, [finding("P9")], last="P9", at=NEXT_NIGHT) is None
    assert clerk.persons() == ["P1"], "the page of the one that was left behind is not kept"


# ── once for each occasion ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_is_on_the_list_once_however_often_they_are_found(clerk: Clerk) -> None:
    for night in range(3):
        clerk.read(finding("P1"), at=NIGHT + timedelta(days=night))

    (row,) = clerk.rows()
    assert row.found_at == NIGHT


def test_a_doubt_that_is_settled_makes_the_person_due(clerk: Clerk) -> None:
    clerk.read(in_conflict("P1"))
    assert clerk.to_start() == []

    clerk.read(finding("P1"), at=NEXT_NIGHT)

    assert [one.person for one in clerk.to_start()] == ["P1"]
    assert clerk.differs() == Changes(new=(), gone=(), changed=("P1",))


def test_who_moves_is_on_the_list_of_the_district_they_live_in(clerk: Clerk) -> None:
    clerk.read(finding("P1"))
    clerk.read(finding("P1", district=OTHER_DISTRICT), district=OTHER_DISTRICT, at=NEXT_NIGHT)
    clerk.read(at=NEXT_NIGHT)

    assert clerk.persons(district=DISTRICT) == []
    assert clerk.persons(district=OTHER_DISTRICT) == ["P1"]
    assert clerk.differs(district=OTHER_DISTRICT).new == ("P1",)
    assert clerk.differs().gone == ("P1",)


def test_who_moves_is_not_lost_when_the_district_they_left_is_read_first(clerk: Clerk) -> None:
    clerk.read(finding("P1"))
    clerk.read(at=NEXT_NIGHT)
    assert clerk.persons() == []
    clerk.read(finding("P1", district=OTHER_DISTRICT), district=OTHER_DISTRICT, at=NEXT_NIGHT)

    assert clerk.persons(district=OTHER_DISTRICT) == ["P1"]


def test_a_corrected_birth_date_takes_the_person_to_the_other_month(clerk: Clerk) -> None:
    clerk.read(finding("P1"))
    clerk.read(finding("P1", month=MAY), month=MAY, at=NEXT_NIGHT)
    clerk.read(at=NEXT_NIGHT)

    assert clerk.persons() == []
    assert clerk.persons(MAY) == ["P1"]


def test_a_correction_after_the_case_was_opened_is_shown_and_opens_no_second_one(clerk: Clerk) -> None:
    clerk.read(finding("P1"))
    (row,) = clerk.to_start()
    case = uuid4()
    clerk.tried(row, case_id=case)

    clerk.read(finding("P1", month=MAY), month=MAY, at=NEXT_NIGHT)

    (line,) = clerk.lines(MAY)
    assert (line.case_id, line.all_reasons()) == (case, ("case_for_other_month",))
    assert clerk.to_start() == []


@pytest.mark.parametrize("order", [(MARCH, MAY), (MAY, MARCH)])
def test_who_may_be_meant_in_two_months_is_on_the_list_of_the_earlier_in_whichever_order(
    clerk: Clerk, order: tuple[int, int]
) -> None:
    for night in range(2):
        for month in order:
            doubted = in_conflict("P1", month=month, months=(MARCH, MAY), reasons=("birth_dates_differ",))
            clerk.read(doubted, month=month, at=NIGHT + timedelta(days=night))

    assert (clerk.persons(), clerk.persons(MAY)) == (["P1"], [])
    assert clerk.differs() == Changes((), (), ())


def test_the_months_settle_when_the_doubt_is(clerk: Clerk) -> None:
    clerk.read(in_conflict("P1", months=(MARCH, MAY)))

    clerk.read(finding("P1", month=MAY), month=MAY, at=NEXT_NIGHT)

    assert [one.outcome for one in clerk.lines(MAY)] == ["due"]


def test_two_readings_that_meet_the_same_people_never_stand_in_each_others_way(database_url: str) -> None:
    people = [f"P{number:03d}" for number in range(200)]
    together, faults = threading.Barrier(2), []

    def read(month: int, order: int) -> None:
        database = Database(database_url, pool_size=1)
        clerk = Clerk(database)
        try:
            for night in range(5):
                run = clerk.begin(month=month, at=NIGHT + timedelta(days=night))
                together.wait(30)
                clerk.keep(run, [finding(one, month=month) for one in people[::order]], last=None)
        except Exception as fault:
            faults.append(fault)
            together.abort()
        database.dispose()

    scanners = [threading.Thread(target=read, args=given) for given in ((MARCH, 1), (MAY, -1))]
    for scanner in scanners:
        scanner.start()
    for scanner in scanners:
        scanner.join(60)

    assert faults == []


# ── what differs ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_says_who_is_new_and_who_is_gone(clerk: Clerk) -> None:
    clerk.read(finding("P1"), finding("P2"))
    assert clerk.differs() == Changes(new=("P1", "P2"), gone=(), changed=())

    clerk.read(finding("P2"), finding("P3"), at=NEXT_NIGHT)

    assert clerk.differs() == Changes(new=("P3",), gone=("P1",), changed=())
    assert clerk.persons() == ["P2", "P3"]


def test_who_is_gone_has_no_case_opened_and_is_there_again_when_found_again(clerk: Clerk) -> None:
    clerk.read(finding("P1"))
    clerk.read(at=NEXT_NIGHT)
    assert clerk.to_start() == []

    clerk.read(finding("P1"), at=NEXT_NIGHT + timedelta(days=1))

    assert [one.person for one in clerk.to_start()] == ["P1"]
    assert clerk.differs().new == ("P1",)


def test_a_reading_of_one_list_says_nothing_of_another(clerk: Clerk) -> None:
    clerk.read(finding("P1"))
    clerk.read(finding("P2", district=OTHER_DISTRICT), district=OTHER_DISTRICT)

    clerk.read(at=NEXT_NIGHT)

    assert clerk.persons() == ["P2"]


def test_only_the_last_two_readings_of_a_list_are_remembered(clerk: Clerk, database: Database) -> None:
    runs = [clerk.read(finding("P1"), at=NIGHT + timedelta(days=night)) for night in range(4)]

    with database.reading() as connection:
        assert set(connection.execute(select(scan_findings.c.run)).scalars()) == {runs[2].id, runs[3].id}
        assert len(connection.execute(select(scan_runs.c.id)).all()) == 4
        assert found_by(connection, runs[3]) == {"P1": Standing(Outcome.DUE, ())}


# ── whose case is opened ────────────────────────────────────────────────────────────────────────────────────────────


def test_only_who_is_due_in_the_district_and_by_then_has_a_case_opened(clerk: Clerk) -> None:
    clerk.read(finding("P1"), in_conflict("P2"), finding("P3", outcome=Outcome.EXCLUDED, reasons=("dead",)))
    clerk.read(finding("P4", district=OTHER_DISTRICT), district=OTHER_DISTRICT)
    clerk.read(finding("P5", month=MAY), month=MAY)

    assert [one.person for one in clerk.to_start(until=MARCH)] == ["P1"]
    assert [one.person for one in clerk.to_start(until=MAY)] == ["P1", "P5"]
    assert [one.person for one in clerk.to_start(since=MAY, until=MAY)] == ["P5"]


def test_who_could_not_be_helped_is_tried_once_in_a_night_and_after_those_who_wait(clerk: Clerk) -> None:
    clerk.read(finding("P1"), finding("P2"))
    clerk.tried(clerk.to_start()[0], case_id=None, fault="no_record", at=NIGHT)

    assert [one.person for one in clerk.to_start(tried_before=NIGHT)] == ["P2"]
    assert [one.person for one in clerk.to_start(tried_before=NEXT_NIGHT)] == ["P2", "P1"]


def test_a_case_once_noted_is_never_replaced(clerk: Clerk) -> None:
    clerk.read(finding("P1"))
    (row,) = clerk.to_start()
    case = uuid4()
    clerk.tried(row, case_id=case)

    clerk.tried(row, case_id=None, fault="no_record", at=NEXT_NIGHT)
    clerk.tried(row, case_id=uuid4(), at=NEXT_NIGHT)

    (line,) = clerk.lines()
    assert (line.case_id, line.fault) == (case, None)


def test_whether_the_line_still_stands_is_asked_before_each_case(clerk: Clerk, database: Database) -> None:
    clerk.read(finding("P1"), finding("P2"), finding("P3"))
    rows = clerk.to_start()
    clerk.tried(rows[0], case_id=uuid4())
    clerk.read(finding("P1"), in_conflict("P2"), at=NEXT_NIGHT)

    with database.reading() as connection:
        assert [still_to_start(connection, row) for row in rows] == [False, False, False]
