"""Whoever asks who comes to the retirement age is told why, what is in the way, and what has changed since."""

import asyncio
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from cli.retire import BECAME, OUTCOMES, OutcomeName
from demo.city.places import DIVISIONS
from domain.law.months import month_text
from domain.time_limits import in_shanghai
from domain.watch_list import Outcome, months_ahead
from store import reassessments
from store.database import Database
from tests.cli.conftest import ONETHING, Said, Terminal, clean_environment
from tests.cli.test_events import superuser
from tests.desk import LOOKUP_KEY, RING, store_on
from tests.pensions import Retiree

MONTH, OTHER_MONTH = "2027-05", "2027-04"
"""In the first, fifteen of the city's people are due, and of one the papers disagree."""
DISTRICTS = [division.code for division in DIVISIONS]


def scan(terminal: Terminal, *words: str, month: str = MONTH) -> Said:
    return terminal.onething("retire", "scan", "--month", month, "--json", *words)


def listed(terminal: Terminal, *words: str, month: str = MONTH) -> list[dict[str, Any]]:
    said = terminal.onething("retire", "list", "--month", month, "--json", *words)
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = said.json()
    return found


def cases(terminal: Terminal, unit: str) -> int:
    with superuser(terminal) as connection:
        row = connection.execute("SELECT count(*) FROM cases WHERE unit = %s", (unit,)).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def settling(terminal: Terminal, database: Database, database_url: str, tmp_path: Path) -> Callable[..., Said]:
    """`onething retire reassess` on an installation of its own, in which three pensions were paid provisionally."""
    RING.write(tmp_path / "vault-keys")
    (tmp_path / "lookup-key").write_text(b64encode(LOOKUP_KEY).decode())
    environment = {
        "ONETHING_DATABASE_URL": database_url,
        "ONETHING_VAULT_KEYS_FILE": str(tmp_path / "vault-keys"),
        "ONETHING_LOOKUP_KEY_FILE": str(tmp_path / "lookup-key"),
    }
    store = store_on(database)
    for number, district in enumerate(("339901", "339901", "339902")):
        Retiree(store, number, division=district).assessed().paid()
    return lambda *words: terminal.onething("retire", "reassess", *words, environment=environment)


@pytest.fixture(scope="module")
def read(demonstration: Terminal) -> Terminal:
    """A demonstration whose register has been read for the month."""
    assert scan(demonstration).code == 0
    return demonstration


def test_the_outcomes_are_those_of_the_rules() -> None:
    assert {one.value for one in OutcomeName} == {one.value for one in Outcome} == {one.value for one in OUTCOMES}


def test_a_district_that_is_none_of_those_scanned_is_refused_and_they_are_named(demonstration: Terminal) -> None:
    said = scan(demonstration, "--district", DISTRICTS[0], "--district", "999999", "--dry-run")

    assert said.code == 2
    assert "--district 999999: 不在扫描的区划之内" in said.err
    assert all(district in said.err for district in DISTRICTS)


def test_without_a_month_every_month_of_tonights_scan_is_read(demonstration: Terminal) -> None:
    today = in_shanghai(datetime.now(UTC)).date()

    said = demonstration.onething("retire", "scan", "--dry-run", "--json")

    assert said.code == 0, said.err
    told = said.json()["districts"]
    months = [month_text(months_ahead(today, ahead)) for ahead in range(7)]
    assert [(one["month"], one["district"]) for one in told] == [
        (month, district) for month in months for district in DISTRICTS
    ]
    assert all(sum(one["outcomes"]["due"] for one in told if one["month"] == month) > 0 for month in months)


def test_no_district_is_without_somebody_who_takes_the_senior_card_in(demonstration: Terminal) -> None:
    said = demonstration.onething("retire", "scan", "--occasion", "senior_70", "--open", "--per-second", "50", "--json")

    assert said.code == 0, said.err
    opened = {one["district"]: one for one in said.json()["districts"]}
    assert set(opened) == set(DISTRICTS)
    assert sum(one["opened"] for one in opened.values()) > 0
    assert [one for one in opened.values() if one["not_opened"]] == []


