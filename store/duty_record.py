"""Who changed how a unit works (值守变更): its office hours, its duties, what is done where nobody answers.

Whom a question goes to and when its clock runs out follow from these, so each change is in the access log
beside the imports of rosters, whoever makes it: the API, a page, or the operator at a terminal.
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection

from domain.actors import Actor
from domain.silence import SilenceRule
from domain.time_limits import OfficeHours
from store.access_log import Access, note_for_unit
from store.duty import Duty, DutyPost, add_duty, end_duty, set_office_hours, set_silence_rule

SET_HOURS: Final = "set_office_hours"
SET_RULE: Final = "set_silence_rule"
PUT_ON_DUTY: Final = "put_on_duty"
TAKE_OFF_DUTY: Final = "take_off_duty"


def change_hours(
    connection: Connection, unit: str, hours: OfficeHours | None, today: date, *, by: Actor, at: datetime
) -> None:
    """As `set_office_hours`, on record."""
    set_office_hours(connection, unit, hours, today)
    told = "自然小时 natural hours" if hours is None else f"办公时间 office hours {_span(hours)}"
    _note(connection, SET_HOURS, unit, told, by, at)


def change_rule(connection: Connection, unit: str, rule: SilenceRule | None, *, by: Actor, at: datetime) -> None:
    """As `set_silence_rule`, on record."""
    set_silence_rule(connection, unit, rule)
    _note(connection, SET_RULE, unit, f"未答复的处理 silence rule {rule or 'as declared'}", by, at)


def put_on_duty(connection: Connection, duty: Duty, *, by: Actor, at: datetime) -> None:
    """As `add_duty`, on record."""
    add_duty(connection, duty)
    until = "" if duty.valid_to is None else f" to {duty.valid_to}"
    days = "" if duty.weekdays is None else f" weekdays {','.join(map(str, duty.weekdays))}"
    told = f"安排值守 on duty {duty.account} {duty.post} from {duty.valid_from}{until}{days} rank {duty.rank}"
    _note(connection, PUT_ON_DUTY, duty.unit, told, by, at)


def take_off_duty(
    connection: Connection,
    unit: str,
    account: str,
    post: DutyPost,
    valid_from: date,
    last_day: date,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """As `end_duty`, on record."""
    end_duty(connection, unit, account, post, valid_from, last_day)
    told = f"结束值守 off duty {account} {post} from {valid_from} last day {last_day}"
    _note(connection, TAKE_OFF_DUTY, unit, told, by, at)


def _span(hours: OfficeHours) -> str:
    lunch = "" if hours.lunch is None else " lunch {:%H:%M}-{:%H:%M}".format(*hours.lunch)
    return f"{hours.opens:%H:%M}-{hours.closes:%H:%M}{lunch}"


def _note(connection: Connection, action: str, unit: str, told: str, by: Actor, at: datetime) -> None:
    note_for_unit(connection, [Access(at=at, by=by, action=action, about=(f"unit/{unit}",), purpose=told)])
