"""Writing a receipt into the answers that BigQuery puts it in."""

from collections.abc import Mapping
from typing import Any

from deploy.local.gate.billing import Outcome, Receipt
from deploy.local.gate.ledger import now_ms

LIMIT_EXCEEDED = "bytesBilledLimitExceeded"


def billed_bytes(job: Mapping[str, Any], receipt: Receipt) -> int:
    """What a finished job is charged: nothing when it failed, everything when it was cancelled."""
    error = (job.get("status") or {}).get("errorResult")
    return 0 if error and error.get("reason") != "stopped" else receipt.billed


def fill_job(job: dict[str, Any], receipt: Receipt) -> None:
    """Put the account into a Job resource, once it is done."""
    if (job.get("status") or {}).get("state") != "DONE" or receipt.outcome is Outcome.REFUSED:
        return
    statistics = job.setdefault("statistics", {})
    query = statistics.setdefault("query", {})
    statistics["totalBytesProcessed"] = query["totalBytesProcessed"] = str(receipt.processed)
    query["totalBytesBilled"] = str(billed_bytes(job, receipt))
    query["cacheHit"] = receipt.cache_hit
    _fill_tables(query, receipt)


def fill_dry_run(job: dict[str, Any], receipt: Receipt) -> None:
    """Put the estimate into the Job resource of a dry run, which is never charged."""
    statistics = job.setdefault("statistics", {})
    query = statistics.setdefault("query", {})
    statistics["totalBytesProcessed"] = query["totalBytesProcessed"] = str(receipt.processed)
    query |= {
        "totalBytesBilled": "0",
        "cacheHit": receipt.cache_hit,
        "totalBytesProcessedAccuracy": str(receipt.accuracy),
    }
    _fill_tables(query, receipt)


def fill_results(answer: dict[str, Any], receipt: Receipt, *, dry_run: bool = False) -> None:
    """Put the account into the answer of jobs.query or jobs.getQueryResults, once the job is complete."""
    answer.pop("statementType", None)  # only the Job resource has it
    if answer.get("jobComplete"):
        answer["totalBytesProcessed"] = str(receipt.processed)
        answer["cacheHit"] = receipt.cache_hit
        if "totalBytesBilled" in answer and not dry_run:
            answer["totalBytesBilled"] = str(receipt.billed)


def _fill_tables(query: dict[str, Any], receipt: Receipt) -> None:
    """BigQuery lists the tables below views, not the views; the emulator lists what is written, if anything."""
    if receipt.referenced:
        query["referencedTables"] = [name.to_rest() for name in receipt.referenced]


def refused_job(project: str, job_id: str, configuration: Mapping[str, Any], message: str) -> dict[str, Any]:
    """The Job resource of a query that failed before it ran, because of its maximumBytesBilled."""
    error = {"reason": LIMIT_EXCEEDED, "message": message}
    moment = str(now_ms())
    return {
        "kind": "bigquery#job",
        "id": f"{project}:US.{job_id}",
        "selfLink": f"/bigquery/v2/projects/{project}/jobs/{job_id}?location=US",
        "jobReference": {"projectId": project, "jobId": job_id, "location": "US"},
        "configuration": {**configuration, "jobType": "QUERY"},
        "status": {"state": "DONE", "errorResult": error, "errors": [error]},
        "statistics": {
            "creationTime": moment,
            "startTime": moment,
            "endTime": moment,
            "totalBytesProcessed": "0",
            "query": {
                "totalBytesProcessed": "0",
                "totalBytesBilled": "0",
                "cacheHit": False,
                "statementType": "SELECT",
            },
        },
    }
