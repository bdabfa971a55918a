"""What every command gets: the client, and how to answer."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from almanac_cli.client import ServiceClient
from almanac_cli.configuration import Configuration
from almanac_cli.errors import CliError, UsageError
from almanac_cli.output import print_error, print_json

SLUG = re.compile(r"[a-z][a-z0-9-]{1,62}")
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the API's JSON instead of a view for people.")
]


@dataclass(frozen=True)
class Session:
    """One run of the program."""

    configuration: Configuration
    client: ServiceClient


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
            remediation="List what is saved: GET /dashboards.",
        )
    return text
