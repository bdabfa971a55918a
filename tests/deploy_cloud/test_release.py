"""deploy/ci/release.sh: what becomes of a version that is well, and of one that is not."""

import subprocess
from collections.abc import Iterator

import pytest

from shared.api.manifest import load_manifest
from tests.deploy_cloud.cloud_run import IMAGE, SERVICES, answer_services, read_moves, read_tags
from tests.deploy_cloud.recorder import RecordingGcloud
from tests.deploy_cloud.scripts import run_script
from tests.deploy_cloud.test_smoke import Service


@pytest.fixture
def gcloud(gcloud: RecordingGcloud) -> RecordingGcloud:
    answer_services(gcloud)
    return gcloud


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.stop()


def release(gcloud: RecordingGcloud, url: str, version: str) -> subprocess.CompletedProcess[str]:
    return run_script(
        "release.sh",
        PATH=gcloud.path,
        STAGE="staging",
        VERSION=version,
        IMAGE=IMAGE,
        URL=url,
        WITHIN_SECONDS="0",
    )


def test_a_version_that_is_well_stays_and_is_marked_as_good(
    gcloud: RecordingGcloud, service: Service
) -> None:
    service.version = "v3"
    done = release(gcloud, service.url, "v3")
    assert done.returncode == 0, done.stderr
    assert "release: staging serves v3" in done.stdout
    assert read_moves(gcloud) == {}
    assert read_tags(gcloud)["data"] == ["--update-tags=good=data-v3,before=data-v2"]


def test_a_version_that_is_not_well_is_taken_back(gcloud: RecordingGcloud, service: Service) -> None:
    done = release(gcloud, service.url, "v3")  # it goes on answering as v2
    assert done.returncode == 1
    assert "serves version v2, not v3" in done.stderr
    assert "release: staging serves the version before" in done.stderr
    moves = read_moves(gcloud)
    assert set(moves) == {entry.name.replace("_", "-") for entry in load_manifest().functions}
    assert all(revision.endswith("-v2=100") for revision in moves.values())


def test_what_could_not_be_taken_back_is_said(gcloud: RecordingGcloud, service: Service) -> None:
    answer_services(gcloud, good="v3", before="v3")
    done = release(gcloud, service.url, "v3")
    assert done.returncode == 1
    assert "release: NOT everything could be taken back" in done.stderr
    assert "data has no revision before v3 that passed a smoke test" in done.stderr


def test_a_release_that_reached_no_function_has_nothing_to_take_back(
    gcloud: RecordingGcloud, service: Service
) -> None:
    answer_services(gcloud, dict.fromkeys(SERVICES, "v2"))
    done = release(gcloud, service.url, "v3")
    assert done.returncode == 1
    assert "release: there was nothing to take back" in done.stderr


def test_a_release_that_never_began_says_so(gcloud: RecordingGcloud) -> None:
    done = run_script(
        "release.sh",
        PATH=gcloud.path,
        STAGE="staging",
        VERSION="v3",
        IMAGE="almanac:latest",
        URL="http://127.0.0.1:9",
    )
    assert done.returncode == 1
    assert "is not an image by digest" in done.stderr
    assert "release: nothing was changed; staging serves what it did" in done.stderr
    assert read_moves(gcloud) == {}
