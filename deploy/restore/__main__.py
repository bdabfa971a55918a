"""Restores what was lost from what is left; docs/operations.md says when to use which.

::

    python -m deploy.restore database [--dry-run]                 PostgreSQL from Git, the payload store and BigQuery
    python -m deploy.restore files    [--dry-run]                 the dashboard store from PostgreSQL
    python -m deploy.restore spending [--dry-run] [--since DAY]   what was spent, from BigQuery's list of jobs
    python -m deploy.restore spending --as-it-is                  nothing is missing: let jobs be admitted

The stores are those of the environment, as for any function (docs/settings.md). With `--dry-run` nothing is changed.
Each command adds what is missing and may be run again. It exits with 1 when a store cannot be used.
"""

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from datetime import date

from shared.container import Container, get_container
from shared.errors import AlmanacError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    parsed = _parse(arguments)
    try:
        COMMANDS[parsed.command](get_container(), parsed)
    except AlmanacError as error:
        print(f"error: {error.message} {error.remediation}".rstrip(), file=sys.stderr)
        return 1
    return 0


def restore_database(container: Container, parsed: argparse.Namespace) -> None:
    """Index, results and spending, in this order: each needs what comes before."""
    if container.dashboard_history is None:
        _say(
            parsed,
            "no version added",
            ["The dashboard store keeps no history: versions come from the backup alone."],
        )
    else:
        index = container.index_restorer.restore_index(dry_run=parsed.dry_run)
        _say(
            parsed,
            f"{index.dashboards} dashboards and {index.versions} versions added, {index.known} versions were there, "
            f"{index.deleted} dashboards are deleted",
            index.problems,
        )
    found = container.result_recovery.recover(dry_run=parsed.dry_run)
    _say(
        parsed,
        f"{found.payloads} payloads and {found.results} results found again, {found.expired} blobs that nothing needs",
        found.problems,
    )
    restore_spending(container, parsed)


def restore_files(container: Container, parsed: argparse.Namespace) -> None:
    """The dashboard store."""
    report = container.files_restorer.restore_files(dry_run=parsed.dry_run)
    _say(
        parsed,
        f"{report.versions} versions committed, the files of {report.put_back} dashboards put back, "
        f"those of {report.taken_away} deleted ones taken away",
        report.problems,
    )


def restore_spending(container: Container, parsed: argparse.Namespace) -> None:
    """The ledger."""
    if getattr(parsed, "as_it_is", False):
        if not parsed.dry_run:
            container.spending_reader.open_as_it_is(getpass.getuser())
        _say(parsed, "the ledger is open as it is", ())
        return
    since = getattr(parsed, "since", None)
    report = container.spending_reader.read_days_back(since, dry_run=parsed.dry_run)
    unknown = [
        f"Who is {user} in the labels of jobs is not known; what they spent is theirs when they come again."
        for user in report.unknown_users
    ]
    _say(
        parsed,
        f"{report.entered} of {report.listed} jobs entered, which billed {report.bytes_billed} bytes; "
        "the ledger is open",
        unknown,
    )


COMMANDS: dict[str, Callable[[Container, argparse.Namespace], None]] = {
    "database": restore_database,
    "files": restore_files,
    "spending": restore_spending,
}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.restore", description="Restore lost stores.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=(function.__doc__ or "").splitlines()[0])
        command.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and change nothing"
        )
        if name == "spending":
            command.add_argument(
                "--since", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the first day (180 days ago)"
            )
            command.add_argument("--as-it-is", action="store_true", help="nothing is missing: admit jobs")
    return parser.parse_args(arguments)


def _say(parsed: argparse.Namespace, what: str, problems: Sequence[str]) -> None:
    print(f"{'Would be' if parsed.dry_run else 'Done'}: {what}.")
    for problem in problems:
        print(f"  {problem}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
