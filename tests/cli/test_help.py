"""Whoever asks for help is answered at once, with an example first, and every command can be asked."""

import subprocess
from typing import Any

import pytest
import typer.main

from cli.leaving import Exit, Leave, explained
from cli.main import app
from cli.screen import deadline, duration, padded, width
from tests.cli.conftest import ONETHING, Terminal, clean_environment


def commands() -> list[tuple[str, ...]]:
    """Every command that does something, as it is typed."""

    def below(command: Any, words: tuple[str, ...]) -> list[tuple[str, ...]]:
        within = getattr(command, "commands", None)
        if within is None:
            return [words]
        return [found for name, one in within.items() for found in below(one, (*words, name))]

    return below(typer.main.get_command(app), ())


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_begins_its_help_with_examples(terminal: Terminal, words: tuple[str, ...]) -> None:
    said = terminal.onething(*words, "--help")
    assert said.code == 0
    lines = [line.strip() for line in said.out.splitlines() if line.strip()]
    assert lines[0].startswith("Usage: onething")
    assert lines[1] == "例 Examples:"


def test_no_command_loads_what_help_does_not_need() -> None:
    loaded = subprocess.run(
        [ONETHING.parent / "python", "-c", "import cli.main, sys; print(*sys.modules)"],
        env=clean_environment(), capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    heavy = {"sqlalchemy", "temporalio", "fastapi", "psycopg", "httpx2", "rich", "demo.stack", "domain.catalogue"}
    assert not heavy & set(loaded)


def test_a_refusal_ends_with_its_number_and_both_languages() -> None:
    from domain.refusals import CaseEnded, NoSuchCase
    from store.database import NoConnectionFree

    for fault, code in (
        (NoSuchCase(), Exit.NOT_FOUND),
        (CaseEnded("withdrawn"), Exit.CONFLICT),
        (NoConnectionFree("busy"), Exit.UNAVAILABLE),
        (Leave(Exit.USAGE, "so"), Exit.USAGE),
    ):
        end = explained(fault)
        assert end is not None
        assert end.code is code
    end = explained(NoSuchCase())
    assert end is not None
    assert end.sentence == "没有这个办件, 或您无权查看\nthere is no such case, or you may not see it"
    assert explained(ZeroDivisionError()) is None, "a mistake of ours keeps its trace"


def test_chinese_takes_two_columns() -> None:
    assert width("市民卡 a") == 8
    assert padded("市", 4) == "市  "


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.42, "0.4 s"), (90, "1 min"), (3_700, "1 h 1 min"), (180_000, "2 d 2 h")]
)
def test_a_duration_is_said_in_its_largest_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_limit_in_days_ends_with_the_day_that_people_name() -> None:
    assert deadline("2026-11-24T00:00:00+08:00") == "2026-11-23"
    assert deadline("2026-11-23T16:00:00+00:00") == "2026-11-23"
    assert deadline("2026-11-23T10:30:00+08:00") == "2026-11-23 10:30"
