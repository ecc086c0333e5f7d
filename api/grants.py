"""数据权限: a unit applies to query a register and signs for it, the data centre decides, auditors read along."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import ConfigDict, Field, StringConstraints
from sqlalchemy import Connection

from api.cases import IdempotencyKey
from api.house import House, TheHouse
from api.identity import allowed, refused_attempt
from api.limits import StrictRoute
from api.shapes import (
    V1,
    Asked,
    Because,
    Cursor,
    Day,
    Limit,
    Moment,
    Named,
    Reason,
    Shown,
    answer,
    next_link,
    read_place,
    write_place,
)
from domain import single_proof
from domain.departments import REGISTERS
from domain.grants import Grant, GrantState, NoSuchGrant, Wanted, day_of, sources_needed
from domain.refusals import NotAllowed, Refusal
from domain.scopes import Action, Reach, Viewer, reach
from store import grants as kept
from store.database import again_if_lost
from store.grants import Applied, GrantsWanted

router = APIRouter(prefix=V1, tags=["grants"], route_class=StrictRoute)

MayReadGrants = Annotated[Viewer, Depends(allowed(Action.READ_GRANTS))]
MayApplyGrant = Annotated[Viewer, Depends(allowed(Action.APPLY_GRANT))]
MayApproveGrant = Annotated[Viewer, Depends(allowed(Action.APPROVE_GRANT))]

Source = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z][a-z_]*$")]
Purpose = Annotated[str, StringConstraints(max_length=64, pattern=r"^(\*|[a-z][a-z_]*)$")]
UnitName = Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$")]
GrantId = Annotated[UUID, Path(description="As the list of grants names it.")]


class NewGrant(Asked):
    """An application of the asker's own unit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "marriage_register",
                    "purpose": "newborn",
                    "reason": "办理新生儿出生一件事, 核验父母婚姻状况",
                    "valid_until": "2027-11-22",
                }
            ]
        }
    )

    source: Source = Field(description="The register, as /departments names it.")
    purpose: Purpose = Field(description="The bundle's code, `single_proof`, or * for all of them.")
    reason: Reason
    valid_until: Day = Field(description="The last day, in Shanghai: after today and at most two years ahead.")


class GrantView(Shown):
    """One grant, with everybody who had a part in it, by account."""

    id: UUID
    unit: str
    source: Named
    purpose: str
    state: GrantState
    reason: str
    applied_by: str
    applied_at: Moment
    valid_until: date
    confidentiality_signed_by: str | None
    confidentiality_signed_at: Moment | None
    approved_by: str | None
    approved_at: Moment | None
    ended_by: str | None = Field(description="Who refused or revoked it.")
    ended_at: Moment | None
    ended_because: str | None


class GrantList(Shown):
    """A page of grants, the latest application first."""

    grants: tuple[GrantView, ...]


class GrantsMissing(Shown):
    """What a unit may not query yet of what a bundle, or single proofs, need."""

    unit: str
    bundle: str
    needed: tuple[Named, ...]
    missing: tuple[Named, ...]


@router.post(
    "/grants",
    status_code=201,
    response_model=GrantView,
    responses={200: {"model": GrantView, "description": "It was applied for before; this is that application."}},
)
def apply_for_grant(house: TheHouse, viewer: MayApplyGrant, asked: NewGrant, key: IdempotencyKey) -> Response:
    """Apply to query one register for one bundle; until it is signed and approved, nothing may be queried."""
    at = house.clock()
    wanted = Wanted(source=asked.source, purpose=asked.purpose, reason=asked.reason, valid_until=asked.valid_until)
    digest = house.store.vault.digest("idempotency-key", viewer.actor.account, key).hex()

    def apply(connection: Connection) -> Applied:
        return kept.apply(connection, wanted, key=digest, by=viewer, at=at, bundles=house.catalogue)

    applied = house.committed(apply)
    return answer(_view(applied.grant, at), 201 if applied.new else 200)


@router.post("/grants/{grant_id}/confidentiality", response_model=GrantView)
def sign_confidentiality(house: TheHouse, viewer: MayApplyGrant, grant_id: GrantId) -> Response:
    """The unit, and whoever asks for it, sign: what is queried serves this work and nothing else (保密协议)."""
    at = house.clock()
    return _changed(house, viewer, Action.APPLY_GRANT, at, partial(kept.sign, id=grant_id, by=viewer, at=at))


@router.post("/grants/{grant_id}/approval", response_model=GrantView)
def approve_grant(house: TheHouse, viewer: MayApproveGrant, grant_id: GrantId) -> Response:
    """The data centre approves what was signed; from now on the register is asked."""
    at = house.clock()
    return _changed(house, viewer, Action.APPROVE_GRANT, at, partial(kept.approve, id=grant_id, by=viewer, at=at))


@router.post("/grants/{grant_id}/refusal", response_model=GrantView)
def refuse_grant(house: TheHouse, viewer: MayApproveGrant, grant_id: GrantId, asked: Because) -> Response:
    """The data centre does not approve, and says why."""
    at = house.clock()
    refused = partial(kept.refuse, id=grant_id, by=viewer, at=at, because=asked.reason)
    return _changed(house, viewer, Action.APPROVE_GRANT, at, refused)


