"""The names of BigQuery's types, read."""

from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import SqlglotError

# What the REST API calls types, where SQL calls them something else.
_REST_TYPES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


@lru_cache(maxsize=1024)
def read_type(text: str) -> exp.DataType:
    """The type of that name; one that cannot be read is unknown, because only the fields of STRUCTs matter."""
    try:
        return exp.DataType.build(_REST_TYPES.get(text.upper(), text), dialect="bigquery")
    except SqlglotError:
        return exp.DataType.build("unknown")
