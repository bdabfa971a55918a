"""`plan`: what a refresh would read, cost and replace."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from almanac_cli.client import ServiceClient
from almanac_cli.commands.validation import PathsArgument
from almanac_cli.context import JsonOption, answering, get_session
from almanac_cli.errors import ExitCode, UsageError
from almanac_cli.output import (
    format_bytes,
    format_dollars,
    make_console,
    print_diagnostics,
    print_json,
    print_line,
    print_table,
)
from almanac_cli.sources import read_sources, to_items
from shared.dashboards.parsed import DashboardSource

# Well below the service's own bounds: MAX_BODY_BYTES, and the time one request may take for its dry runs.
_REQUEST_CHARACTERS = 1_000_000
_REQUEST_ITEMS = 100


def plan(
    context: typer.Context,
    paths: PathsArgument = None,
    slugs: Annotated[
        list[str] | None, typer.Option("--slug", help="Plan a saved dashboard instead; may be repeated.")
    ] = None,
    default_variant: Annotated[
        bool, typer.Option("--default-variant", help="Plan only the default parameter values.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Plan a refresh by dry runs: bytes, dollars, what would be computed again. Bills nothing."""
    with answering(as_json=as_json):
        sources, bodies = _make_bodies(paths or [], slugs or [])
        variants = "default" if default_variant else "all"
        results = _follow(get_session(context).client, [{**body, "variants": variants} for body in bodies])
        if as_json:
            print_json({"results": results})
        else:
            _show(results, sources)
        if not all(result["valid"] for result in results):
            raise typer.Exit(ExitCode.REFUSED)


def _make_bodies(
    paths: Sequence[Path], slugs: Sequence[str]
) -> tuple[list[DashboardSource], list[dict[str, Any]]]:
    if slugs:
        return [], [{"slugs": list(slugs)}]
    sources, unreadable = read_sources(paths)
    if unreadable:
        message = "; ".join(f"{one.path}: {one.diagnostics[0].message}" for one in unreadable)
        raise UsageError(f"Nothing was planned: {message}.")
    return sources, [{"dashboards": items} for items in _split(to_items(sources))]


def _split(items: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Requests that the service accepts, each with as many files as fit."""
    batch: list[dict[str, Any]] = []
    size = 0
    for item in items:
        length = len(item["yaml"]) + sum(len(text) for text in item["files"].values())
        if batch and (size + length > _REQUEST_CHARACTERS or len(batch) == _REQUEST_ITEMS):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _follow(client: ServiceClient, bodies: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Plan all requests one after the other, with a bar on stderr while somebody looks."""
    results: list[Mapping[str, Any]] = []
    columns = (TextColumn("Planning"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=make_console(sys.stderr), transient=True) as progress:
        total = sum(len(body.get("dashboards") or body.get("slugs") or ()) for body in bodies)
        task = progress.add_task("plan", total=total)
        for body in bodies:
            with closing(client.stream("/dashboards/compile", body)) as lines:
                for line in lines:
                    if line["event"] == "plan":
                        results.append(line["result"])
                        progress.advance(task)
    return results


def _show(results: Sequence[Mapping[str, Any]], sources: Sequence[DashboardSource]) -> None:
    for result in results:
        if result["plan"]:
            _show_plan(result["plan"])
    if any(result["diagnostics"] for result in results):
        print_diagnostics(results, sources)
    plans = [result["plan"] for result in results if result["plan"]]
    if len(plans) > 1:
        size = sum(one["totals"]["bytes_per_refresh"] for one in plans)
        print_line(f"{len(plans)} dashboards read {format_bytes(size)} per refresh, at most.")


def _show_plan(one: Mapping[str, Any]) -> None:
    totals = one["totals"]
    rows = [
        (
            ", ".join(query["names"]),
            ", ".join(f"{name}={value}" for name, value in query["parameters"].items()),
            format_bytes(query["bytes_estimated"]),
            format_dollars(query["usd_estimated"]),
            format_bytes(query["cap_bytes"]),
            "fresh" if query["fresh"] else "to compute",
            query["wave"] + 1,
        )
        for query in one["queries"]
    ]
    title = f"{one['slug']} version {one['version']}: {one['title']}"
    print_table(("query", "parameters", "reads", "costs", "cap", "state", "wave"), rows, title=title)
    monthly = format_dollars(totals["usd_per_month"])
    print_line(
        f"{totals['queries']} queries, {totals['variants']} variants: "
        f"{format_bytes(totals['bytes_per_refresh'])} and {format_dollars(totals['usd_per_refresh'])} per refresh; "
        f"{monthly} per month at {float(totals['refreshes_per_month']):g} refreshes."
    )
    _show_invalidated(one["invalidates"])
    print_line("")


def _show_invalidated(found: Mapping[str, Any] | None) -> None:
    if found is None:
        return
    if not found["queries"] and not found["variants"]:
        print_line(f"Saving it invalidates nothing of version {found['version']}.")
        return
    queries = ", ".join(f"{one['name']} ({one['reason']})" for one in found["queries"]) or "none"
    print_line(
        f"Saving it invalidates of version {found['version']}: queries {queries}; "
        f"{len(found['variants'])} payloads."
    )
