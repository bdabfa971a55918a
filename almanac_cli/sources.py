"""Dashboard files named on the command line, with the SQL files they name."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from almanac_cli.errors import InvalidFilesError, UsageError
from almanac_cli.parallel_validation import validate_sources
from almanac_cli.sql_policy import find_sql_policy
from shared.dashboards.definition.limits import DEFAULT_LIMITS
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.source_files import SourceFileError, attach_files, find_dashboards, load_sources
from shared.dashboards.validation import ValidationResult, parse_dashboard
from shared.dashboards.validators.parsed import DashboardSource, list_named_files, read_text

STDIN = Path("-")
DEFAULT_FOLDER = Path("dashboards")
# Rows and variants are for the service to judge: it may have been given other bounds than the usual ones.
_SERVICE_LIMITS = replace(DEFAULT_LIMITS, max_rows_per_query=sys.maxsize, max_variants=sys.maxsize)


@dataclass(frozen=True)
class CheckedFiles:
    """Dashboard files in the order named: those that may be sent, and the verdicts on the others."""

    sources: list[DashboardSource]
    refused: list[ValidationResult]


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


def validate_paths(paths: Sequence[Path], stdin_path: Path = STDIN) -> list[ValidationResult]:
    """The verdict on every file, by path; all of them are checked against each other too.

    `-` among the paths is standard input, which diagnostics name `stdin_path`.
    """
    named = [path for path in paths if path != STDIN]
    sources, unreadable = read_sources(named) if named or not paths else ([], [])
    if len(named) < len(paths):
        sources.append(read_stdin(stdin_path))
    limits = replace(DEFAULT_LIMITS, sql_policy=find_sql_policy(Path.cwd()))
    return sorted([*validate_sources(sources, limits=limits), *unreadable], key=lambda result: result.path)


def read_stdin(path: Path) -> DashboardSource:
    """What stands on standard input, as if it were the file `path`: SQL files are looked for beside that."""
    content = sys.stdin.buffer.read(DEFAULT_LIMITS.max_bytes + 1)
    return attach_files(path, content, path.parent)


def check_files(paths: Sequence[Path]) -> CheckedFiles:
    """Read files for the service, and judge them all together before any is sent.

    A file of which not everything was read is among the refused: saved, its beginning would pass for the whole.
    """
    sources, unreadable = read_sources(paths)
    results = validate_sources(sources, limits=_SERVICE_LIMITS)
    refused = [result for result in results if not result.valid]
    valid = [source for source, result in zip(sources, results, strict=True) if result.valid]
    return CheckedFiles(valid, [*refused, *unreadable])


def read_valid_sources(paths: Sequence[Path]) -> list[DashboardSource]:
    """Files that may all be sent. Raises InvalidFilesError when one of them may not."""
    files = check_files(paths)
    if files.refused:
        raise InvalidFilesError("The files are not valid; nothing was sent.", files.refused)
    return files.sources


def to_items(sources: Sequence[DashboardSource]) -> list[dict[str, Any]]:
    """Valid files as the API takes them."""
    return [
        {"path": one.path, "yaml": read_text(one), "files": list_named_files(parse_dashboard(one))}
        for one in sources
    ]


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
