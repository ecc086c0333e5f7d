"""A stack that runs already: where it is and how it is reached, for whoever did not start it.

Kept apart from the starting of it, so that a command that only asks takes no second to begin.
"""

import fcntl
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from demo.processes import ServiceError, ServiceNotReady

STARTS_WITHIN_SECONDS: Final = 90.0


class Running(BaseModel):
    """What a running stack says about itself; holds the names of secret files, never a secret."""

    model_config = ConfigDict(frozen=True)

    pid: int
    """Of the process that started it and stops it."""
    started_at: datetime
    state: Path
    api_urls: tuple[str, ...]
    temporal_ui_url: str | None
    shared_data_url: str
    departments_url: str
    environment: Mapping[str, str]
    """What every process of the product is told."""
    operator_environment: Mapping[str, str]
    """What only the operator's commands are told besides."""
    processes: Mapping[str, tuple[int, str]]
    """Name -> process id and command line, to find again what a killed owner left behind."""

    def token_of(self, account: str) -> str:
        """The token of one of the demonstration's accounts; raises ServiceError."""
        try:
            return (self.state / "tokens" / account).read_text(encoding="ascii").strip()
        except OSError:
            raise ServiceError(f"There is no token of {account!r} in {self.state / 'tokens'}.") from None


def default_state(environment: Mapping[str, str] = os.environ) -> Path:
    """ONETHING_STATE, else `.onething` where one stands."""
    return Path(environment.get("ONETHING_STATE", "").strip() or ".onething")


def running(state: Path, *, within_seconds: float = STARTS_WITHIN_SECONDS) -> Running | None:
    """The stack that runs on `state`; None when none does. One that is still starting is waited for."""
    until = time.monotonic() + within_seconds
    while _is_held(state):
        found = recorded(state)
        if found is not None:
            return found
        if time.monotonic() > until:
            raise ServiceNotReady(
                f"Another process has been starting or stopping on {state} for {within_seconds:g} seconds."
                f" Its logs are in {state / 'logs'}."
            )
        time.sleep(0.05)
    return None


def recorded(state: Path) -> Running | None:
    """What the last stack wrote down, whether or not it still runs."""
    with suppress(FileNotFoundError, ValidationError):
        return Running.model_validate_json((state / "running.json").read_bytes())
    return None


def _is_held(state: Path) -> bool:
    """Whether some process holds the directory; looking holds nobody up for longer than an instant."""
    try:
        glance = os.open(state, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(glance, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(glance)
    return False
