"""One dashboard on its way through a save: what was sent and planned, then what it meets, then rows and answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.definition.head import DashboardHead
from shared.dashboards.keys import dashboard_path
from shared.dashboards.plans.plan import CompiledDashboard, DashboardPlan, PlanTotals
from shared.dashboards.saved.catalog import dump_definition
from shared.dashboards.saved.diff import DashboardDiff, DiffSide, make_diff, read_saved_side
from shared.dashboards.validators.parsed import hash_content, list_content_blobs, list_named_files, read_text
from shared.database.models.dashboards import Dashboard, DashboardVersion
from shared.database.repositories.dashboards import DashboardUpdate
from shared.saving.conflicts import Draft
from shared.saving.models import SavedVersion


@dataclass(frozen=True)
class Candidate:
    """A valid dashboard that is to become a version; `definition` and `plan` are those of `compiled`."""

    compiled: CompiledDashboard
    definition: DashboardDefinition
    plan: DashboardPlan
    expected_version: int | None

    @classmethod
    def from_compiled(cls, compiled: CompiledDashboard, expected_version: int | None) -> "Candidate":
        """Raises ValueError for a dashboard that is not valid."""
        definition, plan = compiled.parsed.definition, compiled.plan
        if definition is None or plan is None:
            raise ValueError("only a valid dashboard can be saved")
        return cls(compiled, definition, plan, expected_version)

    @property
    def slug(self) -> str:
        """The dashboard's name."""
        return self.definition.slug

    @cached_property
    def yaml_text(self) -> str:
        """The YAML as it was sent."""
        return read_text(self.compiled.parsed.source)

    @cached_property
    def files(self) -> dict[str, str]:
        """The SQL files that its queries name, by the path written there."""
        return list_named_files(self.compiled.parsed)

    @cached_property
    def content_sha256(self) -> str:
        """What tells its content from that of another version."""
        return hash_content(self.compiled.parsed)

    def list_blobs(self) -> Mapping[str, bytes]:
        """Its files by their path in the blob store."""
        return list_content_blobs(self.slug, self.yaml_text, self.files)


@dataclass(frozen=True)
class Decision:
    """What saving a candidate means beside `current`, the version that it meets under the lock of its slug."""

    candidate: Candidate
    current: DashboardVersion | None
    changed: bool
    version: int
    diff: DashboardDiff

    @classmethod
    def decide(cls, candidate: Candidate, current: DashboardVersion | None) -> "Decision":
        """The same content stays the version it is; anything else becomes the next one."""
        changed = current is None or current.content_sha256 != candidate.content_sha256
        version = (current.version if current else 0) + changed
        before = read_saved_side(candidate.slug, current) if current else None
        return cls(candidate, current, changed, version, make_diff(before, _make_side(candidate, version)))

    @property
    def overtaken(self) -> Draft | None:
        """What was sent, when somebody saved another version than the one it was written on; else None.

        Who sends what is saved already has nothing to merge: an answer was lost, and this is the retry.
        """
        one, expected = self.candidate, self.candidate.expected_version
        if expected is None or not self.changed or self.version - 1 == expected:
            return None
        return Draft(one.slug, expected, one.yaml_text, one.files)

    @property
    def head(self) -> DashboardHead:
        """What `/data` must know of the version."""
        return DashboardHead.from_definition(self.version, dump_definition(self.candidate.definition))

    def make_dashboard(self, now: datetime) -> Dashboard:
        """The index entry of a first version."""
        described = describe_definition(self.candidate.definition)
        return Dashboard(
            slug=self.candidate.slug, current_version=1, created_at=now, updated_at=now, **described
        )

    def make_update(self, dashboard_id: UUID, now: datetime) -> DashboardUpdate:
        """The index entry as the new version says."""
        described = describe_definition(self.candidate.definition)
        return DashboardUpdate(id=dashboard_id, current_version=self.version, updated_at=now, **described)

    def make_version(self, dashboard_id: UUID, author: str, message: str, now: datetime) -> DashboardVersion:
        """The row of the new version; its blobs are still to be written."""
        one = self.candidate
        return DashboardVersion(
            dashboard_id=dashboard_id,
            version=self.version,
            yaml_text=one.yaml_text,
            files=one.files,
            content_sha256=one.content_sha256,
            blob_path=dashboard_path(one.slug),
            blob_revision=None,
            author=author,
            message=message,
            plan_totals=dump_totals(one.plan.totals),
            definition=dump_definition(one.definition),
            created_at=now,
        )

    def describe(self, blob_revision: str | None) -> SavedVersion:
        """The answer; the revision of a version that was there before is known already."""
        known = self.current.blob_revision if self.current and not self.changed else None
        return SavedVersion(
            slug=self.candidate.slug,
            version=self.version,
            changed=self.changed,
            blob_path=dashboard_path(self.candidate.slug),
            blob_revision=blob_revision or known,
            content_sha256=self.candidate.content_sha256,
            diff=self.diff,
            plan=self.candidate.plan,
        )


def _make_side(one: Candidate, version: int) -> DiffSide:
    """The side of a diff that is not saved yet."""
    return DiffSide(
        label=f"{one.slug}@{version}",
        text=one.yaml_text,
        definition=dump_definition(one.definition),
        sql_texts=one.compiled.parsed.sql_texts,
        files=one.files,
        bytes_per_refresh=one.plan.totals.bytes_per_refresh,
        usd_per_month=one.plan.totals.usd_per_month,
    )


def dump_totals(totals: PlanTotals) -> dict[str, object]:
    """Plan totals as JSON; money as decimal strings, null where nobody knows it."""
    return {
        key: value if value is None or isinstance(value, int) else str(value)
        for key, value in asdict(totals).items()
    }


def describe_definition(definition: DashboardDefinition) -> dict[str, Any]:
    """The columns of the index that follow from the file, but for the slug."""
    return {
        "title": definition.title,
        "description": definition.description,
        "owner": definition.owner or "",
        "tags": list(definition.tags),
        "schedule": definition.refresh.schedule,
        "time_zone": definition.refresh.time_zone,
    }
