"""The pre-commit hook: what it names is there, and it runs as pre-commit would install it."""

import os
import re
import shlex
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
import yaml

from deploy.local.parts import REPOSITORY
from tests.fixtures.functions import SHOP

BAD = SHOP.replace("query: names", "query: nmaes")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one good dashboard."""
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards" / "shop.yaml").write_text(SHOP)
    return tmp_path / "dashboards"


def test_the_pre_commit_hook_calls_what_exists() -> None:
    (hook,) = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    assert (hook["entry"], hook["args"]) == ("almanac validate", ["dashboards"])
    pattern = re.compile(hook["files"])
    assert pattern.search("dashboards/shop.yaml")
    assert pattern.search("team/dashboards/sql/daily.sql")
    assert not pattern.search("docs/dashboards.md")
    pinned = (REPOSITORY / "requirements-cli.txt").read_text().split()
    assert set(hook["additional_dependencies"]) <= set(pinned)


@pytest.mark.usefixtures("programs")
def test_the_pre_commit_hook_runs_as_it_is_installed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From the files that Git has, into an environment of its own; only the dependencies are those of the tests."""
    place = tmp_path_factory.mktemp("hook")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout
    for name in tracked.decode().split("\0")[:-1]:
        copy = place / "source" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, copy)
    venv.create(place / "venv", with_pip=False)
    (packages,) = (place / "venv" / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    python = place / "venv" / "bin" / "python"
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([python, *install, place / "source"], check=True)

    (hook,) = yaml.safe_load((place / "source" / ".pre-commit-hooks.yaml").read_text())
    program, *arguments = [*shlex.split(hook["entry"]), *hook["args"]]
    command = [place / "venv" / "bin" / program, *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(place)}
    passed = subprocess.run(
        command, cwd=folder.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert (passed.returncode, passed.stdout, passed.stderr) == (0, "1 file: 0 errors, 0 warnings\n", "")
    (folder / "shop.yaml").write_text(BAD)
    refused = subprocess.run(
        command, cwd=folder.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert " --> dashboards/shop.yaml:17:38" in refused.stdout
