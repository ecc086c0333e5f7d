"""A unit asks for one proof and a verifier answers, from a terminal; numbers of people never stand in a command."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any, get_args

import pytest

from cli.verify import AnswerName
from demo.city.examples import application_for
from demo.city.population import CITY
from domain.events import Answer
from tests.cli.conftest import ROOT, Said, Terminal
from tests.cli.test_events import superuser
from tests.domain.test_single_proof import FATHER, SON

REQUEST = ROOT / "examples" / "verifications" / "father_and_child.json"
FOUND_WITHIN_SECONDS = 30.0
BITES_WITHIN_SECONDS = 20.0
DEMANDED = "parents_marriage"
NOBODY_ELSES_FAMILIES = count(7_000)


def in_inbox(terminal: Terminal, case_no: str) -> dict[str, Any]:
    """The question about this case, as soon as the engine has found who has to answer."""
    until = time.monotonic() + FOUND_WITHIN_SECONDS
    while True:
        said = terminal.onething("verify", "inbox", "--json")
        assert said.code == 0, said.err
        for line in said.json():
            if line["case_no"] == case_no:
                found: dict[str, Any] = line
                return found
        assert time.monotonic() < until, "nobody was asked"
        time.sleep(0.1)


def asked(terminal: Terminal, purpose: str) -> Said:
    """The bank asks about father and son; their numbers come on standard input."""
    return terminal.onething(
        "verify", "ask", "--proof", "father_child_relation", "--subject-name", FATHER["name"],
        "--other-name", SON["name"], "--purpose", purpose,
        stdin=f"{FATHER['citizen_id']}\n{SON['citizen_id']}\n",
    )  # fmt: skip


def as_seconds(written: str) -> int:
    """What a length of time such as 0:01:08 is in seconds."""
    hours, minutes, seconds = map(int, written.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def test_one_proof_is_asked_answered_and_shown(demonstration: Terminal) -> None:
    filed = asked(demonstration, "办理存款继承")
    assert filed.code == 0, filed.err
    case_no = filed.out.strip()
    line = in_inbox(demonstration, case_no)

    waiting = demonstration.onething("verify", "show", case_no)
    assert "等待公安核实“父子(女)关系证明”" in waiting.out
    assert "结果" not in waiting.out
    clock = demonstration.onething("case", "clock", case_no, "--as", "bank")
    assert "云澜区公安分局: 父子(女)关系证明" in clock.out, clock.err
    assert "等待公安核实" in clock.out

    heard = demonstration.onething("verify", "answer", line["id"], "matches")
    assert heard.code == 0, heard.err
    # Pressed twice.
    assert demonstration.onething("verify", "answer", line["id"], "matches").code == 0

    shown = demonstration.onething("verify", "show", case_no)
    assert "结果 Result: 已核实 · confirmed (confirmed)" in shown.out
    assert "由 by 云澜区公安分局" in shown.out
    result = demonstration.onething("verify", "show", case_no, "--json").json()["result"]
    assert result["outcome"] == "confirmed"
    assert result["valid_until"] in shown.out
    told = demonstration.onething("case", "clock", case_no, "--as", "bank", "--json").json()
    rows = demonstration.onething("case", "clock", case_no, "--as", "bank", "--plain").out.splitlines()
    assert len(rows) == len(told["shares"]) + sum(len(item["shares"]) for item in told["items"])
    lines = demonstration.onething("case", "clock", case_no, "--as", "bank").out.splitlines()
    # The case has ended, so its clock stands, and what a reader adds up is what stands above it.
    whole, *below = [as_seconds(found[0]) for line in lines if (found := re.search(r"\d+:\d\d:\d\d", line))]
    assert sum(below[: len(told["shares"])]) == whole == round(told["elapsed_seconds"])
    for said in (filed, waiting, heard, shown, clock):
        assert not any(secret in said.out + said.err for one in (FATHER, SON) for secret in one.values())


def test_the_same_open_question_is_found_again_and_a_file_says_it_whole(demonstration: Terminal) -> None:
    body = json.loads(REQUEST.read_text("utf-8")) | {"purpose": "办理公证"}
    first = demonstration.onething("verify", "ask", "--file", "-", "--json", stdin=json.dumps(body))
    again = demonstration.onething("verify", "ask", "--file", "-", stdin=json.dumps(body))

    assert first.json()["new"] is True
    assert again.out.strip() == first.json()["case_no"]
    assert "is open already" in again.err


def test_an_answer_that_does_not_match_says_why_and_may_tell_of_a_call(demonstration: Terminal) -> None:
    case_no = asked(demonstration, "开立监护账户").out.strip()
    line = in_inbox(demonstration, case_no)
    assert line["id"] in demonstration.onething("verify", "inbox", "--plain").out
    without = demonstration.onething("verify", "answer", line["id"], "contradicts")
    assert without.code == 1
    assert "请写明理由" in without.err

    call = {
        "spoke_with": "社区值班人员",
        "number": "15498000001",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "said": "登记不同",
    }
    heard = demonstration.onething(
        "verify", "answer", line["id"], "contradicts", "--reason", "户籍底册登记不同", "--phone", "-",
        stdin=json.dumps(call),
    )  # fmt: skip

    assert heard.code == 0, heard.err
    assert "15498000001" not in heard.out + heard.err
    shown = demonstration.onething("verify", "show", case_no)
    assert "待经办人认定" in shown.out
    assert "云澜区公安分局: 不一致 · says otherwise" in shown.out


@pytest.mark.parametrize(
    ("words", "stdin", "code", "said"),
    [
        (("ask", "--purpose", "开户"), "", 2, "--proof --subject-name"),
        (("ask", "--proof", "a", "--subject-name", "欧阳㭎", "--purpose", "开户"), "", 2, "standard input"),
        (("ask", "--proof", "nothing", "--subject-name", "欧阳㭎", "--purpose", "开户"), FATHER["citizen_id"], 3, "清单"),
        (("ask", "--proof", "being_a_student", "--subject-name", "欧阳㭎", "--purpose", "开户"), FATHER["citizen_id"], 1, "直接取消"),
        (("ask", "--proof", "kinship", "--subject-name", "欧阳㭎", "--purpose", "开户"), "339901197905039018", 3, "清单"),
        (("inbox", "--unit", "--mine"), "", 2, "--unit"),
        (("show", "339901902611230999999"), "", 3, "there is no such case"),
        (("answer", "00000000-0000-4000-8000-000000000000", "matches"), "", 3, ""),
        (("inbox", "--as", "nobody"), "", 5, "nobody"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_a_sentence(
    demonstration: Terminal, words: tuple[str, ...], stdin: str, code: int, said: str
) -> None:
    ended = demonstration.onething("verify", *words, stdin=stdin)

    assert ended.code == code, ended.err
    assert said in ended.err
    assert ended.out == ""


def test_the_answers_are_those_of_the_rules() -> None:
    assert {str(answer) for answer in AnswerName} == set(get_args(Answer))


def test_a_demonstrations_bundles_keep_to_the_listing(demonstration: Terminal) -> None:
    said = demonstration.onething("bundle", "check")

    assert said.code == 0, said.out
    assert "All are listed: newborn" in said.err
    assert demonstration.onething("bundle", "check", "--json").json() == {}


@pytest.fixture
def cancelled(demonstration: Terminal) -> Iterator[Terminal]:
    """The demonstration, while a proof that the newborn bundle demands is cancelled."""
    with superuser(demonstration) as connection:
        before = connection.execute("SELECT route FROM proof_listing WHERE code = %s", (DEMANDED,)).fetchone()
        assert before is not None
        connection.execute("UPDATE proof_listing SET route = 'cancelled' WHERE code = %s", (DEMANDED,))
        try:
            yield demonstration
        finally:
            connection.execute("UPDATE proof_listing SET route = %s WHERE code = %s", (*before, DEMANDED))


def filed(terminal: Terminal) -> Said:
    """One more family's application."""
    application = application_for(CITY.family(next(NOBODY_ELSES_FAMILIES)))
    return terminal.onething("case", "start", "-", stdin=json.dumps(application, ensure_ascii=False))


