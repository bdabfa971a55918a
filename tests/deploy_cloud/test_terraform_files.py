"""deploy/terraform: it parses, names only what is there, and agrees with what the manifest renders."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.checks import terraform_files
from deploy.local.parts import REPOSITORY
from deploy.rendering.url_map import NAME, name_backend
from deploy.stage import DATABASE, NETWORK, REDIS_CA_PATH, STAGES, Stage, load_stage
from shared.api.manifest import load_manifest

TEXTS = terraform_files.read_files()
ALL = "\n".join(TEXTS.values())


def test_nothing_is_wrong_with_the_files() -> None:
    assert list(terraform_files.find_faults(TEXTS)) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('resource "google_redis_instance" "a" {', "a.tf"),
        (
            'output "a" {\n  value = google_redis_instance.a.id\n}\n',
            "google_redis_instance.a is not declared",
        ),
        ('output "a" {\n  value = var.nothing\n}\n', "var.nothing is not declared"),
        (
            'locals {\n  a = file("${path.module}/../stages/${var.stage}.yml")\n}\n',
            "no file ../stages/staging.yml",
        ),
        (
            'resource "google_redis_instance" "a" {\n  name = "a"\n}\n',
            "google_redis_instance.a does not come after google_project_service.used",
        ),
    ],
)
def test_a_fault_is_found(text: str, fault: str) -> None:
    faults = list(terraform_files.find_faults({**TEXTS, "a.tf": text}))
    assert any(fault in one for one in faults), faults


SERVICE = """resource "google_sql_database_instance" "a" {{
  database_version = "POSTGRES_16"
  depends_on       = [google_project_service.used]

  settings {{
    tier = "db-custom-1-3840"
{}
  }}
}}
"""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (SERVICE.format(""), None),
        (SERVICE.format("").replace("database_version", "databse_version"), "databse_version is no argument"),
        (
            SERVICE.format("").replace('  database_version = "POSTGRES_16"\n', ""),
            "database_version is missing",
        ),
        (
            SERVICE.format("").replace("sql_database_instance", "sql_instance"),
            "google_sql_instance is not in",
        ),
        (SERVICE.format("    backup_configuration {\n      enable = true\n    }"), "enable is no argument"),
        (SERVICE.format('    database_flags {\n      name = "a"\n    }'), "database_flags: value is missing"),
        (
            SERVICE.format(
                '    dynamic "database_flags" {\n      for_each = [1]\n      content {\n'
                '        name = "a"\n        valeu = "b"\n      }\n    }'
            ),
            "valeu is no argument",
        ),
    ],
)
def test_what_the_provider_does_not_take_is_found(text: str, fault: str | None) -> None:
    faults = list(terraform_files.find_faults({**TEXTS, "a.tf": text}))
    assert any(fault in one for one in faults) if fault else faults == [], faults


@pytest.mark.parametrize(
    "text",
    [
        "depends_on = [google_project_service.used]",
        "authorized_network = google_compute_network.almanac.id",
        'display_name = "${google_compute_network.almanac.name}-x"',
        "labels = {a = local.channels}",
    ],
)
def test_a_resource_may_come_after_the_apis_through_another(text: str) -> None:
    resource = f'resource "google_redis_instance" "a" {{\n  name = "a"\n  memory_size_gb = 1\n  {text}\n}}\n'
    assert list(terraform_files.find_faults({**TEXTS, "a.tf": resource})) == []


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("stage", "project"), [("staging", "almanac-staging"), ("prod", "almanac-prod")])
def test_a_stage_has_its_own_state_and_variable(tmp_path: Path, stage: str, project: str) -> None:
    log = tmp_path / "log"
    (tmp_path / "terraform").write_text(f'#!/bin/sh\necho "$TF_DATA_DIR $@" >>{log}\n')
    (tmp_path / "terraform").chmod(0o755)
    script = REPOSITORY / "deploy" / "terraform" / "run.sh"
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["bash", script, stage, "apply", "-var", "a=b"], env=environment, check=True)
    subprocess.run(["bash", script, stage, "output"], env=environment, check=True)
    init = f".terraform/{stage} init -input=false -reconfigure -backend-config=bucket={project}-terraform"
    assert log.read_text().splitlines() == [
        init,
        f".terraform/{stage} apply -var stage={stage} -var a=b",
        init,
        f".terraform/{stage} output",
    ]
    assert subprocess.run(["bash", script, "other", "plan"], env=environment, check=False).returncode != 0
    assert len(log.read_text().splitlines()) == 4


def test_the_guide_enables_what_terraform_uses_before_terraform_runs() -> None:
    guide, terraform = (
        set(re.findall(r"[a-z]+\.googleapis\.com", text))
        for text in ((REPOSITORY / "docs" / "deploy.md").read_text(), TEXTS["services.tf"])
    )
    assert guide - terraform == {"cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com"}
    assert terraform <= guide


def test_what_holds_data_is_not_destroyed() -> None:
    for resource in ('"google_storage_bucket" "almanac"', '"google_secret_manager_secret" "almanac"'):
        (body,) = re.findall(rf"^resource {resource} {{\n(.*?)^}}", ALL, re.MULTILINE | re.DOTALL)
        assert "prevent_destroy = true" in body


def test_jobs_of_other_functions_can_be_read_and_cancelled_by_who_may_run_jobs() -> None:
    stage = load_stage("staging")
    bindings = yaml.safe_load((REPOSITORY / "deploy/google/staging/iam.yaml").read_text())["bindings"]
    role = f"projects/{stage.project}/roles/almanacJobSettler"
    assert 'role_id     = "almanacJobSettler"' in TEXTS["accounts.tf"]
    assert '["bigquery.jobs.get", "bigquery.jobs.listAll", "bigquery.jobs.update"]' in TEXTS["accounts.tf"]

    def list_members(role: str) -> set[str]:
        return {one["member"] for one in bindings if one["role"] == role}

    assert list_members(role) == list_members("roles/bigquery.jobUser") >= {stage.email("fn-costs")}


@pytest.mark.parametrize("stage", [load_stage(name) for name in STAGES], ids=lambda stage: stage.name)
def test_terraform_makes_what_the_rendered_files_name(stage: Stage) -> None:
    iam = yaml.safe_load((REPOSITORY / f"deploy/google/{stage.name}/iam.yaml").read_text())
    secrets = {one["secret"] for one in iam["bindings"] if one["on"] == "secret"}
    (made,) = re.findall(r"toset\((\[.*?\])\)\n\n  secret_id", ALL)
    assert set(re.findall(r'"([a-z-]+)"', made)) == secrets
    accounts = {one["member"].partition("@")[0] for one in iam["bindings"]}
    own = {account for account in accounts if not account.startswith("fn-")}
    assert own <= set(re.findall(r"^      (\w+) +=", TEXTS["variables.tf"], re.MULTILINE))


def test_names_are_the_same_on_both_sides() -> None:
    stage = load_stage("staging")
    assert f'name                = "{DATABASE}"' in TEXTS["database.tf"]
    assert f'name                    = "{NETWORK}"' in TEXTS["network.tf"]
    assert f'name            = "{NAME}"' in TEXTS["balancer.tf"]
    assert '"almanac-${each.value}"' in TEXTS["balancer.tf"]
    assert name_backend(load_manifest().get("sql_run")) == "almanac-sql-run"
    assert REDIS_CA_PATH in TEXTS["cache.tf"]
    assert stage.bucket == stage.project + "-almanac"
    assert '"${local.stage.project}-almanac"' in TEXTS["storage.tf"]
    assert stage.image_repository.endswith("/almanac/almanac")
