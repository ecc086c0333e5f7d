"""Which unit may query what stands in the database once, is told in one statement, and cannot be forged or lost."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, delete, event, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from domain.actors import Actor
from domain.catalogue import catalogue
from domain.departments import REGISTERS
from domain.grants import (
    AlreadyAppliedFor,
    Grant,
    GrantSettled,
    GrantState,
    NoSuchGrant,
    NotYourGrant,
    OwnApplication,
    Wanted,
    sources_needed,
)
from domain.refusals import Refusal, SameKeyOtherRequest
from domain.scopes import Role, Viewer
from domain.single_proof import SOURCES
from domain.watch_list import READ_AHEAD
from store import grants as kept
from store.access_log import verify
from store.accounts import add_account, add_unit, disable_account
from store.cases import CaseStore
from store.database import Database
from store.grants import (
    Applied,
    GrantsWanted,
    Lacking,
    lacking,
    lacking_ahead,
    lacking_for_single_proofs,
    list_grants,
    missing_for,
    permitted,
    running_out,
    units_that_ask,
    units_that_open,
)
from store.tables import access_log, grants
from tests.desk import DIVISION, MONDAY, file, newborn
from tests.grants import UNITS_THAT_OPEN, grant_everything, take_away

LAST_DAY = date(2027, 6, 30)
MARRIAGE = Wanted(source="marriage_register", purpose="newborn", reason="核验父母婚姻状况", valid_until=LAST_DAY)


def who(role: Role, account: str, unit: str) -> Viewer:
    return Viewer(Actor(account=account, unit=unit), role, DIVISION)


WARD = who(Role.BIRTH_DESK, "ward-1", "ward")
"""Of a unit to which the tests' database grants nothing."""
OTHER_WARD = who(Role.BIRTH_DESK, "other-1", "other-ward")
CENTRE = who(Role.DATA_CENTRE, "centre-1", "data-centre")
COLLEAGUE = who(Role.DATA_CENTRE, "centre-2", "data-centre")


