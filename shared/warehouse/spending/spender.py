"""One query from its cap to its settlement: what it reserves, what it bills, who pays."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from shared.errors import AlmanacError, ErrorCode, FailedJob, WarehouseTimeoutError, WarehouseUnavailableError
from shared.settings import Settings
from shared.telemetry.tracing import start_span
from shared.warehouse.bigquery.failures import translated_failures
from shared.warehouse.bigquery.job_parts import RunningJobs, make_labels
from shared.warehouse.bigquery.jobs import JobRunner, StartedJob, bill_of, failed_inside_google, make_job_id
from shared.warehouse.bigquery.results import to_output_fields, to_table_refs
from shared.warehouse.models.bill import Bill
from shared.warehouse.models.queries import DryRun, JobMetadata, QueryOutcome, QueryRequest, ReadBounds
from shared.warehouse.spending.budgets import BudgetService, Reservation
from shared.warehouse.spending.pricing import make_receipt
from shared.warehouse.spending.run_log import QueryRunLog, log_job

if TYPE_CHECKING:
    from google.cloud import bigquery
    from google.cloud.bigquery.table import RowIterator

type RowsReader[R] = Callable[["bigquery.QueryJob", "RowIterator", ReadBounds], R]
"""What makes of a finished job's rows the result that is wanted of them."""


