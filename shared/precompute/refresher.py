"""Queries brought up to date: skipped when nothing changed, run once otherwise."""

import logging
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from shared.dashboards.query_requests import make_request
from shared.database.models.runs import QueryResult
from shared.database.repositories.query_results import RefreshFailure, ResultCheck
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError
from shared.precompute.freshness import Freshness, judge
from shared.precompute.leases import RefreshLeases
from shared.precompute.models import RefreshProblem, RefreshStatus
from shared.precompute.pending import OthersReport, PendingTask
from shared.precompute.result_store import ResultStore
from shared.precompute.source_state import SourceState, SourceStateReader
from shared.precompute.tasks import RefreshTask, TaskOutcome
from shared.settings import Settings
from shared.telemetry.tracing import start_span
from shared.warehouse.models import QueryOutcome, QueryRequest, Receipt
from shared.warehouse.receipts import make_receipt
from shared.warehouse.service import WarehouseService
from shared.warehouse.tables import TableRef, parse_table

_LOGGER = logging.getLogger(__name__)

TICK_SECONDS = 2.0
"""How often a refresh in which nothing ends says so: the soonest that a client who left is noticed."""
WAIT_SECONDS = 0.25
"""How often a worker that waits for another's result looks for it."""


@dataclass(frozen=True)
class _Refresh:
    """What belongs to one refresh."""

    actor: str
    sources: SourceStateReader
    leases: RefreshLeases


