"""The power fails: everything is killed in one instant, under load, and whatever was acknowledged is seen through."""

import random
import time

from tests.chaos.house import House

SEED = 20261123
TIMES = 3
CASES_EACH_TIME = 8
WHOLE_WITHIN_SECONDS = 90.0


def test_everything_killed_at_once_is_whole_again(house: House) -> None:
    chances = random.Random(SEED)
    house.arrange("*", "latency", probability=0.5, seconds=0.3, seed=SEED)
    with house.clerks(first_family=2_000_000, seed=str(SEED)) as clerks:
        for _ in range(TIMES):
            known = len(clerks.acknowledged)
            clerks.file(CASES_EACH_TIME)
            clerks.wait_for(known + CASES_EACH_TIME // 2, within=WHOLE_WITHIN_SECONDS)
            time.sleep(chances.uniform(0, 0.4))
            house.strike_everything()
        house.wait_until_whole(clerks, within=WHOLE_WITHIN_SECONDS)

        assert len(clerks.acknowledged) == TIMES * CASES_EACH_TIME
        assert clerks.ask_again() == clerks.acknowledged
        assert house.wrong(clerks) == []
