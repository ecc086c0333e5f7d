"""数据权限页: a unit applies and signs, the data centre approves, refuses or takes back, and everybody sees by whom."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api import grants
from api.grants import GrantId, GrantList, NewGrant
from api.house import House, TheHouse
from api.pages.doors import MayApplyGrant, MayApproveGrant, MayReadGrants
from api.pages.faults import PageRoute
from api.pages.own_answers import cursor_after, told
from api.pages.rendering import HEADERS, once, render
from api.problems import status_of
from api.shapes import Because, Cursor
from domain import single_proof
from domain.departments import REGISTERS
from domain.form import SHANGHAI
from domain.grants import EVERY_PURPOSE, YEARS_AT_MOST, GrantState, years_after
from domain.refusals import Conflict, FormFaulty, NotAcceptable, Refusal
from domain.scopes import Action, Reach, Viewer, reach
from domain.timeline import Text

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROWS: Final = 25
Typed = Annotated[str, Form(max_length=4000)]
State = Literal["", "applied", "approved", "refused", "revoked", "expired"]
TABS: Final[tuple[tuple[State, str], ...]] = (
    ("", "全部"),
    ("applied", "待审批"),
    ("approved", "已批准"),
    ("refused", "不予批准"),
    ("revoked", "已收回"),
    ("expired", "已到期"),
)
Done = Literal["applied", "signed", "approved", "refused", "revoked"]
DONE: Final[Mapping[Done, str]] = {
    "applied": "已提出申请。请签署保密协议, 之后由数据中心审批。",
    "signed": "已签署保密协议, 等待数据中心审批。",
    "approved": "已批准, 即刻可以查询。",
    "refused": "已不予批准, 理由申请单位可以看到。",
    "revoked": "已收回, 下一次查询即被拒绝。",
}
WRONG: Final = {
    "source": "请选择要查询的数据。",
    "purpose": "请选择用于哪件事。",
    "reason": "请写明理由, 2 至 500 字。",
    "valid_until": "请填写有效期的最后一天: 今天之后, 最长两年。",
}


@dataclass(frozen=True)
class Attempt:
    """A form that could not be carried out: what was typed, and why not."""

    form: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None

    def value(self, form: str, name: str) -> str:
        """What was typed into that field of that form."""
        return self.typed.get(name, "") if self.form == form else ""


@router.get("/grants", name="grants_page")
def grants_page(
    house: TheHouse,
    viewer: MayReadGrants,
    request: Request,
    state: Annotated[State, Query()] = "",
    cursor: Cursor = None,
    done: Annotated[Done | None, Query()] = None,
) -> Response:
    """The unit's own; everybody's for the data centre and for auditors."""
    return _page(house, viewer, request, state=state, cursor=cursor, done=done)


@router.post("/grants", name="apply_for_grant_by_form")
def apply(
    house: TheHouse,
    viewer: MayApplyGrant,
    request: Request,
    source: Typed = "",
    purpose: Typed = "",
    reason: Typed = "",
    valid_until: Typed = "",
    mark: Annotated[str, Form(alias="once", max_length=40)] = "",
) -> Response:
    """Apply to query one register for one life event."""
    typed = {"source": source, "purpose": purpose, "reason": " ".join(reason.split()), "valid_until": valid_until}

    def act() -> Done:
        key = " ".join([mark, *typed.values()])
        grants.apply_for_grant(house, viewer, NewGrant.model_validate(typed), key)
        return "applied"

    return _tried(house, viewer, request, Attempt("apply", typed), act)


@router.post("/grants/{grant_id}/confidentiality", name="sign_grant_by_form")
def sign(house: TheHouse, viewer: MayApplyGrant, request: Request, grant_id: GrantId) -> Response:
    """The unit signs the confidentiality agreement."""

    def act() -> Done:
        grants.sign_confidentiality(house, viewer, grant_id)
        return "signed"

    return _tried(house, viewer, request, Attempt(f"sign-{grant_id}"), act)


@router.post("/grants/{grant_id}/approval", name="approve_grant_by_form")
def approve(house: TheHouse, viewer: MayApproveGrant, request: Request, grant_id: GrantId) -> Response:
    """The data centre says yes."""

    def act() -> Done:
        grants.approve_grant(house, viewer, grant_id)
        return "approved"

    return _tried(house, viewer, request, Attempt(f"approve-{grant_id}"), act)


@router.post("/grants/{grant_id}/refusal", name="refuse_grant_by_form")
def refuse(
    house: TheHouse, viewer: MayApproveGrant, request: Request, grant_id: GrantId, reason: Typed = ""
) -> Response:
    """The data centre says no, and why."""

    def act() -> Done:
        grants.refuse_grant(house, viewer, grant_id, Because(reason=" ".join(reason.split())))
        return "refused"

    return _tried(house, viewer, request, Attempt(f"refuse-{grant_id}", {"reason": reason}), act)


@router.post("/grants/{grant_id}/revocation", name="revoke_grant_by_form")
def revoke(
    house: TheHouse, viewer: MayApproveGrant, request: Request, grant_id: GrantId, reason: Typed = ""
) -> Response:
    """The data centre takes it back, and says why."""

    def act() -> Done:
        grants.revoke_grant(house, viewer, grant_id, Because(reason=" ".join(reason.split())))
        return "revoked"

    return _tried(house, viewer, request, Attempt(f"revoke-{grant_id}", {"reason": reason}), act)


@router.get("/grants/{grant_id}/{act}", name="back_from_grant_act")
def back_to_grants(viewer: MayReadGrants, grant_id: GrantId, act: str) -> Response:
    """An address to which only forms are sent, opened once more."""
    return RedirectResponse("/grants", 303, HEADERS)


def _tried(house: House, viewer: Viewer, request: Request, attempt: Attempt, act: Callable[[], Done]) -> Response:
    try:
        done = act()
    except ValidationError as fault:
        names = {str(one["loc"][0]) for one in fault.errors()}
        wrong = {name: WRONG[name] for name in names}
        return _page(house, viewer, request, 422, Attempt(attempt.form, attempt.typed, wrong))
    except FormFaulty as faulty:
        wrong = {fault.pointer.removeprefix("/"): WRONG[fault.pointer.removeprefix("/")] for fault in faulty.faults}
        return _page(house, viewer, request, 422, Attempt(attempt.form, attempt.typed, wrong, faulty))
    except (Conflict, NotAcceptable) as refusal:
        house.figures.refused.labels(refusal.code).inc()
        status = status_of(refusal)
        return _page(house, viewer, request, status, Attempt(attempt.form, attempt.typed, refusal=refusal))
    return RedirectResponse(f"/grants?done={done}", 303, HEADERS)


def _page(
    house: House,
    viewer: Viewer,
    request: Request,
    status: int = 200,
    attempt: Attempt | None = None,
    *,
    state: State = "",
    cursor: str | None = None,
    done: Done | None = None,
) -> Response:
    wanted = GrantState(state) if state else None
    answered = grants.list_of_grants(house, viewer, request, None, None, None, wanted, ROWS, cursor)
    today = house.clock().astimezone(SHANGHAI).date()
    return render(
        request,
        "grants.html",
        status=status,
        here="/grants" if request.method == "POST" else None,
        rows=told(answered, GrantList).grants,
        more=cursor_after(answered),
        cursor=cursor,
        state=state,
        tabs=TABS,
        attempt=attempt or Attempt(),
        done=DONE[done] if done else None,
        applies=reach(viewer, Action.APPLY_GRANT) is not None,
        approves=reach(viewer, Action.APPROVE_GRANT) is not None,
        everybodys=reach(viewer, Action.READ_GRANTS) is Reach.EVERYWHERE,
        sources=tuple(REGISTERS.values()),
        purposes=_purposes(house, today),
        earliest=today + timedelta(days=1),
        latest=years_after(today, YEARS_AT_MOST),
        once=once(),
    )


def _purposes(house: House, today: date) -> Mapping[str, Text]:
    """For what a register may be queried."""
    return {one.code: Text(one.title, one.title_en) for one in house.catalogue.all_in_force(today)} | {
        single_proof.BUNDLE: Text("单项核验", "single proofs"),
        EVERY_PURPOSE: Text("全部一件事和单项核验", "every life event, and single proofs"),
    }
