"""Virtual environments made and kept current, with nothing but the standard library.

What stands here runs before anything is installed.
"""

import fcntl
import hashlib
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import StackError

REPOSITORY = Path(__file__).resolve().parents[2]
_PIP_OPTIONS = ("--disable-pip-version-check", "--progress-bar", "off")
_FETCHED = re.compile(r"\s*(?:Downloading|Processing|Using cached) (\S+)(?: \(([\d.]+ [kMG]?B)\))?")


class InstallFailedError(StackError):
    """An environment could not be made; the message holds the end of what pip said."""


@dataclass(frozen=True)
class VirtualEnvironment:
    """A virtual environment and what belongs in it.

    `requirements` are requirement files; `watched` are further files whose change calls for installing
    again; `editable` is a project installed in place, without its dependencies.
    """

    title: str
    folder: Path
    requirements: Sequence[Path]
    watched: Sequence[Path] = ()
    editable: Path | None = None

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def is_current(self) -> bool:
        """True when it was installed from exactly these requirements."""
        stamp = self.folder / "installed"
        return stamp.exists() and stamp.read_text() == self._digest()

    def install(self) -> bool:
        """Make it current; True when there was something to do. Raises InstallFailedError.

        Adds to an existing environment, so that what runs from it meanwhile keeps its files. Safe to call
        from several processes at once: the first one installs, the others wait.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with _hold_lock(self.folder.with_name(f"{self.folder.name}.lock")):
            if self.is_current():
                return False
            started = time.monotonic()
            print(f"Installing {self.title} into {self.folder} ...", flush=True)
            self._create()
            for path in self.requirements:
                self._run_pip("--requirement", path)
            if self.editable is not None:
                self._run_pip("--no-deps", "--editable", self.editable)
            (self.folder / "installed").write_text(self._digest())
            print(f"Installed {self.title} in {time.monotonic() - started:.0f} s.", flush=True)
        return True

    def _create(self) -> None:
        if self.python.exists():
            return
        done = subprocess.run(
            [sys.executable, "-m", "venv", self.folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise InstallFailedError(
                f"{sys.executable} cannot make virtual environments (on Debian and Ubuntu: "
                f"apt install python3.13-venv): {(done.stdout + done.stderr).strip()}"
            )

    def _run_pip(self, *arguments: str | Path) -> None:
        command: list[str | Path] = [self.python, "-m", "pip", "install", *_PIP_OPTIONS, *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None  # noqa: S101 - asked for above
            last_lines = self._show_progress(process.stdout)
        if process.returncode:
            raise InstallFailedError(
                f"Installing {self.title} failed; pip's last words:\n{''.join(last_lines).rstrip()}"
            )

    def _show_progress(self, lines: Iterable[str]) -> deque[str]:
        last_lines: deque[str] = deque(maxlen=15)
        for line in lines:
            last_lines.append(line)
            if found := _FETCHED.match(line):
                size = f" ({found.group(2)})" if found.group(2) else ""
                print(f"  {self.title}: {found.group(1).rsplit('/', 1)[-1]}{size}", flush=True)
        return last_lines

    def _digest(self) -> str:
        digest = hashlib.sha256(f"{sys.version_info.major}.{sys.version_info.minor}".encode())
        for path in (*self.requirements, *self.watched):
            digest.update(path.read_bytes())
        return digest.hexdigest()


@contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
