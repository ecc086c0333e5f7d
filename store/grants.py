"""数据权限 as kept: one row for each application, never deleted, and the one question the engine asks of them.

Every change of a grant is an entry in the access log of the unit that made it, in the same transaction: the
row can be read at a glance, and the chain tells whether the row is what was decided.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, assert_never
from uuid import UUID, uuid5

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain import grants as rules
from domain import single_proof
from domain.bundle import Bundle
from domain.grants import EVERY_PURPOSE, AlreadyAppliedFor, Grant, GrantState, NoSuchGrant, Wanted, day_of
from domain.refusals import SameKeyOtherRequest
from domain.scopes import MAY, Action, Reach, Role, Viewer, reach
from store.access_log import Access, note_for_unit
from store.duty import desk_in_department
from store.log import masked
from store.tables import accounts, cases, grants, units

_APPLICATIONS: Final = UUID("6f6e6574-6869-5e67-8a00-6772616e7473")


@dataclass(frozen=True, slots=True)
class Applied:
    """The grant as applied for; `new` is false if the same request came before."""

    grant: Grant
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantsWanted:
    """Which grants; None leaves it open."""

    unit: str | None = None
    source: str | None = None
    purpose: str | None = None
    state: GrantState | None = None


@dataclass(frozen=True, slots=True)
class Lacking:
    """The registers that one unit may not query for one bundle or for single proofs, in declared order."""

    unit: str
    bundle: str
    sources: tuple[str, ...]


# ── the engine's question ───────────────────────────────────────────────────────────────────────────────────────────


def _in_force(day: ColumnElement[date]) -> ColumnElement[bool]:
    return and_(grants.c.approved_at.is_not(None), grants.c.ended_at.is_(None), grants.c.valid_until >= day)


_PERMITTED: Final = select(grants.c.source).where(
    grants.c.unit == bindparam("unit"),
    grants.c.purpose.in_((bindparam("purpose"), EVERY_PURPOSE)),
    _in_force(bindparam("day", type_=grants.c.valid_until.type)),
)


def permitted(connection: Connection, unit: str, purpose: str, at: datetime) -> frozenset[str]:
    """The registers that the unit may query now for this bundle; empty if none. One indexed statement, no lock.

    `unit` is the unit that opened the case (`file.opened.by.unit`), `purpose` the code of its bundle
    (`file.bundle.code`). Ask before every query, in a short transaction or `Database.glancing()`: a right that was
    taken back is gone with the next query. A register that is not in the answer must not be asked: the rung gives up
    with reason `no_grant`, and the refused query is logged (granted=False). The last day of validity counts, in
    Shanghai. Basis: every unit sees only what it was permitted, and all else cannot be queried (义乌 2018).
    """
    asked = {"unit": unit, "purpose": purpose, "day": day_of(at)}
    return frozenset(connection.execute(_PERMITTED, asked).scalars())


def missing_for(connection: Connection, unit: str, bundle: Bundle, at: datetime) -> tuple[str, ...]:
    """The registers that the bundle needs and the unit may not query at that instant, in declared order."""
    return rules.missing(bundle, permitted(connection, unit, bundle.code, at))


def missing_for_single_proofs(connection: Connection, unit: str, at: datetime) -> tuple[str, ...]:
    """The registers that single proofs need and the unit may not query for them at that instant, in declared order."""
    granted = permitted(connection, unit, single_proof.BUNDLE, at)
    return tuple(source for source in single_proof.SOURCES if source not in granted)


# ── the life of a grant ─────────────────────────────────────────────────────────────────────────────────────────────


def apply(
    connection: Connection, wanted: Wanted, *, key: str, by: Viewer, at: datetime, bundles: Iterable[Bundle]
) -> Applied:
    """Keep an application; the same `key` of the same account with the same content returns the first.

    Raises what `domain.grants.apply_for` refuses, SameKeyOtherRequest, AlreadyAppliedFor.
    """
    # The number is made from the key: a request that comes again after a lost commit finds its own row.
    id = uuid5(_APPLICATIONS, f"{by.actor.account}\x1f{key}")
    if (before := _find(connection, id)) is not None:
        return Applied(_same(before, wanted, by), new=False)
    grant = rules.apply_for(wanted, id=id, by=by, at=at, bundles=bundles)
    # Typed by a person, who may have named another; the row is kept for ever.
    row = asdict(grant) | {"reason": masked(grant.reason)}
    new = insert(grants).values(row).on_conflict_do_nothing().returning(*grants.c)
    made = connection.execute(new).first()
    if made is None:
        if (twin := _find(connection, id)) is not None:
            return Applied(_same(twin, wanted, by), new=False)
        raise AlreadyAppliedFor(grant.unit, grant.source, grant.purpose)
    kept = _grant(made)
    _note(connection, kept, "grant_applied", by, at, kept.reason)
    return Applied(kept, new=True)


def sign(connection: Connection, id: UUID, *, by: Viewer, at: datetime) -> Grant:
    """The unit's confidentiality agreement is signed; raises NoSuchGrant and what `domain.grants.sign` refuses."""
    return _change(
        connection, id, by, at, Action.APPLY_GRANT, "grant_signed", lambda grant: rules.sign(grant, by=by, at=at)
    )


