"""BigQuery jobs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, cast, func, select, update

from shared.database.models.costs import CostReservation
from shared.database.models.runs import QueryRun, RunPurpose, RunStatus
from shared.database.repositories.base import RowRepository, json_rows, record_set, table_of, take_once
from shared.json_values import JsonObject


@dataclass(frozen=True)
class RunOutcome:
    """How a job ended. Byte counts are BigQuery's; None where it reported none."""

    id: UUID
    status: RunStatus
    finished_at: datetime
    job_id: str | None = None
    job_project: str | None = None
    location: str | None = None
    bytes_billed: int | None = None
    bytes_processed: int | None = None
    bytes_saved: int | None = None
    cache_hit: bool | None = None
    referenced_tables: list[JsonObject] | None = None
    error_code: str | None = None


_ONE_REFRESH = timedelta(hours=1)
_ATTEMPT = "_([0-9]{1,15})$"
"""How the job id of a dashboard's query ends."""
_OUTCOME_COLUMNS = [name for name in RunOutcome.__dataclass_fields__ if name != "id"]


class QueryRunRepository(RowRepository[QueryRun]):
    """Reads and writes `query_runs`."""

    def finish_many(self, outcomes: Sequence[RunOutcome]) -> None:
        """Write how runs ended, in one statement."""
        if not outcomes:
            return
        table = table_of(QueryRun)
        given = record_set(table, ["id", *_OUTCOME_COLUMNS])
        self._session.execute(
            update(table)
            .where(table.c.id == given.c.id)
            .values({name: given.c[name] for name in _OUTCOME_COLUMNS}),
            {"rows": json_rows(asdict(outcome) for outcome in outcomes)},
        )

    def abandon(
        self, job_id: str | None, reserved_at: datetime, bytes_billed: int | None, now: datetime
    ) -> None:
        """End the run whose worker died: the one of `job_id` that began after `reserved_at` and never ended.

        Its attempt counts from now on: the next worker starts a job of its own instead of attaching to a job
        that may be long over.
        """
        ended = (
            select(QueryRun.id)
            .where(
                QueryRun.job_id == job_id,
                QueryRun.status == RunStatus.RUNNING,
                QueryRun.started_at >= reserved_at,
            )
            .order_by(QueryRun.started_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        self._session.execute(
            update(QueryRun)
            .where(QueryRun.id.in_(ended))
            .values(status=RunStatus.FAILED, finished_at=now, bytes_billed=bytes_billed)
        )

    def close_dead(self, before: datetime, now: datetime, limit: int) -> int:
        """End at most `limit` runs that began before `before`, never ended, and hold no open reservation; how many.

        Their worker died between settling the reservation and saying how the run ended; what was settled is billed.
        """
        reservations = select(CostReservation).where(CostReservation.job_id == QueryRun.job_id)
        settled = (
            reservations.where(CostReservation.settled_at.is_not(None))
            .order_by(CostReservation.created_at.desc())
            .limit(1)
            .with_only_columns(CostReservation.bytes_billed)
        )
        dead = (
            select(QueryRun.id)
            .where(
                QueryRun.status == RunStatus.RUNNING,
                QueryRun.started_at < before,
                ~reservations.where(CostReservation.settled_at.is_(None)).exists(),
            )
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ended = (
            update(QueryRun)
            .where(QueryRun.id.in_(take_once(dead)))
            .values(status=RunStatus.FAILED, finished_at=now, bytes_billed=settled.scalar_subquery())
            .returning(QueryRun.id)
        )
        return len(self._session.execute(ended).all())

    def get_many(self, ids: Sequence[UUID]) -> dict[UUID, QueryRun]:
        """The known ones of `ids`."""
        if not ids:
            return {}
        return {row.id: row for row in self._session.scalars(select(QueryRun).where(QueryRun.id.in_(ids)))}

    def rename_job(self, run_id: UUID, job_id: str) -> None:
        """Name another job as the run's."""
        self._session.execute(update(QueryRun).where(QueryRun.id == run_id).values(job_id=job_id))

    def find_last_attempts(self, fingerprints: Sequence[str]) -> dict[str, int]:
        """The number of the last attempt at each fingerprint that has ended; those without any are left out.

        A job whose worker died is still running here: the next worker gets the same number, makes the same
        job id of it, and attaches.
        """
        if not fingerprints:
            return {}
        attempt = cast(func.substring(QueryRun.job_id, _ATTEMPT), BigInteger)
        rows = self._session.execute(
            select(QueryRun.fingerprint, func.max(attempt))
            .where(QueryRun.fingerprint.in_(fingerprints), QueryRun.status != RunStatus.RUNNING)
            .group_by(QueryRun.fingerprint)
        )
        return {row[0]: row[1] for row in rows if row[1] is not None}

    def find_last_costs(self, slugs: Sequence[str], since: datetime) -> dict[str, int]:
        """Bytes billed by the last refresh of each dashboard, as far as they are known: jobs that began within an hour
        of its latest.

        Dashboards without a precompute job since `since` are left out.
        """
        if not slugs:
            return {}
        latest = func.max(QueryRun.started_at).over(partition_by=QueryRun.slug)
        runs = (
            select(QueryRun.slug, QueryRun.bytes_billed, QueryRun.started_at, latest.label("latest"))
            .where(
                QueryRun.slug.in_(slugs),
                QueryRun.purpose == RunPurpose.PRECOMPUTE,
                QueryRun.started_at >= since,
            )
            .subquery()
        )
        rows = self._session.execute(
            select(runs.c.slug, func.coalesce(func.sum(runs.c.bytes_billed), 0))
            .where(runs.c.started_at >= runs.c.latest - _ONE_REFRESH)
            .group_by(runs.c.slug)
        )
        return {row[0]: int(row[1]) for row in rows}
