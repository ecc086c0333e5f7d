"""单项核验页: a bank, a school or a window picks a proof from the listing, asks for it, follows it, and prints the result.

What was cancelled is found all the same and says why nobody may ask for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api import listing, single_proofs
from api.cases import CaseNo
from api.house import House, TheHouse
from api.listing import ListedProofView, ListingView
from api.pages.doors import MayAsk, MaySeeAsking
from api.pages.faults import PageRoute
from api.pages.own_answers import cursor_after, told
from api.pages.rendering import HEADERS, once, render
from api.shapes import PLAIN, Cursor
from api.single_proofs import (
    FiledVerification,
    NewVerification,
    RequestedProof,
    RequestedProofs,
    ResultDocument,
)
from domain.case_file import CaseState
from domain.form import SHANGHAI
from domain.proof_result import NoResultYet
from domain.refusals import Conflict, FieldFault, FormFaulty, NotAcceptable, NotFound, Refusal
from domain.scopes import Viewer

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROWS: Final = 25
Typed = Annotated[str, Form(max_length=4000)]
Sought = Annotated[str, Query(max_length=40, pattern=PLAIN)]
Proof = Annotated[str, Query(max_length=64, pattern=r"^([a-z][a-z0-9_]*)?$")]

TABS: Final = (("", "全部"), ("open", "核验中"), ("concluded", "已有结果"), ("withdrawn", "已撤回"))
"""The states of the list."""
WAYS: Final = {
    "shared_data": "系统先查询登记信息, 查不到时由部门核验; 多数立即有结果。",
    "commitment": "申请人可以书面承诺代替证明; 不承诺的, 由部门核验。",
    "department_verification": "由开具部门的工作人员核验, 必要时由社区核实。",
    "cancelled": "该证明已取消, 任何单位不得索要。",
}
"""How each kind of line is settled."""
FIELDS: Final = {
    "purpose": "用途",
    "statement": "待核实的事实(可不填)",
    "subject_name": "当事人姓名",
    "subject_citizen_id": "当事人公民身份号码",
    "subject_community": "居住或户籍社区(可不填)",
    "other_name": "关系人姓名",
    "other_citizen_id": "关系人公民身份号码",
}
"""What the form asks."""


@dataclass(frozen=True)
class Attempt:
    """The form as it was typed, and what is wrong with it."""

    typed: Mapping[str, str]
    faults: Mapping[str, FieldFault]
    refusal: Refusal | None = None


NOTHING: Final = Attempt(dict.fromkeys(FIELDS, ""), {})


@router.get("/verifications", name="asking_page")
def asking_page(
    house: TheHouse,
    viewer: MaySeeAsking,
    request: Request,
    state: Annotated[Literal["", "open", "concluded", "withdrawn"], Query()] = "",
    cursor: Cursor = None,
) -> Response:
    """What the unit has asked, newest first."""
    wanted = CaseState(state) if state else None
    answered = single_proofs.list_of_requested_proofs(house, viewer, request, wanted, ROWS, cursor)
    return render(
        request,
        "asking.html",
        rows=told(answered, RequestedProofs).verifications,
        more=cursor_after(answered),
        cursor=cursor,
        state=state,
        tabs=TABS,
    )


@router.get("/verifications/new", name="new_verification_page")
def new_verification_page(
    house: TheHouse, viewer: MaySeeAsking, request: Request, q: Sought = "", proof: Proof = ""
) -> Response:
    """Pick a proof; then say about whom."""
    if proof:
        return _form(house, viewer, request, proof)
    found = [one for one in _listing(house, viewer).proofs if matches(one, q)] if q.strip() else []
    return render(request, "new_verification.html", q=q, found=found, ways=WAYS)


@router.post("/verifications/new", name="ask_by_form")
def ask(
    house: TheHouse,
    viewer: MayAsk,
    request: Request,
    proof: Typed = "",
    purpose: Typed = "",
    statement: Typed = "",
    subject_name: Typed = "",
    subject_citizen_id: Typed = "",
    subject_community: Typed = "",
    other_name: Typed = "",
    other_citizen_id: Typed = "",
    mark: Annotated[str, Form(alias="once", max_length=40)] = "",
) -> Response:
    """Ask for it; the same question of the unit that is still open is the same case."""
    typed = {
        "purpose": purpose,
        "statement": statement,
        "subject_name": subject_name,
        "subject_citizen_id": subject_citizen_id,
        "subject_community": subject_community,
        "other_name": other_name,
        "other_citizen_id": other_citizen_id,
    }
    try:
        asked = NewVerification.model_validate(request_of(proof, typed))
        # What the API's own reader leaves behind: by this two requests are told apart.
        request.state.body_text = asked.model_dump_json()
        key = f"{mark} {request.state.body_text}"
        filed = told(single_proofs.ask_verification(house, viewer, asked, key, request), FiledVerification)
    except FormFaulty as faulty:
        faults = {name: fault for fault in faulty.faults for name in (field_of(fault.pointer),)}
        return _form(house, viewer, request, proof, Attempt(typed, faults, faulty), 422)
    except (Conflict, NotAcceptable) as refusal:
        house.figures.refused.labels(refusal.code).inc()
        return _form(house, viewer, request, proof, Attempt(typed, {}, refusal), 422)
    except ValidationError:
        raise NotListed(proof) from None
    return RedirectResponse(f"/verifications/{filed.case_no}?done=asked", 303, HEADERS)


@router.get("/verifications/{case_no}", name="requested_proof_page")
def requested_proof_page(
    house: TheHouse,
    viewer: MaySeeAsking,
    request: Request,
    case_no: CaseNo,
    fragment: Annotated[Literal["proof"] | None, Query(description="proof: only what changes.")] = None,
    done: Annotated[Literal["asked"] | None, Query()] = None,
) -> Response:
    """Who has it now and until when, who was asked before, and the way to the result."""
    asked = told(single_proofs.show_requested_proof(house, viewer, case_no), RequestedProof)
    return render(
        request,
        "requested_body.html" if fragment else "requested.html",
        here=f"/verifications/{case_no}",
        fragment=fragment is not None,
        asked=asked,
        done=done is not None,
    )


@router.get("/verifications/{case_no}/result", name="result_page")
def result_page(house: TheHouse, viewer: MaySeeAsking, request: Request, case_no: CaseNo) -> Response:
    """The result as a document; until there is one, back to who has it."""
    try:
        answered = single_proofs.result_of_requested_proof(house, viewer, case_no)
    except NoResultYet:
        return RedirectResponse(f"/verifications/{case_no}", 303, HEADERS)
    result = told(answered, ResultDocument)
    today = house.clock().astimezone(SHANGHAI).date()
    return render(
        request,
        "result.html",
        result=result,
        over=result.valid_until is not None and result.valid_until < today,
        today=today,
    )


# ── the form ────────────────────────────────────────────────────────────────────────────────────────────────────────


def request_of(proof: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """The form as the API takes it; an empty field was not filled in."""
    said = {name: value.strip() for name, value in typed.items() if value.strip()}
    subject = {"name": said.get("subject_name", ""), "citizen_id": said.get("subject_citizen_id", "")}
    if "subject_community" in said:
        subject["community"] = said["subject_community"]
    request: dict[str, Any] = {"proof": proof, "purpose": said.get("purpose", ""), "subject": subject}
    if "statement" in said:
        request["statement"] = said["statement"]
    if said.keys() & {"other_name", "other_citizen_id"}:
        request["other"] = {"name": said.get("other_name", ""), "citizen_id": said.get("other_citizen_id", "")}
    return request


def field_of(pointer: str) -> str:
    """The field of the form that a fault is about: "/subject/citizen_id", or with a place in a list."""
    if pointer == "/other":
        return "other_name"
    parts = [part for part in pointer.split("/") if part and not part.isdecimal()]
    name = "_".join(parts)
    return name if name in FIELDS else parts[-1] if parts and parts[-1] in FIELDS else "purpose"


def matches(line: ListedProofView, q: str) -> bool:
    """Whether the line is one of those that are looked for: every word stands in it somewhere."""
    text = f"{line.code} {line.title} {line.title_en} {line.basis} {line.issued_by_title}".lower()
    return all(word in text for word in q.lower().split())


def _form(
    house: House, viewer: Viewer, request: Request, proof: str, attempt: Attempt = NOTHING, status: int = 200
) -> Response:
    line = next((one for one in _listing(house, viewer).proofs if one.code == proof), None)
    if line is None:
        raise NotListed(proof)
    return render(
        request,
        "new_verification_form.html",
        status=status,
        here=f"/verifications/new?proof={proof}" if request.method == "POST" else None,
        line=line,
        way=WAYS[line.route],
        attempt=attempt,
        fields=FIELDS,
        once=once(),
    )


class NotListed(NotFound):
    """The listing has no such proof today."""

    code = "proof.not_listed"

    def __init__(self, proof: str) -> None:
        self.proof = proof
        super().__init__("证明事项清单中没有这项证明, 不得索要", "this proof is not listed and may not be asked for")


def _listing(house: House, viewer: Viewer) -> ListingView:
    return told(listing.show_listing(house, viewer), ListingView)
