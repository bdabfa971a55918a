"""BigQuery as commands ask it themselves, without the service: the local stack's, or Google's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from almanac_cli.configuration import is_loopback
from almanac_cli.errors import CliError, UsageError
from shared.errors import AlmanacError
from shared.settings import Settings

LOCAL_ENDPOINT = "http://127.0.0.1:{port}"
LOCAL_PORT = "8050"
LOCAL_PROJECT = "local"

GoogleOption = Annotated[
    bool,
    typer.Option("--google", help="BigQuery itself, as `gcloud auth application-default login` says."),
]
ProjectOption = Annotated[
    str | None, typer.Option(envvar="GOOGLE_CLOUD_PROJECT", help="Whose table it is.", show_default=False)
]


def find_place(url: str, *, google: bool, project: str | None, location: str = "US") -> Settings:
    """BigQuery itself for a service elsewhere or where asked for; the local stack's for one on this machine.

    Raises UsageError where nobody says which project is meant.
    """
    endpoint = None if google else os.environ.get("BIGQUERY_ENDPOINT")
    if endpoint is None and not google and is_loopback(url):
        endpoint = LOCAL_ENDPOINT.format(port=os.environ.get("PORT_BIGQUERY", LOCAL_PORT))
    if endpoint is None and not project:
        raise UsageError(
            "Which project is the table's?", remediation="Name it with --project, or in GOOGLE_CLOUD_PROJECT."
        )
    return Settings(
        google_cloud_project=project or LOCAL_PROJECT, bigquery_endpoint=endpoint, bigquery_location=location
    )


def check_table(name: str, example: str) -> None:
    """Raises UsageError, with `example` as advice, for what is neither `dataset.table` nor `project.dataset.table`."""
    if name.count(".") not in (1, 2) or not all(name.split(".")):
        raise UsageError(f"{name!r} is no table.", remediation=example)


@contextmanager
def asking_bigquery() -> Iterator[None]:
    """Turns what Google's client raises, and its absence, into errors of this program."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CliError(
            f"This command needs Google's client for BigQuery, which is not installed ({error.name}).",
            remediation="pip install google-cloud-bigquery",
        ) from error
    except AlmanacError as error:
        raise CliError(error.message, code=error.code, remediation=error.remediation) from error
