"""The scripts of deploy/ci, as a step of cloudbuild.yaml runs them."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local.parts import REPOSITORY

BIN = Path(sys.executable).parent


def run_script(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", REPOSITORY / "deploy" / "ci" / name, *arguments],
        env={**os.environ, "BIN": str(BIN), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
