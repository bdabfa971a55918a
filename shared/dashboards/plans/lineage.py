"""The lineage of dashboards: what extraction needs, gathered from plans and table metadata."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from shared.dashboards.definition.document import Chart, DashboardDefinition, MetricChart, TableChart
from shared.dashboards.plans.plan import CompiledDashboard
from shared.dashboards.validators.chart_columns import list_drawn_columns
from shared.database.unit_of_work import UnitOfWork
from shared.lineage.extraction import extract_lineage
from shared.lineage.model import LineageGraph
from shared.lineage.service import LineageService
from shared.lineage.sources import ChartSource, QuerySource
from shared.settings import Settings
from shared.warehouse.bigquery.metadata import TableMetadata, TableMetadataReader
from shared.warehouse.models.tables import parse_table


class DashboardLineage:
    """Extracts and stores the graphs of compiled dashboards."""

    def __init__(self, metadata: TableMetadataReader, lineage: LineageService, settings: Settings) -> None:
        self._metadata = metadata
        self._lineage = lineage
        self._settings = settings

    def extract(self, compiled: Sequence[CompiledDashboard]) -> dict[str, LineageGraph]:
        """The graph of each dashboard by its slug; all are valid. Each table's schema is read once for all."""
        project = self._settings.google_cloud_project
        names = {
            name
            for one in compiled
            if one.plan
            for query in one.plan.queries
            for name in query.referenced_tables
        }
        refs = [parse_table(name, project, None) for name in sorted(names)]
        tables = [table for table in self._metadata.read_tables(refs) if isinstance(table, TableMetadata)]
        schemas = {str(table.table): {field.name: field.type for field in table.fields} for table in tables}
        views = {
            str(table.table): QuerySource(table.view_sql, table.table.project, table.table.dataset)
            for table in tables if table.view_sql
        }  # fmt: skip
        return {slug: _extract(one, schemas, views, project) for one in compiled if (slug := one.slug)}

    def save(self, uow: UnitOfWork, dashboard_id: UUID, version: int, graph: LineageGraph) -> None:
        """Store a graph within the caller's transaction."""
        self._lineage.save_graph(uow, dashboard_id, version, graph)


def _extract(
    one: CompiledDashboard,
    schemas: Mapping[str, Mapping[str, str]],
    views: Mapping[str, QuerySource],
    project: str,
) -> LineageGraph:
    definition = one.parsed.definition
    if definition is None or one.plan is None:
        raise ValueError("only a valid dashboard has lineage")
    sources = {
        name: QuerySource(sql, project, definition.dataset or "")
        for name, sql in one.parsed.sql_texts.items()
    }
    tables = {name: query.referenced_tables for query in one.plan.queries for name in query.names}
    used = {table for names in tables.values() for table in names}
    return extract_lineage(
        definition.slug,
        definition.title,
        sources,
        list(_list_charts(definition)),
        tables,
        {name: schema for name, schema in schemas.items() if name in used},
        views={name: view for name, view in views.items() if name in used},
    )


def _list_charts(definition: DashboardDefinition) -> Iterator[ChartSource]:
    for chart in definition.charts:
        fields = _list_fields(chart)
        # A table draws every column; of a chart that does not say what it reads, every one may be.
        is_exact = fields is not None or isinstance(chart, TableChart)
        yield ChartSource(chart.id, chart.title, chart.query, fields, is_exact)


def _list_fields(chart: Chart) -> tuple[str, ...] | None:
    if isinstance(chart, TableChart):
        return None
    if isinstance(chart, MetricChart):
        return (chart.value,)
    return list_drawn_columns(chart)
