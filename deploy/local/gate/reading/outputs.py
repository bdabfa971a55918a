"""Names of a result's columns that BigQuery refuses, where the emulator returns them all the same."""

from collections import Counter
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from sqlglot import exp

from deploy.local.gate.errors import GateError

# https://cloud.google.com/bigquery/docs/schemas#column_names
MAX_NAME_LENGTH = 300


def check_names(names: Iterable[str]) -> None:
    """Raise GateError in BigQuery's words for a name that is too long, or that two columns have."""
    known = list(names)
    for name in known:
        if len(name) > MAX_NAME_LENGTH:
            message = (
                f'Invalid field name "{name}". Fields must be at most {MAX_NAME_LENGTH} characters long.'
            )
            raise GateError(HTTPStatus.BAD_REQUEST, "invalidQuery", message)
    counts = Counter(name.lower() for name in known)
    twice = [name for name in dict.fromkeys(name.lower() for name in known) if counts[name] > 1]
    if twice:
        message = (
            f"Duplicate column names in the result are not supported. Found duplicate(s): {', '.join(twice)}"
        )
        raise GateError(HTTPStatus.BAD_REQUEST, "invalidQuery", message)


def list_names(tree: exp.Expr | None) -> list[str]:
    """The names that a query gives its columns itself; what stars stand for is not among them."""
    if not isinstance(tree, exp.Query):
        return []
    named = (item for item in tree.selects if isinstance(item, exp.Alias | exp.Column) and not item.is_star)
    return [item.alias_or_name for item in named]


def list_fields(job: Mapping[str, Any]) -> list[str]:
    """The columns in the Job resource of a dry run, those that stars stand for among them."""
    schema = job["statistics"].get("query", {}).get("schema") or {}
    return [field["name"] for field in schema.get("fields") or ()]
