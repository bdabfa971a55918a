"""Payloads and results found again in the payload store, when the rows that named them are lost, for no warehouse byte.

A payload says of itself which variant of which version it is, and of each of its results where it lies, how old it is
and what its sources were then. When it was last checked is not kept with it: until the next refresh looks at the
sources, it was when it was computed.
"""

import hashlib
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.dashboards.definition.head import DashboardHead, hash_variant
from shared.database.models.dashboards import DashboardVersion
from shared.database.models.runs import Payload as PayloadRow
from shared.database.models.runs import QueryResult
from shared.database.repositories.payloads import PayloadKey
from shared.database.unit_of_work import Database, UnitOfWork
from shared.json_values import JsonObject
from shared.precompute.assembly.result_store import list_result_paths
from shared.precompute.payload.payload import Payload, PayloadResult
from shared.settings import Settings
from shared.storage.blob import BlobStore

_AT_ONCE = 200
_PAYLOAD = re.compile(
    r"payloads/(?P<slug>[a-z0-9-]+)/(?P<version>[0-9]{1,9})/(?P<variant>[0-9a-f]{64})/[0-9a-f]{32}"
)
_RESULT = re.compile(
    r"results/[0-9a-f]{2}/(?P<fingerprint>[0-9a-f]{64})/(?P<sha256>[0-9a-f]{64})-[0-9a-f]{32}"
)


@dataclass
class RecoveryReport:
    """Rows that were written for payloads and results, blobs that were found to be nobody's, and what is amiss."""

    payloads: int = 0
    results: int = 0
    expired: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """A payload, and the row that it had."""

    payload: Payload
    row: PayloadRow


@dataclass(frozen=True)
class _Source:
    """Where a result lies, how old it is, and what its sources were."""

    path: str
    as_of: datetime
    source_state: JsonObject


