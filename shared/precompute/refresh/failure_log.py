"""Failed refreshes: kept, served beside the last good result, and counted."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from shared.database.models.runs import QueryFailure, QueryResult
from shared.database.repositories.query_results import RefreshFailure
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError
from shared.json_values import JsonObject

_LOGGER = logging.getLogger(__name__)


class FailureLog:
    """Writes why queries could not be refreshed, and reads it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def describe(self, error: AlmanacError) -> JsonObject:
        """The failure as it is kept and served."""
        return {"code": error.code.value, "message": error.message, "at": self._clock().isoformat()}

    def record(self, fingerprint: str, slug: str, fence: int, error: JsonObject) -> QueryResult | None:
        """Keep why a query failed under the lease with this fence, touching neither its result nor its `as_of`.

        The newer result instead, when a successor has stored one: then nothing is wrong with the query.
        """
        with self._database.begin() as uow:
            stored = uow.query_results.get_many([fingerprint]).get(fingerprint)
            if stored is not None and stored.fence > fence:
                return stored
            uow.query_results.record_failures([RefreshFailure(fingerprint, fence, error)])
            uow.query_failures.upsert_many([QueryFailure(fingerprint=fingerprint, fence=fence, error=error)])
        # What alerts count: deploy/monitoring/log-metrics.json.
        _LOGGER.warning(
            "A query was not refreshed: %s",
            error["message"],
            extra={"refresh_error": error["code"], "dashboard": slug},
        )
        return None

    def read_errors(self, fingerprints: Sequence[str]) -> dict[str, JsonObject]:
        """Why those of the queries failed whose newest refresh did."""
        with self._database.begin() as uow:
            failures = uow.query_failures.get_many(fingerprints)
        return {key: failure.error for key, failure in failures.items()}
