"""The index read back from Git: dashboards and versions that PostgreSQL has lost, or does not know yet.

What PostgreSQL knows stays as it is: a database restored from an older backup gets what came after it, an empty one
gets everything. What the last commit holds no more was deleted and stays so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from shared.dashboards.keys import dashboard_path
from shared.dashboards.plans.compilation import CompilationService
from shared.dashboards.plans.lineage import DashboardLineage
from shared.dashboards.plans.plan import CompiledDashboard
from shared.dashboards.saved.catalog import dump_definition
from shared.dashboards.saved.head_cache import HeadCache
from shared.database.models.dashboards import Dashboard, DashboardVersion
from shared.database.repositories.dashboards import DashboardUpdate
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import AlmanacError, DependencyUnavailableError
from shared.lineage.model import LineageGraph
from shared.saving.candidate import describe_definition, dump_totals
from shared.saving.restore.reading import FoundHistory, FoundVersion, read_history
from shared.storage.git_history import GitHistory

ACTOR = "restore"
"""Who plans what is restored; dry runs are free."""
_AT_ONCE = 50


@dataclass
class IndexReport:
    """How many dashboards and versions were added, and dashboards found deleted; a sentence for all that is amiss."""

    dashboards: int = 0
    versions: int = 0
    deleted: int = 0
    known: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Missing:
    """What PostgreSQL lacks of one dashboard: `current` is its newest version, where that has to become current."""

    slug: str
    dashboard: Dashboard | None
    versions: Sequence[FoundVersion]
    first: FoundVersion
    current: FoundVersion | None
    deleted_at: datetime | None


class IndexRestorer:
    """Reads the index back."""

    def __init__(
        self,
        history: GitHistory | None,
        database: Database,
        compilation: CompilationService,
        lineage: DashboardLineage,
        heads: HeadCache,
    ) -> None:
        self._history = history
        self._database = database
        self._compilation = compilation
        self._lineage = lineage
        self._heads = heads

    def restore_index(self, *, dry_run: bool) -> IndexReport:
        """Add what Git has and PostgreSQL has not; a dry run says what that would be.

        Raises DependencyUnavailableError for a store without a history, and without PostgreSQL.
        """
        if self._history is None:
            raise DependencyUnavailableError(
                "The dashboard store keeps no history: the index cannot be read back from it.",
                remediation="Restore PostgreSQL from its backup: docs/operations.md, Backup and restore.",
            )
        found = read_history(self._history)
        report = IndexReport(problems=list(found.problems))
        slugs = sorted(found.versions)
        for start in range(0, len(slugs), _AT_ONCE):
            self._restore_some(slugs[start : start + _AT_ONCE], found, report, dry_run=dry_run)
        return report

    def _restore_some(
        self, slugs: Sequence[str], found: FoundHistory, report: IndexReport, *, dry_run: bool
    ) -> None:
        with self._database.begin() as uow:
            missing = self._compare(uow, slugs, found)
        compiled = {} if dry_run else self._compile([one.current for one in missing if one.current], report)
        graphs = self._extract(list(compiled.values()), report)
        with self._database.begin() as uow:
            # Compared again under the lock: somebody may have saved meanwhile.
            uow.dashboards.lock_by_slugs(slugs)
            missing = self._compare(uow, slugs, found, report)
            if not dry_run:
                self._write(uow, missing, compiled, graphs)
        if not dry_run:
            self._heads.renew_heads([one.slug for one in missing])
        report.dashboards += sum(one.dashboard is None for one in missing)
        report.versions += sum(len(one.versions) for one in missing)
        report.deleted += sum(one.deleted_at is not None for one in missing)
        report.known += sum(len(found.versions[slug]) for slug in slugs) - sum(
            len(one.versions) for one in missing
        )

    def _compare(
        self, uow: UnitOfWork, slugs: Sequence[str], found: FoundHistory, report: IndexReport | None = None
    ) -> list[_Missing]:
        """What is missing of each dashboard, of those of which something is."""
        known = uow.dashboards.find_all(slugs)
        wanted = [(slug, one.version) for slug in slugs for one in found.versions[slug]]
        there = uow.versions.get_many(wanted)
        missing = []
        for slug in slugs:
            dashboard, versions = known.get(slug), found.versions[slug]
            lacking = [one for one in versions if (slug, one.version) not in there]
            newest = versions[-1]
            is_newer = dashboard is None or newest.version > dashboard.current_version
            removed_at = found.removed_at.get(slug)
            # What PostgreSQL has saved since is not in Git yet: nobody has deleted that.
            is_deleted = is_newer or (
                dashboard is not None
                and dashboard.deleted_at is None
                and newest.version == dashboard.current_version
            )
            deleted_at = removed_at if is_deleted else None
            if report is not None:
                report.problems += _find_differences(versions, there)
                report.problems += [
                    f"{dashboard_path(slug)} is not in the last commit: {slug} is deleted, its versions are kept."
                ] * (deleted_at is not None)
            if lacking or deleted_at:
                current = newest if is_newer else None
                missing.append(_Missing(slug, dashboard, lacking, versions[0], current, deleted_at))
        return missing

    def _compile(self, versions: Sequence[FoundVersion], report: IndexReport) -> dict[str, CompiledDashboard]:
        """The plans of versions by slug, for their totals and lineage; without BigQuery there are none."""
        sources = [one.parsed.source for one in versions if one.parsed.definition is not None]
        try:
            compiled = self._compilation.compile_dashboards(sources, actor=ACTOR, all_variants=True)
        except AlmanacError as error:
            report.problems.append(
                f"{len(sources)} dashboards are restored without plan and lineage, their next save makes "
                f"both: {error.message}"
            )
            return {}
        report.problems += [
            f"{one.slug} is restored without plan and lineage, as it is not valid any more: "
            f"{next((item.message for item in one.diagnostics if item.severity == 'error'), 'BigQuery is late')}"
            for one in compiled
            if one.plan is None
        ]
        return {one.slug: one for one in compiled if one.plan is not None and one.slug is not None}

    def _extract(
        self, compiled: Sequence[CompiledDashboard], report: IndexReport
    ) -> Mapping[str, LineageGraph]:
        try:
            return self._lineage.extract(compiled)
        except AlmanacError as error:
            report.problems.append(f"The lineage of {len(compiled)} dashboards is not known: {error.message}")
            return {}

    def _write(
        self,
        uow: UnitOfWork,
        missing: Sequence[_Missing],
        compiled: Mapping[str, CompiledDashboard],
        graphs: Mapping[str, LineageGraph],
    ) -> None:
        fresh = [_make_dashboard(one) for one in missing if one.dashboard is None]
        ids = {row.slug: row.id for row in uow.dashboards.create_many(fresh)}
        ids |= {one.slug: one.dashboard.id for one in missing if one.dashboard is not None}
        uow.dashboards.update_many(
            [_make_update(ids[one.slug], one.current) for one in missing if one.dashboard and one.current]
        )
        uow.dashboards.delete_many({ids[one.slug]: one.deleted_at for one in missing if one.deleted_at})
        uow.versions.create_many(
            [_make_version(ids[one.slug], version, compiled) for one in missing for version in one.versions]
        )
        for one in missing:
            if one.current and one.slug in graphs:
                self._lineage.save(uow, ids[one.slug], one.current.version, graphs[one.slug])


def _find_differences(
    versions: Sequence[FoundVersion], there: Mapping[tuple[str, int], DashboardVersion]
) -> list[str]:
    return [
        f"{one.slug} version {one.version} is another one in PostgreSQL than in commit {one.commit[:12]}; "
        "PostgreSQL's stays."
        for one in versions
        if (row := there.get((one.slug, one.version))) and row.content_sha256 != one.content_sha256
    ]


def _describe(one: FoundVersion) -> dict[str, Any]:
    """The columns of the index that follow from the file; of one that is not read, what there must be."""
    definition = one.parsed.definition
    if definition is not None:
        return describe_definition(definition)
    return {
        "title": one.slug, "description": "", "owner": "", "tags": [], "schedule": None, "time_zone": "UTC",
    }  # fmt: skip


def _make_dashboard(one: _Missing) -> Dashboard:
    current = one.current or one.first
    return Dashboard(
        id=uuid4(), slug=one.slug, current_version=current.version, created_at=one.first.saved_at,
        updated_at=current.saved_at, **_describe(current),
    )  # fmt: skip


def _make_update(dashboard_id: UUID, one: FoundVersion) -> DashboardUpdate:
    return DashboardUpdate(
        id=dashboard_id, current_version=one.version, updated_at=one.saved_at, **_describe(one)
    )


def _make_version(
    dashboard_id: UUID, one: FoundVersion, compiled: Mapping[str, CompiledDashboard]
) -> DashboardVersion:
    definition, planned = one.parsed.definition, compiled.get(one.slug)
    is_planned = planned is not None and planned.parsed.source is one.parsed.source
    totals = dump_totals(planned.plan.totals) if is_planned and planned and planned.plan else {}
    return DashboardVersion(
        dashboard_id=dashboard_id,
        version=one.version,
        yaml_text=one.yaml_text,
        files=one.files,
        content_sha256=one.content_sha256,
        blob_path=dashboard_path(one.slug),
        blob_revision=one.blob_revision,
        author=one.author,
        message=one.message,
        plan_totals=totals,
        # Heads are made of it: a dashboard that is not read has no parameter, and nothing is served of it.
        definition=dump_definition(definition) if definition else {"slug": one.slug, "parameters": []},
        created_at=one.saved_at,
    )
