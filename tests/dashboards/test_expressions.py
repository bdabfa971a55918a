"""Vega expressions are read by Vega's own grammar: what is wrong stands where it is, and nothing of them is run."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validation import ValidationResult
from shared.dashboards.validators.fields import SchemaFieldValidator
from shared.dashboards.vega.expressions import (
    MOST_CHARACTERS,
    SelectorReading,
    explain_slow,
    read_expression,
    read_selector,
)
from tests.dashboards.builders import MINIMAL, marked_text, parse, validate

CASES = Path(__file__).with_name("charts")
HEAD = MINIMAL.partition("charts:")[0]
CHART = {"id": "trend", "title": "T", "query": "daily", "mark": "bar", "encoding": {"x": {"field": "day"}}}


def write_charts(*charts: dict[str, object]) -> str:
    return HEAD + "charts:\n" + "".join(f"  - {json.dumps(CHART | chart)}\n" for chart in charts)


def show(result: ValidationResult) -> list[tuple[str, str | None]]:
    return [(item.code.value, item.suggestion) for item in result.diagnostics]


# --- reading


def test_what_an_expression_calls_and_reads_is_found_at_its_place():
    text = "if(datum.a > limit, round(datum['b c']), item.x) + datum[key]"
    reading = read_expression(text)
    assert reading.error is None
    found = {
        "calls": [(one.name, text[one.start : one.end]) for one in reading.calls],
        "signals": [(one.name, text[one.start : one.end]) for one in reading.signals],
        "fields": [(one.name, text[one.start : one.end]) for one in reading.fields],
    }
    assert found == {
        "calls": [("if", "if"), ("round", "round")],
        "signals": [("limit", "limit"), ("key", "key")],
        "fields": [("a", "a"), ("b c", "'b c'"), (None, "key")],
    }


def test_a_word_among_the_operators_is_no_place_of_a_name():
    (_, second) = read_expression("a in n").signals
    assert (second.start, second.end) == (5, 6)


def test_characters_outside_of_the_basic_plane_count_once():
    text = "'😀😀' + foo(datum.x)"
    (call,) = read_expression(text).calls
    assert text[call.start : call.end] == "foo"


@pytest.mark.parametrize(
    ("text", "said", "marked"),
    [
        ("bad(((", "Unexpected end of input", ""),
        ("1 + * 2", "Unexpected token *", "*"),
        ("datum.x = 3", "Unexpect token after expression", ""),
        ("'abc", "Unexpected token ILLEGAL", ""),
        ("new Date()", "there is no new, delete, void, typeof, ++ or --", ""),
        ("(a)(b)(c)", "only a function of Vega can be called", "a)(b"),
        ("_ + 1", "Illegal identifier: _", "_ + 1"),
        ("clamp(1)", "Missing arguments to clamp function", "clamp(1)"),
        ("{toString: 1}", "Illegal property: toString", "{toString: 1}"),
        ("", "Unexpected end of input", ""),
    ],
)
def test_what_does_not_parse_says_why_and_where(text, said, marked):
    error = read_expression(text).error
    assert error is not None
    assert (error.name, text[error.start : error.end]) == (said, marked)


@pytest.mark.parametrize(
    "text",
    ["(" * 9_000, "[" * 9_000, "!" * 9_000 + "1", "1" + "+1" * 4_900, "a" + ".a" * 4_900, "a?b:" * 2_400 + "c",
     "x" * (MOST_CHARACTERS + 1), "(" * 100_000],
    ids=["groups", "lists", "signs", "sums", "members", "choices", "long", "long groups"],
)  # fmt: skip
def test_no_expression_stops_the_reading(text):
    error = read_expression(text).error
    assert error is not None
    assert error.name in (
        "it nests deeper than can be read",
        f"it is longer than {MOST_CHARACTERS} characters",
    )
    # And the next one is read as if nothing had been.
    assert read_expression(f"datum.after_{len(text)}").fields[0].name == f"after_{len(text)}"


def test_a_long_text_inside_the_bounds_is_read():
    assert read_expression(f"'{'a' * (MOST_CHARACTERS - 2)}'").error is None


def test_threads_read_at_once():
    found: list[str | None] = []

    def read(number: int) -> None:
        found.extend(read_expression(f"datum.of_{number}_{step}").fields[0].name for step in range(50))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(name) for name in found) == sorted(f"of_{n}_{s}" for n in range(4) for s in range(50))


@pytest.mark.parametrize(
    "pattern",
    ["^(a+)+$", "(a|a)*b", "(a|aa)+$", "((a+))+$", "([a-z]+(x)?)*y", r"^(\d+,?)+$", "(.*)*x", "(x+x+)+y",
     "(a{1,30}){1,30}b", "(a?){40}b", r"(\w|\d)+x", r"^(([a-z])+.)+[A-Z]$",
     # Without an end of its own, and with many small ones.
     "(.*)(.*)(.*)(.*)(.*)x", "a*a*a*a*b", ".*.*=.*", "^a*a*a*b", "(a{0,8}){8}b", "((a{0,8}){8}){8}b",
     "(a?){8}(a?){8}(a?){8}(a?){8}x"],
)  # fmt: skip
def test_a_pattern_that_may_double_with_each_character_is_told_from_others(pattern):
    assert explain_slow(pattern, "")


@pytest.mark.parametrize(
    "pattern",
    ["^(north|south) [0-9]+$", "(north|south)+", r"(?:\.\d+)*", r"^[^@]+@[^@]+\.[a-z]+$", r"^\d{4}-\d{2}-\d{2}$",
     r"(\d{1,3}\.){3}\d{1,3}", "(a|b)*c", "(", "",
     r"^\s*(.*?)\s*$", "^.*,.*,.*$", ".*foo.*bar", r"^(\w+) (\w+)$", "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}",
     r"\w{0,20}\s\w{0,20}\s\w{0,20}\s\w{0,20}\s\w{0,20}", "(a?){8}"],
)  # fmt: skip
def test_a_pattern_that_ends_soon_passes(pattern):
    assert explain_slow(pattern, "") == ""


def test_a_pattern_of_any_length_is_judged_within_the_bounds():
    assert isinstance(explain_slow("(a|b|" * 1_500 + ")*" * 1_500, ""), str)
    assert explain_slow("^(a+)+$", "i")


def test_names_of_events_are_read():
    assert read_selector("pointermove[event.shiftKey]") == SelectorReading("", ("view",))
    drag = read_selector("[pointerdown, window:pointerup] > window:pointermove{10}")
    assert (drag.error, set(drag.sources)) == ("", {"view", "window"})
    assert read_selector("#top:click").sources == ("#top",)
    assert read_selector("[pointerdown] > pointermove").error


# --- validating


BROKEN = "datum.total >"
PLACES = {
    "calculate": {"transform": [{"calculate": BROKEN, "as": "z"}]},
    "filter": {"transform": [{"filter": BROKEN}]},
    "filter, joined": {"transform": [{"filter": {"and": [{"not": BROKEN}]}}]},
    "condition": {"encoding": {"color": {"condition": {"test": BROKEN, "value": "red"}}}},
    "conditions": {"encoding": {"color": {"condition": [{"test": {"or": [BROKEN]}, "value": "red"}]}}},
    "label": {"encoding": {"x": {"field": "day", "axis": {"labelExpr": BROKEN}}}},
    "legend": {"encoding": {"color": {"field": "day", "legend": {"labelExpr": BROKEN}}}},
    "header": {"encoding": {"row": {"field": "day", "header": {"labelExpr": BROKEN}}}},
    "axis": {"encoding": {"x": {"field": "day", "axis": {"labelColor": {"expr": BROKEN}}}}},
    "scale": {"encoding": {"x": {"field": "day", "scale": {"padding": {"expr": BROKEN}}}}},
    "mark": {"mark": {"type": "bar", "opacity": {"expr": BROKEN}}},
    "parameter": {"params": [{"name": "p", "expr": BROKEN}]},
    "event": {"params": [{"name": "p", "select": {"type": "point", "on": {"type": "click", "filter": BROKEN}}}]},
    "toggle": {"params": [{"name": "p", "select": {"type": "point", "toggle": BROKEN}}]},
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_an_expression_is_read_wherever_one_may_stand(name):
    result = validate(write_charts(PLACES[name]))
    assert show(result) == [("EXPRESSION_SYNTAX", None)]
    (found,) = result.diagnostics
    column = write_charts(PLACES[name]).splitlines()[found.line - 1].index(BROKEN) + 1 + len(BROKEN)
    assert (found.column, found.end_column) == (column, column)


def test_an_unknown_function_stands_at_its_name_with_the_likely_one_and_the_edit():
    text = write_charts({"transform": [{"filter": "datum.total > rond(2)"}]})
    result = validate(text)
    assert show(result) == [("UNKNOWN_FUNCTION", "round")]
    assert marked_text(text, result, DiagnosticCode.UNKNOWN_FUNCTION) == "rond"
    edit = result.diagnostics[0].edit
    assert edit is not None
    line = text.splitlines()[edit.line - 1]
    assert validate(
        text.replace(line, line[: edit.column - 1] + edit.new_text + line[edit.end_column - 1 :])
    ).valid


def test_an_expression_over_several_lines_is_followed():
    text = HEAD + (
        "charts:\n  - id: trend\n    title: T\n    query: daily\n    mark: bar\n    encoding: {x: {field: day}}\n"
        "    transform:\n      - filter: >-\n          datum.total > 3\n          && datum.total < lmit\n"
        "    params: [{name: limit, value: 3}]\n"
    )
    result = validate(text)
    assert show(result) == [("UNKNOWN_CHART_PARAMETER", "limit")]
    assert marked_text(text, result, DiagnosticCode.UNKNOWN_CHART_PARAMETER) == "lmit"


def test_parameters_and_the_signals_that_come_of_them_are_known():
    text = write_charts(
        {
            "params": [{"name": "least", "value": 3}, {"name": "brush", "select": "interval"}],
            "mark": {"type": "bar", "opacity": {"expr": "width > 300 && brush_x ? 1 : 0.5"}},
            "transform": [{"filter": "datum.total > least && datum.total < PI * 100"}],
        }
    )
    assert show(validate(text)) == []


def test_a_selection_of_another_chart_is_said_to_be_one():
    own = {"id": "a", "params": [{"name": "pick", "select": "point"}]}
    other = {"transform": [{"filter": "pick.day == datum.day"}, {"filter": {"param": "pick"}}]}
    result = validate(write_charts(own, other))
    assert [item.code for item in result.diagnostics] == [DiagnosticCode.UNKNOWN_CHART_PARAMETER] * 2
    assert all("one of the chart 'a' is 'pick'" in item.message for item in result.diagnostics)


def test_a_column_without_its_row_is_shown_how_to_read_it():
    (found,) = validate(write_charts({"transform": [{"filter": "total > 3"}]})).diagnostics
    assert "datum.total" in found.remediation


def test_what_an_event_has_is_there_in_the_filter_of_an_event_only():
    assert show(validate(write_charts({"transform": [{"filter": "x() > 3"}]}))) == [
        ("UNKNOWN_FUNCTION", None)
    ]
    on = {"type": "click", "filter": "x() > 3 && event.shiftKey"}
    assert (
        show(validate(write_charts({"params": [{"name": "p", "select": {"type": "point", "on": on}}]}))) == []
    )


@pytest.mark.parametrize(
    "expression",
    ["sequence(1e8)", "sequence(1e4 * 1e4)", "sequence(0, pow(10, 8))", "sequence(0, 1, 1e-9)", "pad('x', 1e9)",
     "sequence(-1e9, 0)", "sequence(0, 1e9, 1/0 + 2 - 1/0)", "utcSequence('seconds', 0, utc(2030, 0, 1))",
     "timeSequence('hours', 0, 1e13, 2)", "sequence(MAX_VALUE)"],
)  # fmt: skip
def test_what_makes_too_much_out_of_constants_is_refused_at_its_name(expression):
    text = write_charts({"transform": [{"calculate": f"length({expression})", "as": "z"}]})
    result = validate(text)
    expected = [] if "1/0" in expression else [("UNSAFE_CHART", None)]
    assert show(result) == expected
    if expected:
        assert marked_text(text, result, DiagnosticCode.UNSAFE_CHART) == expression.partition("(")[0]


@pytest.mark.parametrize(
    ("expression", "marked"),
    [
        ("test('(a+)' + '+$', datum.day)", "'(a+)' + '+$'"),
        ("test(regexp('(a+)+' + '$', 'i'), datum.day)", "'(a+)+' + '$'"),
        ("test(regexp(datum.day), datum.day)", "datum.day"),
        ("test(datum.day, 'x')", "datum.day"),
        ("test('^a' + 'b$', datum.day)", None),
        ("test(regexp('^(north|south)$', 'i'), datum.day)", None),
        ("replace(datum.day, /-/g, '/')", None),
    ],
)
def test_a_pattern_is_read_however_it_is_put_together(expression, marked):
    text = write_charts({"transform": [{"calculate": expression, "as": "z"}]})
    result = validate(text)
    assert show(result) == ([("UNSAFE_CHART", None)] if marked else [])
    if marked:
        assert marked_text(text, result, DiagnosticCode.UNSAFE_CHART) == marked


# --- against columns


def check_fields(chart: dict[str, object]) -> list[Diagnostic]:
    columns = [("day", "DATE", "NULLABLE"), ("total", "INTEGER", "NULLABLE"), ("tags", "STRING", "REPEATED")]
    return list(SchemaFieldValidator({"daily": columns}).validate(parse(write_charts(chart))))


def test_a_field_stands_at_its_name_with_the_edit():
    chart = {"transform": [{"filter": "datum.totl > 3"}]}
    (found,) = check_fields(chart)
    assert (found.code, found.suggestion) == (DiagnosticCode.UNKNOWN_FIELD, "total")
    line = write_charts(chart).splitlines()[found.line - 1]
    assert line[found.column - 1 : found.end_column - 1] == "totl"
    assert found.edit is not None
    assert found.edit.new_text == "total"


@pytest.mark.parametrize(
    ("transform", "unknown"),
    [
        ([{"filter": "datum.made > 1"}, {"calculate": "1", "as": "made"}], ["made"]),
        ([{"calculate": "1", "as": "made"}, {"filter": "datum.made > 1"}], []),
        ([{"aggregate": [{"op": "sum", "field": "total", "as": "all"}], "groupby": ["day"]},
          {"filter": "datum.all > datum.total && datum.day"}], ["total"]),
        ([{"joinaggregate": [{"op": "sum", "field": "total", "as": "all"}]},
          {"filter": "datum.all > datum.total"}], []),
        ([{"bin": True, "field": "total", "as": "b"}, {"calculate": "datum.b_end - datum.b", "as": "w"}], []),
        ([{"flatten": ["tags"]}, {"filter": "datum.tags != ''"}], []),
        ([{"pivot": "day", "value": "total"}, {"filter": "datum.anything"}], []),
        ([{"density": "total"}, {"filter": "datum.density > 0.1 && datum.total"}], ["total"]),
        ([{"filter": {"or": ["datum.gone", {"not": "datum['lost']"}]}}], ["gone", "lost"]),
    ],
)  # fmt: skip
def test_a_transform_reads_what_is_there_at_its_step(transform, unknown):
    assert [item.received for item in check_fields({"transform": transform})] == unknown


def test_marks_read_what_encodings_make():
    chart = {"mark": {"type": "bar", "opacity": {"expr": "datum.mean_total > 3 && datum.__count ? 1 : 0"}}}
    assert check_fields(chart) == []
    chart = {"encoding": {"color": {"condition": {"test": "datum.ttal > 3", "value": "red"}}}}
    assert [item.suggestion for item in check_fields(chart)] == ["total"]


def test_a_label_of_an_axis_has_fields_of_its_own():
    chart = {"encoding": {"x": {"field": "day", "axis": {"labelExpr": "datum.lable + datum.value"}}}}
    assert [(item.received, item.suggestion) for item in check_fields(chart)] == [("lable", "label")]


# --- the cases


def test_expressions_of_the_case_are_errors_at_their_places():
    text = (CASES / "expressions.yaml").read_text()
    result = validate(text)
    found = [
        (item.code, item.line, item.suggestion) for item in result.diagnostics if item.severity == "error"
    ]
    assert found == [
        (DiagnosticCode.UNKNOWN_CHART_PARAMETER, 13, "pick"),
        (DiagnosticCode.UNKNOWN_FIELD, 18, "flights"),
        (DiagnosticCode.UNKNOWN_FUNCTION, 18, "floor"),
        (DiagnosticCode.EXPRESSION_SYNTAX, 19, None),
    ]


@pytest.mark.parametrize(
    ("select", "known"),
    [
        ("SELECT day, COUNT(*) AS total FROM sales GROUP BY day", "day, total"),
        ("WITH a AS (SELECT * FROM sales) SELECT a.day, place.total FROM a", "day, total"),
        ("(SELECT day, total FROM sales) UNION ALL SELECT 1, 2", "day, total"),
        ("SELECT * FROM sales", None),
        ("SELECT day, s.* FROM sales AS s", None),
        ("SELECT day, COUNT(*) FROM sales GROUP BY day", None),
        ("SELECT day FROM sales UNION ALL BY NAME SELECT total AS totl FROM sales", None),
        ("SELECT AS STRUCT day, total FROM sales", None),
        ("FROM sales |> AGGREGATE COUNT(*) AS total GROUP BY day", None),
        ("FROM sales", None),
        ("SELECT day FROM", None),
    ],
)
def test_fields_are_checked_offline_where_the_text_names_all_columns(select, known):
    text = write_charts({"transform": [{"filter": "datum.totl > 3"}]}).replace(
        '"SELECT day, total FROM sales"', json.dumps(select)
    )
    found = [one for one in validate(text).diagnostics if one.code is DiagnosticCode.UNKNOWN_FIELD]
    assert [one.suggestion for one in found] == (["total"] if known else [])
    assert all(one.allowed == tuple(known.split(", ")) for one in found)


def test_each_chart_of_the_page_safety_case_is_refused_at_its_place():
    result = validate((CASES / "page-safety.yaml").read_text())
    found = [
        (item.line, item.pointer) for item in result.diagnostics if item.code is DiagnosticCode.UNSAFE_CHART
    ]
    assert found == [
        (8, "/charts/0/params/0/bind/element"),
        (9, "/charts/1/transform/0/calculate"),
        (10, "/charts/2/transform/0/steps"),
        (11, "/charts/3/transform/0/filter"),
    ]


FIELD_TYPES = [
    ("year_int", "INTEGER", "NULLABLE"), ("month_text", "STRING", "NULLABLE"), ("compact", "STRING", "NULLABLE"),
    ("tm", "TIME", "NULLABLE"), ("num_text", "STRING", "NULLABLE"), ("flag", "BOOLEAN", "NULLABLE"),
    ("arr", "INTEGER", "REPEATED"), ("s", "RECORD", "NULLABLE"), ("r", "RANGE", "NULLABLE"),
    ("iv", "INTERVAL", "NULLABLE"), ("j", "JSON", "NULLABLE"), ("Carrier", "INTEGER", "NULLABLE"),
    ("n", "INTEGER", "NULLABLE"),
]  # fmt: skip
MEMBERS = [("s.x", "INTEGER", "NULLABLE"), ("s.d", "DATE", "NULLABLE")]


def test_what_a_channel_cannot_draw_is_said_of_each_chart_of_the_case():
    document = parse((CASES / "field-types.yaml").read_text())
    found = list(SchemaFieldValidator({"q": FIELD_TYPES}, {"q": MEMBERS}).validate(document))
    charts = {f"/charts/{index}": chart["id"] for index, (_, chart) in enumerate(document.charts())}
    said = [
        (charts["/".join(item.pointer.split("/")[:3])], item.code.value, item.suggestion) for item in found
    ]
    assert sorted(said, key=str) == [
        *(
            (chart, "FIELD_TYPE_MISMATCH", None)
            for chart in ("a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9")
        ),
        ("b1", "UNKNOWN_FIELD", "Carrier"),
        ("b1", "UNKNOWN_FIELD", "n"),
        ("b2", "UNKNOWN_FIELD", None),
        ("b3", "FIELD_TYPE_MISMATCH", None),
        ("b4", "FIELD_TYPE_MISMATCH", None),
    ]


@pytest.mark.parametrize(
    ("field", "kind", "code"),
    [
        ("arr[0]", "quantitative", None),
        ("arr[0]", "temporal", "FIELD_TYPE_MISMATCH"),
        ("arr.length", "quantitative", "FIELD_TYPE_MISMATCH"),
        ("arr[0][1]", "nominal", "FIELD_TYPE_MISMATCH"),
        ("r.start", "nominal", None),
        ("r.stop", "nominal", "FIELD_TYPE_MISMATCH"),
    ],
)
def test_parts_of_arrays_and_ranges_are_judged_by_what_they_are(field, kind, code):
    chart = {
        "id": "c",
        "title": "T",
        "query": "q",
        "mark": "bar",
        "encoding": {"x": {"field": field, "type": kind}},
    }
    document = parse(
        f"version: 1\nslug: s\ntitle: S\nqueries: {{q: {{sql: SELECT 1}}}}\ncharts: {json.dumps([chart])}\n"
    )
    found = list(SchemaFieldValidator({"q": FIELD_TYPES}).validate(document))
    assert [item.code.value for item in found] == ([code] if code else [])


@pytest.mark.usefixtures("programs")
def test_the_engine_is_loaded_by_an_expression_and_by_nothing_else():
    code = (
        "import sys\n"
        "from tests.dashboards.builders import MINIMAL, validate\n"
        "from tests.dashboards.test_expressions import write_charts\n"
        "validate(MINIMAL), validate(write_charts({}))\n"
        "assert 'quickjs' not in sys.modules\n"
        "validate(write_charts({'transform': [{'filter': 'datum.total > 1'}]}))\n"
        "assert 'quickjs' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
