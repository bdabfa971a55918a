"""The record of every job: its row in `query_runs`, and a line of the log that leads from its trace to its cost."""

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from shared.database.models.runs import QueryRun, RunStatus
from shared.database.repositories.query_runs import RunOutcome
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError, ErrorCode
from shared.telemetry.tracing import current_trace_id
from shared.warehouse.models.queries import DryRun, QueryOutcome, QueryRequest


class QueryRunLog:
    """Writes one row per job: when it starts, and how it ends."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def start(self, request: QueryRequest, plan: DryRun, cap_bytes: int, job_id: str) -> UUID:
        """Record a job about to start; the id names it in `succeed` and `fail`."""
        run = QueryRun(
            slug=request.slug,
            query_name=request.query_name,
            version=request.version,
            fingerprint=request.fingerprint or _digest(request),
            job_id=job_id,
            status=RunStatus.RUNNING,
            purpose=request.purpose.value,
            actor=request.actor,
            bytes_estimated=plan.bytes_estimated,
            cap_bytes=cap_bytes,
            referenced_tables=[{"table": str(table)} for table in plan.referenced_tables],
            trace_id=current_trace_id(),
            started_at=self._clock(),
        )
        with self._database.begin() as uow:
            return uow.query_runs.create_many([run])[0].id

    def succeed[R](self, run_id: UUID, outcome: QueryOutcome[R]) -> None:
        """Record that the job finished, with BigQuery's own numbers."""
        self._finish(
            RunOutcome(
                id=run_id,
                status=RunStatus.SUCCEEDED,
                finished_at=self._clock(),
                job_id=outcome.job.job_id,
                job_project=outcome.job.project,
                location=outcome.job.location,
                bytes_billed=outcome.receipt.bytes_billed,
                bytes_processed=outcome.job.bytes_processed,
                bytes_saved=outcome.receipt.bytes_saved,
                cache_hit=outcome.receipt.cache_hit,
                referenced_tables=[{"table": str(table)} for table in outcome.referenced_tables],
            )
        )

    def rename_job(self, run_id: UUID, job_id: str) -> None:
        """Record that the run goes on under another job id, before there is such a job."""
        with self._database.begin() as uow:
            uow.query_runs.rename_job(run_id, job_id)

    def fail(self, run_id: UUID, job_id: str, error: BaseException, billed: int | None) -> None:
        """Record that the job failed, or was cancelled at its deadline."""
        code = error.code if isinstance(error, AlmanacError) else ErrorCode.INTERNAL_ERROR
        cancelled = code is ErrorCode.WAREHOUSE_TIMEOUT
        self._finish(
            RunOutcome(
                id=run_id,
                status=RunStatus.CANCELLED if cancelled else RunStatus.FAILED,
                finished_at=self._clock(),
                job_id=job_id,
                bytes_billed=billed,
                error_code=code.value,
            )
        )

    def _finish(self, outcome: RunOutcome) -> None:
        with self._database.begin() as uow:
            uow.query_runs.finish_many([outcome])


def _digest(request: QueryRequest) -> str:
    content = [request.sql, [[p.name, p.type, p.value] for p in request.parameters], request.default_dataset]
    if request.time_zone:
        content.append(request.time_zone)
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


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
