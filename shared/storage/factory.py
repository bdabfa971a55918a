"""Which blob store a URL of the settings names."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.errors import InternalError
from shared.settings import Settings
from shared.storage.blob import BlobStore, TracedBlobStore
from shared.storage.files import FileBlobStore
from shared.storage.gcs import GcsBlobStore
from shared.storage.git import GitBlobStore

if TYPE_CHECKING:
    from google.cloud.storage import Client


def open_dashboard_store(settings: Settings) -> BlobStore:
    """The store of the dashboards' YAML (`DASHBOARD_STORE_URL`). Connects to nothing yet."""
    return _open_store(settings.dashboard_store_url, "DASHBOARD_STORE_URL", settings)


def open_payload_store(settings: Settings) -> BlobStore:
    """The store of the payloads' durable copies (`PAYLOAD_STORE_URL`). Connects to nothing yet."""
    return _open_store(settings.payload_store_url, "PAYLOAD_STORE_URL", settings)


def make_gcs_client(settings: Settings) -> "Client":
    """A client of Google Cloud Storage, or of the emulator at `STORAGE_ENDPOINT`."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    if settings.storage_endpoint is None:
        return Client(project=settings.google_cloud_project)
    return Client(
        project=settings.google_cloud_project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options=ClientOptions(api_endpoint=settings.storage_endpoint),
    )


def _open_store(url: str, setting: str, settings: Settings) -> BlobStore:
    kind, _, rest = url.partition(":")
    timeout_seconds = settings.storage_timeout_seconds
    if kind == "git" and rest:
        return TracedBlobStore(GitBlobStore(Path(rest), timeout_seconds=timeout_seconds), kind)
    if kind == "file" and rest:
        return TracedBlobStore(FileBlobStore(Path(rest), timeout_seconds=timeout_seconds), kind)
    parts = urlsplit(url)
    if kind == "gs" and parts.netloc:
        store = GcsBlobStore(
            parts.netloc, parts.path, lambda: make_gcs_client(settings), timeout_seconds=timeout_seconds
        )
        return TracedBlobStore(store, kind)
    raise InternalError(
        f"{setting} is {url!r}; accepted are git:PATH, file:PATH and gs://BUCKET/PREFIX.",
        remediation=f"Correct {setting} in the environment.",
    )
