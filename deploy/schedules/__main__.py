"""A Cloud Scheduler job for every dashboard with a `refresh.schedule`.

::

    python -m deploy.schedules plan    --stage prod [--folder dashboards]
    python -m deploy.schedules apply   --stage prod [--folder dashboards]
    python -m deploy.schedules destroy --stage prod

`plan` prints what `apply` would do. Dashboards are those the stage's service has saved, asked for as the command
line asks (ALMANAC_TOKEN, ALMANAC_TOKEN_COMMAND or `almanac login`), or with --folder those of its files.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from almanac_cli.client import ServiceClient
from almanac_cli.configuration import Configuration, check_url, find_credential_file
from almanac_cli.errors import CliError
from deploy.schedules.api import SchedulerApi, SchedulerError
from deploy.schedules.dashboards import ScheduledDashboard, read_folder, read_service
from deploy.schedules.jobs import Change, build_job, get_parent, get_prefix, list_changes
from deploy.stages.confirmation import confirm
from deploy.stages.revisions import UnchangedError
from deploy.stages.stage import STAGES, Stage, load_stage
from shared.api.manifest import load_manifest


def read_dashboards(stage: Stage, arguments: argparse.Namespace) -> list[ScheduledDashboard]:
    """Those of the folder named, or of the service. Raises CliError."""
    if arguments.folder is not None:
        return read_folder(arguments.folder)
    environment = os.environ.get
    return read_service(
        ServiceClient(
            Configuration(
                check_url(arguments.url or f"https://{stage.domain}"),
                environment("ALMANAC_TOKEN"),
                environment("ALMANAC_TOKEN_COMMAND"),
                find_credential_file(),
            )
        )
    )


def find_changes(stage: Stage, arguments: argparse.Namespace, api: SchedulerApi) -> list[Change]:
    """What is to be done; printed too. Raises CliError or SchedulerError."""
    destroying = arguments.command == "destroy"
    dashboards = [] if destroying else read_dashboards(stage, arguments)
    manifest = load_manifest()
    wanted = [build_job(dashboard, stage, manifest) for dashboard in dashboards]
    changes = list_changes(wanted, api.list_jobs(get_parent(stage), get_prefix(stage)))
    print(f"Stage {stage.name}: {len(wanted)} scheduled dashboards, {len(changes)} changes")
    for change in changes:
        print(f"  {change.describe()}")
    sys.stdout.flush()
    return changes


def run(stage: Stage, arguments: argparse.Namespace, api: SchedulerApi) -> None:
    """One command. What was done before a failure stays done: run it again for the rest."""
    changes = find_changes(stage, arguments, api)
    if arguments.command == "plan" or not changes:
        return
    if stage.confirm or arguments.command == "destroy":
        confirm(stage, is_confirmed=arguments.yes)
    for number, change in enumerate(changes, 1):
        api.make_change(change)
        print(f"[{number}/{len(changes)}] {change.describe()}", flush=True)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.schedules", description="Refresh dashboards at the times their files name."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("plan", "print what apply would do"),
        ("apply", "create, update and delete jobs until they are as the dashboards say"),
        ("destroy", "delete every job apply made"),
    ):
        command = commands.add_parser(name, help=purpose)
        command.add_argument("--stage", required=True, choices=STAGES)
        if name != "destroy":
            source = command.add_mutually_exclusive_group()
            source.add_argument("--folder", type=Path, help="dashboard files, instead of the service")
            source.add_argument("--url", help="the service, when it is not at the stage's domain")
        if name != "plan":
            command.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    parsed = parse_arguments(arguments)
    try:
        run(load_stage(parsed.stage), parsed, SchedulerApi())
    except CliError as error:
        print(f"error: {error.message} {error.remediation}", file=sys.stderr)
        return 1
    except (SchedulerError, UnchangedError, ValidationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
