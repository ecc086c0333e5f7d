"""Who is to be asked now (承办人): the officer on duty in a department's unit, or the first on a community's roster.

A question that is sent to a unit where only a program could answer would wait until its limit ends;
such a unit is therefore passed over as if it were not there.

    Refusal
    ├── NotOnDuty                 the account cannot be on duty in that unit
    ├── DutyBackwards
    ├── DutiesOverlap             the account has that post there already in those days
    ├── NoSuchDuty
    └── OfficeHoursUncountable    the working days of a year that they need are not known yet
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, assert_never
from uuid import UUID, uuid5

from sqlalchemy import (
    ColumnElement,
    Connection,
    SmallInteger,
    and_,
    any_,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)

from domain.case_file import CaseState
from domain.divisions import city_of
from domain.law.calendar import CalendarNotShipped, year_table
from domain.refusals import Conflict, NotAcceptable, NotFound
from domain.scopes import MAY, Action, Role
from domain.silence import SilenceRule
from domain.time_limits import OfficeHours, in_shanghai
from store.accounts import NoSuchUnit
from store.tables import accounts, cases, communities, duties, roster_lines, units
from store.vault import Vault

ROSTERS: Final = UUID("6f6e6574-6869-5e67-8a00-00726f737465")
"""The namespace under which each community's roster has a place of its own in the vault."""
ROSTER_ENTRY: Final = "roster"
"""Under this name the vault keeps what a roster knows of a person."""

LOOKS_AFTER: Final = tuple(
    sorted(role.value for role in Role if Action.READ_CASE in MAY[role] and role is not Role.INTEGRATOR)
)
"""Roles of persons who see the cases that their unit or department has."""
ANSWERS: Final = tuple(sorted(role.value for role in Role if Action.ANSWER_VERIFICATION in MAY[role]))
"""Roles of persons who may claim and answer what their unit was asked."""
SETTLES: Final = tuple(role for role in Role if Action.SETTLE_PROOF in MAY[role])
"""Roles that decide on what nobody could show."""
TAKES_IN: Final = tuple(
    sorted(
        role.value
        for role in Role
        # Most programs only call back; where one opens cases, its cases are looked at themselves.
        if role is not Role.INTEGRATOR and MAY[role].keys() & {Action.OPEN_CASE, Action.ASK_VERIFICATION}
    )
)
DECEMBER: Final = 12


class DutyPost(StrEnum):
    """What somebody is on duty as."""

    OFFICER = "officer"  # 承办人: is asked first
    SUPERIOR = "superior"  # 负责人: is told when a limit passes


class NotOnDuty(NotAcceptable):
    """The account is unknown or disabled, of another unit, a program's, or of a role that answers nothing."""

    code = "duty.account"

    def __init__(self, account: str, unit: str) -> None:
        self.account = account
        self.unit = unit
        super().__init__(f"账号“{account}”不能在“{unit}”值守", f"the account {account!r} cannot be on duty in {unit!r}")


class DutyBackwards(NotAcceptable):
    """The duty would end before it begins."""

    code = "duty.order"

    def __init__(self) -> None:
        super().__init__("值守的末日早于首日", "the duty ends before it begins")


class DutiesOverlap(Conflict):
    """The account has that post in that unit already in some of those days."""

    code = "duty.overlaps"

    def __init__(self, account: str, since: date) -> None:
        self.account = account
        self.since = since
        super().__init__(
            f"账号“{account}”自 {since} 起已有同一值守, 期间重叠",
            f"{account!r} has the same duty since {since}; the two overlap",
        )


class NoSuchDuty(NotFound):
    """No duty of that unit, account and post begins on that day."""

    code = "duty.unknown"

    def __init__(self, account: str, since: date) -> None:
        self.account = account
        self.since = since
        super().__init__(
            f"账号“{account}”没有自 {since} 起的这一值守", f"{account!r} has no such duty beginning on {since}"
        )


class OfficeHoursUncountable(NotAcceptable):
    """Office hours need working days, and nobody can say which days of that year they are."""

    code = "office_hours.calendar_not_shipped"

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(
            f"{year} 年的节假日安排尚未录入本系统, 不能按办公时间计时; 请先升级日历",
            f"the working days of {year} are not known here, so office hours cannot be counted; add that year's notice",
        )


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a question: the unit, the account it is handed to, and the hours in which its clock runs."""

    unit: str
    account: str | None
    """None: it waits in the unit's queue."""
    office_hours: OfficeHours | None
    """None: natural hours."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody on a community's roster; personal, so whoever reads it notes the access first."""

    person: UUID
    post: str
    name: str
    phones: tuple[str, ...]
    account: str | None


