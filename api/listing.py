"""The listing of proofs (证明事项清单): everybody in the house reads it, the data centre takes files over."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from api.house import House, TheHouse
from api.identity import allowed
from api.limits import StrictRoute
from api.shapes import V1, Day, Moment, Shown, answer
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
from api.workbooks import Encoding, Format, write_sheet
from domain.columns import Comparison, Sheet
from domain.departments import DEPARTMENTS, REGISTERS
from domain.listing import COLUMNS, ROUTES, ListedProof, ListedRoute, read_listing
from domain.refusals import NotFound
from domain.scopes import Action, Viewer
from store import listing as kept
from store.access_log import Access, note_for_unit
from store.database import again_if_lost

router = APIRouter(prefix=V1, tags=["listing of proofs"], route_class=StrictRoute)
files = APIRouter(prefix=V1, tags=["listing of proofs"])
"""Routes whose body is a file and not JSON."""

MayReadListing = Annotated[Viewer, Depends(allowed(Action.READ_LISTING))]
MayManageListing = Annotated[Viewer, Depends(allowed(Action.MANAGE_LISTING))]

ProofCode = Annotated[str, Path(max_length=64, pattern=r"^[a-z][a-z0-9_]*$", description="As the listing names it.")]
Whole = Annotated[
    bool, Query(description="The file is the whole listing: what it does not name leaves today. Else it is one batch.")
]

AlthoughBundlesStop = Annotated[
    bool,
    Query(
        description="It is meant that the life events named under `stops` cannot be filed any more; without this a file"
        " that would do so is not taken over."
    ),
]


class NoSuchProof(NotFound):
    """The listing never had a proof of that code."""

    code = "listing.unknown"

    def __init__(self, proof: str) -> None:
        self.proof = proof
        super().__init__(f"清单中从未有过“{proof}”", f"the listing never had a proof {proof!r}")


class ListedProofView(Shown):
    """One line of the listing."""

    code: str
    title: str
    title_en: str
    route: ListedRoute
    route_title: str
    basis: str
    collected_by: tuple[str, ...]
    issued_by: str
    issued_by_title: str
    source: str | None
    source_title: str | None
    immediate: bool
    valid_days: int
    yearly_volume: int
    batch: int
    effective_from: date
    effective_to: date | None
    reason_kept: str
    about_two: bool = Field(description="About the relation of two people: a request for it names both.")


class ListingView(Shown):
    """The listing as it is in force on a day."""

    on: date
    counts: dict[ListedRoute, int] = Field(description="How many lines are settled by each route.")
    proofs: tuple[ListedProofView, ...]


class KeptProofView(Shown):
    """A line with who imported it last, and when."""

    line: ListedProofView
    kept_by: str
    kept_at: Moment


class ProofHistory(Shown):
    """Every line there ever was of one code, oldest first."""

    lines: tuple[KeptProofView, ...]


@router.get("/listing", response_model=ListingView)
def show_listing(
    house: TheHouse,
    viewer: MayReadListing,
    on: Annotated[Day | None, Query(description="A day in Shanghai; without: today.")] = None,
    route: Annotated[
        Literal["cancelled", "commitment", "shared_data", "department_verification"] | None,
        Query(description="Only the lines that are settled like this."),
    ] = None,
) -> Response:
    """What may be asked on a day, and how each proof is settled."""
    day = on or house.today

    def look() -> ListingView:
        with house.store.database.reading() as connection:
            lines = kept.listed(connection, day).values()
            return ListingView(
                on=day,
                counts=dict(kept.counted(lines)),
                proofs=tuple(_view(line) for line in lines if route is None or line.route.value == route),
            )

    return answer(again_if_lost(look))


@router.get(
    "/listing/export",
    response_class=Response,
    responses=file_answer("The listing."),
)
def export_listing(
    house: TheHouse,
    viewer: MayReadListing,
    format: Format = "xlsx",
    encoding: Annotated[Encoding, Query(description="Of a CSV file.")] = "utf-8-sig",
    past: Annotated[bool, Query(description="With the lines that are in force no more.")] = False,
) -> Response:
    """The listing as a file that can be imported again."""

    def look() -> bytes:
        with house.store.database.reading() as connection:
            lines = kept.lines_to_export(connection, house.today, past=past)
            return write_sheet(COLUMNS, kept.export_rows(lines), "证明事项清单", format, encoding)

    return as_file(again_if_lost(look), "listing", format, encoding)


@router.get("/listing/{proof}", response_model=ProofHistory)
def show_proof_history(house: TheHouse, viewer: MayReadListing, proof: ProofCode) -> Response:
    """How one proof was listed over time."""

    def look() -> tuple[kept.KeptProof, ...]:
        with house.store.database.glancing() as connection:
            return kept.history(connection, proof)

    found = again_if_lost(look)
    if not found:
        raise NoSuchProof(proof)
    return answer(
        ProofHistory(
            lines=tuple(KeptProofView(line=_view(one.line), kept_by=one.kept_by, kept_at=one.kept_at) for one in found)
        )
    )


@files.post("/listing/preview", response_model=SheetPreview, openapi_extra=FILE_BODY)
def preview_listing(house: TheHouse, viewer: MayManageListing, sheet: UploadedSheet, whole: Whole = False) -> Response:
    """Whether the file can be taken over; nothing is written."""
    return answer(preview_of(_compared(house, sheet, whole)))


@files.post("/listing/diff", response_model=SheetChanges, openapi_extra=FILE_BODY)
def compare_listing(house: TheHouse, viewer: MayManageListing, sheet: UploadedSheet, whole: Whole = False) -> Response:
    """Which proofs would join, leave and change; nothing is written."""
    return answer(changes_of(_compared(house, sheet, whole)))


@files.post("/listing", response_model=SheetPreview, openapi_extra=FILE_BODY)
def take_listing_over(
    house: TheHouse,
    viewer: MayManageListing,
    sheet: UploadedSheet,
    whole: Whole = False,
    although_bundles_stop: AlthoughBundlesStop = False,
) -> Response:
    """Take the file over, all of it or nothing; the same file again changes nothing."""

    def take_over(connection: Connection) -> Comparison:
        at = house.clock()
        about = ("listing",)
        note_for_unit(connection, [Access(at, viewer.actor, "import_listing", about, "导入证明事项清单 import")])
        return kept.apply(
            connection,
            read_listing(sheet),
            viewer.actor,
            at,
            whole=whole,
            demanded_by=house.catalogue,
            although_bundles_stop=although_bundles_stop,
        )

    return answer(preview_of(house.committed(take_over)))


def _compared(house: House, sheet: Sheet, whole: bool) -> Comparison:
    def once() -> Comparison:
        with house.store.database.reading() as connection:
            return kept.compare(connection, read_listing(sheet), house.today, whole=whole, demanded_by=house.catalogue)

    return again_if_lost(once)


def _view(line: ListedProof) -> ListedProofView:
    return ListedProofView(
        **line.model_dump(),
        route_title=ROUTES[line.route][0],
        issued_by_title=DEPARTMENTS[line.issued_by].title,
        source_title=None if line.source is None else REGISTERS[line.source].title,
    )
