"""The program as a person runs it, with a home of its own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from almanac_cli.app import app

COMMANDS = [
    "validate", "plan", "diff", "save", "list", "versions", "show", "rollback", "drift", "precompute", "data",
    "lineage", "costs", "run", "login", "logout", "open",
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
    return Program({"XDG_CONFIG_HOME": str(tmp_path / "config"), "ALMANAC_URL": "http://127.0.0.1:9"})
