"""The working days of the years whose notice has been given."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.law.calendar import (
    SATURDAY,
    TABLES,
    CalendarNotShipped,
    YearTable,
    holiday_name,
    is_working_day,
    shipped_years,
    working_day_after,
    working_day_from,
    year_table,
)

known_days = st.dates(date(2024, 1, 1), date(2026, 11, 30))


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=after) for after in range((date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2024, 2, 9), True),
        (date(2024, 2, 10), False),
        (date(2024, 2, 18), True),
        (date(2025, 1, 26), True),
        (date(2025, 1, 27), True),
        (date(2025, 1, 28), False),
        (date(2025, 2, 4), False),
        (date(2025, 2, 5), True),
        (date(2025, 10, 8), False),
        (date(2025, 10, 9), True),
        (date(2025, 10, 11), True),
        (date(2026, 1, 2), False),
        (date(2026, 1, 4), True),
        (date(2026, 2, 14), True),
        (date(2026, 2, 23), False),
        (date(2026, 2, 24), True),
        (date(2026, 9, 20), True),
        (date(2026, 9, 25), False),
        (date(2026, 11, 21), False),
        (date(2026, 11, 23), True),
    ],
)
def test_offices_work_on_swapped_weekends_and_rest_on_holidays(day: date, works: bool) -> None:
    assert is_working_day(day) is works


@pytest.mark.parametrize(("year", "working"), [(2024, 251), (2025, 248), (2026, 248)])
def test_a_year_has_as_many_working_days_as_its_law_leaves(year: int, working: int) -> None:
    # 365 or 366 days less weekends, less the 11 holidays of 2024 and the 13 since 2025.
    assert sum(map(is_working_day, days_of(year))) == working


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.year))
def test_a_swap_gives_back_as_many_days_as_it_takes(table: YearTable) -> None:
    taken = sum(
        (off.first + timedelta(days=after)).weekday() < SATURDAY
        for off in table.days_off
        for after in range((off.last - off.first).days + 1)
    )
    holidays = 11 if table.year == 2024 else 13
    on_weekdays = taken - len(table.working_weekends)
    # The rest of the legal holidays fell on weekends and were made up inside the runs of days off.
    assert on_weekdays == holidays


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.year))
def test_a_notice_is_numbered_and_older_than_its_year(table: YearTable) -> None:
    assert table.notice == year_table(table.year).notice
    assert table.notice.startswith(f"国办发明电〔{table.year - 1}〕")
    assert table.published.year == table.year - 1
    assert all(day.year == table.year and day.weekday() >= SATURDAY for day in table.working_weekends)
    assert all(off.first <= off.last and off.first.year == off.last.year == table.year for off in table.days_off)


def test_a_year_without_its_notice_is_refused_by_name() -> None:
    assert shipped_years() == (2024, 2025, 2026)
    for day in (date(2023, 12, 31), date(2027, 1, 1)):
        with pytest.raises(CalendarNotShipped, match=str(day.year)) as refusal:
            is_working_day(day)
        assert refusal.value.year == day.year


def test_a_promise_of_december_that_crosses_into_an_unknown_year_is_not_guessed() -> None:
    assert working_day_after(date(2026, 12, 1), 20) == date(2026, 12, 29)
    with pytest.raises(CalendarNotShipped, match="2027"):
        working_day_after(date(2026, 12, 10), 20)


def test_a_moment_is_not_a_day() -> None:
    with pytest.raises(TypeError):
        is_working_day(datetime(2026, 9, 1, tzinfo=UTC))


def test_a_holiday_has_a_name_and_a_weekend_none() -> None:
    assert holiday_name(date(2026, 2, 17)) == "春节"
    assert holiday_name(date(2026, 11, 21)) is None


@given(known_days)
def test_the_next_working_day_is_the_first_that_works(day: date) -> None:
    following = working_day_after(day)

    assert is_working_day(following)
    skipped = ((day + timedelta(days=after)) for after in range(1, (following - day).days))
    assert not any(is_working_day(between) for between in skipped)
    assert working_day_from(day) == (day if is_working_day(day) else following)


@given(known_days, st.integers(1, 10), st.integers(1, 9))
def test_working_days_add_up(day: date, some: int, more: int) -> None:
    assert working_day_after(working_day_after(day, some), more) == working_day_after(day, some + more)


def test_no_working_days_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="from one"):
        working_day_after(date(2026, 9, 1), 0)
