"""Three-way merges of texts by line, without Git: a store in the cloud has none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from shared.dashboards.validators.parsed import unify_line_breaks

MAX_LINES = 5_000
"""Comparing takes the square of the lines at worst; longer texts are left to those who wrote them."""


@dataclass(frozen=True)
class ConflictingLines:
    """Lines of one file that both sides changed, differently; `line` is where they begin in yours, from 1."""

    path: str
    line: int
    base: str
    current: str
    yours: str


@dataclass(frozen=True)
class Merge:
    """What merging one text gave: the text, or the lines at which the two sides do not agree."""

    text: str | None
    conflicts: tuple[ConflictingLines, ...] = ()


@dataclass(frozen=True)
class _Change:
    """Lines `start` to `end` of the base, counted from 0, that one side replaces by `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]


def merge_texts(path: str, base: str, current: str, yours: str) -> Merge | None:
    """Both sides' changes of `base` in one text; lines that touch count as the same ones, as in Git.

    None when a text has too many lines to compare.
    """
    lines, theirs, ours = (_split(text) for text in (base, current, yours))
    if max(len(lines), len(theirs), len(ours)) > MAX_LINES:
        return None
    merged: list[str] = []
    conflicts: list[ConflictingLines] = []
    done, shift = 0, 0
    for start, end, their_changes, our_changes in _group(
        _find_changes(lines, theirs), _find_changes(lines, ours)
    ):
        their_lines = _apply(lines, start, end, their_changes)
        our_lines = _apply(lines, start, end, our_changes)
        merged += lines[done:start]
        if not our_changes or their_lines == our_lines:
            merged += their_lines
        elif not their_changes:
            merged += our_lines
        else:
            sides = ("".join(side) for side in (lines[start:end], their_lines, our_lines))
            conflicts.append(ConflictingLines(path, start + shift + 1, *sides))
        shift += len(our_lines) - (end - start)
        done = end
    merged += lines[done:]
    return Merge(None, tuple(conflicts)) if conflicts else Merge("".join(merged))


def _split(text: str) -> list[str]:
    return unify_line_breaks(text).splitlines(keepends=True)


def _find_changes(base: Sequence[str], side: Sequence[str]) -> list[_Change]:
    codes = SequenceMatcher(None, base, side, autojunk=False).get_opcodes()
    return [
        _Change(start, end, tuple(side[from_line:to_line]))
        for tag, start, end, from_line, to_line in codes if tag != "equal"
    ]  # fmt: skip


def _group(
    theirs: Sequence[_Change], ours: Sequence[_Change]
) -> Iterator[tuple[int, int, list[_Change], list[_Change]]]:
    """Stretches of the base that somebody changed, each with the changes of either side within it."""
    waiting = sorted(
        [(change, True) for change in theirs] + [(change, False) for change in ours],
        key=lambda one: (one[0].start, one[0].end),
    )
    while waiting:
        group = [waiting.pop(0)]
        start, end = group[0][0].start, group[0][0].end
        while waiting and waiting[0][0].start <= end:
            group.append(waiting.pop(0))
            end = max(end, group[-1][0].end)
        yield (
            start,
            end,
            [change for change, is_theirs in group if is_theirs],
            [change for change, is_theirs in group if not is_theirs],
        )


def _apply(base: Sequence[str], start: int, end: int, changes: Sequence[_Change]) -> list[str]:
    """Lines `start` to `end` of the base as one side has them."""
    lines: list[str] = []
    at = start
    for change in changes:
        lines += [*base[at : change.start], *change.lines]
        at = change.end
    return [*lines, *base[at:end]]
