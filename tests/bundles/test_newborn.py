"""新生儿出生一件事: the graph as the reference gives it, and each circumstance that changes it."""

from datetime import date
from typing import Any

import pytest

from domain.bundle import (
    Act,
    CommunityCheck,
    Escalation,
    FromForm,
    FromProof,
    Item,
    SharedDataQuery,
    Verification,
)
from domain.bundles.newborn import BUNDLE
from domain.catalogue import catalogue
from domain.declaration import contradictions
from domain.form import Application, read_application
from domain.law.entitlement import entitlements
from domain.plan import Plan, plan
from domain.refusals import FormFaulty, NotEligibleHere
from domain.time_limits import Limit, working_days
from domain.verifications import asked_of
from domain.waiting import waits
from tests.domain.telling import MONDAY, concluded, departments_conclude, example, form, given, read, settle, states

EIGHT = (
    "birth_certificate",
    "household_registration",
    "medical_insurance",
    "citizen_card",
    "vaccination_certificate",
    "mother_child_handbook",
    "child_care_booklet",
    "maternity_benefit",
)


def planned(application: Application) -> Plan:
    return plan(BUNDLE, application.circumstances, application.counts)


def proofs_of(application: Application, item: str) -> tuple[str, ...]:
    return next(entry.proofs for entry in planned(application).items if entry.id == item)


# --- the graph


def test_it_holds_together_and_is_in_force() -> None:
    assert contradictions(BUNDLE) == ()
    assert catalogue().in_force("newborn", date(2026, 11, 23)) is BUNDLE
    assert (BUNDLE.workflow_type, BUNDLE.business, BUNDLE.lead_department) == ("NewbornBundle", "01", "health")


def test_it_has_the_eight_items_of_jinhua() -> None:
    assert tuple(item.code for item in BUNDLE.items) == EIGHT


@pytest.mark.parametrize(
    ("item", "before"),
    [
        ("birth_certificate", ()),
        ("household_registration", ("birth_certificate",)),
        ("medical_insurance", ("household_registration",)),
        ("citizen_card", ("household_registration",)),
        ("vaccination_certificate", ("birth_certificate",)),
        ("mother_child_handbook", ()),
        ("child_care_booklet", ("birth_certificate",)),
        ("maternity_benefit", ()),
    ],
)
def test_each_item_comes_after_whose_product_it_reads(item: str, before: tuple[str, ...]) -> None:
    assert BUNDLE.predecessors(BUNDLE.item(item)) == before


@pytest.mark.parametrize(
    ("item", "reads", "produces"),
    [
        ("birth_certificate", (), ("birth_certificate_no",)),
        ("household_registration", ("birth_certificate_no",), ("citizen_id", "household_no")),
        ("medical_insurance", ("citizen_id",), ("insurance_no",)),
        ("citizen_card", ("citizen_id",), ("card_no",)),
        ("vaccination_certificate", ("birth_certificate_no",), ("vaccination_no",)),
        ("mother_child_handbook", (), ("handbook_no",)),
        ("child_care_booklet", ("birth_certificate_no",), ("booklet_no",)),
        ("maternity_benefit", (), ("benefit_amount_fen", "benefit_days")),
    ],
)
def test_each_item_leaves_something_that_others_read(
    item: str, reads: tuple[str, ...], produces: tuple[str, ...]
) -> None:
    assert BUNDLE.item(item).reads == reads
    assert tuple(product.code for product in BUNDLE.item(item).produces) == produces


