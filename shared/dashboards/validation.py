"""The front door: from the text of dashboard files to definitions and diagnostics, without a warehouse."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.definition.limits import DEFAULT_LIMITS, SqlPolicy, ValidationLimits
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity, sort_diagnostics
from shared.dashboards.validators.base import DashboardValidator, report
from shared.dashboards.validators.chart_formats import ChartFormatValidator
from shared.dashboards.validators.chart_parameters import ChartParameterValidator
from shared.dashboards.validators.charts import (
    ChartQueryValidator,
    DrawableMarkValidator,
    DuplicateNameValidator,
    ExternalDataValidator,
    LayoutValidator,
)
from shared.dashboards.validators.expression_fields import ExpressionFieldValidator
from shared.dashboards.validators.expressions import ExpressionValidator
from shared.dashboards.validators.page_safety import PageSafetyValidator
from shared.dashboards.validators.parameters import (
    ParameterNameValidator,
    ParameterUseValidator,
    ParameterValueValidator,
    VariantCountValidator,
)
from shared.dashboards.validators.parsed import DashboardSource, ParsedDashboard, collect_sql
from shared.dashboards.validators.schema.validator import judge_shape
from shared.dashboards.validators.settings import (
    BudgetValidator,
    RefreshValidator,
    SlugValidator,
    TimeZoneValidator,
    VersionValidator,
)
from shared.dashboards.validators.sql import SqlFileValidator, SqlValidator
from shared.dashboards.validators.values import ParameterTypeValidator, QuantityValidator
from shared.dashboards.validators.yaml_losses import CutTextValidator
from shared.dashboards.yaml.reading import YamlData, read_yaml, refuse_size
from shared.dashboards.yaml.written_numbers import restore_parameters
from shared.settings import Settings

__all__ = ["DashboardSource", "ParsedDashboard", "ValidationResult", "parse_dashboard", "validate_dashboards"]


@dataclass(frozen=True)
class ValidationResult:
    """The verdict on one source: `valid` means that no diagnostic is an error."""

    path: str
    slug: str | None
    valid: bool
    diagnostics: tuple[Diagnostic, ...]
    parsed: ParsedDashboard

    def add(self, diagnostics: Iterable[Diagnostic]) -> "ValidationResult":
        """The verdict with what else was found."""
        return _judge(self.parsed, [*self.diagnostics, *diagnostics])


def parse_dashboard(source: DashboardSource, limits: ValidationLimits = DEFAULT_LIMITS) -> ParsedDashboard:
    """Read one source and build its definition. Bad input gives diagnostics, never an exception.

    Whether the file is well formed is not judged here: what is saved was, by the schema of its day.
    """
    read = (
        read_yaml(source.path, source.text, limits)
        if source.unread_bytes is None
        else refuse_size(source.path, source.unread_bytes, limits)
    )
    parsed = ParsedDashboard(
        source=source,
        data=read.data,
        definition=None,
        diagnostics=read.diagnostics,
        positions=read.positions,
        sql_texts=collect_sql(source, read.data),
        limits=limits,
        unreadable=read.unreadable,
    )
    if not isinstance(read.data, dict):
        return replace(parsed, diagnostics=sort_diagnostics([*read.diagnostics, *_report_empty(parsed)]))
    # Values that were refused read as null; a definition that holds one is not what the author wrote.
    return (
        parsed
        if read.unreadable
        else replace(parsed, definition=_build_definition(restore_parameters(read.data, read.positions)))
    )


def _build_definition(data: YamlData) -> DashboardDefinition | None:
    """The objects of the file; None where it says something they cannot hold, which the verdict on it explains."""
    try:
        return DashboardDefinition.model_validate(data)
    except ValidationError:
        return None


def offline_validators() -> list[DashboardValidator]:
    """Those that need no warehouse, in the order they run: a fresh list, which callers may change."""
    return [
        VersionValidator(),
        SlugValidator(),
        CutTextValidator(),
        QuantityValidator(),
        RefreshValidator(),
        TimeZoneValidator(),
        BudgetValidator(),
        DuplicateNameValidator(),
        ChartQueryValidator(),
        LayoutValidator(),
        SqlFileValidator(),
        SqlValidator(),
        ParameterTypeValidator(),
        ParameterNameValidator(),
        ParameterUseValidator(),
        ParameterValueValidator(),
        VariantCountValidator(),
        DrawableMarkValidator(),
        ExternalDataValidator(),
        PageSafetyValidator(),
        ChartParameterValidator(),
        ExpressionValidator(),
        ChartFormatValidator(),
        ExpressionFieldValidator(),
    ]


def validate_dashboards(
    sources: Sequence[DashboardSource],
    limits: ValidationLimits = DEFAULT_LIMITS,
    validators: Iterable[DashboardValidator] | None = None,
) -> list[ValidationResult]:
    """Validate each source, and all of them against each other; results come in input order.

    The published schema judges the shape of each; `validators` replaces the offline ones, which judge the rest.
    Never raises on bad input.
    """
    chosen = list(validators) if validators is not None else offline_validators()
    documents = [parse_dashboard(source, limits) for source in sources]
    clashes = _find_slug_clashes(documents)
    return [
        _judge(document, [*document.diagnostics, *_run(chosen, document), *clashes.get(index, ())])
        for index, document in enumerate(documents)
    ]


def _judge(document: ParsedDashboard, diagnostics: Iterable[Diagnostic]) -> ValidationResult:
    """The verdict on `document`, given everything that was found."""
    found = sort_diagnostics(diagnostics)
    valid = document.definition is not None and all(item.severity is not Severity.ERROR for item in found)
    return ValidationResult(document.source.path, document.slug, valid, found, document)


def _run(validators: Sequence[DashboardValidator], document: ParsedDashboard) -> Iterable[Diagnostic]:
    if not isinstance(document.data, dict):
        return
    yield from drop_refused(document, judge_shape(document))
    for validator in validators:
        yield from drop_refused(document, validator.validate(document))


def _report_empty(document: ParsedDashboard) -> Iterable[Diagnostic]:
    if not document.diagnostics:
        message = "the file is empty" if document.data is None else "the file is not a mapping of keys"
        remedy = "Begin with 'version: 1', 'slug: …' and 'title: …'."
        yield report(document, DiagnosticCode.YAML_EMPTY, message, remedy, "")


def drop_refused(document: ParsedDashboard, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Without what is only a consequence of a value that reading refused."""
    refused = tuple(document.unreadable)
    return [item for item in diagnostics if not refused or not item.pointer.startswith(refused)]


