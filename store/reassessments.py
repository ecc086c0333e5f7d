"""重新核定: every pension that was granted provisionally in a year, computed again once the year's own base is published.

Each case is a transaction of its own and is corrected once, under a command that follows from the case and the year: a
run that is killed is run again, and goes on where it stopped. What cannot be computed is told with the reason and left
to a person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import select

from domain.actors import Actor
from domain.bundle import Item
from domain.case_file import CaseFile, CaseState, ItemState
from domain.commands import command_id
from domain.law.entitlement import FactMissing
from domain.law.explained import NoRuleInForce
from domain.law.months import month_of
from domain.law.pension import BASES, Base, base_for
from domain.law.pension_grant import ENTITLEMENT
from domain.law.pension_reassessment import AssessedOtherwise, BackPayment, reassessed
from domain.time_limits import in_shanghai
from store.access_log import Access
from store.cases import CaseStore, OpenedCase
from store.corrections import Correction, correct
from store.database import again_if_lost
from store.tables import cases

BUNDLE: Final = "retirement"
PRODUCT: Final = "pension"
FIRST_PAYMENT: Final = "first_payment"
THE_REASSESSMENT: Final = "reassessment"
"""The account under which a case is corrected, in the unit that took it in."""
PAGE: Final = 200


class BaseNotPublished(LookupError):
    """The year's own base is not known yet, so nothing can be settled."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(f"the pension base of {year} is not published")


class Outcome(StrEnum):
    """What became of one case."""

    CORRECTED = "corrected"
    UNCHANGED = "unchanged"  # the year's own base comes to the same
    NOT_PROVISIONAL = "not_provisional"
    ALREADY_CORRECTED = "already_corrected"
    CANNOT_COMPUTE = "cannot_compute"


@dataclass(frozen=True, slots=True)
class Found:
    """One case of the year: what became of it, or would; amounts in yuan."""

    case_no: str
    district: str
    outcome: Outcome
    reason: str | None = None
    """Why it cannot be computed, as a word of WHY_NOT."""
    payment: BackPayment | None = None


WHY_NOT: Final[Mapping[str, tuple[str, str]]] = {
    "withdrawn": ("申请已撤回", "the application was withdrawn"),
    "forgotten": ("当事人的个人信息已依法删除", "the person's data was erased by law"),
    "record_missing": ("没有核定所用的记录", "the record of the assessment is missing"),
    "assessed_otherwise": ("按记录算不出原核定金额", "the record does not lead to the amount that was granted"),
    "corrected_by_hand": ("部门已另行更正", "the department has corrected it otherwise"),
    "no_rule": ("没有适用的规定", "no rule is written here for it"),
}


class _NotNow(Exception):
    """The case is not to be corrected."""

    def __init__(self, outcome: Outcome, reason: str | None = None) -> None:
        self.outcome = outcome
        self.reason = reason


def reassess(
    store: CaseStore,
    year: int,
    at: datetime,
    *,
    district: str | None = None,
    dry_run: bool = False,
    published: Mapping[int, Decimal] = BASES,
) -> Iterator[Found]:
    """Every case of the year whose pension was assessed, one after the other; with `dry_run`, nothing is changed.

    Raises BaseNotPublished before the first.
    """
    if year not in published:
        raise BaseNotPublished(year)
    return _each(store, year, at, district, dry_run, base_for(year, published))


def _each(
    store: CaseStore, year: int, at: datetime, district: str | None, dry_run: bool, base: Base
) -> Iterator[Found]:
    after = UUID(int=0)
    while page := _page(store, district, after):
        for case_id in page:
            file = store.case_file(case_id)
            item = _assessed(file)
            if item is not None and _retires(file, item).year == year:
                yield _one(store, file, item.code, base, at, dry_run=dry_run)
        after = page[-1]


def _page(store: CaseStore, district: str | None, after: UUID) -> list[UUID]:
    question = select(cases.c.case_id).where(cases.c.bundle == BUNDLE, cases.c.case_id > after)
    if district is not None:
        question = question.where(cases.c.division == district)

    def look() -> list[UUID]:
        with store.database.glancing() as connection:
            return list(connection.execute(question.order_by(cases.c.case_id).limit(PAGE)).scalars())

    return again_if_lost(look)


def _assessed(file: CaseFile) -> Item | None:
    """The item by which the pension was granted, if it was."""
    for item in file.bundle.items:
        if item.entitle is not None and item.entitle.entitlement == ENTITLEMENT.code:
            live = file.items.get(item.code)
            return item if live is not None and live.state is ItemState.CONCLUDED else None
    return None


def _retires(file: CaseFile, item: Item) -> date:
    """The day whose law applies."""
    assert item.entitle is not None
    code = next(one.code for one in file.bundle.milestones if one.after == item.entitle.on.field and not one.months)
    return in_shanghai(file.milestones[code]).date()


