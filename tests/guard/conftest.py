"""The policy that the guard's tests share."""

import pytest

from shared.warehouse.guard.guard import QueryGuard
from tests.guard.corpus import read_policy

POLICY = read_policy()


@pytest.fixture(scope="session")
def guard() -> QueryGuard:
    """A guard that allows two datasets and no table function."""
    return QueryGuard(POLICY)
