"""A query's result, from Arrow, as what is kept of it: the columnar JSON fragment of a payload, and an Arrow stream.

In JSON NULL is null. INT64 is a number while JavaScript can hold it exactly and a string beyond. FLOAT64's NaN and
infinities, which JSON cannot say, are "NaN", "Infinity" and "-Infinity" as in BigQuery's own JSON. NUMERIC
and BIGNUMERIC are strings; BYTES is base64; DATE, TIME, DATETIME and TIMESTAMP are ISO 8601 (TIMESTAMP in
UTC with Z); INTERVAL is BigQuery's canonical `Y-M D H:M:S`; RANGE is {"start", "end"}; STRUCT is an object,
ARRAY a list; JSON and GEOGRAPHY are their text.
"""

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared.dashboards.definition.parameter_values import MAX_SAFE_INTEGER
from shared.json_values import JsonValue
from shared.warehouse.bigquery.text_columns import parse_interval
from shared.warehouse.models.queries import OutputField, ResultRows

if TYPE_CHECKING:
    import pyarrow as pa


def make_converter(field: OutputField) -> Callable[[Any], JsonValue]:
    """A function from one Python value of `field`, as Arrow gives it, to its JSON value."""
    convert = _convert_struct(field) if field.type == "STRUCT" else _SCALARS.get(field.type, _convert_text)
    if field.mode == "REPEATED":
        return lambda value: [] if value is None else [_or_null(convert, item) for item in value]
    return lambda value: _or_null(convert, value)


def _or_null(convert: Callable[[Any], JsonValue], value: object) -> JsonValue:
    return None if value is None else convert(value)


def _convert_struct(field: OutputField) -> Callable[[Any], JsonValue]:
    members = [(member.name, make_converter(member)) for member in field.fields]
    return lambda value: {name: convert(value[name]) for name, convert in members}


def _convert_integer(value: int) -> JsonValue:
    return value if abs(value) <= MAX_SAFE_INTEGER else str(value)


def _convert_float(value: float) -> JsonValue:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _convert_decimal(value: Decimal) -> JsonValue:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _convert_bytes(value: bytes) -> JsonValue:
    return base64.b64encode(value).decode()


def _convert_timestamp(value: datetime) -> JsonValue:
    return value.replace(tzinfo=None).isoformat() + "Z"


def _convert_iso(value: date | datetime | time) -> JsonValue:
    return value.isoformat()