@pytest.mark.parametrize(
    ("item", "department", "act", "statutory", "promised"),
    [
        ("birth_certificate", "delivery_institution", Act.ISSUE, None, working_days(1)),
        ("household_registration", "public_security", Act.REGISTER, None, working_days(1)),
        ("medical_insurance", "healthcare_security", Act.REGISTER, working_days(10), working_days(3)),
        ("citizen_card", "citizen_card_company", Act.ISSUE, working_days(10), working_days(5)),
        ("vaccination_certificate", "vaccination_unit", Act.ISSUE, None, working_days(1)),
        ("mother_child_handbook", "health", Act.COMPLETE, None, working_days(1)),
        ("child_care_booklet", "health", Act.ISSUE, None, working_days(1)),
        ("maternity_benefit", "healthcare_security", Act.GRANT, working_days(10), working_days(5)),
    ],
)
def test_each_item_belongs_to_a_department_with_a_limit(
    item: str, department: str, act: Act, statutory: Limit | None, promised: Limit
) -> None:
    declared = BUNDLE.item(item)
    assert (declared.department, declared.act) == (department, act)
    assert (declared.statutory_limit, declared.promised_limit) == (statutory, promised)


@pytest.mark.parametrize("item", BUNDLE.items, ids=lambda item: item.code)
def test_each_item_says_by_what_law_in_both_languages(item: Item) -> None:
    assert item.basis
    assert item.title
    assert item.title_en
    assert all(proof.basis and proof.title and proof.title_en for proof in item.proofs)
    assert all(product.title and product.title_en for product in item.produces)


def test_the_handbook_exists_since_the_pregnancy_and_is_completed_not_issued() -> None:
    handbook = BUNDLE.item("mother_child_handbook")

    assert handbook.act is Act.COMPLETE
    assert handbook.for_each is None
    assert {fact.name: fact.origin for fact in handbook.facts}["handbook_no"] == FromProof(
        proof="prenatal_record", answer="handbook_no"
    )


@pytest.mark.parametrize("proof", BUNDLE.proofs().values(), ids=lambda proof: proof.code)
def test_every_proof_ends_with_a_caseworker(proof: Any) -> None:
    assert isinstance(proof.routes[-1], Escalation)


@pytest.mark.parametrize(
    ("proof", "source", "by"),
    [
        ("birth_record", "birth_records", ["birth_record_no"]),
        ("mother_identity", "identity_register", ["citizen_id"]),
        ("father_identity", "identity_register", ["citizen_id"]),
        ("mothers_household", "household_register", ["citizen_id"]),
        ("fathers_household", "household_register", ["citizen_id"]),
        ("prenatal_record", "prenatal_records", ["citizen_id", "passport_no"]),
        ("mother_insurance", "insured_persons", ["citizen_id", "passport_no"]),
        ("mother_employer", "employers", ["uscc"]),
        ("mother_account", "payment_accounts", ["citizen_id", "account"]),
    ],
)
def test_each_proof_asks_the_register_that_keeps_it(proof: str, source: str, by: list[str]) -> None:
    first = BUNDLE.proofs()[proof].routes[0]
    assert isinstance(first, SharedDataQuery)
    assert first.source == source
    assert [fact.name for fact in first.by] == by


@pytest.mark.parametrize(
    ("proof", "people", "immediate"),
    [
        ("birth_record", ["health"], True),
        ("mother_identity", ["public_security", "community"], True),
        ("mother_passport", ["public_security"], True),
        ("father_identity", ["public_security", "community"], True),
        ("father_passport", ["public_security"], True),
        ("parents_marriage", ["civil_affairs", "community"], True),
        ("mothers_household", ["public_security", "community"], True),
        ("fathers_household", ["public_security", "community"], True),
        ("prenatal_record", ["health"], False),
        ("mother_insurance", ["healthcare_security"], False),
        ("mother_employer", ["human_resources"], False),
        # Nobody but the register knows; whether a child is his is for an expert, and nobody's word.
        ("mother_account", [], False),
        ("paternity", [], False),
    ],
)
def test_what_no_register_shows_is_asked_of_people_before_a_caseworker_decides(
    proof: str, people: list[str], immediate: bool
) -> None:
    declared = BUNDLE.proofs()[proof]

    assert [asked_of(route) for route in declared.routes if isinstance(route, Verification)] == people
    assert [asked_of(route) for route in declared.routes[-1:]] == ["caseworker"]
    assert declared.immediate is immediate


