"""A YAML file's text, decoded, bounded and free of characters that would move positions, and where its values stand."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from shared.dashboards.diagnostics.diagnostic import START, Diagnostic, DiagnosticCode, Severity, Span

_LINE_BREAK = re.compile(r"\r\n|\n|\r")


def join_pointer(pointer: str, *parts: str | int) -> str:
    """The JSON pointer (RFC 6901) below `pointer`."""
    for part in parts:
        pointer += "/" + str(part).replace("~", "~0").replace("/", "~1")
    return pointer


def make_pointer(parts: Iterable[str | int]) -> str:
    """The JSON pointer of a path."""
    return join_pointer("", *parts)


class LineIndex:
    """Lines and columns of the offsets of a text; LF, CRLF and CR end a line."""

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._starts = [0, *(match.end() for match in _LINE_BREAK.finditer(text))]
        self._ends = [*(match.start() for match in _LINE_BREAK.finditer(text)), len(text)]

    def locate(self, offset: int) -> tuple[int, int]:
        """The line and column, from 1, of `offset`."""
        offset = min(max(offset, 0), self._length)
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """The stretch from offset `start` to `end`."""
        return Span(*self.locate(start), *self.locate(max(end, start)))

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column, kept within the text and the line."""
        line = min(max(line, 1), len(self._starts))
        return min(self._starts[line - 1] + max(column, 1) - 1, self._ends[line - 1])

    def line_end(self, offset: int) -> int:
        """The offset at which the line of `offset` ends, before its break."""
        return self._ends[bisect_right(self._starts, offset) - 1]


@dataclass(frozen=True, slots=True)
class NodePosition:
    """Offsets of one value and, in a mapping, of its key; `style` is the scalar's: plain, ', ", | or >."""

    start: int
    end: int
    key_start: int | None
    key_end: int
    style: str | None


class PositionMap:
    """The positions of all values of one file, by JSON pointer."""

    def __init__(self, text: str, nodes: dict[str, NodePosition]) -> None:
        self.text = text
        self.nodes = nodes

    @cached_property
    def lines(self) -> LineIndex:
        """The lines of the text; only what is wrong with a file has to be found by line."""
        return LineIndex(self.text)

    def value(self, pointer: str) -> Span:
        """Where the value is; for a mapping or list its key or, in a list, its first line."""
        node = self.nodes.get(pointer)
        if node is None:
            return self._nearest(pointer)
        if node.style is not None and node.style not in "|>":
            return self.lines.span(node.start, node.end)
        if node.key_start is not None:
            return self.lines.span(node.key_start, node.key_end)
        return self._first_line(node)

    def key(self, pointer: str) -> Span:
        """Where the key is; outside a mapping, where the value is."""
        node = self.nodes.get(pointer)
        if node is None or node.key_start is None:
            return self.value(pointer)
        return self.lines.span(node.key_start, node.key_end)

    def _nearest(self, pointer: str) -> Span:
        while pointer:
            pointer = pointer.rpartition("/")[0]
            if pointer in self.nodes:
                return self.value(pointer)
        return START

    def _first_line(self, node: NodePosition) -> Span:
        return self.lines.span(node.start, min(node.end, self.lines.line_end(node.start)))


# Besides control characters: U+0085, U+2028 and U+2029 are line breaks to YAML 1.1 parsers and not to
# editors, so lines would be counted differently; surrogates are not text.
_REFUSED = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_BOM = "\ufeff"
# What text may hold as escapes of YAML or JSON although no file may: control characters but tab and line
# breaks (PostgreSQL refuses NUL, terminals obey others), and halves of characters.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# Embeddings, overrides and isolates can show code in another order than it is read in:
# https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings. Text may need them, so they are no error.
_DIRECTION = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class OddCharacter:
    """A character that does not belong in a text, at `offset`; `misleads` when it is only a danger to the eye."""

    name: str
    offset: int
    misleads: bool


def find_odd_character(text: str) -> OddCharacter | None:
    """The first control character of `text` or, without any, the first that changes its direction."""
    if text.isascii() and text.isprintable():
        return None
    refused = _CONTROL.search(text)
    found = refused or _DIRECTION.search(text)
    if found is None:
        return None
    return OddCharacter(f"the character U+{ord(found.group()):04X}", found.start(), refused is None)


def describe_odd_character(odd: OddCharacter) -> tuple[str, str]:
    """What is wrong with it, and what to do."""
    if odd.misleads:
        message = f"{odd.name} changes the direction in which text is shown"
        return message, "Remove it: what is read is not what people see."
    return f"{odd.name} is not accepted, also not as an escape", "Remove it."


def decode_source(path: str, content: str | bytes, max_bytes: int) -> tuple[str, Diagnostic | None]:
    """The text without its byte order mark, and the first thing wrong with it, if any."""
    size = len(content) if isinstance(content, bytes) else len(content.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        return "", report_too_large(path, size, max_bytes)
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8") if isinstance(content, bytes) else ""
        return "", _bad_character(path, before, f"byte 0x{error.object[error.start]:02x} is not UTF-8")
    text = text.removeprefix(_BOM)
    refused = _REFUSED.search(text)
    if refused:
        name = f"the character U+{ord(refused.group()):04X} is not accepted"
        return "", _bad_character(path, text[: refused.start()], name)
    return text, None


def report_too_large(path: str, size: int, max_bytes: int) -> Diagnostic:
    """The diagnostic of a file of which nothing is read."""
    return Diagnostic(
        DiagnosticCode.YAML_TOO_LARGE, Severity.ERROR,
        f"the file has {size} bytes; at most {max_bytes} are read",
        "Split the dashboard, or move long SQL to files.",
        path, 1, 1, 1, 1,
    )  # fmt: skip


def _bad_character(path: str, before: str, message: str) -> Diagnostic:
    line, column = LineIndex(before).locate(len(before))
    return Diagnostic(
        DiagnosticCode.YAML_ENCODING, Severity.ERROR, message,
        "Save the file as UTF-8 without control characters.",
        path, line, column, line, column + 1,
    )  # fmt: skip
