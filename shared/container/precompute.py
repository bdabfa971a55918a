"""Results computed ahead, and what serves them."""

from typing import TYPE_CHECKING

from shared.container.dashboards import DashboardServices
from shared.once import once

if TYPE_CHECKING:
    from shared.precompute.assembly.assembler import PayloadAssembler
    from shared.precompute.assembly.recovery import ResultRecovery
    from shared.precompute.assembly.result_store import ResultStore
    from shared.precompute.housekeeping import Housekeeper
    from shared.precompute.payload.cached_blobs import CachedBlobs
    from shared.precompute.refresh.refresher import QueryRefresher
    from shared.precompute.service import PrecomputeService
    from shared.precompute.serving.service import DataService


class PrecomputeServices(DashboardServices):
    """Builds what computes results ahead, and what serves them."""

    @once
    def cached_blobs(self) -> "CachedBlobs":
        """The reader of the payload store that keeps copies in the cache."""
        from shared.precompute.payload.cached_blobs import CachedBlobs

        return CachedBlobs(self.cache, self.payload_store, self.settings.cache_ttl_seconds)

    @once
    def results(self) -> "ResultStore":
        """The store of encoded query results: blobs, and their rows in PostgreSQL."""
        from shared.precompute.assembly.result_store import ResultStore

        return ResultStore(self.database, self.cached_blobs, self.payload_store, self.settings, self.clock)

    @once
    def refresher(self) -> "QueryRefresher":
        """The refresher, which brings single queries up to date under their leases."""
        from shared.precompute.refresh.refresher import QueryRefresher

        return QueryRefresher(
            self.warehouse, self.source_states, self.results, self.database, self.settings, self.clock
        )

    @once
    def assembler(self) -> "PayloadAssembler":
        """The assembler, which puts payloads together from stored results."""
        from shared.precompute.assembly.assembler import PayloadAssembler
        from shared.precompute.assembly.payload_keeping import PayloadKeeper

        keeper = PayloadKeeper(self.database, self.cache, self.payload_store, self.settings, self.clock)
        return PayloadAssembler(self.database, self.results, keeper, self.settings)

    @once
    def result_recovery(self) -> "ResultRecovery":
        """The recovery of payloads and results whose rows are lost."""
        from shared.precompute.assembly.recovery import ResultRecovery

        return ResultRecovery(self.database, self.payload_store, self.settings, self.clock)

    @once
    def precompute(self) -> "PrecomputeService":
        """The service that refreshes dashboards: plan, queries, payloads, report."""
        from shared.precompute.refresh.planning import RefreshPlanner
        from shared.precompute.service import Departure, PrecomputeService

        return PrecomputeService(
            self.catalog,
            RefreshPlanner(self.catalog, self.database, self.settings, self.clock),
            self.refresher,
            self.assembler,
            self.lineage,
            self.database,
            self.settings,
            self.clock,
            Departure(self.settings.drain_seconds),
        )

    @once
    def housekeeper(self) -> "Housekeeper":
        """The housekeeper, which deletes payloads and results that nobody needs any more."""
        from shared.precompute.housekeeping import Housekeeper

        return Housekeeper(
            self.database,
            self.payload_store,
            lambda: self.budgets.release_expired(),
            self.settings,
            self.clock,
        )

    @once
    def data(self) -> "DataService":
        """The service that finds the payload `/data` answers with."""
        from shared.precompute.serving.recent_payloads import RecentPayloads
        from shared.precompute.serving.service import DataService

        return DataService(
            self.head_cache,
            RecentPayloads(
                self.settings.payload_memory_seconds,
                self.settings.cache_memory_max_bytes,
                self.settings.database_outage_seconds,
            ),
            self.cached_blobs,
            self.database,
            self.clock,
        )
