"""办件页: where a case stands, why it waits and for whom, what can be done about it, and what has happened.

The same view of the case that the API answers with; personal data masked, its reading in the access log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.case_view import (
    Content,
    CorrectedContent,
    CorrectedValue,
    CorrectionView,
    ItemView,
    ProofView,
    Sentence,
    WaitView,
    case_with_content,
    fields_of,
)
from api.cases import CaseNo
from api.clock import CaseClock, clock_of_case
from api.house import House, TheHouse
from api.masking import in_clear
from api.pages.doors import MayReadCase, MayReadCaseEvents
from api.pages.faults import PageRoute
from api.pages.ladder import Rung, by_hand, ladder, late_answers, reasons
from api.pages.lanes import Lanes, lanes
from api.pages.own_answers import told
from api.pages.rendering import HEADERS, once, render, say_for
from api.pages.words import Say
from api.reach import Sight, get_case
from api.undelivered import undelivered_proofs
from domain.actors import THE_ENGINE
from domain.bundle import Bundle, Commitment, Confirmation, FieldKind, SharedDataQuery
from domain.case_file import IN_HAND, CaseFile, CaseState, ItemState, ProofState
from domain.events import Event, Recorded
from domain.identifiers import grouped_case_no
from domain.refusals import Refusal
from domain.scopes import Action, Viewer, may, reach
from domain.timeline import Text, item_title, proof_title
from domain.timeline import sentence as sentence_of
from store.access_log import Access
from store.cases import OpenedCase
from store.database import again_if_lost
from store.read_models.cases import CaseLine
from store.unit_titles import unit_titles

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True)
class Attempt:
    """A form that was sent and could not be carried out: what was typed, and why not."""

    form: str = ""
    """The id of the form in the page."""
    met: str = ""
    product: str = ""
    value: str = ""
    reason: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)
    """Field -> a sentence of `words`."""
    refusal: Refusal | None = None


@dataclass(frozen=True)
class CorrectionLine:
    """One correction of an item: what stood before, what stands now, and why."""

    told: CorrectionView
    values: tuple[tuple[Text, CorrectedValue], ...]
    reason: str
    steps: tuple[Text, ...]
    """The calculation, where there is one."""


@dataclass(frozen=True)
class Line:
    """One item as the page shows it."""

    item: ItemView
    waits_for: tuple[Text, ...]
    open_proofs: tuple[Text, ...]
    why: Text | None
    """Why it was denied, cannot begin, or was cancelled."""
    note: str | None
    products: tuple[tuple[Text, str], ...]
    corrections: tuple[CorrectionLine, ...]
    correctable: tuple[tuple[str, Text], ...]
    """The products that the viewer may correct, by code."""


@dataclass(frozen=True)
class ProofLine:
    """One proof as the page shows it."""

    proof: ProofView
    rungs: tuple[Rung, ...]
    differing: tuple[Text, ...]
    needed_by: tuple[Text, ...]
    settled_by: str | None
    """The caseworker who settled it; None where somebody's answer did."""
    note: str | None
    letter: str | None
    """What the applicant signed."""
    confirms: bool
    """The person was asked to confirm it: there is no document to be seen, and they may decline."""
    commitment: Commitment | None
    """What the applicant may sign for, while that is open."""
    waited_for: bool
    """Some person is asked, whom a caseworker need not wait for."""


@dataclass(frozen=True)
class Person:
    """One section of the form: its title, and its values by name, masked or not."""

    title: Text
    number: int | None
    values: tuple[tuple[Text, Text], ...]


@dataclass(frozen=True)
class Happening:
    """One line of the timeline."""

    at: datetime
    text: Text
    account: str | None
    """None: the system did it."""
    unit: str
    tone: str


@dataclass(frozen=True)
class Rights:
    """What the viewer may do with this case as it stands."""

    settle: bool = False
    resubmit: bool = False
    withdraw: bool = False
    reveal: bool = False
    escalate: bool = False
    commit: bool = False
    correct: str | None = None
    """The department whose concluded items may be corrected."""


