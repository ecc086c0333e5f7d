"""Who may see or do what (权限): a role may do an action as far as its reach goes, and no further.

One table, read row by row by people and by two interpreters: `may` answers for one case here, and
`store.scoping` turns the same reach into a condition of SQL. What the table does not name is not
allowed. Two absences are meant: whoever takes applications in does not settle their proofs, and
whoever audits never sees a person.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, assert_never

from domain.actors import Actor
from domain.divisions import covers


class Role(StrEnum):
    """What an account is for; one account has one role."""

    BIRTH_DESK = "birth_desk"  # 助产机构窗口: takes in the newborn bundle
    CASEWORKER = "caseworker"  # 经办人: settles what the registers could not
    SUPERVISOR = "supervisor"  # 科长: a caseworker who may also pause a department
    VERIFIER = "verifier"  # 部门核验员: handles the items of one department
    COMMUNITY_WORKER = "community_worker"  # 社区工作者: answers checks about people of the community
    UNIT_CHIEF = "unit_chief"  # 部门负责人、社区书记: a verifier who also hands out and takes back
    REQUESTER = "requester"  # 用证单位: a bank, a school, a window that asks for one proof
    DATA_CENTRE = "data_centre"  # 数据中心: rosters, the listing of proofs, and who may query what
    PENSION_OFFICER = "pension_officer"  # 社保经办: takes in the retirement bundle
    AUDITOR = "auditor"  # 审计: what happened and who looked, never whose data
    INTEGRATOR = "integrator"  # 接入系统: a program of a unit, and of its department


class Action(StrEnum):
    """What an account asks to do."""

    READ_BUNDLES = "read_bundles"
    OPEN_CASE = "open_case"
    READ_CASE = "read_case"
    READ_CASE_EVENTS = "read_case_events"
    LIST_CASES = "list_cases"
    SEARCH_PEOPLE = "search_people"
    REVEAL_PERSON = "reveal_person"
    AMEND_CASE = "amend_case"
    WITHDRAW_CASE = "withdraw_case"
    SETTLE_PROOF = "settle_proof"
    RESUBMIT_ITEM = "resubmit_item"
    ANSWER_SUBMISSION = "answer_submission"  # a department's officer or program answers for an item
    CORRECT_ITEM = "correct_item"  # the department corrects what an item of its own came to
    READ_DEPARTMENTS = "read_departments"
    PAUSE_DEPARTMENT = "pause_department"
    READ_EVENTS_FEED = "read_events_feed"
    READ_ACCESS_LOG = "read_access_log"
    READ_INBOX = "read_inbox"
    ANSWER_VERIFICATION = "answer_verification"  # claim, release, hand over, answer, stop the clock with a reason
    CONFIRM_IN_BATCH = "confirm_in_batch"  # what an employer returns for its people, as a list
    SET_SILENCE_RULE = "set_silence_rule"  # who asks a person that does not answer a form
    ASSIGN_VERIFICATION = "assign_verification"  # a superior hands out and takes back
    ESCALATE_PROOF = "escalate_proof"
    ANSWER_COMMITMENT = "answer_commitment"  # at the counter, for the applicant who signs or declines
    ASK_VERIFICATION = "ask_verification"  # one proof about a person, without a bundle
    READ_ROSTERS = "read_rosters"
    MANAGE_ROSTERS = "manage_rosters"
    READ_LISTING = "read_listing"
    MANAGE_LISTING = "manage_listing"
    READ_WATCH_LIST = "read_watch_list"  # 到龄名单: who comes to an age, by the register's numbers
    READ_GRANTS = "read_grants"
    APPLY_GRANT = "apply_grant"
    APPROVE_GRANT = "approve_grant"
    MANAGE_ACCOUNTS = "manage_accounts"  # no role: only an operator, with the `onething` command


class Reach(StrEnum):
    """How far an action goes; what is not about a case is EVERYWHERE."""

    OWN_UNIT = "own_unit"  # cases that the unit took in
    DIVISION = (
        "division"  # of the unit's division (区划): cases, whoever took them in; lists, a city those of its districts
    )
    ADDRESSED = "addressed"  # verifications that were sent to the unit, and of their cases only what they ask
    DEPARTMENT = "department"  # cases with an item of the unit's department, and of them only those items
    EVERYWHERE = "everywhere"


_EVERYBODY_IN_THE_HOUSE: Final = {
    Action.READ_BUNDLES: Reach.EVERYWHERE,
    Action.READ_DEPARTMENTS: Reach.EVERYWHERE,
    Action.READ_LISTING: Reach.EVERYWHERE,
}

_APPLIES: Final = {
    Action.READ_GRANTS: Reach.OWN_UNIT,
    Action.APPLY_GRANT: Reach.OWN_UNIT,
}

_TAKES_IN: Final = (
    _EVERYBODY_IN_THE_HOUSE
    | _APPLIES
    | {
        Action.OPEN_CASE: Reach.OWN_UNIT,
        Action.READ_CASE: Reach.OWN_UNIT,
        Action.READ_CASE_EVENTS: Reach.OWN_UNIT,
        Action.LIST_CASES: Reach.OWN_UNIT,
        Action.SEARCH_PEOPLE: Reach.OWN_UNIT,
        Action.REVEAL_PERSON: Reach.OWN_UNIT,
        Action.AMEND_CASE: Reach.OWN_UNIT,
        Action.ANSWER_COMMITMENT: Reach.OWN_UNIT,
        Action.WITHDRAW_CASE: Reach.OWN_UNIT,
    }
)

_VERIFIES: Final = _EVERYBODY_IN_THE_HOUSE | {
    Action.READ_INBOX: Reach.ADDRESSED,
    Action.ANSWER_VERIFICATION: Reach.ADDRESSED,
    Action.READ_ROSTERS: Reach.OWN_UNIT,
}

_HANDLES_ITEMS: Final = (
    _VERIFIES
    | _APPLIES
    | {
        Action.READ_CASE: Reach.DEPARTMENT,
        Action.LIST_CASES: Reach.DEPARTMENT,
        Action.REVEAL_PERSON: Reach.DEPARTMENT,
        Action.ANSWER_SUBMISSION: Reach.DEPARTMENT,
        Action.CORRECT_ITEM: Reach.DEPARTMENT,
    }
)

_SETTLES: Final = _EVERYBODY_IN_THE_HOUSE | {
    Action.READ_CASE: Reach.DIVISION,
    Action.READ_CASE_EVENTS: Reach.DIVISION,
    Action.LIST_CASES: Reach.DIVISION,
    Action.SEARCH_PEOPLE: Reach.DIVISION,
    Action.REVEAL_PERSON: Reach.DIVISION,
    Action.AMEND_CASE: Reach.DIVISION,
    Action.WITHDRAW_CASE: Reach.DIVISION,
    Action.SETTLE_PROOF: Reach.DIVISION,
    Action.ESCALATE_PROOF: Reach.DIVISION,
    Action.ANSWER_COMMITMENT: Reach.DIVISION,
    Action.READ_INBOX: Reach.DIVISION,
    Action.READ_ROSTERS: Reach.DIVISION,
    Action.RESUBMIT_ITEM: Reach.DIVISION,
}

MAY: Final[Mapping[Role, Mapping[Action, Reach]]] = MappingProxyType(
    {
        Role.BIRTH_DESK: _TAKES_IN,
        Role.PENSION_OFFICER: _TAKES_IN
        | {
            Action.READ_INBOX: Reach.ADDRESSED,
            Action.ANSWER_VERIFICATION: Reach.ADDRESSED,
            Action.CONFIRM_IN_BATCH: Reach.OWN_UNIT,
            Action.SET_SILENCE_RULE: Reach.OWN_UNIT,
            Action.CORRECT_ITEM: Reach.DEPARTMENT,
            Action.READ_WATCH_LIST: Reach.DIVISION,
        },
        Role.CASEWORKER: _SETTLES,
        Role.SUPERVISOR: _SETTLES
        | {
            Action.READ_ACCESS_LOG: Reach.DIVISION,
            Action.ASSIGN_VERIFICATION: Reach.DIVISION,
            Action.READ_WATCH_LIST: Reach.DIVISION,
            # A department is one for the whole city: it is paused for everybody or for nobody.
            Action.PAUSE_DEPARTMENT: Reach.EVERYWHERE,
        },
        Role.VERIFIER: _HANDLES_ITEMS,
        Role.AUDITOR: _EVERYBODY_IN_THE_HOUSE
        | {
            Action.READ_CASE_EVENTS: Reach.EVERYWHERE,
            Action.READ_EVENTS_FEED: Reach.EVERYWHERE,
            Action.READ_ACCESS_LOG: Reach.EVERYWHERE,
            Action.READ_ROSTERS: Reach.EVERYWHERE,
            Action.READ_WATCH_LIST: Reach.EVERYWHERE,
            Action.READ_GRANTS: Reach.EVERYWHERE,
        },
        Role.INTEGRATOR: _EVERYBODY_IN_THE_HOUSE
        | _APPLIES
        | {
            Action.ASK_VERIFICATION: Reach.OWN_UNIT,
            Action.ANSWER_COMMITMENT: Reach.OWN_UNIT,
            Action.OPEN_CASE: Reach.OWN_UNIT,
            Action.READ_CASE: Reach.OWN_UNIT,
            Action.READ_CASE_EVENTS: Reach.OWN_UNIT,
            Action.LIST_CASES: Reach.OWN_UNIT,
            Action.AMEND_CASE: Reach.OWN_UNIT,
            Action.WITHDRAW_CASE: Reach.OWN_UNIT,
            Action.READ_EVENTS_FEED: Reach.OWN_UNIT,
            Action.ANSWER_SUBMISSION: Reach.DEPARTMENT,
            Action.CORRECT_ITEM: Reach.DEPARTMENT,
        },
        Role.COMMUNITY_WORKER: _VERIFIES,
        # A community's chief is of no department, and sees no case by it.
        Role.UNIT_CHIEF: _HANDLES_ITEMS | {Action.ASSIGN_VERIFICATION: Reach.ADDRESSED},
        Role.REQUESTER: _EVERYBODY_IN_THE_HOUSE
        | _APPLIES
        | {
            Action.ASK_VERIFICATION: Reach.OWN_UNIT,
            Action.ANSWER_COMMITMENT: Reach.OWN_UNIT,
            Action.READ_CASE: Reach.OWN_UNIT,
            Action.READ_CASE_EVENTS: Reach.OWN_UNIT,
            Action.LIST_CASES: Reach.OWN_UNIT,
            Action.WITHDRAW_CASE: Reach.OWN_UNIT,
            Action.READ_EVENTS_FEED: Reach.OWN_UNIT,
        },
        Role.DATA_CENTRE: _EVERYBODY_IN_THE_HOUSE
        | {
            Action.READ_ROSTERS: Reach.EVERYWHERE,
            Action.MANAGE_ROSTERS: Reach.EVERYWHERE,
            Action.SET_SILENCE_RULE: Reach.EVERYWHERE,
            Action.MANAGE_LISTING: Reach.EVERYWHERE,
            Action.READ_GRANTS: Reach.EVERYWHERE,
            Action.APPROVE_GRANT: Reach.EVERYWHERE,
        },
    }
)
"""Role -> action -> reach."""

NEEDS_DEPARTMENT: Final = frozenset({Role.VERIFIER})
"""Roles that could see nothing in a unit that belongs to no department."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """An account that has shown who it is, with all that decides what it may do."""

    actor: Actor
    role: Role
    division: str
    department: str | None = None


def reach(viewer: Viewer, action: Action) -> Reach | None:
    """How far the viewer may do this; None: not at all."""
    return MAY[viewer.role].get(action)


def may(
    viewer: Viewer,
    action: Action,
    *,
    unit: str,
    division: str,
    departments: Collection[str],
    addressed: Collection[str] = (),
) -> bool:
    """Whether the viewer may do this with a case of that unit and division with items of those departments.

    `addressed` are the units that verifications of the case were sent to. When it is about one item or one
    verification, only its department or unit counts: hand over no other.
    """
    match reach(viewer, action):
        case None:
            return False
        case Reach.OWN_UNIT:
            return unit == viewer.actor.unit
        case Reach.DIVISION:
            return covers(viewer.division, division)
        case Reach.ADDRESSED:
            return viewer.actor.unit in addressed
        case Reach.DEPARTMENT:
            # An office is asked for its own people: the same department next door has no business with them.
            return viewer.department in departments and covers(viewer.division, division)
        case Reach.EVERYWHERE:
            return True
        case never:
            assert_never(never)
