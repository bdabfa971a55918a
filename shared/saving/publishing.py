"""Versions in the blob store.

PostgreSQL decides what a version is: a save commits its rows first, with no blob revision. Writing the blobs
comes after and is the same step whether it follows a save or repairs one that was killed in between, so that
there is no state from which it cannot go on. Files changed outside are never overwritten.

What a commit of the store says of the versions in it, so that the index can be read back from Git alone: the message
that was given comes first, then one paragraph of trailers: a version's number and its time to the microsecond stand
nowhere else in a commit. `git log` shows them, and rebasing keeps them.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from threading import Lock

from shared.dashboards.validators.parsed import is_same_content, list_content_blobs
from shared.database.models.dashboards import DashboardVersion
from shared.database.repositories.versions import PendingVersion
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import AlmanacError, ConflictError
from shared.storage.blob import ABSENT, Blob, BlobStore, BlobWrite, find_content_type

WAIT_SECONDS = 20.0
"""How long a save waits for others of this process to write their files; after that its own stay pending."""
_LOGGER = logging.getLogger(__name__)
_VERSION = "Almanac-Version"
_SAVED_AT = "Almanac-Saved-At"
_NOTE = re.compile(
    rf"(?P<message>.*)\n\n(?P<versions>(?:{_VERSION}: [a-z][a-z0-9-]*@[1-9][0-9]*\n)+)"
    rf"{_SAVED_AT}: (?P<saved_at>\S+)\n*",
    re.DOTALL,
)


@dataclass(frozen=True)
class VersionNote:
    """Versions that one save made, by slug and number, with the message it was given; it may be empty."""

    versions: tuple[tuple[str, int], ...]
    message: str
    saved_at: datetime

    def write(self) -> str:
        """The commit's message."""
        lines = [f"{_VERSION}: {slug}@{version}" for slug, version in self.versions]
        trailers = "\n".join([*lines, f"{_SAVED_AT}: {self.saved_at.isoformat()}"])
        return f"{self.message or describe_versions(self.versions)}\n\n{trailers}\n"

    @classmethod
    def read(cls, commit_message: str) -> "VersionNote | None":
        """The note in a commit's message; None when it holds none."""
        found = _NOTE.fullmatch(commit_message)
        if found is None:
            return None
        try:
            saved_at = datetime.fromisoformat(found["saved_at"])
        except ValueError:
            return None
        if saved_at.tzinfo is None:
            return None
        named = [line.removeprefix(f"{_VERSION}: ").split("@") for line in found["versions"].splitlines()]
        versions = tuple((slug, int(number)) for slug, number in named)
        message = found["message"]
        return cls(versions, "" if message == describe_versions(versions) else message, saved_at)


def describe_versions(versions: Sequence[tuple[str, int]]) -> str:
    """The message of a save that was given none."""
    return "Save " + ", ".join(f"{slug} version {version}" for slug, version in versions)


@dataclass(frozen=True)
class ChangedFile:
    """A file that is not what the last version in the store says: changed, or removed (`found` is None).

    `version` is 0 when no version of its dashboard was ever in the store.
    """

    slug: str
    path: str
    version: int
    found: str | None


@dataclass(frozen=True)
class _Expectation:
    """What may be at a path: `base` by the last version in the store, or one of `others`."""

    slug: str
    path: str
    version: int
    base: bytes | None
    others: tuple[bytes, ...]

    def is_met(self, blob: Blob | None) -> bool:
        found = blob.data if blob else None
        return any(is_same_content(found, expected) for expected in (self.base, *self.others))

    def describe(self, blob: Blob | None) -> ChangedFile:
        found = blob.data.decode(errors="replace") if blob else None
        return ChangedFile(self.slug, self.path, self.version, found)


@dataclass(frozen=True)
class _BlobPlan:
    """What one version needs: files to write, and files of the version before that it has no more.

    `yaml` writes the dashboard's own file, whether it has to be or not.
    """

    writes: list[BlobWrite]
    removals: list[str]
    yaml: BlobWrite


@dataclass(frozen=True)
class _Latest:
    """The last version of a dashboard that is in the store, and the current one of the index."""

    published: DashboardVersion | None
    current: DashboardVersion | None

    @property
    def numbers(self) -> tuple[int | None, int | None]:
        """Of both."""
        published, current = self.published, self.current
        return published.version if published else None, current.version if current else None

    @property
    def is_pending(self) -> bool:
        """Whether the store may lack a version."""
        published, current = self.numbers
        return published != current


