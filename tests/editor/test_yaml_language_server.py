"""What editors say with the JSON Schema: nothing about the samples, the right line of a bad file."""

import fcntl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.parts import REPOSITORY, local_dir
from shared.dashboards.definition.published_schema import SCHEMA_PATH
from shared.dashboards.source_files import find_dashboards
from tests.editor.language_server import LanguageServer

PACKAGE = Path(__file__).with_name("package.json")
SAMPLES = find_dashboards(REPOSITORY / "dashboards")
INSTALL_TIMEOUT_SECONDS = 300


@pytest.fixture(scope="module")
def language_server() -> Iterator[LanguageServer]:
    with LanguageServer(install_packages() / "node_modules", SCHEMA_PATH) as server:
        yield server


def install_packages() -> Path:
    """The folder the server is installed in; installed once per content of package.json."""
    folder = local_dir() / "editor"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / "installed"
        if not stamp.exists() or stamp.read_text() != PACKAGE.read_text():
            (folder / "package.json").write_text(PACKAGE.read_text())
            command = [
                "npm",
                "install",
                "--ignore-scripts",
                "--no-package-lock",
                "--no-audit",
                "--no-fund",
                "--silent",
            ]
            subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_TIMEOUT_SECONDS)
            stamp.write_text(PACKAGE.read_text())
    return folder


@pytest.mark.timeout(360)
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_an_editor_has_nothing_to_say_about_a_sample(path, language_server):
    text = path.read_text().replace("# yaml-language-server:", "#")
    assert language_server.find_problems(path.name, text) == []


@pytest.mark.timeout(360)
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: New York flights, 2013", "titel: New York", "titel"),
        ("max_age: 24h", "max_age: soon", "pattern"),
        ("type: STRING", "type: TEXT", "STRING"),
        ("    mark: rect", "    mark: rectangle", "rect"),
        ("      color: {field: delay", "      colour: {field: delay", "colour"),
        ("width: 8", "width: 80", "12"),
    ],
)
def test_an_editor_flags_a_bad_line(old, new, message, language_server):
    text = (
        (REPOSITORY / "dashboards" / "nyc-flights.yaml").read_text().replace("# yaml-language-server:", "#")
    )
    assert old in text
    bad = text.replace(old, new, 1)
    line = next(number for number, content in enumerate(bad.splitlines()) if new in content)
    problems = language_server.find_problems(f"bad-{abs(hash(new))}.yaml", bad)
    assert any(
        found["range"]["start"]["line"] == line and message in found["message"] for found in problems
    ), problems
