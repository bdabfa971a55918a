"""What the real BigQuery answered others, read by Google's client and by us.

Each row of "Answers of the real BigQuery", and the tests that hold it:

| answer | tests |
|---|---|
| no bytes (row-level security) | tests/warehouse/test_hidden_bytes.py::test_a_table_with_row_level_security_reserves_and_settles_the_whole_cap, tests/warehouse/test_recorded_answers.py::test_bytes_that_are_not_told_are_unknown |
| never watchable | tests/functions/test_sources_that_go.py::test_is_said_of_external_tables_and_of_those_with_row_level_security |
| LOWER_BOUND, UNKNOWN | tests/warehouse/test_hidden_bytes.py::test_an_estimate_that_is_no_bound_reserves_the_cap_and_settles_what_is_billed, tests/warehouse/test_recorded_answers.py::test_an_estimate_of_nothing_is_told_apart_from_no_estimate |
| "Did you mean", with its place | tests/warehouse/test_hidden_bytes.py::test_a_name_bigquery_does_not_know_keeps_its_place_and_what_was_meant, tests/functions/test_at_google.py::test_what_was_meant_stands_at_the_line_of_the_file |
| jobInternalError, jobBackendError, backendError on a job that is done | tests/warehouse/test_misbehaving_bigquery.py::test_a_job_that_failed_inside_google_is_tried_once_more_under_a_new_id |
| reasons of 403 | tests/warehouse/test_reasons.py::test_a_reason_has_its_code_and_remedy, tests/warehouse/test_reasons.py::test_a_quota_of_a_day_is_not_asked_for_again_in_half_a_minute |
| _PARTITION_LOAD_TIME | tests/warehouse/test_reasons.py::test_a_table_partitioned_by_ingestion_is_filtered_by_the_date |
| 503 on a poll | tests/warehouse/test_misbehaving_bigquery.py::test_a_poll_that_fails_for_longer_than_a_call_may_take_leaves_the_job_running |
| a job older than its result | tests/warehouse/test_contract.py::test_a_job_whose_result_is_no_longer_kept_is_passed_by |
| a wildcard is one table | tests/functions/test_at_google.py::test_a_wildcard_is_one_table_in_plan_and_lineage, tests/functions/test_sources_that_go.py::test_is_watched_over_the_tables_it_stands_for |
| bytes processed, billed, required | tests/warehouse/test_recorded_answers.py::test_bills_are_rounded_as_google_rounds_them |
| HTML of the front end | tests/warehouse/test_misbehaving_bigquery.py::test_what_bigquery_documents_as_transient_is_tried_again, tests/warehouse/test_reasons.py::test_a_page_of_the_front_end_is_busy_and_is_not_shown, tests/cli/test_busy.py::test_a_read_is_tried_again, tests/pages/test_dashboard_pages.py::test_reads_are_tried_again_while_a_front_end_is_busy |
| traceparent with flag 00 | tests/telemetry/test_tracing.py::test_a_request_that_asks_for_no_spans_leaves_them_when_it_was_worth_it, tests/warehouse/test_job_lines.py::test_a_job_says_what_it_was_and_what_it_billed |
"""  # noqa: E501 - a table's rows are lines

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests
from google.api_core.exceptions import from_http_response
from google.cloud.bigquery import Client, QueryJob

from deploy.checks.discovery import load_api
from deploy.local.parts import REPOSITORY
from shared.errors import ErrorCode
from shared.warehouse.bigquery.failures import translate_api_error
from shared.warehouse.bigquery.jobs import bill_of, read_estimate
from shared.warehouse.bigquery.results import to_table_refs
from shared.warehouse.models.bill import Accuracy, Bill
from shared.warehouse.spending.pricing import bound_billing, expect_billing
from tests.warehouse import recorded

JOBS = {name: job for name, job in vars(recorded).items() if name.startswith(("DRY_RUN", "JOB"))}


def read_job(job: dict[str, Any]) -> QueryJob:
    return QueryJob.from_api_repr(job, cast("Client", SimpleNamespace(project="acme", location="US")))


def test_every_test_of_the_table_is_there() -> None:
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", str(__doc__))
    assert len(named) > 15
    for path, test in named:
        assert f"def {test}(" in (REPOSITORY / path).read_text(encoding="utf-8"), f"{path}::{test}"


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_recording_is_an_answer_that_google_knows(name: str) -> None:
    assert list(load_api("bigquery", "v2").find_faults("Job", JOBS[name])) == []


def test_bytes_that_are_not_told_are_unknown() -> None:
    plan = read_job(recorded.DRY_RUN_WITH_ROW_LEVEL_SECURITY)
    assert read_estimate(plan) == (None, Accuracy.UNKNOWN)
    assert bill_of(read_job(recorded.JOB_WITH_ROW_LEVEL_SECURITY)) == Bill(None)


def test_an_estimate_of_nothing_is_told_apart_from_no_estimate() -> None:
    assert read_estimate(read_job(recorded.DRY_RUN_OF_UNKNOWN)) == (None, Accuracy.UNKNOWN)
    estimate = read_estimate(read_job(recorded.DRY_RUN_OF_EXTERNAL_TABLE))
    assert estimate == (0, Accuracy.LOWER_BOUND)
    for count, accuracy in ((None, Accuracy.UNKNOWN), estimate):
        assert bound_billing(10**9, count, 1, uses_wildcard=False, accuracy=accuracy) == 10**9


def test_a_wildcard_is_listed_once_and_takes_the_whole_cap() -> None:
    (table,) = to_table_refs(read_job(recorded.DRY_RUN_OF_WILDCARD))
    assert (str(table), table.is_wildcard) == ("acme.shop.telemetry_*", True)


def test_an_answer_from_the_cache_bills_nothing_and_names_no_table() -> None:
    job = read_job(recorded.JOB_FROM_THE_CACHE)
    assert (bill_of(job), job.cache_hit, to_table_refs(job)) == (Bill(0), True, ())


def test_bills_are_rounded_as_google_rounds_them() -> None:
    job = read_job(recorded.JOB_OF_ONE_TABLE)
    assert expect_billing(job.total_bytes_processed, 1) == bill_of(job).byte_count == 111_149_056
    assert expect_billing(163_595_928, 13) == 164_626_432


@pytest.mark.parametrize(
    ("body", "code", "remedy"),
    recorded.ERRORS,
    ids=lambda one: one["error"]["errors"][0]["reason"] if isinstance(one, dict) else "",
)
def test_an_error_has_its_code_and_remedy(body: dict[str, Any], code: str, remedy: str) -> None:
    response = requests.Response()
    response.status_code = body["error"]["code"]
    response.json = lambda **_: body  # type: ignore[method-assign]
    response.request = requests.Request("GET", "https://bigquery.googleapis.com/x").prepare()
    error = translate_api_error(from_http_response(response))
    assert error.code is ErrorCode(code)
    assert remedy in error.remediation
    assert body["error"]["message"] in error.message
