"""The ends of every BigQuery type: as Google's two ways of reading send them, and what must become of them.

Sources: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types for the ends, the REST reference of
jobs.getQueryResults for cells (with useInt64Timestamp), https://cloud.google.com/bigquery/docs/reference/storage for
Arrow. Most of it the emulator cannot produce.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
from google.cloud.bigquery import SchemaField


@dataclass(frozen=True)
class Extreme:
    """One value: `cell` is its `v` in REST, `arrow` an array of it alone, `expected` its value in JSON.

    `python` is the value that an Arrow reader gets.
    """

    name: str
    field: SchemaField
    cell: Any
    arrow: pa.Array
    expected: Any
    python: Any


def bignumeric(unscaled: int) -> pa.Array:
    """256 bits, whatever Arrow's constructor says of the 77th digit."""
    bits = pa.py_buffer(unscaled.to_bytes(32, "little", signed=True))
    return pa.Array.from_buffers(pa.decimal256(76, 38), 1, [None, bits])


def interval(months: int, days: int, nanoseconds: int) -> pa.Array:
    return pa.array([pa.MonthDayNano([months, days, nanoseconds])], pa.month_day_nano_interval())


def make_range(start: Any, end: Any, bound: pa.DataType) -> pa.Array:
    return pa.StructArray.from_arrays([pa.array([start], bound), pa.array([end], bound)], ["start", "end"])


def scalar(
    name: str, type_name: str, cell: Any, arrow_type: pa.DataType, python: Any, expected: Any
) -> Extreme:
    return Extreme(name, SchemaField(name, type_name), cell, pa.array([python], arrow_type), expected, python)


MOMENT, CIVIL = pa.timestamp("us", tz="UTC"), pa.timestamp("us")
FIRST, LAST = map(datetime.fromisoformat, ("0001-01-01", "9999-12-31T23:59:59.999999"))
BIG = "57896044618658097711785492504343953926634992332820282019728792003956564819967"
HOUR = 3600 * 10**9
ASTRAL = '\U0001f600\u2028e\u0301 "q" \\ ,\r\n\ud7ff'
NESTED = '{"n":12345678901234567890,"a":[null,{"b":[]}],"e":1e400,"s":"\\u0000"}'
EVERY_BYTE = bytes(range(256))


def dotted(digits: str) -> str:
    return f"{digits[:-38]}.{digits[-38:]}"


