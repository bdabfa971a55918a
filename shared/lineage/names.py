"""Stable ids of lineage nodes.

::

    dashboard:<slug>                      a dashboard
    chart:<slug>/<chart id>               a chart of it
    query:<slug>/<name>                   a query of it
    query:<slug>/<name>#<column>          a column that query returns
    bq:<project>.<dataset>.<table>        a table, view or wildcard
    bq:<project>.<dataset>.<table>#<column>

The column `*` stands for "columns nobody could name": `SELECT *` over a table without a known schema.
"""

from typing import NamedTuple

EVERY_COLUMN = "*"
_INFORMATION_SCHEMA = ".INFORMATION_SCHEMA."


class TableName(NamedTuple):
    """The three parts of a BigQuery table name; `table` may hold `INFORMATION_SCHEMA.<view>`."""

    project: str
    dataset: str
    table: str

    @property
    def is_wildcard(self) -> bool:
        """True for `events_*`, which stands for every table with that prefix."""
        return self.table.endswith("*")

    def __str__(self) -> str:
        return ".".join(self)


def split_table_name(name: str) -> TableName:
    """The parts of `project.dataset.table`. Raises ValueError when there are not three of them.

    Split from the right, because old projects carry a domain with dots (`example.com:project`).
    """
    marker = name.upper().find(_INFORMATION_SCHEMA)
    owner, table = (name[:marker], name[marker + 1 :]) if marker >= 0 else (name.rpartition(".")[::2])
    project, _, dataset = owner.rpartition(".")
    if not (project and dataset and table):
        raise ValueError(f"{name!r} is not a full table name; write project.dataset.table")
    return TableName(project, dataset, table)


def dashboard_id(slug: str) -> str:
    """The id of a dashboard's node."""
    return f"dashboard:{slug}"


def chart_id(slug: str, chart: str) -> str:
    """The id of a chart's node."""
    return f"chart:{slug}/{chart}"


def query_id(slug: str, query: str) -> str:
    """The id of a query's node."""
    return f"query:{slug}/{query}"


def table_id(table: str) -> str:
    """The id of the node of `project.dataset.table`."""
    return f"bq:{table}"


def column_id(owner_id: str, column: str) -> str:
    """The id of a column of the table or query whose node is `owner_id`."""
    return f"{owner_id}#{column}"
