"""The services that change what version of a dashboard is current, and what lies in the blob store."""

from typing import TYPE_CHECKING

from shared.container.precompute import PrecomputeServices
from shared.once import once

if TYPE_CHECKING:
    from shared.saving.drift import DriftService
    from shared.saving.publishing import BlobPublisher
    from shared.saving.restore.files import FilesRestorer
    from shared.saving.restore.index import IndexRestorer
    from shared.saving.rollback import RollbackService
    from shared.saving.service import SavingService
    from shared.storage.git_history import GitHistory


class SavingServices(PrecomputeServices):
    """Builds the services of saving: save, roll back, publish, find and repair drift."""

    @once
    def publisher(self) -> "BlobPublisher":
        """The publisher, which writes versions to the dashboard store."""
        from shared.saving.publishing import BlobPublisher

        return BlobPublisher(self.database, self.dashboard_store)

    @once
    def saving(self) -> "SavingService":
        """The service that saves dashboards as new versions."""
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
        """The service that saves earlier versions again."""
        from shared.saving.rollback import RollbackService

        return RollbackService(self.saving, self.database)

    @once
    def dashboard_history(self) -> "GitHistory | None":
        """The history of the dashboard store; None where it keeps none."""
        from shared.storage.factory import open_dashboard_history

        return open_dashboard_history(self.settings)

    @once
    def index_restorer(self) -> "IndexRestorer":
        """The restorer of the index, which reads it back from Git's commits."""
        from shared.saving.restore.index import IndexRestorer

        return IndexRestorer(
            self.dashboard_history,
            self.database,
            self.compilation,
            self.dashboard_lineage,
            self.head_cache,
        )

    @once
    def files_restorer(self) -> "FilesRestorer":
        """The restorer of the dashboard store, which writes it from the index."""
        from shared.saving.restore.files import FilesRestorer
        from shared.storage.factory import open_git_store

        store = open_git_store(self.settings)
        return FilesRestorer(self.database, self.publisher, store, self.dashboard_history)

    @once
    def drift(self) -> "DriftService":
        """The service that compares the index with the dashboard store, and repairs what was left to do."""
        from shared.saving.drift import DriftService

        return DriftService(
            self.database, self.dashboard_store, self.publisher, self.head_cache, self.precompute
        )
