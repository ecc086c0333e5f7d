"""What was stored stays readable: every event ever written, by the word it was stored under.

`tests/golden/events.json` holds one event of every type as the first version wrote it. It is never rewritten. A new
event gets its line there (set ONETHING_ADD_GOLDEN=1 and run this file once); an event whose shape changes gets a
higher `schema_version`, an upcaster, and a further line.
"""

import ast
import inspect
import json
import os
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain import case_file, timeline
from domain.case_file import CaseFile, evolve, evolve_all
from domain.decisions import decide
from domain.events import EVENT_CLASSES, UPCASTERS, Event, Happened, read_event, write_event
from domain.time_limits import OfficeHours
from domain.timeline import sentence
from tests.domain.simulation import tell
from tests.domain.telling import (
    LEAGUE_PLAYERS,
    MONDAY,
    OFFICER,
    SEASON_PLAYERS,
    a_family,
    amend,
    answers,
    claims,
    commits,
    corrects,
    day_comes,
    department,
    departments_conclude,
    given,
    opening,
    opens,
    overdue,
    proven,
    read,
    register,
    rejected,
    reminds,
    resumes,
    settle,
    suspends,
    unreachable,
    withdraw,
)
from tests.domain.tennis_club import TENNIS_CLUB

GOLDEN = Path(__file__).parents[1] / "golden" / "events.json"

SILENT: frozenset[str] = frozenset()
"""Event types that no timeline shows; each would need its reason here."""

STORED_WORDS = {
    "milestone_reached",
    "application_amended",
    "case_concluded",
    "case_opened",
    "case_withdrawn",
    "commitment_answered",
    "department_unreachable",
    "item_accepted",
    "item_acknowledged",
    "item_cancelled",
    "item_concluded",
    "item_corrected",
    "item_denied",
    "item_overdue",
    "item_submitted",
    "item_unreachable",
    "late_answer_recorded",
    "proof_contested",
    "proof_dropped",
    "proof_met",
    "proof_settled",
    "route_exhausted",
    "route_opened",
    "submission_rejected",
    "verification_answered",
    "verification_assigned",
    "verification_opened",
    "verification_reminded",
    "verification_resumed",
    "verification_suspended",
}
"""The words in the database. A class may be renamed, a word never; new ones are added."""


def _people_were_asked(file: CaseFile) -> list[Event]:
    """Everything that can be said of one verification."""
    told: list[Event] = []
    proof = "parents_marriage"
    asked = given(register(file, proof, "not_found"), file=file)
    for command in (
        opens(asked, proof, owner=OFFICER.account, hours=OfficeHours()),
        claims(asked, proof),
        reminds(asked, proof, 50, at=MONDAY + timedelta(minutes=15)),
        suspends(asked, proof, at=MONDAY + timedelta(minutes=16)),
        resumes(asked, proof, at=MONDAY + timedelta(minutes=40)),
        answers(asked, proof, "no_record", by_phone=True, at=MONDAY + timedelta(minutes=41)),
    ):
        events = decide(command, asked)
        told += events
        asked = evolve_all(asked, events) or asked
    player = given(opening(LEAGUE_PLAYERS[0]))
    for _ in ("department", "community"):
        player = given(opens(player, "conduct", unit=None), file=player)
    signed, *_ = decide(commits("conduct", signed=True), player)
    # Told in the words of the same bundle as the rest: the conduct is the tennis club's.
    return [*told, signed.model_copy(update={"proof": proof})]


def _one_of_each() -> dict[str, Event]:
    """An event of every type, from cases in which it happens."""
    file, sent = a_family("twins"), proven("twins")
    late = given(register(file, "birth_record"), file=file)
    contested = given(register(file, "birth_record", "contradicts", differing=("born_on",)), file=file)
    due = sent.item("maternity_benefit").promised_by
    assert due is not None
    changed = read("twins", birth__mother_insurance="none")
    told: list[Event] = []
    for command, before in (
        (opening(read("twins", mother__account="6299999000000000006")), None),
        (register(late, "birth_record", "contradicts", rung=0), late),
        (register(file, "birth_record"), file),
        (register(file, "birth_record", "contradicts", differing=("born_on",)), file),
        (register(file, "birth_record", "not_found"), file),
        (settle("birth_record", met=False), contested),
        (department("birth_certificate:1", "acknowledged"), sent),
        (department("birth_certificate:1", "concluded"), sent),
        (department("birth_certificate:1", "denied", reason_code="name"), sent),
        (rejected("birth_certificate:1"), sent),
        (unreachable("birth_certificate:1"), sent),
        (overdue("maternity_benefit", due), sent),
        (amend(file, changed, "birth.mother_insurance"), file),
        (withdraw(), sent),
    ):
        told += decide(command, before)
    told += _people_were_asked(file)
    told += decide(day_comes("season", at=MONDAY + timedelta(days=8)), given(opening(SEASON_PLAYERS[0])))
    almost = departments_conclude(sent, but=("maternity_benefit",))
    told += decide(department("maternity_benefit", "concluded"), almost)
    certified = given(department("birth_certificate:1", "concluded"), file=sent)
    told += decide(corrects("birth_certificate:1", "birth_certificate_no"), certified)
    first: dict[str, Event] = {}
    for event in told:
        first.setdefault(event.type, event)
    return first


ONE_OF_EACH = _one_of_each()


def golden() -> list[dict[str, Any]]:
    stored = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else []
    if os.environ.get("ONETHING_ADD_GOLDEN"):
        known = {(line["type"], line["schema_version"]) for line in stored}
        stored += [
            {"type": kind, "schema_version": event.schema_version, "body": json.loads(write_event(event))}
            for kind, event in sorted(ONE_OF_EACH.items())
            if (kind, event.schema_version) not in known
        ]
        GOLDEN.parent.mkdir(exist_ok=True)
        lines = ",\n".join(json.dumps(line, ensure_ascii=False, sort_keys=True) for line in stored)
        GOLDEN.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return stored