@router.post("/grants/{grant_id}/revocation", response_model=GrantView)
def revoke_grant(house: TheHouse, viewer: MayApproveGrant, grant_id: GrantId, asked: Because) -> Response:
    """The data centre takes the right back, and says why; the next query is refused already."""
    at = house.clock()
    revoked = partial(kept.revoke, id=grant_id, by=viewer, at=at, because=asked.reason)
    return _changed(house, viewer, Action.APPROVE_GRANT, at, revoked)


@router.get("/grants", response_model=GrantList)
def list_of_grants(
    house: TheHouse,
    viewer: MayReadGrants,
    request: Request,
    unit: UnitName = None,
    source: Annotated[str | None, Query(max_length=64, pattern=r"^[a-z][a-z_]*$")] = None,
    purpose: Annotated[str | None, Query(max_length=64, pattern=r"^(\*|[a-z][a-z_]*)$")] = None,
    state: Annotated[GrantState | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The unit's own grants; everybody's for the data centre and for auditors."""
    at = house.clock()
    if reach(viewer, Action.READ_GRANTS) is not Reach.EVERYWHERE:
        if unit not in {None, viewer.actor.unit}:
            raise _beyond_reach(house, viewer, Action.READ_GRANTS, NotAllowed())
        unit = viewer.actor.unit
    wanted = GrantsWanted(unit=unit, source=source, purpose=purpose, state=state)
    after = None if cursor is None else read_place(cursor)

    def look() -> list[Grant]:
        with house.store.database.reading() as connection:
            return kept.list_grants(connection, wanted, at, after=after, limit=limit + 1)

    found = again_if_lost(look)
    last = found[limit - 1] if len(found) > limit else None
    more = {} if last is None else next_link(request, cursor=write_place((last.applied_at, last.id)))
    return answer(GrantList(grants=tuple(_view(grant, at) for grant in found[:limit])), headers=more)


@router.get("/grants/missing", response_model=GrantsMissing)
def list_of_missing_grants(
    house: TheHouse,
    viewer: MayReadGrants,
    bundle: Annotated[
        str,
        Query(
            pattern=r"^[a-z][a-z_]{0,63}$",
            description="The bundle's code, or `single_proof` for proofs asked for alone.",
        ),
    ],
    unit: UnitName = None,
) -> Response:
    """Which registers the bundle, or a single proof, needs and the unit may not query today."""
    at = house.clock()
    whose = unit or viewer.actor.unit
    if whose != viewer.actor.unit and reach(viewer, Action.READ_GRANTS) is not Reach.EVERYWHERE:
        raise _beyond_reach(house, viewer, Action.READ_GRANTS, NotAllowed())
    if bundle == single_proof.BUNDLE:
        declared, needed = None, single_proof.SOURCES
    else:
        declared = house.catalogue.in_force(bundle, day_of(at))
        needed = sources_needed(declared)

    def look() -> tuple[str, ...]:
        with house.store.database.glancing() as connection:
            if declared is None:
                return kept.missing_for_single_proofs(connection, whose, at)
            return kept.missing_for(connection, whose, declared, at)

    return answer(
        GrantsMissing(
            unit=whose,
            bundle=bundle,
            needed=tuple(map(_named, needed)),
            missing=tuple(map(_named, again_if_lost(look))),
        )
    )


def _changed(
    house: House, viewer: Viewer, action: Action, at: datetime, decision: Callable[[Connection], Grant]
) -> Response:
    try:
        return answer(_view(house.committed(decision), at))
    except (NotAllowed, NoSuchGrant) as refusal:
        raise _beyond_reach(house, viewer, action, refusal) from None


def _beyond_reach(house: House, viewer: Viewer, action: Action, refusal: Refusal) -> Refusal:
    """The refusal, once the attempt is in the access log."""
    house.store.log_accesses([refused_attempt(house, viewer, action, refusal.code)])
    return refusal


def _view(grant: Grant, at: datetime) -> GrantView:
    return GrantView(
        id=grant.id,
        unit=grant.unit,
        source=_named(grant.source),
        purpose=grant.purpose,
        state=grant.state_on(day_of(at)),
        reason=grant.reason,
        applied_by=grant.applied_by,
        applied_at=grant.applied_at,
        valid_until=grant.valid_until,
        confidentiality_signed_by=grant.confidentiality_signed_by,
        confidentiality_signed_at=grant.confidentiality_signed_at,
        approved_by=grant.approved_by,
        approved_at=grant.approved_at,
        ended_by=grant.ended_by,
        ended_at=grant.ended_at,
        ended_because=grant.ended_because,
    )


def _named(source: str) -> Named:
    register = REGISTERS.get(source)
    if register is None:
        # A register that is no longer declared: its grants stay on record.
        return Named(code=source, title=source, title_en=source)
    return Named(code=source, title=register.title, title_en=register.title_en)