DONE: Final = {
    "met": "已认定“{part}”成立, 认定和理由已记入办件经过。需要它的事项继续办理。",
    "not_met": "已认定“{part}”不能证明, 认定和理由已记入办件经过。尚未办结的事项, 需要它的不予许可。",
    "resubmitted": "“{part}”已重新送交部门, 部门答复后本页自动更新。",
    "corrected": "“{part}”的办理结果已更正, 更正前后的内容和理由见该事项。",
    "withdrawn": "申请已撤回: 未送部门的事项已取消; 已在部门办理的继续办理, 结果仍会记录在本页。",
    "escalated": "“{part}”已提级, 不再等待答复, 现由经办人认定。原承办人已收到撤回提醒。",
    "signed": "申请人已就“{part}”签署承诺, 承诺书已存档。需要它的事项继续办理。",
    "declined": "申请人未就“{part}”作出承诺, 已转由其他方式核实, 不影响申请人的任何权利。",
}
"""What an act has led to, told on the page after it."""
CONFIRMATION_DONE: Final = {
    "met": "已记入: 与本人重新确认了“{part}”。需要它的事项继续办理。",
    "not_met": "已记入: 本人不办理“{part}”。需要它的事项不再办理。",
}
"""The same where the person was asked to confirm, and has been reached since."""
Done = Literal["met", "not_met", "resubmitted", "corrected", "withdrawn", "escalated", "signed", "declined"]


@router.get("/cases/{case_no}", name="case_page")
def case_page(
    house: TheHouse,
    viewer: MayReadCase,
    request: Request,
    case_no: CaseNo,
    fragment: Annotated[Literal["case"] | None, Query(description="case: only what changes.")] = None,
    done: Annotated[Done | None, Query()] = None,
    part: Annotated[str | None, Query(max_length=80)] = None,
) -> Response:
    """The case as it stands."""
    line = get_case(house, viewer, Action.READ_CASE, case_no)
    return show_case(house, viewer, request, line, fragment=fragment is not None, done=done, part=part)


@router.get("/cases/{case_no}/timeline", name="timeline_page")
def timeline_page(house: TheHouse, viewer: MayReadCaseEvents, request: Request, case_no: CaseNo) -> Response:
    """What happened, without anybody's data: for those who see no more of a case than that."""
    line = get_case(house, viewer, Action.READ_CASE_EVENTS, case_no)
    file = house.store.case_file(line.case_id)
    return render(
        request,
        "timeline_page.html",
        number=grouped_case_no(line.case_no),
        line=line,
        happened=timeline(house.store.events_after(line.case_id, 0), file.bundle),
        reads_case=reach(viewer, Action.READ_CASE) is not None,
    )


@router.get("/cases/{case_no}/withdrawal", name="back_from_withdrawal")
@router.get("/cases/{case_no}/reveal", name="back_from_reveal")
@router.get("/cases/{case_no}/proofs/{part}/settlement", name="back_from_settlement")
@router.get("/cases/{case_no}/proofs/{part}/escalation", name="back_from_escalation")
@router.get("/cases/{case_no}/proofs/{part}/commitment", name="back_from_commitment")
@router.get("/cases/{case_no}/items/{part}/resubmission", name="back_from_resubmission")
def back_to_case(viewer: MayReadCase, case_no: CaseNo) -> Response:
    """An address to which only forms are sent, opened once more: to the case itself."""
    return RedirectResponse(f"/cases/{case_no}", 303, HEADERS)


