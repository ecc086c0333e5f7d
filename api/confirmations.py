"""批量确认 over HTTP: what a unit's people are asked to confirm, and a returned list of what they say, row by row.

A preview asks the rules what each row would lead to and writes nothing. The run commits each row by itself:
one that is refused holds up nobody, and whoever sends the list again, or only its failed rows, under the same
key confirms nobody twice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import and_

from api.acts import Sent
from api.case_view import Sentence
from api.cases import IdempotencyKey
from api.house import House, TheHouse
from api.identity import allowed
from api.limits import BatchRoute, StrictRoute
from api.problems import Fault, faults_of_row
from api.reach import get_case
from api.shapes import (
    V1,
    Asked,
    Cursor,
    Limit,
    Moment,
    Reason,
    Shown,
    answer,
    next_link,
    read_place,
    write_place,
)
from api.verification_view import VerificationView, verification_view
from api.verifications import GivenAnswer, do_answer
from domain.columns import FaultyRow, SheetFaulty
from domain.commands import AnswerVerification
from domain.confirmations import ROWS_AT_MOST, CameOf, NotSentOut, SameCaseTwice, came_of, confirmation_in
from domain.decisions import decide
from domain.events import Answer
from domain.identifiers import NotAnIdentifier, read_case_no, sentence
from domain.notices import card_id
from domain.refusals import AlreadySettled, HeldByAnother, ReasonMissing, Refusal
from domain.scopes import Action, Viewer
from domain.time_limits import in_shanghai
from store.database import again_if_lost
from store.read_models.cases import find_case_ids
from store.read_models.verifications import InboxWanted, Place, Queue, VerificationLine, inbox, place_of
from store.scoping import cases_visible_to, verifications_visible_to
from store.tables import verifications
from store.vault import Forgotten

router = APIRouter(prefix=V1, tags=["confirmations"], route_class=StrictRoute)
batches = APIRouter(prefix=V1, tags=["confirmations"], route_class=BatchRoute)

MayConfirm = Annotated[Viewer, Depends(allowed(Action.CONFIRM_IN_BATCH))]

_EXAMPLE: Final[dict[str, Any]] = {"case_no": "339901022611230000015", "answer": "matches"}


class ConfirmationRow(Asked):
    """What one person says to the form of their case."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    case_no: Annotated[str, StringConstraints(max_length=40)] = Field(description="Grouped or not.")
    answer: Answer = Field(description="确认无误 · 信息有误或不办理 · 转社区联系; no_record is refused here.")
    note: Reason | None = Field(default=None, description="In words; required unless it is confirmed.")


class ConfirmationRows(Asked):
    """A returned list."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rows": [_EXAMPLE]}]})

    rows: Annotated[
        list[Any],
        Field(
            min_length=1,
            max_length=ROWS_AT_MOST,
            json_schema_extra={"items": {"$ref": "#/components/schemas/ConfirmationRow"}},
        ),
    ]


class RowResult(Shown):
    """What came of one row, or would."""

    row: int = Field(description="Its place in `rows`, from 1; a pointer counts from 0, as JSON pointers do.")
    case_no: str | None = Field(description="null where it is no case number.")
    result: Literal["confirmed", "contested", "handed_on", "kept", "refused"] = Field(
        description="contested: a caseworker looks at it; handed_on: the community calls; kept: too late to change it."
    )
    again: bool = Field(
        default=False, description="This account had given the same answer before; it stands, and nothing was added."
    )
    code: str | None = Field(default=None, description="Why it was refused; stable, for programs.")
    detail: str
    detail_zh: str
    by: str | None = Field(default=None, description="Who answered already, or has it.")
    at: Moment | None = Field(default=None, description="Since when.")
    day: date | None = Field(default=None, description="When the form goes out.")
    errors: tuple[Fault, ...] = Field(default=(), description="Each fault, by its place in the body.")


class ListResult(Shown):
    """What came of each row, in their order."""

    confirmed: int
    contested: int
    handed_on: int
    kept: int
    refused: int
    rows: tuple[RowResult, ...]


NOTHING_SENT: Final = ListResult(confirmed=0, contested=0, handed_on=0, kept=0, refused=0, rows=())


class Confirmations(Shown):
    """A page of what is to be confirmed, the next due first; the Link header leads on."""

    confirmations: tuple[VerificationView, ...]


@router.get("/confirmations", response_model=Confirmations)
def list_of_confirmations(
    house: TheHouse, viewer: MayConfirm, request: Request, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """The forms of the unit's people that went out and are not confirmed; no personal data."""
    lines = _open(house, viewer, None if cursor is None else read_place(cursor), limit)
    more = {}
    if len(lines) > limit:
        more = next_link(request, cursor=write_place(place_of(lines[limit - 1], Queue.OPEN)))
    return answer(Confirmations(confirmations=tuple(verification_view(line) for line in lines[:limit])), headers=more)


