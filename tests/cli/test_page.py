"""The outputs in docs/cli.md are what the commands show."""

import pytest

from deploy.local.parts import REPOSITORY
from tests.cli.conftest import COMMANDS, Program
from tests.cli.page import PAGE, Example, read_examples, run_example
from tests.fixtures.stack import EDITOR, RunningStack

EXAMPLES = list(read_examples())


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.is_offline], ids=lambda one: one.command)
def test_offline(program: Program, example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert run_example(example.command, program.environment) == example.output


@pytest.mark.stack
@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if not one.is_offline], ids=lambda one: one.command
)
def test_against_the_stack(program: Program, stack: RunningStack, example: Example) -> None:
    environment = {**program.environment, "ALMANAC_URL": stack.url, "ALMANAC_TOKEN": stack.token(EDITOR)}
    assert (
        run_example(example.command, environment).replace(stack.url, "http://localhost:8080")
        == example.output
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_on_the_page(command: str) -> None:
    assert f"almanac {command}" in PAGE.read_text()
