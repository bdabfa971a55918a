"""`list`, `versions`, `show`: what is saved."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from almanac_cli.client import ServiceClient
from almanac_cli.context import JsonOption, answering, check_slug, get_session, split_version
from almanac_cli.errors import UsageError
from almanac_cli.output import clean, format_time, print_json, print_line, print_table

_PAGE_SIZE = 500


def list_dashboards(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Option("--q", "-q", help="Text in the slug, the title or the description.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="One of their tags.")] = None,
    owner: Annotated[str | None, typer.Option(help="Whose they are.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List saved dashboards, in the order of their slugs."""
    with answering(as_json=as_json):
        found = _read_all(get_session(context).client, "/dashboards", q=text, tag=tag, owner=owner)
        if as_json:
            print_json(found)
        elif found["results"]:
            _show_dashboards(found["results"])
        else:
            print_line(
                "No dashboard is saved that fits." if text or tag or owner else "No dashboard is saved."
            )


def list_versions(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="Which dashboard.")],
    as_json: JsonOption = False,
) -> None:
    """List the versions of a dashboard, the latest first."""
    with answering(as_json=as_json):
        found = _read_all(get_session(context).client, f"/dashboards/{check_slug(slug)}/versions")
        if as_json:
            print_json(found)
            return
        rows = [
            (
                f"{slug}@{one['version']}",
                format_time(one["created_at"]),
                one["author"],
                one["content_sha256"][:12],
                one["message"],
            )
            for one in found["results"]
        ]
        print_table(("version", "saved (UTC)", "by", "content", "message"), rows)


def show(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="SLUG[@VERSION]", help="For example nyc-flights, or nyc-flights@3.")
    ],
    file: Annotated[
        str | None, typer.Option(help="One of its SQL files instead, as the YAML names it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the YAML of a dashboard as it was saved, or with --file one of its SQL files."""
    with answering(as_json=as_json):
        slug, version = split_version(target)
        path = f"/dashboards/{slug}" + (f"/versions/{version}" if version else "")
        found = get_session(context).client.get(path)
        if as_json:
            print_json(found)
        else:
            _write_text(found, file)


def _read_all(client: ServiceClient, path: str, **query: str | None) -> dict[str, Any]:
    """Every page of a list, as one answer."""
    page = client.get(path, page_size=_PAGE_SIZE, **query)
    results = list(page["results"])
    number = 1
    while len(results) < page["total"] and page["results"]:
        number += 1
        page = client.get(path, page=number, page_size=_PAGE_SIZE, **query)
        results += page["results"]
    return {"total": page["total"], "results": results}


def _show_dashboards(found: list[Mapping[str, Any]]) -> None:
    rows = [
        (
            f"{one['slug']}@{one['current_version']}",
            one["title"],
            one["owner"] or "-",
            ", ".join(one["tags"]) or "-",
            format_time(one["checked_at"]),
        )
        for one in found
    ]
    print_table(("dashboard", "title", "owner", "tags", "checked (UTC)"), rows)


def _write_text(found: Mapping[str, Any], file: str | None) -> None:
    """The text as it is when a program reads it; without control characters when a terminal does."""
    files = found["files"]
    if file is not None and file not in files:
        raise UsageError(f"It names no file {file!r}; there are: {', '.join(files) or 'none'}.")
    text = str(found["yaml"] if file is None else files[file])
    text = text if text.endswith("\n") else f"{text}\n"
    sys.stdout.write(clean(text) if sys.stdout.isatty() else text)
    if file is None and files and sys.stderr.isatty():
        sys.stderr.write(f"It reads {', '.join(files)}: --file shows one.\n")
