"""Write docs/settings.md: what `.env.sample` explains beside what the Settings class accepts.

``python -m deploy.settings_doc [--check]``
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.choices import MODES
from shared.environment import describe_kind, list_kinds
from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / ".env.sample"
PAGE = ROOT / "docs" / "settings.md"
_GROUP = re.compile(r"# --- (.+)")
_ASSIGNMENT = re.compile(r"(#?)([A-Z][A-Z0-9_]*)=(.*)")
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
    kind = list_kinds(Settings).get(entry.name.lower())
    accepts = _describe_local(entry.name) if kind is None else describe_kind(kind)
    default = "unset" if entry.value is None else f"`{entry.value}`" if entry.value else "empty"
    return f"| `{entry.name}` | {accepts} | {default} | {entry.explanation} |"


def _describe_local(name: str) -> str:
    if name in MODES:
        return ", ".join(f"`{value}`" for value in MODES[name])
    return "port number" if name.startswith("PORT_") else "path"


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
