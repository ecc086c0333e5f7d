"""意愿确认 in a list: which question a row of it answers, and what would come of the answer.

An employer returns one sheet for all who retire, so a row names a case and what its person says. What a row
would lead to is asked of the rules themselves, so that a preview cannot promise what the run then refuses.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from domain.bundle import Confirmation
from domain.case_file import CaseFile, LiveProof, LiveVerification, ProofState, VerificationState
from domain.columns import CellFaulty, Column, FaultyRow, Row, Sheet, each_row, one_of, remark, some_text
from domain.identifiers import NotAnIdentifier, read_case_no, sentence
from domain.refusals import CaseEnded, Conflict, NotAcceptable, VerificationOver
from domain.time_limits import in_shanghai

Confirming = Literal["matches", "contradicts", "hand_to_community"]
"""确认无误 · 信息有误或不办理 · 转社区联系."""

ROWS_AT_MOST: Final = 1_000


class CameOf(StrEnum):
    """What an answer leads to."""

    CONFIRMED = "confirmed"
    CONTESTED = "contested"
    """A caseworker looks at what is wrong, or was declined."""
    HANDED_ON = "handed_on"
    """The community worker calls."""
    KEPT = "kept"
    """It came too late to change anything, and is on record."""


class NothingToConfirm(Conflict):
    """The case has no form that anybody is asked to confirm."""

    code = "confirmation.none"

    def __init__(self) -> None:
        super().__init__("本办件没有需要确认的事项", "nothing is to be confirmed in this case")


class NotSentOut(Conflict):
    """The form has not gone out yet; says on which day it will, if a day is waited for."""

    code = "confirmation.not_sent"

    def __init__(self, day: datetime | None) -> None:
        self.day = day
        named = None if day is None else in_shanghai(day).date().isoformat()
        super().__init__(
            f"确认单尚未发出, 将于 {named} 发出" if named else "确认单尚未发出, 前面的事项还在办理",
            f"the form has not gone out yet; it will on {named}"
            if named
            else "the form has not gone out yet: what comes before it is still being done",
        )


class SameCaseTwice(NotAcceptable):
    """Several entries of a request name the case, and nobody could tell which one is meant; counted from 1."""

    code = "confirmation.same_case_twice"

    def __init__(self, entries: Sequence[int]) -> None:
        self.entries = tuple(entries)
        zh, en = "、".join(map(str, entries)), ", ".join(map(str, entries))
        super().__init__(
            f"同一办件在第 {zh} 条重复出现, 请只保留一条", f"entries {en} are about the same case; keep one of them"
        )


def confirmation_in(file: CaseFile) -> LiveVerification:
    """The form that went out as the case stands now; raises NothingToConfirm, NotSentOut, CaseEnded, VerificationOver."""
    asked = [
        (proof, live, rung)
        for proof, live in file.proofs.items()
        for rung, route in enumerate(file.declared_proof(proof).routes)
        if isinstance(route, Confirmation)
    ]
    if not asked:
        raise NothingToConfirm
    sent = [
        found for proof, live, rung in asked if (found := file.verifications.get((proof, live.round, rung))) is not None
    ]
    if sent:
        return next((one for one in sent if one.state is VerificationState.OPEN), sent[0])
    if file.ended_at is not None:
        raise CaseEnded(file.state)
    raise _not_sent(file, *asked[0])


def _not_sent(file: CaseFile, proof: str, live: LiveProof, rung: int) -> Conflict:
    waits = live.state is ProofState.PLANNED or (live.state is ProofState.ASKED and live.rung <= rung)
    if not waits:
        return VerificationOver(proof, live.since)
    return NotSentOut(file.waits_for_day(file.declared_proof(proof).not_before))


def came_of(happened: Collection[str]) -> CameOf:
    """What came of an answer, by the types of the events that it caused."""
    if "proof_met" in happened:
        return CameOf.CONFIRMED
    if "proof_contested" in happened:
        return CameOf.CONTESTED
    return CameOf.HANDED_ON if "verification_answered" in happened else CameOf.KEPT


def _a_case_no(text: str) -> str:
    try:
        return read_case_no(text)
    except NotAnIdentifier as wrong:
        zh, en = sentence(wrong.kind, wrong.rule), sentence(wrong.kind, wrong.rule, "en")
        raise CellFaulty(wrong.rule, zh, en) from None


COLUMNS: Final = (
    Column(
        code="case_no",
        title="办件编号",
        title_en="Case number",
        read=_a_case_no,
        required=True,
        as_text_only=True,
    ),
    Column(
        code="answer",
        title="答复",
        title_en="Answer",
        read=one_of(
            {
                "matches": ("确认无误", "确认"),
                "contradicts": ("信息有误或不办理", "信息有误", "不办理"),
                "hand_to_community": ("转社区联系", "转社区"),
            }
        ),
        required=True,
    ),
    Column(code="note", title="说明", title_en="Note", read=some_text(500)),
)
"""Of a returned list; an empty answer is refused, because silence is never consent."""


def read_list(sheet: Sheet) -> tuple[Row | FaultyRow, ...]:
    """A returned list row by row, in the file's own numbers: one that is faulty, or says another's case, holds up nobody.

    Raises SheetFaulty for an empty file and a wrong header.
    """
    read = tuple(each_row(COLUMNS, sheet))
    about: defaultdict[str, list[int]] = defaultdict(list)
    for row in read:
        # One of which only the answer is faulty counts too: it may be the one that is meant.
        if (case_no := row.values.get("case_no")) is not None:
            about[case_no].append(row.number)
    return tuple(_not_twice(row, about[row.values["case_no"]]) if isinstance(row, Row) else row for row in read)


def _not_twice(row: Row, same: Sequence[int]) -> Row | FaultyRow:
    if len(same) == 1:
        return row
    zh, en = "、".join(map(str, same)), ", ".join(map(str, same))
    twice = CellFaulty(
        "same_case_twice",
        f"同一办件在文件第 {zh} 行重复出现, 请只保留一行",
        f"rows {en} of the file are about the same case; keep one of them",
    )
    return FaultyRow(row.number, (remark(row.number, COLUMNS[0], twice),), row.values)
