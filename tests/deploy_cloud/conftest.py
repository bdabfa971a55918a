"""A recording gcloud on PATH."""

from pathlib import Path

import pytest

from tests.deploy_cloud.recorder import RecordingGcloud


@pytest.fixture
def gcloud(programs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingGcloud:
    recorder = RecordingGcloud.install(tmp_path)
    monkeypatch.setenv("PATH", recorder.path)
    return recorder