def _find_slug_clashes(documents: Sequence[ParsedDashboard]) -> dict[int, list[Diagnostic]]:
    by_slug: dict[str, list[int]] = defaultdict(list)
    for index, document in enumerate(documents):
        if document.slug is not None:
            by_slug[document.slug].append(index)
    clashes: dict[int, list[Diagnostic]] = {}
    for slug, indexes in by_slug.items():
        for index in indexes if len(indexes) > 1 else ():
            others = ", ".join(documents[other].source.path for other in indexes if other != index)
            message = f"the slug {slug!r} is also that of {others[:300]}"
            remedy = "Give one of them another slug."
            clash = report(
                documents[index], DiagnosticCode.DUPLICATE_SLUG, message, remedy, "/slug", received=slug[:200]
            )
            clashes[index] = [clash]
    return clashes


class ValidationService:
    """Diagnoses dashboards within the bounds of an environment, without asking the warehouse."""

    def __init__(self, settings: Settings) -> None:
        self._limits = ValidationLimits(
            max_bytes=settings.max_body_bytes,
            max_rows_per_query=settings.max_rows_per_query,
            max_variants=settings.max_variants_per_dashboard,
            # An empty list allows nothing at all: an environment without a warehouse, where SQL is still written.
            sql_policy=SqlPolicy(
                settings.google_cloud_project,
                tuple(settings.allowed_datasets) or None,
                tuple(settings.allowed_routines),
            ),
        )

    def validate_dashboards(self, sources: Sequence[DashboardSource]) -> list[ValidationResult]:
        """The verdict on each source, in input order; all of them are also checked against each other."""
        return validate_dashboards(sources, self._limits)
