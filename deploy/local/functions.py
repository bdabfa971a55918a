"""Each function of the manifest as a process of its own, as Cloud Run would run it."""

import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.parts import REPOSITORY
from deploy.local.supervision.process import ServiceSpec, answers_ok
from shared.api.manifest import FunctionEntry


def build_function_environment(
    entry: FunctionEntry, environment: Mapping[str, str], source_root: Path = REPOSITORY / "functions"
) -> dict[str, str]:
    """What the server of one function needs, but for the port."""
    return {
        **environment,
        "FUNCTION_TARGET": entry.name,
        "FUNCTION_SOURCE": str(source_root / entry.name / "main.py"),
        "K_SERVICE": entry.name.replace("_", "-"),
        "HOST": "127.0.0.1",
        "THREADS": str(entry.concurrency),
        "WORKERS": "1",
        "CLOUD_RUN_TIMEOUT_SECONDS": str(entry.timeout_seconds),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        # There are none, and looking for them opens the metadata of every installed package.
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
    }


def build_function_spec(
    entry: FunctionEntry,
    port: int,
    environment: Mapping[str, str],
    state_dir: Path,
    source_root: Path = REPOSITORY / "functions",
) -> ServiceSpec:
    """How to run one function on `port` of the loopback address; ready when it answers GET /healthz."""
    run_dir = state_dir / "run" / entry.name
    run_dir.mkdir(parents=True, exist_ok=True)
    return ServiceSpec(
        name=entry.name,
        command=[sys.executable, "-m", "shared.api.server"],
        is_ready=lambda: answers_ok(port, "/healthz"),
        log_path=state_dir / "logs" / f"{entry.name}.log",
        environment={
            **build_function_environment(entry, environment, source_root),
            "PORT": str(port),
            # gunicorn puts its control socket here; processes that share one would overwrite each other's.
            "XDG_RUNTIME_DIR": str(run_dir),
        },
        working_directory=REPOSITORY,
    )
