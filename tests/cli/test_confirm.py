"""An employer's list at a terminal: looked at, run, run again after what failed was mended; nobody is confirmed twice."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.service import Service
from domain.identifiers import case_no
from domain.time_limits import in_shanghai
from domain.watch_list import months_ahead
from tests.cli.conftest import Said, Terminal
from tests.retirees import form, who_retires

SENT_WITHIN_SECONDS = 60.0
NUMBER = case_no("339901", "02", date(2026, 11, 23), 7)


@pytest.fixture(scope="module")
def bureau(demonstration: Terminal) -> Iterator[Service]:
    """The API as the pension office of the demonstration sees it."""
    with Service.found(demonstration.state, account="pension") as service:
        yield service


def filed(bureau: Service, number: int, *, months: int) -> str:
    """The number of a case of somebody who retires in so many months.

    Of 339901 (0 to 4) and 339903 (9 to 11): in 339902 and 339909 other tests open everybody's case by a scan.
    """
    month = months_ahead(in_shanghai(datetime.now(UTC)).date(), months)
    body = {"bundle": "retirement", "application": form(who_retires(month)[number], month)}
    told: dict[str, Any] = bureau.post("/cases", json.dumps(body).encode(), key=f"confirm-{month}-{number}").json()
    return str(told["case_no"])


def sent_out(bureau: Service, *case_nos: str) -> None:
    """Wait until their forms have gone out."""
    until = time.monotonic() + SENT_WITHIN_SECONDS
    while not set(case_nos) <= {
        one["case_no"] for one in bureau.get("/confirmations", limit=200).json()["confirmations"]
    }:
        assert time.monotonic() < until, "the forms have not gone out"
        time.sleep(0.2)


def confirm(terminal: Terminal, file: Path, *words: str) -> Said:
    return terminal.onething("retire", "confirm", "--from", file, *words)


def results(said: Said) -> list[tuple[int, str]]:
    return [(one["row"], one["result"]) for one in said.json()["rows"]]


def test_a_list_is_looked_at_run_and_run_again(demonstration: Terminal, bureau: Service, tmp_path: Path) -> None:
    first, second = filed(bureau, 0, months=1), filed(bureau, 1, months=1)
    early = filed(bureau, 0, months=5)
    sent_out(bureau, first, second)
    file = tmp_path / "list.csv"
    rows = [f"{first},确认无误,", "", f"{second},信息有误,账号已更换", f"{early},确认无误,"]
    file.write_text("\n".join(["办件编号,答复,说明", *rows]), "utf-8")

    looked = confirm(demonstration, file, "--dry-run", "--json")
    ran = confirm(demonstration, file, "--json")
    again = confirm(demonstration, file)

    assert looked.code == ran.code == again.code == 1
    assert results(looked) == results(ran) == [(2, "confirmed"), (4, "contested"), (5, "refused")]
    assert (looked.json()["dry_run"], ran.json()["dry_run"]) == (True, False)
    assert ran.json()["rows"][2]["code"] == "confirmation.not_sent"
    assert again.out.splitlines()[0].startswith(f"2\t{first}\tconfirmed\t已确认 · confirmed")
    assert "1 行未能办理" in again.err
    events = bureau.get(f"/cases/{first}/events").json()["events"]
    assert [one["type"] for one in events].count("verification_answered") == 1

    file.write_text("\n".join(["办件编号,答复,说明", *rows[:-1]]), "utf-8")
    under_another_key = confirm(demonstration, file, "--json")
    assert under_another_key.code == 0, under_another_key.err
    told = [(one["row"], one["result"], one["again"]) for one in under_another_key.json()["rows"]]
    assert told == [(2, "confirmed", True), (4, "contested", True)]
    events = bureau.get(f"/cases/{first}/events").json()["events"]
    assert [one["type"] for one in events].count("verification_answered") == 1


def test_a_list_without_failures_ends_well(demonstration: Terminal, bureau: Service, tmp_path: Path) -> None:
    only = filed(bureau, 2, months=1)
    sent_out(bureau, only)
    file = tmp_path / "list.csv"
    file.write_text(f"case_no,answer\n{only},matches\n", "utf-8")

    assert confirm(demonstration, file, "--dry-run").code == 0
    ran = confirm(demonstration, file)

    assert (ran.code, ran.err) == (0, "")


def test_a_faulty_row_holds_up_nobody_and_is_told_as_the_spreadsheet_counts(
    demonstration: Terminal, bureau: Service, tmp_path: Path
) -> None:
    good = filed(bureau, 3, months=1)
    sent_out(bureau, good)
    file = tmp_path / "list.csv"
    rows = ["7,确认无误,", "3.39901E+20,确认,", f"{NUMBER},确认,", f"{NUMBER},也许,", f"{good},确认无误,"]
    file.write_text("\n".join(["办件编号,答复,说明", *rows]), "utf-8")

    looked = confirm(demonstration, file, "--dry-run", "--json")
    ran = confirm(demonstration, file, "--json")

    assert looked.code == ran.code == 1
    expected = [(2, "refused"), (3, "refused"), (4, "refused"), (5, "refused"), (6, "confirmed")]
    assert results(looked) == results(ran) == expected
    told = ran.json()
    assert (told["confirmed"], told["refused"]) == (1, 4)
    assert "单元格是数字格式, 末几位可能已丢失" in told["rows"][1]["detail_zh"]
    assert "文件第 4、5 行重复出现" in told["rows"][2]["detail_zh"]
    assert [fault["pointer"] for fault in told["rows"][3]["errors"]] == ["/5/answer"]


def test_a_fault_is_named_by_its_row_in_the_file_whoever_found_it(
    demonstration: Terminal, bureau: Service, tmp_path: Path
) -> None:
    silent = filed(bureau, 9, months=1)
    sent_out(bureau, silent)
    file = tmp_path / "list.csv"
    file.write_text(f"办件编号,答复,说明\n7,确认无误,\n\n{silent},不办理,\n", "utf-8")

    looked = confirm(demonstration, file, "--dry-run", "--json")
    ran = confirm(demonstration, file, "--json")

    pointers = [fault["pointer"] for row in ran.json()["rows"] for fault in row["errors"]]
    assert pointers == ["/2/case_no", "/4/note"]
    assert looked.json()["rows"] == ran.json()["rows"]


def test_a_file_with_faults_is_named_and_nothing_is_sent(demonstration: Terminal, tmp_path: Path) -> None:
    faulty, empty, long = (tmp_path / name for name in ("faulty.csv", "empty.csv", "long.csv"))
    faulty.write_text(f"number,answer\n{NUMBER},matches\n", "utf-8")
    empty.write_text("case_no,answer\n", "utf-8")
    long.write_text("case_no,answer\n" + f"{NUMBER},matches\n" * 1001, "utf-8")

    told = confirm(demonstration, faulty)

    assert told.code == 1
    assert "row 1" in told.err
    assert "办件编号" in told.err
    assert confirm(demonstration, empty).code == 1
    assert "1000" in confirm(demonstration, long).err
    assert confirm(demonstration, tmp_path / "none.csv").code == 2


def test_another_account_may_not(demonstration: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(f"case_no,answer\n{NUMBER},matches\n", "utf-8")

    refused = confirm(demonstration, file, "--as", "desk")

    assert refused.code == 1
    assert "您无权办理此事" in refused.err


def test_who_chooses_another_month_when_telephoned_has_the_form_sent_again_before_it(
    demonstration: Terminal, bureau: Service
) -> None:
    case_no = filed(bureau, 4, months=1)
    sent_out(bureau, case_no)
    (line,) = [
        one for one in bureau.get("/confirmations", limit=200).json()["confirmations"] if one["case_no"] == case_no
    ]
    statutory = months_ahead(in_shanghai(datetime.now(UTC)).date(), 1)

    def choose(month: int) -> Said:
        chosen = {"insurance": {"choice": "late", "retires_on": f"{month // 12}-{month % 12 + 1:02}"}}
        words = ("verify", "answer", line["id"], "matches", "--corrections", "-", "--as", "pension")
        return demonstration.onething(*words, stdin=json.dumps(chosen))

    too_far, chosen = choose(statutory + 37), choose(statutory + 6)

    assert (too_far.code, chosen.code) == (1, 0), chosen.err
    assert "不在可选范围" in too_far.err
    assert "再请确认一次" in chosen.out
    events = [one["type"] for one in bureau.get(f"/cases/{case_no}/events").json()["events"]]
    assert (events.count("application_amended"), events.count("verification_answered")) == (1, 0)
