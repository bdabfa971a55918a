"""Asking the metering gate, through Google's client, what queries cost."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from google.cloud import bigquery as google_bigquery

from deploy.local.alone.bigquery import BigQueryServer

TIMEOUT_SECONDS = 60
MB = 1024**2


class Meter:
    """Queries through Google's client; every call has a deadline and none is retried."""

    def __init__(self, server: BigQueryServer) -> None:
        self.server = server
        self.client = server.client()

    def dry_run(self, sql: str, *parameters: Any, **options: Any) -> google_bigquery.QueryJob:
        """A dry run that does not look into the query cache."""
        config = google_bigquery.QueryJobConfig(
            dry_run=True, use_query_cache=False, query_parameters=list(parameters), **options
        )
        return self.client.query(sql, config, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)

    def bytes_of(self, sql: str, *parameters: Any, **options: Any) -> int:
        """The bytes a query would process."""
        return int(self.dry_run(sql, *parameters, **options).total_bytes_processed)

    def run(self, sql: str, **options: Any) -> google_bigquery.QueryJob:
        """Run a query, by default without the query cache, and wait for it."""
        config = google_bigquery.QueryJobConfig(**{"use_query_cache": False, **options})
        job = self.client.query(sql, config, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
        job.result(timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
        job.reload(timeout=TIMEOUT_SECONDS, retry=None)
        return job

    def run_all(self, statements: Sequence[str]) -> None:
        """Run statements one after the other."""
        for statement in statements:
            self.run(statement)


@pytest.fixture(scope="session")
def meter(bigquery: BigQueryServer) -> Meter:
    """A meter on the session's emulator and gate."""
    return Meter(bigquery)


@pytest.fixture(scope="module")
def dataset(meter: Meter, request: pytest.FixtureRequest) -> str:
    """A dataset of the test module's own."""
    name = request.module.__name__.rpartition(".")[2]
    meter.client.create_dataset(name, exists_ok=True, timeout=TIMEOUT_SECONDS)
    return name


@pytest.fixture
def scratch(meter: Meter, dataset: str, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes a table for one test: `scratch("SELECT 1 AS x")` answers its name."""

    def create(select: str, suffix: str = "") -> str:
        name = f"{dataset}.{request.node.originalname}{suffix}"
        meter.run(f"CREATE OR REPLACE TABLE {name} AS {select}")
        return name

    return create
