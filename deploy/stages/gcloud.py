"""gcloud as a child process: argument lists, never a shell."""

import json
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any

# Cloud Scheduler's words, and those of `gcloud run … describe`.
_ABSENT = ("NOT_FOUND", "Cannot find ")


class GcloudError(Exception):
    """gcloud is not there, or said no; the message holds what it said."""


class AbsentError(GcloudError):
    """What was asked for does not exist."""


class Gcloud:
    """Runs `gcloud` for one project, without questions."""

    def __init__(self, project: str, program: str = "gcloud") -> None:
        self._project = project
        self._program = program

    def build_command(self, arguments: Sequence[str]) -> list[str]:
        """The whole argument list."""
        return [self._program, *arguments, f"--project={self._project}", "--quiet"]

    def show(self, arguments: Sequence[str]) -> str:
        """The command as it would be typed."""
        return shlex.join(self.build_command(arguments))

    def run(self, arguments: Sequence[str]) -> None:
        """Run it, its output passing through. Raises GcloudError when it fails."""
        self._call(arguments, capture=False)

    def read(self, arguments: Sequence[str]) -> Any:
        """What it answers as JSON. Raises GcloudError when it fails."""
        done = self._call([*arguments, "--format=json"], capture=True)
        return json.loads(done.stdout or "null")

    def read_text(self, arguments: Sequence[str]) -> str:
        """What it prints. Raises GcloudError when it fails."""
        return self._call(arguments, capture=True).stdout

    def exists(self, arguments: Sequence[str]) -> bool:
        """Whether a `describe` finds what it names. Raises GcloudError when it fails for another reason."""
        try:
            self.read(arguments)
        except AbsentError:
            return False
        return True

    def _call(self, arguments: Sequence[str], *, capture: bool) -> subprocess.CompletedProcess[str]:
        command = self.build_command(arguments)
        output = subprocess.PIPE if capture else None
        try:
            done = subprocess.run(command, stdout=output, stderr=output, text=True, check=False)
        except FileNotFoundError:
            raise GcloudError(
                f"{self._program} was not found; install the Google Cloud CLI: https://cloud.google.com/sdk"
            ) from None
        if done.returncode != 0:
            said = f": {done.stderr.strip()}" if capture else ""
            kind = AbsentError if any(words in said for words in _ABSENT) else GcloudError
            raise kind(f"'{shlex.join(command)}' failed with exit code {done.returncode}{said}")
        return done
