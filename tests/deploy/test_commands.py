"""`python -m deploy.local` and `make`: what a person reads when something is not as it should be."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from deploy.local.commands import control
from deploy.local.errors import StackError
from deploy.local.parts import REPOSITORY, parts_environment
from deploy.local.ports import Ports, setting_name
from deploy.local.supervision.process import Service, ServiceSpec, pick_free_port
from deploy.local.supervision.status import StackStatus, StatusFile, UnitStatus, read_process_start


@pytest.fixture
def environment(programs: None, tmp_path: Path) -> dict[str, str]:
    """The environment of a stack that shares nothing with another but the installed parts."""
    ports = {setting_name(field.name): str(pick_free_port()) for field in fields(Ports)}
    own = {"LOCAL_DIR": str(tmp_path / "local"), "PARTS_DIR": str(parts_environment().folder)}
    return {**os.environ, **own, **ports}


def run_command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command of the local stack."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_taken_port_is_one_clear_sentence(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run_command({**environment, "PORT_NGINX": str(port)}, "up")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: Port {port} (nginx) is taken by another program; "
        "stop that, or set PORT_NGINX to a free port in .env.\n"
    )
    assert done.stdout == ""


def test_a_port_that_is_none_is_one_clear_sentence(environment: dict[str, str]) -> None:
    done = run_command({**environment, "PORT_OIDC": "many"}, "up")
    assert done.returncode == 1
    assert done.stderr == "error: PORT_OIDC is 'many'; it must be a port number from 1 to 65535.\n"


def test_a_missing_git_is_one_clear_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    done = run_command({**environment, "PATH": str(tmp_path)}, "up")
    assert done.returncode == 1
    assert done.stderr.startswith("error: git is missing")
    assert done.stderr.count("\n") == 1


def test_another_python_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_PYTHON", (3, 99))
    with pytest.raises(StackError, match=r"^This needs Python 3\.13 and runs on 3\.13\."):
        control.bring_up()


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_make_without_python_3_13_is_one_clear_sentence(tmp_path: Path, python: str) -> None:
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    for name in ("requirements.txt", "requirements-cli.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    for name in ("requirements.txt", "constraints.txt", "install.py", "parts.py", "virtual_environment.py"):
        (tmp_path / "deploy/local").mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / "deploy/local" / name, tmp_path / "deploy/local")
    done = subprocess.run(
        ["make", "up", f"PYTHON={python}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        f"error: Python 3.13 was not found as '{python}'; "
        "install it, or name it: make PYTHON=/path/to/python3.13"
    )


def test_down_and_status_say_when_nothing_runs(environment: dict[str, str]) -> None:
    down = run_command(environment, "down")
    assert (down.returncode, down.stdout) == (0, "Nothing was running.\n")
    status = run_command(environment, "status")
    assert (status.returncode, status.stdout) == (3, "The stack is down; 'make up' starts it.\n")


def test_logs_and_token_say_when_nothing_ever_ran(environment: dict[str, str]) -> None:
    logs = run_command(environment, "logs")
    assert (logs.returncode, logs.stderr) == (
        1,
        "error: There are no logs yet; 'make up' starts the stack.\n",
    )
    unknown = run_command(environment, "logs", "ghost")
    assert unknown.stderr == "error: There is no log of 'ghost'; there are: supervisor.\n"
    token = run_command(environment, "token")
    assert token.returncode == 1
    assert token.stderr == "error: The sign-in provider does not answer; 'make up' starts the stack.\n"
    stranger = run_command(environment, "token", "who@example.com")
    assert stranger.stderr.startswith(
        "error: There is no account 'who@example.com'; there are: admin@example.com"
    )


@pytest.fixture
def stray(servers: None, tmp_path: Path) -> Iterator[Service]:
    """A process that outlived its supervisor and does not hear."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    service = Service(
        ServiceSpec(
            "stray",
            [sys.executable, "-c", code],
            lambda: True,
            tmp_path / "stray.log",
            stop_timeout_seconds=0.1,
        )
    )
    service.start()
    yield service
    service.stop()


def test_down_ends_what_a_killed_supervisor_left(environment: dict[str, str], stray: Service) -> None:
    write_status(environment, stray, read_process_start(stray.pid or 0))
    done = run_command(environment, "down")
    assert done.stdout == "Ended what a killed supervisor had left: 1 processes.\n"
    assert stray.exit_code == -signal.SIGKILL


def test_down_leaves_a_process_alone_that_only_has_the_same_id(
    environment: dict[str, str], stray: Service
) -> None:
    write_status(environment, stray, (read_process_start(stray.pid or 0) or 0) - 1)
    assert run_command(environment, "down").stdout == "Nothing was running.\n"
    assert stray.exit_code is None


def write_status(environment: dict[str, str], service: Service, process_started: int | None) -> None:
    """The status file of a supervisor that is gone."""
    file = StatusFile(Path(environment["LOCAL_DIR"]))
    with file.hold_lock():
        unit = UnitStatus("stray", "service", pid=service.pid, process_started=process_started)
        file.write(StackStatus(1, 1, "fingerprint", units=[unit]))


def test_env_prints_what_a_shell_runs_a_function_with(environment: dict[str, str]) -> None:
    printed = run_command(environment, "env", "data")
    assert printed.returncode == 0
    shell = subprocess.run(
        ["bash", "-c", f"{printed.stdout}\nenv"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    exported = dict(line.partition("=")[::2] for line in shell.stdout.splitlines())
    assert exported["FUNCTION_TARGET"] == "data"
    assert Path(exported["FUNCTION_SOURCE"]) == REPOSITORY / "functions" / "data" / "main.py"
    assert exported["DATABASE_URL"].startswith("postgresql+pg8000://")
    # Only the secrets that the manifest gives to this function.
    assert "OIDC_CLIENT_SECRET" not in exported
    assert "PORT" not in exported


def test_env_of_an_unknown_function_names_those_there_are(environment: dict[str, str]) -> None:
    done = run_command(environment, "env", "dta")
    assert done.returncode == 1
    assert done.stderr.startswith("error: There is no function 'dta'; there are: ")


def test_env_honours_the_file_and_says_what_of_it_is_not_used(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.env"
    file.write_text("ALLOWED_DATASETS=nyc,sales\nMAX_BYTES_PER_QUERY=3 GB\nCACHE_URL=redis://elsewhere\n")
    done = run_command({**environment, "ENV_FILE": str(file)}, "env", "sql_run")
    assert "export ALLOWED_DATASETS=nyc,sales\n" in done.stdout
    assert "export MAX_BYTES_PER_QUERY='3 GB'\n" in done.stdout
    assert done.stderr == (
        "note: CACHE_URL is not used: the stack starts a Valkey of its own, on PORT_CACHE.\n"
    )


def test_a_broken_file_starts_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "mine.env"
    file.write_text("ALLOWED_DATASETS=nyc\nMAX_BYTE_PER_QUERY=3 GB\n")
    done = run_command({**environment, "ENV_FILE": str(file)}, "up")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: mine.env, line 2: there is no setting MAX_BYTE_PER_QUERY; did you mean MAX_BYTES_PER_QUERY?\n"
    )
    assert run_command(environment, "status").stdout == "The stack is down; 'make up' starts it.\n"
