"""Saved dashboards as the services read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.definition.head import DashboardHead, hash_variant
from shared.dashboards.definition.limits import SAVED_LIMITS
from shared.dashboards.definition.schedule import is_due
from shared.dashboards.diagnostics.diagnostic import suggest_name
from shared.dashboards.validation import parse_dashboard
from shared.dashboards.validators.parsed import DashboardSource, ParsedDashboard
from shared.database.models.dashboards import DashboardVersion
from shared.database.repositories.versions import DefinitionPart
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError, InternalError, NotFoundError


@dataclass(frozen=True)
class SavedDashboard:
    """The current version of a dashboard, parsed."""

    dashboard_id: UUID
    version: int
    definition: DashboardDefinition
    parsed: ParsedDashboard

    @property
    def slug(self) -> str:
        """The dashboard's name."""
        return self.definition.slug

    @property
    def head(self) -> DashboardHead:
        """What `/data` must know of it."""
        return DashboardHead.from_definition(self.version, dump_definition(self.definition))


@dataclass(frozen=True)
class UnreadableDashboard:
    """A saved version that this release does not accept."""

    dashboard_id: UUID
    slug: str
    version: int
    error: AlmanacError


class DashboardCatalog:
    """Reads the current versions of saved dashboards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load_current(self, slugs: Sequence[str]) -> list[SavedDashboard]:
        """The current version of each dashboard, in input order.

        Raises NotFoundError naming every slug that does not exist, with the nearest that does.
        """
        return [_parse(row) for row in self._load_rows(slugs)]

    def load_each(self, slugs: Sequence[str]) -> list[SavedDashboard | UnreadableDashboard]:
        """As `load_current`, but one that cannot be read keeps no other from being loaded."""
        return [_parse_or_report(slug, row) for slug, row in zip(slugs, self._load_rows(slugs), strict=True)]

    def load_sources(self, slugs: Sequence[str]) -> list[DashboardSource]:
        """The files of the current version of each dashboard, in input order, unread. Raises NotFoundError."""
        return [_make_source(row) for row in self._load_rows(slugs)]

    def _load_rows(self, slugs: Sequence[str]) -> list[DashboardVersion]:
        with self._database.begin() as uow:
            found = uow.versions.get_current(slugs)
            missing = [slug for slug in slugs if slug not in found]
            known = [row.slug for row in uow.dashboards.list_live()] if missing else []
        if missing:
            raise _report_missing(missing, known)
        return [found[slug] for slug in slugs]

    def list_slugs(self, *, scheduled_only: bool = False) -> list[str]:
        """Every live dashboard in slug order, or those with a schedule."""
        with self._database.begin() as uow:
            return [row.slug for row in uow.dashboards.list_live(scheduled_only=scheduled_only)]

    def list_due_slugs(self, now: datetime) -> list[str]:
        """Live dashboards that should be refreshed now, in slug order.

        With a schedule: those where it fired since their default variant was last checked. That stands for
        all, as a refresh checks every listed one. Without a schedule: those of which somebody read an answer
        older than `max_age`, so that a dashboard nobody looks at costs nothing.
        """
        with self._database.begin() as uow:
            scheduled = uow.dashboards.list_schedules()
            parameters = uow.versions.read_parts([one.slug for one in scheduled], "parameters")
            keys = {slug: _default_payload_key(slug, part) for slug, part in parameters.items()}
            checks = uow.payloads.find_checks(list(keys.values()))
            read_stale = uow.payloads.list_read_stale()
        checked = {slug: checks[key] for slug, key in keys.items() if key in checks}
        fired = [
            one.slug for one in scheduled if is_due(one.schedule, one.time_zone, checked.get(one.slug), now)
        ]
        return sorted([*fired, *read_stale])


def _parse_or_report(slug: str, row: DashboardVersion) -> SavedDashboard | UnreadableDashboard:
    try:
        return _parse(row)
    except InternalError as error:
        return UnreadableDashboard(row.dashboard_id, slug, row.version, error)


def _default_payload_key(slug: str, part: DefinitionPart) -> tuple[UUID, int, str]:
    """`part` are the version's parameters."""
    head = DashboardHead.from_definition(part.version, {"slug": slug, "parameters": part.value or []})
    return part.dashboard_id, part.version, hash_variant(head.resolve_values({}))


def dump_definition(definition: DashboardDefinition) -> dict[str, object]:
    """The definition as JSON, by the file's own keys."""
    return definition.model_dump(mode="json", by_alias=True)


def _make_source(row: DashboardVersion) -> DashboardSource:
    return DashboardSource(row.blob_path, row.yaml_text, row.files)


def _parse(row: DashboardVersion) -> SavedDashboard:
    parsed = parse_dashboard(_make_source(row), SAVED_LIMITS)
    if parsed.definition is None:
        raise InternalError(
            f"{row.blob_path} version {row.version} was accepted once and is not read any more."
        )
    return SavedDashboard(row.dashboard_id, row.version, parsed.definition, parsed)


def _report_missing(missing: Sequence[str], known: Sequence[str]) -> NotFoundError:
    details: list[dict[str, object]] = [{"slug": s, "suggestion": suggest_name(s, known)} for s in missing]
    return NotFoundError(
        f"There is no dashboard {', '.join(map(repr, missing))}.",
        remediation="List them: GET /dashboards.",
        details=details,
    )
