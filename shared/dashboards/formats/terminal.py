"""Diagnostics for people: the source line and a caret under what is meant."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from shared.dashboards.diagnostics.diagnostic import Diagnostic, Severity
from shared.dashboards.validation import ValidationResult
from shared.dashboards.yaml.positions import LineIndex

_COLORS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}
_BOLD, _BLUE = "1", "34"
# Longer lines are cut around the caret.
_MAX_WIDTH = 120


def to_terminal(results: Sequence[ValidationResult], sources: Mapping[str, str], *, color: bool) -> str:
    """The diagnostics with their source lines, and a closing line that counts them.

    `sources` holds the text of each file by path (see `collect_texts`); a file that is not there is shown
    without its line. `color` adds ANSI colours.
    """
    writer = _Writer(color)
    found = [item for result in results for item in result.diagnostics]
    lines = {path: _SourceLines(sources[path]) for path in {item.path for item in found} & sources.keys()}
    blocks = [writer.write_block(item, lines.get(item.path)) for item in found]
    return "".join(f"{block}\n\n" for block in blocks) + writer.write_summary(results, found) + "\n"


def collect_texts(results: Sequence[ValidationResult]) -> dict[str, str]:
    """The text of every YAML and SQL file that took part, by the path diagnostics name it with."""
    texts: dict[str, str] = {}
    for result in results:
        source = result.parsed.source
        if source.unread_bytes is not None:
            continue
        text = source.text if isinstance(source.text, str) else source.text.decode("utf-8", "replace")
        texts[source.path] = text.removeprefix("\ufeff")
        folder = PurePosixPath(source.path).parent
        texts.update({str(folder / name): sql for name, sql in source.files.items()})
    return texts


class _SourceLines:
    def __init__(self, text: str) -> None:
        self._text = text
        self._index = LineIndex(text)

    def line(self, number: int) -> str:
        start = self._index.offset(number, 1)
        return self._text[start : self._index.line_end(start)]


class _Writer:
    def __init__(self, color: bool) -> None:
        self._color = color

    def write_block(self, item: Diagnostic, source: _SourceLines | None) -> str:
        color = _COLORS[item.severity]
        gutter = " " * len(str(item.line))
        title = self._paint(f"{item.severity.value}[{item.code.value}]", color, _BOLD)
        place = f"{_clean(item.path)}:{item.line}:{item.column}"
        lines = [f"{title}: {_clean(item.message)}", f"{gutter}{self._paint('-->', _BLUE)} {place}"]
        if source is not None:
            lines += self._quote(item, source.line(item.line), gutter, color)
        lines.append(f"{gutter} {self._paint('=', _BLUE)} {_clean(item.remediation)}")
        return "\n".join(lines)

    def write_summary(self, results: Sequence[ValidationResult], found: Sequence[Diagnostic]) -> str:
        errors = sum(item.severity is Severity.ERROR for item in found)
        warnings = sum(item.severity is Severity.WARNING for item in found)
        files = _count(len(results), "file")
        verdict = f"{files}: {_count(errors, 'error')}, {_count(warnings, 'warning')}"
        return self._paint(verdict, "31" if errors else "32", _BOLD)

    def _quote(self, item: Diagnostic, line: str, gutter: str, color: str) -> list[str]:
        bar = self._paint("|", _BLUE)
        start = min(item.column - 1, len(line))
        end = min(item.end_column - 1, len(line)) if item.end_line == item.line else len(line)
        skipped = 0 if end <= _MAX_WIDTH else max(start - _MAX_WIDTH // 2, 0)
        shown = line[skipped : skipped + _MAX_WIDTH]
        before, marked = line[skipped:start], line[start : min(end, skipped + _MAX_WIDTH)]
        carets = self._paint("^" * max(_width(_clean(marked)), 1), color, _BOLD)
        number = self._paint(str(item.line), _BLUE)
        return [
            f"{gutter} {bar}",
            f"{number} {bar} {_clean(shown)}",
            f"{gutter} {bar} {' ' * _width(_clean(before))}{carets}",
        ]

    def _paint(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self._color else text


def _clean(text: str) -> str:
    """Text that cannot steer a terminal: tabs as one space, other control characters made visible."""
    return "".join(_show(character) for character in text)


def _show(character: str) -> str:
    if character in "\t\r\n":
        return " "
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character


def _width(text: str) -> int:
    """Columns of a terminal that `text` takes."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
