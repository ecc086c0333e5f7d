"""A bundle that contradicts itself is refused with everything that is wrong; one that does not runs to its end."""

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from domain.bundle import (
    Agrees,
    BornBefore,
    Bundle,
    Circumstance,
    Commitment,
    CommunityCheck,
    DepartmentVerification,
    Entitle,
    Escalation,
    Fact,
    FieldKind,
    FromForm,
    FromProof,
    Holds,
    Is,
    Item,
    NotEligible,
    NotInFuture,
    NumbersInOrder,
    Product,
    Proof,
    Route,
    SharedDataQuery,
)
from domain.bundles.newborn import BUNDLE as NEWBORN
from domain.case_file import CaseFile, CaseState, ProofState
from domain.catalogue import BundleContradictsItself, Catalogue
from domain.declaration import contradictions
from domain.form import Application, as_filed, read_application
from domain.time_limits import months, working_days
from tests.domain.telling import (
    COMMUNITY,
    MONDAY,
    UNIT,
    amend,
    answers,
    commits,
    department,
    departments_conclude,
    given,
    opening,
    opens,
    register,
    registers_agree,
    settle,
    states,
    told,
    when,
    withdraw,
)
from tests.domain.tennis_club import BY_ID, CONDUCT, HEALTH, IDENTITY, TENNIS_CLUB


def club(**changes: object) -> Bundle:
    return TENNIS_CLUB.model_copy(update=changes)


def with_item(code: str, /, **changes: object) -> Bundle:
    return club(
        items=tuple(item.model_copy(update=changes) if item.code == code else item for item in TENNIS_CLUB.items)
    )


def with_proof(proof: Proof, **changes: object) -> Bundle:
    broken = proof.model_copy(update=changes)
    return with_item("membership_card", proofs=tuple(broken if p.code == proof.code else p for p in (IDENTITY, HEALTH)))


def with_field(section: str, code: str, /, **changes: object) -> Bundle:
    return club(
        sections=tuple(
            one.model_copy(
                update={
                    "fields": tuple(
                        field.model_copy(update=changes) if field.code == code else field for field in one.fields
                    )
                }
            )
            if one.code == section
            else one
            for one in TENNIS_CLUB.sections
        )
    )


CARD: Item = TENNIS_CLUB.item("membership_card")
ASKS = IDENTITY.routes[0]
assert isinstance(ASKS, SharedDataQuery)


def with_question(**changes: object) -> Bundle:
    return with_proof(IDENTITY, routes=(ASKS.model_copy(update=changes), Escalation()))


def with_conduct(route: Route) -> Bundle:
    return with_item("first_match", proofs=(CONDUCT.model_copy(update={"routes": (route, Escalation())}),))


(SEASON,) = TENNIS_CLUB.milestones


def _born_before(**changes: object) -> BornBefore:
    check = BornBefore(citizen_id="player.citizen_id", before="joining.season_from")
    return check.model_copy(update=changes)


