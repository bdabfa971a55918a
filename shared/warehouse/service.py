"""The one way from a query to BigQuery: guard, dry run, cap, reservation, job, settlement, receipt."""

import logging
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import islice

from shared.errors import AlmanacError, BytesLimitExceededError, InternalError, SqlInvalidError
from shared.settings import Settings
from shared.warehouse.bigquery.job_parts import RunningJobs
from shared.warehouse.bigquery.jobs import JobRunner, read_estimate
from shared.warehouse.bigquery.results import (
    check_readable,
    to_output_fields,
    to_routine_names,
    to_table_refs,
)
from shared.warehouse.guard.guard import QueryGuard
from shared.warehouse.models.queries import DryRun, PartitionUse, QueryOutcome, QueryRequest, ResultRows
from shared.warehouse.partitions.reader import PartitionReader
from shared.warehouse.refusals import RefusalExplainer
from shared.warehouse.spending.pricing import bound_dry_run, expect_billing
from shared.warehouse.spending.spender import QuerySpender

_LOGGER = logging.getLogger(__name__)

type Answer[R] = tuple[int, R | AlmanacError]
"""The index of a request and what became of it."""


def list_answers[R](
    work: Callable[[QueryRequest], R], requests: Sequence[QueryRequest], parallelism: int
) -> list[R | AlmanacError]:
    """What `work` makes of each request, in input order; one that fails has its error in its place."""
    if len(requests) == 1:
        return [_attempt(work, requests[0])]
    iterated = iterate_answers(work, requests, parallelism, None, stop=lambda: None)
    answers = dict(answer for answer in iterated if answer is not None)
    return [answers[index] for index in range(len(requests))]


def iterate_answers[R](
    work: Callable[[QueryRequest], R],
    requests: Sequence[QueryRequest],
    parallelism: int,
    tick_seconds: float | None,
    stop: Callable[[], None],
) -> Generator[Answer[R] | None]:
    """Each answer as soon as it is there, and None whenever none came for `tick_seconds`.

    At most `parallelism` answers wait to be taken, and none is kept that was. When the generator is closed early,
    requests that have not begun are dropped, `stop` is called, and the ones that had begun are waited for: `stop`
    has to make them end soon.
    """
    if not requests:
        return
    waiting = iter(enumerate(requests))
    # Each task gets the caller's context, so that its spans are children of the caller's.
    context = copy_context()
    with ThreadPoolExecutor(min(len(requests), parallelism)) as pool:
        index_of: dict[Future[R | AlmanacError], int] = {}

        def submit(count: int) -> None:
            for index, request in islice(waiting, count):
                index_of[pool.submit(context.copy().run, _attempt, work, request)] = index

        try:
            submit(parallelism)
            while index_of:
                done = set(wait(index_of, tick_seconds, FIRST_COMPLETED).done)
                if not done:
                    yield None
                while done:
                    future = min(done, key=index_of.__getitem__)
                    done.remove(future)
                    index = index_of.pop(future)
                    submit(1)
                    yield index, future.result()
        finally:
            if index_of:
                # Nobody listens any more: what has not begun must not begin to cost.
                pool.shutdown(wait=False, cancel_futures=True)
                stop()


def _attempt[R](work: Callable[[QueryRequest], R], request: QueryRequest) -> R | AlmanacError:
    try:
        return work(request)
    except AlmanacError as error:
        return error
    except Exception:
        # A defect that one query meets is no reason to give up the others, which may have been paid for.
        _LOGGER.exception("A query failed for a reason nobody expected")
        return InternalError("The query failed inside the service.")


