"""Validation within the bounds of this environment."""

from collections.abc import Sequence

from shared.dashboards.definition.limits import ValidationLimits
from shared.dashboards.validation import ValidationResult, validate_dashboards
from shared.dashboards.validators.parsed import DashboardSource
from shared.settings import Settings


class ValidationService:
    """Diagnoses dashboards without asking the warehouse."""

    def __init__(self, settings: Settings) -> None:
        self._limits = ValidationLimits(
            max_bytes=settings.max_body_bytes,
            max_rows_per_query=settings.max_rows_per_query,
            max_variants=settings.max_variants_per_dashboard,
        )

    def validate_dashboards(self, sources: Sequence[DashboardSource]) -> list[ValidationResult]:
        """The verdict on each source, in input order; all of them are also checked against each other."""
        return validate_dashboards(sources, self._limits)