BROKEN: tuple[tuple[Bundle, str], ...] = (
    (club(lead_department="moon"), "the lead department moon is unknown"),
    (club(applicant="joining"), "the applicant joining is not a section of a person"),
    (club(applicant="umpire"), "the applicant umpire is not a section of a person"),
    (club(items=()), "the bundle has no item"),
    (club(items=(*TENNIS_CLUB.items, CARD)), "item membership_card is declared 2 times"),
    (club(sections=(*TENNIS_CLUB.sections, TENNIS_CLUB.sections[0])), "section joining is declared 2 times"),
    (
        club(circumstances=(*TENNIS_CLUB.circumstances, TENNIS_CLUB.circumstances[0])),
        "circumstance guest is declared 2 times",
    ),
    (with_field("joining", "racket", code="membership"), "field of section joining membership is declared 2 times"),
    (with_item("locker", produces=CARD.produces), "product member_no is declared 2 times"),
    (with_field("joining", "membership", choices=()), "field joining.membership: choices belong to a choice"),
    (
        with_field("joining", "racket_size", only_if=(Is(field="joining.rocket", among=("true",)),)),
        "field joining.racket_size: the form has no field joining.rocket",
    ),
    (
        with_field("joining", "racket_size", only_if=(Is(field="joining.racket", among=("yes",)),)),
        "field joining.racket_size: joining.racket can never be yes",
    ),
    (
        club(
            circumstances=(
                *TENNIS_CLUB.circumstances,
                Circumstance(code="junior", title="少年", title_en="Junior", field="joining.age", among=("9",)),
            )
        ),
        "circumstance junior: the form has no field joining.age",
    ),
    (
        club(
            circumstances=(
                *TENNIS_CLUB.circumstances,
                Circumstance(
                    code="senior", title="长者", title_en="Senior", field="joining.membership", among=("seniour",)
                ),
            )
        ),
        "circumstance senior: joining.membership can never be seniour",
    ),
    (
        club(
            circumstances=(
                *TENNIS_CLUB.circumstances,
                Circumstance(code="double", title="双打", title_en="Doubles", field="player.count", among=("2",)),
            )
        ),
        "circumstance double: player.count can never be 2",
    ),
    (club(checks=(NotInFuture(field="joining.tomorrow"),)), "check not_in_future: the form has no field"),
    (
        club(checks=(NotInFuture(field="player.name"),)),
        "check not_in_future: player.name is no date or month or moment",
    ),
    (
        club(checks=(NumbersInOrder(field="player.name"),)),
        "check numbers_in_order: player.name is no count",
    ),
    (
        club(checks=(BornBefore(citizen_id="player.name", before="joining.membership"),)),
        "check born_before: joining.membership is no date or month or moment",
    ),
    (
        club(checks=(_born_before(only_if=(Is(field="joining.membership", among=("veteran",)),)),)),
        "check born_before: joining.membership can never be veteran",
    ),
    (
        club(milestones=(SEASON.model_copy(update={"after": "player.name", "on_the_day": True}),)),
        "milestone season: player.name is no date or month or moment",
    ),
    (
        club(milestones=(SEASON.model_copy(update={"months": 1, "on_the_day": True}),)),
        "milestone season: is that very day, and so many months after its month; it can only be one of them",
    ),
    (
        with_field("joining", "season_from", kind=FieldKind.MONTH).model_copy(
            update={"milestones": (SEASON.model_copy(update={"on_the_day": True}),)}
        ),
        "milestone season: is a very day, and joining.season_from names a month and no day",
    ),
    (club(one_case_per=(("player.shoe",),)), "one_case_per: the form has no field player.shoe"),
    (
        club(
            not_eligible=(
                NotEligible(code="left", when=("lefty",), reason="a", reason_en="b", go_to="c", go_to_en="d"),
            )
        ),
        "refusal left: the circumstance lefty is not declared",
    ),
    (with_item("racket", department="moon"), "item racket: the department moon is unknown"),
    (with_item("racket", when=("lefty",)), "item racket: the circumstance lefty is not declared"),
    (
        with_item("racket", when=("guest",), unless=("guest",)),
        "item racket: applies both when and unless guest, so never",
    ),
    (with_item("racket", for_each="player"), "item racket: player is not a section that lists persons"),
    (with_item("racket", after=("shoes",)), "item racket: comes after shoes, which is no item of this bundle"),
    (with_item("locker", reads=("key",)), "item locker: reads key, which no item produces"),
    (
        with_item(
            "racket", produces=(Product(code="racket_no", title="编号", title_en="Number", belongs_to="joining"),)
        ),
        "item racket: its product racket_no belongs to joining, which is not a person",
    ),
    (with_item("racket", discloses=("player.shoe",)), "item racket: the form has no field player.shoe"),
    (
        with_item("racket", facts=(Fact(name="size", origin=FromForm(field="joining.size")),)),
        "item racket, fact size: the form has no field joining.size",
    ),
    (
        with_item("racket", facts=(Fact(name="hand", origin=FromProof(proof="handedness", answer="hand")),)),
        "item racket, fact hand: comes from the proof handedness, which no item declares",
    ),
    (
        with_item("locker", statutory_limit=working_days(2), promised_limit=working_days(3)),
        "item locker: promises more time than the law allows",
    ),
    (
        with_item("locker", statutory_limit=months(1), promised_limit=working_days(25)),
        "item locker: promises more time than the law allows",
    ),
    (
        with_item("racket", entitle=Entitle(entitlement="racket_grant", on=FromForm(field="joining.first_played_on"))),
        "item racket: the entitlement racket_grant is not in domain/law",
    ),
    (
        with_item("racket", entitle=Entitle(entitlement="maternity_allowance", on=FromForm(field="player.name"))),
        "item racket: player.name is no date or month or moment",
    ),
    (
        with_item(
            "racket", entitle=Entitle(entitlement="maternity_allowance", on=FromForm(field="joining.first_played_on"))
        ),
        "item racket: the entitlement maternity_allowance needs the fact child_order",
    ),
    (with_proof(IDENTITY, routes=()), "proof identity: has no route"),
    (
        with_proof(IDENTITY, routes=IDENTITY.routes[:-1]),
        "proof identity: its last route is not an escalation, so it could end silently",
    ),
    (
        with_proof(IDENTITY, routes=(Escalation(), Escalation())),
        "proof identity: routes after an escalation are never tried",
    ),
    (with_question(source="score_board"), "proof identity: the register score_board is unknown"),
    (with_question(by=()), "proof identity: asks identity_register about nobody"),
    (
        with_question(by=(BY_ID.model_copy(update={"when": ("lefty",)}),)),
        "proof identity, fact citizen_id: the circumstance lefty is not declared",
    ),
    (
        with_question(agrees=(Agrees(answer="name", field="player.nickname"),)),
        "proof identity: the form has no field player.nickname",
    ),
    (
        with_question(holds=(Holds(answer="state", among=("fit",), when=("lefty",)),)),
        "proof identity, answer state: the circumstance lefty is not declared",
    ),
    (
        with_conduct(DepartmentVerification(department="moon", shows=("player.name",))),
        "proof conduct: the department moon is unknown",
    ),
    (
        with_conduct(DepartmentVerification(department="township", shows=())),
        "proof conduct: whoever verifies it is shown nothing to verify",
    ),
    (
        with_conduct(DepartmentVerification(department="township", shows=("player.shoe",))),
        "proof conduct: the form has no field player.shoe",
    ),
    (
        with_conduct(CommunityCheck(community=(), shows=("player.name",))),
        "proof conduct: nothing says which community to ask",
    ),
    (
        with_conduct(CommunityCheck(community=(FromForm(field="player.village"),), shows=("player.name",))),
        "proof conduct: the form has no field player.village",
    ),
    (
        with_conduct(CommunityCheck(community=(FromProof(proof="handedness", answer="hand"),), shows=("player.name",))),
        "proof conduct: comes from the proof handedness, which no item declares",
    ),
    (
        with_conduct(
            CommunityCheck(community=(FromForm(field="player.residence"),), shows=("player.shoe",)),
        ),
        "proof conduct: the form has no field player.shoe",
    ),
    (
        with_conduct(Commitment(notice="一", notice_en="a", consequences="二", consequences_en="")),
        "proof conduct: a commitment needs its notice and its consequences, in both languages",
    ),
    (
        with_item("racket", proofs=(HEALTH.model_copy(update={"unless": ()}),)),
        "proof health is declared twice, and differently",
    ),
    (
        with_item("racket", proofs=(IDENTITY.model_copy(update={"code": "locker"}),)),
        "locker is the name of an item and of a proof, so nobody could tell which one an answer is about",
    ),
    (with_item("membership_card", after=("first_match",)), "items wait for each other in a circle: "),
    (with_item("locker", after=("locker",)), "items wait for each other in a circle: locker -> locker"),
    (
        with_question(by=(Fact(name="fit", origin=FromProof(proof="health", answer="fit")),)),
        "proofs need each other in a circle: ",
    ),
    (
        with_item("membership_card", unless=("guest",)),
        "under guest, item locker reads member_no, which no item in play produces",
    ),
    (
        with_item("membership_card", facts=(Fact(name="fit", origin=FromProof(proof="health", answer="fit")),)),
        "under guest, item membership_card takes fit from health, which it does not ask",
    ),
    (
        club(
            not_eligible=(
                NotEligible(code="no", when=("needs_racket",), reason="a", reason_en="b", go_to="c", go_to_en="d"),
            )
        ),
        "item racket applies under no circumstances at all",
    ),
    (
        club(
            circumstances=tuple(
                Circumstance(code=f"c{n}", title="", title_en="", field="joining.racket", among=("true",))
                for n in range(13)
            ),
            items=(CARD.model_copy(update={"proofs": (IDENTITY,)}),),
        ),
        "more than 12 circumstances; split the bundle",
    ),
)


