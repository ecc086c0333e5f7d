"""`onething serve` and `onething worker`: the long-running processes, as production starts them.

Each becomes its process rather than starting a child of its own, so that a signal from outside reaches the right one.
"""

import os
import sys
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from cli.surroundings import Set, State, adopt, settings_classes


class Part(StrEnum):
    """What a worker process may be limited to."""

    WORKER = "worker"
    RELAY = "relay"


def serve(
    host: Annotated[
        str | None, typer.Option(help="监听地址 · Where to listen.", show_default="ONETHING_API_HOST")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="端口 · The port.", show_default="ONETHING_API_PORT")
    ] = None,
    settings: Set = None,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething serve
      onething serve --port 9000
      ONETHING_API_HOST=0.0.0.0 onething serve      在容器中 · in a container

    HTTP 接口与页面 · The HTTP API and the pages. Any number may run side by side; see `onething config show`.
    """
    given = [*(settings or ())]
    given += [f"ONETHING_API_HOST={host}"] if host is not None else []
    given += [f"ONETHING_API_PORT={port}"] if port is not None else []
    adopt(state, settings=given)
    _become("api")


def worker(
    only: Annotated[Part | None, typer.Option(help="只运行一部分 · Only this part; both by default.")] = None,
    settings: Set = None,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething worker                  办理与传达 · Temporal worker and outbox relay in one process
      onething worker --only relay

    办理进程 · Carries cases forward. Any number may run side by side; SIGTERM lets it finish what it has in hand.
    """
    adopt(state, settings=settings)
    _become("workers", *([only.value] if only is not None else []))


def _become(module: str, *arguments: str) -> NoReturn:
    # A wrong setting is told in one sentence here, and would be a trace there.
    for settings in settings_classes():
        settings()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
