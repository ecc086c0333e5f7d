"""Questions to people (部门核验、社区核实) over HTTP: a unit's inbox, who takes which, and what they answer.

Whoever was asked sees what they need to answer, in full and on record; whoever leads them sees it masked.
Two who answer at once are told apart by the case's lock: one answer counts, the other is told whose did,
and both attempts are in the access log.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import true

from api.case_view import EventView, Sentence, event_views
from api.cases import Acted, CaseNo, IdempotencyKey, Part
from api.house import House, TheHouse
from api.identity import allowed, public
from api.limits import StrictRoute
from api.masking import masked
from api.people import find_people, read_wanted
from api.problems import Fault, Trouble
from api.reach import get_case
from api.shapes import (
    V1,
    Asked,
    Because,
    Cursor,
    Limit,
    Named,
    Reason,
    Shown,
    answer,
    bad_cursor,
    cursor_parts,
    etag,
    next_link,
    write_cursor,
)
from api.verification_view import VerificationView, verification_view
from domain.actors import Actor
from domain.bundle import Bundle, Choice, FieldKind, Route, Verification
from domain.case_file import CaseFile, CaseState, LiveVerification, Rung, VerificationState
from domain.commands import (
    AnswerCommitment,
    AnswerVerification,
    AssignVerification,
    Command,
    EscalateProof,
    ResumeVerification,
    SuspendVerification,
    command_id,
)
from domain.events import Answer, LateAnswerRecorded, ProofContested, ProofMet, Recorded, VerificationAnswered
from domain.identifiers import NotAnIdentifier, is_case_no, read_phone, sentence
from domain.law.calendar import CalendarNotShipped
from domain.refusals import Conflict, Refusal
from domain.scopes import Action, Reach, Viewer, reach
from domain.timeline import GAVE_UP
from store.access_log import Access, note_for_case, note_for_unit
from store.acts import ActKey, Recipient, act_once, bind_key
from store.cases import OpenedCase, fingerprint
from store.commands import Handled, load
from store.database import again_if_lost
from store.links import LinkRefused, read_link
from store.read_models.verifications import (
    InboxWanted,
    NoSuchVerification,
    Place,
    Queue,
    VerificationLine,
    count_queues,
    find_verification,
    find_verifications,
    inbox,
    inbox_of_people,
    lines_of,
    place_of,
)
from store.scoping import verifications_visible_to
from store.vault import Content, Kept

router = APIRouter(prefix=V1, tags=["verifications"], route_class=StrictRoute)

MayReadInbox = Annotated[Viewer, Depends(allowed(Action.READ_INBOX))]
MayAnswerVerification = Annotated[Viewer, Depends(allowed(Action.ANSWER_VERIFICATION))]
MayAssign = Annotated[Viewer, Depends(allowed(Action.ASSIGN_VERIFICATION))]
MayEscalate = Annotated[Viewer, Depends(allowed(Action.ESCALATE_PROOF))]
MayAnswerCommitment = Annotated[Viewer, Depends(allowed(Action.ANSWER_COMMITMENT))]

FOUND_AT_MOST: Final = 50
ASSIGNED_AT_MOST: Final = 200
LONGEST_NUMBER_IN_A_TITLE: Final = 10

QUEUES: Final[Mapping[Queue, Sentence]] = {
    Queue.OPEN: Sentence(zh="全部待办", en="All open"),
    Queue.MINE: Sentence(zh="我的", en="Mine"),
    Queue.UNIT: Sentence(zh="本单位待领", en="Unclaimed"),
    Queue.COLLEAGUES: Sentence(zh="同事办理中", en="With colleagues"),
    Queue.SOON: Sentence(zh="一小时内到期", en="Due within an hour"),
    Queue.SUSPENDED: Sentence(zh="已中止计时", en="Clock stopped"),
    Queue.LATE_OR_CONTRADICTING: Sentence(zh="迟到或不一致的答复", en="Late or contradicting"),
    Queue.ENDED: Sentence(zh="已结束", en="Ended"),
}


# ── what is asked and shown ─────────────────────────────────────────────────────────────────────────────────────────


def _moment(given: Any) -> Any:
    # Not what the library would read: it takes numbers, and days that are midnight somewhere.
    if isinstance(given, str):
        try:
            read = datetime.fromisoformat(given)
        except ValueError:
            read = None
        if read is not None and "T" in given and read.tzinfo is not None and 1900 <= read.year <= 9000:
            return read
    raise PydanticCustomError("datetime_parsing", "not a moment")


def _id(given: Any) -> Any:
    try:
        return UUID(given)
    except (ValueError, AttributeError, TypeError):
        raise PydanticCustomError("uuid_parsing", "not an id") from None


_PLAIN: Final = r"^[^\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$"
VerificationId = Annotated[UUID, Path(description="As the inbox names it.")]
Id = Annotated[UUID, BeforeValidator(_id), WithJsonSchema({"type": "string", "format": "uuid"})]
CalledAt = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation")
]
AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")]
Code = Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$")]
InQueue = Annotated[Queue, Query(description="Which queue.")]
Sought = Annotated[
    str | None,
    Query(min_length=1, max_length=40, pattern=_PLAIN, description="A case number, or a part of the proof's title."),
]
Token = Annotated[str, StringConstraints(min_length=1, max_length=200), Field(description="Of the one-time link.")]


class PhoneCall(Asked):
    """电话答复: with whom it was spoken, kept in the vault and nowhere else."""

    spoke_with: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PLAIN)]
    number: Annotated[str, StringConstraints(min_length=1, max_length=40)] = Field(description="A mainland phone.")
    at: CalledAt = Field(description="When, with its time zone.")
    said: Annotated[str, StringConstraints(min_length=2, max_length=1000, pattern=_PLAIN)]


class GivenAnswer(Asked):
    """What the officer found out; everything but a match needs a reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"answer": "matches"},
                {
                    "answer": "contradicts",
                    "reason": "档案中登记的姓名不同",
                    "phone": {
                        "spoke_with": "社区值班人员",
                        "number": "0579-85551234",
                        "at": "2026-11-23T09:10:00+08:00",
                        "said": "本人已于去年迁出",
                    },
                },
            ]
        }
    )

    answer: Answer = Field(description="一致 · 不一致 · 查无此记录 · 转社区核实")
    reason: Reason | None = None
    phone: PhoneCall | None = None


