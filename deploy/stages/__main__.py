"""One command per stage.

::

    python -m deploy.stages plan     --stage staging
    python -m deploy.stages apply    --stage staging --image HOST/PATH/NAME@sha256:… --version 2f1c9ab
    python -m deploy.stages accept   --stage staging --version 2f1c9ab
    python -m deploy.stages rollback --stage staging [--from 2f1c9ab] [--to 8c0d1e2]
    python -m deploy.stages destroy  --stage staging

Each prints what it will do before it does it; `plan` prints what `apply` would, and asks nobody. They exit with 1 when
something failed, and with 3 when nothing was changed.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from deploy.render import GOOGLE
from deploy.stage import STAGES, Stage, load_stage
from deploy.stages.confirmation import confirm
from deploy.stages.connections import compute_connections
from deploy.stages.gcloud import Gcloud, GcloudError
from deploy.stages.release import Release, ReleaseError, load_rendered, write_filled
from deploy.stages.revisions import RollbackError, UnchangedError, choose_targets, read_states
from deploy.stages.schedule import read_scheduled
from deploy.stages.steps import (
    Step,
    list_accept_steps,
    list_apply_steps,
    list_destroy_steps,
    list_rollback_steps,
    list_services,
)
from deploy.stages.turns import wait_for_turn
from shared.api.manifest import load_manifest

FAILED, UNCHANGED = 1, 3


def plan(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Print what `apply` would do."""
    show_stage(stage)
    print("The files are sent with the image and the version that `apply` is given.")
    print(
        "Functions and calls of the scheduler that are there and no longer in the manifest are deleted last."
    )
    print("`apply` names them.")
    documents = load_rendered(stage.name)
    show_steps(list_apply_steps(stage, documents, (), (), Path(GOOGLE, stage.name)), gcloud)


def apply(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Bring the stage to this checkout and the image given."""
    release = Release(arguments.image, arguments.version)
    documents = load_rendered(stage.name)
    show_stage(stage)
    states, scheduled = read_states(gcloud, stage), read_scheduled(gcloud, stage)
    with tempfile.TemporaryDirectory(prefix="almanac-release-") as name:
        folder = Path(name)
        write_filled(documents, release, states, folder)
        print(f"Image {release.image}, version {release.version}")
        steps = list_apply_steps(stage, documents, states, scheduled, folder)
        carry_out(steps, stage, arguments, gcloud, asks=stage.confirm)


def accept(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Mark a version that passed its smoke test: it is what `rollback` goes back to."""
    states = read_states(gcloud, stage)
    names = list_services(load_rendered(stage.name))
    serving = [states[name] for name in names if name in states]
    if others := [state.service for state in serving if state.version != arguments.version]:
        raise UnchangedError(f"{', '.join(others)} does not serve {arguments.version}")
    carry_out(list_accept_steps(stage, serving), stage, arguments, gcloud, asks=False)


def rollback(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Send all requests to the revisions that were good before; the database and the routes stay as they are."""
    show_stage(stage)
    states = read_states(gcloud, stage)
    names = list_services(load_rendered(stage.name))
    found = [states[name] for name in names if name in states]
    for name in sorted(set(names) - set(states)):
        print(f"warning: {name} is not deployed")
    # Services are replaced in this order: where a release stopped half-way, the first is on the newer version.
    version = arguments.from_version or (found[0].version if found else "anything")
    chosen = choose_targets(found, version, arguments.to_version)
    print(f"Leaving version {version}")
    steps = list_rollback_steps(stage, chosen.targets, states)
    for service, why in chosen.stuck.items():
        print(f"warning: {service} stays: it {why}")
    if steps:
        carry_out(steps, stage, arguments, gcloud, asks=stage.confirm)
    if chosen.stuck:
        stays = "; ".join(f"{service} {why}" for service, why in chosen.stuck.items())
        raise RollbackError(f"{len(steps)} services went back; these stay as they are: {stays}")


def destroy(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Delete what `apply` made; dashboards, payloads, database and secrets stay."""
    show_stage(stage)
    states, scheduled = read_states(gcloud, stage), read_scheduled(gcloud, stage)
    steps = list_destroy_steps(stage, load_rendered(stage.name), states, scheduled)
    carry_out(steps, stage, arguments, gcloud, asks=True)


def carry_out(
    steps: Sequence[Step], stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud, *, asks: bool
) -> None:
    """Show the steps, ask if that is to be, and run them."""
    show_steps(steps, gcloud)
    if asks:
        confirm(stage, is_confirmed=arguments.yes)
    run_steps(steps, gcloud)


def show_stage(stage: Stage) -> None:
    """Where it will happen. Raises UnchangedError when the database could not take the connections."""
    budget = compute_connections(load_manifest(), stage)
    print(f"Stage {stage.name}: project {stage.project}, {stage.region}, https://{stage.domain}")
    if not budget.fits:
        raise UnchangedError(budget.describe(stage))


def show_steps(steps: Sequence[Step], gcloud: Gcloud) -> None:
    """The steps, numbered, each with its command."""
    for number, step in enumerate(steps, 1):
        print(f"{number:3}. {step.why}\n       {gcloud.show(step.command)}")
        if step.otherwise:
            print(f"       or, when there is none yet: {gcloud.show(step.otherwise)}")
    sys.stdout.flush()


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


def wait(stage: Stage, arguments: argparse.Namespace, gcloud: Gcloud) -> None:
    """Wait until no older build releases the stage."""
    wait_for_turn(gcloud, stage, arguments.build, arguments.within)


COMMANDS = {
    "plan": plan, "wait": wait, "apply": apply, "accept": accept, "rollback": rollback, "destroy": destroy, "url": url,
}  # fmt: skip


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.stages", description="Deploy a stage.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=(function.__doc__ or "").splitlines()[0])
        command.add_argument("--stage", required=True, choices=STAGES)
        if name == "apply":
            command.add_argument("--image", required=True, help="the image by digest")
        if name in {"apply", "accept"}:
            command.add_argument("--version", required=True, help="what answers call themselves; a commit")
        if name == "rollback":
            command.add_argument("--from", dest="from_version", help="the version to leave; what serves now")
            command.add_argument("--to", dest="to_version", help="the version to go to; the last good one")
        if name == "wait":
            command.add_argument("--build", help="the id of the Cloud Build that waits")
            command.add_argument("--within", type=float, default=1800, metavar="SECONDS")
        if name in {"apply", "rollback", "destroy"}:
            command.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    parsed = parse_arguments(arguments)
    try:
        stage = load_stage(parsed.stage)
        COMMANDS[parsed.command](stage, parsed, Gcloud(stage.project))
    except (ReleaseError, UnchangedError, ValidationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return UNCHANGED
    except (GcloudError, RollbackError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
