"""`precompute`: bring dashboards up to date, watching."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Annotated, Any

import typer

from almanac_cli.commands.reading import split_parameter
from almanac_cli.context import JsonOption, answering, check_slug, get_session
from almanac_cli.errors import ExitCode, UsageError
from almanac_cli.output import (
    clean,
    describe_bytes,
    format_bytes,
    format_dollars,
    make_console,
    print_json,
    print_problem,
    print_table,
)

_STYLES = {"refreshed": "green", "skipped_unchanged": "dim", "kept_previous": "yellow", "failed": "red"}


def precompute(
    context: typer.Context,
    slugs: Annotated[list[str] | None, typer.Argument(help="Which dashboards.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dashboard.")] = False,
    due: Annotated[bool, typer.Option("--due", help="Those whose schedule is due.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Run queries whose tables did not change too.")
    ] = False,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "--param",
            "-p",
            help="NAME=VALUE; may be repeated. Only this variant of one dashboard, listed or not.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Refresh dashboards, line by line as queries finish; exits with 1 when one failed."""
    with answering(as_json=as_json):
        chosen = _choose(slugs or [], everything=everything, due=due)
        path, body = "/precompute", {"force": force, **chosen}
        if parameters:
            path, body = "/precompute/variant", {"force": force, **_choose_variant(slugs or [], parameters)}
        refreshes = []
        with closing(get_session(context).client.stream(path, body)) as lines:
            for line in lines:
                if line["event"] == "query" and not as_json:
                    _show_query(line["slug"], line["refresh"])
                if line["event"] == "dashboard":
                    refreshes.append(line["refresh"])
        if as_json:
            print_json({"results": refreshes})
        else:
            _show_totals(refreshes)
        if any(_has_failed(one) for one in refreshes):
            raise typer.Exit(ExitCode.REFUSED)


def _choose(slugs: Sequence[str], *, everything: bool, due: bool) -> dict[str, object]:
    if sum((bool(slugs), everything, due)) != 1:
        raise UsageError("Name dashboards, or say --all, or say --due.")
    if slugs:
        return {"slugs": [check_slug(slug) for slug in slugs]}
    return {"all": True} if everything else {"due": True}


def _choose_variant(slugs: Sequence[str], parameters: Sequence[str]) -> dict[str, object]:
    if len(slugs) != 1:
        raise UsageError("Name one dashboard: --parameter chooses a variant of it.")
    values: dict[str, list[str]] = {}
    for name, value in map(split_parameter, parameters):
        values.setdefault(name, []).append(value)
    return {
        "slug": check_slug(slugs[0]),
        # One text alone may be of any type; the service knows which.
        "parameters": {name: texts[0] if len(texts) == 1 else texts for name, texts in values.items()},
    }


def _show_query(slug: str, refresh: Mapping[str, Any]) -> None:
    from rich.text import Text

    parameters = " ".join(f"{name}={value}" for name, value in refresh["parameters"].items())
    status = refresh["status"]
    line = Text.assemble(
        (f"{status.replace('_', ' '):<18}", _STYLES.get(status, "")),
        f" {describe_bytes(refresh['receipt']['bytes_billed']):>9}  {slug} {', '.join(refresh['queries'])} ",
        (clean(" ".join(filter(None, (parameters, f"({refresh['reason']})")))), "dim"),
    )
    console = make_console()
    console.print(line, soft_wrap=True)
    if refresh["error"]:
        error = refresh["error"]
        text = f"  {error['code']}: {error['message']} {error['remediation']}"
        print_problem(text)
    sys.stdout.flush()


def _show_totals(refreshes: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            one["slug"],
            one["version"],
            one["totals"]["refreshed"],
            one["totals"]["skipped_unchanged"],
            one["totals"]["kept_previous"],
            one["totals"]["failed"],
            describe_bytes(one["totals"]["bytes_billed"], one["totals"]["accuracy"]),
            format_dollars(one["totals"]["usd_billed"]),
            format_bytes(one["totals"]["bytes_saved"]),
            f"{one['variants_ready']}/{one['variants']}",
        )
        for one in refreshes
    ]
    columns = (
        "dashboard",
        "version",
        "refreshed",
        "unchanged",
        "kept",
        "failed",
        "billed",
        "paid",
        "saved",
        "ready",
    )
    print_table(columns, rows)
    for one in refreshes:
        for problem in one["problems"]:
            text = f"{one['slug']}: {problem['code']}: {problem['message']} {problem['remediation']}"
            print_problem(text)


def _has_failed(refresh: Mapping[str, Any]) -> bool:
    totals = refresh["totals"]
    return bool(totals["failed"] or totals["kept_previous"] or refresh["problems"])
