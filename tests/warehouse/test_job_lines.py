"""The line of the log that every job leaves."""

import logging

import pytest

from shared.container import Container
from shared.errors import AlmanacError, BytesLimitExceededError
from shared.telemetry.tracing import start_span
from shared.warehouse.models.queries import QueryRequest
from tests.fixtures.containers import restart_with

MB = 10**6


def run(container: Container, caplog: pytest.LogCaptureFixture, sql: str) -> tuple[object, list[dict]]:
    """The answer, and the fields of the lines about jobs."""
    request = QueryRequest(
        sql, default_dataset="shop", actor="ana@example.com", slug="shop", query_name="names"
    )
    caplog.clear()
    with caplog.at_level(logging.INFO), start_span("sql.run"):
        (answer,) = container.warehouse.run_queries([request])
    lines = [vars(record) for record in caplog.records if record.getMessage().startswith("BigQuery job ")]
    return answer, lines


def test_a_job_says_what_it_was_and_what_it_billed(
    warehouse: Container, caplog: pytest.LogCaptureFixture
) -> None:
    answer, (line,) = run(warehouse, caplog, "SELECT id FROM people")
    assert not isinstance(answer, AlmanacError)
    assert (line["job_id"], line["bytes_billed"]) == (answer.job.job_id, 10 * 2**20)
    assert (line["dashboard"], line["query"]) == ("shop", "names")
    assert len(line["trace_id"]) == 32
    assert line["message"] == f"BigQuery job {answer.job.job_id}: done, {10 * 2**20} bytes billed"


def test_a_job_that_fails_says_with_what(warehouse: Container, caplog: pytest.LogCaptureFixture) -> None:
    answer, (line,) = run(warehouse, caplog, "SELECT ERROR('no such thing') FROM people")
    assert isinstance(answer, AlmanacError)
    assert answer.failed_job is not None
    assert line["job_id"] == answer.failed_job.job_id
    assert answer.code in line["message"]


def test_what_is_refused_before_it_runs_is_no_job(
    warehouse: Container, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse = restart_with(warehouse, max_bytes_per_query=1)
    answer, lines = run(warehouse, caplog, "SELECT id FROM people")
    assert isinstance(answer, BytesLimitExceededError)
    assert lines == []
