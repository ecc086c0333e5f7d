"""The family of the documentation, invented: the same as `examples/newborn/family.json`, and a test holds both together."""

from typing import Any, Final

APPLICATION: Final[dict[str, Any]] = {
    "birth": {
        "birth_record_no": "BR2026900000000",
        "born_at": "2026-11-20T08:15:00+08:00",
        "place_of_birth": "institution",
        "institution_code": "3399010001",
        "delivery": "normal",
        "parents_married": True,
        "household_follows": "father",
        "child_order": 1,
        "mother_insurance": "employee",
    },
    "children": [{"name": "欧阳知予", "sex": "2", "birth_order": 1}],
    "mother": {
        "name": "尉迟㛃",
        "identity_kind": "citizen_id",
        "citizen_id": "339901199403170006",
        "nationality": "CHN",
        "phone": "15499000000",
        "account": "6299999000000000005",
    },
    "father": {
        "name": "欧阳𬭎",
        "identity_kind": "citizen_id",
        "citizen_id": "339901199207020019",
        "nationality": "CHN",
        "phone": "15499000001",
    },
}

NEW_CASE: Final[dict[str, Any]] = {"bundle": "newborn", "application": APPLICATION}
CASE_NO: Final = "339901012611220000015"
