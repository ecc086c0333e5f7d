"""更正: what an item came to is corrected by its department, compared with what stands at that very moment.

The new values get places of their own in the vault, so that what the department said first can always be read again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.actors import Actor
from domain.bundle import FieldKind
from domain.commands import CorrectItem
from domain.department_answers import ProductFaulty
from domain.form import is_amount
from store.access_log import Access, note_for_case
from store.acts import ActKey, bind_key
from store.cases import CaseStore, OpenedCase, product_place
from store.commands import Handled, handle, load
from store.database import again_if_lost
from store.streams import lock
from store.vault import Content, Kept


@dataclass(frozen=True, slots=True)
class Correction:
    """What an item is said to have come to: some of its products, and why, as the vault keeps it."""

    item: str
    values: Mapping[str, str]
    why: Content
    """`text`, the reason in words; and `explanation`, the calculation as JSON, where there is one."""


def correct(
    store: CaseStore,
    case_id: UUID,
    judged: Callable[[OpenedCase], Correction],
    *,
    id: UUID,
    at: datetime,
    by: Actor,
    seen: int | None = None,
    key: ActKey | None = None,
    access: Access | None = None,
) -> Handled:
    """Carry out what `judged` makes of the case as it stands; again under its key, or with its id, the first answer.

    Raises what `judged` raises, ProductFaulty, SameKeyOtherRequest, and what the rules refuse; then nothing is written.
    """

    def once() -> Handled:
        with store.database.begin() as connection:
            new = key is None or bind_key(connection, key, case_id, at)
            lock(connection, case_id)
            if new and access is not None:
                note_for_case(connection, case_id, [access])
            case = OpenedCase(load(connection, store.files, case_id), store.vault.open(connection, case_id))
            correction = judged(case)
            command = CorrectItem(
                id=id,
                at=at,
                by=by,
                expected_version=seen,
                item=correction.item,
                products=_differing(case, correction),
                note=f"note/{id}",
            )
            kept = _kept(case, correction, command)
            return handle(connection, store.vault, store.files, case_id, [command], kept=kept, tell_workflow=True)

    handled = again_if_lost(once)
    # Only now is it committed.
    store.files.remember(handled.folded)
    return handled


def _differing(case: OpenedCase, correction: Correction) -> tuple[str, ...]:
    """The products that are to be others than they are; raises ProductFaulty, and NoSuchPart for an unknown item."""
    declared = {product.code: product for product in case.file.declared_item(correction.item).produces}
    for code, value in correction.values.items():
        if code not in declared:
            raise ProductFaulty(code, "unknown")
        if declared[code].kind is FieldKind.AMOUNT and not is_amount(value):
            raise ProductFaulty(code, "amount")
    return tuple(code for code, value in correction.values.items() if value != case.made(correction.item, code))


def _kept(case: OpenedCase, correction: Correction, command: CorrectItem) -> Sequence[Kept]:
    live = case.file.item(correction.item)
    number = len(live.corrections) + 1
    return [
        Kept(case.file.case_id, command.note, correction.why, command.id),
        *(
            Kept(
                case.person(case.file.bundle.product(code).belongs_to, live.planned.number),
                product_place(correction.item, code, number),
                {"value": correction.values[code]},
                command.id,
            )
            for code in command.products
        ),
    ]
