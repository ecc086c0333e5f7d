"""One question to a unit over HTTP (核验事项): what is asked, the declared facts to compare with, and who was asked before.

Whoever was asked sees what they need to answer, in full and on record; whoever leads them sees it masked.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from api.case_view import Sentence
from api.confirmation_form import AmountAhead, amount_ahead, asks_after_silence, notice_of, reads_for_preview
from api.house import House, TheHouse
from api.identity import MayReadInbox
from api.limits import StrictRoute
from api.masking import in_clear, masked
from api.reach import get_verification
from api.shapes import V1, Moment, Named, Shown, answer
from api.undelivered import undelivered_cards
from api.verification_view import VerificationView, verification_view
from domain.actors import Actor
from domain.bundle import Bundle, Choice, Confirmation, FieldKind, Route, Verification
from domain.case_file import CaseFile, CaseState, LiveVerification, Rung, VerificationState
from domain.form import left_open
from domain.law.calendar import CalendarNotShipped
from domain.scopes import Action, Reach, Viewer, reach
from domain.timeline import GAVE_UP, answer_title
from domain.verifications import may_find_it_after_all
from domain.waiting import waits
from store.access_log import Access
from store.cases import OpenedCase
from store.read_models.verifications import VerificationLine, lines_of

router = APIRouter(prefix=V1, tags=["verifications"], route_class=StrictRoute)

VerificationId = Annotated[UUID, Path(description="As the inbox names it.")]


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


class CorrectableField(Shown):
    """Something that whoever confirms may correct themselves."""

    path: str
    title: str
    title_en: str
    kind: FieldKind
    required: bool
    value: str = Field(description="As it stands; empty where nothing was declared.")
    left_open: Sentence | None = Field(description="What the law leaves open today; null where it says nothing of it.")
    choices: tuple[Named, ...] = Field(description="Of a choice; otherwise none.")


class GaveUp(Shown):
    """An earlier rung of the ladder that gave up."""

    route: str
    unit: str | None
    reason: str
    because: Sentence
    said: str | None = Field(description="The reason in the words of whoever answered.")


class Said(Shown):
    """An earlier answer, and the reason that was given with it."""

    answer: str
    answer_label: Sentence
    at: Moment
    said: str | None


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
    corrects: tuple[CorrectableField, ...] = Field(
        description="What may be corrected by the answer that confirms it; only where shown in full."
    )
    notice: Sentence | None = Field(description="What whoever confirms is told; null for a verification.")
    waiting_label: Sentence | None = Field(
        description="Why it waits, as everybody is told who may see the case; null once nothing waits for it."
    )
    asks_next: Sentence | None = Field(
        description="Who asks the person if nobody answers the form; null for a verification."
    )
    undelivered: Sentence | None = Field(
        description="That the latest notice of an open question has reached nobody, and what to do; null where it has, "
        "and for whoever holds the link."
    )
    preview: AmountAhead | None = Field(description="The amount as it would be granted; only where shown in full.")
    in_full: bool = Field(description="Whether the values are shown in full; otherwise masked.")
    forgotten: bool = Field(description="Whether a person's data was erased by law.")
    tried: tuple[GaveUp, ...] = Field(description="The rungs before this one, and why they gave up.")
    suspended_because: str | None
    answered_at: Moment | None = Field(
        description="When the answer that is shown was given; `ended_at` of the verification is when nobody waited for "
        "it any more."
    )
    said: str | None = Field(description="The reason that was given with the answer.")
    earlier: Said | None = Field(
        description="What the same account had answered before it found the record; null where it was answered once."
    )
    may_add: bool = Field(
        description="Whether whoever asks had answered that there is no record, or that the community should be asked, "
        "and may still answer `matches` or `contradicts`; `?found=true` shows the values in full for it."
    )
    phone: PhoneRecord | None


Found = Annotated[
    bool, Query(description="Whoever answered that there is no record has found it, and reads in full to add so.")
]


@router.get("/inbox/{verification_id}", response_model=Question)
def show_verification(
    house: TheHouse, viewer: MayReadInbox, verification_id: VerificationId, found: Found = False
) -> Response:
    """What is asked, in full for the unit that was asked and masked for its division; the read is in the access log."""
    line = get_verification(house, viewer, Action.READ_INBOX, verification_id)
    return answer(question_to(house, viewer, line, found=found))


def question_to(house: House, viewer: Viewer, line: VerificationLine, *, found: bool = False) -> Question:
    """What is asked, as far as the viewer may see it."""
    addressed = reach(viewer, Action.READ_INBOX) is Reach.ADDRESSED
    return open_question(house, viewer.actor, line, of_the_unit=addressed, found=found)


def open_question(
    house: House, by: Actor, line: VerificationLine, *, of_the_unit: bool, found: bool = False
) -> Question:
    """What is asked, once the reading is in the access log; in full for the unit that was asked, while it may answer.

    Who answered that there is no record has no more business with the person's data either, unless they found it.
    """
    file = house.store.case_file(line.case_id)

    def wanted(file: CaseFile) -> bool:
        adds = found and _may_add(file, line.on_ladder, by)
        return of_the_unit and (adds or _may_still_answer(file, line.on_ladder))

    in_full = wanted(file)
    access = Access(
        at=house.clock(),
        by=by,
        action="read_question" if in_full else "read_masked",
        about=(*shows(file, line.on_ladder), *(reads_for_preview(file, line.on_ladder) if in_full else ())),
        purpose=file.declared_proof(line.proof).basis,
        case_id=line.case_id,
    )
    case = house.store.open_for(line.case_id, access)
    # It may have been answered between the two looks.
    still_in_full = in_full and wanted(case.file)
    undelivered = undelivered_cards(house, case.file).get(line.id)
    may_add = of_the_unit and _may_add(case.file, line.on_ladder, by)
    return _asked(case, line.on_ladder, access.at, undelivered, in_full=still_in_full, may_add=may_add)


def _asked(
    case: OpenedCase, rung: Rung, at: datetime, undelivered: Sentence | None, *, in_full: bool, may_add: bool
) -> Question:
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
        corrects=tuple(_correctable(case, rung, at)) if in_full else (),
        notice=notice_of(file, rung),
        waiting_label=next((Sentence(zh=one.zh, en=one.en) for one in waits(file) if one.what == rung[0]), None),
        asks_next=asks_after_silence(file, rung),
        undelivered=undelivered,
        preview=amount_ahead(case, rung) if in_full else None,
        in_full=in_full,
        forgotten=bool(case.dossier.forgotten),
        tried=tuple(_tried(case, live)),
        suspended_because=case.note(last.reason) if last.kind == "suspended" else None,
        answered_at=live.answered_at,
        said=case.note(live.note),
        earlier=_earlier(case, live),
        may_add=may_add,
        phone=_phone(case, live),
    )


def _may_still_answer(file: CaseFile, rung: Rung) -> bool:
    """Whether an answer would be taken; who has answered already has no more business with the person's data."""
    live, proof = file.verification(*rung), file.proof(rung[0])
    waited_for = live.state is VerificationState.OPEN
    late = live.state is VerificationState.EXPIRED and live.answered_by is None and proof.round == rung[1]
    return file.state is CaseState.OPEN and (waited_for or late)


