"""Write docs/settings.md: what `.env.sample` explains beside what the Settings class accepts.

``python -m deploy.settings_doc [--check]``
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import get_args

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.settings import ByteSize, Settings

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / ".env.sample"
PAGE = ROOT / "docs" / "settings.md"
_GROUP = re.compile(r"# --- (.+)")
_ASSIGNMENT = re.compile(r"(#?)([A-Z][A-Z0-9_]*)=(.*)")
_IS_SIZE = get_args(ByteSize)[1]
_HEAD = """\
# Settings

Every setting is an environment variable. `.env.sample` holds all of them with their defaults; a value that
is not accepted is refused with a message that names the variable.

Written by `python -m deploy.settings_doc` from `.env.sample` and `shared/settings.py`; a test compares.
"""


@dataclass(frozen=True)
class SampleEntry:
    """A variable of `.env.sample`; `value` is None where its line is a comment, which means unset."""

    group: str
    name: str
    value: str | None
    explanation: str


def parse_sample(text: str) -> list[SampleEntry]:
    """The variables of `.env.sample` in order. Raises ValueError for one that is in no group or unexplained."""
    entries: list[SampleEntry] = []
    group, explanation = "", list[str]()
    for line in text.splitlines():
        if found := _GROUP.fullmatch(line):
            group, explanation = found[1], []
        elif found := _ASSIGNMENT.fullmatch(line):
            if not group or not explanation:
                raise ValueError(f"{found[2]} needs a group and an explanation above it")
            value = None if found[1] else found[3].strip('"')
            entries.append(SampleEntry(group, found[2], value, " ".join(explanation)))
        elif line.startswith("# "):
            explanation.append(line.removeprefix("# "))
        else:
            explanation = []
    return entries


def render_page(entries: Sequence[SampleEntry]) -> str:
    """The page: one table per group."""
    lines = [_HEAD]
    for group in dict.fromkeys(entry.group for entry in entries):
        lines += [f"## {group[0].upper()}{group[1:]}", "", "| Variable | Accepts | Default | What it does |"]
        lines += ["|---|---|---|---|", *(_render_row(entry) for entry in entries if entry.group == group), ""]
    return "\n".join(lines)


def _render_row(entry: SampleEntry) -> str:
    field = Settings.model_fields.get(entry.name.lower())
    accepts = _describe_field(field) if field else _describe_local(entry.name)
    default = "unset" if entry.value is None else f"`{entry.value}`" if entry.value else "empty"
    return f"| `{entry.name}` | {accepts} | {default} | {entry.explanation} |"


def _describe_local(name: str) -> str:
    return "port number" if name.startswith("PORT_") else "path"


def _describe_field(field: FieldInfo) -> str:
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _list_choices([member.value for member in kind])
    for part in field.metadata:
        if choices := re.fullmatch(r"\^\((.+)\)\$", getattr(part, "pattern", None) or ""):
            return _list_choices(choices[1].split("|"))
    if _IS_SIZE in field.metadata:
        return "size"
    if kind is SecretStr:
        return "text, secret"
    if list in {kind, getattr(kind, "__origin__", None)}:
        return "list"
    if kind in {int, float, Decimal}:
        return " ".join(["whole number" if kind is int else "number", *_list_bounds(field)])
    return "text" if kind is str or str in get_args(kind) else str(kind)


def _list_bounds(field: FieldInfo) -> list[str]:
    words = []
    for part in field.metadata:
        if isinstance(part, Ge):
            words.append(f"from {part.ge}")
        elif isinstance(part, Gt):
            words.append(f"above {part.gt}")
        elif isinstance(part, Le):
            words.append(f"to {part.le}")
    return words


def _list_choices(choices: Sequence[str]) -> str:
    return ", ".join(f"`{choice}`" for choice in choices)


def main(arguments: list[str] | None = None, page: Path = PAGE) -> int:
    """Write the page, or check it; answers the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.settings_doc", description="Write docs/settings.md."
    )
    parser.add_argument(
        "--check", action="store_true", help="fail when the page is out of date; write nothing"
    )
    check = parser.parse_args(arguments).check
    text = render_page(parse_sample(SAMPLE.read_text()))
    if page.is_file() and page.read_text() == text:
        return 0
    if check:
        print("out of date: docs/settings.md; run 'python -m deploy.settings_doc'", file=sys.stderr)
        return 1
    page.write_text(text)
    print("wrote docs/settings.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
