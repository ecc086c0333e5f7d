"""Cases (办件) over HTTP: file one, find and read them, correct or withdraw one, settle what a register could not."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from api.case_view import (
    CaseView,
    CaseWithContent,
    Content,
    CorrectedContent,
    EventView,
    ItemView,
    Sentence,
    case_view,
    case_with_content,
    content,
    event_views,
    fields_of,
)
from api.examples import NEW_CASE
from api.house import House, TheHouse
from api.identity import (
    MayAmend,
    MayListCases,
    MayOpenCase,
    MayReadCase,
    MayReadCaseEvents,
    MayResubmit,
    MaySettle,
    MayWithdraw,
)
from api.limits import StrictRoute
from api.reach import Sight, get_case, typed_case_no
from api.shapes import (
    V1,
    Asked,
    Because,
    Cursor,
    Instant,
    Limit,
    Moment,
    Named,
    Reason,
    Shown,
    answer,
    etag,
    next_link,
    read_place,
    seen_already,
    version_of,
    write_place,
)
from api.words import CASE_STATES
from domain.case_file import CaseFile, CaseState, ItemState
from domain.commands import ResubmitItem, SettleProof, WithdrawCase, command_id
from domain.form import SHANGHAI, read_application
from domain.identifiers import grouped_case_no
from domain.scopes import Action, Reach, Viewer, reach
from store.access_log import Access
from store.cases import fingerprint
from store.commands import Handled
from store.database import again_if_lost
from store.events import read
from store.read_models.cases import CaseLine, Place, Wanted, list_cases, place_of
from store.scoping import cases_visible_to

router = APIRouter(prefix=V1, tags=["cases"], route_class=StrictRoute)

CaseNo = Annotated[str, Path(max_length=40, description="办件编号, 21 digits.", examples=["339901012611220000015"])]
Part = Annotated[str, Path(max_length=80, pattern=r"^[a-z][a-z0-9_]*(:[1-9])?$", description="As the case names it.")]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by you, one for each act: sent again with the same body, it has the same answer.",
        examples=["3f0d6b1e-6f43-4c6e-9d5c-0b8f0a6a5f10"],
    ),
]
IfMatch = Annotated[str, Header(alias="If-Match", max_length=100, description="The ETag of the case as you saw it.")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", max_length=200)]


class NewCase(Asked):
    """An application for one life event."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_CASE]})

    bundle: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,63}$")]
    application: dict[str, Any] = Field(description="The form; its schema is at /bundles/{code}.")


class FiledCase(Shown):
    """Where the case is; the same answer however often the application is sent."""

    case_no: str
    case_no_grouped: str
    bundle: str
    url: str


class CaseLineView(Shown):
    """One line of the list; no personal data."""

    case_no: str
    case_no_grouped: str
    bundle: Named
    state: str
    state_label: str
    outcome: str | None
    version: int
    unit: str
    opened_at: Moment
    changed_at: Moment
    ended_at: Moment | None
    next_due: Moment | None
    items_in_play: int
    items_concluded: int
    in_hand: int = Field(description="How many things wait for a caseworker.")
    overdue: int
    waits_for: tuple[str, ...]


class CaseList(Shown):
    """A page of cases; the Link header leads on."""

    cases: tuple[CaseLineView, ...]


class EventList(Shown):
    """What happened to a case."""

    case_no: str
    events: tuple[EventView, ...]


class ReceiptLine(Shown):
    """One item on the receipt."""

    item: str
    title: str
    title_en: str
    department: Named
    state: str
    state_label: str
    promised_by: Moment | None
    promised_limit: Sentence
    reference: str | None
    products: dict[str, str] = Field(description="Masked, as corrected.")
    corrections: tuple[CorrectedContent, ...] = Field(
        description="Each with what stood before, the difference, and why."
    )


class Receipt(Shown):
    """回执: what was filed, by when each item is promised, and what came of it; names and numbers masked."""

    case_no: str
    case_no_grouped: str
    bundle: Named
    state: str
    state_label: str
    unit: str
    opened_at: Moment
    applicant: dict[str, str] = Field(description="Masked.")
    items: tuple[ReceiptLine, ...]


