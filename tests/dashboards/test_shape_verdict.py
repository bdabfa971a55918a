"""The published schema decides: two validators, the service and the models say one thing of mutated files."""

import copy
import json
import re
import subprocess
import sys
from functools import cache

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema.validators import extend

from deploy.local.parts import REPOSITORY
from shared.dashboards.definition.published_schema import SCHEMA_PATH
from shared.dashboards.diagnostics.diagnostic import DiagnosticCode, Severity
from shared.dashboards.source_files import find_dashboards
from shared.dashboards.validators.schema import validator as shape
from shared.dashboards.validators.schema.findings import explain_errors
from shared.dashboards.validators.schema.verdict import find_errors, is_valid
from shared.dashboards.yaml.reading import read_yaml
from tests.dashboards.builders import MINIMAL, parse, validate
from tests.dashboards.diagnostics_page import CASES
from tests.dashboards.test_validation import EVERYTHING
from tests.fixtures.examples import choose_examples

# Codes that only a wrong shape gives, and those with which a reader refuses a value of the right shape.
SHAPE_CODES = {
    DiagnosticCode.UNKNOWN_KEY, DiagnosticCode.MISSING_KEY, DiagnosticCode.WRONG_TYPE, DiagnosticCode.INVALID_VALUE,
    DiagnosticCode.INVALID_NAME, DiagnosticCode.QUERY_SOURCE, DiagnosticCode.PARAMETER_WITHOUT_DEFAULT,
    DiagnosticCode.INVALID_PARAMETER_TYPE, DiagnosticCode.UNKNOWN_MARK, DiagnosticCode.UNKNOWN_CHANNEL,
    DiagnosticCode.VEGA_LITE_UNKNOWN_PROPERTY, DiagnosticCode.VEGA_LITE_INVALID,
}  # fmt: skip
VALUE_CODES = {
    DiagnosticCode.INVALID_DURATION, DiagnosticCode.INVALID_SIZE, DiagnosticCode.INVALID_PARAMETER_VALUE,
}  # fmt: skip
# Where JSON Schema, Pydantic, Python, Rust and JavaScript have each had their own idea.
REPLACEMENTS = [
    None, True, False, 0, 1, -1, 1.0, 100.0, 1.5, 1e300, 10**30, 12, 13, 39, 40, 2**63, 2**63 - 1, 9.2e18, "", " ",
    "1", "true", "null", "a", "ab", "ab\n", "a\nb", "Ab", "ab\u00a0", "\u0661\u0662h", "é" * 200, "😀" * 200,
    "😀" * 201, "x" * 64, "24h", " 24h\n", "24h\u00a0", "0s", "1d2h", "h", "5 K", "5 KB", "1 GB\n", "0.1 B",
    "9" * 30, "0 6 * * *", "0 6 *\u00a0* *", "0\t6 * * *\n", "0 6 * * * *", "%%%", ".1%", "😀<,", "\u2028<d", "line",
    "lien", "quantitative", "metric", "table", "vega", "DATE", "date", "2024-01-01", [], [1], [None], [[]], ["a", "a"],
    [{}], {}, {"type": "line"}, {"expr": "1"}, {"a": None}, {"sql": "SELECT 1"}, {"sql": None, "file": None},
]  # fmt: skip
KEYS = [
    "sql", "file", "type", "mark", "encoding", "title", "width", "format", "height", "values", "default", "surprise",
    "Bad Key", "x", "xx", "field", "aggregate", "max_rows", "allow_other", "key\n",
]  # fmt: skip


@cache
def read_corpus():
    paths = [*find_dashboards(REPOSITORY / "dashboards"), *(REPOSITORY / "docs" / "examples").glob("*.yaml")]
    texts = [MINIMAL, EVERYTHING, *(path.read_text() for path in paths)]
    cases = [yaml.safe_load(path.read_text()).get("dashboard") for path in sorted(CASES.glob("*.yaml"))]
    read = [
        read_yaml("f.yaml", text).data for text in [*texts, *(one for one in cases if isinstance(one, str))]
    ]
    return [data for data in read if isinstance(data, dict)]


@cache
def make_witness():
    """`jsonschema` as it is, but for patterns, which it reads by Python's rules instead of the standard's."""

    def match(validator, pattern, instance, schema):
        if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
            yield jsonschema.ValidationError("does not match")

    return extend(jsonschema.Draft202012Validator, {"pattern": match})(json.loads(SCHEMA_PATH.read_text()))


