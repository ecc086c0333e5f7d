"""Which case (办件) somebody may have in hand, and how much of it: the number, the account's reach, and the log.

A case beyond reach is answered like one that does not exist, so that numbers cannot be tried out;
the attempt is in the access log all the same.
"""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import true

from api.house import House
from domain.bundle import FromForm
from domain.case_file import CaseFile
from domain.identifiers import is_case_no
from domain.refusals import NoSuchCase, NoSuchPart
from domain.scopes import Action, Reach, Viewer, reach
from store.access_log import Access
from store.database import again_if_lost
from store.read_models.cases import CaseLine, find_case
from store.scoping import cases_visible_to


def get_case(house: House, viewer: Viewer, action: Action, case_no: str) -> CaseLine:
    """The line of the case; raises NoSuchCase where there is none, or none that the viewer may do this with."""
    if not is_case_no(case_no):
        raise NoSuchCase

    def look() -> tuple[CaseLine | None, bool]:
        with house.store.database.reading() as connection:
            line = find_case(connection, case_no, cases_visible_to(viewer, action))
            if line is not None:
                return line, True
            return find_case(connection, case_no, true()), False

    line, visible = again_if_lost(look)
    if line is None:
        raise NoSuchCase
    if not visible:
        house.store.log_accesses(
            [
                Access(
                    at=house.clock(),
                    by=viewer.actor,
                    action=action,
                    about=(),
                    purpose="refused: beyond reach",
                    case_id=line.case_id,
                    granted=False,
                )
            ]
        )
        raise NoSuchCase
    return line


@dataclass(frozen=True, slots=True)
class Sight:
    """How much of a case the viewer sees; None: all of it."""

    items: frozenset[str] | None
    proofs: frozenset[str]
    fields: frozenset[str]
    products: frozenset[str]

    @classmethod
    def of(cls, viewer: Viewer, action: Action, file: CaseFile) -> Self:
        """A department sees its own items, the proofs they rest on, and what the law lets it be sent for them."""
        if reach(viewer, action) is not Reach.DEPARTMENT:
            return cls(None, frozenset(), frozenset(), frozenset())
        items = frozenset(item for item, live in file.items.items() if live.planned.department == viewer.department)
        declared = [file.declared_item(item) for item in items]
        return cls(
            items,
            frozenset(proof for item in items for proof in file.items[item].planned.proofs),
            frozenset(
                path
                for item in declared
                for path in (
                    *item.discloses,
                    *(fact.origin.field for fact in item.facts if isinstance(fact.origin, FromForm)),
                )
            ),
            frozenset(
                product for item in declared for product in (*item.reads, *(made.code for made in item.produces))
            ),
        )

    def whole(self) -> bool:
        """Whether nothing is kept back."""
        return self.items is None

    def item(self, item: str) -> bool:
        """Whether the item is shown."""
        return self.items is None or item in self.items

    def proof(self, proof: str) -> bool:
        """Whether the proof is shown."""
        return self.items is None or proof in self.proofs

    def field(self, path: str) -> bool:
        """Whether the declared value at "section.field" is shown."""
        return self.items is None or path in self.fields

    def product(self, code: str) -> bool:
        """Whether the product is shown."""
        return self.items is None or code in self.products


def get_own_item(viewer: Viewer, file: CaseFile, item: str) -> None:
    """Refuse an item of another department, in the words of one that does not exist."""
    if file.item(item).planned.department != viewer.department:
        raise NoSuchPart(item)
