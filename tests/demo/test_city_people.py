"""The people of the city: numbers that check out, belong to nobody, and lead back to the family they came from."""

import json
from datetime import date

import pytest

from demo.city import numbers
from demo.city.examples import FOLDER, FORMS, application_for, as_text
from demo.city.inline import answer_query
from demo.city.personas import PERSONAS
from demo.city.places import DIVISION_BY_CODE, DIVISIONS
from demo.city.population import CITY, Population, family, persona
from demo.city.registers import ASKED_BY, UnknownSource, WrongKeys

FAR_APART = (0, 1, 2, 999, 100_000, 3_141_592, 20_000_000)


@pytest.mark.parametrize(
    "number", ["11010519491231002X", "330702199001010015", "330783202601010011", "330781202402290126"]
)
def test_published_citizen_ids_are_valid(number: str) -> None:
    assert numbers.is_citizen_id(number)
    assert numbers.from_fifteen_digits("110105491231002") == "11010519491231002X"
    assert numbers.to_fifteen_digits("11010519491231002X") == "110105491231002"


def test_a_wrong_check_digit_is_seen() -> None:
    assert not numbers.is_citizen_id("330702199001010016")
    assert not numbers.is_citizen_id("33070219900101001６")


def test_credit_codes_follow_the_standard() -> None:
    assert numbers.uscc("440300", "19220382") == "914403001922038216"
    assert numbers.uscc("440300", "71526726") == "9144030071526726XG"
    assert numbers.uscc("110000", "80210043") == "91110000802100433B"


def test_a_bank_account_ends_in_its_luhn_digit() -> None:
    assert numbers.with_luhn("7992739871") == "79927398713"


def test_every_listed_number_is_valid_and_from_a_division_nobody_has() -> None:
    seen = set()
    people = list(CITY.people())
    assert len(people) == 5_000
    for person in people:
        if person.citizen_id is None:
            assert person.passport_no
            continue
        assert numbers.is_citizen_id(person.citizen_id)
        assert person.citizen_id[:6] in DIVISION_BY_CODE
        assert person.citizen_id[6:14] == f"{person.born_on:%Y%m%d}"
        assert int(person.citizen_id[16]) % 2 == (person.sex == "1")
        seen.add(person.citizen_id)
    assert len(seen) == sum(person.citizen_id is not None for person in people)
    assert set(DIVISION_BY_CODE) == {f"3399{n:02d}" for n in range(1, 10)}
    assert sum(len(division.communities) for division in DIVISIONS) == 113


@pytest.mark.parametrize("n", FAR_APART)
def test_registers_recognise_a_family_however_far_out(n: int) -> None:
    one = family(n)
    assert one.father is not None
    assert CITY.find_citizen(one.mother.citizen_id or "") == (one, "mother")
    assert CITY.find_citizen(one.father.citizen_id or "") == (one, "father")
    assert CITY.find_birth(one.birth.birth_record_no or "") == one
    asked = {"husband_citizen_id": one.father.citizen_id or "", "wife_citizen_id": one.mother.citizen_id or ""}
    outcome, record = answer_query("marriage_register", asked)
    assert (outcome, record and record["state"]) == ("found", "married")
    swapped = {"husband_citizen_id": asked["wife_citizen_id"], "wife_citizen_id": asked["husband_citizen_id"]}
    assert answer_query("marriage_register", swapped) == ("not_found", None)
    if one.employer:
        outcome, record = answer_query("employers", {"uscc": one.employer.uscc})
        assert record is not None
        assert record["average_monthly_wage_fen"].isdecimal()
        assert record["uscc"][2:6] == "3399"


def test_every_family_has_a_birth_and_a_household_of_its_own() -> None:
    families = [family(n) for n in range(5_000)]
    assert len({f.birth.birth_record_no for f in families}) == 5_000
    assert len({f.mother_household.household_no for f in families}) == 5_000
    assert {f.circumstance for f in families} == {"married"}
    assert {f.mother_scheme for f in families} == {"employee", "resident", "none"}
    assert all(f.marriage and f.marriage.registered_on < f.birth.born_at.date() for f in families)


def test_the_city_is_the_same_every_time_and_another_with_another_seed() -> None:
    assert Population().family(42) == family(42)
    assert Population(seed=7).family(42) != family(42)
    assert Population(seed=7).find_citizen(persona("family_twins").mother.citizen_id or "") is not None


