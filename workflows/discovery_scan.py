"""到龄扫描: every night, for each district and occasion, read the register and open the cases of those who are due.

The cases of those who have died meanwhile are ended. No workflow per person: only whoever is found gets a case, and that case its own. Every month up to the
one that lies furthest ahead is read, because what stood in somebody's way may have been settled since.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel, ConfigDict

    from activities.discovering import Closing, Discovering, Opening, Scan
    from domain.time_limits import in_shanghai
    from domain.watch_list import months_ahead

READS_WITHIN = timedelta(hours=2)
HEARD_WITHIN = timedelta(seconds=60)
"""A page takes a second or two; whoever is silent for a minute is dead, and another one goes on from its place."""
TRY_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=10))
"""For as long as the night lasts: the schedule gives it an end, and the next night begins anew."""


class NightlyScan(BaseModel):
    """What a schedule asks for: so many months ahead of the night it runs in."""

    model_config = ConfigDict(frozen=True)

    occasion: str
    district: str
    months_ahead: int
    open_at_most: int = 2_000
    open_per_second: float = 5.0


@workflow.defn
class DiscoveryScan:
    """One district, one occasion, one night."""

    @workflow.run
    async def run(self, asked: NightlyScan) -> int:
        """Returns how many cases were opened."""
        tonight = in_shanghai(workflow.now()).date()
        for ahead in range(asked.months_ahead + 1):
            month = months_ahead(tonight, ahead)
            await workflow.execute_activity_method(
                Discovering.scan,
                Scan(occasion=asked.occasion, district=asked.district, month=month),
                start_to_close_timeout=READS_WITHIN,
                heartbeat_timeout=HEARD_WITHIN,
                retry_policy=TRY_AGAIN,
            )
        await workflow.execute_activity_method(
            Discovering.close_cases,
            Closing(occasion=asked.occasion, district=asked.district),
            start_to_close_timeout=READS_WITHIN,
            heartbeat_timeout=HEARD_WITHIN,
            retry_policy=TRY_AGAIN,
        )
        opened = await workflow.execute_activity_method(
            Discovering.open_cases,
            Opening(
                occasion=asked.occasion,
                district=asked.district,
                until_month=months_ahead(tonight, asked.months_ahead),
                at_most=asked.open_at_most,
                per_second=asked.open_per_second,
            ),
            start_to_close_timeout=READS_WITHIN,
            heartbeat_timeout=HEARD_WITHIN,
            retry_policy=TRY_AGAIN,
        )
        return opened.opened