def show_case(
    house: House,
    viewer: Viewer,
    request: Request,
    line: CaseLine,
    *,
    status: int = 200,
    fragment: bool = False,
    attempt: Attempt | None = None,
    done: str | None = None,
    part: str | None = None,
) -> Response:
    """The page of the case; with an attempt, the form it came from as it was typed."""
    file = house.store.case_file(line.case_id)
    sight = Sight.of(viewer, Action.READ_CASE, file)
    access = Access(
        at=house.clock(),
        by=viewer.actor,
        action="read_masked",
        about=fields_of(file.bundle, sight),
        purpose="查看办件",
        case_id=file.case_id,
    )
    opened = house.store.open_for(line.case_id, access)
    file, view = opened.file, case_with_content(opened, sight)
    events = house.store.events_after(line.case_id, 0) if _may(viewer, Action.READ_CASE_EVENTS, line, file) else ()
    clock = told(clock_of_case(house, viewer, line.case_no), CaseClock)
    return render(
        request,
        "case_body.html" if fragment else "case.html",
        status=status,
        here=f"/cases/{line.case_no}",
        **shown(
            file,
            view.content,
            view.items,
            view.proofs,
            view.waits,
            rights=rights_of(viewer, line, file),
            events=events,
            whole=sight.whole(),
            now=house.clock(),
            attempt=attempt or Attempt(),
            said=notes_of(opened) if sight.whole() else {},
            units=_units(house, file),
            undelivered=undelivered_proofs(house, file),
        ),
        case=view,
        time=time_table(clock),
        once=once(),
        done=_done(say_for(request), file, done, part),
    )


def shown(
    file: CaseFile,
    content: Content,
    items: Sequence[ItemView],
    proofs: Sequence[ProofView],
    waits: Sequence[WaitView],
    *,
    rights: Rights,
    events: Sequence[Recorded],
    whole: bool,
    now: datetime,
    attempt: Attempt,
    said: Mapping[str, str] = MappingProxyType({}),
    units: Mapping[str, str] = MappingProxyType({}),
    undelivered: Mapping[str, Sentence] = MappingProxyType({}),
) -> dict[str, Any]:
    """What the templates of the case page are given, beside the view itself."""
    why = reasons(events, said)
    proof_lines = [
        _proof_line(file, content, proof, ladder(file, proof.code, now, said, units, why), whole=whole)
        for proof in proofs
    ]
    to_commit = [one for one in proof_lines if rights.commit and one.commitment is not None]
    to_escalate = [one for one in proof_lines if rights.escalate and one.waited_for]
    to_settle = [one for one in proof_lines if rights.settle and one.proof.state in set(IN_HAND)]
    to_resubmit = [one for one in items if rights.resubmit and one.state == ItemState.REJECTED]
    lines = [_line(file, content, item, rights) for item in items]
    forms = {
        *(f"settle-{one.proof.code}" for one in to_settle),
        *(f"resubmit-{one.id}" for one in to_resubmit),
        *(f"commit-{one.proof.code}" for one in to_commit),
        *(f"escalate-{one.proof.code}" for one in to_escalate),
        *(f"correct-{one.item.id}" for one in lines if one.correctable),
        *(["withdraw"] if rights.withdraw else []),
        *(["reveal"] if rights.reveal else []),
    }
    return {
        "lines": lines,
        "lanes": _lanes(file, items, now),
        "proofs": proof_lines,
        # What a person can do something about comes first.
        "undelivered": undelivered,
        "waits": sorted(waits, key=lambda wait: wait.on not in {"caseworker", "applicant"}),
        "to_settle": to_settle,
        "to_resubmit": to_resubmit,
        "to_commit": to_commit,
        "to_escalate": to_escalate,
        "late": [
            (
                late,
                proof_title(file.bundle, late.part) if late.part in file.proofs else item_title(file.bundle, late.part),
            )
            for late in (late_answers(events, said) if whole else ())
        ],
        "people": people(file.bundle, content),
        "happened": timeline(events, file.bundle),
        "promised_for": max((day for item in items if (day := item.promised_by or item.expected_by)), default=None)
        if file.state is CaseState.OPEN
        else None,
        "in_play": sum(item.not_applicable_because is None for item in items),
        "concluded": sum(item.state == ItemState.CONCLUDED for item in items),
        "overdue": sum(item.overdue_since is not None for item in items if item.state in _OPEN),
        "rights": rights,
        "attempt": attempt,
        "form_is_gone": bool(attempt.form) and attempt.form not in forms,
        "settled_meanwhile": _settled_meanwhile(proof_lines, attempt),
    }