@dataclass(frozen=True, slots=True)
class Duty:
    """One account on duty in one unit: from a day to a day, both included, on all days or on some of the week."""

    unit: str
    account: str
    post: DutyPost
    valid_from: date
    valid_to: date | None = None
    weekdays: tuple[int, ...] | None = None
    """1 is Monday, 7 is Sunday; None: every day."""
    rank: int = 1
    """Who comes first when several are on duty."""


# ── who is asked ────────────────────────────────────────────────────────────────────────────────────────────────────


def holder_in_department(connection: Connection, department: str, division: str, at: datetime) -> Holder | None:
    """The department's unit in that division, else the city's; None if there is none in which a person could answer.

    Raises NaiveTime.
    """
    here = units.c.division == division
    found = connection.execute(
        select(units.c.code, units.c.office_hours)
        .where(
            units.c.department == department,
            or_(here, units.c.division == city_of(division)),
            _somebody_answers_in(units.c.code),
        )
        .order_by(here.desc(), units.c.code)
        .limit(1)
    ).first()
    if found is None:
        return None
    on_duty = _on_duty(connection, found.code, DutyPost.OFFICER, at)
    return Holder(found.code, next(iter(on_duty), None), _hours(found.office_hours))


def desk_in_department(connection: Connection, department: str, division: str) -> str | None:
    """The department's unit in that division, else the city's, in which a person sees the cases that nobody applied for."""
    here = units.c.division == division
    somebody = exists().where(
        accounts.c.unit == units.c.code, accounts.c.role.in_(LOOKS_AFTER), accounts.c.disabled_at.is_(None)
    )
    asked = select(units.c.code).where(
        units.c.department == department, or_(here, units.c.division == city_of(division)), somebody
    )
    return connection.execute(asked.order_by(here.desc(), units.c.code).limit(1)).scalar_one_or_none()


def holder_in_community(connection: Connection, community: str, at: datetime) -> Holder | None:
    """The community's unit and the first on its roster who has an account.

    The account is None where nobody on the roster has one: then the first on the roster is sent a link, or whoever
    else answers for the community takes it from the queue. None if the community is unknown, or nobody is there.
    Raises NaiveTime.
    """
    found = connection.execute(
        select(units.c.code, units.c.office_hours, _somebody_answers_in(units.c.code).label("answers")).where(
            units.c.community == community
        )
    ).first()
    if found is None:
        return None
    serving = connection.execute(
        select(accounts.c.account)
        .select_from(roster_lines)
        .outerjoin(
            accounts,
            and_(accounts.c.account == roster_lines.c.account, accounts.c.unit == found.code, _answers()),
        )
        .where(roster_lines.c.community == community, serves_on(_day(at)))
        .order_by(*_IN_ORDER)
    ).all()
    if not serving and not found.answers:
        return None
    return Holder(
        found.code, next((row.account for row in serving if row.account is not None), None), _hours(found.office_hours)
    )


def superiors(connection: Connection, unit: str, at: datetime) -> tuple[str, ...]:
    """The accounts to tell when a limit of the unit passes: on duty for it, else its chiefs, else its division's
    supervisors. Raises NaiveTime."""
    if on_duty := _on_duty(connection, unit, DutyPost.SUPERIOR, at):
        return on_duty
    active = select(accounts.c.account).where(accounts.c.disabled_at.is_(None)).order_by(accounts.c.account)
    chiefs = active.where(accounts.c.unit == unit, accounts.c.role == Role.UNIT_CHIEF.value)
    if found := tuple(connection.execute(chiefs).scalars()):
        return found
    division = connection.execute(select(units.c.division).where(units.c.code == unit)).scalar_one_or_none()
    return () if division is None else who_settles(connection, division, (Role.SUPERVISOR,))


def who_settles(connection: Connection, division: str, roles: Collection[Role]) -> tuple[str, ...]:
    """The accounts of these roles in the division's offices; where it has none, in the city's."""
    for place in dict.fromkeys((division, city_of(division))):
        asked = select(accounts.c.account).join(units, units.c.code == accounts.c.unit)
        of_the_place = asked.where(
            accounts.c.disabled_at.is_(None),
            accounts.c.role.in_(sorted(role.value for role in roles)),
            units.c.division == place,
        )
        if found := tuple(connection.execute(of_the_place.order_by(accounts.c.account)).scalars()):
            return found
    return ()


