"""加入网球俱乐部: a life event that no government knows, declared like any other, to keep the engine honest.

It has what the newborn bundle has not: a proof with two registers before the caseworker, another that no register
holds and that the player may commit to, an item that waits for two others, limits in hours and months, a match
that waits for its season, a form without lists, and an applicant who joins alone.
"""

from datetime import date

from domain.bundle import (
    Act,
    Agrees,
    Bundle,
    Choice,
    Circumstance,
    Commitment,
    CommunityCheck,
    DepartmentVerification,
    Escalation,
    Fact,
    FieldKind,
    FormField,
    FromForm,
    FromProof,
    Is,
    Item,
    Milestone,
    NotInFuture,
    Product,
    Proof,
    Section,
    SharedDataQuery,
)
from domain.time_limits import IMMEDIATE, months, working_days

JOINING = Section(
    code="joining",
    title="入会",
    title_en="Joining",
    fields=(
        FormField(code="first_played_on", title="开始打球日期", title_en="First played on", kind=FieldKind.DATE),
        FormField(
            code="membership",
            title="会员类别",
            title_en="Membership",
            kind=FieldKind.CHOICE,
            choices=(
                Choice(code="adult", title="成人", title_en="Adult"),
                Choice(code="guest", title="访客", title_en="Guest"),
                Choice(code="league", title="联赛队员", title_en="League player"),
            ),
        ),
        FormField(code="racket", title="自带球拍", title_en="Own racket", kind=FieldKind.YES_NO),
        FormField(
            code="racket_size",
            title="球拍号数",
            title_en="Racket size",
            kind=FieldKind.COUNT,
            at_most=5,
            only_if=(Is(field="joining.racket", among=("false",)),),
        ),
        FormField(code="season_from", title="参赛赛季", title_en="Season", kind=FieldKind.DATE, required=False),
    ),
)

PLAYER = Section(
    code="player",
    title="球员",
    title_en="Player",
    person=True,
    fields=(
        FormField(code="name", title="姓名", title_en="Name", kind=FieldKind.NAME),
        FormField(code="citizen_id", title="公民身份号码", title_en="Citizen ID number", kind=FieldKind.CITIZEN_ID),
        FormField(code="club", title="原俱乐部代码", title_en="Former club", kind=FieldKind.USCC, required=False),
        FormField(
            code="residence", title="现居住社区", title_en="Community", kind=FieldKind.TEXT, at_most=60, required=False
        ),
    ),
)

BY_ID = Fact(name="citizen_id", origin=FromForm(field="player.citizen_id"))

IDENTITY = Proof(
    code="identity",
    title="身份",
    title_en="Identity",
    basis="club rules 1",
    routes=(
        SharedDataQuery(source="identity_register", by=(BY_ID,), agrees=(Agrees(answer="name", field="player.name"),)),
        SharedDataQuery(source="household_register", by=(BY_ID,)),
        Escalation(),
    ),
)

HEALTH = Proof(
    code="health",
    title="健康",
    title_en="Health",
    basis="club rules 2",
    unless=("guest",),
    routes=(
        SharedDataQuery(
            source="prenatal_records",
            by=(Fact(name="household_no", origin=FromProof(proof="identity", answer="household_no")),),
        ),
        Escalation(),
    ),
)

CONDUCT = Proof(
    code="conduct",
    title="无停赛记录",
    title_en="No ban from matches",
    basis="club rules 7",
    when=("league",),
    immediate=True,
    not_before="season",
    routes=(
        DepartmentVerification(department="township", shows=("player.name", "player.citizen_id")),
        CommunityCheck(
            community=(FromForm(field="player.residence"), FromProof(proof="identity", answer="community_code")),
            shows=("player.name",),
        ),
        Commitment(
            notice="您可以书面承诺没有停赛记录, 也可以不承诺",
            notice_en="You may commit in writing that you are not banned, or decline",
            consequences="承诺不实的, 取消参赛资格",
            consequences_en="A false commitment ends the right to play matches",
        ),
        Escalation(),
    ),
)

TENNIS_CLUB = Bundle(
    code="tennis_club",
    title="加入网球俱乐部一件事",
    title_en="Joining a tennis club",
    basis="club rules",
    effective_from=date(2026, 1, 1),
    business="99",
    workflow_type="TennisClubBundle",
    lead_department="township",
    sections=(JOINING, PLAYER),
    applicant="player",
    circumstances=(
        Circumstance(code="guest", title="访客", title_en="Guest", field="joining.membership", among=("guest",)),
        Circumstance(
            code="needs_racket", title="需配球拍", title_en="Needs a racket", field="joining.racket", among=("false",)
        ),
        Circumstance(
            code="league", title="联赛队员", title_en="League player", field="joining.membership", among=("league",)
        ),
    ),
    milestones=(Milestone(code="season", title="赛季开始", title_en="The season", after="joining.season_from"),),
    checks=(NotInFuture(field="joining.first_played_on"),),
    one_case_per=(("player.citizen_id",),),
    items=(
        Item(
            code="membership_card",
            title="会员卡",
            title_en="Membership card",
            department="township",
            basis="club rules 3",
            act=Act.ISSUE,
            promised_limit=IMMEDIATE,
            immediate=True,
            proofs=(IDENTITY, HEALTH),
            discloses=("player.name",),
            produces=(Product(code="member_no", title="会员编号", title_en="Member number", belongs_to="player"),),
        ),
        Item(
            code="locker",
            title="储物柜",
            title_en="Locker",
            department="citizen_card_company",
            basis="club rules 4",
            act=Act.GRANT,
            statutory_limit=months(1),
            promised_limit=working_days(3),
            reads=("member_no",),
            produces=(Product(code="locker_no", title="柜号", title_en="Locker number", belongs_to="player"),),
        ),
        Item(
            code="racket",
            title="球拍",
            title_en="Racket",
            department="employer",
            basis="club rules 5",
            act=Act.GRANT,
            promised_limit=working_days(1),
            when=("needs_racket",),
            facts=(Fact(name="size", origin=FromForm(field="joining.racket_size")),),
        ),
        Item(
            code="first_match",
            title="首场比赛",
            title_en="First match",
            department="township",
            basis="club rules 6",
            act=Act.REGISTER,
            promised_limit=working_days(5),
            after=("racket",),
            not_before="season",
            proofs=(CONDUCT,),
            reads=("locker_no", "member_no"),
        ),
    ),
)
