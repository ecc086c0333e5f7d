"""By when somebody must have answered: limits, office hours, and clocks that may be stopped with a reason.

Counting follows 民法典 201-203: minutes and hours run from the very moment; for days and months the first day
is not counted and the last one ends at 24:00. Nothing here reads a clock: the moment comes from the caller, and
a moment without a time zone is refused, because a deadline eight hours off looks perfectly plausible.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Annotated, Literal, Self, assert_never
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from domain.law.calendar import is_working_day, shipped_years, working_day_after, working_day_from

SHANGHAI = ZoneInfo("Asia/Shanghai")

Unit = Literal["minute", "hour", "working_day", "day", "month"]
Language = Literal["zh", "en"]


class NaiveTime(ValueError):
    """A moment came without a time zone."""

    def __init__(self) -> None:
        super().__init__("a moment needs its time zone")


class Limit(BaseModel):
    """A length of time that somebody has (时限), from one upwards.

    There are no zero working days: an immediate item (即办件, `working_days == 0` in its declaration) has
    `IMMEDIATE`, thirty minutes, because "by tonight" is not what its promise means.

    `rolls_over_holidays`: a last day on which offices are closed moves to the next working day (民法典 203).
    Which administrative clocks do so is not confirmed, hence a field of each clock; it concerns days and months only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: Annotated[int, Field(ge=1, le=10_000, strict=True)]
    unit: Unit
    rolls_over_holidays: bool = False

    @model_validator(mode="after")
    def _rolls_only_where_a_day_ends_it(self) -> Self:
        if self.rolls_over_holidays and self.unit not in ("day", "month"):
            raise ValueError(f"a limit in {self.unit}s does not end on a holiday")
        return self


def minutes(amount: int) -> Limit:
    return Limit(amount=amount, unit="minute")


def hours(amount: int) -> Limit:
    return Limit(amount=amount, unit="hour")


def working_days(amount: int) -> Limit:
    return Limit(amount=amount, unit="working_day")


def days(amount: int, *, rolls_over_holidays: bool = False) -> Limit:
    return Limit(amount=amount, unit="day", rolls_over_holidays=rolls_over_holidays)


def months(amount: int, *, rolls_over_holidays: bool = False) -> Limit:
    return Limit(amount=amount, unit="month", rolls_over_holidays=rolls_over_holidays)


IMMEDIATE = minutes(30)
"""即办件: half an hour (Taizhou's rule for department checks)."""
ORDINARY_ANSWER = timedelta(hours=24)
"""For everything else that a person has to answer (the same rule)."""


def due_at(start: datetime, limit: Limit) -> datetime:
    """The instant at which the limit ends, in Asia/Shanghai.

    Days end at 24:00, given as 00:00 of the day after; `last_day` names the day a person would say.
    Raises NaiveTime, and CalendarNotShipped where working days leave the years that are known.
    """
    began = in_shanghai(start)
    if limit.unit == "minute":
        return in_shanghai(start.astimezone(UTC) + timedelta(minutes=limit.amount))
    if limit.unit == "hour":
        return in_shanghai(start.astimezone(UTC) + timedelta(hours=limit.amount))
    return end_of_day(_last_day(began.date(), limit))


def last_day(start: datetime, limit: Limit) -> date:
    """The day, in Shanghai, on which the limit ends (截止日); raises as `due_at` does."""
    began = in_shanghai(start)
    if limit.unit in ("minute", "hour"):
        return due_at(began, limit).date()
    return _last_day(began.date(), limit)


def _last_day(first: date, limit: Limit) -> date:
    match limit.unit:
        case "working_day":
            return working_day_after(first, limit.amount)
        case "day":
            last = first + timedelta(days=limit.amount)
        case "month":
            last = _months_later(first, limit.amount)
        case "minute" | "hour":
            raise ValueError("minutes and hours do not end with a day")
        case _:
            assert_never(limit.unit)
    return working_day_from(last) if limit.rolls_over_holidays else last


