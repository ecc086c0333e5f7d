"""时限泳道: each item's time as a lane of one common axis, from the filing to the last promised date.

Items run side by side, so they are drawn side by side; words beside each lane say the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from api.case_view import ItemView
from domain.case_file import ENDED

WIDTH: Final = 1000
LEAST: Final = 8
"""So that what took a second can be seen beside what is promised in days."""
_ENDED: Final = frozenset(state.value for state in ENDED)


@dataclass(frozen=True)
class Lane:
    """Where the bar begins and how wide it is, where it is late from, and where the promise stands; all 0 to WIDTH."""

    begin: int | None
    width: int
    late_from: int | None
    due: int | None
    ended: bool


@dataclass(frozen=True)
class Lanes:
    """All lanes of a case, and the axis they share."""

    begin: datetime
    end: datetime
    end_day: datetime
    """A moment on the last day: what ends at 24:00 belongs to the day before."""
    now: int | None
    of: Mapping[str, Lane]


def lanes(items: Sequence[ItemView], opened_at: datetime, ended_at: datetime | None, now: datetime) -> Lanes:
    """The lanes of these items."""
    moments = [moment for item in items for moment in (item.promised_by, item.expected_by, item.since) if moment]
    if ended_at is None:
        moments.append(now)
    end = max([*moments, opened_at + timedelta(hours=1)])
    whole = (end - opened_at).total_seconds()

    def place(at: datetime) -> int:
        return round(WIDTH * min(1.0, max(0.0, (at - opened_at).total_seconds() / whole)))

    def lane(item: ItemView) -> Lane:
        due = item.promised_by or item.expected_by
        ended = item.state in _ENDED
        if item.accepted_at is None:
            return Lane(None, 0, None, place(due) if due and not ended else None, ended)
        until = item.since if ended and item.since else now
        begin = min(place(item.accepted_at), WIDTH - LEAST)
        width = max(LEAST, place(until) - begin)
        late = place(item.promised_by) if item.promised_by and until > item.promised_by else None
        return Lane(begin, width, late, place(due) if due else None, ended)

    found = {item.id: lane(item) for item in items if item.not_applicable_because is None}
    return Lanes(opened_at, end, end - timedelta(seconds=1), place(now) if ended_at is None else None, found)
