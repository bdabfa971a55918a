"""Where the servers of the local stack live: one virtual environment, `.local/parts`."""

import os
import sys
from pathlib import Path

from deploy.local.virtual_environment import REPOSITORY, VirtualEnvironment

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
CONSTRAINTS = REQUIREMENTS.with_name("constraints.txt")

__all__ = [
    "REPOSITORY",
    "analyser_dir",
    "ensure_parts",
    "local_dir",
    "parts_environment",
    "parts_python",
    "parts_site_packages",
]


def local_dir() -> Path:
    """The folder of all local state; `.local` in the checkout unless LOCAL_DIR says otherwise."""
    return Path(os.environ.get("LOCAL_DIR") or REPOSITORY / ".local").resolve()


def parts_environment() -> VirtualEnvironment:
    """The environment of the servers; PARTS_DIR lets stacks with other state share one."""
    folder = Path(os.environ.get("PARTS_DIR") or local_dir() / "parts").resolve()
    return VirtualEnvironment(
        title="the local servers", folder=folder, requirements=[REQUIREMENTS], watched=[CONSTRAINTS]
    )


def analyser_dir() -> Path:
    """Where the compiled analyser of GoogleSQL is kept: beside the parts, as it fits their release for every stack."""
    return parts_environment().folder.with_name("zetasql")


def parts_python() -> Path:
    """The interpreter of the parts environment."""
    return parts_environment().python


def parts_site_packages() -> Path:
    """The folder that holds the installed packages and their bundled binaries."""
    return parts_environment().folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"


def ensure_parts() -> bool:
    """Install the parts when they are missing or their requirements changed. True when it installed.

    Safe to call from several processes at once: the first one installs, the others wait.
    """
    return parts_environment().install()