def test_every_circumstance_and_every_rare_character_is_among_the_people() -> None:
    families = list(CITY.families())
    assert {f.circumstance for f in families} == {f.circumstance for f in PERSONAS.values()}
    everyone = "".join(p.name for p in CITY.people())
    assert all(character in everyone for character in ("㛃", "𬭎", "𫖯", "𠅤", "龘", "䶮", "欧阳", "尉迟"))


def test_the_city_has_five_thousand_people() -> None:
    assert sum(1 for _ in Population(seed=99).people()) == 5_000


def test_personas_keep_their_numbers() -> None:
    one = persona("family_married_employee")
    assert one.mother.citizen_id == "339901199403170006"
    assert one.father is not None
    assert one.father.citizen_id == "339901199207020019"
    assert one.birth.birth_record_no == "BR2026900000000"


def test_a_record_under_fifteen_digits_is_unreadable_by_eighteen() -> None:
    mother = persona("family_15_digit_mother").mother.citizen_id or ""
    assert answer_query("marriage_register", {"citizen_id": mother}) == ("unreadable", None)
    outcome, record = answer_query("marriage_register", {"citizen_id": numbers.to_fifteen_digits(mother)})
    assert outcome == "found"
    assert record is not None


def test_what_is_not_on_file_is_not_found() -> None:
    mother = persona("family_marriage_not_on_file").mother.citizen_id or ""
    assert answer_query("marriage_register", {"citizen_id": mother}) == ("not_found", None)
    assert answer_query("identity_register", {"citizen_id": "330702199001010015"}) == ("not_found", None)
    assert answer_query("identity_register", {"citizen_id": "nobody"}) == ("not_found", None)
    assert answer_query("birth_records", {"birth_record_no": "BR2026００００００００１"}) == ("not_found", None)


def test_the_household_register_holds_another_name() -> None:
    father = persona("family_name_differs").father
    assert father is not None
    _, home = answer_query("household_register", {"citizen_id": father.citizen_id or ""})
    _, identity = answer_query("identity_register", {"citizen_id": father.citizen_id or ""})
    assert home is not None
    assert identity is not None
    assert home["name"] != identity["name"] == father.name


def test_a_foreign_father_is_known_by_his_passport_only() -> None:
    one = persona("family_foreign_father")
    assert one.father is not None
    outcome, record = answer_query("exit_entry_records", {"passport_no": one.father.passport_no or ""})
    assert (outcome, record and record["nationality"]) == ("found", "FRA")
    asked = {"husband_passport_no": one.father.passport_no or "", "wife_citizen_id": one.mother.citizen_id or ""}
    assert answer_query("marriage_register", asked)[0] == "found"


def test_an_account_belongs_to_one_person() -> None:
    one, other = family(1).mother, family(2).mother
    assert answer_query("payment_accounts", {"citizen_id": one.citizen_id or "", "account": one.account})[0] == "found"
    asked = {"citizen_id": one.citizen_id or "", "account": other.account}
    assert answer_query("payment_accounts", asked) == ("not_found", None)


def test_every_record_holds_texts_only() -> None:
    one = family(3)
    assert one.father is not None
    asked = {
        "citizen_id": one.mother.citizen_id or "",
        "birth_record_no": one.birth.birth_record_no or "",
        "uscc": "91",
        "passport_no": persona("family_foreign_father").father.passport_no or "",  # type: ignore[union-attr]
        "account": one.mother.account,
    }
    for source, ways in ASKED_BY.items():
        way = min(ways, key=len)
        _, record = answer_query(source, {key: asked[key] for key in way})
        assert all(isinstance(value, str) for value in (record or {}).values())


def test_a_register_says_by_what_it_is_asked() -> None:
    with pytest.raises(WrongKeys, match="birth_record_no"):
        answer_query("birth_records", {"citizen_id": "1"})
    with pytest.raises(UnknownSource):
        answer_query("rumours", {})


@pytest.mark.parametrize(("form", "key"), FORMS.items())
def test_examples_are_what_the_generator_writes(form: str, key: str) -> None:
    assert (FOLDER / f"{form}.json").read_text(encoding="utf-8") == as_text(application_for(persona(key)))


def test_no_example_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(FORMS)


def test_any_family_can_apply() -> None:
    form = application_for(family(123_456))["application"]
    assert form["birth"]["place_of_birth"] == "institution"
    assert date.fromisoformat(form["birth"]["born_at"][:10]) <= date(2026, 11, 20)
    assert json.loads(json.dumps(form)) == form
