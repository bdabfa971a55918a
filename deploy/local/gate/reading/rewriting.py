"""A query in other words, where the emulator would give BigQuery's words another meaning.

GROUP BY a name that is an alias and a column: BigQuery groups by the alias. PIVOT: BigQuery names a column after the
aggregate and then the value, `delay_AA`, and a number with a line before it, `_1`. A path that begins with the alias of
a source before it, `JOIN e.items`, is an array of its rows, and no table of a dataset `e`. STRUCT: BigQuery calls a
field that is a column by the column's name.
https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#group_by_clause,
#rules_for_new_columns, #explicit_and_implicit_unnest
https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#typeless_syntax
"""

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_KEEPS_STRUCT = (
    exp.Alias, exp.AnyValue, exp.ArgMax, exp.ArgMin, exp.ArrayAgg, exp.Bracket, exp.Distinct, exp.Dot, exp.FirstValue,
    exp.HavingMax, exp.IgnoreNulls, exp.JSONFormat, exp.LastValue, exp.Limit, exp.Order, exp.Paren, exp.PropertyEQ,
    exp.RespectNulls, exp.Struct, exp.Window,
)  # fmt: skip
"""What a STRUCT may be within and keep its fields' names to itself: no other STRUCT has to fit it."""


def rewrite_query(sql: str) -> str | None:
    """The text for the emulator; None when it reads the query as it is, or other words would lose some of it."""
    try:
        trees = [tree for tree in sqlglot.parse(sql, "bigquery") if tree]
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            return None
        tree = trees[0]
        # Fields first: GROUP BY takes over what has them.
        changes = [_name_fields(tree)]
        changes += [_group_by_aliases(select) for select in list(tree.find_all(exp.Select))]
        changes += [_name_pivot(pivot) for pivot in list(tree.find_all(exp.Pivot))]
        changes += [_unnest_path(table) for table in list(tree.find_all(exp.Table))]
        if not any(changes):
            return None
        written = tree.sql("bigquery")
        return written if _read_again(written) == _forget_columns(tree) else None
    except (SqlglotError, RecursionError, ValueError, AttributeError):
        return None  # what cannot be parsed here is for the emulator to refuse


def _read_again(written: str) -> exp.Expr:
    return _forget_columns(sqlglot.parse_one(written, "bigquery"))


def _forget_columns(tree: exp.Expr) -> exp.Expr:
    """The tree without what the parser makes of PIVOT's names, which are ours from here on."""
    for pivot in tree.find_all(exp.Pivot):
        pivot.set("columns", None)
    return tree


def _group_by_aliases(select: exp.Select) -> bool:
    """Put the expression where GROUP BY names it by an alias. Whether there was one."""
    group = select.args.get("group")
    aliases = {item.alias.lower(): item.this for item in select.expressions if isinstance(item, exp.Alias)}
    changed = False
    for name in list(group.expressions if group else ()):
        meant = aliases.get(name.name.lower()) if isinstance(name, exp.Column) and not name.table else None
        if meant is not None and meant != name and _can_group(meant):
            # In brackets, or the writer of BigQuery's SQL puts the alias back where there is an ORDER BY.
            name.replace(exp.Paren(this=meant.copy()))
            changed = True
    return changed


def _can_group(value: exp.Expr) -> bool:
    """A value of the rows; a number would be a place in the list of columns."""
    return value.find(exp.Column) is not None and value.find(exp.AggFunc, exp.Window, exp.Query) is None


def _unnest_path(table: exp.Table) -> bool:
    """Write UNNEST around a path into the rows of a source before it, here or around. Whether it was one."""
    first, *rest = table.parts
    if not rest or not isinstance(first, exp.Identifier) or first.name.lower() not in _names_before(table):
        return False
    path: exp.Expr = exp.column(rest[0].copy(), table=first.copy())
    for part in rest[1:]:
        path = exp.Dot(this=path, expression=part.copy())
    alias = table.args.get("alias")
    name = alias.this if alias else rest[-1]
    unnest = exp.Unnest(expressions=[path], alias=exp.TableAlias(columns=[name.copy()]), offset=False)
    unnest.set("joins", table.args.get("joins"))
    table.replace(unnest)
    return True


def _names_before(table: exp.Table) -> set[str]:
    """The sources that a path may begin with, in lower case: those left of it, and all of the queries around."""
    names: set[str] = set()
    node: exp.Expr = table
    while node.parent is not None:
        clause, node = node, node.parent
        if isinstance(node, exp.Select):
            for source in (node.args.get("from_"), *(node.args.get("joins") or ())):
                if source is None or source is clause:
                    break
                names.add(source.this.alias_or_name.lower())
    return names - {""}


def _name_fields(tree: exp.Query) -> bool:
    """Give the fields of STRUCTs that are columns the columns' names. Whether there were any.

    The emulator fits one STRUCT to another by their fields' names, BigQuery by their order: where it may come to that,
    the fields are left without names, and so are two fields of one name, which the emulator does not know.
    """
    if tree.find(exp.SetOperation):
        return False
    structs = list(tree.find_all(exp.Struct))
    alike = len({tuple(_list_names(struct)) for struct in structs}) == 1
    chosen = [struct for struct in structs if _can_name(struct) and _stands_alone(struct, alike=alike)]
    for field in [field for struct in chosen for field in struct.expressions if _is_path(field)]:
        path = field.expression if isinstance(field, exp.Dot) else field.this
        named = exp.PropertyEQ(this=path.copy())
        field.replace(named)
        named.set("expression", field)
    return bool(chosen)


