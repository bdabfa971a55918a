"""Queries typed by people: planned, or run for a sample of at most 100 rows and 10 MB."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from shared.errors import AlmanacError, WarehouseTimeoutError
from shared.settings import Settings
from shared.sizes import dollars
from shared.warehouse.models.queries import (
    DryRun,
    QueryOutcome,
    QueryParameter,
    QueryRequest,
    Receipt,
    SampleRows,
)
from shared.warehouse.service import Answer
from shared.warehouse.spending.pricing import describe_failed_job, make_receipt

if TYPE_CHECKING:
    from shared.warehouse.service import WarehouseService

MAX_SAMPLE_ROWS = 100
MAX_SAMPLE_BYTES = 10_000_000
LOOK_SECONDS = 0.5
"""How often a query that runs looks whether anybody still waits for it."""


@dataclass(frozen=True)
class SqlQuery:
    """One query as it was typed; `max_bytes_billed` in bytes."""

    sql: str
    parameters: tuple[QueryParameter, ...]
    dataset: str | None
    max_bytes_billed: int | None
    dry_run: bool
    sample_rows: int
    time_zone: str | None = None


@dataclass(frozen=True)
class SqlPlan:
    """A dry run, what running it is expected to cost, and its receipt: an estimate, nothing billed."""

    plan: DryRun
    usd_billed_expected: Decimal | None
    receipt: Receipt


class SqlRunService:
    """Answers `/sql/run`."""

    def __init__(self, warehouse: "WarehouseService[SampleRows]", settings: Settings) -> None:
        self._warehouse = warehouse
        self._settings = settings

    def run_queries(
        self, queries: Sequence[SqlQuery], *, actor: str, is_gone: Callable[[], bool] = lambda: False
    ) -> list[SqlPlan | QueryOutcome[SampleRows] | AlmanacError]:
        """Plan or run each query, in input order; one that fails has its error in its place.

        The details of an error say what a job that was sent has cost all the same. When `is_gone` says that nobody
        waits any more, jobs are cancelled and what has not begun is dropped (WarehouseTimeoutError).
        """
        answers: list[SqlPlan | QueryOutcome[SampleRows] | AlmanacError | None] = [None] * len(queries)
        planned = [index for index, query in enumerate(queries) if query.dry_run]
        ran = [index for index, query in enumerate(queries) if not query.dry_run]
        requests = [_make_request(query, actor) for query in queries]
        for index, plan in zip(
            planned, self._warehouse.dry_run_queries([requests[i] for i in planned]), strict=True
        ):
            answers[index] = plan if isinstance(plan, AlmanacError) else self._price(plan)
        for number, outcome in self._iterate([requests[i] for i in ran], is_gone):
            if isinstance(outcome, AlmanacError):
                self._add_receipt(outcome)
            answers[ran[number]] = outcome
        return [answer for answer in answers if answer is not None]

    def _iterate(
        self, requests: Sequence[QueryRequest], is_gone: Callable[[], bool]
    ) -> Iterator[Answer[QueryOutcome[SampleRows]]]:
        with closing(self._warehouse.iterate_queries(requests, tick_seconds=LOOK_SECONDS)) as found:
            for answer in found:
                if answer is not None:
                    yield answer
                elif is_gone():
                    raise WarehouseTimeoutError(
                        "The client left before its query was done; the job is cancelled."
                    )

    def _price(self, plan: DryRun) -> SqlPlan:
        price = self._settings.usd_per_tib
        receipt = make_receipt(price, estimated=plan.bytes_estimated, accuracy=plan.accuracy, billed=0)
        return SqlPlan(plan, dollars(plan.bytes_billed_expected, price), receipt)

    def _add_receipt(self, error: AlmanacError) -> None:
        job = error.failed_job
        if job is not None:
            receipt = describe_failed_job(self._settings.usd_per_tib, job)
            error.details.append(
                {"job_id": job.job_id, "bytes_pending": job.bytes_pending, "receipt": vars(receipt)}
            )


def _make_request(query: SqlQuery, actor: str) -> QueryRequest:
    return QueryRequest(
        sql=query.sql,
        parameters=query.parameters,
        default_dataset=query.dataset,
        time_zone=query.time_zone,
        max_bytes_billed=query.max_bytes_billed,
        max_rows=min(query.sample_rows, MAX_SAMPLE_ROWS),
        max_result_bytes=MAX_SAMPLE_BYTES,
        actor=actor,
    )