class LinkAnswer(GivenAnswer):
    """The same from somebody without an account, who was sent a link."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "A" * 48, "answer": "matches"}]})

    token: Token


class LinkShown(Asked):
    """The link, in the body because addresses end up in the logs of everybody in between."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "A" * 48}]})

    token: Token


class HandOver(Asked):
    """To which colleague."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "officer-2"}]})

    to: AccountName


class TakeBack(Asked):
    """Why a superior takes it back, and to whom it goes; without `to`, into the unit's queue."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "承办人请假", "to": "officer-2"}]})

    reason: Reason
    to: AccountName | None = None


class Assignments(Asked):
    """批量分派: which verifications go to whom, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"ids": ["0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4d"], "to": "officer-2", "reason": "按片区分派"}]
        }
    )

    ids: Annotated[list[Id], Field(min_length=1, max_length=ASSIGNED_AT_MOST)]
    to: AccountName
    reason: Reason


class InboxSearch(Asked):
    """Whose verifications to look for inside a queue, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"by": "citizen_id", "value": "339901199403170006", "reason": "当事人来电询问"}]
        }
    )

    by: Literal["citizen_id", "passport", "phone"]
    value: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(description="The whole of it.")
    reason: Reason
    queue: Annotated[Queue, Field(strict=False)] = Queue.OPEN


class CommitmentAnswer(Asked):
    """告知承诺: the applicant signed the letter, or declined to."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"signed": True, "letter": "本人承诺所述情况属实, 愿承担相应后果。"}]}
    )

    signed: bool
    letter: Annotated[str, StringConstraints(min_length=2, max_length=5000)] | None = Field(
        default=None, description="What was signed; kept in the vault. Only with signed."
    )


class Inbox(Shown):
    """A page of a queue, the next due first; the Link header leads on."""

    verifications: tuple[VerificationView, ...]


class QueueCount(Shown):
    """How much a queue holds."""

    queue: Queue
    title: str
    title_en: str
    many: int


class InboxCounts(Shown):
    """Every queue with its number, of one instant."""

    queues: tuple[QueueCount, ...]


class LimitUsed(Shown):
    """How much of the limit is used up; what the clock stood still does not count."""

    budget_seconds: int
    used_seconds: int | None = Field(description="null where the year's calendar is not published.")


class ShownField(Shown):
    """One declared value that the route lets the verifier compare."""

    path: str
    number: int | None = Field(description="Which person of the list, from 1.")
    title: str
    title_en: str
    value: str
    choice: Sentence | None = Field(description="What the value means, where it is one of several choices.")


class GaveUp(Shown):
    """An earlier rung of the ladder that gave up."""

    route: str
    unit: str | None
    reason: str
    because: Sentence
    said: str | None = Field(description="The reason in the words of whoever answered.")


class PhoneRecord(Shown):
    """The telephone call on which the answer rests; name and number masked."""

    spoke_with: str
    number: str
    at: str
    said: str


class Question(Shown):
    """What is asked, with all that is needed to answer it."""

    verification: VerificationView
    bundle: Named
    basis: str
    rung: int = Field(description="Which rung of the ladder, from 1.")
    rungs: int
    limit: LimitUsed
    fields: tuple[ShownField, ...]
    in_full: bool = Field(description="Whether the values are shown in full; otherwise masked.")
    forgotten: bool = Field(description="Whether a person's data was erased by law.")
    tried: tuple[GaveUp, ...] = Field(description="The rungs before this one, and why they gave up.")
    suspended_because: str | None
    said: str | None = Field(description="The reason that was given with the answer.")
    phone: PhoneRecord | None


class VerificationActed(Shown):
    """The verification after an act, as it now stands; and what the act caused, however often it is sent."""

    verification: VerificationView
    events: tuple[EventView, ...]


class AnswerHeard(VerificationActed):
    """The answer was kept, and whether it decided anything."""

    counted: bool
    told: Sentence


class AssignedRow(Shown):
    """What became of one row."""

    id: UUID
    assigned: bool
    verification: VerificationView | None
    problem: str | None = Field(description="The code of the refusal.")
    detail: str | None
    detail_zh: str | None


class AssignedRows(Shown):
    """Row by row, in the order asked."""

    rows: tuple[AssignedRow, ...]


# ── the inbox ───────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/inbox", response_model=Inbox)
def list_of_inbox(
    house: TheHouse,
    viewer: MayReadInbox,
    request: Request,
    queue: InQueue = Queue.OPEN,
    unit: Code = None,
    owner: Code = None,
    q: Sought = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """One queue of the account: its unit's, or those of its division; no personal data."""
    wanted = wanted_by(house, viewer, queue=queue, unit=unit, owner=owner, q=q)
    lines = page_of_inbox(house, viewer, wanted, None if cursor is None else _place(cursor), limit)
    more = {}
    if len(lines) > limit:
        at, id = place_of(lines[limit - 1], queue)
        more = next_link(request, cursor=write_cursor(at.isoformat(), id))
    return answer(Inbox(verifications=tuple(verification_view(line) for line in lines[:limit])), headers=more)


