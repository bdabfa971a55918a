"""Dry runs and query jobs at BigQuery, each inside one deadline."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID, uuid4

from shared.errors import AlmanacError, RateLimitedError, WarehouseTimeoutError, WarehouseUnavailableError
from shared.settings import Environment, Settings
from shared.telemetry.tail import JOB_ID
from shared.telemetry.tracing import start_span
from shared.warehouse.bigquery.clients import WarehouseClients
from shared.warehouse.bigquery.failures import UNAVAILABLE_DEADLINE_SECONDS, make_retry, translated_failures
from shared.warehouse.bigquery.job_parts import RESERVATION, to_bigquery_parameters
from shared.warehouse.bigquery.reasons import find_reason
from shared.warehouse.models.bill import Accuracy, Bill
from shared.warehouse.models.queries import QueryRequest

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud import bigquery
    from google.cloud.bigquery.table import RowIterator

_LOGGER = logging.getLogger(__name__)


_FIRST_POLL_SECONDS = 0.02
_LONGEST_POLL_SECONDS = 0.5
# A result is kept for about 24 hours: https://cloud.google.com/bigquery/docs/cached-results. Reading it takes a while.
_RESULT_LIFETIME = timedelta(hours=23)


@dataclass(frozen=True)
class StartedJob:
    """A job at BigQuery; `attached` when another worker started it, and pays for it.

    `deadline` is on the clock of `time.monotonic`.
    """

    job: "bigquery.QueryJob"
    attached: bool
    deadline: float


class JobRunner:
    """Starts, attaches to, waits for and cancels jobs."""

    def __init__(self, clients: WarehouseClients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def dry_run(self, request: QueryRequest) -> "bigquery.QueryJob":
        """The job BigQuery would run: schema, referenced tables, bytes. Costs nothing."""

        config = self._configure(request)
        config.dry_run = True
        # A dry run that may be answered from the cache reports 0 bytes, which is no estimate.
        config.use_query_cache = False

        def plan(retry: "Retry", timeout: float) -> "bigquery.QueryJob":
            return self._clients.rest.query(
                request.sql, job_config=config, retry=retry, job_retry=None, timeout=timeout
            )

        with start_span("bigquery.dry_run", {"db.system": "bigquery"}):
            return self._clients.quick.ask("planning a query", plan)

    def start(
        self, request: QueryRequest, job_id: str, max_bytes_billed: int, labels: Mapping[str, str]
    ) -> StartedJob | None:
        """Start the query's job, or attach to the one another worker started for it.

        None when the id belongs to a job that is no answer to this request: it was created before
        `newer_than`, or it is over and has no rows, or had them so long ago that BigQuery may not keep them.
        """
        config = self._configure(request)
        # 0 would mean no bound at all.
        config.maximum_bytes_billed = max(1, max_bytes_billed)
        config.use_query_cache = True
        config.labels = dict(labels)
        config.job_timeout_ms = int(self._settings.warehouse_timeout_seconds * 1000)
        attributes = {"db.system": "bigquery", JOB_ID: job_id}
        with start_span("bigquery.start", attributes), translated_failures("starting a query"):
            return self._start_or_attach(request, config, job_id)

    def wait(self, started: StartedJob) -> "RowIterator":
        """The finished job's rows.

        Raises WarehouseTimeoutError at the job's deadline. A job that nobody waits for any more is cancelled,
        unless it is another worker's.
        """
        job = started.job
        try:
            with (
                start_span("bigquery.wait", {"db.system": "bigquery"}),
                translated_failures("waiting for a query"),
            ):
                return self._poll(started)
        except (WarehouseTimeoutError, WarehouseUnavailableError):
            if not started.attached and not job.done(reload=False):
                self.cancel(str(job.job_id))
            if time.monotonic() >= started.deadline:
                seconds = self._settings.warehouse_timeout_seconds
                raise WarehouseTimeoutError(
                    f"The query did not finish within {seconds:g} s; job {job.job_id} is given up."
                ) from None
            raise

    def read_bill(self, job: "bigquery.QueryJob") -> Bill | None:
        """What a job that failed or was cancelled billed; None when BigQuery cannot say within seconds."""
        timeout = self._settings.warehouse_metadata_timeout_seconds
        deadline = time.monotonic() + UNAVAILABLE_DEADLINE_SECONDS
        try:
            with translated_failures("reading a job"):
                job.reload(retry=make_retry(timeout), timeout=timeout)
                # A cancelled job takes a moment to end.
                while not job.done(reload=False) and time.monotonic() < deadline:
                    time.sleep(_FIRST_POLL_SECONDS * 5)
                    job.reload(retry=make_retry(timeout), timeout=timeout)
        except AlmanacError:
            _LOGGER.warning("The billed bytes of job %s could not be read", job.job_id)
            return None
        return bill_of(job) if job.done(reload=False) else None

    def find_bill(self, job_id: str, reservation_id: UUID) -> Bill | None:
        """What the job `job_id` billed to a reservation that is over; None when nobody can say yet.

        Nothing when there is no such job, or another reservation started it. One that still runs is cancelled:
        whoever waited for it is gone. Raises WarehouseUnavailableError, WarehouseTimeoutError or RateLimitedError
        when BigQuery has no answer for anybody.
        """
        from google.api_core.exceptions import NotFound

        timeout = self._settings.warehouse_metadata_timeout_seconds
        try:
            with translated_failures("reading a job"):
                job = self._clients.rest.get_job(job_id, retry=make_retry(timeout), timeout=timeout)
        except (WarehouseUnavailableError, WarehouseTimeoutError, RateLimitedError):
            raise
        except AlmanacError as error:
            if isinstance(error.__cause__, NotFound):
                return Bill(0)
            # Every function has an account of its own, and BigQuery lets an account see its own jobs alone: here
            # the right is missing that deploy/terraform gives for this.
            _LOGGER.warning("Job %s could not be read, its cost stays reserved: %s", job_id, error.message)
            return None
        if (job.labels or {}).get(RESERVATION) != reservation_id.hex:
            return Bill(0)
        if not job.done(reload=False):
            self.cancel(job_id)
            return None
        return bill_of(cast("bigquery.QueryJob", job))

    def cancel(self, job_id: str) -> None:
        """Ask BigQuery to stop a job, so that nobody pays for an answer nobody waits for.

        That it cannot be asked is logged and no more: the job ends at its own timeout.
        """
        timeout = self._settings.warehouse_metadata_timeout_seconds
        try:
            with translated_failures("cancelling a query"):
                self._clients.rest.cancel_job(job_id, retry=make_retry(timeout), timeout=timeout)
        except AlmanacError as error:
            _LOGGER.warning("Job %s could not be cancelled: %s", job_id, error.message)

    def _start_or_attach(
        self, request: QueryRequest, config: "bigquery.QueryJobConfig", job_id: str
    ) -> StartedJob | None:
        from google.api_core.exceptions import Conflict

        client, timeout = self._clients.rest, self._settings.warehouse_call_timeout_seconds
        deadline = time.monotonic() + self._settings.warehouse_timeout_seconds
        try:
            job: bigquery.QueryJob = client.query(
                request.sql, job_config=config, job_id=job_id, retry=make_retry(timeout), job_retry=None,
                timeout=timeout,
            )  # fmt: skip
        except Conflict:
            # Same fingerprint, same attempt: the job is paid for already, and its answer is ours too. The label
            # says by whom: after a lost answer the one who sent it before is ourselves.
            found = cast(
                "bigquery.QueryJob", client.get_job(job_id, retry=make_retry(timeout), timeout=timeout)
            )
            if (found.labels or {}).get(RESERVATION) == config.labels[RESERVATION]:
                return StartedJob(found, False, deadline)
            return StartedJob(found, True, deadline) if _may_answer(found, request) else None
        return StartedJob(job, False, deadline)

    def _poll(self, started: StartedJob) -> "RowIterator":
        """Ask until the job is done: `QueryJob.result` alone looks at its timeout only between long calls."""
        call_timeout = self._settings.warehouse_call_timeout_seconds
        pause = _FIRST_POLL_SECONDS
        while not self._is_done(started):
            time.sleep(min(pause, max(0.0, started.deadline - time.monotonic())))
            pause = min(2 * pause, _LONGEST_POLL_SECONDS)
        return started.job.result(retry=make_retry(call_timeout), job_retry=None, timeout=call_timeout)

    def _is_done(self, started: StartedJob) -> bool:
        """Whether the job ended. A poll without an answer says nothing of the job: it runs on and is paid for.

        Raises TimeoutError beyond the job's deadline.
        """
        timeout = self._clip(started)
        try:
            with translated_failures("waiting for a query"):
                return bool(started.job.done(retry=make_retry(timeout), timeout=timeout))
        except (WarehouseUnavailableError, WarehouseTimeoutError, RateLimitedError) as error:
            _LOGGER.warning("Job %s is asked for again: %s", started.job.job_id, error.message)
            return False

    def _clip(self, started: StartedJob) -> float:
        """The timeout of the next call, inside the job's deadline. Raises TimeoutError beyond it."""
        left = started.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, self._settings.warehouse_call_timeout_seconds)

    def _configure(self, request: QueryRequest) -> "bigquery.QueryJobConfig":
        from google.cloud import bigquery

        config = bigquery.QueryJobConfig()
        config.query_parameters = to_bigquery_parameters(request.parameters)
        if request.default_dataset:
            config.default_dataset = qualify_dataset(
                request.default_dataset, self._settings.google_cloud_project
            )
        if request.time_zone:
            config.connection_properties = [bigquery.ConnectionProperty("time_zone", request.time_zone)]
        return config


