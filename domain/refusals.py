"""The reasons for which our own rules say no.

    Refusal
    ├── NotFound
    │   ├── NoSuchBundle
    │   ├── NoSuchCase
    │   └── NoSuchPart            an item or proof that this case does not have
    ├── NotAcceptable             the request itself is wrong
    │   ├── FormFaulty
    │   ├── NotEligibleHere
    │   ├── ReasonMissing
    │   ├── NotYoursToCorrect     an officer corrects it, not whoever confirms
    │   └── AnswerNotOffered      this kind of question has no such answer
    ├── Conflict                  right in itself, but not now
    │   ├── CaseMovedOn
    │   ├── AlreadyOpen
    │   ├── SameKeyOtherRequest
    │   ├── AlreadySettled
    │   ├── ItemNotSubmitted
    │   ├── ItemNotConcluded
    │   ├── NothingToCorrect      what is said to be right stands there already
    │   ├── NotInHand
    │   ├── ProofStillOpen
    │   ├── HeldByAnother         a colleague has claimed the verification
    │   ├── VerificationOver      nobody waits for this answer any more
    │   ├── ClockRefused          a clock cannot be stopped or started like that
    │   ├── CaseEnded
    │   └── PeopleMayNotChange
    └── NotAllowed

A refusal carries its facts and writes its own sentence, in Chinese and in English. It is not a
denial: 不予许可 is a lawful outcome and an event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from domain.time_limits import to_the_minute


class Refusal(Exception):
    """Our rules say no; `code` is stable for programs, the sentences are for people."""

    code: ClassVar[str] = "refused"
    zh: str
    en: str

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en
        super().__init__(en)


class NotFound(Refusal):
    """There is no such thing, or none that you may see."""

    code = "not_found"


class NoSuchBundle(NotFound):
    """No declaration of that code is in force on that day."""

    code = "bundle.unknown"

    def __init__(self, bundle: str, on: date) -> None:
        self.bundle = bundle
        super().__init__(f"{on}没有名为“{bundle}”的一件事", f"no bundle {bundle!r} is in force on {on}")


class NoSuchCase(NotFound):
    """No case of that number, or none that this account may see."""

    code = "case.unknown"

    def __init__(self) -> None:
        super().__init__("没有这个办件, 或您无权查看", "there is no such case, or you may not see it")


class NoSuchPart(NotFound):
    """The case has no item or proof of that name."""

    code = "case.part_unknown"

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(f"本办件没有“{part}”", f"this case has no item or proof {part!r}")


class NotAcceptable(Refusal):
    """The request itself is wrong and would be wrong tomorrow."""

    code = "request.not_acceptable"


@dataclass(frozen=True)
class FieldFault:
    """One thing wrong with one field: where (JSON pointer), which rule, and a sentence; never the value."""

    pointer: str
    rule: str
    zh: str
    en: str


class FormFaulty(NotAcceptable):
    """The form has faults; all of them are named at once."""

    code = "application.faulty"

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"申请表有 {len(faults)} 处错误", f"the application has {len(faults)} fault(s)")


class NotEligibleHere(NotAcceptable):
    """The bundle cannot serve this event; the sentence says where to go."""

    code = "application.not_eligible"

    def __init__(self, reason_code: str, zh: str, en: str) -> None:
        self.reason_code = reason_code
        super().__init__(zh, en)


class ReasonMissing(NotAcceptable):
    """Everything but a match needs a reason in words."""

    code = "reason.missing"

    def __init__(self) -> None:
        super().__init__("请写明理由", "say why, in words")


class NotYoursToCorrect(NotAcceptable):
    """Whoever confirms a form may correct some of its fields; these are an officer's to correct, or none of it."""

    code = "answer.not_yours_to_correct"

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        named = ", ".join(self.paths)
        super().__init__(
            f"确认时不能更正: {named}; 请选择“信息有误”并写明, 由经办人更正",
            f"cannot be corrected when confirming: {named}; say what is wrong, and an officer corrects it",
        )


class AnswerNotOffered(NotAcceptable):
    """Who confirms a form holds no records that could be empty, and a community is not handed what it has already."""

    code = "answer.not_offered"

    def __init__(self, answer: str) -> None:
        self.answer = answer
        if answer == "no_record":
            super().__init__(
                "确认事项没有“查无此记录”这一答复: 请选择确认无误、信息有误或不办理, 或转社区联系",
                "a confirmation has no such answer as no_record: confirm, say what is wrong or declined, or have the"
                " community call",
            )
        else:
            super().__init__(
                "已由社区核实, 不能再转社区: 请选择一致、不一致或查无此记录",
                "the community is asked already and cannot be handed it: it matches, contradicts, or is not known",
            )


class Conflict(Refusal):
    """It would be right in itself, but not in the state the case is in."""

    code = "conflict"


class CaseMovedOn(Conflict):
    """Somebody else was faster; read the case again."""

    code = "case.version_conflict"

    def __init__(self, expected: int, actual: int) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"办件已有更新(您看到的是第 {expected} 版, 现为第 {actual} 版), 请刷新后再办",
            f"the case has moved on from version {expected} to {actual}; read it again",
        )


