"""The words a life event (一件事) is declared in.

A declaration is data: it names fields, registers, departments, limits and dependencies, and never
holds a lambda or a condition written as text, so that it can be read by a clerk, drawn as a graph,
stored in the case it opened, and checked as a whole before anybody relies on it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import to_json

from domain.time_limits import Limit


class Declared(BaseModel):
    """A part of a declaration: frozen, and a misspelt field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldKind(StrEnum):
    """What a form field (表单字段) holds; the kind decides how it is read and masked."""

    NAME = "name"
    CITIZEN_ID = "citizen_id"
    PASSPORT = "passport"
    PHONE = "phone"
    ACCOUNT = "account"
    USCC = "uscc"
    TEXT = "text"
    DATE = "date"
    MONTH = "month"
    """Kept as its first day, so that months are counted from it like from any day."""
    MOMENT = "moment"
    CHOICE = "choice"
    YES_NO = "yes_no"
    COUNT = "count"
    AMOUNT = "amount"
    """In yuan, with two decimals at most."""


class Choice(Declared):
    """One permitted answer of a choice."""

    code: str
    title: str
    title_en: str


class Is(Declared):
    """The form field holds one of these values; a yes/no field holds "true" or "false"."""

    field: str
    among: tuple[str, ...]


class FormField(Declared):
    """One thing the form asks."""

    code: str
    title: str
    title_en: str
    kind: FieldKind
    choices: tuple[Choice, ...] = ()
    required: bool = True
    only_if: tuple[Is, ...] = ()
    """Asked only if all of these hold; given all the same, it is refused."""
    at_most: int | None = None


class Section(Declared):
    """One part of the form: the facts of the event, or one role of a person (母亲, 子女 …)."""

    code: str
    title: str
    title_en: str
    person: bool = False
    """The fields describe one person, who gets a key of their own in the vault."""
    at_most: int = 1
    """More than one makes the section a list (twins)."""
    only_if: tuple[Is, ...] = ()
    required_if: tuple[Is, ...] | None = None
    """None: always required where it is asked; else required only if any of these holds."""
    fields: tuple[FormField, ...]


class Circumstance(Declared):
    """情形: a named state of affairs that changes the graph, read from one form field."""

    code: str
    title: str
    title_en: str
    field: str
    among: tuple[str, ...]


class Conditional(Declared):
    """Something that applies only under certain circumstances: all of `when`, none of `unless`."""

    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    def applies(self, circumstances: Iterable[str]) -> bool:
        """Whether it applies under exactly these circumstances."""
        holding = set(circumstances)
        return holding.issuperset(self.when) and holding.isdisjoint(self.unless)


class Milestone(Declared):
    """期日: a day that items and proofs wait for, counted from a day on the form; waiting for it costs nothing."""

    code: str
    title: str
    title_en: str
    after: str
    """The day it is counted from, as "section.field"."""
    months: int = 0
    """So many months after the first day of that day's month; before it, if negative."""
    on_the_day: bool = False
    """Not the first day of a month, but that very day (a birthday)."""


class NotEligible(Conditional):
    """The bundle cannot serve this event here; the sentence says who can."""

    code: str
    reason: str
    reason_en: str
    go_to: str
    go_to_en: str


class NotInFuture(Declared):
    """The day or moment in the field is not after the filing."""

    check: Literal["not_in_future"] = "not_in_future"
    field: str


class BornBefore(Declared):
    """The person, by citizen ID number, was born at least so many years before the day in the other field."""

    check: Literal["born_before"] = "born_before"
    citizen_id: str
    before: str
    years: int = 0
    only_if: tuple[Is, ...] = ()
    """Judged only if all of these hold."""


class NumbersInOrder(Declared):
    """Within a list section, the field counts 1, 2, 3 … without gap or repetition."""

    check: Literal["numbers_in_order"] = "numbers_in_order"
    field: str


class FromForm(Declared):
    """A value the applicant declared, as "section.field"; "section.count" is how many there are."""

    of: Literal["form"] = "form"
    field: str


class FromProof(Declared):
    """A value of the record by which a proof was met."""

    of: Literal["proof"] = "proof"
    proof: str
    answer: str


Origin = Annotated[FromForm | FromProof, Field(discriminator="of")]


class Fact(Conditional):
    """A named value that goes into a query or a submission, and where it comes from."""

    name: str
    origin: Origin


class Lawful(Declared):
    """The law's own demand on the declaration (要件), by its code in `domain/law`; judged by the facts it needs."""

    check: Literal["lawful"] = "lawful"
    requirement: str
    facts: tuple[Fact, ...]


Check = Annotated[NotInFuture | BornBefore | NumbersInOrder | Lawful, Field(discriminator="check")]


class Agrees(Conditional):
    """The register's value must equal the declared one, or the proof is contested (不一致)."""

    answer: str
    field: str


class Holds(Conditional):
    """The register's value must be one of these, or the proof is contested (不一致)."""

    answer: str
    among: tuple[str, ...]


