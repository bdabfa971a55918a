"""Diagnostics for people, the same way in every command: with the source line and a caret."""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TextIO

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Edit, Severity
from shared.dashboards.formats.terminal import collect_texts, to_terminal
from shared.dashboards.validation import ValidationResult, parse_dashboard
from shared.dashboards.validators.parsed import DashboardSource


def write_report(results: Sequence[ValidationResult], stream: TextIO, remote: Collection[str] = ()) -> None:
    """Every diagnostic, and how many there are; without the lines of files that are not here (`remote`)."""
    known = [result for result in results if result.path not in remote]
    stream.write(to_terminal(results, collect_texts(known), color=is_colorful(stream)))


def is_colorful(stream: TextIO) -> bool:
    """True when somebody looks who did not say otherwise: https://no-color.org."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown")
    return stream.isatty() and not plain


def read_result(item: Mapping[str, Any], source: DashboardSource | None) -> ValidationResult:
    """The service's verdict on a file (`source` is the local one), as `validate` has it."""
    diagnostics = [_read_diagnostic(one) for one in item["diagnostics"]]
    return make_result(source or DashboardSource(str(item["path"]), ""), diagnostics)


def read_details(
    details: Sequence[Mapping[str, Any]], sources: Sequence[DashboardSource]
) -> list[ValidationResult] | None:
    """The diagnostics in an error's details, with all files of the call; None when they are something else."""
    if not details or not all({"path", "line", "severity"} <= detail.keys() for detail in details):
        return None
    found = [_read_diagnostic(detail) for detail in details]
    return [
        make_result(source, [one for one in found if one.path in _list_paths(source)]) for source in sources
    ]


def make_result(source: DashboardSource, diagnostics: Sequence[Diagnostic]) -> ValidationResult:
    """A verdict that others reached."""
    parsed = parse_dashboard(source)
    valid = all(item.severity is not Severity.ERROR for item in diagnostics)
    return ValidationResult(source.path, parsed.slug, valid, tuple(diagnostics), parsed)


def _list_paths(source: DashboardSource) -> frozenset[str]:
    return frozenset(collect_texts([make_result(source, ())]))


def _read_diagnostic(item: Mapping[str, Any]) -> Diagnostic:
    """A diagnostic from the API's JSON."""
    values = {name: item[name] for name in Diagnostic.__dataclass_fields__ if name in item}
    values["code"] = DiagnosticCode[item["code"]]
    values["severity"] = Severity(item["severity"])
    values["allowed"] = tuple(item.get("allowed") or ())
    values["edit"] = Edit(**item["edit"]) if item.get("edit") else None
    return Diagnostic(**values)
