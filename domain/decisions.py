"""`decide` says no, or says what happened.

Each command first has its own answer; then everything that follows from it by law is added: an
item is accepted when those before it have ended, goes to its department when its proofs are met,
can never begin when one before it was denied; and the case is concluded when all items have ended.
All of it in one go, so that a case is never between two states when somebody looks.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import assert_never

from domain import verifications
from domain.actors import THE_ENGINE
from domain.amendment import amended
from domain.bundle import Act
from domain.case_file import (
    ENDED,
    IN_HAND,
    PROOF_ENDED,
    WITH_US,
    CaseFile,
    CaseState,
    ItemState,
    LiveProof,
    ProofState,
    evolve,
)
from domain.commands import (
    AmendApplication,
    AnswerCommitment,
    AnswerVerification,
    Asked,
    AssignVerification,
    Command,
    CorrectItem,
    EscalateProof,
    ExpireVerification,
    NoteMilestone,
    NoteOverdue,
    NoteRejection,
    NoteUnreachable,
    OpenCase,
    OpenVerification,
    RecordDepartmentAnswer,
    RecordRegisterAnswer,
    RemindVerification,
    ResubmitItem,
    ResumeVerification,
    SettleProof,
    SuspendVerification,
    WithdrawCase,
)
from domain.events import (
    CaseConcluded,
    CaseOpened,
    CaseWithdrawn,
    DepartmentUnreachable,
    Event,
    ItemAccepted,
    ItemAcknowledged,
    ItemCancelled,
    ItemConcluded,
    ItemCorrected,
    ItemDenied,
    ItemOverdue,
    ItemSubmitted,
    ItemUnreachable,
    LateAnswerRecorded,
    MilestoneReached,
    ProofContested,
    ProofDropped,
    ProofMet,
    ProofSettled,
    RouteExhausted,
    RouteOpened,
    SubmissionRejected,
)
from domain.law.calendar import CalendarNotShipped
from domain.plan import plan
from domain.refusals import (
    AlreadySettled,
    CaseEnded,
    CaseMovedOn,
    ItemNotConcluded,
    ItemNotSubmitted,
    NoSuchCase,
    NoSuchPart,
    NothingToCorrect,
    NotInHand,
    ProofStillOpen,
)
from domain.time_limits import Limit, due_at


def decide(command: Command, file: CaseFile | None) -> tuple[Event, ...]:
    """What happened because of the command; raises a Refusal if it may not."""
    if command.expected_version is not None and file is not None and command.expected_version != file.version:
        raise CaseMovedOn(command.expected_version, file.version)
    events: list[Event] = []
    for event in _answer(command, file):
        events.append(event)
        file = evolve(file, event)
    if file is None:
        raise NoSuchCase
    while follow_ups := _follows(file, command):
        for event in follow_ups:
            events.append(event)
            file = evolve(file, event)
    return tuple(events)


def _answer(command: Command, file: CaseFile | None) -> Iterator[Event]:
    if isinstance(command, OpenCase):
        if file is None:
            yield _opened(command)
        return
    if file is None:
        raise NoSuchCase
    match command:
        case RecordRegisterAnswer():
            yield from _register_answered(command, file)
        case OpenVerification():
            yield from verifications.opened(command, file)
        case AssignVerification():
            yield from verifications.assigned(command, file)
        case AnswerVerification():
            yield from verifications.answered(command, file)
        case RemindVerification():
            yield from verifications.reminded(command, file)
        case ExpireVerification():
            yield from verifications.expired(command, file)
        case SuspendVerification():
            yield from verifications.suspended(command, file)
        case ResumeVerification():
            yield from verifications.resumed(command, file)
        case EscalateProof():
            yield from verifications.escalated(command, file)
        case AnswerCommitment():
            yield from verifications.commitment_answered(command, file)
        case NoteMilestone():
            # That a day has come is seen with every command; this one only makes sure that there is one. The day may
            # have been moved, or taken off the form, while it was on its way.
            if all(one.code != command.milestone for one in file.bundle.milestones):
                raise NoSuchPart(command.milestone)
        case SettleProof():
            yield from _settled(command, file)
        case RecordDepartmentAnswer():
            yield from _department_answered(command, file)
        case CorrectItem():
            yield _corrected(command, file)
        case NoteUnreachable():
            live = file.item(command.item)
            if _awaited(command.attempt, live.attempt, live.state) and live.fault != command.fault:
                yield DepartmentUnreachable(
                    at=command.at,
                    by=command.by,
                    item=command.item,
                    department=live.planned.department,
                    since=command.since,
                    fault=command.fault,
                )
        case NoteRejection():
            live = file.item(command.item)
            if _awaited(command.attempt, live.attempt, live.state):
                yield SubmissionRejected(
                    at=command.at, by=command.by, item=command.item, attempt=command.attempt, fault=command.fault
                )
        case ResubmitItem():
            live = file.item(command.item)
            if live.state is not ItemState.REJECTED:
                raise NotInHand(command.item)
            if open_proofs := file.open_proofs(command.item):
                raise ProofStillOpen(command.item, open_proofs)
            yield ItemSubmitted(
                at=command.at,
                by=command.by,
                item=command.item,
                department=live.planned.department,
                attempt=live.attempt + 1,
            )
        case NoteOverdue():
            live = file.item(command.item)
            if (
                live.state not in ENDED
                and live.promised_by == command.promised_by <= command.at
                and live.overdue_since is None
            ):
                yield ItemOverdue(at=command.at, by=command.by, item=command.item, promised_by=command.promised_by)
        case AmendApplication():
            yield amended(command, file)
        case WithdrawCase():
            if file.state is not CaseState.OPEN:
                raise CaseEnded(file.state)
            yield CaseWithdrawn(
                at=command.at,
                by=command.by,
                note=command.note,
                already_with_departments=file.unanswered,
            )
        case _:
            assert_never(command)


def _opened(command: OpenCase) -> CaseOpened:
    return CaseOpened(
        at=command.at,
        by=command.by,
        case_id=command.case_id,
        case_no=command.case_no,
        bundle=command.bundle,
        division=command.division,
        people=command.people,
        circumstances=command.circumstances,
        milestones=command.milestones,
        plan=plan(command.bundle, command.circumstances, command.counts),
        warnings=command.warnings,
        application_key=command.application_key,
        event_keys=command.event_keys,
    )


def _register_answered(command: RecordRegisterAnswer, file: CaseFile) -> Iterator[Event]:
    proof = file.proof(command.proof)
    if proof.state is not ProofState.ASKED or (proof.round, proof.rung) != (command.round, command.rung):
        yield LateAnswerRecorded(
            at=command.at,
            by=command.by,
            about=command.proof,
            answer=command.outcome,
            contradicts=_contradicts(command, proof),
        )
        return
    route = file.route(command.proof).route
    match command.outcome:
        case "matches":
            yield ProofMet(
                at=command.at, by=command.by, proof=command.proof, round=proof.round, rung=proof.rung, route=route
            )
        case "contradicts":
            yield ProofContested(
                at=command.at,
                by=command.by,
                proof=command.proof,
                round=proof.round,
                rung=proof.rung,
                differing=command.differing,
            )
        case "not_found" | "unreadable" | "unreachable" | "key_missing" | "no_grant":
            yield RouteExhausted(
                at=command.at,
                by=command.by,
                proof=command.proof,
                round=proof.round,
                rung=proof.rung,
                route=route,
                reason=command.outcome,
            )
        case _:
            assert_never(command.outcome)


def _contradicts(late: RecordRegisterAnswer, proof: LiveProof) -> bool:
    """Whether a late answer says otherwise than what was decided without it."""
    if late.round != proof.round:
        # It is about what was declared before an amendment.
        return False
    decided_against = proof.state in {ProofState.CONTESTED, ProofState.NOT_MET}
    return late.outcome == ("matches" if decided_against else "contradicts")


def _settled(command: SettleProof, file: CaseFile) -> Iterator[Event]:
    proof = file.proof(command.proof)
    if proof.state in {ProofState.MET, ProofState.NOT_MET}:
        raise AlreadySettled(command.proof, proof.settled_by or THE_ENGINE.account, proof.since)
    if proof.state not in IN_HAND:
        raise NotInHand(command.proof)
    yield ProofSettled(
        at=command.at, by=command.by, proof=command.proof, round=proof.round, met=command.met, note=command.note
    )


def _department_answered(command: RecordDepartmentAnswer, file: CaseFile) -> Iterator[Event]:
    item = file.item(command.item)
    attempt = item.attempt if command.attempt is None else command.attempt
    if not 1 <= attempt <= item.attempt:
        raise ItemNotSubmitted(command.item)
    expected = {
        "acknowledged": ItemState.ACKNOWLEDGED,
        "concluded": ItemState.CONCLUDED,
        "denied": ItemState.DENIED,
    }[command.answer]
    if item.state in ENDED:
        same = item.state is expected and item.reference == command.reference
        if not same and command.answer != "acknowledged":
            yield LateAnswerRecorded(
                at=command.at,
                by=command.by,
                about=command.item,
                answer=command.answer,
                contradicts=item.state is not expected,
                reference=command.reference,
            )
        return
    match command.answer:
        case "acknowledged":
            if item.state is not ItemState.ACKNOWLEDGED:
                yield ItemAcknowledged(
                    at=command.at, by=command.by, item=command.item, attempt=attempt, reference=command.reference
                )
        case "concluded":
            yield ItemConcluded(
                at=command.at,
                by=command.by,
                item=command.item,
                attempt=attempt,
                reference=command.reference,
                products=command.products,
            )
        case "denied":
            yield ItemDenied(
                at=command.at,
                by=command.by,
                item=command.item,
                reason_code=command.reason_code or "unspecified",
                reference=command.reference,
                note=command.note,
            )
        case _:
            assert_never(command.answer)


def _corrected(command: CorrectItem, file: CaseFile) -> ItemCorrected:
    item = file.item(command.item)
    if file.state is CaseState.WITHDRAWN:
        raise CaseEnded(file.state)
    if item.state is not ItemState.CONCLUDED:
        raise ItemNotConcluded(command.item)
    made = {product.code for product in file.declared_item(command.item).produces}
    if unknown := next((product for product in command.products if product not in made), None):
        raise NoSuchPart(unknown)
    if not command.products:
        raise NothingToCorrect(command.item)
    return ItemCorrected(
        at=command.at,
        by=command.by,
        item=command.item,
        number=len(item.corrections) + 1,
        products=command.products,
        note=command.note,
    )


def _awaited(attempt: int, current: int, state: ItemState) -> bool:
    return state is ItemState.SUBMITTED and attempt == current


def _follows(file: CaseFile, cause: Asked) -> tuple[Event, ...]:
    """What follows by law from the case as it now stands; the caller believes it and asks again, until nothing does.

    Items come first: what became of them decides which proofs are still needed.
    """
    if file.state is CaseState.CONCLUDED:
        return ()
    if come := tuple(_of_the_calendar(file, cause)):
        return come
    return tuple(_of_items(file, cause)) or tuple(_of_proofs(file, cause)) or tuple(_of_the_case(file, cause))


def _of_the_calendar(file: CaseFile, cause: Asked) -> Iterator[Event]:
    for milestone, day in file.milestones.items():
        if day <= cause.at and milestone not in file.reached and file.state is CaseState.OPEN:
            yield MilestoneReached(at=cause.at, by=cause.by, milestone=milestone)


def _of_items(file: CaseFile, cause: Asked) -> Iterator[Event]:
    at, by = cause.at, cause.by
    planned = {entry.id for entry in file.plan.items}
    for item, live in file.items.items():
        if live.state in WITH_US and file.state is CaseState.WITHDRAWN:
            yield ItemCancelled(at=at, by=by, item=item, reason="withdrawn")
        elif live.state in WITH_US and item not in planned:
            yield ItemCancelled(at=at, by=by, item=item, reason="no_longer_applies")
        elif live.state in WITH_US:
            yield from _of_item_to_come(file, item, cause)


def _of_item_to_come(file: CaseFile, item: str, cause: Asked) -> Iterator[Event]:
    at, by = cause.at, cause.by
    live = file.items[item]
    if lost := next((one for one in live.planned.after if _lost(file, one)), None):
        yield ItemUnreachable(at=at, by=by, item=item, because=lost)
    elif refused := next((one for one in live.planned.proofs if file.proofs[one].state is ProofState.NOT_MET), None):
        note = file.proofs[refused].note
        yield ItemDenied(at=at, by=by, item=item, reason_code=f"proof_not_met:{refused}", note=note)
    elif (
        live.state is not ItemState.REJECTED
        and not file.waits_for(item)
        and not (live.state is ItemState.WAITING and file.waits_for_day(file.declared_item(item).not_before))
    ):
        if live.state is ItemState.WAITING:
            yield _accepted(file, item, cause)
        if file.open_proofs(item):
            return
        if file.declared_item(item).act is Act.ATTEST:
            yield ItemConcluded(at=at, by=by, item=item, attempt=live.attempt, reference=file.opened.case_no)
        else:
            department = live.planned.department
            yield ItemSubmitted(at=at, by=by, item=item, department=department, attempt=live.attempt + 1)


def _of_proofs(file: CaseFile, cause: Asked) -> Iterator[Event]:
    at, by = cause.at, cause.by
    needed = file.needed_proofs()
    for proof, held in file.proofs.items():
        if held.state not in PROOF_ENDED and proof not in needed and not _relied_on(file, proof, held):
            yield ProofDropped(at=at, by=by, proof=proof)
        elif proof in needed and (opening := _next_route(file, proof, held)):
            round, rung = opening
            route = file.declared_proof(proof).routes[rung]
            asked = verifications.asked_of(route)
            yield RouteOpened(at=at, by=by, proof=proof, round=round, rung=rung, route=route.route, asked=asked)


def _of_the_case(file: CaseFile, cause: Asked) -> Iterator[Event]:
    if file.state is CaseState.OPEN and not file.in_hand and all(live.state in ENDED for live in file.items.values()):
        whole = all(live.state is ItemState.CONCLUDED or live.no_longer_applied for live in file.items.values())
        yield CaseConcluded(at=cause.at, by=cause.by, outcome="complete" if whole else "partial")


def _next_route(file: CaseFile, proof: str, held: LiveProof) -> tuple[int, int] | None:
    """The round and the rung that are to be opened now, if any."""
    decided = all(file.proofs[one].state in {ProofState.MET, ProofState.NOT_MET} for one in held.planned.after)
    match held.state:
        case ProofState.PLANNED if decided and not file.waits_for_day(file.declared_proof(proof).not_before):
            return held.round, 0
        case ProofState.DROPPED if decided:
            # Needed again after all: a department has sent back the item that it was dropped with.
            return held.round + 1, 0
        case ProofState.ASKED | ProofState.VERIFYING | ProofState.OFFERED if held.gave_up:
            _, reason = held.exhausted[-1]
            asked = file.verifications.get((proof, held.round, held.rung))
            silence = None if asked is None else asked.opened.silence
            return held.round, verifications.next_rung(file.declared_proof(proof).routes, held.rung, reason, silence)
        case _:
            pass
    return None


def _relied_on(file: CaseFile, proof: str, held: LiveProof) -> bool:
    """Contested after departments had acted on it: nobody's item waits, and a caseworker has to know all the same."""
    return held.state is ProofState.CONTESTED and any(
        proof in live.planned.proofs and live.submitted_at_version is not None for live in file.items.values()
    )


def _lost(file: CaseFile, item: str) -> bool:
    return file.items[item].state in ENDED - {ItemState.CONCLUDED}


def _accepted(file: CaseFile, item: str, cause: Asked) -> ItemAccepted:
    declared = file.declared_item(item)
    return ItemAccepted(
        at=cause.at,
        by=cause.by,
        item=item,
        promised_by=_due(cause.at, declared.promised_limit),
        statutory_by=_due(cause.at, declared.statutory_limit) if declared.statutory_limit else None,
    )


def _due(start: datetime, limit: Limit) -> datetime | None:
    try:
        return due_at(start, limit)
    except CalendarNotShipped:
        # Never guessed: the page says that the date follows when the year's calendar is published.
        return None