class SharedDataQuery(Declared):
    """数据共享: a register is asked through the data-sharing platform."""

    route: Literal["shared_data_query"] = "shared_data_query"
    source: str
    by: tuple[Fact, ...]
    agrees: tuple[Agrees, ...] = ()
    holds: tuple[Holds, ...] = ()


class DepartmentVerification(Declared):
    """部门核验: an officer of the department that holds the fact answers, within the proof's limit."""

    route: Literal["department_verification"] = "department_verification"
    department: str
    shows: tuple[str, ...]
    """The declared fields that the officer searches by and compares with, as "section.field"."""


class CommunityCheck(Declared):
    """社区核实: the community worker who knows the person answers, within the proof's limit."""

    route: Literal["community_check"] = "community_check"
    community: tuple[Origin, ...]
    """Where the person's community is named, best first; the first that the roster knows is asked."""
    shows: tuple[str, ...]


class Commitment(Declared):
    """告知承诺: the applicant, told the duty and the consequences, signs for the fact, or declines freely (42号文)."""

    route: Literal["commitment"] = "commitment"
    notice: str
    notice_en: str
    consequences: str
    consequences_en: str


class Entitle(Conditional):
    """An amount that the law gives: computed from the item's facts by the rule in force on the day in `on`."""

    entitlement: str
    on: FromForm


class Preview(Entitle):
    """测算: the amount as it would be granted, for whoever is asked to confirm; computed when shown, and kept nowhere."""

    title: str
    title_en: str
    facts: tuple[Fact, ...]


class Confirmation(Declared):
    """意愿确认: what was filled in ahead goes to the person, who confirms once; silence is never consent."""

    route: Literal["confirmation"] = "confirmation"
    notice: str
    notice_en: str
    name: str
    """Who confirms, as "section.field"."""
    phone: str
    """The number that their one-time link is sent to; whoever gave none is asked through the desk that has the case."""
    limit: Limit
    shows: tuple[str, ...]
    """What was filled in, as "section.field"; correct any of it, and it is asked again."""
    corrects: tuple[str, ...] = ()
    """What of it whoever confirms may correct themselves, by which it is confirmed; the rest takes an officer."""
    previews: Preview | None = None


class Escalation(Declared):
    """提级: a caseworker settles the proof by hand, with a reason; the last rung, so nothing ends silently."""

    route: Literal["escalation"] = "escalation"


Route = Annotated[
    SharedDataQuery | DepartmentVerification | CommunityCheck | Commitment | Confirmation | Escalation,
    Field(discriminator="route"),
]
Verification = DepartmentVerification | CommunityCheck | Confirmation
"""The rungs on which a person answers within a limit."""


class Proof(Conditional):
    """证明: a fact to be shown, with its routes, best first."""

    code: str
    title: str
    title_en: str
    basis: str
    immediate: bool = False
    """A person who has to answer for it has 30 minutes; otherwise 24 hours (Taizhou's rule, seed 004)."""
    routes: tuple[Route, ...]
    not_before: str | None = None
    """The milestone that it is first asked at."""
    valid_days: int | None = None
    """有效期: for so many days whoever asked for it alone may use the answer; None where nobody asks for it alone."""

    def origins(self) -> Iterator[Origin]:
        """Every value that any route of this proof needs to be asked."""
        for route in self.routes:
            match route:
                case SharedDataQuery():
                    yield from (fact.origin for fact in route.by)
                    yield from (FromForm(field=pair.field) for pair in route.agrees)
                case DepartmentVerification():
                    yield from (FromForm(field=path) for path in route.shows)
                case Confirmation():
                    yield from (FromForm(field=path) for path in route.shows)
                    if route.previews is not None:
                        yield route.previews.on
                        yield from (fact.origin for fact in route.previews.facts)
                case CommunityCheck():
                    yield from route.community
                    yield from (FromForm(field=path) for path in route.shows)
                case Commitment() | Escalation():
                    pass
                case _:
                    assert_never(route)

    def reads_proofs(self) -> tuple[str, ...]:
        """The proofs whose records this one needs first; which community to ask is never worth waiting for."""
        facts = (fact.origin for route in self.routes if isinstance(route, SharedDataQuery) for fact in route.by)
        return tuple(dict.fromkeys(origin.proof for origin in facts if isinstance(origin, FromProof)))


class Product(Declared):
    """What an item leaves behind for the person and for later items: a number, a registration, an amount."""

    code: str
    title: str
    title_en: str
    kind: FieldKind = FieldKind.TEXT
    belongs_to: str
    """The section whose person it belongs to; kept in that person's part of the vault."""


class Act(StrEnum):
    """What the department does."""

    ISSUE = "issue"
    REGISTER = "register"
    COMPLETE = "complete"
    GRANT = "grant"
    ATTEST = "attest"
    """Nothing is sent anywhere: the proofs are what was asked for."""


