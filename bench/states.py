"""This state of the code beside an earlier one: functions of both, each started alone as Cloud Run starts it."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.local.parts import REPOSITORY
from deploy.local.supervision.process import Service, ServiceSpec, answers_ok, pick_free_port

BEFORE = "07602a2"
NOW = "now"


def find_states(folder: Path, before: str = BEFORE) -> dict[str, Path]:
    """Where the files of each state lie, this one first; without the earlier one in a clone that does not have it."""
    archive = subprocess.run(
        ["git", "archive", before, "shared", "functions", "deploy"],
        cwd=REPOSITORY, capture_output=True, check=False,
    )  # fmt: skip
    if archive.returncode != 0:
        print(f"Commit {before} is not in this clone: measured without it.", file=sys.stderr)
        return {NOW: REPOSITORY}
    checked_out = folder / before
    checked_out.mkdir()
    subprocess.run(["tar", "-x", "-C", checked_out], input=archive.stdout, check=True)
    return {NOW: REPOSITORY, before: checked_out}


@contextlib.contextmanager
def run_function(
    source: Path, function: str, threads: int, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """The port of one function of the state at `source`, until the block ends; its log is in `folder`."""
    port = pick_free_port()
    run_dir = folder / function
    run_dir.mkdir(parents=True, exist_ok=True)
    spec = ServiceSpec(
        name=function,
        command=[sys.executable, "-m", "functions_framework"],
        is_ready=lambda: answers_ok(port, "/healthz"),
        log_path=run_dir / f"{threads}.log",
        environment={
            "OTEL_TRACES_EXPORTER": "none",
            **(environment or {}),
            "FUNCTION_TARGET": function,
            "FUNCTION_SOURCE": str(source / "functions" / function / "main.py"),
            "PYTHONPATH": str(source),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "THREADS": str(threads),
            "XDG_RUNTIME_DIR": str(run_dir),
        },
        working_directory=source,
    )
    with Service(spec).serving():
        yield port
