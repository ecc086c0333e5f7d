"""批量确认页: who has not confirmed yet, and a returned list: looked at first, then run, and what failed tried again.

The list travels in the page between the steps, under one mark, so that a row that is sent twice counts once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError

from api.confirmations import (
    NOTHING_SENT,
    Confirmations,
    ListResult,
    RowResult,
    confirmed,
    failed_rows,
    in_file,
    list_of_confirmations,
    previewed,
    row_unread,
)
from api.house import House, TheHouse
from api.pages.doors import MayConfirm, MaySeeConfirmations, MaySetSilenceRule
from api.pages.faults import PageRoute
from api.pages.looks import OFFERS
from api.pages.own_answers import cursor_after, told
from api.pages.rendering import HEADERS, once, render
from api.pages.uploads import NO_FILE
from api.shapes import Cursor
from api.units import set_rule
from api.workbooks import BYTES_AT_MOST, SheetUnreadable, read_sheet
from domain.columns import Row, SheetFaulty
from domain.confirmations import ROWS_AT_MOST, read_list
from domain.identifiers import grouped_case_no
from domain.refusals import NotAcceptable
from domain.scopes import Viewer
from domain.silence import SilenceRule
from store.database import again_if_lost
from store.duty import silence_rule

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ROWS: Final = 50
Typed = Annotated[str, Form(max_length=4000)]

RESULTS: Final[Mapping[str, tuple[str, str]]] = {
    "confirmed": ("确认无误", "over"),
    "contested": ("经办人核对", "hand"),
    "handed_on": ("转社区联系", "hand"),
    "kept": ("留存", "idle"),
    "refused": ("未办理", "late"),
}
"""The word and the tone of what came of a row."""
SILENCE_RULES: Final = (
    ("", "按事项规定", "确认单所属的一件事规定的下一步"),
    (SilenceRule.COMMUNITY_CHECK.value, "社区工作者打电话", "由本人所在社区联系"),
    (SilenceRule.CASEWORKER.value, "经办人联系", "由本单位所在地的经办人联系并办结"),
)
"""Each rule's value, its word, and what it means."""
_UNREAD: Final = TypeAdapter(tuple[RowResult, ...])
WRONG: Final = {
    "case_nos": "请至少勾选一件。",
    "answer": "请选择一个答复。",
    "rows": "名单不完整, 请重新勾选或上传。",
    "many": "一次最多 1000 行, 请分次上传。",
}


@dataclass(frozen=True)
class ResultRow:
    """One row of the list, and what came of it or would."""

    told: RowResult
    case_no: str
    word: str
    tone: str


@dataclass(frozen=True)
class Returned:
    """A list that was looked at or run, or what was wrong with it."""

    step: Literal["", "preview", "run"] = ""
    result: ListResult | None = None
    rows: Sequence[ResultRow] = ()
    left: str = ""
    """What the next step sends, as JSON with each row's number: the whole list after a preview, the failed after a run."""
    many: int = 0
    """How many rows that is."""
    unread: str = ""
    """The rows that cannot be sent, as JSON: they stay in sight and have to be mended in the file."""
    mark: str = ""
    wrong: str | None = None
    """A sentence of `words`."""
    refusal: NotAcceptable | None = None
    name: str = ""
    chosen: frozenset[str] = frozenset()
    answer: str = ""
    note: str = ""


@router.get("/confirmations", name="confirmations_page")
def confirmations_page(
    house: TheHouse,
    viewer: MaySeeConfirmations,
    request: Request,
    cursor: Cursor = None,
    done: Literal["rule"] | None = None,
) -> Response:
    """What is to be confirmed, the next due first."""
    return _page(house, viewer, request, Returned(), cursor=cursor, done=done)


@router.post("/confirmations/preview", name="preview_confirmations_by_form")
def preview(
    house: TheHouse,
    viewer: MayConfirm,
    request: Request,
    case_nos: Annotated[list[str] | None, Form(max_length=ROWS_AT_MOST)] = None,
    answer: Typed = "",
    note: Typed = "",
) -> Response:
    """What the same answer to every ticked case would lead to."""
    said = " ".join(note.split())
    typed = Returned(chosen=frozenset(case_nos or ()), answer=answer, note=said)
    if not case_nos or answer not in {offer.code for offer in OFFERS["confirmation"]}:
        wrong = WRONG["answer" if case_nos else "case_nos"]
        return _page(house, viewer, request, replace(typed, wrong=wrong))
    more = {"note": said} if said else {}
    rows = {number: {"case_no": one, "answer": answer, **more} for number, one in enumerate(case_nos, 1)}
    return _previewed(house, viewer, request, rows, typed)