def wanted_by(
    house: House,
    viewer: Viewer,
    *,
    queue: Queue = Queue.OPEN,
    unit: str | None = None,
    owner: str | None = None,
    q: str | None = None,
) -> InboxWanted:
    """The question as the account asks it now; raises 422 for a number that is no case number."""
    case_no, title = (None, None) if q is None else _looked_for(q)
    return InboxWanted(
        account=viewer.actor.account,
        at=house.clock(),
        queue=queue,
        unit=unit,
        owner=owner,
        case_no=case_no,
        title=title,
    )


def page_of_inbox(
    house: House, viewer: Viewer, wanted: InboxWanted, after: Place | None, limit: int
) -> list[VerificationLine]:
    """A page and one line more, if there is one: it tells that the queue goes on."""

    def look() -> list[VerificationLine]:
        with house.store.database.reading() as connection:
            visible = verifications_visible_to(viewer, Action.READ_INBOX)
            return inbox(connection, visible, wanted, after, limit + 1)

    return again_if_lost(look)


def _looked_for(typed: str) -> tuple[str | None, str | None]:
    number = typed.replace(" ", "").replace("-", "")
    if is_case_no(number):
        return number, None
    # A long number that is none of ours may be a person's; a search for it goes through POST, where nobody logs it.
    if sum(letter.isdigit() for letter in number) > LONGEST_NUMBER_IN_A_TITLE:
        raise Trouble(
            422, "case_no.not_valid", "办件编号不正确, 请核对", "this is not a case number; compare it with the receipt"
        )
    return None, typed.strip() or None


def _place(cursor: str) -> Place:
    at, id = cursor_parts(cursor, 2)
    try:
        read = datetime.fromisoformat(at), UUID(id)
    except ValueError:
        raise bad_cursor() from None
    if read[0].tzinfo is None:
        raise bad_cursor()
    return read


@router.get("/inbox/counts", response_model=InboxCounts)
def counts_of_inbox(
    house: TheHouse, viewer: MayReadInbox, unit: Code = None, owner: Code = None, q: Sought = None
) -> Response:
    """How much each queue holds, so that nobody has to open them all."""
    return answer(counted_queues(house, viewer, wanted_by(house, viewer, unit=unit, owner=owner, q=q)))


def counted_queues(house: House, viewer: Viewer, wanted: InboxWanted) -> InboxCounts:
    """The numbers of all queues."""

    def look() -> Mapping[Queue, int]:
        with house.store.database.glancing() as connection:
            return count_queues(connection, verifications_visible_to(viewer, Action.READ_INBOX), wanted)

    counts = again_if_lost(look)
    return InboxCounts(
        queues=tuple(
            QueueCount(queue=queue, title=QUEUES[queue].zh, title_en=QUEUES[queue].en, many=many)
            for queue, many in counts.items()
        )
    )


@router.post("/inbox/search", response_model=Inbox)
def search_inbox(house: TheHouse, viewer: MayReadInbox, asked: InboxSearch) -> Response:
    """The questions about one person inside a queue, by the person's number or phone; the search is in the access log."""
    return answer(found_in_inbox(house, viewer, asked))


