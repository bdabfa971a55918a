"""The one way from a query to BigQuery: guard, dry run, cap, reservation, job, settlement, receipt."""

from collections.abc import Generator, Sequence

from shared.errors import AlmanacError, BytesLimitExceededError, SqlInvalidError
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
from shared.warehouse.models.queries import DryRun, PartitionUse, QueryOutcome, QueryRequest
from shared.warehouse.parallel import Answer, iterate_answers, list_answers
from shared.warehouse.partitions.reader import PartitionReader
from shared.warehouse.refusals import RefusalExplainer
from shared.warehouse.spending.pricing import bound_billing, compute_cap, expect_billing
from shared.warehouse.spending.spender import QuerySpender


class WarehouseService:
    """Plans and runs queries; nothing reaches BigQuery any other way."""

    def __init__(
        self,
        settings: Settings,
        guard: QueryGuard,
        runner: JobRunner,
        spender: QuerySpender,
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

    def run_queries(self, requests: Sequence[QueryRequest]) -> list[QueryOutcome | AlmanacError]:
        """Run each request, in parallel within `warehouse_parallelism`; answers in input order.

        Each is guarded, capped, reserved and settled on its own; one that fails does not stop the others.
        """
        running = RunningJobs()
        return list_answers(
            lambda request: self._run(request, running), requests, self._settings.warehouse_parallelism
        )

    def iterate_queries(
        self, requests: Sequence[QueryRequest], *, tick_seconds: float
    ) -> Generator[Answer[QueryOutcome] | None]:
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
        tables = to_table_refs(job)
        self._guard.check_dry_run(guarded, job.statement_type, tables, to_routine_names(job))
        fields = to_output_fields(job.schema or ())
        check_readable(fields, request.query_name)
        estimated, accuracy = read_estimate(job)
        cap = compute_cap(self._settings, request)
        return DryRun(
            bytes_estimated=estimated,
            bytes_billed_expected=expect_billing(estimated, len(tables)),
            bytes_billed_max=bound_billing(
                # A view of metadata is billed, and is on BigQuery's list or not.
                cap,
                estimated,
                max(len(tables), len(guarded.tables)),
                # One behind a view is on BigQuery's list alone.
                uses_wildcard=any(table.is_wildcard for table in (*guarded.tables, *tables)),
                accuracy=accuracy,
            ),
            fields=fields,
            referenced_tables=tables,
            statement_type=str(job.statement_type),
            cap_bytes=cap,
            deterministic=guarded.deterministic,
            named_tables=guarded.tables,
            accuracy=accuracy,
        )

    def _run(self, request: QueryRequest, running: RunningJobs) -> QueryOutcome:
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
