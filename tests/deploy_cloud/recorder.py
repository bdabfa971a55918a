"""A `gcloud` on PATH that writes down what it is asked and answers what a test tells it to."""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# In sh, because a deployment calls it a hundred times.
PROGRAM = """\
#!/bin/sh
printf '%s\\0' "$@" >>'{folder}/calls'
printf '\\n\\0' >>'{folder}/calls'
for argument; do
  case $argument in
  *.yaml) cp "${{argument#--source=}}" '{folder}/sent/' ;;
  esac
done
asked=" $* "
has() {{ case $asked in *" $1 "*) ;; *) return 1 ;; esac; }}
if [ -e '{folder}/answers' ]; then . '{folder}/answers'; fi
exit 0
"""


@dataclass(frozen=True)
class RecordingGcloud:
    """The program in `folder`; put it first on PATH."""

    folder: Path

    @classmethod
    def install(cls, folder: Path) -> "RecordingGcloud":
        """Write the program; it answers nothing and succeeds until told otherwise."""
        program = folder / "gcloud"
        program.write_text(PROGRAM.format(folder=folder))
        program.chmod(0o755)
        (folder / "sent").mkdir()
        return cls(folder)

    def answer(self, answers: Mapping[Sequence[str], Any]) -> None:
        """For calls with all these words: JSON to print, or an exception whose text goes to standard error."""
        lines = []
        for number, (words, answer) in enumerate(answers.items()):
            failed = isinstance(answer, Exception)
            text = self.folder / f"answer-{number}"
            text.write_text(str(answer) if failed else json.dumps(answer))
            asked = " && ".join(f"has {shlex.quote(word)}" for word in words)
            lines.append(f"if {asked}; then cat {text} >&{1 + failed}; exit {int(failed)}; fi\n")
        (self.folder / "answers").write_text("".join(lines))

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
