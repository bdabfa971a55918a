"""Values that Google's client would not keep whole: asked for as text, and made the Arrow values they are.

The client makes a relativedelta of an INTERVAL, in which 25 hours become a day and an hour, and an Arrow decimal
of at most 76 digits of a BIGNUMERIC, which may have 77. Here both become what the Storage Read API sends; but a column
with an INTERVAL of more than 2,562,047 hours stays text, for Arrow counts its clock in 64 bits of nanoseconds.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import SchemaField

TEXT_TYPES = frozenset({"INTERVAL", "BIGNUMERIC"})
"""What Google's client would lose something of on the way to Arrow."""
_SCALE = 38
_EXACT = Context(prec=100)
_MOST_NANOSECONDS = 2**63 - 1
# https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#canonical_format_3
_INTERVAL = re.compile(
    r"(?P<calendar>-?)(?P<years>\d+)-(?P<months>\d+) (?P<days>-?\d+) "
    r"(?P<clock>-?)(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+)(?:\.(?P<fraction>\d{1,9}))?"
)


def has_type(schema: "Iterable[SchemaField]", types: frozenset[str]) -> bool:
    """True when a column, or what is inside one, has one of `types`."""
    return any(entry.field_type in types or has_type(entry.fields, types) for entry in schema)


def to_text_schema(schema: "Iterable[SchemaField]", types: frozenset[str]) -> "list[SchemaField]":
    """The schema to ask with: values of `types` as the text BigQuery sends."""
    from google.cloud.bigquery import SchemaField

    return [
        SchemaField.from_api_repr(
            entry.to_api_repr()
            | ({"type": "STRING"} if entry.field_type in types else {})
            | (
                {"fields": [one.to_api_repr() for one in to_text_schema(entry.fields, types)]}
                if entry.fields
                else {}
            )
        )
        for entry in schema
    ]


def read_text_columns(table: "pa.Table", schema: "Sequence[SchemaField]") -> "pa.Table":
    """Rows that came with `to_text_schema`, as they are by `schema`. Raises ValueError on text it cannot read."""
    import pyarrow as pa

    # Whole: of one page alone nobody knows what type a column of intervals takes.
    whole = [
        pa.concat_arrays(column.chunks) if column.num_chunks else column.combine_chunks()
        for column in table.columns
    ]
    columns = [_read(column, entry) for column, entry in zip(whole, schema, strict=True)]
    return pa.Table.from_arrays(columns, [entry.name for entry in schema])


def _read(values: "pa.Array", entry: "SchemaField") -> "pa.Array":
    import pyarrow as pa

    if not has_type([entry], TEXT_TYPES):
        return values
    if entry.mode == "REPEATED":
        return pa.ListArray.from_arrays(values.offsets, _read_items(values.values, entry))
    return _read_items(values, entry)


def _read_items(values: "pa.Array", entry: "SchemaField") -> "pa.Array":
    if entry.field_type == "BIGNUMERIC":
        return _read_bignumerics(values.to_pylist())
    if entry.field_type == "INTERVAL":
        return _read_intervals(values.to_pylist())
    return _read_structs(values, entry)


def _read_structs(values: "pa.Array", entry: "SchemaField") -> "pa.Array":
    import pyarrow as pa

    # Flattened: below a NULL a struct's own arrays hold anything.
    members = [_read(part, member) for part, member in zip(values.flatten(), entry.fields, strict=True)]
    return pa.StructArray.from_arrays(
        members, [member.name for member in entry.fields], mask=values.is_null()
    )


def _read_bignumerics(texts: Sequence[str | None]) -> "pa.Array":
    """Through the buffer: 256 bits hold all 77 digits, Arrow's own constructor counts them."""
    import pyarrow as pa

    unscaled = (int(Decimal(text or 0).scaleb(_SCALE, _EXACT)) for text in texts)
    numbers = b"".join(number.to_bytes(32, "little", signed=True) for number in unscaled)
    present = pa.array([text is not None for text in texts], pa.bool_()).buffers()[1]
    return pa.Array.from_buffers(pa.decimal256(76, _SCALE), len(texts), [present, pa.py_buffer(numbers)])


def _read_intervals(texts: Sequence[str | None]) -> "pa.Array":
    import pyarrow as pa

    spans = [None if text is None else parse_interval(text) for text in texts]
    if any(span is not None and abs(span[2]) > _MOST_NANOSECONDS for span in spans):
        return pa.array(texts, pa.string())
    counts = [None if span is None else pa.MonthDayNano(span) for span in spans]
    return pa.array(counts, pa.month_day_nano_interval())


def parse_interval(text: str) -> tuple[int, int, int]:
    """Months, days and nanoseconds of BigQuery's canonical text. Raises ValueError on another one."""
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an INTERVAL")
    months = int(found["years"]) * 12 + int(found["months"])
    seconds = (int(found["hours"]) * 60 + int(found["minutes"])) * 60 + int(found["seconds"])
    nanoseconds = seconds * 10**9 + int((found["fraction"] or "").ljust(9, "0"))
    return (
        -months if found["calendar"] else months,
        int(found["days"]),
        -nanoseconds if found["clock"] else nanoseconds,
    )
