"""`save`, `diff`, `rollback`, `drift`: dashboards over time."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from almanac_cli.client import ServiceClient
from almanac_cli.commands.validation import PathsArgument
from almanac_cli.conflicts import print_change, show_conflict, write_merges
from almanac_cli.context import JsonOption, answering, check_slug, get_session, split_version
from almanac_cli.errors import ExitCode, InvalidFilesError, ServiceError, UsageError
from almanac_cli.output import format_bytes, format_dollars, print_json, print_line, print_table
from almanac_cli.reports import read_details
from almanac_cli.sources import read_valid_sources, to_items
from shared.dashboards.validation import parse_dashboard
from shared.dashboards.validators.parsed import DashboardSource

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be, and change nothing.")]


def save(
    context: typer.Context,
    paths: PathsArgument = None,
    message: Annotated[str, typer.Option("--message", "-m", help="What the versions' history says.")] = "",
    expected_version: Annotated[
        int | None,
        typer.Option(
            "--expected-version",
            help="Refuse unless this is the current version; 0: none yet. One file only.",
        ),
    ] = None,
    write_merge: Annotated[
        bool,
        typer.Option(
            "--write-merge", help="When somebody saved first: write both sides' changes into your file."
        ),
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Save dashboards as new versions, all or none. Content that is saved already makes no version."""
    with answering(as_json=as_json):
        sources = read_valid_sources(paths or [])
        items = to_items(sources)
        if expected_version is not None:
            if len(items) != 1:
                raise UsageError("--expected-version goes with exactly one file.")
            items[0]["expected_version"] = expected_version
        body = {"dashboards": items, "message": message, "dry_run": dry_run}
        client = get_session(context).client
        try:
            data = _post_save(client, body, sources)
        except ServiceError as error:
            if error.code == "CONFLICT":
                _answer_conflict(error, client, sources, write_merge=write_merge, as_json=as_json)
            raise
        _show_saved(data, as_json=as_json)


def diff(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="The slug of a saved dashboard, or a local file.")],
    from_version: Annotated[int | None, typer.Option("--from", min=1, help="The older version.")] = None,
    to_version: Annotated[int | None, typer.Option("--to", min=1, help="The newer version.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions, or a local file with what is saved: by meaning, by line, by cost."""
    with answering(as_json=as_json):
        client = get_session(context).client
        if target.endswith((".yaml", ".yml")):
            if from_version or to_version:
                raise UsageError("--from and --to go with a slug, not with a file.")
            found = _compare_file(client, Path(target))
        else:
            found = client.get(
                f"/dashboards/{check_slug(target)}/diff", **{"from": from_version, "to": to_version}
            )
        if as_json:
            print_json(found)
        else:
            show_diff(found)


def rollback(
    context: typer.Context,
    targets: Annotated[
        list[str], typer.Argument(metavar="SLUG@VERSION...", help="For example nyc-flights@3.")
    ],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give dashboards the content of an earlier version, all or none. Each becomes a new version."""
    with answering(as_json=as_json):
        items = [_read_target(target) for target in targets]
        query = {"dry_run": "true"} if dry_run else {}
        data = get_session(context).client.post("/dashboards/rollback", items, **query)
        _show_saved(data, as_json=as_json)


def drift(
    context: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Write what an interrupted save left to write.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Find where saved versions and the files in the store differ; exits with 1 when they do."""
    with answering(as_json=as_json):
        client = get_session(context).client
        data = client.post("/dashboards/drift/repair", {}) if repair else client.get("/dashboards/drift")
        left = data["remaining"] if repair else data["results"]
        if as_json:
            print_json(data)
        else:
            _show_drift(data.get("written", []), left)
        if left:
            raise typer.Exit(ExitCode.REFUSED)


def show_diff(found: Mapping[str, Any]) -> None:
    """A diff as the API has it: names first, then cost, then lines."""
    if not found["text"]:
        print_line("No difference.")
        return
    for kind in ("queries", "charts", "parameters"):
        for change, names in found[kind].items():
            if names:
                print_line(f"{kind} {change}: {', '.join(names)}")
    if found["settings"]:
        print_line(f"settings changed: {', '.join(found['settings'])}")
    before, after = found["bytes_per_refresh_before"], found["bytes_per_refresh_after"]
    monthly = (format_dollars(found[name]) for name in ("usd_per_month_before", "usd_per_month_after"))
    print_line(
        f"reads per refresh: {format_bytes(before)} -> {format_bytes(after)}; "
        f"per month: {' -> '.join(monthly)}"
    )
    print_change(found["text"])


def _compare_file(client: ServiceClient, path: Path) -> Mapping[str, Any]:
    """The diff of what is saved with a file; the file keeps its own name, as no version is made of it."""
    sources = read_valid_sources([path])
    if len(sources) != 1:
        raise UsageError("diff compares one file.")
    body = {"dashboards": to_items(sources), "dry_run": True}
    (saved,) = _post_save(client, body, sources)["results"]
    label = re.compile(rf"^(\+\+\+ ){re.escape(saved['slug'])}@\d+(?=[:\n])", re.MULTILINE)
    return {**saved["diff"], "text": label.sub(lambda found: found[1] + str(path), saved["diff"]["text"])}


def _post_save(client: ServiceClient, body: Mapping[str, Any], sources: Sequence[DashboardSource]) -> Any:
    """Raises InvalidFilesError where the service finds more than could be found here, such as SQL errors."""
    try:
        return client.post("/dashboards/save", body)
    except ServiceError as error:
        results = read_details(error.details, sources) if error.code == "VALIDATION_FAILED" else None
        if results is None:
            raise
        raise InvalidFilesError(error.message, results, error.trace_id) from error


def _answer_conflict(
    error: ServiceError,
    client: ServiceClient,
    sources: Sequence[DashboardSource],
    *,
    write_merge: bool,
    as_json: bool,
) -> None:
    paths = {parse_dashboard(source).slug or "": source.path for source in sources}
    if not as_json:
        show_conflict(error, client, paths)
    if write_merge:
        write_merges(error, paths)


def _show_saved(data: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(data)
        return
    for one in data["results"]:
        verb = "would be" if data["dry_run"] else "is"
        if not one["changed"]:
            print_line(f"{one['slug']} stays at version {one['version']}: this content is saved already.")
            continue
        print_line(f"{one['slug']} {verb} at version {one['version']} ({one['content_sha256'][:12]}).")
        if not data["dry_run"] and one["blob_revision"] is None:
            sys.stderr.write("Its files are still to be written; `almanac drift --repair` does it.\n")
        show_diff(one["diff"])


def _show_drift(written: Sequence[Mapping[str, Any]], left: Sequence[Mapping[str, Any]]) -> None:
    for one in written:
        print_line(f"{one['slug']} version {one['version']} is written now.")
    if left:
        rows = [(one["kind"], one["path"], one["version"] or "-", one["explanation"]) for one in left]
        print_table(("kind", "file", "version", "what to do"), rows)
    else:
        print_line("Saved versions and files agree.")


def _read_target(target: str) -> dict[str, object]:
    slug, version = split_version(target)
    if version is None:
        raise UsageError(f"{target!r} names no version; write it as SLUG@VERSION, for example {slug}@1.")
    return {"slug": slug, "to_version": version}
