"""经过: what happened to a case, one sentence per event, for timelines on pages and in terminals.

Nothing is looked up: an event and the bundle it happened under say it all, and no sentence can name
a person, because no event does.
"""

from typing import Final, NamedTuple, assert_never

from domain.bundle import Bundle, Confirmation
from domain.departments import DEPARTMENTS, REGISTERS
from domain.events import (
    ApplicationAmended,
    CaseConcluded,
    CaseOpened,
    CaseWithdrawn,
    CommitmentAnswered,
    DepartmentUnreachable,
    Event,
    ItemAccepted,
    ItemAcknowledged,
    ItemCancelled,
    ItemConcluded,
    ItemCorrected,
    ItemDenied,
    ItemOverdue,
    ItemSubmitted,
    ItemUnreachable,
    LateAnswerRecorded,
    MilestoneReached,
    ProofContested,
    ProofDropped,
    ProofMet,
    ProofSettled,
    RouteExhausted,
    RouteOpened,
    SubmissionRejected,
    VerificationAnswered,
    VerificationAssigned,
    VerificationOpened,
    VerificationReminded,
    VerificationResumed,
    VerificationSuspended,
)
from domain.time_limits import describe
from domain.verifications import asked_of


class Text(NamedTuple):
    """One sentence in both languages."""

    zh: str
    en: str


