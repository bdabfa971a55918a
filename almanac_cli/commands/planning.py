"""`plan`: what a refresh would read, cost and replace."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Annotated, Any

import typer

from almanac_cli.client import ServiceClient
from almanac_cli.commands.validation import PathsArgument
from almanac_cli.context import JsonOption, answering, get_session
from almanac_cli.errors import ExitCode, UsageError
from almanac_cli.output import (
    describe_bytes,
    format_bytes,
    format_dollars,
    format_time,
    print_json,
    print_line,
    print_table,
)
from almanac_cli.progress import show_progress
from almanac_cli.reports import read_result, write_report
from almanac_cli.sources import CheckedFiles, check_files, to_items
from shared.dashboards.validation import ValidationResult

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
        if paths and slugs:
            raise UsageError("Name files, or saved dashboards with --slug, not both.")
        files = CheckedFiles([], []) if slugs else check_files(paths or [])
        bodies = (
            [{"slugs": slugs}]
            if slugs
            else [{"dashboards": part} for part in _split(to_items(files.sources))]
        )
        variants = "default" if default_variant else "all"
        planned = _follow(
            get_session(context).client,
            [{**body, "variants": variants, "kept_prices": True} for body in bodies],
        )
        results = [*planned, *(_describe_refused(one) for one in files.refused)]
        if as_json:
            print_json({"results": results})
        else:
            _show(planned, files)
        if not all(result["valid"] for result in results):
            raise typer.Exit(ExitCode.REFUSED)


def _describe_refused(result: ValidationResult) -> dict[str, Any]:
    """As the service would answer for a file that is not sent."""
    return {
        "path": result.path,
        "slug": result.slug,
        "valid": False,
        "diagnostics": [item.to_dict() for item in result.diagnostics],
        "plan": None,
    }


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
    """Plan all requests one after the other, telling how far it is."""
    results: list[Mapping[str, Any]] = []
    total = sum(len(body.get("dashboards") or body.get("slugs") or ()) for body in bodies)
    with show_progress("Planning", "planned", total) as advance:
        for body in bodies:
            with closing(client.stream("/dashboards/compile", body)) as lines:
                for line in lines:
                    if line["event"] == "plan":
                        results.append(line["result"])
                        advance()
    return results


def _show(planned: Sequence[Mapping[str, Any]], files: CheckedFiles) -> None:
    plans = [result["plan"] for result in planned if result["plan"]]
    for plan in plans:
        _show_plan(plan)
    sources = {source.path: source for source in files.sources}
    verdicts = [read_result(item, sources.get(str(item["path"]))) for item in planned] + files.refused
    if any(verdict.diagnostics for verdict in verdicts):
        remote = {verdict.path for verdict in verdicts} - sources.keys() - {one.path for one in files.refused}
        write_report(sorted(verdicts, key=lambda verdict: verdict.path), sys.stdout, remote)
    if len(plans) > 1:
        size = sum(one["totals"]["bytes_per_refresh"] for one in plans)
        is_bound = all(one["totals"]["accuracy"] in ("PRECISE", "UPPER_BOUND") for one in plans)
        bound = "most" if is_bound else "least"
        print_line(f"{len(plans)} dashboards read {format_bytes(size)} per refresh, at {bound}.")


def _show_plan(one: Mapping[str, Any]) -> None:
    totals = one["totals"]
    rows = [
        (
            ", ".join(query["names"]),
            ", ".join(f"{name}={value}" for name, value in query["parameters"].items()),
            describe_bytes(query["bytes_estimated"], query["accuracy"]),
            describe_bytes(query["bytes_billed_expected"], query["accuracy"]),
            format_dollars(query["usd_billed_expected"]),
            format_bytes(query["cap_bytes"]),
            "fresh" if query["fresh"] else "to compute",
            query["wave"] + 1,
        )
        for query in one["queries"]
    ]
    title = f"{one['slug']} version {one['version']}: {one['title']}"
    columns = ("query", "parameters", "reads", "bills", "costs", "cap", "state", "wave")
    print_table(columns, rows, title=title)
    monthly = format_dollars(totals["usd_per_month"])
    print_line(
        f"{totals['queries']} queries, {totals['variants']} variants: "
        f"a refresh reads {describe_bytes(totals['bytes_per_refresh'], totals['accuracy'])}, "
        f"bills {describe_bytes(totals['bytes_billed_per_refresh'], totals['accuracy'])}, "
        f"costs {format_dollars(totals['usd_per_refresh'])}; "
        f"{monthly} per month at {float(totals['refreshes_per_month']):g} refreshes."
    )
    for table, reason in {source["table"]: source["reason"] for source in _list_unwatched(one)}.items():
        print_line(f"Changes of {table} go unseen ({reason}): refreshed by age.")
    _show_kept(one["queries"])
    _show_invalidated(one["invalidates"])
    print_line("")


def _list_unwatched(one: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for query in one["queries"]:
        yield from query["unwatched"]


def _show_kept(queries: Sequence[Mapping[str, Any]]) -> None:
    """Which prices BigQuery was not asked for now, and since when they hold."""
    kept = [query for query in queries if "price_kept_from" in query]
    if kept:
        oldest = format_time(min(query["price_kept_from"] for query in kept))
        names = dict.fromkeys(", ".join(query["names"]) for query in kept)
        which = "all queries" if len(kept) == len(queries) else ", ".join(names)
        print_line(f"Priced {oldest} (UTC) or later, sources unchanged since: {which}.")


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
