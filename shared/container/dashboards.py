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


class DashboardServices(WarehouseServices):
    """The services of dashboards: lineage, saved dashboards, validation and plans."""

    @once
    def lineage(self) -> "LineageService":
        """Stores and reads lineage graphs."""
        from shared.lineage.service import LineageService

        return LineageService(self.database, self.clock)

    @once
    def dashboard_lineage(self) -> "DashboardLineage":
        """Extracts and stores the lineage of dashboards."""
        from shared.dashboards.plans.lineage import DashboardLineage

        return DashboardLineage(self.table_metadata, self.lineage, self.settings)

    @once
    def catalog(self) -> "DashboardCatalog":
        """Loads saved dashboards, parsed."""
        from shared.dashboards.saved.catalog import DashboardCatalog

        return DashboardCatalog(self.database)

    @once
    def saved_dashboards(self) -> "SavedDashboardReader":
        """Lists saved dashboards and reads their versions."""
        from shared.dashboards.saved.listing import SavedDashboardReader

        return SavedDashboardReader(self.database, self.clock, self.settings.usd_per_tib)

    @once
    def version_comparison(self) -> "VersionComparison":
        """Compares saved versions."""
        from shared.dashboards.saved.comparison import VersionComparison

        return VersionComparison(self.saved_dashboards)

    @once
    def head_cache(self) -> "HeadCache":
        """Which version of a dashboard is current, from the cache."""
        from shared.dashboards.saved.head_cache import HeadCache

        return HeadCache(self.cache, self.database)

    @once
    def validation(self) -> "ValidationService":
        """Validates dashboards without the warehouse."""
        from shared.dashboards.validation import ValidationService

        return ValidationService(self.settings)

    @once
    def compilation(self) -> "CompilationService":
        """Validates dashboards and plans their queries by dry runs."""
        from shared.dashboards.plans.compilation import CompilationService

        return CompilationService(
            self.validation, self.warehouse, self.source_states, self.database, self.settings, self.clock
        )
