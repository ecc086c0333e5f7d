"""Some hundred seeded cases in the suite, a hundred thousand under `make soak`: all come to an end, none twice."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.domain.simulation import Story, play

IN_THE_SUITE = 500
IN_A_SOAK = 100_000


def play_all(seeds: range) -> tuple[Counter[str], Counter[str]]:
    """Ends and events of all these stories; fails with the seed of the first one that goes wrong."""
    ends: Counter[str] = Counter()
    events: Counter[str] = Counter()
    for seed in seeds:
        try:
            story = play(seed)
        except Exception as wrong:
            raise AssertionError(f"seed {seed}: {type(wrong).__name__}: {wrong}") from wrong
        ends[story.outcome or story.state.value] += 1
        events += story.events
        events.update(f"refused:{code}" for code in story.refusals)
    return ends, events


def test_every_case_comes_to_its_end_whatever_goes_wrong_on_the_way() -> None:
    ends, events = play_all(range(IN_THE_SUITE))

    assert sum(ends.values()) == IN_THE_SUITE
    assert set(ends) == {"complete", "partial", "withdrawn"}
    # A simulation in which something never happens proves nothing about it.
    assert {kind for kind, times in events.items() if times >= 20} >= {
        "application_amended",
        "case_withdrawn",
        "department_unreachable",
        "item_acknowledged",
        "item_cancelled",
        "item_denied",
        "item_overdue",
        "item_unreachable",
        "late_answer_recorded",
        "verification_answered",
        "verification_assigned",
        "verification_opened",
        "verification_reminded",
        "verification_resumed",
        "verification_suspended",
        "proof_contested",
        "proof_dropped",
        "proof_settled",
        "route_exhausted",
        "submission_rejected",
        "refused:case.part_settled",
        "refused:case.version_conflict",
        "refused:item.not_submitted",
    }
    assert {kind for kind, times in events.items() if times >= 3} >= {
        "commitment_answered",
        "refused:case.ended",
        "refused:reason.missing",
        "refused:verification.clock",
        "refused:verification.held",
        "refused:verification.over",
    }


def test_the_same_seed_tells_the_same_story() -> None:
    def told(story: Story) -> object:
        return story.state, story.outcome, story.events, story.refusals, story.happenings

    assert [told(play(seed)) for seed in range(20)] == [told(play(seed)) for seed in range(20)]


@pytest.mark.soak
def test_a_hundred_thousand_cases_come_to_their_end() -> None:
    first = int(os.environ.get("ONETHING_FIRST_SEED", IN_THE_SUITE))
    lots = [range(start, start + 500) for start in range(first, first + IN_A_SOAK, 500)]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        ends: Counter[str] = sum((ends for ends, _ in processes.map(play_all, lots)), Counter())

    assert sum(ends.values()) == IN_A_SOAK