def _one(store: CaseStore, file: CaseFile, item: str, base: Base, at: datetime, *, dry_run: bool) -> Found:
    id = command_id(file.case_id, THE_REASSESSMENT, base.of_year)
    by = Actor(account=THE_REASSESSMENT, unit=file.opened.by.unit)
    basis = file.bundle.item(item).basis
    access = Access(at=at, by=by, action=THE_REASSESSMENT, about=ENTITLEMENT.needs, purpose=basis, case_id=file.case_id)

    def told(outcome: Outcome, reason: str | None = None, payment: BackPayment | None = None) -> Found:
        return Found(file.opened.case_no, file.opened.division, outcome, reason, payment)

    try:
        payment = _computed(store.open_for(file.case_id, access), item, base, id, at)
        if not dry_run:

            def judged(case: OpenedCase) -> Correction:
                again = _computed(case, item, base, id, at)
                return Correction(item, {PRODUCT: f"{again.reassessment.new.total:f}"}, _why(again))

            correct(store, file.case_id, judged, id=id, at=at, by=by)
    except _NotNow as found:
        return told(found.outcome, found.reason)
    return told(Outcome.CORRECTED, payment=payment)


def _computed(case: OpenedCase, item: str, base: Base, id: UUID, at: datetime) -> BackPayment:
    """What is to be corrected; raises _NotNow where nothing is, or nothing can be."""
    file, live = case.file, case.file.item(item)
    if any(one.note == f"note/{id}" for one in live.corrections):
        raise _NotNow(Outcome.ALREADY_CORRECTED)
    if file.state is CaseState.WITHDRAWN:
        raise _NotNow(Outcome.CANNOT_COMPUTE, "withdrawn")
    if case.dossier.forgotten:
        raise _NotNow(Outcome.CANNOT_COMPUTE, "forgotten")
    facts = case.entitled(item)
    if not facts:
        raise _NotNow(Outcome.CANNOT_COMPUTE, "record_missing")
    if facts.get("provisional") != "true":
        raise _NotNow(Outcome.NOT_PROVISIONAL)
    if any(PRODUCT in one.products for one in live.corrections):
        raise _NotNow(Outcome.CANNOT_COMPUTE, "corrected_by_hand")
    if case.made(item, PRODUCT) != facts.get(PRODUCT):
        raise _NotNow(Outcome.CANNOT_COMPUTE, "assessed_otherwise")
    entitle = file.bundle.item(item).entitle
    assert entitle is not None
    on = case.declared(entitle.on.field, at_version=live.submitted_at_version) or ""
    first, last = _paid(file, at)
    try:
        payment = reassessed(date.fromisoformat(on[: len("2026-11-20")]), facts, base, first=first, last=last)
    except AssessedOtherwise:
        raise _NotNow(Outcome.CANNOT_COMPUTE, "assessed_otherwise") from None
    except NoRuleInForce:
        raise _NotNow(Outcome.CANNOT_COMPUTE, "no_rule") from None
    except FactMissing:
        raise _NotNow(Outcome.CANNOT_COMPUTE, "record_missing") from None
    if not payment.reassessment.difference:
        raise _NotNow(Outcome.UNCHANGED)
    return payment


def _paid(file: CaseFile, at: datetime) -> tuple[int, int]:
    """The first and the last month paid so far; the last comes before the first where nothing was paid yet."""
    begins = file.bundle.item(FIRST_PAYMENT).not_before
    assert begins is not None
    day, today = in_shanghai(file.milestones[begins]), in_shanghai(at)
    first = month_of(day.year, day.month)
    if file.item(FIRST_PAYMENT).state is not ItemState.CONCLUDED:
        return first, first - 1
    return first, max(first, month_of(today.year, today.month))


def _why(payment: BackPayment) -> Mapping[str, str]:
    old, new, owed = payment.reassessment.old, payment.reassessment.new, payment.owed.value
    year, difference, months = payment.base.of_year, payment.reassessment.difference, payment.months
    zh = (
        f"{year} 年计发基数公布, 重新核定: 月养老金由 {old.total} 元改为 {new.total} 元, 每月差额 {difference} 元;"
        f" 已按原标准发放 {months} 个月, {'应补发' if owed >= 0 else '应扣回'} {abs(owed)} 元"
    )
    en = (
        f"the base of {year} was published: {new.total} instead of {old.total} yuan a month, {difference} a month;"
        f" paid at the old amount for {months} month(s), {abs(owed)} yuan {'owed' if owed >= 0 else 'paid too much'}"
    )
    return {"text": f"{zh} · {en}", "explanation": payment.as_text()}
