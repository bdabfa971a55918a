"""What editors say with the JSON Schema: nothing about the samples, the right line of a bad file."""

import fcntl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.parts import REPOSITORY, local_dir
from shared.dashboards.definition.published_schema import SCHEMA_PATH
from shared.dashboards.source_files import find_dashboards
from shared.dashboards.validators.schema.verdict import is_valid
from shared.dashboards.yaml.reading import read_yaml
from tests.dashboards.test_validation import EVERYTHING
from tests.editor.language_server import LanguageServer

PACKAGE = Path(__file__).with_name("package.json")
SAMPLES = find_dashboards(REPOSITORY / "dashboards")
INSTALL_TIMEOUT_SECONDS = 300


@pytest.fixture(scope="module")
def language_server(programs: None) -> Iterator[LanguageServer]:
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


@pytest.mark.timeout(360)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_rows: 100", "max_rows: 100.0"),
        ("max_rows: 100", "max_rows: 100.5"),
        ("max_rows: 100", "max_rows: true"),
        ("max_rows: 100", 'max_rows: "100"'),
        ("    max_rows: 100", "    file: x.sql"),
        ("    max_rows: 100", "    file:"),
        ("owner: sales@example.com", "owner:"),
        ("title: Sales", "title:"),
        ("slug: sales", 'slug: "sales\\n"'),
        ("  daily:", "  Daily:"),
        ("version: 1", "version: true"),
        ("per_query: 1 GB", "per_query: ~"),
        ("per_query: 1 GB", "per_query: 5 K"),
        ("per_query: 1 GB", "per_query: 1e9"),
        ("max_age: 12h", 'max_age: "12h\\n"'),
        ("max_age: 12h", "max_age: \u0663h"),
        ('"0 6 * * 1-5"', '"0 6 *\u00a0* *"'),
        ("default: 2024-01-01, values: [2024-01-01, 2024-07-01]", "values:"),
        ("default: 2024-01-01, values: [2024-01-01, 2024-07-01]", "default: {a: 1}"),
        ("type: metric", "type: gauge"),
        ("type: metric", "type: table"),
        ('format: ",d"', 'format: "%%%"'),
        ("point: true", "point: 5"),
        ("point: true", "pont: true"),
        ("aggregate: sum", "aggregate: {argmax: day}"),
        ("bind: scales", "bind: scale"),
        ("filter:", "filtre:"),
        ("height: 300", "height: 39"),
        ("[{chart: rows}]", "[]"),
    ],
)
def test_an_editor_takes_what_the_service_takes(old, new, language_server):
    assert old in EVERYTHING
    text = EVERYTHING.replace(old, new, 1)
    taken = is_valid(read_yaml("f.yaml", text).data)
    assert (language_server.find_problems(f"agree-{abs(hash((old, new)))}.yaml", text) == []) is taken


@pytest.mark.timeout(360)
@pytest.mark.parametrize(
    ("before", "added", "offered", "words"),
    [
        ("    height: 300\n", "    ", "description", "screen readers"),
        ("      color: {field: shop, type: nominal}\n", "      ", "opacity", "Opacity of the marks"),
        (
            "      color: {field: shop, type: nominal}\n",
            "      size:\n        ",
            "field",
            "Column of the query",
        ),
        ("      color: {field: shop, type: nominal}\n", "      size:\n        aggregate: ", "median", ""),
        ("    height: 300\n", "  - id: more\n    mark: ", "errorband", ""),
    ],
)
def test_an_editor_completes_with_the_words_of_the_schema(before, added, offered, words, language_server):
    assert before in EVERYTHING
    text = EVERYTHING.replace(before, f"{before}{added}\n", 1)
    line = text[: text.index(f"{before}{added}\n") + len(before) + len(added)].count("\n")
    name = f"complete-{abs(hash((added, offered)))}.yaml"
    found = language_server.list_completions(name, text, line, len(added.rpartition("\n")[2]))
    assert offered in found
    assert words in found[offered]
