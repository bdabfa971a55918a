"""Every code has a case; its output, and the page made of the cases, are what they were."""

import pytest

from shared.dashboards.diagnostics.diagnostic import DiagnosticCode, sort_diagnostics
from tests.dashboards.diagnostics_page import CASES, PAGE, read_case, render_output, render_page, run_case


@pytest.mark.parametrize("code", DiagnosticCode)
def test_the_case_gives_exactly_its_output(code):
    case = read_case(code)
    assert render_output(case) == case["output"], "run: python -m tests.dashboards.diagnostics_page"


@pytest.mark.parametrize("code", DiagnosticCode)
def test_the_case_shows_its_code_and_no_other(code):
    results = run_case(read_case(code))
    assert {item.code for item in results[0].diagnostics} == {code}
    assert results[0].diagnostics == sort_diagnostics(results[0].diagnostics)


@pytest.mark.parametrize("code", DiagnosticCode)
def test_every_diagnostic_says_what_to_do_and_has_all_keys(code):
    for result in run_case(read_case(code)):
        for item in result.diagnostics:
            assert item.message
            assert item.remediation.endswith((".", "?"))
            assert list(item.to_dict()) == [
                "code", "severity", "message", "remediation", "path", "line", "column", "end_line", "end_column",
                "pointer", "received", "allowed", "suggestion", "edit",
            ]  # fmt: skip


def test_there_is_no_case_without_a_code():
    assert {path.stem for path in CASES.glob("*.yaml")} == {code.value for code in DiagnosticCode}


def test_the_page_is_made_of_the_cases():
    assert PAGE.read_text(encoding="utf-8") == render_page(), (
        "run: python -m tests.dashboards.diagnostics_page"
    )
