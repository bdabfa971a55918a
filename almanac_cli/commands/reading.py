"""`data`, `lineage`, `costs`, `open`: what the service has."""

import webbrowser
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from almanac_cli.client import ServiceClient
from almanac_cli.context import JsonOption, answering, check_slug, get_session
from almanac_cli.errors import UsageError
from almanac_cli.output import (
    clean,
    describe_bytes,
    format_bytes,
    format_dollars,
    make_console,
    print_json,
    print_line,
    print_table,
)

if TYPE_CHECKING:
    from rich.tree import Tree


_PAGE_DASHBOARDS = 100
_NAMED_READERS = 10


class LineageLevel(StrEnum):
    """How fine."""

    TABLE = "table"
    COLUMN = "column"


class LineageDirection(StrEnum):
    """Which way."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


class CostGrouping(StrEnum):
    """What a line of costs stands for."""

    DAY = "day"
    USER = "user"
    DASHBOARD = "dashboard"
    ENVIRONMENT = "environment"


def data(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="Which dashboard.")],
    queries: Annotated[list[str] | None, typer.Argument(help="Which queries; all unless named.")] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE; may be repeated.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", "-n", min=0, help="Rows to show of each query.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the answers of a dashboard, computed ahead."""
    with answering(as_json=as_json):
        values: dict[str, list[str]] = {}
        for name, value in (split_parameter(text) for text in parameters or []):
            values.setdefault(name, []).append(value)
        payload = get_session(context).client.get(f"/data/{check_slug(slug)}", **values)
        if as_json:
            print_json(payload)
            return
        chosen = _choose_queries(payload["queries"], queries or [])
        variant = ", ".join(f"{name}={value}" for name, value in payload["parameters"].items())
        age = "stale, " if payload["stale"] else ""
        print_line(f"{payload['title']} ({variant or 'no parameters'}); {age}data of {payload['as_of']}")
        for name in chosen:
            show_columns(name, payload["queries"][name], rows)


