"""What the supervisor runs once per start, as `python -m deploy.local.tasks NAME`.

Each is a program of its own, so that what it imports and holds in memory goes away with it. The last line it
prints is shown beside its name.
"""

import sys
from collections.abc import Callable

from deploy.local.environment import PROJECT
from deploy.local.errors import StackError
from deploy.local.parts import REPOSITORY
from deploy.local.stack import Stack


def migrate() -> None:
    """Bring the schema of DATABASE_URL to the newest revision."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(REPOSITORY / "alembic.ini")
    command.upgrade(config, "head")
    print(f"schema is at revision {ScriptDirectory.from_config(config).get_current_head()}")


def load_sample_data() -> None:
    """Load the sample tables unless they are there."""
    load_sample_into(Stack().bigquery_endpoint)


def load_sample_into(bigquery_endpoint: str) -> None:
    """Load the sample tables into the emulator behind `bigquery_endpoint` unless they are there."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    from deploy.local.sample import DATASET, load_sample

    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    options = ClientOptions(api_endpoint=bigquery_endpoint)
    with bigquery.Client(PROJECT, credentials=credentials, client_options=options) as client:
        loaded = load_sample(client)
    print(f"dataset {DATASET} {'loaded' if loaded else 'is there'}")


def save_sample_dashboards() -> None:
    """Save and compute the sample dashboards."""
    from deploy.local.seed import seed

    seed(Stack())


TASKS: dict[str, Callable[[], None]] = {
    "migrate": migrate,
    "sample-data": load_sample_data,
    "sample-dashboards": save_sample_dashboards,
}


def main(name: str) -> int:
    """Run one task; answers the exit code."""
    try:
        TASKS[name]()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
