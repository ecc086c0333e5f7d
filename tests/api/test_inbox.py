"""People find what they were asked in their inbox, the next due first, and nobody's number stands in an address."""

import random
from datetime import timedelta
from itertools import count
from typing import Any, get_args
from uuid import UUID

import pytest

from api.shapes import write_cursor
from domain.events import Answer
from store.read_models.verifications import Queue
from tests.api.conftest import Api
from tests.api.officers import (
    MINUTE,
    REASON,
    SUBJECT,
    Question,
    act,
    acted,
    ask,
    case_of,
    counts,
    expires,
    ids,
    is_whole,
    listed,
    logged,
    opened,
)
from tests.api.officers import api as api  # with units that are asked
from tests.api.test_cases import case_id, contested
from tests.desk import MONDAY, example
from tests.workflows.officers import alone


def test_each_queue_holds_what_its_name_says(api: Api) -> None:
    mine = ask(api, "mine", owner="civil-1")
    unclaimed = ask(api, "unclaimed")
    by_roster = ask(api, "by roster", owner="civil-2")
    taken = ask(api, "taken")
    acted(api, "civil-2", taken, "claim")
    stopped = ask(api, "stopped")
    acted(api, "civil-1", stopped, "suspension", {"reason": "等待本人补充情况"})
    tomorrow = ask(api, "tomorrow", bundle=alone(immediate=False))
    over = ask(api, "over")
    acted(api, "civil-1", over, "answer", {"answer": "matches"})
    against = ask(api, "against")
    acted(api, "civil-1", against, "answer", {"answer": "contradicts", "reason": REASON})

    def held(queue: str) -> set[str]:
        return set(ids(listed(api, "civil-1", f"queue={queue}")))

    def those(*questions: Question) -> set[str]:
        return {str(question.id) for question in questions}

    assert held("mine") == those(mine)
    assert held("unit") == those(unclaimed, by_roster, stopped, tomorrow)
    assert held("colleagues") == those(taken)
    assert held("soon") == those(mine, unclaimed, by_roster, taken)
    assert held("suspended") == those(stopped)
    assert held("late_or_contradicting") == those(against)
    assert held("ended") == those(over, against)
    assert held("open") == held("mine") | held("unit") | held("colleagues")


def test_what_is_due_first_comes_first_and_what_stands_still_last(api: Api) -> None:
    questions = []
    for minutes in (3, 1, 2, 0):
        api.clock.at = MONDAY + minutes * MINUTE
        questions.append(ask(api, f"after {minutes}"))
    acted(api, "civil-1", questions[3], "suspension", {"reason": "等待本人补充情况"})

    lines = listed(api, "civil-1")

    assert [line["id"] for line in lines] == [str(questions[at].id) for at in (1, 2, 0, 3)]
    assert [line["due"] is None for line in lines] == [False, False, False, True]
    assert lines[0]["due"] == "2026-11-23T09:31:00.000+08:00"


def test_what_ended_last_comes_first(api: Api) -> None:
    first, second = ask(api, "one"), ask(api, "two")
    acted(api, "civil-1", second, "answer", {"answer": "matches"})
    api.clock.at += MINUTE
    acted(api, "civil-1", first, "answer", {"answer": "matches"})

    assert ids(listed(api, "civil-1", "queue=ended")) == [str(first.id), str(second.id)]


def test_a_supervisor_looks_at_one_unit_or_one_person_of_the_division(api: Api) -> None:
    civil, community = ask(api, "civil", owner="civil-2"), ask(api, "community", unit="mingyue")
    far = ask(api, "far", unit="far-civil")

    # The division is the case's, wherever the unit may be.
    assert set(ids(listed(api, "supervisor-1"))) == {str(one.id) for one in (civil, community, far)}
    assert ids(listed(api, "supervisor-1", "unit=mingyue")) == [str(community.id)]
    assert ids(listed(api, "supervisor-1", "owner=civil-2")) == [str(civil.id)]
    assert counts(api, "supervisor-1", "owner=civil-2")["open"] == 1
    assert listed(api, "civil-1", "unit=mingyue") == []


