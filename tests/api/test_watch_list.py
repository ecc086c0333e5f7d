"""到龄名单 over HTTP: who is on it and why, what a reading changed, and nobody's list outside one's own division."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.law.months import read_month
from domain.scopes import MAY, Action, Role
from domain.watch_list import CONFLICTS, EXCLUSIONS, FAULTS, Outcome
from store.accounts import add_account, add_unit, issue_token
from store.tables import access_log
from store.watch_list import begin_or_go_on, keep_page
from tests.api.conftest import ACCOUNTS, Api
from tests.desk import MONDAY
from tests.store.test_watch_list import MARCH, NEXT_NIGHT, NIGHT, Clerk, finding, in_conflict
from tests.store.test_watch_list import MAY as MAY_2027

HERE, ELSEWHERE, ANOTHER_CITY = "339901", "339902", "339801"
MONTH = "2027-03"
CITY_OFFICER, CITY_SUPERVISOR = "city-officer", "city-supervisor"


@pytest.fixture
def api(api: Api) -> Api:
    """With the city's pension bureau."""
    with api.store.database.begin() as connection:
        add_unit(connection, "city-bureau", title="城市社保", division="339900", department="human_resources")
        for account, role in ((CITY_OFFICER, Role.PENSION_OFFICER), (CITY_SUPERVISOR, Role.SUPERVISOR)):
            add_account(connection, account, unit="city-bureau", role=role)
            api.tokens[account] = issue_token(connection, account, label="test", at=MONDAY)
    return api


@pytest.fixture
def clerk(api: Api) -> Clerk:
    """Whoever reads the register."""
    return Clerk(api.store.database)


def asked(api: Api, by: str = CITY_OFFICER, **query: Any) -> Any:
    return api.by(by).get("/api/v1/watch-list", params={"month": MONTH} | query)


def lines(api: Api, by: str = CITY_OFFICER, **query: Any) -> list[dict[str, Any]]:
    answered = asked(api, by, **query)
    assert answered.status_code == 200, answered.text
    found: list[dict[str, Any]] = answered.json()["lines"]
    return found


def summary(api: Api, by: str = CITY_OFFICER, **query: Any) -> list[dict[str, Any]]:
    answered = api.by(by).get("/api/v1/watch-list/summary", params=query)
    assert answered.status_code == 200, answered.text
    found: list[dict[str, Any]] = answered.json()["lists"]
    return found


def test_each_line_says_by_which_rule_and_why(api: Api, clerk: Clerk) -> None:
    clerk.read(finding("A1"), in_conflict("A2"))

    due, doubted = lines(api)

    assert due == {
        "person": "A1",
        "district": HERE,
        "month": MONTH,
        "months": [MONTH],
        "born": "1966-09",
        "rule": {
            "code": "M60 1966-09 -> 2027-03",
            "zh": "男职工, 1966-09 出生, 2027-03 达到法定退休年龄",
            "en": "men, born in 1966-09: the statutory age in 2027-03",
        },
        "outcome": "due",
        "reasons": [],
        "change": None,
        "month_now": None,
        "case_no": None,
        "case_readable": False,
        "fault": None,
    }
    assert (doubted["outcome"], doubted["reasons"]) == (
        "conflict",
        [{"code": "arrears", "zh": "有欠费", "en": "contributions are owed"}],
    )


def test_what_a_reading_changed_is_shown_and_who_is_gone_stays_in_view(api: Api, clerk: Clerk) -> None:
    clerk.read(finding("A1"), finding("A2"), in_conflict("A3"), finding("A5"))
    clerk.read(finding("A1"), in_conflict("A2"), in_conflict("A3"), finding("A4"), at=NEXT_NIGHT)

    assert {one["person"]: one["change"] for one in lines(api)} == {
        "A1": None,
        "A2": "changed",
        "A3": None,
        "A4": "new",
        "A5": "gone",
    }
    for change, person in (("new", "A4"), ("gone", "A5"), ("changed", "A2")):
        assert [one["person"] for one in lines(api, change=change)] == [person]
    (list_,) = summary(api, month=MONTH)
    assert list_["changes"] == {"new": 1, "gone": 1, "changed": 1}
    assert list_["outcomes"] == {"due": 2, "conflict": 2, "excluded": 0}, "who is gone does not count"
    assert (list_["read_at"][:16], list_["read_before_at"][:16]) == ("2026-09-08T02:00", "2026-09-07T02:00")


