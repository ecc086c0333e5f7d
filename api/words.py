"""What the states of cases, items and proofs are called (状态用语): few words, the same on every page and in every answer."""

from typing import Final

from domain.case_file import CaseState, ItemState, ProofState, VerificationState

CASE_STATES: Final = {CaseState.OPEN: "办理中", CaseState.CONCLUDED: "已办结", CaseState.WITHDRAWN: "已撤回"}

ITEM_STATES: Final = {
    ItemState.WAITING: "待受理",
    ItemState.ACCEPTED: "已受理",
    ItemState.SUBMITTED: "办理中",
    ItemState.ACKNOWLEDGED: "办理中",
    ItemState.REJECTED: "待经办人处理",
    ItemState.CONCLUDED: "已办结",
    ItemState.DENIED: "未通过",
    ItemState.UNREACHABLE: "无法办理",
    ItemState.CANCELLED: "已取消",
}

PROOF_STATES: Final = {
    ProofState.PLANNED: "待核验",
    ProofState.ASKED: "核验中",
    ProofState.VERIFYING: "待核验人答复",
    ProofState.OFFERED: "待申请人承诺",
    ProofState.ESCALATED: "待经办人认定",
    ProofState.CONTESTED: "不一致, 待经办人认定",
    ProofState.MET: "已证明",
    ProofState.NOT_MET: "未能证明",
    ProofState.DROPPED: "不再需要",
}

VERIFICATION_STATES: Final = {
    VerificationState.OPEN: "待答复",
    VerificationState.ANSWERED: "已答复",
    VerificationState.EXPIRED: "逾期未答复",
    VerificationState.WITHDRAWN: "已撤回",
}

NOT_APPLICABLE: Final = "not_applicable"
NOT_APPLICABLE_LABEL: Final = "不适用"
