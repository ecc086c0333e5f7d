"""经办: what a person does with a case from its page: settle a proof, send an item again, withdraw, see it unmasked.

Each act is the API's own. What cannot be carried out comes back as the page as it is now, with what was typed.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api import cases, corrections, proofs
from api.acts import Sent
from api.cases import CaseNo, Part, Settlement
from api.corrections import CorrectedProducts
from api.house import House, TheHouse
from api.pages.case_page import Attempt, people, show_case
from api.pages.doors import (
    MayAnswerCommitment,
    MayCorrect,
    MayEscalate,
    MayResubmit,
    MayReveal,
    MaySettle,
    MayWithdraw,
)
from api.pages.faults import PageRoute
from api.pages.rendering import HEADERS, render
from api.people import revealed
from api.problems import status_of
from api.proofs import CommitmentAnswer
from api.reach import get_case
from api.shapes import Because, etag
from domain.bundle import FieldKind
from domain.case_file import CaseFile
from domain.form import is_amount
from domain.identifiers import grouped_case_no
from domain.refusals import Conflict
from domain.scopes import Action, Viewer
from domain.timeline import Text, item_title

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Typed = Annotated[str, Form(max_length=4000)]
SHOWN_SECONDS: Final = 60
"""After so long the page with everything on it goes back to the masked one."""

SAY_WHY: Final = "请写明理由, 2 至 500 字。"
CHOOSE: Final = "请选择认定结果。"
CONFIRM: Final = "请确认是申请人要求撤回。"
CHOOSE_PRODUCT: Final = "请选择要更正的内容。"
RIGHT_VALUE: Final = "请填写正确的内容, 最多 500 字。"
AN_AMOUNT: Final = "请填写金额(元), 如 5012.70。"
DECIDE: Final = "请选择申请人的决定。"
LETTER: Final = "请照录申请人签署的承诺书, 2 至 5000 字。"
NO_LETTER: Final = "申请人没有承诺, 请勿填写承诺书。"


@router.post("/cases/{case_no}/proofs/{proof}/settlement", name="settle_by_form")
def settle(
    house: TheHouse,
    viewer: MaySettle,
    request: Request,
    case_no: CaseNo,
    proof: Part,
    met: Typed = "",
    reason: Typed = "",
    version: Typed = "",
) -> Response:
    """Decide on a proof by hand."""
    wrong = {} if met in {"true", "false"} else {"met": CHOOSE}
    wrong |= _why_not(reason)
    attempt = Attempt(form=f"settle-{proof}", met=met, reason=reason, wrong=wrong)

    def act() -> None:
        asked = Settlement(met=met == "true", reason=_said(reason))
        cases.settle_proof(house, viewer, case_no, proof, asked, etag(_number(version)))

    return _tried(
        house, viewer, request, Action.SETTLE_PROOF, case_no, attempt, act, "met" if met == "true" else "not_met", proof
    )


@router.post("/cases/{case_no}/items/{item}/resubmission", name="resubmit_by_form")
def resubmit(
    house: TheHouse, viewer: MayResubmit, request: Request, case_no: CaseNo, item: Part, reason: Typed = ""
) -> Response:
    """Send an item again that its department could not accept."""
    attempt = Attempt(form=f"resubmit-{item}", reason=reason, wrong=_why_not(reason))

    def act() -> None:
        cases.resubmit_item(house, viewer, case_no, item, Because(reason=_said(reason)))

    return _tried(house, viewer, request, Action.RESUBMIT_ITEM, case_no, attempt, act, "resubmitted", item)


@router.post("/cases/{case_no}/items/{item}/correction", name="correct_by_form")
def correct(
    house: TheHouse,
    viewer: MayCorrect,
    request: Request,
    case_no: CaseNo,
    item: Part,
    product: Typed = "",
    value: Typed = "",
    reason: Typed = "",
    version: Typed = "",
    once: Typed = "",
) -> Response:
    """Correct one product of a concluded item."""
    right = value.strip()
    file = house.store.case_file(get_case(house, viewer, Action.CORRECT_ITEM, case_no).case_id)
    wrong = _why_not_corrected(file, item, product, right) | _why_not(reason)
    attempt = Attempt(form=f"correct-{item}", product=product, value=value, reason=reason, wrong=wrong)

    def act() -> None:
        asked = CorrectedProducts(products={product: right}, reason=_said(reason))
        sent = Sent(f"{once} {product} {right} {asked.reason}", "")
        corrections.correct_item(house, viewer, case_no, item, asked, sent, etag(_number(version)))

    return _tried(house, viewer, request, Action.CORRECT_ITEM, case_no, attempt, act, "corrected", item)


@router.post("/cases/{case_no}/proofs/{proof}/escalation", name="escalate_by_form")
def escalate(
    house: TheHouse,
    viewer: MayEscalate,
    request: Request,
    case_no: CaseNo,
    proof: Part,
    reason: Typed = "",
    once: Typed = "",
) -> Response:
    """Wait no longer for whoever was asked; a caseworker decides."""
    attempt = Attempt(form=f"escalate-{proof}", reason=reason, wrong=_why_not(reason))

    def act() -> None:
        why = Because(reason=_said(reason))
        proofs.escalate_proof(house, viewer, case_no, proof, why, Sent(f"{once} {why.reason}", ""))

    return _tried(house, viewer, request, Action.ESCALATE_PROOF, case_no, attempt, act, "escalated", proof)


@router.post("/cases/{case_no}/proofs/{proof}/commitment", name="commit_by_form")
def commit(
    house: TheHouse,
    viewer: MayAnswerCommitment,
    request: Request,
    case_no: CaseNo,
    proof: Part,
    signed: Typed = "",
    letter: Annotated[str, Form(max_length=20_000)] = "",
    once: Typed = "",
) -> Response:
    """The applicant signs or declines, at the counter."""
    written = letter.strip()
    wrong = {} if signed in {"true", "false"} else {"signed": DECIDE}
    if signed == "true" and not 2 <= len(written) <= 5000:
        wrong["letter"] = LETTER
    if signed == "false" and written:
        wrong["letter"] = NO_LETTER
    attempt = Attempt(form=f"commit-{proof}", met=signed, reason=letter, wrong=wrong)

    def act() -> None:
        answer = CommitmentAnswer(signed=signed == "true", letter=written or None)
        sent = Sent(f"{once} {signed} {written}", "")
        proofs.answer_commitment(house, viewer, case_no, proof, answer, sent)

    done = "signed" if signed == "true" else "declined"
    return _tried(house, viewer, request, Action.ANSWER_COMMITMENT, case_no, attempt, act, done, proof)


@router.post("/cases/{case_no}/withdrawal", name="withdraw_by_form")
def withdraw(
    house: TheHouse,
    viewer: MayWithdraw,
    request: Request,
    case_no: CaseNo,
    reason: Typed = "",
    confirmed: Typed = "",
    version: Typed = "",
) -> Response:
    """Take the application back, confirmed and with a reason."""
    wrong = _why_not(reason) | ({} if confirmed == "yes" else {"confirmed": CONFIRM})
    attempt = Attempt(form="withdraw", reason=reason, wrong=wrong)

    def act() -> None:
        cases.withdraw_case(house, viewer, case_no, Because(reason=_said(reason)), etag(_number(version)))

    return _tried(house, viewer, request, Action.WITHDRAW_CASE, case_no, attempt, act, "withdrawn", None)


@router.post("/cases/{case_no}/reveal", name="reveal_by_form")
def reveal(house: TheHouse, viewer: MayReveal, request: Request, case_no: CaseNo, reason: Typed = "") -> Response:
    """Everything in full for a minute; the reason is in the access log before it is shown."""
    if wrong := _why_not(reason):
        line = get_case(house, viewer, Action.READ_CASE, case_no)
        return show_case(
            house, viewer, request, line, status=422, attempt=Attempt(form="reveal", reason=reason, wrong=wrong)
        )
    everything = revealed(house, viewer, case_no, _said(reason))
    file = house.store.case_file(get_case(house, viewer, Action.REVEAL_PERSON, case_no).case_id)
    return render(
        request,
        "revealed.html",
        here=f"/cases/{case_no}",
        number=grouped_case_no(case_no),
        case_no=case_no,
        people=people(file.bundle, everything.content),
        products=[
            (item_title(file.bundle, item), Text(made.title, made.title_en), value)
            for item, values in everything.content.products.items()
            for code, value in values.items()
            for made in (file.bundle.product(code),)
        ],
        seconds=SHOWN_SECONDS,
    )


def _tried(
    house: House,
    viewer: Viewer,
    request: Request,
    action: Action,
    case_no: str,
    attempt: Attempt,
    act: Callable[[], None],
    done: str,
    part: str | None,
) -> Response:
    line = get_case(house, viewer, action, case_no)
    if attempt.wrong:
        return show_case(house, viewer, request, line, status=422, attempt=attempt)
    try:
        act()
    except Conflict as refusal:
        house.figures.refused.labels(refusal.code).inc()
        return show_case(
            house,
            viewer,
            request,
            line,
            status=status_of(refusal),
            attempt=replace(attempt, refusal=refusal),
        )
    told = {"done": done} | ({"part": part} if part else {})
    # Another address than before, so that the browser shows the top of the page, where the answer is.
    return RedirectResponse(f"/cases/{line.case_no}?{urlencode(told)}", 303, HEADERS)


def _why_not_corrected(file: CaseFile, item: str, product: str, value: str) -> dict[str, str]:
    made = {one.code: one for one in file.declared_item(item).produces}
    if product not in made:
        return {"product": CHOOSE_PRODUCT}
    if made[product].kind is FieldKind.AMOUNT and not is_amount(value):
        return {"value": AN_AMOUNT}
    return {} if 1 <= len(value) <= 500 else {"value": RIGHT_VALUE}


def _said(reason: str) -> str:
    """In one line: a reason is read in lists and logs."""
    return " ".join(reason.split())


def _why_not(reason: str) -> dict[str, str]:
    try:
        Because(reason=_said(reason))
    except ValidationError:
        return {"reason": SAY_WHY}
    return {}


def _number(version: str) -> int:
    """The version that the form was made from; what no form of ours says matches none."""
    return int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else 0