def _open(house: House, viewer: Viewer, after: Place | None, limit: int) -> list[VerificationLine]:
    visible = and_(
        verifications_visible_to(viewer, Action.ANSWER_VERIFICATION), verifications.c.route == "confirmation"
    )
    wanted = InboxWanted(account=viewer.actor.account, at=house.clock())

    def look() -> list[VerificationLine]:
        with house.store.database.reading() as connection:
            return inbox(connection, visible, wanted, after, limit + 1)

    return again_if_lost(look)


@batches.post("/confirmations/preview", response_model=ListResult)
def preview_confirmations(house: TheHouse, viewer: MayConfirm, asked: ConfirmationRows) -> Response:
    """What each row would lead to; nothing is written."""
    return answer(previewed(house, viewer, asked.rows))


@batches.post("/confirmations", response_model=ListResult)
def confirm_in_batch(house: TheHouse, viewer: MayConfirm, asked: ConfirmationRows, key: IdempotencyKey) -> Response:
    """Answer for each row; sent again under the same key, whole or in part, a row has its first result."""
    return answer(confirmed(house, viewer, asked.rows, key=key))


def previewed(house: House, viewer: Viewer, rows: Sequence[Any]) -> ListResult:
    """What each row would lead to, as the rules say now."""

    def would(row: _Row) -> CameOf:
        file = house.store.case_file(row.case_id)
        proof, round, rung = confirmation_in(file).rung
        command = AnswerVerification(
            id=uuid4(),
            at=house.clock(),
            by=viewer.actor,
            proof=proof,
            round=round,
            rung=rung,
            answer=row.said.answer,
            note=None if row.said.note is None else "note/preview",
        )
        return came_of({event.type for event in decide(command, file)})

    return _each(house, viewer, rows, would, _WOULD)


def confirmed(house: House, viewer: Viewer, rows: Sequence[Any], *, key: str) -> ListResult:
    """Each row in a transaction of its own, under the key and its case: whoever repeats it has the first answer."""

    def does(row: _Row) -> CameOf:
        live = confirmation_in(house.store.case_file(row.case_id))
        said = GivenAnswer(answer=row.said.answer, reason=row.said.note)
        sent = Sent(f"{key} {row.case_no}", said.model_dump_json())
        heard = do_answer(house, viewer, card_id(row.case_id, *live.rung), said, sent)
        return came_of({event.type for event in heard.events})

    return _each(house, viewer, rows, does, _DID)


# ── row by row ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Row:
    case_no: str
    case_id: UUID
    said: ConfirmationRow


def _came_before(house: House, viewer: Viewer, row: _Row) -> CameOf | None:
    """What came of the same answer by the same account, where that is what stands."""
    live = confirmation_in(house.store.case_file(row.case_id))
    if (live.answered_by, live.answer) != (viewer.actor.account, row.said.answer):
        return None
    happened = (entry.event for entry in house.store.events_after(row.case_id, 0))
    act = (live.answered_by, live.answered_at)
    return came_of({event.type for event in happened if (event.by.account, event.at) == act})


