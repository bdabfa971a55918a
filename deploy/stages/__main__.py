"""One command per stage.

::

    python -m deploy.stages plan     --stage staging
    python -m deploy.stages apply    --stage staging --image HOST/PATH/NAME@sha256:… --version 2f1c9ab
    python -m deploy.stages rollback --stage staging [--from 2f1c9ab]
    python -m deploy.stages destroy  --stage staging

Each prints what it will do before it does it; `plan` prints what `apply` would, and asks nobody.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from deploy.render import GOOGLE
from deploy.stages.connections import compute_connections
from deploy.stages.gcloud import Gcloud, GcloudError
from deploy.stages.release import Release, ReleaseError, load_rendered, write_filled
from deploy.stages.revisions import RollbackError, choose_targets, read_history
from deploy.stages.stage import STAGES, Stage, load_stage
from deploy.stages.steps import (
    Step,
    list_apply_steps,
    list_destroy_steps,
    list_rollback_steps,
    list_services,
)
from shared.api.manifest import load_manifest


class RefusedError(Exception):
    """Somebody said no, or the stage is not fit to be deployed."""


def plan(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Print what `apply` would do."""
    show_stage(stage)
    print("The files are sent with the image and the version that `apply` is given.")
    show_steps(list_apply_steps(stage, load_rendered(stage.name), Path(GOOGLE, stage.name)), gcloud)


def apply(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Bring the stage to this checkout and the image given."""
    release = Release(arguments.image, arguments.version)
    documents = load_rendered(stage.name)
    with tempfile.TemporaryDirectory(prefix="almanac-release-") as name:
        folder = Path(name)
        write_filled(documents, release, folder)
        show_stage(stage)
        print(f"Image {release.image}, version {release.version}")
        steps = list_apply_steps(stage, documents, folder)
        show_steps(steps, gcloud)
        if stage.confirm:
            confirm(stage, arguments)
        run_steps(steps, gcloud)


def rollback(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Send all requests to the revisions before; the database and the routes stay as they are."""
    show_stage(stage)
    names = list_services(load_rendered(stage.name))
    histories = [read_history(gcloud, stage, name) for name in names]
    # Services are replaced in this order: where a release stopped half-way, the first is on the newer version.
    version = arguments.from_version or histories[0].version
    print(f"Leaving version {version}")
    steps = list_rollback_steps(stage, choose_targets(histories, version))
    show_steps(steps, gcloud)
    if stage.confirm:
        confirm(stage, arguments)
    run_steps(steps, gcloud)


def destroy(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Delete what `apply` made; dashboards, payloads, database and secrets stay."""
    show_stage(stage)
    steps = list_destroy_steps(stage, load_rendered(stage.name))
    show_steps(steps, gcloud)
    confirm(stage, arguments)
    run_steps(steps, gcloud)


def show_stage(stage: Stage) -> None:
    """Where it will happen. Raises RefusedError when the database could not take the connections."""
    budget = compute_connections(load_manifest(), stage)
    print(f"Stage {stage.name}: project {stage.project}, {stage.region}, https://{stage.domain}")
    if not budget.fits:
        raise RefusedError(budget.describe(stage))


def show_steps(steps: Sequence[Step], gcloud: Gcloud) -> None:
    """The steps, numbered, each with its command."""
    for number, step in enumerate(steps, 1):
        print(f"{number:3}. {step.why}\n       {gcloud.show(step.command)}")
        if step.otherwise:
            print(f"       or, when there is none yet: {gcloud.show(step.otherwise)}")
    sys.stdout.flush()


def confirm(stage: Stage, arguments: argparse.Namespace) -> None:
    """Have the stage's name typed, unless --yes. Raises RefusedError."""
    if arguments.yes:
        return
    try:
        typed = input(f"Type {stage.name} to go on: ")
    except EOFError:
        typed = ""
    if typed.strip() != stage.name:
        raise RefusedError("not confirmed; nothing was changed (--yes confirms without a question)")


def run_steps(steps: Sequence[Step], gcloud: Gcloud) -> None:
    """Run them in order; the first that fails ends it (GcloudError)."""
    for number, step in enumerate(steps, 1):
        print(f"[{number}/{len(steps)}] {step.why}", flush=True)
        if not step.probe or gcloud.exists(step.probe):
            gcloud.run(step.command)
        elif step.otherwise:
            gcloud.run(step.otherwise)


def url(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Print the stage's address."""
    print(f"https://{stage.domain}")


COMMANDS = {"plan": plan, "apply": apply, "rollback": rollback, "destroy": destroy, "url": url}


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.stages", description="Deploy a stage.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=(function.__doc__ or "").splitlines()[0])
        command.add_argument("--stage", required=True, choices=STAGES)
        if name == "apply":
            command.add_argument("--image", required=True, help="the image by digest")
            command.add_argument("--version", required=True, help="what answers call themselves; a commit")
        if name == "rollback":
            command.add_argument("--from", dest="from_version", help="the version to leave; what serves now")
        if name not in {"plan", "url"}:
            command.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    parsed = parse_arguments(arguments)
    try:
        stage = load_stage(parsed.stage)
        COMMANDS[parsed.command](stage, parsed, Gcloud(stage.project))
    except (GcloudError, ReleaseError, RollbackError, RefusedError, ValidationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
