"""What one family really has to go through: the declaration under its own circumstances.

Two children born at one delivery have two registrations and one maternity benefit; parents who are
not married have no marriage to prove. The plan is fixed when the case opens and travels in
`CaseOpened`, so that nothing has to be worked out again by a reader.
"""

from collections.abc import Collection, Mapping

from pydantic import BaseModel, ConfigDict

from domain.bundle import Bundle, Item, Proof


class PlannedProof(BaseModel):
    """One proof of this case and the proofs whose records it needs first."""

    model_config = ConfigDict(frozen=True)

    proof: str
    after: tuple[str, ...] = ()


class PlannedItem(BaseModel):
    """One item of this case: `id` is the item's code, with ":2" for the second person of a list."""

    model_config = ConfigDict(frozen=True)

    id: str
    item: str
    department: str
    number: int | None = None
    """Which person of the list section, from 1; None where the item is handled once."""
    after: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()


class Plan(BaseModel):
    """The items and proofs in play, in declared order."""

    model_config = ConfigDict(frozen=True)

    items: tuple[PlannedItem, ...]
    proofs: tuple[PlannedProof, ...]


def plan(bundle: Bundle, circumstances: Collection[str], counts: Mapping[str, int]) -> Plan:
    """The plan of a case; `counts` says how many persons each list section holds."""
    items = [item for item in bundle.items if item.applies(circumstances)]
    present = {item.code for item in items}
    planned = tuple(
        PlannedItem(
            id=item_id(item, number, counts),
            item=item.code,
            department=item.department,
            number=number,
            after=tuple(
                item_id(before, their_number, counts)
                for code in bundle.predecessors(item)
                if code in present
                for before in (bundle.item(code),)
                for their_number in _numbers(before, counts)
                if number is None or their_number is None or number == their_number
            ),
            proofs=tuple(proof.code for proof in item.proofs if proof.applies(circumstances)),
        )
        for item in items
        for number in _numbers(item, counts)
    )
    needed: dict[str, Proof] = {}
    declared = bundle.proofs()

    def need(code: str) -> None:
        for earlier in declared[code].reads_proofs():
            if earlier not in needed:
                need(earlier)
        needed[code] = declared[code]

    for entry in planned:
        for code in entry.proofs:
            need(code)
    return Plan(
        items=planned,
        proofs=tuple(PlannedProof(proof=code, after=proof.reads_proofs()) for code, proof in needed.items()),
    )


def item_id(item: Item, number: int | None, counts: Mapping[str, int]) -> str:
    """The item's code, and ":n" where several persons each have one."""
    if item.for_each is None or counts.get(item.for_each, 1) == 1:
        return item.code
    return f"{item.code}:{number}"


def _numbers(item: Item, counts: Mapping[str, int]) -> tuple[int | None, ...]:
    return (None,) if item.for_each is None else tuple(range(1, counts.get(item.for_each, 1) + 1))
