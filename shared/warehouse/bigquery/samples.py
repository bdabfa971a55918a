"""A few rows of a finished job's result, by REST and as Python values: for a person who looks at them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.settings import Settings
from shared.warehouse.bigquery.clients import WarehouseClients
from shared.warehouse.bigquery.results import readable, relist_as_text
from shared.warehouse.bigquery.text_columns import has_type
from shared.warehouse.models.queries import ReadBounds, SampleRows

if TYPE_CHECKING:
    from google.cloud.bigquery import QueryJob
    from google.cloud.bigquery.table import RowIterator

_FIRST_PAGE_ROWS = 2
_MOST_GROWTH = 50
"""How many times as many rows a page may have as were read before: what follows may be larger than what came."""
_PAGE_BYTES = 2_000_000
# Google's client would make a relativedelta of an INTERVAL, in which 25 hours become a day and an hour, and a Python
# value of JSON, of which only the text is the same in every program.
_TEXT_TYPES = frozenset({"INTERVAL", "JSON"})
_NUMBER_BYTES = 8


def read_sample(
    job: "QueryJob",
    rows: "RowIterator",
    bounds: ReadBounds,
    clients: WarehouseClients,
    settings: Settings,
) -> SampleRows:
    """The first rows of a job's result within `bounds`, in the query's own order.

    A page at a time, so that no more than one is text, values and rows at once. Raises InternalError when BigQuery's
    answer cannot be read.
    """
    total = int(rows.total_rows or 0)
    kept: list[tuple[object, ...]] = []
    size = 0
    with readable():
        if has_type(rows.schema, _TEXT_TYPES):
            rows = relist_as_text(job, rows, _TEXT_TYPES, clients, settings)
        for row, row_bytes in _iterate(rows, bounds.max_rows):
            size += row_bytes
            if size > bounds.max_bytes:
                return SampleRows(kept, total, bounds.max_bytes)
            kept.append(row)
    return SampleRows(kept, total)


def _iterate(rows: "RowIterator", max_rows: int) -> Iterator[tuple[tuple[object, ...], int]]:
    """Each row and its bytes; a page is asked for with as many as the ones before say are `_PAGE_BYTES`."""
    if max_rows == 0:
        return
    rows.max_results = min(_FIRST_PAGE_ROWS, max_rows)
    count, size = 0, 0
    for page in rows.pages:
        for row in page:
            values = row.values()
            row_bytes = _count_bytes(values)
            yield values, row_bytes
            count, size = count + 1, size + row_bytes
        following = min(_PAGE_BYTES * count // max(size, 1), _MOST_GROWTH * count)
        # The client asks for what is missing of this number.
        rows.max_results = min(max_rows, count + max(following, 1))


def _count_bytes(value: object) -> int:
    """About what Arrow holds a value in, which is what the bound counts."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_count_bytes, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_count_bytes, value))
    return _NUMBER_BYTES
