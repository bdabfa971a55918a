"""Validation as a whole: everything at once, one mistake one diagnostic, and what spans several files."""

import subprocess
import sys

import pytest

from shared.dashboards.definition.document import RESERVED_SLUGS
from shared.dashboards.definition.head import expand_variants
from shared.dashboards.definition.limits import DEFAULT_LIMITS, ValidationLimits
from shared.dashboards.diagnostics.diagnostic import DiagnosticCode, Severity
from shared.dashboards.validation import validate_dashboards
from shared.dashboards.validators.parsed import DashboardSource
from shared.errors import ValidationFailedError
from tests.dashboards.builders import MINIMAL, list_codes, marked_text, parse, validate

EVERYTHING = """\
version: 1
slug: sales
title: Sales
description: What was sold
owner: sales@example.com
tags: [sample]
dataset: shop
refresh: {schedule: "0 6 * * 1-5", time_zone: Europe/Berlin, max_age: 12h, max_stale: 3d}
budget: {per_query: 1 GB, per_refresh: 2 GiB, per_day: 5000000000}
parameters:
  - {name: since, type: DATE, default: 2024-01-01, values: [2024-01-01, 2024-07-01]}
  - {name: shops, type: ARRAY<STRING>, default: [berlin], allow_other: true}
queries:
  daily:
    sql: |
      SELECT day, shop, SUM(total) AS total
      FROM sales WHERE day >= @since AND shop IN UNNEST(@shops) GROUP BY day, shop
    max_rows: 100
charts:
  - {id: total, title: Total, query: daily, type: metric, value: total, format: ",d"}
  - id: trend
    title: Trend
    query: daily
    mark: {type: line, point: true}
    encoding:
      x: {field: day, type: temporal}
      y: {field: total, type: quantitative, aggregate: sum}
      color: {field: shop, type: nominal}
    transform: [{filter: "datum.total > 0"}]
    params: [{name: zoom, select: interval, bind: scales}]
    height: 300
  - {id: rows, title: Rows, query: daily, type: table}
layout:
  - [{chart: total, width: 3}, {chart: trend}]
  - [{chart: rows}]
"""


def test_a_complete_dashboard_is_valid_without_a_word():
    result = validate(EVERYTHING)
    assert result.diagnostics == ()
    assert result.valid
    definition = result.parsed.definition
    assert definition is not None
    assert definition.refresh.max_age_seconds == 12 * 3600
    assert definition.budget.per_refresh_bytes == 2 * 2**30
    assert definition.default_parameters() == {"since": "2024-01-01", "shops": ["berlin"]}
    assert definition.resolve_layout() == [[("total", 3), ("trend", 9)], [("rows", 12)]]


def test_defaults_are_those_the_documentation_names():
    definition = validate(MINIMAL).parsed.definition
    assert definition is not None
    assert definition.refresh.schedule is None
    assert (definition.refresh.max_age_seconds, definition.refresh.max_stale_seconds) == (86_400, 604_800)
    assert definition.budget.per_query_bytes is None
    assert definition.resolve_layout() == [[("trend", 12)]]