def _months_later(day: date, count: int) -> date:
    """The same day number, or the month's last day where there is no such number (民法典 202)."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def end_of_day(day: date) -> datetime:
    """24:00 of this day in Asia/Shanghai."""
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)


def in_shanghai(moment: datetime) -> datetime:
    """The same instant on a clock in Shanghai; raises NaiveTime."""
    if moment.utcoffset() is None:
        raise NaiveTime
    return moment.astimezone(SHANGHAI)


def to_the_minute(moment: datetime) -> str:
    """How a sentence names an instant: by the clock in Shanghai, 2026-11-23 09:00; raises NaiveTime."""
    return f"{in_shanghai(moment):%Y-%m-%d %H:%M}"


def remaining(now: datetime, due: datetime) -> timedelta:
    """The time left; negative once the limit is over. Raises NaiveTime."""
    return in_shanghai(due) - in_shanghai(now)


def longest(limit: Limit) -> timedelta:
    """The longest time from start to end that the limit can mean, to compare promises with the law.

    Ten working days and fourteen days cannot be compared on one day alone: over the Spring Festival the first are
    the longer. Working days are measured at their worst in the years whose calendar is known.
    """
    match limit.unit:
        case "minute":
            return timedelta(minutes=limit.amount)
        case "hour":
            return timedelta(hours=limit.amount)
        case "working_day":
            span = timedelta(days=_worst_span(limit.amount))
        case "day":
            span = timedelta(days=limit.amount)
        case "month":
            span = max(_months_later(first, limit.amount) - first for first in _FOUR_YEARS_OF_MONTHS)
        case _:
            assert_never(limit.unit)
    closed = timedelta(days=_worst_span(1) - 1) if limit.rolls_over_holidays else timedelta()
    return span + closed + timedelta(days=1)


_FOUR_YEARS_OF_MONTHS = tuple(date(year, month, 1) for year in range(2024, 2028) for month in range(1, 13))


@cache
def _worst_span(count: int) -> int:
    """Days from a start to the `count`-th working day after it, at worst; the calendar repeats where it ends."""
    known = _known_working_days()
    cycle = (date(shipped_years()[-1] + 1, 1, 1) - date(shipped_years()[0], 1, 1)).days
    laps, rest = divmod(count, len(known))
    if not rest:
        return laps * cycle
    around = [*known, *(day + timedelta(days=cycle) for day in known[:rest])]
    return laps * cycle + max((last - first).days for first, last in zip(around, around[rest:], strict=False))


@cache
def _known_working_days() -> tuple[date, ...]:
    first, last = date(shipped_years()[0], 1, 1), date(shipped_years()[-1], 12, 31)
    every = (first + timedelta(days=after) for after in range((last - first).days + 1))
    return tuple(day for day in every if is_working_day(day))


_WORDS: dict[Unit, tuple[str, str]] = {
    "minute": ("分钟", "minute"),
    "hour": ("小时", "hour"),
    "working_day": ("个工作日", "working day"),
    "day": ("天", "day"),
    "month": ("个月", "month"),
}


def describe(limit: Limit, language: Language = "zh") -> str:
    """The limit as people say it: "30 分钟", "10 个工作日"; "30 minutes", "10 working days"."""
    zh, en = _WORDS[limit.unit]
    if language == "zh":
        return f"{limit.amount} {zh}"
    return f"{limit.amount} {en}" + ("" if limit.amount == 1 else "s")


class OfficeHours(BaseModel):
    """When an office is open on a working day, in Shanghai's time; `lunch` is a break, from and to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opens: time = time(8, 30)
    closes: time = time(17, 0)
    lunch: tuple[time, time] | None = None
    whole_days: bool = False
    """Every hour of a working day counts: how a limit of 24 hours runs for an office that is closed on holidays."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        marks = (self.opens, *(self.lunch or ()), self.closes)
        if any(mark.tzinfo is not None for mark in marks):
            raise ValueError("office hours are Shanghai's and carry no zone of their own")
        if not all(earlier < later for earlier, later in pairwise(marks)):
            raise ValueError("office hours must follow one another: opening, lunch, closing")
        return self

    def is_open(self, at: datetime) -> bool:
        """Whether somebody sits there at this moment; raises NaiveTime and CalendarNotShipped."""
        here = in_shanghai(at)
        return is_working_day(here.date()) and any(start <= here < end for start, end in self._sittings(here.date()))

    def due_within_office_hours(self, start: datetime, minutes: int) -> datetime:
        """When so many open minutes will have passed: asked at 16:50, thirty minutes end at 08:50 next working day.

        A clock that ends exactly at closing time ends there, not the next morning.
        Raises NaiveTime and CalendarNotShipped.
        """
        if minutes < 1:
            raise ValueError("a limit has at least one minute")
        return self.after(start, timedelta(minutes=minutes))

    def after(self, start: datetime, open_time: timedelta) -> datetime:
        """When so much open time will have passed since the start; raises NaiveTime and CalendarNotShipped."""
        here = in_shanghai(start)
        if open_time <= timedelta():
            return here
        left = open_time
        day = here.date()
        while True:
            day = working_day_from(day)
            for opens, closes in self._sittings(day):
                begins = max(opens, here)
                open_for = max(closes - begins, timedelta())
                if left <= open_for:
                    return begins + left
                left -= open_for
            day += timedelta(days=1)

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """How long somebody sat there between two moments; raises NaiveTime and CalendarNotShipped."""
        began, ended = in_shanghai(start), in_shanghai(end)
        total = timedelta()
        day = began.date()
        while day <= ended.date():
            if is_working_day(day):
                for opens, closes in self._sittings(day):
                    total += max(min(closes, ended) - max(opens, began), timedelta())
            day += timedelta(days=1)
        return total

    def _sittings(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if self.whole_days:
            yield datetime.combine(day, time(), SHANGHAI), end_of_day(day)
            return
        marks = (self.opens, *(self.lunch or ()), self.closes)
        moments = [datetime.combine(day, mark, SHANGHAI) for mark in marks]
        yield from zip(moments[::2], moments[1::2], strict=True)


class LedgerRefused(Exception):
    """A clock cannot be stopped or started like that; `rule` says why.

    `not_in_order`, `already_suspended`, `not_suspended`, `already_over`, `no_reason`. Not a ValueError: pydantic
    would wrap it, and the caller would meet a report about fields in place of the rule.
    """

    def __init__(self, rule: str, sentence: str) -> None:
        self.rule = rule
        super().__init__(sentence)


class LedgerEntry(BaseModel):
    """One line of a clock's history: started, suspended with a reason, or resumed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["started", "suspended", "resumed"]
    at: AwareDatetime
    reason: str = ""


