"""Nothing that is declared waits for a worker that does not know it: every workflow and every activity is registered."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

import activities
import workflows
from activities.case_steps import CaseSteps
from activities.discovering import Discovering
from domain.catalogue import catalogue
from tests.insured import Register
from tests.workflows.conftest import SANDBOX, House
from workers.bundle_worker import bundle_worker
from workers.scan_worker import scan_worker
from workers.settings import WorkerSettings
from workflows.discovery_scan import DiscoveryScan
from workflows.registered import WORKFLOWS

pytestmark = pytest.mark.anyio


def defined(package: Any) -> Iterator[Any]:
    """Every class and function of a package, methods included."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for thing in vars(module).values():
            if getattr(thing, "__module__", None) == module.__name__:
                yield thing
                if inspect.isclass(thing):
                    yield from (member for _, member in inspect.getmembers(thing, inspect.isfunction))


def elsewhere(house: House, queue: str) -> WorkerSettings:
    """Two workers of one process cannot serve one queue."""
    return house.settings.model_copy(update={"task_queue": f"{house.settings.task_queue}-{queue}"})


def test_every_bundle_runs_under_its_own_type() -> None:
    types = [bundle.workflow_type for bundle in catalogue()]

    assert set(WORKFLOWS) == {*types, "SingleProof"}
    for name, made in WORKFLOWS.items():
        assert workflow._Definition.must_from_class(made).name == name


def test_every_workflow_that_is_defined_is_one_of_them() -> None:
    found = {thing for thing in defined(workflows) if inspect.isclass(thing) and workflow._Definition.from_class(thing)}

    assert found == {*WORKFLOWS.values(), DiscoveryScan}


async def test_the_workers_serve_every_workflow_and_every_activity(house: House) -> None:
    steps = CaseSteps(house.store, house.city, house.city, house.gateways, house.clock)
    settings = elsewhere(house, "registered")
    configs = [
        bundle_worker(house.client, steps, settings).config(),
        scan_worker(house.client, Discovering(house.store, Register(), catalogue(), house.clock), settings).config(),
    ]

    declared = {
        definition.name
        for thing in defined(activities)
        if inspect.isfunction(thing) and (definition := activity._Definition.from_callable(thing)) is not None
    }
    served = {
        activity._Definition.must_from_callable(one).name for config in configs for one in config.get("activities", [])
    }
    assert served == declared
    assert declared
    assert {one for config in configs for one in config.get("workflows", [])} == {*WORKFLOWS.values(), DiscoveryScan}


async def test_workflows_load_in_the_sandbox_as_strictly_as_it_goes(house: House) -> None:
    """Without anything passed through but what the workflow files themselves name."""
    strict = SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_import_notification_policy(
            workflow.SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
            | workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )
    steps = CaseSteps(house.store, house.city, house.city, house.gateways, house.clock)
    for queue, runner in {"strict": strict, "as in tests": SANDBOX}.items():
        # Making a worker makes the sandbox import every workflow.
        settings = elsewhere(house, queue)
        bundle_worker(house.client, steps, settings, workflow_runner=runner)
        discovering = Discovering(house.store, Register(), catalogue(), house.clock)
        scan_worker(house.client, discovering, settings, workflow_runner=runner)


async def test_a_case_is_seen_through_under_the_strictest_sandbox(house: House) -> None:
    await house.close()
    house.runner = SandboxedWorkflowRunner()
    await house.open()

    assert await house.ended(house.file("family")) == "complete"