def test_everything_wrong_is_told_at_once_and_in_order():
    text = (
        EVERYTHING.replace("title: Sales", "titel: Sales")
        .replace("per_query: 1 GB", "per_query: huge")
        .replace("@since", "@sins")
        .replace("query: daily, type: table", "query: dialy, type: table")
        .replace("mark: {type: line", "mark: {type: lime")
        .replace("chart: rows", "chart: row")
    )
    result = validate(text)
    assert not result.valid
    assert list_codes(result) == [
        DiagnosticCode.UNKNOWN_KEY,
        DiagnosticCode.INVALID_SIZE,
        DiagnosticCode.UNUSED_PARAMETER,
        DiagnosticCode.UNKNOWN_PARAMETER,
        DiagnosticCode.UNKNOWN_MARK,
        DiagnosticCode.UNKNOWN_QUERY,
        DiagnosticCode.UNKNOWN_CHART,
    ]
    positions = [(item.line, item.column) for item in result.diagnostics]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("old", "new", "code", "marked", "suggestion"),
    [
        ("owner: sales@example.com", "ownr: x", DiagnosticCode.UNKNOWN_KEY, "ownr", "owner"),
        ("max_age: 12h", "max_agee: 12h", DiagnosticCode.UNKNOWN_KEY, "max_agee", "max_age"),
        ("type: DATE", "type: date", DiagnosticCode.INVALID_PARAMETER_TYPE, "date", "DATE"),
        (
            "ARRAY<STRING>",
            "ARRAY<TEXT>",
            DiagnosticCode.INVALID_PARAMETER_TYPE,
            "ARRAY<TEXT>",
            "ARRAY<STRING>",
        ),
        ("type: metric", "type: metrics", DiagnosticCode.INVALID_VALUE, "metrics", "metric"),
        ("type: line", "type: lines", DiagnosticCode.UNKNOWN_MARK, "lines", "line"),
        ("      color:", "      colour:", DiagnosticCode.UNKNOWN_CHANNEL, "colour", "color"),
        ("aggregate: sum", "aggregate: summ", DiagnosticCode.VEGA_LITE_INVALID, "summ", "sum"),
        ("point: true", "pont: true", DiagnosticCode.VEGA_LITE_UNKNOWN_PROPERTY, "pont", "point"),
        ("Europe/Berlin", "Europe/Berln", DiagnosticCode.INVALID_TIME_ZONE, "Europe/Berln", "Europe/Berlin"),
        ("[{chart: rows}]", "[{chart: rowz}]", DiagnosticCode.UNKNOWN_CHART, "rowz", "rows"),
    ],
)
def test_a_slip_is_underlined_and_the_edit_that_is_offered_repairs_it(old, new, code, marked, suggestion):
    text = EVERYTHING.replace(old, new, 1)
    result = validate(text)
    assert list_codes(result) == [code]
    assert marked_text(text, result, code) == marked
    (found,) = result.diagnostics
    assert found.suggestion == suggestion
    assert found.edit is not None
    lines = text.splitlines(keepends=True)
    edited = lines[found.edit.line - 1]
    lines[found.edit.line - 1] = (
        edited[: found.edit.column - 1] + found.edit.new_text + edited[found.edit.end_column - 1 :]
    )
    assert validate("".join(lines)).valid


@pytest.mark.parametrize(
    ("schedule", "valid"),
    [
        ("0 6 * * *", True),
        ("*/15 8-18 1,15 * MON-FRI", True),
        ("0 0 29 2 *", True),
        ("0 6 * *", False),
        ("0 6 * * * *", False),
        ("60 6 * * *", False),
        ("0 6 31 2 *", False),
        ("@daily", False),
        ("0 6 * * MONDAY", False),
        ("H 6 * * *", False),
        ("0 6 * * 1#2", False),
        ("", False),
    ],
)
def test_schedules_are_cron_expressions_of_five_fields_that_come(schedule, valid):
    result = validate(MINIMAL + f'refresh: {{schedule: "{schedule}"}}\n')
    assert (DiagnosticCode.INVALID_SCHEDULE not in list_codes(result)) is valid


@pytest.mark.parametrize(
    "name", ["Europe", "../etc/passwd", "/etc/localtime", "", "Mars/Base", "America/new_york"]
)
def test_time_zones_are_names_of_the_database(name):
    result = validate(MINIMAL + f'refresh: {{time_zone: "{name}"}}\n')
    assert list_codes(result) == [DiagnosticCode.INVALID_TIME_ZONE]
    assert list_codes(validate(MINIMAL + f'time_zone: "{name}"\n')) == [DiagnosticCode.INVALID_TIME_ZONE]


def test_moments_are_drawn_in_the_zone_of_the_file_else_in_that_of_its_refresh():
    zones = {
        "time_zone: Asia/Tokyo\nrefresh: {time_zone: Europe/Berlin}\n": "Asia/Tokyo",
        "refresh: {time_zone: Europe/Berlin}\n": "Europe/Berlin",
        "": "UTC",
    }
    for text, zone in zones.items():
        definition = validate(MINIMAL + text).parsed.definition
        assert definition is not None
        assert definition.drawn_time_zone == zone