def sentence(event: Event, bundle: Bundle) -> Text:
    """What happened, as a caseworker would tell it."""
    match event:
        case CaseOpened():
            return Text(
                f"收件: {event.bundle.title}, 共 {len(event.plan.items)} 个事项",
                f"filed: {event.bundle.title_en}, {_several(len(event.plan.items), 'item')}",
            )
        case MilestoneReached():
            day = milestone_title(bundle, event.milestone)
            return Text(f"期日到: {day.zh}", f"the day has come: {day.en}")
        case ItemAccepted():
            item = item_title(bundle, event.item)
            if event.promised_by is None:
                return Text(f"受理“{item.zh}”, 承诺日期待定", f"accepted: {item.en}; the promised date follows")
            return Text(f"受理“{item.zh}”", f"accepted: {item.en}")
        case RouteOpened():
            proof, asked = proof_title(bundle, event.proof), asked_title(event.asked)
            if event.route == "confirmation":
                return Text(f"“{proof.zh}”: 送请申请人核对确认", f"{proof.en}: sent to the person to confirm")
            if event.route == "commitment":
                return Text(
                    f"证明“{proof.zh}”: 告知申请人可作承诺", f"{proof.en}: the applicant may commit to it instead"
                )
            return Text(f"证明“{proof.zh}”: 交由{asked.zh}核对", f"{proof.en}: asking {asked.en}")
        case RouteExhausted():
            proof = proof_title(bundle, event.proof)
            why = GAVE_UP.get(event.reason, Text(event.reason, event.reason))
            return Text(f"证明“{proof.zh}”: {why.zh}", f"{proof.en}: {why.en}")
        case VerificationOpened():
            proof, asked = proof_title(bundle, event.proof), _verifier(bundle, event.proof, event.rung)
            limit = _limit(bundle, event)
            return Text(
                f"证明“{proof.zh}”: {asked.zh}须在 {limit.zh}内答复",
                f"{proof.en}: {asked.en} has {limit.en} to answer",
            )
        case VerificationAssigned():
            proof, how = proof_title(bundle, event.proof), _HOW[event.how]
            return Text(f"证明“{proof.zh}”的核验{how.zh}", f"{proof.en}: the verification was {how.en}")
        case VerificationReminded():
            proof = proof_title(bundle, event.proof)
            return Text(
                f"证明“{proof.zh}”的核验时限已过 {event.percent}%, 已提醒",
                f"{proof.en}: {event.percent} % of the limit is used up; reminded",
            )
        case VerificationSuspended():
            proof = proof_title(bundle, event.proof)
            return Text(f"证明“{proof.zh}”的核验中止计时", f"{proof.en}: the clock was stopped")
        case VerificationResumed():
            proof = proof_title(bundle, event.proof)
            return Text(f"证明“{proof.zh}”的核验恢复计时", f"{proof.en}: the clock runs again")
        case VerificationAnswered():
            proof, answer = proof_title(bundle, event.proof), _answer(bundle, event)
            asked = _verifier(bundle, event.proof, event.rung)
            phone = Text("(电话)", " (by telephone)") if event.by_phone else Text("", "")
            return Text(
                f"证明“{proof.zh}”: {asked.zh}答复{phone.zh}“{answer.zh}”",
                f"{proof.en}: {asked.en} answered{phone.en}: {answer.en}",
            )
        case CommitmentAnswered():
            proof = proof_title(bundle, event.proof)
            if event.signed:
                return Text(f"证明“{proof.zh}”: 申请人已签署承诺", f"{proof.en}: the applicant signed the commitment")
            return Text(f"证明“{proof.zh}”: 申请人不作承诺", f"{proof.en}: the applicant declined to commit")
        case ProofMet():
            proof = proof_title(bundle, event.proof)
            return Text(f"证明“{proof.zh}”已核实", f"{proof.en}: shown")
        case ProofContested():
            proof = proof_title(bundle, event.proof)
            if not event.evidence:
                return Text(
                    f"证明“{proof.zh}”核验不一致, 待经办人认定",
                    f"{proof.en}: whoever was asked says otherwise; a caseworker decides",
                )
            return Text(
                f"证明“{proof.zh}”与登记信息不一致, 待经办人认定",
                f"{proof.en}: the register says otherwise; a caseworker decides",
            )
        case ProofSettled():
            proof = proof_title(bundle, event.proof)
            if event.met:
                return Text(f"证明“{proof.zh}”经经办人认定成立", f"{proof.en}: a caseworker found it shown")
            return Text(f"证明“{proof.zh}”经经办人认定不成立", f"{proof.en}: a caseworker found it not shown")
        case ProofDropped():
            proof = proof_title(bundle, event.proof)
            return Text(f"证明“{proof.zh}”不再需要", f"{proof.en}: no longer needed")
        case ItemSubmitted():
            item, department = item_title(bundle, event.item), department_title(event.department)
            again = (
                Text(f"(第 {event.attempt} 次)", f" (attempt {event.attempt})") if event.attempt > 1 else Text("", "")
            )
            return Text(
                f"“{item.zh}”送{department.zh}办理{again.zh}", f"submitted: {item.en}, to {department.en}{again.en}"
            )
        case ItemAcknowledged():
            item = item_title(bundle, event.item)
            return Text(f"部门已收到“{item.zh}”", f"received by the department: {item.en}")
        case ItemConcluded():
            item = item_title(bundle, event.item)
            return Text(f"“{item.zh}”办结", f"concluded: {item.en}")
        case ItemCorrected():
            item = item_title(bundle, event.item)
            made = [bundle.product(code) for code in event.products]
            zh, en = "、".join(one.title for one in made), ", ".join(one.title_en for one in made)
            return Text(f"“{item.zh}”办理结果更正: {zh}", f"corrected by the department: {item.en} ({en})")
        case ItemDenied():
            item = item_title(bundle, event.item)
            rule, _, proof_code = event.reason_code.partition(":")
            if rule == "proof_not_met":
                proof = proof_title(bundle, proof_code)
                return Text(
                    f"“{item.zh}”不予许可: “{proof.zh}”不成立", f"denied: {item.en}, because {proof.en} is not shown"
                )
            return Text(f"部门对“{item.zh}”不予许可: {event.reason_code}", f"denied: {item.en} ({event.reason_code})")
        case ItemUnreachable():
            item, because = item_title(bundle, event.item), item_title(bundle, event.because)
            return Text(
                f"“{item.zh}”无法办理: 前置事项“{because.zh}”未办结",
                f"cannot begin: {item.en}, because {because.en} did not end well",
            )
        case ItemCancelled():
            item = item_title(bundle, event.item)
            match event.reason:
                case "withdrawn":
                    return Text(f"“{item.zh}”因撤回而取消", f"cancelled: {item.en}, withdrawn")
                case "no_longer_applies":
                    return Text(f"“{item.zh}”更正后不再需要", f"cancelled: {item.en} no longer applies")
                case _:
                    assert_never(event.reason)
        case SubmissionRejected():
            item = item_title(bundle, event.item)
            return Text(
                f"部门无法接收“{item.zh}”, 待经办人处理",
                f"not accepted by the department: {item.en}; a caseworker has it",
            )
        case DepartmentUnreachable():
            item, department = item_title(bundle, event.item), department_title(event.department)
            return Text(
                f"{department.zh}暂时联系不上, “{item.zh}”持续重试",
                f"{department.en} is unreachable; trying {item.en} again",
            )
        case ItemOverdue():
            item = item_title(bundle, event.item)
            return Text(
                f"“{item.zh}”超过承诺时限, 部门须公开说明", f"overdue: {item.en}; the department owes an explanation"
            )
        case LateAnswerRecorded():
            about = _title_of(bundle, event.about)
            if event.contradicts:
                return Text(
                    f"“{about.zh}”收到迟到的答复, 与已有结果不一致, 已记录",
                    f"a late answer about {about.en} contradicts what was decided; kept on record",
                )
            return Text(f"“{about.zh}”收到迟到的答复, 已记录", f"a late answer about {about.en}; kept on record")
        case ApplicationAmended():
            return Text(
                f"申请已更正, 涉及 {len(event.changed)} 栏",
                f"the application was amended in {_several(len(event.changed), 'field')}",
            )
        case CaseWithdrawn():
            left = len(event.already_with_departments)
            if left:
                return Text(
                    f"申请已撤回, {left} 个事项已在部门办理",
                    f"withdrawn; {_several(left, 'item')} already with departments",
                )
            return Text("申请已撤回", "withdrawn")
        case CaseConcluded():
            match event.outcome:
                case "complete":
                    return Text("全部事项办结", "every item is concluded")
                case "partial":
                    return Text("办理结束, 部分事项未办成", "ended; some items were not granted")
                case _:
                    assert_never(event.outcome)
        case _:
            assert_never(event)