def found_in_inbox(house: House, viewer: Viewer, asked: InboxSearch) -> Inbox:
    """The questions that show the verifier something about this person; raises 422 for what no number can be."""
    value = read_wanted(house, asked.by, asked.value)
    wanted = wanted_by(house, viewer, queue=asked.queue)

    def look() -> Inbox:
        at, by, about = house.clock(), viewer.actor, (asked.by,)
        with house.store.database.begin() as connection:
            note_for_unit(connection, [Access(at=at, by=by, action="search_inbox", about=about, purpose=asked.reason)])
            people = find_people(house, connection, asked.by, value)
            visible = verifications_visible_to(viewer, Action.READ_INBOX)
            rows = inbox_of_people(connection, visible, wanted, people, FOUND_AT_MOST) if people else []
            files = {line.case_id: load(connection, house.store.files, line.case_id) for line, _ in rows}
            # Who stands elsewhere in the same case is nobody the verifier was asked about.
            found = {
                line.id: line
                for line, section in rows
                if any(path.startswith(f"{section}.") for path in _shows(files[line.case_id], _rung(line)))
            }
            # In one order for everybody, so that two searches never wait for each other.
            for case_id in sorted({line.case_id for line in found.values()}):
                access = Access(
                    at=at, by=by, action="found_by_search", about=about, purpose=asked.reason, case_id=case_id
                )
                note_for_case(connection, case_id, [access])
            return Inbox(verifications=tuple(verification_view(line) for line in found.values()))

    return again_if_lost(look)


@router.get("/inbox/{verification_id}", response_model=Question)
def show_verification(house: TheHouse, viewer: MayReadInbox, verification_id: VerificationId) -> Response:
    """What is asked, in full for the unit that was asked and masked for its division; the read is in the access log."""
    line = get_verification(house, viewer, Action.READ_INBOX, verification_id)
    return answer(question_to(house, viewer, line))


def get_verification(house: House, viewer: Viewer, action: Action, id: UUID) -> VerificationLine:
    """The line; one that the viewer may not do this with is answered like one that does not exist, and logged."""

    def look() -> tuple[VerificationLine | None, bool]:
        with house.store.database.reading() as connection:
            line = find_verification(connection, id, verifications_visible_to(viewer, action))
            if line is not None:
                return line, True
            return find_verification(connection, id, true()), False

    line, visible = again_if_lost(look)
    if line is None:
        raise NoSuchVerification
    if not visible:
        house.store.log_accesses([_refused(house, viewer.actor, action, line, "beyond reach")])
        raise NoSuchVerification
    return line


def question_to(house: House, viewer: Viewer, line: VerificationLine) -> Question:
    """What is asked, as far as the viewer may see it."""
    return _question(house, viewer.actor, line, of_the_unit=reach(viewer, Action.READ_INBOX) is Reach.ADDRESSED)


def _question(house: House, by: Actor, line: VerificationLine, *, of_the_unit: bool) -> Question:
    file = house.store.case_file(line.case_id)
    in_full = of_the_unit and _may_still_answer(file, _rung(line))
    access = Access(
        at=house.clock(),
        by=by,
        action="read_question" if in_full else "read_masked",
        about=_shows(file, _rung(line)),
        purpose=file.declared_proof(line.proof).basis,
        case_id=line.case_id,
    )
    case = house.store.open_for(line.case_id, access)
    # It may have been answered between the two looks.
    return _asked(case, _rung(line), access.at, in_full=in_full and _may_still_answer(case.file, _rung(line)))


def _asked(case: OpenedCase, rung: Rung, at: datetime, *, in_full: bool) -> Question:
    file, live = case.file, case.file.verification(*rung)
    declared = file.declared_proof(rung[0])
    last = live.clock.entries[-1]
    return Question(
        verification=verification_view(lines_of(file)[rung]),
        bundle=Named(code=file.bundle.code, title=file.bundle.title, title_en=file.bundle.title_en),
        basis=declared.basis,
        rung=rung[2] + 1,
        rungs=len(declared.routes),
        limit=_limit(live, at),
        fields=tuple(_fields(case, rung, in_full=in_full)),
        in_full=in_full,
        forgotten=bool(case.dossier.forgotten),
        tried=tuple(_tried(case, live)),
        suspended_because=case.note(last.reason) if last.kind == "suspended" else None,
        said=case.note(live.note),
        phone=_phone(case, live),
    )


def _may_still_answer(file: CaseFile, rung: Rung) -> bool:
    """Whether an answer would be taken; who has answered already has no more business with the person's data."""
    live, proof = file.verification(*rung), file.proof(rung[0])
    waited_for = live.state is VerificationState.OPEN
    late = live.state is VerificationState.EXPIRED and live.answered_by is None and proof.round == rung[1]
    return file.state is CaseState.OPEN and (waited_for or late)


def _rung(line: VerificationLine) -> Rung:
    return (line.proof, line.round, line.rung)


def _shows(file: CaseFile, rung: Rung) -> tuple[str, ...]:
    route: Route = file.declared_proof(rung[0]).routes[rung[2]]
    return route.shows if isinstance(route, Verification) else ()


