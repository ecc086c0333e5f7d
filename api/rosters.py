"""Rosters and duties (花名册与值守): who serves where and who is asked first; names are masked until a reason is given.

Taking a file over and writing one out belong to the data centre. Whoever works an inbox may see whom to
call in a community of theirs, and says why; auditors see that somebody serves there, and nobody's name.
"""

from datetime import date
from typing import Annotated, Literal, TypeVar, assert_never

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement, Connection, select, true

from api.house import House, TheHouse
from api.identity import allowed
from api.limits import StrictRoute
from api.shapes import V1, Asked, Because, Day, Reason, Shown, answer
from api.sheets import (
    FILE_BODY,
    SheetChanges,
    SheetPreview,
    UploadedSheet,
    as_file,
    changes_of,
    file_answer,
    preview_of,
)
from api.workbooks import write_sheet
from domain.columns import Comparison, Sheet
from domain.identifiers import mask_name, mask_phone
from domain.refusals import NotAllowed, NotFound
from domain.roster import COLUMNS, POSTS, Post, read_roster
from domain.scopes import Action, Reach, Viewer, reach
from store import duty_record
from store import rosters as kept
from store.access_log import Access, note_for_unit
from store.database import again_if_lost
from store.duty import Duty, DutyPost, community_contacts, list_duties
from store.scoping import within
from store.tables import units

T = TypeVar("T")

router = APIRouter(prefix=V1, tags=["rosters"], route_class=StrictRoute)
files = APIRouter(prefix=V1, tags=["rosters"])
"""Routes whose body is a file and not JSON."""

MayReadRosters = Annotated[Viewer, Depends(allowed(Action.READ_ROSTERS))]
MayManageRosters = Annotated[Viewer, Depends(allowed(Action.MANAGE_ROSTERS))]

CommunityCode = Annotated[str, Path(pattern=r"^[0-9]{12}$", description="Twelve digits.")]
UnitWanted = Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$")]
Code = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$")]


class NoSuchCommunity(NotFound):
    """No community of that code, or none that this account may see."""

    code = "community.unknown"

    def __init__(self) -> None:
        super().__init__("没有这个社区, 或您无权查看", "there is no such community, or you may not see it")


# ── communities and their people ────────────────────────────────────────────────────────────────────────────────────


class CommunityView(Shown):
    """A community and how many serve there today."""

    code: str
    title: str
    subdistrict: str
    subdistrict_title: str
    division: str
    unit: str | None = Field(description="The unit that is asked.")
    serving: int


class CommunityList(Shown):
    """The communities that the account may see."""

    communities: tuple[CommunityView, ...]


class RosterLineView(Shown):
    """One person in one post; masked, and for auditors without a name."""

    name: str
    phones: tuple[str, ...]
    post: Post
    post_title: str
    rank: int = Field(description="1 is called first.")
    account: str | None
    valid_from: date
    valid_to: date | None


class RosterView(Shown):
    """A community's roster from today on."""

    community: CommunityView
    lines: tuple[RosterLineView, ...]


class ContactView(Shown):
    """Somebody to call."""

    name: str
    phones: tuple[str, ...]
    post: Post
    post_title: str


class ContactList(Shown):
    """Whom to call in the community today, in order; unmasked."""

    contacts: tuple[ContactView, ...]


@router.get("/rosters", response_model=CommunityList)
def list_of_communities(house: TheHouse, viewer: MayReadRosters) -> Response:
    """The communities, with nobody's personal content."""

    def look() -> CommunityList:
        with house.store.database.reading() as connection:
            found = kept.list_communities(connection, house.today, _visible(viewer))
            return CommunityList(communities=tuple(map(_community, found)))

    return answer(again_if_lost(look))


@router.get("/rosters/{community}", response_model=RosterView)
def show_roster(house: TheHouse, viewer: MayReadRosters, community: CommunityCode) -> Response:
    """Who serves there, masked; the look is in the access log."""

    def look(connection: Connection) -> RosterView:
        found = _get_community(connection, house, viewer, community)
        _note(connection, house, viewer, "read_roster", community, "花名册 roster")
        lines = kept.roster(connection, house.store.vault, (community,), house.today)
        named = _may_call(viewer)
        return RosterView(
            community=_community(found),
            lines=tuple(
                RosterLineView(
                    name=mask_name(line.name) if named else "",
                    phones=tuple(map(mask_phone, line.phones)) if named else (),
                    post=line.post,
                    post_title=POSTS[line.post][0],
                    rank=line.rank,
                    account=line.account,
                    valid_from=line.valid_from,
                    valid_to=line.valid_to,
                )
                for _, line in lines
            ),
        )

    return answer(house.committed(look))