class Correction(Asked):
    """A JSON merge patch (RFC 7396) of the application, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"application": {"mother": {"phone": "15499000002"}}, "reason": "申请人更正手机号码"}]
        }
    )

    application: dict[str, Any] = Field(min_length=1)
    reason: Reason


class Settlement(Asked):
    """A caseworker's decision on a proof."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"met": True, "reason": "已核对结婚证原件"}]})

    met: bool
    reason: Reason


class Acted(Shown):
    """The case after an act; the same answer however often the act is sent."""

    case_no: str
    version: int = Field(description="The version that this act led to.")
    events: tuple[EventView, ...]


# ── filing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post(
    "/cases",
    status_code=201,
    response_model=FiledCase,
    responses={200: {"model": FiledCase, "description": "It was filed before; this is its case."}},
)
def file_case(house: TheHouse, viewer: MayOpenCase, asked: NewCase, key: IdempotencyKey, request: Request) -> Response:
    """File an application: all its items are taken in at once."""
    at = house.clock()
    bundle = house.catalogue.in_force(asked.bundle, at.astimezone(SHANGHAI).date())
    application = read_application(bundle, asked.application, at=at)
    vault = house.store.vault
    filed = house.store.file(
        application,
        by=viewer.actor,
        division=viewer.division,
        at=at,
        # Keyed hashes: what a client puts into a key, or repeats in a body, is not ours to keep.
        key=vault.digest("idempotency-key", viewer.actor.account, key).hex(),
        fingerprint=fingerprint(vault.digest("request", request.state.body_text)),
    )
    url = f"{V1}/cases/{filed.case_no}"
    told = FiledCase(case_no=filed.case_no, case_no_grouped=grouped_case_no(filed.case_no), bundle=bundle.code, url=url)
    return answer(told, 201 if filed.new else 200, {"location": url, "etag": etag(filed.version)})


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/cases", response_model=CaseList)
def list_of_cases(
    house: TheHouse,
    viewer: MayListCases,
    request: Request,
    state: Annotated[CaseState | None, Query()] = None,
    bundle: Annotated[str | None, Query(pattern=r"^[a-z][a-z_]{0,63}$")] = None,
    overdue: Annotated[bool | None, Query(description="With an item past its promised date.")] = None,
    in_hand: Annotated[bool | None, Query(description="With something that waits for a caseworker.")] = None,
    opened_from: Annotated[Instant | None, Query(description="At this moment or later.")] = None,
    opened_before: Annotated[Instant | None, Query()] = None,
    q: Annotated[str | None, Query(max_length=40, description="A case number, grouped or not.")] = None,
    order: Annotated[Literal["opened", "due"], Query(description="Newest first, or next due first.")] = "opened",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The cases that the account may see; no personal data, no totals."""
    wanted = Wanted(
        state=state,
        bundle=bundle,
        case_no=None if q is None else typed_case_no(q),
        overdue=overdue,
        in_hand=in_hand,
        opened_from=opened_from,
        opened_before=opened_before,
    )
    lines = page_of_cases(house, viewer, wanted, order, None if cursor is None else read_place(cursor), limit)
    more = next_link(request, cursor=write_place(place_of(lines[limit - 1], order))) if len(lines) > limit else {}
    of_a_department = reach(viewer, Action.LIST_CASES) is Reach.DEPARTMENT
    return answer(
        CaseList(cases=tuple(_line(line, of_a_department=of_a_department) for line in lines[:limit])), headers=more
    )


def page_of_cases(
    house: House, viewer: Viewer, wanted: Wanted, order: Literal["opened", "due"], after: Place | None, limit: int
) -> list[CaseLine]:
    """A page and one line more, if there is one: it tells that the list goes on."""

    def look() -> list[CaseLine]:
        with house.store.database.reading() as connection:
            visible = cases_visible_to(viewer, Action.LIST_CASES)
            return list_cases(connection, visible, wanted, order, after, limit + 1)

    return again_if_lost(look)


def _line(line: CaseLine, *, of_a_department: bool) -> CaseLineView:
    return CaseLineView(
        case_no=line.case_no,
        case_no_grouped=grouped_case_no(line.case_no),
        bundle=Named(code=line.bundle, title=line.title, title_en=line.title_en),
        state=line.state,
        state_label=CASE_STATES[CaseState(line.state)],
        outcome=line.outcome,
        version=line.version,
        unit=line.unit,
        opened_at=line.opened_at,
        changed_at=line.changed_at,
        ended_at=line.ended_at,
        next_due=line.next_due,
        items_in_play=line.items_in_play,
        items_concluded=line.items_concluded,
        # What other departments have is not this one's business.
        in_hand=0 if of_a_department else line.in_hand,
        overdue=0 if of_a_department else line.overdue,
        waits_for=() if of_a_department else tuple(line.waits_for),
    )


@router.get(
    "/cases/{case_no}",
    response_model=CaseView | CaseWithContent,
    responses={304: {"description": "You have this version."}},
)
def show_case(
    house: TheHouse,
    viewer: MayReadCase,
    case_no: CaseNo,
    include: Annotated[
        Literal["content"] | None,
        Query(description="content: the masked form, products and reasons as well; such a read is in the access log."),
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The case: every item with its promised date, every proof, what it waits for; no personal data unless asked."""
    line = get_case(house, viewer, Action.READ_CASE, case_no)
    headers = {"etag": etag(line.version), "cache-control": "private, no-cache", "vary": "authorization, cookie"}
    if include is None:
        if seen_already(if_none_match, line.version):
            return Response(status_code=304, headers=headers)
        file = house.store.case_file(line.case_id)
        return answer(
            case_view(file, Sight.of(viewer, Action.READ_CASE, file)), headers={**headers, "etag": etag(file.version)}
        )
    file = house.store.case_file(line.case_id)
    sight = Sight.of(viewer, Action.READ_CASE, file)
    access = _access(house, viewer, "read_masked", file, fields_of(file.bundle, sight), "查看办件")
    case = house.store.open_for(line.case_id, access)
    return answer(case_with_content(case, sight), headers={"etag": etag(case.file.version)})


@router.get("/cases/{case_no}/events", response_model=EventList)
def events_of_case(
    house: TheHouse,
    viewer: MayReadCaseEvents,
    case_no: CaseNo,
    after: Annotated[int, Query(ge=0, le=1_000_000, description="Only what came after this version.")] = 0,
) -> Response:
    """What happened to the case, in order, without personal data."""
    line = get_case(house, viewer, Action.READ_CASE_EVENTS, case_no)

    def look() -> EventList:
        with house.store.database.reading() as connection:
            return EventList(case_no=line.case_no, events=event_views(read(connection, line.case_id, after)))

    return answer(again_if_lost(look))


@router.get("/cases/{case_no}/receipt", response_model=Receipt)
def receipt_of_case(house: TheHouse, viewer: MayReadCase, case_no: CaseNo) -> Response:
    """回执: the numbers, the promised date of every item, and what came of it, masked; in the access log."""
    line = get_case(house, viewer, Action.READ_CASE, case_no)
    file = house.store.case_file(line.case_id)
    sight = Sight.of(viewer, Action.READ_CASE, file)
    access = _access(house, viewer, "read_receipt", file, fields_of(file.bundle, sight), "打印回执")
    case = house.store.open_for(line.case_id, access)
    return answer(_receipt(case_view(case.file, sight), content(case, sight, unmasked=False), case.file))


def _receipt(view: CaseView, masked_content: Content, file: CaseFile) -> Receipt:
    applicant = masked_content.form.get(file.bundle.applicant, [{}])[0]
    return Receipt(
        case_no=view.case_no,
        case_no_grouped=view.case_no_grouped,
        bundle=view.bundle,
        state=view.state,
        state_label=view.state_label,
        unit=view.unit,
        opened_at=view.opened_at,
        applicant=applicant,
        items=tuple(_receipt_line(item, masked_content) for item in view.items),
    )


def _receipt_line(item: ItemView, masked_content: Content) -> ReceiptLine:
    return ReceiptLine(
        item=item.id,
        title=item.title,
        title_en=item.title_en,
        department=item.department,
        state=item.state,
        state_label=item.state_label,
        promised_by=item.promised_by or item.expected_by,
        promised_limit=item.promised_limit,
        reference=item.reference,
        products=masked_content.products.get(item.id, {}),
        corrections=masked_content.corrections.get(item.id, ()),
    )


# ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.patch("/cases/{case_no}", response_model=Acted)
def amend_case(
    house: TheHouse, viewer: MayAmend, case_no: CaseNo, asked: Correction, if_match: IfMatch, request: Request
) -> Response:
    """Correct the application; what departments have already stays as it is and is named in the event."""
    line = get_case(house, viewer, Action.AMEND_CASE, case_no)
    seen = version_of(if_match)
    digest = house.store.vault.digest("amend", request.state.body_text).hex()
    handled = house.store.amend(
        line.case_id,
        asked.application,
        reason=asked.reason,
        by=viewer.actor,
        at=house.clock(),
        id=command_id(line.case_id, "amend", viewer.actor.account, seen, digest),
        seen=seen,
    )
    return acted(line, handled)


@router.post("/cases/{case_no}/withdrawal", response_model=Acted)
def withdraw_case(house: TheHouse, viewer: MayWithdraw, case_no: CaseNo, asked: Because, if_match: IfMatch) -> Response:
    """Take the application back: items not yet with a department are cancelled, the others stay and say so."""
    line = get_case(house, viewer, Action.WITHDRAW_CASE, case_no)
    seen = version_of(if_match)
    id_ = command_id(line.case_id, "withdraw", viewer.actor.account, seen)
    command = WithdrawCase(id=id_, at=house.clock(), by=viewer.actor, expected_version=seen, note=f"note/{id_}")
    return acted(line, house.store.act(line.case_id, command, note=command.note, reason=asked.reason))


@router.post("/cases/{case_no}/proofs/{proof}/settlement", response_model=Acted)
def settle_proof(
    house: TheHouse, viewer: MaySettle, case_no: CaseNo, proof: Part, asked: Settlement, if_match: IfMatch
) -> Response:
    """Decide by hand on a proof that no register could show, or that one contradicts."""
    line = get_case(house, viewer, Action.SETTLE_PROOF, case_no)
    seen = version_of(if_match)
    id_ = command_id(line.case_id, "settle", proof, asked.met, viewer.actor.account, seen)
    command = SettleProof(
        id=id_,
        at=house.clock(),
        by=viewer.actor,
        expected_version=seen,
        proof=proof,
        met=asked.met,
        note=f"note/{id_}",
    )
    return acted(line, house.store.act(line.case_id, command, note=command.note, reason=asked.reason))


@router.post("/cases/{case_no}/items/{item}/resubmission", response_model=Acted)
def resubmit_item(house: TheHouse, viewer: MayResubmit, case_no: CaseNo, item: Part, asked: Because) -> Response:
    """Send a submission again that the department could not accept."""
    line = get_case(house, viewer, Action.RESUBMIT_ITEM, case_no)
    live = house.store.case_file(line.case_id).item(item)
    # The act is "send attempt n again": asked for once more after it was done, it is still the same act.
    rejected = live.attempt if live.state is ItemState.REJECTED else live.attempt - 1
    id_ = command_id(line.case_id, "resubmit", item, rejected, viewer.actor.account)
    command = ResubmitItem(id=id_, at=house.clock(), by=viewer.actor, item=item)
    return acted(line, house.store.act(line.case_id, command, note=f"note/{id_}", reason=asked.reason))


def acted(line: CaseLine, handled: Handled) -> Response:
    """The case after the act."""
    version = handled.events[-1].version if handled.events else handled.file.version
    told = Acted(case_no=line.case_no, version=version, events=event_views(handled.events))
    return answer(told, headers={"etag": etag(version)})


def _access(house: House, viewer: Viewer, action: str, file: CaseFile, about: tuple[str, ...], purpose: str) -> Access:
    return Access(at=house.clock(), by=viewer.actor, action=action, about=about, purpose=purpose, case_id=file.case_id)
