"""Which case (办件) or question somebody may have in hand, and how much of it: the account's reach, and the log.

What is beyond reach is answered like what does not exist, so that numbers cannot be tried out;
the attempt is in the access log all the same.
"""

from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from sqlalchemy import true

from api.house import House
from api.problems import Trouble
from domain.actors import Actor
from domain.bundle import FromForm
from domain.case_file import CaseFile
from domain.identifiers import is_case_no
from domain.refusals import NoSuchCase, NoSuchPart
from domain.scopes import Action, Reach, Viewer, reach
from store.access_log import Access
from store.database import again_if_lost
from store.read_models.cases import CaseLine, find_case
from store.read_models.verifications import NoSuchVerification, VerificationLine, find_verification
from store.scoping import cases_visible_to, verifications_visible_to

BEYOND_REACH: Final = "beyond reach"


def typed_case_no(typed: str) -> str:
    """The number as it was typed, grouped or not, in its 21 digits; raises 422 for what is none."""
    number = typed.replace(" ", "").replace("-", "")
    if not is_case_no(number):
        raise Trouble(
            422, "case_no.not_valid", "办件编号不正确, 请核对", "this is not a case number; compare it with the receipt"
        )
    return number


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
        house.store.log_accesses([refused(house, viewer.actor, action, line.case_id, (), BEYOND_REACH)])
        raise NoSuchCase
    return line


def get_verification(house: House, viewer: Viewer, action: Action, id: UUID) -> VerificationLine:
    """The line of the question; raises NoSuchVerification where there is none, or none the viewer may do this with."""

    def look() -> tuple[VerificationLine | None, bool]:
        with house.store.database.reading() as connection:
            line = find_verification(connection, id, verifications_visible_to(viewer, action))
            if line is not None:
                return line, True
            return find_verification(connection, id, true()), False

    line, visible = again_if_lost(look)
    if line is None:
        raise NoSuchVerification
    if not visible:
        house.store.log_accesses([refused(house, viewer.actor, action, line.case_id, (line.proof,), BEYOND_REACH)])
        raise NoSuchVerification
    return line


def refused(house: House, by: Actor, action: Action, case_id: UUID, about: tuple[str, ...], why: str) -> Access:
    """The log entry for what somebody tried with a case and could not do; `why` is a code or a few words of ours."""
    return Access(
        at=house.clock(),
        by=by,
        action=action,
        about=about,
        purpose=f"refused: {why}",
        case_id=case_id,
        granted=False,
    )


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
