"""One command per stage: what it shows, what it asks gcloud for, and what it refuses."""

import io
import sys
from pathlib import Path

import pytest
import yaml

from deploy.stage import load_stage
from deploy.stages import __main__ as stages
from deploy.stages.connections import compute_connections
from shared.api.manifest import load_manifest
from tests.deploy_cloud.cloud_run import IMAGE, SERVICES, describe_service
from tests.deploy_cloud.recorder import RecordingGcloud

NOT_FOUND = RuntimeError("ERROR: (gcloud.scheduler.jobs.describe) NOT_FOUND: Job not found")


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def apply(stage: str, *more: str, version: str = "v2") -> int:
    return stages.main(["apply", "--stage", stage, "--image", IMAGE, "--version", version, *more])


def test_plan_shows_every_command_and_runs_none(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stages.main(["plan", "--stage", "staging"]) == 0
    shown = capsys.readouterr().out
    assert gcloud.calls == []
    for service in SERVICES:
        assert f"gcloud run services replace deploy/google/staging/services/{service}.yaml" in shown
    assert "project almanac-staging, europe-west1, https://almanac-staging.example.com" in shown


def test_apply_does_what_plan_shows_in_that_order(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert apply("staging") == 0
    verbs = [" ".join(call[:3]) for call in gcloud.calls]
    order = [
        "run jobs replace",
        "run jobs execute",
        "run services replace",
        "compute url-maps import",
        "scheduler jobs describe",
        "scheduler jobs update",
    ]
    positions = [verbs.index(verb) for verb in order]
    assert positions == sorted(positions)
    assert verbs.count("run services replace") == len(SERVICES)
    assert all("--project=almanac-staging" in call and "--quiet" in call for call in gcloud.calls)
    assert capsys.readouterr().out.index(" 1. ") < len("Stage") * 100


def test_apply_sends_the_image_by_digest_and_names_the_revision_after_the_version(
    gcloud: RecordingGcloud,
) -> None:
    assert apply("staging", version="2f1c9ab") == 0
    service = yaml.safe_load(gcloud.read_sent("data.yaml"))
    template = service["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert template["metadata"]["name"] == "data-2f1c9ab"
    assert container["image"] == IMAGE
    assert {"name": "SERVICE_VERSION", "value": "2f1c9ab"} in container["env"]
    assert IMAGE in gcloud.read_sent("migrate.yaml")


def test_a_schedule_that_is_not_there_yet_is_created(gcloud: RecordingGcloud) -> None:
    gcloud.answer({("scheduler", "describe"): NOT_FOUND})
    assert apply("staging") == 0
    verbs = [call[:3] for call in gcloud.calls]
    assert ["scheduler", "jobs", "create"] in verbs
    assert ["scheduler", "jobs", "update"] not in verbs


def test_a_refusal_that_is_no_absence_is_not_taken_for_one(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    gcloud.answer({("scheduler", "describe"): RuntimeError("PERMISSION_DENIED: no rights")})
    assert apply("staging") == 1
    assert "PERMISSION_DENIED" in capsys.readouterr().err
    assert ["scheduler", "jobs", "create"] not in [call[:3] for call in gcloud.calls]


def test_a_migration_that_fails_ends_it_before_any_function_is_touched(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    gcloud.answer({("jobs", "execute"): RuntimeError("the job failed")})
    assert apply("staging") == 1
    assert "run jobs execute migrate" in capsys.readouterr().err
    assert not [call for call in gcloud.calls if call[:3] == ["run", "services", "replace"]]


def test_prod_is_asked_for_by_name(gcloud: RecordingGcloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for typed in ("", "y\n", "staging\n"):
        type_in(monkeypatch, typed)
        assert apply("prod") == stages.UNCHANGED
    asked = [["run", "services", "list"], ["scheduler", "jobs", "list"]]
    assert [call[:3] for call in gcloud.calls] == asked * 3
    type_in(monkeypatch, "prod\n")
    assert apply("prod") == 0
    assert gcloud.calls


def test_yes_confirms_without_a_question(gcloud: RecordingGcloud, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "")
    assert apply("prod", "--yes") == 0
    assert gcloud.calls


@pytest.mark.parametrize(
    ("image", "version", "message"),
    [
        ("almanac:latest", "v2", "is not an image by digest"),
        (IMAGE, "V2_", "is not a version"),
        (IMAGE, "v" * 21, "is not a version"),
    ],
)
def test_what_cannot_be_released_is_refused_before_anything_happens(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str], image: str, version: str, message: str
) -> None:
    assert (
        stages.main(["apply", "--stage", "staging", "--image", image, "--version", version])
        == stages.UNCHANGED
    )
    assert message in capsys.readouterr().err
    assert gcloud.calls == []


def test_a_function_that_left_the_manifest_is_named_and_deleted_last(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    gcloud.answer({("services", "list"): [describe_service("prompts", "v1", "v1")]})
    assert apply("staging") == 0
    assert gcloud.calls[-1][:4] == ["run", "services", "delete", "prompts"]
    assert "delete prompts, which the manifest no longer has" in capsys.readouterr().out


def test_a_call_that_left_the_schedule_is_named_and_deleted(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    left = "almanac-staging-dashboard-daily"
    gcloud.answer({("scheduler", "list"): [describe_job(name) for name in ("precompute-heartbeat", left)]})
    assert apply("staging") == 0
    asked, *_ = (call for call in gcloud.calls if call[:3] == ["scheduler", "jobs", "list"])
    caller = "scheduler@almanac-staging.iam.gserviceaccount.com"
    assert f"--filter=httpTarget.oidcToken.serviceAccountEmail={caller}" in asked
    deleted = [call[:5] for call in gcloud.calls if "delete" in call]
    assert deleted == [["scheduler", "jobs", "delete", left, "--location=europe-west1"]]
    assert f"stop {left}: the schedule has it no more" in capsys.readouterr().out


def describe_job(name: str) -> dict[str, str]:
    return {"name": f"projects/almanac-staging/locations/europe-west1/jobs/{name}"}


def test_destroy_asks_always_and_deletes_only_what_was_made_for_the_stage(
    gcloud: RecordingGcloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcloud.answer(
        {
            ("services", "describe", "viewer"): RuntimeError(
                "ERROR: (gcloud.run.services.describe) Cannot find service [viewer]"
            ),
            ("services", "list"): [describe_service("prompts", "v1", "v1")],
            ("scheduler", "list"): [describe_job("almanac-staging-dashboard-daily")],
        }
    )
    type_in(monkeypatch, "no\n")
    assert stages.main(["destroy", "--stage", "staging"]) == stages.UNCHANGED
    assert not [call for call in gcloud.calls if "delete" in call]
    type_in(monkeypatch, "staging\n")
    assert stages.main(["destroy", "--stage", "staging"]) == 0
    deleted = {tuple(call[:4]) for call in gcloud.calls if "delete" in call}
    assert deleted == {
        *(
            ("run", "services", "delete", service)
            for service in [*SERVICES, "prompts"]
            if service != "viewer"
        ),
        ("run", "jobs", "delete", "migrate"),
        ("scheduler", "jobs", "delete", "precompute-heartbeat"),
        ("scheduler", "jobs", "delete", "almanac-staging-dashboard-daily"),
    }


@pytest.mark.usefixtures("programs")
def test_without_gcloud_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert apply("staging") == 1
    assert "install the Google Cloud CLI" in capsys.readouterr().err
    assert stages.main(["destroy", "--stage", "staging", "--yes"]) == 1
    assert "install the Google Cloud CLI" in capsys.readouterr().err


def test_a_database_too_small_for_all_instances_is_refused(
    gcloud: RecordingGcloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = load_stage("staging")
    small = stage.model_copy(update={"database": stage.database.model_copy(update={"max_connections": 100})})
    monkeypatch.setattr(stages, "load_stage", lambda name: small)
    assert stages.main(["plan", "--stage", "staging"]) == stages.UNCHANGED
    assert "which takes 85" in capsys.readouterr().err


def test_connections_are_pool_size_times_the_instances_of_functions_with_the_database() -> None:
    stage, manifest = load_stage("prod"), load_manifest()
    wanted = compute_connections(manifest, stage).wanted
    with_database = [entry for entry in manifest.functions if "DATABASE_URL" in entry.secrets]
    assert wanted == 4 * sum(entry.max_instances for entry in with_database)
    larger = stage.model_copy(update={"settings": {**stage.settings, "DATABASE_POOL_SIZE": "8"}})
    assert compute_connections(manifest, larger).wanted == 2 * wanted
