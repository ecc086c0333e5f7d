"""What holds for every case at every moment, whoever did what in whatever order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never
from uuid import UUID

from domain.attribution import holders
from domain.bundle import Act
from domain.case_file import (
    ENDED,
    IN_HAND,
    PROOF_ENDED,
    CaseFile,
    CaseState,
    ItemState,
    LiveVerification,
    ProofState,
    VerificationState,
    evolve,
)
from domain.events import Event, ItemCorrected, ItemSubmitted, LateAnswerRecorded, VerificationAnswered
from domain.notices import Card, card_id, cards, notices
from domain.refusals import Refusal
from domain.steps import Instant, LetExpire, Question, SubmitItem, agenda, steps
from domain.waiting import Wait, waits


def believed(before: CaseFile | None, events: Sequence[Event]) -> CaseFile:
    """The case after the events, each of them checked against the case as it stood right before it."""
    file = before
    for event in events:
        if file is not None and isinstance(event, ItemSubmitted):
            assert not file.waits_for(event.item), f"{event.item} was sent before its turn"
            assert not file.open_proofs(event.item), f"{event.item} was sent unproven"
            assert event.attempt == file.item(event.item).attempt + 1, f"{event.item}: an attempt was skipped"
        after = evolve(file, event)
        if file is not None:
            assert after.version == file.version + 1
            for item, live in file.items.items():
                if live.state is ItemState.CONCLUDED:
                    assert replace(after.items[item], corrections=live.corrections) == live, (
                        f"{item} was concluded and then changed by {event.type}"
                    )
                    kept, more = len(live.corrections), isinstance(event, ItemCorrected) and event.item == item
                    assert after.items[item].corrections[:kept] == live.corrections, f"{item}: a correction was lost"
                    assert len(after.items[item].corrections) == kept + more
            if isinstance(event, ItemCorrected):
                assert file.items[event.item].state is ItemState.CONCLUDED, f"{event.item} was corrected before its end"
                assert event.products, f"{event.item} was corrected, and nothing is different"
                assert (after.state, after.outcome, after.ended_at) == (file.state, file.outcome, file.ended_at)
            for rung, asked in file.verifications.items():
                _one_outcome(asked, after.verifications[rung], event)
        file = after
    assert file is not None
    return file


def _one_outcome(before: LiveVerification, after: LiveVerification, event: Event) -> None:
    """A question ends once; what came late is beside its end and is said once too, or after "no record" once more."""
    name = " ".join(map(str, before.rung))
    if before.state is not VerificationState.OPEN:
        assert after.state is before.state, f"{name} ended as {before.state} and then as {after.state}"
        assert after.ended_at == before.ended_at
    elif after.state is not VerificationState.OPEN:
        assert after.ended_at == event.at
        assert after.due == before.due, f"{name} ended and lost the limit that it had"
    if before.answered_by is not None and after.earlier != before.earlier:
        assert isinstance(event, LateAnswerRecorded)
        assert before.earlier is None, f"{name} was added to twice"
        assert before.answer in {"no_record", "hand_to_community"}, f"{name} was settled and then added to"
        assert after.answer in {"matches", "contradicts"}, f"{name}: nothing was added"
        assert after.answered_by == before.answered_by, f"{name}: somebody added to another's answer"
    elif before.answered_by is not None:
        assert after == before, f"{name} was answered and then changed by {event.type}"
    elif after.answered_by is not None:
        assert isinstance(event, VerificationAnswered | LateAnswerRecorded)
        in_time = isinstance(event, VerificationAnswered)
        assert in_time == (before.state is VerificationState.OPEN), f"{name} was answered out of its time"


def check(file: CaseFile) -> None:
    """Fails with the promise that is broken."""
    waiting, asked, ahead = waits(file), steps(file), agenda(file)
    assert bool(waiting) == (not file.over or bool(file.in_hand)), "the case is in no queue, or in one for nothing"
    for item, live in file.items.items():
        match live.state:
            case ItemState.DENIED | ItemState.CANCELLED:
                assert live.reason_code, f"{item} ended badly for no reason"
            case ItemState.UNREACHABLE:
                assert live.because in live.planned.after, f"{item} is unreachable for no reason"
                assert file.items[live.because].state in ENDED
            case ItemState.SUBMITTED | ItemState.ACKNOWLEDGED | ItemState.REJECTED | ItemState.CONCLUDED:
                assert live.state is not ItemState.SUBMITTED or any(
                    isinstance(step, SubmitItem) and step.item == item for step in asked
                ), f"{item} is to be sent, and nobody does it"
                attested = file.declared_item(item).act is Act.ATTEST
                assert attested or live.attempt, f"{item} was never sent"
                assert not (attested and live.attempt), f"{item} was sent, and there is nobody to send it to"
            case ItemState.WAITING | ItemState.ACCEPTED:
                assert file.state is CaseState.OPEN, f"{item} outlived its case"
    ended = all(live.state in ENDED for live in file.items.values())
    if file.state is CaseState.OPEN:
        assert not ended or file.in_hand, "all items have ended and nobody has to look at anything"
    if file.state is CaseState.CONCLUDED:
        assert ended, "a case is concluded, and an item has not ended"
        assert all(file.proofs[proof].state is ProofState.CONTESTED for proof in file.in_hand), (
            "only what a late answer contested is looked at after the end"
        )
        well = all(live.state is ItemState.CONCLUDED or live.no_longer_applied for live in file.items.values())
        assert file.outcome == ("complete" if well else "partial")
    if file.over:
        assert not asked, "something is still asked for a case that is over"
        assert not ahead, "something still falls due in a case that is over"
    keys = [step.key for step in (*asked, *ahead)]
    assert len(keys) == len(set(keys)), "two steps share a key"
    planned = {entry.id for entry in file.plan.items}
    assert planned <= file.items.keys()
    assert not any(file.items[item].no_longer_applied for item in planned), "what applies is out of play"
    assert all(live.state in ENDED or item in planned or live.attempt for item, live in file.items.items())
    everything_has_an_owner(file, waiting, asked, ahead)
    no_card_is_left_behind(file)


def everything_has_an_owner(
    file: CaseFile, waiting: Sequence[Wait], questions: Sequence[Question], ahead: Sequence[Instant]
) -> None:
    """Each proof that is being obtained and each item that has not ended is in somebody's hands, by name."""
    asked = {step.proof for step in questions if not isinstance(step, SubmitItem)}
    waited_for = {wait.what: wait.on for wait in waiting}
    expiring = {(one.proof, one.round, one.rung) for one in ahead if isinstance(one, LetExpire)}
    needed = file.needed_proofs()
    for proof, live in file.proofs.items():
        assert not live.gave_up or live.state in PROOF_ENDED, f"{proof} stands on a rung that gave up"
        match live.state:
            case ProofState.ASKED:
                assert proof in asked, f"{proof} is to be asked for, and nobody does it"
            case ProofState.VERIFYING:
                question = file.verification(proof, live.round, live.rung)
                assert question.state is VerificationState.OPEN, f"{proof} waits for a question that is over"
                assert waited_for[proof] == f"unit:{question.opened.unit}"
                assert (question.rung in expiring) == (not question.clock.is_suspended), f"{proof} may wait for ever"
            case ProofState.OFFERED:
                assert waited_for[proof] == "applicant"
            case ProofState.ESCALATED | ProofState.CONTESTED:
                assert file.over or waited_for[proof] == "caseworker"
            case ProofState.PLANNED:
                earlier = {file.proofs[one].state for one in live.planned.after}
                assert (
                    proof not in needed
                    or earlier - {ProofState.MET, ProofState.NOT_MET}
                    or file.waits_for_day(file.declared_proof(proof).not_before) in {one.due for one in ahead}
                ), f"{proof} waits for nobody"
            case ProofState.MET | ProofState.NOT_MET | ProofState.DROPPED:
                pass
            case _:
                assert_never(live.state)
        if proof in needed:
            assert live.state is not ProofState.DROPPED, f"{proof} is needed and was dropped"
    for item, holder in holders(file).items():
        assert holder.kind != "engine", f"{item} is nobody's"
        assert holder.who, f"{item} is nobody's"


