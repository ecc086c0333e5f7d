"""作答: the form in which a question is answered, on an officer's page and behind a link: as typed, and what came of it.

Nothing that was typed is lost: what cannot be sent like this comes back with each field's fault.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import Depends, Form
from pydantic import StringConstraints, ValidationError

from api.problems import Trouble
from api.verifications import AnswerHeard, GivenAnswer, PhoneCall
from domain.form import SHANGHAI
from domain.refusals import FormFaulty, Refusal
from domain.timeline import Text

T = TypeVar("T")

Typed = Annotated[str, Form(max_length=4000)]
Lines = Annotated[list[Annotated[str, StringConstraints(max_length=500)]], Form(default_factory=list, max_length=20)]
PATH: Final = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
_PHONE: Final = ("spoke_with", "number", "said")
"""A call is told where any of these is filled in; the time has been filled in already."""


@dataclass(frozen=True)
class TypedAnswer:
    """An answer as it was typed, and what is typed otherwise than it stood in what may be corrected."""

    fields: Mapping[str, str]
    corrections: Mapping[str, str]
    """更正: "section.field" -> text; empty where nothing is."""

    @property
    def everything(self) -> Mapping[str, str]:
        """All of it, by the names that the page's fields have."""
        return {**self.fields, **self.corrections}


def typed_answer(
    path: Lines,
    was: Lines,
    value: Lines,
    answer: Typed = "",
    reason: Typed = "",
    spoke_with: Typed = "",
    number: Typed = "",
    at: Typed = "",
    said: Typed = "",
) -> TypedAnswer:
    """What the form sends: each field that may be corrected comes with its place and with how it stood."""
    return TypedAnswer(
        {"answer": answer, "reason": reason, "spoke_with": spoke_with, "number": number, "at": at, "said": said},
        {
            place: typed.strip()
            for place, before, typed in zip(path, was, value, strict=False)
            if typed.strip() != before and PATH.fullmatch(place)
        },
    )


AsTyped = Annotated[TypedAnswer, Depends(typed_answer)]

Done = Literal[
    "met",
    "corrected",
    "contested",
    "next",
    "kept",
    "claim",
    "release",
    "hand-over",
    "take-back",
    "suspend",
    "resume",
]
DONE: Final[Mapping[Done, str]] = {
    "met": "答复已记入办件: 该证明已核实, 需要它的事项继续办理。",
    "corrected": "已更正申请, 到新的日期会再请确认一次。",
    "contested": "答复已记入办件: 与申报不一致, 由经办人认定。经办人已收到提醒。",
    "next": "答复已记入办件, 转由下一环节核实。",
    "kept": "该证明已由其他环节处理; 您的答复已留存, 不改变结果。",
    "claim": "已认领, 现由您承办。时限继续计算。",
    "release": "已退回本单位, 由同事认领。时限继续计算。",
    "hand-over": "已移交, 同事已收到提醒。时限继续计算。",
    "take-back": "已收回, 理由已记入办件。新的承办人或本单位已收到提醒。",
    "suspend": "已中止计时, 理由已记入办件。恢复计时后, 剩余时限不变。",
    "resume": "已恢复计时, 剩余时限不变。",
}
"""What an act has led to, told on the page after it."""
CONFIRMED: Final[Mapping[Done, str]] = {
    "met": "已确认, 将按所列信息办理。",
    "contested": "已收到, 所列信息暂不办理; 经办人会核对并联系本人。",
    "next": "已收到, 社区工作者会打电话联系本人。",
    "kept": "这件事已经有了结果; 答复已留存, 不改变结果。",
}
"""The same where something was confirmed, for an officer who answers for the person or the employer."""
CONFIRMED_BY_LINK: Final[Mapping[Done, str]] = {
    **CONFIRMED,
    "corrected": "已更正。日期有变动, 到新的日期会再请您确认一次。",
    "contested": "已收到, 所列信息暂不办理; 经办人会核对并联系您。",
    "next": "已收到, 社区工作者会打电话联系您。",
}
"""The same to the person or the employer, who answer by a link."""


def done_told(done: Done | None, route: str, *, by_link: bool = False) -> str | None:
    """What the act has led to, in the words of what was asked, and of whoever was."""
    if done is None:
        return None
    confirmed = CONFIRMED_BY_LINK if by_link else CONFIRMED
    return confirmed.get(done, DONE[done]) if route == "confirmation" else DONE[done]