class ResultRecovery:
    """Writes the rows of payloads and results again."""

    def __init__(
        self, database: Database, store: BlobStore, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._store = store
        self._settings = settings
        self._clock = clock

    def recover(self, *, dry_run: bool) -> RecoveryReport:
        """Find what belongs to a saved version and has no row, or one whose blob is gone; a dry run counts it."""
        report = RecoveryReport()
        paths: dict[tuple[str, int], list[str]] = defaultdict(list)
        for info in self._store.list_blobs("payloads/"):
            if found := _PAYLOAD.fullmatch(info.path):
                paths[found["slug"], int(found["version"])].append(info.path)
        used: set[str] = set()
        sources: dict[str, _Source] = {}
        keys = sorted(paths)
        for start in range(0, len(keys), _AT_ONCE):
            some = {key: paths[key] for key in keys[start : start + _AT_ONCE]}
            self._recover_payloads(some, used, sources, report, dry_run=dry_run)
        fingerprints = sorted(sources)
        for start in range(0, len(fingerprints), _AT_ONCE):
            chosen = {key: sources[key] for key in fingerprints[start : start + _AT_ONCE]}
            self._recover_results(chosen, report, dry_run=dry_run)
        known = {path for found in paths.values() for path in found}
        self._expire(known - used, used, report, dry_run=dry_run)
        return report

    def _recover_payloads(
        self,
        paths: Mapping[tuple[str, int], Sequence[str]],
        used: set[str],
        sources: dict[str, _Source],
        report: RecoveryReport,
        *,
        dry_run: bool,
    ) -> None:
        with self._database.begin() as uow:
            versions = uow.versions.get_many(list(paths))
        chosen: dict[PayloadKey, _Found] = {}
        for key, found in paths.items():
            if key not in versions:
                report.problems.append(
                    f"{len(found)} payloads of {key[0]} version {key[1]}, which is not saved, are left alone."
                )
                used.update(found)
                continue
            for one in self._read(found, versions[key], report):
                place = one.row.dashboard_id, one.row.version, one.row.variant_hash
                if place not in chosen or _rank(one) > _rank(chosen[place]):
                    chosen[place] = one
        with self._database.begin() as uow:
            rows = uow.payloads.get_many(list(chosen))
            lost = self._store.find_missing([row.blob_path for row in rows.values()])
            new = {key: one for key, one in chosen.items() if key not in rows or rows[key].blob_path in lost}
            if not dry_run:
                uow.payloads.upsert_many([one.row for one in new.values()])
        report.payloads += len(new)
        used.update(row.blob_path for row in rows.values())
        used.update(one.row.blob_path for one in chosen.values())
        for one in chosen.values():
            _note_sources(one.payload, sources, used)

    def _read(
        self, paths: Sequence[str], version: DashboardVersion, report: RecoveryReport
    ) -> Iterator[_Found]:
        head = DashboardHead.from_definition(version.version, version.definition or {})
        for path, blob in zip(paths, self._store.read_blobs(paths), strict=True):
            try:
                if blob is not None:
                    yield _read_payload(path, blob.data, head, version)
            except ValueError as error:
                report.problems.append(f"{path} is not taken: {error}. The next refresh makes it again.")

    def _recover_results(
        self, sources: Mapping[str, _Source], report: RecoveryReport, *, dry_run: bool
    ) -> None:
        with self._database.begin() as uow:
            known = uow.query_results.get_many(list(sources))
        lost = self._store.find_missing([row.blob_path for row in known.values()])
        wanted = {
            key: one for key, one in sources.items() if key not in known or known[key].blob_path in lost
        }
        blobs = self._store.read_blobs([one.path for one in wanted.values()]) if wanted else []
        rows = []
        for (fingerprint, one), blob in zip(wanted.items(), blobs, strict=True):
            fence = known[fingerprint].fence if fingerprint in known else 0
            try:
                if blob is None:
                    raise ValueError("it is not there")
                rows.append(_make_result(fingerprint, one, blob.data, fence))
            except ValueError as error:
                report.problems.append(f"{one.path} is not taken: {error}. The next refresh runs its query.")
        report.results += len(rows)
        if rows and not dry_run:
            with self._database.begin() as uow:
                uow.query_results.upsert_many(rows)

    def _expire(self, payloads: set[str], used: set[str], report: RecoveryReport, *, dry_run: bool) -> None:
        """Have housekeeping delete, a retention later, what replaced payloads and results left behind."""
        with self._database.begin() as uow:
            kept = used | self._list_known_results(uow)
        results = {info.path for info in self._store.list_blobs("results/")} - kept
        strays = sorted(payloads | results)
        report.expired = len(strays)
        if strays and not dry_run:
            later = self._clock() + timedelta(days=self._settings.retention_days)
            with self._database.begin() as uow:
                uow.expired_blobs.add_many(strays, later)

    def _list_known_results(self, uow: UnitOfWork) -> set[str]:
        return set(list_result_paths(uow.query_results.list_paths()))


def _read_payload(path: str, stored: bytes, head: DashboardHead, version: DashboardVersion) -> _Found:
    """Raises ValueError for what is damaged, or not the payload of a variant of this version."""
    payload = Payload.from_bytes(stored)
    members: dict[str, Any] = json.loads(b"{" + payload.fragment.inflate() + b"}")
    parameters = members.get("parameters")
    variant_hash = path.split("/")[3]
    if not isinstance(parameters, dict) or parameters.keys() != {one.name for one in head.parameters}:
        raise ValueError("it has other parameters than its version")
    if hash_variant(parameters) != variant_hash:
        raise ValueError("it is of another variant than its name says")
    row = PayloadRow(
        dashboard_id=version.dashboard_id, version=version.version, variant_hash=variant_hash, parameters=parameters,
        etag=payload.content_sha256, blob_path=path, as_of=payload.as_of, checked_at=payload.as_of,
        byte_count=payload.fragment.size, on_demand=not head.lists(parameters),
        fingerprints=sorted({key for one in payload.results.values() if one and (key := _find_fingerprint(one))}),
    )  # fmt: skip
    return _Found(payload, row)


def _rank(one: _Found) -> tuple[datetime, datetime, bool, str]:
    """Of two payloads of a variant that with the newer results is the later one, and one without an error."""
    ages = [result.as_of for result in one.payload.results.values() if result]
    return one.payload.as_of, max(ages), not one.payload.has_error, one.row.blob_path


def _find_path(result: PayloadResult) -> str:
    return result.path.removesuffix(".arrow")


def _find_fingerprint(result: PayloadResult) -> str | None:
    found = _RESULT.fullmatch(_find_path(result))
    return found["fingerprint"] if found else None


def _note_sources(payload: Payload, sources: dict[str, _Source], used: set[str]) -> None:
    """Keep of each query the newest result that a payload is made of."""
    for name, result in payload.results.items():
        fingerprint = _find_fingerprint(result) if result else None
        if result is None or fingerprint is None:
            continue
        path = _find_path(result)
        used.update(list_result_paths([path]))
        if fingerprint not in sources or sources[fingerprint].as_of < result.as_of:
            state = payload.source_states.get(name, {})
            sources[fingerprint] = _Source(path, result.as_of, dict(state))


def _make_result(fingerprint: str, source: _Source, stored: bytes, fence: int) -> QueryResult:
    """Raises ValueError for what is damaged."""
    found = _RESULT.fullmatch(source.path)
    try:
        fragment = zlib.decompress(stored)
    except zlib.error as error:
        raise ValueError(f"it is damaged: {error}") from error
    if found is None or hashlib.sha256(fragment).hexdigest() != found["sha256"]:
        raise ValueError("it is damaged: its checksum is not that of its name")
    content = json.loads(fragment + b"}")
    return QueryResult(
        fingerprint=fingerprint,
        source_state=source.source_state,
        as_of=source.as_of,
        checked_at=source.as_of,
        row_count=content["rows"],
        byte_count=len(fragment),
        truncated=content["truncated"],
        columns=content["columns"],
        blob_path=source.path,
        content_sha256=found["sha256"],
        fence=fence,
        refresh_error=None,
    )
