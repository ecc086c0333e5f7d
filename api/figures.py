"""What is counted for operators (Prometheus): how long answers take, what was refused, how much waits and since when.

Counters live in the process; the rest is asked of the database when somebody looks, so that every
process tells the same. No label ever holds a person's or a case's number.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.case_file import IN_HAND, CaseState, ItemState
from store.breakers import all_breakers
from store.cases import CaseStore
from store.database import StoreUnavailable
from store.outbox import level
from store.read_models.cases import count_by_state
from store.read_models.progress import count_tasks

BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Figures:
    """The figures of one process; a registry of their own, so that two apps in one test do not meet."""

    def __init__(self, store: CaseStore, clock: Callable[[], datetime], threads_in_use: Callable[[], int]) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.answered: Final = Histogram(
            "onething_http_request_seconds",
            "How long an answer took.",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.refused: Final = Counter(
            "onething_refusals", "Requests that our rules said no to.", ("code",), registry=self.registry
        )
        self.registry.register(_Levels(store, clock, threads_in_use))

    def text(self) -> bytes:
        """Everything, in Prometheus' words."""
        return generate_latest(self.registry)


class _Levels(Collector):
    def __init__(self, store: CaseStore, clock: Callable[[], datetime], threads_in_use: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._threads_in_use = threads_in_use

    def describe(self) -> Iterable[Metric]:
        # Otherwise registering would already ask the database.
        return ()

    def collect(self) -> Iterable[Metric]:
        threads = GaugeMetricFamily("onething_api_threads_in_use", "Requests that are being worked on.")
        threads.add_metric([], self._threads_in_use())
        yield threads
        up = GaugeMetricFamily("onething_store_up", "Whether the database answers this process.")
        try:
            found = list(self._of_the_store())
        except StoreUnavailable:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from found

    def _of_the_store(self) -> Iterable[Metric]:
        with self._store.database.reading() as connection:
            waiting = level(connection)
            breakers = all_breakers(connection)
            states = count_by_state(connection)
            tasks = count_tasks(connection)
        rows = GaugeMetricFamily("onething_outbox_rows", "Events that a workflow has not been told yet.")
        rows.add_metric([], waiting.rows)
        yield rows
        age = GaugeMetricFamily("onething_outbox_oldest_seconds", "How long the oldest of them has waited.")
        oldest = 0.0 if waiting.oldest is None else (self._clock() - waiting.oldest).total_seconds()
        age.add_metric([], max(0.0, oldest))
        yield age
        paused = GaugeMetricFamily(
            "onething_department_paused", "1 while the service is paused by its breaker or by hand.", labels=["service"]
        )
        for breaker in breakers:
            paused.add_metric([breaker.service], 0 if breaker.paused_since is None else 1)
        yield paused
        cases = GaugeMetricFamily("onething_cases", "Cases by state.", labels=["state"])
        for state in CaseState:
            cases.add_metric([state], states.get(state, 0))
        yield cases
        in_hand = GaugeMetricFamily(
            "onething_tasks_waiting", "Proofs and items that wait for a caseworker.", labels=["kind"]
        )
        for kind in (*sorted(IN_HAND), ItemState.REJECTED):
            in_hand.add_metric([kind], tasks.get(kind, 0))
        yield in_hand
