"""`up`: the local stack, from the command line of a checkout."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from almanac_cli.context import JsonOption, answering
from almanac_cli.errors import CliError, UsageError
from almanac_cli.output import print_json

_MODULE = "deploy.local"
_CHOICE = "STACK"


class StackNotStartedError(CliError):
    """The local stack said why on standard error."""


def up(
    google: Annotated[
        bool,
        typer.Option("--google", help="On your own BigQuery, as .env names it, instead of the emulator."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Start the local stack of this checkout, as `make up` does. `make down` stops it."""
    with answering(as_json=as_json):
        chosen = {**os.environ, _CHOICE: "google"} if google else dict(os.environ)
        sys.stdout.flush()
        # A program of its own: the command line shares no code with the stack, and needs none of its packages.
        done = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            [sys.executable, "-m", _MODULE, "up"],
            cwd=find_checkout(),
            env=chosen,
            stdout=sys.__stderr__ if as_json else None,
            check=False,
        )
        if done.returncode:
            raise StackNotStartedError(
                "The local stack did not start.",
                code="DEPENDENCY_UNAVAILABLE",
                remediation="Do what the line above says, then try again.",
            )
        if as_json:
            print_json({"up": True, "google": chosen.get(_CHOICE) == "google"})


def find_checkout() -> Path:
    """The folder of the checkout this program was installed from. Raises UsageError when there is none."""
    try:
        found = importlib.util.find_spec(_MODULE)
    except ModuleNotFoundError:
        found = None
    if found is None or found.origin is None:
        raise UsageError(
            "This almanac was installed without the local stack.",
            remediation="Clone the repository, run `make install` there, and use its .venv/bin/almanac.",
        )
    return Path(found.origin).parents[2]
