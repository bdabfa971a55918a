"""Database, cache and blob stores, and the record of actions: what all other services stand on."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from shared.once import once
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.auth.action_log import ActionLog
    from shared.cache.cache import Cache
    from shared.database.unit_of_work import Database
    from shared.storage.blob import BlobStore


class StoreServices:
    """Builds what a process stands on: database, cache, blob stores and the record of actions."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.clock = clock

    @once
    def database(self) -> "Database":
        """The connections to PostgreSQL, and units of work on them."""
        from shared.database.unit_of_work import Database

        return Database(self.settings)

    @once
    def cache(self) -> "Cache":
        """The cache that CACHE_URL names: Redis or Valkey, or the process's own memory."""
        from shared.cache.factory import open_cache

        return open_cache(self.settings)

    @once
    def dashboard_store(self) -> "BlobStore":
        """The blob store of dashboard files that DASHBOARD_STORE_URL names."""
        from shared.storage.factory import open_dashboard_store

        return open_dashboard_store(self.settings)

    @once
    def payload_store(self) -> "BlobStore":
        """The blob store of results and payloads that PAYLOAD_STORE_URL names."""
        from shared.storage.factory import open_payload_store

        return open_payload_store(self.settings)

    @once
    def action_log(self) -> "ActionLog":
        """The writer of `actions`: who did what."""
        from shared.auth.action_log import ActionLog

        return ActionLog(self.database, self.clock)