def divisions_without_caseworker(connection: Connection) -> tuple[str, ...]:
    """Where applications are taken in, or cases are open, and nobody could decide on what cannot be shown; for `doctor`."""
    takes_in = (
        select(units.c.division)
        .join(accounts, accounts.c.unit == units.c.code)
        .where(accounts.c.disabled_at.is_(None), accounts.c.role.in_(TAKES_IN))
    )
    open_cases = select(cases.c.division).where(cases.c.state == CaseState.OPEN.value)
    found = connection.execute(takes_in.union(open_cases)).scalars()
    return tuple(sorted(division for division in found if not who_settles(connection, division, SETTLES)))


def is_colleague(connection: Connection, account: str, unit: str) -> bool:
    """Whether the account is a person's of that unit, who could take over what the unit was asked."""
    asked = select(accounts.c.account).where(accounts.c.account == account, accounts.c.unit == unit, _answers())
    return connection.execute(asked).first() is not None


def community_contacts(connection: Connection, vault: Vault, community: str, at: datetime) -> tuple[Contact, ...]:
    """Whom to call in the community, in order; who was forgotten is left out. Raises NaiveTime.

    Personal content: the caller notes the access before asking.
    """
    dossier = vault.open(connection, roster_place(community))
    found = connection.execute(
        select(roster_lines).where(roster_lines.c.community == community, serves_on(_day(at))).order_by(*_IN_ORDER)
    )
    return tuple(
        Contact(row.person, row.post, content["name"], phones_of(content), row.account)
        for row in found
        if (content := dossier.find(row.person, ROSTER_ENTRY)) is not None
    )


def community_named(connection: Connection, name_or_code: str) -> str | None:
    """The code of the community of that code or exact title; None if there is none, or several share the title."""
    asked = select(communities.c.code).where(
        or_(communities.c.code == name_or_code, communities.c.title == name_or_code)
    )
    found = connection.execute(asked.limit(2)).scalars().all()
    return found[0] if len(found) == 1 else None


# ── who is on duty ──────────────────────────────────────────────────────────────────────────────────────────────────


def list_duties(connection: Connection, unit: str | None = None, on: date | None = None) -> tuple[Duty, ...]:
    """The duties of a unit, or of all; of one day, or of all times. Nobody's personal content."""
    asked = select(duties).order_by(duties.c.unit, duties.c.post, duties.c.rank, duties.c.account, duties.c.valid_from)
    if unit is not None:
        asked = asked.where(duties.c.unit == unit)
    if on is not None:
        asked = asked.where(_in_force(on))
    return tuple(
        Duty(
            row.unit,
            row.account,
            DutyPost(row.post),
            row.valid_from,
            row.valid_to,
            None if row.weekdays is None else tuple(row.weekdays),
            row.rank,
        )
        for row in connection.execute(asked)
    )


def add_duty(connection: Connection, duty: Duty) -> None:
    """Put an account on duty; the same duty again changes nothing. Raises NotOnDuty, DutyBackwards, DutiesOverlap."""
    if duty.valid_to is not None and duty.valid_to < duty.valid_from:
        raise DutyBackwards
    asked = select(accounts.c.account).where(
        accounts.c.account == duty.account, accounts.c.unit == duty.unit, _may_be(duty.post)
    )
    # Locked: two additions at once take turns, so that the second sees what the first has written.
    if connection.execute(asked.with_for_update()).first() is None:
        raise NotOnDuty(duty.account, duty.unit)
    same = connection.execute(
        select(duties)
        .where(
            duties.c.unit == duty.unit,
            duties.c.account == duty.account,
            duties.c.post == duty.post.value,
            or_(duties.c.valid_to.is_(None), duties.c.valid_to >= duty.valid_from),
            literal(True) if duty.valid_to is None else duties.c.valid_from <= duty.valid_to,
        )
        .order_by(duties.c.valid_from)
    ).first()
    row = _row(duty)
    if same is not None:
        if dict(same._mapping) != row:
            raise DutiesOverlap(duty.account, same.valid_from)
        return
    connection.execute(insert(duties).values(row))


def end_duty(connection: Connection, unit: str, account: str, post: DutyPost, valid_from: date, last_day: date) -> None:
    """The duty ends with that day; one that would end before it began is taken back. Raises NoSuchDuty."""
    this = and_(
        duties.c.unit == unit,
        duties.c.account == account,
        duties.c.post == post.value,
        duties.c.valid_from == valid_from,
    )
    ended = (
        delete(duties).where(this) if last_day < valid_from else update(duties).where(this).values(valid_to=last_day)
    )
    if connection.execute(ended).rowcount == 0:
        raise NoSuchDuty(account, valid_from)


