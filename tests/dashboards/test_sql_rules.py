"""The guard's rules where a dashboard is validated: without a warehouse, at the place in the file."""

import pytest

from shared.dashboards.definition.limits import SqlPolicy, ValidationLimits
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from tests.dashboards.builders import MINIMAL, validate

KNOWN = ValidationLimits(sql_policy=SqlPolicy("acme", ("nyc",), ("nyc.classify",)))


def find(sql: str, limits: ValidationLimits = KNOWN) -> list[Diagnostic]:
    text = MINIMAL.replace('{sql: "SELECT day, total FROM sales"}', f"\n    sql: |-\n      {sql}")
    assert sql in text
    return [one for one in validate(text, limits=limits).diagnostics if one.code.value.startswith("SQL_")]


@pytest.mark.parametrize(
    ("sql", "code", "written", "hint"),
    [
        ("SELECT \u2018x\u2019 AS a", DiagnosticCode.SQL_SYNTAX, "\u2018", "straight quote"),
        ("SELECT IIF(TRUE, 1, 2) AS a", DiagnosticCode.SQL_REFUSED, "IIF", "Did you mean IF?"),
        ("SELECT CUONT(*) AS a FROM nyc.t", DiagnosticCode.SQL_REFUSED, "CUONT", "Did you mean COUNT?"),
        ("SELECT * FROM EXTERNAL_QUERY('c', 'x')", DiagnosticCode.SQL_REFUSED, "EXTERNAL_QUERY", "ROUTINES"),
        ("SELECT 1 AS a FROM secret.t", DiagnosticCode.SQL_REFUSED, "secret.t", "ALLOWED_DATASETS"),
        ("SELECT 1 AS a FROM `secret.t`", DiagnosticCode.SQL_REFUSED, "`secret.t`", "ALLOWED_DATASETS"),
        ("SELECT 1 AS a, 2 AS A", DiagnosticCode.SQL_REFUSED, "A", "another name"),
        ("SELECT 1 AS `a.b`", DiagnosticCode.SQL_REFUSED, "`a.b`", "another name"),
        ("SELECT nyc.other(1) AS a", DiagnosticCode.SQL_REFUSED, "nyc.other", "ALLOWED_ROUTINES"),
        ("SELECT a ILIKE 'x' FROM nyc.t", DiagnosticCode.SQL_SYNTAX, "'x'", "LOWER"),
        ("SELECT @@time_zone AS a", DiagnosticCode.SQL_STATEMENT, "@@time_zone", "SELECT"),
    ],
)
def test_what_needs_no_warehouse_is_found_at_its_place(
    sql: str, code: DiagnosticCode, written: str, hint: str
):
    (found,) = find(sql)
    assert (found.code, found.severity, found.line) == (code, Severity.ERROR, 7)
    assert found.column == 7 + sql.rindex(written) if written == "A" else 7 + sql.index(written)
    assert found.end_column - found.column == len(written)
    assert hint in found.remediation


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT carrier FROM nyc.airlines; -- end",
        "SELECT nyc.classify(1) AS a, acme.nyc.classify(2) AS b",
        "SELECT (carrier).LOWER() AS a FROM nyc.airlines",
        "SELECT a.b AS `it's` FROM nyc.t",
    ],
)
def test_what_the_guard_lets_through_is_valid(sql: str):
    assert find(sql) == []


@pytest.mark.parametrize(
    ("sql", "found", "behind", "remedy"),
    [
        ("SELECT a ILIKE 'x' FROM nyc.t", "\"'x'\"", "'ILIKE'", "LOWER(a) LIKE LOWER('x')"),
        ("SELECT a SIMILAR TO 'x' FROM nyc.t", "'TO'", "'SIMILAR'", "REGEXP_CONTAINS"),
        ("SELECT TOP 10 a FROM nyc.t", "'10'", "'TOP'", "LIMIT"),
        ("SELECT a FROM nyc.t LIMIT 5, 10", "','", "'5'", "LIMIT 10 OFFSET 5"),
        ("SELECT a FROM nyc.t USING SAMPLE 3", "'USING'", "'t'", "TABLESAMPLE SYSTEM"),
        ("SELECT a FROM nyc.t MINUS SELECT a FROM nyc.t", "'SELECT'", "'MINUS'", "EXCEPT DISTINCT"),
        ("SELECT a ~ 'x' FROM nyc.t", "'~'", "'a'", "REGEXP_CONTAINS"),
        ("SELECT a -> 'x' FROM nyc.t", "'-'", "'a'", "JSON_VALUE"),
        ("SELECT a b c FROM nyc.t", "'c'", "'b'", "dialect"),
    ],
)
def test_what_is_not_expected_is_named_with_what_to_write(sql: str, found: str, behind: str, remedy: str):
    (diagnostic,) = find(sql)
    assert diagnostic.message == f"{found} is not expected behind {behind}"
    assert remedy in diagnostic.remediation