def test_a_look_tells_the_same_as_a_reading_and_keeps_nothing(demonstration: Terminal) -> None:
    looked = scan(demonstration, "--dry-run", month="2027-09")
    assert looked.code == 0, looked.err
    assert demonstration.onething("retire", "list", "--month", "2027-09").code == 3

    kept = scan(demonstration, month="2027-09")

    told = [{**one, "run": None} for one in kept.json()["districts"]]
    assert looked.json() == {**kept.json(), "kept": False, "districts": told}
    assert sum(one["outcomes"]["due"] for one in told) > 0
    assert [one["district"] for one in told] == DISTRICTS


def test_the_second_reading_finds_nobody_new(read: Terminal) -> None:
    again = scan(read).json()

    assert [one for one in again["districts"] if one["new"] or one["gone"] or one["changed"]] == []


def test_the_list_says_of_everybody_by_which_rule_and_what_is_in_the_way(read: Terminal) -> None:
    found = listed(read)

    assert len({one["person"] for one in found}) == len(found) > 10
    assert {one["outcome"] for one in found} >= {"due", "conflict"}
    for one in found:
        assert one["rule"].endswith(f"-> {MONTH}")
        assert (one["outcome"] == "due") == (one["reasons"] == [])
        assert all(reason["zh"] and reason["en"] != reason["code"] for reason in one["reasons"])
    assert listed(read, "--outcome", "conflict") == [one for one in found if one["outcome"] == "conflict"]
    district = found[0]["district"]
    assert listed(read, "--district", district) == [one for one in found if one["district"] == district]


def test_a_person_reads_the_list_in_words(read: Terminal) -> None:
    said = read.onething("retire", "list", "--month", MONTH, "--outcome", "conflict")

    assert said.code == 0
    assert "待核 conflict" in said.out
    assert "身份证与档案出生年月不一致 ID card and file disagree" in said.out


def test_cases_of_the_due_are_opened_once_and_the_list_names_them(read: Terminal) -> None:
    (district,) = {one["district"] for one in listed(read, "--outcome", "due")[:1]}
    due = listed(read, "--outcome", "due", "--district", district)
    words = ("--district", district, "--open", "--per-second", "50")
    before = cases(read, "pension-office")

    first = scan(read, *words)
    again = scan(read, *words)

    assert first.code == 0, first.err
    assert first.json()["districts"][0]["opened"] == len(due) > 0
    assert again.json()["districts"][0]["opened"] == 0
    assert cases(read, "pension-office") == before + len(due)
    found = listed(read, "--outcome", "due", "--district", district)
    assert len({one["case_no"] for one in found}) == len(due)
    assert [one["fault"] for one in found] == [None] * len(due)


def test_only_the_month_that_was_named_is_opened_and_the_night_opens_what_is_left(demonstration: Terminal) -> None:
    district = ("--district", DISTRICTS[1])
    looked = demonstration.onething("retire", "scan", *district, "--dry-run", "--json").json()["districts"]
    # Two months of which one comes before the other, and in which somebody of the district is due.
    earlier, named = [one["month"] for one in looked if one["outcomes"]["due"]][:2]
    assert scan(demonstration, *district, month=earlier).code == 0

    def without_a_case(month: str) -> int:
        due = listed(demonstration, "--outcome", "due", *district, month=month)
        return [one["case_no"] for one in due].count(None)

    waiting = without_a_case(earlier)
    assert waiting > 0

    opened = scan(demonstration, *district, "--open", "--per-second", "50", month=named)

    assert opened.code == 0, opened.err
    (told,) = opened.json()["districts"]
    assert told["opened"] == told["outcomes"]["due"] > 0
    assert (without_a_case(named), without_a_case(earlier)) == (0, waiting)

    words = ("retire", "scan", *district, "--open", "--per-second", "50")
    night = demonstration.onething(*words, "--json")

    assert night.code == 0, night.err
    assert without_a_case(earlier) == 0


@pytest.mark.parametrize(("occasion", "ahead"), [("retirement", 6), ("senior_60", 0)])
def test_no_case_is_opened_earlier_than_its_occasion_allows_though_the_month_may_be_read(
    demonstration: Terminal, occasion: str, ahead: int
) -> None:
    today = in_shanghai(datetime.now(UTC)).date()
    furthest, too_far = (month_text(months_ahead(today, months)) for months in (ahead, ahead + 1))
    words = ("--occasion", occasion, "--district", DISTRICTS[0])

    refused = scan(demonstration, *words, "--open", month=too_far)

    assert (refused.code, refused.out) == (2, "")
    assert f"最多提前 {ahead} 个月开办, 目前至 {furthest} 为止" in refused.err
    assert f"{ahead} months ahead at most" in refused.err
    assert scan(demonstration, *words, "--dry-run", month=too_far).code == 0
    assert scan(demonstration, *words, "--open", "--per-second", "50", month=furthest).code == 0