def make_job_id(request: QueryRequest, environment: Environment) -> str:
    """Deterministic per fingerprint and attempt, so that a second worker attaches instead of paying twice.

    Environments may share a project, where an id is given once: letters, digits, dashes and underscores, at most
    1,024 of them (https://cloud.google.com/bigquery/docs/reference/rest/v2/JobReference).
    """
    if request.fingerprint is None:
        return f"almanac_{environment}_{request.purpose}_{uuid4().hex}"
    return f"almanac_{environment}_{request.fingerprint[:40]}_{request.attempt}"


def read_estimate(job: "bigquery.QueryJob") -> tuple[int | None, Accuracy]:
    """The bytes a dry run says the query processes, and how exact that is; no bytes are unknown, not 0.

    Google's client has no name for the accuracy (JobStatistics2.totalBytesProcessedAccuracy).
    """
    count = job.total_bytes_processed
    if count is None:
        return None, Accuracy.UNKNOWN
    statistics = job._properties.get("statistics") or {}
    said = (statistics.get("query") or {}).get("totalBytesProcessedAccuracy") or Accuracy.PRECISE
    accuracy = Accuracy(said) if said in list(Accuracy) else Accuracy.UNKNOWN
    return (None if accuracy is Accuracy.UNKNOWN else int(count)), accuracy


