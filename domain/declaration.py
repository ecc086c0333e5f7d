"""Whether a declaration holds together: every contradiction, as a sentence, all at once.

A bundle that contradicts itself would strand a family half way, long after its author has gone
home; so it is refused when it is loaded, and told everything that is wrong in one go.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import product as every_choice
from typing import assert_never

from domain.bundle import (
    BornBefore,
    Bundle,
    Circumstance,
    Commitment,
    CommunityCheck,
    Conditional,
    Confirmation,
    DepartmentVerification,
    Entitle,
    Escalation,
    Fact,
    FieldKind,
    FromForm,
    FromProof,
    Is,
    Item,
    Lawful,
    Milestone,
    NotInFuture,
    NumbersInOrder,
    Origin,
    Preview,
    Proof,
    SharedDataQuery,
    Verification,
)
from domain.departments import DEPARTMENTS, REGISTERS
from domain.law.entitlement import entitlements
from domain.law.requirement import requirements
from domain.time_limits import longest

DAYS = (FieldKind.DATE, FieldKind.MONTH, FieldKind.MOMENT)
AS_TYPED = (FieldKind.CHOICE, FieldKind.MONTH, FieldKind.DATE, FieldKind.ACCOUNT, FieldKind.AMOUNT, FieldKind.TEXT)
"""What somebody may correct with a field of a form in hand, and without becoming somebody else by it."""

MOST_CIRCUMSTANCES = 12
"""Above this, trying every combination (2 to the n) would make loading slow; split the bundle instead."""


def contradictions(bundle: Bundle) -> tuple[str, ...]:
    """Every sentence that says what is wrong; empty if the declaration holds together."""
    found = list(_names(bundle))
    if not found:
        # The deeper checks follow names; on a broken one they would only repeat what is said already.
        found += _order(bundle)
        found += _combinations(bundle)
    return tuple(dict.fromkeys(found))


def _names(bundle: Bundle) -> Iterator[str]:
    yield from _repeated("section", (section.code for section in bundle.sections))
    for section in bundle.sections:
        yield from _repeated(f"field of section {section.code}", (field.code for field in section.fields))
    yield from _repeated("circumstance", (circumstance.code for circumstance in bundle.circumstances))
    yield from _repeated("item", (item.code for item in bundle.items))
    yield from _repeated("product", (made.code for item in bundle.items for made in item.produces))
    if bundle.lead_department not in DEPARTMENTS:
        yield f"the lead department {bundle.lead_department} is unknown"
    if bundle.applicant not in {section.code for section in bundle.sections if section.person}:
        yield f"the applicant {bundle.applicant} is not a section of a person"
    if not bundle.items:
        yield "the bundle has no item"
    for code in sorted({item.code for item in bundle.items} & bundle.proofs().keys()):
        yield f"{code} is the name of an item and of a proof, so nobody could tell which one an answer is about"
    for section in bundle.sections:
        yield from _conditions(bundle, f"section {section.code}", (*section.only_if, *(section.required_if or ())))
        for field in section.fields:
            yield from _conditions(bundle, f"field {section.code}.{field.code}", field.only_if)
            if (field.kind is FieldKind.CHOICE) != bool(field.choices):
                yield f"field {section.code}.{field.code}: choices belong to a choice, and only there"
    for circumstance in bundle.circumstances:
        yield from _among(bundle, f"circumstance {circumstance.code}", circumstance.field, circumstance.among)
    for check in bundle.checks:
        match check:
            case NotInFuture():
                yield from _field(bundle, f"check {check.check}", check.field, *DAYS)
            case NumbersInOrder():
                yield from _field(bundle, f"check {check.check}", check.field, FieldKind.COUNT)
            case Lawful():
                yield from _lawful(bundle, check)
            case BornBefore():
                yield from _field(bundle, f"check {check.check}", check.citizen_id, FieldKind.CITIZEN_ID)
                yield from _field(bundle, f"check {check.check}", check.before, *DAYS)
                yield from _conditions(bundle, f"check {check.check}", check.only_if)
    for group in bundle.one_case_per:
        for path in group:
            yield from _field(bundle, "one_case_per", path)
    yield from _repeated("milestone", (milestone.code for milestone in bundle.milestones))
    for milestone in bundle.milestones:
        yield from _counted(bundle, milestone)
    yield from _repeated("discovery", (discovery.code for discovery in bundle.discoveries))
    for discovery in bundle.discoveries:
        for filled in discovery.prefilled:
            yield from _field(bundle, f"discovery {discovery.code}", filled.field)
            if (filled.answer is None) == (filled.value is None):
                yield f"discovery {discovery.code}: {filled.field} is filled from an answer or with a value, not both"
    for refusal in bundle.not_eligible:
        yield from _applies(bundle, f"refusal {refusal.code}", refusal)
    proofs: dict[str, Proof] = {}
    for item in bundle.items:
        yield from _item(bundle, item)
        for proof in item.proofs:
            if proofs.setdefault(proof.code, proof) != proof:
                yield f"proof {proof.code} is declared twice, and differently"
    for proof in proofs.values():
        yield from _proof(bundle, proof)


def _counted(bundle: Bundle, milestone: Milestone) -> Iterator[str]:
    name = f"milestone {milestone.code}"
    wrong = list(_field(bundle, name, milestone.after, *DAYS))
    yield from wrong
    if milestone.on_the_day and milestone.months:
        yield f"{name}: is that very day, and so many months after its month; it can only be one of them"
    if milestone.on_the_day and not wrong and bundle.field(milestone.after).kind is FieldKind.MONTH:
        yield f"{name}: is a very day, and {milestone.after} names a month and no day"


def _lawful(bundle: Bundle, check: Lawful) -> Iterator[str]:
    name = f"check {check.requirement}"
    for fact in check.facts:
        yield from _fact(bundle, name, fact)
        if not isinstance(fact.origin, FromForm):
            yield f"{name}: the fact {fact.name} is not on the form, and nothing else is known when it is filed"
    requirement = requirements().get(check.requirement)
    if requirement is None:
        yield f"{name}: the requirement is not in domain/law"
    else:
        for need in sorted(set(requirement.needs) - {fact.name for fact in check.facts}):
            yield f"{name}: the requirement needs the fact {need}"


def _item(bundle: Bundle, item: Item) -> Iterator[str]:
    name = f"item {item.code}"
    sections = {section.code: section for section in bundle.sections}
    if item.department not in DEPARTMENTS:
        yield f"{name}: the department {item.department} is unknown"
    if item.for_each is not None and (item.for_each not in sections or sections[item.for_each].at_most == 1):
        yield f"{name}: {item.for_each} is not a section that lists persons"
    yield from _applies(bundle, name, item)
    yield from _milestone(bundle, name, item.not_before)
    for code in item.after:
        if code not in {other.code for other in bundle.items}:
            yield f"{name}: comes after {code}, which is no item of this bundle"
    for product in item.reads:
        if not any(made.code == product for other in bundle.items for made in other.produces):
            yield f"{name}: reads {product}, which no item produces"
    for made in item.produces:
        if made.belongs_to not in sections or not sections[made.belongs_to].person:
            yield f"{name}: its product {made.code} belongs to {made.belongs_to}, which is not a person"
    for path in item.discloses:
        yield from _field(bundle, name, path)
    for fact in item.facts:
        yield from _fact(bundle, name, fact)
    if item.statutory_limit is not None and longest(item.promised_limit) > longest(item.statutory_limit):
        yield f"{name}: promises more time than the law allows"
    if item.entitle is not None:
        yield from _entitle(bundle, name, item.entitle, item.facts)


def _entitle(bundle: Bundle, name: str, entitle: Entitle, facts: tuple[Fact, ...]) -> Iterator[str]:
    yield from _applies(bundle, name, entitle)
    yield from _field(bundle, name, entitle.on.field, *DAYS)
    rule = entitlements().get(entitle.entitlement)
    if rule is None:
        yield f"{name}: the entitlement {entitle.entitlement} is not in domain/law"
    else:
        for need in sorted(set(rule.needs) - {fact.name for fact in facts}):
            yield f"{name}: the entitlement {rule.code} needs the fact {need}"


def _proof(bundle: Bundle, proof: Proof) -> Iterator[str]:
    name = f"proof {proof.code}"
    yield from _applies(bundle, name, proof)
    yield from _milestone(bundle, name, proof.not_before)
    if not proof.routes:
        yield f"{name}: has no route"
        return
    if not isinstance(proof.routes[-1], Escalation):
        yield f"{name}: its last route is not an escalation, so it could end silently"
    if any(isinstance(route, Escalation) for route in proof.routes[:-1]):
        yield f"{name}: routes after an escalation are never tried"
    for route in proof.routes:
        match route:
            case SharedDataQuery():
                yield from _register_route(bundle, name, route)
            case DepartmentVerification():
                if route.department not in DEPARTMENTS:
                    yield f"{name}: the department {route.department} is unknown"
                yield from _shown(bundle, name, route)
            case CommunityCheck():
                if not route.community:
                    yield f"{name}: nothing says which community to ask"
                for origin in route.community:
                    yield from _origin(bundle, name, origin)
                yield from _shown(bundle, name, route)
            case Commitment():
                if not all((route.notice, route.notice_en, route.consequences, route.consequences_en)):
                    yield f"{name}: a commitment needs its notice and its consequences, in both languages"
            case Confirmation():
                if not (route.notice and route.notice_en):
                    yield f"{name}: whoever confirms has to be told what, in both languages"
                yield from _field(bundle, name, route.name, FieldKind.NAME)
                yield from _field(bundle, name, route.phone, FieldKind.PHONE)
                yield from _shown(bundle, name, route)
                yield from _correctable(bundle, name, route)
                if route.previews is not None:
                    yield from _preview(bundle, name, route.previews)
            case Escalation():
                pass
            case _:
                assert_never(route)


def _preview(bundle: Bundle, name: str, previews: Preview) -> Iterator[str]:
    for fact in previews.facts:
        yield from _fact(bundle, name, fact)
    yield from _entitle(bundle, name, previews, previews.facts)
    rule = entitlements().get(previews.entitlement)
    if rule is not None and rule.monthly is None:
        yield f"{name}: the entitlement {rule.code} has no monthly amount that could be shown ahead"
    if not (previews.title and previews.title_en):
        yield f"{name}: the amount that is shown ahead needs its title, in both languages"


def _milestone(bundle: Bundle, name: str, not_before: str | None) -> Iterator[str]:
    if not_before is not None and not_before not in {milestone.code for milestone in bundle.milestones}:
        yield f"{name}: waits for {not_before}, which is no milestone of this bundle"


def _shown(bundle: Bundle, name: str, route: Verification) -> Iterator[str]:
    if not route.shows:
        yield f"{name}: whoever verifies it is shown nothing to verify"
    for path in route.shows:
        yield from _field(bundle, name, path)


def _correctable(bundle: Bundle, name: str, route: Confirmation) -> Iterator[str]:
    for path in route.corrects:
        yield from _field(bundle, name, path, *AS_TYPED)
        if path not in route.shows:
            yield f"{name}: {path} is corrected by somebody who is not shown it"
        if any(path.startswith(f"{section.code}.") and section.at_most > 1 for section in bundle.sections):
            yield f"{name}: {path} is of one person among several, and a form in hand does not say which"


def _register_route(bundle: Bundle, name: str, route: SharedDataQuery) -> Iterator[str]:
    if route.source not in REGISTERS:
        yield f"{name}: the register {route.source} is unknown"
    if not route.by:
        yield f"{name}: asks {route.source} about nobody"
    for fact in route.by:
        yield from _fact(bundle, name, fact)
    for pair in route.agrees:
        yield from _field(bundle, name, pair.field)
        yield from _applies(bundle, f"{name}, answer {pair.answer}", pair)
    for demand in route.holds:
        yield from _applies(bundle, f"{name}, answer {demand.answer}", demand)


def _fact(bundle: Bundle, name: str, fact: Fact) -> Iterator[str]:
    yield from _applies(bundle, f"{name}, fact {fact.name}", fact)
    yield from _origin(bundle, f"{name}, fact {fact.name}", fact.origin)


def _origin(bundle: Bundle, name: str, origin: Origin) -> Iterator[str]:
    match origin:
        case FromForm():
            yield from _field(bundle, name, origin.field)
        case FromProof():
            if origin.proof not in bundle.proofs():
                yield f"{name}: comes from the proof {origin.proof}, which no item declares"


def _conditions(bundle: Bundle, name: str, conditions: tuple[Is, ...]) -> Iterator[str]:
    for condition in conditions:
        yield from _among(bundle, name, condition.field, condition.among)


def _among(bundle: Bundle, name: str, path: str, among: tuple[str, ...]) -> Iterator[str]:
    """A value that the field can never hold would make the condition silently false for ever."""
    if wrong := tuple(_field(bundle, name, path)):
        yield from wrong
        return
    if path.endswith(".count"):
        possible = {str(count) for count in range(bundle.section(path.removesuffix(".count")).at_most + 1)}
    else:
        field = bundle.field(path)
        match field.kind:
            case FieldKind.CHOICE:
                possible = {choice.code for choice in field.choices}
            case FieldKind.YES_NO:
                possible = {"true", "false"}
            case _:
                return
    for value in among:
        if value not in possible:
            yield f"{name}: {path} can never be {value}"


def _applies(bundle: Bundle, name: str, conditional: Conditional) -> Iterator[str]:
    known = {circumstance.code for circumstance in bundle.circumstances}
    for code in (*conditional.when, *conditional.unless):
        if code not in known:
            yield f"{name}: the circumstance {code} is not declared"
    for code in sorted(set(conditional.when) & set(conditional.unless)):
        yield f"{name}: applies both when and unless {code}, so never"


def _field(bundle: Bundle, name: str, path: str, *kinds: FieldKind) -> Iterator[str]:
    kind = _kind(bundle, path)
    if kind is None:
        yield f"{name}: the form has no field {path}"
    elif kinds and kind not in kinds:
        yield f"{name}: {path} is no {' or '.join(kinds)}"


def _kind(bundle: Bundle, path: str) -> FieldKind | None:
    section, _, code = path.partition(".")
    if code == "count" and section in {one.code for one in bundle.sections}:
        return FieldKind.COUNT
    try:
        return bundle.field(path).kind
    except KeyError:
        return None


def _order(bundle: Bundle) -> Iterator[str]:
    try:
        TopologicalSorter({item.code: bundle.predecessors(item) for item in bundle.items}).prepare()
    except CycleError as cycle:
        yield f"items wait for each other in a circle: {' -> '.join(reversed(cycle.args[1]))}"
    try:
        TopologicalSorter({code: proof.reads_proofs() for code, proof in bundle.proofs().items()}).prepare()
    except CycleError as cycle:
        yield f"proofs need each other in a circle: {' -> '.join(reversed(cycle.args[1]))}"


def _combinations(bundle: Bundle) -> Iterator[str]:
    """What goes wrong only under certain circumstances: tried for every combination that the form allows."""
    if len(bundle.circumstances) > MOST_CIRCUMSTANCES:
        yield f"more than {MOST_CIRCUMSTANCES} circumstances; split the bundle"
        return
    ever_in_play: set[str] = set()
    for circumstances in _possible(bundle):
        under = "under " + (", ".join(sorted(circumstances)) or "no circumstance")
        if any(refusal.applies(circumstances) for refusal in bundle.not_eligible):
            continue
        items = [item for item in bundle.items if item.applies(circumstances)]
        ever_in_play |= {item.code for item in items}
        made = {product.code for item in items for product in item.produces}
        for item in items:
            for product in item.reads:
                if product not in made:
                    yield f"{under}, item {item.code} reads {product}, which no item in play produces"
            asked = {proof.code for proof in item.proofs if proof.applies(circumstances)}
            applicable = [fact for fact in item.facts if fact.applies(circumstances)]
            for fact in applicable:
                if isinstance(fact.origin, FromProof) and fact.origin.proof not in asked:
                    yield f"{under}, item {item.code} takes {fact.name} from {fact.origin.proof}, which it does not ask"
            if item.entitle is not None and item.entitle.applies(circumstances):
                needs = entitlements()[item.entitle.entitlement].needs
                for need in sorted(set(needs) - {fact.name for fact in applicable}):
                    yield f"{under}, item {item.code} computes without the fact {need}"
        asked_anywhere = {proof.code: proof for item in items for proof in item.proofs if proof.applies(circumstances)}
        for proof in asked_anywhere.values():
            yield from _previewed(under, proof, circumstances, asked_anywhere.keys())
    for item in bundle.items:
        if item.code not in ever_in_play:
            yield f"item {item.code} applies under no circumstances at all"


def _previewed(under: str, proof: Proof, circumstances: frozenset[str], asked: Collection[str]) -> Iterator[str]:
    for previews in (route.previews for route in proof.routes if isinstance(route, Confirmation)):
        if previews is None or not previews.applies(circumstances):
            continue
        applicable = [fact for fact in previews.facts if fact.applies(circumstances)]
        for fact in applicable:
            if isinstance(fact.origin, FromProof) and fact.origin.proof not in asked:
                yield f"{under}, proof {proof.code} takes {fact.name} from {fact.origin.proof}, which nobody asks for"
        needs = entitlements()[previews.entitlement].needs
        for need in sorted(set(needs) - {fact.name for fact in applicable}):
            yield f"{under}, proof {proof.code} computes ahead without the fact {need}"


def _possible(bundle: Bundle) -> Iterator[frozenset[str]]:
    """Every set of circumstances that one filled form can have: a field has one value at a time."""
    by_field: dict[str, list[Circumstance]] = {}
    for circumstance in bundle.circumstances:
        by_field.setdefault(circumstance.field, []).append(circumstance)
    sets = (
        dict.fromkeys(
            frozenset(one.code for one in here if value in one.among) for value in _values(bundle, field, here)
        )
        for field, here in by_field.items()
    )
    for combination in every_choice(*sets):
        yield frozenset().union(*combination)


def _values(bundle: Bundle, path: str, here: list[Circumstance]) -> tuple[str | None, ...]:
    section = bundle.section(path.partition(".")[0])
    absent = () if section.required_if is None and not section.only_if else (None,)
    if path.endswith(".count"):
        fewest = 0 if absent else 1
        return tuple(str(count) for count in range(fewest, section.at_most + 1))
    field = bundle.field(path)
    if not field.required or field.only_if:
        absent = (None,)
    match field.kind:
        case FieldKind.CHOICE:
            return (*(choice.code for choice in field.choices), *absent)
        case FieldKind.YES_NO:
            return ("true", "false", *absent)
        case _:
            return (*sorted({value for one in here for value in one.among}), None)


def _repeated(what: str, codes: Iterator[str]) -> Iterator[str]:
    for code, times in Counter(codes).items():
        if times > 1:
            yield f"{what} {code} is declared {times} times"
