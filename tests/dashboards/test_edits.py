"""The edits that diagnostics offer: applied, they give what they promise and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Edit
from shared.dashboards.validation import ValidationResult
from shared.dashboards.validators.base import replace_text
from shared.dashboards.validators.fields import SchemaFieldValidator
from shared.dashboards.yaml.positions import LineIndex, find_odd_character
from shared.dashboards.yaml.reading import read_yaml
from shared.dashboards.yaml.scalar_writing import write_scalar
from tests.dashboards.builders import MINIMAL, parse, validate
from tests.fixtures.examples import choose_examples

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(" #:,[]{}'\"\\&*!|>%@`-?0123456789\n\t"),
    min_size=1,
    max_size=12,
).filter(lambda text: find_odd_character(text) is None)
STYLES = st.sampled_from(["plain", "'", '"'])
WRITTEN = {"plain": "wrong", "'": "'wrong'", '"': '"wrong"'}
PLACES = ["{}\n", "a: {}\n", "a: {{b: {}, c: 1}}\n", "- [{}, x]\n", "- a: {}\n  b: 1\n"]


def apply(text: str, edit: Edit) -> str:
    lines = LineIndex(text)
    start, end = lines.offset(edit.line, edit.column), lines.offset(edit.end_line, edit.end_column)
    return text[:start] + edit.new_text + text[end:]


def find(result: ValidationResult, code: DiagnosticCode) -> Diagnostic:
    (found,) = [one for one in result.diagnostics if one.code is code]
    return found


@settings(max_examples=choose_examples(500))
@given(TEXTS, STYLES, st.sampled_from(PLACES))
def test_text_is_written_so_that_it_reads_back_the_same_wherever_it_stands(text, style, place):
    expected = read_yaml("f.yaml", place.format("'wrong'")).data
    written = read_yaml("f.yaml", place.format(write_scalar(text, style)))
    assert written.diagnostics == ()
    assert written.data == _replace(expected, "wrong", text)


def _replace(data, old, new):
    if isinstance(data, list):
        return [_replace(one, old, new) for one in data]
    if isinstance(data, dict):
        return {key: _replace(value, old, new) for key, value in data.items()}
    return new if data == old else data


@settings(max_examples=choose_examples(200))
@given(TEXTS, STYLES)
def test_a_value_is_replaced_by_exactly_the_text_offered(text, style):
    document = parse(MINIMAL.replace("title: Sales", f"title: {WRITTEN[style]}"))
    edit = replace_text(document, "/title", text)
    assert edit is not None
    edited = parse(apply(document.positions.text, edit))
    assert edited.root == {**document.root, "title": text}


@settings(max_examples=choose_examples(200))
@given(TEXTS, STYLES)
def test_a_key_is_replaced_by_exactly_the_text_offered(text, style):
    document = parse(MINIMAL.replace("  daily:", f"  {WRITTEN[style]}:"))
    edit = replace_text(document, "/queries/wrong", text, is_key=True)
    assert edit is not None
    assert list(parse(apply(document.positions.text, edit)).root["queries"]) == [text]


@pytest.mark.parametrize("written", ["a b", "'a b'", '"a b"'])
def test_a_column_with_a_sharp_keeps_its_whole_name(written):
    text = MINIMAL.replace("type: table", f"type: metric, value: {written}")
    document = parse(text)
    (found,) = SchemaFieldValidator({"daily": [("a #b", "INT64", "NULLABLE")]}).validate(document)
    assert found.edit is not None
    assert parse(apply(text, found.edit)).root["charts"][0]["value"] == "a #b"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("version: 1", 'version: "1"', DiagnosticCode.WRONG_TYPE),
        ("version: 1", "version: 2", DiagnosticCode.UNSUPPORTED_VERSION),
        ("title: Sales", "title: 2013", DiagnosticCode.WRONG_TYPE),
        ("title: Sales", "title: 0x1F", DiagnosticCode.WRONG_TYPE),
        ('sales"}', 'sales", max_rows: "10"}', DiagnosticCode.WRONG_TYPE),
        ("title: Sales", "title:Sales", DiagnosticCode.YAML_SYNTAX),
        ("  daily:", "\tdaily:", DiagnosticCode.YAML_TAB),
        ("  daily:", " \t daily:", DiagnosticCode.YAML_TAB),
    ],
)
def test_the_edit_of_a_mechanical_fix_makes_the_file_valid(old, new, code):
    text = MINIMAL.replace(old, new)
    edit = find(validate(text), code).edit
    assert edit is not None
    assert validate(apply(text, edit)).diagnostics == ()


@pytest.mark.parametrize("value", ["true", "1.0", "null", "[1]", "x"])
def test_nothing_but_the_number_is_the_version(value):
    assert not validate(MINIMAL.replace("version: 1", f"version: {value}")).valid


PARAMETER = "parameters: [{name: origin, type: STRING, default: JFK}]\nqueries:"


@pytest.mark.parametrize(
    "written", ['"SELECT \\"x\\", @Orign"', "'SELECT @orign'", "|\n      SELECT\n      @orign\n"]
)
def test_a_misspelt_parameter_is_corrected_in_the_sql_of_the_file(written):
    text = MINIMAL.replace("queries:", PARAMETER)
    text = text.replace('{sql: "SELECT day, total FROM sales"}', f"\n    sql: {written}")
    edit = find(validate(text), DiagnosticCode.UNKNOWN_PARAMETER).edit
    assert edit is not None
    assert validate(apply(text, edit)).valid


def test_a_misspelt_parameter_is_corrected_in_a_file_of_its_own():
    text = MINIMAL.replace("queries:", PARAMETER).replace(
        'sql: "SELECT day, total FROM sales"', "file: d.sql"
    )
    sql = "SELECT day -- @orign\nFROM sales WHERE origin = @orign\n"
    found = find(validate(text, {"d.sql": sql}), DiagnosticCode.UNKNOWN_PARAMETER)
    assert found.path == "dashboards/d.sql"
    assert found.edit is not None
    assert validate(text, {"d.sql": apply(sql, found.edit)}).valid


def test_a_parameter_behind_an_escape_has_no_edit():
    text = MINIMAL.replace("queries:", PARAMETER).replace("day, total FROM sales", "\\x40orign")
    assert find(validate(text), DiagnosticCode.UNKNOWN_PARAMETER).edit is None


@pytest.mark.parametrize(("character", "code"), [("\0", "FILE_UNREADABLE"), ("\u202e", "BIDI_CONTROL")])
def test_a_sql_file_holds_no_odd_characters(character, code):
    text = MINIMAL.replace('sql: "SELECT day, total FROM sales"', "file: d.sql")
    result = validate(text, {"d.sql": f"SELECT 1,\n '{character}'\n"})
    (found,) = [one for one in result.diagnostics if one.code.value == code]
    assert (found.path, found.line, found.column) == ("dashboards/d.sql", 2, 3)
    assert result.valid is (code == "BIDI_CONTROL")
