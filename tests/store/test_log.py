"""One line per event, in the words of the glossary, and nobody's number on any of them."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from store.log import configure

CITIZEN, OLD_CITIZEN, PHONE = "339901199403170006", "339901830506001", "15499000000"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What was logged, line by line; the configuration is taken back afterwards."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure("json", "INFO")

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in stream.getvalue().split("\n") if line]

    yield read
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def log() -> Any:
    return structlog.get_logger("onething.test")


def test_an_event_is_one_line_with_its_words(lines: Lines) -> None:
    log().info("proof met", case_no="3399-1", item="citizen_card", name="欧阳𬭎")

    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("proof met", "info", "onething.test")
    assert (line["case_no"], line["item"], line["name"]) == ("3399-1", "citizen_card", "欧阳𬭎")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("text", ["a\nb", "a\r\n2026-01-01 [info] forged", "a\x00\x1b[31mb", "a\\nb", "\u202eabc"])
def test_whatever_a_text_holds_it_stays_on_its_line(lines: Lines, text: str) -> None:
    log().warning(text, field=text)
    logging.getLogger("somebody.else").warning("%s", text)

    assert [line["event"] for line in lines()] == [text, text]


@pytest.mark.parametrize(
    "text",
    [
        CITIZEN,
        f"citizen {CITIZEN} unknown",
        f"id{CITIZEN}",
        f"/people/{CITIZEN}/cases",
        f"({OLD_CITIZEN})",
        f"call {PHONE}.",
        f'{{"phone":"{PHONE}"}}',
        "33990119940317001X",
        "33990119940317001x",
    ],
)
def test_numbers_of_people_are_masked_wherever_they_stand(lines: Lines, text: str) -> None:
    log().info(text, plain=text, deep={"list": [text, (text,)], "deeper": {"a": text}})
    logging.getLogger("somebody.else").error("refused: %s", text)

    told = json.dumps(lines(), ensure_ascii=False)
    for number in (CITIZEN, OLD_CITIZEN, PHONE, "33990119940317001"):
        assert number not in told
    assert "****" in told


def test_numbers_that_came_as_numbers_are_masked_too(lines: Lines) -> None:
    log().info("x", citizen=int(CITIZEN), phone=int(PHONE), versions=[12, 15499], late=True)

    (line,) = lines()
    assert (line["citizen"], line["phone"]) == ("339****", "154****")
    assert (line["versions"], line["late"]) == ([12, 15499], True)


def test_numbers_in_a_stack_trace_are_masked(lines: Lines) -> None:
    try:
        raise ValueError(f"no such citizen: {CITIZEN}")
    except ValueError:
        log().exception("failed")
        logging.getLogger("somebody.else").exception("failed")

    told = json.dumps(lines())
    assert CITIZEN not in told
    assert told.count("no such citizen: 339****") == 2


def test_references_stay_whole(lines: Lines) -> None:
    """Masking what an operator searches for would only teach people to switch it off."""
    case_id = "6f6e6574-6869-5e67-8a00-154990000001"
    log().info("x", case_id=case_id, hash="a" * 20 + "15499000000" + "b" * 33, at=1_700_000_000_000)

    (line,) = lines()
    assert line["case_id"] == case_id
    assert line["hash"].startswith("aaaa")
    assert "****" not in line["hash"]
    assert line["at"] == 1_700_000_000_000


def test_what_is_bound_to_a_request_is_on_each_of_its_lines_and_masked(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request="r-1", actor="desk-1", phone=PHONE):
        log().info("one")
        log().info("two")
    log().info("three")

    assert [line.get("request") for line in lines()] == ["r-1", "r-1", None]
    assert lines()[0]["phone"] == "154****"


def test_the_noise_of_libraries_is_not_logged(lines: Lines) -> None:
    logging.getLogger("httpx2").info("HTTP Request: POST https://…")
    logging.getLogger("temporalio").info("polling")
    log().debug("detail")

    assert lines() == []
