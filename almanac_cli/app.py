"""The program: its options, its commands, its last line of defence."""

from typing import Annotated

import typer

from almanac_cli.client import ServiceClient
from almanac_cli.commands import planning, query, reading, refresh, session, validation, versions
from almanac_cli.configuration import DEFAULT_URL, Configuration, check_url, find_credential_file
from almanac_cli.context import Session, answering

app = typer.Typer(
    name="almanac",
    help="Dashboards as code on BigQuery: validate, plan, save, refresh and read them.",
    epilog="Exit codes: 0 fine; 1 invalid, refused or different; 2 wrong usage; 3 the service cannot be asked.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
) -> None:
    """Remember the service and the caller; nothing is asked yet."""
    with answering(as_json=False):
        configuration = Configuration(check_url(url), token, token_command, find_credential_file())
    context.obj = Session(configuration, ServiceClient(configuration))


app.command()(validation.validate)
app.command()(planning.plan)
app.command()(versions.diff)
app.command()(versions.save)
app.command()(versions.rollback)
app.command()(versions.drift)
app.command()(refresh.precompute)
app.command()(reading.data)
app.command()(reading.lineage)
app.command()(reading.costs)
app.command()(query.run)
app.command()(session.login)
app.command()(session.logout)
app.command("open")(reading.open_dashboard)


def main() -> None:
    """The entry point."""
    app()
