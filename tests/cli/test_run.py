"""One line in a terminal takes a family from the form to eight concluded items, and says truthfully how it ended."""

import json
import os
import pty
import subprocess
import time
from pathlib import Path

from tests.cli.conftest import EXAMPLES, ONETHING, Terminal, clean_environment

FAMILY = EXAMPLES / "family.json"


def test_a_family_is_seen_through_to_eight_concluded_items(demonstration: Terminal) -> None:
    said = demonstration.typed("run", FAMILY)
    assert said.code == 0, said.err
    assert "经过 Timeline" in said.out
    assert "回执 Receipt" in said.out
    assert "8 项 items" in said.out
    assert "Using the demonstration that runs" in said.err


def test_programs_read_one_json_document(demonstration: Terminal) -> None:
    said = demonstration.onething("run", FAMILY, "--json")
    assert said.code == 0, said.err
    told = said.json()
    assert told["result"] == "complete"
    assert [item["state"] for item in told["case"]["items"]] == ["concluded"] * 8
    assert told["events"][0]["type"] == "case_opened"
    assert told["events"][-1]["type"] == "case_concluded"
    assert [event["version"] for event in told["events"]] == list(range(1, len(told["events"]) + 1))
    assert len(told["receipt"]["items"]) == 8


def test_the_same_application_again_is_the_same_case(demonstration: Terminal, tmp_path: Path) -> None:
    first = demonstration.onething("run", FAMILY, "--json").json()
    shuffled = tmp_path / "shuffled.json"
    content = json.loads(FAMILY.read_text(encoding="utf-8"))
    shuffled.write_text(json.dumps(dict(reversed(content.items())), indent=7), encoding="utf-8")
    again = demonstration.onething("run", shuffled, "--json")
    assert again.code == 0
    assert again.json()["case_no"] == first["case_no"]
    assert again.json()["new"] is False


def test_an_application_may_come_through_a_pipe(demonstration: Terminal) -> None:
    said = demonstration.typed("run", "-", "--json", stdin=FAMILY.read_text(encoding="utf-8"))
    assert said.code == 0
    assert said.json()["result"] == "complete"


def test_a_refused_application_says_where_to_go(demonstration: Terminal) -> None:
    said = demonstration.typed("run", EXAMPLES / "home_birth.json")
    assert said.code == 1
    assert said.out == ""
    assert "请先做亲子鉴定" in said.err
    assert "obtain a parentage report" in said.err
    told = demonstration.onething("run", EXAMPLES / "home_birth.json", "--json").json()
    assert told["result"] == "refused"
    assert told["problem"]["code"] == "application.not_eligible"


def test_every_fault_of_a_form_is_named_with_its_place_and_never_its_value(
    demonstration: Terminal, tmp_path: Path
) -> None:
    content = json.loads(FAMILY.read_text(encoding="utf-8"))
    content["application"]["mother"]["citizen_id"] = "339901199403170007"
    content["application"]["birth"]["child_order"] = "first"
    faulty = tmp_path / "faulty.json"
    faulty.write_text(json.dumps(content), encoding="utf-8")
    said = demonstration.onething("run", faulty)
    assert said.code == 1
    assert "mother/citizen_id" in said.err
    assert "birth/child_order" in said.err
    assert "339901199403170007" not in said.err


def test_a_case_that_waits_for_a_person_ends_the_watching_with_the_reason(demonstration: Terminal) -> None:
    said = demonstration.onething("run", EXAMPLES / "marriage_not_on_file.json", "--timeout", "3")
    assert said.code == 1
    assert "等待民政核实“父母婚姻状况”" in said.err
    assert "onething case show" in said.err
    told = demonstration.onething("run", EXAMPLES / "marriage_not_on_file.json", "--timeout", "0", "--json")
    assert told.code == 1
    assert told.json()["result"] == "waiting"


def test_a_file_that_cannot_be_read_is_named(demonstration: Terminal, tmp_path: Path) -> None:
    missing = demonstration.onething("run", tmp_path / "none.json")
    assert missing.code == 3
    assert "none.json" in missing.err
    broken = tmp_path / "broken.json"
    broken.write_text('{"bundle": }', encoding="utf-8")
    said = demonstration.onething("run", broken)
    assert said.code == 2
    assert "broken.json:1:12" in said.err
    broken.write_text('{"bundle": "newborn", "bundle": "retirement"}', encoding="utf-8")
    assert demonstration.onething("run", broken).code == 2


def test_a_terminal_shows_a_table_that_moves(demonstration: Terminal) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [ONETHING, "run", EXAMPLES / "unmarried.json"],
        cwd=demonstration.directory,
        env={**clean_environment(), "TERM": "xterm", "COLUMNS": "140"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:  # the other side is gone
            break
        if not chunk:
            break
        seen += chunk
    os.close(ours)
    assert process.wait(30) == 0
    text = seen.decode("utf-8", "replace")
    assert "已用 elapsed" in text
    assert "出生医学证明" in text


def test_where_no_api_is_known_it_says_what_to_do(terminal: Terminal) -> None:
    said = terminal.onething("case", "list")
    assert said.code == 5
    assert "onething demo" in said.err
    unreachable = {"ONETHING_API_URL": "http://127.0.0.1:9", "ONETHING_TOKEN": "ot_none"}
    said = terminal.onething("run", FAMILY, environment=unreachable)
    assert said.code == 5
    assert "http://127.0.0.1:9" in said.err
