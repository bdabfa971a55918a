"""A `gcloud` on PATH that writes down what it is asked and answers what a test tells it to."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# In sh, because a deployment calls it a hundred times; only looking for an answer takes more.
PROGRAM = """\
#!/bin/sh
printf '%s\\0' "$@" >>'{folder}/calls'
printf '\\n\\0' >>'{folder}/calls'
for argument; do
  case $argument in
  *.yaml) cp "${{argument#--source=}}" '{folder}/sent/' ;;
  esac
done
[ -e '{folder}/answers.json' ] || exit 0
exec '{python}' -SE '{folder}/answer.py' "$@"
"""
ANSWER = """\
import json, sys
from pathlib import Path
for words, code, answer in json.loads(Path(__file__).with_name("answers.json").read_text()):
    if all(word in sys.argv[1:] for word in words):
        (sys.stdout if code == 0 else sys.stderr).write(answer)
        sys.exit(code)
"""


@dataclass(frozen=True)
class RecordingGcloud:
    """The program in `folder`; put it first on PATH."""

    folder: Path

    @classmethod
    def install(cls, folder: Path) -> "RecordingGcloud":
        """Write the program; it answers nothing and succeeds until told otherwise."""
        program = folder / "gcloud"
        program.write_text(PROGRAM.format(python=sys.executable, folder=folder))
        program.chmod(0o755)
        (folder / "answer.py").write_text(ANSWER)
        (folder / "sent").mkdir()
        return cls(folder)

    def answer(self, answers: Mapping[Sequence[str], Any]) -> None:
        """For calls with all these words: JSON to print, or an exception whose text goes to standard error."""
        written = [
            (list(words), 1, str(answer))
            if isinstance(answer, Exception)
            else (list(words), 0, json.dumps(answer))
            for words, answer in answers.items()
        ]
        (self.folder / "answers.json").write_text(json.dumps(written))

    @property
    def path(self) -> str:
        """PATH with the program first."""
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"

    @property
    def calls(self) -> list[list[str]]:
        """The argument lists, in order."""
        log = self.folder / "calls"
        calls = log.read_text().split("\n\0") if log.exists() else []
        return [call.split("\0")[:-1] for call in calls[:-1]]

    def read_sent(self, name: str) -> str:
        """The text of the YAML file `name` that it was given."""
        return (self.folder / "sent" / name).read_text()
