"""Every route of the API with every role against somebody else's case: whatever is not granted is not there (E2).

The matrix is made from the routes themselves, so that a new route without an expectation here fails.
"""

from collections.abc import Callable
from typing import Any

import pytest

from api.identity import Allowed
from api.reference import routes_of, rule_of
from domain.scopes import Action, Reach, Role, reach
from store.accounts import viewer_of_token
from tests.api.conftest import ACCOUNTS, Api
from tests.api.test_cases import concluded
from tests.desk import MONDAY, example
from tests.guards.test_routes import APP

REASON = {"reason": "测试越权"}
PERSON = {"by": "citizen_id", "value": example()["mother"]["citizen_id"], "reason": "测试越权"}

BODIES: dict[str, Any] = {
    "file_case": {"bundle": "newborn", "application": {}},
    "amend_case": {"application": {"mother": {"phone": "15499000008"}}, **REASON},
    "withdraw_case": REASON,
    "settle_proof": {"met": True, **REASON},
    "resubmit_item": REASON,
    "reveal_case": REASON,
    "search_people": PERSON,
    "accesses_to_person": PERSON,
    "pause_department": REASON,
    "resume_department": None,
    "hear_department": None,
    "reveal_contacts": REASON,
    "preview_rosters": None,
    "compare_rosters": None,
    "take_rosters_over": None,
    "export_rosters": REASON,
    "change_office_hours": {"opens": None, "closes": None},
    "change_silence_rule": {"rule": "caseworker"},
    "put_on_duty": {"unit": "police", "account": "officer-1", "post": "officer", "valid_from": "2026-11-01"},
    "take_off_duty": {
        "unit": "police",
        "account": "officer-1",
        "post": "officer",
        "valid_from": "2026-11-01",
        "last_day": "2026-11-30",
    },
    "preview_listing": None,
    "compare_listing": None,
    "take_listing_over": None,
    "search_inbox": PERSON,
    "assign_verifications": {"ids": ["0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4d"], "to": "officer-1", **REASON},
    "preview_confirmations": {"rows": [{"case_no": "339901022611230000015", "answer": "matches"}]},
    "confirm_in_batch": {"rows": [{"case_no": "339901022611230000015", "answer": "matches"}]},
    "correct_item": {"products": {"birth_certificate_no": "A330123457"}, **REASON},
    "claim_verification": None,
    "release_verification": None,
    "hand_over_verification": {"to": "officer-1"},
    "take_back_verification": REASON,
    "answer_verification": {"answer": "matches"},
    "suspend_verification": REASON,
    "resume_verification": None,
    "escalate_proof": REASON,
    "answer_commitment": {"signed": False},
    "show_question_of_link": {"token": "nothing"},
    "answer_link": {"token": "nothing", "answer": "matches"},
    "apply_for_grant": {
        "source": "marriage_register",
        "purpose": "newborn",
        "valid_until": "2027-11-22",
        **REASON,
    },
    "sign_confidentiality": None,
    "approve_grant": None,
    "refuse_grant": REASON,
    "revoke_grant": REASON,
    "ask_verification": {},
    "ask_verifications": {"requests": [{}]},
    "explain_retirement_age": {"category": "F55", "born": "1970-05"},
    "explain_pension_divisor": {"age": "60y1m"},
    "explain_pension": {},
    "sign_in_here": {"account": "nobody", "password": "nothing at all"},
}
"""What each changing route is sent; a new one has to be added."""
ROUTES = [
    (route, method)
    for route in routes_of(APP)
    for method in sorted(route.methods or ())
    if str(route.path).startswith("/api/") and not str(route.name).startswith("stream_")
]
ABOUT_ONE_CASE = [(route, method) for route, method in ROUTES if "{case_no}" in (route.path or "")]
RULED = [(route, method) for route, method in ROUTES if isinstance(rule_of(route), Allowed)]


def send(api: Api, account: str, route: Any, method: str, case_no: str) -> Any:
    path = (
        route.path.replace("{case_no}", case_no)
        .replace("{proof}", "parents_marriage")
        .replace("{item}", "mother_child_handbook")
        .replace("{service}", "health")
        .replace("{code}", "newborn")
    )
    headers = {"idempotency-key": "k", "if-match": '"1"'}
    body = None
    if method in {"POST", "PATCH"}:
        body = BODIES[route.name]
        if route.name == "hear_department":
            body = {"submission": f"{case_no}/birth_certificate/1", "outcome": "accepted", "reference": "X1"}
    return api.by(account).request(method, path, json=body, headers=headers)


def viewer(api: Api, account: str) -> Any:
    with api.store.database.reading() as connection:
        return viewer_of_token(connection, api.tokens[account], MONDAY)


@pytest.fixture
def case_no(api: Api) -> str:
    number = api.filed()
    concluded(api, number)
    return number


