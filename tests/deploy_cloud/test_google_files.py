"""The files for Google Cloud: what the manifest says, in each stage, and nothing Cloud Run would refuse."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from deploy.render import REPOSITORY, render_stage
from deploy.rendering.access import render_iam
from deploy.rendering.url_map import find_path_owners, make_sample_path
from deploy.stage import STAGES, Stage, load_stage, name_account
from shared.api.manifest import DatabaseAccess, FunctionEntry, Manifest, load_manifest

MANIFEST = load_manifest()
SCHEMA = json.loads((REPOSITORY / "deploy/schemas/cloud-run.schema.json").read_text())
SECRETS = {"DATABASE_URL", "CACHE_URL", "OIDC_CLIENT_SECRET"}


@pytest.fixture(scope="module", params=STAGES)
def stage(request: pytest.FixtureRequest) -> Stage:
    return load_stage(request.param)


@pytest.fixture(scope="module")
def documents(stage: Stage) -> dict[str, Any]:
    prefix = f"deploy/google/{stage.name}/"
    files = render_stage(MANIFEST, stage)
    return {path.removeprefix(prefix): yaml.safe_load(text) for path, text in files.items()}


def read_service(documents: dict[str, Any], entry: FunctionEntry) -> dict[str, Any]:
    service: dict[str, Any] = documents[f"services/{entry.name.replace('_', '-')}.yaml"]
    return service


@pytest.mark.parametrize("entry", MANIFEST.functions, ids=lambda entry: entry.name)
def test_a_service_is_what_the_manifest_says(
    entry: FunctionEntry, stage: Stage, documents: dict[str, Any]
) -> None:
    service = read_service(documents, entry)
    scaled = stage.scale_entry(entry)
    spec = service["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    plain = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    assert spec["containerConcurrency"] == int(plain["THREADS"]) == entry.concurrency
    assert spec["timeoutSeconds"] == entry.timeout_seconds
    assert container["resources"]["limits"] == {"cpu": f"{entry.cpu:g}", "memory": entry.memory}
    assert service["metadata"]["annotations"]["run.googleapis.com/maxScale"] == str(scaled.max_instances)
    assert spec["serviceAccountName"] == stage.email(name_account(entry.name))
    assert plain["FUNCTION_TARGET"] == entry.name


@pytest.mark.parametrize("entry", MANIFEST.functions, ids=lambda entry: entry.name)
def test_secrets_come_from_secret_manager_and_only_to_who_needs_them(
    entry: FunctionEntry, documents: dict[str, Any]
) -> None:
    (container,) = read_service(documents, entry)["spec"]["template"]["spec"]["containers"]
    taken = {one["name"] for one in container["env"] if "valueFrom" in one}
    assert taken == set(entry.secrets)
    assert not SECRETS & {one["name"] for one in container["env"] if "value" in one}
    member = read_service(documents, entry)["spec"]["template"]["spec"]["serviceAccountName"]
    readable = {
        one["secret"]
        for one in documents["iam.yaml"]["bindings"]
        if one["member"] == member and one["on"] == "secret"
    }
    wanted = {secret.lower().replace("_", "-") for secret in entry.secrets}
    if entry.database is DatabaseAccess.READER:
        wanted = (wanted - {"database-url"}) | {"database-url-reader"}
    named = {one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"] if "valueFrom" in one}
    assert named == wanted
    assert readable == wanted | ({"redis-ca"} if "CACHE_URL" in entry.secrets else set())


def test_no_function_gets_a_key_file_and_data_no_right_to_bigquery(
    stage: Stage, documents: dict[str, Any]
) -> None:
    names = {
        variable["name"]
        for path, document in documents.items()
        if path.startswith("services/")
        for variable in document["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert not {name for name in names if "CREDENTIALS" in name or "KEY" in name}
    roles = {
        one["role"] for one in documents["iam.yaml"]["bindings"] if one["member"] == stage.email("fn-data")
    }
    assert not [role for role in roles if "bigquery" in role]


def test_storage_roles_are_given_on_the_bucket_and_never_on_the_project(documents: dict[str, Any]) -> None:
    placed = {(one["role"], one["on"]) for one in documents["iam.yaml"]["bindings"]}
    assert {on for role, on in placed if role.startswith("roles/storage.")} == {"bucket"}


def test_tables_are_opened_by_the_dataset_and_only_those_of_the_project(
    stage: Stage, documents: dict[str, Any]
) -> None:
    placed = {(one["role"], one["on"]) for one in documents["iam.yaml"]["bindings"]}
    assert ("roles/bigquery.dataViewer", "dataset") in placed
    assert ("roles/bigquery.dataViewer", "project") not in placed
    allowed = f"nyc, {stage.project}.sales, bigquery-public-data.london_bicycles"
    shared = stage.model_copy(update={"settings": {**stage.settings, "ALLOWED_DATASETS": allowed}})
    bindings = yaml.safe_load(render_iam(MANIFEST, shared))["bindings"]
    readers = {
        stage.email(name_account(entry.name))
        for entry in MANIFEST.functions
        if "roles/bigquery.dataViewer" in entry.service_account.roles
    }
    opened = {(one["member"], one["dataset"]) for one in bindings if one["on"] == "dataset"}
    assert opened == {(reader, dataset) for reader in readers for dataset in ("nyc", "sales")}


def test_only_the_migration_knows_the_owner_and_both_users_it_makes(
    stage: Stage, documents: dict[str, Any]
) -> None:
    (container,) = documents["migrate.yaml"]["spec"]["template"]["spec"]["template"]["spec"]["containers"]
    named = {
        one["name"]: one["valueFrom"]["secretKeyRef"]["name"]
        for one in container["env"]
        if "valueFrom" in one
    }
    assert named == {
        "DATABASE_URL": "database-url-migrate",
        "DATABASE_WRITER_URL": "database-url",
        "DATABASE_READER_URL": "database-url-reader",
    }
    owners = {
        one["member"]
        for one in documents["iam.yaml"]["bindings"]
        if one.get("secret") == "database-url-migrate"
    }
    assert owners == {stage.email("migrate")}


def choose_backend(url_map: dict[str, Any], path: str) -> str:
    """As Google's load balancer chooses: the longest path that matches, an exact one before a wildcard."""
    matches = [
        (len(pattern), not pattern.endswith("*"), rule["service"])
        for rule in url_map["pathMatchers"][0]["pathRules"]
        for pattern in rule["paths"]
        if pattern == path or (pattern.endswith("/*") and path.startswith(pattern[:-1]))
    ]
    chosen = max(matches, default=(0, False, url_map["defaultService"]))
    return str(chosen[2]).rpartition("/")[2]


