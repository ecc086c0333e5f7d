"""A bank asks for one proof: what may be asked, whom it goes to, and what it is told in the end."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from demo.city.listing import listing
from domain.bundle import CommunityCheck, DepartmentVerification, Escalation, SharedDataQuery
from domain.bundles.newborn import BUNDLE as NEWBORN
from domain.case_file import CaseFile, CaseState, evolve
from domain.catalogue import BundleDemandsTooMuch, demands_too_much
from domain.commands import Command
from domain.decisions import decide
from domain.declaration import contradictions
from domain.events import Recorded
from domain.listing import ListedProof, ListedRoute
from domain.plan import Plan
from domain.proof_result import NoResultYet, Outcome, as_it_stands, climbed, outcome, valid_until
from domain.refusals import FormFaulty
from domain.single_proof import ITEM, ProofCancelled, asked_alone, read_request
from domain.steps import steps
from tests.domain.telling import (
    COMMUNITY,
    COMMUNITY_WORKER,
    MONDAY,
    UNIT,
    answers,
    commits,
    expires,
    opening,
    opens,
    register,
    settle,
    withdraw,
)

SINCE = date(2018, 6, 22)
FATHER = {"name": "欧阳㭎", "citizen_id": "339901197905039017"}
SON = {"name": "欧阳知行", "citizen_id": "339901200809129033"}
ABOUT_TWO: dict[str, Any] = {"purpose": "办理存款继承", "subject": FATHER, "other": SON}
ABOUT_ONE: dict[str, Any] = {"purpose": "开户", "subject": FATHER}


def line(route: ListedRoute = ListedRoute.DEPARTMENT_VERIFICATION, **more: Any) -> ListedProof:
    given: dict[str, Any] = {
        "code": "father_child_relation",
        "title": "父子(女)关系证明",
        "title_en": "Father and child",
        "route": route,
        "basis": "优化营商环境条例 44",
        "issued_by": "public_security",
        "immediate": True,
        "effective_from": SINCE,
        **more,
    }
    return ListedProof(**given)


RELATION = line(about_two=True)


def routes(listed: ListedProof) -> list[type]:
    (proof,) = asked_alone(listed).proofs().values()
    return [type(route) for route in proof.routes]


class Story:
    """A case with everything that happened to it."""

    def __init__(self, listed: ListedProof, given: Mapping[str, Any]) -> None:
        self.events: list[Recorded] = []
        self.proof = listed.code
        self.file: CaseFile | None = None
        self.on(opening(read_request(listed, given, at=MONDAY)))

    def on(self, command: Command) -> "Story":
        for event in decide(command, self.file):
            self.file = evolve(self.file, event)
            self.events.append(Recorded(version=self.file.version, event=event))
        return self

    @property
    def now(self) -> CaseFile:
        assert self.file is not None
        assert self.file == as_it_stands(self.events)
        return self.file

    def asked(self, unit: str | None = UNIT) -> "Story":
        return self.on(opens(self.now, self.proof, unit=unit))

    def answered(self, answer: Any, **more: Any) -> "Story":
        return self.on(answers(self.now, self.proof, answer, **more))

    def came_of(self) -> list[tuple[str, str | None, str | None]]:
        return [(rung.route, rung.unit, rung.came_of) for rung in climbed(self.events).rungs]


# ── whom it goes to ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_proof_of_the_listing_can_be_asked_for_alone_or_is_cancelled() -> None:
    for listed in listing():
        if listed.route is ListedRoute.CANCELLED:
            with pytest.raises(ProofCancelled, match=listed.code):
                asked_alone(listed)
        else:
            assert contradictions(asked_alone(listed)) == ()


def test_a_register_is_asked_only_where_its_answer_can_be_held_against_the_names() -> None:
    people = [DepartmentVerification, CommunityCheck, Escalation]
    shared = ListedRoute.SHARED_DATA

    assert routes(line(shared, source="household_register")) == [SharedDataQuery, *people]
    # That somebody is in the household register says nothing about whose son he is.
    assert routes(line(shared, source="household_register", about_two=True)) == people
    assert routes(line(shared, source="marriage_register", about_two=True)) == [SharedDataQuery, *people]
    assert routes(line(shared, source="insured_persons")) == people
    assert routes(line(shared)) == people


def test_who_is_asked_about_one_person_is_shown_one_person() -> None:
    for about_two in (False, True):
        bundle = asked_alone(line(about_two=about_two))
        (proof,) = bundle.proofs().values()
        shown = {path for route in proof.routes if isinstance(route, DepartmentVerification) for path in route.shows}
        assert ("other.citizen_id" in shown) is about_two
        assert "request.purpose" in shown
        assert {path.partition(".")[0] for path in shown} <= {section.code for section in bundle.sections}


# ── what may be asked ───────────────────────────────────────────────────────────────────────────────────────────────


def test_every_fault_is_named_by_its_place_in_what_was_sent() -> None:
    wrong = {"purpose": "  ", "subject": {"name": "欧阳㭎", "citizen_id": "339901197905039018"}, "other": {"name": "1"}}
    with pytest.raises(FormFaulty) as refused:
        read_request(RELATION, wrong, at=MONDAY)

    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [
        ("/purpose", "empty"),
        ("/subject/citizen_id", "check"),
        ("/other/name", "digits_only"),
        ("/other/citizen_id", "missing"),
    ]
    assert "339901" not in str(refused.value.faults)


def test_a_relation_is_between_two_persons() -> None:
    with pytest.raises(FormFaulty) as refused:
        read_request(RELATION, {**ABOUT_TWO, "other": FATHER}, at=MONDAY)

    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [("/other/citizen_id", "same_person")]


def test_a_proof_about_two_needs_both_and_one_about_one_takes_no_other() -> None:
    for listed, given, rule in ((RELATION, ABOUT_ONE, "required"), (line(), ABOUT_TWO, "not_taken")):
        with pytest.raises(FormFaulty) as refused:
            read_request(listed, given, at=MONDAY)
        assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [("/other", rule)]
    with pytest.raises(FormFaulty) as refused:
        read_request(RELATION, {**ABOUT_ONE, "purpose": " "}, at=MONDAY)
    assert [fault.pointer for fault in refused.value.faults] == ["/purpose", "/other"], "every fault is named at once"


def test_the_citys_listing_says_which_of_its_proofs_are_about_two() -> None:
    relations = {one.code for one in listing() if one.about_two}

    assert {"father_child_relation", "parents_marriage", "paternity"} <= relations
    assert {"applicants_kinship", "childs_marriage_entry"} <= relations
    assert not {"residence_permit", "no_criminal_record", "applicants_household_entry"} & relations


def test_two_proofs_about_one_person_are_two_applications() -> None:
    one, other = (read_request(line(code=code), ABOUT_ONE, at=MONDAY) for code in ("conduct_a", "conduct_b"))

    assert one.sections != other.sections


# ── what came of it ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_submitted_anywhere_and_a_match_concludes_it() -> None:
    story = Story(RELATION, ABOUT_TWO).asked().answered("matches")

    assert outcome(story.now) is Outcome.CONFIRMED
    assert story.now.state is CaseState.CONCLUDED
    assert steps(story.now) == ()
    assert story.now.items[ITEM].reference == story.now.opened.case_no
    climb = climbed(story.events)
    assert climb.decided is not None
    assert (climb.decided.route, climb.decided.unit, climb.decided.came_of) == ("department_verification", UNIT, "met")


def test_while_somebody_has_it_there_is_no_result_and_the_sentence_says_who() -> None:
    story = Story(RELATION, ABOUT_TWO).asked()

    assert outcome(story.now) is Outcome.OPEN
    assert NoResultYet(story.now).zh == "尚无结果: 等待公安核实“父子(女)关系证明”, 11-23 09:30 前答复"
    (rung,) = climbed(story.events).rungs
    assert (rung.unit, rung.came_of, rung.ended_at) == (UNIT, None, None)
    assert rung.due == MONDAY + timedelta(minutes=30)


def test_a_contradiction_that_a_caseworker_agrees_with_is_not_the_same_as_no_answer() -> None:
    contradicted = Story(RELATION, ABOUT_TWO).asked().answered("contradicts")
    assert outcome(contradicted.now) is Outcome.OPEN
    contradicted.on(settle(contradicted.proof, met=False))

    assert outcome(contradicted.now) is Outcome.CONTRADICTED
    assert contradicted.came_of() == [
        ("department_verification", UNIT, "contradicts"),
        ("escalation", "hospital_01", "not_met"),
    ]

    unknown = Story(RELATION, ABOUT_TWO).asked().answered("no_record").asked(None)
    unknown.on(settle(unknown.proof, met=False))

    assert outcome(unknown.now) is Outcome.NOT_CONFIRMED
    assert unknown.came_of() == [
        ("department_verification", UNIT, "no_record"),
        ("community_check", None, "nobody_on_duty"),
        ("escalation", "hospital_01", "not_met"),
    ]


def test_a_caseworker_may_find_it_shown_although_somebody_said_otherwise() -> None:
    story = Story(RELATION, ABOUT_TWO).asked().answered("contradicts")
    story.on(settle(story.proof, met=True))

    assert outcome(story.now) is Outcome.CONFIRMED
    decided = climbed(story.events).decided
    assert decided is not None
    assert (decided.route, decided.unit) == ("escalation", "hospital_01")


def test_a_match_that_came_late_is_the_word_of_the_one_who_gave_it() -> None:
    late = MONDAY + timedelta(minutes=31)
    story = Story(RELATION, ABOUT_TWO).asked()
    story.on(expires(story.now, story.proof, at=late)).asked(COMMUNITY).answered("matches", rung=0, at=late)

    assert outcome(story.now) is Outcome.CONFIRMED
    assert story.came_of() == [
        ("department_verification", UNIT, "met"),
        ("community_check", COMMUNITY, "no_longer_needed"),
    ]


def test_an_answer_after_the_end_that_says_otherwise_is_told() -> None:
    late = MONDAY + timedelta(minutes=31)
    story = Story(RELATION, ABOUT_TWO).asked()
    story.on(expires(story.now, story.proof, at=late)).asked(COMMUNITY)
    story.answered("matches", by=COMMUNITY_WORKER, at=late)
    assert climbed(story.events).doubted_at is None

    story.answered("contradicts", rung=0, at=late + timedelta(hours=1))

    assert outcome(story.now) is Outcome.CONFIRMED
    assert climbed(story.events).doubted_at == late + timedelta(hours=1)


def test_a_register_that_knows_another_name_contradicts() -> None:
    listed = line(ListedRoute.SHARED_DATA, source="household_register")
    story = Story(listed, ABOUT_ONE)
    story.on(register(story.now, story.proof, "contradicts", differing=("name",)))

    assert story.came_of()[0] == ("shared_data_query", None, "contradicts")
    assert outcome(story.on(settle(story.proof, met=False)).now) is Outcome.CONTRADICTED


def test_a_commitment_is_asked_of_the_person_first_and_may_be_declined() -> None:
    listed = line(ListedRoute.COMMITMENT)
    signed, declined = (
        Story(listed, ABOUT_ONE).on(commits("father_child_relation", signed=answer)) for answer in (True, False)
    )

    assert outcome(signed.now) is Outcome.CONFIRMED
    assert declined.came_of()[0] == ("commitment", None, "declined")
    assert outcome(declined.now) is Outcome.OPEN


def test_what_was_withdrawn_has_no_result() -> None:
    story = Story(RELATION, ABOUT_TWO).asked().on(withdraw())

    assert outcome(story.now) is None
    assert NoResultYet(story.now).en == "the verification was withdrawn; there is no result"
    assert story.came_of() == [("department_verification", UNIT, "no_longer_needed")]


def test_an_answer_is_good_for_so_many_days_counted_in_shanghai() -> None:
    assert valid_until(MONDAY.replace(hour=23), 30) == date(2026, 12, 23)
    assert valid_until(MONDAY, 1) == date(2026, 11, 24)


# ── what no bundle may demand ───────────────────────────────────────────────────────────────────────────────────────


def test_a_bundle_that_demands_too_much_is_refused_with_every_sentence() -> None:
    allowed = {listed.code: listed for listed in listing()}
    assert demands_too_much([NEWBORN], allowed, MONDAY.date()) == {}
    cancelled = allowed["parents_marriage"].model_copy(update={"route": ListedRoute.CANCELLED})
    less = {code: listed for code, listed in allowed.items() if code != "birth_record"} | {cancelled.code: cancelled}

    sentences = demands_too_much([NEWBORN], less, MONDAY.date())["newborn"]
    refusal = BundleDemandsTooMuch(NEWBORN, sentences)

    assert len(sentences) == 2
    assert all(word in refusal.zh for word in ("birth_record", "parents_marriage", "直接取消", "清单"))
    assert "cancelled" in refusal.en
    assert "直接取消" not in refusal.en


def test_without_a_listing_nothing_is_refused() -> None:
    assert demands_too_much([NEWBORN], {}, MONDAY.date()) == {}


def test_its_plan_is_one_item_and_one_proof() -> None:
    plan: Plan = Story(RELATION, ABOUT_TWO).now.plan

    assert [entry.id for entry in plan.items] == [ITEM]
    assert [entry.proof for entry in plan.proofs] == ["father_child_relation"]