@pytest.mark.parametrize(("broken", "sentence"), BROKEN, ids=[sentence for _, sentence in BROKEN])
def test_it_says_what_is_wrong(broken: Bundle, sentence: str) -> None:
    found = contradictions(broken)

    assert any(one.startswith(sentence) for one in found), found


def test_an_entitlement_needs_its_facts_under_every_circumstance_in_which_it_is_computed() -> None:
    benefit = NEWBORN.item("maternity_benefit")
    assert benefit.entitle is not None
    # The wage is known of employees only.
    always = benefit.model_copy(update={"entitle": benefit.entitle.model_copy(update={"when": ()})})
    broken = NEWBORN.model_copy(
        update={"items": tuple(always if item.code == benefit.code else item for item in NEWBORN.items)}
    )

    found = contradictions(broken)

    assert found
    assert all(
        sentence.endswith("item maternity_benefit computes without the fact average_monthly_wage_fen")
        for sentence in found
    )
    assert not any("mother_employee," in sentence for sentence in found)


def test_a_broken_bundle_names_all_its_contradictions_at_once() -> None:
    broken = TENNIS_CLUB.model_copy(
        update={
            "lead_department": "moon",
            "applicant": "umpire",
            "checks": (NotInFuture(field="joining.tomorrow"),),
            "items": (
                CARD.model_copy(
                    update={
                        "department": "sun",
                        "after": ("shoes",),
                        "reads": ("key",),
                        "proofs": (IDENTITY.model_copy(update={"routes": (ASKS,)}),),
                    }
                ),
            ),
        }
    )

    assert contradictions(broken) == (
        "the lead department moon is unknown",
        "the applicant umpire is not a section of a person",
        "check not_in_future: the form has no field joining.tomorrow",
        "item membership_card: the department sun is unknown",
        "item membership_card: comes after shoes, which is no item of this bundle",
        "item membership_card: reads key, which no item produces",
        "proof identity: its last route is not an escalation, so it could end silently",
    )