def test_a_demand_for_a_cancelled_proof_is_refused_within_seconds_and_named_everywhere(cancelled: Terminal) -> None:
    until = time.monotonic() + BITES_WITHIN_SECONDS
    while (said := filed(cancelled)).code == 0:
        assert time.monotonic() < until, "a cancelled proof may be demanded still"

    assert said.code == 4
    assert DEMANDED in said.err
    assert "直接取消" in said.err

    checked = cancelled.onething("bundle", "check")
    assert checked.code == 1
    assert checked.out.startswith("newborn\t")
    assert DEMANDED in checked.out
    found = [one for one in cancelled.onething("doctor", "--json").json() if one["about"] == "listing"]
    assert [one["level"] for one in found] == ["failed"]
    assert DEMANDED in found[0]["en"]


def test_an_empty_listing_refuses_nothing_and_the_doctor_says_so(demonstration: Terminal) -> None:
    with superuser(demonstration) as connection:
        connection.execute("ALTER TABLE proof_listing RENAME TO away")
        connection.execute("CREATE TABLE proof_listing AS SELECT * FROM away WHERE false")
        connection.execute("GRANT SELECT ON proof_listing TO onething_app")
        try:
            checked = demonstration.onething("bundle", "check")
            found = [one for one in demonstration.onething("doctor", "--json").json() if one["about"] == "listing"]
        finally:
            connection.execute("DROP TABLE proof_listing")
            connection.execute("ALTER TABLE away RENAME TO proof_listing")
    assert checked.code == 0
    assert "is empty" in checked.err
    assert [(one["level"], "is empty" in one["en"]) for one in found] == [("warning", True)]