def test_every_route_reaches_its_function_through_the_load_balancer(documents: dict[str, Any]) -> None:
    url_map = documents["url-map.yaml"]
    for entry in MANIFEST.functions:
        for route in entry.routes:
            backend = choose_backend(url_map, make_sample_path(route.path))
            assert backend == f"almanac-{entry.name.replace('_', '-')}", route.path
    assert choose_backend(url_map, "/nowhere") == "almanac-viewer"


def test_a_path_rule_that_two_functions_need_is_refused() -> None:
    data = MANIFEST.get("data")
    twin = data.model_copy(update={"name": "twin"})
    with pytest.raises(ValueError, match="a load balancer cannot tell them apart"):
        find_path_owners(Manifest(functions=(data, twin)))


def test_every_schedule_calls_with_a_token_for_the_service(stage: Stage, documents: dict[str, Any]) -> None:
    (job,) = documents["scheduler.yaml"]["jobs"]
    schedule = MANIFEST.get("precompute").schedule
    assert schedule is not None
    assert (job["schedule"], json.loads(job["body"])) == (schedule.cron, {"due": True})
    assert job["audience"] == f"https://{stage.domain}"
    (container,) = documents["services/precompute.yaml"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "SERVICE_ACCOUNT_EMAILS", "value": job["serviceAccount"]} in container["env"]


def test_the_migration_runs_once_and_is_not_repeated(documents: dict[str, Any]) -> None:
    task = documents["migrate.yaml"]["spec"]["template"]["spec"]
    assert (task["taskCount"], task["template"]["spec"]["maxRetries"]) == (1, 0)


def break_service(documents: dict[str, Any], *path: Any, value: Any) -> dict[str, Any]:
    broken = copy.deepcopy(documents["services/data.yaml"])
    target = broken
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return broken


TEMPLATE = ("spec", "template")
CONTAINER = (*TEMPLATE, "spec", "containers", 0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*TEMPLATE, "spec", "containerConcurency"), 3),
        ((*TEMPLATE, "spec", "timeoutSeconds"), 7200),
        ((*TEMPLATE, "metadata", "annotations", "run.googleapis.com/startup-cpu-boost"), True),
        ((*TEMPLATE, "metadata", "annotations", "run.googleapis.com/cpu-boost"), "true"),
        ((*CONTAINER, "resources", "limits", "memory"), "512MB"),
        ((*CONTAINER, "resources", "limits", "cpu"), "3"),
        ((*CONTAINER, "env", 0), {"name": "PORT", "value": "8080"}),
        ((*CONTAINER, "env", 0), {"name": "A", "value": 1}),
        (("metadata", "name"), "Data_Function"),
        (("kind",), "Deployment"),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, tuple) else "",
)
def test_the_schema_refuses_what_cloud_run_would(
    documents: dict[str, Any], path: tuple[Any, ...], value: Any
) -> None:
    jsonschema.validate(documents["services/data.yaml"], SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(break_service(documents, *path, value=value), SCHEMA)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("settings: {MAX_BYTES_PER_QUERRY: 1 GB}", "MAX_BYTES_PER_QUERRY cannot be set here"),
        ("settings: {DATABASE_URL: secret}", "DATABASE_URL cannot be set here"),
        ("settings: {DATABASE_POOL_SIZE: '0'}", "DATABASE_POOL_SIZE"),
        ("region: Belgium", "region"),
        ("databse: {}", "databse"),
    ],
)
def test_a_stage_that_says_what_nobody_understands_is_refused(
    tmp_path: Path, changed: str, message: str
) -> None:
    document = yaml.safe_load((REPOSITORY / "deploy/stages/staging.yaml").read_text())
    document.update(yaml.safe_load(changed))
    (tmp_path / "staging.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(ValidationError, match=message):
        load_stage("staging", tmp_path)


@pytest.mark.usefixtures("programs")
def test_the_first_dashboard_of_the_guide_is_valid() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("almanac"), "validate", "docs/examples/bicycle-stations.yaml"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    guide = (REPOSITORY / "docs" / "deploy.md").read_text()
    assert "almanac save docs/examples/bicycle-stations.yaml" in guide


def test_a_bound_of_a_function_there_is_not_is_refused() -> None:
    stage = load_stage("staging")
    with pytest.raises(LookupError, match="'dta' has no entry"):
        stage.model_copy(update={"scale": {"dta": stage.scale["data"]}}).scale_manifest(MANIFEST)
