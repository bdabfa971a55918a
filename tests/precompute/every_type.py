"""One row with a value of every type BigQuery has, and what must become of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TypedValue:
    """An expression, the type its column is said to have, and its value in a payload."""

    sql: str
    type: str
    expected: object


EVERY_TYPE = {
    "null_string": TypedValue("CAST(NULL AS STRING)", "STRING", None),
    "int_largest": TypedValue("9223372036854775807", "INT64", "9223372036854775807"),
    "int_safe": TypedValue("-9007199254740991", "INT64", -9007199254740991),
    "float": TypedValue("0.1", "FLOAT64", 0.1),
    "nan": TypedValue("CAST('nan' AS FLOAT64)", "FLOAT64", "NaN"),
    "infinity": TypedValue("CAST('inf' AS FLOAT64)", "FLOAT64", "Infinity"),
    "minus_infinity": TypedValue("CAST('-inf' AS FLOAT64)", "FLOAT64", "-Infinity"),
    "numeric": TypedValue(
        "NUMERIC '-99999999999999999999999999999.999999999'",
        "NUMERIC",
        "-99999999999999999999999999999.999999999",
    ),
    "bignumeric": TypedValue(
        "BIGNUMERIC '0.00000000000000000000000000000000000001'",
        "BIGNUMERIC",
        "0.00000000000000000000000000000000000001",
    ),
    "bool": TypedValue("FALSE", "BOOL", False),
    "string": TypedValue("'naïve \"q\" 😀'", "STRING", 'naïve "q" 😀'),
    "no_bytes": TypedValue("b''", "BYTES", ""),
    "bytes": TypedValue("b'hi\\x00'", "BYTES", "aGkA"),
    "json": TypedValue("JSON '[1,null,\"x\"]'", "JSON", '[1,null,"x"]'),
    "json_null": TypedValue("JSON 'null'", "JSON", "null"),
    "date_first": TypedValue("DATE '0001-01-01'", "DATE", "0001-01-01"),
    "date_last": TypedValue("DATE '9999-12-31'", "DATE", "9999-12-31"),
    "time": TypedValue("TIME '23:59:59.999999'", "TIME", "23:59:59.999999"),
    "datetime_first": TypedValue("DATETIME '0001-01-01 00:00:00'", "DATETIME", "0001-01-01T00:00:00"),
    "datetime_last": TypedValue(
        "DATETIME '9999-12-31 23:59:59.999999'", "DATETIME", "9999-12-31T23:59:59.999999"
    ),
    "timestamp_first": TypedValue("TIMESTAMP '0001-01-01 00:00:00+00'", "TIMESTAMP", "0001-01-01T00:00:00Z"),
    "timestamp": TypedValue(
        "TIMESTAMP '2024-02-29 06:07:08.000001+02'", "TIMESTAMP", "2024-02-29T04:07:08.000001Z"
    ),
    "timestamp_last": TypedValue(
        "TIMESTAMP '9999-12-31 23:59:59.999999+00'", "TIMESTAMP", "9999-12-31T23:59:59.999999Z"
    ),
    "geography": TypedValue("ST_GEOGPOINT(1.5, 2.25)", "GEOGRAPHY", "POINT(1.5 2.25)"),
    "interval": TypedValue("INTERVAL '1-2 3 4:5:6.789' YEAR TO SECOND", "INTERVAL", "1-2 3 4:5:6.789"),
    "interval_back": TypedValue("INTERVAL -5 DAY", "INTERVAL", "0-0 -5 0:0:0"),
    "range_date": TypedValue(
        "RANGE<DATE> '[2024-01-01, 2024-02-01)'", "RANGE<DATE>", {"start": "2024-01-01", "end": "2024-02-01"}
    ),
    "range_open": TypedValue(
        "RANGE(TIMESTAMP '2024-01-01 00:00:00+00', NULL)",
        "RANGE<TIMESTAMP>",
        {"start": "2024-01-01T00:00:00Z", "end": None},
    ),
    "array": TypedValue("[NUMERIC '1.50', NUMERIC '2']", "ARRAY<NUMERIC>", ["1.5", "2"]),
    "array_empty": TypedValue("CAST([] AS ARRAY<INT64>)", "ARRAY<INT64>", []),
    "struct": TypedValue(
        "STRUCT(1 AS a, STRUCT(b'a' AS b, [1, 2] AS c) AS d)",
        "STRUCT<a INT64, d STRUCT<b BYTES, c ARRAY<INT64>>>",
        {"a": 1, "d": {"b": "YQ==", "c": [1, 2]}},
    ),
    "struct_null": TypedValue("CAST(NULL AS STRUCT<a INT64>)", "STRUCT<a INT64>", None),
    "structs": TypedValue(
        "[STRUCT(DATE '2024-01-02' AS d, INTERVAL 1 HOUR AS i)]",
        "ARRAY<STRUCT<d DATE, i INTERVAL>>",
        [{"d": "2024-01-02", "i": "0-0 0 1:0:0"}],
    ),
}
SELECT_EVERY_TYPE = "SELECT " + ", ".join(f"{value.sql} AS `{name}`" for name, value in EVERY_TYPE.items())
EXPECTED_COLUMNS = [{"name": name, "type": value.type} for name, value in EVERY_TYPE.items()]
EXPECTED_VALUES = {name: [value.expected] for name, value in EVERY_TYPE.items()}
