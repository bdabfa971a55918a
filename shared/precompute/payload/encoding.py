"""A query's result, from Arrow, as the columnar JSON fragment of a payload."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.precompute.payload.values import make_converter
from shared.warehouse.models.queries import OutputField, ResultRows

if TYPE_CHECKING:
    import pyarrow as pa

_COMPACT = (",", ":")


def encode_result(fields: Sequence[OutputField], result: ResultRows) -> bytes:
    """``{"columns":[{name,type}],"rows":n,"values":[one array per column],"truncated":bool`` — left open.

    The closing members `as_of` and `refresh_error` change without the data changing; whoever assembles a
    payload appends them (`close_fragment`).
    """
    columns = [{"name": field.name, "type": describe_type(field)} for field in fields]
    head = json.dumps({"columns": columns, "rows": result.table.num_rows}, separators=_COMPACT)[:-1]
    values = ",".join(_encode_column(field, result.table.column(index)) for index, field in enumerate(fields))
    return f'{head},"values":[{values}],"truncated":{json.dumps(result.truncated)}'.encode()


def close_fragment(fragment: bytes, as_of: str | None, refresh_error: object) -> bytes:
    """The finished member of a payload's `queries`."""
    return fragment + f',"as_of":{_dump(as_of)},"refresh_error":{_dump(refresh_error)}}}'.encode()


def to_json_rows(fields: Sequence[OutputField], table: "pa.Table") -> list[list[Any]]:
    """The rows as JSON values, one list per row, for an answer that is read row by row."""
    columns = [
        [convert(value) for value in table.column(index).to_pylist()]
        for index, convert in enumerate(make_converter(field) for field in fields)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


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
    plain = "[" + ",".join("null" if code is None else distinct[code] for code in codes) + "]"
    if not any(text.startswith('"') for text in distinct):
        return plain
    dictionary = '{"dictionary":[' + ",".join(distinct) + '],"codes":' + _dump(codes) + "}"
    return dictionary if len(dictionary) < len(plain) else plain


def _dump(value: object) -> str:
    return json.dumps(value, separators=_COMPACT, ensure_ascii=False, allow_nan=False)