SCALARS: Sequence[Extreme] = (
    scalar("bool_true", "BOOLEAN", "true", pa.bool_(), True, True),
    scalar("bool_false", "BOOLEAN", "false", pa.bool_(), False, False),
    scalar("int_least", "INTEGER", str(-(2**63)), pa.int64(), -(2**63), str(-(2**63))),
    scalar("int_most", "INTEGER", str(2**63 - 1), pa.int64(), 2**63 - 1, str(2**63 - 1)),
    scalar("int_safe", "INTEGER", str(2**53 - 1), pa.int64(), 2**53 - 1, 2**53 - 1),
    scalar("int_beyond", "INTEGER", str(2**53 + 1), pa.int64(), 2**53 + 1, str(2**53 + 1)),
    scalar("float_inf", "FLOAT", "Infinity", pa.float64(), math.inf, "Infinity"),
    scalar("float_back_inf", "FLOAT", "-Infinity", pa.float64(), -math.inf, "-Infinity"),
    scalar("float_nan", "FLOAT", "NaN", pa.float64(), math.nan, "NaN"),
    scalar("float_back_zero", "FLOAT", "-0.0", pa.float64(), -0.0, -0.0),
    scalar("float_denormal", "FLOAT", "4.9406564584124654E-324", pa.float64(), 5e-324, 5e-324),
    scalar("float_most", "FLOAT", "1.7976931348623157E308", pa.float64(), 1.7976931348623157e308,
           1.7976931348623157e308),
    scalar("numeric_most", "NUMERIC", "99999999999999999999999999999.999999999", pa.decimal128(38, 9),
           Decimal("99999999999999999999999999999.999999999"), "99999999999999999999999999999.999999999"),
    scalar("numeric_least", "NUMERIC", "-99999999999999999999999999999.999999999", pa.decimal128(38, 9),
           Decimal("-99999999999999999999999999999.999999999"), "-99999999999999999999999999999.999999999"),
    scalar("numeric_small", "NUMERIC", "0.000000001", pa.decimal128(38, 9), Decimal("0.000000001"), "0.000000001"),
    Extreme("big_most", SchemaField("big_most", "BIGNUMERIC"), dotted(BIG), bignumeric(2**255 - 1), dotted(BIG),
            Decimal(dotted(BIG))),
    Extreme("big_least", SchemaField("big_least", "BIGNUMERIC"), f"-{dotted(BIG)[:-1]}8", bignumeric(-(2**255)),
            f"-{dotted(BIG)[:-1]}8", Decimal(f"-{dotted(BIG)[:-1]}8")),
    Extreme("big_small", SchemaField("big_small", "BIGNUMERIC"), f"-0.{'0' * 37}1", bignumeric(-1), f"-0.{'0' * 37}1",
            Decimal(f"-0.{'0' * 37}1")),
    scalar("string_empty", "STRING", "", pa.string(), "", ""),
    scalar("string_astral", "STRING", ASTRAL, pa.string(), ASTRAL, ASTRAL),
    scalar("bytes_empty", "BYTES", "", pa.binary(), b"", ""),
    scalar("bytes_every", "BYTES", base64.b64encode(EVERY_BYTE).decode(), pa.binary(), EVERY_BYTE,
           base64.b64encode(EVERY_BYTE).decode()),
    scalar("date_first", "DATE", "0001-01-01", pa.date32(), date(1, 1, 1), "0001-01-01"),
    scalar("date_last", "DATE", "9999-12-31", pa.date32(), date(9999, 12, 31), "9999-12-31"),
    scalar("datetime_first", "DATETIME", "0001-01-01T00:00:00", CIVIL, FIRST, "0001-01-01T00:00:00"),
    scalar("datetime_second", "DATETIME", "0001-01-01T00:00:00.000001", CIVIL, FIRST.replace(microsecond=1),
           "0001-01-01T00:00:00.000001"),
    scalar("datetime_last", "DATETIME", "9999-12-31T23:59:59.999999", CIVIL, LAST, "9999-12-31T23:59:59.999999"),
    scalar("time_first", "TIME", "00:00:00", pa.time64("us"), time(0, 0), "00:00:00"),
    scalar("time_last", "TIME", "23:59:59.999999", pa.time64("us"), time(23, 59, 59, 999999), "23:59:59.999999"),
    scalar("timestamp_first", "TIMESTAMP", "-62135596800000000", MOMENT, FIRST.replace(tzinfo=UTC),
           "0001-01-01T00:00:00Z"),
    scalar("timestamp_last", "TIMESTAMP", "253402300799999999", MOMENT, LAST.replace(tzinfo=UTC),
           "9999-12-31T23:59:59.999999Z"),
    scalar("geography_empty", "GEOGRAPHY", "GEOMETRYCOLLECTION EMPTY", pa.string(), "GEOMETRYCOLLECTION EMPTY",
           "GEOMETRYCOLLECTION EMPTY"),
    scalar("geography", "GEOGRAPHY", "POINT(-180 90)", pa.string(), "POINT(-180 90)", "POINT(-180 90)"),
    scalar("json_nested", "JSON", NESTED, pa.string(), NESTED, NESTED),
    scalar("json_null", "JSON", "null", pa.string(), "null", "null"),
)  # fmt: skip

INTERVALS: Sequence[Extreme] = tuple(
    Extreme(name, SchemaField(name, "INTERVAL"), cell, interval(*parts), expected, pa.MonthDayNano(parts))
    for name, cell, parts, expected in (
        ("interval_held", "0-0 0 2562047:0:0", [0, 0, 2562047 * HOUR], "0-0 0 2562047:0:0"),
        ("interval_back", "-10000-0 -3660000 -1:2:3.000001", [-120000, -3660000, -3_723_000_001_000],
         "-10000-0 -3660000 -1:2:3.000001"),
        ("interval_mixed", "1-11 -30 25:0:0.5", [23, -30, 25 * HOUR + 5 * 10**8], "1-11 -30 25:0:0.5"),
        ("interval_none", "0-0 0 0:0:0", [0, 0, 0], "0-0 0 0:0:0"),
    )
)  # fmt: skip
# The Storage Read API has no Arrow value for these, so there is none to compare with.
BEYOND_ARROW: Sequence[Extreme] = tuple(
    Extreme(name, SchemaField(name, "INTERVAL"), cell, pa.array([cell]), cell, cell)
    for name, cell in (
        ("interval_most", "0-0 0 87840000:0:0"),
        ("interval_least", "-10000-0 -3660000 -87840000:0:0"),
    )
)
RANGES: Sequence[Extreme] = tuple(
    Extreme(
        f"range_{name}", SchemaField(f"range_{name}", "RANGE", range_element_type=element), cell,
        make_range(start, end, bound), expected, {"start": start, "end": end},
    )
    for name, element, bound, cell, start, end, expected in (
        ("date", "DATE", pa.date32(), "[0001-01-01, 9999-12-31)", date(1, 1, 1), date(9999, 12, 31),
         {"start": "0001-01-01", "end": "9999-12-31"}),
        ("date_all", "DATE", pa.date32(), "[UNBOUNDED, UNBOUNDED)", None, None, {"start": None, "end": None}),
        ("datetime", "DATETIME", CIVIL, "[UNBOUNDED, 9999-12-31T23:59:59.999999)", None, LAST,
         {"start": None, "end": "9999-12-31T23:59:59.999999"}),
        ("timestamp", "TIMESTAMP", MOMENT, "[-62135596800000000, 253402300799999999)",
         FIRST.replace(tzinfo=UTC), LAST.replace(tzinfo=UTC),
         {"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59.999999Z"}),
        ("timestamp_open", "TIMESTAMP", MOMENT, "[0, UNBOUNDED)", datetime(1970, 1, 1, tzinfo=UTC), None,
         {"start": "1970-01-01T00:00:00Z", "end": None}),
    )
)  # fmt: skip


