"""Units (单位): every body that has accounts, the hours in which its clocks run, and who asks where nobody answers."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Response
from pydantic import ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import Connection, Row, select

from api.house import House, TheHouse
from api.identity import MayReadDepartments, allowed
from api.limits import StrictRoute
from api.problems import faulty
from api.shapes import V1, Asked, Shown, answer
from domain.refusals import NotAllowed
from domain.scopes import Action, Reach, Viewer, reach
from domain.silence import SilenceRule
from domain.time_limits import OfficeHours
from store.accounts import NoSuchUnit
from store.database import again_if_lost
from store.duty_record import change_hours, change_rule
from store.tables import units

router = APIRouter(prefix=V1, tags=["units"], route_class=StrictRoute)

MayManageRosters = Annotated[Viewer, Depends(allowed(Action.MANAGE_ROSTERS))]
MaySetSilenceRule = Annotated[Viewer, Depends(allowed(Action.SET_SILENCE_RULE))]

UnitCode = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$", description="As /units names it.")]
Hour = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class OfficeHoursView(Shown):
    """When the unit's clocks run on a working day, in Shanghai."""

    opens: str
    closes: str
    lunch: tuple[str, str] | None


class UnitView(Shown):
    """A body that has accounts."""

    code: str
    title: str
    division: str
    department: str | None
    community: str | None
    office_hours: OfficeHoursView | None = Field(description="Null: its clocks run day and night.")
    silence_rule: SilenceRule | None = Field(
        description="Who asks a person that does not answer the unit's form; null: whom the bundle declares."
    )


class UnitList(Shown):
    """Every unit."""

    units: tuple[UnitView, ...]


class HoursWanted(Asked):
    """Office hours, from when to when; both null: natural ones. Neither is ever guessed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"opens": "08:30", "closes": "17:00", "lunch": ["12:00", "13:30"]}]}
    )

    opens: Hour | None = Field(description="Null, with closes: day and night.")
    closes: Hour | None = Field(description="Null, with opens: day and night.")
    lunch: list[Hour] | None = Field(
        default=None, min_length=2, max_length=2, description="From when to when nobody is there."
    )


class RuleWanted(Asked):
    """Who asks a person that does not answer a form; silence is never taken for consent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rule": "caseworker"}]})

    rule: Literal["community_check", "caseworker"] | None = Field(description="Null: whom the bundle declares.")


@router.get("/units", response_model=UnitList)
def list_of_units(house: TheHouse, viewer: MayReadDepartments) -> Response:
    """Every unit with its division, its department or community, and its office hours."""

    def look() -> UnitList:
        with house.store.database.reading() as connection:
            rows = connection.execute(select(units).order_by(units.c.code)).all()
            return UnitList(units=tuple(map(_unit, rows)))

    return answer(again_if_lost(look))


@router.put("/units/{unit}/office-hours", response_model=UnitView)
def change_office_hours(house: TheHouse, viewer: MayManageRosters, unit: UnitCode, asked: HoursWanted) -> Response:
    """In which hours the unit's clocks run; refused while a year's working days are not known."""
    hours = _hours(asked)

    def change(connection: Connection) -> UnitView:
        change_hours(connection, unit, hours, house.today, by=viewer.actor, at=house.clock())
        return _get_unit(connection, unit)

    return answer(house.committed(change))


@router.put("/units/{unit}/silence-rule", response_model=UnitView)
def change_silence_rule(house: TheHouse, viewer: MaySetSilenceRule, unit: UnitCode, asked: RuleWanted) -> Response:
    """What is done with the unit's forms that nobody answers, for those that go out from now on."""
    return answer(set_rule(house, viewer, unit, None if asked.rule is None else SilenceRule(asked.rule)))


def set_rule(house: House, viewer: Viewer, unit: str, rule: SilenceRule | None) -> UnitView:
    """The unit with its new rule; raises NotAllowed for another unit's, NoSuchUnit."""
    if reach(viewer, Action.SET_SILENCE_RULE) is not Reach.EVERYWHERE and unit != viewer.actor.unit:
        raise NotAllowed

    def change(connection: Connection) -> UnitView:
        change_rule(connection, unit, rule, by=viewer.actor, at=house.clock())
        return _get_unit(connection, unit)

    return house.committed(change)


def _hours(asked: HoursWanted) -> OfficeHours | None:
    if (asked.opens is None) != (asked.closes is None):
        zh, en = "上班与下班时间应同时填写, 或同时为 null", "opens and closes must both be given, or both be null"
        raise faulty("/opens" if asked.opens is None else "/closes", "both_or_neither", zh, en)
    if asked.opens is None and asked.lunch is not None:
        zh, en = "按自然小时计时没有午休", "natural hours have no lunch break"
        raise faulty("/lunch", "natural_hours", zh, en)
    if asked.opens is None:
        return None
    try:
        return OfficeHours.model_validate(asked.model_dump(exclude_none=True))
    except ValidationError:
        zh, en = "办公时间应依次为开门、午休、关门", "office hours must follow one another: opening, lunch, closing"
        raise faulty("/closes" if asked.lunch is None else "/lunch", "order", zh, en) from None


def _get_unit(connection: Connection, unit: str) -> UnitView:
    row = connection.execute(select(units).where(units.c.code == unit)).first()
    if row is None:
        raise NoSuchUnit(unit)
    return _unit(row)


def _unit(row: Row[*tuple[Any, ...]]) -> UnitView:
    return UnitView(
        code=row.code,
        title=row.title,
        division=row.division,
        department=row.department,
        community=row.community,
        office_hours=None if row.office_hours is None else OfficeHoursView.model_validate(row.office_hours),
        silence_rule=None if row.silence_rule is None else SilenceRule(row.silence_rule),
    )
