"""Jobs that the BigQuery emulator had not ended when it was killed. They have failed."""

from collections.abc import Callable
from typing import Any

from local_bigquery.catalog import metadata
from local_bigquery.errors import STATUSES, BigQueryError
from local_bigquery.jobs import runner, store
from local_bigquery.models import Job, JobStatistics

# As BigQuery says it; the emulator knows no such reason.
REASON = "backendError"
STATUSES[REASON] = (503, "UNAVAILABLE")


def end_lost_jobs[**P](find: Callable[P, Any]) -> Callable[P, Any]:
    """The emulator's `find`, of one job or several, where those of a process before this one have ended."""
    began = int(metadata.now())

    def check(job: Job) -> Job:
        is_lost = job.status.state != "DONE" and int(job.statistics.creationTime) < began
        return _fail(job) if is_lost else job

    def find_ended(*given: P.args, **named: P.kwargs) -> Any:
        found = find(*given, **named)
        return [check(job) for job in found] if isinstance(found, list) else found and check(found)

    return find_ended


def _fail(job: Job) -> Job:
    error = BigQueryError(REASON, "The server ended while the job was running.")
    kind = job.configuration.jobType.lower()
    return store.save(runner._done(job, JobStatistics.model_validate({kind: {}}), error))
