"""libyaml's syntax errors in words an author can act on."""

from dataclasses import dataclass

import yaml

from shared.dashboards.diagnostics import DiagnosticCode


@dataclass(frozen=True)
class SyntaxDescription:
    """A syntax error: where (an offset) and what to do."""

    code: DiagnosticCode
    message: str
    remediation: str
    offset: int


_REMEDIES = (
    (
        "mapping values are not allowed",
        "Put text that holds ': ' in quotes, and indent keys of one mapping alike.",
    ),
    (
        "did not find expected key",
        "Indent keys of one mapping alike, and put text that holds ': ' or ' #' in quotes.",
    ),
    ("did not find expected '-'", "Indent the items of one list alike."),
    ("did not find expected ',' or", "Close the bracket, and separate items by commas."),
    ("could not find expected ':'", "Write 'key: value'; put text of several lines under '|'."),
    ("found unexpected end of stream", "Close the quote or bracket."),
    ("found character that cannot start any token", "Put text that begins with @, `, % or & in quotes."),
    ("found unknown escape character", "Use single quotes, in which a backslash is only a backslash."),
    ("found undefined tag handle", "Remove the tag; put text that begins with ! in quotes."),
    ("alias", "Put text that begins with * or & in quotes."),
    ("anchor", "Put text that begins with * or & in quotes."),
)


def describe_syntax_error(error: yaml.MarkedYAMLError, text: str) -> SyntaxDescription:
    """What `error` means in `text`."""
    mark = error.problem_mark or error.context_mark
    offset = mark.index if mark is not None else 0
    problem = error.problem or "the file is not YAML"
    if _is_indented_by_tab(text, offset):
        return SyntaxDescription(
            DiagnosticCode.YAML_TAB,
            "a tab indents this line",
            "Indent with spaces.",
            _line_start(text, offset),
        )
    remediation = next((remedy for start, remedy in _REMEDIES if start in problem), "Correct the YAML here.")
    context = f" ({error.context}{_context_line(error)})" if error.context else ""
    return SyntaxDescription(DiagnosticCode.YAML_SYNTAX, problem + context, remediation, offset)


def _context_line(error: yaml.MarkedYAMLError) -> str:
    return f" that begins at line {error.context_mark.line + 1}" if error.context_mark else ""


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _is_indented_by_tab(text: str, offset: int) -> bool:
    start = _line_start(text, offset)
    line = text[start : text.find("\n", start)] if "\n" in text[start:] else text[start:]
    return "\t" in line[: len(line) - len(line.lstrip())]
