"""What BigQuery found wrong with a query, by its words: the name it is about, and what to do."""

import re
from dataclasses import dataclass
from enum import Enum


class RefusalKind(Enum):
    """What the name in a refusal is the name of. The value is the remedy where nothing better is known."""

    LOCATION = (
        "Correct the name of the dataset. One that exists is in another location than this service's jobs "
        "(BIGQUERY_LOCATION), which read no other: copy what is needed there, or use a service for its location."
    )
    TABLE = "Correct the name of the table, or read it from the dataset it is in: dataset.table."
    COLUMN = "Name a column that the tables of the query have, or one that an alias in it gives."
    FUNCTION = "Use a function that BigQuery has."
    PARAMETER = "Declare the parameter with its type and value, or correct its name in the SQL."
    DIVISION = "Use SAFE_DIVIDE(a, b), which is NULL where b is 0, or leave such rows out."
    OTHER = "Correct the SQL as the message says."


@dataclass(frozen=True)
class Refusal:
    """One refusal; `name` is what it is about, as far as it names something."""

    kind: RefusalKind
    name: str | None = None


# https://cloud.google.com/bigquery/docs/locations#specify_locations: a job reads datasets of its own location only.
_NAMED = (
    (RefusalKind.LOCATION, re.compile(r"Not found: Dataset [^\s:]+:(?P<name>[\w$-]+) was not found in location")),
    (RefusalKind.TABLE, re.compile(r"Not found: (?:Table|Dataset) [^\s:]+:(?P<name>[\w.*$-]+)")),
    (RefusalKind.COLUMN, re.compile(r"Unrecognized name: `?(?P<name>[\w.]+)`?")),
    (RefusalKind.COLUMN, re.compile(r"does not have a column named \"(?P<name>\w+)\"")),
    (RefusalKind.COLUMN, re.compile(r"Name (?P<name>\w+) not found inside")),
    (RefusalKind.COLUMN, re.compile(r"Column \"?(?P<name>\w+)\"? (?:does not exist|in USING clause not found)")),
    (RefusalKind.COLUMN, re.compile(r"Referenced table \"(?P<name>[\w.]+)\" not found")),
    (RefusalKind.FUNCTION, re.compile(r"Function not found: `?(?P<name>[\w.]+)`?")),
    (RefusalKind.PARAMETER, re.compile(r"Query parameter '(?P<name>\w+)' not found")),
    (RefusalKind.DIVISION, re.compile(r"division by zero", re.IGNORECASE)),
)  # fmt: skip


def read_refusal(message: str) -> Refusal:
    """What a message of BigQuery's, or of its emulator's, is about."""
    for kind, pattern in _NAMED:
        match = pattern.search(message)
        if match:
            return Refusal(kind, match.groupdict().get("name"))
    return Refusal(RefusalKind.OTHER)
