"""Deadlines as a clerk would count them on paper."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.law.calendar import CalendarNotShipped, is_working_day
from domain.time_limits import (
    IMMEDIATE,
    SHANGHAI,
    Ledger,
    LedgerEntry,
    LedgerRefused,
    Limit,
    NaiveTime,
    OfficeHours,
    days,
    describe,
    due_at,
    end_of_day,
    hours,
    last_day,
    longest,
    minutes,
    months,
    remaining,
    working_days,
)

OFFICE = OfficeHours()
WITH_LUNCH = OfficeHours(lunch=(time(12, 0), time(13, 30)))


def at(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


moments = st.builds(datetime.combine, st.dates(date(2024, 1, 1), date(2026, 10, 31)), st.times(), st.just(SHANGHAI))
spans = st.timedeltas(timedelta(seconds=1), timedelta(days=20))
limits = st.one_of(
    st.integers(1, 3000).map(minutes),
    st.integers(1, 100).map(hours),
    st.integers(1, 20).map(working_days),
    st.integers(1, 90).map(days),
    st.integers(1, 24).map(months),
)


# --- counting


@pytest.mark.parametrize(
    ("start", "limit", "due"),
    [
        (at(9, 1, 9, 15), minutes(30), at(9, 1, 9, 45)),
        (at(9, 1, 23, 50), minutes(30), at(9, 2, 0, 20)),
        (at(9, 1, 9, 15), hours(24), at(9, 2, 9, 15)),
        (at(9, 1, 9, 15), days(90), at(12, 1)),
        (at(1, 31, 9), months(1), at(3, 1)),
        (at(1, 31, 9, year=2024), months(1), at(3, 1, year=2024)),
        (at(1, 15, 9), months(1), at(2, 16)),
        (at(2, 28, 9), months(1), at(3, 29)),
        (at(8, 31, 9), months(6), at(3, 1, year=2027)),
        (at(11, 30, 9), months(1), at(12, 31)),
        (at(9, 1, 9), working_days(1), at(9, 3)),
        (at(9, 4, 9), working_days(1), at(9, 8)),
        (at(9, 5, 9), working_days(1), at(9, 8)),
        (at(9, 18, 9), working_days(1), at(9, 21)),
        (at(9, 18, 23), working_days(3), at(9, 23)),
        (at(9, 30, 9), working_days(1), at(10, 9)),
        (at(9, 30, 9), working_days(3), at(10, 11)),
    ],
)
def test_the_first_day_is_not_counted_and_the_last_one_ends_at_midnight(
    start: datetime, limit: Limit, due: datetime
) -> None:
    assert due_at(start, limit) == due


def test_ten_working_days_over_the_spring_festival() -> None:
    # Worked: 12, 13, 14 February (a swapped Saturday), then 24 to 28 February, 2 and 3 March.
    assert due_at(at(2, 11, 9), working_days(10)) == end_of_day(date(2026, 3, 3))
    assert last_day(at(2, 11, 9), working_days(10)) == date(2026, 3, 3)


def test_the_day_is_that_of_shanghai_wherever_the_request_came_from() -> None:
    evening_in_london = datetime(2026, 9, 1, 17, 0, tzinfo=UTC)

    due = due_at(evening_in_london, days(1))

    assert due == at(9, 4)
    assert due.tzinfo is SHANGHAI
    assert last_day(evening_in_london, days(1)) == date(2026, 9, 3)
    assert last_day(evening_in_london, hours(24)) == date(2026, 9, 3)


def test_an_end_on_a_holiday_moves_only_where_the_clock_says_so() -> None:
    start = at(9, 2, 9)
    assert last_day(start, days(30)) == date(2026, 10, 2)
    assert last_day(start, days(30, rolls_over_holidays=True)) == date(2026, 10, 8)
    assert last_day(start, months(1)) == date(2026, 10, 2)
    assert last_day(start, months(1, rolls_over_holidays=True)) == date(2026, 10, 8)
    assert last_day(at(8, 31, 9), days(20, rolls_over_holidays=True)) == date(2026, 9, 20)


def test_calendar_days_need_no_yearly_notice_and_working_days_do() -> None:
    assert due_at(at(12, 20, 9), days(30)) == at(1, 20, year=2027)
    with pytest.raises(CalendarNotShipped, match="2027"):
        due_at(at(12, 20, 9), working_days(20))
    with pytest.raises(CalendarNotShipped, match="2027"):
        due_at(at(12, 20, 9), days(30, rolls_over_holidays=True))


@pytest.mark.parametrize("unit", ["minute", "hour", "working_day", "day", "month"])
def test_a_limit_of_nothing_is_no_limit(unit: str) -> None:
    for amount in (0, -1, 1.5, "3", True):
        with pytest.raises(ValidationError):
            Limit.model_validate({"amount": amount, "unit": unit})


def test_a_misspelt_limit_and_minutes_that_roll_over_holidays_are_refused() -> None:
    with pytest.raises(ValidationError):
        Limit.model_validate({"amount": 1, "unit": "weeks"})
    with pytest.raises(ValidationError):
        Limit.model_validate({"amount": 1, "unit": "day", "rolls": True})
    for unit in ("minute", "hour", "working_day"):
        with pytest.raises(ValidationError, match="does not end on a holiday"):
            Limit.model_validate({"amount": 1, "unit": unit, "rolls_over_holidays": True})


def test_an_immediate_item_has_half_an_hour() -> None:
    assert describe(IMMEDIATE) == "30 分钟"


@pytest.mark.parametrize("limit", [minutes(1), days(1), working_days(1), months(1)])
def test_a_moment_without_a_zone_is_refused(limit: Limit) -> None:
    naive = at(9, 1, 9).replace(tzinfo=None)
    for ask in (
        lambda: due_at(naive, limit),
        lambda: last_day(naive, limit),
        lambda: remaining(naive, at(9, 1)),
        lambda: remaining(at(9, 1), naive),
        lambda: OFFICE.due_within_office_hours(naive, 30),
        lambda: OFFICE.is_open(naive),
        lambda: Ledger.started(naive, limit),
        lambda: Ledger.started(at(9, 1), limit).suspend(naive, "等待补正"),
        lambda: Ledger.started(at(9, 1), limit).used(naive),
    ):
        with pytest.raises(NaiveTime):
            ask()


@given(moments, limits)
def test_a_limit_always_ends_after_it_began(start: datetime, limit: Limit) -> None:
    due = due_at(start, limit)

    assert start < due <= start + longest(limit)
    assert remaining(start, due) > timedelta() > remaining(due, start)
    if limit.unit not in ("minute", "hour"):
        assert end_of_day(last_day(start, limit)) == due


@given(moments, limits)
def test_one_more_is_strictly_later(start: datetime, limit: Limit) -> None:
    more = limit.model_copy(update={"amount": limit.amount + 1})

    assert due_at(start, more) > due_at(start, limit)


@given(moments, moments, limits)
def test_who_asks_later_is_never_due_earlier(one: datetime, other: datetime, limit: Limit) -> None:
    earlier, later = sorted((one, other))

    assert due_at(earlier, limit) <= due_at(later, limit)
    if limit.unit in ("minute", "hour") and earlier < later:
        assert due_at(earlier, limit) < due_at(later, limit)


@given(moments, st.integers(1, 20))
def test_working_days_end_on_a_working_day(start: datetime, count: int) -> None:
    assert is_working_day(last_day(start, working_days(count)))


@given(moments, limits)
def test_the_zone_of_the_request_changes_nothing(start: datetime, limit: Limit) -> None:
    assert due_at(start.astimezone(UTC), limit) == due_at(start, limit)


# --- words and comparison


@pytest.mark.parametrize(
    ("limit", "zh", "en"),
    [
        (minutes(30), "30 分钟", "30 minutes"),
        (hours(24), "24 小时", "24 hours"),
        (working_days(10), "10 个工作日", "10 working days"),
        (working_days(1), "1 个工作日", "1 working day"),
        (days(90), "90 天", "90 days"),
        (months(1), "1 个月", "1 month"),
    ],
)
def test_a_limit_is_said_as_people_say_it(limit: Limit, zh: str, en: str) -> None:
    assert (describe(limit), describe(limit, "en")) == (zh, en)


def test_a_promise_is_compared_with_the_law_at_its_worst() -> None:
    assert longest(minutes(30)) < longest(hours(24)) < longest(working_days(1))
    assert longest(working_days(5)) < longest(working_days(10)) < longest(months(1)) < longest(days(60))
    assert longest(working_days(10)) > longest(days(14))
    assert longest(months(1)) == longest(days(31))
    assert longest(months(2)) == longest(days(62))
    assert longest(working_days(1)) == timedelta(days=11)
    assert longest(days(30)) < longest(days(30, rolls_over_holidays=True))


@given(st.integers(1, 3000))
def test_more_working_days_are_longer(count: int) -> None:
    assert longest(working_days(count)) < longest(working_days(count + 1))


# --- office hours


@pytest.mark.parametrize(
    ("start", "due"),
    [
        (at(9, 1, 16, 50), at(9, 2, 8, 50)),
        (at(9, 1, 16, 30), at(9, 1, 17, 0)),
        (at(9, 1, 8, 0), at(9, 1, 9, 0)),
        (at(9, 1, 17, 0), at(9, 2, 9, 0)),
        (at(9, 1, 23, 59), at(9, 2, 9, 0)),
        (at(9, 4, 16, 50), at(9, 7, 8, 50)),
        (at(9, 19, 10, 0), at(9, 20, 9, 0)),
        (at(9, 30, 16, 50), at(10, 8, 8, 50)),
    ],
)
def test_half_an_hour_asked_shortly_before_closing_ends_next_working_morning(start: datetime, due: datetime) -> None:
    assert OFFICE.due_within_office_hours(start, 30) == due


def test_nobody_answers_over_lunch() -> None:
    assert WITH_LUNCH.due_within_office_hours(at(9, 1, 11, 50), 30) == at(9, 1, 13, 50)
    assert WITH_LUNCH.due_within_office_hours(at(9, 1, 12, 10), 30) == at(9, 1, 14, 0)
    assert WITH_LUNCH.due_within_office_hours(at(9, 1, 11, 30), 30) == at(9, 1, 12, 0)
    assert not WITH_LUNCH.is_open(at(9, 1, 12, 0))
    assert OFFICE.is_open(at(9, 1, 12, 0))
    assert not OFFICE.is_open(at(9, 5, 12, 0))


def test_many_minutes_run_over_several_days() -> None:
    day = 8 * 60 + 30
    assert OFFICE.due_within_office_hours(at(9, 1, 8, 30), day * 3) == at(9, 3, 17, 0)
    assert OFFICE.due_within_office_hours(at(9, 1, 8, 30), day * 3 + 1) == at(9, 4, 8, 31)


@given(moments, st.integers(1, 2000), st.sampled_from([OFFICE, WITH_LUNCH]))
def test_minutes_in_the_office_end_while_it_is_open(start: datetime, count: int, office: OfficeHours) -> None:
    due = office.due_within_office_hours(start, count)

    assert due >= start + timedelta(minutes=count)
    assert office.is_open(due - timedelta(microseconds=1))
    assert office.due_within_office_hours(start, count + 1) > due


@given(moments, st.integers(1, 600), st.integers(1, 600), st.sampled_from([OFFICE, WITH_LUNCH]))
def test_minutes_in_the_office_add_up(start: datetime, some: int, more: int, office: OfficeHours) -> None:
    halfway = office.due_within_office_hours(start, some)

    assert office.due_within_office_hours(halfway, more) == office.due_within_office_hours(start, some + more)


def test_office_hours_that_make_no_day_are_refused() -> None:
    for hours_given in (
        {"opens": time(17), "closes": time(8)},
        {"lunch": (time(13), time(12))},
        {"lunch": (time(8), time(12))},
        {"opens": time(8, tzinfo=UTC)},
    ):
        with pytest.raises(ValidationError):
            OfficeHours.model_validate(hours_given)
    with pytest.raises(ValueError, match="at least one"):
        OFFICE.due_within_office_hours(at(9, 1, 9), 0)


# --- clocks that stand still


def test_a_suspension_moves_the_end_by_its_own_length() -> None:
    clock = Ledger.started(at(9, 1, 9), hours(24))
    assert clock.due_at == at(9, 2, 9)

    stopped = clock.suspend(at(9, 1, 15), "等待专家鉴定")
    assert stopped.is_suspended
    assert stopped.due_at is None
    assert stopped.remaining(at(9, 30, 9)) == timedelta(hours=18)

    running = stopped.resume(at(9, 3, 10))
    assert running.due_at == at(9, 4, 4)
    assert running.used(at(9, 3, 12)) == timedelta(hours=8)
    assert running.remaining(at(9, 4, 5)) == timedelta(hours=-1)
    assert clock.due_at == at(9, 2, 9)


@pytest.mark.parametrize(
    ("rule", "break_it"),
    [
        ("already_suspended", lambda clock: clock.suspend(at(9, 1, 10), "一").suspend(at(9, 1, 11), "二")),
        ("not_suspended", lambda clock: clock.resume(at(9, 1, 10))),
        ("no_reason", lambda clock: clock.suspend(at(9, 1, 10), "  ")),
        ("already_over", lambda clock: clock.suspend(at(9, 2, 9), "太迟")),
        ("not_in_order", lambda clock: clock.suspend(at(9, 1, 8), "太早")),
        ("not_in_order", lambda clock: clock.suspend(at(9, 1, 10), "一").resume(at(9, 1, 9, 59))),
        ("not_in_order", lambda clock: Ledger(budget_seconds=1, entries=clock.entries * 2)),
        (
            "not_in_order",
            lambda _: Ledger(budget_seconds=1, entries=(LedgerEntry(kind="resumed", at=at(9, 1)),)),
        ),
    ],
)
def test_a_clock_is_not_stopped_or_started_out_of_turn(rule: str, break_it: object) -> None:
    assert callable(break_it)
    with pytest.raises(LedgerRefused) as refusal:
        break_it(Ledger.started(at(9, 1, 9), hours(24)))

    assert refusal.value.rule == rule


def test_a_clock_survives_being_stored() -> None:
    clock = Ledger.started(at(9, 1, 9), working_days(5)).suspend(at(9, 2, 9), "等待补正").resume(at(9, 3, 9))

    again = Ledger.model_validate_json(clock.model_dump_json())

    assert again == clock
    assert again.due_at == clock.due_at


@given(moments, limits)
def test_a_clock_never_stopped_ends_with_its_limit(start: datetime, limit: Limit) -> None:
    due = Ledger.started(start, limit).due_at

    assert due is not None
    assert timedelta() <= due - due_at(start, limit) < timedelta(seconds=1)


@given(moments, st.integers(1, 90).map(days), st.lists(st.tuples(spans, spans), max_size=5))
def test_the_end_moves_by_the_sum_of_all_stops(
    start: datetime, limit: Limit, stops: list[tuple[timedelta, timedelta]]
) -> None:
    clock = Ledger.started(start, limit)
    original = clock.due_at
    assert original is not None
    moment, stood = start, timedelta()
    for runs, stands in stops:
        if clock.remaining(moment) <= runs:
            break
        before = clock.due_at
        moment += runs
        clock = clock.suspend(moment, "等待补正")
        moment += stands
        stood += stands
        clock = clock.resume(moment)
        assert before is not None
        assert clock.due_at is not None
        assert clock.due_at > before

    assert clock.due_at == original + stood
    assert clock.used(moment) + clock.remaining(moment) == timedelta(seconds=clock.budget_seconds)


# --- answers: thirty minutes and twenty-four hours, in an office with hours or without


@pytest.mark.parametrize(
    ("start", "due"),
    [
        (at(9, 1, 16, 50), at(9, 2, 8, 50)),
        (at(9, 1, 16, 30), at(9, 1, 17, 0)),
        (at(9, 4, 16, 50), at(9, 7, 8, 50)),
        (at(9, 30, 16, 50), at(10, 8, 8, 50)),
        (at(10, 3, 11, 0), at(10, 8, 9, 0)),
    ],
    ids=["over the night", "until closing", "over the weekend", "over the holidays", "asked on a holiday"],
)
def test_half_an_hour_to_answer_is_half_an_hour_of_somebody_sitting_there(start: datetime, due: datetime) -> None:
    assert Ledger.for_answer(start, immediate=True, hours=OFFICE).due_at == due


@pytest.mark.parametrize(
    ("start", "due"),
    [
        (at(9, 1, 10), at(9, 2, 10)),
        (at(9, 1, 20), at(9, 2, 20)),
        (at(9, 4, 10), at(9, 7, 10)),
        (at(9, 5, 10), at(9, 8)),
        (at(9, 19, 10), at(9, 21)),
        (at(9, 30, 16, 50), at(10, 8, 16, 50)),
    ],
    ids=[
        "in the week",
        "in the evening",
        "on a Friday",
        "on a Saturday",
        "before a swapped Sunday",
        "before a holiday",
    ],
)
def test_twenty_four_hours_to_answer_end_at_the_same_time_of_the_next_working_day(
    start: datetime, due: datetime
) -> None:
    for office in (OFFICE, WITH_LUNCH):
        assert Ledger.for_answer(start, immediate=False, hours=office).due_at == due


def test_an_office_that_never_closes_has_plain_minutes_and_hours() -> None:
    saturday_night = at(9, 5, 23, 50)

    assert Ledger.for_answer(saturday_night, immediate=True).due_at == at(9, 6, 0, 20)
    assert Ledger.for_answer(saturday_night, immediate=False).due_at == at(9, 6, 23, 50)
    # And needs no calendar.
    assert Ledger.for_answer(at(12, 31, 23, 50), immediate=True).due_at == at(1, 1, 0, 20, year=2027)


def test_a_limit_runs_over_new_year_where_both_years_are_known_and_is_refused_where_one_is_not() -> None:
    eve = at(12, 31, 16, 50, year=2025)

    # Friday and the weekend are days off, but the Sunday is worked in exchange.
    assert Ledger.for_answer(eve, immediate=True, hours=OFFICE).due_at == at(1, 4, 8, 50)
    assert Ledger.for_answer(eve, immediate=False, hours=OFFICE).due_at == at(1, 4, 16, 50)
    for immediate in (True, False):
        with pytest.raises(CalendarNotShipped, match="2027"):
            _ = Ledger.for_answer(at(12, 31, 16, 50), immediate=immediate, hours=OFFICE).due_at


def test_a_clock_of_office_hours_that_was_stopped_over_a_holiday_loses_no_open_minute() -> None:
    clock = Ledger.for_answer(at(9, 30, 16, 40), immediate=True, hours=OFFICE)
    stopped = clock.suspend(at(9, 30, 16, 50), "等待档案")
    assert stopped.remaining(at(10, 5, 9)) == timedelta(minutes=20)

    assert stopped.resume(at(10, 5, 9)).due_at == at(10, 8, 8, 50)
    assert stopped.resume(at(10, 8, 10)).due_at == at(10, 8, 10, 20)


def test_a_clock_that_was_stopped_before_its_limit_may_run_again_after_it() -> None:
    clock = Ledger.for_answer(at(9, 1, 9), immediate=True).suspend(at(9, 1, 9, 20), "等待档案")

    again = clock.resume(at(9, 3, 9))

    assert again.due_at == at(9, 3, 9, 10)
    assert again.reaches(0.5) == at(9, 3, 9), "half was used up before; the mark is not put off"
    assert again.reaches(0.8) == at(9, 3, 9, 4)


def test_a_naive_moment_starts_no_clock_for_an_answer() -> None:
    with pytest.raises(NaiveTime):
        Ledger.for_answer(at(9, 1, 9).replace(tzinfo=None), immediate=True)


offices = st.sampled_from([None, OFFICE, WITH_LUNCH])
known_moments = st.builds(
    datetime.combine, st.dates(date(2024, 1, 1), date(2026, 10, 1)), st.times(), st.just(SHANGHAI)
)
short = st.timedeltas(timedelta(), timedelta(hours=30))


@st.composite
def clocks(draw: st.DrawFn) -> tuple[Ledger, datetime]:
    """A clock for an answer, stopped and started again a few times, and the moment of its last change."""
    moment = draw(known_moments)
    clock = Ledger.for_answer(moment, immediate=draw(st.booleans()), hours=draw(offices))
    for runs, stands in draw(st.lists(st.tuples(short, short), max_size=3)):
        if clock.remaining(moment + runs) <= timedelta():
            break
        clock = clock.suspend(moment := moment + runs, "等待档案")
        clock = clock.resume(moment := moment + stands)
    return clock, moment


@given(clocks(), st.floats(0, 1), st.floats(0, 1))
def test_more_of_a_limit_is_never_used_up_earlier(drawn: tuple[Ledger, datetime], one: float, other: float) -> None:
    clock, last = drawn
    less, more = sorted((one, other))

    assert last <= clock.reaches(less) <= clock.reaches(more) <= clock.reaches(1.0) == clock.due_at


@given(clocks(), short)
def test_what_was_used_and_what_is_left_are_the_whole_limit(drawn: tuple[Ledger, datetime], after: timedelta) -> None:
    clock, last = drawn

    assert clock.used(last + after) + clock.remaining(last + after) == timedelta(seconds=clock.budget_seconds)
    due = clock.due_at
    assert due is not None
    assert clock.remaining(due) == timedelta(), "at the limit nothing is left, and not less"
    assert clock.remaining(due - timedelta(microseconds=1)) >= timedelta()
    assert clock.used(last) <= clock.used(last + after)


@given(clocks(), short, short)
def test_the_limit_moves_by_exactly_the_open_time_that_the_clock_stood(
    drawn: tuple[Ledger, datetime], runs: timedelta, stands: timedelta
) -> None:
    clock, last = drawn
    stopped_at, again = last + runs, last + runs + stands
    if clock.remaining(stopped_at) <= timedelta():
        return
    before = clock.due_at
    moved = clock.suspend(stopped_at, "等待档案").resume(again)
    after = moved.due_at
    assert before is not None
    assert after is not None

    if clock.hours is None:
        assert after - before == stands
    else:
        assert clock.hours.open_between(before, after) == clock.hours.open_between(stopped_at, again)
    assert moved.remaining(again) == clock.remaining(stopped_at)


@given(
    known_moments, short, short, st.sampled_from([OFFICE, WITH_LUNCH, OFFICE.model_copy(update={"whole_days": True})])
)
def test_open_time_adds_up_and_is_what_a_limit_counts(
    start: datetime, some: timedelta, more: timedelta, office: OfficeHours
) -> None:
    middle, end = start + some, start + some + more

    whole = office.open_between(start, end)
    assert office.open_between(start, middle) + office.open_between(middle, end) == whole
    assert timedelta() <= whole <= some + more
    assert office.open_between(start, office.after(start, some)) == some


def test_an_office_with_whole_days_is_closed_on_holidays_only() -> None:
    whole = OfficeHours(whole_days=True)

    assert whole.is_open(at(9, 1, 3))
    assert not whole.is_open(at(9, 5, 12))
    assert whole.open_between(at(9, 4, 12), at(9, 7, 12)) == timedelta(hours=24)
