"""PIVOT and UNPIVOT: which columns come out, under which names.

https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#pivot_operator
"""

from collections.abc import Iterator, Sequence

from sqlglot import exp

from shared.lineage.column_flows import Column, Flow, find_columns, merge_flows
from shared.lineage.model import EdgeType
from shared.lineage.sql_scope import Scope
from shared.lineage.sql_values import ValueReader


def pivot_columns(
    pivot: exp.Pivot, columns: Sequence[Column], values: ValueReader, scope: Scope
) -> list[Column]:
    """The columns behind a PIVOT or UNPIVOT of `columns`, which `scope` sees."""
    if pivot.args.get("unpivot"):
        return list(_unpivot(pivot, columns))
    return list(_pivot(pivot, columns, values, scope))


def _pivot(
    pivot: exp.Pivot, columns: Sequence[Column], values: ValueReader, scope: Scope
) -> Iterator[Column]:
    """What is neither aggregated nor spread, then a column for each value and aggregate."""
    field = pivot.args["fields"][0]
    used = {
        column.name.lower()
        for part in (*pivot.expressions, field.this)
        for column in part.find_all(exp.Column)
    }
    for column in columns:
        if column.is_open or column.key not in used:
            yield _derive(column)
    aggregates = [(one.alias, _derive(values.read(one, scope))) for one in pivot.expressions]
    for value in field.expressions:
        named = isinstance(value, exp.PivotAlias)
        name = value.alias if named else _name_value(value)
        for alias, column in aggregates:
            begins_badly = name[:1].isdigit() and not named and not _is_text(value)
            yield column.rename(f"{alias}_{name}" if alias else f"_{name}" if begins_badly else name)


def _unpivot(pivot: exp.Pivot, columns: Sequence[Column]) -> Iterator[Column]:
    """What is not gathered, then the values, then the name of where each is from, which no column gives."""
    field = pivot.args["fields"][0]
    groups = [[column.name for column in item.find_all(exp.Column)] for item in field.expressions]
    gathered = {name.lower() for names in groups for name in names}
    for column in columns:
        if column.is_open or column.key not in gathered:
            yield _derive(column)
    for index, target in enumerate(pivot.expressions):
        flows = (
            column.flow
            for names in groups
            if index < len(names)
            for column in find_columns(columns, names[index])
        )
        yield _derive(Column(target.name, merge_flows(flows)))
    yield Column(field.this.name, Flow())


def _is_text(value: exp.Expr) -> bool:
    return isinstance(value, exp.Literal) and value.is_string


def _derive(column: Column) -> Column:
    """A cell of a pivot: which values make it is decided by a column beside, so it is derived, aggregate or not."""
    flow = Flow(unresolved=set(column.flow.unresolved))
    for key, (_, exact) in column.flow.columns.items():
        flow.add(key, EdgeType.DERIVES, exact)
    return Column(column.name, flow, column.shape, column.tables)


def _name_value(value: exp.Expr) -> str:
    """The name that BigQuery gives to the column of a value without an alias."""
    if isinstance(value, exp.Tuple | exp.Struct):
        return "_".join(_name_value(part.unalias()) for part in value.expressions)
    if isinstance(value, exp.Neg):
        return f"minus_{_name_value(value.this)}"
    if isinstance(value, exp.Cast):  # DATE '2020-01-02', NUMERIC '1.5'
        return _name_number(value.this.name)
    if isinstance(value, exp.Literal):
        return (value.name or "empty_string_value") if value.is_string else _name_number(value.name)
    return value.sql("bigquery").lower() if isinstance(value, exp.Boolean) else value.sql("bigquery")


def _name_number(text: str) -> str:
    return text.replace(".", "_point_").replace("-", "_")
