"""数据权限: which unit may query which register, for which life event, and until when.

A unit applies, its confidentiality agreement is signed, the data centre approves, and never the one
who applied. Nothing here is ever taken back silently: a grant that is over says who ended it and why,
or on which day it ran out.

    Refusal
    ├── NotFound
    │   └── NoSuchGrant
    ├── NotAcceptable
    │   └── FormFaulty
    │       └── GrantFaulty       register, purpose or validity cannot be as applied for; all faults at once
    ├── Conflict
    │   ├── AlreadyAppliedFor     the same application waits for the data centre's decision
    │   ├── NotSigned             approval needs the signed confidentiality agreement
    │   └── GrantSettled          decided, ended or run out already; says by whom
    └── NotAllowed
        ├── OwnApplication        who applied does not approve
        └── NotYourGrant          only the unit applies and signs, only the data centre decides
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain import single_proof
from domain.bundle import Bundle, SharedDataQuery
from domain.departments import REGISTERS
from domain.refusals import Conflict, FieldFault, FormFaulty, NotAllowed, NotFound, Refusal
from domain.scopes import Action, Viewer, reach
from domain.time_limits import SHANGHAI
from domain.watch_list import READ_AHEAD

EVERY_PURPOSE: Final = "*"
"""Granted for every life event; a data centre gives it rarely."""
YEARS_AT_MOST: Final = 2


class GrantState(StrEnum):
    """Where a grant stands on a day."""

    APPLIED = "applied"  # 已申请
    APPROVED = "approved"  # 已批准
    REFUSED = "refused"  # 不予批准
    REVOKED = "revoked"  # 已撤销
    EXPIRED = "expired"  # 已到期


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a unit applies for; `purpose` is a bundle's code or EVERY_PURPOSE, `valid_until` the last day."""

    source: str
    purpose: str
    reason: str
    valid_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One unit's right to query one register for one purpose; people by account, moments aware, days in Shanghai."""

    id: UUID
    unit: str
    source: str
    purpose: str
    reason: str
    applied_by: str
    applied_at: datetime
    valid_until: date
    confidentiality_signed_by: str | None = None
    confidentiality_signed_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    ended_by: str | None = None
    """Who refused it if it was never approved, else who revoked it."""
    ended_at: datetime | None = None
    ended_because: str | None = None

    def state_on(self, day: date) -> GrantState:
        """Where it stands on that day; the last day of its validity still counts."""
        if self.ended_at is not None:
            return GrantState.REFUSED if self.approved_at is None else GrantState.REVOKED
        if self.valid_until < day:
            return GrantState.EXPIRED
        return GrantState.APPLIED if self.approved_at is None else GrantState.APPROVED


class NoSuchGrant(NotFound):
    """There is no such grant, or none that this account may see."""

    code = "grant.unknown"

    def __init__(self) -> None:
        super().__init__("没有这项数据权限, 或您无权查看", "there is no such grant, or you may not see it")


class GrantFaulty(FormFaulty):
    """The application has faults; its sentence holds all of theirs."""

    code = "grant.faulty"

    def __init__(self, faults: Collection[FieldFault]) -> None:
        super().__init__(tuple(faults))
        self.zh = "; ".join(fault.zh for fault in faults)
        self.en = "; ".join(f"{fault.pointer.removeprefix('/')} {fault.en}" for fault in faults)


class AlreadyAppliedFor(Conflict):
    """The unit has applied for this, until this day, and the data centre has not decided."""

    code = "grant.already_applied_for"

    def __init__(self, unit: str, source: str, purpose: str) -> None:
        self.unit = unit
        self.source = source
        self.purpose = purpose
        super().__init__(
            f"“{unit}”对“{source}”({purpose})的申请尚待数据中心审批",
            f"{unit} has applied for {source} ({purpose}) already; the data centre has not decided",
        )


class NotSigned(Conflict):
    """The confidentiality agreement (保密协议) is not signed."""

    code = "grant.not_signed"

    def __init__(self) -> None:
        super().__init__("保密协议尚未签署, 不能批准", "the confidentiality agreement must be signed before approval")


class GrantSettled(Conflict):
    """It was approved, refused or revoked already, or has run out; says by whom and when."""

    code = "grant.settled"

    def __init__(self, grant: Grant, state: GrantState) -> None:
        self.state = state
        self.by = grant.ended_by or grant.approved_by
        zh, en = (f", 由 {self.by} 办理", f" by {self.by}") if self.by else ("", "")
        super().__init__(f"该权限{_STATES_ZH[state]}{zh}", f"the grant is {state}{en}")


_STATES_ZH: Final = {
    GrantState.APPLIED: "尚未审批",
    GrantState.APPROVED: "已批准",
    GrantState.REFUSED: "已不予批准",
    GrantState.REVOKED: "已撤销",
    GrantState.EXPIRED: "已到期",
}


class OwnApplication(NotAllowed):
    """Who applied does not approve."""

    code = "grant.own_application"

    def __init__(self) -> None:
        Refusal.__init__(self, "申请人不能审批本人的申请", "whoever applied may not approve it")


class NotYourGrant(NotAllowed):
    """Only the unit applies and signs, only the data centre decides."""

    code = "grant.not_yours"

    def __init__(self) -> None:
        Refusal.__init__(
            self,
            "数据权限由用数单位申请并签署保密协议, 由数据中心审批",
            "the unit applies and signs for itself, and the data centre decides",
        )


# ── the life of a grant ─────────────────────────────────────────────────────────────────────────────────────────────


def day_of(at: datetime) -> date:
    """The day in Shanghai by which validity is counted."""
    return at.astimezone(SHANGHAI).date()


