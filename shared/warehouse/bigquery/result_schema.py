"""BigQuery's result schemas as ours, and which types an answer can hold."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from shared.errors import SqlNotAllowedError
from shared.warehouse.models.queries import OutputField

if TYPE_CHECKING:
    from google.cloud.bigquery import SchemaField

READABLE_TYPES = frozenset(
    {
        "INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "BYTES", "DATE", "TIME", "DATETIME",
        "TIMESTAMP", "INTERVAL", "RANGE", "GEOGRAPHY", "JSON", "STRUCT",
    }
)  # fmt: skip
"""https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types"""

_STANDARD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


def to_output_fields(schema: "Iterable[SchemaField]") -> tuple[OutputField, ...]:
    """BigQuery's schema as ours, with standard SQL type names."""
    return tuple(
        OutputField(
            name=entry.name,
            type=_name_type(entry),
            mode=entry.mode or "NULLABLE",
            fields=to_output_fields(entry.fields),
            element=entry.range_element_type.element_type if entry.range_element_type else None,
        )
        for entry in schema
    )


def check_readable(fields: Sequence[OutputField], query_name: str | None) -> None:
    """Raise SqlNotAllowedError naming every column of a type no answer can hold; before anything is billed."""
    found = list(_find_unreadable(fields))
    if not found:
        return
    columns = ", ".join(f"{path} ({type_name})" for path, type_name in found)
    raise SqlNotAllowedError(
        f"No answer can hold the type of {columns}{f' of query {query_name}' if query_name else ''}.",
        remediation="CAST it to STRING or another type, or leave it out.",
        details=[
            {"column": path, "received": type_name, "allowed": sorted(READABLE_TYPES)}
            for path, type_name in found
        ],
    )


def _name_type(entry: "SchemaField") -> str:
    from google.cloud.bigquery.enums import TimestampPrecision

    if entry.field_type == "TIMESTAMP" and entry.timestamp_precision is TimestampPrecision.PICOSECOND:
        return f"TIMESTAMP({entry.timestamp_precision.value})"
    return _STANDARD_NAMES.get(entry.field_type, entry.field_type)


def _find_unreadable(fields: Iterable[OutputField], inside: str = "") -> Iterator[tuple[str, str]]:
    for field in fields:
        path = f"{inside}{field.name}"
        if field.type not in READABLE_TYPES:
            yield path, field.type
        yield from _find_unreadable(field.fields, f"{path}.")
