"""Where each value of a YAML file stands."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from shared.dashboards.diagnostics.diagnostic import START, Span

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
