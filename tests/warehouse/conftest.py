"""The warehouse's tests run on the gate as it is, and on BigQuery as Google plays it."""

import pytest

from shared.container import Container


@pytest.fixture(params=["gate", "google"])
def warehouse(request: pytest.FixtureRequest, programs: None) -> Container:
    """Every service, on the gate as it is and on BigQuery as Google plays it."""
    name = {"gate": "container", "google": "at_google"}[request.param]
    built: Container = request.getfixturevalue(name)
    return built
