"""A question goes to whoever can answer it now; where nobody could, it goes nowhere and the next rung is tried."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, insert, select

from domain.divisions import city_of
from domain.law import calendar
from domain.scopes import Role
from domain.silence import SilenceRule
from domain.time_limits import OfficeHours
from store.accounts import NoSuchUnit, add_account, add_unit, disable_account
from store.database import Database
from store.duty import (
    SETTLES,
    DutiesOverlap,
    Duty,
    DutyBackwards,
    DutyPost,
    Holder,
    NoSuchDuty,
    NotOnDuty,
    OfficeHoursUncountable,
    add_duty,
    community_named,
    divisions_without_caseworker,
    end_duty,
    holder_in_community,
    holder_in_department,
    is_colleague,
    list_duties,
    set_office_hours,
    set_silence_rule,
    silence_rule,
    superiors,
    who_settles,
)
from store.rosters import apply
from store.tables import communities, units
from store.vault import Vault
from tests.desk import LOOKUP_KEY, MONDAY, RING
from tests.rosters import CENTRE, MINGYUE, NEIGHBOUR, SECRETARY, file

HERE, ELSEWHERE, CITY = "339901", "339902", "339900"
SINCE = date(2026, 1, 1)
DAY = timedelta(days=1)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        add_unit(connection, "police", title="云澜区公安分局", division=HERE, department="public_security")
        add_unit(connection, "system-police", title="公安系统", division=CITY, department="public_security")
        add_unit(connection, "centre", title="政务服务中心", division=HERE)
        add_account(connection, "officer-1", unit="police", role=Role.VERIFIER)
        add_account(connection, "officer-2", unit="police", role=Role.VERIFIER)
        add_account(connection, "police-system", unit="police", role=Role.INTEGRATOR)
        add_account(connection, "callback", unit="system-police", role=Role.INTEGRATOR)
        add_account(connection, "supervisor-1", unit="centre", role=Role.SUPERVISOR)
        yield connection


def on_duty(connection: Connection, account: str, post: DutyPost = DutyPost.OFFICER, **more: object) -> Duty:
    duty = Duty(**{"unit": "police", "account": account, "post": post, "valid_from": SINCE, **more})  # type: ignore[arg-type]
    add_duty(connection, duty)
    return duty


def asked(connection: Connection, at: datetime = MONDAY, division: str = HERE) -> Holder | None:
    return holder_in_department(connection, "public_security", division, at)


# ── departments ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_question_waits_in_the_units_queue_while_nobody_is_on_duty(connection: Connection) -> None:
    assert asked(connection) == Holder("police", None, None)


def test_the_officer_on_duty_is_asked(connection: Connection) -> None:
    on_duty(connection, "officer-2", rank=1)
    on_duty(connection, "officer-1", rank=2)

    assert asked(connection) == Holder("police", "officer-2", None)


def test_a_duty_holds_from_its_first_to_its_last_day_in_shanghai(connection: Connection) -> None:
    on_duty(connection, "officer-1", valid_from=date(2026, 11, 23), valid_to=date(2026, 11, 23))
    begins = datetime(2026, 11, 22, 16, tzinfo=UTC)
    moment = timedelta(microseconds=1)

    def holds(at: datetime) -> bool:
        found = asked(connection, at)
        assert found is not None
        return found.account == "officer-1"

    assert [holds(at) for at in (begins - moment, begins, begins + DAY - moment, begins + DAY)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_duty_may_be_on_some_days_of_the_week(connection: Connection) -> None:
    on_duty(connection, "officer-1", weekdays=(1, 3))

    by_day = [holder.account if (holder := asked(connection, MONDAY + DAY * n)) else "" for n in range(7)]
    assert by_day == ["officer-1", None, "officer-1", None, None, None, None]


def test_whoever_is_disabled_is_asked_nothing_more(connection: Connection) -> None:
    on_duty(connection, "officer-1")
    disable_account(connection, "officer-1", MONDAY)

    assert asked(connection) == Holder("police", None, None)


def test_a_unit_in_which_no_person_could_answer_is_passed_over(connection: Connection) -> None:
    assert asked(connection, division=ELSEWHERE) is None, "the city's unit has only a program"
    assert holder_in_department(connection, "tax", HERE, MONDAY) is None, "there is no such unit"

    add_account(connection, "city-officer", unit="system-police", role=Role.UNIT_CHIEF)
    found = asked(connection, division=ELSEWHERE)
    assert found == Holder("system-police", None, None), "the city answers for a division without a unit"
    assert asked(connection) == Holder("police", None, None), "the division's own unit comes first"

    for account in ("officer-1", "officer-2"):
        disable_account(connection, account, MONDAY)
    assert asked(connection) == Holder("system-police", None, None)


def test_where_a_district_has_nobody_who_decides_the_citys_do_and_where_the_city_has_none_it_is_named(
    connection: Connection,
) -> None:
    assert divisions_without_caseworker(connection) == ()
    add_unit(connection, "far-hospital", title="远方医院", division=ELSEWHERE)
    add_account(connection, "far-desk", unit="far-hospital", role=Role.BIRTH_DESK)
    assert who_settles(connection, ELSEWHERE, SETTLES) == ()
    assert divisions_without_caseworker(connection) == (ELSEWHERE,)

    add_unit(connection, "city-office", title="市政务服务中心", division=city_of(ELSEWHERE))
    add_account(connection, "city-caseworker", unit="city-office", role=Role.CASEWORKER)
    assert who_settles(connection, ELSEWHERE, SETTLES) == ("city-caseworker",)
    assert divisions_without_caseworker(connection) == ()
    assert "city-caseworker" not in who_settles(connection, HERE, SETTLES), "the district's own come first"


# ── communities ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def vault() -> Vault:
    return Vault(RING, LOOKUP_KEY)


def test_the_first_on_the_roster_who_has_an_account_is_asked(connection: Connection, vault: Vault) -> None:
    apply(connection, vault, file(SECRETARY, NEIGHBOUR), CENTRE, MONDAY)
    unit = f"community-{MINGYUE}"
    assert holder_in_community(connection, MINGYUE, MONDAY) == Holder(unit, None, None), "a link goes to the secretary"

    add_account(connection, "worker-1", unit=unit, role=Role.COMMUNITY_WORKER)
    assert holder_in_community(connection, MINGYUE, MONDAY) == Holder(unit, None, None)
    apply(connection, vault, file({**SECRETARY, "account": "worker-1"}), CENTRE, MONDAY)
    assert holder_in_community(connection, MINGYUE, MONDAY) == Holder(unit, "worker-1", None)
    disable_account(connection, "worker-1", MONDAY)
    assert holder_in_community(connection, MINGYUE, MONDAY) == Holder(unit, None, None)


def test_a_community_that_is_unknown_or_deserted_holds_nothing(connection: Connection, vault: Vault) -> None:
    apply(connection, vault, file({**SECRETARY, "valid_to": "2026-11-23"}), CENTRE, MONDAY)

    assert holder_in_community(connection, "339909001001", MONDAY) is None
    assert holder_in_community(connection, MINGYUE, MONDAY) is not None
    assert holder_in_community(connection, MINGYUE, MONDAY + DAY) is None
    add_account(connection, "worker-1", unit=f"community-{MINGYUE}", role=Role.COMMUNITY_WORKER)
    assert holder_in_community(connection, MINGYUE, MONDAY + DAY) is not None, "somebody takes it from the queue"


def test_a_community_is_known_by_its_code_or_its_whole_title(connection: Connection, vault: Vault) -> None:
    apply(connection, vault, file(SECRETARY, NEIGHBOUR), CENTRE, MONDAY)

    assert community_named(connection, MINGYUE) == MINGYUE
    assert community_named(connection, "云澜区明月社区") == MINGYUE
    assert community_named(connection, "明月社区") is None
    assert community_named(connection, "") is None
    namesake = {"subdistrict": "339902001", "subdistrict_title": "棠湖街道", "division": ELSEWHERE}
    connection.execute(insert(communities).values(code="339902001001", title="云澜区明月社区", **namesake))
    assert community_named(connection, "云澜区明月社区") is None, "two of one name: nobody guesses"
    assert community_named(connection, MINGYUE) == MINGYUE


# ── who is told ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_passed_limit_is_told_to_the_superior_on_duty_else_the_chief_else_the_supervisors(
    connection: Connection,
) -> None:
    assert superiors(connection, "police", MONDAY) == ("supervisor-1",)
    assert superiors(connection, "system-police", MONDAY) == (), "the supervisor is another division's"
    assert superiors(connection, "nowhere", MONDAY) == ()

    add_account(connection, "chief-1", unit="police", role=Role.UNIT_CHIEF)
    assert superiors(connection, "police", MONDAY) == ("chief-1",)

    on_duty(connection, "officer-2", DutyPost.SUPERIOR)
    assert superiors(connection, "police", MONDAY) == ("officer-2",)
    assert superiors(connection, "police", datetime(2025, 6, 1, tzinfo=UTC)) == ("chief-1",)


def test_a_colleague_is_a_person_of_the_same_unit_who_may_answer(connection: Connection) -> None:
    assert is_colleague(connection, "officer-1", "police")
    assert not is_colleague(connection, "officer-1", "centre")
    assert not is_colleague(connection, "police-system", "police")
    assert not is_colleague(connection, "supervisor-1", "centre")
    disable_account(connection, "officer-1", MONDAY)
    assert not is_colleague(connection, "officer-1", "police")


# ── keeping duties ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_duty_is_added_once_and_listed(connection: Connection) -> None:
    duty = on_duty(connection, "officer-1", weekdays=(1, 2, 3))
    add_duty(connection, duty)

    assert list_duties(connection) == (duty,)
    assert list_duties(connection, "police", date(2026, 11, 23)) == (duty,)
    assert list_duties(connection, "police", SINCE - DAY) == ()
    assert list_duties(connection, "centre") == ()


@pytest.mark.parametrize("account", ["nobody", "supervisor-1", "police-system"])
def test_only_a_person_of_the_unit_who_may_answer_goes_on_duty(connection: Connection, account: str) -> None:
    with pytest.raises(NotOnDuty):
        on_duty(connection, account)


def test_a_duty_ends_after_it_begins(connection: Connection) -> None:
    with pytest.raises(DutyBackwards):
        on_duty(connection, "officer-1", valid_to=SINCE - DAY)


def test_duties_of_one_account_do_not_overlap(connection: Connection) -> None:
    on_duty(connection, "officer-1", valid_to=date(2026, 6, 30))
    on_duty(connection, "officer-1", valid_from=date(2026, 7, 1))

    with pytest.raises(DutiesOverlap) as refused:
        on_duty(connection, "officer-1", valid_from=date(2026, 6, 30), valid_to=date(2026, 6, 30))
    assert refused.value.since == SINCE
    on_duty(connection, "officer-1", DutyPost.SUPERIOR)


def test_a_duty_ends_with_a_day_or_is_taken_back(connection: Connection) -> None:
    on_duty(connection, "officer-1")
    end_duty(connection, "police", "officer-1", DutyPost.OFFICER, SINCE, date(2026, 11, 22))
    assert asked(connection) == Holder("police", None, None)

    end_duty(connection, "police", "officer-1", DutyPost.OFFICER, SINCE, SINCE - DAY)
    assert list_duties(connection) == ()
    with pytest.raises(NoSuchDuty):
        end_duty(connection, "police", "officer-1", DutyPost.OFFICER, SINCE, SINCE)


# ── office hours ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_unit_declares_its_office_hours_or_natural_ones(connection: Connection) -> None:
    hours = OfficeHours(opens=time(8, 30), closes=time(17, 30), lunch=(time(12), time(13, 30)))
    set_office_hours(connection, "police", hours, date(2026, 11, 23))
    assert asked(connection) == Holder("police", None, hours)

    set_office_hours(connection, "police", None, date(2031, 1, 1))
    assert asked(connection) == Holder("police", None, None)
    stored = select(units.c.office_hours).where(units.c.code == "police", units.c.office_hours.is_(None))
    assert connection.execute(stored).first() is not None
    with pytest.raises(NoSuchUnit):
        set_office_hours(connection, "nowhere", hours, date(2026, 11, 23))


def test_a_unit_says_who_asks_where_nobody_answers_a_form_and_may_leave_it_to_the_declaration(
    connection: Connection,
) -> None:
    assert silence_rule(connection, "police") is None
    set_silence_rule(connection, "police", SilenceRule.CASEWORKER)
    assert (silence_rule(connection, "police"), silence_rule(connection, "health")) == (SilenceRule.CASEWORKER, None)

    set_silence_rule(connection, "police", None)
    assert silence_rule(connection, "police") is None
    with pytest.raises(NoSuchUnit):
        set_silence_rule(connection, "nowhere", SilenceRule.CASEWORKER)


def test_office_hours_are_refused_for_a_year_whose_working_days_nobody_knows(connection: Connection) -> None:
    last = calendar.shipped_years()[-1]
    set_office_hours(connection, "police", OfficeHours(), date(last, 11, 30))

    for day, year in ((date(last, 12, 1), last + 1), (date(last + 1, 1, 1), last + 1)):
        with pytest.raises(OfficeHoursUncountable) as refused:
            set_office_hours(connection, "police", OfficeHours(), day)
        assert refused.value.year == year
        assert str(year) in refused.value.zh
        assert str(year) in refused.value.en