def test_a_queue_is_searched_by_case_number_and_by_title(api: Api) -> None:
    one, two = ask(api, "one"), ask(api, "two")
    grouped = listed(api, "civil-1", f"q={one.case_no}")[0]["case_no_grouped"]

    for typed in (one.case_no, grouped, f" {one.case_no} "):
        answered = api.by("civil-1").get("/api/v1/inbox", params={"q": typed})
        assert ids(answered.json()["verifications"]) == [str(one.id)]
    assert set(ids(listed(api, "civil-1", "q=婚姻"))) == {str(one.id), str(two.id)}
    assert set(ids(listed(api, "civil-1", "q=MARITAL"))) == {str(one.id), str(two.id)}
    assert listed(api, "civil-1", "q=100%25") == []
    assert listed(api, "civil-1", "q=_____________") == []
    assert counts(api, "civil-1", f"q={one.case_no}")["open"] == 1


def test_a_persons_number_in_an_address_is_refused_without_looking(api: Api) -> None:
    for typed in (SUBJECT["citizen_id"], "15499000000", "339901 19940317 0006"):
        answered = api.by("civil-1").get("/api/v1/inbox", params={"q": typed})
        assert (answered.status_code, answered.json()["code"]) == (422, "case_no.not_valid")
        assert typed not in answered.text


def test_a_queue_is_searched_by_a_persons_number_and_the_search_is_on_record(api: Api) -> None:
    one = ask(api, "one")
    ask(api, "two", subject={"name": "单秀英", "citizen_id": "339901197809080028"})
    done = ask(api, "three")
    acted(api, "civil-1", done, "answer", {"answer": "matches"})

    def search(by: str, value: str, **more: str) -> Any:
        body = {"by": "citizen_id", "value": value, "reason": "当事人来电询问", **more}
        return api.by(by).post("/api/v1/inbox/search", json=body)

    assert ids(search("civil-1", SUBJECT["citizen_id"]).json()["verifications"]) == [str(one.id)]
    assert ids(search("civil-1", SUBJECT["citizen_id"], queue="ended").json()["verifications"]) == [str(done.id)]
    assert ids(search("mingyue-1", SUBJECT["citizen_id"]).json()["verifications"]) == []
    assert ids(search("civil-1", "339901196503120029").json()["verifications"]) == []
    assert search("civil-1", SUBJECT["citizen_id"], queue="all").status_code == 422
    wrong = search("civil-1", SUBJECT["citizen_id"][:-1] + "7")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/value")
    searches = api.by("auditor-1").get("/api/v1/access-log?action=search_inbox").json()["accesses"]
    assert [(entry["account"], entry["purpose"]) for entry in searches] == [
        ("civil-1", "当事人来电询问"),
        ("mingyue-1", "当事人来电询问"),
        ("civil-1", "当事人来电询问"),
        ("civil-1", "当事人来电询问"),
    ]
    assert [entry["account"] for entry in logged(api, one, "found_by_search")] == ["civil-1"]


def test_whoever_stands_elsewhere_in_the_case_is_not_found(api: Api) -> None:
    """The police are asked about the father; that the mother has a case is not theirs to find out."""
    case_no = api.filed()
    case = case_id(api, case_no)
    contested(api, case_no, "father_identity", outcome="unreachable")
    question = opened(api, case, "father_identity", rung=1, unit="police")

    def search(by: str, value: str) -> list[str]:
        body = {"by": by, "value": value, "reason": "当事人来电询问"}
        return ids(api.by("officer-1").post("/api/v1/inbox/search", json=body).json()["verifications"])

    assert search("citizen_id", example()["father"]["citizen_id"]) == [str(question)]
    assert search("phone", example()["father"]["phone"]) == [str(question)]
    assert search("citizen_id", example()["mother"]["citizen_id"]) == []
    assert search("phone", example()["mother"]["phone"]) == []


