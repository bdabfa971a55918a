"""Which partitioned tables a query reads, and whether it filters on the column they are partitioned by.

The dry run's bytes already say what a missing filter costs; what is found here says what to write instead. It
is read from the SQL, so it is a hint: a predicate BigQuery cannot prune by (a subquery, a comparison with
another column) does not count as a filter, one on a column of the same name in another derived table does.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from shared.errors import AlmanacError
from shared.sql.folding import fold_name
from shared.warehouse.bigquery.metadata import TableMetadata, TableMetadataReader
from shared.warehouse.guard.guard import GuardedQuery, QueryGuard
from shared.warehouse.models.queries import DryRun, PartitionUse, QueryRequest
from shared.warehouse.models.tables import TableRef

_LOGGER = logging.getLogger(__name__)
_COMPARISONS = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is)


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
            replace(plan, partitions=self._find(guarded[index], tables[index], known))
            if isinstance(plan, DryRun)
            else plan
            for index, plan in enumerate(plans)
        ]

    def _read_tables(self, tables: Iterable[TableRef]) -> dict[TableRef, TableMetadata]:
        answers = self._metadata.read_tables(sorted({table for table in tables if not table.is_wildcard}))
        return {answer.table: answer for answer in answers if isinstance(answer, TableMetadata)}

    def _find(
        self, query: GuardedQuery, tables: Sequence[TableRef], known: Mapping[TableRef, TableMetadata]
    ) -> tuple[PartitionUse, ...]:
        read = [known[table] for table in tables if table in known]
        partitioned = [metadata for metadata in read if metadata.partition_field is not None]
        if not partitioned:
            return ()
        trees = [query.tree, *self._parse_views(read)]
        names = {fold_name(metadata.table.table) for metadata in read}
        return tuple(
            PartitionUse(
                table=str(metadata.table),
                column=str(metadata.partition_field),
                filtered=any(_has_filter(tree, metadata, names) for tree in trees),
                required=metadata.requires_partition_filter,
            )
            for metadata in partitioned
        )

    def _parse_views(self, read: Iterable[TableMetadata]) -> Iterator[exp.Query]:
        """A view may filter by itself; one whose SQL cannot be read does not count as a filter."""
        for metadata in read:
            if metadata.view_sql is not None:
                dataset = f"{metadata.table.project}.{metadata.table.dataset}"
                try:
                    yield self._guard.check(metadata.view_sql, dataset).tree
                except AlmanacError as error:
                    _LOGGER.info("The SQL of view %s was not read: %s", metadata.table, error.message)


def _list_tables(plan: DryRun | AlmanacError) -> tuple[TableRef, ...]:
    return plan.referenced_tables if isinstance(plan, DryRun) else ()


def _has_filter(tree: exp.Query, metadata: TableMetadata, names: set[str]) -> bool:
    others = _list_other_aliases(tree, fold_name(metadata.table.table), names)
    column = fold_name(str(metadata.partition_field))
    return any(_filters(condition, column, others) for condition in _list_conditions(tree))


def _list_other_aliases(tree: exp.Query, name: str, names: set[str]) -> set[str]:
    """The aliases that stand for another table than `name`; one that also stands for it elsewhere is not among them."""
    tables = list(tree.find_all(exp.Table))
    own = {fold_name(table.alias_or_name) for table in tables if fold_name(table.name) == name}
    return {
        fold_name(table.alias_or_name) for table in tables if fold_name(table.name) in names - {name}
    } - own


def _list_conditions(tree: exp.Query) -> Iterator[exp.Expr]:
    """Every condition that must hold for a row to be read: the parts between the ANDs of WHERE and ON."""
    clauses = [where.this for where in tree.find_all(exp.Where)]
    clauses += [join.args["on"] for join in tree.find_all(exp.Join) if join.args.get("on")]
    for clause in clauses:
        yield from clause.flatten() if isinstance(clause, exp.And) else (clause,)


def _filters(condition: exp.Expr, column: str, others: set[str]) -> bool:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        return any(_filters(part, column, others) for part in condition.flatten())
    if isinstance(condition, exp.Or):
        return all(_filters(part, column, others) for part in condition.flatten())
    if isinstance(condition, exp.Between):
        bounds = [condition.args["low"], condition.args["high"]]
        return _is_column(condition.this, column, others) and all(map(_is_constant, bounds))
    if isinstance(condition, exp.In):
        given = [
            *condition.expressions,
            *filter(None, [condition.args.get("query"), condition.args.get("unnest")]),
        ]
        return _is_column(condition.this, column, others) and all(map(_is_constant, given))
    if isinstance(condition, _COMPARISONS):
        sides = (condition.this, condition.expression)
        return any(
            _is_column(one, column, others) and _is_constant(other) for one, other in (sides, sides[::-1])
        )
    return False


def _is_column(node: exp.Expr, column: str, others: set[str]) -> bool:
    """The column itself, or a function of it alone, such as DATE(column)."""
    if not isinstance(node.unnest(), exp.Column | exp.Func):
        return False
    columns = list(node.find_all(exp.Column))
    if len(columns) != 1:
        return False
    return fold_name(columns[0].name) == column and fold_name(columns[0].table) not in others


def _is_constant(node: exp.Expr) -> bool:
    return node.find(exp.Column, exp.Query) is None