class Office:
    """The functions of the module, each in a transaction of its own as its callers do it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def applied(
        self, wanted: Wanted = MARRIAGE, *, key: str = "key-1", by: Viewer = WARD, at: datetime = MONDAY
    ) -> Applied:
        with self.database.begin() as connection:
            return kept.apply(connection, wanted, key=key, by=by, at=at, bundles=catalogue())

    def signed(self, id: UUID, *, by: Viewer = WARD) -> Grant:
        with self.database.begin() as connection:
            return kept.sign(connection, id, by=by, at=MONDAY)

    def approved(self, id: UUID, *, by: Viewer = CENTRE) -> Grant:
        with self.database.begin() as connection:
            return kept.approve(connection, id, by=by, at=MONDAY)

    def refused(self, id: UUID, *, by: Viewer = CENTRE, because: str = "非本单位职责") -> Grant:
        with self.database.begin() as connection:
            return kept.refuse(connection, id, by=by, at=MONDAY, because=because)

    def revoked(self, id: UUID, *, by: Viewer = CENTRE, because: str = "职责调整") -> Grant:
        with self.database.begin() as connection:
            return kept.revoke(connection, id, by=by, at=MONDAY, because=because)

    def granted(self, wanted: Wanted = MARRIAGE, *, key: str = "key-1", by: Viewer = WARD) -> Grant:
        id = self.applied(wanted, key=key, by=by).grant.id
        self.signed(id, by=by)
        return self.approved(id)

    def permitted(self, unit: str = "ward", purpose: str = "newborn", at: datetime = MONDAY) -> frozenset[str]:
        with self.database.glancing() as connection:
            return permitted(connection, unit, purpose, at)

    def listed(self, wanted: GrantsWanted, at: datetime = MONDAY) -> list[Grant]:
        with self.database.reading() as connection:
            return list_grants(connection, wanted, at)

    def log(self) -> list[Row[Any]]:
        with self.database.reading() as connection:
            return list(connection.execute(select(access_log).order_by(access_log.c.position)).all())


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


# ── the engine's question ───────────────────────────────────────────────────────────────────────────────────────────


def test_only_what_was_applied_for_signed_and_approved_may_be_queried(office: Office) -> None:
    assert office.permitted() == frozenset()
    id = office.applied().grant.id
    assert office.permitted() == frozenset()
    office.signed(id)
    assert office.permitted() == frozenset()
    office.approved(id)

    assert office.permitted() == {"marriage_register"}
    assert office.permitted(unit="other-ward") == frozenset()
    assert office.permitted(purpose="retirement") == frozenset()


def test_a_grant_for_every_bundle_holds_for_each(office: Office) -> None:
    office.granted(Wanted(source="employers", purpose="*", reason="多项业务", valid_until=LAST_DAY))

    assert office.permitted(purpose="newborn") == office.permitted(purpose="retirement") == {"employers"}


def test_a_grant_that_was_taken_back_ends_with_the_next_question(office: Office) -> None:
    grant = office.granted()
    office.revoked(grant.id)

    assert office.permitted() == frozenset()


def test_a_grant_ends_with_its_last_day_in_shanghai(office: Office) -> None:
    office.granted()
    midnight = datetime(2027, 6, 30, 16, tzinfo=UTC)

    assert office.permitted(at=midnight - timedelta(seconds=1)) == {"marriage_register"}
    assert office.permitted(at=midnight) == frozenset()


def test_the_question_is_one_statement_that_goes_by_an_index(office: Office) -> None:
    office.granted()
    asked: list[tuple[str, Any]] = []
    engine = office.database._engine

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        office.permitted()
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    ((statement, parameters),) = asked
    with office.database.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())

    assert "ix_grants_unit_purpose" in plan
    assert "Seq Scan" not in plan


def test_what_is_missing_is_told_in_the_bundles_own_order(office: Office) -> None:
    office.granted()
    with office.database.reading() as connection:
        found = missing_for(connection, "ward", newborn(), MONDAY)

    assert found == tuple(source for source in sources_needed(newborn()) if source != "marriage_register")


# ── applying and deciding ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_that_comes_again_is_the_application_it_was(office: Office) -> None:
    first = office.applied()
    again = office.applied(at=MONDAY + timedelta(minutes=1))

    assert (first.new, again.new) == (True, False)
    assert again.grant == first.grant
    assert len(office.log()) == 1


def test_the_same_key_for_something_else_is_refused(office: Office) -> None:
    office.applied()

    with pytest.raises(SameKeyOtherRequest):
        office.applied(Wanted(source="employers", purpose="newborn", reason="生育津贴", valid_until=LAST_DAY))


def test_the_same_key_of_another_account_is_another_application(office: Office) -> None:
    assert office.applied().grant.id != office.applied(by=OTHER_WARD).grant.id


def test_what_waits_for_a_decision_is_not_applied_for_twice(office: Office) -> None:
    id = office.applied().grant.id
    with pytest.raises(AlreadyAppliedFor):
        office.applied(key="key-2")

    office.refused(id)

    assert office.applied(key="key-2").new


def test_a_grant_is_renewed_while_it_runs(office: Office) -> None:
    office.granted()
    longer = Wanted(source="marriage_register", purpose="newborn", reason="续期", valid_until=date(2028, 6, 30))
    office.granted(longer, key="key-2")

    assert office.permitted(at=datetime(2028, 6, 30, 12, tzinfo=UTC)) == {"marriage_register"}


def test_of_many_who_apply_at_once_one_does(office: Office) -> None:
    together = Barrier(4)

    def try_it(number: int) -> str:
        together.wait(20)
        try:
            office.applied(key=f"key-{number}")
        except AlreadyAppliedFor:
            return "refused"
        return "applied"

    with ThreadPoolExecutor(4) as desks:
        outcomes = sorted(desks.map(try_it, range(4)))

    assert outcomes == ["applied", "refused", "refused", "refused"]


def test_of_two_decisions_at_once_the_second_sees_the_first(office: Office) -> None:
    id = office.applied().grant.id
    office.signed(id)
    with ThreadPoolExecutor(1) as colleague:
        with office.database.begin() as connection:
            kept.approve(connection, id, by=CENTRE, at=MONDAY)
            late = colleague.submit(office.refused, id, by=COLLEAGUE)
            somebody_waits_for_a_lock(office.database)
        with pytest.raises(GrantSettled) as settled:
            late.result(20)

    assert settled.value.state is GrantState.APPROVED
    assert office.permitted() == {"marriage_register"}


def somebody_waits_for_a_lock(database: Database) -> None:
    """Return as soon as another connection is held up."""
    until = time.monotonic() + 10
    question = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while time.monotonic() < until:
        with database.glancing() as connection:
            if connection.execute(question).scalar_one():
                return
    pytest.fail("nobody waits")


def test_another_unit_finds_no_such_grant_and_nobody_finds_one_that_never_was(office: Office) -> None:
    id = office.applied().grant.id
    with pytest.raises(NoSuchGrant):
        office.signed(id, by=OTHER_WARD)
    with pytest.raises(NoSuchGrant):
        office.approved(UUID(int=7))


def test_a_desk_approves_nothing_and_leaves_no_trace_of_a_decision(office: Office) -> None:
    id = office.applied().grant.id
    office.signed(id)
    with pytest.raises(NotYourGrant):
        office.approved(id, by=OTHER_WARD)

    assert office.listed(GrantsWanted(unit="ward"))[0].state_on(MONDAY.date()) is GrantState.APPLIED
    assert [row.action for row in office.log()] == ["grant_applied", "grant_signed"]


# ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_change_is_in_the_log_of_the_unit_that_made_it_and_chained(office: Office) -> None:
    grant = office.granted()
    office.revoked(grant.id)
    other = office.applied(by=OTHER_WARD).grant
    office.refused(other.id)

    assert [(row.action, row.unit, row.account, row.recipient, row.purpose) for row in office.log()] == [
        ("grant_applied", "ward", "ward-1", "ward", "核验父母婚姻状况"),
        ("grant_signed", "ward", "ward-1", "ward", "核验父母婚姻状况"),
        ("grant_approved", "data-centre", "centre-1", "ward", "核验父母婚姻状况"),
        ("grant_revoked", "data-centre", "centre-1", "ward", "职责调整"),
        ("grant_applied", "other-ward", "other-1", "other-ward", "核验父母婚姻状况"),
        ("grant_refused", "data-centre", "centre-1", "other-ward", "非本单位职责"),
    ]
    assert office.log()[2].about == [
        f"grant/{grant.id}",
        "unit/ward",
        "source/marriage_register",
        "purpose/newborn",
        "until/2027-06-30",
    ]
    with office.database.reading() as connection:
        assert list(verify(connection)) == []


def test_the_same_decision_once_more_is_logged_once(office: Office) -> None:
    grant = office.granted()
    office.approved(grant.id)
    office.signed(grant.id)

    assert len(office.log()) == 3


def test_a_refused_decision_changes_neither_the_grant_nor_the_log(office: Office) -> None:
    id = office.applied().grant.id
    before = office.log()
    with pytest.raises(Refusal):
        office.approved(id)
    with pytest.raises(OwnApplication):
        office.approved(id, by=who(Role.DATA_CENTRE, "ward-1", "data-centre"))

    assert office.log() == before


def test_a_number_that_somebody_types_into_a_reason_is_kept_nowhere(office: Office) -> None:
    reason = "为 339907199505010124 查询"
    wanted = Wanted(source="employers", purpose="newborn", reason=reason, valid_until=LAST_DAY)
    grant = office.applied(wanted).grant
    office.refused(grant.id, because=reason)
    office.applied(wanted, key="key-2")
    assert office.applied(wanted, key="key-2").new is False, "the same text is the same request all the same"

    found = office.listed(GrantsWanted(unit="ward"))
    kept_texts = [grant.reason for grant in found] + [grant.ended_because or "" for grant in found]
    assert "339907199505010124" not in " ".join([*kept_texts, *(row.purpose for row in office.log())])


# ── what cannot be done behind the rules' back ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "change",
    [
        delete(grants),
        text("TRUNCATE grants"),
        update(grants).values(source="employers"),
        update(grants).values(purpose="*"),
        update(grants).values(unit="other-ward"),
        update(grants).values(valid_until=date(2099, 1, 1)),
        update(grants).values(applied_by="somebody-else"),
    ],
    ids=str,
)
def test_what_was_applied_for_stays_and_nothing_is_deleted(office: Office, migrator_url: str, change: Any) -> None:
    grant = office.granted()
    owner = Database(migrator_url, pool_size=1)
    for database in (office.database, owner):
        with pytest.raises(ProgrammingError), database.begin() as connection:
            connection.execute(change)
    owner.dispose()

    assert office.listed(GrantsWanted(unit="ward")) == [grant]


@pytest.mark.parametrize("by", ["ward-1", "centre-1"])
def test_no_row_is_approved_unsigned_or_by_who_applied(office: Office, by: str) -> None:
    id = office.applied().grant.id
    if by == "ward-1":
        office.signed(id)

    with pytest.raises(IntegrityError), office.database.begin() as connection:
        connection.execute(update(grants).where(grants.c.id == id).values(approved_by=by, approved_at=MONDAY))


# ── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_grants_are_found_by_unit_register_purpose_and_where_they_stand(office: Office) -> None:
    def wanted(source: str) -> Wanted:
        return Wanted(source=source, purpose="newborn", reason="受理", valid_until=LAST_DAY)

    office.applied(wanted("marriage_register"), key="1")
    office.granted(wanted("employers"), key="2")
    office.refused(office.applied(wanted("household_register"), key="3").grant.id)
    office.revoked(office.granted(wanted("birth_records"), key="4").id)
    found = {
        state: [grant.source for grant in office.listed(GrantsWanted(unit="ward", state=state))] for state in GrantState
    }
    later = MONDAY + timedelta(days=400)

    assert found == {
        GrantState.APPLIED: ["marriage_register"],
        GrantState.APPROVED: ["employers"],
        GrantState.REFUSED: ["household_register"],
        GrantState.REVOKED: ["birth_records"],
        GrantState.EXPIRED: [],
    }
    for state in GrantState:
        for at in (MONDAY, later):
            listed = office.listed(GrantsWanted(unit="ward", state=state), at)
            assert all(grant.state_on(at.date()) is state for grant in listed)
    assert len(office.listed(GrantsWanted(unit="ward", state=GrantState.EXPIRED), later)) == 2
    assert len(office.listed(GrantsWanted(unit="ward", source="employers", purpose="newborn"))) == 1
    assert office.listed(GrantsWanted(unit="other-ward")) == []


def test_a_grant_about_to_end_is_named_unless_a_longer_one_takes_over(office: Office) -> None:
    office.granted()
    month_before = datetime(2027, 6, 1, 4, tzinfo=UTC)
    within = timedelta(days=30)

    def ending(at: datetime) -> list[str]:
        with office.database.reading() as connection:
            return [grant.unit for grant in running_out(connection, at, within)]

    assert ending(month_before - timedelta(days=2)) == []
    assert ending(month_before) == ["ward"]
    assert ending(datetime(2027, 7, 1, 4, tzinfo=UTC)) == [], "it has ended; now it is missing"
    office.granted(
        Wanted(source="marriage_register", purpose="*", reason="续期", valid_until=date(2028, 6, 30)), key="key-2"
    )
    assert ending(month_before) == []


def test_units_that_take_applications_in_are_asked_about_and_a_departments_own_program_is_not(
    office: Office, store: CaseStore
) -> None:
    with office.database.begin() as connection:
        for unit, department in (
            ("ward", None),
            ("closed-ward", None),
            ("bureau", None),
            ("clinic", None),
            ("police", "public_security"),
            ("hospital", "delivery_institution"),
        ):
            add_unit(connection, unit, title=unit, division=DIVISION, department=department)
        for account, unit, role in (
            ("ward-1", "ward", Role.BIRTH_DESK),
            ("closed-1", "closed-ward", Role.BIRTH_DESK),
            ("caseworker-1", "bureau", Role.CASEWORKER),
            ("clinic-system", "clinic", Role.INTEGRATOR),
            ("police-system", "police", Role.INTEGRATOR),
            ("hospital-system", "hospital", Role.INTEGRATOR),
        ):
            add_account(connection, account, unit=unit, role=role)
        disable_account(connection, "closed-1", MONDAY)

    with office.database.reading() as connection:
        assert units_that_open(connection) == ["clinic", "ward"]
        (found,) = lacking(connection, [newborn()], MONDAY)
    assert (found.unit, found.bundle, found.sources) == ("ward", "newborn", sources_needed(newborn()))

    file(store)  # in the name of the hospital, which its program did

    with office.database.reading() as connection:
        assert units_that_open(connection) == ["clinic", "hospital", "ward"]


def test_the_units_that_ask_for_single_proofs_are_told_what_they_may_not_query_for_them(
    office: Office, store: CaseStore
) -> None:
    with office.database.begin() as connection:
        for unit, department in (
            ("ward", None),
            ("bank", None),
            ("notary", None),
            ("police", "public_security"),
            ("hospital", "delivery_institution"),
        ):
            add_unit(connection, unit, title=unit, division=DIVISION, department=department)
        for account, unit, role in (
            ("ward-1", "ward", Role.BIRTH_DESK),
            ("bank-1", "bank", Role.REQUESTER),
            ("notary-system", "notary", Role.INTEGRATOR),
            ("police-system", "police", Role.INTEGRATOR),
            ("hospital-system", "hospital", Role.INTEGRATOR),
        ):
            add_account(connection, account, unit=unit, role=role)
        grant_everything(connection, "notary", "single_proof")
    file(store)  # a life event, in the name of the hospital: that it asks for a single proof is another thing

    with office.database.reading() as connection:
        assert units_that_ask(connection) == ["bank", "notary"]
        assert lacking_for_single_proofs(connection, MONDAY) == [Lacking("bank", "single_proof", SOURCES)]
    with office.database.begin() as connection:
        grant_everything(connection, "bank", "newborn")
        take_away(connection, "notary", "household_register", at=MONDAY)
    with office.database.reading() as connection:
        assert lacking_for_single_proofs(connection, MONDAY) == [
            Lacking("bank", "single_proof", SOURCES),
            Lacking("notary", "single_proof", ("household_register",)),
        ]


def test_the_tests_own_units_may_query_everything_until_it_is_taken_away(office: Office) -> None:
    for unit in UNITS_THAT_OPEN:
        assert office.permitted(unit=unit, purpose="anything") == set(REGISTERS)
    with office.database.begin() as connection:
        grant_everything(connection, "ward")
        take_away(connection, "ward", "employers", at=MONDAY)
        take_away(connection, "hospital", at=MONDAY)

    assert office.permitted() == set(REGISTERS) - {"employers"}
    assert office.permitted(unit="hospital") == frozenset()


# ── read ahead ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_unit_in_whose_name_people_are_found_is_told_what_it_may_not_read(database: Database) -> None:
    bundles = catalogue().all_in_force(MONDAY.date())
    with database.begin() as connection:
        add_unit(connection, "pension-city", title="p", division="339900", department="human_resources")
        add_account(connection, "pension-city-1", unit="pension-city", role=Role.PENSION_OFFICER)
        add_unit(connection, "civil-here", title="c", division=DIVISION, department="civil_affairs")
        add_account(connection, "civil-here-1", unit="civil-here", role=Role.VERIFIER)

    def lacks() -> dict[str, tuple[str, ...]]:
        with database.reading() as connection:
            found = lacking_ahead(connection, bundles, [DIVISION, "339902"], MONDAY)
        return {f"{one.unit} {one.bundle}": one.sources for one in found}

    # The bureau takes applications in, so that `lacking` names the registers of its proofs; civil affairs does not.
    assert lacks() == {
        "pension-city retirement": (READ_AHEAD,),
        "civil-here senior_card": (READ_AHEAD, "household_register"),
    }

    with database.begin() as connection:
        grant_everything(connection, "pension-city")
        grant_everything(connection, "civil-here", "senior_card")
    assert lacks() == {}
    with database.reading() as connection:
        assert lacking_ahead(connection, bundles, [], MONDAY) == [], "where nobody is found ahead, nothing is missing"
