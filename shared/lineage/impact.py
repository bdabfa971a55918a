"""What a change of a table or of one of its columns touches."""

from collections.abc import Collection, Sequence

from shared.lineage.model import EVERY_COLUMN, LineageGraph, TableName, column_id, table_id
from shared.lineage.traversal import Direction, index_edges, keep_nodes, reach


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


def select_downstream(graph: LineageGraph, starts: Collection[str], tables: Collection[str]) -> LineageGraph:
    """The part of the graph that `starts` feed, and those of `tables` that feed one of `starts`."""
    reached = reach(starts, index_edges(graph, Direction.DOWNSTREAM), None)
    owners = {edge.source for edge in graph.edges if edge.source in tables and edge.target in starts}
    return keep_nodes(graph, reached | owners)