_OPEN: Final = frozenset(
    {ItemState.WAITING, ItemState.ACCEPTED, ItemState.SUBMITTED, ItemState.ACKNOWLEDGED, ItemState.REJECTED}
)


def rights_of(viewer: Viewer, line: CaseLine, file: CaseFile) -> Rights:
    """What the viewer may do now: by role and reach, and because the case is still open, or in doubt when it is not."""
    running = file.state is CaseState.OPEN
    return Rights(
        settle=(running or bool(file.in_hand)) and _may(viewer, Action.SETTLE_PROOF, line, file),
        resubmit=running and _may(viewer, Action.RESUBMIT_ITEM, line, file),
        withdraw=running and _may(viewer, Action.WITHDRAW_CASE, line, file),
        reveal=_may(viewer, Action.REVEAL_PERSON, line, file),
        escalate=running and _may(viewer, Action.ESCALATE_PROOF, line, file),
        commit=running and _may(viewer, Action.ANSWER_COMMITMENT, line, file),
        correct=viewer.department if _may(viewer, Action.CORRECT_ITEM, line, file) else None,
    )


def notes_of(case: OpenedCase) -> Mapping[str, str]:
    """What was said in the case, by the place where the vault keeps it."""
    places = [
        place for owner, place in case.dossier.entries if owner == case.file.case_id and place.startswith("note/")
    ]
    return {place: text for place in places if (text := _words_of(case, place)) is not None}


def _words_of(case: OpenedCase, place: str) -> str | None:
    """A reason, or else what was said on the telephone."""
    content = case.dossier.find(case.file.case_id, place) or {}
    return content.get("text") or content.get("said")


def _units(house: House, file: CaseFile) -> Mapping[str, str]:
    """What the units are called that were asked."""
    asked = {one.opened.unit for one in file.verifications.values()}

    def look() -> Mapping[str, str]:
        with house.store.database.glancing() as connection:
            return unit_titles(connection, asked)

    return again_if_lost(look) if asked else {}


def _may(viewer: Viewer, action: Action, line: CaseLine, file: CaseFile) -> bool:
    departments = {live.planned.department for live in file.items.values()}
    return may(viewer, action, unit=line.unit, division=line.division, departments=departments)


def _done(say: Say, file: CaseFile, done: str | None, part: str | None) -> str | None:
    """Only about parts that the case has: the address is anybody's to write."""
    if done is None:
        return None
    title, words = Text("", ""), DONE[done]
    if part is not None and part in file.proofs:
        title = proof_title(file.bundle, part)
        words = CONFIRMATION_DONE.get(done, words) if _confirms(file, part) else words
    elif part is not None and part in file.items:
        title = item_title(file.bundle, part)
    elif "{part}" in words:
        return None
    return say(words, part=title.zh if say.language == "zh" else title.en)


def _settled_meanwhile(proofs: Sequence[ProofLine], attempt: Attempt) -> ProofLine | None:
    if attempt.refusal is None:
        return None
    return next(
        (one for one in proofs if attempt.form == f"settle-{one.proof.code}" and one.settled_by is not None), None
    )