def test_whoever_has_no_such_right_is_refused_on_every_route(api: Api, case_no: str) -> None:
    wrong = []
    for account in ACCOUNTS:
        who = viewer(api, account)
        for route, method in RULED:
            rule = rule_of(route)
            assert isinstance(rule, Allowed)
            if reach(who, rule.action) is None:
                answered = send(api, account, route, method, case_no)
                if answered.status_code != 403 or answered.json()["code"] != "not_allowed":
                    wrong.append((account, route.name, answered.status_code))
    assert wrong == []


def test_a_case_beyond_reach_is_not_there(api: Api, case_no: str) -> None:
    """The case is the hospital's, in its division; each reach ends somewhere else."""
    outside: dict[Reach, Callable[[Any], bool]] = {
        Reach.OWN_UNIT: lambda who: who.actor.unit != "hospital",
        Reach.DIVISION: lambda who: who.division != "339901",
        Reach.DEPARTMENT: lambda who: who.department is None,
        Reach.EVERYWHERE: lambda _: False,
    }
    wrong, tried = [], 0
    for account in ACCOUNTS:
        who = viewer(api, account)
        for route, method in ABOUT_ONE_CASE:
            rule = rule_of(route)
            assert isinstance(rule, Allowed)
            how_far = reach(who, rule.action)
            if how_far is not None and outside[how_far](who):
                tried += 1
                answered = send(api, account, route, method, case_no)
                if answered.status_code != 404 or answered.json()["code"] != "case.unknown":
                    wrong.append((account, route.name, answered.status_code))
    assert wrong == []
    assert tried > 20


def test_nobody_without_a_token_gets_anywhere(api: Api, case_no: str) -> None:
    for route, method in RULED:
        path = str(route.path).replace("{case_no}", case_no)
        answered = api.by(None).request(method, path, json=BODIES.get(str(route.name)) if method != "GET" else None)
        assert answered.status_code == 401, route.name


def test_lists_and_searches_end_where_reading_ends(api: Api, case_no: str) -> None:
    for account in ACCOUNTS:
        who = viewer(api, account)
        if reach(who, Action.LIST_CASES) is None:
            continue
        listed = [line["case_no"] for line in api.by(account).get("/api/v1/cases").json()["cases"]]
        shown = api.by(account).get(f"/api/v1/cases/{case_no}").status_code
        assert (listed == [case_no]) == (shown == 200), account
        if reach(who, Action.SEARCH_PEOPLE) is not None:
            found = api.by(account).post("/api/v1/people/search", json=PERSON).json()["found"]
            assert bool(found) == bool(listed), account


def test_a_department_sees_its_own_items_and_what_the_law_lets_it_be_sent(api: Api, case_no: str) -> None:
    shown = api.by("officer-1").get(f"/api/v1/cases/{case_no}?include=content").json()
    revealed = api.by("officer-1").post(f"/api/v1/cases/{case_no}/reveal", json={"reason": "核对户口"}).json()

    assert [item["code"] for item in shown["items"]] == ["household_registration"]
    assert {proof["code"] for proof in shown["proofs"]} == {"parents_marriage", "fathers_household"}
    assert shown["circumstances"] == []
    assert all(
        wait["what"] in {"parents_marriage", "fathers_household", "household_registration"} for wait in shown["waits"]
    )
    for form in (shown["content"]["form"], revealed["content"]["form"]):
        assert "account" not in form["mother"][0]
        assert "mother_insurance" not in form["birth"][0]
        assert "institution_code" not in form["birth"][0]
        assert "born_at" in form["birth"][0]
    assert revealed["content"]["form"]["mother"][0]["citizen_id"] == example()["mother"]["citizen_id"]
    line = api.by("officer-1").get("/api/v1/cases").json()["cases"][0]
    assert (line["waits_for"], line["in_hand"], line["overdue"]) == ([], 0, 0)


def test_the_matrix_knows_every_role() -> None:
    assert {role for _, role in ACCOUNTS.values()} == set(Role)


def test_a_refused_attempt_is_in_the_access_log(api: Api, case_no: str) -> None:
    api.by("neighbour-1").get(f"/api/v1/cases/{case_no}")
    api.by("community-1").post(f"/api/v1/cases/{case_no}/reveal", json=REASON)

    refused = api.by("auditor-1").get("/api/v1/access-log?granted=false").json()["accesses"]

    assert [(entry["account"], entry["action"], entry["case_no"]) for entry in refused] == [
        ("community-1", "reveal_person", None),
        ("neighbour-1", "read_case", case_no),
    ]


@pytest.fixture(autouse=True)
def every_changing_route_has_a_body() -> None:
    missing = {str(route.name) for route, method in ROUTES if method in {"POST", "PATCH", "PUT"}} - BODIES.keys()
    assert not missing, f"say in BODIES what these are sent: {missing}"
