"""Where the service and the token come from, and what happens without them."""

import base64
import json
import stat
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import COMMANDS, Program


def make_token(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.x"


def credential_path(program: Program) -> Path:
    return Path(program.environment["XDG_CONFIG_HOME"]) / "almanac" / "credentials.json"


def store(program: Program, token: str, mode: int = 0o600) -> Path:
    path = credential_path(program)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({program.environment["ALMANAC_URL"]: token}))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(program: Program, command: str) -> None:
    shown = program.run(command, "--help").stdout
    assert "--json" in shown
    assert "Usage:" in shown


def test_the_help_lists_every_command_and_the_exit_codes(program: Program) -> None:
    shown = program.run("--help").stdout
    assert all(command in shown for command in COMMANDS)
    assert "Exit codes" in shown
    assert "--install-completion" in shown


def test_no_service_is_told_with_what_to_do(program: Program) -> None:
    shown = program.run("data", "shop", code=3)
    assert "error[DEPENDENCY_UNAVAILABLE]: http://127.0.0.1:9 does not answer" in shown.stderr
    assert "make up" in shown.stderr
    assert shown.stdout == ""


def test_with_json_an_error_is_json_too(program: Program) -> None:
    answer = program.run_json("data", "shop", code=3)
    assert answer["success"] is False
    assert answer["error"]["code"] == "DEPENDENCY_UNAVAILABLE"
    assert set(answer["error"]) == {"code", "message", "remediation", "trace_id", "details"}


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "https://", "https://x/?a=1", ""])
def test_an_address_that_is_none_is_refused(program: Program, url: str) -> None:
    assert "error[" in program.run("--url", url, "data", "shop", code=2).stderr


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("false", "The token command failed (1): it printed no token"),
        ("no-such-program-here", "cannot be run"),
        ("'unbalanced", "cannot be run"),
        ("echo two words", "failed (0)"),
    ],
)
def test_a_token_command_that_fails_is_told(program: Program, command: str, told: str) -> None:
    assert told in program.run("--token-command", command, "data", "shop", code=1).stderr


@pytest.mark.usefixtures("programs")
def test_the_token_command_is_not_read_by_a_shell(program: Program, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    command = f"{sys.executable} -c print(1) ; touch {touched}"
    program.run("--token-command", command, "data", "shop", code=3)
    assert not touched.exists()


def test_a_stored_token_that_has_expired_is_not_sent(program: Program) -> None:
    store(program, make_token(exp=1))
    assert "has expired" in program.run("data", "shop", code=1).stderr


def test_a_token_file_that_others_can_read_is_refused(program: Program) -> None:
    store(program, make_token(exp=9e9), mode=0o644)
    assert "chmod 600" in program.run("data", "shop", code=1).stderr


def test_a_damaged_token_file_is_told(program: Program) -> None:
    store(program, "").write_text("{")
    assert "cannot be read" in program.run("data", "shop", code=1).stderr


def test_logout_forgets_only_this_service(program: Program) -> None:
    path = store(program, "a.b.c")
    path.write_text(json.dumps({program.environment["ALMANAC_URL"]: "a.b.c", "https://other": "d.e.f"}))
    assert program.run("logout").stdout == "Signed out.\n"
    assert json.loads(path.read_text()) == {"https://other": "d.e.f"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert program.run_json("logout") == {"url": program.environment["ALMANAC_URL"], "forgotten": False}


@pytest.mark.parametrize("token", ["secret\ntoken", "secret token", "secret\u00e4", "secret\x07"])
def test_a_token_that_no_header_can_hold_is_refused_and_never_shown(program: Program, token: str) -> None:
    program.environment["ALMANAC_TOKEN"] = token
    shown = program.run("data", "shop", code=1)
    assert "is no token" in shown.stderr
    assert "secret" not in shown.stdout + shown.stderr
    del program.environment["ALMANAC_TOKEN"]
    store(program, token)
    assert "secret" not in program.run("data", "shop", code=1).stderr


def test_a_token_read_from_a_file_may_end_with_its_line(program: Program) -> None:
    program.environment["ALMANAC_TOKEN"] = "a.b.c\n"
    shown = program.run("data", "shop", code=3)
    assert "does not answer" in shown.stderr


@pytest.mark.usefixtures("programs")
def test_a_token_command_on_the_command_line_is_asked_before_the_environment(program: Program) -> None:
    program.environment["ALMANAC_TOKEN"] = "a.b.c"
    program.run("data", "shop", code=3)
    assert "token command" in program.run("--token-command", "false", "data", "shop", code=1).stderr
    program.environment |= {"ALMANAC_TOKEN_COMMAND": "false"}
    program.run("data", "shop", code=3)


def test_an_address_with_a_password_is_refused_and_not_shown(program: Program) -> None:
    shown = program.run("--url", "https://me:secret@example.com", "data", "shop", code=2).stderr
    assert "secret" not in shown


@pytest.mark.parametrize("text", ["", "two words"])
def test_pasting_something_else_is_refused(program: Program, text: str) -> None:
    assert "not a token" in program.run("login", "--paste", code=1, stdin=text).stderr
    assert not credential_path(program).exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["rollback", "shop"], ["rollback", "shop@0"], ["rollback", "shop@x"], ["rollback", "@1"],
        ["data", "../admin"], ["data", "shop", "-p", "day"], ["diff", "shop.yaml", "--from", "1"],
        ["precompute"], ["precompute", "shop", "--all"], ["run"], ["run", "-p", "n:INT64=x", "SELECT 1"],
        ["run", "--file", "nowhere.sql"], ["run", "--rows", "101", "SELECT 1"], ["save", "nowhere.yaml"],
        ["data", "--rows", "-1", "shop"], ["show", "shop@x"], ["versions", "../x"],
        ["plan", "dashboards", "--slug", "shop"],
    ],
)  # fmt: skip
def test_wrong_usage_is_told_before_anything_is_sent(program: Program, arguments: list[str]) -> None:
    assert program.run(*arguments, code=2).stderr


def test_open_prints_the_address(program: Program) -> None:
    assert program.run("open", "shop", "--print").stdout == "http://127.0.0.1:9/view/shop\n"
    assert program.run_json("open") == {"url": "http://127.0.0.1:9/"}