# ── items ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _line(file: CaseFile, content: Content, item: ItemView, rights: Rights) -> Line:
    bundle = file.bundle
    return Line(
        item=item,
        waits_for=tuple(item_title(bundle, one) for one in item.waits_for),
        open_proofs=tuple(proof_title(bundle, one) for one in item.open_proofs),
        why=_why(file, item),
        note=content.notes.get(f"item:{item.id}"),
        products=tuple(
            (Text(made.title, made.title_en), value)
            for code, value in content.products.get(item.id, {}).items()
            for made in (bundle.product(code),)
        ),
        corrections=tuple(
            _correction(bundle, told, made)
            for told, made in zip(item.corrections, content.corrections.get(item.id, ()), strict=False)
        ),
        correctable=tuple((made.code, Text(made.title, made.title_en)) for made in bundle.item(item.code).produces)
        if item.department.code == rights.correct
        and item.state == ItemState.CONCLUDED
        and file.state is not CaseState.WITHDRAWN
        else (),
    )


def _correction(bundle: Bundle, told: CorrectionView, made: CorrectedContent) -> CorrectionLine:
    titles = {one.product: bundle.product(one.product) for one in made.values}
    steps = (made.explanation or {}).get("steps", ())
    return CorrectionLine(
        told=told,
        values=tuple((Text(titles[one.product].title, titles[one.product].title_en), one) for one in made.values),
        reason=made.reason,
        steps=tuple(Text(step["zh"], step["en"]) for step in steps),
    )


def _why(file: CaseFile, item: ItemView) -> Text | None:
    if item.not_applicable_because is not None:
        return _text(item.not_applicable_because)
    if item.state == ItemState.UNREACHABLE and item.because:
        before = item_title(file.bundle, item.because)
        return Text(f"前置事项“{before.zh}”未办成", f"{before.en} did not end well")
    if item.state == ItemState.CANCELLED:
        gone = {
            "withdrawn": Text("申请已撤回", "the application was withdrawn"),
            "no_longer_applies": Text("申请更正后不再需要", "no longer needed after the amendment"),
        }
        return gone.get(item.reason_code or "")
    if item.state == ItemState.DENIED and item.reason_code:
        rule, _, code = item.reason_code.partition(":")
        if rule == "proof_not_met" and code in file.proofs:
            proof = proof_title(file.bundle, code)
            return Text(f"“{proof.zh}”不能证明", f"{proof.en} could not be shown")
        return Text(f"部门不予许可, 原因代码 {item.reason_code}", f"denied by the department, code {item.reason_code}")
    return None


def _text(of: Sentence) -> Text:
    return Text(of.zh, of.en)


def _lanes(file: CaseFile, items: Sequence[ItemView], now: datetime) -> Lanes:
    return lanes(items, file.opened.at, file.ended_at if file.over else None, now)


# ── proofs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _proof_line(
    file: CaseFile, content: Content, proof: ProofView, rungs: tuple[Rung, ...], *, whole: bool
) -> ProofLine:
    live = file.proof(proof.code)
    note = content.notes.get(f"proof:{proof.code}")
    route = file.route(proof.code)
    decided = by_hand(live)
    return ProofLine(
        proof=proof,
        rungs=rungs,
        differing=tuple(_differing(file.bundle, proof.code, name) for name in proof.differing),
        needed_by=tuple(
            item_title(file.bundle, item)
            for item, needing in file.items.items()
            if whole and proof.code in needing.planned.proofs
        ),
        settled_by=live.settled_by if decided else None,
        note=note if decided else None,
        letter=None if decided else note,
        confirms=_confirms(file, proof.code),
        commitment=route if live.state is ProofState.OFFERED and isinstance(route, Commitment) else None,
        waited_for=live.state in {ProofState.VERIFYING, ProofState.OFFERED},
    )


def _confirms(file: CaseFile, proof: str) -> bool:
    return any(isinstance(route, Confirmation) for route in file.declared_proof(proof).routes)


