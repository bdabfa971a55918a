"""Tracing is set up once per process, so each test of it runs a program of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
Lines = list[dict[str, Any]]

PREAMBLE = """
import logging
from shared.errors import *
from shared.settings import Settings
from shared.telemetry.logs import configure_logging
from shared.telemetry.tracing import *
settings = Settings({settings})
configure_tracing(settings, "sql_run")
configure_logging(settings)
"""


@pytest.fixture
def run_program(programs: None) -> Callable[..., Lines]:
    """Runs statements after tracing and logging are set up; the JSON lines they print."""

    def run(statements: str, **settings: str) -> Lines:
        values = {"google_cloud_project": "my-project", "service_version": "1.2.3", **settings}
        preamble = PREAMBLE.format(settings=", ".join(f"{name}={value!r}" for name, value in values.items()))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", preamble + statements],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=REPOSITORY,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run
