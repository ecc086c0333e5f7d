"""What a department's answer amounts to: one command for the case, and personal content for the vault.

The same for an answer given at once and for one called back later, so that the two cannot disagree.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from domain.actors import Actor
from domain.commands import RecordDepartmentAnswer
from domain.department_answers import Accepted, Concluded, Denied, ProductMissing
from store.cases import OpenedCase, product_place
from store.vault import Kept


def recorded(
    case: OpenedCase,
    item: str,
    attempt: int | None,
    answer: Concluded | Accepted | Denied,
    *,
    id: UUID,
    at: datetime,
    by: Actor,
) -> tuple[RecordDepartmentAnswer, Sequence[Kept]]:
    """The command and what to keep with it; raises ProductMissing, and NoSuchPart for an unknown item."""
    told = RecordDepartmentAnswer(
        id=id, at=at, by=by, item=item, answer="acknowledged", reference=answer.reference, attempt=attempt
    )
    match answer:
        case Accepted():
            return told, ()
        case Denied():
            note = f"note/{id}" if answer.reason else None
            kept = (Kept(case.file.case_id, note, {"text": answer.reason}, id),) if note else ()
            return replace(told, answer="denied", reason_code=answer.reason_code, note=note), kept
        case Concluded():
            declared = {product.code: product for product in case.file.declared_item(item).produces}
            read_later = {product for other in case.file.bundle.items for product in other.reads}
            if missing := sorted((declared.keys() & read_later) - answer.products.keys()):
                raise ProductMissing(missing[0])
            made = {code: value for code, value in answer.products.items() if code in declared}
            number = case.file.item(item).planned.number
            return replace(told, answer="concluded", products=tuple(made)), tuple(
                Kept(case.person(declared[code].belongs_to, number), product_place(item, code), {"value": value}, id)
                for code, value in made.items()
            )
        case _:
            assert_never(answer)
