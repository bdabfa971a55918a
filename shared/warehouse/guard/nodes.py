"""The kinds of syntax nodes that a reading query is made of.

Functions are all let through here: `calls` judges them by the names in the text.
"""

from sqlglot import exp

from shared.sql.nodes import GroupedAggregate, PipeOperator, PipeQuery, PrivacyClause, WithExpression

_READING = (
    # queries
    exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join,
    exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
    exp.Distinct, exp.Rollup, exp.Cube, exp.GroupingSets, exp.Window, exp.WindowSpec,
    PipeQuery, PipeOperator, PrivacyClause, WithExpression, GroupedAggregate,
    # tables
    exp.Table, exp.TableAlias, exp.Unnest, exp.Pivot, exp.PivotAlias, exp.TableSample, exp.Version,
    # expressions
    exp.Alias, exp.Column, exp.Identifier, exp.Dot, exp.Star, exp.Literal, exp.RawString,
    exp.ByteString, exp.HexString, exp.Boolean, exp.Null, exp.Parameter, exp.Placeholder, exp.Var, exp.Paren, exp.Tuple,
    exp.Bracket, exp.Slice, exp.Interval, exp.IntervalSpan, exp.AtTimeZone, exp.Collate, exp.In, exp.Between,
    exp.Binary, exp.Unary, exp.Func, exp.Lambda, exp.SubqueryPredicate, exp.Predicate, exp.IgnoreNulls,
    exp.RespectNulls,
    exp.HavingMax, exp.Kwarg, exp.PropertyEQ, exp.Any, exp.All, exp.WithinGroup, exp.WeekStart,
    # types and JSON
    exp.DataType, exp.DataTypeParam, exp.ColumnDef, exp.JSONKeyValue, exp.JSONPath, exp.JSONPathPart,
    exp.FormatJson, exp.CharacterSet,
)  # fmt: skip
_KNOWN: dict[type[exp.Expr], bool] = {}


def is_reading(node: exp.Expr) -> bool:
    """True when a node of this kind only reads and computes."""
    kind = type(node)
    known = _KNOWN.get(kind)
    if known is None:
        known = _KNOWN[kind] = issubclass(kind, _READING)
    return known
