"""A store on the test's own database, for steps that record what came of them."""

import pytest

from store.cases import CaseStore
from store.database import Database
from tests.desk import store_on


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The product runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def store(database: Database) -> CaseStore:
    """The write path of one process."""
    return store_on(database)