def _limit(live: LiveVerification, at: datetime) -> LimitUsed:
    try:
        used = int(live.clock.used(min(at, live.ended_at or at)).total_seconds())
    except CalendarNotShipped:
        used = None
    return LimitUsed(budget_seconds=live.clock.budget_seconds, used_seconds=used)


def _fields(case: OpenedCase, rung: Rung, *, in_full: bool) -> Iterator[ShownField]:
    bundle = case.file.bundle
    for path in _shows(case.file, rung):
        section, _, code = path.partition(".")
        people = case.file.opened.people.get(section)
        numbers = [None] if people is None or code == "count" else range(1, len(people) + 1)
        title, title_en, kind, choices = _declared(bundle, section, code)
        for number in numbers:
            value = case.declared(path, number)
            if value is not None:
                chosen = next((choice for choice in choices if choice.code == value), None)
                yield ShownField(
                    path=path,
                    number=number,
                    title=title,
                    title_en=title_en,
                    value=value if in_full else masked(kind, value),
                    choice=None if chosen is None else Sentence(zh=chosen.title, en=chosen.title_en),
                )


def _declared(bundle: Bundle, section: str, code: str) -> tuple[str, str, FieldKind, Sequence[Choice]]:
    about = bundle.section(section)
    if code == "count":
        return f"{about.title}人数", f"{about.title_en}: how many", FieldKind.COUNT, ()
    field = bundle.field(f"{section}.{code}")
    return f"{about.title}{field.title}", f"{about.title_en}: {field.title_en}", field.kind, field.choices


def _tried(case: OpenedCase, live: LiveVerification) -> Iterator[GaveUp]:
    proof, round, rung = live.rung
    if case.file.proof(proof).round != round:
        return
    routes, place = case.file.declared_proof(proof).routes, 0
    for route, reason in case.file.proof(proof).exhausted:
        # The ladder is climbed upwards, so each is the next of its kind.
        place = next((at for at in range(place, len(routes)) if routes[at].route == route), len(routes))
        if place >= rung:
            return
        asked = case.file.verifications.get((proof, round, place))
        because = GAVE_UP.get(reason)
        yield GaveUp(
            route=route,
            unit=None if asked is None else asked.opened.unit,
            reason=reason,
            because=Sentence(zh=because.zh, en=because.en) if because else Sentence(zh=reason, en=reason),
            said=None if asked is None else case.note(asked.note),
        )
        place += 1


def _phone(case: OpenedCase, live: LiveVerification) -> PhoneRecord | None:
    kept = case.dossier.find(case.file.case_id, live.note) if live.by_phone and live.note else None
    if kept is None or "number" not in kept:
        return None
    return PhoneRecord(
        spoke_with=masked(FieldKind.NAME, kept["spoke_with"]),
        number=masked(FieldKind.PHONE, kept["number"]),
        at=kept["at"],
        said=kept["said"],
    )


# ── acts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does with a verification, before it has an id and a moment."""

    name: str
    command: Callable[..., Command]
    """Takes id, at, by, proof, round and rung; and note, where something is said."""
    said: Content | None = None
    """For the vault."""
    to: str | None = None
    """Which colleague it goes to."""
    logged: bool = False
    """In the access log also where it is granted."""


def deed_claim(viewer: Viewer) -> Deed:
    """认领: "mine"."""
    return Deed("claim", partial(AssignVerification, how="claimed", owner=viewer.actor.account))


def deed_release() -> Deed:
    """退回: back into the unit's queue."""
    return Deed("release", partial(AssignVerification, how="released", owner=None))


def deed_hand_over(to: str) -> Deed:
    """移交 to a colleague."""
    return Deed("hand-over", partial(AssignVerification, how="handed_over", owner=to), to=to)


def deed_take_back(asked: TakeBack) -> Deed:
    """收回 by a superior."""
    command = partial(AssignVerification, how="taken_back", owner=asked.to)
    return Deed("take-back", command, said={"text": asked.reason}, to=asked.to)


def deed_suspend(reason: str) -> Deed:
    """中止计时."""
    return Deed("suspend", SuspendVerification, said={"text": reason})


def deed_resume() -> Deed:
    """恢复计时."""
    return Deed("resume", ResumeVerification)


def deed_answer(house: House, asked: GivenAnswer) -> Deed:
    """答复; raises 422 for a phone that is none, and for a call that has not been made yet."""
    said = {} if asked.reason is None else {"text": asked.reason}
    if asked.phone is not None:
        said |= _call(house, asked.phone)
    # A call without a reason is no reason: only a match goes without one, and the rules say so.
    given = bool(said) and (asked.answer == "matches" or asked.reason is not None)
    command = partial(AnswerVerification, answer=asked.answer, by_phone=asked.phone is not None)
    return Deed("answer", command, said=said if given else None, logged=True)


def _call(house: House, phone: PhoneCall) -> dict[str, str]:
    try:
        number = read_phone(phone.number)
    except NotAnIdentifier as wrong:
        raise _faulty(
            "/phone/number", wrong.rule, sentence(wrong.kind, wrong.rule), sentence(wrong.kind, wrong.rule, "en")
        ) from None
    if phone.at > house.clock():
        raise _faulty("/phone/at", "in_future", "不能晚于现在", "must not be in the future")
    return {"spoke_with": phone.spoke_with, "number": number, "at": phone.at.isoformat(), "said": phone.said}


