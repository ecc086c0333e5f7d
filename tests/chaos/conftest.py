"""A house for each file of tests: starting one takes as long as several tests."""

from collections.abc import Iterator

import pytest

from tests.chaos.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Open, with everything at work and nothing filed."""
    with House.opened(tmp_path_factory.mktemp("house")) as ours:
        yield ours
