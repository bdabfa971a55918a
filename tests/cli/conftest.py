"""The program as a person runs it, with a home of its own."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from almanac_cli.app import app
from tests.cli.front_end import FrontEnd
from tests.fixtures.stack import EDITOR, RunningStack

SLUG = "from-the-terminal"
YAML = f"""\
version: 1
slug: {SLUG}
title: From the terminal
dataset: nyc
parameters:
  - {{name: origin, type: STRING, values: [JFK, LGA]}}
queries:
  airports:
    file: sql/airports.sql
  flights:
    sql: >-
      SELECT COUNT(*) AS flights FROM flights
      WHERE origin = @origin AND flight_date BETWEEN '2013-01-01' AND '2013-01-31'
charts:
  - {{id: airports, title: Airports, query: airports, type: table}}
  - {{id: flights, title: Flights, query: flights, type: metric, value: flights}}
"""
SQL = "SELECT faa, name FROM airports WHERE alt > 9000 ORDER BY faa\n"
COMMANDS = [
    "new", "validate", "plan", "diff", "save", "list", "versions", "show", "rollback", "drift", "precompute", "data",
    "lineage", "costs", "run", "load", "login", "logout", "open", "up",
]  # fmt: skip


@dataclass
class Program:
    """Runs `almanac` in this process; `environment` is what it sees of ALMANAC_*."""

    environment: dict[str, str]

    def run(self, *arguments: str, code: int = 0, stdin: str | None = None) -> Result:
        """One call that ends with the exit code expected."""
        result = CliRunner().invoke(app, list(arguments), input=stdin, env=dict(self.environment))
        assert result.exit_code == code, (result.exit_code, result.stdout, result.stderr, result.exception)
        return result

    def run_json(self, *arguments: str, code: int = 0, stdin: str | None = None) -> Any:
        """What one call prints with --json."""
        return json.loads(self.run(*arguments, "--json", code=code, stdin=stdin).stdout)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A program that knows no service."""
    for name in ("URL", "TOKEN", "TOKEN_COMMAND", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        monkeypatch.delenv(f"ALMANAC_{name}", raising=False)
    # A table is as wide as the terminal, which a process that shares the tests out has not.
    return Program(
        {"XDG_CONFIG_HOME": str(tmp_path / "config"), "ALMANAC_URL": "http://127.0.0.1:9", "COLUMNS": "160"}
    )


@pytest.fixture
def online(program: Program, stack: RunningStack) -> Program:
    """The program as an editor."""
    program.environment |= {"ALMANAC_URL": stack.url, "ALMANAC_TOKEN": stack.token(EDITOR)}
    return program


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A dashboard with a SQL file beside it."""
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "airports.sql").write_text(SQL)
    path = tmp_path / f"{SLUG}.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def saved(online: Program, file: Path) -> Iterator[Path]:
    """The dashboard as it is above, saved."""
    online.run("save", str(file))
    yield file
    file.write_text(YAML)
    online.run("save", str(file))


@pytest.fixture
def front_end(program: Program) -> Iterator[FrontEnd]:
    """The program behind a front end that answers what a test tells it to."""
    with FrontEnd() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        program.environment |= {"ALMANAC_URL": address, "ALMANAC_TOKEN": "ey.x.y"}
        yield server
        server.shutdown()
        thread.join()