def test_every_proof_says_whom_it_asks() -> None:
    assert len(BUNDLE.proofs()) == 13


@pytest.mark.parametrize("parent", ["mother", "father"])
def test_the_community_asked_is_where_the_parent_lives_or_else_where_the_household_is(parent: str) -> None:
    checks = [route for route in BUNDLE.proofs()[f"{parent}s_household"].routes if isinstance(route, CommunityCheck)]

    assert [check.community for check in checks] == [
        (
            FromForm(field=f"{parent}.residence"),
            FromProof(proof=f"{parent}s_household", answer="community_code"),
        )
    ]


@pytest.mark.parametrize("proof", BUNDLE.proofs().values(), ids=lambda proof: proof.code)
def test_whoever_verifies_is_shown_no_phone_and_no_account(proof: Any) -> None:
    shown = {path for route in proof.routes if isinstance(route, Verification) for path in route.shows}

    assert shown.isdisjoint({"mother.phone", "father.phone", "mother.account", "mother.residence", "father.residence"})


def test_a_department_is_told_what_it_needs_and_no_more() -> None:
    told = {item.code: set(item.discloses) for item in BUNDLE.items}

    assert {item for item, fields in told.items() if "mother.account" in fields} == {"maternity_benefit"}
    assert {item for item, fields in told.items() if "father.citizen_id" in fields} == {
        "birth_certificate",
        "household_registration",
    }
    assert "mother.citizen_id" not in told["vaccination_certificate"] | told["child_care_booklet"]


# --- circumstances


def test_married_parents_show_their_marriage() -> None:
    application = read()

    assert "married" in application.circumstances
    assert proofs_of(application, "household_registration") == ("parents_marriage", "fathers_household")


def test_unmarried_parents_have_no_marriage_to_show() -> None:
    application = read("unmarried")

    assert "unmarried" in application.circumstances
    assert "father_named" not in application.circumstances
    assert proofs_of(application, "household_registration") == ("mothers_household",)
    assert proofs_of(application, "birth_certificate") == ("birth_record", "mother_identity")


def test_an_unmarried_father_whose_household_the_child_joins_shows_paternity() -> None:
    application = read(birth__parents_married=False)

    assert proofs_of(application, "household_registration") == ("paternity", "fathers_household")
    assert BUNDLE.proofs()["paternity"].routes == (Escalation(),)


def test_a_married_father_shows_no_paternity() -> None:
    assert "paternity" not in proofs_of(read(birth__household_follows="father"), "household_registration")


@pytest.mark.parametrize("parent", ["mother", "father"])
def test_the_child_joins_the_household_of_the_parent_chosen(parent: str) -> None:
    application = read(birth__household_follows=parent)

    assert f"following_{parent}" in application.circumstances
    assert proofs_of(application, "household_registration") == ("parents_marriage", f"{parent}s_household")
    item = BUNDLE.item("household_registration")
    (origin,) = (
        fact.origin for fact in item.facts if fact.name == "household_no" and fact.applies(application.circumstances)
    )
    assert origin == FromProof(proof=f"{parent}s_household", answer="household_no")


def test_an_unmarried_mother_may_leave_the_father_out_but_not_if_the_child_joins_him() -> None:
    assert "father" not in read("unmarried").sections

    with pytest.raises(FormFaulty) as refusal:
        read("unmarried", birth__household_follows="father")

    assert [(fault.pointer, fault.rule) for fault in refusal.value.faults] == [("/application/father", "missing")]


def test_a_foreign_father_shows_his_passport() -> None:
    application = read("foreign_father")

    assert proofs_of(application, "birth_certificate") == ("birth_record", "mother_identity", "father_passport")
    assert proofs_of(application, "household_registration") == ("parents_marriage", "mothers_household")


