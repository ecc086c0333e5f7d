"""How a state looks (状态外观): its word, an icon and a tone; the word says it all, the other two only help.

Finished states carry no colour; red is for what is overdue or has failed.
"""

from typing import Final, NamedTuple

from api.words import (
    CASE_STATES,
    ITEM_STATES,
    NOT_APPLICABLE,
    NOT_APPLICABLE_LABEL,
    PROOF_STATES,
    VERIFICATION_STATES,
)
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
    "proof.verifying": ("inbox", "busy"),
    "proof.offered": ("pen", "hand"),
    "proof.escalated": ("hand", "hand"),
    "proof.contested": ("hand", "hand"),
    "proof.met": ("done", "over"),
    "proof.not_met": ("no", "over"),
    "proof.dropped": ("back", "over"),
    # verifications
    "verification.open": ("inbox", "busy"),
    "verification.answered": ("done", "over"),
    "verification.expired": ("alarm", "late"),
    "verification.withdrawn": ("back", "over"),
}

LOOKS: Final = {
    f"{kind}.{state}": Look(word, *_MARKS[f"{kind}.{state}"])
    for kind, words in (
        ("case", CASE_STATES),
        ("item", ITEM_STATES),
        ("proof", PROOF_STATES),
        ("verification", VERIFICATION_STATES),
    )
    for state, word in words.items()
} | {
    f"item.{NOT_APPLICABLE}": Look(NOT_APPLICABLE_LABEL, "none", "idle"),
    "overdue": Look("超期", "alarm", "late"),
    "unreachable": Look("部门联系不上", "alarm", "late"),
    "in_hand": Look("待经办人处理", "hand", "hand"),
    # what came of a proof that was asked for alone
    "result.confirmed": Look("已核实", "done", "over"),
    "result.not_confirmed": Look("未能核实", "no", "over"),
    "result.contradicted": Look("核实不一致", "no", "late"),
    # grants
    "grant.applied": Look("待审批", "clock", "hand"),
    "grant.approved": Look("已批准", "done", "over"),
    "grant.refused": Look("不予批准", "no", "over"),
    "grant.revoked": Look("已收回", "back", "over"),
    "grant.expired": Look("已到期", "clock", "idle"),
    # lines of the watch list, and what the last reading changed
    "watch.due": Look("到龄", "clock", "busy"),
    "watch.conflict": Look("待核", "hand", "hand"),
    "watch.excluded": Look("排除", "none", "over"),
    "watch_change.new": Look("新增", "inbox", "idle"),
    "watch_change.gone": Look("移出", "back", "idle"),
    "watch_change.changed": Look("变化", "pen", "idle"),
    # how much of a limit is used up
    "warning.half": Look("时限已过半", "clock", "hand"),
    "warning.late": Look("时限将到", "alarm", "late"),
    "warning.over": Look("时限已过", "alarm", "late"),
    "warning.stopped": Look("计时中止", "pause", "idle"),
}


def look(kind: str, state: str) -> Look:
    """Of a state; `kind` is "case", "item", "proof" or "verification"."""
    return LOOKS[f"{kind}.{state}" if state else kind]


ROUTES: Final = {
    "shared_data_query": "数据共享",
    "department_verification": "部门核验",
    "community_check": "社区核实",
    "commitment": "告知承诺",
    "confirmation": "本人确认",
    "escalation": "人工认定",
}
"""What the rungs of a ladder are called."""

ANSWERS: Final = {
    "matches": "一致",
    "contradicts": "不一致",
    "no_record": "查无此记录",
    "hand_to_community": "转社区核实",
}
"""What an officer can say."""

MEANINGS: Final = {
    "matches": "与本单位掌握的情况相同",
    "contradicts": "与本单位掌握的情况不同",
    "no_record": "本单位没有这个人或这件事的记录",
    "hand_to_community": "本单位无从核实, 社区可能了解",
}
"""What each answer means."""

CONFIRMS: Final = {
    "matches": "确认无误",
    "contradicts": "信息有误或不办理",
    "hand_to_community": "转社区联系",
}
"""What can be said to a confirmation."""


class Offer(NamedTuple):
    """An answer that can be chosen: its code, its word, and what choosing it means."""

    code: str
    word: str
    meaning: str


def _offers(*codes: str) -> tuple[Offer, ...]:
    return tuple(Offer(code, ANSWERS[code], MEANINGS[code]) for code in codes)


OFFERS: Final = {
    "department_verification": _offers("matches", "contradicts", "no_record", "hand_to_community"),
    # A community has nobody to hand it on to.
    "community_check": _offers("matches", "contradicts", "no_record"),
    "confirmation": (
        Offer("matches", CONFIRMS["matches"], "本人或单位已核对, 同意按此办理"),
        Offer("contradicts", CONFIRMS["contradicts"], "所填有误或暂不办理, 请写明, 由经办人处理"),
        Offer("hand_to_community", CONFIRMS["hand_to_community"], "联系不上或说不清楚, 由社区工作者打电话"),
    ),
}
"""What whoever is asked by that route can say."""

OFFERS_TO_THE_PERSON: Final = (
    Offer("matches", CONFIRMS["matches"], "以上信息正确, 有更正的以更正后为准, 同意按此办理"),
    Offer("contradicts", "信息有误, 或暂不办理", "请在下面写明, 经办人会与您联系"),
    Offer("hand_to_community", "请社区联系我", "社区工作者会给您打电话"),
)
"""The same to the person or the employer, who answers by a link."""


def answer_word(route: str, answer: str) -> str:
    """An answer in the words of what was asked."""
    return (CONFIRMS if route == "confirmation" else ANSWERS).get(answer, ANSWERS[answer])


CHANGES: Final = {"joined": "新增", "left": "离开", "changed": "变更"}
"""What an import does to an entry."""

ROLES: Final = {
    Role.BIRTH_DESK: "出生窗口",
    Role.CASEWORKER: "经办人",
    Role.SUPERVISOR: "科长",
    Role.VERIFIER: "部门核验员",
    Role.COMMUNITY_WORKER: "社区工作者",
    Role.UNIT_CHIEF: "部门负责人",
    Role.REQUESTER: "用证单位",
    Role.DATA_CENTRE: "数据中心",
    Role.PENSION_OFFICER: "社保经办",
    Role.AUDITOR: "审计",
    Role.INTEGRATOR: "接入系统",
}
"""What the role of an account is called."""
