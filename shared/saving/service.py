"""Saving dashboards: validate, plan, one transaction for all, then the blob store."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from shared.dashboards.plans.compilation import CompilationService
from shared.dashboards.plans.lineage import DashboardLineage
from shared.dashboards.plans.plan import report_late
from shared.dashboards.saved.head_cache import HeadCache
from shared.database.models.dashboards import Dashboard
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import AlmanacError, ValidationFailedError
from shared.lineage.model import LineageGraph
from shared.precompute.service import PrecomputeService
from shared.saving.candidate import Candidate, Decision
from shared.saving.conflicts import describe_conflict, report_changed_files, report_conflicts
from shared.saving.models import SavedVersion, SaveItem
from shared.saving.publishing import BlobPublisher
from shared.storage.blob import check_paths

_LOGGER = logging.getLogger(__name__)


class SavingService:
    """Makes versions."""

    def __init__(
        self,
        compilation: CompilationService,
        lineage: DashboardLineage,
        publisher: BlobPublisher,
        database: Database,
        heads: HeadCache,
        precompute: PrecomputeService,
        clock: Callable[[], datetime],
    ) -> None:
        self._compilation = compilation
        self._lineage = lineage
        self._publisher = publisher
        self._database = database
        self._heads = heads
        self._precompute = precompute
        self._clock = clock

    def save_dashboards(
        self, items: Sequence[SaveItem], *, author: str, message: str, dry_run: bool = False
    ) -> list[SavedVersion]:
        """Save all items or none, in input order.

        Raises ValidationFailedError when one is invalid, ConflictError when one was saved or changed outside
        in the meantime (with all sides). A dry run answers what would be and changes nothing.
        """
        candidates = self._compile(items, author)
        slugs = [one.slug for one in candidates]
        removed = self._refuse_changed_files(candidates, dry_run=dry_run)
        graphs = {} if dry_run else self._lineage.extract([one.compiled for one in candidates])
        with self._database.begin() as uow:
            dashboards = uow.dashboards.lock_by_slugs(slugs)
            decisions = self._decide(uow, candidates)
            if not dry_run:
                self._write(uow, decisions, dashboards, graphs, author, message)
        revisions = {} if dry_run else self._finish(decisions, removed)
        return [one.describe(revisions.get((one.candidate.slug, one.version))) for one in decisions]

    def _compile(self, items: Sequence[SaveItem], author: str) -> list[Candidate]:
        compiled = self._compilation.compile_dashboards(
            [item.source for item in items], actor=author, all_variants=True
        )
        invalid = [one for one in compiled if one.plan is None and not one.late_queries]
        late = report_late(compiled, "Nothing was saved")
        if invalid:
            details = [asdict(item) for one in invalid for item in one.diagnostics]
            names = list(dict.fromkeys(one.slug or one.path for one in invalid))
            verb = "is" if len(names) == 1 else "are"
            raise ValidationFailedError(
                f"Nothing was saved: {', '.join(names)} {verb} not valid.", details=details
            )
        if late:
            raise late
        return [
            Candidate.from_compiled(one, item.expected_version)
            for one, item in zip(compiled, items, strict=True)
        ]

    def _refuse_changed_files(self, candidates: Sequence[Candidate], *, dry_run: bool) -> list[str]:
        """A file changed outside may only be saved as it is there: its content must not be lost.

        Answers the dashboards of which files were removed.
        """
        offered = {one.slug: one.list_blobs() for one in candidates}
        check_paths([path for files in offered.values() for path in files])
        if dry_run:
            changed = self._publisher.find_changed_files(list(offered), offered)
        else:
            changed = self._publisher.prepare_save(offered)
        lost = [one for one in changed if one.found is not None]
        if lost:
            texts = {path: data.decode() for files in offered.values() for path, data in files.items()}
            raise report_changed_files(lost, texts)
        return sorted({one.slug for one in changed if one.version})

    def _decide(self, uow: UnitOfWork, candidates: Sequence[Candidate]) -> list[Decision]:
        """What saving each would mean. Raises ConflictError naming every one that was overtaken."""
        current = uow.versions.get_current([one.slug for one in candidates])
        decisions = [Decision.decide(one, current.get(one.slug)) for one in candidates]
        drafts = [draft for one in decisions if (draft := one.overtaken)]
        if drafts:
            bases = uow.versions.get_many([(one.slug, one.expected_version) for one in drafts])
            raise report_conflicts(
                [
                    describe_conflict(one, bases.get((one.slug, one.expected_version)), current.get(one.slug))
                    for one in drafts
                ]
            )
        return decisions

    def _write(
        self,
        uow: UnitOfWork,
        decisions: Sequence[Decision],
        dashboards: Mapping[str, Dashboard],
        graphs: Mapping[str, LineageGraph],
        author: str,
        message: str,
    ) -> None:
        now = self._clock()
        changed = {one.candidate.slug: one for one in decisions if one.changed}
        fresh = [one.make_dashboard(now) for slug, one in changed.items() if slug not in dashboards]
        ids = {row.slug: row.id for row in [*dashboards.values(), *uow.dashboards.create_many(fresh)]}
        uow.dashboards.update_many([one.make_update(ids[slug], now) for slug, one in changed.items()])
        uow.versions.create_many(
            [one.make_version(ids[slug], author, message, now) for slug, one in changed.items()]
        )
        for slug, one in changed.items():
            self._lineage.save(uow, ids[slug], one.version, graphs[slug])

    def _finish(self, decisions: Sequence[Decision], removed: Sequence[str]) -> Mapping[tuple[str, int], str]:
        """What follows once the rows are committed; the revisions of the blobs by slug and version."""
        revisions = self._publish([one.candidate.slug for one in decisions], removed)
        self._heads.write_heads([one.head for one in decisions])
        self._serve_at_once([one.candidate.slug for one in decisions if one.changed])
        return revisions

    def _publish(self, slugs: Sequence[str], removed: Sequence[str]) -> Mapping[tuple[str, int], str]:
        """A version is saved whether or not its blobs could be written: the next save or heartbeat does."""
        try:
            revisions = self._publisher.publish_pending(slugs)
            if removed:
                self._publisher.write_removed(removed)
            return revisions
        except AlmanacError:
            _LOGGER.exception("The files of %s could not be written yet", ", ".join(slugs))
            return {}

    def _serve_at_once(self, slugs: Sequence[str]) -> None:
        """What is computed already is served under the new versions, for nothing.

        A version is saved whether or not its payload could be assembled: precompute does it again.
        """
        try:
            self._precompute.assemble_dashboards(slugs)
        except AlmanacError:
            _LOGGER.exception("The payloads of %s could not be carried forward", ", ".join(slugs))
