"""UNION, INTERSECT and EXCEPT: which column of one query goes with which of the other.

https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#set_operators
"""

from collections.abc import Sequence
from itertools import zip_longest

from sqlglot import exp

from shared.lineage.column_flows import Column, find_columns, merge_flows


def combine_columns(operation: exp.Expr, left: Sequence[Column], right: Sequence[Column]) -> list[Column]:
    """The columns of a set operation, by position or by name, named as on the left."""
    if not operation.args.get("by_name"):
        return [_merge(one, other) for one, other in zip_longest(left, right)]
    return [
        _merge(next(find_columns(left, name), None), next(find_columns(right, name), None))
        for name in _list_names(operation, left, right)
    ]


def _list_names(operation: exp.Expr, left: Sequence[Column], right: Sequence[Column]) -> list[str]:
    listed = operation.args.get("on")
    if listed:
        return [name.name for name in listed]
    names = [column.name or "" for column in left]
    others = [column.name or "" for column in right]
    if operation.args.get("side") == "FULL":
        known = {name.lower() for name in names}
        return [*names, *(name for name in others if name.lower() not in known)]
    if operation.args.get("kind") == "INNER":
        kept = {name.lower() for name in others}
        return [name for name in names if name.lower() in kept]
    return names


def _merge(one: Column | None, other: Column | None) -> Column:
    first = one or other
    if first is None:
        raise ValueError("neither query has the column")
    if one is None or other is None:
        return first
    tables = tuple(dict.fromkeys((*one.tables, *other.tables)))
    return Column(one.name, merge_flows((one.flow, other.flow)), one.shape, tables)
