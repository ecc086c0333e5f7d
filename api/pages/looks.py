"""How a state looks (状态外观): its word, an icon and a tone; the word says it all, the other two only help.

Finished states carry no colour; red is for what is overdue or has failed.
"""

from typing import Final, NamedTuple

from api.words import CASE_STATES, ITEM_STATES, NOT_APPLICABLE, NOT_APPLICABLE_LABEL, PROOF_STATES
from domain.scopes import Role


class Look(NamedTuple):
    """The Chinese word, the icon's name in icons.html, and the tone's class in the style sheet."""

    word: str
    icon: str
    tone: str


_MARKS: Final = {
    # cases
    "case.open": ("running", "busy"),
    "case.concluded": ("done", "over"),
    "case.withdrawn": ("back", "over"),
    # items
    "item.waiting": ("clock", "idle"),
    "item.accepted": ("inbox", "busy"),
    "item.submitted": ("running", "busy"),
    "item.acknowledged": ("running", "busy"),
    "item.rejected": ("hand", "hand"),
    "item.concluded": ("done", "over"),
    "item.denied": ("no", "over"),
    "item.unreachable": ("no", "over"),
    "item.cancelled": ("back", "over"),
    # proofs
    "proof.planned": ("clock", "idle"),
    "proof.asked": ("running", "busy"),
    "proof.escalated": ("hand", "hand"),
    "proof.contested": ("hand", "hand"),
    "proof.met": ("done", "over"),
    "proof.not_met": ("no", "over"),
    "proof.dropped": ("back", "over"),
}

LOOKS: Final = {
    f"{kind}.{state}": Look(word, *_MARKS[f"{kind}.{state}"])
    for kind, words in (("case", CASE_STATES), ("item", ITEM_STATES), ("proof", PROOF_STATES))
    for state, word in words.items()
} | {
    f"item.{NOT_APPLICABLE}": Look(NOT_APPLICABLE_LABEL, "none", "idle"),
    "overdue": Look("超期", "alarm", "late"),
    "unreachable": Look("部门联系不上", "alarm", "late"),
    "in_hand": Look("待经办人处理", "hand", "hand"),
}


def look(kind: str, state: str) -> Look:
    """Of a state; `kind` is "case", "item" or "proof"."""
    return LOOKS[f"{kind}.{state}" if state else kind]


ROLES: Final = {
    Role.BIRTH_DESK: "出生窗口",
    Role.CASEWORKER: "经办人",
    Role.SUPERVISOR: "科长",
    Role.VERIFIER: "部门核验员",
    Role.COMMUNITY_WORKER: "社区工作者",
    Role.PENSION_OFFICER: "社保经办",
    Role.AUDITOR: "审计",
    Role.INTEGRATOR: "接入系统",
}
"""What the role of an account is called."""