def test_the_marriage_to_a_foreigner_is_asked_by_the_chinese_parent_alone() -> None:
    marriage = BUNDLE.proofs()["parents_marriage"].routes[0]
    assert isinstance(marriage, SharedDataQuery)

    def asked(circumstances: tuple[str, ...]) -> list[tuple[str, str]]:
        return [
            (fact.name, fact.origin.field)
            for fact in marriage.by
            if fact.applies(circumstances) and isinstance(fact.origin, FromForm)
        ]

    assert asked(read().circumstances) == [
        ("husband_citizen_id", "father.citizen_id"),
        ("wife_citizen_id", "mother.citizen_id"),
    ]
    assert asked(read("foreign_father").circumstances) == [("citizen_id", "mother.citizen_id")]
    assert asked(foreign_mother().circumstances) == [("citizen_id", "father.citizen_id")]


def foreign_mother(**answers: object) -> Application:
    passport = {"mother__identity_kind": "passport", "mother__citizen_id": None, "mother__passport_no": "W900000009"}
    return read(**{**passport, "mother__nationality": "FRA", **answers})


def test_a_foreign_mother_shows_her_passport_and_the_child_joins_the_father() -> None:
    application = foreign_mother()

    assert proofs_of(application, "birth_certificate") == ("birth_record", "mother_passport", "father_identity")
    assert proofs_of(application, "household_registration") == ("parents_marriage", "fathers_household")
    # No register knows a foreigner's account; the department takes it as declared.
    assert proofs_of(application, "maternity_benefit") == ("birth_record", "mother_insurance", "mother_employer")


@pytest.mark.parametrize(
    ("insurance", "proofs"),
    [
        ("employee", ("birth_record", "mother_insurance", "mother_employer", "mother_account")),
        ("resident", ("birth_record", "mother_insurance", "mother_account")),
    ],
)
def test_an_insured_mother_has_a_benefit(insurance: str, proofs: tuple[str, ...]) -> None:
    assert proofs_of(read(birth__mother_insurance=insurance), "maternity_benefit") == proofs


def test_a_mother_who_is_not_insured_has_none_and_everything_else() -> None:
    application = read(birth__mother_insurance="none")

    assert tuple(entry.item for entry in planned(application).items) == EIGHT[:-1]
    asked = {entry.proof for entry in planned(application).proofs}
    assert asked.isdisjoint({"mother_insurance", "mother_employer", "mother_account"})


def test_twins_are_one_delivery_two_children_and_one_benefit() -> None:
    application = read("twins")
    items = planned(application).items

    assert "multiple_birth" in application.circumstances
    assert [entry.id for entry in items] == [
        "birth_certificate:1",
        "birth_certificate:2",
        "household_registration:1",
        "household_registration:2",
        "medical_insurance:1",
        "medical_insurance:2",
        "citizen_card:1",
        "citizen_card:2",
        "vaccination_certificate:1",
        "vaccination_certificate:2",
        "mother_child_handbook",
        "child_care_booklet:1",
        "child_care_booklet:2",
        "maternity_benefit",
    ]
    assert {entry.id: entry.after for entry in items}["citizen_card:2"] == ("household_registration:2",)
    assert len(planned(application).proofs) == len(planned(read()).proofs)


def test_a_child_born_outside_an_institution_is_told_where_to_go() -> None:
    with pytest.raises(NotEligibleHere) as refusal:
        read_application(BUNDLE, example("home_birth"), at=MONDAY)

    assert refusal.value.reason_code == "born_outside_institution"
    assert "亲子鉴定" in refusal.value.zh
    assert "county health department" in refusal.value.en


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"father__identity_kind": "passport", "father__citizen_id": None, "father__passport_no": "W1234567"}, "both"),
        ({"birth__parents_married": False, "birth__household_follows": "mother", "father": None}, "no_chinese_parent"),
        ({"birth__household_follows": "mother"}, "household_of_foreign_mother"),
    ],
)
def test_a_foreign_mother_is_told_where_to_go_when_no_household_is_left_to_join(
    answers: dict[str, object], reason: str
) -> None:
    with pytest.raises(NotEligibleHere) as refusal:
        foreign_mother(**answers)

    assert refusal.value.reason_code.startswith(reason)
    assert refusal.value.zh
    assert refusal.value.en