def _faulty(pointer: str, code: str, zh: str, en: str) -> Trouble:
    fault = Fault(pointer=pointer, code=code, detail=en, detail_zh=zh)
    return Trouble(422, "request.not_valid", zh, en, faults=[fault])


def do(house: House, viewer: Viewer, action: Action, id: UUID, deed: Deed, *, key: str, body: str) -> VerificationActed:
    """Carry the deed out; `body` is what tells the request from another under the same key."""
    line, handled = _done(house, viewer, action, id, deed, key=key, body=body)
    return VerificationActed(verification=_now(handled, line), events=event_views(handled.events))


def do_answer(house: House, viewer: Viewer, id: UUID, asked: GivenAnswer, *, key: str, body: str) -> AnswerHeard:
    """Answer, and tell whether it counted."""
    deed = deed_answer(house, asked)
    line, handled = _done(house, viewer, Action.ANSWER_VERIFICATION, id, deed, key=key, body=body)
    return _heard(handled, line)


def _done(
    house: House, viewer: Viewer, action: Action, id: UUID, deed: Deed, *, key: str, body: str
) -> tuple[VerificationLine, Handled]:
    line = get_verification(house, viewer, action, id)
    bound = act_key(house, viewer.actor, key, deed.name, str(id), body)
    command = command_id(line.case_id, deed.name, id, viewer.actor.account, bound.key)
    return line, _carried_out(house, viewer.actor, action, line, deed, command, bound)


def act_key(house: House, by: Actor, key: str, *request: str) -> ActKey:
    """The Idempotency-Key as it is kept: what a client puts into a key, or repeats in a body, is not ours to keep."""
    vault = house.store.vault
    return ActKey(
        by.account,
        vault.digest("idempotency-key", by.account, key).hex(),
        fingerprint(vault.digest("act", *request)),
    )


def _carried_out(
    house: House, by: Actor, action: Action, line: VerificationLine, deed: Deed, id: UUID, key: ActKey | None
) -> Handled:
    at, note = house.clock(), f"note/{id}"
    said: dict[str, Any] = {} if deed.said is None else {"note": note}
    command = deed.command(id=id, at=at, by=by, proof=line.proof, round=line.round, rung=line.rung, **said)
    granted = Access(at=at, by=by, action=action, about=(line.proof,), purpose=deed.name, case_id=line.case_id)
    try:
        return act_once(
            house.store,
            line.case_id,
            command,
            key=key,
            kept=[] if deed.said is None else [Kept(line.case_id, note, deed.said)],
            to=None if deed.to is None else Recipient(deed.to, line.unit),
            access=granted if deed.logged else None,
        )
    except Conflict as refusal:
        # Whoever was a moment too late has tried all the same.
        house.store.log_accesses([_refused(house, by, action, line, refusal.code)])
        raise


def _refused(house: House, by: Actor, action: Action, line: VerificationLine, why: str) -> Access:
    return Access(
        at=house.clock(),
        by=by,
        action=action,
        about=(line.proof,),
        purpose=f"refused: {why}",
        case_id=line.case_id,
        granted=False,
    )


def _now(handled: Handled, line: VerificationLine) -> VerificationView:
    return verification_view(lines_of(handled.file)[_rung(line)])


def _heard(handled: Handled, line: VerificationLine) -> AnswerHeard:
    counted, told = _told(handled.events)
    return AnswerHeard(verification=_now(handled, line), events=event_views(handled.events), counted=counted, told=told)


def _told(events: Sequence[Recorded]) -> tuple[bool, Sentence]:
    """Whether the answer decided something, in words for whoever gave it."""
    kinds = {type(entry.event) for entry in events}
    late = LateAnswerRecorded in kinds
    after_the_limit = ("答复晚于时限, 仍予采信: ", "late, and taken all the same: ") if late else ("", "")
    if ProofMet in kinds:
        zh, en = "该证明已核实", "the proof is shown"
    elif ProofContested in kinds:
        zh, en = "与申报不一致, 由经办人认定", "it contradicts what was declared; a caseworker decides"
    elif VerificationAnswered in kinds:
        zh, en = "已记录, 转由下一环节核实", "taken; the next rung of the ladder is asked"
    else:
        zh = "该证明已由其他环节处理; 您的答复已留存, 不改变结果"
        en = "others have dealt with this proof meanwhile; your answer is kept and changes nothing"
        return False, Sentence(zh=zh, en=en)
    return True, Sentence(zh=f"{after_the_limit[0]}{zh}", en=f"{after_the_limit[1]}{en}")


def body_of(request: Request) -> str:
    """The text of the body as it was sent; nothing where the route takes none."""
    text: str = getattr(request.state, "body_text", "")
    return text