def repeated(name: str, type_name: str, fields: Sequence[SchemaField] = ()) -> SchemaField:
    return SchemaField(name, type_name, mode="REPEATED", fields=fields)


def record(name: str, *fields: SchemaField) -> SchemaField:
    return SchemaField(name, "RECORD", fields=fields)


_INNER = (SchemaField("a", "INTEGER"), repeated("b", "STRING"), record("c", SchemaField("d", "TIMESTAMP")))
_INNER_TYPE = pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string())), ("c", pa.struct([("d", MOMENT)]))])
NESTINGS: Sequence[Extreme] = (
    Extreme("array_empty", repeated("array_empty", "INTEGER"), [], pa.array([[]], pa.list_(pa.int64())), [], []),
    Extreme(
        "array_ends", repeated("array_ends", "INTEGER"), [{"v": str(-(2**63))}, {"v": "0"}],
        pa.array([[-(2**63), 0]], pa.list_(pa.int64())), [str(-(2**63)), 0], [-(2**63), 0],
    ),
    Extreme(
        "struct_nulls", record("struct_nulls", *_INNER), {"f": [{"v": None}, {"v": []}, {"v": None}]},
        pa.array([{"a": None, "b": [], "c": None}], _INNER_TYPE), {"a": None, "b": [], "c": None},
        {"a": None, "b": [], "c": None},
    ),
    Extreme(
        "struct_deep", record("struct_deep", *_INNER),
        {"f": [{"v": str(2**63 - 1)}, {"v": [{"v": ""}]}, {"v": {"f": [{"v": "253402300799999999"}]}}]},
        pa.array([{"a": 2**63 - 1, "b": [""], "c": {"d": LAST.replace(tzinfo=UTC)}}], _INNER_TYPE),
        {"a": str(2**63 - 1), "b": [""], "c": {"d": "9999-12-31T23:59:59.999999Z"}},
        {"a": 2**63 - 1, "b": [""], "c": {"d": LAST.replace(tzinfo=UTC)}},
    ),
    Extreme(
        "array_structs", repeated("array_structs", "RECORD", [repeated("x", "FLOAT")]),
        [{"v": {"f": [{"v": []}]}}, {"v": {"f": [{"v": [{"v": "NaN"}, {"v": "-0.0"}]}]}}],
        pa.array([[{"x": []}, {"x": [math.nan, -0.0]}]], pa.list_(pa.struct([("x", pa.list_(pa.float64()))]))),
        [{"x": []}, {"x": ["NaN", -0.0]}], [{"x": []}, {"x": [math.nan, -0.0]}],
    ),
)  # fmt: skip
NULLS: Sequence[Extreme] = tuple(
    Extreme(f"null_{one.name}", SchemaField(f"null_{one.name}", one.field.field_type, fields=one.field.fields,
                                            range_element_type=one.field.range_element_type),
            None, pa.nulls(1, one.arrow.type), None, None)
    for one in (*SCALARS, *INTERVALS, *RANGES, *NESTINGS)
    if one.field.mode != "REPEATED" and one.name.endswith(("_first", "_most", "_empty", "_true", "_date", "_deep",
                                                           "_none", "_nested", "_inf", "_open"))
)  # fmt: skip
EXTREMES: Sequence[Extreme] = (*SCALARS, *INTERVALS, *RANGES, *NESTINGS, *NULLS)
