"""一件事: one workflow sees one case through, whatever the bundle declares.

It keeps the case file that follows from the events it hears, asks it what is due, has that done,
and otherwise waits: for news, or for the next instant on the agenda. What is answered at once is
done in one go; whatever is not answered within a second is left to a patient activity of its own,
so that one silent department never holds up the others.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.case_steps import CaseSteps
    from activities.messages import News, PatientStep, Wave
    from domain.case_file import CaseFile, evolve
    from domain.events import Recorded
    from domain.steps import Step, agenda, steps
    from workflows.agenda import Agenda

WAVE_ENDS_WITHIN = timedelta(seconds=8)
"""A wave answers within about a second; the rest is for a slow database. Below the workflow task's 10 s."""
STEP_ENDS_WITHIN = timedelta(seconds=30)
"""Above the longest total deadline of a gateway (settings refuse a longer one)."""
TRY_AGAIN = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=60)
)
"""For as long as it takes; the activity itself asks for a later try while a breaker is open."""
ONCE = RetryPolicy(maximum_attempts=1)


class LifeEventBundle:
    """The process manager of one case; registered once for every declared bundle (see `registered.py`)."""

    def __init__(self, opening: News) -> None:
        self._case_id = opening.case_id
        self._file = opening.file
        self._early: dict[int, Recorded] = {}
        self._begun: set[str] = set()
        self._patient: list[asyncio.Task[None]] = []
        self._agenda = Agenda()
        self._believe(opening.events)

    async def see_through(self) -> str:
        """Run until nothing can happen to the case any more; returns how it ended."""
        while not self._over():
            if due := self._due():
                await self._do(due)
            elif workflow.info().is_continue_as_new_suggested():
                await self._continue_anew()
            else:
                await self._wait_for_news()
        await self._put_down()
        return self._known.outcome or self._known.state

    async def _continue_anew(self) -> None:
        """A history has its limits, a case has not: the next run begins with the file and asks anew what is due.

        Steps that were under way have the same keys there, so none is done twice.
        """
        await self._put_down()
        early = tuple(self._early.values())
        workflow.continue_as_new(News(case_id=self._case_id, events=early, file=self._known))

    async def _put_down(self) -> None:
        self._agenda.disarm()
        for task in self._patient:
            task.cancel()
        await asyncio.gather(*self._patient, return_exceptions=True)
        await workflow.wait_condition(workflow.all_handlers_finished)

    def hear(self, news: News) -> None:
        """Something happened that no activity of this workflow caused."""
        self._believe(news.events)

    @property
    def _known(self) -> CaseFile:
        if self._file is None:
            raise RuntimeError("a case begins with its first event")
        return self._file

    def _over(self) -> bool:
        return self._file is not None and self._file.over

    def _due(self) -> tuple[Step, ...]:
        if self._file is None:
            return ()
        now = workflow.now()
        due = (*steps(self._file), *(entry for entry in agenda(self._file) if entry.due <= now))
        return tuple(step for step in due if step.key not in self._begun)

    async def _do(self, due: Sequence[Step]) -> None:
        self._begun.update(step.key for step in due)
        try:
            progress = await workflow.execute_local_activity_method(
                CaseSteps.carry_out,
                Wave(case_id=self._case_id, steps=tuple(due), version=self._known.version),
                start_to_close_timeout=WAVE_ENDS_WITHIN,
                retry_policy=ONCE,
            )
        except ActivityError:
            # The database was away, most likely: each step is now tried by itself until it is through.
            unanswered = {step.key for step in due}
        else:
            self._believe(progress.events)
            unanswered = set(progress.unanswered)
        # What was begun on the way is among the unanswered too, and due by what was just believed.
        open_steps = {step.key: step for step in (*due, *steps(self._known))}
        patient = [step for key, step in open_steps.items() if key in unanswered]
        self._begun.update(step.key for step in patient)
        self._patient += [asyncio.create_task(self._persist(step)) for step in patient]

    async def _persist(self, step: Step) -> None:
        progress = await workflow.execute_activity_method(
            CaseSteps.persist,
            PatientStep(case_id=self._case_id, step=step),
            start_to_close_timeout=STEP_ENDS_WITHIN,
            retry_policy=TRY_AGAIN,
            summary=step.key,
        )
        self._believe(progress.events)

    async def _wait_for_news(self) -> None:
        entries = agenda(self._file) if self._file is not None else ()
        ahead = [entry.due for entry in entries if entry.key not in self._begun]
        self._agenda.arm(ahead[0] if ahead else None)
        seen = 0 if self._file is None else self._file.version
        await workflow.wait_condition(
            lambda: (
                self._agenda.struck
                or (self._file is not None and self._file.version > seen)
                or workflow.info().is_continue_as_new_suggested()
            )
        )
        if self._agenda.struck:
            self._agenda.disarm()

    def _believe(self, events: Sequence[Recorded]) -> None:
        # A clerk's answer may overtake an activity's: an event waits here until the ones before it came.
        self._early |= {entry.version: entry for entry in events}
        while entry := self._early.pop((self._file.version if self._file else 0) + 1, None):
            self._file = evolve(self._file, entry.event)
        known = self._file.version if self._file else 0
        self._early = {version: entry for version, entry in self._early.items() if version > known}
