"""Following a column into its STRUCTs and ARRAYs: `t.visits`, UNNEST(t.visits) AS v, `v.page.title`.

The elements of an UNNEST are matched by name in the whole statement. Two arrays under one name then share
their uses, which can only count more columns, never fewer.
"""

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from deploy.local.gate.tables import Field, Path


class ArrayUses:
    """How the elements of unnested arrays are used; `columns` are the columns of the statement by owner."""

    def __init__(self, columns: Mapping[str, Sequence[exp.Column]]) -> None:
        self._columns = columns

    def paths(self, column: exp.Column, field: Field) -> Iterator[Path]:
        """The paths that this mention of `field`, a column of a table, reads."""
        yield from self._follow(column, (field.name.lower(),), field)

    def _follow(self, node: exp.Expr, path: Path, field: Field) -> Iterator[Path]:
        """Walk outwards from `node`, a value of `field`, as long as the statement only picks a part of it."""
        parent = node.parent
        if isinstance(parent, exp.Bracket) and parent.this is node:
            yield from self._follow(parent, path, field)
        elif isinstance(parent, exp.Dot) and parent.this is node and (child := _child(field, parent.name)):
            yield from self._follow(parent, (*path, child.name.lower()), child)
        elif isinstance(parent, exp.Unnest) and field.repeated:
            # An array nothing is taken from (to count its elements) has to be read somewhere: take all of it.
            yield from set(self._follow_elements(parent, path, field)) or {path}
        else:
            yield path

    def _follow_elements(self, unnest: exp.Unnest, path: Path, field: Field) -> Iterator[Path]:
        source, element = _names(unnest)
        for node in (*self._columns.get(source, ()), *self._columns.get("", ())):
            if node.name == element:
                yield from self._follow(node, path, field)
            elif child := _child(field, node.name):
                yield from self._follow(node, (*path, child.name.lower()), child)


def _names(unnest: exp.Unnest) -> tuple[str, str]:
    """The name of an UNNEST as a source of columns, and the name of its elements."""
    alias = unnest.args.get("alias")
    if alias is None:
        return "", ""
    element: exp.Expr = alias.columns[0] if alias.columns else alias
    return alias.name, element.name


def _child(field: Field, name: str) -> Field | None:
    return next((child for child in field.fields if child.name.lower() == name.lower()), None)
