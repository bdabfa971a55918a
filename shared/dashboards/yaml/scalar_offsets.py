"""Where in the file each character of a YAML scalar stands, for every way of writing one."""

import re
from collections.abc import Iterator

from shared.dashboards.yaml.positions import NodePosition

_ESCAPE_LENGTHS = {"x": 2, "u": 4, "U": 8}
_BREAK = re.compile(r"\r\n|\n|\r")
_JOINED_LINE = re.compile(r"\\(\r\n|\n|\r)[ \t]*")
_FOLD = re.compile(r"[ \t]*(\r\n|\n|\r)[ \t]*((\r\n|\n|\r)[ \t]*)*")


def map_scalar(text: str, node: NodePosition, value: str) -> list[int] | None:
    """Offsets into `text` of every character of `value`, and of its end.

    None when the scalar cannot be followed; a caller then points at the whole scalar.
    """
    if node.style in ("|", ">"):
        return _map_block(text, node, value)
    start, end = node.start, node.end
    if node.style != "plain":
        start, end = start + 1, end - 1
    found = list(_scan_flow(text, start, end, node.style or "plain"))
    return [offset for offset, _ in found] + [end] if _agree(found, value) else None


def _agree(found: list[tuple[int, str | None]], value: str) -> bool:
    """True when the characters found are those of the value; None stands for an escaped one."""
    if len(found) != len(value):
        return False
    return all(character is None or character == value[index] for index, (_, character) in enumerate(found))


def _scan_flow(text: str, start: int, end: int, style: str) -> Iterator[tuple[int, str | None]]:
    """Offset and character of what a plain or quoted scalar holds; folded lines give a space or breaks."""
    at = start
    while at < end:
        fold = _FOLD.match(text, at, end)
        if fold:
            breaks = len(_BREAK.findall(fold.group()))
            yield from ((at, "\n") for _ in range(breaks - 1))
            if breaks == 1:
                yield at, " "
            at = fold.end()
        elif style == '"' and text[at] == "\\":
            joined = _JOINED_LINE.match(text, at, end)
            if not joined:
                yield at, None
            at = joined.end() if joined else at + 2 + _ESCAPE_LENGTHS.get(text[at + 1], 0)
        elif style == "'" and text.startswith("''", at):
            yield at, "'"
            at += 2
        else:
            yield at, text[at]
            at += 1


def _map_block(text: str, node: NodePosition, value: str) -> list[int] | None:
    """As `map_scalar`, for literal (|) and folded (>) scalars: tries the indentations that are possible."""
    lines = _list_block_lines(text, node)
    widths = [len(line) - len(line.lstrip(" ")) for _, line in lines if line.strip(" ")]
    for indent in sorted(range(min(widths, default=0) + 1), reverse=True):
        found = _map_lines(lines, indent, value)
        if found is not None:
            return found
    return None


def _list_block_lines(text: str, node: NodePosition) -> list[tuple[int, str]]:
    """Offset and content of every line below the header of a block scalar."""
    header = _BREAK.search(text, node.start)
    lines = []
    at = header.end() if header else len(text)
    while at < max(node.end, at):
        line_break = _BREAK.search(text, at)
        end = line_break.start() if line_break else len(text)
        lines.append((at, text[at:end]))
        at = line_break.end() if line_break else len(text)
        if line_break is None:
            break
    return lines


def _map_lines(lines: list[tuple[int, str]], indent: int, value: str) -> list[int] | None:
    """Find the lines, without their indentation, one after the other in `value`; between them are breaks."""
    offsets: list[int] = []
    end = lines[0][0] if lines else 0
    for start, line in lines:
        content = line[indent:]
        if not content:
            continue
        while not value.startswith(content, len(offsets)):
            if len(offsets) >= len(value) or value[len(offsets)] not in " \n":
                return None
            offsets.append(end)
        offsets.extend(range(start + indent, start + len(line)))
        end = start + len(line)
    if value[len(offsets) :].strip("\n"):
        return None
    return offsets + [end] * (len(value) - len(offsets) + 1)
