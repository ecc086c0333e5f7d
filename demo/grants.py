"""What the demonstration's units may query: applied for by each desk, signed, and approved by the data centre.

They go the whole way through the rules, so that the access log of a demonstration shows what one of a city would.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from demo.accounts import ACCOUNTS, UNITS, DemoAccount, district_accounts, district_units
from domain import single_proof
from domain.actors import Actor
from domain.bundle import Bundle
from domain.catalogue import catalogue
from domain.grants import GrantState, Wanted, day_of, read_ahead_by, years_after
from domain.scopes import Action, Role, Viewer, reach
from store.grants import (
    GrantsWanted,
    apply,
    approve,
    list_grants,
    missing_for,
    missing_for_single_proofs,
    permitted,
    sign,
)

REASON: Final = "演示: 窗口受理一件事, 免交证明"
RENEWED_BEFORE: Final = timedelta(days=60)
"""Earlier than the doctor warns."""
_LEFT_AS_IT_IS: Final = (GrantState.APPLIED, GrantState.REFUSED, GrantState.REVOKED)


def provide_grants(connection: Connection, at: datetime) -> None:
    """Grant every desk the registers that the bundles in force need, for a year; what somebody decided stays so."""
    centre = next(_viewer(account) for account in ACCOUNTS if account.role is Role.DATA_CENTRE)
    today = day_of(at)
    for desk in _desks():
        unit = desk.actor.unit
        decided = {
            (grant.source, grant.purpose)
            for state in _LEFT_AS_IT_IS
            for grant in list_grants(connection, GrantsWanted(unit=unit, state=state), at)
        }
        for source, purpose in _needed(connection, desk, at + RENEWED_BEFORE):
            if (source, purpose) not in decided:
                wanted = Wanted(source=source, purpose=purpose, reason=REASON, valid_until=years_after(today, 1))
                key = f"demo/{purpose}/{source}/{today}"
                applied = apply(connection, wanted, key=key, by=desk, at=at, bundles=catalogue())
                sign(connection, applied.grant.id, by=desk, at=at)
                approve(connection, applied.grant.id, by=centre, at=at)


def _needed(connection: Connection, desk: Viewer, at: datetime) -> Iterator[tuple[str, str]]:
    unit = desk.actor.unit
    for bundle in catalogue().all_in_force(day_of(at)):
        leads = _finds_people_for(desk, bundle)
        if reach(desk, Action.OPEN_CASE) or leads:
            yield from ((source, bundle.code) for source in missing_for(connection, unit, bundle, at))
        if leads:
            permitted_then = permitted(connection, unit, bundle.code, at)
            yield from ((source, bundle.code) for source in read_ahead_by(bundle) if source not in permitted_then)
    if reach(desk, Action.ASK_VERIFICATION):
        yield from ((source, single_proof.BUNDLE) for source in missing_for_single_proofs(connection, unit, at))


def _desks() -> Iterator[Viewer]:
    """One account for each unit that takes applications in, asks for proofs, or leads what nobody has to apply for."""
    seen: set[str] = set()
    everybody = ((account, _viewer(account)) for account in (*ACCOUNTS, *district_accounts()))
    # Of a unit in which one takes applications in and another only verifies, the first needs more.
    for account, viewer in sorted(everybody, key=lambda one: reach(one[1], Action.OPEN_CASE) is None):
        takes_in = (
            reach(viewer, Action.OPEN_CASE)
            or reach(viewer, Action.ASK_VERIFICATION)
            or any(_finds_people_for(viewer, bundle) for bundle in catalogue())
        )
        if takes_in and reach(viewer, Action.APPLY_GRANT) and account.unit not in seen:
            seen.add(account.unit)
            yield viewer


def _finds_people_for(viewer: Viewer, bundle: Bundle) -> bool:
    return bool(bundle.discoveries) and viewer.department == bundle.lead_department


def _viewer(account: DemoAccount) -> Viewer:
    unit = next(unit for unit in (*UNITS, *district_units()) if unit.code == account.unit)
    return Viewer(Actor(account=account.account, unit=unit.code), account.role, unit.division, unit.department)
