"""部门核验、社区核实: a unit is asked, has a limit, and answers; whoever does not is passed over, in the open.

One verification has one outcome. Answer and deadline meet under the lock of the case: whoever is
first has decided, and the other is told so. An answer that comes when the ladder has moved on is
kept all the same; if it settles the matter it is believed, and if it says otherwise somebody looks.
So is what an officer finds who had said that there is no record.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, TypedDict, assert_never

from domain.actors import Actor
from domain.amendment import amended
from domain.bundle import (
    Commitment,
    CommunityCheck,
    Confirmation,
    DepartmentVerification,
    Escalation,
    Route,
    SharedDataQuery,
    Verification,
)
from domain.case_file import (
    BEING_OBTAINED,
    NO_ANSWER,
    CaseFile,
    CaseState,
    LiveProof,
    LiveVerification,
    ProofState,
    VerificationState,
    evolve,
)
from domain.commands import (
    AboutVerification,
    AmendApplication,
    AnswerCommitment,
    AnswerVerification,
    AssignVerification,
    EscalateProof,
    ExpireVerification,
    OpenVerification,
    RemindVerification,
    ResumeVerification,
    SuspendVerification,
)
from domain.events import (
    Answer,
    ApplicationAmended,
    CommitmentAnswered,
    Event,
    LateAnswerRecorded,
    ProofContested,
    ProofMet,
    RouteExhausted,
    VerificationAnswered,
    VerificationAssigned,
    VerificationOpened,
    VerificationReminded,
    VerificationResumed,
    VerificationSuspended,
)
from domain.law.calendar import CalendarNotShipped
from domain.refusals import (
    AlreadySettled,
    AnswerNotOffered,
    CaseEnded,
    ClockRefused,
    HeldByAnother,
    NotInHand,
    NotYoursToCorrect,
    ReasonMissing,
    VerificationOver,
)
from domain.silence import SilenceRule
from domain.time_limits import Ledger, LedgerRefused

REMINDS_AT_PERCENT = (50, 80)
HANDED_TO_COMMUNITY = "handed_to_community"
ESCALATED_BY_HAND = "escalated_by_hand"
_SHOWED_NOTHING: Final = frozenset({"no_record", "hand_to_community"})
"""Answers after which the ladder goes on, and the record may still be found."""
SETTLES: Final = frozenset({"matches", "contradicts"})
"""Answers that say what the record shows."""
_HAS_NO_ANSWER: Final[Mapping[Answer, type[Route]]] = {"no_record": Confirmation, "hand_to_community": CommunityCheck}
_AFTER: Final = {HANDED_TO_COMMUNITY: CommunityCheck, ESCALATED_BY_HAND: Escalation}
_AFTER_SILENCE: Final[Mapping[SilenceRule | None, type[CommunityCheck | Escalation]]] = {
    SilenceRule.COMMUNITY_CHECK: CommunityCheck,
    SilenceRule.CASEWORKER: Escalation,
}


def opened(command: OpenVerification, file: CaseFile) -> Iterator[Event]:
    """The unit that has to answer is known, and its limit runs; or nobody can be asked, and the next rung is due."""
    proof = file.proof(command.proof)
    standing = (proof.round, proof.rung) == (command.round, command.rung)
    route = file.route(command.proof)
    if proof.state is not ProofState.ASKED or not isinstance(route, Verification) or not standing:
        return
    declared = file.declared_proof(command.proof)
    reason = command.reason
    if command.unit is not None:
        try:
            if isinstance(route, Confirmation):
                clock = Ledger.started(command.at, route.limit)
            else:
                clock = Ledger.for_answer(command.at, immediate=declared.immediate, hours=command.hours)
            due, remind_at = clock.reaches(1.0), _reminders(clock)
        except CalendarNotShipped:
            # Never guessed: the next rung, which does not depend on that calendar, is due at once.
            reason = "calendar_not_shipped"
        else:
            yield VerificationOpened(
                **_about(command),
                route=route.route,
                unit=command.unit,
                owner=command.owner,
                community=command.community,
                immediate=declared.immediate,
                clock=clock,
                due=due,
                remind_at=remind_at,
                silence=command.silence,
            )
            return
    yield _gave_up(command, route.route, reason)


def answered(command: AnswerVerification, file: CaseFile) -> Iterator[Event]:
    """The one outcome of a verification, or an answer that came when the ladder had moved on."""
    if file.state is CaseState.WITHDRAWN:
        raise CaseEnded(file.state)
    live = file.verification(command.proof, command.round, command.rung)
    if command.answer not in SETTLES or not may_find_it_after_all(live, command.by):
        _not_answered(command, file)
    route = file.declared_proof(command.proof).routes[command.rung]
    if isinstance(route, _HAS_NO_ANSWER.get(command.answer, ())):
        raise AnswerNotOffered(command.answer)
    if command.answer != "matches" and command.note is None:
        raise ReasonMissing
    if live.state is VerificationState.OPEN:
        _free_for(command, file)
    if command.corrects is not None:
        corrected = _corrected(command, command.corrects, file, route)
        yield corrected
        file = evolve(file, corrected)
        if file.proof(command.proof).round != command.round:
            # Its day has moved, and it is asked anew when that comes.
            return
    if live.state is not VerificationState.OPEN:
        yield from _answered_late(command, file, live)
        return
    yield VerificationAnswered(**_about(command), answer=command.answer, by_phone=command.by_phone, note=command.note)
    match command.answer:
        case "matches":
            yield _met(command, live.opened.route)
        case "contradicts":
            yield _contested(command)
        case "no_record":
            yield _gave_up(command, live.opened.route, "no_record")
        case "hand_to_community":
            yield _gave_up(command, live.opened.route, HANDED_TO_COMMUNITY)


def _corrected(
    command: AnswerVerification, corrects: AmendApplication, file: CaseFile, route: Route
) -> ApplicationAmended:
    proof = file.proof(command.proof)
    mine = route.corrects if isinstance(route, Confirmation) and command.answer == "matches" else ()
    if beyond := tuple(path for path in corrects.changed if path not in mine):
        raise NotYoursToCorrect(beyond)
    if proof.round != command.round or proof.state not in BEING_OBTAINED:
        raise VerificationOver(command.proof, file.verification(command.proof, command.round, command.rung).ended_at)
    return amended(corrects, file, confirmed=command.proof)


def may_find_it_after_all(live: LiveVerification, by: Actor) -> bool:
    """Whether the actor's own answer showed nothing, and may be added to; a link is spent by its first answer."""
    return live.answer in _SHOWED_NOTHING and live.answered_by == by.account and not by.by_link


