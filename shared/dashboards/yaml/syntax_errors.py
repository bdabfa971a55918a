"""libyaml's syntax errors in words an author can act on."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import yaml

from shared.dashboards.diagnostics.diagnostic import DiagnosticCode

# libyaml is several times faster; both give the same events and character offsets.
YAML_PARSER: Any = import_module("yaml.cyaml").CParser if yaml.__with_libyaml__ else yaml.Loader
_TAB_WIDTH = 2


@dataclass(frozen=True)
class SyntaxDescription:
    """A syntax error: where (offsets), what to do and, where that is mechanical, the text to write there."""

    code: DiagnosticCode
    message: str
    remediation: str
    offset: int
    end: int = -1
    new_text: str | None = None


_QUOTE_NAMES = {'"': "double quote", "'": "single quote"}
_UNSPACED_KEY = re.compile(r"([\w.-]+):(?=[^\s:/])[^\r\n]*")
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
    ("did not find expected node content", "Write a value here, or remove the bracket that closes nothing."),
    ("found unexpected end of stream", "Close the quote or bracket."),
    ("found character that cannot start any token", "Put text that begins with @, `, % or & in quotes."),
    ("found unknown escape character", "Use single quotes, in which a backslash is only a backslash."),
    ("found undefined tag handle", "Remove the tag; put text that begins with ! in quotes."),
    ("alias", "Put text that begins with * or & in quotes."),
    ("anchor", "Put text that begins with * or & in quotes."),
)


def describe_syntax_error(error: yaml.MarkedYAMLError, text: str) -> SyntaxDescription:
    """What `error` means in `text`."""
    for describe in _DESCRIBERS:
        found = describe(error, text)
        if found is not None:
            return found
    problem = error.problem or "the file is not YAML"
    remediation = next((remedy for start, remedy in _REMEDIES if start in problem), "Correct the YAML here.")
    context = f" ({error.context}{_context_line(error)})" if error.context else ""
    return SyntaxDescription(DiagnosticCode.YAML_SYNTAX, problem + context, remediation, _offset(error))


def _describe_tab(error: yaml.MarkedYAMLError, text: str) -> SyntaxDescription | None:
    start = _line_start(text, _offset(error))
    indentation = re.compile(r"[ \t]*").match(text, start)
    if indentation is None or "\t" not in indentation.group():
        return None
    return SyntaxDescription(
        DiagnosticCode.YAML_TAB,
        "a tab indents this line",
        "Indent with spaces.",
        start,
        indentation.end(),
        indentation.group().expandtabs(_TAB_WIDTH),
    )


def _describe_quote(error: yaml.MarkedYAMLError, text: str) -> SyntaxDescription | None:
    """A quote that is not closed, which libyaml notices at the next quote or at the end of the file."""
    if error.context == "while scanning a quoted scalar" and "end of stream" in str(error.problem):
        return _describe_open_quote(text, error.context_mark.index) if error.context_mark else None
    offset = _offset(error)
    start = _find_quoted(text, offset)
    if start is None:
        return None
    if _line_end(text, start) < offset:
        return _describe_open_quote(text, start)
    quote = text[start]
    escape = "''" if quote == "'" else '\\"'
    return SyntaxDescription(
        DiagnosticCode.YAML_SYNTAX,
        f"the {_QUOTE_NAMES[quote]} before this ends the text that begins with one",
        f"Write {escape} for a quote inside such text, or put the text in the other kind of quotes.",
        offset,
    )


def _describe_open_quote(text: str, start: int) -> SyntaxDescription:
    return SyntaxDescription(
        DiagnosticCode.YAML_SYNTAX,
        f"the {_QUOTE_NAMES[text[start]]} that opens here is not closed",
        "Close the quote at the end of the text.",
        start,
        _line_end(text, start),
    )


def _describe_bracket(error: yaml.MarkedYAMLError, text: str) -> SyntaxDescription | None:
    """A bracket that is not closed, which libyaml notices on a later line."""
    mark, noticed = error.context_mark, error.problem_mark
    if mark is None or noticed is None or mark.line == noticed.line:
        return None
    if not str(error.problem).startswith("did not find expected ',' or"):
        return None
    before = "the end of the file" if not text[noticed.index :].strip() else f"line {noticed.line + 1}"
    return SyntaxDescription(
        DiagnosticCode.YAML_SYNTAX,
        f"the {text[mark.index]} that opens here is not closed, or a comma is missing, before {before}",
        "Close the bracket, and separate items by commas.",
        mark.index,
    )


def _describe_key(error: yaml.MarkedYAMLError, text: str) -> SyntaxDescription | None:
    """A line without `: `, which libyaml notices at the next one."""
    mark = error.context_mark
    if mark is None or not str(error.problem).startswith("could not find expected ':'"):
        return None
    unspaced = _UNSPACED_KEY.match(text, mark.index)
    if unspaced is not None:
        name = unspaced.group(1)
        return SyntaxDescription(
            DiagnosticCode.YAML_SYNTAX,
            f"there is no space after {name + ':'!r}",
            "Write a space between the colon and the value.",
            mark.index,
            unspaced.end(1) + 1,
            f"{name}: ",
        )
    return SyntaxDescription(
        DiagnosticCode.YAML_SYNTAX,
        "a key is expected here, and no ': ' follows",
        "Write 'key: value'; put text of several lines under '|'.",
        mark.index,
        _line_end(text, mark.index),
    )


_DESCRIBERS: tuple[Callable[[yaml.MarkedYAMLError, str], SyntaxDescription | None], ...] = (
    _describe_tab,
    _describe_quote,
    _describe_bracket,
    _describe_key,
)


def _find_quoted(text: str, offset: int) -> int | None:
    """Where the quoted text begins that ends at `offset`."""
    if text[offset - 1 : offset] not in _QUOTE_NAMES:
        return None
    parser = YAML_PARSER(text)
    start = None
    try:
        while not parser.check_event(yaml.StreamEndEvent):
            event: Any = parser.get_event()
            is_quoted = getattr(event, "style", None) in _QUOTE_NAMES
            if is_quoted and event.end_mark.index == offset:
                start = event.start_mark.index
    except yaml.YAMLError:
        # The error is the one that is being described; what came before it is what is asked for.
        return start
    finally:
        parser.dispose()
    return start


def _offset(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return int(mark.index) if mark is not None else 0


def _context_line(error: yaml.MarkedYAMLError) -> str:
    return f" that begins at line {error.context_mark.line + 1}" if error.context_mark else ""


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _line_end(text: str, offset: int) -> int:
    found = re.compile(r"[\r\n]").search(text, offset)
    return found.start() if found else len(text)
