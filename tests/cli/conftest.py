"""One demonstration for all tests of the commands, started by the first that asks, as a person would start it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from cli.main import main
from demo.running import Running, recorded

ROOT = Path(__file__).parents[2]
ONETHING = Path(sys.executable).parent / "onething"
EXAMPLES = ROOT / "examples" / "newborn"
READY_WITHIN_SECONDS = 120.0


def clean_environment() -> dict[str, str]:
    """Nothing of the developer's own settings may decide a test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONETHING_", "TEMPORAL_"))}
    kept.pop("DATABASE_URL", None)
    return {**kept, "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Its output as one document."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Terminal:
    """A directory in which somebody types `onething …`."""

    directory: Path

    @property
    def state(self) -> Path:
        """Where a demonstration that is started here keeps everything."""
        return self.directory / ".onething"

    def typed(
        self, *words: str | Path, stdin: str = "", environment: Mapping[str, str] | None = None, within: float = 120.0
    ) -> Said:
        """Run one command to its end, in a process of its own."""
        ended = subprocess.run(
            [ONETHING, *map(str, words)],
            cwd=self.directory,
            env={**clean_environment(), **(environment or {})},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=within,
        )
        return Said(ended.returncode, ended.stdout, ended.stderr)

    def onething(self, *words: str | Path, stdin: str = "", environment: Mapping[str, str] | None = None) -> Said:
        """The same through the same door in this process, which has read all its code already."""
        out, err = io.StringIO(), io.StringIO()
        before, stood = dict(os.environ), Path.cwd()
        with ExitStack() as afterwards:
            afterwards.callback(os.chdir, stood)
            afterwards.callback(os.environ.update, before)
            afterwards.callback(os.environ.clear)
            os.chdir(self.directory)
            os.environ.clear()
            os.environ.update({**clean_environment(), **(environment or {})})
            afterwards.enter_context(redirect_stdout(out))
            afterwards.enter_context(redirect_stderr(err))
            afterwards.enter_context(patch("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")))
            afterwards.enter_context(patch("sys.argv", ["onething", *map(str, words)]))
            with pytest.raises(SystemExit) as left:
                main()
        return Said(int(left.value.code or 0), out.getvalue(), err.getvalue())

    def start_demo(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a demonstration and wait until it says that it is ready."""
        log = self.directory / "demo.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [ONETHING, "demo", *words],
                cwd=self.directory,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + READY_WITHIN_SECONDS
        while "就绪 Ready" not in log.read_text(encoding="utf-8"):
            if process.poll() is not None or time.monotonic() > until:
                process.kill()
                pytest.fail(f"the demonstration did not start:\n{log.read_text(encoding='utf-8')}")
            time.sleep(0.1)
        return process

    def stop_demo(self, process: "subprocess.Popen[bytes]") -> int:
        """Ask it to stop, as the machine would; returns its exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def running(self) -> Running:
        """What the demonstration here says about itself."""
        found = recorded(self.state)
        assert found is not None
        return found


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal in whose directory a demonstration runs."""
    terminal = Terminal(tmp_path_factory.mktemp("demonstration"))
    process = terminal.start_demo("--port", "0")
    yield terminal
    assert terminal.stop_demo(process) == 0


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal in an empty directory."""
    return Terminal(tmp_path)
