"""Deleting what nobody needs any more, and ending what dead processes left open, a bounded piece at a time.

Rows go first and their blobs later: in the transaction that takes a row away its blob is noted as expired, and
it is deleted when readers that had found its path are done. Whoever is killed in between leaves nothing behind.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from shared.database.unit_of_work import Database
from shared.errors import AlmanacError
from shared.precompute.assembly.payload_keeping import REPLACED_KEPT_FOR
from shared.precompute.assembly.result_store import list_result_paths
from shared.settings import Settings
from shared.storage.blob import BlobStore
from shared.telemetry.tracing import start_span

BATCH = 500
"""Rows or blobs of a kind that one call deletes; with a call every quarter of an hour 48,000 a day."""
MOST_DRY_RUNS = 100_000
"""Kept answers of dry runs, about 1 kB each; of more, those go that were asked for first."""
DEAD_AFTER = timedelta(hours=1)
"""No function runs as long as this: a job that is said to run still has nobody who waits for it."""
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cleared:
    """How many of each kind were deleted; of reservations, runs and leases how many were ended.

    Kept dry runs tell none from another: what is gone of them is asked for again.
    """

    sessions: int = 0
    payloads: int = 0
    results: int = 0
    lineage_nodes: int = 0
    dry_runs: int = field(default=0, compare=False)
    blobs: int = 0
    reservations: int = 0
    runs: int = 0
    leases: int = 0


class Housekeeper:
    """Clears sessions, payloads, results, lineage nodes, kept dry runs and blobs; ends reservations, runs and leases
    of the dead.

    `settle_lost` settles the reservations of processes that died, and answers how many.
    """

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        settle_lost: Callable[[], int],
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._settle_lost = settle_lost
        self._database = database
        self._store = store
        self._settings = settings
        self._clock = clock

    def clear(self) -> Cleared:
        """Delete up to `BATCH` of each kind. Safe beside refreshes, saves, rollbacks and other callers.

        Raises DependencyUnavailableError; what was deleted until then stays deleted.
        """
        now = self._clock()
        before = now - timedelta(days=self._settings.retention_days)
        with start_span("precompute.housekeeping", {}):
            cleared = Cleared(
                # Before what needs the store, which may be away.
                reservations=self._settle_lost(),
                runs=self._close_runs(now),
                leases=self._release_leases(),
                sessions=self._clear_sessions(now),
                payloads=self._retire_payloads(now, before),
                results=self._retire_results(now, before),
                lineage_nodes=self._clear_lineage(),
                dry_runs=self._clear_dry_runs(now),
                blobs=self._delete_blobs(now),
            )
        if any(asdict(cleared).values()):
            _LOGGER.info("Housekeeping is done", extra={"cleared": asdict(cleared)})
        return cleared

    def try_clear(self) -> None:
        """As `clear`; a failure is logged, because who comes to refresh must not be turned away for it."""
        try:
            self.clear()
        except AlmanacError:
            _LOGGER.exception("Housekeeping stopped; the next call goes on")

    def _clear_sessions(self, now: datetime) -> int:
        with self._database.begin() as uow:
            return uow.sessions.delete_expired(now, BATCH)

    def _retire_payloads(self, now: datetime, before: datetime) -> int:
        with self._database.begin() as uow:
            paths = uow.payloads.retire_many(before, BATCH)
            uow.expired_blobs.add_many(paths, now + REPLACED_KEPT_FOR)
        return len(paths)

    def _retire_results(self, now: datetime, before: datetime) -> int:
        with self._database.begin() as uow:
            paths = uow.query_results.retire_many(before, BATCH)
            uow.expired_blobs.add_many(list_result_paths(paths), now + REPLACED_KEPT_FOR)
        return len(paths)

    def _clear_lineage(self) -> int:
        with self._database.begin() as uow:
            return uow.lineage.delete_orphans(BATCH)

    def _clear_dry_runs(self, now: datetime) -> int:
        before = now - timedelta(seconds=self._settings.dry_run_kept_seconds)
        with self._database.begin() as uow:
            return uow.kept_dry_runs.delete_old(before, MOST_DRY_RUNS, BATCH)

    def _close_runs(self, now: datetime) -> int:
        with self._database.begin() as uow:
            return uow.query_runs.close_dead(now - DEAD_AFTER, now, BATCH)

    def _release_leases(self) -> int:
        with self._database.begin() as uow:
            return uow.leases.release_expired(DEAD_AFTER)

    def _delete_blobs(self, now: datetime) -> int:
        """The store is asked inside the transaction: should it fail, the paths are not forgotten."""
        with self._database.begin() as uow:
            paths = uow.expired_blobs.take_due(now, BATCH)
            if paths:
                self._store.delete_blobs(paths, message="Housekeeping", author="precompute")
        return len(paths)