def test_a_child_cannot_join_the_household_of_a_foreign_father() -> None:
    with pytest.raises(NotEligibleHere) as refusal:
        read("foreign_father", birth__household_follows="father")

    assert refusal.value.reason_code == "household_of_foreign_father"


@pytest.mark.parametrize(
    "name",
    [
        "family",
        "twins",
        "unmarried",
        "uninsured",
        "resident",
        "foreign_father",
        "fifteen_digit",
        "marriage_not_on_file",
        "name_differs",
    ],
)
def test_every_family_of_the_examples_comes_to_its_end(name: str) -> None:
    file = concluded(name)

    assert set(states(file).values()) == {"concluded"}
    assert file.outcome == "complete"


def test_an_unmarried_father_waits_for_a_caseworker_only_about_paternity() -> None:
    file = concluded("following_father")

    assert [(wait.what, wait.on) for wait in waits(file)] == [("paternity", "caseworker")]
    file = departments_conclude(given(settle("paternity", met=True), file=file))
    assert file.outcome == "complete"


# --- maternity


def test_the_allowance_is_computed_for_employees_on_the_law_of_the_day_of_birth() -> None:
    entitle = BUNDLE.item("maternity_benefit").entitle

    assert entitle is not None
    assert entitle.entitlement == "maternity_allowance"
    assert entitle.on == FromForm(field="birth.born_at")
    assert entitle.applies(read().circumstances)
    assert not entitle.applies(read("resident").circumstances)


@pytest.mark.parametrize(
    ("child_order", "delivery", "children", "days"),
    [(1, "normal", 1, 158), (1, "difficult", 1, 173), (2, "normal", 1, 188), (3, "normal", 3, 218)],
)
def test_the_facts_of_the_item_are_those_of_the_published_examples(
    child_order: int, delivery: str, children: int, days: int
) -> None:
    names = ["一", "二", "三"][:children]
    application = read(
        birth__child_order=child_order,
        birth__delivery=delivery,
        children=[{"name": f"欧阳{n}", "sex": "1", "birth_order": place} for place, n in enumerate(names, 1)],
    )
    records = {("mother_employer", "average_monthly_wage_fen"): "900000"}
    facts: dict[str, str] = {}
    for fact in BUNDLE.item("maternity_benefit").facts:
        if fact.applies(application.circumstances):
            match fact.origin:
                case FromForm(field=field):
                    facts[fact.name] = application.value(field) or ""
                case FromProof(proof=proof, answer=answer):
                    facts[fact.name] = records[proof, answer]
    rule = entitlements()["maternity_allowance"]

    granted = rule.compute(date(2026, 11, 20), {need: facts[need] for need in rule.needs})

    assert str(days) in granted.values()
    assert str(900_000 * days // 30) in granted.values()


# --- one case for one child


def test_the_same_child_is_recognised_by_the_birth_record_and_by_the_mother() -> None:
    def of(**answers: object) -> set[tuple[str, ...]]:
        return set(read(**answers).event_values())

    assert of() & of(children__0__name="欧阳知予二", birth__delivery="difficult") == of()
    assert len(of() & of(birth__birth_record_no="BR2026900009999")) == 1
    assert len(of() & of(birth__born_at="2026-11-20T09:59:00+08:00")) == 2
    assert not of() & of(birth__birth_record_no="BR2026900009999", birth__born_at="2026-11-19T09:59:00+08:00")


def test_a_blank_does_not_make_a_second_birth() -> None:
    assert read(birth__birth_record_no=" BR2026900000000 ").event_values() == read().event_values()


def test_each_twin_is_a_child_of_its_own() -> None:
    assert len(read("twins").event_values()) == 4
    assert form("twins") == example("twins")
