"""Cases are started, found, shown and told from a terminal through the public API."""

import json

from tests.cli.conftest import EXAMPLES, Terminal


def test_a_case_is_started_shown_told_and_listed(demonstration: Terminal) -> None:
    started = demonstration.onething("case", "start", EXAMPLES / "resident.json")
    assert started.code == 0, started.err
    case_no = started.out.strip()
    assert len(case_no) == 21
    demonstration.onething("run", EXAMPLES / "resident.json", "--json")

    shown = demonstration.onething("case", "show", case_no)
    assert "出生医学证明" in shown.out
    assert "已办结" in shown.out
    grouped = demonstration.onething("case", "show", f"{case_no[:6]} {case_no[6:8]} {case_no[8:]}", "--json")
    assert grouped.json()["case_no"] == case_no

    told = demonstration.onething("case", "timeline", case_no)
    assert "收件: 新生儿出生一件事" in told.out
    assert "全部事项办结 · every item is concluded" in told.out
    assert len(told.out.splitlines()) == len(demonstration.onething("case", "timeline", case_no, "--json").json())

    listed = demonstration.onething("case", "list", "--plain")
    assert case_no in [line.split("\t")[0] for line in listed.out.splitlines()]
    assert case_no in [case["case_no"] for case in demonstration.onething("case", "list", "--json").json()]
    assert demonstration.onething("case", "list", "--in", "withdrawn").out == ""


def test_twins_are_told_apart(demonstration: Terminal) -> None:
    said = demonstration.onething("run", EXAMPLES / "twins.json")
    assert said.code == 0, said.err
    assert "出生户口登记(1)" in said.out
    assert "出生户口登记(2)" in said.out


def test_a_case_that_is_not_there_has_its_own_exit_code(demonstration: Terminal) -> None:
    said = demonstration.onething("case", "show", "339901012611220999999")
    assert said.code == 3
    assert said.out == ""
    assert "there is no such case" in said.err


def test_no_person_is_named_at_the_terminal(demonstration: Terminal) -> None:
    told = demonstration.onething("run", EXAMPLES / "family.json")
    form = json.loads((EXAMPLES / "family.json").read_text(encoding="utf-8"))["application"]
    for secret in (
        form["mother"]["name"],
        form["mother"]["citizen_id"],
        form["mother"]["phone"],
        form["father"]["name"],
        form["children"][0]["name"],
    ):
        assert secret not in told.out + told.err
