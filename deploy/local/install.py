"""Install what the stack runs on: the project's virtual environment and the one of the local servers.

    python3.13 -m deploy.local.install

Needs nothing but the standard library, since it runs before anything is installed.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from deploy.local.parts import parts_environment
from deploy.local.virtual_environment import REPOSITORY, InstallFailedError, VirtualEnvironment


def project_environment() -> VirtualEnvironment:
    """`.venv`: the project's dependencies, its development tools and the project itself, editable."""
    return VirtualEnvironment(
        title="the project",
        folder=REPOSITORY / ".venv",
        requirements=[REPOSITORY / "requirements-dev.txt"],
        watched=[
            REPOSITORY / "requirements.txt",
            REPOSITORY / "requirements-cli.txt",
            REPOSITORY / "pyproject.toml",
        ],
        editable=REPOSITORY,
    )


def main() -> int:
    """Install both environments side by side; answers the exit code."""
    environments = [project_environment(), parts_environment()]
    with ThreadPoolExecutor(len(environments)) as pool:
        results = [pool.submit(environment.install) for environment in environments]
    try:
        for result in results:
            result.result()
    except InstallFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    subprocess.run(
        [environments[0].python, "-m", "compileall", "-q", "shared", "functions", "deploy"],
        cwd=REPOSITORY,
        check=False,  # only makes the first start faster
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