def test_contradictions_of_all_bundles_are_told_together() -> None:
    later = club(effective_from=date(2027, 1, 1), lead_department="moon")
    other = club(code="chess_club", items=())

    with pytest.raises(BundleContradictsItself) as refusal:
        Catalogue([TENNIS_CLUB, TENNIS_CLUB, later, other])

    assert refusal.value.contradictions["tennis_club"] == (
        "shares the business digits with chess_club",
        "shares the workflow type with chess_club",
        "declared twice from 2026-01-01",
        "shares the business digits with chess_club",
        "shares the workflow type with chess_club",
        "the lead department moon is unknown",
        "shares the business digits with chess_club",
        "shares the workflow type with chess_club",
    )
    assert "the bundle has no item" in refusal.value.contradictions["chess_club"]
    assert "chess_club: the bundle has no item" in str(refusal.value)


def test_a_misspelt_word_of_the_declaration_is_refused() -> None:
    with pytest.raises(ValidationError):
        Product(code="a", title="b", title_en="c", belong_to="player")  # type: ignore[call-arg]  # that is the point
    with pytest.raises(ValidationError):
        Bundle.model_validate({**TENNIS_CLUB.model_dump(), "busines": "98"})


def test_a_declaration_survives_being_written_down() -> None:
    for bundle in (TENNIS_CLUB, NEWBORN):
        assert Bundle.model_validate_json(bundle.model_dump_json()) == bundle


# --- joining a tennis club


def joining(**answers: object) -> Application:
    filed: dict[str, dict[str, object]] = {
        "joining": {"first_played_on": "2020-05-01", "membership": "adult", "racket": True},
        "player": {"name": "李娜", "citizen_id": "330702199001010015"},
    }
    for path, value in answers.items():
        section, field = path.split("__")
        filed[section][field] = value
    return read_application(TENNIS_CLUB, filed, at=MONDAY)


def a_player(**answers: object) -> CaseFile:
    return given(opening(joining(**answers)))


