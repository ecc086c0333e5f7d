"""Units that are asked over HTTP: a civil affairs bureau, two communities, those who lead them, and what they do."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.actors import THE_ENGINE
from domain.bundle import Bundle
from domain.case_file import CaseFile
from domain.commands import ExpireVerification, OpenVerification
from domain.notices import card_id
from domain.scopes import Role
from domain.time_limits import OfficeHours
from store import access_log
from store.accounts import add_account, add_unit, issue_token
from store.events import verify
from store.read_models.all_models import differences
from tests.api.conftest import ACCOUNTS, ELSEWHERE, UNITS, Api
from tests.desk import CLERK, DIVISION, MONDAY, file
from tests.workflows.officers import PROOF, about, alone

REASON = "已查阅档案"
PATIENCE_SECONDS = 30
MINUTE = timedelta(minutes=1)
HALF_AN_HOUR = timedelta(minutes=30)
SUBJECT = about()["subject"]

CALL = {
    "spoke_with": "申屠明月",
    "number": "15497000321",
    "at": "2026-11-23T09:00:00+08:00",
    "said": "本人自述已于前年离异, 档案在外地",
}

NEW_UNITS: dict[str, tuple[str, str | None]] = {
    "civil": (DIVISION, "civil_affairs"),
    "far-civil": (ELSEWHERE, "civil_affairs"),
    "mingyue": (DIVISION, None),
    "guiyu": (DIVISION, None),
}
NEW_ACCOUNTS: dict[str, tuple[str, Role]] = {
    "civil-1": ("civil", Role.VERIFIER),
    "civil-2": ("civil", Role.VERIFIER),
    "civil-chief": ("civil", Role.UNIT_CHIEF),
    "civil-system": ("civil", Role.INTEGRATOR),
    "far-civil-1": ("far-civil", Role.VERIFIER),
    "far-chief": ("far-civil", Role.UNIT_CHIEF),
    "far-supervisor": ("far-bureau", Role.SUPERVISOR),
    "mingyue-1": ("mingyue", Role.COMMUNITY_WORKER),
    "guiyu-1": ("guiyu", Role.COMMUNITY_WORKER),
    "bank-1": ("office", Role.REQUESTER),
    "centre-1": ("office", Role.DATA_CENTRE),
}
EVERYBODY = ACCOUNTS | NEW_ACCOUNTS
EVERY_UNIT = UNITS | NEW_UNITS


@pytest.fixture
def api(api: Api) -> Api:
    """With a civil affairs bureau, its counterpart elsewhere, and two communities."""
    with api.store.database.begin() as connection:
        for unit, (division, department) in NEW_UNITS.items():
            add_unit(connection, unit, title=unit, division=division, department=department)
        for account, (unit, role) in NEW_ACCOUNTS.items():
            add_account(connection, account, unit=unit, role=role)
            api.tokens[account] = issue_token(connection, account, label="test", at=MONDAY)
    return api


@dataclass(frozen=True)
class Question:
    """One question to a unit, as a test set it up."""

    id: UUID
    case_id: UUID
    case_no: str


KEYS = count(1)


def ask(
    api: Api,
    purpose: str = "申请住房贷款",
    *,
    unit: str = "civil",
    owner: str | None = None,
    subject: dict[str, str] | None = None,
    bundle: Bundle | None = None,
    hours: OfficeHours | None = None,
) -> Question:
    """A proof is asked for alone, and the unit has to answer."""
    form = {**about(purpose=purpose), "subject": subject or SUBJECT}
    filed = file(api.store, form, key=f"key-{purpose}", by=CLERK, at=api.clock(), bundle=bundle or alone())
    opened(api, filed.case_id, unit=unit, owner=owner, hours=hours)
    return Question(card_id(filed.case_id, PROOF, 1, 0), filed.case_id, filed.case_no)


def opened(
    api: Api,
    case: UUID,
    proof: str = PROOF,
    *,
    rung: int = 0,
    unit: str = "civil",
    owner: str | None = None,
    hours: OfficeHours | None = None,
) -> UUID:
    """The engine has found who answers on this rung."""
    command = OpenVerification(
        id=uuid4(),
        at=api.clock(),
        by=THE_ENGINE,
        proof=proof,
        round=1,
        rung=rung,
        unit=unit,
        owner=owner,
        hours=hours,
    )
    api.store.handle(case, [command], tell_workflow=False)
    return card_id(case, proof, 1, rung)


def expires(api: Api, question: Question) -> None:
    """The limit is over."""
    command = ExpireVerification(id=uuid4(), at=api.clock(), by=THE_ENGINE, proof=PROOF, round=1, rung=0)
    api.store.handle(question.case_id, [command], tell_workflow=False)


def post(api: Api, by: str, path: str, body: Any = None, key: str | None = None) -> Any:
    headers = {"idempotency-key": key or f"act-{next(KEYS)}"}
    return api.by(by).post(f"/api/v1/{path}", json=body, headers=headers)


def act(api: Api, by: str, question: Question | UUID, what: str, body: Any = None, key: str | None = None) -> Any:
    id = question.id if isinstance(question, Question) else question
    return post(api, by, f"inbox/{id}/{what}", body, key)


def acted(api: Api, by: str, question: Question | UUID, what: str, body: Any = None, key: str | None = None) -> Any:
    answered = act(api, by, question, what, body, key)
    assert answered.status_code == 200, answered.text
    return answered.json()


def listed(api: Api, by: str, query: str = "") -> list[dict[str, Any]]:
    answered = api.by(by).get(f"/api/v1/inbox?{query}")
    assert answered.status_code == 200, answered.text
    found: list[dict[str, Any]] = answered.json()["verifications"]
    return found


def ids(lines: list[dict[str, Any]]) -> list[str]:
    return [line["id"] for line in lines]


def counts(api: Api, by: str, query: str = "") -> dict[str, int]:
    answered = api.by(by).get(f"/api/v1/inbox/counts?{query}")
    assert answered.status_code == 200, answered.text
    return {queue["queue"]: queue["many"] for queue in answered.json()["queues"]}


def shown(api: Api, by: str, question: Question | UUID) -> Any:
    id = question.id if isinstance(question, Question) else question
    answered = api.by(by).get(f"/api/v1/inbox/{id}")
    assert answered.status_code == 200, answered.text
    return answered.json()


def logged(api: Api, question: Question | str, action: str) -> list[dict[str, Any]]:
    """The entries of that action about the case, the latest first; those of the engine left out."""
    case_no = question.case_no if isinstance(question, Question) else question
    path = f"/api/v1/access-log?case_no={case_no}&action={action}"
    found: list[dict[str, Any]] = api.by("auditor-1").get(path).json()["accesses"]
    return [entry for entry in found if entry["account"] != "onething"]


def types(api: Api, question: Question) -> list[str]:
    return [entry.event.type for entry in api.store.events_after(question.case_id, 0)]


def case_of(api: Api, question: Question) -> CaseFile:
    return api.store.case_file(question.case_id)


def is_whole(api: Api) -> bool:
    with api.store.database.reading() as connection:
        assert [*verify(connection), *access_log.verify(connection), *differences(connection)] == []
    return True
