"""The jobs that were started with our labels, as BigQuery lists them: 180 days of them.

https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/list; jobs of other accounts need bigquery.jobs.listAll.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.settings import Settings
from shared.warehouse.bigquery.clients import WarehouseClients
from shared.warehouse.bigquery.failures import make_retry, translated_failures
from shared.warehouse.bigquery.job_parts import APP, RESERVATION
from shared.warehouse.bigquery.jobs import bill_of
from shared.warehouse.models.bill import Bill

if TYPE_CHECKING:
    from google.cloud import bigquery


@dataclass(frozen=True)
class PastJob:
    """A job and what its labels say of it. `bill` is None while it runs; `failed_for` is BigQuery's reason.

    `user` is the hash that stands for who asked for it (`job_parts.hash_user`).
    """

    job_id: str
    project: str
    location: str | None
    reservation_id: UUID
    user: str
    slug: str | None
    query_name: str | None
    purpose: str
    trace_id: str | None
    sql: str
    created_at: datetime
    ended_at: datetime | None
    bill: Bill | None
    cap_bytes: int
    bytes_processed: int | None
    cache_hit: bool
    failed_for: str | None
    tables: tuple[str, ...]


class JobHistory:
    """Reads jobs.list."""

    def __init__(self, clients: WarehouseClients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def list_jobs(self, since: datetime) -> list[PastJob]:
        """The jobs of this environment that were created since then, the oldest first.

        Raises WarehouseUnavailableError, WarehouseTimeoutError, RateLimitedError, or ForbiddenError's kin where
        BigQuery does not let this account list the others' jobs.
        """
        with translated_failures("listing jobs"):
            return sorted(self._iterate(since), key=lambda one: one.created_at)

    def _iterate(self, since: datetime) -> Iterator[PastJob]:
        timeout = self._settings.warehouse_call_timeout_seconds
        listed = self._clients.rest.list_jobs(
            all_users=True, min_creation_time=since, retry=make_retry(timeout), timeout=timeout
        )
        ours = {"app": APP, "env": self._settings.environment.value}
        for job in listed:
            labels = job.labels or {}
            if job.job_type == "query" and ours.items() <= labels.items():
                reservation_id = _read_uuid(labels.get(RESERVATION, ""))
                if reservation_id is not None:
                    yield _read_job(job, labels, reservation_id)


def _read_job(job: "bigquery.QueryJob", labels: dict[str, str], reservation_id: UUID) -> PastJob:
    done = job.state == "DONE"
    error: dict[str, Any] = job.error_result or {}
    return PastJob(
        job_id=str(job.job_id), project=str(job.project), location=job.location, reservation_id=reservation_id,
        user=labels.get("user", ""), slug=labels.get("slug"), query_name=labels.get("query"),
        purpose=labels.get("purpose", ""), trace_id=labels.get("trace"), sql=job.query or "",
        created_at=job.created, ended_at=job.ended, bill=bill_of(job) if done else None,
        cap_bytes=int(job.maximum_bytes_billed or 0), bytes_processed=job.total_bytes_processed,
        cache_hit=bool(job.cache_hit), failed_for=str(error.get("reason")) if error else None,
        tables=tuple(str(table) for table in job.referenced_tables or ()),
    )  # fmt: skip


def _read_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
