"""The life events on offer (一件事清单): what each asks, which items follow from it, and in which order."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from api.case_view import Sentence
from api.house import House, TheHouse
from api.identity import MayReadBundles
from api.limits import StrictRoute
from api.shapes import V1, Named, Shown, answer
from domain.bundle import Bundle, FieldKind, FormField, Is, Section
from domain.departments import DEPARTMENTS
from domain.form import LONGEST_TEXT, SHANGHAI
from domain.time_limits import describe

router = APIRouter(prefix=V1, tags=["bundles"], route_class=StrictRoute)

Code = Annotated[str, Path(max_length=64, pattern=r"^[a-z][a-z_]*$", examples=["newborn"])]


class BundleLine(Named):
    """One life event in short."""

    basis: str
    effective_from: str
    lead_department: Named
    items: int


class BundleList(Shown):
    """Every life event in force today."""

    bundles: tuple[BundleLine, ...]


class BundleItem(Named):
    """One item of a life event."""

    department: Named
    basis: str
    act: str
    immediate: bool
    promised_limit: Sentence
    statutory_limit: Sentence | None
    after: tuple[str, ...]
    proofs: tuple[Named, ...]
    products: tuple[Named, ...]
    when: tuple[str, ...]
    unless: tuple[str, ...]
    once_for_each: str | None


class BundleView(BundleLine):
    """One life event as declared."""

    circumstances: tuple[Named, ...]
    contents: tuple[BundleItem, ...] = Field(description="Its items, in declared order.")
    form: dict[str, Any] = Field(description="JSON Schema of the application.")


class Graph(Shown):
    """The items and their order as a Mermaid flowchart."""

    code: str
    mermaid: str


@router.get("/bundles", response_model=BundleList)
def list_of_bundles(house: TheHouse, viewer: MayReadBundles) -> Response:
    """Every life event in force today."""
    on = house.clock().astimezone(SHANGHAI).date()
    return answer(BundleList(bundles=tuple(BundleLine(**_line(one)) for one in house.catalogue.all_in_force(on))))


@router.get("/bundles/{code}", response_model=BundleView)
def show_bundle(house: TheHouse, viewer: MayReadBundles, code: Code) -> Response:
    """One life event: its items, circumstances and form."""
    bundle = _in_force(house, code)
    return answer(
        BundleView(
            **_line(bundle),
            circumstances=tuple(
                Named(code=one.code, title=one.title, title_en=one.title_en) for one in bundle.circumstances
            ),
            contents=tuple(_items(bundle)),
            form=form_schema(bundle),
        )
    )


@router.get("/bundles/{code}/graph", response_model=Graph)
def graph_of_bundle(house: TheHouse, viewer: MayReadBundles, code: Code) -> Response:
    """Which item waits for which."""
    bundle = _in_force(house, code)
    return answer(Graph(code=bundle.code, mermaid=mermaid(bundle)))


def _in_force(house: House, code: str) -> Bundle:
    return house.catalogue.in_force(code, house.clock().astimezone(SHANGHAI).date())


def _line(bundle: Bundle) -> dict[str, Any]:
    return {
        "code": bundle.code,
        "title": bundle.title,
        "title_en": bundle.title_en,
        "basis": bundle.basis,
        "effective_from": bundle.effective_from.isoformat(),
        "lead_department": _department(bundle.lead_department),
        "items": len(bundle.items),
    }


def _department(code: str) -> Named:
    return Named(code=code, title=DEPARTMENTS[code].title, title_en=DEPARTMENTS[code].title_en)


def _items(bundle: Bundle) -> Iterator[BundleItem]:
    for item in bundle.items:
        promised, statutory = item.promised_limit, item.statutory_limit
        yield BundleItem(
            code=item.code,
            title=item.title,
            title_en=item.title_en,
            department=_department(item.department),
            basis=item.basis,
            act=item.act,
            immediate=item.immediate,
            promised_limit=Sentence(zh=describe(promised), en=describe(promised, "en")),
            statutory_limit=None
            if statutory is None
            else Sentence(zh=describe(statutory), en=describe(statutory, "en")),
            after=bundle.predecessors(item),
            proofs=tuple(Named(code=one.code, title=one.title, title_en=one.title_en) for one in item.proofs),
            products=tuple(Named(code=one.code, title=one.title, title_en=one.title_en) for one in item.produces),
            when=item.when,
            unless=item.unless,
            once_for_each=item.for_each,
        )


def mermaid(bundle: Bundle) -> str:
    """The graph of a declaration, in Mermaid's words."""
    lines = ["flowchart LR"]
    lines += [f'    {item.code}["{item.title}<br/>{DEPARTMENTS[item.department].title}"]' for item in bundle.items]
    lines += [f"    {before} --> {item.code}" for item in bundle.items for before in bundle.predecessors(item)]
    return "\n".join(lines) + "\n"


# ── the form ────────────────────────────────────────────────────────────────────────────────────────────────────────


def form_schema(bundle: Bundle) -> dict[str, Any]:
    """The application as JSON Schema; what depends on other fields is in `x-asked-only-if`, as declared."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": bundle.title,
        "type": "object",
        "additionalProperties": False,
        "properties": {section.code: _section(section) for section in bundle.sections},
        "required": [
            section.code for section in bundle.sections if not section.only_if and section.required_if is None
        ],
    }


def _section(section: Section) -> dict[str, Any]:
    one: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.code: _field(field) for field in section.fields},
        "required": [field.code for field in section.fields if field.required and not field.only_if],
    }
    shape = one if section.at_most == 1 else {"type": "array", "minItems": 1, "maxItems": section.at_most, "items": one}
    shape |= {"title": section.title, "x-title-en": section.title_en}
    if section.only_if:
        shape["x-asked-only-if"] = _conditions(section.only_if)
    if section.required_if is not None:
        shape["x-required-if-any"] = _conditions(section.required_if)
    return shape


def _field(field: FormField) -> dict[str, Any]:
    shape: dict[str, Any] = {"title": field.title, "x-title-en": field.title_en, "x-kind": field.kind}
    match field.kind:
        case FieldKind.YES_NO:
            shape["type"] = "boolean"
        case FieldKind.COUNT:
            shape |= {"type": "integer", "minimum": 1, "maximum": field.at_most or 99}
        case FieldKind.CHOICE:
            shape |= {
                "type": "string",
                "oneOf": [
                    {"const": choice.code, "title": choice.title, "x-title-en": choice.title_en}
                    for choice in field.choices
                ],
            }
        case FieldKind.DATE:
            shape |= {"type": "string", "format": "date"}
        case FieldKind.MONTH:
            shape |= {"type": "string", "pattern": r"^[0-9]{4}-(0[1-9]|1[0-2])(-01)?$", "examples": ["2026-11"]}
        case FieldKind.MOMENT:
            shape |= {"type": "string", "format": "date-time"}
        case _:
            shape |= {"type": "string", "minLength": 1, "maxLength": field.at_most or LONGEST_TEXT}
    if field.only_if:
        shape["x-asked-only-if"] = _conditions(field.only_if)
    return shape


def _conditions(conditions: tuple[Is, ...]) -> list[dict[str, Any]]:
    return [{"field": one.field, "among": list(one.among)} for one in conditions]
