"""Dashboards as they are saved, checked and planned, and their lineage."""

from typing import TYPE_CHECKING

from shared.container.warehouse import WarehouseServices
from shared.once import once

if TYPE_CHECKING:
    from shared.dashboards.plans.compilation import CompilationService
    from shared.dashboards.plans.lineage import DashboardLineage
    from shared.dashboards.saved.catalog import DashboardCatalog
    from shared.dashboards.saved.comparison import VersionComparison
    from shared.dashboards.saved.head_cache import HeadCache
    from shared.dashboards.saved.listing import SavedDashboardReader
    from shared.dashboards.validation import ValidationService
    from shared.lineage.service import LineageService
    from shared.saving.publishing import BlobPublisher


class DashboardServices(WarehouseServices):
    """What is known of dashboards."""

    @once
    def lineage(self) -> "LineageService":
        """What feeds what."""
        from shared.lineage.service import LineageService

        return LineageService(self.database, self.clock)

    @once
    def dashboard_lineage(self) -> "DashboardLineage":
        """The lineage of dashboards."""
        from shared.dashboards.plans.lineage import DashboardLineage

        return DashboardLineage(self.table_metadata, self.lineage, self.settings)

    @once
    def catalog(self) -> "DashboardCatalog":
        """Saved dashboards, parsed."""
        from shared.dashboards.saved.catalog import DashboardCatalog

        return DashboardCatalog(self.database)

    @once
    def saved_dashboards(self) -> "SavedDashboardReader":
        """Lists saved dashboards and reads their versions."""
        from shared.dashboards.saved.listing import SavedDashboardReader

        return SavedDashboardReader(self.database, self.clock, self.settings.usd_per_tib)

    @once
    def version_comparison(self) -> "VersionComparison":
        """What changed from one saved version to another."""
        from shared.dashboards.saved.comparison import VersionComparison

        return VersionComparison(self.saved_dashboards)

    @once
    def head_cache(self) -> "HeadCache":
        """Current versions, quick."""
        from shared.dashboards.saved.head_cache import HeadCache

        return HeadCache(self.cache, self.database)

    @once
    def validation(self) -> "ValidationService":
        """Diagnostics, without the warehouse."""
        from shared.dashboards.validation import ValidationService

        return ValidationService(self.settings)

    @once
    def compilation(self) -> "CompilationService":
        """Validation and plans."""
        from shared.dashboards.plans.compilation import CompilationService

        return CompilationService(self.validation, self.warehouse, self.database, self.settings, self.clock)

    @once
    def publisher(self) -> "BlobPublisher":
        """Versions on their way to the blob store."""
        from shared.saving.publishing import BlobPublisher

        return BlobPublisher(self.database, lambda: self.dashboard_store)
