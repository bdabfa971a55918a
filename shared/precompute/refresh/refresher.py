"""A query's life in a refresh, from the look at its sources to its outcome.

1. `_look`: a result whose sources did not change is marked as checked, and that is all (`freshness.look`).
2. `_run_all`: of the others, run those whose lease nobody has, wait for those that another worker runs, and take over
   what it leaves (`leases`).
3. `_run`: read again under the lease what another worker ended in between.
4. `take_apart`: what ran when a process died runs alone, and after the second time not at all (`halting`).
   `_run_jobs`: one job each, on the budget of the dashboard whose turn it is; renew the leases meanwhile.
5. `_keep`: store the answer with the state of its sources as the job saw them, or `_fail`: say why there is none.
   Whose lease ran out finds a newer result there, and reports that.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from shared.dashboards.plans.expansion import make_request
from shared.database.models.runs import QueryFailure, QueryResult
from shared.database.repositories.query_results import ResultCheck
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError
from shared.precompute.assembly.result_store import ResultStore, bound_result_bytes
from shared.precompute.freshness.look import SourceLook, SourceWatch, WatchedQuery
from shared.precompute.refresh.failure_log import FailureLog
from shared.precompute.refresh.leases import HaltedTask, RefreshLeases, UnwrittenEnds, take_apart
from shared.precompute.refresh.outcomes import OthersReport, OutcomeReporter, PendingTask, TaskOutcome
from shared.precompute.refresh.planning import RefreshTask
from shared.settings import Settings
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.models.queries import QueryOutcome, QueryRequest
from shared.warehouse.service import WarehouseService
from shared.warehouse.source_state import SourceStateReader

TICK_SECONDS = 2.0
"""How often a refresh in which nothing ends says so: the soonest that a client who left is noticed."""
WAIT_SECONDS = 0.25
"""How often a worker that waits for another's result looks for it."""