def _each(
    house: House,
    viewer: Viewer,
    rows: Sequence[Any],
    act: Callable[[_Row], CameOf],
    words: Mapping[CameOf, Sentence],
) -> ListResult:
    read = [_read(number, row) for number, row in enumerate(rows, 1)]
    places = defaultdict(list)
    for number, said in enumerate(read, 1):
        if isinstance(said, ConfirmationRow):
            places[said.case_no].append(number)
    known = _known(house, viewer, tuple(places))

    def come_of(row: _Row) -> tuple[CameOf, AlreadySettled | None]:
        try:
            return act(row), None
        except AlreadySettled as settled:
            # A list that was mended is sent again as a whole, and under another key: what it did is done.
            if (before := _came_before(house, viewer, row)) is None:
                raise
            return before, settled

    def result(number: int, said: ConfirmationRow | RowResult) -> RowResult:
        if isinstance(said, RowResult):
            return said
        try:
            if len(places[said.case_no]) > 1:
                raise SameCaseTwice(places[said.case_no])
            # One that is not there, or not for this account, is told so and logged where every case is looked up.
            case_id = known.get(said.case_no) or get_case(house, viewer, Action.CONFIRM_IN_BATCH, said.case_no).case_id
            came, before = come_of(_Row(said.case_no, case_id, said))
        except Forgotten:
            return _erased(number, said.case_no)
        except Refusal as refusal:
            house.figures.refused.labels(refusal.code).inc()
            return _refused(number, said.case_no, refusal)
        told = words[came] if before is None else _AGAIN[came]
        return RowResult(
            row=number,
            case_no=said.case_no,
            result=came.value,
            again=before is not None,
            detail=told.en,
            detail_zh=told.zh,
            by=None if before is None else before.by,
            at=None if before is None else before.at,
        )

    results = tuple(result(number, said) for number, said in enumerate(read, 1))
    counts = [one.result for one in results]
    return ListResult(
        confirmed=counts.count("confirmed"),
        contested=counts.count("contested"),
        handed_on=counts.count("handed_on"),
        kept=counts.count("kept"),
        refused=counts.count("refused"),
        rows=results,
    )


def _read(number: int, row: Any) -> ConfirmationRow | RowResult:
    """The row with its case number ungrouped; or what is wrong with it, without what was sent."""
    try:
        said = ConfirmationRow.model_validate(row)
        return said.model_copy(update={"case_no": read_case_no(said.case_no)})
    except ValidationError as wrong:
        faults = tuple(faults_of_row(wrong, "rows", number - 1))
        zh = "; ".join(f"{fault.pointer.rpartition('/')[2]}: {fault.detail_zh}" for fault in faults)
        en = "; ".join(f"{fault.pointer.rpartition('/')[2]}: {fault.detail}" for fault in faults)
    except NotAnIdentifier as wrong:
        zh, en = sentence(wrong.kind, wrong.rule), sentence(wrong.kind, wrong.rule, "en")
        faults = (Fault(pointer=f"/rows/{number - 1}/case_no", code=wrong.rule, detail=en, detail_zh=zh),)
    return RowResult(
        row=number,
        case_no=None,
        result="refused",
        code="request.not_valid",
        detail=en,
        detail_zh=zh,
        errors=faults,
    )


def _known(house: House, viewer: Viewer, case_nos: Sequence[str]) -> Mapping[str, UUID]:
    def look() -> Mapping[str, UUID]:
        with house.store.database.glancing() as connection:
            return find_case_ids(connection, case_nos, cases_visible_to(viewer, Action.CONFIRM_IN_BATCH))

    return again_if_lost(look)


