"""The Temporal worker of the nightly scans, on a queue of its own: whoever reads a register holds up nobody's case."""

from datetime import timedelta
from importlib.metadata import version
from typing import Final

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig, WorkflowRunner

from activities.discovering import Discovering
from workers.settings import WorkerSettings
from workflows.discovery_scan import DiscoveryScan

READINGS_AT_ONCE: Final = 2
"""A reading is our own processor's work as much as the register's; all districts are through long before the morning."""


def scan_queue(settings: WorkerSettings) -> str:
    """The task queue of the scans."""
    return f"{settings.task_queue}-scans"


def scan_worker(
    client: Client, discovering: Discovering, settings: WorkerSettings, *, workflow_runner: WorkflowRunner | None = None
) -> Worker:
    """A worker for readings and openings; `async with` it."""
    return Worker(
        client,
        task_queue=scan_queue(settings),
        workflows=[DiscoveryScan],
        activities=[discovering.scan, discovering.close_cases, discovering.open_cases],
        # Named by us, as in `bundle_worker`: the SDK would hash every loaded module.
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name="onething-scans", build_id=version("onething")),
            use_worker_versioning=False,
        ),
        workflow_runner=workflow_runner or UnsandboxedWorkflowRunner(),
        max_concurrent_activities=READINGS_AT_ONCE,
        max_concurrent_workflow_tasks=2,
        max_cached_workflows=20,
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace_seconds),
    )
