"""`gcloud run deploy NAME --source . --function NAME`: every function, as Google's Python buildpack starts it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.supervision.process import Service, ServiceFailedError, pick_free_port
from shared.api.manifest import get_manifest
from shared.settings import Settings
from tests.deploy_cloud.buildpack import build_source_spec, list_uploaded, make_environment_of, upload
from tests.deploy_cloud.container import build_request, read_answer, send_request
from tests.deploy_cloud.test_as_cloud_run import CALLS
from tests.fixtures.functions import FunctionHost
from tests.functions.data_router import make_environment

pytestmark = pytest.mark.usefixtures("programs")

NAMES = [entry.name for entry in get_manifest().functions]
# What these answer is there before: of the others it is in the call, or nothing.
ABOUT_SAVED = {
    "dashboards_compile",
    "dashboards_rollback",
    "dashboards_read",
    "precompute",
    "data",
    "lineage",
}
LOADED = "import json, sys; import main; main.{}; print(json.dumps(sorted(sys.modules)))"
INSTALLED = (
    "import importlib.util, sys; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
)


@dataclass(frozen=True)
class Build:
    """Uploaded files, and the programs of an environment of requirements.txt."""

    source: Path
    programs: Path

    @contextmanager
    def run(self, target: str, environment: dict[str, str], state: Path) -> Iterator[int]:
        """The port of a function that serves until the end."""
        port = pick_free_port()
        with Service(
            build_source_spec(target, port, environment, self.source, self.programs, state)
        ).serving():
            yield port

    def run_python(self, code: str, *arguments: str) -> str:
        """What a program of the environment prints that runs beside main.py."""
        command = ["env", "-i", str(self.programs / "python"), "-c", code, *arguments]
        done = subprocess.run(
            command, cwd=self.source, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("buildpack")
    source = upload(folder / "workspace")
    return Build(source, make_environment_of(source / "requirements.txt", folder / "packages"))


@pytest.mark.parametrize("name", NAMES)
def test_a_function_answers_with_nothing_but_its_requirements(
    build: Build, functions: FunctionHost, function_settings: Settings, tmp_path: Path, name: str
) -> None:
    if name in ABOUT_SAVED:
        functions.save_shop()
    if name == "data":
        functions.precompute_shop()
    method, path, body = CALLS[name]
    sent = b"" if body is None else json.dumps(body).encode()
    request = build_request(method, path, functions._token("editor@example.com"), sent)
    with build.run(name, make_environment(function_settings), tmp_path) as port:
        status, answer = read_answer(send_request(port, request))
    assert status == 200, answer


def test_neither_the_project_nor_a_tool_is_installed_there(build: Build) -> None:
    absent = ["almanac_cli", "deploy.local", "tests", "pytest", "mypy", "typer", "check_jsonschema", "pip"]
    present = ["shared", "main", "flask", "pyarrow", "google.cloud.bigquery"]
    assert build.run_python(INSTALLED, *absent, *present).strip() == str(present)


def test_only_the_function_asked_for_is_imported(build: Build) -> None:
    for name in ("data", "auth"):
        loaded = set(json.loads(build.run_python(LOADED.format(name))))
        assert {
            module for module in loaded if module.startswith("functions.") and module.endswith(".main")
        } == {f"functions.{name}.main"}
        assert not loaded & {"google.cloud.bigquery", "sqlglot", "pyarrow", "alembic"}


def test_the_build_compiles_everything_that_is_uploaded(build: Build) -> None:
    """The buildpack's own test of the syntax of a function."""
    build.run_python("import compileall, sys; sys.exit(not compileall.compile_dir('.', quiet=1, force=True))")


def test_a_name_that_is_no_function_is_refused_with_those_there_are(
    servers: None, build: Build, tmp_path: Path
) -> None:
    said = r"there is no function 'date'; there are: auth, costs, .*data, "
    with pytest.raises(ServiceFailedError, match=said), build.run("date", {}, tmp_path):
        pytest.fail("it started")


def test_what_is_uploaded_is_what_a_function_runs_from() -> None:
    uploaded = {path.as_posix() for path in list_uploaded()}
    assert uploaded >= {"main.py", "requirements.txt", ".python-version", "deploy/functions.yaml"}
    assert uploaded >= {f"functions/{name}/main.py" for name in NAMES}
    assert uploaded >= {"functions/viewer/web/dist/list.html", "shared/api/routes.json"}
    assert {path.split("/")[0] for path in uploaded} == {
        "main.py", "requirements.txt", ".python-version", "deploy", "functions", "shared",
    }  # fmt: skip
    assert not any(name.endswith(".pyc") or "node_modules" in name for name in uploaded)
