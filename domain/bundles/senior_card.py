"""老年优待证一件事: the senior card at 60 and at 70, delivered before anybody applies (seed 003)."""

from datetime import date

from domain.bundle import (
    Act,
    Agrees,
    AtAge,
    BornBefore,
    Bundle,
    Choice,
    CommunityCheck,
    DepartmentVerification,
    Discovery,
    Escalation,
    Fact,
    FieldKind,
    FormField,
    FromForm,
    Holds,
    Is,
    Item,
    Milestone,
    Prefilled,
    Product,
    Proof,
    Section,
    SharedDataQuery,
)
from domain.time_limits import working_days

_SHOWN = ("senior.name", "senior.citizen_id")
_ALIVE_AND_HERE = (
    SharedDataQuery(
        source="household_register",
        by=(Fact(name="citizen_id", origin=FromForm(field="senior.citizen_id")),),
        agrees=(Agrees(answer="name", field="senior.name"), Agrees(answer="community", field="senior.community")),
        holds=(Holds(answer="state", among=("alive",)),),
    ),
    DepartmentVerification(department="public_security", shows=_SHOWN),
    CommunityCheck(community=(FromForm(field="senior.community"),), shows=_SHOWN),
    Escalation(),
)

AHEAD = Proof(
    code="senior_household",
    title="户籍与健在",
    title_en="Household, and alive",
    basis="浙江省实施老年人权益保障法办法",
    routes=_ALIVE_AND_HERE,
)

# The case may have been opened weeks ago: no card is brought to somebody who has died or moved away meanwhile.
ON_THE_DAY = Proof(
    code="senior_household_on_the_day",
    title="满周岁日户籍与健在",
    title_en="Household, and alive, on the birthday",
    basis="浙江省实施老年人权益保障法办法",
    not_before="birthday",
    routes=_ALIVE_AND_HERE,
)

BUNDLE = Bundle(
    code="senior_card",
    title="老年优待证",
    title_en="Senior card",
    basis="浙江省实施老年人权益保障法办法",
    effective_from=date(2026, 1, 1),
    business="05",
    workflow_type="SeniorCardBundle",
    lead_department="civil_affairs",
    sections=(
        Section(
            code="birthday",
            title="年龄",
            title_en="Birthday",
            fields=(
                FormField(
                    code="age",
                    title="周岁",
                    title_en="Age",
                    kind=FieldKind.CHOICE,
                    choices=(
                        Choice(code="60", title="六十周岁", title_en="Sixty"),
                        Choice(code="70", title="七十周岁", title_en="Seventy"),
                    ),
                ),
                FormField(code="on", title="满周岁日", title_en="Birthday", kind=FieldKind.DATE),
            ),
        ),
        Section(
            code="senior",
            title="老年人",
            title_en="The person",
            person=True,
            fields=(
                FormField(code="name", title="姓名", title_en="Name", kind=FieldKind.NAME),
                FormField(
                    code="citizen_id", title="公民身份号码", title_en="Citizen ID number", kind=FieldKind.CITIZEN_ID
                ),
                FormField(
                    code="community",
                    title="户籍社区",
                    title_en="Community",
                    kind=FieldKind.TEXT,
                    at_most=60,
                    required=False,
                ),
            ),
        ),
    ),
    applicant="senior",
    milestones=(
        Milestone(code="birthday", title="满周岁日", title_en="The birthday", after="birthday.on", on_the_day=True),
    ),
    checks=tuple(
        BornBefore(
            citizen_id="senior.citizen_id",
            before="birthday.on",
            years=years,
            only_if=(Is(field="birthday.age", among=(str(years),)),),
        )
        for years in (60, 70)
    ),
    discoveries=tuple(
        Discovery(
            code=f"senior_{years}",
            title=f"{title}周岁",
            title_en=f"Turning {years}",
            when=AtAge(years=years),
            prefilled=(
                Prefilled(field="birthday.age", value=str(years)),
                Prefilled(field="birthday.on", answer="birthday"),
                Prefilled(field="senior.name", answer="name"),
                Prefilled(field="senior.citizen_id", answer="citizen_id"),
                Prefilled(field="senior.community", answer="community"),
            ),
        )
        for years, title in ((60, "六十"), (70, "七十"))
    ),
    one_case_per=(("senior.citizen_id", "birthday.age"),),
    items=(
        Item(
            code="senior_card",
            title="制发老年优待证",
            title_en="Senior card issued",
            department="civil_affairs",
            basis="浙江省实施老年人权益保障法办法",
            act=Act.ISSUE,
            promised_limit=working_days(1),
            not_before="birthday",
            proofs=(AHEAD, ON_THE_DAY),
            discloses=_SHOWN,
            produces=(Product(code="senior_card_no", title="优待证号", title_en="Card number", belongs_to="senior"),),
        ),
    ),
)
