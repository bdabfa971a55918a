"""deploy/terraform: it parses, names only what is there, and agrees with what the manifest renders."""

import re

import pytest
import yaml

from deploy import terraform_files
from deploy.local.parts import REPOSITORY
from deploy.rendering.url_map import NAME, name_backend
from deploy.stages.stage import DATABASE, NETWORK, REDIS_CA_PATH, STAGES, Stage, load_stage
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
    ],
)
def test_a_fault_is_found(text: str, fault: str) -> None:
    faults = list(terraform_files.find_faults({**TEXTS, "a.tf": text}))
    assert any(fault in one for one in faults), faults


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
