"""Who looked at whose data (查询日志), for auditors, and for a person who asks who looked at theirs."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import true

from api.house import House, TheHouse
from api.identity import MayReadAccessLog
from api.limits import StrictRoute
from api.people import PersonWanted, find_people, read_wanted
from api.shapes import (
    V1,
    Cursor,
    Instant,
    Limit,
    Moment,
    Shown,
    answer,
    bad_cursor,
    cursor_parts,
    next_link,
    write_cursor,
)
from domain.identifiers import is_case_no
from domain.refusals import NoSuchCase
from domain.scopes import Action, Reach, Viewer, reach
from store.access_log import Access, note_for_unit
from store.database import again_if_lost
from store.log import masked
from store.read_models.accesses import AccessesWanted, AccessLine, list_accesses
from store.read_models.cases import cases_of_people
from store.scoping import within
from store.tables import cases

router = APIRouter(prefix=V1, tags=["access log"], route_class=StrictRoute)

Name = Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$")]
CASES_OF_A_PERSON_AT_MOST = 200


class AccessView(Shown):
    """One access: data by name, never by value."""

    at: Moment
    account: str
    unit: str
    action: str
    about: tuple[str, ...]
    recipient: str | None = Field(description="The department or register that was sent it.")
    purpose: str
    granted: bool
    case_no: str | None


class AccessList(Shown):
    """A page of the log, newest first."""

    accesses: tuple[AccessView, ...]


@router.get("/access-log", response_model=AccessList)
def list_of_accesses(
    house: TheHouse,
    viewer: MayReadAccessLog,
    request: Request,
    case_no: Annotated[str | None, Query(max_length=40)] = None,
    account: Name = None,
    unit: Name = None,
    action: Annotated[str | None, Query(max_length=64, pattern=r"^[a-z_]+$")] = None,
    granted: bool | None = None,
    since: Instant | None = None,
    before: Instant | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Who looked, when, at what and why; supervisors see their division's."""
    if case_no is not None and not is_case_no(case_no):
        raise NoSuchCase
    wanted = AccessesWanted(
        case_no=case_no, account=account, unit=unit, action=action, granted=granted, since=since, before=before
    )
    after = None if cursor is None else _position(cursor)

    def look() -> list[AccessLine]:
        with house.store.database.reading() as connection:
            return list_accesses(connection, viewer, wanted, after, limit + 1)

    found = again_if_lost(look)
    more = next_link(request, cursor=write_cursor(found[limit - 1].position)) if len(found) > limit else {}
    return answer(AccessList(accesses=tuple(_view(line) for line in found[:limit])), headers=more)


@router.post("/access-log/search", response_model=AccessList)
def accesses_to_person(house: TheHouse, viewer: MayReadAccessLog, asked: PersonWanted) -> Response:
    """Who looked at the data of one person, newest first; the question itself is in the log too."""
    value = read_wanted(house, asked.by, asked.value)
    return answer(again_if_lost(lambda: _of_person(house, viewer, asked, value)))


def _of_person(house: House, viewer: Viewer, asked: PersonWanted, value: str) -> AccessList:
    with house.store.database.begin() as connection:
        note_for_unit(
            connection,
            [
                Access(
                    at=house.clock(),
                    by=viewer.actor,
                    action="search_access_log",
                    about=(asked.by,),
                    purpose=asked.reason,
                )
            ],
        )
        people = find_people(house, connection, asked.by, value)
        everywhere = reach(viewer, Action.READ_ACCESS_LOG) is Reach.EVERYWHERE
        visible = true() if everywhere else within(viewer.division, cases.c.division)
        of_them = cases_of_people(connection, visible, people, CASES_OF_A_PERSON_AT_MOST) if people else []
        wanted = AccessesWanted(case_ids=[line.case_id for line, *_ in of_them])
        lines = list_accesses(connection, viewer, wanted, None, CASES_OF_A_PERSON_AT_MOST)
        return AccessList(accesses=tuple(_view(line) for line in lines))


def _view(line: AccessLine) -> AccessView:
    return AccessView(
        at=line.at,
        account=line.account,
        unit=line.unit,
        action=line.action,
        about=tuple(line.about),
        recipient=line.recipient,
        # Typed by a person, who may have named another.
        purpose=masked(line.purpose),
        granted=line.granted,
        case_no=line.case_no,
    )


def _position(cursor: str) -> int:
    (position,) = cursor_parts(cursor, 1)
    if not (position.isascii() and position.isdecimal() and len(position) <= 18):
        raise bad_cursor()
    return int(position)
