"""核验结果: what came of one proof that was asked for alone: in one word, and rung by rung with who said so.

Read off the events, like everything that is told about a case: the register, the officer or the
caseworker whose word counted is the one who was written down when it was said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.case_file import CaseFile, CaseState, ProofState, evolve_recorded
from domain.events import (
    CaseConcluded,
    ProofContested,
    ProofDropped,
    ProofMet,
    ProofSettled,
    Recorded,
    RouteExhausted,
    RouteOpened,
    VerificationOpened,
    VerificationResumed,
    VerificationSuspended,
)
from domain.refusals import Conflict
from domain.time_limits import in_shanghai
from domain.waiting import waits


class Outcome(StrEnum):
    """What the asking unit may go by."""

    CONFIRMED = "confirmed"  # 已核实
    NOT_CONFIRMED = "not_confirmed"  # 未能核实: nobody could show it
    CONTRADICTED = "contradicted"  # 不一致: somebody who was asked said otherwise, and a caseworker agreed
    OPEN = "open"  # 核验中


class NoResultYet(Conflict):
    """Nobody has answered yet, or the question was withdrawn before anybody did; says what is waited for."""

    code = "verification.no_result"

    def __init__(self, file: CaseFile) -> None:
        waiting = next(iter(waits(file)), None)
        if file.state is CaseState.WITHDRAWN:
            super().__init__("核验已撤回, 没有结果", "the verification was withdrawn; there is no result")
        elif waiting is None:
            super().__init__("尚无结果, 正在处理", "there is no result yet; it is being worked on")
        else:
            super().__init__(f"尚无结果: {waiting.zh}", f"there is no result yet: {waiting.en}")


@dataclass(frozen=True, slots=True)
class Rung:
    """One who was asked: by which route, since when and until when, and what came of it."""

    route: str
    asked: str
    """A register, a department, or who is asked in a word."""
    unit: str | None
    """The unit that had to answer; None for a register, and where nobody could be asked."""
    opened_at: datetime
    due: datetime | None = None
    ended_at: datetime | None = None
    came_of: str | None = None
    """`met`, `contradicts`, `not_met`, `no_longer_needed`, or why it gave up; None while it is waited for."""


@dataclass(frozen=True, slots=True)
class Climbed:
    """The ladder so far."""

    rungs: tuple[Rung, ...]
    decided: Rung | None
    """The one whose word counted."""
    doubted_at: datetime | None
    """When an answer that came after the end said otherwise; None again once a caseworker has decided on it."""


def outcome(file: CaseFile) -> Outcome | None:
    """In one word; None where the question was withdrawn."""
    proof = next(iter(file.proofs.values()))
    match file.state:
        case CaseState.OPEN:
            return Outcome.OPEN
        case CaseState.WITHDRAWN:
            return None
        case CaseState.CONCLUDED if proof.state in {ProofState.MET, ProofState.CONTESTED}:
            # Contested when it had been told already: it stands, in doubt, until a caseworker has decided.
            return Outcome.CONFIRMED
        case _:
            return Outcome.NOT_CONFIRMED if proof.contested_by is None else Outcome.CONTRADICTED


def as_it_stands(events: Sequence[Recorded]) -> CaseFile:
    """The case after these events, of which the first opened it."""
    file = evolve_recorded(None, events)
    assert file is not None
    return file


def valid_until(concluded_at: datetime, valid_days: int) -> date:
    """The last day, in Shanghai, on which the answer may be used."""
    return in_shanghai(concluded_at).date() + timedelta(days=valid_days)


def climbed(events: Sequence[Recorded]) -> Climbed:
    """Who was asked, in order, and what came of each; `events` are all of one case."""
    rungs: dict[tuple[int, int], Rung] = {}
    decided: tuple[int, int] | None = None
    doubted_at: datetime | None = None
    over = False
    for entry in events:
        event = entry.event
        match event:
            case RouteOpened():
                rungs[event.round, event.rung] = Rung(event.route, event.asked, None, event.at)
            case VerificationOpened():
                key = (event.round, event.rung)
                rungs[key] = replace(rungs[key], unit=event.unit, due=event.due)
            case VerificationSuspended():
                key = (event.round, event.rung)
                rungs[key] = replace(rungs[key], due=None)
            case VerificationResumed():
                key = (event.round, event.rung)
                rungs[key] = replace(rungs[key], due=event.due)
            case RouteExhausted():
                _end(rungs, (event.round, event.rung), event.at, event.reason)
            case ProofMet():
                decided = (event.round, event.rung)
                _end(rungs, decided, event.at, "met")
            case ProofContested():
                if over:
                    doubted_at = event.at
                else:
                    decided = (event.round, event.rung)
                    _end(rungs, decided, event.at, "contradicts")
                # From here on a caseworker has it, on whatever rung it stood.
                rungs[event.round, _BY_HAND] = Rung("escalation", "caseworker", None, event.at)
            case ProofSettled():
                last = list(rungs)[-1]
                rungs[last] = replace(rungs[last], unit=event.by.unit)
                decided, doubted_at = last, None
                _end(rungs, last, event.at, "met" if event.met else "not_met")
            case ProofDropped():
                _end(rungs, None, event.at, "")
            case CaseConcluded():
                over = True
            case _:
                pass
    return Climbed(tuple(rungs.values()), None if decided is None else rungs[decided], doubted_at)


_BY_HAND = 1_000
"""No ladder is as long."""


def _end(rungs: dict[tuple[int, int], Rung], which: tuple[int, int] | None, at: datetime, came_of: str) -> None:
    """This rung has ended so; whoever else was still waited for is not any more."""
    for key, rung in rungs.items():
        if key == which:
            rungs[key] = replace(rung, ended_at=at, came_of=came_of)
        elif rung.ended_at is None:
            rungs[key] = replace(rung, ended_at=at, came_of="no_longer_needed")