def test_a_program_reads_one_number_from_each_column_also_where_a_case_could_not_be_opened(
    demonstration: Terminal,
) -> None:
    words = ("retire", "scan", "--occasion", "senior_60")
    looked = demonstration.onething(*words, "--dry-run", "--json").json()["districts"]
    district, due = next((one["district"], one["outcomes"]["due"]) for one in looked[1:] if one["outcomes"]["due"] > 0)
    disabled = "UPDATE accounts SET disabled_at = CASE WHEN %s THEN now() END WHERE account = %s"
    with superuser(demonstration) as connection:
        connection.execute(disabled, (True, f"registrar-{district}"))
        connection.commit()
        try:
            said = demonstration.onething(*words, "--district", district, "--open", "--plain")
            looked_only = demonstration.onething(*words, "--district", district, "--dry-run", "--plain")
        finally:
            connection.execute(disabled, (False, f"registrar-{district}"))

    assert said.code == 0, said.err
    (line,) = said.out.splitlines()
    month, *numbers = line.split("\t")
    assert month == looked[0]["month"]
    assert all(number.isdecimal() for number in numbers), numbers
    assert [int(number) for number in numbers[-3:]] == [0, 0, due]
    assert looked_only.out.splitlines()[0].split("\t")[-3:] == ["-", "-", "-"]


def test_the_senior_card_is_found_by_the_same_reading(demonstration: Terminal) -> None:
    month = "2026-12"
    said = scan(demonstration, "--occasion", "senior_60", "--district", "339901", month=month)

    assert said.code == 0, said.err
    found = listed(demonstration, "--occasion", "senior_60", month=month)
    assert {one["rule"] for one in found} <= {"60 1966-12 -> 2026-12"}


