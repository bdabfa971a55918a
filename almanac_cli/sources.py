"""Dashboard files named on the command line, with the SQL files they name."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from almanac_cli.errors import UsageError
from almanac_cli.parallel_validation import validate_sources
from shared.dashboards.content import list_named_files, read_text
from shared.dashboards.diagnostics import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.parsed import DashboardSource
from shared.dashboards.source_files import SourceFileError, find_dashboards, load_sources
from shared.dashboards.validation import ValidationResult, parse_dashboard

DEFAULT_FOLDER = Path("dashboards")


def read_sources(paths: Sequence[Path]) -> tuple[list[DashboardSource], list[ValidationResult]]:
    """The files at `paths` (folders: every dashboard below) and verdicts on those that cannot be read.

    Nothing may lead out of a folder named, nor out of the folder of a file named. Raises UsageError for a
    path that does not exist and for one without any dashboard.
    """
    sources: list[DashboardSource] = []
    unreadable: list[ValidationResult] = []
    for root, path in _list_files(paths or [DEFAULT_FOLDER]):
        try:
            sources.extend(load_sources([path], root))
        except SourceFileError as error:
            unreadable.append(_report_unreadable(str(path), str(error)))
    return sources, unreadable


def validate_paths(paths: Sequence[Path]) -> list[ValidationResult]:
    """The verdict on every file, by path; all of them are checked against each other too."""
    sources, unreadable = read_sources(paths)
    return sorted([*validate_sources(sources), *unreadable], key=lambda result: result.path)


def to_items(sources: Sequence[DashboardSource]) -> list[dict[str, Any]]:
    """The files as the API takes them. Raises UsageError when one is not UTF-8 text."""
    return [_to_item(source) for source in sources]


def _to_item(source: DashboardSource) -> dict[str, Any]:
    try:
        text = read_text(source)
    except UnicodeDecodeError as error:
        raise UsageError(f"{source.path} is not UTF-8 text.") from error
    return {"path": source.path, "yaml": text, "files": list_named_files(parse_dashboard(source))}


def _list_files(paths: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"{path} does not exist.", code="NOT_FOUND", remediation="Name dashboard files or folders."
            )
        found = find_dashboards(path) if path.is_dir() else [path]
        if not found:
            raise UsageError(f"There is no dashboard file (*.yaml, *.yml) below {path}.", code="NOT_FOUND")
        for file in found:
            if file not in seen:
                seen.add(file)
                yield (path if path.is_dir() else file.parent), file


def _report_unreadable(path: str, reason: str) -> ValidationResult:
    diagnostic = Diagnostic(
        DiagnosticCode.FILE_UNREADABLE,
        Severity.ERROR,
        f"the file cannot be read: {reason}",
        "Put a plain text file there.",
        path, 1, 1, 1, 1,
    )  # fmt: skip
    return ValidationResult(path, None, False, (diagnostic,), parse_dashboard(DashboardSource(path, "")))
