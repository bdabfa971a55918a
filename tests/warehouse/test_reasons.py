"""Each reason that BigQuery documents: its class, its words, what to do, and whether it is tried again.

What BigQuery said in each case is known from answers that others published; the words here are shortened.
"""

import pytest
from google.api_core.exceptions import GoogleAPICallError, from_http_status

from shared.errors import ErrorCode
from shared.warehouse.bigquery.failures import is_retryable, translate_api_error
from shared.warehouse.bigquery.reasons import REASONS, find_reason

# https://cloud.google.com/bigquery/docs/error-messages, without bytesBilledLimitExceeded, which has its own numbers.
DOCUMENTED = {
    "accessDenied", "attributeError", "backendError", "badRequest", "billingNotEnabled", "billingTierLimitExceeded",
    "blocked", "duplicate", "internalError", "invalid", "invalidQuery", "invalidUser", "jobBackendError",
    "jobInternalError", "jobRateLimitExceeded", "notFound", "notImplemented", "policyViolation",
    "proxyAuthenticationRequired", "quotaExceeded", "rateLimitExceeded", "resourceInUse", "resourcesExceeded",
    "responseTooLarge", "stopped", "tableUnavailable", "timeout",
}  # fmt: skip
PAGE = "GET https://bigquery.googleapis.com/x: <!DOCTYPE html>\n<html><title>Error 502</title></html>"


def fail(status: int, reason: str, message: str) -> GoogleAPICallError:
    errors = [{"reason": reason, "message": message}] if reason else []
    return from_http_status(status, message, errors=errors)


def test_every_documented_reason_is_in_the_table() -> None:
    assert {reason.name for reason in REASONS} >= DOCUMENTED


@pytest.mark.parametrize(
    ("status", "reason", "message", "code", "remedy"),
    [
        (403, "responseTooLarge", "Response too large to return.", "PAYLOAD_TOO_LARGE", "LIMIT"),
        (
            403,
            "billingNotEnabled",
            "Billing has not been enabled.",
            "WAREHOUSE_UNAVAILABLE",
            "billing account",
        ),
        (
            403,
            "policyViolation",
            "Request is prohibited by policy.",
            "TABLE_NOT_ALLOWED",
            "VPC Service Controls",
        ),
        (
            403,
            "accessNotConfigured",
            "API has not been used.",
            "WAREHOUSE_UNAVAILABLE",
            "gcloud services enable",
        ),
        (
            403,
            "accessDenied",
            "API has not been used in project 1.",
            "WAREHOUSE_UNAVAILABLE",
            "gcloud services",
        ),
        (403, "accessDenied", "User lacks bigquery.jobs.create permission", "TABLE_NOT_ALLOWED", "Job User"),
        (
            403,
            "accessDenied",
            "no access to policy tag on columns a.b",
            "TABLE_NOT_ALLOWED",
            "Fine-Grained Reader",
        ),
        (403, "accessDenied", "Access Denied: Table p:d.t", "TABLE_NOT_ALLOWED", "read access"),
        (400, "resourcesExceeded", "Resources exceeded", "SQL_INVALID", "before joins"),
        (400, "billingTierLimitExceeded", "Query exceeded tier", "SQL_INVALID", "filter and aggregate"),
        (400, "invalidUser", "unknown account", "WAREHOUSE_UNAVAILABLE", "service account"),
        (501, "notImplemented", "not implemented", "SQL_INVALID", "without it"),
        (404, "notFound", "Not found: Table p:d.t", "SQL_INVALID", "Correct the name of the table"),
    ],
)
def test_a_reason_has_its_code_and_remedy(
    status: int, reason: str, message: str, code: str, remedy: str
) -> None:
    error = translate_api_error(fail(status, reason, message))
    assert error.code is ErrorCode(code)
    assert remedy in error.remediation
    assert message in error.message


def test_a_quota_of_a_day_is_not_asked_for_again_in_half_a_minute() -> None:
    daily = translate_api_error(
        fail(
            403,
            "quotaExceeded",
            "Custom quota exceeded: Your usage exceeded the custom quota for QueryUsagePerDay",
        )
    )
    short = translate_api_error(fail(403, "quotaExceeded", "Quota exceeded: too many concurrent queries"))
    assert (daily.code, daily.retry_after_seconds) == (ErrorCode.RATE_LIMITED, None)
    assert "midnight, Pacific Time" in daily.remediation
    assert (short.code, short.retry_after_seconds) == (ErrorCode.RATE_LIMITED, 30)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_page_of_the_front_end_is_busy_and_is_not_shown(status: int) -> None:
    failure = fail(status, "", PAGE)
    error = translate_api_error(failure)
    assert error.code is ErrorCode.WAREHOUSE_UNAVAILABLE
    assert error.message == f"Google's front end is busy (HTTP {status})."
    assert error.retry_after_seconds == 30
    assert is_retryable(failure)


@pytest.mark.parametrize(
    ("message", "position", "suggestion"),
    [
        ("Unrecognized name: carier; Did you mean carrier? at [1:8]", (1, 8), "carrier"),
        ("Function not found: CONUT; Did you mean count? at [2:3]", (2, 3), "count"),
        ("Unrecognized name: carier; Did you mean carrier?", None, "carrier"),
        ("Syntax error: Unexpected end of statement at [4:1]", (4, 1), None),
    ],
)
def test_position_and_name_meant_are_kept(
    message: str, position: tuple[int, int] | None, suggestion: str | None
) -> None:
    error = translate_api_error(fail(400, "invalidQuery", message))
    (detail,) = error.details
    assert detail.get("suggestion") == suggestion
    assert (detail.get("line"), detail.get("column")) == (position or (None, None))
    assert suggestion is None or error.remediation == f"Did you mean {suggestion}?"


def test_what_only_the_local_emulator_refuses_is_to_be_tried_against_bigquery() -> None:
    message = "BigQuery takes this query; the local emulator cannot run it: Unexpected token at [1:14]"
    error = translate_api_error(fail(400, "invalidQuery", message))
    assert (error.code, error.message) == (ErrorCode.SQL_INVALID, message)
    assert error.remediation is not None
    assert "try it at BigQuery (bq query --dry_run)" in error.remediation


def test_a_table_partitioned_by_ingestion_is_filtered_by_the_date() -> None:
    message = (
        "Cannot query over table 'p.d.t' without a filter over column(s) '_PARTITION_LOAD_TIME', "
        "'_PARTITIONDATE', '_PARTITIONTIME' that can be used for partition elimination"
    )
    error = translate_api_error(fail(400, "invalidQuery", message))
    assert error.remediation == "Filter on _PARTITIONDATE, the partitioning column of p.d.t."


@pytest.mark.parametrize("reason", sorted(DOCUMENTED))
def test_only_what_may_pass_is_tried_again(reason: str) -> None:
    passing = {"backendError", "internalError", "jobBackendError", "jobInternalError", "jobRateLimitExceeded"}
    found = find_reason([reason], 400, "it failed")
    assert found.call_again is (reason in {*passing, "rateLimitExceeded"})
    assert found.job_again is (reason in {*passing, "resourceInUse", "tableUnavailable"})
