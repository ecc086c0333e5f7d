"""How a value is shown to somebody who did not ask for the whole of it (脱敏): by its kind, and what has none hides."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from domain.bundle import Bundle, FieldKind
from domain.identifiers import mask_bank_account, mask_citizen_id, mask_name, mask_paper_number, mask_phone

Sections = Mapping[str, Sequence[Mapping[str, str]]]


def masked(kind: FieldKind, value: str) -> str:
    """The value as anybody who may see the case sees it."""
    match kind:
        case FieldKind.NAME:
            return mask_name(value)
        case FieldKind.CITIZEN_ID:
            return mask_citizen_id(value)
        case FieldKind.PHONE:
            return mask_phone(value)
        case FieldKind.ACCOUNT:
            return mask_bank_account(value)
        case FieldKind.PASSPORT | FieldKind.TEXT:
            return mask_paper_number(value)
        case FieldKind.DATE | FieldKind.MOMENT:
            # The month says what a list needs to know; the day is a key to a person.
            return f"{value[:7]}-**"
        case FieldKind.MONTH:
            return in_clear(kind, value)
        case FieldKind.USCC | FieldKind.CHOICE | FieldKind.YES_NO | FieldKind.COUNT | FieldKind.AMOUNT:
            return value
        case _:
            assert_never(kind)


def in_clear(kind: FieldKind, value: str) -> str:
    """The value as one reads it: of a month, not the day that it is kept under."""
    return value[: len("2026-11")] if kind is FieldKind.MONTH else value


def masked_form(bundle: Bundle, sections: Sections) -> dict[str, list[dict[str, str]]]:
    """The whole form, each value masked by its kind."""
    return {
        code: [
            {field: masked(bundle.field(f"{code}.{field}").kind, value) for field, value in row.items()} for row in rows
        ]
        for code, rows in sections.items()
    }
