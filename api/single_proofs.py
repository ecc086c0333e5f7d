"""单项核验 over HTTP: a bank, a school or a window asks for one proof about one person or a relation, and has it.

Each question is a case whose only item is the proof, so it climbs the same ladder as if a life event
needed it. Whoever asked sees who has it now, and in the end a word and whose word it is; never what
a register holds, so that a mistyped number tells nothing about the person whose it is.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from api.case_view import Sentence
from api.cases import CaseNo, IdempotencyKey, IfNoneMatch
from api.house import House, TheHouse
from api.identity import MayAskVerification
from api.limits import BatchRoute, StrictRoute
from api.problems import Fault, faults_of, faults_of_row
from api.reach import get_case
from api.shapes import (
    V1,
    Asked,
    Cursor,
    Limit,
    Moment,
    Named,
    Shown,
    answer,
    etag,
    next_link,
    read_place,
    seen_already,
    write_place,
)
from api.words import CASE_STATES
from domain import single_proof
from domain.case_file import CaseFile, CaseState
from domain.events import Recorded
from domain.form import SHANGHAI
from domain.identifiers import grouped_case_no
from domain.listing import ListedProof
from domain.proof_result import Climbed, NoResultYet, Outcome, Rung, as_it_stands, climbed, outcome, valid_until
from domain.refusals import FieldFault, FormFaulty, NoSuchCase, Refusal
from domain.scopes import Action, Viewer
from domain.timeline import GAVE_UP, asked_title
from domain.waiting import waits
from store.access_log import Access
from store.cases import Filed, fingerprint
from store.database import again_if_lost
from store.duty import community_named
from store.events import read
from store.read_models.cases import CaseLine, Wanted, list_cases, place_of
from store.read_models.progress import proofs_of
from store.scoping import cases_visible_to
from store.unit_titles import unit_titles

router = APIRouter(prefix=V1, tags=["verifications"], route_class=StrictRoute)
batches = APIRouter(prefix=V1, tags=["verifications"], route_class=BatchRoute)

ROWS_OF_A_BATCH: Final = 1_000

_EXAMPLE: Final[dict[str, Any]] = {
    "proof": "father_child_relation",
    "purpose": "办理存款继承",
    "statement": "当事人是关系人的父亲",
    "subject": {"name": "欧阳㭎", "citizen_id": "339901197905039017"},
    "other": {"name": "欧阳知行", "citizen_id": "339901200809129033"},
}


class Person(Asked):
    """Whom it is about."""

    name: str
    citizen_id: str


class Subject(Person):
    """The person the proof is about."""

    community: str | None = Field(
        default=None, description="居住或户籍社区, by its full title or code as the roster has it, if known."
    )


class NewVerification(Asked):
    """One proof about one person, or about the relation of two."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    proof: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")] = Field(
        description="Its code in the listing of proofs (证明事项清单)."
    )
    purpose: str = Field(description="用途: what it is needed for; shown to whoever answers, and in the result.")
    statement: str | None = Field(default=None, description="待核实的事实: what exactly is to be verified.")
    subject: Subject
    other: Person | None = Field(
        default=None, description="关系人: the other person, for a proof that the listing says is about two; else none."
    )


class FiledVerification(Shown):
    """Where the question is; the same answer however often it is sent."""

    case_no: str
    case_no_grouped: str
    proof: str
    url: str