def approve(connection: Connection, id: UUID, *, by: Viewer, at: datetime) -> Grant:
    """The data centre approves; raises NoSuchGrant and what `domain.grants.approve` refuses."""
    return _change(
        connection, id, by, at, Action.APPROVE_GRANT, "grant_approved", lambda grant: rules.approve(grant, by=by, at=at)
    )


def refuse(connection: Connection, id: UUID, *, by: Viewer, at: datetime, because: str) -> Grant:
    """The data centre does not approve; raises NoSuchGrant and what `domain.grants.refuse` refuses."""

    def refused(grant: Grant) -> Grant:
        return rules.refuse(grant, by=by, at=at, because=masked(because))

    return _change(connection, id, by, at, Action.APPROVE_GRANT, "grant_refused", refused)


def revoke(connection: Connection, id: UUID, *, by: Viewer, at: datetime, because: str) -> Grant:
    """The data centre takes it back; raises NoSuchGrant and what `domain.grants.revoke` refuses."""

    def revoked(grant: Grant) -> Grant:
        return rules.revoke(grant, by=by, at=at, because=masked(because))

    return _change(connection, id, by, at, Action.APPROVE_GRANT, "grant_revoked", revoked)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def list_grants(
    connection: Connection,
    wanted: GrantsWanted,
    at: datetime,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int | None = None,
) -> list[Grant]:
    """The grants, the latest application first; `after` is the last one of the page before."""
    conditions: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (grants.c.unit, wanted.unit),
            (grants.c.source, wanted.source),
            (grants.c.purpose, wanted.purpose),
        )
        if value is not None
    ]
    if wanted.state is not None:
        conditions.append(_stands(wanted.state, day_of(at)))
    if after is not None:
        conditions.append(tuple_(grants.c.applied_at, grants.c.id) < tuple_(*after))
    question = select(grants).where(*conditions).order_by(grants.c.applied_at.desc(), grants.c.id.desc()).limit(limit)
    return [_grant(row) for row in connection.execute(question)]


def lacking(
    connection: Connection, bundles: Sequence[Bundle], at: datetime, *, of_units: Sequence[str] | None = None
) -> list[Lacking]:
    """What units may not query of what the bundles need, by unit and bundle; None: all that take applications in."""
    return [
        Lacking(unit, bundle.code, sources)
        for unit in (units_that_open(connection) if of_units is None else of_units)
        for bundle in bundles
        if (sources := missing_for(connection, unit, bundle, at))
    ]


def lacking_for_single_proofs(
    connection: Connection, at: datetime, *, of_units: Sequence[str] | None = None
) -> list[Lacking]:
    """What units may not query of what single proofs need, by unit; None: all that ask for them."""
    return [
        Lacking(unit, single_proof.BUNDLE, sources)
        for unit in (units_that_ask(connection) if of_units is None else of_units)
        if (sources := missing_for_single_proofs(connection, unit, at))
    ]


def lacking_ahead(
    connection: Connection, bundles: Sequence[Bundle], districts: Sequence[str], at: datetime
) -> list[Lacking]:
    """What the units in whose name people are found in these districts may not query, each unit and bundle once.

    A unit that also takes applications in is told of the registers of its proofs by `lacking`.
    """
    openers = set(units_that_open(connection))
    found: dict[tuple[str, str], Lacking] = {}
    for bundle in bundles:
        for district in districts if bundle.discoveries else ():
            desk = desk_in_department(connection, bundle.lead_department, district)
            if desk is not None and (desk, bundle.code) not in found:
                needed = (*rules.read_ahead_by(bundle), *(() if desk in openers else rules.sources_needed(bundle)))
                granted = permitted(connection, desk, bundle.code, at)
                sources = tuple(source for source in needed if source not in granted)
                found[desk, bundle.code] = Lacking(desk, bundle.code, sources)
    return [one for one in found.values() if one.sources]


