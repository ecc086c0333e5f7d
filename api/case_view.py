"""One case as it is shown (办件详情): its items, proofs, what it waits for, and until when; and, asked for, its content.

Everything follows from the case file, so that a page can tell nothing else than what the engine goes by.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import Field

from api.masking import masked, masked_form
from api.reach import Sight
from api.shapes import Moment, Named, Shown
from api.verification_view import VerificationView, verification_view
from api.words import CASE_STATES, ITEM_STATES, NOT_APPLICABLE, NOT_APPLICABLE_LABEL, PROOF_STATES
from domain.bundle import Bundle, FieldKind, Item
from domain.case_file import CaseFile, ItemState, LiveItem
from domain.departments import DEPARTMENTS
from domain.events import CaseOpened, Event, Recorded
from domain.identifiers import grouped_case_no
from domain.law.calendar import CalendarNotShipped
from domain.time_limits import describe, due_at
from domain.waiting import waits
from store.cases import OpenedCase
from store.read_models.verifications import lines_of


class Sentence(Shown):
    """The same thing said twice."""

    zh: str
    en: str


class CorrectionView(Shown):
    """A correction (更正) of a concluded item, without its values."""

    number: int
    at: Moment
    account: str
    unit: str
    products: tuple[str, ...] = Field(description="What is different since, by code.")


class ItemView(Shown):
    """One item (事项) of a case, or one that this family does not need."""

    id: str = Field(description="The item's code, with :2 for the second child.")
    code: str
    title: str
    title_en: str
    number: int | None = Field(description="Which person of the list, from 1; null where it is handled once.")
    department: Named
    state: str
    state_label: str
    not_applicable_because: Sentence | None = None
    since: Moment | None = None
    accepted_at: Moment | None = None
    promised_by: Moment | None = Field(default=None, description="Runs since the item was accepted.")
    expected_by: Moment | None = Field(
        default=None,
        description="The latest day if everybody before it takes until the promise; null once it has ended, "
        "or where the year's calendar is not published.",
    )
    statutory_by: Moment | None = None
    promised_limit: Sentence
    immediate: bool
    overdue_since: Moment | None = None
    attempt: int = 0
    reference: str | None = Field(default=None, description="The department's own number.")
    products: tuple[str, ...] = Field(default=(), description="What the department made, by code; values elsewhere.")
    corrections: tuple[CorrectionView, ...] = ()
    after: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    open_proofs: tuple[str, ...] = ()
    reason_code: str | None = None
    because: str | None = Field(default=None, description="The item whose end made this one impossible.")
    unreachable_since: Moment | None = None
    fault: str | None = None


class Tried(Shown):
    """A route that gave up, and why."""

    route: str
    reason: str


class ProofView(Shown):
    """One proof (证明) of a case."""

    code: str
    title: str
    title_en: str
    basis: str
    state: str
    state_label: str
    since: Moment | None
    asked: str | None = Field(description="The register, or caseworker.")
    tried: tuple[Tried, ...]
    differing: tuple[str, ...] = Field(description="The names of values that differ, not the values.")
    settled_by: str | None
    verifications: tuple[VerificationView, ...] = Field(description="Whom it was asked of, the earliest first.")


class WaitView(Shown):
    """One thing that is waited for, and by whom."""

    what: str
    on: str = Field(description='"department:x", "register:x" or "caseworker"')
    since: Moment | None
    zh: str
    en: str


class Warned(Shown):
    """Something accepted with a doubt."""

    pointer: str
    code: str


class CaseView(Shown):
    """A case without any personal data."""

    case_no: str
    case_no_grouped: str
    bundle: Named
    state: str
    state_label: str
    outcome: str | None
    version: int
    unit: str
    division: str
    opened_at: Moment
    changed_at: Moment
    ended_at: Moment | None
    circumstances: tuple[Named, ...]
    warnings: tuple[Warned, ...]
    items: tuple[ItemView, ...]
    proofs: tuple[ProofView, ...]
    waits: tuple[WaitView, ...]
    late_answers: int


class CorrectedValue(Shown):
    """One product before and after a correction."""

    product: str
    before: str | None
    now: str | None
    difference: str | None = Field(default=None, description="Of amounts in yuan: now less before.")


class CorrectedContent(Shown):
    """What a correction changed, and why."""

    number: int
    at: Moment
    values: tuple[CorrectedValue, ...]
    reason: str
    explanation: dict[str, Any] | None = Field(
        default=None, description="The calculation, where there is one: its results, and the steps that lead to them."
    )


class Content(Shown):
    """The personal content of a case."""

    form: dict[str, list[dict[str, str]]] = Field(description="Section -> its persons or its one row of facts.")
    products: dict[str, dict[str, str]] = Field(description="Item -> product -> value, as corrected.")
    corrections: dict[str, tuple[CorrectedContent, ...]] = Field(description="Item -> its corrections, in their order.")
    notes: dict[str, str] = Field(description="Reasons in words: of items, of proofs, of the withdrawal.")
    forgotten: bool = Field(description="Whether a person's data was erased by law.")


class CaseWithContent(CaseView):
    """A case with its masked content."""

    content: Content


class EventView(Shown):
    """One thing that happened, without personal data."""

    version: int
    type: str
    at: Moment
    account: str
    unit: str
    facts: dict[str, Any]


# ── the case ────────────────────────────────────────────────────────────────────────────────────────────────────────


def case_view(file: CaseFile, sight: Sight) -> CaseView:
    """The case as far as the viewer sees it."""
    return CaseView(**_case(file, sight))


def case_with_content(case: OpenedCase, sight: Sight) -> CaseWithContent:
    """The same with its masked content."""
    return CaseWithContent(**_case(case.file, sight), content=content(case, sight, unmasked=False))


def _case(file: CaseFile, sight: Sight) -> dict[str, Any]:
    bundle, whole = file.bundle, sight.whole()
    circumstances = {one.code: one for one in bundle.circumstances}
    return {
        "case_no": file.opened.case_no,
        "case_no_grouped": grouped_case_no(file.opened.case_no),
        "bundle": Named(code=bundle.code, title=bundle.title, title_en=bundle.title_en),
        "state": file.state,
        "state_label": CASE_STATES[file.state],
        "outcome": file.outcome,
        "version": file.version,
        "unit": file.opened.by.unit,
        "division": file.opened.division,
        "opened_at": file.opened.at,
        "changed_at": file.changed_at or file.opened.at,
        "ended_at": file.ended_at,
        # Whether the parents are married, or somebody is insured, is no department's business as such.
        "circumstances": tuple(
            Named(code=code, title=circumstances[code].title, title_en=circumstances[code].title_en)
            for code in file.circumstances
        )
        if whole
        else (),
        "warnings": tuple(_warned(warning) for warning in file.opened.warnings) if whole else (),
        "items": tuple(_items(file, sight)),
        "proofs": tuple(_proofs(file, sight)),
        "waits": tuple(
            WaitView(what=wait.what, on=wait.on, since=wait.since, zh=wait.zh, en=wait.en)
            for wait in waits(file)
            if whole or sight.item(wait.what) or sight.proof(wait.what)
        ),
        "late_answers": file.late_answers if whole else 0,
    }


def _warned(warning: str) -> Warned:
    pointer, _, code = warning.rpartition(":")
    return Warned(pointer=pointer, code=code)


def _items(file: CaseFile, sight: Sight) -> Iterator[ItemView]:
    """In declared order, those that do not apply in their place, so that nothing is missed without a word."""
    expected = expected_dates(file)
    for declared in file.bundle.items:
        of_this = [(item, live) for item, live in file.items.items() if live.planned.item == declared.code]
        for item, live in of_this:
            if sight.item(item):
                yield _item(file, item, live, declared, expected.get(item))
        if not of_this and sight.whole():
            yield ItemView(
                **_declared(declared),
                id=declared.code,
                number=None,
                state=NOT_APPLICABLE,
                state_label=NOT_APPLICABLE_LABEL,
                not_applicable_because=_because(file, declared),
            )


def _declared(item: Item) -> dict[str, Any]:
    return {
        "code": item.code,
        "title": item.title,
        "title_en": item.title_en,
        "department": _department(item.department),
        "promised_limit": Sentence(zh=describe(item.promised_limit), en=describe(item.promised_limit, "en")),
        "immediate": item.immediate,
    }


def _item(file: CaseFile, item: str, live: LiveItem, declared: Item, expected: datetime | None) -> ItemView:
    return ItemView(
        **_declared(declared),
        id=item,
        number=live.planned.number,
        state=live.state,
        state_label=ITEM_STATES[live.state],
        since=live.since,
        accepted_at=live.accepted_at,
        promised_by=live.promised_by,
        expected_by=expected,
        statutory_by=live.statutory_by,
        overdue_since=live.overdue_since,
        attempt=live.attempt,
        reference=live.reference,
        products=live.made,
        corrections=tuple(
            CorrectionView(
                number=one.number, at=one.at, account=one.by.account, unit=one.by.unit, products=one.products
            )
            for one in live.corrections
        ),
        after=live.planned.after,
        waits_for=file.waits_for(item) if live.state is ItemState.WAITING else (),
        open_proofs=file.open_proofs(item) if live.state is ItemState.ACCEPTED else (),
        reason_code=live.reason_code,
        because=live.because,
        unreachable_since=live.unreachable_since,
        fault=live.fault,
    )


def _department(code: str) -> Named:
    department = DEPARTMENTS[code]
    return Named(code=code, title=department.title, title_en=department.title_en)


def _because(file: CaseFile, item: Item) -> Sentence:
    titles = {one.code: (one.title, one.title_en) for one in file.bundle.circumstances}
    holding = [titles[code] for code in item.unless if code in file.circumstances]
    lacking = [titles[code] for code in item.when if code not in file.circumstances]
    return Sentence(
        zh="; ".join([*(f"因“{zh}”不需办理" for zh, _ in holding), *(f"仅在“{zh}”时办理" for zh, _ in lacking)]),
        en="; ".join(
            [*(f"not needed under: {en}" for _, en in holding), *(f"handled only under: {en}" for _, en in lacking)]
        ),
    )


def _proofs(file: CaseFile, sight: Sight) -> Iterator[ProofView]:
    asked = lines_of(file)
    for proof, live in file.proofs.items():
        if sight.proof(proof):
            declared = file.declared_proof(proof)
            yield ProofView(
                code=proof,
                title=declared.title,
                title_en=declared.title_en,
                basis=declared.basis,
                state=live.state,
                state_label=PROOF_STATES[live.state],
                since=live.since,
                asked=live.asked,
                tried=tuple(Tried(route=route, reason=reason) for route, reason in live.exhausted),
                differing=live.differing,
                settled_by=live.settled_by,
                verifications=tuple(verification_view(line) for line in asked.values() if line.proof == proof),
            )


_RUNNING: Final = frozenset({ItemState.ACCEPTED, ItemState.SUBMITTED, ItemState.ACKNOWLEDGED, ItemState.REJECTED})


def expected_dates(file: CaseFile) -> Mapping[str, datetime]:
    """For every item that has not ended, the day by which it is promised if those before it take until theirs.

    A family is told eight dates on the first day, though only some clocks run already.
    """
    found: dict[str, datetime] = {}
    for item, live in file.items.items():
        if live.state in _RUNNING and live.promised_by is not None:
            found[item] = live.promised_by
        elif live.state is ItemState.WAITING:
            before = [found[one] for one in live.planned.after if one in found]
            if len(before) == sum(file.items[one].state is not ItemState.CONCLUDED for one in live.planned.after):
                declared = file.declared_item(item)
                days = [day] if (day := file.waits_for_day(declared.not_before)) else []
                start = max([*before, *days, live.since or file.opened.at])
                try:
                    found[item] = due_at(start, declared.promised_limit)
                except CalendarNotShipped:
                    # Never guessed, and then nothing after it either.
                    continue
    return found


# ── its content ─────────────────────────────────────────────────────────────────────────────────────────────────────


def content(case: OpenedCase, sight: Sight, *, unmasked: bool) -> Content:
    """The personal content that the viewer may see."""
    file = case.file
    form = {
        section: seen
        for section, rows in case.form().items()
        if any(
            seen := [
                {field: value for field, value in row.items() if sight.field(f"{section}.{field}")} for row in rows
            ]
        )
    }
    return Content(
        form=form if unmasked else masked_form(file.bundle, form),
        products={item: made for item in file.items if (made := dict(_products(case, item, sight, unmasked=unmasked)))},
        corrections={
            item: corrected
            for item in file.items
            if (corrected := tuple(_corrections(case, item, sight, unmasked=unmasked)))
        },
        notes={name: text for name, place in _notes(file, sight) if (text := case.note(place)) is not None},
        forgotten=bool(case.dossier.forgotten),
    )


def _products(case: OpenedCase, item: str, sight: Sight, *, unmasked: bool) -> Iterator[tuple[str, str]]:
    for code in case.file.items[item].made:
        value = _shown(case, code, case.made(item, code), unmasked=unmasked)
        if value is not None and sight.product(code):
            yield code, value


def _shown(case: OpenedCase, code: str, value: str | None, *, unmasked: bool) -> str | None:
    return value if unmasked or value is None else masked(case.file.bundle.product(code).kind, value)


def _corrections(case: OpenedCase, item: str, sight: Sight, *, unmasked: bool) -> Iterator[CorrectedContent]:
    if not sight.item(item):
        return
    for one in case.file.items[item].corrections:
        why = case.dossier.find(case.file.case_id, one.note) or {}
        yield CorrectedContent(
            number=one.number,
            at=one.at,
            values=tuple(_corrected(case, item, code, one.number, unmasked=unmasked) for code in one.products),
            reason=why.get("text", ""),
            explanation=_explanation(why.get("explanation"), unmasked=unmasked),
        )


def _corrected(case: OpenedCase, item: str, code: str, number: int, *, unmasked: bool) -> CorrectedValue:
    before, now = case.made(item, code, corrections=number - 1), case.made(item, code, corrections=number)
    amounts = case.file.bundle.product(code).kind is FieldKind.AMOUNT and before is not None and now is not None
    return CorrectedValue(
        product=code,
        before=_shown(case, code, before, unmasked=unmasked),
        now=_shown(case, code, now, unmasked=unmasked),
        difference=f"{Decimal(now) - Decimal(before):f}" if amounts and before and now else None,
    )


_WHOLE_ASSESSMENTS: Final = frozenset({"old", "new"})
"""They tell a whole working life; what differs can be understood without it."""


def _explanation(written: str | None, *, unmasked: bool) -> dict[str, Any] | None:
    if written is None:
        return None
    told: dict[str, Any] = json.loads(written)
    return {name: value for name, value in told.items() if unmasked or name not in _WHOLE_ASSESSMENTS}


def _notes(file: CaseFile, sight: Sight) -> Iterator[tuple[str, str]]:
    for item, live in file.items.items():
        if live.note is not None and sight.item(item):
            yield f"item:{item}", live.note
    for proof, settled in file.proofs.items():
        if settled.note is not None and sight.whole():
            yield f"proof:{proof}", settled.note
    if sight.whole():
        yield from file.notes.items()


def fields_of(bundle: Bundle, sight: Sight) -> tuple[str, ...]:
    """The names of what `content` shows, for the access log."""
    return tuple(
        f"{section.code}.{field.code}"
        for section in bundle.sections
        for field in section.fields
        if sight.field(f"{section.code}.{field.code}")
    )


# ── its events ──────────────────────────────────────────────────────────────────────────────────────────────────────

_KEPT_BACK: Final = frozenset(
    {"type", "at", "by", "note", "bundle", "people", "application_key", "event_keys", "case_id"}
)
"""Said elsewhere, or a key to the vault."""


def event_view(recorded: Recorded) -> EventView:
    """The event as it may be shown to anybody who may see the case's events."""
    event = recorded.event
    return EventView(
        version=recorded.version,
        type=event.type,
        at=event.at,
        account=event.by.account,
        unit=event.by.unit,
        facts=facts_of(event),
    )


def facts_of(event: Event) -> dict[str, Any]:
    """What the event says beside its time and actor."""
    facts = {
        name: value
        for name, value in event.model_dump(mode="json").items()
        if name not in _KEPT_BACK and value is not None
    }
    if isinstance(event, CaseOpened):
        facts["bundle"] = event.bundle.code
    if plan := facts.pop("plan", None):
        facts["items"] = [entry["id"] for entry in plan["items"]]
    return facts


def event_views(events: Sequence[Recorded]) -> tuple[EventView, ...]:
    """All of them, in order."""
    return tuple(event_view(recorded) for recorded in events)
