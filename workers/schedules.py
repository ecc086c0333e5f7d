"""The nightly scans (到龄扫描) as Temporal Schedules: one for each district and occasion, made where they are missing.

Two nights never overlap: a scan that is still at it is the scan. A night that was missed because the
server was down is made up for within half a day, once. A failed scan does not pause the next night's:
each is read anew, and somebody is told by the figures. A night that does not come to its end, because
the register stays away, ends before the next one begins.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)

from domain.catalogue import Catalogue
from workflows.discovery_scan import DiscoveryScan, NightlyScan

AT_HOUR: Final = 2
SPREAD_OVER: Final = timedelta(minutes=30)
MADE_UP_WITHIN: Final = timedelta(hours=12)
ENDS_WITHIN: Final = timedelta(hours=22)


def schedule_id(occasion: str, district: str) -> str:
    """The schedule of one district and occasion."""
    return f"discovery-{occasion}-{district}"


async def ensure_schedules(client: Client, catalogue: Catalogue, districts: Sequence[str], *, task_queue: str) -> int:
    """Make the schedules that are missing; one that exists stays as an operator has set it. Returns how many were made."""
    ahead = {one.code: one.months_ahead for bundle in catalogue for one in bundle.discoveries}
    made = await asyncio.gather(
        *(
            _ensure(client, schedule_id(occasion, district), _schedule(occasion, district, months_ahead, task_queue))
            for occasion, months_ahead in ahead.items()
            for district in districts
        )
    )
    return sum(made)


async def _ensure(client: Client, id: str, schedule: Schedule) -> bool:
    try:
        await client.create_schedule(id, schedule)
    except ScheduleAlreadyRunningError:
        return False
    return True


def _schedule(occasion: str, district: str, months_ahead: int, task_queue: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            DiscoveryScan.run,
            NightlyScan(occasion=occasion, district=district, months_ahead=months_ahead),
            id=schedule_id(occasion, district),
            task_queue=task_queue,
            execution_timeout=ENDS_WITHIN,
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(AT_HOUR)])],
            jitter=SPREAD_OVER,
            time_zone_name="Asia/Shanghai",
        ),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=MADE_UP_WITHIN, pause_on_failure=False
        ),
        state=ScheduleState(note="到龄扫描 · who comes to an age, and is not asked to apply"),
    )
