"""What lineage is extracted from, as the dashboards package hands it over."""

from dataclasses import dataclass


@dataclass(frozen=True)
class QuerySource:
    """A SELECT and where its unqualified tables live."""

    sql: str
    default_project: str
    default_dataset: str


@dataclass(frozen=True)
class ChartSource:
    """A chart and the columns of its query that it draws; `fields=None` draws every one, as a table does.

    `is_exact=False` says that nobody knows which of them it really draws.
    """

    id: str
    title: str
    query: str
    fields: tuple[str, ...] | None
    is_exact: bool = True
