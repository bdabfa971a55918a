"""Which partitions a query can skip, from the conditions it puts on the partitioning column.

A condition counts when it compares the column, or a truncation of it, with something constant: literals,
bound parameters and functions of them, CURRENT_DATE included. Anything else keeps every partition.
https://cloud.google.com/bigquery/docs/querying-partitioned-tables
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from sqlglot import exp

from deploy.local.gate.reading.parameters import Parameters
from deploy.local.gate.reading.partitions import Span, floor_micros
from deploy.local.gate.tables import Unit


class Operator(StrEnum):
    """A comparison of the column (left) with a constant (right)."""

    EQUAL = "="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


@dataclass(frozen=True)
class Constant:
    """An expression without columns, and the type of the column it is compared with."""

    sql: str
    type: str
    expression: exp.Expr = field(compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """What its value is filed under."""
        return (self.sql, self.type)


@dataclass(frozen=True)
class Compare:
    """`floor(column) operator constant`."""

    operator: Operator
    floor: Unit | None
    constant: Constant


@dataclass(frozen=True)
class NullTest:
    """`column IS NULL`, or IS NOT NULL."""

    wants_null: bool


@dataclass(frozen=True)
class AllOf:
    """AND; with nothing in it, no condition at all."""

    tests: tuple["Test", ...] = ()


@dataclass(frozen=True)
class AnyOf:
    """OR."""

    tests: tuple["Test", ...] = ()


Test = Compare | NullTest | AllOf | AnyOf
NO_CONDITION = AllOf()
Values = Mapping[tuple[str, str], int | str]

_OPERATORS: dict[type[exp.Expr], tuple[Operator, Operator]] = {
    exp.EQ: (Operator.EQUAL, Operator.EQUAL),
    exp.LT: (Operator.LESS, Operator.GREATER),
    exp.LTE: (Operator.LESS_OR_EQUAL, Operator.GREATER_OR_EQUAL),
    exp.GT: (Operator.GREATER, Operator.LESS),
    exp.GTE: (Operator.GREATER_OR_EQUAL, Operator.LESS_OR_EQUAL),
}
_NEGATED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.NEQ: exp.EQ,
    exp.LT: exp.GTE,
    exp.LTE: exp.GT,
    exp.GT: exp.LTE,
    exp.GTE: exp.LT,
}
_NOT_CONSTANT = (exp.Column, exp.Query, exp.AggFunc, exp.Window, exp.Placeholder, exp.Rand)
_TRUNCATIONS = (exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc)


class ConditionReader:
    """Reads conditions on one column. `is_column` tells the column; `type_name` is its type."""

    def __init__(self, is_column: Callable[[exp.Expr], bool], type_name: str, parameters: Parameters) -> None:
        self._is_column = is_column
        self._type = type_name
        self._parameters = parameters

    def read(self, condition: exp.Expr) -> Test:
        """The test in `condition`; NO_CONDITION when it cannot be used to skip partitions."""
        node = condition.unnest()
        if isinstance(node, exp.And):
            return AllOf(tuple(map(self.read, node.flatten())))
        if isinstance(node, exp.Or):
            return AnyOf(tuple(map(self.read, node.flatten())))
        if isinstance(node, exp.Between):
            low = self._compare(Operator.GREATER_OR_EQUAL, node.this, node.args["low"])
            return AllOf((low, self._compare(Operator.LESS_OR_EQUAL, node.this, node.args["high"])))
        if isinstance(node, exp.In):
            return self._read_in(node)
        if isinstance(node, exp.Not):
            return self._read_negated(node.this.unnest())
        if isinstance(node, exp.Is):
            return self._read_null_test(node, wants_null=True)
        if type(node) in _OPERATORS:
            return self._read_comparison(type(node), node)
        return NO_CONDITION

    def _read_comparison(self, kind: type[exp.Expr], node: exp.Expr) -> Test:
        operator, mirrored = _OPERATORS[kind]
        straight = self._compare(operator, node.this, node.expression)
        return self._compare(mirrored, node.expression, node.this) if straight == NO_CONDITION else straight

    def _compare(self, operator: Operator, left: exp.Expr, right: exp.Expr) -> Test:
        floor = self._floor(left)
        if floor is False or right.find(*_NOT_CONSTANT):
            return NO_CONDITION
        return Compare(operator, floor, Constant(right.sql("bigquery"), self._type, right))

    def _floor(self, node: exp.Expr) -> Unit | Literal[False] | None:
        """The unit the column is truncated to, None for the column itself, False for anything else."""
        node = node.unnest()
        if self._is_column(node):
            return None
        if (
            not self._is_column(node.this if isinstance(node.this, exp.Expr) else node)
            or self._type == "INT64"
        ):
            return False
        if isinstance(node, exp.Cast) and node.to.this is exp.DType.DATE:
            return Unit.DAY
        if isinstance(node, exp.Date) and not (node.args.get("zone") or node.expressions):
            return Unit.DAY
        if isinstance(node, _TRUNCATIONS) and not node.args.get("zone"):
            unit = node.unit.name.upper() if node.unit else ""
            return Unit(unit) if unit in {Unit.HOUR, Unit.DAY, Unit.MONTH, Unit.YEAR} else False
        return False

    def _read_in(self, node: exp.In) -> Test:
        unnest = node.args.get("unnest")
        items = node.expressions if unnest is None else self._elements(unnest)
        if items is None or node.args.get("query"):
            return NO_CONDITION
        return AnyOf(tuple(self._compare(Operator.EQUAL, node.this, item) for item in items))

    def _elements(self, unnest: exp.Expr) -> list[exp.Expr] | None:
        """What an array holds that is written out or bound; None when that is not known here."""
        array = unnest.expressions[0] if unnest.expressions else unnest.this
        if isinstance(array, exp.Array):
            return list(array.expressions)
        values = self._parameters.array(array.name) if isinstance(array, exp.Parameter) else None
        if values is None:
            return None
        return [exp.null() if value is None else exp.Literal.string(value) for value in values]

    def _read_negated(self, node: exp.Expr) -> Test:
        if isinstance(node, exp.And):
            return AnyOf(tuple(self._read_negated(part.unnest()) for part in node.flatten()))
        if isinstance(node, exp.Or):
            return AllOf(tuple(self._read_negated(part.unnest()) for part in node.flatten()))
        if isinstance(node, exp.Not):
            return self.read(node.this)
        if isinstance(node, exp.Between):
            below = self._compare(Operator.LESS, node.this, node.args["low"])
            return AnyOf((below, self._compare(Operator.GREATER, node.this, node.args["high"])))
        if isinstance(node, exp.Is):
            return self._read_null_test(node, wants_null=False)
        opposite = _NEGATED.get(type(node))
        return NO_CONDITION if opposite is None else self._read_comparison(opposite, node)

    def _read_null_test(self, node: exp.Is, *, wants_null: bool) -> Test:
        is_null = isinstance(node.expression, exp.Null)
        return NullTest(wants_null) if is_null and self._is_column(node.this.unnest()) else NO_CONDITION


def constants_of(test: Test) -> Iterable[Constant]:
    """Every constant a test compares with."""
    if isinstance(test, Compare):
        yield test.constant
    if isinstance(test, AllOf | AnyOf):
        for part in test.tests:
            yield from constants_of(part)


def eliminates(test: Test) -> bool:
    """Whether a test can leave partitions out at all."""
    if isinstance(test, AllOf):
        return any(map(eliminates, test.tests))
    if isinstance(test, AnyOf):
        return all(map(eliminates, test.tests))
    return True


def may_match(test: Test, span: Span, values: Values) -> bool:
    """False when no value in `span` can pass. A constant missing from `values` is unknown, and passes."""
    if isinstance(test, AllOf):
        return all(may_match(part, span, values) for part in test.tests)
    if isinstance(test, AnyOf):
        return any(may_match(part, span, values) for part in test.tests)
    if isinstance(test, NullTest):
        return (span.is_null or span == Span()) if test.wants_null else not span.is_null
    return _may_compare(test, span, values.get(test.constant.key))


def _may_compare(test: Compare, span: Span, value: Any) -> bool:
    if value is None:
        return True
    if span.is_null:
        return False
    low, high = _floored(span.low, test.floor), _floored(span.high, test.floor)
    match test.operator:
        case Operator.EQUAL:
            return (low is None or low <= value) and (high is None or high >= value)
        case Operator.LESS:
            return low is None or low < value
        case Operator.LESS_OR_EQUAL:
            return low is None or low <= value
        case Operator.GREATER:
            return high is None or high > value
        case Operator.GREATER_OR_EQUAL:
            return high is None or high >= value


def _floored(value: int | str | None, unit: Unit | None) -> Any:
    return floor_micros(value, unit) if unit is not None and isinstance(value, int) else value
