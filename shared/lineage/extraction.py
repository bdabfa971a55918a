"""A dashboard's lineage graph from its definition, its SQL and what the dry runs saw."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.lineage.column_flows import OutputColumn, SourceColumn
from shared.lineage.model import (
    EVERY_COLUMN,
    Confidence,
    EdgeType,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeType,
    Origin,
    chart_id,
    column_id,
    dashboard_id,
    make_table_node,
    query_id,
    split_table_name,
    table_id,
)
from shared.lineage.sources import ChartSource, QuerySource
from shared.lineage.sql_columns import trace_columns
from shared.lineage.sql_tables import Deadline, QueryTables, SchemaIndex, SqlUnresolvedError, parse_query

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class SqlTrace:
    """The tables, columns and clause columns of a query; `unresolved` says why some of them are missing."""

    tables: tuple[str, ...] = ()
    outputs: tuple[OutputColumn, ...] = ()
    clauses: tuple[SourceColumn, ...] = ()
    clauses_unresolved: tuple[str, ...] = ()
    unresolved: str | None = None


def trace_sql(source: QuerySource, schemas: SchemaIndex, deadline: Deadline) -> SqlTrace:
    """As much of the query as can be traced: columns too, or only its tables, or nothing but the reason."""
    tables: tuple[str, ...] = ()
    try:
        deadline.check()
        parsed = parse_query(source.sql)
        named = QueryTables(parsed, source)
        tables = tuple(named.names)
        columns = trace_columns(parsed, named, schemas, deadline)
    except SqlUnresolvedError as error:
        return SqlTrace(tables, unresolved=str(error))
    # Lineage is told beside a save, so nothing that a tree nobody expected makes of it may stop one; each fault is
    # logged with its stack.
    except Exception as error:
        _LOGGER.warning("lineage: the parser failed", exc_info=True)
        return SqlTrace(tables, unresolved=f"the parser cannot resolve it ({type(error).__name__})")
    return SqlTrace(tables, columns.outputs, columns.clauses, columns.unresolved)


TIME_LIMIT_SECONDS = 5.0


def extract_lineage(
    slug: str,
    title: str,
    queries: Mapping[str, QuerySource],
    charts: Sequence[ChartSource],
    dry_run_tables: Mapping[str, Sequence[str]],
    table_schemas: Mapping[str, Mapping[str, str]],
    *,
    views: Mapping[str, QuerySource] | None = None,
    time_limit_seconds: float = TIME_LIMIT_SECONDS,
) -> LineageGraph:
    """The graph of one dashboard.

    `dry_run_tables` holds the referenced tables by query name, `table_schemas` column types by column name,
    `views` the definitions of views; all three by or as `project.dataset.table`. Never raises for SQL: a
    query that cannot be traced, or not within the time limit for the whole dashboard, keeps the tables known
    otherwise and says why in its node's `columns_unresolved`; single names that could not be traced are in
    `unresolved` of a returned column and `clauses_unresolved` of a query. Raises ValueError for a table
    name without project and dataset.
    """
    builder = _GraphBuilder(slug, SchemaIndex(table_schemas), Deadline(time_limit_seconds))
    builder.add_dashboard(title)
    for name, source in queries.items():
        builder.add_query(name, source, dry_run_tables.get(name, ()))
    for table, definition in (views or {}).items():
        builder.add_view(table, definition)
    for chart in charts:
        builder.add_chart(chart)
    builder.add_undrawn_queries(set(queries) - {chart.query for chart in charts})
    return LineageGraph.build(builder.nodes, builder.edges)


class _GraphBuilder:
    def __init__(self, slug: str, schemas: SchemaIndex, deadline: Deadline) -> None:
        self.nodes: list[LineageNode] = []
        self.edges: list[LineageEdge] = []
        self._slug = slug
        self._schemas = schemas
        self._deadline = deadline
        self._outputs: dict[str, list[str]] = {}

    def add_dashboard(self, title: str) -> None:
        self._add_node(dashboard_id(self._slug), NodeType.DASHBOARD, title, slug=self._slug)

    def add_query(self, name: str, source: QuerySource, dry_run_tables: Sequence[str]) -> None:
        id_ = query_id(self._slug, name)
        trace = trace_sql(source, self._schemas, self._deadline)
        self._add_node(id_, NodeType.QUERY, name, slug=self._slug, **_explain(trace))
        self._add_tables(id_, trace, dry_run_tables)
        for output in trace.outputs:
            self._add_output(id_, name, output)
        self._add_flows(id_, trace.clauses)
        self._outputs[name] = [output.name for output in trace.outputs]

    def add_view(self, table: str, definition: QuerySource) -> None:
        trace = trace_sql(definition, self._schemas, self._deadline)
        id_ = self._add_table(table, kind="view", **_explain(trace))
        self._add_tables(id_, trace, ())
        for output in trace.outputs:
            self._add_flows(self._add_table_column(table, output.name), output.sources)
        self._add_flows(id_, trace.clauses)

    def add_chart(self, chart: ChartSource) -> None:
        id_ = chart_id(self._slug, chart.id)
        self._add_node(id_, NodeType.CHART, chart.title, slug=self._slug, query=chart.query)
        self._add_edge(query_id(self._slug, chart.query), id_, EdgeType.FEEDS, Origin.YAML)
        self._add_edge(id_, dashboard_id(self._slug), EdgeType.BELONGS_TO, Origin.YAML)
        fields = self._outputs[chart.query] if chart.fields is None else chart.fields
        for field in dict.fromkeys(fields):
            column, found = self._find_output(chart.query, field)
            confidence = found if chart.is_exact else Confidence.INFERRED
            self._add_edge(column, id_, EdgeType.DRAWS, Origin.YAML, confidence)

    def add_undrawn_queries(self, names: Iterable[str]) -> None:
        for name in names:
            target = dashboard_id(self._slug)
            self._add_edge(query_id(self._slug, name), target, EdgeType.BELONGS_TO, Origin.YAML)

    # --- tables

    def _add_tables(self, reader: str, trace: SqlTrace, dry_run_tables: Sequence[str]) -> None:
        for table in trace.tables:
            seen = not dry_run_tables or table in dry_run_tables or self._schemas.has_table(table)
            confidence = Confidence.EXACT if seen else Confidence.INFERRED
            self._add_edge(self._add_table(table), reader, EdgeType.READS, Origin.PARSER, confidence)
        wildcards = [name for name in trace.tables if split_table_name(name).is_wildcard]
        for table in dry_run_tables:
            id_ = self._add_table(table)
            self._add_edge(id_, reader, EdgeType.READS, Origin.DRY_RUN)
            for wildcard in wildcards:
                if table != wildcard and table.startswith(wildcard.removesuffix("*")):
                    self._add_edge(id_, table_id(wildcard), EdgeType.MATCHES, Origin.DRY_RUN)

    def _add_table(self, table: str, **attributes: object) -> str:
        node = make_table_node(table)
        self._add_node(node.id, node.type, node.name, **{**node.attributes, **attributes})
        return node.id

    # --- columns

    def _add_output(self, query: str, name: str, output: OutputColumn) -> None:
        unresolved = {"unresolved": list(output.unresolved)} if output.unresolved else {}
        id_ = column_id(query, output.name)
        self._add_node(id_, NodeType.COLUMN, output.name, slug=self._slug, query=name, **unresolved)
        self._add_edge(query, id_, EdgeType.RETURNS, Origin.PARSER, _confide(output.name != EVERY_COLUMN))
        self._add_flows(id_, output.sources)

    def _add_flows(self, target: str, sources: Sequence[SourceColumn]) -> None:
        for source in sources:
            id_ = self._add_table_column(source.table, source.column)
            self._add_edge(id_, target, source.type, Origin.PARSER, _confide(source.exact))

    def _add_table_column(self, table: str, column: str) -> str:
        owner = self._add_table(table)
        id_ = column_id(owner, column)
        type_ = self._schemas.find_type(table, column)
        attributes = {"data_type": type_} if type_ else {}
        self._add_node(id_, NodeType.COLUMN, column, table=table, **attributes)
        known = self._schemas.has_column(table, column)
        self._add_edge(owner, id_, EdgeType.CONTAINS, Origin.PARSER, _confide(known))
        return id_

    def _find_output(self, query: str, field: str) -> tuple[str, Confidence]:
        """The id of the column a chart's field means; a column the trace did not find is added.

        BigQuery's column names compare without case; `address.city` reads the column `address`.
        """
        owner = query_id(self._slug, query)
        by_lower = {name.lower(): name for name in self._outputs[query]}
        for candidate in (field, field.partition(".")[0], field.partition("[")[0]):
            if candidate.lower() in by_lower:
                return column_id(owner, by_lower[candidate.lower()]), Confidence.EXACT
        id_ = column_id(owner, field)
        self._add_node(id_, NodeType.COLUMN, field, slug=self._slug, query=query)
        source = column_id(owner, EVERY_COLUMN) if EVERY_COLUMN in by_lower else owner
        type_ = EdgeType.COPIES if EVERY_COLUMN in by_lower else EdgeType.RETURNS
        self._add_edge(source, id_, type_, Origin.YAML, Confidence.INFERRED)
        return id_, Confidence.INFERRED

    def _add_node(self, id_: str, type_: NodeType, name: str, **attributes: object) -> None:
        self.nodes.append(LineageNode(id_, type_, name, attributes))

    def _add_edge(
        self, source: str, target: str, type_: EdgeType, origin: Origin, sure: Confidence = Confidence.EXACT
    ) -> None:
        self.edges.append(LineageEdge(source, target, type_, origin, sure))


def _explain(trace: SqlTrace) -> dict[str, object]:
    if trace.unresolved:
        return {"columns_unresolved": trace.unresolved}
    return {"clauses_unresolved": list(trace.clauses_unresolved)} if trace.clauses_unresolved else {}


def _confide(exact: bool) -> Confidence:
    return Confidence.EXACT if exact else Confidence.INFERRED
