"""`almanac up`: the local stack is another program, which says itself what is wrong."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from almanac_cli.commands.stack import find_checkout
from deploy.local.parts import REPOSITORY
from tests.cli.conftest import Program


def test_the_checkout_is_that_of_the_program() -> None:
    assert find_checkout() == REPOSITORY


def test_without_a_checkout_it_says_where_to_get_one(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    shown = program.run("up", code=2).stderr
    assert "This almanac was installed without the local stack." in shown
    assert "make install" in shown


@pytest.mark.usefixtures("programs")
def test_what_keeps_the_stack_from_starting_is_said_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.env"
    file.write_text("LOG_LEVEL=INFO\n")
    done = subprocess.run(
        [sys.executable, "-m", "almanac_cli", "up", "--google"],
        cwd=tmp_path,
        env={**os.environ, "ENV_FILE": str(file), "LOCAL_DIR": str(tmp_path), "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: GOOGLE_CLOUD_PROJECT is missing in .env")
    assert rest[0] == "error[DEPENDENCY_UNAVAILABLE]: The local stack did not start."
