"""The three stores that the contract tests run on."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.servers.fake_gcs import FakeGcsServer
from shared.settings import Settings
from shared.storage.blob import BlobStore
from shared.storage.factory import make_gcs_client
from shared.storage.files import FileBlobStore
from shared.storage.gcs import GcsBlobStore
from shared.storage.git import GitBlobStore

TIMEOUT_SECONDS = 20.0

OpenStore = Callable[[], BlobStore]


@pytest.fixture
def bucket(gcs_server: FakeGcsServer) -> str:
    """A new, empty bucket."""
    name = f"almanac-{uuid.uuid4().hex[:12]}"
    gcs_server.create_bucket(name)
    return name


@pytest.fixture(params=["files", "git", "gcs"])
def open_store(servers: None, request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Opens the same, initially empty, store each time it is called, as another process would."""
    if request.param == "files":
        return lambda: FileBlobStore(tmp_path / "blobs", timeout_seconds=TIMEOUT_SECONDS)
    if request.param == "git":
        return lambda: GitBlobStore(tmp_path / "workdir", timeout_seconds=TIMEOUT_SECONDS)
    server: FakeGcsServer = request.getfixturevalue("gcs_server")
    name: str = request.getfixturevalue("bucket")
    settings = Settings(storage_endpoint=server.endpoint)
    return lambda: GcsBlobStore(
        name, "some/prefix", lambda: make_gcs_client(settings), timeout_seconds=TIMEOUT_SECONDS
    )


@pytest.fixture
def store(open_store: OpenStore) -> BlobStore:
    """One store, empty."""
    return open_store()
