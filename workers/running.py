"""Putting a worker process together from its settings, and taking it down without losing anything."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Final

import structlog
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from activities.case_steps import CaseSteps
from activities.departments import Departments, HttpDepartments
from activities.discovering import Discovering
from activities.gateway import Gateway
from activities.insured_register import HttpInsuredRegister
from activities.notices import notice_adapter
from activities.settings import GatewaySettings, NoticeSettings
from activities.shared_data import HttpSharedData, SharedData
from domain.catalogue import catalogue
from domain.time_limits import in_shanghai
from store.cases import CaseStore
from store.database import Database
from store.keys import KeyRing, read_key
from store.log import configure
from store.settings import StoreSettings
from store.vault import Vault
from workers.bundle_worker import bundle_worker
from workers.notifier import Notifier
from workers.payloads import data_converter
from workers.relay import Relay
from workers.scan_worker import scan_queue, scan_worker
from workers.schedules import ensure_schedules
from workers.settings import WorkerSettings

log: Final = structlog.get_logger("onething.worker")


def now() -> datetime:
    """The clock of the process: aware, in UTC."""
    return datetime.now(UTC)


def open_store(settings: StoreSettings) -> CaseStore:
    """The write path with its database and keys."""
    vault = Vault(KeyRing.from_file(settings.vault_keys_file), read_key(settings.lookup_key_file))
    return CaseStore(Database.from_settings(settings), vault)


async def connect(settings: WorkerSettings) -> Client:
    """A client that seals its payloads; waits for a server that is still starting."""
    runtime = None
    if settings.metrics_port is not None:
        prometheus = PrometheusConfig(
            bind_address=f"{settings.metrics_host}:{settings.metrics_port}",
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
        )
        runtime = Runtime(telemetry=TelemetryConfig(metrics=prometheus))
    ring = KeyRing.from_file(settings.payload_keys_file)
    wait = 0.2
    while True:
        try:
            return await Client.connect(
                settings.temporal_address,
                namespace=settings.temporal_namespace,
                data_converter=data_converter(ring, settings.temporal_namespace),
                runtime=runtime,
            )
        except RuntimeError:
            log.warning("temporal not reachable", address=settings.temporal_address)
            await asyncio.sleep(wait)
            wait = min(5.0, wait * 2)


Gateways = Callable[[GatewaySettings], tuple[SharedData, Departments]]


def insured_register(settings: GatewaySettings) -> HttpInsuredRegister:
    """The register that is read ahead, through the platform over HTTP."""
    return HttpInsuredRegister(_gateway(settings), settings.shared_data_url)


def http_gateways(settings: GatewaySettings) -> tuple[SharedData, Departments]:
    """The real ones: platform and departments over HTTP."""
    gateway = _gateway(settings)
    return (
        HttpSharedData(gateway, settings.shared_data_url),
        HttpDepartments(gateway, settings.departments_url, settings.department_urls),
    )


def _gateway(settings: GatewaySettings) -> Gateway:
    token = settings.gateway_token_file.read_text("utf-8").strip() if settings.gateway_token_file else None
    return Gateway(
        token=token,
        within=settings.answer_within_seconds,
        bytes_at_most=settings.answer_bytes_at_most,
        calls_at_once=settings.calls_at_once,
    )


async def serve(*, worker: bool, relay: bool, gateways: Gateways = http_gateways) -> None:
    """Run until SIGTERM or SIGINT."""
    settings = WorkerSettings()
    configure(settings.log_format, settings.log_level)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    store = open_store(StoreSettings())
    client = await connect(settings)
    async with AsyncExitStack() as stack:
        stack.callback(store.database.dispose)
        if worker:
            today = in_shanghai(now()).date()
            await asyncio.to_thread(store.listing.say_what_is_refused, catalogue().all_in_force(today), today)
            gateway_settings = GatewaySettings()
            shared_data, departments = gateways(gateway_settings)
            steps = CaseSteps(store, shared_data, departments, gateway_settings, now)
            await stack.enter_async_context(bundle_worker(client, steps, settings))
            if settings.scan_districts:
                discovering = Discovering(store, insured_register(gateway_settings), catalogue(), now)
                await stack.enter_async_context(scan_worker(client, discovering, settings))
                await ensure_schedules(client, catalogue(), settings.scan_districts, task_queue=scan_queue(settings))
        telling: list[asyncio.Task[None]] = []
        if relay:
            notice_settings = NoticeSettings()
            notices = notice_adapter(notice_settings)
            stack.push_async_callback(notices.close)
            for loop in (
                Relay(store, client, settings, now, eager=worker),
                Notifier(store, notices, notice_settings, now),
            ):
                telling.append(asyncio.create_task(loop.run()))
                telling[-1].add_done_callback(lambda _: stopped.set())
                stack.push_async_callback(_stop, telling[-1])
        collect_seldom()
        log.info("ready", worker=worker, relay=relay, task_queue=settings.task_queue)
        await stopped.wait()
        log.info("stopping")
        for task in telling:
            if task.done():
                # It never ends by itself: whoever watches the process has to hear of it.
                task.result()


def collect_seldom() -> None:
    """Leave what was loaded at the start out of garbage collection, and look at the rest less often.

    A worker keeps many small frozen values for long; at Python's default thresholds a third of its time
    goes into walking them and finding nothing (docs/decisions).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _stop(telling: asyncio.Task[None]) -> None:
    telling.cancel()
    await asyncio.wait({telling})


def leave(code: int) -> None:
    """End the process after a Temporal client: the interpreter's own exit crashes one time in ten (sdk-python #300)."""
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
