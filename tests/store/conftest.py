"""A store on the test's own database, and a second one as another process would have it."""

from collections.abc import Iterator

import pytest

from store.cases import CaseStore
from store.database import Database
from tests.desk import store_on


@pytest.fixture
def store(database: Database) -> CaseStore:
    """The write path of one process."""
    return store_on(database)


@pytest.fixture
def other_store(database_url: str) -> Iterator[CaseStore]:
    """The write path of another process on the same database."""
    database = Database(database_url, pool_size=5, waits_seconds=30)
    yield store_on(database)
    database.dispose()