def _convert_interval(value: Any) -> JsonValue:
    # Text where Arrow's own type does not hold it.
    months, days, nanoseconds = parse_interval(value) if isinstance(value, str) else value
    sign = "-" if months < 0 else ""
    years, rest = divmod(abs(months), 12)
    time_sign = "-" if nanoseconds < 0 else ""
    seconds, fraction = divmod(abs(nanoseconds) // 1000, 10**6)
    clock = f"{time_sign}{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}"
    return f"{sign}{years}-{rest} {days} {clock}" + (f".{fraction:06d}".rstrip("0") if fraction else "")


def _convert_range(value: Mapping[str, Any]) -> JsonValue:
    # By position: BigQuery names the two start and end, the emulator does not.
    start, end = value.values()
    return {"start": _convert_range_bound(start), "end": _convert_range_bound(end)}


def _convert_range_bound(value: date | datetime | None) -> JsonValue:
    if value is None:
        return None
    return _convert_timestamp(value) if isinstance(value, datetime) and value.tzinfo else value.isoformat()


def _convert_text(value: object) -> JsonValue:
    return str(value)


def _convert_bool(value: object) -> JsonValue:
    return bool(value)


_SCALARS: dict[str, Callable[[Any], JsonValue]] = {
    "INT64": _convert_integer,
    "FLOAT64": _convert_float,
    "BOOL": _convert_bool,
    "NUMERIC": _convert_decimal,
    "BIGNUMERIC": _convert_decimal,
    "BYTES": _convert_bytes,
    "TIMESTAMP": _convert_timestamp,
    "DATE": _convert_iso,
    "DATETIME": _convert_iso,
    "TIME": _convert_iso,
    "INTERVAL": _convert_interval,
    "RANGE": _convert_range,
}


_COMPACT = (",", ":")


def iterate_encoded(fields: Sequence[OutputField], result: ResultRows) -> Iterator[bytes]:
    """``{"columns":[{name,type}],"rows":n,"values":[one array per column],"truncated":bool`` — left open.

    Piece by piece, so that nobody need encode more than there is room for. The closing members `as_of` and
    `refresh_error` change without the data changing; whoever assembles a payload appends them (`close_fragment`).
    """
    columns = [{"name": field.name, "type": describe_type(field)} for field in fields]
    head = json.dumps({"columns": columns, "rows": result.table.num_rows}, separators=_COMPACT)[:-1]
    yield f'{head},"values":['.encode()
    for index, field in enumerate(fields):
        yield b"," if index else b""
        yield _encode_column(field, result.table.column(index)).encode()
    yield f'],"truncated":{json.dumps(result.truncated)}'.encode()


def close_fragment(fragment: bytes, as_of: str | None, refresh_error: object) -> bytes:
    """The finished member of a payload's `queries`."""
    return fragment + f',"as_of":{_dump(as_of)},"refresh_error":{_dump(refresh_error)}}}'.encode()


def to_json_rows(fields: Sequence[OutputField], rows: Iterable[Sequence[object]]) -> list[list[JsonValue]]:
    """The rows as JSON values, one list per row, for an answer that is read row by row."""
    converters = [make_converter(field) for field in fields]
    return [[convert(value) for convert, value in zip(converters, row, strict=True)] for row in rows]


def describe_type(field: OutputField) -> str:
    """The type as BigQuery writes it: `INT64`, `ARRAY<STRING>`, `STRUCT<a INT64>`, `RANGE<DATE>`."""
    inner = field.type
    if inner == "STRUCT":
        members = ", ".join(f"{member.name} {describe_type(member)}" for member in field.fields)
        inner = f"STRUCT<{members}>"
    elif field.element:
        inner = f"{inner}<{field.element}>"
    return f"ARRAY<{inner}>" if field.mode == "REPEATED" else inner


def _encode_column(field: OutputField, column: "pa.ChunkedArray") -> str:
    convert = make_converter(field)
    if field.mode == "REPEATED" or field.type in {"STRUCT", "RANGE", "INTERVAL"}:
        return _dump([convert(value) for value in column.to_pylist()])
    # Each distinct value is converted once, however often it occurs.
    encoded = column.combine_chunks().dictionary_encode()
    distinct = [_dump(convert(value)) for value in encoded.dictionary.to_pylist()]
    codes: list[int | None] = encoded.indices.to_pylist()
    if any(text.startswith('"') for text in distinct):
        dictionary = '{"dictionary":[' + ",".join(distinct) + '],"codes":' + _dump(codes) + "}"
        if len(dictionary) < _measure_plain(distinct, codes):
            return dictionary
    return "[" + ",".join("null" if code is None else distinct[code] for code in codes) + "]"


def _measure_plain(distinct: Sequence[str], codes: Sequence[int | None]) -> int:
    """How long the plain array is; written out it may take what all results together may not."""
    lengths = [len(text) for text in distinct]
    values = sum(len("null") if code is None else lengths[code] for code in codes)
    return len("[]") + values + max(0, len(codes) - 1)


def _dump(value: object) -> str:
    return json.dumps(value, separators=_COMPACT, ensure_ascii=False, allow_nan=False)


_ROWS_PER_BATCH = 65_536


def encode_arrow_stream(fields: Sequence[OutputField], result: ResultRows) -> bytes:
    """The stream, uncompressed: not every reader knows compressed buffers, every HTTP client a coded body.

    The Arrow types are those that BigQuery reads itself out with, but for a column with an INTERVAL that Arrow's does
    not hold (more than 2,562,047 hours), which is its canonical text. Each field's metadata has BigQuery's own type
    name under `type`, which tells JSON and GEOGRAPHY from STRING; the schema's says whether rows are missing
    under `truncated`.
    """
    import pyarrow as pa

    table = result.table
    schema = pa.schema(
        [
            pa.field(field.name, table.schema.field(index).type, metadata={"type": describe_type(field)})
            for index, field in enumerate(fields)
        ],
        metadata={"truncated": "true" if result.truncated else "false"},
    )
    # Combined: how the rows came, in pages or batches, must not show.
    whole = pa.Table.from_arrays(table.columns, schema=schema).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(whole, max_chunksize=_ROWS_PER_BATCH)
    return bytes(sink.getvalue())