class WarehouseService[R = ResultRows]:
    """Plans and runs queries; nothing reaches BigQuery any other way."""

    def __init__(
        self,
        settings: Settings,
        guard: QueryGuard,
        runner: JobRunner,
        spender: QuerySpender[R],
        partitions: PartitionReader,
        refusals: RefusalExplainer,
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._runner = runner
        self._spender = spender
        self._partitions = partitions
        self._refusals = refusals

    def dry_run_queries(self, requests: Sequence[QueryRequest]) -> list[DryRun | AlmanacError]:
        """Plan each request, in parallel within `warehouse_parallelism`; answers in input order.

        A request that fails has its error in its place; the others are not affected.
        """
        planned = list_answers(self._plan, requests, self._settings.warehouse_parallelism)
        return self._partitions.describe_plans(requests, planned)

    def run_queries(self, requests: Sequence[QueryRequest]) -> list[QueryOutcome[R] | AlmanacError]:
        """Run each request, in parallel within `warehouse_parallelism`; answers in input order.

        Each is guarded, capped, reserved and settled on its own; one that fails does not stop the others.
        """
        running = RunningJobs()
        return list_answers(
            lambda request: self._run(request, running), requests, self._settings.warehouse_parallelism
        )

    def iterate_queries(
        self, requests: Sequence[QueryRequest], *, tick_seconds: float
    ) -> Generator[Answer[QueryOutcome[R]] | None]:
        """Like `run_queries`, but yields each answer with its index as soon as it is there.

        Yields None whenever nothing was done for `tick_seconds`: a caller that writes something then finds
        out whether anybody still listens. Closing the generator cancels what runs and starts nothing more.
        """
        running = RunningJobs()
        return iterate_answers(
            lambda request: self._run(request, running),
            requests,
            self._settings.warehouse_parallelism,
            tick_seconds,
            stop=lambda: self._cancel(running),
        )

    def _cancel(self, running: RunningJobs) -> None:
        for job_id in running.close():
            self._runner.cancel(job_id)

    def _plan(self, request: QueryRequest) -> DryRun:
        guarded = self._guard.check(request.sql, request.default_dataset)
        try:
            job = self._runner.dry_run(request)
        except SqlInvalidError as error:
            raise self._refusals.explain(error, guarded, request) from error
        tables, routines = to_table_refs(job), to_routine_names(job)
        self._guard.check_dry_run(guarded, job.statement_type, tables, routines)
        fields = to_output_fields(job.schema or ())
        check_readable(fields, request.query_name)
        estimated, accuracy = read_estimate(job)
        plan = DryRun(
            bytes_estimated=estimated,
            bytes_billed_expected=expect_billing(estimated, len(tables)),
            bytes_billed_max=0,
            fields=fields,
            referenced_tables=tables,
            statement_type=str(job.statement_type),
            cap_bytes=0,
            deterministic=guarded.deterministic,
            named_tables=guarded.tables,
            accuracy=accuracy,
            routines=tuple(routines),
            asked_at=job.created,
        )
        return bound_dry_run(self._settings, request, plan)

    def _run(self, request: QueryRequest, running: RunningJobs) -> QueryOutcome[R]:
        running.check_open()
        plan = self._plan(request)
        if plan.bytes_billed_expected is not None and plan.bytes_billed_expected > plan.cap_bytes:
            raise self._refuse_size(request, plan)
        return self._spender.run(request, plan, running)

    def _refuse_size(self, request: QueryRequest, plan: DryRun) -> BytesLimitExceededError:
        """Over its cap; the remediation names the cap that would do, and what to leave out."""
        reads_too_much = (plan.bytes_estimated or 0) > plan.cap_bytes
        unfiltered = self._list_unfiltered(request, plan) if reads_too_much else []
        advice = [use.advice for use in unfiltered]
        if reads_too_much:  # else rounding decides, which no column less changes
            advice.append("name fewer columns" if advice else "Name fewer columns")
        raising = f"aise the cap to {plan.bytes_billed_expected} bytes or more."
        return BytesLimitExceededError(
            f"The query would read {plan.bytes_estimated} bytes, which are billed as "
            f"{plan.bytes_billed_expected}; its cap is {plan.cap_bytes}.",
            remediation=f"{', '.join(advice)}, or r{raising}" if advice else f"R{raising}",
            details=[
                {"cap_bytes": plan.cap_bytes, "required_bytes": plan.bytes_billed_expected},
                *(
                    {"table": use.table, "partition_column": use.column, "filtered": False}
                    for use in unfiltered
                ),
            ],
        )

    def _list_unfiltered(self, request: QueryRequest, plan: DryRun) -> list[PartitionUse]:
        """The partitioned tables that are read whole."""
        (described,) = self._partitions.describe_plans([request], [plan])
        uses = () if isinstance(described, AlmanacError) else described.partitions
        return [use for use in uses if not use.filtered]
