"""The forms these families would hand in at the hospital, written out as the examples of the documentation.

`python -m demo.city.examples` rewrites `examples/newborn/`; load tests ask `application_for` for any other family.
"""

import json
from pathlib import Path
from typing import Any

from demo.city.people import Family, Person
from demo.city.personas import PERSONAS

FOLDER = Path(__file__).parents[2] / "examples" / "newborn"
FORMS = {
    "family": "family_married_employee",
    "unmarried": "family_unmarried_following_mother",
    "following_father": "family_unmarried_following_father",
    "foreign_father": "family_foreign_father",
    "twins": "family_twins",
    "resident": "family_resident",
    "uninsured": "family_uninsured",
    "marriage_not_on_file": "family_marriage_not_on_file",
    "name_differs": "family_name_differs",
    "fifteen_digit": "family_15_digit_mother",
    "home_birth": "family_home_birth",
}


def application_for(family: Family) -> dict[str, Any]:
    """What the parents declare; whether the registers agree is for the product to find out."""
    birth = family.birth
    return {
        "bundle": "newborn",
        "application": {
            "birth": {
                "birth_record_no": birth.birth_record_no,
                "born_at": birth.born_at.isoformat(),
                "place_of_birth": "institution" if birth.birth_record_no else "elsewhere",
                "institution_code": birth.institution_code,
                "delivery": birth.delivery,
                "parents_married": _say_they_are_married(family),
                "household_follows": family.household_follows,
                "child_order": family.child_order,
                "mother_insurance": family.mother_scheme,
            },
            "children": [
                {"name": name, "sex": sex, "birth_order": order}
                for order, (name, sex) in enumerate(zip(family.child_names, birth.sexes, strict=True), start=1)
            ],
            "mother": {**_parent(family.mother), "account": family.mother.account},
            "father": _parent(family.father) if family.father else None,
        },
    }


def rewrite(folder: Path = FOLDER) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, key in FORMS.items():
        path = folder / f"{name}.json"
        path.write_text(as_text(application_for(PERSONAS[key])), encoding="utf-8")
        written.append(path)
    return written


def as_text(form: dict[str, Any]) -> str:
    return json.dumps(form, ensure_ascii=False, indent=2) + "\n"


def _say_they_are_married(family: Family) -> bool:
    return not family.circumstance.startswith("unmarried")


def _parent(person: Person) -> dict[str, str]:
    identity = (
        {"identity_kind": "citizen_id", "citizen_id": person.citizen_id}
        if person.citizen_id
        else {"identity_kind": "passport", "passport_no": person.passport_no or ""}
    )
    return {"name": person.name, **identity, "nationality": person.nationality, "phone": person.phone}


if __name__ == "__main__":
    rewrite()