@pytest.mark.parametrize(
    ("sql", "remedy"),
    [
        ("SELECT DISTINCT ON (a) a FROM nyc.t", "QUALIFY ROW_NUMBER()"),
        ("SELECT a FROM nyc.t UNION SELECT a FROM nyc.t", "UNION ALL or UNION DISTINCT"),
    ],
)
def test_words_of_other_dialects_come_with_bigquerys(sql: str, remedy: str):
    (diagnostic,) = find(sql)
    assert remedy in diagnostic.remediation


def test_a_reserved_word_is_named_where_it_cannot_be_a_name():
    (diagnostic,) = find("SELECT 1 AS at")
    assert diagnostic.message == "at is a reserved word; as a name it stands in backticks"


def test_a_suggested_function_comes_with_the_edit_that_writes_it():
    (found,) = find("SELECT CUONT(*) AS a FROM nyc.t")
    assert (found.suggestion, found.edit and found.edit.new_text) == ("COUNT", "COUNT")


def test_without_a_list_of_datasets_no_table_is_refused():
    assert find("SELECT 1 AS a FROM secret.t", ValidationLimits()) == []
    assert find("SELECT 1 AS a FROM t", ValidationLimits()) == []


def test_the_account_that_asks_is_a_warning_at_each_place():
    found = find("SELECT SESSION_USER() AS me FROM nyc.t WHERE SESSION_USER() LIKE '%'")
    assert [(one.code, one.severity) for one in found] == [
        (DiagnosticCode.SQL_SESSION_USER, Severity.WARNING)
    ] * 2
    assert [one.column for one in found] == [14, 52]


def test_a_day_of_the_jobs_zone_is_a_warning_where_the_file_names_none():
    sql = "SELECT CURRENT_DATE() AS a, current_datetime AS b, CURRENT_TIME('UTC') AS c, 1 AS current_time FROM nyc.t"
    found = find(sql)
    assert [one.code for one in found] == [DiagnosticCode.SQL_CLOCK_IN_UTC] * 2
    assert [one.message.split("(")[0] for one in found] == ["CURRENT_DATE", "CURRENT_DATETIME"]
    zoned = MINIMAL.replace("SELECT day, total FROM sales", sql) + "time_zone: America/New_York\n"
    assert not [one for one in validate(zoned, limits=KNOWN).diagnostics if one.code.value.startswith("SQL_")]


def read_written(sql: str) -> list[Diagnostic]:
    """What is said about SQL as it is written in YAML, style and all."""
    text = MINIMAL.replace('{sql: "SELECT day, total FROM sales"}', f"\n    sql: {sql}")
    assert sql in text
    return [one for one in validate(text, limits=KNOWN).diagnostics if one.code.value.startswith("SQL_")]


@pytest.mark.parametrize(
    ("sql", "line", "column"),
    [
        (">-\n      SELECT 1 AS a\n      -- one\n      FROM nyc.t", 8, 7),
        (">\n      SELECT 1 AS a # one\n      FROM nyc.t\n", 7, 21),
        ("SELECT 1 AS a -- one\n      FROM nyc.t", 6, 24),
        ('"SELECT 1 AS a -- one\n      FROM nyc.t"', 6, 25),
        (">-\n      SELECT '--' AS a, /* -- */ 1 AS b -- one\n      FROM nyc.t", 7, 41),
    ],
)
def test_a_comment_that_takes_in_the_lines_behind_it_is_an_error_at_its_place(
    sql: str, line: int, column: int
):
    (found,) = read_written(sql)
    assert (found.code, found.severity) == (DiagnosticCode.SQL_SWALLOWED, Severity.ERROR)
    assert (found.line, found.column) == (line, column)
    assert "'FROM' and on" in found.message


@pytest.mark.parametrize(
    "sql",
    [
        "|\n      SELECT 1 AS a -- one\n      FROM nyc.t",
        ">-\n      SELECT 1 AS a\n      FROM nyc.t -- one",
        ">-\n      SELECT 1 AS a -- one\n\n      FROM nyc.t",
        ">-\n      SELECT '-- one' AS a\n      FROM nyc.t",
        ">-\n      SELECT 1 /* one\n      more */ AS a\n      FROM nyc.t",
    ],
)
def test_a_comment_that_takes_in_nothing_is_fine(sql: str):
    assert read_written(sql) == []


@pytest.mark.parametrize(
    ("title", "cut"),
    [
        ("Top #5 shops", "#5 shops"),
        ("Top  #5", "#5"),
        ("Top # of shops", None),
        ("Top#5 shops", None),
        ('"Top #5 shops"', None),
    ],
)
def test_a_title_that_yaml_cuts_is_a_warning(title: str, cut: str | None):
    found = validate(MINIMAL.replace("title: Sales\n", f"title: {title}\n")).diagnostics
    assert [(one.code, one.severity, one.received) for one in found] == (
        [(DiagnosticCode.TEXT_CUT, Severity.WARNING, cut)] if cut else []
    )
