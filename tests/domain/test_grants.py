"""A unit queries only what it applied for, signed for and was permitted, and nobody permits what they asked for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain.actors import Actor
from domain.bundle import Bundle, SharedDataQuery
from domain.catalogue import catalogue
from domain.grants import (
    EVERY_PURPOSE,
    Grant,
    GrantFaulty,
    GrantSettled,
    GrantState,
    NotSigned,
    NotYourGrant,
    OwnApplication,
    Wanted,
    apply_for,
    approve,
    day_of,
    missing,
    read_ahead_by,
    refuse,
    revoke,
    sign,
    sources_needed,
    years_after,
)
from domain.scopes import Role, Viewer
from domain.watch_list import READ_AHEAD

MONDAY = datetime(2026, 11, 23, 1, tzinfo=UTC)
TODAY = date(2026, 11, 23)
WANTED = Wanted(
    source="marriage_register", purpose="newborn", reason="核验父母婚姻状况", valid_until=date(2027, 11, 22)
)
NUMBER = UUID(int=1)


def who(role: Role, account: str, unit: str) -> Viewer:
    return Viewer(Actor(account=account, unit=unit), role, "339901")


DESK = who(Role.BIRTH_DESK, "desk-1", "hospital")
NEIGHBOUR = who(Role.BIRTH_DESK, "neighbour-1", "neighbour")
CENTRE = who(Role.DATA_CENTRE, "centre-1", "data-centre")
COLLEAGUE = who(Role.DATA_CENTRE, "centre-2", "data-centre")
AUDITOR = who(Role.AUDITOR, "auditor-1", "audit-office")


def newborn() -> Bundle:
    return catalogue().in_force("newborn", TODAY)


def applied(wanted: Wanted = WANTED, *, by: Viewer = DESK, at: datetime = MONDAY) -> Grant:
    return apply_for(wanted, id=NUMBER, by=by, at=at, bundles=catalogue())


def signed() -> Grant:
    return sign(applied(), by=DESK, at=MONDAY)


def approved() -> Grant:
    return approve(signed(), by=CENTRE, at=MONDAY)


def faults(wanted: Wanted) -> dict[str, str]:
    with pytest.raises(GrantFaulty) as refusal:
        applied(wanted)
    return {fault.pointer: fault.rule for fault in refusal.value.faults}


# ── read ahead ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("purpose", ["retirement", "senior_card"])
def test_the_register_that_people_are_found_in_can_be_applied_for_though_no_proof_queries_it(purpose: str) -> None:
    bundle = catalogue().in_force(purpose, TODAY)
    assert read_ahead_by(bundle) == (READ_AHEAD,)
    assert READ_AHEAD not in sources_needed(bundle)

    wanted = replace(WANTED, source=READ_AHEAD, purpose=purpose)

    assert applied(wanted).source == READ_AHEAD
    assert read_ahead_by(newborn()) == ()


# ── applying ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_unit_applies_for_itself_and_may_not_query_yet() -> None:
    grant = applied()

    assert (grant.unit, grant.applied_by, grant.applied_at) == ("hospital", "desk-1", MONDAY)
    assert grant.state_on(TODAY) is GrantState.APPLIED


@pytest.mark.parametrize("by", [AUDITOR, CENTRE, who(Role.COMMUNITY_WORKER, "community-1", "community")])
def test_who_has_no_business_with_registers_cannot_apply(by: Viewer) -> None:
    with pytest.raises(NotYourGrant):
        applied(by=by)


def test_all_that_is_wrong_with_an_application_is_said_at_once_with_field_and_rule() -> None:
    wrong = Wanted(source="gossip", purpose="wedding", reason="  ", valid_until=TODAY)

    assert faults(wrong) == {
        "/source": "unknown",
        "/purpose": "unknown",
        "/reason": "empty",
        "/valid_until": "past",
    }
    with pytest.raises(GrantFaulty) as refusal:
        applied(wrong)
    for field in ("source", "purpose", "reason", "valid_until"):
        assert field in refusal.value.en
    assert "没有这个数据源" in refusal.value.zh


def test_a_register_that_the_bundle_never_queries_is_not_granted_for_it() -> None:
    proof = newborn().proofs()["parents_marriage"]
    without = newborn().model_copy(
        update={
            "items": tuple(
                item.model_copy(update={"proofs": tuple(one for one in item.proofs if one.code != proof.code)})
                for item in newborn().items
            )
        }
    )

    with pytest.raises(GrantFaulty) as refusal:
        apply_for(WANTED, id=NUMBER, by=DESK, at=MONDAY, bundles=[without])

    assert [(fault.pointer, fault.rule) for fault in refusal.value.faults] == [("/source", "not_needed")]


def test_a_grant_may_be_for_every_bundle() -> None:
    assert applied(replace(WANTED, purpose=EVERY_PURPOSE)).purpose == "*"


@pytest.mark.parametrize(
    ("until", "rule"),
    [
        (date(2026, 11, 22), "past"),
        (date(2026, 11, 23), "past"),
        (date(2026, 11, 24), None),
        (date(2028, 11, 23), None),
        (date(2028, 11, 24), "too_late"),
    ],
)
def test_a_grant_ends_after_today_and_within_two_years(until: date, rule: str | None) -> None:
    wanted = replace(WANTED, valid_until=until)

    if rule is None:
        assert applied(wanted).valid_until == until
    else:
        assert faults(wanted) == {"/valid_until": rule}


def test_today_is_the_day_in_shanghai() -> None:
    late_in_the_evening_elsewhere = datetime(2026, 11, 22, 17, tzinfo=UTC)

    assert day_of(late_in_the_evening_elsewhere) == TODAY


def test_two_years_from_a_leap_day_end_on_the_28th() -> None:
    assert years_after(date(2028, 2, 29), 2) == date(2030, 2, 28)


# ── signing and deciding ────────────────────────────────────────────────────────────────────────────────────────────


def test_applied_signed_and_approved_it_is_in_force_to_its_last_day() -> None:
    grant = approved()

    assert (grant.confidentiality_signed_by, grant.approved_by) == ("desk-1", "centre-1")
    assert grant.state_on(date(2027, 11, 22)) is GrantState.APPROVED
    assert grant.state_on(date(2027, 11, 23)) is GrantState.EXPIRED


def test_without_the_signed_agreement_nothing_is_approved() -> None:
    with pytest.raises(NotSigned):
        approve(applied(), by=CENTRE, at=MONDAY)


@pytest.mark.parametrize("by", [NEIGHBOUR, CENTRE, AUDITOR])
def test_only_the_unit_signs_for_itself(by: Viewer) -> None:
    with pytest.raises(NotYourGrant):
        sign(applied(), by=by, at=MONDAY)


@pytest.mark.parametrize("by", [NEIGHBOUR, AUDITOR, who(Role.SUPERVISOR, "supervisor-1", "bureau")])
def test_only_the_data_centre_decides(by: Viewer) -> None:
    decisions: tuple[Callable[[], Grant], ...] = (
        lambda: approve(signed(), by=by, at=MONDAY),
        lambda: refuse(signed(), by=by, at=MONDAY, because="不需要"),
        lambda: revoke(approved(), by=by, at=MONDAY, because="不需要"),
    )
    for decide in decisions:
        with pytest.raises(NotYourGrant):
            decide()


def test_who_applied_does_not_approve_whatever_role_the_account_has_since() -> None:
    promoted = who(Role.DATA_CENTRE, "desk-1", "data-centre")

    with pytest.raises(OwnApplication):
        approve(signed(), by=promoted, at=MONDAY)


def test_an_application_that_waited_too_long_is_not_approved_any_more() -> None:
    with pytest.raises(GrantSettled) as refusal:
        approve(signed(), by=CENTRE, at=MONDAY + timedelta(days=400))

    assert refusal.value.state is GrantState.EXPIRED


def test_a_refusal_and_a_revocation_keep_who_when_and_why() -> None:
    no = refuse(applied(), by=CENTRE, at=MONDAY, because="非本单位职责")
    back = revoke(approved(), by=COLLEAGUE, at=MONDAY, because="职责调整")

    assert (no.state_on(TODAY), no.ended_by, no.ended_at, no.ended_because) == (
        GrantState.REFUSED,
        "centre-1",
        MONDAY,
        "非本单位职责",
    )
    assert (back.state_on(TODAY), back.approved_by, back.ended_by) == (GrantState.REVOKED, "centre-1", "centre-2")


def test_the_same_decision_once_more_changes_nothing() -> None:
    later = MONDAY + timedelta(hours=1)
    no = refuse(applied(), by=CENTRE, at=MONDAY, because="不需要")
    back = revoke(approved(), by=CENTRE, at=MONDAY, because="不需要")

    assert sign(signed(), by=DESK, at=later) == signed()
    assert approve(approved(), by=CENTRE, at=later) == approved()
    assert refuse(no, by=CENTRE, at=later, because="又一次") == no
    assert revoke(back, by=CENTRE, at=later, because="又一次") == back


def test_what_is_decided_is_not_decided_otherwise() -> None:
    no = refuse(signed(), by=CENTRE, at=MONDAY, because="不需要")
    back = revoke(approved(), by=CENTRE, at=MONDAY, because="不需要")

    decisions: tuple[tuple[Callable[[], Grant], GrantState], ...] = (
        (lambda: approve(approved(), by=COLLEAGUE, at=MONDAY), GrantState.APPROVED),
        (lambda: approve(no, by=COLLEAGUE, at=MONDAY), GrantState.REFUSED),
        (lambda: approve(back, by=CENTRE, at=MONDAY), GrantState.REVOKED),
        (lambda: refuse(approved(), by=CENTRE, at=MONDAY, because="晚了"), GrantState.APPROVED),
        (lambda: revoke(signed(), by=CENTRE, at=MONDAY, because="早了"), GrantState.APPLIED),
        (lambda: revoke(no, by=CENTRE, at=MONDAY, because="晚了"), GrantState.REFUSED),
        (lambda: sign(refuse(applied(), by=CENTRE, at=MONDAY, because="不"), by=DESK, at=MONDAY), GrantState.REFUSED),
    )
    for decide, state in decisions:
        with pytest.raises(GrantSettled) as refusal:
            decide()
        assert refusal.value.state is state


# ── what a bundle needs ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bundle_needs_every_register_that_one_of_its_proofs_may_query_each_once() -> None:
    asked = [
        route.source
        for item in newborn().items
        for proof in item.proofs
        for route in proof.routes
        if isinstance(route, SharedDataQuery)
    ]

    assert len(sources_needed(newborn())) == len(set(asked)) < len(asked)
    assert set(sources_needed(newborn())) == set(asked)


def test_missing_is_what_is_needed_and_not_permitted() -> None:
    needed = sources_needed(newborn())

    assert missing(newborn(), frozenset()) == needed
    assert missing(newborn(), frozenset(needed) - {"employers"}) == ("employers",)
    assert missing(newborn(), frozenset({*needed, "something_else"})) == ()
