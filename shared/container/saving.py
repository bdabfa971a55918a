"""What changes a dashboard's current version; its payloads are assembled at once."""

from typing import TYPE_CHECKING

from shared.container.precompute import PrecomputeServices
from shared.once import once

if TYPE_CHECKING:
    from shared.saving.drift import DriftService
    from shared.saving.rollback import RollbackService
    from shared.saving.service import SavingService


class SavingServices(PrecomputeServices):
    """New current versions."""

    @once
    def saving(self) -> "SavingService":
        """New versions."""
        from shared.saving.service import SavingService

        return SavingService(
            self.compilation,
            self.dashboard_lineage,
            self.publisher,
            self.database,
            self.head_cache,
            self.precompute,
            self.clock,
        )

    @once
    def rollback(self) -> "RollbackService":
        """Earlier versions again."""
        from shared.saving.rollback import RollbackService

        return RollbackService(self.saving, self.database)

    @once
    def drift(self) -> "DriftService":
        """Index against blob store."""
        from shared.saving.drift import DriftService

        return DriftService(
            self.database,
            lambda: self.dashboard_store,
            self.publisher,
            self.head_cache,
            self.precompute,
        )
