"""Starting the embedded stack from a command, and leaving it in order whatever asks us to."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from cli.leaving import Exit, Leave
from cli.screen import padded, say
from cli.surroundings import NO_DEMONSTRATION

if TYPE_CHECKING:
    from demo.stack import Stack

ASKS_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AskedToStop(BaseException):
    """Somebody pressed Ctrl-C, or the machine wants us gone; not an Exception, so that nobody takes it for a fault."""


@contextmanager
def may_be_stopped() -> Iterator[None]:
    """Within the block the first signal raises AskedToStop; those after it only hear that it is under way."""
    before = {number: signal.getsignal(number) for number in ASKS_TO_STOP}

    def stop(number: int, _: FrameType | None) -> NoReturn:
        for other in ASKS_TO_STOP:
            signal.signal(other, patience)
        raise AskedToStop(signal.Signals(number).name)

    def patience(_: int, __: FrameType | None) -> None:
        # A terminal that was closed cannot be written to.
        with suppress(OSError):
            say("正在停止, 请稍候 Stopping already, a moment please.")

    for number in ASKS_TO_STOP:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def new_stack(state: Path, *, port: int | None = None, workers: int = 1, relays: int = 0, apis: int = 1) -> "Stack":
    """A stack to be started; raises Leave where the demonstration is not installed."""
    try:
        from demo.stack import Stack
    except ModuleNotFoundError as missing:
        if missing.name not in {"demo", "demo.stack"}:
            raise
        raise Leave(Exit.UNAVAILABLE, NO_DEMONSTRATION) from None
    return Stack(state, port=port, workers=workers, relays=relays, apis=apis)


def start(stack: "Stack") -> float:
    """Start it and say how long each part took; returns the seconds of the whole."""
    began = time.monotonic()
    for phase in stack.start():
        say(f"  ✓ {padded(phase.name, 38)} {phase.seconds:5.2f} s")
    if stack.moved_from_port is not None:
        say(
            f"  ! 端口 {stack.moved_from_port} 已被占用, 改用 {stack.ports[0]}"
            f" · port {stack.moved_from_port} is taken, so it is {stack.ports[0]}"
        )
    return time.monotonic() - began


def stop(stack: "Stack") -> None:
    """Stop it; what was accepted is kept."""
    began = time.monotonic()
    with suppress(OSError):
        say("正在停止, 数据保留 Stopping; the data is kept.")
    stack.stop()
    with suppress(OSError):
        say(f"已停止 Stopped, {time.monotonic() - began:.1f} s. 数据在 The data is in {stack.state}")
        sys.stderr.flush()