@router.post("/inbox/assignments", response_model=AssignedRows)
def assign_verifications(
    house: TheHouse, viewer: MayAssign, asked: Assignments, key: IdempotencyKey, request: Request
) -> Response:
    """Hand out many to one colleague; each row is told what became of it, and one refused stops no other."""
    return answer(assigned(house, viewer, asked, key=key, body=body_of(request)))


def assigned(house: House, viewer: Viewer, asked: Assignments, *, key: str, body: str) -> AssignedRows:
    """Row by row: a transaction for each, so that a long list never holds many cases at once."""
    action, ids = Action.ASSIGN_VERIFICATION, tuple(dict.fromkeys(asked.ids))
    bound = act_key(house, viewer.actor, key, "assign", body)
    deed = Deed(
        "assign",
        partial(AssignVerification, how="assigned", owner=asked.to),
        said={"text": asked.reason},
        to=asked.to,
    )

    def begin() -> Mapping[UUID, VerificationLine]:
        with house.store.database.begin() as connection:
            lines = find_verifications(connection, ids, verifications_visible_to(viewer, action))
            for line in list(lines.values())[:1]:
                bind_key(connection, bound, line.case_id, house.clock())
            return lines

    lines = again_if_lost(begin)
    rows = []
    for id in ids:
        try:
            # The others are not there, or not for this account: the way that tells so and logs it.
            line = lines.get(id) or get_verification(house, viewer, action, id)
            command = command_id(line.case_id, deed.name, id, viewer.actor.account, bound.key)
            handled = _carried_out(house, viewer.actor, action, line, deed, command, None)
        except Refusal as refusal:
            rows.append(
                AssignedRow(
                    id=id,
                    assigned=False,
                    verification=None,
                    problem=refusal.code,
                    detail=refusal.en,
                    detail_zh=refusal.zh,
                )
            )
        else:
            rows.append(
                AssignedRow(
                    id=id, assigned=True, verification=_now(handled, line), problem=None, detail=None, detail_zh=None
                )
            )
    return AssignedRows(rows=tuple(rows))


@router.post("/inbox/{verification_id}/claim", response_model=VerificationActed)
def claim_verification(
    house: TheHouse,
    viewer: MayAnswerVerification,
    verification_id: VerificationId,
    key: IdempotencyKey,
    request: Request,
) -> Response:
    """认领: from now on nobody else may answer it."""
    action, deed = Action.ANSWER_VERIFICATION, deed_claim(viewer)
    return answer(do(house, viewer, action, verification_id, deed, key=key, body=body_of(request)))


@router.post("/inbox/{verification_id}/release", response_model=VerificationActed)
def release_verification(
    house: TheHouse,
    viewer: MayAnswerVerification,
    verification_id: VerificationId,
    key: IdempotencyKey,
    request: Request,
) -> Response:
    """退回: anybody of the unit may take it."""
    action, deed = Action.ANSWER_VERIFICATION, deed_release()
    return answer(do(house, viewer, action, verification_id, deed, key=key, body=body_of(request)))


@router.post("/inbox/{verification_id}/hand-over", response_model=VerificationActed)
def hand_over_verification(
    house: TheHouse,
    viewer: MayAnswerVerification,
    verification_id: VerificationId,
    asked: HandOver,
    key: IdempotencyKey,
    request: Request,
) -> Response:
    """移交: it is a colleague's now; the limit runs on."""
    action, deed = Action.ANSWER_VERIFICATION, deed_hand_over(asked.to)
    return answer(do(house, viewer, action, verification_id, deed, key=key, body=body_of(request)))


@router.post("/inbox/{verification_id}/take-back", response_model=VerificationActed)
def take_back_verification(
    house: TheHouse,
    viewer: MayAssign,
    verification_id: VerificationId,
    asked: TakeBack,
    key: IdempotencyKey,
    request: Request,
) -> Response:
    """收回: a superior takes it from whoever has it, and says why."""
    action, deed = Action.ASSIGN_VERIFICATION, deed_take_back(asked)
    return answer(do(house, viewer, action, verification_id, deed, key=key, body=body_of(request)))


@router.post("/inbox/{verification_id}/answer", response_model=AnswerHeard)
def answer_verification(
    house: TheHouse,
    viewer: MayAnswerVerification,
    verification_id: VerificationId,
    asked: GivenAnswer,
    key: IdempotencyKey,
    request: Request,
) -> Response:
    """答复: one answer counts; one that comes when the ladder has moved on is kept, and told whether it was taken."""
    return answer(do_answer(house, viewer, verification_id, asked, key=key, body=body_of(request)))


@router.post("/inbox/{verification_id}/suspension", response_model=VerificationActed)
def suspend_verification(
    house: TheHouse,
    viewer: MayAnswerVerification,
    verification_id: VerificationId,
    asked: Because,
    key: IdempotencyKey,
    request: Request,
) -> Response:
    """中止计时: the clock stands still, for a reason that stays on record."""
    action, deed = Action.ANSWER_VERIFICATION, deed_suspend(asked.reason)
    return answer(do(house, viewer, action, verification_id, deed, key=key, body=body_of(request)))


