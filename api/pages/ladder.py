"""证明阶梯: how far a proof has climbed, rung by rung: who was asked, until when, what they said, and what comes next.

Nothing is left out that was tried: a rung that was passed over says why, and an answer that came too
late stands where it was given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, assert_never

from domain.bundle import (
    Commitment,
    CommunityCheck,
    Confirmation,
    DepartmentVerification,
    Escalation,
    Route,
    SharedDataQuery,
)
from domain.case_file import (
    IN_HAND,
    PROOF_ENDED,
    CaseFile,
    LiveProof,
    LiveVerification,
    ProofState,
    VerificationState,
)
from domain.case_file import Rung as RungKey
from domain.departments import REGISTERS
from domain.events import LateAnswerRecorded, Recorded, RouteExhausted
from domain.timeline import ANSWERS, GAVE_UP, Text, answer_title, asked_title, department_title

RungState = Literal["not_yet", "skipped", "now", "answered", "differs", "gave_up", "withdrawn"]
Warned = Literal["", "half", "late", "over", "stopped"]

COMMUNITY: Final = Text("社区", "Community")
APPLICANT: Final = Text("申请人", "Applicant")
CONFIRMER: Final = Text("本人或单位确认", "The person or the employer confirms")
CASEWORKER: Final = Text("经办人", "Caseworker")


@dataclass(frozen=True)
class Reply:
    """What somebody said on a rung, and whether it came when the ladder had moved on."""

    answer: Text
    account: str
    at: datetime | None
    by_phone: bool
    note: str | None
    late: bool


@dataclass(frozen=True)
class Rung:
    """One route of a proof: who is asked there, and how far it came."""

    route: str
    who: Text
    kept_by: Text | None
    state: RungState
    reason: Text | None = None
    """Why it gave up."""
    note: str | None = None
    """The same in the words of whoever decided so."""
    unit: str | None = None
    owner: str | None = None
    due: datetime | None = None
    warning: Warned = ""
    stopped_because: str | None = None
    reply: Reply | None = None


@dataclass(frozen=True)
class LateAnswer:
    """An answer that came when the matter was settled."""

    at: datetime
    part: str
    answer: Text
    account: str
    contradicts: bool
    note: str | None


def ladder(
    file: CaseFile,
    proof: str,
    now: datetime,
    said: Mapping[str, str],
    units: Mapping[str, str],
    why: Mapping[RungKey, str],
) -> tuple[Rung, ...]:
    """The rungs of a proof; `said` is what notes hold, by their place, and `units` what units are called."""
    live, routes = file.proof(proof), file.declared_proof(proof).routes
    gave_up = dict(_places(routes, live))
    return tuple(
        replace(rung, note=why.get((proof, live.round, place)))
        for place, route in enumerate(routes)
        for rung in (_rung(file, proof, place, route, gave_up.get(place), now, said, units),)
        # Once it has ended, what was never tried says nothing.
        if rung.state not in {"not_yet", "skipped"} or live.state not in PROOF_ENDED
    )


def by_hand(live: LiveProof) -> bool:
    """Whether a caseworker settled the proof, and nobody's answer did."""
    settled = live.contested_by is not None or live.met_by is None
    return live.state is ProofState.NOT_MET or (live.state is ProofState.MET and settled)


def late_answers(events: Sequence[Recorded], said: Mapping[str, str]) -> tuple[LateAnswer, ...]:
    """Every answer that came too late, the last first."""
    return tuple(
        LateAnswer(
            event.at,
            event.about,
            ANSWERS.get(event.answer, Text(event.answer, event.answer)),
            event.by.account,
            event.contradicts,
            said.get(event.note or ""),
        )
        for entry in reversed(events)
        if isinstance(event := entry.event, LateAnswerRecorded)
    )


def reasons(events: Sequence[Recorded], said: Mapping[str, str]) -> Mapping[RungKey, str]:
    """Why somebody did not wait for a rung any longer, in their words."""
    return {
        (event.proof, event.round, event.rung): text
        for entry in events
        if isinstance(event := entry.event, RouteExhausted) and (text := said.get(event.note or "")) is not None
    }


