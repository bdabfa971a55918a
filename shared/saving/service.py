"""Saving dashboards: validate, plan, one transaction for all, then the blob store."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from shared.dashboards.definition.head import DashboardHead
from shared.dashboards.diff_sides import make_compiled_side, read_saved_side
from shared.dashboards.keys import dashboard_path
from shared.dashboards.plans.compilation import CompilationService
from shared.dashboards.plans.late_dry_runs import report_late
from shared.dashboards.plans.lineage import DashboardLineage
from shared.dashboards.plans.plan import CompiledDashboard, DashboardPlan
from shared.dashboards.saved.catalog import dump_definition
from shared.dashboards.saved.content import hash_content, list_content_blobs, list_named_files, read_text
from shared.dashboards.saved.diff import DashboardDiff, make_diff
from shared.dashboards.saved.head_cache import HeadCache
from shared.dashboards.validators.parsed import DashboardSource
from shared.database.models.dashboards import Dashboard, DashboardVersion
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import AlmanacError, ValidationFailedError
from shared.lineage.model import LineageGraph
from shared.saving.conflicts import Draft, describe_conflict, report_changed_files, report_conflicts
from shared.saving.publishing import BlobPublisher
from shared.saving.rows import make_dashboard, make_update, make_version
from shared.storage.blob import check_paths

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class SaveItem:
    """One dashboard to save. With `expected_version` the current version must be that one; 0 means none yet."""

    source: DashboardSource
    expected_version: int | None = None


@dataclass(frozen=True)
class SavedVersion:
    """What a save left: `changed` is False when the content is that of the current version already.

    `blob_revision` is None when the blob store has the version still to come.
    """

    slug: str
    version: int
    changed: bool
    blob_path: str
    blob_revision: str | None
    content_sha256: str
    diff: DashboardDiff
    plan: DashboardPlan


class SavingService:
    """Makes versions."""

    def __init__(
        self,
        compilation: CompilationService,
        lineage: DashboardLineage,
        publisher: BlobPublisher,
        database: Database,
        heads: HeadCache,
        clock: Callable[[], datetime],
        carry_forward: Callable[[Sequence[str]], object],
    ) -> None:
        """`carry_forward` makes what is computed already servable under the new versions, for nothing."""
        self._compilation = compilation
        self._lineage = lineage
        self._publisher = publisher
        self._database = database
        self._heads = heads
        self._clock = clock
        self._carry_forward = carry_forward

    def save_dashboards(
        self, items: Sequence[SaveItem], *, author: str, message: str, dry_run: bool = False
    ) -> list[SavedVersion]:
        """Save all items or none, in input order.

        Raises ValidationFailedError when one is invalid, ConflictError when one was saved or changed outside
        in the meantime (with all sides). A dry run answers what would be and changes nothing.
        """
        compiled = self._compile(items, author)
        slugs = [one.plan.slug for one in compiled if one.plan]
        if not dry_run:
            self._publisher.publish_pending(slugs)  # what a save that was killed left to do
        self._refuse_changed_files(compiled)
        graphs = [] if dry_run else self._lineage.extract(compiled)
        with self._database.begin() as uow:
            dashboards = uow.dashboards.lock_by_slugs(slugs)
            results = self._decide(uow, compiled, items)
            if not dry_run:
                self._write(uow, compiled, results, dashboards, graphs, author, message)
        return results if dry_run else self._finish(compiled, results)

    def _compile(self, items: Sequence[SaveItem], author: str) -> list[CompiledDashboard]:
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
        return compiled

    def _refuse_changed_files(self, compiled: Sequence[CompiledDashboard]) -> None:
        """A file changed outside may only be saved as it is there: its content must not be lost."""
        offered = {one.plan.slug: _list_blobs(one, one.plan.slug) for one in compiled if one.plan}
        check_paths([path for files in offered.values() for path in files])
        changed = self._publisher.find_changed_files(list(offered), offered)
        lost = [one for one in changed if one.found is not None]
        if lost:
            texts = {path: data.decode() for files in offered.values() for path, data in files.items()}
            raise report_changed_files(lost, texts)

    def _decide(
        self, uow: UnitOfWork, compiled: Sequence[CompiledDashboard], items: Sequence[SaveItem]
    ) -> list[SavedVersion]:
        """What each item would leave. Raises ConflictError naming every one that was overtaken."""
        plans = [one.plan for one in compiled if one.plan]
        current = uow.versions.get_current([plan.slug for plan in plans])
        decided = [
            _compare(one, plan, current.get(plan.slug)) for one, plan in zip(compiled, plans, strict=True)
        ]
        overtaken = [
            Draft(plan.slug, item.expected_version, read_text(item.source), list_named_files(source.parsed))
            for plan, one, item, source in zip(plans, decided, items, compiled, strict=True)
            # Who sends what is saved already has nothing to merge: an answer was lost, and this is the retry.
            if item.expected_version is not None and one.changed and one.version - 1 != item.expected_version
        ]
        if overtaken:
            bases = uow.versions.get_many([(one.slug, one.expected_version) for one in overtaken])
            raise report_conflicts(
                [
                    describe_conflict(one, bases.get((one.slug, one.expected_version)), current.get(one.slug))
                    for one in overtaken
                ]
            )
        return decided

    def _write(
        self,
        uow: UnitOfWork,
        compiled: Sequence[CompiledDashboard],
        results: Sequence[SavedVersion],
        dashboards: Mapping[str, Dashboard],
        graphs: Sequence[LineageGraph],
        author: str,
        message: str,
    ) -> None:
        now = self._clock()
        changed = [
            (one, result, graph)
            for one, result, graph in zip(compiled, results, graphs, strict=True) if result.changed
        ]  # fmt: skip
        fresh = [make_dashboard(one, now) for one, result, _ in changed if result.slug not in dashboards]
        ids = {row.slug: row.id for row in [*dashboards.values(), *uow.dashboards.create_many(fresh)]}
        uow.dashboards.update_many([make_update(one, ids[r.slug], r.version, now) for one, r, _ in changed])
        uow.versions.create_many(
            [make_version(one, r, ids[r.slug], author, message, now) for one, r, _ in changed]
        )
        for _, result, graph in changed:
            self._lineage.save(uow, ids[result.slug], result.version, graph)

    def _finish(
        self, compiled: Sequence[CompiledDashboard], results: Sequence[SavedVersion]
    ) -> list[SavedVersion]:
        revisions = self._publish([result.slug for result in results])
        self._heads.write_heads(
            [
                DashboardHead.from_definition(result.version, dump_definition(one.parsed.definition))
                for one, result in zip(compiled, results, strict=True) if one.parsed.definition
            ]
        )  # fmt: skip
        self._serve_at_once([result.slug for result in results if result.changed])
        return [
            replace(result, blob_revision=revisions.get((result.slug, result.version), result.blob_revision))
            for result in results
        ]

    def _publish(self, slugs: Sequence[str]) -> Mapping[tuple[str, int], str]:
        """A version is saved whether or not its blobs could be written: the next save writes them."""
        try:
            return self._publisher.publish_pending(slugs)
        except AlmanacError:
            _LOGGER.exception("The files of %s could not be written yet", ", ".join(slugs))
            return {}

    def _serve_at_once(self, slugs: Sequence[str]) -> None:
        """A version is saved whether or not its payload could be assembled: precompute does it again."""
        try:
            self._carry_forward(slugs)
        except AlmanacError:
            _LOGGER.exception("The payloads of %s could not be carried forward", ", ".join(slugs))


def _list_blobs(one: CompiledDashboard, slug: str) -> dict[str, bytes]:
    return list_content_blobs(slug, read_text(one.parsed.source), list_named_files(one.parsed))


def _compare(one: CompiledDashboard, plan: DashboardPlan, current: DashboardVersion | None) -> SavedVersion:
    digest = hash_content(one.parsed)
    changed = current is None or current.content_sha256 != digest
    version = (current.version if current else 0) + changed
    return SavedVersion(
        slug=plan.slug,
        version=version,
        changed=changed,
        blob_path=dashboard_path(plan.slug),
        blob_revision=current.blob_revision if current and not changed else None,
        content_sha256=digest,
        diff=make_diff(
            read_saved_side(plan.slug, current) if current else None, make_compiled_side(one, plan, version)
        ),
        plan=plan,
    )
