"""What each register of the city answers when it is asked about one person, employer, birth or account.

Three outcomes and no more: found, not found, and unreadable — the last for records still kept under fifteen digits,
which nobody can find by the eighteen a person holds today.
"""

from collections.abc import Callable
from typing import Literal

from demo.city.numbers import LENGTH_BEFORE_1999
from demo.city.people import Family, Person
from demo.city.places import DIVISION_BY_CODE
from demo.city.population import CITY, Parent, Population, employer_of
from demo.city.workers import find_worker
from domain.law.months import month_text

Outcome = Literal["found", "not_found", "unreadable"]
Record = dict[str, str]
Answer = tuple[Outcome, Record | None]
Asked = dict[str, str]

NOT_FOUND: Answer = ("not_found", None)
UNREADABLE: Answer = ("unreadable", None)
BANK = "婺川农商银行"


class UnknownSource(LookupError):
    """The platform's catalogue lists no such register."""


class WrongKeys(ValueError):
    """The register cannot be asked by these keys."""

    def __init__(self, source: str, by: Asked) -> None:
        self.ways = tuple(sorted(", ".join(sorted(way)) for way in ASKED_BY[source]))
        super().__init__(
            f"{source} is asked by {' or by '.join(self.ways)}, not by {', '.join(sorted(by)) or 'nothing'}"
        )


def answer_query(source: str, by: Asked, city: Population = CITY) -> Answer:
    """The answer and, when something is on record, the record with all its values as text."""
    register = REGISTERS.get(source)
    if register is None:
        raise UnknownSource(source)
    if frozenset(by) not in ASKED_BY[source]:
        raise WrongKeys(source, by)
    return register(city, by)


def _identity(city: Population, by: Asked) -> Answer:
    if worker := find_worker(by["citizen_id"]):
        return "found", {
            "name": worker.name,
            "sex": worker.sex,
            "born_on": worker.born_on.isoformat(),
            "citizen_id": worker.citizen_id,
        }
    found = city.find_citizen(by["citizen_id"])
    if found is None:
        return NOT_FOUND
    person = _person(*found)
    return "found", {
        "name": person.name,
        "sex": person.sex,
        "born_on": person.born_on.isoformat(),
        "citizen_id": person.citizen_id or "",
    }


def _household(city: Population, by: Asked) -> Answer:
    if worker := find_worker(by["citizen_id"]):
        return "found", {
            "name": worker.name,
            "citizen_id": worker.citizen_id,
            "household_no": f"HW{worker.n:09d}",
            "division": worker.district,
            "community": worker.community,
            "community_code": worker.community_code,
            "state": "dead" if worker.state == "dead" else "alive",
        }
    found = city.find_citizen(by["citizen_id"])
    if found is None:
        return NOT_FOUND
    family, parent = found
    home = family.mother_household if parent == "mother" else family.father_household
    if home is None:
        return NOT_FOUND
    person = _person(family, parent)
    entered_as = family.father_name_in_household_register if parent == "father" else None
    community = next(c for c in DIVISION_BY_CODE[home.division].communities if c.name == home.community)
    return "found", {
        "name": entered_as or person.name,
        "citizen_id": person.citizen_id or "",
        "household_no": home.household_no,
        "household_head": home.household_head,
        "address": home.address,
        "division": home.division,
        "community": home.community,
        "community_code": community.code,
        "kind": home.kind,
        "state": "alive",
    }


def _marriage(city: Population, by: Asked) -> Answer:
    asked = by.get("wife_citizen_id") or by.get("citizen_id") or ""
    found = city.find_citizen(asked)
    if found is None:
        return NOT_FOUND
    family, parent = found
    marriage, husband, wife = family.marriage, family.father, family.mother
    if marriage is None or husband is None:
        return NOT_FOUND
    if "wife_citizen_id" in by and parent != "mother":
        return NOT_FOUND
    if "husband_citizen_id" in by and city.find_citizen(by["husband_citizen_id"]) != (family, "father"):
        return NOT_FOUND
    if "husband_passport_no" in by and by["husband_passport_no"] != husband.passport_no:
        return NOT_FOUND
    if marriage.under_fifteen_digits and len(asked) != LENGTH_BEFORE_1999:
        return UNREADABLE
    return "found", {
        "certificate_no": marriage.certificate_no,
        "registered_on": marriage.registered_on.isoformat(),
        "state": marriage.state,
        "husband_name": husband.name,
        "wife_name": wife.name,
    }


def _birth(city: Population, by: Asked) -> Answer:
    family = city.find_birth(by["birth_record_no"])
    if family is None:
        return NOT_FOUND
    birth = family.birth
    return "found", {
        "birth_record_no": birth.birth_record_no or "",
        "mother_citizen_id": family.mother.citizen_id or "",
        "mother_name": family.mother.name,
        "born_on": birth.born_at.date().isoformat(),
        "born_at": birth.born_at.isoformat(),
        "children": str(len(birth.sexes)),
        "sexes": ",".join(birth.sexes),
        "delivery": birth.delivery,
        "weeks": str(birth.weeks),
        "institution": birth.institution,
        "institution_code": birth.institution_code or "",
    }