class NewBatch(Asked):
    """Many questions at once; each has its own result."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requests": [_EXAMPLE]}]})

    requests: Annotated[
        list[Any],
        Field(
            min_length=1,
            max_length=ROWS_OF_A_BATCH,
            json_schema_extra={"items": {"$ref": "#/components/schemas/NewVerification"}},
        ),
    ]


class BatchRow(Shown):
    """What became of one row."""

    row: int = Field(description="Its place in `requests`, from 1; a pointer counts from 0, as JSON pointers do.")
    result: Literal["filed", "already_filed", "refused"] = Field(
        description="already_filed: this row was sent before, or the same question of this unit is still open."
    )
    case_no: str | None = None
    url: str | None = None
    code: str | None = Field(default=None, description="Why it was refused; stable, for programs.")
    detail: str | None = None
    detail_zh: str | None = None
    errors: tuple[Fault, ...] = Field(default=(), description="Each fault, by its place in the body.")


class BatchResult(Shown):
    """What became of each row, in their order."""

    filed: int
    already_filed: int
    refused: int
    rows: tuple[BatchRow, ...]


class RequestedProofLine(Shown):
    """One line of the list; no personal data."""

    case_no: str
    case_no_grouped: str
    proof: Named
    state: str
    state_label: str
    outcome: Outcome | None = Field(description="null if it was withdrawn.")
    opened_at: Moment
    ended_at: Moment | None
    due: Moment | None = Field(description="Until when whoever has it now has to answer.")
    url: str


class RequestedProofs(Shown):
    """A page of the unit's own verifications, newest first; the Link header leads on."""

    verifications: tuple[RequestedProofLine, ...]


class RungView(Shown):
    """One who was asked."""

    route: str
    asked: Named
    unit: Named | None
    opened_at: Moment
    due: Moment | None
    ended_at: Moment | None
    came_of: str | None
    came_of_label: Sentence | None


class RequestedProof(Shown):
    """One verification as it stands, without personal data."""

    case_no: str
    case_no_grouped: str
    proof: Named
    basis: str
    state: str
    state_label: str
    outcome: Outcome | None = Field(description="null if it was withdrawn.")
    now: Sentence = Field(description="Who has it now and until when; or what came of it.")
    due: Moment | None
    version: int
    opened_at: Moment
    ended_at: Moment | None
    ladder: tuple[RungView, ...] = Field(description="Who was asked so far, in order.")
    result_url: str


class ResultDocument(Shown):
    """核验结果: what came of it, by whose word, and for how long it may be used."""

    case_no: str
    case_no_grouped: str
    proof: Named
    basis: str
    requested_by: Named
    purpose: str | None = Field(description="As it was asked; null once it was erased.")
    persons: int = Field(description="About how many persons.")
    outcome: Outcome = Field(description="confirmed, not_confirmed or contradicted; never open.")
    outcome_label: Sentence
    route: str | None = Field(description="By which route it was decided.")
    asked: Named | None = Field(description="The register or department asked, or caseworker.")
    unit: Named | None = Field(description="The unit whose person answered; null for a register.")
    concluded_at: Moment
    valid_until: date | None = Field(description="The last day on which it may be used.")
    doubted_at: Moment | None = Field(
        description="When an answer that came late said otherwise: ask again before relying on this one."
    )
    ladder: tuple[RungView, ...]


# ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post(
    "/verifications",
    status_code=201,
    response_model=FiledVerification,
    responses={200: {"model": FiledVerification, "description": "It was asked before; this is its case."}},
)
def ask_verification(
    house: TheHouse, viewer: MayAskVerification, asked: NewVerification, key: IdempotencyKey, request: Request
) -> Response:
    """Ask for one proof; the same question of the same unit that is still open is the same case."""
    vault = house.store.vault
    # Keyed hashes: what a client puts into a key, or repeats in a body, is not ours to keep.
    digest = vault.digest("idempotency-key", viewer.actor.account, key).hex()
    filed = _file(house, viewer, asked, digest, fingerprint(vault.digest("request", request.state.body_text)))
    url = _url(filed.case_no)
    told = FiledVerification(
        case_no=filed.case_no, case_no_grouped=grouped_case_no(filed.case_no), proof=asked.proof, url=url
    )
    return answer(told, 201 if filed.new else 200, {"location": url, "etag": etag(filed.version)})


@batches.post("/verifications/batch", response_model=BatchResult)
def ask_verifications(house: TheHouse, viewer: MayAskVerification, asked: NewBatch, key: IdempotencyKey) -> Response:
    """Ask up to a thousand questions; each row has its own result, and sent again the same one."""
    rows = tuple(_row(house, viewer, number, row, key) for number, row in enumerate(asked.requests, 1))
    results = [row.result for row in rows]
    return answer(
        BatchResult(
            filed=results.count("filed"),
            already_filed=results.count("already_filed"),
            refused=results.count("refused"),
            rows=rows,
        )
    )