def _answered_late(command: AnswerVerification, file: CaseFile, live: LiveVerification) -> Iterator[Event]:
    proof = file.proof(command.proof)
    if proof.round != command.round or proof.state in {ProofState.DROPPED, ProofState.PLANNED}:
        # It is about what was declared before an amendment, or nobody needs it any more.
        raise VerificationOver(command.proof, live.ended_at)
    says_otherwise = {
        ProofState.MET: "contradicts",
        ProofState.CONTESTED: "matches",
        ProofState.NOT_MET: "matches",
    }.get(proof.state, "contradicts")
    yield LateAnswerRecorded(
        at=command.at,
        by=command.by,
        about=command.proof,
        answer=command.answer,
        contradicts=command.answer == says_otherwise,
        round=command.round,
        rung=command.rung,
        by_phone=command.by_phone,
        note=command.note,
    )
    if command.answer == "matches" and proof.state in BEING_OBTAINED:
        yield _met(command, live.opened.route)
    elif command.answer == "contradicts" and proof.state in BEING_OBTAINED | {ProofState.MET}:
        # Also when the case has been concluded: nothing is undone by it, and a caseworker has to know.
        yield _contested(command)


def assigned(command: AssignVerification, file: CaseFile) -> Iterator[Event]:
    """Who has it now; only one's own may be released or handed over, and taking back needs a reason."""
    live = _open(command, file)
    mine = live.owner == command.by.account
    match command.how:
        case "claimed":
            if mine and live.claimed:
                return
            if live.claimed:
                raise HeldByAnother(live.owner or "", live.owner_since)
        case "released" | "handed_over":
            if not mine and (live.claimed or (command.how == "released" and live.owner is not None)):
                raise HeldByAnother(live.owner or "", live.owner_since)
            if command.how == "released" and live.owner is None:
                return
        case "taken_back":
            if command.note is None:
                raise ReasonMissing
        case "assigned":
            if live.owner == command.owner and not live.claimed:
                return
    yield VerificationAssigned(**_about(command), owner=command.owner, how=command.how, note=command.note)


def reminded(command: RemindVerification, file: CaseFile) -> Iterator[Event]:
    """A reminder, once for each mark, and none while the clock stands still."""
    live = file.verification(command.proof, command.round, command.rung)
    due = dict(zip(REMINDS_AT_PERCENT, live.remind_at, strict=False))
    if (
        live.state is VerificationState.OPEN
        and live.reminded < command.percent
        and command.percent in due
        and due[command.percent] <= command.at
    ):
        yield VerificationReminded(**_about(command), percent=command.percent)


def expired(command: ExpireVerification, file: CaseFile) -> Iterator[Event]:
    """The limit is over, unless an answer was faster or the clock was stopped meanwhile."""
    live = file.verification(command.proof, command.round, command.rung)
    if live.state is VerificationState.OPEN and live.due is not None and live.due <= command.at:
        yield _gave_up(command, live.opened.route, NO_ANSWER)


def suspended(command: SuspendVerification, file: CaseFile) -> Iterator[Event]:
    """中止计时, with a reason; no colleague stops the clock of what somebody has claimed."""
    live = _open(command, file) if command.as_superior else _free_for(command, file)
    try:
        live.clock.suspend(command.at, command.note)
    except LedgerRefused as refused:
        raise ClockRefused(refused.rule, str(refused)) from None
    except CalendarNotShipped as unknown:
        raise ClockRefused("calendar_not_shipped", str(unknown)) from None
    yield VerificationSuspended(**_about(command), note=command.note)