def _prenatal(city: Population, by: Asked) -> Answer:
    found = city.find_citizen(by["citizen_id"])
    if found is None or found[1] != "mother":
        return NOT_FOUND
    family = found[0]
    return "found", {"handbook_no": family.handbook_no, "registered_on": family.handbook_registered_on.isoformat()}


def _insured(city: Population, by: Asked) -> Answer:
    """Fathers are insured at work throughout: only the mother's insurance decides anything when a child is born."""
    found = city.find_citizen(by["citizen_id"])
    if found is None:
        return NOT_FOUND
    family, parent = found
    if parent == "father":
        return "found", {"scheme": "employee", "employer_uscc": "", "since": "2016-07-01", "state": "active"}
    return "found", {
        "scheme": family.mother_scheme,
        "employer_uscc": family.employer.uscc if family.employer else "",
        "since": family.insured_since.isoformat() if family.insured_since else "",
        "state": "none" if family.mother_scheme == "none" else "active",
    }


def _employer(city: Population, by: Asked) -> Answer:
    employer = city.find_employer(by["uscc"])
    if employer is None:
        return NOT_FOUND
    wage = str(employer.average_monthly_wage_fen)
    return "found", {"name": employer.name, "average_monthly_wage_fen": wage, "uscc": employer.uscc}


def _exit_entry(city: Population, by: Asked) -> Answer:
    family = city.find_passport(by["passport_no"])
    if family is None or family.father is None:
        return NOT_FOUND
    father = family.father
    return "found", {"name": father.name, "nationality": father.nationality, "passport_no": by["passport_no"]}


def _pension_record(_: Population, by: Asked) -> Answer:
    worker = find_worker(by["citizen_id"])
    if worker is None:
        return NOT_FOUND
    in_file = {} if worker.born_in_file is None else {"born_in_file": month_text(worker.born_in_file)}
    return "found", in_file | {
        "name": worker.name,
        # Empty where nobody has reviewed the post yet.
        "category": worker.category,
        "born_in": month_text(worker.born),
        "places": str(worker.places),
        "contribution_months": str(worker.contribution_months),
        "index": worker.index,
        "account_balance": worker.account_balance,
        "index_before_1998": worker.index if worker.months_before_1998 else "0",
        "months_before_1998": str(worker.months_before_1998),
        "arrears": "owed" if worker.arrears else "none",
        "state": worker.state,
    }


def _medical_insurance(city: Population, by: Asked) -> Answer:
    worker = find_worker(by["citizen_id"])
    if worker is None:
        return NOT_FOUND
    employer = None if worker.employer is None else employer_of(city.seed, worker.employer)
    return "found", {
        "name": worker.name,
        "scheme": "flexible" if employer is None else "employee",
        "employer_uscc": "" if employer is None else employer.uscc,
        "contribution_months": str(worker.medical_months),
        "state": worker.state,
    }


def _housing_fund(_: Population, by: Asked) -> Answer:
    worker = find_worker(by["citizen_id"])
    if worker is None or not worker.housing_fund:
        return NOT_FOUND
    state = "active" if worker.employer is not None else "sealed"
    return "found", {"name": worker.name, "account_no": f"GJJ{worker.n:09d}", "state": state}


def _account(city: Population, by: Asked) -> Answer:
    if worker := find_worker(by["citizen_id"]):
        if worker.account != by["account"]:
            return NOT_FOUND
        return "found", {"name": worker.name, "bank": BANK, "state": "active"}
    found = city.find_citizen(by["citizen_id"])
    if found is None or _person(*found).account != by["account"]:
        return NOT_FOUND
    return "found", {"name": _person(*found).name, "bank": BANK, "state": "active"}


def _person(family: Family, parent: Parent) -> Person:
    if parent == "mother":
        return family.mother
    assert family.father is not None, "a citizen found as a father is one"
    return family.father


def _ways(*ways: str) -> frozenset[frozenset[str]]:
    return frozenset(frozenset(way.split()) for way in ways)


BY_CITIZEN = _ways("citizen_id")
ASKED_BY: dict[str, frozenset[frozenset[str]]] = {
    "identity_register": BY_CITIZEN,
    "household_register": BY_CITIZEN,
    "marriage_register": _ways(
        "citizen_id", "husband_citizen_id wife_citizen_id", "husband_passport_no wife_citizen_id"
    ),
    "birth_records": _ways("birth_record_no"),
    "prenatal_records": BY_CITIZEN,
    "insured_persons": BY_CITIZEN,
    "employers": _ways("uscc"),
    "exit_entry_records": _ways("passport_no"),
    "payment_accounts": _ways("account citizen_id"),
    "pension_records": BY_CITIZEN,
    "medical_insurance_records": BY_CITIZEN,
    "housing_fund_accounts": BY_CITIZEN,
}
REGISTERS: dict[str, Callable[[Population, Asked], Answer]] = {
    "identity_register": _identity,
    "household_register": _household,
    "marriage_register": _marriage,
    "birth_records": _birth,
    "prenatal_records": _prenatal,
    "insured_persons": _insured,
    "employers": _employer,
    "exit_entry_records": _exit_entry,
    "payment_accounts": _account,
    "pension_records": _pension_record,
    "medical_insurance_records": _medical_insurance,
    "housing_fund_accounts": _housing_fund,
}
