"""Carrying out what is due for a case: ask the registers, submit the items, record what came of it.

Each step has a key; the department, the event store and the workflow all go by it, so a crash
between the call and the commit repeats both and doubles neither.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Any, Final, assert_never
from uuid import UUID

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.departments import Departments
from activities.faults import GatewayFault, NoSlotFree, NotAccepted
from activities.messages import PatientStep, Progress, Wave
from activities.settings import GatewaySettings
from activities.shared_data import RegisterAnswer, SharedData, compared
from activities.submissions import submission
from activities.verifiers import find_verifier
from domain.actors import THE_ENGINE
from domain.bundle import SharedDataQuery
from domain.commands import (
    Command,
    ExpireVerification,
    NoteMilestone,
    NoteOverdue,
    NoteRejection,
    NoteUnreachable,
    OpenVerification,
    RecordRegisterAnswer,
    RegisterOutcome,
    RemindVerification,
    command_id,
)
from domain.department_answers import ProductMissing
from domain.events import Recorded
from domain.law.entitlement import FactMissing
from domain.law.explained import NoRuleInForce
from domain.steps import (
    AskRegister,
    FindVerifier,
    Instant,
    LetExpire,
    NoteDay,
    RemindOwner,
    SayOverdue,
    Step,
    SubmitItem,
    steps,
)
from store.answers import recorded
from store.breakers import Breakers
from store.cases import CaseStore, OpenedCase
from store.commands import Handled
from store.database import StoreUnavailable, again_if_lost
from store.facts import fact_value
from store.vault import Kept

log: Final = structlog.get_logger("onething.steps")

STARTS_FOR_SECONDS: Final = 3.0
"""After this no new step is begun in the same run; with a second each, it ends well below its limit of eight."""
WAVE_ENDS_WITHIN_SECONDS: Final = 7.0
"""Below the limit of eight that the workflow sets: whatever the database does, the wave ends by itself."""
GATHERS_FOR_SECONDS: Final = 0.015
"""Answers that come within this of the first share its transaction."""
REJECTED: Final = "rejected"
Outcome = tuple[tuple[Command, ...], tuple[Kept, ...]]
"""What a step leads to: commands for the case, and personal content for the vault."""


@dataclass(frozen=True, slots=True)
class _Paused(Exception):
    """The service is paused by its breaker until then."""

    service: str
    until: datetime


class CaseSteps:
    """The activities of a case; one object per worker process."""

    def __init__(
        self,
        store: CaseStore,
        shared_data: SharedData,
        departments: Departments,
        settings: GatewaySettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._shared_data = shared_data
        self._departments = departments
        self._settings = settings
        self._clock = clock
        self._breakers = Breakers(store.database, threshold=settings.breaker_failures)

    @activity.defn
    async def carry_out(self, wave: Wave) -> Progress:
        """Carry out what is due, and what becomes due by it, for as long as answers come at once.

        Every step has about a second. What was answered is committed as it comes, a few answers at a time, so a
        silent department holds up nobody but those who wait for it; its step is named and left to `persist`.
        It never fails for want of the database: a failed wave would be the end of the case's workflow.
        """
        try:
            async with asyncio.timeout(WAVE_ENDS_WITHIN_SECONDS):
                return await self._carry_out(wave)
        except (StoreUnavailable, TimeoutError) as fault:
            log.warning("wave not carried out", case_id=str(wave.case_id), fault=type(fault).__name__)
            # What was committed on the way is told as the first answer when `persist` asks for it.
            return Progress(unanswered=tuple(step.key for step in wave.steps))

    async def _carry_out(self, wave: Wave) -> Progress:
        case = await asyncio.to_thread(self._store.open_case_file, wave.case_id, at_least=wave.version)
        structlog.contextvars.bind_contextvars(case_no=case.file.opened.case_no)
        # A run that crashed after a commit is told on: the workflow never heard what it caused.
        told = case.file.version > wave.version
        events = await asyncio.to_thread(self._store.events_after, wave.case_id, wave.version) if told else ()
        running: dict[asyncio.Task[Outcome], tuple[str, ...]] = {}
        begun: set[str] = set()
        unanswered: list[str] = []
        due = _still_due(case, wave.steps)
        last_start = asyncio.get_running_loop().time() + STARTS_FOR_SECONDS
        try:
            while True:
                begun.update(step.key for step in due)
                running |= self._begin(case, due)
                if not running:
                    return Progress(events=events, unanswered=tuple(unanswered))
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                done, others = await asyncio.wait(running, timeout=0)
                if others:
                    done, _ = await asyncio.wait(running, timeout=GATHERS_FOR_SECONDS)
                outcomes = [(running.pop(task), task) for task in done]
                unanswered += [key for keys, task in outcomes if _not_at_once(task) for key in keys]
                answers = [task.result() for _, task in outcomes if not _not_at_once(task)]
                due = ()
                if commands := [command for answered, _ in answers for command in answered]:
                    kept = [one for _, content in answers for one in content]
                    handled = await asyncio.to_thread(
                        self._store.handle,
                        wave.case_id,
                        commands,
                        kept=kept,
                        wrapped=case.dossier.wrapped,
                        tell_workflow=False,
                    )
                    events = (*events, *handled.events)
                    case = await self._moved_on(case, handled, kept)
                    if asyncio.get_running_loop().time() < last_start:
                        due = tuple(step for step in steps(case.file) if step.key not in begun)
        finally:
            for task in running:
                task.cancel()

    def _begin(self, case: OpenedCase, due: Sequence[Step]) -> dict[asyncio.Task[Outcome], tuple[str, ...]]:
        """Start what is due: one call for each register, one for each item."""
        running: dict[asyncio.Task[Outcome], tuple[str, ...]] = {}
        by_source: dict[str, list[AskRegister]] = {}
        for step in due:
            match step:
                case AskRegister():
                    by_source.setdefault(step.source, []).append(step)
                case SubmitItem():
                    running[self._at_once(self._submit(case, step, patient=False))] = (step.key,)
                case FindVerifier():
                    running[self._at_once(self._find_verifier(case, step))] = (step.key,)
                case SayOverdue() | RemindOwner() | LetExpire() | NoteDay():
                    running[self._at_once(self._mark(case.file.case_id, step))] = (step.key,)
                case _:
                    assert_never(step)
        for source, asked in by_source.items():
            asking = self._ask(case, source, asked, patient=False)
            running[self._at_once(asking)] = tuple(step.key for step in asked)
        return running

    def _at_once(self, work: Coroutine[Any, Any, Outcome]) -> asyncio.Task[Outcome]:
        return asyncio.create_task(asyncio.wait_for(work, self._settings.at_once_seconds))

    async def _moved_on(self, case: OpenedCase, handled: Handled, kept: Sequence[Kept]) -> OpenedCase:
        """The case after our own commit; looked up anew if somebody else has been there too."""
        if handled.file.version != case.file.version + len(handled.events):
            return await asyncio.to_thread(self._store.open_case_file, case.file.case_id)
        return OpenedCase(handled.file, case.dossier.with_kept(kept))

    @activity.defn
    async def persist(self, one: PatientStep) -> Progress:
        """Carry out one step, to be tried again until it is answered."""
        step = one.step
        case = await asyncio.to_thread(self._store.open_case_file, one.case_id)
        structlog.contextvars.bind_contextvars(case_no=case.file.opened.case_no, step=step.key)
        if not _still_due(case, (step,)):
            return Progress(events=await self._done_before(case, (step,)))
        try:
            match step:
                case AskRegister():
                    outcome = await self._ask(case, step.source, [step], patient=True)
                case SubmitItem():
                    outcome = await self._submit(case, step, patient=True)
                case FindVerifier():
                    outcome = await self._find_verifier(case, step)
                case SayOverdue() | RemindOwner() | LetExpire() | NoteDay():
                    outcome = await self._mark(one.case_id, step)
                case _:
                    assert_never(step)
        except (GatewayFault, _Paused) as fault:
            outcome = await self._not_now(one.case_id, step, fault)
        commands, kept = outcome
        handled = await asyncio.to_thread(self._store.handle, one.case_id, commands, kept=kept, tell_workflow=False)
        return Progress(events=handled.events)

    async def _done_before(self, case: OpenedCase, asked: Sequence[Step]) -> tuple[Recorded, ...]:
        """What steps that are not due any more have caused, if this workflow did not hear it: told, not done again."""
        due = _still_due(case, asked)
        case_id = case.file.case_id
        ids = [
            command_id(case_id, step.key, *outcome)
            for step in asked
            if step not in due
            for outcome in ((), (REJECTED,))
        ]
        return await asyncio.to_thread(self._store.first_answers, case_id, ids) if ids else ()

    async def _ask(self, case: OpenedCase, source: str, asked: Sequence[AskRegister], *, patient: bool) -> Outcome:
        """Ask one register everything at once."""
        queries: dict[str, Mapping[str, str]] = {}
        commands: list[Command] = []
        kept: list[Kept] = []
        if source not in await asyncio.to_thread(self._store.registers_permitted, case.file, self._clock()):
            return tuple(self._register_answered(case, step, "no_grant") for step in asked), ()
        for step in asked:
            query = _query(case, step)
            if query is None:
                commands.append(self._register_answered(case, step, "key_missing"))
            else:
                queries[step.proof] = query
        if queries:
            await self._may_call(source, patient)
            try:
                answers = await self._shared_data.ask(source, case.file.opened.case_no, queries)
            except GatewayFault as fault:
                await self._failed(source, fault)
                raise
            except NotAccepted:
                # The platform cannot read the question: the next route takes over, as with a key it lacks.
                answers = {}
            await self._answered(source)
            for step in asked:
                if step.proof in queries:
                    answer = answers.get(step.proof)
                    command, content = self._judged(case, step, answer)
                    commands.append(command)
                    kept += content
        return tuple(commands), tuple(kept)

    def _judged(
        self, case: OpenedCase, step: AskRegister, answer: RegisterAnswer | None
    ) -> tuple[Command, tuple[Kept, ...]]:
        if answer is None:
            return self._register_answered(case, step, "key_missing"), ()
        if answer.outcome != "found":
            return self._register_answered(case, step, answer.outcome), ()
        route = case.file.declared_proof(step.proof).routes[step.rung]
        assert isinstance(route, SharedDataQuery)
        declared = {pair.field: case.declared(pair.field) for pair in route.agrees}
        differing = compared(case.file.bundle, route, case.file.circumstances, declared, answer.record)
        outcome: RegisterOutcome = "contradicts" if differing else "matches"
        command = self._register_answered(case, step, outcome, differing)
        return command, (Kept(case.file.case_id, f"evidence/{step.proof}", dict(answer.record), command.id),)

    async def _submit(self, case: OpenedCase, step: SubmitItem, *, patient: bool) -> Outcome:
        """Send one item to its department."""
        case_id = case.file.case_id
        try:
            body = submission(case, step.item)
        except (FactMissing, NoRuleInForce) as fault:
            return (self._rejected(case_id, step, f"computation:{type(fault).__name__}"),), ()
        await self._may_call(step.department, patient)
        key = f"{case.file.opened.case_no}/{step.item}/{step.attempt}"
        try:
            answer = await self._departments.submit(step.department, key, body)
            command, kept = recorded(
                case,
                step.item,
                step.attempt,
                answer,
                id=command_id(case_id, step.key),
                at=self._clock(),
                by=THE_ENGINE,
            )
        except NotAccepted as fault:
            await self._answered(step.department)
            return (self._rejected(case_id, step, fault.fault),), ()
        except GatewayFault as fault:
            await self._failed(step.department, fault)
            raise
        except ProductMissing as fault:
            missing = GatewayFault(step.department, f"product_missing:{fault.product}")
            await self._failed(step.department, missing)
            raise missing from None
        await self._answered(step.department)
        if case.file.declared_item(step.item).entitle is not None:
            # What the amount was computed from: it can be computed again, and shown to be the same, in any later year.
            kept = (*kept, Kept(case_id, f"entitled/{step.item}", body["facts"], command.id))
        return (command,), tuple(kept)

    async def _not_now(self, case_id: UUID, step: Any, fault: GatewayFault | _Paused) -> Outcome:
        """Nobody answered: give up a register after its budget; a department is tried for as long as it takes."""
        info = activity.info()
        since = info.scheduled_time
        name = fault.fault if isinstance(fault, GatewayFault) else "paused"
        if isinstance(step, AskRegister) and info.attempt >= self._settings.register_tries:
            case = await asyncio.to_thread(self._store.open_case_file, case_id)
            return (self._register_answered(case, step, "unreachable"),), ()
        if isinstance(step, SubmitItem) and info.attempt >= self._settings.department_tries:
            noted = NoteUnreachable(
                id=command_id(case_id, step.key, "unreachable", name),
                at=self._clock(),
                by=THE_ENGINE,
                item=step.item,
                attempt=step.attempt,
                since=since,
                fault=name,
            )
            # This activity goes on trying, so the workflow hears of it from the outbox.
            await asyncio.to_thread(self._store.handle, case_id, [noted], kept=(), tell_workflow=True)
        delay: timedelta | None = None
        if isinstance(fault, _Paused):
            # Spread out, so that a department that comes back is not met by everybody in the same second.
            wait = max(0.0, (fault.until - self._clock()).total_seconds())
            delay = timedelta(seconds=wait + uniform(0.1, 2.0))
        # Expected, and logged by us already: without a stack trace for every try of an outage.
        raise ApplicationError(
            f"{fault.service}: {name}",
            type=name,
            next_retry_delay=delay,
            category=ApplicationErrorCategory.BENIGN,
        ) from None

    async def _may_call(self, service: str, patient: bool) -> None:
        now = self._clock()
        if self._breakers.is_clear(service, now):
            return
        if not patient:
            # Who leaves after a second must not take the probe: a service that answers in two would never be let back.
            if await asyncio.to_thread(self._breakers.is_paused, service, now):
                raise _Paused(service, now)
            return
        until = await asyncio.to_thread(self._breakers.paused_until, service, now)
        if until is not None:
            raise _Paused(service, until)

    async def _failed(self, service: str, fault: GatewayFault) -> None:
        log.warning("call failed", service=service, fault=fault.fault)
        if isinstance(fault, NoSlotFree):
            return
        with suppress(Exception):  # a breaker that cannot be written must not hide the fault itself
            await asyncio.to_thread(self._breakers.failed, service, self._clock(), fault.fault)

    async def _answered(self, service: str) -> None:
        now = self._clock()
        if not self._breakers.is_clear(service, now):
            await asyncio.to_thread(self._breakers.answered, service, now)

    def _register_answered(
        self, case: OpenedCase, step: AskRegister, outcome: RegisterOutcome, differing: tuple[str, ...] = ()
    ) -> RecordRegisterAnswer:
        return RecordRegisterAnswer(
            id=command_id(case.file.case_id, step.key),
            at=self._clock(),
            by=THE_ENGINE,
            proof=step.proof,
            round=step.round,
            rung=step.rung,
            outcome=outcome,
            differing=differing,
        )

    def _rejected(self, case_id: UUID, step: SubmitItem, fault: str) -> NoteRejection:
        return NoteRejection(
            id=command_id(case_id, step.key, REJECTED),
            at=self._clock(),
            by=THE_ENGINE,
            item=step.item,
            attempt=step.attempt,
            fault=fault,
        )

    async def _find_verifier(self, case: OpenedCase, step: FindVerifier) -> Outcome:
        id = command_id(case.file.case_id, step.key)

        def look() -> OpenVerification:
            with self._store.database.glancing() as connection:
                rung = (step.proof, step.round, step.rung)
                return find_verifier(connection, case, *rung, id=id, at=self._clock())

        return (await asyncio.to_thread(again_if_lost, look),), ()

    async def _mark(self, case_id: UUID, step: Instant) -> Outcome:
        """The command for an instant that has come."""
        id = command_id(case_id, step.key)
        match step:
            case SayOverdue():
                # At the instant itself, not when somebody got round to it.
                overdue = NoteOverdue(id=id, at=step.due, by=THE_ENGINE, item=step.item, promised_by=step.due)
                return (overdue,), ()
            case NoteDay():
                day = NoteMilestone(id=id, at=max(self._clock(), step.due), by=THE_ENGINE, milestone=step.milestone)
                return (day,), ()
            case RemindOwner():
                remind = RemindVerification(
                    id=id,
                    at=max(self._clock(), step.due),
                    by=THE_ENGINE,
                    proof=step.proof,
                    round=step.round,
                    rung=step.rung,
                    percent=step.percent,
                )
                return (remind,), ()
            case LetExpire():
                expire = ExpireVerification(
                    id=id,
                    at=max(self._clock(), step.due),
                    by=THE_ENGINE,
                    proof=step.proof,
                    round=step.round,
                    rung=step.rung,
                )
                return (expire,), ()
            case _:
                assert_never(step)


def _not_at_once(task: asyncio.Task[Outcome]) -> bool:
    return isinstance(task.exception(), GatewayFault | _Paused | TimeoutError)


def _still_due(case: OpenedCase, asked: Sequence[Step]) -> tuple[Step, ...]:
    """Without those that were answered or dropped since the workflow asked for them; a dropped one is not disclosed."""
    due = {step.key for step in steps(case.file)}
    return tuple(step for step in asked if isinstance(step, Instant) or step.key in due)


def _query(case: OpenedCase, step: AskRegister) -> Mapping[str, str] | None:
    """The question, or None if a value that it needs is not known."""
    route = case.file.declared_proof(step.proof).routes[step.rung]
    assert isinstance(route, SharedDataQuery)
    query: dict[str, str] = {}
    for fact in route.by:
        if fact.applies(case.file.circumstances):
            value = fact_value(case, fact.origin)
            if value is None:
                return None
            query[fact.name] = value
    return query
