"""Every BigQuery type with an extreme value, and what each place of a page shows of it: the table that a test reads.

The zone of the dashboard is New York, wherever its reader is. NULL is a dash.
"""

from dataclasses import dataclass

DASH = "\N{EN DASH}"
ZONE = "America/New_York"
BIG = "578960446186580977117854925043439539266.34992332820282019728792003956564819967"
SMALL = f"-0.{'0' * 37}1"
LONG = " ".join(["long"] * 60)


@dataclass(frozen=True)
class Kind:
    """A column of three rows: two values and NULL.

    `names` are what axes, legends, headers, texts and tooltips show of the values, and `csv` what a file has of them.
    `tile` is what a tile shows of the first, None where that is refused; `drawn` what a tooltip shows of the second
    on a scale of numbers or of time. `address` is the first value as a parameter's in an address, None where the type
    is refused for parameters. An empty ARRAY is what BigQuery answers for one that is NULL.
    """

    type: str
    sql: tuple[str, str]
    names: tuple[str, str]
    table: tuple[str, str]
    csv: tuple[str, str]
    tile: str | None = None
    scale: str | None = None
    drawn: str | None = None
    address: str | None = None
    null: str = DASH
    nested: bool = False


def same(text: str, other: str) -> tuple[str, str]:
    return text, other


