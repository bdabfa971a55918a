"""What was spent, read back from BigQuery's own list of jobs.

A database that has never seen a reservation, or was put back from a backup, knows nothing of what was spent before: it
would give a budget out twice. So a ledger is opened once in the life of a database, before its first job, by entering
today's jobs; an operator does the same for other days, or says that the ledger is right as it is.
"""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.database.models.costs import CostReservation
from shared.database.models.runs import QueryRun, RunPurpose, RunStatus
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import AlmanacError, DependencyUnavailableError, WarehouseUnavailableError
from shared.settings import Settings
from shared.warehouse.bigquery.job_history import PastJob
from shared.warehouse.bigquery.job_parts import hash_user
from shared.warehouse.models.bill import Bill

UNKNOWN_USER = "unknown-"
"""How the name of somebody begins of whom only the hash in a job's labels is known, until they come again."""
HISTORY = timedelta(days=180)
"""How long BigQuery lists a job."""
_AT_ONCE = 500
_HEX_OF_JOB_ID = 40
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpendingReport:
    """Jobs that BigQuery lists, those of them that were entered, and the bytes that were billed for these."""

    listed: int
    entered: int
    bytes_billed: int
    unknown_users: tuple[str, ...]


class SpendingReader:
    """Enters past jobs into the ledger, and opens it."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
        list_jobs: Callable[[datetime], Sequence[PastJob]],
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._list_jobs = list_jobs

    def require_ledger(self, actor: str) -> None:
        """Return when the ledger is open; one that is not is opened by reading today's jobs back.

        What is in it of `actor` under a hash is theirs from now on. Raises WarehouseUnavailableError where BigQuery
        does not list its jobs: nothing may be spent then.
        """
        user = hash_user(actor)
        with self._database.begin() as uow:
            opening = uow.ledger.find_opening()
            if opening is not None and user in opening.unknown_users:
                uow.ledger.adopt_user(opening, user, UNKNOWN_USER + user, actor)
        if opening is None:
            self._open(actor)

    def open_as_it_is(self, operator: str) -> None:
        """Let the ledger be right as it is, because `operator` says so."""
        with self._database.begin() as uow:
            uow.ledger.open(operator, self._clock())

    def read_back(self, since: datetime, *, dry_run: bool) -> SpendingReport:
        """Enter every job since then that the ledger lacks, and open it; a dry run only counts them.

        Raises what `JobHistory.list_jobs` raises.
        """
        jobs = self._list_jobs(since)
        by_reservation: dict[object, list[PastJob]] = defaultdict(list)
        for job in jobs:
            by_reservation[job.reservation_id].append(job)
        groups = list(by_reservation.values())
        entered = billed = 0
        with self._database.begin() as uow:
            uow.ledger.lock()
            names = self._list_names(uow)
            for start in range(0, len(groups), _AT_ONCE):
                rows = [self._make_reservation(group, names) for group in groups[start : start + _AT_ONCE]]
                new = uow.ledger.find_unentered([row.id for row in rows])
                chosen = [
                    (row, group)
                    for row, group in zip(rows, groups[start : start + _AT_ONCE], strict=True)
                    if row.id in new
                ]
                entered += len(chosen)
                billed += sum(row.bytes_billed or 0 for row, _ in chosen)
                if not dry_run:
                    self._enter(uow, chosen)
            unknown = tuple(sorted({job.user for job in jobs if job.user not in names}))
            if not dry_run:
                uow.ledger.open("BigQuery", self._clock(), unknown)
        return SpendingReport(len(jobs), entered, billed, unknown)

    def read_days_back(self, first_day: date | None, *, dry_run: bool) -> SpendingReport:
        """As `read_back`, from the beginning of a day of the budgets; without one all that BigQuery lists."""
        day = first_day or self._find_day(self._clock() - HISTORY)
        zone = ZoneInfo(self._settings.budget_time_zone)
        return self.read_back(
            datetime.combine(day, datetime.min.time(), zone).astimezone(UTC), dry_run=dry_run
        )

    def _open(self, actor: str) -> None:
        try:
            report = self.read_days_back(self._find_day(self._clock()), dry_run=False)
        except DependencyUnavailableError:
            raise
        except AlmanacError as error:
            raise WarehouseUnavailableError(
                "This database does not know yet what was spent today, and BigQuery cannot be asked; nothing was run: "
                f"{error.message}",
                remediation="Try again in a moment. Listing all jobs takes the right bigquery.jobs.listAll, which "
                "deploy/terraform gives; or an operator says that the ledger is right: "
                "python -m deploy.restore spending --as-it-is.",
            ) from error
        self.require_ledger(actor)
        _LOGGER.info("The ledger is open: %d of today's %d jobs were entered", report.entered, report.listed)

    def _list_names(self, uow: UnitOfWork) -> Mapping[str, str]:
        """The names of everybody who is known, by hash."""
        settings = self._settings
        configured = [*settings.admin_emails, *settings.editor_emails, *settings.service_account_emails]
        return {hash_user(name): name for name in [*configured, *uow.ledger.list_known_actors()]}

    def _enter(self, uow: UnitOfWork, chosen: Sequence[tuple[CostReservation, Sequence[PastJob]]]) -> None:
        prefixes = [_find_prefix(group[-1]) for _, group in chosen]
        known = uow.query_results.find_by_prefix([one for one in prefixes if one], _HEX_OF_JOB_ID)
        uow.ledger.enter([row for row, _ in chosen], self._settings.environment.value)
        uow.query_runs.create_many([_make_run(row, group[-1], known) for row, group in chosen])

    def _make_reservation(self, jobs: Sequence[PastJob], names: Mapping[str, str]) -> CostReservation:
        """The row of a reservation, which more than one job may have been started for."""
        last = jobs[-1]
        bills = [job.bill for job in jobs]
        bill = sum((one for one in bills if one is not None), Bill(0)) if None not in bills else None
        grace = timedelta(seconds=self._settings.reservation_grace_seconds)
        billed = bill.byte_count if bill is not None else None
        reserved = max([last.cap_bytes, billed or 0])
        return CostReservation(
            id=last.reservation_id,
            created_at=jobs[0].created_at,
            expires_at=max(self._clock(), jobs[0].created_at) + grace,
            settled_at=(last.ended_at or last.created_at) if bill is not None else None,
            bytes_reserved=reserved,
            bytes_billed=billed,
            bytes_settled=None if bill is None else (reserved if billed is None else billed),
            actor=names.get(last.user, UNKNOWN_USER + last.user),
            slug=last.slug,
            query_name=last.query_name,
            fingerprint=None,
            job_id=last.job_id,
            day=self._find_day(jobs[0].created_at),
        )

    def _find_day(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self._settings.budget_time_zone)).date()


def _make_run(row: CostReservation, job: PastJob, known: Mapping[str, str]) -> QueryRun:
    is_done = row.settled_at is not None
    cancelled = job.failed_for == "stopped"
    ended = RunStatus.CANCELLED if cancelled else RunStatus.FAILED if job.failed_for else RunStatus.SUCCEEDED
    return QueryRun(
        slug=job.slug,
        query_name=job.query_name,
        fingerprint=_find_fingerprint(job, known),
        job_id=job.job_id,
        job_project=job.project,
        location=job.location,
        status=ended if is_done else RunStatus.RUNNING,
        purpose=job.purpose if job.purpose in list(RunPurpose) else RunPurpose.SQL_RUN,
        actor=row.actor,
        bytes_billed=row.bytes_billed,
        bytes_processed=job.bytes_processed,
        cache_hit=job.cache_hit,
        cap_bytes=job.cap_bytes or None,
        referenced_tables=[{"table": name} for name in job.tables] or None,
        trace_id=job.trace_id,
        started_at=row.created_at,
        finished_at=row.settled_at,
    )


def _find_prefix(job: PastJob) -> str | None:
    """The beginning of the fingerprint, which the ids of a dashboard's jobs hold (`jobs.make_job_id`)."""
    parts = job.job_id.split("_")
    return parts[-2] if len(parts) > 2 and len(parts[-2]) == _HEX_OF_JOB_ID else None


def _find_fingerprint(job: PastJob, known: Mapping[str, str]) -> str:
    """The whole one where its result is kept; else what begins like it, or stands for the text."""
    prefix = _find_prefix(job)
    if prefix is None:
        return hashlib.sha256(job.sql.encode()).hexdigest()
    return known.get(prefix, prefix.ljust(64, "0"))