def bill_of(job: "bigquery.QueryJob") -> Bill:
    """What a job that is over billed. One that failed of itself is not charged, whether BigQuery says so or not.

    Source: https://cloud.google.com/bigquery/pricing#on_demand_pricing; one that was cancelled may be charged.
    """
    billed = job.total_bytes_billed
    if billed is not None:
        return Bill(int(billed))
    failure = job.error_result
    return Bill(0) if failure is not None and failure.get("reason") != "stopped" else Bill(None)


def failed_inside_google(job: "bigquery.QueryJob") -> bool:
    """True for a job that is over, failed, and may do better under a new id: the fault was not the query's."""
    failure = job.error_result
    if failure is None:
        return False
    return find_reason([str(failure.get("reason"))], 0, str(failure.get("message"))).job_again


def _may_answer(found: "bigquery.QueryJob", request: QueryRequest) -> bool:
    """True when another worker's job read what this request wants to know, or is about to."""
    if found.error_result is not None:
        return False  # it failed before we came, perhaps only because its worker died and it was cancelled
    if found.ended is not None and datetime.now(UTC) - found.ended > _RESULT_LIFETIME:
        return False
    return request.newer_than is None or (found.created is not None and found.created > request.newer_than)


def qualify_dataset(dataset: str, project: str) -> str:
    """`project.dataset` for a dataset that may lack its project."""
    return dataset if "." in dataset else f"{project}.{dataset}"
