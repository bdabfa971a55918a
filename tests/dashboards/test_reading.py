"""Reading YAML: YAML 1.2 values, exact positions, and a diagnostic for everything that is refused."""

import time

import pytest

from shared.dashboards.definition.limits import ValidationLimits
from shared.dashboards.diagnostics.diagnostic import DiagnosticCode
from shared.dashboards.yaml.reading import read_yaml


def read_codes(content: str | bytes, limits: ValidationLimits | None = None) -> list[DiagnosticCode]:
    return [item.code for item in read_yaml("f.yaml", content, limits or ValidationLimits()).diagnostics]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("-12", -12),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("'true'", "true"),
        ('"1"', "1"),
        ("=", "="),
        ("é 😀", "é 😀"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(written, value):
    result = read_yaml("f.yaml", f"key: {written}\n")
    assert result.diagnostics == ()
    assert result.data == {"key": value}
    assert isinstance(result.data, dict)
    assert type(result.data["key"]) is type(value)


def test_keys_stay_text_whatever_they_look_like():
    assert read_yaml("f.yaml", "on: 1\n2024-01-01: 2\n3: 4\n").data == {"on": 1, "2024-01-01": 2, "3": 4}


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_positions_are_exact_with_every_line_break_mark_and_character(line_break, mark):
    text = mark + line_break.join(["a: 😀é", "list:", "  - {key: value}", "last: 'x'", ""])
    positions = read_yaml("f.yaml", text).positions
    span = positions.value("/list/0/key")
    assert (span.line, span.column, span.end_line, span.end_column) == (3, 11, 3, 16)
    assert (positions.key("/last").line, positions.key("/last").end_column) == (4, 5)
    assert positions.value("/a").end_column == 6


def test_a_pointer_that_is_not_there_is_located_at_its_nearest_parent():
    positions = read_yaml("f.yaml", "a:\n  b: 1\n").positions
    assert positions.value("/a/b/c").line == 2
    assert positions.value("/nothing/here").line == 1


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        ("a: 1\na: 2\n", DiagnosticCode.YAML_DUPLICATE_KEY, 2, 1),
        ("a: &x 1\n", DiagnosticCode.YAML_ANCHOR, 1, 4),
        ("a: {<<: {b: 1}}\n", DiagnosticCode.YAML_ANCHOR, 1, 5),
        ("a: !!python/object:os.system x\n", DiagnosticCode.YAML_TAG, 1, 4),
        ("? [a]\n: 1\n", DiagnosticCode.YAML_KEY, 1, 3),
        ("a: 1\n---\nb: 1\n", DiagnosticCode.YAML_MULTIPLE_DOCUMENTS, 2, 1),
        ("a:\n\tb: 1\n", DiagnosticCode.YAML_TAB, 2, 1),
        ("a: b: c\n", DiagnosticCode.YAML_SYNTAX, 1, 5),
        ("a: .nan\n", DiagnosticCode.YAML_NUMBER, 1, 4),
        ("a: 1e999\n", DiagnosticCode.YAML_NUMBER, 1, 4),
        ("a: x\x00y\n", DiagnosticCode.YAML_ENCODING, 1, 5),
        ("a: x\u2028y\n", DiagnosticCode.YAML_ENCODING, 1, 5),
        ("a: \ud800\n", DiagnosticCode.YAML_ENCODING, 1, 4),
        (b"a: \xc3\xa9 \xff\n", DiagnosticCode.YAML_ENCODING, 1, 6),
    ],
)
def test_what_is_not_read_is_refused_where_it_stands(content, code, line, column):
    (found,) = read_yaml("f.yaml", content).diagnostics
    assert (found.code, found.line, found.column) == (code, line, column)


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        ('a: "x\\0"\n', DiagnosticCode.YAML_ENCODING, 1, 4),
        ('a: ["x\\x1b[31m"]\n', DiagnosticCode.YAML_ENCODING, 1, 5),
        ('"a\\a": 1\n', DiagnosticCode.YAML_ENCODING, 1, 1),
        ('a: "x\\u202E"\n', DiagnosticCode.BIDI_CONTROL, 1, 4),
        ("a: |\n  x\u2066y\n", DiagnosticCode.BIDI_CONTROL, 1, 4),
    ],
)
def test_an_escape_brings_in_nothing_that_a_file_may_not_hold(content, code, line, column):
    (found,) = read_yaml("f.yaml", content).diagnostics
    assert (found.code, found.line, found.column) == (code, line, column)


