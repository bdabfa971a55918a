"""What a version that is not well is taken back to, and that releases take turns."""

from typing import Any

import pytest
import yaml

from deploy.stages import __main__ as stages
from deploy.stages import turns
from tests.deploy_cloud.cloud_run import (
    IMAGE,
    SERVICES,
    CloudRun,
    answer_services,
    describe_service,
    read_moves,
    read_tags,
)
from tests.deploy_cloud.recorder import RecordingGcloud


def apply(version: str) -> int:
    return stages.main(["apply", "--stage", "staging", "--image", IMAGE, "--version", version])


def rollback(*more: str) -> int:
    return stages.main(["rollback", "--stage", "staging", *more])


def release(gcloud: RecordingGcloud, cloud_run: CloudRun, version: str, *, is_well: bool) -> int:
    """What deploy/ci/release.sh does, the smoke test apart."""
    assert apply(version) == 0
    cloud_run.catch_up()
    command = ["accept", "--version", version] if is_well else ["rollback", "--from", version]
    code = stages.main([command[0], "--stage", "staging", *command[1:]])
    cloud_run.catch_up()
    return code


def test_a_version_that_was_taken_back_is_never_gone_back_to(gcloud: RecordingGcloud) -> None:
    cloud_run = CloudRun(gcloud)
    assert release(gcloud, cloud_run, "v1", is_well=True) == 0
    assert release(gcloud, cloud_run, "v2", is_well=False) == 0
    assert set(cloud_run.serving.values()) == {"v1"}
    assert release(gcloud, cloud_run, "v3", is_well=False) == 0
    assert set(cloud_run.serving.values()) == {"v1"}


def test_a_good_version_goes_back_to_the_good_one_before_it(gcloud: RecordingGcloud) -> None:
    cloud_run = CloudRun(gcloud)
    for version, is_well in (("v1", True), ("v2", False), ("v3", True)):
        assert release(gcloud, cloud_run, version, is_well=is_well) == 0
    assert rollback() == 0
    cloud_run.catch_up()
    assert set(cloud_run.serving.values()) == {"v1"}
    assert release(gcloud, cloud_run, "v4", is_well=False) == 0  # v3 was left by hand and is good no more
    assert set(cloud_run.serving.values()) == {"v1"}


def test_a_version_can_be_chosen_to_go_to(gcloud: RecordingGcloud) -> None:
    answer_services(gcloud)
    assert rollback("--to", "v0") == 0
    assert read_moves(gcloud) == {service: f"{service}-v0=100" for service in SERVICES}
    assert read_tags(gcloud)["data"] == ["--update-tags=good=data-v0", "--remove-tags=before"]


def test_a_version_is_marked_only_when_every_function_serves_it(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_services(gcloud, {"data": "v2"})
    assert stages.main(["accept", "--stage", "staging", "--version", "v3"]) == stages.UNCHANGED
    assert "data does not serve v3" in capsys.readouterr().err
    assert read_tags(gcloud) == {}


def test_a_release_keeps_the_tags_of_a_service(gcloud: RecordingGcloud) -> None:
    answer_services(gcloud)
    assert apply("v4") == 0
    assert yaml.safe_load(gcloud.read_sent("data.yaml"))["spec"]["traffic"] == [
        {"percent": 100, "latestRevision": True},
        {"percent": 0, "revisionName": "data-v1", "tag": "before"},
        {"percent": 0, "revisionName": "data-v2", "tag": "good"},
    ]


def test_rollback_of_a_release_that_stopped_half_way_leaves_what_it_did_not_reach(
    gcloud: RecordingGcloud,
) -> None:
    reached = sorted(SERVICES)[:4]
    answer_services(gcloud, {service: "v2" for service in SERVICES if service not in reached})
    assert rollback("--from", "v3") == 0
    assert read_moves(gcloud) == {service: f"{service}-v2=100" for service in reached}


def test_a_revision_that_is_not_ready_yet_cannot_take_the_requests_later(gcloud: RecordingGcloud) -> None:
    described = [describe_service(service, "v2", "v3", good="v2") for service in SERVICES]
    gcloud.answer({("services", "list"): described})
    assert rollback("--from", "v3") == 0
    assert read_moves(gcloud) == {service: f"{service}-v2=100" for service in SERVICES}


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ([describe_service("lineage", "v3", "v3")], "has no revision before v3 that passed a smoke test"),
        ([describe_service("lineage", None, "v3")], "has never served"),
    ],
)
def test_a_function_that_cannot_go_back_holds_up_no_other(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str], new: list[dict[str, Any]], why: str
) -> None:
    others = [service for service in SERVICES if service != "lineage"]
    described = [describe_service(service, "v3", "v3", good="v2") for service in others]
    gcloud.answer({("services", "list"): [*described, *new]})
    assert rollback("--from", "v3") == stages.FAILED
    assert read_moves(gcloud) == {service: f"{service}-v2=100" for service in others}
    said = capsys.readouterr()
    assert f"warning: lineage stays: it {why}" in said.out
    assert f"{len(others)} services went back; these stay as they are: lineage {why}" in said.err


def test_a_function_that_is_not_deployed_holds_up_no_other(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [service for service in SERVICES if service != "lineage"]
    gcloud.answer(
        {("services", "list"): [describe_service(service, "v3", "v3", good="v2") for service in others]}
    )
    assert rollback("--from", "v3") == 0
    assert read_moves(gcloud) == {service: f"{service}-v2=100" for service in others}
    assert "warning: lineage is not deployed" in capsys.readouterr().out


def test_rollback_says_when_there_is_nothing_to_go_back_from(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_services(gcloud, dict.fromkeys(SERVICES, "v1"))
    assert rollback("--from", "v9") == stages.UNCHANGED
    assert "no service serves v9; served is v1" in capsys.readouterr().err
    gcloud.answer({})
    assert rollback() == stages.UNCHANGED
    assert "served is nothing" in capsys.readouterr().err
    assert read_moves(gcloud) == {}


def describe_build(number: int, *tags: str) -> dict[str, Any]:
    return {"id": f"build-{number}", "createTime": f"2026-01-01T00:0{number}:00Z", "tags": tags}


BUILDS = [
    describe_build(1, "almanac", "prod"),
    describe_build(2, "almanac", "staging"),
    describe_build(3, "almanac", "staging"),
]


@pytest.mark.parametrize(
    ("build", "waits_for"), [("build-2", ""), ("build-3", "build-2"), ("", "build-2, build-3")]
)
def test_a_release_waits_for_the_older_ones_of_its_stage(
    gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str], build: str, waits_for: str
) -> None:
    gcloud.answer({("builds", "list", "--ongoing"): BUILDS})
    own = ["--build", build] if build else []
    code = stages.main(["wait", "--stage", "staging", "--within", "-1", *own])
    assert code == (stages.UNCHANGED if waits_for else 0)
    assert capsys.readouterr().err == (f"error: still being released by: {waits_for}\n" if waits_for else "")


def test_a_release_goes_on_when_the_older_one_is_over(
    gcloud: RecordingGcloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gcloud.answer({("builds", "list"): BUILDS})
    monkeypatch.setattr(turns.time, "sleep", lambda seconds: gcloud.answer({("builds", "list"): BUILDS[2:]}))
    assert stages.main(["wait", "--stage", "staging", "--build", "build-3"]) == 0
    assert capsys.readouterr().out == "waiting for build-2\n"