def set_office_hours(connection: Connection, unit: str, hours: OfficeHours | None, today: date) -> None:
    """The hours in which the unit's clocks run; None: day and night. Raises NoSuchUnit, OfficeHoursUncountable.

    From December on the coming year must be known as well: a question of the last afternoon is due in January.
    """
    if hours is not None:
        try:
            for year in (today.year, today.year + 1) if today.month == DECEMBER else (today.year,):
                year_table(year)
        except CalendarNotShipped as unknown:
            raise OfficeHoursUncountable(unknown.year) from None
    kept = None if hours is None else hours.model_dump(mode="json")
    if connection.execute(update(units).where(units.c.code == unit).values(office_hours=kept)).rowcount == 0:
        raise NoSuchUnit(unit)


def silence_rule(connection: Connection, unit: str) -> SilenceRule | None:
    """What the unit has done with a form that nobody answers; None: it has set no rule, or there is no such unit."""
    kept = connection.execute(select(units.c.silence_rule).where(units.c.code == unit)).scalar_one_or_none()
    return None if kept is None else SilenceRule(kept)


def set_silence_rule(connection: Connection, unit: str, rule: SilenceRule | None) -> None:
    """For the forms that go out from now on; None: as each bundle declares. Raises NoSuchUnit."""
    kept = None if rule is None else rule.value
    if connection.execute(update(units).where(units.c.code == unit).values(silence_rule=kept)).rowcount == 0:
        raise NoSuchUnit(unit)


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def roster_place(community: str) -> UUID:
    """Where the vault keeps the roster of that community."""
    return uuid5(ROSTERS, community)


def phones_of(content: Mapping[str, str]) -> tuple[str, ...]:
    """The phones of a roster's entry in the vault, the first to be called first."""
    return tuple(phone for phone in content.get("phones", "").split(" ") if phone)


def serves_on(day: date) -> ColumnElement[bool]:
    """A condition over `roster_lines`: those in force on that day."""
    return and_(
        roster_lines.c.valid_from <= day, or_(roster_lines.c.valid_to.is_(None), roster_lines.c.valid_to >= day)
    )


_IN_ORDER: Final = (roster_lines.c.rank, roster_lines.c.valid_from, roster_lines.c.person, roster_lines.c.post)


def _answers() -> ColumnElement[bool]:
    return and_(accounts.c.disabled_at.is_(None), accounts.c.role.in_(ANSWERS))


def _may_be(post: DutyPost) -> ColumnElement[bool]:
    match post:
        case DutyPost.OFFICER:
            return _answers()
        case DutyPost.SUPERIOR:
            # Who is told need not be able to answer; but a program is nobody to tell.
            return and_(accounts.c.disabled_at.is_(None), accounts.c.role != Role.INTEGRATOR.value)
        case never:
            assert_never(never)


def _somebody_answers_in(unit: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(accounts.c.unit == unit, _answers())


def _on_duty(connection: Connection, unit: str, post: DutyPost, at: datetime) -> tuple[str, ...]:
    day = _day(at)
    found = connection.execute(
        select(duties.c.account)
        .join(accounts, and_(accounts.c.account == duties.c.account, accounts.c.unit == duties.c.unit, _may_be(post)))
        .where(
            duties.c.unit == unit,
            duties.c.post == post.value,
            _in_force(day),
            or_(duties.c.weekdays.is_(None), literal(day.isoweekday(), SmallInteger) == any_(duties.c.weekdays)),
        )
        .order_by(duties.c.rank, duties.c.account)
    )
    return tuple(found.scalars())


def _in_force(day: date) -> ColumnElement[bool]:
    return and_(duties.c.valid_from <= day, or_(duties.c.valid_to.is_(None), duties.c.valid_to >= day))


def _row(duty: Duty) -> dict[str, Any]:
    weekdays: Sequence[int] | None = None if duty.weekdays is None else sorted(set(duty.weekdays))
    return {
        "unit": duty.unit,
        "account": duty.account,
        "post": duty.post.value,
        "valid_from": duty.valid_from,
        "valid_to": duty.valid_to,
        "weekdays": weekdays,
        "rank": duty.rank,
    }


def _day(at: datetime) -> date:
    return in_shanghai(at).date()


def _hours(kept: Mapping[str, Any] | None) -> OfficeHours | None:
    return None if kept is None else OfficeHours.model_validate(kept)