def no_card_is_left_behind(file: CaseFile) -> None:
    """A card is on a desk if, and only if, somebody is waited for there."""
    for (proof, round, rung), question in file.verifications.items():
        live = file.proofs[proof]
        standing = live.state is ProofState.VERIFYING and (live.round, live.rung) == (round, rung)
        assert (question.state is VerificationState.OPEN) == standing, f"{proof} {round}.{rung} was left behind"
        assert (question.ended_at is None) == (question.state is VerificationState.OPEN)
        assert (question.answer is None) == (question.answered_by is None) == (question.answered_at is None)
    open_now = {
        card_id(file.case_id, *rung)
        for rung, question in file.verifications.items()
        if question.state is VerificationState.OPEN
    }
    in_hand = {
        card_id(file.case_id, proof, live.round, "hand") for proof, live in file.proofs.items() if live.state in IN_HAND
    }
    assert cards(file).keys() == open_now | in_hand, "a card was left behind, or forgotten"
    assert not file.over or not open_now


class Desks:
    """The cards on everybody's desks, laid there and taken away only as told."""

    def __init__(self) -> None:
        self.cards: dict[UUID, Card] = {}
        self._told: set[UUID] = set()

    def hear(self, before: CaseFile | None, after: CaseFile) -> None:
        """Fails if a notice makes no sense, or if a desk is not as it should be then."""
        for notice in notices(before, after):
            assert notice.id not in self._told, "two notices share an id"
            self._told.add(notice.id)
            card = notice.card
            match notice.action:
                case "show":
                    assert card.id not in self.cards, "a card was shown twice"
                    self.cards[card.id] = card
                case "update" | "remind":
                    assert self.cards[card.id] != card, "nothing was told"
                    self.cards[card.id] = card
                case "withdraw":
                    del self.cards[card.id]
                case "passed":
                    assert card.id not in self.cards
                    assert notice.audience == "superior"
                case _:
                    assert_never(notice.action)
        assert self.cards == cards(after), "a desk is not as it was told"


def speaks(refusal: Refusal) -> None:
    """A refusal has a stable code and a sentence in both languages."""
    assert refusal.code != Refusal.code
    assert refusal.zh
    assert refusal.en
