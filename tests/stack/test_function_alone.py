"""One function alone, run as README says."""

import os
import signal
import subprocess

import pytest
import requests

from deploy.local.parts import REPOSITORY
from deploy.local.supervision.process import pick_free_port
from tests.fixtures.stack import RunningStack

pytestmark = pytest.mark.stack


def test_the_commands_of_the_readme_answer(stack: RunningStack) -> None:
    section = (REPOSITORY / "README.md").read_text().partition("### One function alone")[2]
    commands = section.partition("```sh\n")[2].partition("```")[0]
    assert "8099" in commands
    port = pick_free_port()
    with subprocess.Popen(
        ["bash", "-c", commands.replace("8099", str(port))],
        cwd=REPOSITORY,
        # Without the variables of a make that runs these tests: they would be those of the README's.
        env={**_list_own_environment(), **stack.environment},
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as shell:
        try:
            assert shell.stdout is not None
            answer = b""
            while b"}}" not in answer:
                part = shell.stdout.read1()
                assert part, answer
                answer += part
            assert b'"rows":[[336776]]' in answer
            # It needs its caller to be known, as behind the router.
            refused = requests.post(f"http://127.0.0.1:{port}/sql/run", json={"sql": "SELECT 1"}, timeout=30)
            assert refused.status_code == 401
        finally:
            os.killpg(shell.pid, signal.SIGTERM)


def _list_own_environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))
    }
