"""Whatever is in a file: a verdict with positions inside the file, never an exception."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.dashboards.yaml.reading import read_yaml
from shared.sql.text import read_sql
from tests.dashboards.builders import MINIMAL, validate
from tests.fixtures.examples import choose_examples
from tests.sql.problems import find_sql_problem

BOUNDED = settings(max_examples=choose_examples(400), suppress_health_check=list(HealthCheck))

_YAML_PIECES = st.sampled_from(
    ["a", "b:", ": ", "- ", "\n", "  ", "\t", "{", "}", "[", "]", ",", "'", '"', "|", ">", "&x", "*x", "!t", "<<: ",
     "---", "...", "#", "%", "@", "😀", "\r\n", "\\", "? ", "on", "1e999", "0x", "~", "\ufeff", "\x00", "slug: x",
     "queries:", "charts:", "layout:", "sql: ", "SELECT 1"]
)  # fmt: skip
_SQL_PIECES = st.sampled_from(
    ["SELECT ", "a", ",", "FROM t ", "(", ")", "'", '"', "`", "@p", "?", ";", "--", "/*", "*/", "\n", "WHERE ", "AND ",
     "1", "CASE ", "END ", "OVER ", "r'", "'''", "{{", "\\", "😀", "@@x", "DECLARE ", "WITH x AS "]
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def assert_positions_lie_in_the_file(text: str) -> None:
    result = read_yaml("f.yaml", text)
    lines = result.positions.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for found in result.diagnostics:
        if result.positions.text:
            assert 1 <= found.line <= found.end_line <= len(lines)
            assert 1 <= found.column <= len(lines[found.line - 1]) + 1
            assert found.end_column <= len(lines[found.end_line - 1]) + 1


@BOUNDED
@given(st.lists(_YAML_PIECES, max_size=40).map("".join))
def test_any_mixture_of_yaml_is_read_or_diagnosed(text):
    assert_positions_lie_in_the_file(text)
    validate(text)


@BOUNDED
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_diagnosed(content):
    result = validate(content)
    assert result.valid or result.diagnostics


@BOUNDED
@given(st.integers(0, len(MINIMAL)), st.integers(0, 20), st.lists(_YAML_PIECES, max_size=4).map("".join))
def test_any_edit_of_a_dashboard_is_accepted_or_diagnosed(at, removed, inserted):
    text = MINIMAL[:at] + inserted + MINIMAL[at + removed :]
    result = validate(text)
    assert result.valid or result.diagnostics
    assert_positions_lie_in_the_file(text)


@BOUNDED
@given(
    st.sampled_from(["title", "refresh", "budget", "parameters", "queries", "charts", "layout", "tags"]),
    _VALUES,
)
def test_any_value_under_any_key_is_accepted_or_diagnosed(key, value):
    import json

    kept = [line for line in MINIMAL.splitlines() if not line.startswith((f"{key}:", "  "))]
    result = validate("\n".join([*kept, f"{key}: {json.dumps(value)}"]))
    assert result.valid or result.diagnostics


@BOUNDED
@given(st.lists(_SQL_PIECES, max_size=25).map("".join))
def test_any_sql_is_accepted_or_diagnosed_inside_the_text(sql):
    read_sql(sql)
    problem = find_sql_problem(sql)
    if problem is not None:
        assert 0 <= problem.start <= problem.end <= len(sql)
