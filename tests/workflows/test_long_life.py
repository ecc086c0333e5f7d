"""A case outlives the history of its workflow: after thousands of messages it begins a new one, and nobody notices."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus

from activities.messages import News
from domain.case_file import CaseFile, ItemState, ProofState, VerificationState
from domain.commands import ResumeVerification, SuspendVerification, command_id
from domain.waiting import waits
from store.cases import Filed
from store.events import read
from tests.desk import settle
from tests.workflows.conftest import House
from tests.workflows.officers import CIVIL_AFFAIRS, OFFICER, answer, asked, man_department

pytestmark = pytest.mark.anyio

SIGNALS = 4_200
AT_ONCE = 75
"""Fewer than the server keeps waiting while a task is under way (100)."""
SUGGESTED_AFTER = 4_096
"""Events after which Temporal suggests a new history; at 51,200 it ends the workflow by force."""
TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
UNHANDLED_COMMAND = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
STOPWATCH = "_DeadlockError"
"""The SDK ends a task that its process did not get round to within two seconds, which is the machine's affair."""
PROOF = "parents_marriage"
DAY = timedelta(days=1)


async def run_of(house: House, filed: Filed) -> WorkflowExecutionDescription:
    """The run that goes on now."""
    return await house.handle(filed).describe()


async def begun_anew(
    house: House, filed: Filed, first_run: str, *, within: float = 150
) -> WorkflowExecutionDescription:
    """The next run, once there is one."""
    deadline = asyncio.get_running_loop().time() + within
    while (now := await run_of(house, filed)).run_id == first_run:
        assert asyncio.get_running_loop().time() < deadline, "the history grows and grows"
        await asyncio.sleep(0.1)
    return now


async def say_again(house: House, filed: Filed, times: int) -> None:
    """Tell the workflow what it has known for days, over and over, and let it listen in between."""
    with house.store.database.reading() as connection:
        (*_, last) = read(connection, filed.case_id)
    handle, news = house.handle(filed), News(case_id=filed.case_id, events=(last,))
    for told in range(0, times, AT_ONCE):
        await asyncio.gather(*(handle.signal("events_happened", news) for _ in range(min(AT_ONCE, times - told))))
        deadline = asyncio.get_running_loop().time() + 150
        while (await handle.describe()).raw_description.HasField("pending_workflow_task"):
            assert asyncio.get_running_loop().time() < deadline, "the workflow does not listen"
            await asyncio.sleep(0.02)


async def events_of(house: House, filed: Filed, run: str) -> list[Any]:
    """The history of one run."""
    past = await house.client.get_workflow_handle(house.handle(filed).id, run_id=run).fetch_history()
    return list(past.events)


def suspended(house: House, filed: Filed) -> CaseFile:
    """The officer stops the clock of the open question."""
    proof, round, rung = asked(house.case(filed), PROOF).rung
    id = command_id(filed.case_id, "suspend")
    stop = SuspendVerification(
        id=id, at=house.clock(), by=OFFICER, proof=proof, round=round, rung=rung, note=f"note/{id}"
    )
    return house.store.act(filed.case_id, stop, note=f"note/{id}", reason="等待异地档案").file


def resumed(house: House, filed: Filed) -> CaseFile:
    """The officer lets it run again."""
    proof, round, rung = asked(house.case(filed), PROOF).rung
    id = command_id(filed.case_id, "resume")
    go_on = ResumeVerification(id=id, at=house.clock(), by=OFFICER, proof=proof, round=round, rung=rung)
    return house.store.act(filed.case_id, go_on).file


async def test_c9_thousands_of_messages_and_days_of_waiting_end_in_a_new_history_and_change_nothing(
    house: House,
) -> None:
    house.gateways = house.gateways.model_copy(update={"department_tries": 2, "breaker_failures": 1_000})
    await house.close()
    await house.open()
    with house.store.database.begin() as connection:
        man_department(connection, house.clock().date())
    house.city.holds_nothing.add("prenatal_records")
    filed = house.file("marriage_not_on_file")
    await house.until(filed, lambda file: {wait.on for wait in waits(file)} == {"caseworker", f"unit:{CIVIL_AFFAIRS}"})
    first_run = (await run_of(house, filed)).run_id
    suspended(house, filed)
    await house.heard(filed)
    await house.later(filed, 5 * DAY)
    # A department that does not answer: its step is tried by an activity of its own.
    house.city.away.add("health")
    settle(house.store, filed.case_id, "prenatal_record", at=house.clock())
    before = await house.until(
        filed, lambda file: file.items["mother_child_handbook"].unreachable_since is not None, within=150
    )
    seen = waits(before)

    await say_again(house, filed, SIGNALS)
    now = await begun_anew(house, filed, first_run)

    # To the outside nothing has changed.
    assert now.status is WorkflowExecutionStatus.RUNNING
    after = house.case(filed)
    assert (after.version, waits(after)) == (before.version, seen)
    old = await events_of(house, filed, first_run)
    assert old[-1].HasField("workflow_execution_continued_as_new_event_attributes")
    assert SUGGESTED_AFTER <= len(old) < 2 * SUGGESTED_AFTER
    failed = [event.workflow_task_failed_event_attributes for event in old if event.event_type == TASK_FAILED]
    # A signal that comes with the workflow's last word is no fault: the server lets it speak again. Nor is a busy
    # machine; a workflow that truly hangs never comes to the new history waited for above.
    ours = [task for task in failed if task.failure.application_failure_info.type != STOPWATCH]
    assert [task for task in ours if task.cause != UNHANDLED_COMMAND] == []

    # The step that was under way is under way still, and is done once.
    house.city.away.clear()
    await house.until(filed, lambda file: file.items["mother_child_handbook"].state is ItemState.CONCLUDED, within=150)

    # The question that stood still runs on, its marks are kept, and it can be answered.
    running = resumed(house, filed)
    await house.heard(filed)
    due = asked(running, PROOF).due
    assert due is not None
    await house.later(filed, due - house.clock() - timedelta(minutes=1))
    await house.until(filed, lambda file: asked(file, PROOF).reminded == 80)
    assert house.case(filed).proofs[PROOF].state is ProofState.VERIFYING
    answer(house.store, filed.case_id, proof=PROOF, at=house.clock())

    assert await house.ended(filed, within=150) == "complete"
    assert set(house.city.effects(filed.case_no).values()) == {1}
    assert house.types(filed).count("verification_opened") == 1
    assert asked(house.case(filed), PROOF).state is VerificationState.ANSWERED
    assert (await run_of(house, filed)).run_id == now.run_id, "one new history was enough"
