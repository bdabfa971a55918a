"""`validate`: everything wrong with dashboard files, without a service."""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from almanac_cli.context import JsonOption, answering
from almanac_cli.errors import ExitCode
from almanac_cli.sources import validate_paths
from shared.dashboards.diagnostics import Severity
from shared.dashboards.formats.github import to_github
from shared.dashboards.formats.sarif import to_sarif
from shared.dashboards.formats.terminal import collect_texts, to_terminal
from shared.dashboards.validation import ValidationResult

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Dashboard files, or folders of them.", show_default="dashboards"),
]


class ReportFormat(StrEnum):
    """Who reads the report."""

    TERMINAL = "terminal"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def validate(
    paths: PathsArgument = None,
    report_format: Annotated[
        ReportFormat, typer.Option("--format", help="For people, programs, code scanning, or GitHub Actions.")
    ] = ReportFormat.TERMINAL,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find everything wrong with dashboard files. Works offline; exits with 1 when one is invalid."""
    with answering(as_json=as_json):
        results = validate_paths(paths or [])
        sys.stdout.write(render_report(results, ReportFormat.JSON if as_json else report_format))
        if not all(_passes(result, strict=strict) for result in results):
            raise typer.Exit(ExitCode.REFUSED)


def render_report(results: Sequence[ValidationResult], report_format: ReportFormat) -> str:
    """The report as text, ended by a line feed."""
    match report_format:
        case ReportFormat.TERMINAL:
            return to_terminal(results, collect_texts(results), color=sys.stdout.isatty())
        case ReportFormat.GITHUB:
            return to_github(results)
        case ReportFormat.SARIF:
            return json.dumps(to_sarif(results), indent=2) + "\n"
        case ReportFormat.JSON:
            described = [
                {
                    "path": result.path,
                    "slug": result.slug,
                    "valid": result.valid,
                    "diagnostics": [item.to_dict() for item in result.diagnostics],
                }
                for result in results
            ]
            return json.dumps({"results": described}, indent=2, ensure_ascii=False) + "\n"


def _passes(result: ValidationResult, *, strict: bool) -> bool:
    return result.valid and not (
        strict and any(item.severity is Severity.WARNING for item in result.diagnostics)
    )