def _can_name(struct: exp.Struct) -> bool:
    names = _list_names(struct)
    return len(set(names)) == len(names) and any(_is_path(field) for field in struct.expressions)


def _list_names(struct: exp.Struct) -> list[str]:
    """What BigQuery calls the fields, but for those without a name."""
    named = (one for one in struct.expressions if _is_path(one) or isinstance(one, exp.PropertyEQ))
    return [one.name.lower() for one in named]


def _is_path(value: exp.Expr) -> bool:
    """Whether it is a column or a field of something: what BigQuery takes a name from."""
    named = value.expression if isinstance(value, exp.Dot) else value.this
    return isinstance(value, exp.Column | exp.Dot) and isinstance(named, exp.Identifier)


def _stands_alone(struct: exp.Struct, *, alike: bool) -> bool:
    """Whether it is held against no other: made into text, asked for a field, in an array, or returned.

    `alike` are all STRUCTs of the query when their fields have the same names.
    """
    value: exp.Expr = struct
    while isinstance(value.parent, _KEEPS_STRUCT):
        if isinstance(value.parent, exp.Dot | exp.JSONFormat) or (
            alike and isinstance(value.parent, exp.ArrayAgg)
        ):
            return True
        value = value.parent
    select = value.parent_select
    if select is None or select.parent is not None:
        return False
    return isinstance(value.parent, exp.Group | exp.Ordered) or (
        value.parent is select and value.arg_key == "expressions"
    )


def _name_pivot(pivot: exp.Pivot) -> bool:
    """Give the columns of a PIVOT the names that BigQuery gives them. Whether they have others."""
    if pivot.args.get("unpivot") or len(pivot.args.get("fields") or ()) != 1:
        return False
    aggregates, values = pivot.expressions, pivot.args["fields"][0].expressions
    if all(isinstance(value, exp.PivotAlias) for value in values) and not any(
        one.alias for one in aggregates
    ):
        return False
    if len(aggregates) > 1:
        return _rename_pivoted(pivot)
    prefix = aggregates[0].alias
    names = [_name_column(prefix, value) for value in values]
    pivot.args["fields"][0].set("expressions", [_alias(v, n) for v, n in zip(values, names, strict=True)])
    pivot.set("expressions", [aggregates[0].unalias()])
    return True


def _rename_pivoted(pivot: exp.Pivot) -> bool:
    """Several aggregates: the emulator puts their names behind the values', so a SELECT around it swaps the two."""
    source = pivot.parent
    values = pivot.args["fields"][0].expressions
    if source is None or len(source.args.get("pivots") or ()) != 1 or source.args.get("joins"):
        return False
    wanted = [(_name_column(one.alias, value), v, a)
              for v, value in enumerate(values) for a, one in enumerate(pivot.expressions)]  # fmt: skip
    made = [f"p{v}_a{a}" for _, v, a in wanted]
    pivot.args["fields"][0].set("expressions", [_alias(value, f"p{v}") for v, value in enumerate(values)])
    pivot.set("expressions", [exp.alias_(one.unalias(), f"a{a}") for a, one in enumerate(pivot.expressions)])
    star = exp.Star(except_=[exp.column(name, quoted=True) for name in made])
    columns = [
        exp.alias_(exp.column(name, quoted=True), wanted[i][0], quoted=True) for i, name in enumerate(made)
    ]
    alias = pivot.args.get("alias")
    pivot.set("alias", None)
    around = exp.Subquery(this=exp.Select(expressions=[star, *columns]), alias=alias)
    source.replace(around)
    around.this.set("from_", exp.From(this=source))
    return True


def _alias(value: exp.Expr, name: str) -> exp.PivotAlias:
    plain = value.this if isinstance(value, exp.PivotAlias) else value
    return exp.PivotAlias(this=plain.copy(), alias=exp.to_identifier(name, quoted=True))


def _name_column(prefix: str, value: exp.Expr) -> str:
    if isinstance(value, exp.PivotAlias):
        return f"{prefix}_{value.alias}" if prefix else value.alias
    name = "_".join(_name_parts(value))
    if prefix:
        return f"{prefix}_{name}"
    is_text = isinstance(value, exp.Literal) and value.is_string
    return f"_{name}" if name[:1].isdigit() and not is_text else name


def _name_parts(value: exp.Expr) -> Iterator[str]:
    """What BigQuery calls a value, piece by piece."""
    if isinstance(value, exp.Tuple | exp.Struct):
        for part in value.expressions:
            yield from _name_parts(part.unalias())
    elif isinstance(value, exp.Neg):
        yield "minus"
        yield from _name_parts(value.this)
    elif isinstance(value, exp.Literal) and value.is_string:
        yield value.name or "empty_string_value"
    elif isinstance(value, exp.Literal | exp.Cast):
        text = value.name if isinstance(value, exp.Literal) else value.this.name
        yield text.replace(".", "_point_").replace("-", "_")
    else:
        written = value.sql("bigquery")
        yield written.lower() if isinstance(value, exp.Boolean) else written
