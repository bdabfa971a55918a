"""What reading finds wrong with one file, written down as it goes."""

from typing import Any

import yaml

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Edit, Severity
from shared.dashboards.yaml.positions import PositionMap, describe_odd_character, find_odd_character
from shared.dashboards.yaml.syntax_errors import SyntaxDescription


class ReadingReport:
    """Collects the diagnostics of one file; `unreadable` has the pointers of values that are refused."""

    def __init__(self, path: str, positions: PositionMap) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.unreadable: set[str] = set()
        self._path = path
        self._positions = positions

    def add(
        self,
        code: DiagnosticCode,
        message: str,
        remediation: str,
        start: int,
        end: int = -1,
        pointer: str = "",
        *,
        severity: Severity = Severity.ERROR,
        new_text: str | None = None,
    ) -> None:
        """One finding at offsets `start` to `end`; `new_text` is what an edit writes there instead."""
        span = self._positions.lines.span(start, end if end > start else start + 1)
        where = (span.line, span.column, span.end_line, span.end_column)
        edit = Edit(*where, new_text) if new_text is not None else None
        self.diagnostics.append(
            Diagnostic(code, severity, message, remediation, self._path, *where, pointer, edit=edit)
        )

    def add_syntax(self, found: SyntaxDescription) -> None:
        """A syntax error, after which nothing more is read."""
        self.add(
            found.code, found.message, found.remediation, found.offset, found.end, new_text=found.new_text
        )

    def add_duplicate(self, name: str, key: Any, pointer: str) -> None:
        """A key, written at the event `key`, that its mapping has already."""
        first = self._positions.key(pointer)
        self.add(
            DiagnosticCode.YAML_DUPLICATE_KEY,
            f"the key {name!r} is already at line {first.line}, column {first.column}",
            "Keep one of the two.",
            key.start_mark.index,
            key.end_mark.index,
            pointer,
        )

    def add_key(self, event: Any) -> None:
        """A key that is not plain text."""
        self.add(
            DiagnosticCode.YAML_KEY,
            "a key must be plain text",
            "Write the key as a word, without tag, anchor, alias or brackets.",
            event.start_mark.index,
            self._end_of_line(event),
        )

    def add_anchor(self, what: str, event: Any, pointer: str) -> None:
        """An anchor, an alias or a merge key."""
        self.add(
            DiagnosticCode.YAML_ANCHOR,
            f"{what} is not read here",
            "Write the value out where it is needed.",
            event.start_mark.index,
            self._end_of_line(event),
            pointer,
        )

    def add_number(self, event: Any, pointer: str) -> None:
        """A number that is refused."""
        self.unreadable.add(pointer)
        self.add(
            DiagnosticCode.YAML_NUMBER,
            f"{event.value[:40]} is a number that JSON cannot carry",
            "Write a finite number, or put the text in quotes.",
            event.start_mark.index,
            event.end_mark.index,
            pointer,
        )

    def check_properties(self, event: Any, pointer: str) -> None:
        """Refuse the anchor, the alias or the tag of a value."""
        if isinstance(event, yaml.AliasEvent):
            self.add_anchor("an alias", event, pointer)
            self.unreadable.add(pointer)
        elif event.anchor is not None:
            self.add_anchor("an anchor", event, pointer)
        if getattr(event, "tag", None) is not None:
            self.unreadable.add(pointer)
            self.add(
                DiagnosticCode.YAML_TAG,
                f"the tag {event.tag} is not read",
                "Remove the tag; put text in quotes.",
                event.start_mark.index,
                self._end_of_line(event),
                pointer,
            )

    def check_characters(self, event: Any, pointer: str) -> bool:
        """False when a scalar is refused, since an escape brings in what no file may hold.

        Of a character that misleads the eye there is only a warning.
        """
        odd = find_odd_character(event.value)
        if odd is None:
            return True
        self.add(
            DiagnosticCode.BIDI_CONTROL if odd.misleads else DiagnosticCode.YAML_ENCODING,
            *describe_odd_character(odd),
            event.start_mark.index,
            event.end_mark.index,
            pointer,
            severity=Severity.WARNING if odd.misleads else Severity.ERROR,
        )
        return odd.misleads

    def _end_of_line(self, event: Any) -> int:
        start: int = event.start_mark.index
        end: int = event.end_mark.index
        return min(max(end, start + 1), self._positions.lines.line_end(start))