class QueryRefresher:
    """Decides, runs and keeps."""

    def __init__(
        self,
        warehouse: WarehouseService,
        sources: SourceStateReader,
        results: ResultStore,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._warehouse = warehouse
        self._sources = sources
        self._results = results
        self._database = database
        self._settings = settings
        self._clock = clock

    def refresh(
        self, tasks: Sequence[RefreshTask], *, actor: str, force: bool
    ) -> Generator[tuple[RefreshTask, TaskOutcome] | None]:
        """Each task with its outcome, as it is done. A task that fails does not stop the others.

        Yields None every few seconds while nothing is done. Closing it cancels the jobs that run.
        """
        leases = RefreshLeases(self._database, self._settings.refresh_lease_seconds)
        refresh = _Refresh(actor, self._sources.begin_refresh(), leases)
        stored, _ = self._read_stored(tasks)
        # Before the look: what changes while we look was not seen.
        looked_at = self._clock()
        states = self._read_states(refresh, stored)
        verdicts = {task.fingerprint: self._judge(task, stored, states, force) for task in tasks}
        unchanged = [task for task in tasks if verdicts[task.fingerprint].unchanged]
        self._mark_checked([task for task in unchanged if verdicts[task.fingerprint].verified], looked_at)
        for task in unchanged:
            yield task, self._skip(stored[task.fingerprint], verdicts[task.fingerprint])
        to_run = [
            PendingTask(task, stored.get(task.fingerprint), verdicts[task.fingerprint].reason)
            for task in tasks
            if not verdicts[task.fingerprint].unchanged
        ]
        try:
            yield from self._run_all(to_run, refresh)
        finally:
            leases.release_all()

    def _run_all(
        self, pending: Sequence[PendingTask], refresh: _Refresh
    ) -> Generator[tuple[RefreshTask, TaskOutcome] | None]:
        """Run what nobody else runs, wait for what others run, and take over what they leave."""
        while pending:
            fences = refresh.leases.acquire([one.fingerprint for one in pending])
            mine = [one for one in pending if one.fingerprint in fences]
            pending = [one for one in pending if one.fingerprint not in fences]
            yield from self._run(mine, fences, refresh)
            while pending:
                answers = self._look_for_others(pending, refresh.leases)
                for one, outcome in answers.done:
                    yield one.task, outcome
                pending = answers.pending
                if answers.left_free:
                    break
                if pending:
                    yield None
                    time.sleep(WAIT_SECONDS)

    def _run(
        self, mine: Sequence[PendingTask], fences: Mapping[str, int], refresh: _Refresh
    ) -> Generator[tuple[RefreshTask, TaskOutcome] | None]:
        # Read again under the lease: another worker may have ended between our look and our lease.
        stored, attempts = self._read_stored([one.task for one in mine])
        to_run: list[PendingTask] = []
        for one in mine:
            row = stored.get(one.fingerprint)
            if one.is_answered_by(row):
                refresh.leases.release([one.fingerprint])
                yield one.task, self._share(row)
            else:
                to_run.append(one)
        requests = [self._make_request(one.task, attempts, refresh.actor) for one in to_run]
        with closing(self._warehouse.iterate_queries(requests, tick_seconds=TICK_SECONDS)) as answers:
            for answer in answers:
                refresh.leases.renew()
                if answer is None:
                    yield None
                    continue
                one = to_run[answer[0]]
                outcome = self._keep(one, fences[one.fingerprint], answer[1], refresh.sources)
                refresh.leases.release([one.fingerprint])
                yield one.task, outcome

    def _look_for_others(self, pending: Sequence[PendingTask], leases: RefreshLeases) -> OthersReport:
        """What became of the queries that other workers are refreshing."""
        fingerprints = [one.fingerprint for one in pending]
        held = leases.find_held(fingerprints)
        with self._database.begin() as uow:
            rows = uow.query_results.get_many(fingerprints)
        report = OthersReport()
        for one in pending:
            row = rows.get(one.fingerprint)
            if one.is_answered_by(row):
                report.done.append((one, self._share(row)))
            elif one.fingerprint not in held and row is not None and row.refresh_error != one.known_error:
                report.done.append((one, self._share_failure(one, row)))
            else:
                report.pending.append(one)
                report.left_free = report.left_free or one.fingerprint not in held
        return report

    def _share(self, row: QueryResult) -> TaskOutcome:
        receipt = self._price_saved(row)
        return TaskOutcome(RefreshStatus.REFRESHED, "another worker ran it", receipt, row.row_count)

    def _share_failure(self, one: PendingTask, row: QueryResult) -> TaskOutcome:
        error = row.refresh_error or {}
        problem = RefreshProblem(str(error.get("code")), str(error.get("message")), "")
        for run, _ in one.task.uses:
            run.errors[one.fingerprint] = error
        return TaskOutcome(
            RefreshStatus.KEPT_PREVIOUS,
            problem.message,
            make_receipt(self._settings.price_per_tib_usd, estimated=0, billed=0),
            row.row_count,
            problem=problem,
        )

    def _read_stored(self, tasks: Sequence[RefreshTask]) -> tuple[dict[str, QueryResult], dict[str, int]]:
        fingerprints = [task.fingerprint for task in tasks]
        with self._database.begin() as uow:
            return uow.query_results.get_many(fingerprints), uow.query_runs.find_last_attempts(fingerprints)

    def _read_states(self, refresh: _Refresh, stored: Mapping[str, QueryResult]) -> dict[str, SourceState]:
        with start_span("precompute.source_state", {"almanac.queries": len(stored)}):
            return refresh.sources.read_states({key: self._list_tables(row) for key, row in stored.items()})

    def _list_tables(self, row: QueryResult) -> list[TableRef]:
        project = self._settings.google_cloud_project
        return [parse_table(name, project, None) for name in row.source_state.get("tables", {})]

    def _judge(
        self,
        task: RefreshTask,
        stored: Mapping[str, QueryResult],
        states: Mapping[str, SourceState],
        force: bool,
    ) -> Freshness:
        policy = task.payer.dashboard.definition.refresh
        key = task.fingerprint
        return judge(stored.get(key), states.get(key), policy, self._clock(), force=force)

    def _mark_checked(self, tasks: Sequence[RefreshTask], looked_at: datetime) -> None:
        """Only a look at the sources moves `checked_at`; being young is no look."""
        checks = [ResultCheck(task.fingerprint, looked_at) for task in tasks]
        with self._database.begin() as uow:
            uow.query_results.mark_checked_many(checks)

    def _skip(self, row: QueryResult, verdict: Freshness) -> TaskOutcome:
        return TaskOutcome(
            RefreshStatus.SKIPPED_UNCHANGED, verdict.reason, self._price_saved(row), row.row_count
        )

    def _price_saved(self, row: QueryResult) -> Receipt:
        """The receipt of an answer that is there already."""
        saved = row.bytes_billed
        return make_receipt(self._settings.price_per_tib_usd, estimated=saved, billed=0, saved=saved)

    def _make_request(self, task: RefreshTask, attempts: Mapping[str, int], actor: str) -> QueryRequest:
        dashboard = task.payer.dashboard
        return make_request(
            task.unit,
            dashboard.definition,
            actor=actor,
            version=dashboard.version,
            attempt=attempts.get(task.fingerprint, 0) + 1,
            refresh_budget=task.payer.budget,
        )

    def _keep(
        self, one: PendingTask, fence: int, answer: QueryOutcome | AlmanacError, sources: SourceStateReader
    ) -> TaskOutcome:
        task = one.task
        if isinstance(answer, AlmanacError):
            return self._fail(one, answer, None)
        try:
            as_of = answer.job.started_at or self._clock()
            state = _find_state(sources, answer, as_of)
            row = self._results.store(task.unit, answer, state, as_of, fence)
        except AlmanacError as error:
            return self._fail(one, error, answer)
        return TaskOutcome(
            RefreshStatus.REFRESHED, one.reason, answer.receipt, row.row_count, answer.job.job_id,
            tables=answer.referenced_tables,
        )  # fmt: skip

    def _fail(self, one: PendingTask, error: AlmanacError, answer: QueryOutcome | None) -> TaskOutcome:
        """Say why, and touch neither the last good result nor its `as_of`."""
        problem = RefreshProblem(error.code.value, error.message, error.remediation)
        described = {"code": problem.code, "message": problem.message, "at": self._clock().isoformat()}
        # What alerts count: deploy/monitoring/log-metrics.json.
        _LOGGER.warning(
            "A query was not refreshed: %s",
            problem.message,
            extra={"refresh_error": problem.code, "dashboard": one.task.payer.dashboard.slug},
        )
        with self._database.begin() as uow:
            uow.query_results.record_failures([RefreshFailure(one.fingerprint, dict(described))])
        for run, _ in one.task.uses:
            run.errors[one.fingerprint] = dict(described)
        free = make_receipt(self._settings.price_per_tib_usd, estimated=0, billed=0)
        return TaskOutcome(
            RefreshStatus.KEPT_PREVIOUS if one.previous else RefreshStatus.FAILED,
            problem.message,
            answer.receipt if answer else free,
            one.previous.row_count if one.previous else None,
            problem=problem,
        )


def _find_state(sources: SourceStateReader, answer: QueryOutcome, as_of: datetime) -> SourceState:
    """The state the job read. A table changed since it began may hold rows it did not see: not watchable."""
    state = sources.read_states({"job": answer.referenced_tables})["job"]
    seen_all = all(datetime.fromisoformat(changed) < as_of for changed in state.tables.values())
    return SourceState(state.tables, state.watchable and answer.deterministic and seen_all)
