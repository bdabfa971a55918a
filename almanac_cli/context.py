"""What every command gets: the client, and how to answer."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from typing import Annotated

import typer

from almanac_cli.client import ServiceClient
from almanac_cli.configuration import Configuration, check_url, find_credential_file
from almanac_cli.errors import CliError, UsageError
from almanac_cli.output import print_error, print_json

SLUG = re.compile(r"[a-z][a-z0-9-]{1,62}")


def _is_json_wanted(context: typer.Context, value: bool) -> bool:
    """Also true when --json stands before the command."""
    return value or bool(context.find_root().params.get("as_json"))


JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", callback=_is_json_wanted, help="Print the API's JSON instead of a view for people."
    ),
]


class Session:
    """One run of the program. What was given is checked when a command wants it: `validate` never does."""

    def __init__(self, url: str, token: str | None, token_command: str | None) -> None:
        self._url = url
        self._token = token
        self._token_command = token_command

    @cached_property
    def configuration(self) -> Configuration:
        """The service and the caller. Raises UsageError when the address is none."""
        return Configuration(check_url(self._url), self._token, self._token_command, find_credential_file())

    @cached_property
    def client(self) -> ServiceClient:
        """Calls to the service."""
        return ServiceClient(self.configuration)


def get_session(context: typer.Context) -> Session:
    """What the program's callback prepared."""
    session = context.obj
    if not isinstance(session, Session):
        raise TypeError("the program's callback did not run")
    return session


@contextmanager
def answering(*, as_json: bool) -> Generator[None]:
    """Turn a CliError into what the caller wants to read, and into the exit code that goes with it."""
    try:
        yield
    except CliError as error:
        if as_json:
            print_json({"success": False, "error": error.to_dict()})
        else:
            print_error(error)
        raise typer.Exit(error.exit_code) from error


def check_slug(text: str) -> str:
    """The slug, safe to be part of a path. Raises UsageError when it is none."""
    if not SLUG.fullmatch(text):
        raise UsageError(
            f"{text!r} is not a slug: lower-case letters, digits and dashes, beginning with a letter.",
            remediation="List what is saved: `almanac list`.",
        )
    return text


def split_version(target: str) -> tuple[str, int | None]:
    """Slug and version of `SLUG@VERSION`; no version without `@`. Raises UsageError."""
    slug, separator, version = target.partition("@")
    if not separator:
        return check_slug(slug), None
    if not version.isascii() or not version.isdecimal() or int(version) < 1:
        raise UsageError(
            f"{target!r} names no version; write it as SLUG@VERSION, for example {slug or 'sales'}@1."
        )
    return check_slug(slug), int(version)
