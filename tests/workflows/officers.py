"""Who answers in tests of the proof ladder: civil affairs with two officers and their chief, and a community's secretary.

None of them exists. One proof asked for alone is the shortest case that climbs the whole ladder.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection

from domain.actors import Actor
from domain.bundle import Bundle
from domain.case_file import CaseFile, LiveVerification, VerificationState
from domain.commands import AnswerVerification
from domain.events import Answer
from domain.listing import ListedProof, ListedRoute
from domain.scopes import Role
from domain.single_proof import asked_alone
from domain.time_limits import OfficeHours
from store.accounts import add_account, add_unit
from store.cases import CaseStore
from store.commands import Handled
from store.duty import Duty, DutyPost, add_duty, set_office_hours
from store.rosters import apply, unit_of
from store.vault import Vault
from tests.desk import DIVISION
from tests.rosters import CENTRE, GUIYU, MINGYUE, NEIGHBOUR, SECRETARY, file

SINCE: Final = date(2020, 1, 1)
CIVIL_AFFAIRS: Final = "civil-affairs"
OFFICER: Final = Actor(account="officer-1", unit=CIVIL_AFFAIRS)
COLLEAGUE: Final = Actor(account="officer-2", unit=CIVIL_AFFAIRS)
CHIEF: Final = Actor(account="chief-1", unit=CIVIL_AFFAIRS)
COMMUNITY_SECRETARY: Final = Actor(account="secretary-1", unit=unit_of(MINGYUE))
NEIGHBOURS_SECRETARY: Final = Actor(account="secretary-2", unit=unit_of(GUIYU))

PROOF: Final = "marital_status"
REASON: Final = "已查阅档案"


def man_department(
    connection: Connection,
    today: date,
    *,
    unit: str = CIVIL_AFFAIRS,
    department: str = "civil_affairs",
    officers: tuple[str, ...] = (OFFICER.account, COLLEAGUE.account),
    hours: OfficeHours | None = None,
) -> None:
    """A unit of the department, its first officer on duty, and a chief who is told when a limit passes."""
    add_unit(connection, unit, title=f"云澜区{unit}", division=DIVISION, department=department)
    for account in officers:
        add_account(connection, account, unit=unit, role=Role.VERIFIER)
    add_duty(connection, Duty(unit, officers[0], DutyPost.OFFICER, SINCE))
    if unit == CIVIL_AFFAIRS:
        add_account(connection, CHIEF.account, unit=unit, role=Role.UNIT_CHIEF)
        add_duty(connection, Duty(unit, CHIEF.account, DutyPost.SUPERIOR, SINCE))
    if hours is not None:
        set_office_hours(connection, unit, hours, today)


def man_communities(connection: Connection, vault: Vault, at: datetime) -> None:
    """Two communities with their rosters; each has a secretary with an account."""
    for code, secretary in ((MINGYUE, COMMUNITY_SECRETARY), (GUIYU, NEIGHBOURS_SECRETARY)):
        add_unit(connection, unit_of(code), title=code, division=DIVISION)
        add_account(connection, secretary.account, unit=unit_of(code), role=Role.COMMUNITY_WORKER)
    rows = (
        {**SECRETARY, "account": COMMUNITY_SECRETARY.account},
        {**NEIGHBOUR, "account": NEIGHBOURS_SECRETARY.account},
    )
    apply(connection, vault, file(*rows), CENTRE, at)


def alone(
    route: ListedRoute = ListedRoute.DEPARTMENT_VERIFICATION, *, immediate: bool = True, source: str | None = None
) -> Bundle:
    """One proof that civil affairs would have to issue, asked for by itself."""
    line = ListedProof(
        code=PROOF,
        title="婚姻状况证明",
        title_en="Proof of marital status",
        route=route,
        basis="婚姻登记条例 18",
        issued_by="civil_affairs",
        source=source,
        immediate=immediate,
        effective_from=SINCE,
    )
    return asked_alone(line)


def about(community: str | None = "云澜区明月社区", *, purpose: str = "申请住房贷款") -> Mapping[str, Any]:
    """The form of one proof asked for alone."""
    subject = {"name": "尉迟㛃", "citizen_id": "339901199403170006"}
    return {
        "request": {"proof": PROOF, "purpose": purpose},
        "subject": subject if community is None else {**subject, "community": community},
    }


def asked(file: CaseFile, proof: str = PROOF) -> LiveVerification:
    """The question that is open about the proof, or the last one that was."""
    of_proof = [live for rung, live in file.verifications.items() if rung[0] == proof]
    return next((live for live in of_proof if live.state is VerificationState.OPEN), of_proof[-1])


def answer(
    store: CaseStore,
    case_id: UUID,
    said: Answer = "matches",
    *,
    by: Actor = OFFICER,
    at: datetime,
    to: LiveVerification | None = None,
    proof: str = PROOF,
    by_phone: bool = False,
) -> Handled:
    """Somebody answers the open question, or the one that is given."""
    proof, round, rung = (to or asked(store.case_file(case_id), proof)).rung
    id = uuid4()
    command = AnswerVerification(
        id=id, at=at, by=by, proof=proof, round=round, rung=rung, answer=said, by_phone=by_phone, note=f"note/{id}"
    )
    return store.act(case_id, command, note=f"note/{id}", reason=REASON)