class BlobPublisher:
    """Brings the blob store to what the index says."""

    def __init__(self, database: Database, store: BlobStore) -> None:
        self._database = database
        self._store = store
        self._mutex = Lock()

    def find_changed_files(
        self, slugs: Sequence[str], offered: Mapping[str, Mapping[str, bytes]] | None = None
    ) -> list[ChangedFile]:
        """Which files of the dashboards were changed outside since the last version in the store was written.

        `offered` are files about to be saved, by slug and path: where the store has something else at one of
        their paths although no version put it there, that counts too.
        """
        return self._compare_settled(self._read_latest(slugs), offered or {})

    def prepare_save(self, offered: Mapping[str, Mapping[str, bytes]]) -> list[ChangedFile]:
        """As `find_changed_files` of what is about to be saved, after what a save that was killed left to do."""
        slugs = list(offered)
        latest = self._read_latest(slugs)
        if any(one.is_pending for one in latest.values()):
            self.publish_pending(slugs)
            latest = self._read_latest(slugs)
        return self._compare_settled(latest, offered)

    def _read_latest(self, slugs: Sequence[str]) -> dict[str, _Latest]:
        with self._database.begin() as uow:
            published, current = uow.versions.get_published(slugs), uow.versions.get_current(slugs)
        return {slug: _Latest(published.get(slug), current.get(slug)) for slug in sorted(slugs)}

    def _compare_settled(
        self, latest: Mapping[str, _Latest], offered: Mapping[str, Mapping[str, bytes]]
    ) -> list[ChangedFile]:
        """As `_compare`, with an index that stood still meanwhile: another save's file is no change from outside."""
        while changed := self._compare(latest, offered):
            again = self._read_latest(list(latest))
            if all(again[slug].numbers == one.numbers for slug, one in latest.items()):
                break
            latest = again
        return changed

    def _compare(
        self, latest: Mapping[str, _Latest], offered: Mapping[str, Mapping[str, bytes]]
    ) -> list[ChangedFile]:
        expectations = [
            expectation
            for slug, versions in latest.items()
            for expectation in _list_expectations(
                slug, versions.published, versions.current, offered.get(slug, {})
            )
        ]
        blobs = self._store.read_blobs([one.path for one in expectations])
        pairs = zip(expectations, blobs, strict=True)
        return [one.describe(blob) for one, blob in pairs if not one.is_met(blob)]

    def publish_pending(self, slugs: Sequence[str]) -> dict[tuple[str, int], str]:
        """Write the versions of `slugs` that are not in the store yet, oldest first.

        Answers the store's revision of every version written, and of the current ones whoever wrote them, by
        slug and number. Each version's files are written together; where a file was changed outside it keeps
        its content, and the version stays pending. The store is written by one thread at a time.
        """
        with self._turn(slugs) as is_ours:
            return self._publish_all(slugs) if is_ours else {}

    def write_removed(self, slugs: Sequence[str]) -> list[tuple[str, int]]:
        """Write the files again that the store had of current versions and has no more; whose, by slug and number."""
        with self._turn(slugs) as is_ours, self._database.begin() as uow:
            uow.dashboards.lock_files(slugs)
            current = {
                slug: row for slug, row in uow.versions.get_current(slugs).items() if row.blob_revision
            }
            files = {slug: list_files(slug, row) for slug, row in current.items()}
            missing = self._store.find_missing([path for one in files.values() for path in one])
            removed = [slug for slug, one in files.items() if missing.intersection(one)] if is_ours else []
            for slug in removed:
                batch = [PendingVersion(slug, current[slug])]
                writes = [
                    BlobWrite(path, data, find_content_type(path), ABSENT)
                    for path, data in files[slug].items()
                    if path in missing
                ]
                self._write(batch, writes)
        return [(slug, current[slug].version) for slug in removed]

    @contextmanager
    def _turn(self, slugs: Sequence[str]) -> Iterator[bool]:
        """This thread's turn at the store; False when the others took too long."""
        # Who waits here holds no database connection, of which there are few.
        if not self._mutex.acquire(timeout=WAIT_SECONDS):
            _LOGGER.warning("The blob store is slow; %s stay pending", ", ".join(slugs))
            yield False
            return
        try:
            yield True
        finally:
            self._mutex.release()

    def try_publish_all(self) -> None:
        """Write what is pending of any dashboard; a failure is logged, and the next call goes on."""
        try:
            with self._database.begin() as uow:
                pending = {one.slug for one in uow.versions.list_pending()}
                live = {row.slug for row in uow.dashboards.list_live()} if pending else set()
            if slugs := sorted(pending & live):
                written = self.publish_pending(slugs)
                _LOGGER.info("%d of the pending versions are in the store now", len(written))
        except AlmanacError:
            _LOGGER.exception("Pending versions could not be written yet")

    def _publish_all(self, slugs: Sequence[str]) -> dict[tuple[str, int], str]:
        with self._database.begin() as uow:
            uow.dashboards.lock_files(slugs)
            pending = uow.versions.list_pending(slugs)
            revisions = {
                (slug, row.version): row.blob_revision
                for slug, row in uow.versions.get_current(slugs).items()
                if row.blob_revision is not None
            }
            # The same time, author and message mean one save: one commit for all its dashboards.
            for _, batch in groupby(sorted(pending, key=_name_save), key=_name_save):
                revisions |= self._publish(uow, list(batch))
        return revisions

    def _publish(self, uow: UnitOfWork, batch: Sequence[PendingVersion]) -> dict[tuple[str, int], str]:
        before = uow.versions.get_many([(one.slug, one.row.version - 1) for one in batch])
        plans = {one.row.id: self._plan(one, before.get((one.slug, one.row.version - 1))) for one in batch}
        ready = [one for one in batch if plans[one.row.id] is not None]
        for one in batch:
            if one not in ready:
                path, version = one.row.blob_path, one.row.version
                _LOGGER.error("%s was changed outside; version %d stays pending", path, version)
        chosen = [plan for plan in plans.values() if plan is not None]
        if not self._apply(ready, chosen):
            return {}
        found = self._store.read_blobs([one.row.blob_path for one in ready])
        revisions = {one.row.id: blob.revision for one, blob in zip(ready, found, strict=True) if blob}
        uow.versions.set_blob_revisions(revisions)
        return {
            (one.slug, one.row.version): revisions[one.row.id] for one in ready if one.row.id in revisions
        }

    def _apply(self, ready: Sequence[PendingVersion], plans: Sequence[_BlobPlan]) -> bool:
        """False when somebody changed a file between plan and write."""
        if not ready:
            return False
        writes = [write for plan in plans for write in plan.writes]
        removals = [path for plan in plans for path in plan.removals]
        # A history has every version, also one whose files somebody had put there before it was saved.
        writes = writes or [plan.yaml for plan in plans]
        try:
            self._write(ready, writes)
            if removals:
                message, author = _note(ready).write(), ready[0].row.author
                self._store.delete_blobs(removals, message=message, author=author)
        except ConflictError:
            _LOGGER.exception("Files were changed outside meanwhile; the versions stay pending")
            return False
        return True

    def _write(self, batch: Sequence[PendingVersion], writes: Sequence[BlobWrite]) -> None:
        first = batch[0].row
        self._store.write_blobs(
            writes, message=_note(batch).write(), author=first.author, saved_at=first.created_at
        )

    def _plan(self, one: PendingVersion, before: DashboardVersion | None) -> _BlobPlan | None:
        """What the version needs; None when a file is neither that of the version `before` nor this one's."""
        wanted = list_files(one.slug, one.row)
        previous = list_files(one.slug, before) if before else {}
        gone = [path for path in previous if path not in wanted]
        found = dict(zip([*wanted, *gone], self._store.read_blobs([*wanted, *gone]), strict=True))
        writes: dict[str, BlobWrite] = {}
        for path, data in wanted.items():
            blob = found[path]
            if not _is_ours(blob, previous.get(path), data):
                return None
            expected = blob.revision if blob else ABSENT
            writes[path] = BlobWrite(path, data, find_content_type(path), expected)
        removals = [
            path for path in gone if (blob := found[path]) and is_same_content(blob.data, previous[path])
        ]
        needed = [
            one for path, one in writes.items() if not ((blob := found[path]) and blob.data == one.data)
        ]
        return _BlobPlan(needed, removals, writes[one.row.blob_path])