class AlreadyOpen(Conflict):
    """The same event has a case already, open or concluded; its number is told to those who may see it."""

    code = "case.already_open"

    def __init__(self, case_no: str | None = None) -> None:
        self.case_no = case_no
        super().__init__(
            f"同一事项已有办件(在办或已办结), 办件编号 {case_no}"
            if case_no
            else "同一事项已在其他单位申请(在办或已办结)",
            f"the same event already has the case {case_no}, being handled or concluded"
            if case_no
            else "the same event already has a case elsewhere, being handled or concluded",
        )


class SameKeyOtherRequest(NotAcceptable):
    """An Idempotency-Key was used again for another request."""

    code = "idempotency_key.reused"

    def __init__(self) -> None:
        super().__init__("该幂等键已用于另一份内容不同的请求", "this Idempotency-Key was used for a different request")


class AlreadySettled(Conflict):
    """The part has been settled already; says by whom and when."""

    code = "case.part_settled"

    def __init__(self, part: str, by: str, at: datetime | None = None) -> None:
        self.part = part
        self.by = by
        self.at = at
        zh, en = (f"于 {to_the_minute(at)} ", f" at {to_the_minute(at)}") if at else ("", "")
        super().__init__(f"已{zh}由 {by} 作出答复或决定, 以其为准", f"{by} has answered or decided{en}; that stands")


class ItemNotSubmitted(Conflict):
    """An answer came for an item that no department has been sent yet."""

    code = "item.not_submitted"

    def __init__(self, item: str) -> None:
        self.item = item
        super().__init__(f"“{item}”尚未送达部门", f"{item} has not been submitted")


class ItemNotConcluded(Conflict):
    """Only what a department has concluded can be corrected."""

    code = "item.not_concluded"

    def __init__(self, item: str) -> None:
        self.item = item
        super().__init__(f"“{item}”尚未办结, 无可更正", f"{item} was not concluded, so there is nothing to correct")


class NothingToCorrect(Conflict):
    """The values given are those that stand."""

    code = "item.nothing_to_correct"

    def __init__(self, item: str) -> None:
        self.item = item
        super().__init__(f"“{item}”的办理结果与所填相同, 无需更正", f"what {item} came to is what you gave")


class NotInHand(Conflict):
    """The part is not waiting for a person, so there is nothing to decide by hand."""

    code = "case.part_not_in_hand"

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(f"“{part}”目前无需人工处理", f"{part} is not waiting for a person")


class ProofStillOpen(Conflict):
    """The item was amended since it was sent; it goes again when what was corrected is shown."""

    code = "item.proof_open"

    def __init__(self, item: str, proofs: Sequence[str]) -> None:
        self.item = item
        self.proofs = tuple(proofs)
        named = ", ".join(proofs)
        super().__init__(f"“{item}”尚有证明未核实: {named}", f"{item} still waits for {named}")


class HeldByAnother(Conflict):
    """A colleague has claimed it; says who, and since when."""

    code = "verification.held"

    def __init__(self, by: str, since: datetime) -> None:
        self.by = by
        self.since = since
        moment = to_the_minute(since)
        super().__init__(f"{by} 已于 {moment} 认领, 需由其移交或由负责人收回", f"{by} has had it since {moment}")


class VerificationOver(Conflict):
    """The question was withdrawn: the application changed, or somebody else has decided."""

    code = "verification.over"

    def __init__(self, proof: str, at: datetime | None) -> None:
        self.proof = proof
        self.at = at
        zh, en = (f"于 {to_the_minute(at)} ", f" at {to_the_minute(at)}") if at else ("", "")
        super().__init__(f"该核验已{zh}撤回, 无需答复", f"this verification was withdrawn{en}; no answer is needed")


class ClockRefused(Conflict):
    """A clock cannot be stopped or started like that; `rule` says why."""

    code = "verification.clock"

    def __init__(self, rule: str, en: str) -> None:
        self.rule = rule
        super().__init__(_CLOCK_RULES.get(rule, "时限不能这样变更"), en)


_CLOCK_RULES = {
    "already_suspended": "时限已处于中止状态",
    "not_suspended": "时限并未中止",
    "already_over": "时限已届满, 不能中止",
    "no_reason": "中止时限须写明理由",
    "not_in_order": "时间早于上一次变更",
    "calendar_not_shipped": "该年度工作日历尚未发布, 无法计算时限",
}


class CaseEnded(Conflict):
    """The case has ended."""

    code = "case.ended"

    def __init__(self, state: str) -> None:
        self.state = state
        super().__init__("办件已结束", f"the case is {state}")


class PeopleMayNotChange(Conflict):
    """Another person is another application: withdraw this one and file again."""

    code = "application.people_may_not_change"

    def __init__(self) -> None:
        super().__init__(
            "不能增减当事人, 请撤回后重新申请", "persons cannot be added or removed; withdraw the case and file again"
        )


class NotAllowed(Refusal):
    """This account may not do that."""

    code = "not_allowed"

    def __init__(self) -> None:
        super().__init__("您无权办理此事", "you may not do this")