def test_whom_the_register_gives_another_month_now_is_gone_to_that_month(api: Api, clerk: Clerk) -> None:
    clerk.read(finding("A1"), finding("A2"))
    clerk.read(finding("A1"), at=NEXT_NIGHT)
    moved = finding("A2", month=MAY_2027, months=(MAY_2027,), rule="M60 1966-11 -> 2027-05")
    clerk.read(moved, month=MAY_2027, at=NEXT_NIGHT)

    (gone,) = lines(api, change="gone")

    assert (gone["person"], gone["month_now"], gone["rule"], gone["months"]) == ("A2", "2027-05", None, [])


def test_a_reading_under_way_is_held_against_the_last_that_came_to_its_end(api: Api, clerk: Clerk) -> None:
    clerk.read(finding("A1"), finding("A2"))
    clerk.read(finding("A1"), finding("A2"), finding("A3"), at=NEXT_NIGHT)
    third = clerk.begin(at=NEXT_NIGHT + timedelta(days=1))
    clerk.keep(third, [in_conflict("A1")], last="A1", at=NEXT_NIGHT + timedelta(days=1))

    assert {one["person"]: one["change"] for one in lines(api)} == {"A1": "changed", "A2": None, "A3": "new"}


def test_after_the_first_reading_nothing_is_called_new(api: Api, clerk: Clerk) -> None:
    clerk.read(finding("A1"))

    assert [one["change"] for one in lines(api)] == [None]
    assert summary(api)[0]["changes"] is None


