"""What the README tells a reader to type works as it stands there, against a demonstration as a reader has it."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import ROOT, Terminal, clean_environment

README = (ROOT / "README.md").read_text(encoding="utf-8")
ENDS_WITHIN_SECONDS = 60.0
USUAL_API = "http://127.0.0.1:8000/"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A demonstration in a directory that has the examples, as a checkout has."""
    terminal = Terminal(tmp_path_factory.mktemp("readme"))
    (terminal.directory / "examples").symlink_to(ROOT / "examples")
    process = terminal.start_demo("--port", "0")
    yield terminal
    assert terminal.stop_demo(process) == 0


def commands_under(heading: str) -> str:
    """Everything that the section shows as typed in a shell, in its order."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert section is not None, heading
    blocks = re.findall(r"^```sh\n(.*?)^```", section[1], re.DOTALL | re.MULTILINE)
    assert blocks, heading
    return "\n".join(blocks)


def typed(house: Terminal, commands: str) -> list[Any]:
    """What the commands answer, one JSON document after another; only the demonstration's port is another."""
    assert commands.count(USUAL_API) == 1
    commands = commands.replace(USUAL_API, house.running().api_urls[0] + "/")
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=house.directory,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS_WITHIN_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found, rest = [], ended.stdout.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        found.append(value)
        rest = rest[end:].lstrip()
    return found


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="the README's commands need curl and jq")
def test_one_proof_is_asked_answered_and_read_as_the_readme_says(house: Terminal) -> None:
    commands = commands_under("Ask for one proof")
    asked, fields, heard, result, clock = typed(house, commands)

    assert asked["outcome"] == "open"
    request = json.loads((ROOT / "examples" / "verifications" / "father_and_child.json").read_text("utf-8"))
    shown = [field["value"] for field in fields]
    assert request["subject"]["citizen_id"] in shown
    assert request["other"]["name"] in shown
    assert heard["counted"] is True
    assert result["outcome"] == "confirmed"
    assert (result["route"], result["unit"]["code"]) == ("department_verification", "police")
    assert result["valid_until"] > result["concluded_at"][:10]
    assert sum(share["seconds"] for share in clock["shares"]) == pytest.approx(clock["elapsed_seconds"], abs=1e-6)

    # Typed once more, all of it finds what is there: the key, the answered question and the result.
    officer = commands.replace("inbox?q=$CASE", "inbox?q=$CASE&queue=ended")
    *_, again, _ = typed(house, officer)
    assert again == result
    said = house.onething("events", "verify")
    assert said.code == 0, said.err


def test_who_is_due_is_found_and_listed_as_the_readme_says(house: Terminal) -> None:
    scan, list, explain = (
        shlex.split(line, comments=True) for line in commands_under("Who is due, and did not apply").splitlines()
    )
    assert {command[0] for command in (scan, list, explain)} == {".venv/bin/onething"}
    read = house.onething(*scan[1:], "--json")
    assert read.code == 0, read.err
    found = next(one for one in read.json()["districts"] if one["outcomes"]["due"])

    # The month of the README is one of those ahead when it was written.
    listed = house.onething(*(found["month"] if word == "2027-03" else word for word in list[1:]), "--json")
    explained = house.onething(*explain[1:], "--json")

    assert listed.code == 0, listed.err
    due = [one for one in listed.json() if one["outcome"] == "due"]
    assert due
    assert all(one["case_no"] for one in due)
    assert (explained.code, explained.json()["age"]) == (0, "55y2m")
