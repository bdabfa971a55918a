"""docker-compose.yml: what the manifest says, confined, and with no more secrets than a function needs."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.rendering.compose import render_compose
from shared.api.manifest import FunctionEntry, Manifest, load_manifest

DOCKERFILE = Path(__file__).resolve().parents[2] / "deploy" / "Dockerfile"
SECRETS = {"DATABASE_URL", "CACHE_URL", "OIDC_CLIENT_SECRET"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    rendered: dict[str, Any] = yaml.safe_load(render_compose(load_manifest()))["services"]
    return rendered


def replace_entry(**changes: Any) -> Manifest:
    entry = FunctionEntry(**{**load_manifest().functions[0].model_dump(), **changes})
    return Manifest(functions=(entry,))


@pytest.mark.parametrize("entry", load_manifest().functions, ids=lambda entry: entry.name)
def test_a_function_runs_as_its_cloud_run_service_would(
    entry: FunctionEntry, services: dict[str, Any]
) -> None:
    service = services[entry.name.replace("_", "-")]
    environment = service["environment"]
    assert environment["FUNCTION_TARGET"] == entry.name
    assert environment["THREADS"] == str(entry.concurrency)
    assert environment["CLOUD_RUN_TIMEOUT_SECONDS"] == str(entry.timeout_seconds)
    assert service["mem_limit"] == entry.memory.lower().removesuffix("i")
    assert SECRETS & set(environment) == set(entry.secrets)


def test_the_router_waits_for_every_function(services: dict[str, Any]) -> None:
    waits_for = services["nginx"]["depends_on"]
    assert set(waits_for) == {entry.name.replace("_", "-") for entry in load_manifest().functions}
    assert {condition["condition"] for condition in waits_for.values()} == {"service_healthy"}


def test_every_service_is_confined_and_bounded(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name


def test_only_the_router_publishes_ports_and_only_on_loopback(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"nginx"}
    assert all(port.startswith("127.0.0.1:") for port in published["nginx"])


def test_no_marker_of_the_template_is_left() -> None:
    assert not re.search(r"@\w+@", render_compose(load_manifest()))


def test_a_memory_size_docker_could_not_read_is_refused() -> None:
    with pytest.raises(LookupError, match="accepted are sizes such as 512Mi"):
        render_compose(replace_entry(memory="512MB"))


def test_a_secret_nobody_provides_is_refused() -> None:
    with pytest.raises(LookupError, match="known: DATABASE_URL"):
        render_compose(replace_entry(secrets=("API_KEY",)))


def test_the_image_pins_every_package_by_hash_and_runs_as_nobody_special() -> None:
    text = DOCKERFILE.read_text()
    assert "--require-hashes" in text
    assert text.rindex("USER 10001:10001") > text.rindex("FROM ")
    assert "# syntax=" not in text
    packages = re.split(r"\n(?=[a-z])", (DOCKERFILE.parents[1] / "requirements.lock").read_text())
    unpinned = [
        one
        for one in packages
        if not one.startswith("#") and ("==" not in one or "--hash=sha256:" not in one)
    ]
    assert unpinned == []


def list_modules_outside_the_image() -> list[str]:
    """The modules installed here that the image's lock does not bring."""
    lock = (DOCKERFILE.parents[1] / "requirements.lock").read_text()
    locked = {name.replace("_", "-") for name in re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE)}
    return [
        module
        for module, owners in packages_distributions().items()
        if not {re.sub(r"[._]", "-", owner.lower()) for owner in owners} & {*locked, "almanac"}
    ]


@pytest.mark.usefixtures("programs")
def test_the_local_stacks_programs_start_with_what_the_image_holds() -> None:
    program = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({list_modules_outside_the_image()!r}))\n"
        "for name in ('containers', 'tasks', 'seed', 'scheduler', 'commands.reports'):\n"
        "    importlib.import_module(f'deploy.local.{name}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=DOCKERFILE.parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_lock_holds_exactly_the_versions_that_are_asked_for() -> None:
    root = DOCKERFILE.parents[1]
    lock = (root / "requirements.lock").read_text()
    wanted = [
        line for line in (root / "requirements.txt").read_text().splitlines() if re.match("[a-z]", line)
    ]
    missing = [line for line in wanted if f"\n{line} " not in lock]
    assert missing == [], "run deploy/container/lock.sh"