WRONG: Final = {
    "answer": "请选择一个答复。",
    "corrections": "有更正的, 答复请选“确认无误”; 要由经办人处理的, 请写在说明里, 不要更正。",
    "reason": "请写明理由, 2 至 500 字。",
    "spoke_with": "请写明与谁通话。",
    "number": "请填写通话的电话号码, 手机或带区号的固定电话。",
    "at": "请填写通话时间, 不早于本项核验发出, 不晚于现在。",
    "said": "请写明对方说了什么, 2 至 1000 字。",
    "to": "请选择同事。",
}


@dataclass(frozen=True)
class Attempt:
    """A form that was sent and could not be carried out: what was typed, and why not."""

    form: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str | Text] = field(default_factory=dict)
    """Field -> a sentence of `words`, or one of the rules of the form."""
    refusal: Refusal | None = None

    def value(self, form: str, name: str) -> str:
        """What was typed into that field of that form."""
        return self.typed.get(name, "") if self.form == form else ""


class FieldsWrong(Exception):
    """Fields of a form cannot be sent like this; `wrong` says which and why."""

    def __init__(self, wrong: Mapping[str, str | Text]) -> None:
        self.wrong = wrong
        super().__init__(", ".join(wrong))


def given(as_typed: TypedAnswer) -> GivenAnswer:
    """The answer; raises FieldsWrong with every field that cannot be sent like this."""
    typed = as_typed.fields
    called = any(typed[name].strip() for name in _PHONE)
    wrong: dict[str, str | Text] = {}
    phone: PhoneCall | None = None
    if called:
        try:
            phone = PhoneCall.model_validate(
                {
                    "spoke_with": in_one_line(typed["spoke_with"]),
                    "number": typed["number"].strip(),
                    "at": _moment(typed["at"]),
                    "said": in_one_line(typed["said"]),
                }
            )
        except ValidationError as fault:
            wrong |= {name: WRONG[name] for name in _fields_of(fault)}
    reason = in_one_line(typed["reason"])
    try:
        answered = GivenAnswer.model_validate({"answer": typed["answer"], "reason": reason or None})
    except ValidationError as fault:
        raise FieldsWrong(wrong | {name: WRONG[name] for name in _fields_of(fault)}) from None
    if answered.answer != "matches" and answered.reason is None:
        wrong["reason"] = WRONG["reason"]
    if answered.answer != "matches" and as_typed.corrections:
        wrong["corrections"] = WRONG["corrections"]
    if wrong:
        raise FieldsWrong(wrong)
    return answered.model_copy(update={"phone": phone, "corrections": _patch(as_typed.corrections)})


def _patch(corrected: Mapping[str, str]) -> Mapping[str, Any] | None:
    """As a JSON merge patch, in which what was emptied is null, and refused as that."""
    patch: defaultdict[str, dict[str, str | None]] = defaultdict(dict)
    for path, text in corrected.items():
        section, _, code = path.partition(".")
        patch[section][code] = text or None
    return patch or None


def faults_of(faulty: FormFaulty) -> Mapping[str, Text]:
    """What the rules of the form say to a correction: "section.field" -> the sentence."""
    return {one.pointer.removeprefix("/corrections/").replace("/", "."): Text(one.zh, one.en) for one in faulty.faults}


def outcome(heard: AnswerHeard) -> Done:
    """What the answer has led to, in a word."""
    kinds = {event.type for event in heard.events}
    if not heard.counted:
        return "kept"
    if "application_amended" in kinds and "proof_met" not in kinds:
        return "corrected"
    return "met" if "proof_met" in kinds else "contested" if "proof_contested" in kinds else "next"


def in_one_line(text: str) -> str:
    """In one line: a reason is read in lists and logs."""
    return " ".join(text.split())


def _moment(typed: str) -> str:
    """A moment as a browser's field gives it, which is meant in Shanghai."""
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=SHANGHAI).isoformat()
    except ValueError:
        return typed


def _fields_of(fault: ValidationError) -> set[str]:
    return {str(one["loc"][0]) for one in fault.errors()}


def read_fields(build: Callable[[], T]) -> T:
    """What a form makes of its fields; raises FieldsWrong."""
    try:
        return build()
    except ValidationError as fault:
        raise FieldsWrong({name: WRONG[name] for name in _fields_of(fault)}) from None


def wrong_of(fault: Trouble) -> Mapping[str, str | Text]:
    """What was wrong with a telephone call; raises what is about anything else."""
    names = [one.pointer.rpartition("/")[2] for one in fault.faults if one.pointer.startswith("/phone/")]
    if not names:
        raise fault
    return {name: WRONG[name] for name in names}