def _row(house: House, viewer: Viewer, number: int, row: Any, key: str) -> BatchRow:
    vault = house.store.vault
    index = number - 1
    place = f"/requests/{index}"
    try:
        asked = NewVerification.model_validate(row)
        filed = _file(
            house,
            viewer,
            asked,
            vault.digest("idempotency-key", viewer.actor.account, key, str(index)).hex(),
            fingerprint(vault.digest("request", json.dumps(row, ensure_ascii=False, sort_keys=True))),
        )
    except ValidationError as wrong:
        faults = tuple(faults_of_row(wrong, "requests", index))
        zh, en = f"第 {number} 条有 {len(faults)} 处错误", f"entry {number} has {len(faults)} fault(s)"
        return BatchRow(row=number, result="refused", code="request.not_valid", detail=en, detail_zh=zh, errors=faults)
    except Refusal as refusal:
        house.figures.refused.labels(refusal.code).inc()
        faults = tuple(fault.model_copy(update={"pointer": f"{place}{fault.pointer}"}) for fault in faults_of(refusal))
        return BatchRow(
            row=number, result="refused", code=refusal.code, detail=refusal.en, detail_zh=refusal.zh, errors=faults
        )
    result: Literal["filed", "already_filed"] = "filed" if filed.new else "already_filed"
    return BatchRow(row=number, result=result, case_no=filed.case_no, url=_url(filed.case_no))


def _file(house: House, viewer: Viewer, asked: NewVerification, key: str, print_: bytes) -> Filed:
    at = house.clock()
    try:
        application = single_proof.read_request(
            _listed(house, asked.proof, at), asked.model_dump(exclude_none=True), at=at
        )
        if named := application.value("subject.community"):
            _must_be_known(house, named)
    except Refusal:
        # The listing may have changed since this very request was answered: the first answer stands.
        if first := house.store.filed_before(viewer.actor, key=key, fingerprint=print_):
            return first
        raise
    return house.store.file(application, by=viewer.actor, division=viewer.division, at=at, key=key, fingerprint=print_)


def _must_be_known(house: House, community: str) -> None:
    """Raises FormFaulty: who answers there is on the roster's word, and a name typed wrongly would ask nobody."""

    def look() -> bool:
        with house.store.database.glancing() as connection:
            return community_named(connection, community) is not None

    if not again_if_lost(look):
        raise FormFaulty(
            [
                FieldFault(
                    "/subject/community",
                    "unknown_community",
                    "花名册中没有这个社区, 或有同名社区; 请填写全称或 12 位社区代码, 不清楚的不填",
                    "is not one community of the roster: give its full title or its twelve digits, or leave it out",
                )
            ]
        )


