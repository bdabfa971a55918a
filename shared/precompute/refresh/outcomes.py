"""Queries on their way through a refresh, and what is reported of each by what became of it."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeGuard

from shared.database.models.runs import QueryFailure, QueryResult
from shared.errors import FailedJob
from shared.json_values import JsonObject
from shared.precompute.refresh.models import RefreshProblem, RefreshStatus
from shared.precompute.refresh.planning import RefreshTask
from shared.warehouse.models.queries import QueryOutcome, Receipt
from shared.warehouse.models.tables import TableRef
from shared.warehouse.spending.pricing import describe_failed_job, make_receipt

OVERTAKEN = "another worker's newer result stands"


@dataclass(frozen=True)
class TaskOutcome:
    """What became of a task; `tables` are those the executed job read.

    `bytes_pending` stay reserved for a job of which nobody knows yet what it billed.
    """

    status: RefreshStatus
    reason: str
    receipt: Receipt
    rows: int | None = None
    job_id: str | None = None
    problem: RefreshProblem | None = None
    tables: tuple[TableRef, ...] = ()
    bytes_pending: int = 0


@dataclass(frozen=True)
class PendingTask:
    """A task that has to run, why, and the result there was when that was decided.

    `newer_than` is what makes a job's answer too old; `known_failure` the fence of the failure that was known.
    """

    task: RefreshTask
    previous: QueryResult | None
    reason: str
    newer_than: datetime
    known_failure: int = 0

    @property
    def fingerprint(self) -> str:
        """The query."""
        return self.task.fingerprint

    def is_answered_by(self, row: QueryResult | None) -> TypeGuard[QueryResult]:
        """True when somebody stored a result after this task was looked at."""
        return row is not None and (self.previous is None or row.fence > self.previous.fence)

    def has_failed_since(self, failure: QueryFailure | None) -> TypeGuard[QueryFailure]:
        """True when somebody else tried after this task was looked at, and failed."""
        return failure is not None and failure.fence > self.known_failure


@dataclass
class OthersReport:
    """What other workers did: tasks that are done, tasks still waited for, and whether one of those is free."""

    done: list[tuple[PendingTask, TaskOutcome]] = field(default_factory=list)
    pending: list[PendingTask] = field(default_factory=list)
    left_free: bool = False


class OutcomeReporter:
    """Makes outcomes, each with its receipt."""

    def __init__(self, usd_per_tib: Decimal | None) -> None:
        self._price = usd_per_tib

    def report_skipped(self, row: QueryResult, reason: str) -> TaskOutcome:
        """The stored result stands."""
        return TaskOutcome(
            RefreshStatus.SKIPPED_UNCHANGED, reason, self._price_saved(row.bytes_billed), row.row_count
        )

    def report_refreshed(self, one: PendingTask, answer: QueryOutcome, row: QueryResult) -> TaskOutcome:
        """Our job's answer was stored."""
        return TaskOutcome(
            RefreshStatus.REFRESHED, one.reason, answer.receipt, row.row_count, answer.job.job_id,
            tables=answer.referenced_tables,
        )  # fmt: skip

    def report_shared(self, row: QueryResult) -> TaskOutcome:
        """Another worker's job answered."""
        receipt = self._price_saved(row.bytes_billed)
        return TaskOutcome(RefreshStatus.REFRESHED, "another worker ran it", receipt, row.row_count)

    def report_overtaken(
        self, row: QueryResult, answer: QueryOutcome | None, failed_job: FailedJob | None = None
    ) -> TaskOutcome:
        """We were away while our lease ran out, and another worker stored `row`; ours was billed all the same."""
        return TaskOutcome(
            RefreshStatus.REFRESHED, OVERTAKEN, self._price_own(answer, failed_job), row.row_count,
            _find_job_id(answer, failed_job), bytes_pending=failed_job.bytes_pending if failed_job else 0,
        )  # fmt: skip

    def report_failed(
        self,
        one: PendingTask,
        error: JsonObject,
        remediation: str,
        answer: QueryOutcome | None,
        failed_job: FailedJob | None = None,
    ) -> TaskOutcome:
        """It failed, here or at another worker; an older result is kept. What our job cost is in the receipt."""
        problem = RefreshProblem(str(error.get("code")), str(error.get("message")), remediation)
        for run, _ in one.task.uses:
            run.errors[one.fingerprint] = dict(error)
        return TaskOutcome(
            RefreshStatus.KEPT_PREVIOUS if one.previous else RefreshStatus.FAILED,
            problem.message,
            self._price_own(answer, failed_job),
            one.previous.row_count if one.previous else None,
            _find_job_id(answer, failed_job),
            problem=problem,
            bytes_pending=failed_job.bytes_pending if failed_job else 0,
        )

    def _price_own(self, answer: QueryOutcome | None, failed_job: FailedJob | None) -> Receipt:
        """The receipt of our own job, whether it answered, failed or was never sent."""
        return answer.receipt if answer else describe_failed_job(self._price, failed_job)

    def _price_saved(self, byte_count: int) -> Receipt:
        """The receipt of an answer that is there already."""
        return make_receipt(self._price, estimated=byte_count, billed=0, saved=byte_count)


def _find_job_id(answer: QueryOutcome | None, failed_job: FailedJob | None) -> str | None:
    if answer is not None:
        return answer.job.job_id
    return failed_job.job_id if failed_job else None
