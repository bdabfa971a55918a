"""docs/diagnostics.md from the cases: `python -m tests.dashboards.diagnostics_page` writes both anew.

A case is `cases/<CODE>.yaml`: `dashboard` is a file that gives this code, `output` exactly what a terminal
shows. Beside them `path`, `files` (SQL), `file_errors`, `others` (more dashboards), `limits`, `schemas` (output
of dry runs), `refused` (what BigQuery said about a query), `late` (queries it said nothing about in time),
`partitions` (a table it reads without a filter) and `bills` (what a query is expected to bill and what is reserved for
it, in bytes, under default settings).
"""

import sys
from pathlib import Path
from typing import Any

import yaml

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.definition.limits import ValidationLimits
from shared.dashboards.diagnostics.diagnostic import DiagnosticCode
from shared.dashboards.formats.terminal import collect_texts, to_terminal
from shared.dashboards.plans.findings import (
    QueryBill,
    describe_bounds,
    describe_dry_run_error,
    describe_late,
    describe_partition_use,
    list_bounds,
)
from shared.dashboards.validation import ValidationResult, validate_dashboards
from shared.dashboards.validators.fields import SchemaFieldValidator
from shared.dashboards.validators.parsed import DashboardSource
from shared.errors import SqlInvalidError
from shared.settings import Settings
from shared.warehouse.models.queries import PartitionUse

CASES = Path(__file__).with_name("cases")
# Without the environment's: the page is the same everywhere.
DEFAULTS = Settings.__new__(Settings)
PAGE = Path(__file__).parents[2] / "docs" / "diagnostics.md"
_INTRODUCTION = """\
# Diagnostics

Everything the service can find wrong with a dashboard, each with a file that shows it and the exact output of the
terminal view. Errors make a dashboard invalid; warnings do not. All findings come at once, sorted by position.

Written by `python -m tests.dashboards.diagnostics_page` from `tests/dashboards/cases/`; a test compares.

| Code | Meaning |
|---|---|
"""


class _CaseDumper(yaml.SafeDumper):
    """Texts of several lines as block scalars."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_CaseDumper.add_representer(str, _represent_text)


def read_case(code: DiagnosticCode) -> dict[str, Any]:
    """The case of one code."""
    return dict(yaml.safe_load((CASES / f"{code.value}.yaml").read_text(encoding="utf-8")))


def write_case(path: Path, case: dict[str, Any]) -> None:
    """Write a case with the output it gives now."""
    case = {**case, "output": render_output(case)}
    path.write_text(yaml.dump(case, Dumper=_CaseDumper, sort_keys=False, allow_unicode=True, width=1000))


def run_case(case: dict[str, Any]) -> list[ValidationResult]:
    """The verdicts of a case: its dashboard first, then the others."""
    source = DashboardSource(
        case.get("path", "dashboards/sales.yaml"),
        case["dashboard"],
        case.get("files", {}),
        case.get("file_errors", {}),
    )
    others = [DashboardSource(path, text) for path, text in case.get("others", {}).items()]
    results = validate_dashboards([source, *others], ValidationLimits(**case.get("limits", {})))
    document = results[0].parsed
    found = list(SchemaFieldValidator(case.get("schemas", {})).validate(document))
    for query, message in case.get("refused", {}).items():
        found.append(describe_dry_run_error(document, query, SqlInvalidError(message)))
    found += [describe_late(document, query) for query in case.get("late", ())]
    for query, use in case.get("partitions", {}).items():
        found.append(
            describe_partition_use(document, query, PartitionUse(**use, filtered=False, required=False))
        )
    if document.definition is not None:
        bills = [read_bill(name, bill, document.definition) for name, bill in case.get("bills", {}).items()]
        found += describe_bounds(document, bills, list_bounds(document.definition, DEFAULTS))
    return [results[0].add(found), *results[1:]]


def read_bill(name: str, bill: dict[str, int], definition: DashboardDefinition) -> QueryBill:
    """The bill of one query; its cap is the dashboard's, or else that of the default settings."""
    cap = definition.budget.per_query_bytes or DEFAULTS.max_bytes_per_query
    return QueryBill([name], bill["expected"], bill["reserved"], cap)


def render_output(case: dict[str, Any]) -> str:
    """What a terminal without colours shows."""
    results = run_case(case)
    return to_terminal(results, collect_texts(results), color=False)


def render_page() -> str:
    """The text of docs/diagnostics.md."""
    rows = "".join(
        f"| [{code.value}](#{code.value.lower()}) | {code.explanation} |\n" for code in DiagnosticCode
    )
    sections = "".join(_render_section(code) for code in DiagnosticCode)
    return _INTRODUCTION + rows + sections


def _render_section(code: DiagnosticCode) -> str:
    case = read_case(code)
    dashboard = case["dashboard"].rstrip("\n").replace("\x08", "\N{SYMBOL FOR BACKSPACE}")
    return (
        f"\n## {code.value}\n\n{code.explanation}\n\n{_describe_circumstances(case)}"
        f"```yaml\n{dashboard}\n```\n\n```text\n{case['output'].rstrip()}\n```\n"
    )


def _describe_circumstances(case: dict[str, Any]) -> str:
    notes = []
    if "limits" in case:
        notes.append("with " + ", ".join(f"{name} = {value}" for name, value in case["limits"].items()))
    if "schemas" in case:
        columns = [
            f"{query}({', '.join(f'{c[0]} {c[1]}' for c in cols)})" for query, cols in case["schemas"].items()
        ]
        notes.append("when BigQuery says the queries return " + ", ".join(columns))
    if "refused" in case:
        notes.append("when BigQuery says " + ", ".join(repr(message) for message in case["refused"].values()))
    if "late" in case:
        notes.append("when BigQuery does not answer the dry run of " + ", ".join(case["late"]))
    if "partitions" in case:
        uses = [f"{use['table']} is partitioned by {use['column']}" for use in case["partitions"].values()]
        notes.append("when " + ", ".join(uses))
    if "bills" in case:
        bills = [f"{query} is billed {bill['expected']} bytes" for query, bill in case["bills"].items()]
        notes.append("when " + ", ".join(bills))
    if "others" in case:
        notes.append("beside " + ", ".join(case["others"]) + " with the same content")
    return f"Here {'; '.join(notes)}:\n\n" if notes else ""


def main() -> int:
    """Write outputs and page anew; answers the exit code."""
    for code in DiagnosticCode:
        write_case(CASES / f"{code.value}.yaml", read_case(code))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render_page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