def _refused(number: int, case_no: str, refusal: Refusal) -> RowResult:
    by, at, day = None, None, None
    errors: tuple[Fault, ...] = ()
    match refusal:
        case ReasonMissing():
            pointer = f"/rows/{number - 1}/note"
            errors = (Fault(pointer=pointer, code="missing", detail=refusal.en, detail_zh=refusal.zh),)
        case AlreadySettled():
            by, at = refusal.by, refusal.at
        case HeldByAnother():
            by, at = refusal.by, refusal.since
        case NotSentOut() if refusal.day is not None:
            day = in_shanghai(refusal.day).date()
        case _:
            pass
    return RowResult(
        row=number,
        case_no=case_no,
        result="refused",
        code=refusal.code,
        detail=refusal.en,
        detail_zh=refusal.zh,
        by=by,
        at=at,
        day=day,
        errors=errors,
    )


def _erased(number: int, case_no: str) -> RowResult:
    return RowResult(
        row=number,
        case_no=case_no,
        result="refused",
        code="person.forgotten",
        detail="this person's data was erased by law",
        detail_zh="该当事人的个人信息已依法删除",
    )


def row_unread(row: FaultyRow) -> RowResult:
    """A row of a file that cannot be sent: what is wrong with it, by the columns' names."""
    return RowResult(
        row=row.number,
        case_no=row.values.get("case_no"),
        result="refused",
        code=SheetFaulty.code,
        detail="; ".join(f"{fault.column}: {fault.en}" for fault in row.faults),
        detail_zh="; ".join(f"{fault.title}: {fault.zh}" for fault in row.faults),
        errors=tuple(
            Fault(pointer=f"/{fault.row}/{fault.column}", code=fault.rule, detail=fault.en, detail_zh=fault.zh)
            for fault in row.faults
        ),
    )


def in_file(sent: ListResult, numbers: Sequence[int], unread: Sequence[RowResult]) -> ListResult:
    """What came of a file: the rows that were sent, under the file's own numbers, among those that could not be."""
    numbered = [_as_numbered(row, number) for number, row in zip(numbers, sent.rows, strict=True)]
    rows = sorted([*numbered, *unread], key=lambda row: row.row)
    return sent.model_copy(update={"refused": sent.refused + len(unread), "rows": tuple(rows)})


def _as_numbered(row: RowResult, number: int) -> RowResult:
    """Under its number in the file, its faults too: "/4/note" as in a row that could not be read."""
    place = f"/rows/{row.row - 1}"
    errors = tuple(
        one.model_copy(update={"pointer": f"/{number}{one.pointer.removeprefix(place)}"}) for one in row.errors
    )
    return row.model_copy(update={"row": number, "errors": errors})


def failed_rows(rows: Sequence[Any], told: ListResult) -> Iterator[Any]:
    """The rows that were refused, as they were sent: to be mended and sent again."""
    return (row for row, result in zip(rows, told.rows, strict=True) if result.result == "refused")


_WOULD: Final[Mapping[CameOf, Sentence]] = {
    CameOf.CONFIRMED: Sentence(zh="将记为确认无误", en="would be confirmed"),
    CameOf.CONTESTED: Sentence(zh="将交经办人核对", en="would go to a caseworker"),
    CameOf.HANDED_ON: Sentence(zh="将转社区联系本人", en="the community would call"),
    CameOf.KEPT: Sentence(zh="时限已过, 将留存, 不改变结果", en="too late: it would be kept and change nothing"),
}
_DID: Final[Mapping[CameOf, Sentence]] = {
    CameOf.CONFIRMED: Sentence(zh="已确认", en="confirmed"),
    CameOf.CONTESTED: Sentence(zh="已交经办人核对", en="a caseworker looks at it"),
    CameOf.HANDED_ON: Sentence(zh="已转社区联系本人", en="the community calls"),
    CameOf.KEPT: Sentence(zh="时限已过, 已留存, 不改变结果", en="too late: it is kept and changes nothing"),
}
_AGAIN: Final[Mapping[CameOf, Sentence]] = {
    came: Sentence(
        zh=f"本账号此前已作同样答复, 不再重复: {told.zh}", en=f"this account gave the same answer before: {told.en}"
    )
    for came, told in _DID.items()
}