@router.post("/rosters/{community}/contacts", response_model=ContactList)
def reveal_contacts(house: TheHouse, viewer: MayReadRosters, community: CommunityCode, asked: Because) -> Response:
    """Names and phones, for a call; the reason is in the access log before anything is shown."""
    if not _may_call(viewer):
        raise NotAllowed

    def look(connection: Connection) -> ContactList:
        _get_community(connection, house, viewer, community)
        _note(connection, house, viewer, "reveal_roster", community, asked.reason)
        found = community_contacts(connection, house.store.vault, community, house.clock())
        return ContactList(
            contacts=tuple(
                ContactView(name=one.name, phones=one.phones, post=Post(one.post), post_title=POSTS[one.post][0])
                for one in found
            )
        )

    return answer(house.committed(look))


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class RosterExport(Asked):
    """What to write out, and why: the file holds names, numbers and phones in full."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"format": "xlsx", "reason": "年度核对花名册"}]})

    format: Literal["xlsx", "csv"] = "xlsx"
    encoding: Literal["utf-8-sig", "utf-8", "gb18030"] = Field(default="utf-8-sig", description="Of a CSV file.")
    history: bool = Field(default=False, description="With the lines that have ended.")
    reason: Reason


@files.post("/rosters/preview", response_model=SheetPreview, openapi_extra=FILE_BODY)
def preview_rosters(house: TheHouse, viewer: MayManageRosters, sheet: UploadedSheet) -> Response:
    """Whether the file can be taken over; nothing is written."""
    return answer(preview_of(_compared(house, viewer, sheet)))


@files.post("/rosters/diff", response_model=SheetChanges, openapi_extra=FILE_BODY)
def compare_rosters(house: TheHouse, viewer: MayManageRosters, sheet: UploadedSheet) -> Response:
    """Who would join, leave and change, masked; nothing is written. A file is complete for each community it names."""
    return answer(changes_of(_compared(house, viewer, sheet)))


@files.post("/rosters", response_model=SheetPreview, openapi_extra=FILE_BODY)
def take_rosters_over(house: TheHouse, viewer: MayManageRosters, sheet: UploadedSheet) -> Response:
    """Take the file over, all of it or nothing; the same file again changes nothing."""

    def take_over(connection: Connection) -> Comparison:
        _note(connection, house, viewer, "import_rosters", None, "导入花名册 import")
        file = read_roster(sheet, house.today)
        return kept.apply(connection, house.store.vault, file, viewer.actor, house.clock())

    return answer(preview_of(house.committed(take_over)))


@router.post("/rosters/export", response_class=Response, responses=file_answer("The rosters."))
def export_rosters(house: TheHouse, viewer: MayManageRosters, asked: RosterExport) -> Response:
    """All rosters as a file that can be imported again; the reason is in the access log."""

    def look(connection: Connection) -> bytes:
        _note(connection, house, viewer, "export_rosters", None, asked.reason)
        lines = kept.roster(connection, house.store.vault, None, house.today, history=asked.history)
        return write_sheet(COLUMNS, kept.export_rows(lines), "花名册", asked.format, asked.encoding)

    return as_file(house.committed(look), "rosters", asked.format, asked.encoding)


# ── duties ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class NewDuty(Asked):
    """An account on duty in its own unit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "unit": "police",
                    "account": "verifier",
                    "post": "officer",
                    "valid_from": "2026-12-01",
                    "weekdays": [1, 3],
                }
            ]
        }
    )

    unit: Code
    account: Code
    post: Literal["officer", "superior"] = Field(
        description="officer: is asked; superior: is told of limits that pass."
    )
    valid_from: Day
    valid_to: Day | None = Field(default=None, description="The last day; null: until it is ended.")
    weekdays: list[Annotated[int, Field(ge=1, le=7)]] | None = Field(
        default=None, min_length=1, max_length=7, description="1 is Monday; null: every day."
    )
    rank: int = Field(default=1, ge=1, le=999, description="Who comes first when several are on duty.")