def test_pages_lead_through_a_queue_that_changes_meanwhile(api: Api) -> None:
    questions = []
    for minutes in range(9):
        api.clock.at = MONDAY + minutes * MINUTE
        questions.append(ask(api, f"after {minutes}"))
    at = {str(question.id): place for place, question in enumerate(questions)}
    seen: list[int] = []
    path = "/api/v1/inbox?queue=open&limit=2"
    for turn in count():
        answered = api.by("civil-1").get(path)
        assert answered.status_code == 200, answered.text
        seen += [at[id] for id in ids(answered.json()["verifications"])]
        if turn == 0:
            acted(api, "civil-1", questions[0], "answer", {"answer": "matches"})  # seen already
            acted(api, "civil-1", questions[3], "answer", {"answer": "matches"})  # not seen yet
            acted(api, "civil-1", questions[4], "suspension", {"reason": "等待本人补充情况"})  # goes to the end
            acted(api, "civil-2", questions[5], "claim")  # stays where it is
        path = answered.headers.get("link", "").partition(">")[0].removeprefix("<")
        if not path:
            break

    assert seen == [0, 1, 2, 5, 6, 7, 8, 4]


WITHOUT_ITS_ZONE = write_cursor("2026-11-23T01:00:00", UUID(int=1))


@pytest.mark.parametrize(
    "cursor", ["nonsense", "WyJhIl0", "WyIyMDI2LTExLTIzVDAxOjAwOjAwIiwgIjEiXQ", "e30", WITHOUT_ITS_ZONE]
)
def test_a_cursor_that_was_never_ours_is_refused(api: Api, cursor: str) -> None:
    answered = api.by("civil-1").get(f"/api/v1/inbox?cursor={cursor}")

    assert (answered.status_code, answered.json()["errors"][0]["parameter"]) == (422, "query.cursor")


def test_the_counts_are_the_lengths_of_the_lists_whatever_happens(api: Api) -> None:
    """Acts drawn from a seed; after every twentieth, each account counts what it can list, and no queue stays empty."""
    chances = random.Random(20261123)
    questions = [
        ask(api, f"number {number}", unit=chances.choice(["civil", "civil", "mingyue"]), owner=owner)
        for number, owner in enumerate([None, "civil-1", "civil-2", None] * 4)
    ]
    members = {"civil": ("civil-1", "civil-2", "civil-chief"), "mingyue": ("mingyue-1",)}
    filled: set[str] = set()
    for step in range(1, 81):
        api.clock.at += timedelta(seconds=chances.randrange(45))
        question = chances.choice(questions)
        unit = next(iter(case_of(api, question).verifications.values())).opened.unit
        what, body = chances.choice(
            [
                ("claim", None),
                ("release", None),
                ("suspension", {"reason": REASON}),
                ("resumption", None),
                ("hand-over", {"to": chances.choice(members[unit])}),
                ("answer", {"answer": chances.choice(get_args(Answer)), "reason": REASON}),
            ]
        )
        if step % 8 == 0:
            expires(api, question)
        else:
            act(api, chances.choice(members[unit]), question, what, body)
        if step % 20 == 0:
            for account in ("civil-1", "civil-2", "mingyue-1", "guiyu-1", "supervisor-1"):
                for query in ("", "unit=civil&q=婚姻", "owner=civil-2"):
                    many = counts(api, account, query)
                    assert many == {q: len(listed(api, account, f"queue={q}&limit=200&{query}")) for q in Queue}
                    assert many["open"] == many["mine"] + many["unit"] + many["colleagues"]
                    filled |= {queue for queue, number in many.items() if number}
    assert filled == set(Queue)
    assert is_whole(api)
