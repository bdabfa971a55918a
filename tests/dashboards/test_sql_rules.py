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
        ("SELECT a ILIKE 'x' FROM nyc.t", DiagnosticCode.SQL_SYNTAX, "'x'", "dialect"),
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