@dataclass(frozen=True)
class _Refresh:
    """What belongs to one refresh; `restart` says that a person starts again what killed its processes."""

    actor: str
    restart: bool
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
        self._watch = SourceWatch(settings, clock)
        self._failures = FailureLog(database, clock)
        self._reporter = OutcomeReporter(settings.usd_per_tib)
        self._unwritten_ends = UnwrittenEnds(database)

    def refresh(
        self, tasks: Sequence[RefreshTask], *, actor: str, force: bool, restart: bool
    ) -> Generator[tuple[RefreshTask, TaskOutcome] | None]:
        """Each task with its outcome, as it is done. A task that fails does not stop the others.

        Only with `restart` does a query run again whose last refreshes died with their processes.
        Yields None every few seconds while nothing is done. Closing it cancels the jobs that run.
        """
        lifetime_seconds = self._settings.refresh_lease_seconds
        leases = RefreshLeases(self._database, lifetime_seconds, unwritten=self._unwritten_ends)
        refresh = _Refresh(actor, restart, self._sources.begin_refresh(), leases)
        try:
            to_run = yield from self._look(tasks, refresh, force=force)
            yield from self._run_all(to_run, refresh)
        finally:
            leases.release_all()

    def _look(
        self, tasks: Sequence[RefreshTask], refresh: _Refresh, *, force: bool
    ) -> Generator[tuple[RefreshTask, TaskOutcome], None, list[PendingTask]]:
        """Yield the tasks whose stored result still stands; returns those that have to run."""
        stored, failures = self._read_stored([task.fingerprint for task in tasks])
        look = self._watch.look([_watch(task) for task in tasks], stored, refresh.sources, force=force)
        self._mark_checked(look, stored)
        to_run: list[PendingTask] = []
        for task in tasks:
            key = task.fingerprint
            row, failure, verdict = stored.get(key), failures.get(key), look.verdicts[key]
            if row is not None and verdict.unchanged:
                yield task, self._reporter.report_skipped(row, verdict.reason)
            else:
                known = failure.fence if failure else 0
                to_run.append(PendingTask(task, row, verdict.reason, look.newer_than[key], known))
        return to_run

    def _mark_checked(self, look: SourceLook, stored: Mapping[str, QueryResult]) -> None:
        """Only a look at the sources moves `checked_at`; being young is no look."""
        verdicts = look.verdicts.items()
        rows = [stored[key] for key, verdict in verdicts if verdict.unchanged and verdict.verified]
        checks = [ResultCheck(row.fingerprint, row.fence, look.looked_at, row.refresh_error) for row in rows]
        with self._database.begin() as uow:
            uow.query_results.mark_checked_many(checks)

    def _run_all(
        self, pending: Sequence[PendingTask], refresh: _Refresh
    ) -> Generator[tuple[RefreshTask, TaskOutcome] | None]:
        """Run what nobody else runs, wait for what others run, and take over what they leave."""
        while pending:
            fences = refresh.leases.acquire([one.fingerprint for one in pending])
            mine = [one for one in pending if one.fingerprint in fences]
            pending = [one for one in pending if one.fingerprint not in fences]
            yield from self._run(mine, fences, refresh)
            pending = yield from self._wait_for_others(pending, refresh.leases)

    def _wait_for_others(
        self, pending: Sequence[PendingTask], leases: RefreshLeases
    ) -> Generator[tuple[RefreshTask, TaskOutcome] | None, None, Sequence[PendingTask]]:
        """Yield what others do; returns what is left when one of them has left something free."""
        said_at = time.monotonic()
        while pending:
            answers = self._look_for_others(pending, leases)
            for one, outcome in answers.done:
                yield one.task, outcome
                said_at = time.monotonic()
            pending = answers.pending
            if answers.left_free or not pending:
                break
            if time.monotonic() - said_at >= TICK_SECONDS:
                yield None
                said_at = time.monotonic()
            time.sleep(WAIT_SECONDS)
        return pending

    def _run(
        self, mine: Sequence[PendingTask], fences: Mapping[str, int], refresh: _Refresh
    ) -> Generator[tuple[RefreshTask, TaskOutcome] | None]:
        # Read again under the lease: another worker may have ended between our look and our lease.
        stored, failures = self._read_stored([one.fingerprint for one in mine])
        to_run: list[PendingTask] = []
        for one in mine:
            outcome = self._find_answer(one, stored, failures)
            if outcome is None:
                to_run.append(one)
            else:
                refresh.leases.release([one.fingerprint])
                yield one.task, outcome
        unfinished = refresh.leases.count_unfinished([one.fingerprint for one in to_run])
        for batch in take_apart(to_run, unfinished, restart=refresh.restart):
            if isinstance(batch, HaltedTask):
                one = batch.task
                outcome = self._fail(one, fences[one.fingerprint], batch.describe(), None)
                refresh.leases.release([one.fingerprint])
                yield one.task, outcome
            else:
                yield from self._run_batch(batch, fences, refresh)

    def _run_batch(
        self, batch: list[PendingTask], fences: Mapping[str, int], refresh: _Refresh
    ) -> Generator[tuple[RefreshTask, TaskOutcome] | None]:
        refresh.leases.begin([one.fingerprint for one in batch])
        while batch:
            batch = yield from self._run_jobs(batch, fences, refresh)

    def _run_jobs(
        self,
        to_run: Sequence[PendingTask],
        fences: Mapping[str, int],
        refresh: _Refresh,
    ) -> Generator[tuple[RefreshTask, TaskOutcome] | None, None, list[PendingTask]]:
        """Run each query on the budget of the dashboard whose turn it is; returns those that the next one pays."""
        passed_on: list[PendingTask] = []
        requests = self._make_requests(to_run, refresh.actor)
        with closing(self._warehouse.iterate_queries(requests, tick_seconds=TICK_SECONDS)) as answers:
            for answer in answers:
                refresh.leases.renew()
                if answer is None:
                    yield None
                    continue
                one, found = to_run[answer[0]], answer[1]
                if isinstance(found, AlmanacError) and one.task.pass_on(found):
                    passed_on.append(one)
                    continue
                outcome = self._keep(one, fences[one.fingerprint], found, refresh.sources)
                refresh.leases.release([one.fingerprint])
                yield one.task, outcome
        return passed_on

    def _look_for_others(self, pending: Sequence[PendingTask], leases: RefreshLeases) -> OthersReport:
        """What became of the queries that other workers are refreshing."""
        held = leases.find_held([one.fingerprint for one in pending])
        stored, failures = self._read_stored([one.fingerprint for one in pending])
        report = OthersReport()
        for one in pending:
            outcome = self._find_answer(one, stored, {} if one.fingerprint in held else failures)
            if outcome is not None:
                report.done.append((one, outcome))
            else:
                report.pending.append(one)
                report.left_free = report.left_free or one.fingerprint not in held
        return report

    def _find_answer(
        self,
        one: PendingTask,
        stored: Mapping[str, QueryResult],
        failures: Mapping[str, QueryFailure],
    ) -> TaskOutcome | None:
        """What another worker found out since this task was looked at."""
        row, failure = stored.get(one.fingerprint), failures.get(one.fingerprint)
        if one.is_answered_by(row):
            return self._reporter.report_shared(row)
        if one.has_failed_since(failure):
            return self._reporter.report_failed(one, failure.error, "", None)
        return None

    def _read_stored(
        self, fingerprints: Sequence[str]
    ) -> tuple[dict[str, QueryResult], dict[str, QueryFailure]]:
        with self._database.begin() as uow:
            return uow.query_results.get_many(fingerprints), uow.query_failures.get_many(fingerprints)

    def _make_requests(self, pending: Sequence[PendingTask], actor: str) -> list[QueryRequest]:
        with self._database.begin() as uow:
            attempts = uow.query_runs.find_last_attempts([one.fingerprint for one in pending])
        return [self._make_request(one, attempts.get(one.fingerprint, 0) + 1, actor) for one in pending]

    def _make_request(self, one: PendingTask, attempt: int, actor: str) -> QueryRequest:
        payer = one.task.payer
        request = make_request(
            one.task.unit,
            payer.dashboard.definition,
            actor=actor,
            version=payer.dashboard.version,
            attempt=attempt,
            refresh_budget=payer.budget,
        )
        return replace(
            request, newer_than=one.newer_than, max_result_bytes=bound_result_bytes(self._settings)
        )

    def _keep(
        self, one: PendingTask, fence: int, answer: QueryOutcome | AlmanacError, sources: SourceStateReader
    ) -> TaskOutcome:
        if isinstance(answer, AlmanacError):
            return self._fail(one, fence, answer, None)
        try:
            # Without its own times, a job is as old as what it had to be newer than.
            as_of = answer.job.started_at or answer.job.created_at or one.newer_than
            state = sources.read_states({"job": answer.tables})["job"]
            state = state.limit_to(as_of, deterministic=_is_repeatable(answer))
            row = self._results.store(one.task.unit, answer, state, as_of, fence)
        except AlmanacError as error:
            return self._fail(one, fence, error, answer)
        if row.fence != fence:
            return self._reporter.report_overtaken(row, answer)
        return self._reporter.report_refreshed(one, answer, row)

    def _fail(
        self, one: PendingTask, fence: int, error: AlmanacError, answer: QueryOutcome | None
    ) -> TaskOutcome:
        described = self._failures.describe(error)
        newer = self._failures.record(one.fingerprint, one.task.payer.dashboard.slug, fence, described)
        if newer is not None:
            return self._reporter.report_overtaken(newer, answer, error.failed_job)
        return self._reporter.report_failed(one, described, error.remediation, answer, error.failed_job)


def _watch(task: RefreshTask) -> WatchedQuery:
    policies = tuple(run.dashboard.definition.refresh for run, _ in task.uses)
    return WatchedQuery(task.fingerprint, task.unit.sql, task.payer.dashboard.definition.dataset, policies)


def _is_repeatable(answer: QueryOutcome) -> bool:
    """True when the same tables give the same answer again, to whoever asks.

    What BigQuery hides the bytes of it filters by row, and who may see which rows moves no table's time.
    """
    accuracy = answer.receipt.estimate_accuracy
    is_told = answer.receipt.bytes_billed is not None and accuracy is not Accuracy.UNKNOWN
    return answer.deterministic and is_told
