"""BigQuery values as JSON values.

NULL is null. INT64 is a number while JavaScript can hold it exactly and a string beyond. FLOAT64's NaN and
infinities, which JSON cannot say, are "NaN", "Infinity" and "-Infinity" as in BigQuery's own JSON. NUMERIC
and BIGNUMERIC are strings; BYTES is base64; DATE, TIME, DATETIME and TIMESTAMP are ISO 8601 (TIMESTAMP in
UTC with Z); INTERVAL is BigQuery's canonical `Y-M D H:M:S`; RANGE is {"start", "end"}; STRUCT is an object,
ARRAY a list; JSON and GEOGRAPHY are their text.
"""

import base64
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from shared.warehouse.models.queries import OutputField

MAX_SAFE_INTEGER = 2**53 - 1
"""Number.MAX_SAFE_INTEGER of ECMAScript."""

type JsonValue = bool | int | float | str | list[Any] | dict[str, Any] | None


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
    if isinstance(value, str):
        return value
    months, days, nanoseconds = value
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