class Item(Conditional):
    """事项: what one department owes."""

    code: str
    title: str
    title_en: str
    department: str
    basis: str
    act: Act
    statutory_limit: Limit | None = None
    promised_limit: Limit
    immediate: bool = False
    """即办件: done while the person waits; otherwise 承诺件."""
    for_each: str | None = None
    """Handled once for every person of this list section; None: once for the case."""
    after: tuple[str, ...] = ()
    """前置事项 by law, beside those whose products it reads."""
    not_before: str | None = None
    """The milestone that it waits for."""
    proofs: tuple[Proof, ...] = ()
    discloses: tuple[str, ...] = ()
    """The declared fields that the department needs, and no others, as "section.field"."""
    facts: tuple[Fact, ...] = ()
    reads: tuple[str, ...] = ()
    produces: tuple[Product, ...] = ()
    entitle: Entitle | None = None


class AtRetirementAge(Declared):
    """Found in the month of the statutory retirement age, by category and month of birth."""

    at: Literal["retirement_age"] = "retirement_age"


class AtAge(Declared):
    """Found in the month in which so many years are reached."""

    at: Literal["age"] = "age"
    years: Annotated[int, Field(ge=1, le=120)]


class Prefilled(Declared):
    """A form field that is filled in ahead: from the register's record, or with a fixed value."""

    field: str
    answer: str | None = None
    value: str | None = None


class Discovery(Declared):
    """免申即办: people are found in the register when they come to an age, and their case opens without an application."""

    code: str
    title: str
    title_en: str
    when: Annotated[AtRetirementAge | AtAge, Field(discriminator="at")]
    months_ahead: Annotated[int, Field(ge=0, le=60)] = 0
    """So long before that month the register is read, and the case opened."""
    prefilled: tuple[Prefilled, ...]
    """The record has the register's answers, and `month` and `born_in`, each as the first day of that month."""


class Bundle(Declared):
    """一件事 as declared: everything that follows from one life event."""

    code: str
    title: str
    title_en: str
    basis: str
    effective_from: date
    business: Annotated[str, Field(pattern=r"^\d{2}$")]
    """The two business digits of the case number (办件编号)."""
    workflow_type: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]+$")]
    lead_department: str
    sections: tuple[Section, ...]
    applicant: str
    """The section of the person to whom the case belongs."""
    circumstances: tuple[Circumstance, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    discoveries: tuple[Discovery, ...] = ()
    not_eligible: tuple[NotEligible, ...] = ()
    checks: tuple[Check, ...] = ()
    one_case_per: tuple[tuple[str, ...], ...] = ()
    """Groups of fields; two open cases may not agree in all fields of a group (the same child)."""
    items: tuple[Item, ...]

    def item(self, code: str) -> Item:
        """The declared item; KeyError if there is none."""
        for item in self.items:
            if item.code == code:
                return item
        raise KeyError(code)

    def milestone(self, code: str) -> Milestone:
        """The declared milestone; KeyError if there is none."""
        for milestone in self.milestones:
            if milestone.code == code:
                return milestone
        raise KeyError(code)

    def section(self, code: str) -> Section:
        """The declared section; KeyError if there is none."""
        for section in self.sections:
            if section.code == code:
                return section
        raise KeyError(code)

    def field(self, path: str) -> FormField:
        """The declared field at "section.field"; KeyError if there is none."""
        section, _, code = path.partition(".")
        for field in self.section(section).fields:
            if field.code == code:
                return field
        raise KeyError(path)

    def proofs(self) -> Mapping[str, Proof]:
        """Every proof of every item, by code: one proof serves all items that need it."""
        return {proof.code: proof for item in self.items for proof in item.proofs}

    def proof(self, code: str) -> Proof:
        """The declared proof; KeyError if no item needs one of that code."""
        for item in self.items:
            for proof in item.proofs:
                if proof.code == code:
                    return proof
        raise KeyError(code)

    def producer_of(self, product: str) -> Item:
        """The item that produces it; KeyError if none does."""
        for item in self.items:
            if any(made.code == product for made in item.produces):
                return item
        raise KeyError(product)

    def product(self, code: str) -> Product:
        """The declared product; KeyError if no item produces it."""
        return next(made for made in self.producer_of(code).produces if made.code == code)

    def predecessors(self, item: Item) -> tuple[str, ...]:
        """前置事项: those named by law and the producers of what the item reads, in declared order."""
        named = set(item.after) | {self.producer_of(product).code for product in item.reads}
        return tuple(other.code for other in self.items if other.code in named)


_MOST_SHARED: Final = 64
_shared: dict[bytes, Bundle] = {}


def _share(given: object, build: ValidatorFunctionWrapHandler) -> Bundle:
    if isinstance(given, Bundle):
        return given
    key = sha256(to_json(given)).digest()
    known = _shared.get(key)
    if known is None:
        known = build(given)
        while len(_shared) >= _MOST_SHARED:
            _shared.pop(next(iter(_shared)), None)
        _shared[key] = known
    return known


SharedBundle = Annotated[Bundle, WrapValidator(_share)]
"""A bundle read from a stored case: equal declarations are one object in memory.

Every case carries its declaration. A thousand cases in a worker would be half a million small objects
that are all the same, and walking them was most of what the worker's processor did (docs/decisions).
"""
