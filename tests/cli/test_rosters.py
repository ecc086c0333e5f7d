"""The data centre at a terminal: a file is looked at, compared, taken over and written out; nobody's name is shown."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.workbooks import read_sheet, write_sheet
from cli.roster import PostName, RuleName
from cli.service import Service
from demo.city.listing import listing
from domain.listing import COLUMNS as LISTING_COLUMNS
from domain.listing import ListedRoute
from domain.roster import COLUMNS, read_roster
from domain.silence import SilenceRule
from domain.time_limits import in_shanghai
from store.duty import DutyPost
from store.listing import export_rows
from tests.cli.conftest import Terminal
from tests.cli.test_events import superuser
from tests.rosters import TODAY

MINGYUE = "339901001001"


@pytest.fixture
def workbook(demonstration: Terminal, tmp_path: Path) -> Path:
    """The demonstration's rosters, written out."""
    file = tmp_path / "rosters.xlsx"
    said = demonstration.onething("roster", "export", "--out", file, "--reason", "测试")
    assert said.code == 0, said.err
    return file


def test_the_demonstration_has_rosters_and_a_listing(demonstration: Terminal) -> None:
    communities = demonstration.onething("roster", "list", "--json").json()
    assert len(communities) == 113
    assert {one["serving"] for one in communities} == {4}
    assert communities[0]["unit"] == f"community-{MINGYUE}"

    listed = demonstration.onething("catalogue", "list", "--json").json()
    assert listed["counts"] == {
        "cancelled": 70, "commitment": 57, "shared_data": 84, "department_verification": 59,
    }  # fmt: skip
    assert demonstration.onething("catalogue", "list", "--on", "2018-05-01", "--plain").out.count("\n") == 70


def test_what_was_written_out_changes_nothing(demonstration: Terminal, workbook: Path, tmp_path: Path) -> None:
    assert oct(workbook.stat().st_mode)[-3:] == "600", "it holds names and numbers"
    again = demonstration.onething("roster", "export", "--out", workbook)
    assert again.code == 4
    assert "已存在" in again.err

    said = demonstration.onething("roster", "import", workbook, "--apply", "--json")
    assert said.json() == {
        "applied": True, "joined": 0, "left": 0, "changed": 0, "unchanged": 452, "faults": [], "warnings": [],
        "stops": [],
    }  # fmt: skip
    assert "没有变化" in said.err

    file = tmp_path / "listing.csv"
    demonstration.onething("catalogue", "export", "--out", file, "--encoding", "gb18030")
    assert (
        demonstration.onething("catalogue", "import", file, "--whole", "--apply", "--json").json()["unchanged"] == 270
    )


def test_a_file_comes_out_of_a_pipe_as_it_is(demonstration: Terminal) -> None:
    said = demonstration.typed("catalogue", "export", "--format", "csv", "--encoding", "utf-8")
    assert said.out.startswith("证明代码,证明名称,")
    assert said.out.count("\n") == 271


def test_a_difference_is_told_masked_and_then_taken_over(
    demonstration: Terminal, workbook: Path, tmp_path: Path
) -> None:
    lines = read_roster(read_sheet(workbook.read_bytes()), TODAY)
    here = [line for _, line in lines.lines if line.community == MINGYUE]
    community = dict.fromkeys(("community_title", "subdistrict", "subdistrict_title", "division"), "")
    rows = []
    for line in here[:3]:
        row = {**{c.code: getattr(line, c.code, None) for c in COLUMNS}, **community}
        rows.append({**row, "rank": 9} if line == here[0] else row)
    changed = tmp_path / "changed.csv"
    changed.write_bytes(write_sheet(COLUMNS, rows, "花名册", "csv", "gb18030"))

    said = demonstration.onething("roster", "diff", changed)
    assert said.code == 0, said.err
    assert "新增 joined 0 · 离开 left 1 · 变更 changed 1 · 不变 unchanged 2" in said.out
    assert "    联系顺序: 1 → 9" in said.out
    assert here[0].name not in said.out
    assert here[0].phones[0] not in said.out
    looked = demonstration.onething("roster", "import", changed)
    assert "--apply" in looked.err

    try:
        assert demonstration.onething("roster", "import", changed, "--apply").code == 0
        assert demonstration.onething("roster", "list", "--json").json()[0]["serving"] == 3
    finally:
        back = demonstration.onething("roster", "import", workbook, "--apply", "--json").json()
    assert (back["joined"], back["changed"]) == (0, 2), "who had left is back in his own line"
    logged = demonstration.onething("roster", "diff", workbook, "--json").json()
    assert logged["changes"] == []


