"""People (当事人): find a person's cases by a number, a phone or a name, and see what is masked, with a reason.

Numbers travel in bodies, never in addresses, because addresses end up in the logs of everybody in
between. What is asked and by whom is in the access log before the answer is known.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, StringConstraints
from sqlalchemy import Connection

from api.case_view import Content, content, fields_of
from api.cases import CaseNo
from api.house import House, TheHouse
from api.identity import MayReveal, MaySearchPeople
from api.limits import StrictRoute
from api.masking import masked
from api.problems import faulty
from api.reach import Sight, get_case
from api.shapes import V1, Asked, Because, Moment, Named, Reason, Shown, answer
from api.words import CASE_STATES
from domain.bundle import FieldKind
from domain.case_file import CaseState
from domain.form import SHANGHAI
from domain.identifiers import (
    NotAnIdentifier,
    read_citizen_id,
    read_passport_number,
    read_person_name,
    read_phone,
    sentence,
)
from domain.scopes import Action, Viewer
from store.access_log import Access, note_for_case, note_for_unit
from store.database import again_if_lost
from store.read_models.cases import CaseLine, cases_of_people
from store.scoping import cases_visible_to

router = APIRouter(prefix=V1, tags=["people"], route_class=StrictRoute)

FOUND_AT_MOST = 50
SHOWN = (FieldKind.NAME, FieldKind.CITIZEN_ID, FieldKind.PASSPORT, FieldKind.PHONE)


class PersonWanted(Asked):
    """Whom to look for, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"by": "citizen_id", "value": "339901199403170006", "reason": "申请人到窗口查询进度"}]
        }
    )

    by: Literal["citizen_id", "passport", "phone", "name"]
    value: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(
        description="The whole of it: parts of a number find nobody."
    )
    reason: Reason


class FoundPerson(Shown):
    """A person in a case; masked."""

    case_no: str
    bundle: Named
    state: str
    state_label: str
    opened_at: Moment
    section: str
    number: int
    person: dict[str, str] = Field(description="Masked.")


class PeopleFound(Shown):
    """The cases of everybody who fits, newest first."""

    found: tuple[FoundPerson, ...]


class Revealed(Shown):
    """A case's content in full."""

    case_no: str
    content: Content


@router.post("/people/search", response_model=PeopleFound)
def search_people(house: TheHouse, viewer: MaySearchPeople, asked: PersonWanted) -> Response:
    """The cases of a person, among those that the account may search."""
    value = read_wanted(house, asked.by, asked.value)

    def look() -> PeopleFound:
        at = house.clock()
        with house.store.database.begin() as connection:
            note_for_unit(
                connection,
                [Access(at=at, by=viewer.actor, action="search_people", about=(asked.by,), purpose=asked.reason)],
            )
            people = find_people(house, connection, asked.by, value)
            visible = cases_visible_to(viewer, Action.SEARCH_PEOPLE)
            found = cases_of_people(connection, visible, people, FOUND_AT_MOST) if people else []
            # In one order for everybody, so that two searches never wait for each other.
            for case_id in sorted({line.case_id for line, *_ in found}):
                note_for_case(
                    connection,
                    case_id,
                    [
                        Access(
                            at=at,
                            by=viewer.actor,
                            action="found_by_search",
                            about=tuple(SHOWN),
                            purpose=asked.reason,
                            case_id=case_id,
                        )
                    ],
                )
            dossiers = house.store.vault.open_many(connection, list({line.case_id for line, *_ in found}))
            return PeopleFound(
                found=tuple(
                    _found(line, section, number, dossiers[line.case_id].find(person, f"form/{section}") or {})
                    for line, section, number, person in found
                )
            )

    return answer(again_if_lost(look))


def read_wanted(house: House, by: str, value: str) -> str:
    """The value as it was filed; raises 422 for what it cannot be."""
    try:
        match by:
            case "citizen_id":
                return read_citizen_id(value, today=house.clock().astimezone(SHANGHAI).date()).number
            case "passport":
                return read_passport_number(value)
            case "phone":
                return read_phone(value)
            case _:
                return read_person_name(value)
    except NotAnIdentifier as wrong:
        zh, en = sentence(wrong.kind, wrong.rule), sentence(wrong.kind, wrong.rule, "en")
        raise faulty("/value", wrong.rule, zh, en) from None


def find_people(house: House, connection: Connection, by: str, value: str) -> Sequence[UUID]:
    """The persons known by exactly that, through its keyed hash."""
    vault = house.store.vault
    if by in {"citizen_id", "passport"}:
        person = vault.person_of(connection, by, value)
        return () if person is None else (person,)
    return vault.persons_by(connection, by, value)


def _found(line: CaseLine, section: str, number: int, row: Mapping[str, str]) -> FoundPerson:
    kinds = {
        "name": FieldKind.NAME,
        "citizen_id": FieldKind.CITIZEN_ID,
        "passport_no": FieldKind.PASSPORT,
        "phone": FieldKind.PHONE,
    }
    return FoundPerson(
        case_no=line.case_no,
        bundle=Named(code=line.bundle, title=line.title, title_en=line.title_en),
        state=line.state,
        state_label=CASE_STATES[CaseState(line.state)],
        opened_at=line.opened_at,
        section=section,
        number=number,
        person={field: masked(kinds[field], value) for field, value in row.items() if field in kinds},
    )


@router.post("/cases/{case_no}/reveal", response_model=Revealed)
def reveal_case(house: TheHouse, viewer: MayReveal, case_no: CaseNo, asked: Because) -> Response:
    """The form and products of a case in full; the reason is in the access log before anything is shown."""
    return answer(revealed(house, viewer, case_no, asked.reason))


def revealed(house: House, viewer: Viewer, case_no: str, reason: str) -> Revealed:
    """The case's content in full, as far as the account may see it."""
    line = get_case(house, viewer, Action.REVEAL_PERSON, case_no)
    file = house.store.case_file(line.case_id)
    sight = Sight.of(viewer, Action.REVEAL_PERSON, file)
    access = Access(
        at=house.clock(),
        by=viewer.actor,
        action="reveal",
        about=fields_of(file.bundle, sight),
        purpose=reason,
        case_id=line.case_id,
    )
    case = house.store.open_for(line.case_id, access)
    return Revealed(case_no=line.case_no, content=content(case, sight, unmasked=True))