def test_a_reading_that_is_killed_goes_on(demonstration: Terminal) -> None:
    process = subprocess.Popen(
        [ONETHING, "retire", "scan", "--month", OTHER_MONTH, "--json"],
        cwd=demonstration.directory, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(0.7)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)

    said = scan(demonstration, month=OTHER_MONTH)

    assert said.code == 0, said.err
    looked = scan(demonstration, "--dry-run", month=OTHER_MONTH).json()
    assert [one for one in looked["districts"] if one["new"] or one["gone"] or one["changed"]] == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("scan", "--month", "2027-13"), 2, "应为年月"),
        (("scan", "--month", "2027-05-01"), 2, "应为年月"),
        (("scan", "--month", MONTH, "--district", "../etc"), 2, "六位区划代码"),
        (("list", "--month", MONTH, "--district", "33990"), 2, "六位区划代码"),
        (("scan", "--month", MONTH, "--dry-run", "--open"), 2, "不能同时"),
        (("scan", "--month", MONTH, "--occasion", "retirment"), 3, "retirment"),
        (("list", "--month", "2031-01"), 3, "尚未扫描"),
    ],
)
def test_what_is_wrong_is_said_in_both_languages(
    demonstration: Terminal, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = demonstration.onething("retire", *words)

    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err


def test_a_register_that_does_not_answer_is_named_and_what_was_read_is_kept(demonstration: Terminal) -> None:
    environment = {"ONETHING_SHARED_DATA_URL": "http://127.0.0.1:9"}

    answer = demonstration.onething("retire", "scan", "--month", "2027-06", environment=environment)

    assert answer.code == 5
    assert "insured_persons" in answer.err
    assert "重新运行" in answer.err


def test_without_any_district_it_says_how_to_name_one(demonstration: Terminal) -> None:
    answer = demonstration.onething("retire", "scan", "--month", MONTH, environment={"ONETHING_SCAN_DISTRICTS": "[]"})

    assert answer.code == 2
    assert "ONETHING_SCAN_DISTRICTS" in answer.err


async def temporal_of(demonstration: Terminal) -> Client:
    environment = demonstration.running().environment
    return await Client.connect(
        environment["ONETHING_TEMPORAL_ADDRESS"], namespace=environment["ONETHING_TEMPORAL_NAMESPACE"]
    )


def test_every_district_of_the_demonstration_has_its_nightly_scans(demonstration: Terminal) -> None:
    async def schedules() -> set[str]:
        client = await temporal_of(demonstration)
        return {one.id async for one in await client.list_schedules()}

    occasions = ("retirement", "senior_60", "senior_70")
    wanted = {f"discovery-{occasion}-{code}" for occasion in occasions for code in DISTRICTS}
    assert asyncio.run(schedules()) == wanted


def test_a_night_of_the_demonstration_opens_the_cases_of_its_district(demonstration: Terminal) -> None:
    district = DISTRICTS[-1]

    async def trigger() -> None:
        client = await temporal_of(demonstration)
        await client.get_schedule_handle(f"discovery-retirement-{district}").trigger()

    asyncio.run(trigger())
    until = time.monotonic() + 60
    waiting = (
        "SELECT count(*) FROM watch_list WHERE district = %s AND month <= %s AND outcome = 'due' AND case_id IS NULL"
    )
    furthest = months_ahead(in_shanghai(datetime.now(UTC)).date(), 6)
    with superuser(demonstration) as connection:
        while True:
            opened = connection.execute("SELECT count(*) FROM cases WHERE division = %s", (district,)).fetchone()
            left = connection.execute(waiting, (district, furthest)).fetchone()
            if opened and opened[0] and left and not left[0]:
                break
            assert time.monotonic() < until, "the night has not opened them"
            time.sleep(0.2)


def test_what_was_paid_provisionally_is_settled_once_with_what_is_owed(settling: Callable[..., Said]) -> None:
    looked = settling("--year", "2025", "--dry-run", "--json").json()
    first = settling("--year", "2025", "--json")
    again = settling("--year", "2025", "--json").json()

    assert first.code == 0, first.err
    assert looked["cases"] == first.json()["cases"]
    assert (looked["corrected"], first.json()["corrected"]) == (False, True)
    assert len(looked["cases"]) == 3
    for one in first.json()["cases"]:
        assert (one["outcome"], one["old"], one["new"], one["difference"]) == (
            "corrected",
            "6001.80",
            "6063.30",
            "61.50",
        )
        assert Decimal(one["owed"]) == one["months"] * Decimal("61.50")
        assert [step["of"] for step in one["steps"]] == ["base", "difference", "difference", "owed", "owed"]
    assert [one["outcome"] for one in again["cases"]] == ["already_corrected"] * 3
    assert all("old" not in one for one in again["cases"])


def test_a_district_is_settled_by_itself_and_a_person_reads_it_in_words(settling: Callable[..., Said]) -> None:
    here = settling("--year", "2025", "--district", "339902", "--plain")
    everybody = settling("--year", "2025", "--plain")

    (line,) = here.out.splitlines()
    assert "已更正 corrected\t6001.80\t6063.30\t61.50" in line
    assert sorted(one.split("\t")[2] for one in everybody.out.splitlines()) == [
        "已更正 corrected",
        "已更正 corrected",
        "此前已更正 already corrected",
    ]
    assert "没有已核定的养老金" in settling("--year", "2024").out + settling("--year", "2024").err


def test_a_year_whose_base_is_not_published_is_not_settled(settling: Callable[..., Said]) -> None:
    answer = settling("--year", "2027")

    assert (answer.code, answer.out) == (3, "")
    assert "2027 年计发基数尚未公布" in answer.err
    assert settling("--year", "2025", "--district", "x").code == 2


def test_the_outcomes_of_settling_are_those_of_the_store() -> None:
    assert set(BECAME) == {one.value for one in reassessments.Outcome}


def test_a_register_of_any_size_is_read_whole_however_often_the_scan_is_killed(terminal: Terminal) -> None:
    said = terminal.typed("bench", "scan", "--people", "3000", "--kills", "2", "--no-fsync", "--json")

    assert said.code == 0, said.err
    figures = said.json()
    assert figures["list"]["as_the_law_means"]
    assert figures["list"]["same_in_both_ways"]
    killed = figures["killed"]
    assert (killed["same_list"], killed["twice"], killed["missed"], killed["scanned"]) == (True, 0, 0, 3000)