@router.post("/inbox/{verification_id}/resumption", response_model=VerificationActed)
def resume_verification(
    house: TheHouse,
    viewer: MayAnswerVerification,
    verification_id: VerificationId,
    key: IdempotencyKey,
    request: Request,
) -> Response:
    """恢复计时: what was left of the limit is left still."""
    action, deed = Action.ANSWER_VERIFICATION, deed_resume()
    return answer(do(house, viewer, action, verification_id, deed, key=key, body=body_of(request)))


# ── acts on a proof ─────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/cases/{case_no}/proofs/{proof}/escalation", response_model=Acted)
def escalate_proof(
    house: TheHouse,
    viewer: MayEscalate,
    case_no: CaseNo,
    proof: Part,
    asked: Because,
    key: IdempotencyKey,
    request: Request,
) -> Response:
    """提级: whoever is waited for is waited for no longer; a caseworker settles the proof."""
    return _acted_on_proof(
        house,
        viewer,
        Action.ESCALATE_PROOF,
        case_no,
        proof,
        EscalateProof,
        asked.reason,
        key=key,
        body=body_of(request),
    )


@router.post("/cases/{case_no}/proofs/{proof}/commitment", response_model=Acted)
def answer_commitment(
    house: TheHouse,
    viewer: MayAnswerCommitment,
    case_no: CaseNo,
    proof: Part,
    asked: CommitmentAnswer,
    key: IdempotencyKey,
    request: Request,
) -> Response:
    """告知承诺: signed, the fact is taken as shown; declined, the ordinary way is open, and nobody loses anything."""
    if asked.signed and (asked.letter is None or not asked.letter.strip()):
        raise _faulty("/letter", "missing", "请附所签署的承诺书", "the letter that was signed is missing")
    if not asked.signed and asked.letter is not None:
        raise _faulty("/letter", "unknown", "未作承诺, 不应附承诺书", "who declines has signed no letter")
    return _acted_on_proof(
        house,
        viewer,
        Action.ANSWER_COMMITMENT,
        case_no,
        proof,
        partial(AnswerCommitment, signed=asked.signed),
        asked.letter,
        key=key,
        body=body_of(request),
    )


def _acted_on_proof(
    house: House,
    viewer: Viewer,
    action: Action,
    case_no: str,
    proof: str,
    command: Callable[..., Command],
    said: str | None,
    *,
    key: str,
    body: str,
) -> Response:
    line = get_case(house, viewer, action, case_no)
    bound = act_key(house, viewer.actor, key, action, case_no, proof, body)
    id = command_id(line.case_id, action, proof, viewer.actor.account, bound.key)
    note = None if said is None else f"note/{id}"
    more: dict[str, Any] = {} if note is None else {"note": note}
    handled = act_once(
        house.store,
        line.case_id,
        command(id=id, at=house.clock(), by=viewer.actor, proof=proof, **more),
        key=bound,
        kept=[] if note is None or said is None else [Kept(line.case_id, note, {"text": said})],
    )
    version = handled.events[-1].version if handled.events else handled.file.version
    told = Acted(case_no=line.case_no, version=version, events=event_views(handled.events))
    return answer(told, headers={"etag": etag(version)})


# ── one-time links ──────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/links/question", response_model=Question, dependencies=[Depends(public)])
def show_question_of_link(house: TheHouse, asked: LinkShown) -> Response:
    """What a one-time link asks; its holder needs no account, and the read is in the access log under the link."""
    line = line_of_link(house, asked.token)
    return answer(_question(house, holder_of_link(line), line, of_the_unit=True))


@router.post("/links/answer", response_model=AnswerHeard, dependencies=[Depends(public)])
def answer_link(house: TheHouse, asked: LinkAnswer) -> Response:
    """Answer what a one-time link asks; a second use is told who closed it, and when."""
    line = line_of_link(house, asked.token)
    # Every use is an act of its own: the link is spent by the first, not by the first of each content.
    handled = _carried_out(
        house,
        holder_of_link(line),
        Action.ANSWER_VERIFICATION,
        line,
        deed_answer(house, asked),
        uuid4(),
        None,
    )
    return answer(_heard(handled, line))


def line_of_link(house: House, token: str) -> VerificationLine:
    """The verification that the link leads to; raises LinkRefused."""
    id = read_link(house.store.vault, token, house.clock())

    def look() -> VerificationLine | None:
        with house.store.database.glancing() as connection:
            # The link itself is the right to see this one.
            return find_verification(connection, id, true())

    line = again_if_lost(look)
    if line is None:
        raise LinkRefused
    return line


def holder_of_link(line: VerificationLine) -> Actor:
    """Who holds the link, for the record: the link, and the unit that was asked; never a person."""
    return Actor(account=f"link:{line.id.hex[:8]}", unit=line.unit)
