"""单项核验: one proof asked for alone, by a bank, a school or a window, about one person or the relation of two.

It is a case like any other, whose only item is the proof; so it climbs the same ladder, under the
same limits, and leaves the same record as if a whole life event had needed it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from domain.bundle import (
    Act,
    Agrees,
    Bundle,
    Choice,
    Commitment,
    CommunityCheck,
    DepartmentVerification,
    Escalation,
    Fact,
    FieldKind,
    FormField,
    FromForm,
    Holds,
    Item,
    Proof,
    Route,
    Section,
    SharedDataQuery,
)
from domain.form import Application, read_application
from domain.listing import ListedProof, ListedRoute
from domain.refusals import FieldFault, FormFaulty, NotAcceptable, NotFound
from domain.time_limits import hours

BUNDLE: Final = "single_proof"
WORKFLOW_TYPE: Final = "SingleProof"
BUSINESS: Final = "90"
ITEM: Final = "answer"
"""The item that is concluded when the proof is met."""

_SHOWS_ONE: Final = ("subject.name", "subject.citizen_id", "request.statement", "request.purpose")
_SHOWS: Final = (*_SHOWS_ONE, "other.name", "other.citizen_id")


class NoSuchProof(NotFound):
    """The listing has no such proof on that day, so nobody may ask for it (优化营商环境条例 44)."""

    code = "proof.not_listed"

    def __init__(self, proof: str, on: date) -> None:
        self.proof = proof
        super().__init__(f"{on}的证明事项清单中没有“{proof}”, 不得索要", f"the proof {proof!r} is not listed on {on}")


class ProofCancelled(NotAcceptable):
    """The proof was cancelled: nobody may ask for it any more."""

    code = "proof.cancelled"

    def __init__(self, line: ListedProof) -> None:
        self.proof = line.code
        self.since = line.effective_from
        super().__init__(
            f"“{line.title}”已于 {line.effective_from} 直接取消, 不得索要",
            f"the proof {line.code} was cancelled on {line.effective_from} and may not be asked for",
        )


def read_request(line: ListedProof, given: Mapping[str, Any], *, at: datetime) -> Application:
    """What a unit asks: `purpose`, `statement`, `subject` and, for a proof about a relation, `other`.

    Raises ProofCancelled, or FormFaulty with every fault and its place in what was given.
    """
    named = given.get("other") is not None
    about_two = named and line.about_two
    faults = [] if named is line.about_two else [_OTHER_NEEDED if line.about_two else _OTHER_NOT_TAKEN]
    request = {"proof": line.code, **{name: given.get(name) for name in ("purpose", "statement")}}
    form = {"request": request, "subject": given.get("subject")}
    try:
        application = read_application(
            asked_alone(line.model_copy(update={"about_two": about_two})),
            form | ({"other": given["other"]} if about_two else {}),
            at=at,
        )
    except FormFaulty as faulty:
        faults = [*(replace(fault, pointer=_as_given(fault.pointer)) for fault in faulty.faults), *faults]
        raise FormFaulty(faults) from None
    if faults:
        raise FormFaulty(faults)
    if about_two and application.value("subject.citizen_id") == application.value("other.citizen_id"):
        raise FormFaulty(
            [
                FieldFault(
                    "/other/citizen_id",
                    "same_person",
                    "关系人应为另一人",
                    "a relation is between two persons, and this is the same one",
                )
            ]
        )
    return application


def _as_given(pointer: str) -> str:
    return pointer.removeprefix("/application").replace("/request/", "/", 1)


_OTHER_NEEDED: Final = FieldFault(
    "/other",
    "required",
    "该证明核验两人关系, 请填写关系人",
    "must be named: this proof is about the relation of two persons",
)
_OTHER_NOT_TAKEN: Final = FieldFault(
    "/other", "not_taken", "该证明只涉及当事人一人, 不填关系人", "must be left out: this proof is about one person only"
)


def asked_alone(line: ListedProof) -> Bundle:
    """The case that asks for this proof only, about one person or a relation; refuses with ProofCancelled."""
    if line.route is ListedRoute.CANCELLED:
        raise ProofCancelled(line)
    title_en = line.title_en or line.code
    proof = Proof(
        code=line.code,
        title=line.title,
        title_en=title_en,
        basis=line.basis,
        immediate=line.immediate,
        routes=_ladder(line),
        # As listed when it was asked for: what is listed afterwards shortens no answer that somebody holds.
        valid_days=line.valid_days,
    )
    return Bundle(
        code=BUNDLE,
        title=f"单项核验: {line.title}",
        title_en=f"One proof: {title_en}",
        basis=line.basis,
        effective_from=line.effective_from,
        business=BUSINESS,
        workflow_type=WORKFLOW_TYPE,
        lead_department=line.issued_by,
        sections=(_request(line), _SUBJECT, *((_OTHER,) if line.about_two else ())),
        applicant="subject",
        items=(
            Item(
                code=ITEM,
                title=line.title,
                title_en=title_en,
                department=line.issued_by,
                basis=line.basis,
                act=Act.ATTEST,
                # Two rungs of people, and the supervisor's hour of work.
                promised_limit=hours(2) if line.immediate else hours(72),
                immediate=line.immediate,
                proofs=(proof,),
            ),
        ),
    )


def _ladder(line: ListedProof) -> tuple[Route, ...]:
    shows = _SHOWS if line.about_two else _SHOWS_ONE
    asked = _ASKED_ABOUT_TWO if line.about_two else _ASKED_ABOUT_ONE
    department = DepartmentVerification(department=line.issued_by, shows=shows)
    community = CommunityCheck(community=(FromForm(field="subject.community"),), shows=shows)
    people: tuple[Route, ...] = (department, community, Escalation())
    match line.route:
        case ListedRoute.SHARED_DATA if line.source in asked:
            return (asked[line.source], *people)
        case ListedRoute.COMMITMENT:
            return (
                Commitment(
                    notice=f"您可以书面承诺“{line.title}”属实, 以代替证明; 也可以不承诺, 由部门核验。依据: {line.basis}",
                    notice_en=f"You may commit in writing that {line.title_en or line.code} is true, in place of a proof;"
                    f" or decline, and the department verifies it. Basis: {line.basis}",
                    consequences="承诺不实的, 撤销相关决定, 记入信用档案, 此后不再适用告知承诺。",
                    consequences_en="A false commitment undoes the decision, is put on the credit record, and closes this"
                    " route for the future.",
                ),
                *people,
            )
        case _:
            return people


def _by_number(source: str) -> SharedDataQuery:
    return SharedDataQuery(
        source=source,
        by=(Fact(name="citizen_id", origin=FromForm(field="subject.citizen_id")),),
        agrees=(Agrees(answer="name", field="subject.name"),),
    )


_ASKED_ABOUT_ONE: Final[Mapping[str | None, SharedDataQuery]] = {
    source: _by_number(source) for source in ("identity_register", "household_register")
}
_ASKED_ABOUT_TWO: Final[Mapping[str | None, SharedDataQuery]] = {
    "marriage_register": SharedDataQuery(
        source="marriage_register",
        by=(
            Fact(name="husband_citizen_id", origin=FromForm(field="subject.citizen_id")),
            Fact(name="wife_citizen_id", origin=FromForm(field="other.citizen_id")),
        ),
        agrees=(
            Agrees(answer="husband_name", field="subject.name"),
            Agrees(answer="wife_name", field="other.name"),
        ),
        holds=(Holds(answer="state", among=("married",)),),
    ),
}
"""The registers whose answer alone decides such a question: they tell the name, so that a number typed wrongly
is noticed, and of a relation both names. A record that a person has to read goes to a person."""
SOURCES: Final = tuple(str(source) for source in (*_ASKED_ABOUT_ONE, *_ASKED_ABOUT_TWO))
"""What a unit that asks for single proofs needs a grant for."""


def _request(line: ListedProof) -> Section:
    return Section(
        code="request",
        title="用证事由",
        title_en="What for",
        fields=(
            FormField(
                # Part of the application, so that two proofs about one person are two applications.
                code="proof",
                title="证明",
                title_en="Proof",
                kind=FieldKind.CHOICE,
                choices=(Choice(code=line.code, title=line.title, title_en=line.title_en or line.code),),
            ),
            FormField(code="purpose", title="用途", title_en="Purpose", kind=FieldKind.TEXT, at_most=200),
            FormField(
                code="statement",
                title="待核实的事实",
                title_en="What is to be verified",
                kind=FieldKind.TEXT,
                at_most=500,
                required=False,
            ),
        ),
    )


_PERSON: Final = (
    FormField(code="name", title="姓名", title_en="Name", kind=FieldKind.NAME),
    FormField(code="citizen_id", title="公民身份号码", title_en="Citizen ID number", kind=FieldKind.CITIZEN_ID),
)
_SUBJECT: Final = Section(
    code="subject",
    title="当事人",
    title_en="The person",
    person=True,
    fields=(
        *_PERSON,
        FormField(
            code="community",
            title="居住或户籍社区",
            title_en="Community",
            kind=FieldKind.TEXT,
            at_most=60,
            required=False,
        ),
    ),
)
_OTHER: Final = Section(code="other", title="关系人", title_en="The other person", person=True, fields=_PERSON)
