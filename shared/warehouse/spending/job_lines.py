"""A line of the log for every job at BigQuery, so that its cost is found from a trace, and its trace from its cost."""

import logging

from shared.telemetry.tracing import current_trace_id
from shared.warehouse.models.queries import QueryRequest

_LOGGER = logging.getLogger(__name__)


def log_job(request: QueryRequest, job_id: str, outcome: str, bytes_billed: int | None) -> None:
    """Say how a job ended that this process started: `outcome` is `done` or an error's code.

    `bytes_billed` is None while BigQuery cannot say.
    """
    billed = "unknown bytes" if bytes_billed is None else f"{bytes_billed} bytes"
    fields = {
        "job_id": job_id,
        "bytes_billed": bytes_billed,
        "dashboard": request.slug,
        "query": request.query_name,
        "purpose": request.purpose.value,
        "trace_id": current_trace_id(),
    }
    _LOGGER.info("BigQuery job %s: %s, %s billed", job_id, outcome, billed, extra=fields)
