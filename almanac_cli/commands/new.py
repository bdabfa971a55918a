"""`new`: a first dashboard of a table, for nothing."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from almanac_cli.context import JsonOption, answering, get_session
from almanac_cli.drafts import Draft, draft_dashboard
from almanac_cli.errors import CliError, InvalidFilesError, UsageError
from almanac_cli.output import print_json, print_line
from almanac_cli.sources import DEFAULT_FOLDER, STDIN
from almanac_cli.warehouse import GoogleOption, ProjectOption, asking_bigquery, check_table, find_place
from shared.dashboards.validation import validate_dashboards
from shared.dashboards.validators.parsed import DashboardSource


def new(
    context: typer.Context,
    slug: Annotated[
        str, typer.Argument(help="The dashboard's name in addresses: small letters, digits, hyphens.")
    ],
    table: Annotated[str, typer.Option("--table", help="DATASET.TABLE, or PROJECT.DATASET.TABLE.")],
    title: Annotated[str | None, typer.Option(help="Its title; the table's name without.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file; - writes to standard output.",
            show_default="dashboards/SLUG.yaml",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    google: GoogleOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a dashboard of a table from its columns and some of its rows. No query runs: it costs nothing."""
    with answering(as_json=as_json):
        check_table(table, f"For example: almanac new {slug} --table nyc.flights")
        path = output or DEFAULT_FOLDER / f"{slug}.yaml"
        if path != STDIN and path.exists() and not force:
            raise CliError(
                f"{path} is there already; nothing was written.",
                code="CONFLICT",
                remediation="--force writes over it, --output names another file.",
            )
        draft = _draft(
            get_session(context).configuration.url, slug, table, title, google=google, project=project
        )
        _check(path, draft.yaml)
        _write(path, draft.yaml)
        if as_json:
            print_json(
                {
                    "path": str(path),
                    "time_column": draft.time_column,
                    "measures": draft.measures,
                    "breakdowns": draft.breakdowns,
                    "yaml": draft.yaml,
                }
            )
        elif path != STDIN:
            _show(path, draft)


def _draft(url: str, slug: str, table: str, title: str | None, *, google: bool, project: str | None) -> Draft:
    with asking_bigquery():
        from shared.warehouse.bigquery.clients import WarehouseClients
        from shared.warehouse.bigquery.table_facts import read_table_facts

        settings = find_place(url, google=google, project=project)
        facts = read_table_facts(WarehouseClients(settings).rest, table)
    if not facts.columns:
        raise UsageError(f"{table} has no columns.")
    is_qualified = table.count(".") > 1
    return draft_dashboard(slug, title, facts, datetime.now(UTC).date(), with_project=is_qualified)


def _check(path: Path, yaml: str) -> None:
    """Raises InvalidFilesError for what the names given make of it, such as a slug that is none."""
    (result,) = validate_dashboards([DashboardSource(str(path), yaml)])
    if not result.valid:
        raise InvalidFilesError("The dashboard would not be valid; nothing was written.", [result])


def _write(path: Path, yaml: str) -> None:
    if path == STDIN:
        typer.echo(yaml, nl=False)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml, encoding="utf-8")
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}.") from error


def _show(path: Path, draft: Draft) -> None:
    print_line(f"Wrote {path}. No query ran.")
    print_line(f"  time        {draft.time_column or 'no column: nothing filters what is read'}")
    print_line(f"  numbers     {', '.join(draft.measures) or 'the rows are counted'}")
    print_line(f"  breakdowns  {', '.join(draft.breakdowns) or 'no column has few values'}")
    print_line(f"Next: almanac plan {path}")
