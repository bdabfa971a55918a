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
    """Builds the services of dashboards: lineage, saved dashboards, validation and plans."""

    @once
    def lineage(self) -> "LineageService":
        """The service that stores lineage graphs in PostgreSQL and reads them."""
        from shared.lineage.service import LineageService

        return LineageService(self.database, self.clock)

    @once
    def dashboard_lineage(self) -> "DashboardLineage":
        """The extractor of a dashboard's lineage, which stores it with its version."""
        from shared.dashboards.plans.lineage import DashboardLineage

        return DashboardLineage(self.table_metadata, self.lineage, self.settings)

    @once
    def catalog(self) -> "DashboardCatalog":
        """The loader of saved dashboards, which parses and checks them."""
        from shared.dashboards.saved.catalog import DashboardCatalog

        return DashboardCatalog(self.database)

    @once
    def saved_dashboards(self) -> "SavedDashboardReader":
        """The service that lists saved dashboards and reads their versions."""
        from shared.dashboards.saved.listing import SavedDashboardReader

        return SavedDashboardReader(self.database, self.clock, self.settings.usd_per_tib)

    @once
    def version_comparison(self) -> "VersionComparison":
        """The service that compares two saved versions."""
        from shared.dashboards.saved.comparison import VersionComparison

        return VersionComparison(self.saved_dashboards)

    @once
    def head_cache(self) -> "HeadCache":
        """The cache of which version of a dashboard is current, and of its parameters."""
        from shared.dashboards.saved.head_cache import HeadCache

        return HeadCache(self.cache, self.database)

    @once
    def validation(self) -> "ValidationService":
        """The service that validates dashboards without the warehouse."""
        from shared.dashboards.validation import ValidationService

        return ValidationService(self.settings)

    @once
    def compilation(self) -> "CompilationService":
        """The service that validates dashboards and plans their queries by dry runs."""
        from shared.dashboards.plans.compilation import CompilationService

        return CompilationService(
            self.validation,
            self.warehouse,
            self.kept_dry_runs,
            self.source_states,
            self.database,
            self.settings,
            self.clock,
        )