def _differing(bundle: Bundle, proof: str, name: str) -> Text:
    """What differs, in the words of the form; a value that the form does not ask is called as the register calls it."""
    for route in bundle.proof(proof).routes:
        if isinstance(route, SharedDataQuery):
            for pair in route.agrees:
                section, _, code = pair.field.partition(".")
                if pair.answer == name:
                    of = bundle.section(section)
                    if code == "count":
                        return Text(f"{of.title}人数", f"number of {of.title_en.lower()}")
                    asked = bundle.field(pair.field)
                    return Text(f"{of.title} {asked.title}", f"{of.title_en}: {asked.title_en}")
    return ONLY_REGISTERS_SAY.get(name, Text(name, name))


ONLY_REGISTERS_SAY: Final = {
    "state": Text("登记状态", "State in the register"),
    "arrears": Text("欠费情况", "Arrears"),
    "places": Text("参保地数", "Places of insurance"),
}


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class TimeLine:
    """How long somebody had the case."""

    who: Text
    account: str | None
    suspended: bool
    seconds: int
    percent: str


@dataclass(frozen=True)
class TimeTable:
    """Whose the time of the case was: the lines add up to the whole, in seconds and in percent."""

    lines: tuple[TimeLine, ...]
    seconds: int


def time_table(clock: CaseClock) -> TimeTable:
    """The shares in whole seconds, rounded so that nothing is lost between two of them."""
    lines: list[TimeLine] = []
    so_far = 0.0
    for share in clock.shares:
        before, so_far = so_far, so_far + share.seconds
        who = Text(share.title, share.title_en)
        seconds = round(so_far) - round(before)
        lines.append(TimeLine(who, share.account, share.suspended, seconds, f"{share.share:.2%}"))
    return TimeTable(tuple(lines), round(so_far))


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def people(bundle: Bundle, content: Content) -> tuple[Person, ...]:
    """The form, section by section."""
    found = []
    for code, rows in content.form.items():
        section = bundle.section(code)
        for number, row in enumerate(rows, 1):
            values = tuple(
                (Text(asked.title, asked.title_en), _value(bundle, f"{code}.{name}", value))
                for name, value in row.items()
                for asked in (bundle.field(f"{code}.{name}"),)
            )
            title = Text(section.title, section.title_en)
            found.append(Person(title, number if len(rows) > 1 else None, values))
    return tuple(found)


def _value(bundle: Bundle, path: str, value: str) -> Text:
    asked = bundle.field(path)
    if asked.kind is FieldKind.YES_NO:
        return Text("是", "Yes") if value == "true" else Text("否", "No")
    if asked.kind is FieldKind.MOMENT and value[10:11] == "T":
        clear = f"{value[:10]} {value[11:16]}"
        return Text(clear, clear)
    for choice in asked.choices:
        if choice.code == value:
            return Text(choice.title, choice.title_en)
    clear = in_clear(asked.kind, value)
    return Text(clear, clear)


# ── timeline ────────────────────────────────────────────────────────────────────────────────────────────────────────

_TONES: Final = {
    "case_opened": "mark",
    "item_concluded": "good",
    "item_corrected": "hand",
    "case_concluded": "mark",
    "case_withdrawn": "mark",
    "application_amended": "mark",
    "proof_contested": "hand",
    "late_answer_recorded": "hand",
    "verification_reminded": "hand",
    "verification_suspended": "hand",
    "submission_rejected": "hand",
    "proof_settled": "hand",
    "item_denied": "late",
    "item_unreachable": "late",
    "item_overdue": "late",
    "department_unreachable": "late",
}


def timeline(events: Sequence[Recorded], bundle: Bundle) -> tuple[Happening, ...]:
    """What happened, newest first."""
    return tuple(_happening(recorded.event, bundle) for recorded in reversed(events))


def _happening(event: Event, bundle: Bundle) -> Happening:
    by_system = event.by.account == THE_ENGINE.account
    return Happening(
        at=event.at,
        text=sentence_of(event, bundle),
        account=None if by_system else event.by.account,
        unit=event.by.unit,
        tone=_TONES.get(event.type, "plain"),
    )
