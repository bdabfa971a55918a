"""`login` and `logout`."""

import sys
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from almanac_cli.client import ServiceClient
from almanac_cli.configuration import Configuration
from almanac_cli.context import JsonOption, answering, get_session
from almanac_cli.errors import CliError, UsageError
from almanac_cli.output import print_json, print_line

if TYPE_CHECKING:
    from almanac_cli.login import OidcApplication


def login(
    context: typer.Context,
    paste: Annotated[
        bool, typer.Option("--paste", help="Read an ID token from standard input instead of signing in.")
    ] = False,
    issuer: Annotated[
        str | None,
        typer.Option(envvar="ALMANAC_OIDC_ISSUER", help="Another OpenID provider than the service's."),
    ] = None,
    client_id: Annotated[
        str | None,
        typer.Option(envvar="ALMANAC_OIDC_CLIENT_ID", help="Another OAuth client than the service names."),
    ] = None,
    client_secret: Annotated[
        str | None,
        typer.Option(envvar="ALMANAC_OIDC_CLIENT_SECRET", help="Its secret, where the provider wants one."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the browser, or only print the address.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Sign in, and keep the token for this service in a file that only you can read."""
    with answering(as_json=as_json):
        configuration = get_session(context).configuration
        if paste:
            token = _read_pasted()
        else:
            from almanac_cli.login import fetch_id_token

            application = _find_application(configuration, issuer, client_id, client_secret)
            token = fetch_id_token(application, lambda address: _send_to(address, browser=browser))
        caller = _check(configuration, token)
        configuration.credentials.store(configuration.url, token)
        if as_json:
            print_json({"url": configuration.url, "email": caller})
        else:
            print_line(f"Signed in to {configuration.url} as {caller}.")


def logout(context: typer.Context, as_json: JsonOption = False) -> None:
    """Forget the token stored for this service."""
    with answering(as_json=as_json):
        configuration = get_session(context).configuration
        forgotten = configuration.credentials.forget(configuration.url)
        if as_json:
            print_json({"url": configuration.url, "forgotten": forgotten})
        else:
            print_line("Signed out." if forgotten else "No token was stored.")


def _find_application(
    configuration: Configuration, issuer: str | None, client_id: str | None, client_secret: str | None
) -> "OidcApplication":
    """What was given, completed by what the service publishes. Raises UsageError when it names no client."""
    from almanac_cli.login import OidcApplication

    if issuer and client_id:
        return OidcApplication(issuer, client_id, client_secret)
    published = ServiceClient(configuration, anonymous=True).get("/auth/config")
    issuer = issuer or str(published["issuer"])
    if client_id:
        return OidcApplication(issuer, client_id, client_secret)
    if not published["client_id"]:
        raise UsageError(
            f"{configuration.url} names no OAuth client to sign in with.",
            remediation="Ask for CLI_OIDC_CLIENT_ID to be set there; name one in ALMANAC_OIDC_CLIENT_ID; or paste a "
            "token: `almanac login --paste`.",
        )
    return OidcApplication(issuer, published["client_id"], client_secret or published["client_secret"])


def _check(configuration: Configuration, token: str) -> str:
    """Who the service says the token is; a token that does not work is not stored."""
    checked = Configuration(configuration.url, token, None, configuration.credentials)
    return str(ServiceClient(checked).get("/auth/session")["email"])


def _send_to(address: str, *, browser: bool) -> None:
    sys.stderr.write(f"Sign in here: {address}\n")
    sys.stderr.flush()
    if browser:
        webbrowser.open(address)


def _read_pasted() -> str:
    is_typed = sys.stdin.isatty()
    parts = str(typer.prompt("ID token", hide_input=True, err=True) if is_typed else sys.stdin.read()).split()
    if len(parts) != 1:
        raise CliError("That is not a token: one word was expected.", remediation="Paste the token alone.")
    return parts[0]
