"""No case may be in no queue: every state that a small case can come into is walked through, and each has its owner.

Where the machine and the simulation wander, this walk leaves nothing out: from each state everything is tried that
anybody could do there, until nothing new comes of it. States that differ in nothing that anybody could notice by what
happens next (the hour, the number of an attempt, who had an old question) count as one.
"""

from collections.abc import Hashable, Iterator
from datetime import date

import pytest

from domain.bundle import Bundle
from domain.case_file import CaseFile, ProofState, VerificationState
from domain.commands import Command
from domain.decisions import decide
from domain.form import Application, circumstances_of
from domain.listing import ListedProof, ListedRoute
from domain.notices import cards, notices
from domain.refusals import Refusal
from domain.single_proof import asked_alone
from domain.waiting import waits
from tests.domain.promises import believed, check, speaks
from tests.domain.telling import (
    COLLEAGUE,
    MONDAY,
    OFFICER,
    UNIT,
    amend,
    answers,
    assigns,
    commits,
    department,
    escalates,
    expires,
    given,
    opening,
    opens,
    overdue,
    register,
    rejected,
    reminds,
    resubmit,
    resumes,
    settle,
    suspends,
    unreachable,
    withdraw,
)
from tests.domain.tennis_club import CONDUCT, TENNIS_CLUB

MOST_STATES = 200_000
"""Beyond these the walk has met something that goes on for ever."""

Shape = Hashable


def shape(file: CaseFile) -> Shape:
    """All of a case that what can happen next depends on."""
    return (
        file.state,
        file.outcome,
        file.circumstances,
        tuple(
            (item, live.state, bool(live.attempt), live.overdue_since is None, live.unreachable_since is None)
            for item, live in file.items.items()
        ),
        tuple((proof, live.state, live.rung, live.round > 1) for proof, live in file.proofs.items()),
        tuple(
            (rung[0], rung[2], live.owner, live.claimed, live.clock.is_suspended, live.reminded)
            if live.state is VerificationState.OPEN
            else (rung[0], rung[2], live.answered_by is None)
            for rung, live in file.verifications.items()
            if rung[1] == file.proofs[rung[0]].round
        ),
    )


def whatever_anybody_could_do(file: CaseFile, could_be: tuple[Application, ...], *, desks: bool) -> Iterator[Command]:
    """Everything that can be asked of the case in this state, by whomever, sensible or not.

    `desks`: also what moves nothing on: a question that goes from hand to hand within its unit, a reminder, a date
    that passes, a department out of reach.
    """
    now = file.changed_at or MONDAY
    for proof, live in file.proofs.items():
        for outcome in ("matches", "contradicts", "not_found"):
            yield register(file, proof, outcome, at=now)
        for unit in (UNIT, None):
            yield opens(file, proof, unit=unit, owner=OFFICER.account, at=now)
        for met in (True, False):
            yield settle(proof, met=met, at=now)
            yield commits(proof, signed=met, at=now)
        yield escalates(proof, at=now)
        for (asked, round, rung), question in file.verifications.items():
            if asked != proof or round != live.round:
                continue
            for answer in ("matches", "contradicts", "no_record", "hand_to_community"):
                yield answers(file, proof, answer, rung=rung, at=now)
            yield answers(file, proof, "matches", rung=rung, by=COLLEAGUE, at=now)
            yield expires(file, proof, rung=rung, at=max(now, question.due or now))
            yield suspends(file, proof, rung=rung, at=now)
            yield resumes(file, proof, rung=rung, at=now)
            if not desks:
                continue
            for owner in (OFFICER, COLLEAGUE):
                yield assigns(file, proof, "claimed", owner.account, by=owner, rung=rung, at=now)
                yield assigns(file, proof, "released", None, by=owner, rung=rung, at=now)
            yield assigns(file, proof, "handed_over", COLLEAGUE.account, by=OFFICER, rung=rung, at=now)
            yield assigns(file, proof, "taken_back", None, note="note/7", rung=rung, at=now)
            for percent, mark in zip((50, 80), question.remind_at, strict=False):
                yield reminds(file, proof, percent, rung=rung, at=max(now, mark))
        if live.round > 1:
            yield from (
                answers(file, proof, "contradicts", round=round, rung=rung, at=now)
                for asked, round, rung in file.verifications
                if asked == proof and round < live.round
            )
    for item, entry in file.items.items():
        for said in ("acknowledged", "concluded", "denied"):
            yield department(item, said, reason_code="because", at=now)
        yield rejected(item, attempt=entry.attempt, at=now)
        yield resubmit(item, at=now)
        if desks:
            yield unreachable(item, attempt=entry.attempt, at=now)
        if desks and entry.promised_by is not None:
            yield overdue(item, entry.promised_by, at=max(now, entry.promised_by))
    for application in could_be:
        yield amend(file, application, "player.name", "subject.name", at=now)
        yield amend(file, application, at=now)
    yield withdraw(at=now)