@router.post("/confirmations/list", name="preview_confirmation_list_by_form")
def preview_list(
    house: TheHouse, viewer: MayConfirm, request: Request, file: Annotated[UploadFile | None, File()] = None
) -> Response:
    """What a returned file would lead to, row by row."""
    content = b"" if file is None else file.file.read(BYTES_AT_MOST + 1)
    name = "" if file is None or file.filename is None else file.filename
    if not content:
        return _page(house, viewer, request, Returned(wrong=NO_FILE))
    try:
        read = read_list(read_sheet(content))
    except (SheetUnreadable, SheetFaulty) as refusal:
        house.figures.refused.labels(refusal.code).inc()
        return _page(house, viewer, request, Returned(refusal=refusal, name=name))
    if not read or len(read) > ROWS_AT_MOST:
        return _page(house, viewer, request, Returned(wrong=WRONG["many" if read else "rows"], name=name))
    rows = {
        row.number: {code: value for code, value in row.values.items() if value} for row in read if isinstance(row, Row)
    }
    unread = tuple(row_unread(row) for row in read if not isinstance(row, Row))
    return _previewed(house, viewer, request, rows, Returned(name=name), unread)


@router.post("/confirmations", name="confirm_by_form")
def run(
    house: TheHouse,
    viewer: MayConfirm,
    request: Request,
    rows: Annotated[str, Form(max_length=1_000_000)] = "",
    unread: Annotated[str, Form(max_length=1_000_000)] = "[]",
    mark: Annotated[str, Form(alias="once", max_length=40)] = "",
) -> Response:
    """Answer for every row of what was looked at; those that fail can be sent again under the same mark."""
    sent, faulty = _sent(rows), _unread(unread)
    if sent is None or faulty is None or not mark:
        return _page(house, viewer, request, Returned(wrong=WRONG["rows"]))
    told = confirmed(house, viewer, tuple(sent.values()), key=f"page {mark}")
    failed = dict(failed_rows(tuple(sent.items()), told))
    result = in_file(told, tuple(sent), faulty)
    returned = Returned("run", result, _rows(result), _written(failed), len(failed), unread, mark)
    return _page(house, viewer, request, returned)


@router.post("/confirmations/silence-rule", name="set_silence_rule_by_form")
def set_silence_rule(
    house: TheHouse, viewer: MaySetSilenceRule, rule: Literal["", "community_check", "caseworker"] = Form()
) -> Response:
    """Who asks a person that does not answer one of the unit's forms, from now on."""
    set_rule(house, viewer, viewer.actor.unit, SilenceRule(rule) if rule else None)
    return RedirectResponse("/confirmations?done=rule#silence", 303, HEADERS)


@router.get("/confirmations/{act}", name="back_from_confirmations_act")
def back_to_confirmations(viewer: MaySeeConfirmations, act: str) -> Response:
    """An address to which only forms are sent, opened once more."""
    return RedirectResponse("/confirmations", 303, HEADERS)


def _previewed(
    house: House,
    viewer: Viewer,
    request: Request,
    rows: Mapping[int, Mapping[str, Any]],
    typed: Returned,
    unread: Sequence[RowResult] = (),
) -> Response:
    told = previewed(house, viewer, tuple(rows.values())) if rows else NOTHING_SENT
    result = in_file(told, tuple(rows), unread)
    looked = replace(
        typed,
        step="preview",
        result=result,
        rows=_rows(result),
        left=_written(rows),
        many=len(rows),
        unread=_UNREAD.dump_json(tuple(unread), exclude_defaults=True).decode(),
        mark=once(),
    )
    return _page(house, viewer, request, looked)


def _written(rows: Mapping[int, Any]) -> str:
    return json.dumps([{"row": number, **row} for number, row in rows.items()], ensure_ascii=False)


def _sent(rows: str) -> dict[int, Any] | None:
    """The rows as they came back, by their numbers; None where somebody changed what they are."""
    try:
        read = json.loads(rows)
    except ValueError:
        return None
    if not isinstance(read, list) or not 0 < len(read) <= ROWS_AT_MOST:
        return None
    if not all(isinstance(row, dict) and type(row.get("row")) is int for row in read):
        return None
    sent = {row["row"]: {code: value for code, value in row.items() if code != "row"} for row in read}
    return sent if len(sent) == len(read) else None


def _unread(rows: str) -> tuple[RowResult, ...] | None:
    try:
        return _UNREAD.validate_json(rows)
    except ValidationError:
        return None


def _rows(result: ListResult) -> tuple[ResultRow, ...]:
    return tuple(
        ResultRow(row, "—" if row.case_no is None else grouped_case_no(row.case_no), *RESULTS[row.result])
        for row in result.rows
    )


def _rule_of(house: House, unit: str) -> SilenceRule | None:
    def look() -> SilenceRule | None:
        with house.store.database.glancing() as connection:
            return silence_rule(connection, unit)

    return again_if_lost(look)


def _page(
    house: House,
    viewer: Viewer,
    request: Request,
    returned: Returned,
    *,
    cursor: str | None = None,
    done: str | None = None,
) -> Response:
    answered = list_of_confirmations(house, viewer, request, ROWS, cursor)
    failed = returned.step == "run" and returned.result is not None and returned.result.refused
    return render(
        request,
        "confirmations.html",
        status=422 if returned.wrong or returned.refusal else 409 if failed else 200,
        here="/confirmations",
        open=told(answered, Confirmations).confirmations,
        more=cursor_after(answered),
        cursor=cursor,
        returned=returned,
        offers=OFFERS["confirmation"],
        silence_rules=SILENCE_RULES,
        silence_rule=_rule_of(house, viewer.actor.unit) or "",
        done=done,
    )
