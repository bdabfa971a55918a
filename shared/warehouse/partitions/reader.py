"""Which partitioned tables and wildcards a query reads, and whether it filters on what they are split by.

The dry run's bytes already say what a missing filter costs; what is found here says what to write instead.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlglot import exp

from shared.errors import AlmanacError
from shared.warehouse.bigquery.metadata import TableMetadata, TableMetadataReader
from shared.warehouse.guard.guard import GuardedQuery, QueryGuard
from shared.warehouse.models.queries import DryRun, PartitionUse, QueryRequest
from shared.warehouse.models.tables import TableRef
from shared.warehouse.partitions.filters import FilterFinder
from shared.warehouse.partitions.relations import TABLE_SUFFIX
from shared.warehouse.partitions.tables import Known

_LOGGER = logging.getLogger(__name__)


class PartitionReader:
    """Adds to plans how they use partitions; one metadata call per distinct table, which costs nothing."""

    def __init__(self, metadata: TableMetadataReader, guard: QueryGuard) -> None:
        self._metadata = metadata
        self._guard = guard

    def describe_plans(
        self, requests: Sequence[QueryRequest], plans: Sequence[DryRun | AlmanacError]
    ) -> list[DryRun | AlmanacError]:
        """The plans with `partitions` filled in, in input order. A table that cannot be read is left out."""
        guarded = {
            index: self._guard.check(request.sql, request.default_dataset)
            for index, (request, plan) in enumerate(zip(requests, plans, strict=True))
            if isinstance(plan, DryRun)
        }
        # A dry run names the tables behind a view; only the query itself names the view.
        tables = {
            index: sorted({*query.tables, *_list_tables(plans[index])}) for index, query in guarded.items()
        }
        known = self._read_tables(table for listed in tables.values() for table in listed)
        return [
            replace(
                plan,
                partitions=self._find(guarded[index], requests[index].default_dataset, tables[index], known),
            )
            if isinstance(plan, DryRun)
            else plan
            for index, plan in enumerate(plans)
        ]

    def _read_tables(self, tables: Iterable[TableRef]) -> Known:
        answers = self._metadata.read_tables(sorted({table for table in tables if not table.is_wildcard}))
        return {answer.table: answer for answer in answers if isinstance(answer, TableMetadata)}

    def _find(
        self, query: GuardedQuery, default_dataset: str | None, tables: Sequence[TableRef], known: Known
    ) -> tuple[PartitionUse, ...]:
        """How the query uses each table that is split, in the order of their names."""
        wildcards = [table for table in tables if table.is_wildcard]
        split = {
            table: column
            for table in tables
            if (column := _find_column(table, known)) is not None
            and not any(one.covers(table) for one in wildcards if one != table)
        }
        filtered = self._find_filtered(query, default_dataset, known) if split else frozenset()
        return tuple(
            PartitionUse(
                table=str(table),
                column=column,
                filtered=table in filtered,
                required=table in known and known[table].requires_partition_filter,
            )
            for table, column in split.items()
        )

    def _find_filtered(
        self, query: GuardedQuery, default_dataset: str | None, known: Known
    ) -> frozenset[TableRef]:
        """The tables that every reading filters. What cannot be followed to a table counts as no filter on it."""
        finder = FilterFinder(known, lambda table: self._parse_view(known.get(table)))
        try:
            finder.follow(query.tree, self._guard.project, default_dataset)
            unfiltered = {table for table, read in finder.reads if not read.is_filtered}
        except RecursionError:  # a chain of some hundred joins or CTEs, each within the one before
            return frozenset()
        return frozenset(finder.seen - unfiltered)

    def _parse_view(self, metadata: TableMetadata | None) -> exp.Query | None:
        """A view may filter by itself; one whose SQL cannot be read does not count as a filter."""
        if metadata is None or metadata.view_sql is None:
            return None
        dataset = f"{metadata.table.project}.{metadata.table.dataset}"
        try:
            return self._guard.check(metadata.view_sql, dataset).tree
        except AlmanacError as error:
            _LOGGER.info("The SQL of view %s was not read: %s", metadata.table, error.message)
            return None


def _find_column(table: TableRef, known: Known) -> str | None:
    """What a table is split by; None when it is not."""
    if table.is_wildcard:
        return TABLE_SUFFIX
    return known[table].partition_field if table in known else None


def _list_tables(plan: DryRun | AlmanacError) -> tuple[TableRef, ...]:
    return plan.referenced_tables if isinstance(plan, DryRun) else ()