def list_files(slug: str, row: DashboardVersion) -> Mapping[str, bytes]:
    """The files of a version by their path in the store."""
    return list_content_blobs(slug, row.yaml_text, row.files)


def _list_expectations(
    slug: str,
    published: DashboardVersion | None,
    current: DashboardVersion | None,
    offered: Mapping[str, bytes],
) -> list[_Expectation]:
    base = list_files(slug, published) if published else {}
    pending = list_files(slug, current) if current and current.blob_revision is None else {}
    version = published.version if published else 0
    return [
        _Expectation(
            slug, path, version, base.get(path),
            tuple(files[path] for files in (pending, offered) if path in files),
        )
        for path in dict.fromkeys([*base, *pending, *offered])
    ]  # fmt: skip


def _is_ours(blob: Blob | None, previous: bytes | None, wanted: bytes) -> bool:
    """Whether a file may be written over; one that Git gave other line breaks says what it said."""
    return blob is None or any(is_same_content(blob.data, one) for one in (previous, wanted))


def _name_save(one: PendingVersion) -> tuple[int, datetime, str, str]:
    return one.row.version, one.row.created_at, one.row.author, one.row.message


def _note(batch: Sequence[PendingVersion]) -> VersionNote:
    versions = tuple((one.slug, one.row.version) for one in batch)
    return VersionNote(versions, batch[0].row.message, batch[0].row.created_at)
