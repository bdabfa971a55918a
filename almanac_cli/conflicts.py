"""Somebody saved first: who and when, what they changed, what you did, and how to bring it together."""

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from almanac_cli.client import ServiceClient
from almanac_cli.errors import ServiceError, UsageError
from almanac_cli.output import clean, format_time, make_console, print_line, print_table

_CHANGE_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_SHOWN_VERSIONS = 20


def print_change(text: str) -> None:
    """A unified diff, in colour where that is wanted."""
    from rich.text import Text

    console = make_console()
    for line in text.splitlines():
        console.print(Text(clean(line), style=_CHANGE_STYLES.get(line[:1], "")), soft_wrap=True)


def show_conflict(error: ServiceError, client: ServiceClient, paths: Mapping[str, str]) -> None:
    """All of a conflict's details, for people; `paths` are the local files by slug."""
    for detail in error.details:
        path = paths.get(str(detail.get("slug")), "yours")
        if "outside" in detail:
            _show_outside_change(detail)
        elif "current_version" in detail:
            _show_versions(detail, client)
            _show_sides(detail, path)
            print_line(_advise(detail, path))
    # Said above, with the names it is about.
    error.details_shown, error.remediation = True, ""


def write_merges(error: ServiceError, paths: Mapping[str, str]) -> None:
    """Write the service's merge into the local files, with the SQL files they name.

    Where both sides changed the same lines there is none, and nothing is written.
    """
    for detail in error.details:
        path, merged = paths.get(str(detail.get("slug"))), detail.get("merged_yaml")
        if path is None or merged is None:
            sys.stderr.write(f"There is no merge of {detail.get('slug')} to write.\n")
            continue
        for target, text in _place_files(Path(path).parent, detail.get("merged_files", {})).items():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        Path(path).write_text(merged, encoding="utf-8")
        sys.stderr.write(f"Wrote the merge into {path}.\n")


def _place_files(folder: Path, files: Mapping[str, str]) -> dict[Path, str]:
    """Where SQL files go. Raises UsageError for a name that leads out of the folder: a service could say any."""
    for name in files:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{name} would lead out of {folder}; nothing of this merge was written.")
    return {folder / name: text for name, text in files.items()}


def _show_versions(detail: Mapping[str, Any], client: ServiceClient) -> None:
    slug, expected = detail["slug"], detail["expected_version"]
    if not detail["current_version"]:
        print_line(f"{slug} is not saved yet, so there is no version {expected} of it.")
        return
    page = client.get(f"/dashboards/{slug}/versions", page_size=_SHOWN_VERSIONS)
    newer = [one for one in page["results"] if one["version"] > expected]
    if not newer:
        print_line(f"{slug} has no version {expected}: the latest is {detail['current_version']}.")
        return
    rows = [(one["version"], one["author"], format_time(one["created_at"]), one["message"]) for one in newer]
    columns = ("version", "by", "saved (UTC)", "message")
    print_table(columns, rows, title=f"{slug} was saved since version {expected}:")


def _show_sides(detail: Mapping[str, Any], path: str) -> None:
    slug, base = detail["slug"], detail["base_yaml"]
    current, yours = detail["current_yaml"], detail["yours"]
    if current is None:
        return
    theirs = f"{slug}@{detail['current_version']}"
    if base is None:
        print_line("What is saved, and your file:")
        _print_comparison(current, yours, theirs, path)
        return
    common = f"{slug}@{detail['expected_version']}"
    files = [detail.get(f"{side}_files", {}) for side in ("base", "current", "yours")]
    print_line("What they changed:")
    _print_comparison(base, current, common, theirs)
    _print_file_changes(files[0], files[1], common, theirs)
    print_line("What you changed:")
    _print_comparison(base, yours, common, path)
    _print_file_changes(files[0], files[2], common, path)


def _print_file_changes(before: Mapping[str, str], after: Mapping[str, str], older: str, newer: str) -> None:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            names = f"{older}:{name}", f"{newer}:{name}"
            _print_comparison(before.get(name, ""), after.get(name, ""), *names)


def _print_comparison(before: str, after: str, older: str, newer: str) -> None:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), older, newer, lineterm="")
    print_change("\n".join(lines) or "nothing")


def _show_outside_change(detail: Mapping[str, Any]) -> None:
    print_line(f"{detail['path']} was changed outside after version {detail['version']} was saved:")
    outside, yours = detail["outside"], detail["yours"]
    _print_comparison(outside or "", yours or "", f"{detail['path']} (outside)", f"{detail['path']} (yours)")


def _advise(detail: Mapping[str, Any], path: str) -> str:
    found = detail["current_version"]
    save = f"`almanac save {path} --expected-version {found}`"
    if not found:
        return f"Save it as the first version: {save}."
    if detail.get("merged_yaml") is not None:
        return f"Both changes fit together: `--write-merge` writes them into {path}; look at it, then {save}."
    clashes = detail.get("conflicting_lines") or ()
    places = ", ".join(f"{one['path']}:{one['line']}" for one in clashes)
    same = f"Both changed the same lines ({places}): decide there, and bring" if places else "Bring"
    return f"{same} what else they changed into {path}, then {save}."
