"""Only `shared.sql` lexes and parses; guard, partitions and lineage know the kinds of nodes and nothing more."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"
OUTSIDE = [path for path in sorted(SHARED.rglob("*.py")) if SHARED / "sql" not in path.parents]


def find_imports(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of everything that a file takes from the parser's library."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlglot":
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "sqlglot")


def find_called(path: Path) -> Iterator[str]:
    """The name of every method that is called."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


def test_there_is_something_to_look_at():
    assert len(OUTSIDE) > 100
    assert any(list(find_imports(path)) for path in OUTSIDE)


@pytest.mark.parametrize("path", OUTSIDE, ids=[str(path.relative_to(SHARED)) for path in OUTSIDE])
def test_a_reader_takes_kinds_of_nodes_alone(path: Path):
    assert set(find_imports(path)) <= {("sqlglot", "exp")}
    calls = set(find_called(path))
    if list(find_imports(path)):
        assert calls.isdisjoint({"maybe_parse", "parse_one", "tokenize", "parser"})
