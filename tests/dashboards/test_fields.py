"""Columns that charts use, against what a dry run says the queries return."""

import json

import pytest

from shared.dashboards.diagnostics.diagnostic import DiagnosticCode, Severity
from shared.dashboards.validators.fields import SchemaFieldValidator
from tests.dashboards.builders import MINIMAL, parse

COLUMNS = [
    ("day", "DATE", "NULLABLE"),
    ("moment", "TIMESTAMP", "NULLABLE"),
    ("clock", "TIME", "NULLABLE"),
    ("shop", "STRING", "NULLABLE"),
    ("total", "NUMERIC", "NULLABLE"),
    ("count", "INTEGER", "REQUIRED"),
    ("rate", "FLOAT", "NULLABLE"),
    ("open", "BOOLEAN", "NULLABLE"),
    ("tags", "STRING", "REPEATED"),
    ("place", "RECORD", "NULLABLE"),
    ("a.b", "STRING", "NULLABLE"),
]


CHART = {"id": "trend", "title": "T", "query": "daily", "mark": "bar"}


def check(encoding: str, transform: str = "[]"):
    chart = f"id: trend, title: T, query: daily, mark: bar, encoding: {encoding}, transform: {transform}"
    document = parse(MINIMAL.split("  - {id")[0] + f"  - {{{chart}}}\n")
    assert document.definition is not None
    return list(SchemaFieldValidator({"daily": COLUMNS}).validate(document))


MEMBERS = [
    ("place.city", "STRING", "NULLABLE"),
    ("place.size", "INTEGER", "NULLABLE"),
    ("place.at", "DATE", "NULLABLE"),
]


@pytest.mark.parametrize(
    ("field", "kind", "code", "suggestion"),
    [
        ("place.city", "nominal", None, None),
        ("place['city']", "nominal", None, None),
        ("place.at", "temporal", None, None),
        ("place.sise", "quantitative", DiagnosticCode.UNKNOWN_FIELD, "place.size"),
        ("place.city", "quantitative", DiagnosticCode.FIELD_TYPE_MISMATCH, None),
        ("shop.city", "nominal", DiagnosticCode.FIELD_TYPE_MISMATCH, None),
        ("tags[0]", "nominal", None, None),
        ("a\\.b", "nominal", None, None),
    ],
)
def test_what_is_inside_a_column_is_checked_like_a_column(field, kind, code, suggestion):
    chart = {"x": {"field": field, "type": kind}}
    document = parse(f"{MINIMAL.split('  - {id')[0]}  - {json.dumps(CHART | {'encoding': chart})}\n")
    found = list(SchemaFieldValidator({"daily": COLUMNS}, {"daily": MEMBERS}).validate(document))
    assert [(item.code, item.suggestion) for item in found] == ([(code, suggestion)] if code else [])


def check_metric(value: str, number_format: str = ""):
    chart = f'id: trend, title: T, query: daily, type: metric, value: {value}, format: "{number_format}"'
    document = parse(MINIMAL.split("  - {id")[0] + f"  - {{{chart}}}\n")
    return list(SchemaFieldValidator({"daily": COLUMNS}).validate(document))


@pytest.mark.parametrize(
    ("column", "kind", "severity"),
    [
        ("total", "quantitative", None),
        ("count", "quantitative", None),
        ("rate", "quantitative", None),
        ("shop", "quantitative", Severity.ERROR),
        ("day", "quantitative", Severity.WARNING),
        ("open", "quantitative", Severity.WARNING),
        ("tags", "quantitative", Severity.ERROR),
        ("day", "temporal", None),
        ("moment", "temporal", None),
        ("shop", "temporal", Severity.WARNING),
        ("clock", "temporal", Severity.WARNING),
        ("count", "temporal", Severity.WARNING),
        ("open", "temporal", Severity.ERROR),
        ("shop", "nominal", None),
        ("count", "ordinal", None),
        ("open", "nominal", None),
        ("place", "nominal", Severity.WARNING),
    ],
)
def test_column_types_are_judged_by_how_they_are_drawn(column, kind, severity):
    found = check(f"{{x: {{field: {column}, type: {kind}}}}}")
    assert [item.severity for item in found] == ([severity] if severity else [])
    assert all(item.code is DiagnosticCode.FIELD_TYPE_MISMATCH for item in found)


def test_a_column_that_is_not_returned_is_named_with_the_likely_one():
    (found,) = check("{x: {field: Day, type: temporal}}")
    assert (found.code, found.suggestion) == (DiagnosticCode.UNKNOWN_FIELD, "day")
    assert found.edit is not None
    assert found.pointer == "/charts/0/encoding/x/field"


def test_fields_in_lists_conditions_and_sorts_are_seen():
    encoding = (
        "{x: {field: day, type: temporal, sort: {field: one}}, tooltip: [{field: two}], "
        "color: {condition: {test: 'true', field: three, type: nominal}}}"
    )
    assert [item.received for item in check(encoding)] == ["one", "two", "three"]


def test_columns_that_transforms_make_are_known():
    transform = "[{calculate: '1', as: made}, {window: [{op: rank, as: place_no}]}, {fold: [total, rate]}]"
    encoding = "{x: {field: made}, y: {field: place_no}, color: {field: key}, size: {field: value}, row: {field: gone}}"
    assert [item.received for item in check(encoding, transform)] == ["gone"]


def test_a_pivot_makes_columns_nobody_knows_beforehand():
    assert check("{x: {field: berlin}}", "[{pivot: shop, value: total}]") == []


def test_parts_of_records_and_names_with_dots_are_found():
    assert check("{x: {field: place.city, type: nominal}, y: {field: 'a\\.b', type: nominal}}") == []
    assert [item.received for item in check("{x: {field: 'a.b', type: nominal}}")] == ["a"]


def test_counting_takes_any_type():
    assert check("{y: {aggregate: distinct, field: shop, type: quantitative}}") == []


@pytest.mark.parametrize(
    ("value", "number_format", "codes"),
    [
        ("total", ",d", []),
        ("shop", "", []),
        ("shop", ",d", [DiagnosticCode.FIELD_TYPE_MISMATCH]),
        ("tags", "", [DiagnosticCode.FIELD_TYPE_MISMATCH]),
        ("totl", "", [DiagnosticCode.UNKNOWN_FIELD]),
    ],
)
def test_a_metric_shows_a_column_that_exists_and_fits(value, number_format, codes):
    assert [item.code for item in check_metric(value, number_format)] == codes


def test_queries_without_a_known_schema_are_passed_over():
    document = parse(MINIMAL.replace("type: table", "type: metric, value: anything"))
    assert list(SchemaFieldValidator({}).validate(document)) == []


def test_an_expression_reads_columns_that_are_there_or_made():
    steps = [
        {"calculate": "datum.totl * 2", "as": "twice"},
        {"filter": "datum['twice'] > datum.total"},
        {"filter": "datum.gone > 1"},
    ]
    transform = json.dumps(steps)
    found = check("{x: {field: twice, type: quantitative}}", transform)
    assert [(item.code, item.pointer, item.suggestion) for item in found] == [
        (DiagnosticCode.UNKNOWN_FIELD, "/charts/0/transform/0/calculate", "total"),
        (DiagnosticCode.UNKNOWN_FIELD, "/charts/0/transform/2/filter", None),
    ]


def test_a_text_in_an_expression_is_no_column():
    assert check("{x: {field: total}}", """[{filter: "'datum.gone' == datum.shop"}]""") == []