class QuerySpender[R]:
    """Reserves, runs, settles and records one planned query; `read` makes the result of its rows."""

    def __init__(
        self,
        settings: Settings,
        runner: JobRunner,
        budgets: BudgetService,
        run_log: QueryRunLog,
        read: RowsReader[R],
    ) -> None:
        self._settings = settings
        self._runner = runner
        self._budgets = budgets
        self._run_log = run_log
        self._read = read

    def run(self, request: QueryRequest, plan: DryRun, running: RunningJobs) -> QueryOutcome[R]:
        """The query's answer and receipt. What it billed is settled, also when it fails.

        Raises BudgetExceededError when a budget has no room, and what BigQuery refuses or fails with.
        """
        job_id = make_job_id(request, self._settings.environment)
        reservation = self._budgets.reserve(request, plan.bytes_billed_max, job_id)
        spending = _Spending(request, plan, job_id, reservation)
        try:
            return self._spend(spending, running)
        except BaseException as error:
            # Whatever it is, what was reserved and started does not outlive it.
            self._settle_failure(spending, error)
            raise
        finally:
            running.remove(spending.job_id)

    def _spend(self, spending: "_Spending", running: RunningJobs) -> QueryOutcome[R]:
        request, plan = spending.request, spending.plan
        spending.run_id = self._run_log.start(request, plan, plan.bytes_billed_max, spending.job_id)
        if self._budgets.has_expired(spending.reservation):
            raise WarehouseTimeoutError("The query waited longer than its reservation stands; nothing ran.")
        started, result = self._answer(spending, running)
        outcome = self._describe(spending, started, result)
        if not started.attached:
            log_job(spending.request, spending.job_id, "done", bill_of(started.job).byte_count)
        # Before it is tried: a settlement that fails must not be made twice; the reservation then expires.
        spending.is_settled = True
        self._budgets.settle(spending.reservation, Bill(outcome.receipt.bytes_billed))
        self._run_log.succeed(spending.run_id, outcome)
        return outcome

    def _answer(self, spending: "_Spending", running: RunningJobs) -> tuple[StartedJob, R]:
        """The job that brought the rows, and the rows; from another one where the first is no fault of the query's.

        A job that failed inside Google is tried once more. Those of others whose results are gone cost nothing to pass
        over, one after the other, in growing steps. All count against the one reservation, and the last ends when the
        first would have had to.
        """
        started = first = self._begin(spending, running)
        has_failed, step = False, 1
        while True:
            try:
                return started, self._read_result(spending.request, started)
            except AlmanacError as error:
                is_lost = _lost_its_result(started, error)
                if running.is_closed or not (
                    is_lost or (failed_inside_google(started.job) and not has_failed)
                ):
                    raise
                has_failed = has_failed or not is_lost
                self._note_failure(spending, started, error)
            running.remove(spending.job_id)
            self._take_attempt(spending, spending.request.attempt + step)
            step *= 2
            started = replace(self._begin(spending, running), deadline=first.deadline)

    def _note_failure(self, spending: "_Spending", started: StartedJob, error: AlmanacError) -> None:
        """Count what a job billed that brought nothing. Raises `error` where that cannot be told."""
        if started.attached:
            return
        bill = self._runner.read_bill(started.job)
        if bill is None:
            raise error
        spending.billed_before = bill
        log_job(spending.request, spending.job_id, error.code, bill.byte_count)

    def _begin(self, spending: "_Spending", running: RunningJobs) -> StartedJob:
        spending.started = None
        spending.started = started = self._start(spending, running)
        if started.attached:
            running.remove(spending.job_id)
        elif running.is_closed:
            # Whoever closed it asked BigQuery to cancel a job that may not have been there yet.
            self._runner.cancel(spending.job_id)
        return started

    def _start(self, spending: "_Spending", running: RunningJobs) -> StartedJob:
        """A job under the first attempt's id that is free, or that of a job which answers the request.

        The steps grow, so that a database younger than its project's jobs passes hundreds of them in a few calls;
        they are the same for every worker, so that the second one attaches here too.
        """
        labels = make_labels(spending.request, self._settings, spending.reservation.id)
        step = 1
        while True:
            running.add(spending.job_id)
            spending.was_sent = True
            started = self._runner.start(
                spending.request, spending.job_id, spending.plan.bytes_billed_max, labels
            )
            if started is not None:
                return started
            running.remove(spending.job_id)
            self._take_attempt(spending, spending.request.attempt + step)
            step *= 2

    def _take_attempt(self, spending: "_Spending", attempt: int) -> None:
        """Give the spending another job id; written down before the job can be, so that its bytes are found."""
        spending.was_sent = False
        spending.request = replace(spending.request, attempt=attempt)
        spending.job_id = make_job_id(spending.request, self._settings.environment)
        self._budgets.rename_job(spending.reservation, spending.job_id)
        if spending.run_id is not None:
            self._run_log.rename_job(spending.run_id, spending.job_id)

    def _read_result(self, request: QueryRequest, started: StartedJob) -> R:
        rows = self._runner.wait(started)
        with start_span("bigquery.read", {"db.system": "bigquery"}), translated_failures("reading a result"):
            return self._read(started.job, rows, request.bounds)

    def _settle_failure(self, spending: "_Spending", error: BaseException) -> None:
        if spending.is_settled:
            return
        bill: Bill | None = None
        last: Bill | None = None
        try:
            last = self._find_bill(spending, error)
            bill = None if last is None else spending.billed_before + last
        finally:
            if spending.was_sent and isinstance(error, AlmanacError):
                error.failed_job = self._describe_failure(spending, bill)
            if spending.was_sent and not (spending.started and spending.started.attached):
                code = error.code if isinstance(error, AlmanacError) else ErrorCode.INTERNAL_ERROR
                log_job(spending.request, spending.job_id, code, last.byte_count if last else None)
            self._budgets.settle(spending.reservation, bill)
            if spending.run_id is not None:
                self._run_log.fail(spending.run_id, spending.job_id, error, bill.byte_count if bill else None)

    def _find_bill(self, spending: "_Spending", error: BaseException) -> Bill | None:
        """What a failed run billed; None when nobody can say, and the reservation then stands until it expires."""
        started = spending.started
        if started is not None:
            if started.attached:
                return Bill(0)
            if not isinstance(error, AlmanacError):
                # What the service raises on purpose it raises after the job, or has cancelled it.
                self._runner.cancel(spending.job_id)
            return self._runner.read_bill(started.job)
        is_lost = isinstance(error, WarehouseUnavailableError | WarehouseTimeoutError)
        if spending.was_sent and (is_lost or not isinstance(error, AlmanacError)):
            # The answer was lost, and perhaps not the job.
            self._runner.cancel(spending.job_id)
            return None
        return Bill(0)

    def _describe_failure(self, spending: "_Spending", bill: Bill | None) -> FailedJob:
        reserved, estimated = spending.reservation.bytes_reserved, spending.plan.bytes_estimated
        if bill is None:
            return FailedJob(spending.job_id, estimated, 0, reserved, 0)
        settled = reserved if bill.byte_count is None else bill.byte_count
        return FailedJob(spending.job_id, estimated, bill.byte_count, 0, settled)

    def _describe(self, spending: "_Spending", started: StartedJob, result: R) -> QueryOutcome[R]:
        job, plan = started.job, spending.plan
        bill = spending.billed_before + (Bill(0) if started.attached else bill_of(job))
        free = bool(job.cache_hit) or started.attached
        receipt = make_receipt(
            self._settings.usd_per_tib,
            estimated=plan.bytes_estimated,
            accuracy=plan.accuracy,
            billed=bill.byte_count,
            settled=spending.reservation.bytes_reserved if bill.byte_count is None else bill.byte_count,
            saved=(plan.bytes_billed_expected or 0) if free else 0,
            cache_hit=bool(job.cache_hit),
            slot_millis=0 if started.attached else job.slot_millis,
        )
        return QueryOutcome(
            job=_to_job_metadata(job),
            fields=to_output_fields(job.schema or ()) or plan.fields,
            referenced_tables=to_table_refs(job) or plan.referenced_tables,
            receipt=receipt,
            result=result,
            deterministic=plan.deterministic,
            attached=started.attached,
            named_tables=plan.named_tables,
        )


@dataclass
class _Spending:
    """One query between its reservation and its settlement.

    `billed_before` is the bill of a first job that failed inside Google.
    """

    request: QueryRequest
    plan: DryRun
    job_id: str
    reservation: Reservation
    run_id: UUID | None = None
    was_sent: bool = False
    started: StartedJob | None = None
    billed_before: Bill = field(default_factory=lambda: Bill(0))
    is_settled: bool = False


def _lost_its_result(started: StartedJob, error: AlmanacError) -> bool:
    """True when another worker's job is there, and the table with its rows was deleted before its time."""
    from google.api_core.exceptions import NotFound

    return started.attached and isinstance(error.__cause__, NotFound)


def _to_job_metadata(job: "bigquery.QueryJob") -> JobMetadata:
    return JobMetadata(
        job_id=str(job.job_id),
        project=str(job.project),
        location=job.location,
        created_at=job.created,
        started_at=job.started,
        ended_at=job.ended,
        bytes_processed=job.total_bytes_processed,
        slot_millis=job.slot_millis,
    )