@pytest.mark.parametrize(
    ("written", "valid"),
    [
        ("", True), (",d", True), (".1%", True), ("$,.2f", True), ("~s", True), ("+.3~e", True), ("(,.0f", True),
        ("*>12,", True), ("x^4", True), ("#x", True), ("08.3f", True),
        ("%%%", False), ("d,", False), (".f", False), ("y", False), ("0,0.00", False), (",d ", False),
        ("{:,}", False),
    ],
)  # fmt: skip
def test_a_metric_is_shown_by_a_d3_format(written, valid):
    metric = MINIMAL.replace("type: table", f'type: metric, value: total, format: "{written}"')
    result = validate(metric)
    assert result.valid is valid
    if not valid:
        assert marked_text(metric, result, DiagnosticCode.INVALID_VALUE) == f'"{written}"'


def test_a_character_that_is_refused_is_the_only_mistake_in_its_value():
    result = validate(MINIMAL + 'refresh: {time_zone: "a\\0b"}\n')
    assert list_codes(result) == [DiagnosticCode.YAML_ENCODING]


@pytest.mark.parametrize(
    "path",
    ["../x.sql", "sql/../../x.sql", "/etc/x.sql", "~/x.sql", "C:/x.sql", "sql\\x.sql", "a//b.sql", "./x.sql",
     ".git/x.sql", "x.txt", "x.sql\n", "é.sql", "sql/"],
)  # fmt: skip
def test_paths_that_lead_out_or_differ_between_systems_are_refused(path):
    written = path.replace("\\", "\\\\").replace("\n", "\\n")
    text = MINIMAL.replace('sql: "SELECT day, total FROM sales"', f'file: "{written}"')
    assert list_codes(validate(text, {path: "SELECT 1"})) == [DiagnosticCode.FILE_PATH_UNSAFE]


def test_sql_in_a_file_is_validated_like_sql_in_place():
    text = MINIMAL.replace('sql: "SELECT day, total FROM sales"', "file: sql/daily.sql")
    assert validate(text, {"sql/daily.sql": "SELECT 1 AS one"}).valid
    (found,) = validate(text, {"sql/daily.sql": "SELECT a\nFROM t\nWHERE AND b"}).diagnostics
    assert (found.code, found.path, found.line) == (DiagnosticCode.SQL_SYNTAX, "dashboards/sql/daily.sql", 3)
    assert found.pointer == "/queries/daily/file"


def test_text_in_braces_that_a_comma_cuts_is_explained():
    result = validate(MINIMAL.replace('"SELECT day, total FROM sales"', "SELECT day, total FROM sales"))
    (found,) = result.diagnostics
    assert found.code is DiagnosticCode.UNKNOWN_KEY
    assert "comma ends a value" in found.message


def test_parameters_in_strings_and_comments_are_not_uses():
    sql = "SELECT '@a', \\\"@b\\\", `@c`, @@time_zone, @d -- @e"
    result = validate(MINIMAL.replace("SELECT day, total FROM sales", sql))
    unknown = [item for item in result.diagnostics if item.code is DiagnosticCode.UNKNOWN_PARAMETER]
    assert [item.received for item in unknown] == ["d"]


@pytest.mark.parametrize("slug", sorted(RESERVED_SLUGS))
def test_names_of_routes_are_not_slugs(slug):
    (result,) = validate_dashboards(
        [DashboardSource(f"{slug}.yaml", MINIMAL.replace("slug: sales", f"slug: {slug}"))]
    )
    assert list_codes(result) == [DiagnosticCode.RESERVED_SLUG]


@pytest.mark.parametrize(
    "slug", ["Sales", "s", "1sales", "sales_report", "sales.", "😀", "x" * 64, "sales\\n", "-sales"]
)
def test_slugs_have_a_narrow_alphabet(slug):
    result = validate(MINIMAL.replace("slug: sales", f'slug: "{slug}"'))
    assert DiagnosticCode.INVALID_NAME in list_codes(result)


def test_files_are_checked_against_each_other_and_answered_in_order():
    sources = [
        DashboardSource("a/sales.yaml", MINIMAL),
        DashboardSource("other.yaml", MINIMAL.replace("slug: sales", "slug: other")),
        DashboardSource("b/sales.yaml", MINIMAL),
        DashboardSource("broken.yaml", "a: ["),
    ]
    results = validate_dashboards(sources)
    assert [result.path for result in results] == [source.path for source in sources]
    assert [result.valid for result in results] == [False, True, False, False]
    assert "b/sales.yaml" in results[0].diagnostics[0].message


