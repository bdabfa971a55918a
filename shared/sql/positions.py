"""Where nodes of a tree are in the text."""

from sqlglot import exp


def start_of(name: exp.Expr) -> int | None:
    """Where the parser read `name`; None for what it made up or put together itself."""
    start = name.meta.get("start")
    return start if isinstance(start, int) else None
