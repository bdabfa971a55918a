"""What is reported of a query, by what became of it."""

from decimal import Decimal

from shared.database.models.base import JsonObject
from shared.database.models.runs import QueryResult
from shared.errors import FailedJob
from shared.precompute.refresh.models import RefreshProblem, RefreshStatus
from shared.precompute.refresh.pending_tasks import PendingTask
from shared.precompute.refresh.tasks import TaskOutcome
from shared.warehouse.models.queries import QueryOutcome, Receipt
from shared.warehouse.spending.pricing import describe_failed_job, make_receipt

OVERTAKEN = "another worker's newer result stands"


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