def _may_add(file: CaseFile, rung: Rung, by: Actor) -> bool:
    """Whether they had said that there is no record, and what they found after all would be taken."""
    waited_for = file.state is CaseState.OPEN and file.proof(rung[0]).round == rung[1]
    return waited_for and may_find_it_after_all(file.verification(*rung), by)


def shows(file: CaseFile, rung: Rung) -> tuple[str, ...]:
    """The declared fields that this rung of the ladder lets the verifier compare."""
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
    for path in shows(case.file, rung):
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
                    value=in_clear(kind, value) if in_full else masked(kind, value),
                    choice=None if chosen is None else Sentence(zh=chosen.title, en=chosen.title_en),
                )


def _correctable(case: OpenedCase, rung: Rung, at: datetime) -> Iterator[CorrectableField]:
    bundle, route = case.file.bundle, case.file.declared_proof(rung[0]).routes[rung[2]]
    paths = route.corrects if isinstance(route, Confirmation) else ()
    by_law = left_open(bundle, case.form(), at=at) if paths else {}
    for path in paths:
        field = bundle.field(path)
        yield CorrectableField(
            path=path,
            title=field.title,
            title_en=field.title_en,
            kind=field.kind,
            required=field.required,
            value=in_clear(field.kind, case.declared(path) or ""),
            left_open=Sentence(zh=by_law[path].zh, en=by_law[path].en) if path in by_law else None,
            choices=tuple(Named(code=one.code, title=one.title, title_en=one.title_en) for one in field.choices),
        )


def _declared(bundle: Bundle, section: str, code: str) -> tuple[str, str, FieldKind, Sequence[Choice]]:
    about = bundle.section(section)
    if code == "count":
        return f"{about.title}人数", f"{about.title_en}: how many", FieldKind.COUNT, ()
    field = bundle.field(f"{section}.{code}")
    # 母亲姓名 is one word; 用证事由用途 would be none.
    title = f"{about.title}{field.title}" if about.person else f"{about.title}: {field.title}"
    return title, f"{about.title_en}: {field.title_en}", field.kind, field.choices


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
            said=None if asked is None else case.note((asked.earlier or asked).note),
        )
        place += 1


def _earlier(case: OpenedCase, live: LiveVerification) -> Said | None:
    earlier = live.earlier
    if earlier is None:
        return None
    label = answer_title(live.opened.route, earlier.answer)
    return Said(
        answer=earlier.answer,
        answer_label=Sentence(zh=label.zh, en=label.en),
        at=earlier.at,
        said=case.note(earlier.note),
    )


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