def test_escapes_of_white_space_are_text():
    result = read_yaml("f.yaml", 'a: "x\\t\\n\\r\\L\\u200f"\n')
    assert (result.data, result.diagnostics) == ({"a": "x\t\n\r\u2028\u200f"}, ())


@pytest.mark.parametrize(
    ("content", "place", "told"),
    [
        ("version: 1\ntitle:T\nslug: x\n", (2, 1, 2, 7), "no space after 'title:'"),
        ("a: 1\nb\nc: 2\n", (2, 1, 2, 2), "a key is expected here"),
        ("a: 1\nb: [{c: t}\n", (2, 4, 2, 5), "the [ that opens here is not closed"),
        ("a:\n  - {b: 1\n  - {b: 2}\n", (2, 5, 2, 6), "before line 3"),
        ("a: [1: 2: 3]\n", (1, 9, 1, 10), "did not find expected ',' or ']'"),
        ("a: 'x\nb: y\n", (1, 4, 1, 6), "the single quote that opens here is not closed"),
        ('a: "x\nb:\n  - c: "y"\n', (1, 4, 1, 6), "the double quote that opens here is not closed"),
        ("a: 'it's'\n", (1, 8, 1, 9), "the single quote before this ends the text"),
        ("a: }\n", (1, 4, 1, 5), "did not find expected node content"),
    ],
)
def test_a_syntax_error_is_told_where_the_mistake_is(content, place, told):
    (found,) = read_yaml("f.yaml", content).diagnostics
    assert found.code is DiagnosticCode.YAML_SYNTAX
    assert (found.line, found.column, found.end_line, found.end_column) == place
    assert told in found.message


def test_a_duplicate_key_names_the_position_of_the_first_and_keeps_its_value():
    result = read_yaml("f.yaml", "one: 1\ntwo: {a: 1}\ntwo: {a: 2}\n")
    assert result.data == {"one": 1, "two": {"a": 1}}
    assert "line 2, column 1" in result.diagnostics[0].message


def test_all_refused_parts_are_told_at_once():
    codes = read_codes("a: &x 1\nb: *x\nc: !t 2\nd: 1\nd: 2\n")
    assert codes == [
        DiagnosticCode.YAML_ANCHOR,
        DiagnosticCode.YAML_ANCHOR,
        DiagnosticCode.YAML_TAG,
        DiagnosticCode.YAML_DUPLICATE_KEY,
    ]


def test_a_bomb_of_aliases_is_refused_quickly_and_never_expanded():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    started = time.process_time()
    result = read_yaml("f.yaml", "\n".join(levels))
    assert {item.code for item in result.diagnostics} == {DiagnosticCode.YAML_ANCHOR}
    assert time.process_time() - started < 2


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_is_bounded_however_it_is_made(opening):
    started = time.process_time()
    codes = read_codes(opening * 20_000)
    assert DiagnosticCode.YAML_TOO_DEEP in codes
    assert time.process_time() - started < 2


def test_depth_is_also_bounded_inside_parts_that_are_skipped():
    assert DiagnosticCode.YAML_TOO_DEEP in read_codes("a: 1\na: " + "[" * 5_000)


def test_the_number_of_values_is_bounded():
    limits = ValidationLimits(max_nodes=100)
    assert read_codes("[" + "1," * 100 + "]", limits) == [DiagnosticCode.YAML_TOO_DEEP]
    assert read_codes("[" + "1," * 99 + "]", limits) == []


def test_a_file_over_the_limit_is_not_read_at_all():
    limits = ValidationLimits(max_bytes=10_000)
    assert read_codes("a: " + "é" * 5_000, limits) == [DiagnosticCode.YAML_TOO_LARGE]
    assert read_codes(b"x" * 10_000_000, limits) == [DiagnosticCode.YAML_TOO_LARGE]


@pytest.mark.parametrize("content", ["", "\n", "# only a comment\n", "---\n", "\ufeff"])
def test_an_empty_file_reads_as_null(content):
    result = read_yaml("f.yaml", content)
    assert result.data is None
    assert result.diagnostics == ()