KINDS = {
    "flag": Kind(
        "BOOL", ("FALSE", "TRUE"), same("false", "true"), same("false", "true"), same("false", "true"),
        tile="false", address="false",
    ),
    "big": Kind(
        "INT64", ("CAST(-9223372036854775808 AS INT64)", "9007199254740993"),
        same("-9223372036854775808", "9007199254740993"),
        same("-9,223,372,036,854,775,808", "9,007,199,254,740,993"),
        same("-9223372036854775808", "9007199254740993"),
        tile="-9,223,372,036,854,775,808", scale="quantitative", drawn="9,007,199,254,740,993",
        address="-9223372036854775808",
    ),
    "year": Kind(
        "INT64", ("-5", "9999"), same("-5", "9999"), same("-5", "9999"), same("-5", "9999"),
        tile="-5", scale="quantitative", drawn="9999", address="-5",
    ),
    "ratio": Kind(
        "FLOAT64", ("-0.0", "1e300"), same("0", "1E300"), same("0", "1E300"), same("-0", "1e+300"),
        tile="0", scale="quantitative", drawn="1E300", address="1e+300",
    ),
    "odd": Kind(
        "FLOAT64", ("CAST('nan' AS FLOAT64)", "CAST('-inf' AS FLOAT64)"), same("NaN", "-Infinity"),
        same("NaN", "-Infinity"), same("NaN", "-Infinity"), tile="NaN",
    ),
    "money": Kind(
        "NUMERIC", ("NUMERIC '-99999999999999999999999999999.999999999'", "NUMERIC '0.000000001'"),
        same("-99999999999999999999999999999.999999999", "0.000000001"),
        same("-100,000,000,000,000,000,000,000,000,000", "1E-9"),
        same("-99999999999999999999999999999.999999999", "0.000000001"),
        tile="-100,000,000,000,000,000,000,000,000,000", scale="quantitative", drawn="1E-9",
        address="-99999999999999999999999999999.999999999",
    ),
    # The emulator holds 18 decimals: the page is given the values that Google's own encoding has in tests/precompute.
    "huge": Kind(
        "BIGNUMERIC", ("BIGNUMERIC '-7.5'", "BIGNUMERIC '7.5'"), (SMALL, BIG),
        ("-1E-38", "578,960,446,186,580,977,117,854,925,043,439,539,266.35"), (SMALL, BIG),
        tile="-1E-38", scale="quantitative", drawn="578,960,446,186,580,977,117,854,925,043,439,539,266.35",
        address="-7.5",
    ),
    "markup": Kind(
        "STRING", ("'''<b>\"it's\" & 1</b>'''", "RTRIM(REPEAT('long ', 60))"), ("<b>\"it's\" & 1</b>", LONG),
        ("<b>\"it's\" & 1</b>", LONG), ("<b>\"it's\" & 1</b>", LONG),
        tile="<b>\"it's\" & 1</b>", address="<b>\"it's\" & 1</b>",
    ),
    "word": Kind(
        "STRING", ("''", "'null'"), ("(empty)", "null"), ("", "null"), ("", "null"), tile="(empty)", address="",
    ),
    "raw": Kind(
        "BYTES", ("b''", "b'hi\\x00'"), ("(empty)", "aGkA"), ("", "aGkA"), ("", "aGkA"),
        tile="(empty)", address="",
    ),
    "day": Kind(
        "DATE", ("DATE '0001-01-01'", "DATE '9999-12-31'"), same("0001-01-01", "9999-12-31"),
        same("0001-01-01", "9999-12-31"), same("0001-01-01", "9999-12-31"),
        tile="0001-01-01", scale="temporal", drawn="9999-12-31", address="0001-01-01",
    ),
    "civil": Kind(
        "DATETIME", ("DATETIME '0001-01-01 00:00:00'", "DATETIME '9999-12-31 23:59:59.999999'"),
        same("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"),
        same("0001-01-01 00:00:00", "9999-12-31 23:59:59"),
        same("0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"),
        tile="0001-01-01 00:00:00", scale="temporal", drawn="9999-12-31 23:59:59.999",
        address="0001-01-01T00:00:00",
    ),
    "clock": Kind(
        "TIME", ("TIME '00:00:00'", "TIME '23:59:59.999999'"), same("00:00:00", "23:59:59.999999"),
        same("00:00:00", "23:59:59"), same("00:00:00", "23:59:59.999999"), tile="00:00:00", address="00:00:00",
    ),
    # In the hour that New York's clocks skip, and on its own local mean time.
    "moment": Kind(
        "TIMESTAMP", ("TIMESTAMP '1883-11-18 00:00:00+00'", "TIMESTAMP '2024-03-10 07:00:00.000001+00'"),
        same("1883-11-17 19:03:58 GMT-4:56:02", "2024-03-10 03:00:00.000001 EDT"),
        same("1883-11-17 19:03:58 GMT-4:56:02", "2024-03-10 03:00:00 EDT"),
        same("1883-11-17T19:03:58-04:56:02", "2024-03-10T03:00:00.000001-04:00"),
        tile="1883-11-17 19:03:58 GMT-4:56:02", scale="temporal", drawn="2024-03-10 03:00:00",
        address="1883-11-18T00:00:00Z",
    ),
    "span": Kind(
        "INTERVAL", ("INTERVAL -5 DAY", "INTERVAL '1-2 3 4:5:6.789' YEAR TO SECOND"),
        same("0-0 -5 0:0:0", "1-2 3 4:5:6.789"), same("0-0 -5 0:0:0", "1-2 3 4:5:6.789"),
        same("0-0 -5 0:0:0", "1-2 3 4:5:6.789"), tile="0-0 -5 0:0:0",
    ),
    "doc": Kind(
        "JSON", ("JSON 'null'", "JSON '{\"a\":[1,null]}'"), same("null", '{"a":[1,null]}'),
        same("null", '{"a":[1,null]}'), same("null", '{"a":[1,null]}'), nested=True,
    ),
    "place": Kind(
        "GEOGRAPHY", ("ST_GEOGPOINT(-180, 90)", "ST_GEOGPOINT(1.5, 2.25)"),
        same("POINT(-180 90)", "POINT(1.5 2.25)"), same("POINT(-180 90)", "POINT(1.5 2.25)"),
        same("POINT(-180 90)", "POINT(1.5 2.25)"), nested=True,
    ),
    "period": Kind(
        "RANGE<TIMESTAMP>",
        ("RANGE(TIMESTAMP '2024-11-03 05:30:00+00', TIMESTAMP '2024-11-03 06:30:00+00')",
         "RANGE(TIMESTAMP '2024-11-03 06:30:00+00', NULL)"),
        same("[2024-11-03 01:30:00 EDT, 2024-11-03 01:30:00 EST)", "[2024-11-03 01:30:00 EST, UNBOUNDED)"),
        same("[2024-11-03 01:30:00 EDT, 2024-11-03 01:30:00 EST)", "[2024-11-03 01:30:00 EST, UNBOUNDED)"),
        same('{"start":"2024-11-03T05:30:00Z","end":"2024-11-03T06:30:00Z"}',
             '{"start":"2024-11-03T06:30:00Z","end":null}'),
        nested=True,
    ),
    "part": Kind(
        "STRUCT<id INT64, seen TIMESTAMP>",
        ("STRUCT(9007199254740992 AS id, TIMESTAMP '2024-11-03 05:30:00+00' AS seen)",
         "STRUCT(9007199254740993 AS id, TIMESTAMP '2024-11-03 06:30:00+00' AS seen)"),
        same('{"id":9007199254740992,"seen":"2024-11-03 01:30:00 EDT"}',
             '{"id":9007199254740993,"seen":"2024-11-03 01:30:00 EST"}'),
        same('{"id":9007199254740992,"seen":"2024-11-03 01:30:00 EDT"}',
             '{"id":9007199254740993,"seen":"2024-11-03 01:30:00 EST"}'),
        same('{"id":"9007199254740992","seen":"2024-11-03T05:30:00Z"}',
             '{"id":"9007199254740993","seen":"2024-11-03T06:30:00Z"}'),
        nested=True,
    ),
    "list": Kind(
        "ARRAY<INT64>", ("[1, 2]", "[9007199254740993]"), same("[1,2]", "[9007199254740993]"),
        same("[1,2]", "[9007199254740993]"), same("[1,2]", '["9007199254740993"]'), null="[]", nested=True,
    ),
}  # fmt: skip
MEMBERS = {
    "part.id": ("9007199254740992", "9007199254740993"),
    "part.seen": ("2024-11-03 01:30:00 EDT", "2024-11-03 01:30:00 EST"),
}
NAMES = {name: (*kind.names, kind.null) for name, kind in KINDS.items()} | {
    name: (*names, DASH) for name, names in MEMBERS.items()
}
"""By field: what stands for the rows wherever they are names."""
SCALES = {name: kind for name, kind in KINDS.items() if kind.scale}
TILES = {name: kind.tile for name, kind in KINDS.items() if kind.tile is not None}
PARAMETERS = {name: kind for name, kind in KINDS.items() if kind.address is not None}
"""Where the emulator has no such value, what Google's answer would be, by the value that stands for it."""
STANDING_FOR = {"-7.5": SMALL, "7.5": BIG}