def apply_for(wanted: Wanted, *, id: UUID, by: Viewer, at: datetime, bundles: Iterable[Bundle]) -> Grant:
    """A unit asks to query a register; raises NotYourGrant, GrantFaulty with every fault at once.

    `bundles` are all that are declared: a register that a bundle never queries is not granted for it.
    """
    if reach(by, Action.APPLY_GRANT) is None:
        raise NotYourGrant
    if faults := tuple(_faults(wanted, day_of(at), tuple(bundles))):
        raise GrantFaulty(faults)
    return Grant(
        id=id,
        unit=by.actor.unit,
        source=wanted.source,
        purpose=wanted.purpose,
        reason=wanted.reason,
        applied_by=by.actor.account,
        applied_at=at,
        valid_until=wanted.valid_until,
    )


def sign(grant: Grant, *, by: Viewer, at: datetime) -> Grant:
    """The unit signs the confidentiality agreement; signed before, it stays as it was. Raises as below."""
    if reach(by, Action.APPLY_GRANT) is None or by.actor.unit != grant.unit:
        raise NotYourGrant
    if grant.confidentiality_signed_at is not None:
        return grant
    _must_be(grant, GrantState.APPLIED, at)
    return replace(grant, confidentiality_signed_by=by.actor.account, confidentiality_signed_at=at)


def approve(grant: Grant, *, by: Viewer, at: datetime) -> Grant:
    """The data centre says yes; said before by the same account, nothing changes.

    Raises NotYourGrant, OwnApplication, GrantSettled, NotSigned.
    """
    _must_decide(by)
    if grant.applied_by == by.actor.account:
        raise OwnApplication
    if grant.approved_by == by.actor.account and grant.ended_at is None:
        return grant
    _must_be(grant, GrantState.APPLIED, at)
    if grant.confidentiality_signed_at is None:
        raise NotSigned
    return replace(grant, approved_by=by.actor.account, approved_at=at)


def refuse(grant: Grant, *, by: Viewer, at: datetime, because: str) -> Grant:
    """The data centre says no; raises NotYourGrant, GrantSettled."""
    return _ended(grant, GrantState.APPLIED, GrantState.REFUSED, by, at, because)


def revoke(grant: Grant, *, by: Viewer, at: datetime, because: str) -> Grant:
    """The data centre takes back what it had approved; raises NotYourGrant, GrantSettled."""
    return _ended(grant, GrantState.APPROVED, GrantState.REVOKED, by, at, because)


# ── what a bundle needs ─────────────────────────────────────────────────────────────────────────────────────────────


def sources_needed(bundle: Bundle) -> tuple[str, ...]:
    """Every register that any route of any proof may query, in declared order, each once."""
    return tuple(
        dict.fromkeys(
            route.source
            for proof in bundle.proofs().values()
            for route in proof.routes
            if isinstance(route, SharedDataQuery)
        )
    )


def read_ahead_by(bundle: Bundle) -> tuple[str, ...]:
    """The registers in which the bundle's lead unit reads the records of people who did not apply (免申即办)."""
    return (READ_AHEAD,) if bundle.discoveries else ()


def missing(bundle: Bundle, permitted: Collection[str]) -> tuple[str, ...]:
    """The registers that the bundle needs and that are not permitted, in declared order."""
    return tuple(source for source in sources_needed(bundle) if source not in permitted)


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _faults(wanted: Wanted, today: date, bundles: Collection[Bundle]) -> Iterator[FieldFault]:
    if not wanted.reason.strip():
        yield FieldFault("/reason", "empty", "请写明申请理由", "must say what it is needed for")
    if wanted.source not in REGISTERS:
        yield FieldFault("/source", "unknown", "没有这个数据源", "is no register that we know")
    if wanted.purpose == single_proof.BUNDLE:
        if wanted.source in REGISTERS and wanted.source not in single_proof.SOURCES:
            yield FieldFault("/source", "not_needed", "单项核验不查询该数据源", "is never queried for a single proof")
    elif wanted.purpose != EVERY_PURPOSE:
        declared = [bundle for bundle in bundles if bundle.code == wanted.purpose]
        if not declared:
            yield FieldFault("/purpose", "unknown", "没有这个一件事", f"is no bundle, nor {EVERY_PURPOSE!r}")
        elif wanted.source in REGISTERS and not any(_queries(bundle, wanted.source) for bundle in declared):
            yield FieldFault(
                "/source", "not_needed", f"“{wanted.purpose}”不查询该数据源", f"is never queried by {wanted.purpose!r}"
            )
    if wanted.valid_until <= today:
        yield FieldFault("/valid_until", "past", "有效期应在今天之后", "must be after today")
    elif wanted.valid_until > (latest := years_after(today, YEARS_AT_MOST)):
        yield FieldFault("/valid_until", "too_late", f"有效期最长两年, 至 {latest}", f"must not be after {latest}")


def years_after(day: date, years: int) -> date:
    """The same day, so many years later; the 28th where that year has no 29 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _queries(bundle: Bundle, source: str) -> bool:
    return source in (*sources_needed(bundle), *read_ahead_by(bundle))


def _must_decide(by: Viewer) -> None:
    if reach(by, Action.APPROVE_GRANT) is None:
        raise NotYourGrant


def _must_be(grant: Grant, expected: GrantState, at: datetime) -> None:
    state = grant.state_on(day_of(at))
    if state is not expected:
        raise GrantSettled(grant, state)


def _ended(grant: Grant, before: GrantState, after: GrantState, by: Viewer, at: datetime, because: str) -> Grant:
    _must_decide(by)
    if grant.ended_by == by.actor.account and grant.state_on(day_of(at)) is after:
        # The same decision once more: whoever did not hear the first answer asks again.
        return grant
    _must_be(grant, before, at)
    return replace(grant, ended_by=by.actor.account, ended_at=at, ended_because=because)
