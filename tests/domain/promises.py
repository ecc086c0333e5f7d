"""What holds for every case at every moment, whoever did what in whatever order."""

from collections.abc import Sequence

from domain.case_file import ENDED, CaseFile, CaseState, ItemState, evolve
from domain.events import Event, ItemSubmitted
from domain.refusals import Refusal
from domain.steps import agenda, steps
from domain.waiting import waits


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
                    assert after.items[item] == live, f"{item} was concluded and then changed by {event.type}"
        file = after
    assert file is not None
    return file


def check(file: CaseFile) -> None:
    """Fails with the promise that is broken."""
    assert file.over or steps(file) or waits(file), "the case is in no queue"
    if not file.over:
        assert waits(file), "nobody is said to have the case"
    for item, live in file.items.items():
        match live.state:
            case ItemState.DENIED | ItemState.CANCELLED:
                assert live.reason_code, f"{item} ended badly for no reason"
            case ItemState.UNREACHABLE:
                assert live.because in live.planned.after, f"{item} is unreachable for no reason"
                assert file.items[live.because].state in ENDED
            case ItemState.SUBMITTED | ItemState.ACKNOWLEDGED | ItemState.REJECTED | ItemState.CONCLUDED:
                assert live.attempt, f"{item} was never sent"
            case ItemState.WAITING | ItemState.ACCEPTED:
                assert file.state is CaseState.OPEN, f"{item} outlived its case"
    ended = all(live.state in ENDED for live in file.items.values())
    if file.state is not CaseState.WITHDRAWN:
        assert (file.state is CaseState.CONCLUDED) == ended, "a case is concluded if, and only if, all its items ended"
    if file.state is CaseState.CONCLUDED:
        well = all(live.state is ItemState.CONCLUDED or live.no_longer_applied for live in file.items.values())
        assert file.outcome == ("complete" if well else "partial")
    if file.over:
        assert not steps(file), "something is still asked for a case that is over"
        assert not agenda(file), "something still falls due in a case that is over"
    keys = [step.key for step in (*steps(file), *agenda(file))]
    assert len(keys) == len(set(keys)), "two steps share a key"
    planned = {entry.id for entry in file.plan.items}
    assert planned <= file.items.keys()
    assert not any(file.items[item].no_longer_applied for item in planned), "what applies is out of play"
    assert all(live.state in ENDED or item in planned or live.attempt for item, live in file.items.items())


def speaks(refusal: Refusal) -> None:
    """A refusal has a stable code and a sentence in both languages."""
    assert refusal.code != Refusal.code
    assert refusal.zh
    assert refusal.en
