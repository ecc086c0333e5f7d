"""The Temporal worker of the life events: serves every declared bundle's workflow and the steps of its cases.

Workflows run without the sandbox in production: it costs half the CPU of a case. Lint rules keep
clocks and dice out, the tests run them in the sandbox, and recorded histories are replayed.
"""

from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import (
    PollerBehaviorAutoscaling,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)

from activities.case_steps import CaseSteps
from workers.settings import WorkerSettings
from workflows.registered import WORKFLOWS


def bundle_worker(
    client: Client,
    steps: CaseSteps,
    settings: WorkerSettings,
    *,
    workflow_runner: WorkflowRunner | None = None,
    interceptors: Sequence[Any] = (),
) -> Worker:
    """A worker for desk work; `async with` it."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=list(WORKFLOWS.values()),
        activities=[steps.carry_out, steps.persist],
        # Named by us: left alone, the SDK hashes every loaded module at every start, for two seconds.
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name="onething", build_id=version("onething")),
            use_worker_versioning=False,
        ),
        workflow_runner=workflow_runner or UnsandboxedWorkflowRunner(),
        interceptors=interceptors,
        max_concurrent_workflow_tasks=settings.workflow_tasks_at_once,
        max_concurrent_activities=settings.activities_at_once,
        max_concurrent_local_activities=settings.activities_at_once,
        max_cached_workflows=settings.cached_workflows,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(minimum=1, maximum=10, initial=2),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(minimum=1, maximum=10, initial=1),
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace_seconds),
    )
