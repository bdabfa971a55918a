"""Where index and blob store differ, and bringing them together again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.dashboards.keys import DASHBOARDS_FOLDER
from shared.dashboards.saved.head_cache import HeadCache
from shared.database.repositories.versions import StoredVersion
from shared.database.unit_of_work import Database
from shared.precompute.service import PrecomputeService
from shared.saving.publishing import BlobPublisher, ChangedFile, list_files
from shared.storage.blob import BlobStore


class DriftKind(StrEnum):
    """How a file differs from what was saved."""

    PENDING = "pending"
    CHANGED = "changed"
    REMOVED = "removed"
    EDITED = "edited"
    UNKNOWN = "unknown"


EXPLANATIONS = {
    DriftKind.PENDING: "The version is saved and its files are not in the store yet; a repair writes them.",
    DriftKind.CHANGED: "The store has other content than the version; save that content, or put it back.",
    DriftKind.REMOVED: "The store has the file no more; the next save writes it again.",
    DriftKind.EDITED: "The working file was edited and not committed; save the edit, or undo it.",
    DriftKind.UNKNOWN: "No saved dashboard has this file; save it, or remove it.",
}


@dataclass(frozen=True)
class DriftEntry:
    """One difference. `slug` and `version` are None for a file that belongs to no saved dashboard."""

    kind: DriftKind
    path: str
    slug: str | None
    version: int | None

    @property
    def explanation(self) -> str:
        """What it means and what to do."""
        return EXPLANATIONS[self.kind]


@dataclass(frozen=True)
class Repair:
    """What a repair wrote, by slug and version, and the drift that is left for people to decide."""

    written: tuple[tuple[str, int], ...]
    remaining: tuple[DriftEntry, ...]


class DriftService:
    """Compares what is saved with what is in the blob store."""

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        publisher: BlobPublisher,
        heads: HeadCache,
        precompute: PrecomputeService,
    ) -> None:
        self._database = database
        self._store = store
        self._publisher = publisher
        self._heads = heads
        self._precompute = precompute

    def find_drift(self) -> list[DriftEntry]:
        """Every difference, sorted by path."""
        with self._database.begin() as uow:
            current = uow.versions.list_stored()
            pending = uow.versions.list_pending(list(current))
        stored = {info.path: info.revision for info in self._store.list_blobs(f"{DASHBOARDS_FOLDER}/")}
        doubtful = [slug for slug, one in current.items() if not _is_stored(one, stored)]
        known, changed = self._read_doubtful(doubtful) if doubtful else (set(), [])
        known |= {one.blob_path for one in current.values()} | {one.path for one in changed}
        strangers = [path for path in stored if path not in known]
        entries = [
            *(DriftEntry(DriftKind.PENDING, x.row.blob_path, x.slug, x.row.version) for x in pending),
            *(_describe(one) for one in changed),
            *(DriftEntry(DriftKind.UNKNOWN, path, None, None) for path in strangers),
            *(DriftEntry(DriftKind.EDITED, path, None, None) for path in self._store.list_drift()),
        ]
        return sorted(entries, key=lambda entry: (entry.path, entry.kind, entry.version or 0))

    def _read_doubtful(self, slugs: Sequence[str]) -> tuple[set[str], list[ChangedFile]]:
        """The files of the current versions of `slugs`, and those that were changed outside."""
        with self._database.begin() as uow:
            rows = uow.versions.get_current(slugs)
        files = {path for slug, row in rows.items() for path in list_files(slug, row)}
        return files, self._publisher.find_changed_files(slugs)

    def repair_drift(self) -> Repair:
        """Write the files of pending versions and make every current version the one that is served.

        Files changed outside are left alone: which content is right, only people know.
        """
        with self._database.begin() as uow:
            live = uow.dashboards.list_live()
            slugs = [row.slug for row in live]
            pending = [(one.slug, one.row.version) for one in uow.versions.list_pending(slugs)]
            served = uow.payloads.find_last_checks([row.id for row in live])
        revisions = self._publisher.publish_pending(sorted({slug for slug, _ in pending}))
        self._heads.renew_heads(slugs)
        self._precompute.assemble_dashboards([row.slug for row in live if row.id not in served])
        written = tuple(key for key in pending if key in revisions)
        return Repair(written, tuple(self.find_drift()))


def _is_stored(one: StoredVersion, revisions: Mapping[str, str]) -> bool:
    """Whether the revisions alone, by path, say that the store has the version: no text has to be read for that."""
    return (
        not one.has_files
        and one.blob_revision is not None
        and revisions.get(one.blob_path) == one.blob_revision
    )


def _describe(one: ChangedFile) -> DriftEntry:
    kind = DriftKind.REMOVED if one.found is None else DriftKind.CHANGED
    return DriftEntry(kind, one.path, one.slug, one.version or None)