def lineage(
    context: typer.Context,
    slug: Annotated[str | None, typer.Argument(help="Which dashboard.")] = None,
    level: Annotated[LineageLevel, typer.Option(help="Tables or columns.")] = LineageLevel.TABLE,
    direction: Annotated[LineageDirection, typer.Option(help="Which way.")] = LineageDirection.BOTH,
    table: Annotated[str | None, typer.Option(help="Instead of a dashboard: project.dataset.table.")] = None,
    column: Annotated[str | None, typer.Option(help="One column of --table.")] = None,
    page: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"With --table: this page of {_PAGE_DASHBOARDS} dashboards; all unless given."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what feeds a dashboard, or with --table every dashboard that reads a table."""
    with answering(as_json=as_json):
        if (slug is None) == (table is None) or (table is None and (column or page) is not None):
            raise UsageError("Name a dashboard, or --table with or without --column and --page.")
        client = get_session(context).client
        if slug is None:
            graph, note = _read_impact(client, page, table=table, column=column)
        else:
            graph = client.get(f"/lineage/{check_slug(slug)}", level=level.value, direction=direction.value)
            note = ""
        if as_json:
            print_json(graph)
        elif graph["nodes"] or table is None:
            make_console().print(_build_tree(graph))
            if note:
                print_line(note)
        elif note:
            print_line(note)
        else:
            print_line(_tell_unread(client, table, column))


def costs(
    context: typer.Context,
    by: Annotated[
        list[CostGrouping] | None, typer.Option(help="What each line stands for; may be repeated.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Only what this user cost.")] = None,
    slug: Annotated[str | None, typer.Option(help="Only what this dashboard cost.")] = None,
    first_day: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    last_day: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was billed and what is left of today's budgets."""
    with answering(as_json=as_json):
        groupings = ",".join(by or [CostGrouping.DAY])
        query = {"by": groupings, "from": first_day, "to": last_day, "user": user, "slug": slug}
        report = get_session(context).client.get("/costs", **query)
        if as_json:
            print_json(report)
        else:
            _show_costs(report)


def open_dashboard(
    context: typer.Context,
    slug: Annotated[str | None, typer.Argument(help="Which dashboard; the start page without one.")] = None,
    only_print: Annotated[bool, typer.Option("--print", help="Print the address instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Open a dashboard in the browser."""
    with answering(as_json=as_json):
        address = get_session(context).client.url + (f"/view/{check_slug(slug)}" if slug else "/")
        if as_json:
            print_json({"url": address})
        else:
            print_line(address)
        if not only_print and not as_json:
            webbrowser.open(address)


def split_parameter(text: str) -> tuple[str, str]:
    """Name and value of `NAME=VALUE`. Raises UsageError."""
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise UsageError(f"{text!r} is not a parameter; write it as NAME=VALUE.")
    return name, value


def show_columns(title: str, result: Mapping[str, Any], limit: int) -> None:
    """A query's columns as a table of at most `limit` rows."""
    columns = [_decode(values, limit) for values in result["values"]]
    shown = list(zip(*columns, strict=True)) if columns else []
    print_table([column["name"] for column in result["columns"]], shown, title=title)
    total = result["rows"]
    notes = []
    if len(shown) < total:
        notes.append(f"{len(shown)} of {total} rows")
    if result["truncated"]:
        notes.append("the query has more rows than max_rows keeps")
    if result["refresh_error"]:
        error = result["refresh_error"]
        notes.append(f"the last refresh failed: {error['code']}: {error['message']}")
    if notes:
        print_line("; ".join(notes))


def _decode(values: Any, limit: int) -> list[Any]:
    if isinstance(values, dict):
        words = values["dictionary"]
        return [None if code is None else words[code] for code in values["codes"][:limit]]
    return list(values[:limit])


def _choose_queries(found: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    unknown = [name for name in wanted if name not in found]
    if unknown:
        raise UsageError(f"There is no query {', '.join(unknown)}; there are: {', '.join(found)}.")
    return list(wanted or found)


def _read_impact(
    client: ServiceClient, page: int | None, **query: str | None
) -> tuple[dict[str, list[Any]], str]:
    """The graph of one page of the dashboards that read a table or column, or of all; and where the others are."""
    found = client.get("/lineage", page=page or 1, page_size=_PAGE_DASHBOARDS, **query)
    pages = -(-found["total"] // _PAGE_DASHBOARDS)
    every = [found]
    if page is None:
        every += [
            client.get("/lineage", page=number, page_size=_PAGE_DASHBOARDS, **query)
            for number in range(2, pages + 1)
        ]
    # What dashboards share is on each of their pages.
    nodes = {node["id"]: node for one in every for node in one["nodes"]}
    edges = {tuple(edge.values()): edge for one in every for edge in one["edges"]}
    note = f"Page {page} of {pages}: {found['total']} dashboards in all." if page and pages else ""
    return {"nodes": list(nodes.values()), "edges": list(edges.values())}, note


def _tell_unread(client: ServiceClient, table: str, column: str | None) -> str:
    """Nobody reads it. Whether it exists is not asked: the answer would be the same."""
    if column is None:
        return f"No dashboard reads {table}."
    found = client.get("/lineage", table=table, page_size=_NAMED_READERS)
    readers = [node["name"] for node in found["nodes"] if node["type"] == "dashboard"]
    more = found["total"] - len(readers)
    named = ", ".join(readers) + (f" and {more} more" if more else "")
    of_table = f"{named} {'reads' if found['total'] == 1 else 'read'} other columns of it."
    return f"No dashboard reads {column} of {table}" + (f"; {of_table}" if readers else ", nor the table.")


def _build_tree(graph: Mapping[str, Any]) -> "Tree":
    from rich.tree import Tree

    nodes = {node["id"]: node for node in graph["nodes"]}
    # Several witnesses (parser, dry run, job) may have seen the same edge.
    sources: dict[str, dict[str, None]] = {}
    for edge in graph["edges"]:
        sources.setdefault(edge["target"], {})[edge["source"]] = None
    fed = {edge["source"] for edge in graph["edges"]}
    tree = Tree("lineage", hide_root=True)
    for top in [identity for identity in nodes if identity not in fed]:
        _grow(tree, top, nodes, sources, frozenset())
    return tree


def _grow(
    tree: "Tree",
    identity: str,
    nodes: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, Iterable[str]],
    above: frozenset[str],
) -> None:
    from rich.text import Text

    node = nodes[identity]
    branch = tree.add(Text.assemble((f"{node['type']} ", "dim"), clean(str(node["name"]))))
    if identity in above:
        return
    for source in sources.get(identity, ()):
        if source in nodes:
            _grow(branch, source, nodes, sources, above | {identity})


def _show_costs(report: Mapping[str, Any]) -> None:
    rows = [
        (
            one["key"],
            describe_bytes(one["bytes_billed"], "LOWER_BOUND" if one["unknown"] else "PRECISE"),
            format_dollars(one["usd_billed"]),
            format_bytes(one["bytes_saved"]),
            one["queries"],
            one["cache_hits"],
            one["failures"],
        )
        for one in [*report["results"], {"key": "all", **report["totals"]}]
    ]
    columns = (report["by"], "billed", "paid", "saved", "queries", "cache hits", "failures")
    print_table(columns, rows, title=f"{report['from']} to {report['to']} ({report['time_zone']})")
    budgets = [
        (
            one["scope"],
            one["key"],
            format_bytes(one["remaining_bytes"]),
            format_bytes(one["limit_bytes"]),
            one["resets_at"],
        )
        for one in report["budgets"]
    ]
    if budgets:
        print_table(("budget", "of", "left", "limit", "resets"), budgets)
