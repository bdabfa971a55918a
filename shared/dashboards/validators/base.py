"""What a validator is, and how it writes a diagnostic at a place in the file."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from shared.dashboards.diagnostics.diagnostic import (
    Diagnostic,
    DiagnosticCode,
    Edit,
    Severity,
    Span,
    suggest_name,
)
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.scalar_writing import write_scalar

# Time zones alone are six hundred names; the message names the likely one.
_MAX_ALLOWED = 60


class DashboardValidator(Protocol):
    """Checks one concern of one file."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """Everything wrong, in any order, also in files whose shape is wrong (`definition` is None)."""
        ...


def report(
    document: ParsedDashboard,
    code: DiagnosticCode,
    message: str,
    remediation: str,
    pointer: str,
    *,
    span: Span | None = None,
    path: str | None = None,
    severity: Severity = Severity.ERROR,
    received: str | None = None,
    allowed: Sequence[str] = (),
    suggestion: str | None = None,
    edit: Edit | None = None,
) -> Diagnostic:
    """A diagnostic at `pointer`, or at `span` (of the file `path`) when the place is more exact."""
    place = span or document.positions.value(pointer)
    return Diagnostic(
        code=code,
        severity=severity,
        message=message,
        remediation=remediation,
        path=path or document.source.path,
        line=place.line,
        column=place.column,
        end_line=place.end_line,
        end_column=place.end_column,
        pointer=pointer,
        received=received,
        allowed=tuple(allowed),
        suggestion=suggestion,
        edit=edit,
    )


def report_unknown_name(
    document: ParsedDashboard,
    code: DiagnosticCode,
    what: str,
    received: str,
    allowed: Sequence[str],
    pointer: str,
    *,
    is_key: bool = False,
) -> Diagnostic:
    """A diagnostic for a name that is none of `allowed`, with the likely one and the edit that writes it."""
    suggestion = suggest_name(received, allowed)
    span = document.positions.key(pointer) if is_key else document.positions.value(pointer)
    hint = (
        f"Did you mean {suggestion!r}?"
        if suggestion
        else f"Use one of: {', '.join(allowed[:20]) or 'none exist'}."
    )
    return report(
        document,
        code,
        f"{what} {received!r}",
        hint,
        pointer,
        span=span,
        received=received,
        allowed=allowed[:_MAX_ALLOWED],
        suggestion=suggestion,
        edit=replace_text(document, pointer, suggestion, is_key=is_key) if suggestion else None,
    )


def replace_text(document: ParsedDashboard, pointer: str, text: str, *, is_key: bool = False) -> Edit | None:
    """The edit that writes `text` for the plain or quoted key or value at `pointer`; None if it is something else.

    It is quoted as what stands there is, or where it would not be the same text without quotes.
    """
    style = _find_style(document, pointer, is_key=is_key)
    if style is None:
        return None
    span = document.positions.key(pointer) if is_key else document.positions.value(pointer)
    return replace_span(span, write_scalar(text, style))


def replace_plain(document: ParsedDashboard, pointer: str, written: str) -> Edit | None:
    """The edit that writes a number, true or false, without quotes, for the value at `pointer`."""
    if _find_style(document, pointer) is None:
        return None
    return replace_span(document.positions.value(pointer), written)


def quote_value(document: ParsedDashboard, pointer: str) -> Edit | None:
    """The edit that puts what is written at `pointer` in quotes, so that it is text."""
    node = document.positions.nodes.get(pointer)
    if node is None or node.style != "plain" or node.start == node.end:
        return None
    written = document.positions.text[node.start : node.end]
    return replace_span(document.positions.value(pointer), write_scalar(written, "'"))


def replace_span(span: Span, written: str) -> Edit:
    """The edit that writes something over a stretch of the file."""
    return Edit(span.line, span.column, span.end_line, span.end_column, written)


def _find_style(document: ParsedDashboard, pointer: str, *, is_key: bool = False) -> str | None:
    """How the key or value is quoted; None where there is no plain or quoted one."""
    node = document.positions.nodes.get(pointer)
    if node is None:
        return None
    if not is_key:
        return node.style if node.style in ("plain", "'", '"') else None
    if node.key_start is None:
        return None
    first = document.positions.text[node.key_start]
    return first if first in ("'", '"') else "plain"


def drop_explained(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Without the missing keys that are there under a misspelt name: one mistake, one diagnostic."""
    misspelt = {(item.pointer.rpartition("/")[0], item.suggestion) for item in found if item.suggestion}
    return [item for item in found if (item.pointer, *item.allowed) not in misspelt or item.suggestion]


def show_value(value: object) -> str:
    """A value of the file, short enough for a message."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