def resumed(command: ResumeVerification, file: CaseFile) -> Iterator[Event]:
    """恢复计时: what was left of the limit is left still."""
    live = _open(command, file) if command.as_superior else _free_for(command, file)
    try:
        clock = live.clock.resume(command.at)
        due, remind_at = clock.reaches(1.0), _reminders(clock)
    except LedgerRefused as refused:
        raise ClockRefused(refused.rule, str(refused)) from None
    except CalendarNotShipped as unknown:
        raise ClockRefused("calendar_not_shipped", str(unknown)) from None
    yield VerificationResumed(**_about(command), due=due, remind_at=remind_at)


def escalated(command: EscalateProof, file: CaseFile) -> Iterator[Event]:
    """A person who is waited for is waited for no longer: the last rung is due now."""
    proof = file.proof(command.proof)
    if proof.state not in {ProofState.VERIFYING, ProofState.OFFERED}:
        raise NotInHand(command.proof)
    yield RouteExhausted(
        **_about_proof(command, proof),
        route=file.route(command.proof).route,
        reason=ESCALATED_BY_HAND,
        note=command.note,
    )


def commitment_answered(command: AnswerCommitment, file: CaseFile) -> Iterator[Event]:
    """Signed, the fact is taken as shown; declined, the ordinary way is open: a promise is never a duty (42号文)."""
    proof = file.proof(command.proof)
    if proof.state is not ProofState.OFFERED:
        raise NotInHand(command.proof)
    if command.signed and command.note is None:
        raise ReasonMissing
    yield CommitmentAnswered(**_about_proof(command, proof), signed=command.signed, note=command.note)
    if command.signed:
        yield ProofMet(**_about_proof(command, proof), route="commitment", evidence=False)
    else:
        yield RouteExhausted(**_about_proof(command, proof), route="commitment", reason="declined")


def next_rung(routes: tuple[Route, ...], rung: int, reason: str, silence: SilenceRule | None = None) -> int:
    """Which rung takes over from one that gave up for that reason; the last one never gives up."""
    wanted = _AFTER_SILENCE.get(silence) if reason == NO_ANSWER else _AFTER.get(reason)
    later = range(rung + 1, len(routes))
    return next((one for one in later if wanted and isinstance(routes[one], wanted)), rung + 1)


def asked_of(route: Route) -> str:
    """Whom a rung asks, in a word that events keep: a register, a department, or a role."""
    match route:
        case SharedDataQuery():
            return route.source
        case DepartmentVerification():
            return route.department
        case CommunityCheck():
            return "community"
        case Commitment() | Confirmation():
            return "applicant"
        case Escalation():
            return "caseworker"
        case _:
            assert_never(route)


class _About(TypedDict):
    """What every event about a rung says of it."""

    at: datetime
    by: Actor
    proof: str
    round: int
    rung: int


def _about(command: AboutVerification) -> _About:
    return {
        "at": command.at,
        "by": command.by,
        "proof": command.proof,
        "round": command.round,
        "rung": command.rung,
    }


def _about_proof(command: EscalateProof | AnswerCommitment, proof: LiveProof) -> _About:
    """The same for a command about whichever rung the proof stands on."""
    return {"at": command.at, "by": command.by, "proof": command.proof, "round": proof.round, "rung": proof.rung}


def _reminders(clock: Ledger) -> tuple[datetime, ...]:
    return tuple(clock.reaches(percent / 100) for percent in REMINDS_AT_PERCENT)


def _not_answered(command: AboutVerification, file: CaseFile) -> LiveVerification:
    live = file.verification(command.proof, command.round, command.rung)
    if live.answered_by is not None:
        raise AlreadySettled(command.proof, live.answered_by, live.answered_at)
    return live


def _open(command: AboutVerification, file: CaseFile) -> LiveVerification:
    live = _not_answered(command, file)
    if live.state is not VerificationState.OPEN:
        raise VerificationOver(command.proof, live.ended_at)
    return live


def _free_for(command: AboutVerification, file: CaseFile) -> LiveVerification:
    live = _open(command, file)
    if live.claimed and live.owner not in {None, command.by.account}:
        raise HeldByAnother(live.owner or "", live.owner_since)
    return live


def _met(command: AboutVerification, route: str) -> ProofMet:
    return ProofMet(**_about(command), route=route, evidence=False)


def _contested(command: AboutVerification) -> ProofContested:
    return ProofContested(**_about(command), differing=(), evidence=False)


def _gave_up(command: AboutVerification, route: str, reason: str) -> RouteExhausted:
    note = command.note if isinstance(command, AnswerVerification) else None
    return RouteExhausted(**_about(command), route=route, reason=reason, note=note)
