"""Reads what can be known of a table without a query.

tables.get and tabledata.list cost nothing: https://cloud.google.com/bigquery/pricing#free.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.warehouse.bigquery.failures import make_retry, translated_failures
from shared.warehouse.bigquery.metadata import find_partition_field
from shared.warehouse.bigquery.results import to_output_fields
from shared.warehouse.models.table_facts import TYPES_SEEN, ColumnFacts, TableFacts
from shared.warehouse.models.tables import parse_table

if TYPE_CHECKING:
    from google.cloud import bigquery

CALL_TIMEOUT_SECONDS = 30.0
_ROWS_AT_EACH_END = 500


def read_table_facts(client: "bigquery.Client", name: str) -> TableFacts:
    """The facts of `dataset.table` or `project.dataset.table`. Raises what translated_failures raises."""
    ref = parse_table(name, client.project, None)
    with translated_failures(f"reading {name}"):
        table = client.get_table(
            str(ref), retry=make_retry(CALL_TIMEOUT_SECONDS), timeout=CALL_TIMEOUT_SECONDS
        )
        types = ["ARRAY" if one.mode == "REPEATED" else one.type for one in to_output_fields(table.schema)]
        read = [one for one, kind in zip(table.schema, types, strict=True) if kind in TYPES_SEEN]
        rows = _read_ends(client, table, read)
    seen = {field.name: [row[field.name] for row in rows] for field in read}
    columns = (
        ColumnFacts(
            field.name,
            kind,
            field.description or "",
            [value for value in seen.get(field.name, ()) if value is not None],
        )
        for field, kind in zip(table.schema, types, strict=True)
    )
    return TableFacts(ref, table.description or "", tuple(columns), find_partition_field(table), len(rows))


def _read_ends(
    client: "bigquery.Client", table: "bigquery.Table", fields: Sequence["bigquery.SchemaField"]
) -> list[Any]:
    """Rows from the beginning and from the end: where a table grows with time, its first and its last days."""
    if table.table_type != "TABLE" or not fields:
        return []
    count = table.num_rows or 0
    begins = [0, count - _ROWS_AT_EACH_END] if count > 2 * _ROWS_AT_EACH_END else [0]
    retry = make_retry(CALL_TIMEOUT_SECONDS)
    return [
        row
        for begin in begins
        for row in client.list_rows(
            table,
            selected_fields=fields,
            start_index=begin,
            max_results=2 * _ROWS_AT_EACH_END // len(begins),
            retry=retry,
            timeout=CALL_TIMEOUT_SECONDS,
        )
    ]
