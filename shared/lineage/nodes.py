"""Nodes that more than one place makes, so that everybody makes them alike."""

from shared.lineage.model import LineageNode, NodeType
from shared.lineage.names import split_table_name, table_id


def make_table_node(table: str) -> LineageNode:
    """The node of `project.dataset.table`. Raises ValueError for a name without project and dataset."""
    name = split_table_name(table)
    attributes: dict[str, object] = {"project": name.project, "dataset": name.dataset, "table": name.table}
    if name.is_wildcard:
        attributes["kind"] = "wildcard"
    return LineageNode(table_id(table), NodeType.TABLE, table, attributes)