def _places(routes: Sequence[Route], live: LiveProof) -> Iterator[tuple[int, str]]:
    """Where each rung stands that gave up, and why: the ladder is climbed upwards, so each is the next of its kind."""
    place = 0
    for route, reason in live.exhausted:
        place = next((at for at in range(place, len(routes)) if routes[at].route == route), len(routes))
        yield place, reason
        place += 1


def _rung(
    file: CaseFile,
    proof: str,
    place: int,
    route: Route,
    gave_up: str | None,
    now: datetime,
    said: Mapping[str, str],
    units: Mapping[str, str],
) -> Rung:
    live = file.proof(proof)
    asked = file.verifications.get((proof, live.round, place))
    who, kept_by = _who(route)
    state = _state(live, place, route, gave_up, asked)
    reason = None if gave_up is None else GAVE_UP.get(gave_up, Text(gave_up, gave_up))
    if asked is None:
        return Rung(route.route, who, kept_by, state, reason)
    waited_for = asked.state is VerificationState.OPEN
    last = asked.clock.entries[-1]
    return Rung(
        route.route,
        who,
        kept_by,
        state,
        reason,
        unit=units.get(asked.opened.unit, asked.opened.unit),
        owner=asked.owner if waited_for else None,
        due=asked.due if waited_for else None,
        warning=warning(asked, now) if waited_for else "",
        stopped_because=said.get(last.reason or "") if waited_for and asked.due is None else None,
        reply=_reply(asked, said),
    )


def warning(asked: LiveVerification, now: datetime) -> Warned:
    """How much of the limit is used up: more than half, more than four fifths, all of it."""
    if asked.due is None:
        return "stopped"
    if asked.due <= now:
        return "over"
    passed = sum(mark <= now for mark in asked.remind_at)
    return ("", "half", "late")[passed]


def _reply(asked: LiveVerification, said: Mapping[str, str]) -> Reply | None:
    if asked.answer is None:
        return None
    return Reply(
        answer_title(asked.opened.route, asked.answer),
        asked.answered_by or "",
        asked.answered_at,
        asked.by_phone,
        said.get(asked.note or ""),
        asked.answered_late,
    )


def _state(live: LiveProof, place: int, route: Route, gave_up: str | None, asked: LiveVerification | None) -> RungState:
    if gave_up is not None:
        return "gave_up"
    if asked is not None:
        return _asked_state(asked)
    if isinstance(route, Escalation):
        if by_hand(live):
            return "answered"
        return "now" if live.state in IN_HAND else "not_yet"
    # What is contradicted goes to a caseworker at once.
    if place < live.rung or (place > live.rung and live.contested_by is not None):
        return "skipped"
    if place > live.rung:
        return "not_yet"
    if live.state in {ProofState.ASKED, ProofState.OFFERED}:
        return "now"
    if live.differing or live.contested_by is not None:
        return "differs"
    return "answered" if live.state is ProofState.MET else "not_yet"


def _asked_state(asked: LiveVerification) -> RungState:
    match asked.state:
        case VerificationState.OPEN:
            return "now"
        case VerificationState.ANSWERED:
            return "differs" if asked.answer == "contradicts" else "answered"
        case VerificationState.EXPIRED:
            return "gave_up"
        case VerificationState.WITHDRAWN:
            return "withdrawn"
        case _:
            assert_never(asked.state)


def _who(route: Route) -> tuple[Text, Text | None]:
    """Who is asked, and for a register which department answers for it."""
    match route:
        case SharedDataQuery():
            register = REGISTERS.get(route.source)
            return asked_title(route.source), department_title(register.kept_by) if register else None
        case DepartmentVerification():
            return department_title(route.department), None
        case CommunityCheck():
            return COMMUNITY, None
        case Commitment():
            return APPLICANT, None
        case Confirmation():
            return CONFIRMER, None
        case Escalation():
            return CASEWORKER, None
        case _:
            assert_never(route)
