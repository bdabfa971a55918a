"""docs/cli.md and README.md: the outputs of `almanac` are those of the commands above them.

`python -m tests.cli.page` writes them anew. The commands that ask a service want the running stack (`make up`).
"""

import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from almanac_cli.app import app
from deploy.local.environment import EDITOR_EMAIL
from deploy.local.parts import REPOSITORY
from deploy.local.stack import Stack

PAGE = REPOSITORY / "docs" / "cli.md"
PAGES = (PAGE, REPOSITORY / "README.md")
OFFLINE = frozenset({"--help", "validate"})
# Help is as wide as the terminal; in a pipeline of GitHub's it would be in colour.
ENVIRONMENT = {"COLUMNS": "110", "_TYPER_FORCE_DISABLE_TERMINAL": "1", "NO_COLOR": "1"}
_BLOCK = re.compile(r"```console\n\$ almanac (?P<command>[^\n]+)\n(?P<output>.*?)```", re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# How long something takes is the machine's.
_PROGRESS = re.compile(r"^planned \d+/\d+\n", re.MULTILINE)
_MINUTE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(?!:)")
_TRACE = re.compile(r"trace [0-9a-f]{32}")
_VERSION = re.compile(r"(?<=version )\d+|(?<=@)\d+")


@dataclass(frozen=True)
class Example:
    """A command of the page and the output shown below it."""

    command: str
    output: str

    @property
    def is_offline(self) -> bool:
        """True when it asks no service."""
        return bool(OFFLINE & set(shlex.split(self.command)))


def read_examples() -> Iterator[Example]:
    """Every command of the pages."""
    for page in PAGES:
        for found in _BLOCK.finditer(page.read_text()):
            yield Example(found["command"], found["output"])


def run_example(command: str, environment: Mapping[str, str]) -> str:
    """What a command shows in the end: its output, then its errors; without what differs from day to day."""
    result = CliRunner().invoke(app, shlex.split(command), env={**environment, **ENVIRONMENT})
    return settle(result.stdout + result.stderr)


def settle(text: str) -> str:
    """The text with fixed times, trace ids and versions, and without spaces at line ends."""
    text = _TIME.sub("2026-01-04T06:00:00.000Z", text)
    text = _PROGRESS.sub("", text)
    text = _MINUTE.sub("2026-01-04 06:00", text)
    text = _TRACE.sub("trace 4bf92f3577b34da6a3ce929d0e0e4736", text)
    text = _VERSION.sub("1", text)
    return "".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines())


def render_page(page: Path, run: Callable[[str], str]) -> str:
    """The page with every output replaced by what `run` answers."""

    def replace(found: re.Match[str]) -> str:
        return f"```console\n$ almanac {found['command']}\n{run(found['command'])}```"

    return _BLOCK.sub(replace, page.read_text())


def main() -> int:
    """Write the pages anew; answers the exit code."""
    stack = Stack()
    environment = {
        "ALMANAC_URL": stack.url,
        "ALMANAC_TOKEN": stack.fetch_token(EDITOR_EMAIL),
        "XDG_CONFIG_HOME": str(Path("/nonexistent")),
    }
    for page in PAGES:
        page.write_text(render_page(page, lambda command: run_example(command, environment)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
