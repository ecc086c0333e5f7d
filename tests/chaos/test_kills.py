"""Whatever is killed, and whenever: no acknowledged case is lost, and no department does anything twice.

The long form is `make soak`; `SEED=… KILLS=… CASES=… make soak` runs one of your choice. A seed decides what is
struck and how long after which case; what is under way at that instant is the machine's to say.
"""

import os
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from store.batch import Batch
from store.outbox import put
from store.tables import cases as cases_table
from tests.chaos.house import House

WHOLE_WITHIN_SECONDS = 90.0
MIXED_UP_WITHIN_SECONDS = 1.2


def test_kills_at_any_instant_lose_nothing_and_double_nothing(house: House) -> None:
    struck, _ = besiege(house, seed=20261122, kills=12, cases=24)

    assert struck.keys() == house.kinds.keys()


def test_kills_while_officers_answer_lose_no_question_and_put_none_twice(house: House) -> None:
    with house.officers(seed="20261999") as officers:
        house.arrange_no_marriage_on_file(probability=0.8, seed=20261999)
        besiege(house, seed=20261999, kills=6, cases=12)

    assert officers.answered.keys() >= {"department_verification", "escalation"}
    assert officers.statuses.keys() <= {200, 409, 412, 503}


def test_a_start_that_is_told_again_after_the_end_starts_nothing(house: House) -> None:
    """As a relay leaves it that dies between Temporal's answer and its own commit, if nobody comes by for a while."""
    with house.clerks(first_family=6_000_000) as clerks:
        clerks.file(3)
        clerks.all_acknowledged(within=WHOLE_WITHIN_SECONDS)
        house.wait_until_whole(clerks, within=WHOLE_WITHIN_SECONDS)

        with house.database.begin() as connection:
            for case_id in connection.execute(select(cases_table.c.case_id)).scalars().all():
                batch = Batch()
                put(batch, case_id, 1, 1, datetime.now(UTC))
                batch.write(connection)

        house.wait_until_whole(clerks, within=WHOLE_WITHIN_SECONDS)
        assert house.wrong(clerks) == []


def test_the_api_says_503_while_postgres_is_away_and_serves_soon_after(house: House) -> None:
    with house.clerks(first_family=6_100_000) as clerks:
        house.stack.kill("postgres")
        clerks.file(4)
        time.sleep(1.5)
        assert clerks.statuses.keys() == {503}
        assert not clerks.acknowledged
        assert clerks.unanswered == 0

        house.stack.start_again("postgres")
        clerks.all_acknowledged(within=5)
        house.wait_until_whole(clerks, within=WHOLE_WITHIN_SECONDS)
        assert house.wrong(clerks) == []


@pytest.mark.soak
def test_hundreds_of_kills_lose_nothing_and_double_nothing(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    kills, cases = int(os.environ.get("KILLS") or 200), int(os.environ.get("CASES") or 200)
    began = time.monotonic()

    def tell(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")
            sys.stdout.flush()

    tell(f"SEED={seed} KILLS={kills} CASES={cases}")
    before = len(house.books())
    with house.officers(seed=str(seed)) as officers:
        house.arrange_no_marriage_on_file(probability=0.5, seed=seed)
        struck, whole_after = besiege(house, seed=seed, kills=kills, cases=cases, patience=True)
    books = house.books()[before:]
    calls, effects = sum(line.calls for line in books), sum(line.effects for line in books)
    tell(f"kills: {', '.join(f'{kind} {many}' for kind, many in sorted(struck.items()))}")
    tell(f"departments: {calls} calls, {effects} effects, so {calls - effects} repeats that did nothing")
    tell(f"officers: {', '.join(f'{route} {many}' for route, many in sorted(officers.answered.items()))}")
    tell(f"whole again {whole_after:.1f} s after the last kill; {time.monotonic() - began:.0f} s in all\n")


def besiege(house: House, *, seed: int, kills: int, cases: int, patience: bool = False) -> tuple[Counter[str], float]:
    """Kill so many while so many cases are filed; returns what was struck, and the seconds until all was whole."""
    chances = random.Random(seed)
    plan = _plan(house, chances, kills)
    # Calls are on their way when it strikes, and answers come by callback.
    house.arrange("*", "latency", probability=0.5, seconds=0.25, seed=seed)
    house.arrange("public_security", "later", probability=0.3, seconds=0.5, seed=seed)
    house.arrange("public_security", "duplicate_callback", probability=0.3, params={"n": 3}, seed=seed)
    if patience:
        # Longer than a worker waits before it leaves the step to an activity of its own.
        house.arrange("health", "latency", probability=0.1, seconds=2.0, seed=seed)
    struck: Counter[str] = Counter()
    with house.clerks(first_family=seed % 1_000_000, seed=str(seed)) as clerks:
        for place, name in enumerate(plan):
            clerks.file(cases * (place + 1) // kills - cases * place // kills)
            time.sleep(chances.uniform(0, MIXED_UP_WITHIN_SECONDS))
            house.strike(name)
            struck[name.rpartition("-")[0] or name] += 1
        whole_after = house.wait_until_whole(clerks, within=WHOLE_WITHIN_SECONDS)
        house.arrange_nothing()
        assert len(clerks.acknowledged) == cases
        assert clerks.ask_again() == clerks.acknowledged, f"SEED={seed}"
        assert house.wrong(clerks) == [], f"SEED={seed}"
    return struck, whole_after


def _plan(house: House, chances: random.Random, kills: int) -> list[str]:
    """Every kind once, in any order, and then whatever comes."""
    kinds = chances.sample(sorted(house.kinds), len(house.kinds))
    kinds += chances.choices(sorted(house.kinds), k=max(0, kills - len(kinds)))
    return [chances.choice(house.kinds[kind]) for kind in kinds[:kills]]
