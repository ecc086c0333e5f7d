"""Cases are started, found, shown and told from a terminal through the public API."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from cli import telling
from domain.law.months import month_text
from domain.time_limits import in_shanghai
from domain.watch_list import months_ahead
from tests.cli.conftest import EXAMPLES, ROOT, Terminal


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


def test_a_reader_can_add_the_shares_of_a_clock_to_its_whole() -> None:
    shares = [
        {"title": title, "title_en": title, "account": None, "seconds": seconds, "share": seconds / 68.2}
        for title, seconds in (("公安", 32.4), ("社区", 32.4), ("卫健", 3.4))
    ]
    told = {
        "case_no_grouped": "339901 01 2611220000015",
        "elapsed_seconds": 68.2,
        "suspended_seconds": 0,
        "shares": shares,
        "items": [{"item": "birth", "title": "出生", "title_en": "birth", "seconds": 68.2, "shares": shares}],
        "waiting_label": {"zh": "已结束, 不再等待", "en": "it has ended; nothing is waited for"},
    }

    lengths = [found[0] for line in telling.clock(told) if (found := re.search(r"\d+:\d\d:\d\d", line))]

    assert lengths == ["0:01:08", "0:00:32", "0:00:33", "0:00:03"] * 2


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


def test_whoever_may_see_a_retirement_case_reads_it_and_the_birth_desk_does_not(demonstration: Terminal) -> None:
    month = month_text(months_ahead(in_shanghai(datetime.now(UTC)).date(), 1))
    # A district of its own: other tests of this demonstration file, or count, the retirees of theirs.
    words = ("--month", month, "--district", "339909")
    scanned = demonstration.onething("retire", "scan", *words, "--open", "--per-second", "50")
    assert scanned.code == 0, scanned.err
    lines = demonstration.onething("retire", "list", *words, "--outcome", "due", "--json").json()
    case_no = next(line["case_no"] for line in lines if line["case_no"])

    refused = demonstration.onething("case", "show", case_no)
    shown = demonstration.onething("case", "show", case_no, "--as", "pension")
    timeline = demonstration.onething("case", "timeline", case_no, "--as", "pension")
    found = demonstration.onething("case", "list", "--as", "pension", "--limit", "200", "--json").json()

    assert refused.code == 3
    assert shown.code == timeline.code == 0, shown.err + timeline.err
    assert "退休" in shown.out
    assert "收件" in timeline.out
    assert case_no in [case["case_no"] for case in found]


def test_whose_token_the_file_holds_is_who_asks_also_of_the_demonstration(
    demonstration: Terminal, tmp_path: Path
) -> None:
    token = demonstration.state / "tokens" / "bank"
    body = (ROOT / "examples" / "verifications" / "father_and_child.json").read_text("utf-8")
    asked = demonstration.onething("verify", "ask", "--file", "-", "--json", stdin=body)
    case_no = asked.json()["case_no"]
    empty = tmp_path / "empty"
    empty.write_text("\n")

    def listed(**environment: str) -> list[str]:
        said = demonstration.onething("case", "list", "--limit", "200", "--json", environment=environment)
        return [case["case_no"] for case in said.json()]

    assert case_no not in listed()
    assert case_no in listed(ONETHING_TOKEN_FILE=str(token))
    for unusable in (empty, tmp_path / "none"):
        refused = demonstration.onething("case", "list", environment={"ONETHING_TOKEN_FILE": str(unusable)})
        assert (refused.code, refused.out) == (2, "")
        assert f"ONETHING_TOKEN_FILE={unusable}: 没有可用的令牌" in refused.err


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
