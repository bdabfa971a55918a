"""`validate`: everything wrong with dashboard files, without a service."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from almanac_cli.context import JsonOption, answering
from almanac_cli.errors import ExitCode
from almanac_cli.output import print_json
from almanac_cli.release import read_version
from almanac_cli.reports import write_report
from almanac_cli.repository import anchor_paths
from almanac_cli.sources import STDIN, validate_paths
from shared.dashboards.diagnostics.diagnostic import Severity
from shared.dashboards.formats.github import to_github
from shared.dashboards.formats.sarif import to_sarif
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
    stdin_path: Annotated[
        Path,
        typer.Option("--stdin-filename", help="With - as path: the file that standard input stands for."),
    ] = STDIN,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find everything wrong with dashboard files. Works offline; exits with 1 when one is invalid."""
    with answering(as_json=as_json):
        results = validate_paths(paths or [], stdin_path)
        _write(results, ReportFormat.JSON if as_json else report_format)
        if not all(_passes(result, strict=strict) for result in results):
            raise typer.Exit(ExitCode.REFUSED)


def _write(results: Sequence[ValidationResult], report_format: ReportFormat) -> None:
    match report_format:
        case ReportFormat.TERMINAL:
            write_report(results, sys.stdout)
        case ReportFormat.GITHUB:
            sys.stdout.write(to_github(anchor_paths(results, Path.cwd())))
        case ReportFormat.SARIF:
            print_json(to_sarif(anchor_paths(results, Path.cwd()), read_version()))
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
            print_json({"results": described})


def _passes(result: ValidationResult, *, strict: bool) -> bool:
    return result.valid and not (
        strict and any(item.severity is Severity.WARNING for item in result.diagnostics)
    )