def _listed(house: House, proof: str, at: datetime) -> ListedProof:
    on = at.astimezone(SHANGHAI).date()
    line = house.store.listing.on(on).get(proof)
    if line is None:
        raise single_proof.NoSuchProof(proof, on)
    return line


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/verifications", response_model=RequestedProofs)
def list_of_requested_proofs(
    house: TheHouse,
    viewer: MayAskVerification,
    request: Request,
    state: Annotated[CaseState | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """What the unit has asked, newest first; no personal data, no totals."""
    after = None if cursor is None else read_place(cursor)
    wanted = Wanted(bundle=single_proof.BUNDLE, state=state)

    def look() -> tuple[list[CaseLine], Mapping[UUID, Sequence[Named]]]:
        with house.store.database.reading() as connection:
            visible = cases_visible_to(viewer, Action.ASK_VERIFICATION)
            lines = list_cases(connection, visible, wanted, "opened", after, limit + 1)
            proofs = proofs_of(connection, [line.case_id for line in lines])
        return lines, {
            case_id: [Named(code=one.proof, title=one.title, title_en=one.title_en) for one in found]
            for case_id, found in proofs.items()
        }

    lines, proofs = again_if_lost(look)
    more: dict[str, str] = {}
    if len(lines) > limit:
        more = next_link(request, cursor=write_place(place_of(lines[limit - 1], "opened")))
    told = tuple(_line(house, line, proofs[line.case_id][0]) for line in lines[:limit])
    return answer(RequestedProofs(verifications=told), headers=more)


def _line(house: House, line: CaseLine, proof: Named) -> RequestedProofLine:
    return RequestedProofLine(
        case_no=line.case_no,
        case_no_grouped=grouped_case_no(line.case_no),
        proof=proof,
        state=line.state,
        state_label=CASE_STATES[CaseState(line.state)],
        outcome=_outcome_of_line(house, line),
        opened_at=line.opened_at,
        ended_at=line.ended_at,
        due=line.next_due,
        url=_url(line.case_no),
    )


def _outcome_of_line(house: House, line: CaseLine) -> Outcome | None:
    match line.state, line.outcome:
        case CaseState.OPEN, _:
            return Outcome.OPEN
        case CaseState.CONCLUDED, "complete":
            return Outcome.CONFIRMED
        case _:
            # Which of the two noes it is, stands in the events only.
            return outcome(house.store.case_file(line.case_id))


@router.get(
    "/verifications/{case_no}",
    response_model=RequestedProof,
    responses={304: {"description": "You have this version."}},
)
def show_requested_proof(
    house: TheHouse, viewer: MayAskVerification, case_no: CaseNo, if_none_match: IfNoneMatch = None
) -> Response:
    """Who has it now and until when, and who was asked before; `/events/stream?case_no=…` says when it changes."""
    line = _own(house, viewer, case_no)
    headers = _headers(line.version)
    if seen_already(if_none_match, line.version):
        return Response(status_code=304, headers=headers)
    events, titles = _happened(house, line.case_id)
    file = as_it_stands(events)
    return answer(_view(file, climbed(events), titles), headers=_headers(file.version))


@router.get(
    "/verifications/{case_no}/result",
    response_model=ResultDocument,
    responses={304: {"description": "You have this result."}},
)
def result_of_requested_proof(
    house: TheHouse, viewer: MayAskVerification, case_no: CaseNo, if_none_match: IfNoneMatch = None
) -> Response:
    """核验结果, once there is one; until then a conflict that says who is waited for. Each reading is in the log."""
    line = _own(house, viewer, case_no)
    if line.state != CaseState.CONCLUDED:
        raise NoResultYet(house.store.case_file(line.case_id))
    headers = _headers(line.version)
    if seen_already(if_none_match, line.version):
        return Response(status_code=304, headers=headers)
    access = Access(
        at=house.clock(),
        by=viewer.actor,
        action="read_result",
        about=("request.purpose",),
        purpose="查看核验结果",
        case_id=line.case_id,
    )
    case = house.store.open_for(line.case_id, access)
    events, titles = _happened(house, line.case_id)
    return answer(
        _result(house, as_it_stands(events), climbed(events), titles, case.declared("request.purpose")),
        headers=_headers(events[-1].version),
    )


def _own(house: House, viewer: Viewer, case_no: str) -> CaseLine:
    line = get_case(house, viewer, Action.ASK_VERIFICATION, case_no)
    if line.bundle != single_proof.BUNDLE:
        raise NoSuchCase
    return line


def _happened(house: House, case_id: UUID) -> tuple[tuple[Recorded, ...], Mapping[str, str]]:
    def look() -> tuple[tuple[Recorded, ...], Mapping[str, str]]:
        with house.store.database.reading() as connection:
            events = read(connection, case_id)
            asked = {rung.unit for rung in climbed(events).rungs if rung.unit is not None}
            return events, unit_titles(connection, {*asked, events[0].event.by.unit})

    return again_if_lost(look)


def _headers(version: int) -> dict[str, str]:
    return {"etag": etag(version), "cache-control": "private, no-cache", "vary": "authorization, cookie"}


def _url(case_no: str) -> str:
    return f"{V1}/verifications/{case_no}"


def _view(file: CaseFile, climb: Climbed, titles: Mapping[str, str]) -> RequestedProof:
    waiting = next(iter(waits(file)), None)
    came_of = outcome(file)
    if waiting is not None:
        now = Sentence(zh=waiting.zh, en=waiting.en)
    else:
        now = _WITHDRAWN if came_of is None else _OUTCOMES[came_of]
    return RequestedProof(
        **_about(file),
        state=file.state,
        state_label=CASE_STATES[file.state],
        outcome=came_of,
        now=now,
        due=None if waiting is None else waiting.due,
        version=file.version,
        opened_at=file.opened.at,
        ended_at=file.ended_at,
        ladder=_ladder(climb, titles),
        result_url=f"{_url(file.opened.case_no)}/result",
    )


def _result(
    house: House, file: CaseFile, climb: Climbed, titles: Mapping[str, str], purpose: str | None
) -> ResultDocument:
    came_of, by = outcome(file), climb.decided
    assert came_of is not None
    assert came_of is not Outcome.OPEN
    assert file.ended_at is not None
    days = file.declared_proof(next(iter(file.proofs))).valid_days
    return ResultDocument(
        **_about(file),
        requested_by=_unit(file.opened.by.unit, titles),
        purpose=purpose,
        persons=sum(map(len, file.opened.people.values())),
        outcome=came_of,
        outcome_label=_OUTCOMES[came_of],
        route=None if by is None else by.route,
        asked=None if by is None else _asked(by),
        unit=None if by is None or by.unit is None else _unit(by.unit, titles),
        concluded_at=file.ended_at,
        valid_until=None if days is None else valid_until(file.ended_at, days),
        doubted_at=climb.doubted_at,
        ladder=_ladder(climb, titles),
    )


def _about(file: CaseFile) -> dict[str, Any]:
    proof = file.declared_proof(next(iter(file.proofs)))
    return {
        "case_no": file.opened.case_no,
        "case_no_grouped": grouped_case_no(file.opened.case_no),
        "proof": Named(code=proof.code, title=proof.title, title_en=proof.title_en),
        "basis": proof.basis,
    }


def _ladder(climb: Climbed, titles: Mapping[str, str]) -> tuple[RungView, ...]:
    return tuple(
        RungView(
            route=rung.route,
            asked=_asked(rung),
            unit=None if rung.unit is None else _unit(rung.unit, titles),
            opened_at=rung.opened_at,
            due=rung.due,
            ended_at=rung.ended_at,
            came_of=rung.came_of,
            came_of_label=None if rung.came_of is None else _came_of(rung.came_of),
        )
        for rung in climb.rungs
    )


def _asked(rung: Rung) -> Named:
    title = asked_title(rung.asked)
    return Named(code=rung.asked, title=title.zh.strip("“”"), title_en=title.en)


def _unit(code: str, titles: Mapping[str, str]) -> Named:
    # A unit's name is a name: it has no other in English.
    return Named(code=code, title=titles.get(code, code), title_en=titles.get(code, code))


def _came_of(word: str) -> Sentence:
    if word in _CAME_OF:
        return _CAME_OF[word]
    why = GAVE_UP.get(word)
    return Sentence(zh=word, en=word) if why is None else Sentence(zh=why.zh, en=why.en)


_OUTCOMES: Final[Mapping[Outcome, Sentence]] = {
    Outcome.CONFIRMED: Sentence(zh="已核实", en="confirmed"),
    Outcome.NOT_CONFIRMED: Sentence(zh="未能核实", en="could not be confirmed"),
    Outcome.CONTRADICTED: Sentence(zh="核实不一致", en="contradicted: whoever was asked says otherwise"),
    Outcome.OPEN: Sentence(zh="正在处理", en="being worked on"),
}
_WITHDRAWN: Final = Sentence(zh="已撤回", en="withdrawn")
_CAME_OF: Final[Mapping[str, Sentence]] = {
    "met": Sentence(zh="已证明", en="shown"),
    "not_met": Sentence(zh="认定不成立", en="found not shown"),
    "contradicts": Sentence(zh="不一致", en="says otherwise"),
    "no_longer_needed": Sentence(zh="不再需要", en="no longer needed"),
}
