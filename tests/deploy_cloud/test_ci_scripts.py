"""The steps of cloudbuild.yaml: scripts that also run here. What needs Google meets a recording gcloud or docker."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.local.parts import REPOSITORY, parts_python
from tests.deploy_cloud.cloud_run import IMAGE
from tests.deploy_cloud.scripts import BIN, run_script

STEPS = {step["id"]: step for step in yaml.safe_load((REPOSITORY / "cloudbuild.yaml").read_text())["steps"]}
FAKE_DOCKER = """\
#!/bin/sh
echo "$@" >>'{log}'
case "$1 $2" in
"pull --quiet") exit {pull} ;;
"image inspect") echo {image} ;;
esac
"""


def list_waited_for(step: str) -> set[str]:
    """Every step that is over before this one begins."""
    direct = set(STEPS[step].get("waitFor", [])) - {"-"}
    return direct.union(*(list_waited_for(one) for one in direct))


def test_nothing_is_released_before_everything_else_is_done() -> None:
    assert list_waited_for("release") == set(STEPS) - {"release"}


def test_every_script_a_step_names_is_there_and_can_be_run() -> None:
    words = {word for step in STEPS.values() for argument in step["args"] for word in argument.split()}
    scripts = {word for word in words if word.startswith("deploy/ci/")}
    assert scripts >= {"deploy/ci/image.sh", "deploy/ci/scan.sh", "deploy/ci/release.sh"}
    for script in scripts:
        assert (REPOSITORY / script).stat().st_mode & stat.S_IXUSR, script


def test_every_target_of_make_that_a_step_names_is_there() -> None:
    targets = [step["args"][0] for step in STEPS.values() if step.get("entrypoint") == "make"]
    for step in ("test", "test-stack"):
        targets += re.findall(r"\bmake ([\w-]+)", STEPS[step]["args"][-1])
    assert targets == ["install", "check", "test", "test-stack"]
    makefile = (REPOSITORY / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in targets)


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("has_cache", [True, False])
def test_the_image_is_built_from_the_last_ones_cache_and_named_by_digest(
    tmp_path: Path, has_cache: bool
) -> None:
    docker = tmp_path / "docker"
    log = tmp_path / "log"
    docker.write_text(FAKE_DOCKER.format(log=log, pull=0 if has_cache else 1, image=IMAGE))
    docker.chmod(0o755)
    done = run_script(
        "image.sh",
        PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        IMAGE_REPOSITORY="host/p/almanac",
        VERSION="v2",
        DIGEST_FILE=str(tmp_path / "out" / "image"),
    )
    assert done.returncode == 0, done.stderr
    calls = log.read_text().splitlines()
    (build,) = [call for call in calls if call.startswith("build ")]
    assert ("--cache-from host/p/almanac:cache" in build) is has_cache
    assert "push --quiet host/p/almanac:v2" in calls
    assert (tmp_path / "out" / "image").read_text() == f"{IMAGE}\n"


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("stage", ["local", "staging"])
def test_an_image_that_is_released_nowhere_is_pushed_nowhere(tmp_path: Path, stage: str) -> None:
    log = tmp_path / "log"
    (tmp_path / "docker").write_text(FAKE_DOCKER.format(log=log, pull=1, image=IMAGE))
    (tmp_path / "docker").chmod(0o755)
    step = STEPS["image"]
    subprocess.run(
        [step["entrypoint"], *(argument.replace("$$", "$") for argument in step["args"])],
        cwd=REPOSITORY,
        env={
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "STAGE": stage,
            "IMAGE_REPOSITORY": "host/p/almanac",
            "VERSION": "v2",
            "DIGEST_FILE": str(tmp_path / "image"),
        },
        check=True,
    )
    assert ("push --quiet host/p/almanac:v2" in log.read_text().splitlines()) is (stage != "local")


@pytest.mark.usefixtures("programs")
def test_the_scripts_of_a_copy_without_git_are_found(tmp_path: Path) -> None:
    packed = subprocess.run(
        ["git", "archive", "HEAD"], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", tmp_path], input=packed, check=True)
    script = "deploy/ci/check_files.sh"
    (tmp_path / script).write_text((REPOSITORY / script).read_text())
    done = subprocess.run(
        ["bash", tmp_path / script],
        env={**os.environ, "BIN": str(BIN), "PARTS_DIR": str(parts_python().parents[1])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run(
        ["git", "ls-files", "*.sh"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert f"shellcheck: {len(listed)} scripts" in done.stdout


@pytest.mark.usefixtures("programs")
def test_every_package_of_the_image_may_be_used() -> None:
    done = run_script("scan.sh", "licences")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all allowed" in done.stdout


@pytest.mark.usefixtures("programs")
def test_a_licence_that_is_not_allowed_fails_the_scan(tmp_path: Path) -> None:
    script = (REPOSITORY / "deploy" / "ci" / "scan.sh").read_text()
    strict = tmp_path / "deploy" / "ci" / "scan.sh"
    strict.parent.mkdir(parents=True)
    strict.write_text(script.replace("Apache;BSD;", ""))
    (tmp_path / "requirements.lock").write_text((REPOSITORY / "requirements.lock").read_text())
    done = subprocess.run(
        ["bash", strict, "licences"],
        env={**os.environ, "BIN": str(BIN)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert "Apache" in done.stderr


@pytest.mark.usefixtures("programs")
def test_a_vulnerability_or_a_package_nobody_could_look_up_fails_the_scan(tmp_path: Path) -> None:
    (tmp_path / "pip-audit").write_text('#!/bin/sh\necho "$@"\nexit 1\n')
    (tmp_path / "pip-audit").chmod(0o755)
    done = run_script("scan.sh", "vulnerabilities", BIN=str(tmp_path))
    assert done.returncode == 1
    assert "--strict" in done.stdout
    assert "--requirement requirements.lock" in done.stdout


@pytest.mark.usefixtures("programs")
def test_the_pages_packages_are_looked_up_where_npm_is(tmp_path: Path) -> None:
    for name, body in (("pip-audit", "exit 0"), ("npm", 'echo "npm $@"\nexit 1')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run_script("scan.sh", "vulnerabilities", BIN=str(tmp_path), PATH=path)
    assert done.returncode == 1
    assert "npm audit --prefix functions/viewer/web --omit=dev" in done.stdout


def judge(what: str, given: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.scan", what],
        input=json.dumps(given),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("programs")
def test_what_the_pages_are_bundled_from_may_be_used_and_what_builds_them_is_not_asked() -> None:
    packages: dict[str, object] = {
        "": {"name": "pages"},
        "node_modules/a": {"license": "MIT"},
        "node_modules/builder": {"license": "GPL-3.0", "dev": True},
    }
    assert "1 packages of the pages" in judge("licences", {"packages": packages}).stdout
    for one in ({"license": "GPL-3.0"}, {}):
        done = judge("licences", {"packages": {**packages, "node_modules/b": one}})
        assert done.returncode == 1
        assert "b (" in done.stderr
    assert judge("licences", {"packages": {}}).returncode == 1


def describe_image(status: str, severity: str = "CRITICAL", *, fixable: bool = True) -> dict[str, object]:
    """As `gcloud artifacts docker images describe --show-package-vulnerability` does."""
    one = {"noteName": "projects/x/notes/CVE-2026-1", "vulnerability": {"fixAvailable": fixable}}
    return {
        "image_summary": {"digest": "sha256:0"},
        "discovery_summary": {"discovery": [{"discovery": {"analysisStatus": status}}]},
        "package_vulnerability_summary": {"vulnerabilities": {severity: [one]}},
    }


@pytest.mark.usefixtures("programs")
def test_a_critical_vulnerability_that_has_a_fix_holds_the_release_up() -> None:
    done = judge("image", describe_image("FINISHED_SUCCESS"))
    assert done.returncode == 1
    assert "CVE-2026-1" in done.stderr
    for other in (
        describe_image("FINISHED_SUCCESS", fixable=False),
        describe_image("COMPLETE", "HIGH"),
        {"discovery_summary": describe_image("COMPLETE")["discovery_summary"]},
    ):
        assert judge("image", other).returncode == 0
    assert judge("image", describe_image("FINISHED_UNSUPPORTED")).returncode == 1


@pytest.mark.usefixtures("programs")
def test_the_scan_of_an_image_waits_until_the_registry_has_looked_into_it(tmp_path: Path) -> None:
    answers = [{}, describe_image("SCANNING"), describe_image("FINISHED_SUCCESS", fixable=False)]
    for number, answer in enumerate(answers):
        (tmp_path / f"{number}.json").write_text(json.dumps(answer))
    (tmp_path / "gcloud").write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ncat {tmp_path}/$(($(wc -l <{tmp_path}/asked) - 1)).json\n'
    )
    (tmp_path / "gcloud").chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "IMAGE": "host/a/b@sha256:1"}
    done = run_script("scan.sh", "image", SCAN_SECONDS="0", **environment)
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == len(answers)
    assert set(asked) == {
        "artifacts docker images describe host/a/b@sha256:1 --show-package-vulnerability --format=json"
    }
    (tmp_path / "asked").unlink()
    assert run_script("scan.sh", "image", SCAN_SECONDS="0", SCAN_TRIES="2", **environment).returncode == 1


@pytest.mark.usefixtures("programs")
def test_without_an_engine_the_compose_run_says_so_and_passes(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run_script("compose.sh", PATH=path, ENGINE=str(tmp_path / "none"))
    assert done.returncode == 0
    assert "NOT RUN, there is no Docker engine here" in done.stdout


@pytest.mark.usefixtures("programs")
def test_an_engine_that_is_there_and_does_not_start_is_not_taken_for_none(tmp_path: Path) -> None:
    for name, body in (
        ("docker", "exit 1"),
        ("engine", '[ "$1" = env ] || { echo "cannot listen" >&2; exit 1; }'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run_script("compose.sh", PATH=path, ENGINE=str(tmp_path / "engine"))
    assert done.returncode == 0
    assert f"NOT RUN, {tmp_path}/engine is there and FAILED to start an engine" in done.stdout
    assert "cannot listen" in done.stderr
    assert "there is no Docker engine" not in done.stdout


@pytest.mark.usefixtures("programs")
def test_a_compose_run_that_hangs_is_ended_and_taken_down(tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tmp_path / "docker").write_text(
        f'#!/bin/sh\necho "$@" >>\'{log}\'\ncase "$2" in build) exec sleep 60 ;; esac\n'
    )
    (tmp_path / "docker").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run_script("compose.sh", PATH=path, ENGINE=str(tmp_path / "none"), LIMIT_SECONDS="2")
    assert done.returncode == 124
    calls = log.read_text().splitlines()
    assert calls[-1].startswith("compose down --volumes")
    assert calls.index("compose build --quiet") < len(calls) - 1