def write_dashboard() -> str:
    """The dashboard that shows every type everywhere, in a version that is accepted."""
    rows = [", ".join(f"{kind.sql[row]} AS {name}" for name, kind in KINDS.items()) for row in range(2)]
    nothing = ", ".join("NULL" for _ in KINDS)
    asked = ", ".join(f"@{name} AS {name}" for name in PARAMETERS)
    return "\n".join(
        [
            "version: 1", "slug: every-type", "title: Every type", "dataset: nyc", f"time_zone: {ZONE}", "parameters:",
            *(_write_parameter(name, kind) for name, kind in PARAMETERS.items()),
            "queries:", "  q:", "    sql: |",
            f"      SELECT 1 AS n, {rows[0]} UNION ALL SELECT 2, {rows[1]} UNION ALL SELECT 3, {nothing} ORDER BY n",
            f"  asked: {{sql: 'SELECT {asked}'}}", "charts:", *_write_charts(),
        ]
    )  # fmt: skip


def _write_parameter(name: str, kind: Kind) -> str:
    value = "'" + (kind.address or "").replace("'", "''") + "'"
    plain = kind.address if kind.type in {"BOOL", "INT64", "FLOAT64"} else value
    return f"  - {{name: {name}, type: {kind.type}, default: {plain}, values: [{plain}]}}"


def _write_charts() -> list[str]:
    charts = []
    for field in NAMES:
        name, used = field.replace(".", "_"), f"{{field: {field}, type: nominal}}"
        n = "{field: n, type: quantitative, axis: null}"
        bar = f"x: {n}, y: {used}, color: {used}"
        charts += [
            f"  - {{id: bar_{name}, title: {field}, query: q, mark: bar, encoding: {{{bar}}}}}",
            f"  - {{id: text_{name}, title: {field}, query: q, mark: text, encoding: {{row: {used}, text: {used}}}}}",
        ]
    for name, kind in SCALES.items():
        place = f"x: {{field: {name}, type: {kind.scale}, scale: {{zero: false}}}}"
        charts.append(
            f"  - {{id: point_{name}, title: {name}, query: q, mark: point, encoding: {{{place}}}}}"
        )
    for name in TILES:
        charts.append(f"  - {{id: tile_{name}, title: {name}, query: q, type: metric, value: {name}}}")
    tables = [f"  - {{id: {name}, title: {name}, query: {name}, type: table}}" for name in ("q", "asked")]
    return [*charts, *tables]