STORED = golden()


def test_the_words_in_the_database_are_these_and_none_was_renamed() -> None:
    assert set(EVENT_CLASSES) == STORED_WORDS


def test_every_type_is_in_the_golden_file_in_every_version() -> None:
    stored = {(line["type"], line["schema_version"]) for line in STORED}

    assert stored >= {
        (kind, version) for kind, made in EVENT_CLASSES.items() for version in range(1, made.schema_version + 1)
    }
    assert {(kind, version) for kind, version in stored if version < EVENT_CLASSES[kind].schema_version} == set(
        UPCASTERS
    )


def kept(written: object, stored: object) -> bool:
    """Whether everything that was stored is still there; what is new beside it does no harm."""
    match written, stored:
        case dict(), dict():
            return all(name in written and kept(written[name], value) for name, value in stored.items())
        case list(), list():
            return len(written) == len(stored) and all(map(kept, written, stored))
        case _:
            return written == stored


@pytest.mark.parametrize("line", STORED, ids=lambda line: f"{line['type']} v{line['schema_version']}")
def test_what_the_first_version_wrote_reads_today_and_loses_nothing(line: dict[str, Any]) -> None:
    event = read_event(line["type"], line["schema_version"], json.dumps(line["body"]))

    assert event.type == line["type"]
    if line["schema_version"] == event.schema_version:
        assert kept(json.loads(write_event(event)), line["body"])
    assert read_event(event.type, event.schema_version, write_event(event)) == event


def test_a_whole_old_case_reads_as_it_did() -> None:
    opened = next(line for line in STORED if line["type"] == "case_opened")

    file = evolve_all(None, [read_event("case_opened", 1, json.dumps(opened["body"]))])

    assert file is not None
    assert file.opened.warnings == ("/mother/account:check",)
    assert list(file.items)[:2] == ["birth_certificate:1", "birth_certificate:2"]
    assert departments_conclude(file).bundle == file.bundle


@pytest.mark.parametrize("kind", sorted(EVENT_CLASSES))
def test_every_event_is_the_same_after_being_stored(kind: str) -> None:
    event = ONE_OF_EACH[kind]

    assert read_event(kind, event.schema_version, write_event(event)) == event


def test_whatever_happens_in_simulated_cases_is_the_same_after_being_stored() -> None:
    types: set[str] = set()
    for seed in range(400):
        if seed >= 60 and types == STORED_WORDS:
            break
        events = tell(seed)
        again = [read_event(event.type, event.schema_version, write_event(event)) for event in events]
        assert again == events
        assert evolve_all(None, again) == evolve_all(None, events)
        types |= {event.type for event in events}
    assert types == STORED_WORDS


@pytest.mark.parametrize("kind", sorted(EVENT_CLASSES))
def test_an_event_holds_no_text_of_a_person(kind: str) -> None:
    body = write_event(ONE_OF_EACH[kind])

    for secret in ("查一舟", "万俟岚", "339907199505010124", "15499000012", "6299999000000000006"):
        assert secret not in body


def test_the_time_in_an_event_is_an_instant_in_whatever_zone_it_was_told() -> None:
    event = ONE_OF_EACH["item_concluded"]

    assert event.at == MONDAY == MONDAY.astimezone(UTC)
    assert read_event(event.type, 1, write_event(event)).at.utcoffset() == timedelta(hours=8)


def test_an_unknown_word_is_a_fault_and_never_skipped() -> None:
    with pytest.raises(KeyError):
        read_event("case_vanished", 1, "{}")


def _cases_of(function: Callable[..., object]) -> set[str]:
    tree = ast.parse(inspect.getsource(function))
    return {
        EVENT_CLASSES_BY_NAME[node.cls.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name) and node.cls.id in EVENT_CLASSES_BY_NAME
    }


EVENT_CLASSES_BY_NAME = {made.__name__: kind for kind, made in EVENT_CLASSES.items()}


def test_every_event_is_believed_by_name_and_the_type_checker_watches_over_it() -> None:
    assert _cases_of(case_file._changed) == STORED_WORDS
    assert "assert_never(event)" in inspect.getsource(case_file._changed)


def test_every_event_is_shown_by_the_timeline_or_listed_as_silent() -> None:
    assert _cases_of(timeline.sentence) | SILENT == STORED_WORDS
    assert "assert_never(event)" in inspect.getsource(timeline.sentence)
    for kind, event in ONE_OF_EACH.items():
        # Newborns wait for no day.
        text = sentence(event, TENNIS_CLUB if kind == "milestone_reached" else a_family("twins").bundle)
        assert text.zh, kind
        assert text.en, kind
        assert text.en.isascii(), kind
        assert "_" not in text.zh, kind


@pytest.mark.parametrize("kind", sorted(STORED_WORDS - {"case_opened"}))
def test_every_event_moves_the_case_on_by_one_version(kind: str) -> None:
    file: CaseFile = proven("twins")
    if kind.startswith("verification_") and kind != "verification_opened":
        # What is told of a question is about one that was asked.
        file = evolve(file, ONE_OF_EACH["verification_opened"])
    if kind == "verification_resumed":
        file = evolve(file, ONE_OF_EACH["verification_suspended"])

    assert evolve(file, ONE_OF_EACH[kind]).version == file.version + 1


def test_every_event_says_when_and_by_whom() -> None:
    for kind, made in EVENT_CLASSES.items():
        assert issubclass(made, Happened), kind
        assert made.model_config.get("frozen"), kind
