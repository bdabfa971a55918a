"""CI, wherever it runs, is the commands of .ci/run; what runs before a commit is a part of them."""

import re
from collections.abc import Iterator

import yaml

from deploy.local.parts import REPOSITORY

COMMAND = re.compile(r"\bmake [\w-]+|(?<![\w/])deploy/ci/[\w.]+")
WORKFLOW = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())
CLOUD_BUILD = yaml.safe_load((REPOSITORY / "cloudbuild.yaml").read_text())
# Installing is a step of its own where later ones run in other containers.
PREPARATION = "make install"


def list_commands(text: str) -> list[str]:
    """The targets of make and the scripts of deploy/ci that a text runs."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [command for line in lines for command in COMMAND.findall(line)]


def read_run_script() -> list[str]:
    return list_commands((REPOSITORY / ".ci/run").read_text())


def list_workflow_commands() -> Iterator[str]:
    for job in WORKFLOW["jobs"].values():
        for step in job["steps"]:
            yield from list_commands(step.get("run", ""))


def list_cloud_build_commands() -> Iterator[str]:
    for step in CLOUD_BUILD["steps"]:
        program = "make " if step.get("entrypoint") == "make" else ""
        yield from list_commands("\n".join(program + argument for argument in step["args"]))


def test_github_runs_the_commands_of_the_run_script_and_the_scan() -> None:
    expected = [*read_run_script(), "deploy/ci/scan.sh"]
    assert expected[:3] == ["make check", "make test", "make test-stack"]
    assert [command for command in list_workflow_commands() if command != PREPARATION] == expected


def test_cloud_build_runs_the_same_but_for_what_needs_an_engine_of_its_own_and_then_releases() -> None:
    commands = [command for command in list_cloud_build_commands() if command != PREPARATION]
    assert commands[:4] == [*read_run_script()[:3], "deploy/ci/scan.sh"]
    assert commands[4:] == ["deploy/ci/image.sh", "deploy/ci/scan.sh", "deploy/ci/release.sh"]


def test_the_two_install_the_same_programs_for_the_same_step() -> None:
    installed = re.compile(r"--no-install-recommends ([\w ]+)")
    steps = {step["id"]: installed.findall("\n".join(step["args"])) for step in CLOUD_BUILD["steps"]}
    for name in ("check", "test", "test-stack", "scan"):
        job = WORKFLOW["jobs"][name]
        text = "\n".join(step.get("run", "") for step in job["steps"])
        assert [line.strip() for line in installed.findall(text)] == [line.strip() for line in steps[name]]
        assert job["container"] == next(step["name"] for step in CLOUD_BUILD["steps"] if step["id"] == name)


def test_a_pull_request_may_only_read() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job or "secrets" in str(job) for job in WORKFLOW["jobs"].values())


def test_the_hooks_are_programs_of_the_environment_that_make_check_runs_too() -> None:
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] if repo["repo"] == "local" for hook in repo["hooks"]]
    makefile = (REPOSITORY / "Makefile").read_text().replace("$(PY)", ".venv/bin/python")
    checks = makefile.replace(".venv/bin/python -m ruff", ".venv/bin/ruff").replace(" --check .", "")
    for hook in hooks:
        command = re.sub(r" --(force-exclude|fix)\b", "", hook["entry"])
        assert command.startswith(".venv/bin/")
        assert hook["id"] == "almanac-validate" or command in checks, command


def test_the_hook_of_this_repository_is_the_one_it_offers_to_others() -> None:
    (offered,) = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    (own,) = [hook for hook in config["repos"][0]["hooks"] if hook["id"] == offered["id"]]
    assert own["entry"] == f".venv/bin/{offered['entry']} {' '.join(offered['args'])}"
    assert (own["name"], own["files"]) == (offered["name"], offered["files"])
