"""The policy that the guard's tests share."""

import pytest

from shared.warehouse.guard.guard import GuardPolicy, QueryGuard

POLICY = GuardPolicy(project="proj", allowed_datasets=["nyc", "other-proj.pub"])


@pytest.fixture(scope="session")
def guard() -> QueryGuard:
    """A guard that allows two datasets and no table function."""
    return QueryGuard(POLICY)