GAVE_UP: Final = {
    "not_found": Text("登记中查无记录", "the register holds no record"),
    "unreadable": Text("登记中的记录无法读取", "the register's record cannot be read"),
    "unreachable": Text("登记系统联系不上", "the register cannot be reached"),
    "key_missing": Text("缺少查询所需的号码", "a number that the query needs is not known"),
    "no_grant": Text("本单位未获该项数据的查询授权", "the unit may not query this register"),
    "no_answer": Text("时限内无人答复", "nobody answered within the limit"),
    "no_record": Text("查无此记录", "whoever was asked holds no record"),
    "handed_to_community": Text("部门转社区核实", "the department handed it to the community"),
    "nobody_on_duty": Text("该部门无人值守", "nobody is on duty there"),
    "no_community": Text("花名册中没有本人所在社区", "the roster knows no community of this person"),
    "calendar_not_shipped": Text("该年度工作日历尚未发布", "the calendar of working days of that year is not known"),
    "escalated_by_hand": Text("负责人提级", "a superior took it up"),
    "declined": Text("申请人不作承诺", "the applicant declined to commit"),
}
"""Why a rung of the ladder gave up."""


ANSWERS: Final = {
    "matches": Text("一致", "matches"),
    "contradicts": Text("不一致", "contradicts"),
    "no_record": Text("查无此记录", "no record here"),
    "hand_to_community": Text("转社区核实", "hand to the community"),
}
"""What an officer can say."""

CONFIRMS: Final = {
    "matches": Text("确认无误", "confirmed"),
    "contradicts": Text("信息有误或不办理", "something is wrong, or declined"),
    "hand_to_community": Text("转社区联系", "have the community call"),
}
"""What can be said to a confirmation."""


def answer_title(route: str, answer: str) -> Text:
    """An answer in the words of what was asked; an old one may be gone, and then shows its code."""
    words = CONFIRMS if route == "confirmation" else ANSWERS
    return words.get(answer, Text(answer, answer))


_HOW: Final = {
    "claimed": Text("已认领", "claimed"),
    "released": Text("已退回本单位待领", "put back into the unit's queue"),
    "handed_over": Text("已移交同事", "handed over"),
    "taken_back": Text("已由负责人收回", "taken back by a superior"),
    "assigned": Text("已由负责人分派", "handed out by a superior"),
}


def _answer(bundle: Bundle, event: VerificationAnswered) -> Text:
    return answer_title(bundle.proof(event.proof).routes[event.rung].route, event.answer)


def _verifier(bundle: Bundle, proof: str, rung: int) -> Text:
    return asked_title(asked_of(bundle.proof(proof).routes[rung]))


def milestone_title(bundle: Bundle, milestone: str) -> Text:
    """The milestone by its code."""
    declared = bundle.milestone(milestone)
    return Text(declared.title, declared.title_en)


def _limit(bundle: Bundle, event: VerificationOpened) -> Text:
    route = bundle.proof(event.proof).routes[event.rung]
    if isinstance(route, Confirmation):
        return Text(describe(route.limit), describe(route.limit, "en"))
    return Text("30 分钟", "30 minutes") if event.immediate else Text("24 小时", "24 hours")


def item_title(bundle: Bundle, item: str) -> Text:
    """The item by its id in the plan; "citizen_card:2" is the second person's."""
    code, _, number = item.partition(":")
    declared = bundle.item(code)
    if not number:
        return Text(declared.title, declared.title_en)
    return Text(f"{declared.title}(第 {number} 人)", f"{declared.title_en} ({number})")


def proof_title(bundle: Bundle, proof: str) -> Text:
    """The proof by its code."""
    declared = bundle.proofs()[proof]
    return Text(declared.title, declared.title_en)


def department_title(department: str) -> Text:
    """The department by its code; an old case may name one that is gone, and then shows the code."""
    known = DEPARTMENTS.get(department)
    return Text(known.title, known.title_en) if known else Text(department, department)


def asked_title(asked: str) -> Text:
    """Whoever a rung asks: a register by its source, a department, or a role."""
    if asked in _ROLES:
        return _ROLES[asked]
    if known := REGISTERS.get(asked):
        return Text(f"“{known.title}”", known.title_en)
    return department_title(asked)


_ROLES: Final = {
    "caseworker": Text("经办人", "a caseworker"),
    "community": Text("社区", "the community"),
    "applicant": Text("申请人", "the applicant"),
}


def _title_of(bundle: Bundle, part: str) -> Text:
    return proof_title(bundle, part) if part in bundle.proofs() else item_title(bundle, part)


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
