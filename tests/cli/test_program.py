"""How the program ends when something is wrong with the call, the machine or itself."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.fixtures.functions import SHOP

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "almanac_cli"]


class _Odd(BaseHTTPRequestHandler):
    """Answers in the envelope, with nothing of what is expected in it."""

    def do_GET(self) -> None:
        body = b'{"success": true, "data": {}, "error": null}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def odd_service(program: Program) -> Iterator[None]:
    """A service of another kind than the program knows."""
    with HTTPServer(("127.0.0.1", 0), _Odd) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        program.environment["ALMANAC_URL"] = f"http://127.0.0.1:{server.server_port}"
        program.environment["ALMANAC_TOKEN"] = "secret.token.x"
        yield
        server.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "-n", "101", "SELECT 1", "--json"],
        ["validate", "--formt", "x", "--json"],
        ["--json", "validate", "--formt", "x"],
        ["--json", "no-such-command"],
        ["--json"],
        ["--url", "localhost", "data", "shop", "--json"],
        ["--url", "localhost", "--json", "data", "shop"],
    ],
)
def test_wrong_usage_is_an_envelope_for_programs(program: Program, arguments: list[str]) -> None:
    shown = program.run(*arguments, code=2)
    answer = json.loads(shown.stdout)
    assert answer["success"] is False
    assert answer["error"]["code"] == "INVALID_REQUEST"
    assert answer["error"]["message"]
    assert shown.stderr == ""


def test_json_may_stand_before_the_command(program: Program, file: Path) -> None:
    after = program.run("validate", str(file), "--json").stdout
    assert program.run("--json", "validate", str(file)).stdout == after
    assert json.loads(after)["results"][0]["valid"] is True


def test_an_address_that_is_none_does_not_keep_from_working_offline(program: Program, file: Path) -> None:
    program.environment["ALMANAC_URL"] = "nonsense"
    program.run("validate", str(file))


def test_the_version_is_that_of_the_package(program: Program) -> None:
    assert program.run("--version").stdout == f"almanac {version('almanac')}\n"


@pytest.mark.usefixtures("odd_service")
def test_a_fault_of_the_program_is_one_line_without_the_token(program: Program) -> None:
    shown = program.run("data", "shop", code=4)
    assert "error[INTERNAL_ERROR]: The program failed: KeyError at reading.py:" in shown.stderr
    assert "ALMANAC_DEBUG=1" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert program.run_json("list", code=4)["error"]["code"] == "INTERNAL_ERROR"
    program.environment["ALMANAC_DEBUG"] = "1"
    told = program.run("data", "shop", code=4).stderr
    assert "Traceback" in told
    assert "secret" not in told


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_full_disk_is_told(file: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*COMMAND, "validate", str(file), *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, check=False,
        )  # fmt: skip
    assert ended.returncode == 4
    assert ended.stderr.startswith("error[INTERNAL_ERROR]: The program failed: No space left on device.")
    assert len(ended.stderr.splitlines()) == 2


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("count", [1, 3000])
def test_a_reader_that_goes_away_is_not_complained_about(tmp_path: Path, count: int) -> None:
    queries = "".join(f"  q{number}: {{sql: SELECT @p{number}}}\n" for number in range(count))
    path = tmp_path / "wide.yaml"
    path.write_text(f"version: 1\nslug: wide\ntitle: Wide\nqueries:\n{queries}")
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [*COMMAND, "validate", str(path)], stdout=writing, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY,
        check=False,
    )  # fmt: skip
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")