def running_out(connection: Connection, at: datetime, within: timedelta) -> list[Grant]:
    """The grants that end within that time and that no longer one of the same unit and purpose takes over."""
    day = day_of(at)
    end = day + timedelta(days=within.days)
    last_day = bindparam("day", day, type_=grants.c.valid_until.type)
    longer = grants.alias("longer")
    taken_over = exists().where(
        longer.c.unit == grants.c.unit,
        longer.c.source == grants.c.source,
        or_(longer.c.purpose == grants.c.purpose, longer.c.purpose == EVERY_PURPOSE),
        longer.c.approved_at.is_not(None),
        longer.c.ended_at.is_(None),
        longer.c.valid_until > end,
    )
    question = (
        select(grants)
        .where(_in_force(last_day), grants.c.valid_until <= end, ~taken_over)
        .order_by(grants.c.valid_until, grants.c.unit, grants.c.source, grants.c.purpose)
    )
    return [_grant(row) for row in connection.execute(question)]


def units_that_open(connection: Connection) -> list[str]:
    """The units with an account that may open a case.

    A program of a department's own unit could open one too, but calls back for the department: it counts only once
    the unit has a case.
    """
    return _units_that_may(Action.OPEN_CASE, connection, exists().where(cases.c.unit == accounts.c.unit))


def units_that_ask(connection: Connection) -> list[str]:
    """The units with an account that may ask for single proofs; a department's program once its unit has asked."""
    asked = exists().where(cases.c.unit == accounts.c.unit, cases.c.bundle == single_proof.BUNDLE)
    return _units_that_may(Action.ASK_VERIFICATION, connection, asked)


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _units_that_may(action: Action, connection: Connection, has_done_so: ColumnElement[bool]) -> list[str]:
    roles = [role.value for role in Role if action in MAY[role]]
    question = (
        select(accounts.c.unit)
        .distinct()
        .join(units, units.c.code == accounts.c.unit)
        .where(
            accounts.c.disabled_at.is_(None),
            accounts.c.role.in_(roles),
            or_(accounts.c.role != Role.INTEGRATOR.value, units.c.department.is_(None), has_done_so),
        )
        .order_by(accounts.c.unit)
    )
    return list(connection.execute(question).scalars())


def _change(
    connection: Connection,
    id: UUID,
    by: Viewer,
    at: datetime,
    needs: Action,
    action: str,
    decided: Callable[[Grant], Grant],
) -> Grant:
    # Whoever decides holds the row: of two decisions at once the second sees the first.
    before = _find(connection, id, locked=True)
    if before is None or (reach(by, needs) is Reach.OWN_UNIT and before.unit != by.actor.unit):
        raise NoSuchGrant
    after = decided(before)
    if after == before:
        return before
    changed = {name: value for name, value in asdict(after).items() if value != getattr(before, name)}
    connection.execute(update(grants).where(grants.c.id == id).values(changed))
    _note(connection, after, action, by, at, after.ended_because or after.reason)
    return after


def _note(connection: Connection, grant: Grant, action: str, by: Viewer, at: datetime, purpose: str) -> None:
    # All that was decided stands in the entry: a row changed behind the product's back no longer agrees with it.
    about = (
        f"grant/{grant.id}",
        f"unit/{grant.unit}",
        f"source/{grant.source}",
        f"purpose/{grant.purpose}",
        f"until/{grant.valid_until}",
    )
    access = Access(at=at, by=by.actor, action=action, about=about, purpose=purpose, recipient=grant.unit)
    note_for_unit(connection, [access])


def _same(kept: Grant, wanted: Wanted, by: Viewer) -> Grant:
    asked = (by.actor.unit, wanted.source, wanted.purpose, masked(wanted.reason), wanted.valid_until)
    if (kept.unit, kept.source, kept.purpose, kept.reason, kept.valid_until) != asked:
        raise SameKeyOtherRequest
    return kept


def _stands(state: GrantState, day: date) -> ColumnElement[bool]:
    never_approved, ended = grants.c.approved_at.is_(None), grants.c.ended_at.is_not(None)
    over = grants.c.valid_until < day
    match state:
        case GrantState.APPLIED:
            return and_(never_approved, ~ended, ~over)
        case GrantState.APPROVED:
            return and_(~never_approved, ~ended, ~over)
        case GrantState.REFUSED:
            return and_(never_approved, ended)
        case GrantState.REVOKED:
            return and_(~never_approved, ended)
        case GrantState.EXPIRED:
            return and_(~ended, over)
        case never:
            assert_never(never)


def _find(connection: Connection, id: UUID, *, locked: bool = False) -> Grant | None:
    question = select(grants).where(grants.c.id == id)
    row = connection.execute(question.with_for_update() if locked else question).first()
    return None if row is None else _grant(row)


def _grant(row: Row[Any]) -> Grant:
    return Grant(**row._mapping)
