"""What the guard lets through, and what it hands on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlglot import exp

from shared.sql.bounds import DEFAULT_BOUNDS, SqlBounds
from shared.sql.folding import fold_name, upper_name
from shared.warehouse.models.tables import TableRef, parse_dataset


@dataclass(frozen=True)
class GuardPolicy:
    """The bounds every query is held to.

    `allowed_datasets` holds `dataset` (of `project`) or `project.dataset`; none listed allows none.
    `allowed_table_functions` holds names as written in SQL, `GAP_FILL` or `dataset.function`.
    `max_depth` bounds how deeply brackets, CASE and operators may nest.
    """

    project: str
    allowed_datasets: Sequence[str]
    allowed_table_functions: Sequence[str] = ()
    max_sql_bytes: int = DEFAULT_BOUNDS.max_bytes
    max_depth: int = DEFAULT_BOUNDS.max_depth

    @cached_property
    def datasets(self) -> frozenset[tuple[str, str]]:
        """(project, dataset) of every allowed dataset. Raises ValueError when an entry is not a dataset."""
        return frozenset(parse_dataset(entry, self.project) for entry in self.allowed_datasets)

    @cached_property
    def table_functions(self) -> frozenset[str]:
        """The allowed table functions in upper case."""
        return frozenset(upper_name(name) for name in self.allowed_table_functions)

    @cached_property
    def bounds(self) -> SqlBounds:
        """What the reader of SQL is held to."""
        return SqlBounds(self.max_sql_bytes, self.max_depth)

    def allows(self, table: TableRef) -> bool:
        """True when the table's dataset is on the list."""
        return (fold_name(table.project), table.dataset) in self.datasets


@dataclass(frozen=True)
class GuardedQuery:
    """A query that passed.

    `sql` is the text as given, which is what runs; `tree` is the parser's view of it; `tables` are the
    tables, views and wildcards it names, sorted, without CTEs. `deterministic` is False when the same
    tables can give another answer tomorrow (CURRENT_DATE, RAND, TABLESAMPLE, INFORMATION_SCHEMA…).
    """

    sql: str
    tree: exp.Query
    tables: tuple[TableRef, ...]
    deterministic: bool
    uses_wildcard: bool