class Walk:
    """Every state that can be reached from an opening, and what leads where."""

    def __init__(self, *could_be: Application, desks: bool = True) -> None:
        first = given(opening(could_be[0]))
        check(first)
        self.files: dict[Shape, CaseFile] = {shape(first): first}
        self.before: dict[Shape, set[Shape]] = {shape(first): set()}
        ahead = [first]
        while ahead:
            file = ahead.pop()
            for command in whatever_anybody_could_do(file, could_be, desks=desks):
                try:
                    events = decide(command, file)
                except Refusal as refusal:
                    speaks(refusal)
                    continue
                if not events:
                    continue
                after = believed(file, events)
                found = shape(after)
                self.before.setdefault(found, set()).add(shape(file))
                if found not in self.files:
                    told_rightly(file, after)
                    check(after)
                    self.files[found] = after
                    ahead.append(after)
                    assert len(self.files) < MOST_STATES

    def can_end(self) -> set[Shape]:
        """The states from which the end of the case can still be reached."""
        found = {one for one, file in self.files.items() if file.over}
        ahead = [*found]
        while ahead:
            for earlier in self.before[ahead.pop()] - found:
                found.add(earlier)
                ahead.append(earlier)
        return found


def told_rightly(before: CaseFile, after: CaseFile) -> None:
    """The notices turn the desks as they were into the desks as they are."""
    desks = dict(cards(before))
    for notice in notices(before, after):
        match notice.action:
            case "show" | "update" | "remind":
                desks[notice.card.id] = notice.card
            case "withdraw":
                del desks[notice.card.id]
            case "passed":
                pass
    assert desks == cards(after)


def a_proof_alone() -> tuple[Application, ...]:
    """A bank asks for one proof: register, department, community, caseworker; nothing is sent anywhere."""
    line = ListedProof(
        code="marriage_record",
        title="婚姻登记记录",
        title_en="Marriage record",
        route=ListedRoute.SHARED_DATA,
        basis="婚姻登记条例 17",
        issued_by="civil_affairs",
        source="marriage_register",
        immediate=True,
        effective_from=date(2026, 1, 1),
    )
    return (_filed(asked_alone(line), {"request": ({},), "subject": ({},)}),)


def a_player(*, locker: bool) -> tuple[Application, ...]:
    """The card needs the conduct, which no register holds; a locker may come after it. The player may leave the league."""
    card, after, *_ = TENNIS_CLUB.items
    items = (card.model_copy(update={"proofs": (CONDUCT,)}), *((after,) if locker else ()))
    club = TENNIS_CLUB.model_copy(update={"items": items})
    return tuple(
        _filed(club, {"joining": ({"membership": membership, "racket": "true"},), "player": ({},)})
        for membership in ("league", "adult")
    )


def _filed(bundle: Bundle, sections: dict[str, tuple[dict[str, str], ...]]) -> Application:
    return Application(bundle, sections, circumstances_of(bundle, sections), ())


def walked(walk: Walk) -> set[ProofState]:
    """What holds of every state, beside the promises that were checked on the way; the states that proofs were in."""
    for file in walk.files.values():
        assert file.over or waits(file), "the case is in no queue"
        assert all(wait.on and wait.since for wait in waits(file)), "nobody is said to have it, or since when"
        assert all(card.unit for card in cards(file).values()), "a card is on nobody's desk"
    assert walk.can_end() == set(walk.files), "there is a state from which no end can be reached"
    return {live.state for file in walk.files.values() for live in file.proofs.values()}


def test_a_proof_alone_is_in_somebodys_hands_in_every_state_and_comes_to_its_end() -> None:
    walk = Walk(*a_proof_alone())

    assert walked(walk) == set(ProofState) - {ProofState.PLANNED, ProofState.OFFERED}
    assert {file.outcome for file in walk.files.values()} == {None, "complete", "partial"}
    # As many as when this was written, or more: a walk that stops at the door proves nothing.
    assert len(walk.files) > 700


def test_a_player_is_in_somebodys_hands_in_every_state_and_comes_to_the_end() -> None:
    walk = Walk(*a_player(locker=False), desks=False)

    assert walked(walk) == set(ProofState) - {ProofState.PLANNED}
    assert len(walk.files) > 700


@pytest.mark.soak
def test_so_is_a_player_with_a_locker() -> None:
    walk = Walk(*a_player(locker=True), desks=False)

    assert walked(walk) == set(ProofState) - {ProofState.PLANNED}
    assert len(walk.files) > 6_500
