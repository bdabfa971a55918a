"""What the service advises is said in commands."""

import ast
import re
from collections.abc import Iterator

import pytest

from almanac_cli.wording import translate
from deploy.local.parts import REPOSITORY

CALL = re.compile(r"\b(GET|POST|DELETE) /|/auth/|/openapi\.json")
# Only a browser's session is a thing of its own, and only in a browser.
OF_A_BROWSER = {"List them: GET /auth/sessions."}


def find_advice() -> Iterator[str]:
    """Every text of the services that names a call where they say what to do."""
    for path in sorted((REPOSITORY / "shared").rglob("*.py")):
        if "api" in path.parts and "openapi" in path.name:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            is_argument = isinstance(node, ast.keyword) and node.arg == "remediation"
            is_default = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "remediation"
            if is_argument or is_default:
                yield from read_texts(node.value)


def read_texts(node: ast.expr) -> Iterator[str]:
    """A text as it will be, with `sales` where a value goes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "sales" for part in node.values)
    elif isinstance(node, ast.BinOp):
        sides = [next(read_texts(side), "sales") for side in (node.left, node.right)]
        yield "".join(sides)


ADVICE = sorted({text for text in find_advice() if CALL.search(text)} - OF_A_BROWSER)


def test_there_is_advice_to_translate() -> None:
    assert len(ADVICE) > 6


@pytest.mark.parametrize("advice", ADVICE)
def test_no_advice_names_a_call(advice: str) -> None:
    assert not CALL.search(translate(advice)), translate(advice)


@pytest.mark.parametrize(
    ("advice", "said"),
    [
        ("List them: GET /dashboards.", "List them: `almanac list`."),
        ("List them: GET /dashboards/sales/versions.", "List them: `almanac versions sales`."),
        (
            'Run it: POST /precompute {"slugs": ["sales"]}, or: almanac precompute sales.',
            "Run it: `almanac precompute sales`.",
        ),
        (
            'Run it again: POST /precompute {"slugs": ["sales"], "force": true}.',
            "Run it again: `almanac precompute sales --force`.",
        ),
        (
            "Ask an administrator to rebind it: POST /auth/accounts/rebind.",
            "Ask an administrator to rebind it.",
        ),
        ("Filter on the partitioning column.", "Filter on the partitioning column."),
    ],
)
def test_it_names_the_command(advice: str, said: str) -> None:
    assert translate(advice) == said