def list_places(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from list_places(part, (*path, key))


def replacements():
    """A value of its own each time: one that stood in two places would be changed in both."""
    return st.sampled_from(REPLACEMENTS).map(copy.deepcopy)


@st.composite
def mutated_files(draw):
    data = copy.deepcopy(draw(st.sampled_from(read_corpus())))
    for _ in range(draw(st.integers(1, 2))):
        places = list(list_places(data))
        if places:
            mutate(draw, data, draw(st.sampled_from(places)))
    return data


def mutate(draw, data, path):
    parent = data
    for key in path[:-1]:
        parent = parent[key]
    key, value = path[-1], parent[path[-1]]
    match draw(st.sampled_from(["replace", "replace", "replace", "drop", "add", "rename", "nest", "cast"])):
        case "replace":
            parent[key] = draw(replacements())
        case "drop":
            del parent[key]
        case "add" if isinstance(value, dict):
            value[draw(st.sampled_from(KEYS))] = draw(replacements())
        case "add" if isinstance(value, list):
            value.append(draw(replacements()))
        case "rename" if isinstance(parent, dict):
            parent[draw(st.sampled_from([*KEYS, f"{key}s", str(key).upper()]))] = parent.pop(key)
        case "nest":
            parent[key] = draw(st.sampled_from([[value], {str(key): value}, {"type": value}]))
        case "cast" if isinstance(value, int):
            parent[key] = draw(st.sampled_from([float(value), str(value), bool(value)]))
        case _:
            parent[key] = str(value)


@settings(max_examples=choose_examples(300), suppress_health_check=list(HealthCheck))
@given(data=mutated_files())
def test_nothing_is_taken_by_one_and_refused_by_another_for_its_shape(data):
    check_agreement(data)


@pytest.mark.parametrize(
    "path",
    [
        ("slug",), ("title",), ("owner",), ("tags", 0), ("dataset",), ("refresh", "schedule"), ("refresh", "max_age"),
        ("budget", "per_query"), ("parameters", 0, "name"), ("parameters", 0, "default"),
        ("queries", "daily", "max_rows"),
        ("charts", 0, "id"), ("charts", 0, "format"), ("charts", 1, "height"), ("layout", 0, 0, "width"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)  # fmt: skip
def test_no_odd_value_is_taken_by_one_and_refused_by_another(path):
    for value in REPLACEMENTS:
        data = read_yaml("f.yaml", EVERYTHING).data
        set_at(data, path, copy.deepcopy(value))
        check_agreement(data)


@pytest.mark.parametrize("name", [one for one in REPLACEMENTS if isinstance(one, str)], ids=ascii)
def test_no_odd_name_of_a_query_is_taken_by_one_and_refused_by_another(name):
    data = read_yaml("f.yaml", EVERYTHING).data
    data["queries"][name] = data["queries"].pop("daily")
    check_agreement(data)


def set_at(data, path, value):
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = value


def check_agreement(data):
    """Both validators, the service and the models are of one mind about the shape of `data`."""
    text = json.dumps(data, ensure_ascii=False).replace("\u2028", "\\u2028")
    assert read_yaml("f.yaml", text).data == data
    taken = make_witness().is_valid(data)
    assert is_valid(data) is taken
    assert (explain_errors(find_errors(data)) == []) is taken
    result = validate(text)
    errors = {one.code for one in result.diagnostics if one.severity is Severity.ERROR}
    assert result.valid is not bool(errors)
    if taken:
        # Pydantic builds what the schema took, but for values that only a reader knows to be none.
        assert not errors & SHAPE_CODES
        assert (result.parsed.definition is not None) or errors & VALUE_CODES
    else:
        assert errors & (
            SHAPE_CODES | VALUE_CODES | {DiagnosticCode.INVALID_SCHEDULE, DiagnosticCode.UNSUPPORTED_VERSION}
        )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_rows: 100", "max_rows: 100.0"),
        ("width: 3", "width: 3.0"),
        ("height: 300", "height: 3e2"),
        ("per_day: 5000000000", "per_day: 5e9"),
        ("owner: sales@example.com", "owner:"),
        ("per_query: 1 GB", "per_query: ~"),
        ("    max_rows: 100", "    file:\n    max_rows: 100"),
        ("max_age: 12h", 'max_age: " 12h"'),
    ],
)
def test_what_the_schema_takes_the_models_build(old, new):
    assert old in EVERYTHING
    result = validate(EVERYTHING.replace(old, new, 1))
    assert result.valid, result.diagnostics


def test_a_key_that_was_refused_while_reading_does_not_stop_the_verdict():
    for key in ('"\\ud800"', '"a\\u0000"'):
        result = validate(MINIMAL + f"{key}: 1\n")
        assert not result.valid
        assert result.diagnostics


def test_half_a_character_is_not_valid_and_does_no_harm():
    data = {**parse(MINIMAL).root, "title": "\ud800", "\ud800": 1}
    assert not is_valid(data)
    assert explain_errors(find_errors(data))


def test_the_verdict_holds_where_nothing_can_be_said_of_it(monkeypatch):
    monkeypatch.setattr(shape, "find_errors", lambda data: [])
    (found,) = shape.judge_shape(parse(MINIMAL.replace("slug: sales", "slug: 5")))
    assert found.code is DiagnosticCode.INVALID_VALUE


def test_patterns_name_both_ends_and_mean_the_same_in_every_language():
    def list_patterns(schema):
        if isinstance(schema, dict):
            if isinstance(schema.get("pattern"), str):
                yield schema["pattern"]
            schema = list(schema.values())
        for part in schema if isinstance(schema, list) else ():
            yield from list_patterns(part)

    patterns = set(list_patterns(json.loads(SCHEMA_PATH.read_text())))
    assert len(patterns) >= 8
    for pattern in patterns:
        assert pattern.startswith("^"), pattern
        assert pattern.endswith("$"), pattern
        # What \d, \s, \w, \b and . take depends on the language.
        assert not re.search(r"\\[dswbDSWB]|(?<!\\)\.(?![^\[]*\])", pattern), pattern


@pytest.mark.usefixtures("programs")
def test_a_valid_file_needs_no_explanation_and_no_import_of_what_gives_one():
    code = (
        "import sys\n"
        "from shared.dashboards.validation import DashboardSource, validate_dashboards\n"
        "heavy = {'jsonschema', 'jsonschema_rs', 'referencing'}\n"
        "assert not heavy & set(sys.modules)\n"
        "text = sys.stdin.read()\n"
        "assert validate_dashboards([DashboardSource('sales.yaml', text)])[0].valid\n"
        "assert heavy & set(sys.modules) == {'jsonschema_rs'}\n"
        "assert not validate_dashboards([DashboardSource('sales.yaml', text + 'x: 1')])[0].valid\n"
        "assert heavy <= set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], input=MINIMAL, text=True, check=True, timeout=60)
