"""API processes that are ready in no time: forked from one that has read all the code already, for tests that kill many.

Each is a process of its own that does what `python -m api` does; only the reading, three seconds of it, is shared.
"""

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess

from api.serving import serve
from demo.processes import free_port, wait_for_url

READY_WITHIN_SECONDS = 60.0
_NURSERY = multiprocessing.get_context("forkserver")
_NURSERY.set_forkserver_preload(["tests.chaos.nursery"])


class Api:
    """An API with an address of its own, started as often as it is killed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {**environment, "ONETHING_API_PORT": str(port)}
        self.process: ForkServerProcess | None = None

    def start(self) -> int:
        """Start it and wait until it answers; returns its process id."""
        self.process = _NURSERY.Process(target=_serve, args=(self._environment,), daemon=True)
        self.process.start()
        wait_for_url(f"{self.url}/healthz", within_seconds=READY_WITHIN_SECONDS)
        assert self.process.pid is not None
        return self.process.pid

    def end(self) -> None:
        """Kill it if it still runs."""
        if self.process is not None:
            self.process.kill()
            self.process.join(10)
            self.process.close()
            self.process = None


@contextmanager
def apis(environment: Mapping[str, str], many: int) -> Iterator[tuple[Api, ...]]:
    """So many, none of them started yet."""
    found = tuple(Api(environment) for _ in range(many))
    try:
        yield found
    finally:
        for api in found:
            api.end()


def _serve(environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    serve()
