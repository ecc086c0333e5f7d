"""The one timer of a case: it sleeps to the earliest instant at which something falls due.

Every reminder and deadline of a case shares it, so that waiting costs one row and a message that
changes nothing about the next instant costs nothing at all.
"""

import asyncio
from datetime import datetime

from temporalio import workflow


class Agenda:
    """Armed for one instant at a time; `struck` is true once that instant has come."""

    def __init__(self) -> None:
        self._due: datetime | None = None
        self._timer: asyncio.Task[None] | None = None
        self.struck = False

    def arm(self, due: datetime | None) -> None:
        """Sleep to this instant; re-arms only if it is another one."""
        if due == self._due:
            return
        self.disarm()
        if due is not None:
            self._due = due
            self._timer = asyncio.create_task(self._sleep_until(due))

    def disarm(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None and not self._timer.done():
            self._timer.cancel()
        self._due = None
        self._timer = None
        self.struck = False

    async def _sleep_until(self, due: datetime) -> None:
        await workflow.sleep(max(0.0, (due - workflow.now()).total_seconds()))
        self.struck = True
