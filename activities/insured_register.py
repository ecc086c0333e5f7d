"""参保登记: reading the register of insured persons ahead of time, page by page, for those whose months are asked for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Annotated, Any, Final, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activities.faults import GatewayFault
from activities.gateway import Gateway
from domain.law.retirement_age import Category
from domain.watch_list import READ_AHEAD, InsuredPerson

SOURCE: Final = READ_AHEAD

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Page:
    """People in the order of the register's numbers; `last` is where the next page goes on, None at the end."""

    people: Sequence[InsuredPerson]
    last: str | None
    read: int
    """How many lines the register went through for it."""
    unreadable: Sequence[str] = ()
    """The numbers of those whose line cannot be read; somebody at the bureau has to look."""


class InsuredRegister(Protocol):
    """The port: any register of insured persons."""

    async def page(self, district: str, born: Collection[int], after: str, limit: int) -> Page:
        """Those of a district whose month of birth, by card or by file, is among these; raises GatewayFault."""
        ...

    async def records(self, persons: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """What the register holds of each of these, for the form; personal. Raises GatewayFault."""
        ...


def in_order(page: Page, after: str) -> Page:
    """The page, if everybody on it comes after the last one and once; a register that repeats itself or goes back is
    not believed, for it would be read for ever, or past somebody. Raises GatewayFault."""
    readable = [one.person for one in page.people]
    for numbers in (readable, page.unreadable):
        if any(later <= earlier for earlier, later in pairwise(chain((after,), numbers))):
            raise GatewayFault(SOURCE, "not_in_order")
    seen = max((after, *readable[-1:], *page.unreadable[-1:]))
    if page.last is not None and not after < page.last >= seen:
        raise GatewayFault(SOURCE, "not_in_order")
    if not set(page.unreadable).isdisjoint(readable):
        raise GatewayFault(SOURCE, "not_in_order")
    return page


PersonNumber = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


class _Numbered(BaseModel):
    """What every line has to show at least; without it nobody could be told whose it is."""

    model_config = ConfigDict(strict=True)
    person: PersonNumber


class _Line(_Numbered):
    district: str
    sex: Literal["1", "2"]
    category: Literal["M60", "F55", "F50", ""]
    born: int
    born_in_file: int | None
    contribution_months: int
    places: int
    arrears: bool
    state: Literal["active", "retired", "dead"]


class _Lines(BaseModel):
    model_config = ConfigDict(strict=True)
    people: list[dict[str, Any]]
    last: str | None
    read: int


class _Records(BaseModel):
    model_config = ConfigDict(strict=True)
    records: dict[str, dict[str, str]]


class HttpInsuredRegister:
    """The register through the data-sharing platform over HTTP."""

    def __init__(self, gateway: Gateway, url: str) -> None:
        self._gateway = gateway
        self._url = url.rstrip("/")

    async def close(self) -> None:
        """Give the connections back."""
        await self._gateway.close()

    async def page(self, district: str, born: Collection[int], after: str, limit: int) -> Page:
        """One page."""
        asked = {"purpose": "discovery", "unit": "onething", "district": district, "born": sorted(born)}
        lines = await self._call("people", asked | {"after": after, "limit": limit}, _Lines)
        people: list[InsuredPerson] = []
        unreadable: list[str] = []
        for line in lines.people:
            try:
                people.append(_read(line, district))
            except ValidationError:
                unreadable.append(_number(line))
        return Page(people, lines.last, lines.read, unreadable)

    async def records(self, persons: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The records of these persons."""
        asked = {"purpose": "discovery", "unit": "onething", "persons": list(persons)}
        return (await self._call("records", asked, _Records)).records

    async def _call(self, what: str, body: Mapping[str, object], answer: type[Answer]) -> Answer:
        return await self._gateway.call(SOURCE, f"{self._url}/sources/{SOURCE}/{what}", body, answer)


def _read(line: Mapping[str, Any], district: str) -> InsuredPerson:
    one = _Line.model_validate(line)
    if one.district != district:
        # Nobody is put on the list of a district that was not asked for.
        raise GatewayFault(SOURCE, "unreadable_answer")
    return InsuredPerson(
        person=one.person,
        district=one.district,
        sex=one.sex,
        category=Category(one.category) if one.category else None,
        born=one.born,
        born_in_file=one.born_in_file,
        contribution_months=one.contribution_months,
        places=one.places,
        arrears=one.arrears,
        state=one.state,
    )


def _number(line: Mapping[str, Any]) -> str:
    try:
        return _Numbered.model_validate(line).person
    except ValidationError:
        raise GatewayFault(SOURCE, "unreadable_answer") from None
