"""更正申请: what a corrected form changes: which items apply now, and which proofs were about what no longer holds.

What departments have already stays as it is and is named; what was asked about a corrected field is asked again.
"""

from collections.abc import Collection

from domain.bundle import Conditional, FromForm, Proof, SharedDataQuery
from domain.case_file import WITH_US, CaseFile, CaseState, ProofState
from domain.commands import AmendApplication
from domain.events import ApplicationAmended
from domain.plan import Plan, plan
from domain.refusals import CaseEnded, PeopleMayNotChange


def amended(command: AmendApplication, file: CaseFile, *, confirmed: str | None = None) -> ApplicationAmended:
    """What follows from the corrected form; the proof that is `confirmed` with it is not asked again, if its day has come.

    Raises CaseEnded, and PeopleMayNotChange where it would be about more people, or fewer.
    """
    if file.state is not CaseState.OPEN:
        raise CaseEnded(file.state)
    changed = set(command.changed)
    kept = tuple(item for item, live in file.items.items() if live.state not in WITH_US and live.attempt)
    if any(len(people) != command.counts.get(section, len(people)) for section, people in file.opened.people.items()):
        raise PeopleMayNotChange
    after = plan(file.bundle, command.circumstances, command.counts)
    asked = {
        entry.proof: entry
        for entry in after.proofs
        if entry.proof in file.proofs and file.proofs[entry.proof].state is not ProofState.PLANNED
    }
    needed = _still_needed(file, after)
    reopened = tuple(
        proof
        for proof in asked
        if proof in needed
        and (
            file.proofs[proof].state in {ProofState.DROPPED, ProofState.NOT_MET}
            or (_reads_any(file, proof, changed) and not (proof == confirmed and _day_has_come(file, proof, command)))
            or _asks(file.declared_proof(proof), file.circumstances)
            != _asks(file.declared_proof(proof), command.circumstances)
        )
    )
    # A proof that reads the record of a reopened one has to be asked again as well.
    while more := tuple(
        proof
        for proof, entry in asked.items()
        if proof in needed and proof not in reopened and not set(entry.after).isdisjoint(reopened)
    ):
        reopened += more
    return ApplicationAmended(
        at=command.at,
        by=command.by,
        changed=command.changed,
        circumstances=command.circumstances,
        plan=after,
        reopened=reopened,
        already_with_departments=kept,
        milestones=command.milestones,
        note=command.note,
    )


def _day_has_come(file: CaseFile, proof: str, command: AmendApplication) -> bool:
    """Whether the proof is asked now: an amendment may have moved the day that it waits for."""
    day = command.milestones.get(file.declared_proof(proof).not_before or "")
    return day is None or day <= command.at


def _reads_any(file: CaseFile, proof: str, changed: set[str]) -> bool:
    """Whether a rung tried so far was asked with what is corrected; those to come will read it as corrected."""
    declared = file.declared_proof(proof)
    tried = declared.model_copy(update={"routes": declared.routes[: file.proof(proof).rung + 1]})
    return any(isinstance(origin, FromForm) and origin.field in changed for origin in tried.origins())


def _asks(proof: Proof, circumstances: Collection[str]) -> tuple[Conditional, ...]:
    """What the proof's registers are asked, and held to, under these circumstances."""
    return tuple(
        part
        for route in proof.routes
        if isinstance(route, SharedDataQuery)
        for part in (*route.by, *route.agrees, *route.holds)
        if part.applies(circumstances)
    )


def _still_needed(file: CaseFile, after: Plan) -> frozenset[str]:
    """The proofs that items not with a department need under the new plan, and those which they read."""
    reads = {entry.proof: entry.after for entry in after.proofs}
    frontier = [
        proof
        for entry in after.items
        for live in (file.items.get(entry.id),)
        if live is None or live.state in WITH_US or live.no_longer_applied
        for proof in entry.proofs
    ]
    needed: set[str] = set()
    while frontier:
        proof = frontier.pop()
        if proof not in needed:
            needed.add(proof)
            frontier.extend(reads[proof])
    return frozenset(needed)
