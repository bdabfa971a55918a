"""Syntax nodes: those of GoogleSQL that the parser's library has no class for, and where nodes are in the text."""

from typing import ClassVar

from sqlglot import exp


class PipeQuery(exp.Select):
    """A query and the pipe operators behind it, in their order: what comes out of the last is what it selects."""

    arg_types: ClassVar = {"this": True, "operators": True, "with_": False}


class PipeOperator(exp.Expression):
    """One `|>`: `kind` is its first word; what else is set depends on it.

    `expressions` are columns or aggregates, `group` the grouping items of AGGREGATE, `queries` the operands of a
    set operation (whose kind of matching is in `set_operation`), `this` the clause, join, table or pivot.
    """

    arg_types: ClassVar = {
        "kind": True,
        "this": False,
        "expressions": False,
        "group": False,
        "queries": False,
        "set_operation": False,
        "alias": False,
        "with_": False,
        "windows": False,
    }


class WithExpression(exp.Expression):
    """`WITH(a AS 1, b AS a + 1, a * b)`: the value of `this`, where each alias stands for its expression."""

    arg_types: ClassVar = {"expressions": True, "this": True}


class GroupedAggregate(exp.Expression):
    """`x GROUP BY a, b` within the brackets of an aggregate: the aggregates in `this` are over those groups."""

    arg_types: ClassVar = {"this": True, "expressions": True}


class PrivacyClause(exp.Expression):
    """`WITH DIFFERENTIAL_PRIVACY OPTIONS(…)` and its like behind SELECT; `kind` is the word."""

    arg_types: ClassVar = {"kind": True, "expressions": False}


FROM_FIRST = "from_first"
"""Marks the SELECT that stands for a bare FROM."""


def walk(node: exp.Expr, leaves: tuple[type[exp.Expr], ...] = ()) -> list[exp.Expr]:
    """The node and all below it, level by level, but for what is below the kinds in `leaves`.

    As the library's own walk, at a third of its cost: every text is walked more than once.
    """
    found = [node]
    for one in found:  # which grows
        if isinstance(one, leaves):
            continue
        for value in one.args.values():
            if isinstance(value, exp.Expr):
                found.append(value)
            elif isinstance(value, list):
                found.extend(part for part in value if isinstance(part, exp.Expr))
    return found


def start_of(name: exp.Expr) -> int | None:
    """Where the parser read `name`; None for what it made up or put together itself."""
    start = name.meta.get("start")
    return start if isinstance(start, int) else None