class Ledger(BaseModel):
    """A clock that may stand still (中止计时): its budget, and every start and stop with its moment and reason.

    A ledger rather than a flag: minutes must belong to somebody, and a stop without a reason is refused. The
    budget is in seconds; for a limit in days it is the time up to the `due_at` of that limit, so a stop moves
    the end by exactly its own length and does not count working days anew. With `hours` only open time counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget_seconds: Annotated[int, Field(ge=1)]
    entries: Annotated[tuple[LedgerEntry, ...], Field(min_length=1)]
    hours: OfficeHours | None = None

    @model_validator(mode="after")
    def _one_story(self) -> Self:
        if self.entries[0].kind != "started":
            raise LedgerRefused("not_in_order", "a clock starts before anything else happens to it")
        left = timedelta(seconds=self.budget_seconds)
        for earlier, later in pairwise(self.entries):
            if later.at < earlier.at:
                raise LedgerRefused("not_in_order", "a clock's entries follow one another in time")
            match later.kind:
                case "started":
                    raise LedgerRefused("not_in_order", "a clock starts once")
                case "suspended":
                    if earlier.kind == "suspended":
                        raise LedgerRefused("already_suspended", "this clock stands still already")
                    left -= self._running(earlier.at, later.at)
                    if left <= timedelta():
                        raise LedgerRefused("already_over", "a limit that is over cannot be suspended")
                    if not later.reason.strip():
                        raise LedgerRefused("no_reason", "suspending a limit needs a reason")
                case "resumed":
                    if earlier.kind != "suspended":
                        raise LedgerRefused("not_suspended", "this clock is running")
                case _:
                    assert_never(later.kind)
        return self

    @classmethod
    def for_answer(cls, at: datetime, *, immediate: bool, hours: OfficeHours | None = None) -> Self:
        """The clock of somebody who has to answer (30 分钟 / 24 小时); raises NaiveTime.

        In an office with hours thirty minutes are open minutes, and 24 hours end at the same time of the next
        working day: 1,440 open minutes would be the better part of three days.
        """
        budget = timedelta(minutes=IMMEDIATE.amount) if immediate else ORDINARY_ANSWER
        entries = (LedgerEntry(kind="started", at=in_shanghai(at)),)
        if hours is not None and not immediate:
            hours = hours.model_copy(update={"whole_days": True})
        return cls(budget_seconds=int(budget.total_seconds()), entries=entries, hours=hours)

    @classmethod
    def started(cls, at: datetime, limit: Limit) -> Self:
        """A clock for this limit, running from this moment; raises NaiveTime and CalendarNotShipped."""
        budget = due_at(at, limit).timestamp() - in_shanghai(at).timestamp()
        # Rounded up: a clock may give a fraction of a second more than the law, never less.
        return cls(budget_seconds=-int(-budget // 1), entries=(LedgerEntry(kind="started", at=in_shanghai(at)),))

    def suspend(self, at: datetime, reason: str) -> Self:
        """The clock stands still from now on; raises NaiveTime and LedgerRefused."""
        return self._and(LedgerEntry(kind="suspended", at=in_shanghai(at), reason=reason))

    def resume(self, at: datetime) -> Self:
        """The clock runs again; raises NaiveTime and LedgerRefused."""
        return self._and(LedgerEntry(kind="resumed", at=in_shanghai(at)))

    @property
    def is_suspended(self) -> bool:
        return self.entries[-1].kind == "suspended"

    @property
    def due_at(self) -> datetime | None:
        """When the budget will be used up, in Asia/Shanghai; None while the clock stands still."""
        if self.is_suspended:
            return None
        return self.reaches(1.0)

    def reaches(self, share: float) -> datetime:
        """When this share of the budget will be used up if the clock runs on; not before its last start.

        Raises NaiveTime, and CalendarNotShipped with office hours that leave the known years.
        """
        last = self.entries[-1].at
        left = max(timedelta(seconds=self.budget_seconds) * share - self._used_by_entries(), timedelta())
        return in_shanghai(last + left) if self.hours is None else self.hours.after(last, left)

    def used(self, now: datetime) -> timedelta:
        """Time used until now, pauses left out; more than the budget once it is over. Raises NaiveTime."""
        last = self.entries[-1].at
        running = not self.is_suspended and in_shanghai(now) > last
        return self._used_by_entries() + (self._running(last, now) if running else timedelta())

    def remaining(self, now: datetime) -> timedelta:
        """Time left; negative once the limit is over. Raises NaiveTime."""
        return timedelta(seconds=self.budget_seconds) - self.used(now)

    def _and(self, entry: LedgerEntry) -> Self:
        # `model_copy` would not check the story again.
        return type(self)(budget_seconds=self.budget_seconds, entries=(*self.entries, entry), hours=self.hours)

    def _running(self, start: datetime, end: datetime) -> timedelta:
        return in_shanghai(end) - in_shanghai(start) if self.hours is None else self.hours.open_between(start, end)

    def _used_by_entries(self) -> timedelta:
        pairs = pairwise(self.entries)
        used = (self._running(earlier.at, later.at) for earlier, later in pairs if later.kind == "suspended")
        return sum(used, timedelta())
