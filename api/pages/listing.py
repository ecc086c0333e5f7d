"""证明清单页: what may be asked of people and how each proof is settled; the data centre takes announcements over."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from api import listing
from api.house import House, TheHouse
from api.listing import ListingView, ProofCode, ProofHistory
from api.pages.asking import matches
from api.pages.doors import MayManageListing, MayReadListing
from api.pages.faults import PageRoute
from api.pages.own_answers import told
from api.pages.rendering import HEADERS, render
from api.pages.uploads import BYTES_AT_MOST, Upload, looked_at, sheet_of
from api.problems import status_of
from api.shapes import PLAIN
from api.sheets import SheetChanges
from api.workbooks import SheetUnreadable
from domain.catalogue import BundlesWouldStop
from domain.columns import SheetFaulty
from domain.listing import ListedRoute
from domain.scopes import Action, Viewer, reach

router = APIRouter(include_in_schema=False, route_class=PageRoute)

WAYS: Final = {
    ListedRoute.CANCELLED: "直接取消",
    ListedRoute.COMMITMENT: "告知承诺",
    ListedRoute.DEPARTMENT_VERIFICATION: "部门核验",
    ListedRoute.SHARED_DATA: "数据查询",
}
"""How proofs are settled, in the order of the announcements."""


@router.get("/listing", name="listing_page")
def listing_page(
    house: TheHouse,
    viewer: MayReadListing,
    request: Request,
    q: Annotated[str, Query(max_length=40, pattern=PLAIN)] = "",
    route: Annotated[Literal["", "cancelled", "commitment", "department_verification", "shared_data"], Query()] = "",
    done: Annotated[Literal["applied"] | None, Query()] = None,
) -> Response:
    """The listing of today, searched."""
    return _page(house, viewer, request, Upload(), q=q, route=route, done=done is not None)


@router.get("/listing/{proof}", name="listed_proof_page")
def listed_proof_page(house: TheHouse, viewer: MayReadListing, request: Request, proof: ProofCode) -> Response:
    """How one proof was listed over time."""
    found = told(listing.show_proof_history(house, viewer, proof), ProofHistory)
    return render(request, "listed_proof.html", lines=found.lines[::-1], ways=WAYS)


@router.post("/listing/preview", name="preview_listing_by_form")
def preview(
    house: TheHouse,
    viewer: MayManageListing,
    request: Request,
    file: Annotated[UploadFile | None, File()] = None,
    whole: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """What the file would change; nothing is written."""
    all_of_it = whole == "yes"
    upload = looked_at(
        file,
        lambda sheet: told(listing.compare_listing(house, viewer, sheet, all_of_it), SheetChanges),
        whole=all_of_it,
    )
    return _page(house, viewer, request, upload)


@router.post("/listing/application", name="apply_listing_by_form")
def apply(
    house: TheHouse,
    viewer: MayManageListing,
    request: Request,
    content: Annotated[str, Form(max_length=2 * BYTES_AT_MOST)] = "",
    whole: Annotated[str, Form(max_length=10)] = "",
    although: Annotated[str, Form(alias="although_bundles_stop", max_length=10)] = "",
) -> Response:
    """Take over what was looked at."""
    all_of_it = whole == "yes"
    try:
        listing.take_listing_over(house, viewer, sheet_of(content), all_of_it, although == "yes")
    except BundlesWouldStop as refusal:
        # Not ticked, or the listing has changed since it was looked at: it is shown once more, with what would stop.
        house.figures.refused.labels(refusal.code).inc()
        changes = told(listing.compare_listing(house, viewer, sheet_of(content), all_of_it), SheetChanges)
        return _page(house, viewer, request, Upload(changes, content, refusal=refusal, whole=all_of_it))
    except (SheetFaulty, SheetUnreadable) as refusal:
        house.figures.refused.labels(refusal.code).inc()
        return _page(house, viewer, request, Upload(refusal=refusal))
    return RedirectResponse("/listing?done=applied", 303, HEADERS)


def _page(
    house: House, viewer: Viewer, request: Request, upload: Upload, *, q: str = "", route: str = "", done: bool = False
) -> Response:
    everything = told(listing.show_listing(house, viewer), ListingView)
    found = [one for one in everything.proofs if matches(one, q) and route in {"", one.route}]
    faulty = upload.wrong or (upload.changes and upload.changes.faults)
    return render(
        request,
        "listing.html",
        status=status_of(upload.refusal) if upload.refusal else 422 if faulty else 200,
        here="/listing" if request.method == "POST" else None,
        on=everything.on,
        counts=[(code, word, everything.counts.get(code, 0)) for code, word in WAYS.items()],
        total=sum(everything.counts.values()),
        found=found,
        q=q,
        route=route,
        ways=WAYS,
        manages=reach(viewer, Action.MANAGE_LISTING) is not None,
        upload=upload,
        done=done,
    )
