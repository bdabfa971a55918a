"""What a change of a table or of one of its columns touches."""

from collections.abc import Iterator, Sequence

from shared.lineage.model import EVERY_COLUMN, EdgeType, LineageGraph, Origin, TableName, column_id, table_id
from shared.lineage.traversal import Direction, index_edges, keep_nodes, reach

_OPAQUE = {"columns_unresolved", "clauses_unresolved", "unresolved"}


def list_table_ids(name: TableName) -> list[str]:
    """The ids under which a query may read the table: its own and those of the wildcards it matches."""
    prefixes = (name.table[:length] for length in range(len(name.table)))
    wildcards = (name._replace(table=f"{prefix}*") for prefix in prefixes)
    return [table_id(str(name)), *(table_id(str(wildcard)) for wildcard in wildcards)]


def list_column_ids(tables: Sequence[str], column: str) -> set[str]:
    """The ids under which a query may read the column of one of these tables (ids).

    BigQuery's column names have no case and ids do: a name in another mixture of cases than the schema's is
    found when the schema's is all lower or all upper.
    """
    spellings = {column, column.lower(), column.upper(), EVERY_COLUMN}
    return {column_id(table, spelling) for table in tables for spelling in spellings}


def select_column_impact(graph: LineageGraph, tables: Sequence[str], columns: set[str]) -> LineageGraph:
    """The part of what is downstream of `tables` that depends on `columns`, or may."""
    starts = {node.id for node in graph.nodes if node.id in columns} | set(
        _iterate_opaque(graph, set(tables))
    )
    reached = reach(starts, index_edges(graph, Direction.DOWNSTREAM), None)
    if reached:
        reached |= {edge.source for edge in graph.edges if edge.source in tables and edge.target in starts}
    return keep_nodes(graph, reached)


def _iterate_opaque(graph: LineageGraph, tables: set[str]) -> Iterator[str]:
    """Readers of the tables about which nobody knows the columns they read.

    Either the parser could not trace all of their columns, or only a dry run or a job says that they read the
    table: through a view whose definition was not at hand.
    """
    # A column's id is its query's or view's id, `#` and its name.
    untraced = {node.id.partition("#")[0] for node in graph.nodes if not _OPAQUE.isdisjoint(node.attributes)}
    reads = [edge for edge in graph.edges if edge.type is EdgeType.READS and edge.source in tables]
    parsed = {edge.target for edge in reads if edge.origin is Origin.PARSER}
    for edge in reads:
        if edge.target in untraced or edge.target not in parsed:
            yield edge.target
