"""Payloads on their way to where `/data` finds them: a blob each, a row that names it, a copy in the cache."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from shared.cache.cache import Cache
from shared.dashboards.keys import payload_key, payload_path, pointer_key
from shared.dashboards.plans.expansion import VariantQueries
from shared.dashboards.saved.catalog import SavedDashboard
from shared.database.models.runs import Payload as PayloadRow
from shared.database.models.runs import QueryResult
from shared.database.repositories.payloads import PayloadKey
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import AlmanacError, DependencyUnavailableError
from shared.precompute.payload.cached_blobs import POINTER_TTL_SECONDS, Pointer, make_copy
from shared.precompute.payload.payload import Payload
from shared.settings import Settings
from shared.storage.blob import BlobStore, BlobWrite

REPLACED_KEPT_FOR = timedelta(hours=1)
"""How long a payload that was replaced stays for who found its path just before."""
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuiltPayload:
    """A payload, encoded, under the path it lies at."""

    payload: Payload
    variant: VariantQueries
    path: str
    data: bytes

    @property
    def key(self) -> str:
        """Its variant's hash."""
        return self.variant.variant_hash


class PayloadKeeper:
    """Keeps payloads that were built from results which still are the newest."""

    def __init__(
        self,
        database: Database,
        cache: Cache,
        open_store: Callable[[], BlobStore],
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._cache = cache
        self._open_store = open_store
        self._settings = settings
        self._clock = clock

    def load(self, dashboard: SavedDashboard, variant_hashes: list[str]) -> dict[str, Payload]:
        """The payloads that are served now, by variant; those of another format are left out."""
        keys = [(dashboard.dashboard_id, dashboard.version, key) for key in variant_hashes]
        with self._database.begin() as uow:
            rows = list(uow.payloads.get_many(keys).values())
        blobs = self._open_store().read_blobs([row.blob_path for row in rows]) if rows else []
        found: dict[str, Payload] = {}
        for row, blob in zip(rows, blobs, strict=True):
            if blob is not None:
                try:
                    found[row.variant_hash] = Payload.from_bytes(blob.data)
                except ValueError as error:
                    _LOGGER.warning("%s is not read: %s", row.blob_path, error)
        return found

    def keep(
        self,
        dashboard: SavedDashboard,
        payloads: Mapping[str, Payload],
        variants: Mapping[str, VariantQueries],
        rows: Mapping[str, QueryResult],
    ) -> list[AlmanacError] | None:
        """Store payloads, by variant, that were built from `rows`; problems that it left.

        None, and nothing is changed, when one of the results is not the newest any more. The dashboard is
        locked for the comparison and the rows only: a save does not wait for the store. A payload that was
        checked later stays.
        """
        built = [self._encode(dashboard, payload, variants[key]) for key, payload in payloads.items()]
        if built:
            self._open_store().write_blobs(
                [BlobWrite(one.path, one.data) for one in built],
                message=f"Payloads of {dashboard.slug} version {dashboard.version}",
                author="precompute",
            )
        with self._database.begin() as uow:
            uow.dashboards.lock_by_slugs([dashboard.slug])
            newest = _describe(uow.query_results.lock_many(_list_fingerprints(variants))) == _describe(rows)
            stored = self._write_rows(uow, dashboard, built) if newest else {}
            useless = [one.path for one in built if _row_key(dashboard, one.key) not in stored]
            uow.expired_blobs.add_many(useless, self._clock() + REPLACED_KEPT_FOR)
        return self._tell_cache(dashboard, built, stored) if newest else None

    def _encode(self, dashboard: SavedDashboard, payload: Payload, variant: VariantQueries) -> BuiltPayload:
        path = payload_path(dashboard.slug, dashboard.version, variant.variant_hash, uuid4())
        return BuiltPayload(payload, variant, path, payload.to_bytes())

    def _write_rows(
        self, uow: UnitOfWork, dashboard: SavedDashboard, built: list[BuiltPayload]
    ) -> dict[PayloadKey, datetime]:
        before = uow.payloads.get_many([_row_key(dashboard, one.key) for one in built])
        stored = uow.payloads.upsert_many([_make_row(dashboard, one) for one in built])
        replaced = [row.blob_path for key, row in before.items() if key in stored]
        uow.expired_blobs.add_many(replaced, self._clock() + REPLACED_KEPT_FOR)
        return stored

    def _tell_cache(
        self, dashboard: SavedDashboard, built: list[BuiltPayload], stored: Mapping[PayloadKey, datetime]
    ) -> list[AlmanacError]:
        slug, version = dashboard.slug, dashboard.version
        kept = [one for one in built if _row_key(dashboard, one.key) in stored]
        copies = {payload_key(slug, one.key, version): make_copy(one.path, one.data) for one in kept}
        pointers = {
            pointer_key(slug, one.key, version): Pointer(
                one.path, stored[_row_key(dashboard, one.key)]
            ).stamped
            for one in kept
        }
        try:
            self._cache.set_many(copies, self._settings.cache_ttl_seconds)
            self._cache.set_newest_many(pointers, POINTER_TTL_SECONDS)
        except DependencyUnavailableError as error:
            return [
                DependencyUnavailableError(
                    f"{error.message} Earlier answers of {slug} may be served for "
                    f"{POINTER_TTL_SECONDS} s more; the new ones are kept.",
                    remediation="Look at the cache; nothing has to be computed again.",
                )
            ]
        return []


def _make_row(dashboard: SavedDashboard, one: BuiltPayload) -> PayloadRow:
    payload = one.payload
    return PayloadRow(
        dashboard_id=dashboard.dashboard_id, version=dashboard.version, variant_hash=one.key,
        parameters=one.variant.parameters, etag=payload.content_sha256, blob_path=one.path,
        as_of=payload.as_of, checked_at=payload.checked_at, byte_count=payload.fragment.size,
        on_demand=not dashboard.head.lists(one.variant.parameters),
        fingerprints=sorted(set(one.variant.fingerprints.values())),
    )  # fmt: skip


def _row_key(dashboard: SavedDashboard, variant_hash: str) -> PayloadKey:
    return dashboard.dashboard_id, dashboard.version, variant_hash


def _list_fingerprints(variants: Mapping[str, VariantQueries]) -> list[str]:
    return sorted({key for variant in variants.values() for key in variant.fingerprints.values()})


def _describe(rows: Mapping[str, QueryResult]) -> dict[str, tuple[str, object]]:
    """What a payload would show of results. When they were checked is left to the comparison of `checked_at`."""
    return {key: (row.blob_path, row.refresh_error) for key, row in rows.items()}