def test_the_tennis_club_holds_together() -> None:
    assert contradictions(TENNIS_CLUB) == ()
    assert Catalogue([TENNIS_CLUB, NEWBORN]).workflow_types() == (
        "NewbornBundle",
        "TennisClubBundle",
        "SingleProof",
    )


def test_a_player_joins() -> None:
    file = departments_conclude(registers_agree(a_player(joining__racket=False, joining__racket_size=3)))

    assert states(file) == dict.fromkeys(("membership_card", "locker", "racket", "first_match"), "concluded")
    assert (file.state, file.outcome) == (CaseState.CONCLUDED, "complete")


def test_a_player_with_a_racket_is_given_none_and_does_not_wait_for_it() -> None:
    file = a_player()

    assert "racket" not in file.items
    assert file.item("first_match").planned.after == ("membership_card", "locker")


def test_an_immediate_card_is_promised_within_half_an_hour() -> None:
    assert a_player().item("membership_card").promised_by == MONDAY + timedelta(minutes=30)


def test_two_registers_are_asked_before_the_caseworker() -> None:
    file = a_player(joining__membership="guest")
    asked = []
    while file.proof("identity").state is ProofState.ASKED:
        asked.append(file.proof("identity").asked)
        file = given(register(file, "identity", "not_found"), file=file)

    assert asked == ["identity_register", "household_register"]
    assert departments_conclude(given(settle("identity", met=True), file=file)).outcome == "complete"


def test_what_no_register_holds_is_asked_of_people_and_of_the_player_last() -> None:
    file = registers_agree(a_player(joining__membership="league"))
    asked = [file.proof("conduct").asked]
    for unit in (UNIT, COMMUNITY):
        file = given(opens(file, "conduct", unit=unit), file=file)
        file = given(answers(file, "conduct", "no_record"), file=file)
        asked.append(file.proof("conduct").asked)

    assert asked == ["township", "community", "applicant"]
    file = departments_conclude(given(commits("conduct", signed=True), file=file))
    assert (file.outcome, file.proof("conduct").met_by) == ("complete", "commitment")


def test_a_guest_shows_no_health() -> None:
    assert tuple(a_player(joining__membership="guest").proofs) == ("identity",)


def test_no_card_means_no_locker_and_no_match() -> None:
    file = registers_agree(a_player(joining__racket=False, joining__racket_size=1))

    events = when(department("membership_card", "denied", reason_code="too_good"), file)

    assert told(events) == (
        "item_denied membership_card",
        "item_unreachable locker",
        "item_unreachable first_match",
    )
    assert departments_conclude(given(department("membership_card", "denied"), file=file)).outcome == "partial"


def test_a_racket_that_turns_out_to_be_needed_is_waited_for() -> None:
    file = departments_conclude(registers_agree(a_player()), but=("first_match",))
    assert file.item("first_match").state == "submitted"
    # Sent already, so it stays.
    file = given(amend(file, joining(joining__racket=False, joining__racket_size=2), "joining.racket"), file=file)
    assert states(file)["racket"] == "submitted"

    file = a_player()
    file = given(amend(file, joining(joining__racket=False, joining__racket_size=2), "joining.racket"), file=file)
    file = departments_conclude(registers_agree(file), but=("racket",))
    assert states(file)["first_match"] == "waiting"
    assert departments_conclude(file).outcome == "complete"


def test_an_accepted_item_waits_for_what_an_amendment_puts_before_it() -> None:
    proven_match = with_item("first_match", proofs=(IDENTITY,), reads=())
    card_last = proven_match.model_copy(
        update={
            "items": tuple(
                item.model_copy(update={"proofs": ()}) if item.code == "membership_card" else item
                for item in proven_match.items
            )
        }
    )
    assert contradictions(card_last) == ()

    def filed(**answers: object) -> Application:
        application = joining(**answers)
        return read_application(card_last, as_filed(TENNIS_CLUB, application.sections), at=MONDAY)

    file = given(opening(filed()))
    assert states(file)["first_match"] == "accepted"
    file = given(amend(file, filed(joining__racket=False, joining__racket_size=2), "joining.racket"), file=file)

    file = registers_agree(file)

    assert states(file)["first_match"] == "accepted"
    assert states(given(department("racket", "concluded"), file=file))["first_match"] == "submitted"


def test_a_player_may_change_their_mind() -> None:
    assert given(withdraw(), file=a_player()).over
