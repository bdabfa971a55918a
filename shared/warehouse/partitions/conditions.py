"""Which conditions let BigQuery leave partitions out.

It compares the partitioning column with something constant before the query runs: literals, parameters and functions
of them, CURRENT_DATE() too. It looks through the conversion to a DATE and through truncation to an hour, day, month or
year, and through nothing else: not other casts, EXTRACT or arithmetic. What a subquery or another column says is not
known yet. https://cloud.google.com/bigquery/docs/querying-partitioned-tables (best practices for partition pruning) and
https://cloud.google.com/bigquery/docs/querying-wildcard-tables (filtering by `_TABLE_SUFFIX`).
"""

from collections.abc import Callable, Iterable
from functools import reduce

from sqlglot import exp

from shared.sql.nodes import walk
from shared.warehouse.partitions.relations import NO_READS, Column, Reads

Resolve = Callable[[exp.Column], Column | None]

_RANGES = (exp.LT, exp.LTE, exp.GT, exp.GTE)
_UNKNOWN_BEFORE = (exp.Column, exp.Query, exp.AggFunc, exp.Window, exp.Rand)
_TRUNCATIONS = (exp.DateTrunc, exp.DatetimeTrunc, exp.TimestampTrunc)
_UNITS = frozenset({"HOUR", "DAY", "MONTH", "YEAR"})


class ConditionReader:
    """Reads conditions in one place of a query; `resolve` tells which column a name is there."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    def find(self, condition: exp.Expr) -> Reads:
        """The readings that leave partitions out because the condition has to hold."""
        node = condition.unnest()
        if isinstance(node, exp.And):
            return _unite(map(self.find, node.flatten()))
        if isinstance(node, exp.Or):
            return _intersect(map(self.find, node.flatten()))
        if isinstance(node, exp.Not):
            return self._find_negated(node.this.unnest())
        if isinstance(node, exp.Between):
            bounds = (node.args["low"], node.args["high"])
            return _unite(self._compare(node.this, bound) for bound in bounds)
        if isinstance(node, exp.In):
            return self._find_in(node)
        if isinstance(node, exp.Is):
            return self._find_null(node)
        if isinstance(node, (exp.EQ, *_RANGES)):
            return self._compare(node.this, node.expression) or self._compare(node.expression, node.this)
        return NO_READS

    def _find_negated(self, node: exp.Expr) -> Reads:
        """What NOT makes of a condition; all that is not one value leaves nothing out."""
        if isinstance(node, exp.And):
            return _intersect(self._find_negated(part.unnest()) for part in node.flatten())
        if isinstance(node, exp.Or):
            return _unite(self._find_negated(part.unnest()) for part in node.flatten())
        if isinstance(node, exp.Not):
            return self.find(node.this)
        if isinstance(node, exp.Between):
            bounds = (node.args["low"], node.args["high"])
            return _intersect(self._compare(node.this, bound) for bound in bounds)
        if isinstance(node, (exp.NEQ, *_RANGES)):
            return self._compare(node.this, node.expression) or self._compare(node.expression, node.this)
        return NO_READS

    def _find_in(self, node: exp.In) -> Reads:
        values = node.expressions
        if node.args.get("unnest") is not None:
            values = _list_elements(node.args["unnest"])
        return _intersect(self._compare(node.this, value) for value in values) if values else NO_READS

    def _find_null(self, node: exp.Is) -> Reads:
        column = self._find_column(node.this)
        is_null = isinstance(node.expression, exp.Null) and column is not None and not column.optional
        return column.reads if is_null and column is not None else NO_READS

    def _compare(self, one: exp.Expr, other: exp.Expr) -> Reads:
        if any(isinstance(node, _UNKNOWN_BEFORE) for node in walk(other)):
            return NO_READS
        column = self._find_column(_strip_truncation(one.unnest()))
        return column.reads if column is not None else NO_READS

    def _find_column(self, node: exp.Expr) -> Column | None:
        plain = node.unnest()
        return self._resolve(plain) if isinstance(plain, exp.Column) else None


def _strip_truncation(node: exp.Expr) -> exp.Expr:
    """What a conversion to DATE or a truncation is of; the node itself when it is neither."""
    if isinstance(node, exp.Cast):
        return node.this if node.to.this is exp.DType.DATE and not node.args.get("format") else node
    if isinstance(node, exp.Date):
        return node if node.args.get("zone") or node.expressions else node.this
    if isinstance(node, _TRUNCATIONS):
        unit = node.args.get("unit")
        return (
            node.this
            if unit is not None and unit.name.upper() in _UNITS and not node.args.get("zone")
            else node
        )
    return node


def _list_elements(unnest: exp.Expr) -> list[exp.Expr]:
    """The elements of an array that is written out, or a parameter, which stands for its own."""
    array = unnest.expressions[0].unnest() if unnest.expressions else None
    if isinstance(array, exp.Array):
        return list(array.expressions)
    return [array] if isinstance(array, exp.Parameter) else []


def _unite(found: Iterable[Reads]) -> Reads:
    return frozenset().union(*found)


def _intersect(found: Iterable[Reads]) -> Reads:
    return reduce(frozenset.intersection, found)
