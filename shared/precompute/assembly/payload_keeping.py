"""Payloads on their way to where `/data` finds them: a blob each, a row that names it, a copy in the cache.

A payload whose content is kept already is only marked as checked: its row and its pointer say the new time, its blob
and its copy stay what they are.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from shared.cache.cache import Cache
from shared.dashboards.keys import payload_key, payload_path, pointer_key
from shared.dashboards.saved.catalog import SavedDashboard
from shared.database.models.runs import Payload as PayloadRow
from shared.database.models.runs import QueryResult
from shared.database.repositories.payloads import PayloadCheck, PayloadKey
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import AlmanacError, DependencyUnavailableError
from shared.precompute.assembly.payload_building import PayloadOutline
from shared.precompute.payload.cached_blobs import POINTER_TTL_SECONDS, Pointer, make_copy
from shared.precompute.payload.payload import Payload
from shared.settings import Settings
from shared.storage.blob import BlobStore, BlobWrite

REPLACED_KEPT_FOR = timedelta(hours=1)
"""How long a payload that was replaced stays for who found its path just before."""
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuiltPayload:
    """A payload that was built anew, and when its data was last known to be current."""

    outline: PayloadOutline
    payload: Payload
    checked_at: datetime


@dataclass(frozen=True)
class KeptPayload:
    """A payload whose content is kept already, in the row `before`; checked at `checked_at`."""

    before: PayloadRow
    checked_at: datetime


@dataclass(frozen=True)
class _Written:
    """A payload that was built, under the path its blob lies at."""

    row: PayloadRow
    data: bytes


class PayloadKeeper:
    """Keeps payloads that were built from results which still are the newest."""

    def __init__(
        self,
        database: Database,
        cache: Cache,
        store: BlobStore,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._cache = cache
        self._store = store
        self._settings = settings
        self._clock = clock

    def find_rows(self, dashboard: SavedDashboard, variant_hashes: Sequence[str]) -> dict[str, PayloadRow]:
        """The rows of the payloads that are served now, by variant."""
        keys = [(dashboard.dashboard_id, dashboard.version, key) for key in variant_hashes]
        with self._database.begin() as uow:
            return {row.variant_hash: row for row in uow.payloads.get_many(keys).values()}

    def find_lost(self, rows: Sequence[PayloadRow]) -> set[str]:
        """The variants of those rows whose blob is not there any more."""
        if not rows:
            return set()
        lost = self._store.find_missing([row.blob_path for row in rows])
        return {row.variant_hash for row in rows if row.blob_path in lost}

    def load(self, rows: Sequence[PayloadRow]) -> dict[str, Payload]:
        """The payloads of rows, by variant; those that are lost or of another format are left out."""
        blobs = self._store.read_blobs([row.blob_path for row in rows]) if rows else []
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
        built: Sequence[BuiltPayload],
        kept: Sequence[KeptPayload],
        rows: Mapping[str, QueryResult],
        fingerprints: Sequence[str],
    ) -> list[AlmanacError] | None:
        """Store payloads that were built, or found to be kept, from `rows`; problems that it left.

        None, and nothing is changed, when one of the results is not the newest any more. The dashboard is
        locked for the comparison and the rows only: a save does not wait for the store. A payload that was
        checked later stays.
        """
        written = self._write_blobs(dashboard, built)
        moved = [one for one in kept if one.before.checked_at < one.checked_at]
        with self._database.begin() as uow:
            uow.dashboards.lock_by_slugs([dashboard.slug])
            newest = _describe(uow.query_results.lock_many(fingerprints)) == _describe(rows)
            stored = self._write_rows(uow, written) if newest else {}
            useless = [one.row.blob_path for one in written if _key(one.row) not in stored]
            uow.expired_blobs.add_many(useless, self._clock() + REPLACED_KEPT_FOR)
            checked = uow.payloads.mark_checked_many([_make_check(one) for one in moved] if newest else [])
        if not newest:
            return None
        copies = {one.row.variant_hash: one for one in written if _key(one.row) in stored}
        pointers = {
            key: (one.row.blob_path, one.row.checked_at, stored[_key(one.row)]) for key, one in copies.items()
        }
        pointers |= {
            one.before.variant_hash: (one.before.blob_path, one.checked_at, checked[_key(one.before)])
            for one in moved
            if _key(one.before) in checked
        }
        return self._tell_cache(dashboard, copies, pointers)

    def _write_blobs(self, dashboard: SavedDashboard, built: Sequence[BuiltPayload]) -> list[_Written]:
        written = [_Written(_make_row(dashboard, one), one.payload.to_bytes()) for one in built]
        if written:
            self._store.write_blobs(
                [BlobWrite(one.row.blob_path, one.data) for one in written],
                message=f"Payloads of {dashboard.slug} version {dashboard.version}",
                author="precompute",
            )
        return written

    def _write_rows(self, uow: UnitOfWork, written: Sequence[_Written]) -> dict[PayloadKey, datetime]:
        before = uow.payloads.get_many([_key(one.row) for one in written])
        stored = uow.payloads.upsert_many([one.row for one in written])
        replaced = [row.blob_path for key, row in before.items() if key in stored]
        uow.expired_blobs.add_many(replaced, self._clock() + REPLACED_KEPT_FOR)
        return stored

    def _tell_cache(
        self,
        dashboard: SavedDashboard,
        written: Mapping[str, _Written],
        pointers: Mapping[str, tuple[str, datetime, datetime]],
    ) -> list[AlmanacError]:
        """`pointers` are path, time of the check and time of writing it, by variant."""
        slug, version = dashboard.slug, dashboard.version
        copies = {
            payload_key(slug, key, version): make_copy(one.row.blob_path, one.data)
            for key, one in written.items()
        }
        stamped = {
            pointer_key(slug, key, version): Pointer(path, checked_at).stamp(written_at)
            for key, (path, checked_at, written_at) in pointers.items()
        }
        try:
            self._cache.set_many(copies, self._settings.cache_ttl_seconds)
            self._cache.set_newest_many(stamped, POINTER_TTL_SECONDS)
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
    variant, payload = one.outline.variant, one.payload
    return PayloadRow(
        dashboard_id=dashboard.dashboard_id, version=dashboard.version, variant_hash=variant.variant_hash,
        parameters=variant.parameters, etag=payload.content_sha256,
        blob_path=payload_path(dashboard.slug, dashboard.version, variant.variant_hash, uuid4()),
        as_of=payload.as_of, checked_at=one.checked_at, byte_count=payload.fragment.size,
        on_demand=not dashboard.head.lists(variant.parameters),
        fingerprints=sorted(set(variant.fingerprints.values())),
    )  # fmt: skip


def _make_check(one: KeptPayload) -> PayloadCheck:
    return PayloadCheck(one.before.id, one.before.blob_path, one.checked_at)


def _key(row: PayloadRow) -> PayloadKey:
    return row.dashboard_id, row.version, row.variant_hash


def _describe(rows: Mapping[str, QueryResult]) -> dict[str, tuple[str, object]]:
    """What a payload would show of results. When they were checked is left to the comparison of `checked_at`."""
    return {key: (row.blob_path, row.refresh_error) for key, row in rows.items()}
