"""Formats of numbers and times inside charts are those of d3, or refused where they stand."""

import pytest

from shared.dashboards.diagnostics.diagnostic import DiagnosticCode
from shared.dashboards.validators.chart_formats import NUMBER, TIME, is_format
from tests.dashboards.test_expressions import marked_text, show, validate, write_charts


def write(channel: dict[str, object], name: str = "x") -> str:
    return write_charts({"encoding": {name: {"field": "total", **channel}}})


@pytest.mark.parametrize(
    ("channel", "pointer"),
    [
        ({"type": "quantitative", "axis": {"format": "zzz"}}, "x/axis/format"),
        ({"type": "quantitative", "axis": {"format": "%Y"}}, "x/axis/format"),
        ({"type": "temporal", "axis": {"format": "%K"}}, "x/axis/format"),
        ({"type": "temporal", "axis": {"format": "100%"}}, "x/axis/format"),
        (
            {"type": "ordinal", "timeUnit": "yearmonth", "header": {"format": "%B %Q%!"}},
            "column/header/format",
        ),
        ({"type": "nominal", "legend": {"format": ".1zz", "formatType": "number"}}, "color/legend/format"),
        ({"aggregate": "count", "format": ",dd"}, "text/format"),
    ],
)
def test_a_format_that_is_none_is_refused_at_its_place(channel: dict[str, object], pointer: str) -> None:
    (found,) = validate(write(channel, pointer.partition("/")[0])).diagnostics
    assert (found.code, found.pointer) == (DiagnosticCode.INVALID_VALUE, f"/charts/0/encoding/{pointer}")
    assert "https://d3js.org/d3-" in found.remediation


@pytest.mark.parametrize(
    "channel",
    [
        {"type": "quantitative", "axis": {"format": "$,.2f"}},
        {"type": "quantitative", "axis": {"format": "%Y", "formatType": "time"}},
        {"type": "temporal", "axis": {"format": "%-d %B %Y, 100%%"}},
        {"type": "temporal", "axis": {"format": ",d", "formatType": "number"}},
        {"type": "nominal", "axis": {"format": "what the data decides"}},
        {"type": "quantitative", "axis": {"format": ""}},
    ],
)
def test_a_format_of_its_kind_passes(channel: dict[str, object]) -> None:
    assert show(validate(write(channel))) == []


def test_each_of_several_tooltips_is_judged() -> None:
    tooltips = [{"field": "total", "type": "quantitative", "format": one} for one in (",d", "zzz")]
    (found,) = validate(write_charts({"encoding": {"tooltip": tooltips}})).diagnostics
    assert found.pointer == "/charts/0/encoding/tooltip/1/format"


@pytest.mark.parametrize(
    ("expression", "marked"),
    [
        ("format(datum.total, 'zzz')", "'zzz'"),
        ("utcFormat(datum.day, '%Y-' + '%K')", "'%Y-' + '%K'"),
        ("timeParse(datum.day, '%')", "'%'"),
        ("format(datum.total, ',.1f') + timeFormat(datum.day, '%d.%m.')", None),
        ("format(datum.total, datum.day)", None),
    ],
)
def test_a_format_inside_an_expression_is_marked(expression: str, marked: str | None) -> None:
    text = write_charts({"transform": [{"calculate": expression, "as": "z"}]})
    result = validate(text)
    assert show(result) == ([("INVALID_VALUE", None)] if marked else [])
    if marked:
        assert marked_text(text, result, DiagnosticCode.INVALID_VALUE) == marked


@pytest.mark.parametrize("letter", "aAbBcdefgGHIjLmMpqQsSuUVwWxXyYZ%")
def test_every_directive_of_d3_is_known(letter: str) -> None:
    assert is_format(TIME, f"at %{letter}, %-{letter}")
    assert not is_format(NUMBER, f"at %{letter}")
