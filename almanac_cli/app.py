"""The program: its options and its commands."""

from typing import Annotated

import typer

from almanac_cli.commands import (
    load,
    new,
    planning,
    query,
    reading,
    refresh,
    saved,
    session,
    stack,
    validation,
    versions,
)
from almanac_cli.configuration import DEFAULT_URL
from almanac_cli.context import Session
from almanac_cli.output import print_line
from almanac_cli.program import Program
from almanac_cli.release import read_version

app = typer.Typer(
    name="almanac",
    cls=Program,
    help="Dashboards as code on BigQuery: validate, plan, save, refresh and read them.",
    epilog="Exit codes: 0 fine; 1 invalid, refused or different; 2 wrong usage; 3 the service cannot be asked; "
    "4 the program failed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        print_line(f"almanac {read_version()}")
        raise typer.Exit


@app.callback()
def prepare(
    context: typer.Context,
    url: Annotated[
        str, typer.Option(envvar="ALMANAC_URL", help="The service; also where `login` signs in to.")
    ] = DEFAULT_URL,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="ALMANAC_TOKEN", help="A bearer token; better in the environment.", show_default=False
        ),
    ] = None,
    token_command: Annotated[
        str | None,
        typer.Option(
            envvar="ALMANAC_TOKEN_COMMAND",
            help="A command that prints one, such as 'gcloud auth print-identity-token'.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as after the command.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Remember the service and the caller; nothing is asked yet."""
    if token_command and _is_on_command_line(context, "token_command"):
        # What somebody types now is meant more than what their environment has.
        token = token if _is_on_command_line(context, "token") else None
    context.obj = Session(url, token, token_command)


def _is_on_command_line(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


app.command()(new.new)
app.command()(validation.validate)
app.command()(planning.plan)
app.command()(versions.diff)
app.command()(versions.save)
app.command("list")(saved.list_dashboards)
app.command("versions")(saved.list_versions)
app.command()(saved.show)
app.command()(versions.rollback)
app.command()(versions.drift)
app.command()(refresh.precompute)
app.command()(reading.data)
app.command()(reading.lineage)
app.command()(reading.costs)
app.command()(query.run)
app.command()(load.load)
app.command()(session.login)
app.command()(session.logout)
app.command("open")(reading.open_dashboard)
app.command()(stack.up)


def main() -> None:
    """The entry point."""
    app()