def test_a_refused_value_is_reported_once_and_the_dashboard_is_not_valid():
    result = validate(MINIMAL.replace("title: Sales", "title: !!str Sales"))
    assert list_codes(result) == [DiagnosticCode.YAML_TAG]
    assert result.parsed.definition is None


def test_warnings_leave_a_dashboard_valid():
    result = validate(MINIMAL.replace("charts:", '  more: {sql: "SELECT 1"}\ncharts:'))
    assert result.valid
    assert [item.severity for item in result.diagnostics] == [Severity.WARNING]


def test_limits_are_those_of_the_caller():
    text = EVERYTHING.replace("max_rows: 100", "max_rows: 101")
    result = validate(text, limits=ValidationLimits(max_rows_per_query=100, max_variants=1))
    assert list_codes(result) == [DiagnosticCode.TOO_MANY_VARIANTS, DiagnosticCode.ROWS_OVER_LIMIT]


def make_variants(*sizes: int) -> str:
    """A dashboard with parameters of that many listed values, each used."""
    lists = {f"p{index}": ", ".join(map(str, range(size))) for index, size in enumerate(sizes)}
    declared = "\n".join(
        f"  - {{name: {name}, type: INT64, default: 0, values: [{values}]}}" for name, values in lists.items()
    )
    used = " AND ".join(f"total > @{name}" for name in lists)
    text = MINIMAL.replace("FROM sales", f"FROM sales WHERE {used}")
    return text.replace("queries:", f"parameters:\n{declared}\nqueries:")


@pytest.mark.parametrize(
    ("sizes", "accepted"),
    [((64,), True), ((8, 8), True), ((4, 4, 4), True), ((65,), False), ((5, 13), False)],
)
def test_exactly_64_variants_are_accepted(sizes, accepted):
    text = make_variants(*sizes)
    assert DEFAULT_LIMITS.max_variants == 64
    assert list_codes(validate(text)) == ([] if accepted else [DiagnosticCode.TOO_MANY_VARIANTS])
    definition = parse(text).definition
    assert definition is not None
    if accepted:
        assert len(expand_variants(definition, 64)) == 64
    else:
        with pytest.raises(ValidationFailedError, match="has 65 combinations"):
            expand_variants(definition, 64)


@pytest.mark.parametrize("text", ["[]", "text", "5", "null", "- a"])
def test_a_file_that_is_no_mapping_says_how_to_begin(text):
    assert list_codes(validate(text)) == [DiagnosticCode.YAML_EMPTY]


@pytest.mark.usefixtures("programs")
def test_reading_a_definition_and_its_variants_imports_no_sql_parser():
    code = (
        "import sys\n"
        "from shared.dashboards.definition import document, head, parameter_values\n"
        "assert not {'sqlglot', 'yaml', 'croniter'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.usefixtures("programs")
def test_importing_the_front_door_costs_no_sql_parser():
    code = "import sys, shared.dashboards.validation\nassert not {'sqlglot', 'croniter'} & set(sys.modules)\n"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_decimal_keeps_the_digits_it_is_written_with():
    types = "{name: n, type: NUMERIC, values: [12345678901234567.89, 1.0, -0.5, 1e3]}"
    lists = "{name: l, type: ARRAY<BIGNUMERIC>, default: [0.12345678901234567890123456789]}"
    result = validate(
        MINIMAL
        + f"parameters: [{types}, {lists}, {{name: f, type: FLOAT64, default: 0.1234567890123456789}}]\n"
    )
    definition = result.parsed.definition
    assert definition is not None
    numbers, decimals, double = definition.parameters
    assert numbers.listed_values == ["12345678901234567.89", "1", "-0.5", "1000"]
    assert decimals.default_value == ["0.12345678901234567890123456789"]
    assert double.default_value == 0.12345678901234568


def test_digits_that_a_decimal_type_cannot_hold_are_told_even_where_a_double_has_lost_them():
    text = MINIMAL + "parameters: [{name: n, type: NUMERIC, default: 12345678901234567.1234567891}]\n"
    result = validate(text)
    assert DiagnosticCode.INVALID_PARAMETER_VALUE in list_codes(result)
    assert "/parameters/0/default" in [item.pointer for item in result.diagnostics]