def test_a_listing_that_would_close_a_life_event_has_to_be_meant_and_the_doctor_looks_ahead(
    demonstration: Terminal, tmp_path: Path
) -> None:
    line = next(one for one in listing() if one.code == "parents_marriage")
    day = in_shanghai(datetime.now(UTC)).date() + timedelta(days=10)
    cancelled = line.model_copy(update={"route": ListedRoute.CANCELLED, "effective_from": day})
    file = tmp_path / "batch-5.csv"
    file.write_bytes(write_sheet(LISTING_COLUMNS, export_rows([cancelled]), "x", "csv"))

    looked = demonstration.onething("catalogue", "import", file)
    assert looked.code == 0
    assert f"自 {day} 起不能受理" in looked.out
    assert "--although-bundles-stop" in looked.err
    refused = demonstration.onething("catalogue", "import", file, "--apply", "--json")
    assert refused.code == 1
    assert f"no case of newborn can be filed from {day} on" in refused.err
    assert (refused.json()["applied"], refused.json()["stops"][0]["since"]) == (False, str(day))
    assert demonstration.onething("catalogue", "diff", file, "--json").json()["changed"] == 1, "nothing was written"

    def found() -> list[tuple[str, str]]:
        told = demonstration.onething("doctor", "--json").json()
        return [(one["level"], one["en"]) for one in told if one["about"] == "listing"]

    assert [level for level, _ in found()] == ["ok"]
    try:
        meant = demonstration.onething("catalogue", "import", file, "--apply", "--although-bundles-stop")
        assert meant.code == 0, meant.err
        ((level, sentence),) = found()
        assert level == "warning"
        assert f"no case of newborn can be filed from {day} on" in sentence
    finally:
        with superuser(demonstration) as connection:
            connection.execute("DELETE FROM proof_listing WHERE effective_from = %s", [day])


def test_a_file_with_faults_ends_with_one_and_names_them(demonstration: Terminal, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.csv"
    faulty.write_text(
        "社区代码,姓名,身份证号,联系电话,职务,联系顺序,任职起\n"
        "339901001001,尉迟㛃,3.39901E+17,15498000001,书记,1,2024-01-01\n",
        encoding="utf-8",
    )
    said = demonstration.onething("roster", "import", faulty, "--apply")
    assert said.code == 1
    assert "第 2 行 row 2 · 身份证号" in said.out
    assert "尉迟" not in said.out + said.err
    assert "未作改动" in said.err
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04")
    said = demonstration.onething("catalogue", "diff", broken)
    assert said.code == 1
    assert "xlsx" in said.err
    assert demonstration.onething("roster", "diff", tmp_path / "none.csv").code == 2


def test_an_account_goes_on_duty_and_off(demonstration: Terminal) -> None:
    duty = ("--unit", "police", "--account", "verifier", "--from", "2026-01-01")
    assert demonstration.onething("roster", "duties", "add", *duty, "--weekdays", "5,1").code == 0
    (kept,) = demonstration.onething("roster", "duties", "list", "--unit", "police", "--json").json()
    assert (kept["account"], kept["post"], kept["weekdays"]) == ("verifier", "officer", [1, 5])
    assert demonstration.onething("roster", "duties", "add", *duty).code == 4
    assert demonstration.onething("roster", "duties", "add", *duty, "--weekdays", "8").code == 2
    ended = demonstration.onething("roster", "duties", "end", *duty, "--last-day", "2025-12-31")
    assert ended.code == 0
    assert demonstration.onething("roster", "duties", "list", "--json").json() == []
    assert demonstration.onething("roster", "duties", "end", *duty, "--last-day", "2026-12-31").code == 3


def test_a_unit_says_its_office_hours(demonstration: Terminal) -> None:
    said = demonstration.onething("roster", "hours", "police", "--opens", "17:00", "--closes", "08:30")
    assert said.code == 2
    assert demonstration.onething("roster", "hours", "police").code == 2
    assert demonstration.onething("roster", "hours", "police", "--opens", "08:30").code == 2
    assert demonstration.onething("roster", "hours", "police", "--natural", "--opens", "08:30").code == 2
    assert demonstration.onething("roster", "hours", "nowhere", "--natural").code == 3
    assert demonstration.onething("roster", "hours", "police", "--natural").code == 0


def test_a_unit_says_who_asks_where_nobody_answers(demonstration: Terminal) -> None:
    assert demonstration.onething("roster", "silence", "pension-office", "consent").code == 2
    assert demonstration.onething("roster", "silence", "nowhere", "caseworker").code == 3
    for rule in RuleName:
        assert demonstration.onething("roster", "silence", "pension-office", rule.value).code == 0
    assert {rule.value.replace("-", "_") for rule in RuleName} == {"as_declared", *SilenceRule}


def test_what_the_operator_changes_is_in_the_access_log_under_the_operators_name(demonstration: Terminal) -> None:
    duty = ("--unit", "police", "--account", "verifier", "--from", "2025-01-01")
    for words in (
        ("hours", "police", "--natural"),
        ("silence", "pension-office", "as-declared"),
        ("duties", "add", *duty),
        ("duties", "end", *duty, "--last-day", "2024-12-31"),
    ):
        assert demonstration.onething("roster", *words).code == 0

    with Service.found(demonstration.state, account="auditor") as service:
        noted = service.get("/access-log", unit="operator", limit=4).json()["accesses"]
    assert [(one["account"], one["action"], one["about"]) for one in reversed(noted)] == [
        ("operator", "set_office_hours", ["unit/police"]),
        ("operator", "set_silence_rule", ["unit/pension-office"]),
        ("operator", "put_on_duty", ["unit/police"]),
        ("operator", "take_off_duty", ["unit/police"]),
    ]


def test_the_commands_posts_are_those_of_the_rules() -> None:
    assert [post.value for post in PostName] == [post.value for post in DutyPost]
