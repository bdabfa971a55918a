"""The columns that a chart reads through its encoding, its transforms and its expressions."""

import pytest

from shared.dashboards.definition.document import VegaChart
from shared.dashboards.validators.chart_columns import list_drawn_columns
from tests.dashboards.builders import MINIMAL, parse

X = "{x: {field: day}}"


def list_columns(transform: str = "[]", encoding: str = X, rest: str = "mark: bar") -> tuple[str, ...] | None:
    chart = f"id: trend, title: T, query: daily, {rest}, encoding: {encoding.strip()}, transform: {transform.strip()}"
    definition = parse(MINIMAL.split("  - {id")[0] + f"  - {{{chart}}}\n").definition
    assert definition is not None
    (drawn,) = definition.charts
    assert isinstance(drawn, VegaChart)
    return list_drawn_columns(drawn)


@pytest.mark.parametrize(
    ("transform", "encoding", "columns"),
    [
        ('[{calculate: "datum.lat * 2", as: metres}]', "{y: {field: metres}}", ("lat",)),
        ("""[{calculate: "datum['a b'] + datum . lon", as: sum}]""", "{y: {field: sum}}", ("a b", "lon")),
        ('[{calculate: "datum.delay / 60", as: delay}]', "{y: {field: delay}}", ("delay",)),
        ("""[{filter: "datum.kind == 'datum.nothing' && my.datum.no"}]""", X, ("kind", "day")),
        ("[{filter: {and: [{field: lat, gt: 1}, {not: {field: lon, valid: true}}]}}]", X, ("lat", "lon", "day")),
        ("[{aggregate: [{op: mean, field: delay, as: m}], groupby: [day]}]", "{y: {field: m}}", ("delay", "day")),
        ("[{fold: [lat, lon]}]", "{x: {field: key}, y: {field: value}}", ("lat", "lon")),
        ("[{density: delay, groupby: [shop]}]", "{x: {field: value}, y: {field: density}}", ("delay", "shop")),
        ("[{regression: delay, on: day}]", "{x: {field: day}, y: {field: delay}}", ("delay", "day")),
        ("[{window: [{op: rank, as: r}], sort: [{field: day}]}]", "{y: {field: r}}", ("day",)),
        ("[{calculate: '1', as: a}, {calculate: 'datum.a + datum.b', as: c}]", "{y: {field: c}}", ("b",)),
        ("[]", '{color: {condition: {test: "datum.late > 1", value: red}, value: blue}}', ("late",)),
        ("[]", "{y: {field: place.city, stack: zero}, x: {aggregate: {argmax: day}, field: lat}}",
         ("place", "day", "lat")),
        ("[]", '{y: {field: day, axis: {labelExpr: "datum.label", labelColor: {expr: "datum.value"}}}}', ("day",)),
    ],
)  # fmt: skip
def test_what_a_chart_reads_is_found_and_what_it_makes_is_not_taken_for_a_column(
    transform, encoding, columns
):
    assert list_columns(transform, encoding) == columns


def test_selections_and_marks_read_columns_as_well():
    mark = 'mark: {type: bar, opacity: {expr: "datum.share"}}'
    params = "params: [{name: p, select: {type: point, fields: [shop], on: click}}]"
    assert list_columns(rest=f"{mark}, {params}") == ("day", "share", "shop")


@pytest.mark.parametrize(
    "transform",
    [
        "[{pivot: shop, value: total, groupby: [day]}]",
        """[{calculate: "datum[name]", as: x}]""",
        """[{filter: "isValid(datum)"}]""",
    ],
)
def test_where_only_the_rows_can_tell_nothing_is_claimed(transform):
    assert list_columns(transform) is None