class DutyEnding(Asked):
    """The last day of a duty; before its first day, it is taken back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "unit": "police",
                    "account": "verifier",
                    "post": "officer",
                    "valid_from": "2026-12-01",
                    "last_day": "2026-12-31",
                }
            ]
        }
    )

    unit: Code
    account: Code
    post: Literal["officer", "superior"]
    valid_from: Day
    last_day: Day


class DutyView(Shown):
    """One account on duty."""

    unit: str
    account: str
    post: DutyPost
    valid_from: date
    valid_to: date | None
    weekdays: tuple[int, ...] | None
    rank: int


class DutyList(Shown):
    """Duties, by unit."""

    duties: tuple[DutyView, ...]


@router.get("/duties", response_model=DutyList)
def list_of_duties(house: TheHouse, viewer: MayReadRosters, unit: UnitWanted = None, today: bool = False) -> Response:
    """Who is on duty, in the units that the account may see."""

    def look() -> DutyList:
        with house.store.database.reading() as connection:
            seen = set(connection.execute(select(units.c.code).where(_visible(viewer))).scalars())
            found = list_duties(connection, unit, house.today if today else None)
            return DutyList(duties=tuple(_duty(duty) for duty in found if duty.unit in seen))

    return answer(again_if_lost(look))


@router.post("/duties", status_code=201, response_model=DutyView)
def put_on_duty(house: TheHouse, viewer: MayManageRosters, asked: NewDuty) -> Response:
    """Put an account on duty; the same duty again changes nothing."""
    duty = Duty(
        asked.unit,
        asked.account,
        DutyPost(asked.post),
        asked.valid_from,
        asked.valid_to,
        None if asked.weekdays is None else tuple(sorted(set(asked.weekdays))),
        asked.rank,
    )
    house.committed(lambda connection: duty_record.put_on_duty(connection, duty, by=viewer.actor, at=house.clock()))
    return answer(_duty(duty), 201)


@router.post("/duties/endings", status_code=204, response_class=Response)
def take_off_duty(house: TheHouse, viewer: MayManageRosters, asked: DutyEnding) -> Response:
    """The duty ends with that day."""
    house.committed(
        lambda connection: duty_record.take_off_duty(
            connection,
            asked.unit,
            asked.account,
            DutyPost(asked.post),
            asked.valid_from,
            asked.last_day,
            by=viewer.actor,
            at=house.clock(),
        ),
    )
    return Response(status_code=204)


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _compared(house: House, viewer: Viewer, sheet: Sheet) -> Comparison:
    def look(connection: Connection) -> Comparison:
        _note(connection, house, viewer, "compare_rosters", None, "比对花名册 compare")
        return kept.compare(connection, house.store.vault, read_roster(sheet, house.today), house.today)

    return house.committed(look)


def _note(
    connection: Connection, house: House, viewer: Viewer, action: str, community: str | None, purpose: str
) -> None:
    about = ("roster",) if community is None else (f"roster/{community}",)
    note_for_unit(connection, [Access(house.clock(), viewer.actor, action, about, purpose)])


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    """A condition over `units`."""
    match reach(viewer, Action.READ_ROSTERS):
        case Reach.EVERYWHERE:
            return true()
        case Reach.DIVISION:
            return within(viewer.division, units.c.division)
        case Reach.OWN_UNIT | Reach.ADDRESSED | Reach.DEPARTMENT | None:
            return units.c.code == viewer.actor.unit
        case never:
            assert_never(never)


def _may_call(viewer: Viewer) -> bool:
    return reach(viewer, Action.READ_INBOX) is not None or reach(viewer, Action.MANAGE_ROSTERS) is not None


def _get_community(connection: Connection, house: House, viewer: Viewer, code: str) -> kept.CommunityCount:
    among = _visible(viewer) & (units.c.community == code)
    for found in kept.list_communities(connection, house.today, among):
        return found
    raise NoSuchCommunity


def _community(found: kept.CommunityCount) -> CommunityView:
    return CommunityView(**found.community.model_dump(), unit=found.unit, serving=found.serving)


def _duty(duty: Duty) -> DutyView:
    return DutyView(
        unit=duty.unit,
        account=duty.account,
        post=duty.post,
        valid_from=duty.valid_from,
        valid_to=duty.valid_to,
        weekdays=duty.weekdays,
        rank=duty.rank,
    )
