"""Cases that began under yesterday's workflow go on under today's: every recorded way of a case replays."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.workflow import NondeterminismError

from tests.histories.record import BRANCHES, PAYLOADS
from tests.workflows.conftest import RUNNERS
from workflows.life_event_bundle import LifeEventBundle
from workflows.registered import WORKFLOWS

pytestmark = pytest.mark.anyio

FILES = sorted((Path(__file__).parents[1] / "histories").glob("*.json"))
NUMBERS = re.compile(rb"(?<![0-9A-Za-z-])(\d{17}[\dXx]|\d{15}|1[3-9]\d{9})(?![0-9A-Za-z-])")


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text("utf-8"))


def replayer(runner: WorkflowRunner) -> Replayer:
    return Replayer(workflows=list(WORKFLOWS.values()), data_converter=PAYLOADS, workflow_runner=runner)


def test_every_branch_has_its_history() -> None:
    assert {path.stem for path in FILES} >= set(BRANCHES)
    assert len(FILES) >= 12


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=list(RUNNERS))
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_d1_a_recorded_case_replays(path: Path, runner: WorkflowRunner) -> None:
    await replayer(runner).replay_workflow(history(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_no_recorded_case_holds_anything_personal(path: Path) -> None:
    sealed: list[Payload] = []

    def gather(message: Any) -> None:
        if isinstance(message, Payload):
            sealed.append(message)
            return
        for field, value in message.ListFields():
            if field.message_type is not None:
                for one in value.values() if hasattr(value, "values") else value if field.is_repeated else (value,):
                    if hasattr(one, "ListFields"):
                        gather(one)

    for event in history(path).events:
        gather(event)
    assert PAYLOADS.payload_codec is not None
    opened = b"\n".join(payload.data for payload in await PAYLOADS.payload_codec.decode(sealed))

    assert b'"case_opened"' in opened
    assert not NUMBERS.findall(opened)
    assert path.stat().st_size < 40_000


# ── a deliberate break is caught ────────────────────────────────────────────────────────────────────────────────────


DO, WAIT_FOR_NEWS = LifeEventBundle._do, LifeEventBundle._wait_for_news


async def each_step_by_itself(self: LifeEventBundle, due: Any) -> None:
    for step in due:
        await DO(self, (step,))


async def a_reminder_beside_the_agenda(self: LifeEventBundle) -> None:
    await workflow.sleep(1)
    await WAIT_FOR_NEWS(self)


async def no_patience(self: LifeEventBundle, step: Any) -> None:
    await DO(self, (step,))


@pytest.mark.parametrize(
    ("method", "changed", "seen_in"),
    [
        ("_do", each_step_by_itself, "automatic"),
        ("_wait_for_news", a_reminder_beside_the_agenda, "later_by_callback"),
        ("_persist", no_patience, "unreachable_then_back"),
    ],
    ids=lambda part: getattr(part, "__name__", str(part)),
)
async def test_a_change_that_running_cases_would_not_survive_is_caught(
    method: str, changed: Any, seen_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = next(path for path in FILES if path.stem == seen_in)
    monkeypatch.setattr(LifeEventBundle, method, changed)

    with pytest.raises(NondeterminismError, match="TMPRL1100"):
        await replayer(UnsandboxedWorkflowRunner()).replay_workflow(history(path))


def test_histories_are_small_enough_to_keep() -> None:
    assert sum(path.stat().st_size for path in FILES) < 600_000
    for path in FILES:
        assert len(json.loads(path.read_text("utf-8"))["events"]) < 60
