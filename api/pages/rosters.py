"""花名册页: who serves in each community, masked; whom to call, with a reason; and taking a file over."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api import rosters
from api.house import House, TheHouse
from api.pages.doors import MayManageRosters, MayReadRosters, MayRevealRosters
from api.pages.faults import PageRoute
from api.pages.own_answers import told
from api.pages.rendering import HEADERS, render
from api.pages.uploads import BYTES_AT_MOST, Upload, looked_at, sheet_of
from api.rosters import CommunityCode, CommunityList, ContactList, RosterExport, RosterView
from api.shapes import PLAIN, Because
from api.sheets import SheetChanges
from api.workbooks import SheetUnreadable
from domain.columns import SheetFaulty
from domain.scopes import Action, Viewer, reach

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Typed = Annotated[str, Form(max_length=4000)]
SAY_WHY: Final = "请写明理由, 2 至 500 字。"


@router.get("/rosters", name="rosters_page")
def rosters_page(
    house: TheHouse,
    viewer: MayReadRosters,
    request: Request,
    q: Annotated[str, Query(max_length=40, pattern=PLAIN)] = "",
    done: Annotated[Literal["applied"] | None, Query()] = None,
) -> Response:
    """The communities, and how many serve in each."""
    return _page(house, viewer, request, Upload(), q=q, done=done is not None)


@router.get("/rosters/{community}", name="roster_page")
def roster_page(house: TheHouse, viewer: MayReadRosters, request: Request, community: CommunityCode) -> Response:
    """Who serves in one community; masked, and in the access log."""
    return _roster(house, viewer, request, community)


@router.post("/rosters/{community}/contacts", name="reveal_contacts_by_form")
def reveal(
    house: TheHouse, viewer: MayRevealRosters, request: Request, community: CommunityCode, reason: Typed = ""
) -> Response:
    """Names and phones in full, for a call."""
    why = _because(reason)
    if why is None:
        return _roster(house, viewer, request, community, reason=reason, wrong=SAY_WHY)
    found = told(rosters.reveal_contacts(house, viewer, community, why), ContactList)
    return _roster(house, viewer, request, community, contacts=found)


@router.post("/rosters/preview", name="preview_rosters_by_form")
def preview(
    house: TheHouse,
    viewer: MayManageRosters,
    request: Request,
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """What the file would change; nothing is written."""
    upload = looked_at(file, lambda sheet: told(rosters.compare_rosters(house, viewer, sheet), SheetChanges))
    return _page(house, viewer, request, upload)


@router.post("/rosters/application", name="apply_rosters_by_form")
def apply(
    house: TheHouse,
    viewer: MayManageRosters,
    request: Request,
    content: Annotated[str, Form(max_length=2 * BYTES_AT_MOST)] = "",
) -> Response:
    """Take over what was looked at."""
    try:
        rosters.take_rosters_over(house, viewer, sheet_of(content))
    except (SheetFaulty, SheetUnreadable) as refusal:
        house.figures.refused.labels(refusal.code).inc()
        return _page(house, viewer, request, Upload(refusal=refusal))
    return RedirectResponse("/rosters?done=applied", 303, HEADERS)


@router.post("/rosters/export", name="export_rosters_by_form")
def export(house: TheHouse, viewer: MayManageRosters, request: Request, reason: Typed = "") -> Response:
    """All rosters as a workbook that can be taken over again; the reason is in the access log."""
    why = _because(reason)
    if why is None:
        return _page(house, viewer, request, Upload(), reason=reason, wrong=SAY_WHY)
    return rosters.export_rosters(house, viewer, RosterExport(reason=why.reason))


def _because(reason: str) -> Because | None:
    try:
        return Because(reason=" ".join(reason.split()))
    except ValidationError:
        return None


def _page(
    house: House,
    viewer: Viewer,
    request: Request,
    upload: Upload,
    *,
    q: str = "",
    done: bool = False,
    reason: str = "",
    wrong: str | None = None,
) -> Response:
    found = told(rosters.list_of_communities(house, viewer), CommunityList).communities
    words = q.lower().split()
    faulty = upload.wrong or upload.refusal or (upload.changes and upload.changes.faults) or wrong
    return render(
        request,
        "rosters.html",
        status=422 if faulty else 200,
        here="/rosters" if request.method == "POST" else None,
        found=[
            one for one in found if all(word in f"{one.code} {one.title} {one.subdistrict_title}" for word in words)
        ],
        q=q,
        manages=reach(viewer, Action.MANAGE_ROSTERS) is not None,
        upload=upload,
        done=done,
        reason=reason,
        wrong=wrong,
    )


def _roster(
    house: House,
    viewer: Viewer,
    request: Request,
    community: str,
    *,
    contacts: ContactList | None = None,
    reason: str = "",
    wrong: str | None = None,
) -> Response:
    seen = told(rosters.show_roster(house, viewer, community), RosterView)
    calls = reach(viewer, Action.READ_INBOX) is not None or reach(viewer, Action.MANAGE_ROSTERS) is not None
    return render(
        request,
        "roster.html",
        status=422 if wrong else 200,
        here=f"/rosters/{community}",
        seen=seen,
        contacts=contacts.contacts if contacts else None,
        calls=calls,
        reason=reason,
        wrong=wrong,
    )
