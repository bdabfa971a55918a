"""BigQuery as Google plays it."""

import copy
from collections.abc import Iterator

import pytest

from shared.container import Container
from shared.settings import Environment, Settings
from tests.fixtures.bigquery import BigQueryServer
from tests.warehouse.google_shape import GoogleShape
from tests.warehouse.misbehaving import MisbehavingServer


@pytest.fixture
def google(bigquery: BigQueryServer) -> Iterator[MisbehavingServer]:
    """Between the service and BigQuery: answers are as Google's, and every body is one that Google knows."""
    shape = GoogleShape(names=["id", "name", "day"])
    with MisbehavingServer(bigquery.endpoint, shape).running() as running:
        yield running
    assert shape.faults == []


@pytest.fixture
def at_google(settings: Settings, google: MisbehavingServer) -> Iterator[Container]:
    """A container that reaches BigQuery as Google plays it."""
    # Job ids carry the environment's name: the tests that run on the gate as it is have used those of `local`.
    built = Container(
        copy.replace(settings, bigquery_endpoint=google.endpoint, environment=Environment.STAGING)
    )
    yield built
    built.warehouse_clients.rest.close()
    built.database.dispose()
