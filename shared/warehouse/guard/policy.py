"""What the guard lets through, and what it hands on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from shared.settings import Settings
from shared.sql.lexer import fold_name, upper_name
from shared.sql.statement import DEFAULT_BOUNDS, SqlBounds
from shared.warehouse.models.tables import TableRef, parse_dataset

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class GuardPolicy:
    """The bounds every query is held to.

    `allowed_datasets` holds `dataset` (of `project`) or `project.dataset`; none listed allows none, and None stands
    for a list that is not known here, as for who validates without a service.
    `allowed_routines` holds stored functions and table functions, `dataset.function` (of `project`) or
    `project.dataset.function`, and table functions of BigQuery's own by name, `GAP_FILL`.
    `max_depth` bounds how deeply brackets, CASE and operators may nest.
    """

    project: str
    allowed_datasets: Sequence[str] | None
    allowed_routines: Sequence[str] = ()
    max_sql_bytes: int = DEFAULT_BOUNDS.max_bytes
    max_depth: int = DEFAULT_BOUNDS.max_depth

    @cached_property
    def datasets(self) -> frozenset[tuple[str, str]]:
        """(project, dataset) of every allowed dataset. Raises ValueError when an entry is not a dataset."""
        return frozenset(parse_dataset(entry, self.project) for entry in self.allowed_datasets or ())

    @cached_property
    def routines(self) -> frozenset[str]:
        """The allowed routines with their projects, and BigQuery's own, in upper case."""
        return frozenset(self._complete(name) for name in self.allowed_routines)

    @cached_property
    def bounds(self) -> SqlBounds:
        """What the reader of SQL is held to."""
        return SqlBounds(self.max_sql_bytes, self.max_depth)

    def allows_routine(self, name: str) -> bool:
        """True when the routine of that name, with or without its project, is on the list."""
        return self._complete(name) in self.routines

    def _complete(self, name: str) -> str:
        *qualifier, dataset, routine = ["", "", *name.replace("`", "").split(".")]
        if not dataset:
            return upper_name(routine)
        project = ".".join(filter(None, qualifier)) or self.project
        return upper_name(f"{project}.{dataset}.{routine}")

    def allows(self, table: TableRef) -> bool:
        """True when the table's dataset is on the list, or nobody knows the list."""
        return self.allowed_datasets is None or (fold_name(table.project), table.dataset) in self.datasets


def make_policy(settings: Settings) -> GuardPolicy:
    """The policy of an environment."""
    return GuardPolicy(
        project=settings.google_cloud_project,
        allowed_datasets=settings.allowed_datasets,
        allowed_routines=settings.allowed_routines,
    )


@dataclass(frozen=True)
class GuardedQuery:
    """A query that passed.

    `sql` is the text as given, which is what runs; `tree` is the parser's view of it; `tables` are the
    tables, views and wildcards it names, sorted, without CTEs. `deterministic` is False when the same
    tables can give another answer tomorrow (CURRENT_DATE, RAND, TABLESAMPLE, INFORMATION_SCHEMA…).
    """

    sql: str
    tree: "exp.Query"
    tables: tuple[TableRef, ...]
    deterministic: bool