def test_the_list_is_cut_to_what_is_asked_for_page_by_page(api: Api, clerk: Clerk) -> None:
    clerk.read(finding("A2"), in_conflict("A3"))
    clerk.read(finding("A1", district=ELSEWHERE), finding("A4", district=ELSEWHERE), district=ELSEWHERE)
    with api.store.database.begin() as connection:
        run = begin_or_go_on(connection, "senior_60", MARCH, HERE, NIGHT)
        keep_page(connection, run, [finding("A9", occasion="senior_60")], last=None, read=1, at=NIGHT)

    assert [one["person"] for one in lines(api)] == ["A2", "A3", "A1", "A4"]
    assert [one["person"] for one in lines(api, district=ELSEWHERE)] == ["A1", "A4"]
    assert [one["person"] for one in lines(api, outcome="conflict")] == ["A3"]
    assert [one["person"] for one in lines(api, occasion="senior_60")] == ["A9"]
    assert lines(api, month="2027-04") == []
    seen: list[str] = []
    answered = asked(api, limit=1)
    while True:
        seen += [one["person"] for one in answered.json()["lines"]]
        if "link" not in answered.headers:
            break
        answered = api.by(CITY_OFFICER).get(answered.headers["link"].partition("<")[2].partition(">")[0])
    assert seen == ["A2", "A3", "A1", "A4"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"month": "2027-13"}, 422, "request.not_valid"),
        ({"month": "2027-03-01"}, 422, "request.not_valid"),
        ({"month": ""}, 422, "request.not_valid"),
        ({"district": "33990"}, 422, "request.not_valid"),
        ({"outcome": "gone"}, 422, "request.not_valid"),
        ({"change": "due"}, 422, "request.not_valid"),
        ({"cursor": "W10"}, 422, "request.not_valid"),
        ({"cursor": "WyJ4IiwgInkiXQ"}, 422, "request.not_valid"),
        ({"occasion": "wedding"}, 404, "discovery.unknown"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(api: Api, query: dict[str, str], status: int, code: str) -> None:
    answered = asked(api, **query)

    assert (answered.status_code, answered.json()["code"]) == (status, code)


# ── who may ─────────────────────────────────────────────────────────────────────────────────────────────────────────

ACCOUNT_OF = {role: account for account, (_, role) in reversed(ACCOUNTS.items())}


@pytest.mark.parametrize("role", Role)
def test_the_list_opens_for_the_bureau_its_supervisors_and_auditors_and_for_nobody_else(
    api: Api, clerk: Clerk, role: Role
) -> None:
    clerk.read(finding("A1"))
    expected = 200 if role in {Role.PENSION_OFFICER, Role.SUPERVISOR, Role.AUDITOR} else 403

    assert (expected == 200) is (Action.READ_WATCH_LIST in MAY[role])
    assert asked(api, ACCOUNT_OF[role]).status_code == expected
    assert api.by(ACCOUNT_OF[role]).get("/api/v1/watch-list/summary").status_code == expected
    assert asked(api, None).status_code == 401  # type: ignore[arg-type]  # nobody at all


@pytest.mark.parametrize(
    ("by", "seen"),
    [
        ("pension-1", {HERE}),
        ("supervisor-1", {HERE}),
        (CITY_OFFICER, {HERE, ELSEWHERE}),
        (CITY_SUPERVISOR, {HERE, ELSEWHERE}),
        ("auditor-1", {HERE, ELSEWHERE, ANOTHER_CITY}),
    ],
)
def test_a_district_sees_its_own_a_city_its_districts_and_an_auditor_all(
    api: Api, clerk: Clerk, by: str, seen: set[str]
) -> None:
    for number, district in enumerate((HERE, ELSEWHERE, ANOTHER_CITY)):
        stays, goes = finding(f"A{number}", district=district), finding(f"B{number}", district=district)
        clerk.read(stays, goes, district=district)
        clerk.read(stays, district=district, at=NEXT_NIGHT)

    assert {one["district"] for one in lines(api, by)} == seen
    assert {one["district"] for one in lines(api, by, change="gone")} == seen
    assert {one["district"] for one in summary(api, by)} == seen
    for district in {HERE, ELSEWHERE, ANOTHER_CITY} - seen:
        assert lines(api, by, district=district) == []


def test_the_look_is_in_the_access_log_with_what_was_asked_for(api: Api) -> None:
    lines(api, district=HERE)
    summary(api)

    with api.store.database.reading() as connection:
        (entry,) = connection.execute(select(access_log).where(access_log.c.action == "read_watch_list"))
    assert (entry.account, entry.unit, entry.granted) == (CITY_OFFICER, "city-bureau", True)
    assert entry.about == ["occasion/retirement", f"month/{MONTH}", f"district/{HERE}"]


# ── the summary ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_summary_begins_with_this_month_and_an_earlier_one_can_be_asked_for(api: Api, clerk: Clerk) -> None:
    september = read_month("2026-09")
    clerk.read(finding("A1", month=september, months=(september,)), month=september)
    clerk.read(finding("A2"))
    clerk.read(month=MAY_2027, at=NIGHT)

    assert [(one["month"], one["outcomes"]["due"]) for one in summary(api)] == [(MONTH, 1), ("2027-05", 0)]
    assert [one["month"] for one in summary(api, month="2026-09")] == ["2026-09"]


def test_a_list_whose_first_reading_is_under_way_says_that_none_has_ended(api: Api, clerk: Clerk) -> None:
    clerk.keep(clerk.begin(), [finding("A1")], last="A1")

    (list_,) = summary(api)
    assert (list_["outcomes"]["due"], list_["read_at"], list_["changes"]) == (1, None, None)


@pytest.mark.parametrize("code", [*CONFLICTS, *EXCLUSIONS])
def test_every_reason_has_words_in_both_languages(api: Api, clerk: Clerk, code: str) -> None:
    outcome = Outcome.CONFLICT if code in CONFLICTS else Outcome.EXCLUDED
    clerk.read(finding("A1", outcome=outcome, reasons=(code,)))

    ((reason,),) = [one["reasons"] for one in lines(api)]

    assert reason["code"] == code
    assert code not in {reason["zh"], reason["en"]}


@pytest.mark.parametrize("code", [*FAULTS, "form:/application/retiree/citizen_id:length"])
def test_whatever_stood_in_the_way_of_a_case_has_words(api: Api, clerk: Clerk, code: str) -> None:
    clerk.read(finding("A1"))
    clerk.tried(clerk.lines()[0], case_id=None, fault=code)

    (fault,) = [one["fault"] for one in lines(api)]

    assert code not in {fault["zh"], fault["en"]}
