"""Ask the Google Cloud CLI, where it is installed, about what is meant for it; it needs no network and no account.

``python -m deploy.checks.google_sdk`` has its own linter read every command of `deploy.stages` and of the
documentation, and its own message classes read every rendered file.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from deploy.render import REPOSITORY
from deploy.stage import Stage, load_stages
from deploy.stages.gcloud import Gcloud
from deploy.stages.queries import list_queries
from deploy.stages.release import load_rendered
from deploy.stages.revisions import ServiceState
from deploy.stages.steps import (
    list_accept_steps,
    list_apply_steps,
    list_destroy_steps,
    list_rollback_steps,
)

DOCUMENTS = {
    "deploy/google/*/services/*.yaml": ("run", "v1", "Service"),
    "deploy/google/*/migrate.yaml": ("run", "v1", "Job"),
    "deploy/google/*/url-map.yaml": ("compute", "v1", "UrlMap"),
    "deploy/monitoring/alerts/*.json": ("monitoring", "v3", "AlertPolicy"),
    "deploy/monitoring/dashboard.json": ("monitoring", "v1", "Dashboard"),
    "deploy/monitoring/log-metrics.json": ("logging", "v2", "LogMetric"),
    "cloudbuild.yaml": ("cloudbuild", "v1", "Build"),
}
PAGES = ("README.md", "docs/deploy.md", "docs/operations.md")
# Runs on the SDK's own libraries, so in an interpreter of its own. What it does not know it keeps aside and can list.
_READER = """\
import importlib, json, sys
sdk, folder = sys.argv[1] + "/lib", json.load(sys.stdin)
sys.path[:0] = [sdk, sdk + "/third_party"]
from apitools.base.py import encoding
for path, (api, version, name, document) in folder.items():
    module = f"googlecloudsdk.generated_clients.apis.{api}.{version}.{api}_{version}_messages"
    message = encoding.PyValueToMessage(getattr(importlib.import_module(module), name), document)
    for edges, fields in encoding.UnrecognizedFieldIter(message):
        print(f"{path}: {name} has no {', '.join(map(str, fields))} at {'.'.join(map(str, edges)) or 'its top'}")
"""


def find_sdk(program: str = "gcloud") -> Path | None:
    """The folder of the installed SDK; None when there is none."""
    found = shutil.which(program)
    if found is None:
        return None
    folder = Path(found).resolve().parents[1]
    return folder if (folder / "lib" / "googlecloudsdk").is_dir() else None


def list_commands() -> list[str]:
    """Every command of every stage and of the documentation; of those that differ in values only, one."""
    commands = [command for stage in load_stages() for command in _list_stage_commands(stage)]
    commands += [command for page in PAGES for command in find_commands((REPOSITORY / page).read_text())]
    return list({_find_shape(command): command for command in reversed(commands)}.values())


def find_commands(text: str) -> list[str]:
    """The gcloud commands in Markdown that have a flag: in code blocks, and as code in a sentence."""
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    sentences = re.findall(r"(?<!`)`(gcloud [^`]+)`(?!`)", text)
    found = [re.search(r"gcloud [^|&]+", line) for line in [*lines, *sentences]]
    commands = [" ".join(one[0].split()) for one in found if one and " --" in one[0]]
    return [re.sub(r'"?\$(\w+|\([^)]*\))"?', "some-value", command) for command in commands]


def _find_shape(command: str) -> str:
    return " ".join([*command.split()[1:4], *sorted(re.findall(r" (--[a-z-]+)", command))])


def lint(commands: Sequence[str]) -> Iterator[str]:
    """What gcloud's linter says against them, and every flag it does not know."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "commands.json")
        listed.write_text(json.dumps([{"command_string": command} for command in commands]))
        done = subprocess.run(
            ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={listed}"],
            env={**os.environ, "CLOUDSDK_CONFIG": folder, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
    for verdict in json.loads(done.stdout):
        if not verdict["success"]:
            yield f"{verdict['command_string']}: {verdict['error_message']}"
            continue
        known = {f"--{name}" for name in _list_names(verdict["args_structure"])}
        given = {name for name in verdict["command_args"] or () if name.startswith("--")}
        unknown = {name for name in given if name not in known and name.replace("--no-", "--") not in known}
        for flag in sorted(unknown):
            yield f"{verdict['command_string']}: {flag} is not known"


def read_documents(sdk: Path, documents: Mapping[str, Sequence[Any]]) -> list[str]:
    """What the SDK's message classes do not know in `documents`: path, then API, version, message and the document."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _READER, str(sdk)],
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()
    return said if done.returncode == 0 else [*said, done.stderr.strip().splitlines()[-1]]


def load_documents() -> dict[str, tuple[str, str, str, Any]]:
    """Every file that has a message of Google's, ready for `read_documents`; of a list, each entry by its number."""
    return {
        name: (*message, document)
        for pattern, message in DOCUMENTS.items()
        for path in sorted(REPOSITORY.glob(pattern))
        for name, document in _split(str(path.relative_to(REPOSITORY)), yaml.safe_load(path.read_text()))
    }


def _split(name: str, document: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(document, list):
        yield name, document
        return
    for number, entry in enumerate(document):
        yield f"{name}[{number}]", entry


def _list_stage_commands(stage: Stage) -> list[str]:
    documents, gcloud = load_rendered(stage.name), Gcloud(stage.project)
    state = ServiceState("data", "data-v3", "data-v3", {"good": "data-v2", "before": "data-v1"})
    steps = [
        *list_apply_steps(stage, documents, ["removed"], ["removed"], Path("deploy/google", stage.name)),
        *list_accept_steps(stage, [state]),
        *list_rollback_steps(stage, {"data": "data-v1"}, {"data": state}),
        *list_destroy_steps(stage, documents, ["removed"], ["removed"]),
    ]
    commands = [
        arguments for step in steps for arguments in (step.command, step.probe, step.otherwise) if arguments
    ]
    return [shlex.join(gcloud.build_command(arguments)) for arguments in [*commands, *list_queries(stage)]]


def _list_names(structure: Mapping[str, Any]) -> Iterator[str]:
    for argument in structure.get("arguments", []):
        if "group" in argument:
            yield from _list_names(argument["group"])
        elif "name" in argument:
            yield str(argument["name"])


def main() -> int:
    """Check; answers the exit code."""
    sdk = find_sdk()
    if sdk is None:
        print("gcloud: NOT RUN, the Google Cloud CLI is not installed")
        return 0
    commands, documents = list_commands(), load_documents()
    faults = [*lint(commands), *read_documents(sdk, documents)]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    print(f"gcloud: {len(commands)} commands and {len(documents)} files read, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
