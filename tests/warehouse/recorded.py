"""Answers of the real BigQuery, told again: the fields that matter and their values, from what others published.

Where each was seen stands beside it. Names of projects and tables are ours; texts are shortened.
"""

from typing import Any


def _job(statistics: dict[str, Any], query: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    configuration: dict[str, Any] = {"query": {"query": "SELECT 1"}, "jobType": "QUERY"}
    if dry_run:
        configuration["dryRun"] = True
    return {
        "kind": "bigquery#job",
        "jobReference": {"projectId": "acme", "jobId": "job_1", "location": "US"},
        "configuration": configuration,
        "status": {"state": "DONE"},
        "statistics": {**statistics, "query": {"statementType": "SELECT", **query}},
    }


def _table(name: str) -> dict[str, str]:
    return {"projectId": "acme", "datasetId": "shop", "tableId": name}


# https://cloud.google.com/bigquery/docs/best-practices-row-level-security#limit-side-channel: no bytes are told.
DRY_RUN_WITH_ROW_LEVEL_SECURITY = _job({}, {"referencedTables": [_table("salaries")]}, dry_run=True)
JOB_WITH_ROW_LEVEL_SECURITY = _job(
    {"totalSlotMs": "1200"}, {"cacheHit": False, "referencedTables": [_table("salaries")]}
)
# github.com/ashish10alex/vscode-dataform-tools/pull/352: what cannot be told before has 0 bytes, which is no estimate.
DRY_RUN_OF_UNKNOWN = _job(
    {"totalBytesProcessed": "0"},
    {"totalBytesProcessed": "0", "totalBytesProcessedAccuracy": "UNKNOWN"},
    dry_run=True,
)
# https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatistics2: of an external table, the least.
DRY_RUN_OF_EXTERNAL_TABLE = _job(
    {"totalBytesProcessed": "0"},
    {
        "totalBytesProcessed": "0",
        "totalBytesProcessedAccuracy": "LOWER_BOUND",
        "referencedTables": [_table("sheet")],
    },
    dry_run=True,
)
DRY_RUN_OF_WILDCARD = _job(
    {"totalBytesProcessed": "110355534"},
    {
        "totalBytesProcessed": "110355534",
        "totalBytesProcessedAccuracy": "PRECISE",
        "referencedTables": [_table("telemetry_*")],
    },
    dry_run=True,
)
JOB_OF_ONE_TABLE = _job(
    {"totalBytesProcessed": "110355534", "totalSlotMs": "2000"},
    {
        "totalBytesProcessed": "110355534",
        "totalBytesBilled": "111149056",
        "cacheHit": False,
        "referencedTables": [_table("telemetry_*")],
    },
)
# github.com/amundsen-io/amundsendatabuilder/pull/48: an answer from the cache names no table.
JOB_FROM_THE_CACHE = _job(
    {"totalBytesProcessed": "0"}, {"totalBytesProcessed": "0", "totalBytesBilled": "0", "cacheHit": True}
)


def _error(code: int, reason: str, message: str) -> dict[str, Any]:
    one = {"domain": "global", "reason": reason, "message": message}
    return {"error": {"code": code, "message": message, "errors": [one]}}


# Body, our code, and what the remedy has to speak of.
ERRORS = (
    # github.com/GoogleCloudPlatform/DataflowPythonSDK/issues/18
    (_error(403, "responseTooLarge", "Response too large to return."), "PAYLOAD_TOO_LARGE", "LIMIT"),
    # github.com/googleapis/google-cloud-php/issues/907
    (_error(404, "notFound", "Not found: Job acme:job_1"), "SQL_INVALID", ""),
    (
        _error(400, "invalidQuery", "Unrecognized name: carier; Did you mean carrier? at [1:8]"),
        "SQL_INVALID",
        "Did you mean carrier?",
    ),
    (
        _error(
            400,
            "invalidQuery",
            "Cannot query over table 'acme.shop.rides' without a filter over column(s) '_PARTITION_LOAD_TIME', "
            "'_PARTITIONDATE', '_PARTITIONTIME' that can be used for partition elimination",
        ),
        "SQL_INVALID",
        "Filter on _PARTITIONDATE",
    ),
    (_error(400, "jobInternalError", "An internal error occurred."), "WAREHOUSE_UNAVAILABLE", ""),
    (_error(400, "jobBackendError", "The job encountered an error."), "WAREHOUSE_UNAVAILABLE", ""),
    (_error(503, "backendError", "Visibility check was unavailable."), "WAREHOUSE_UNAVAILABLE", ""),
    (
        _error(403, "quotaExceeded", "Quota exceeded: exceeded quota for free query bytes scanned per day"),
        "RATE_LIMITED",
        "midnight",
    ),
    (
        _error(403, "accessDenied", "User has neither fine-grained reader nor masked get permission"),
        "TABLE_NOT_ALLOWED",
        "Fine-Grained Reader",
    ),
    (_error(403, "billingNotEnabled", "Billing has not been enabled"), "WAREHOUSE_UNAVAILABLE", "billing"),
    (_error(403, "policyViolation", "VPC Service Controls: prohibited"), "TABLE_NOT_ALLOWED", "VPC"),
    (_error(403, "accessNotConfigured", "API has not been used"), "WAREHOUSE_UNAVAILABLE", "gcloud"),
    (
        _error(
            400,
            "bytesBilledLimitExceeded",
            "Query exceeded limit for bytes billed: 163595928. 164626432 or higher required.",
        ),
        "BYTES_LIMIT_EXCEEDED",
        "",
    ),
)
