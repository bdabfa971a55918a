"""Which blob store a URL of the settings names.

A store is loaded and opened with its first call: most answers of `/data` come from the cache, and plans need none.
"""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.errors import InternalError
from shared.settings import Settings
from shared.storage.blob import BlobStore, TracedBlobStore

if TYPE_CHECKING:
    from google.cloud.storage import Client

    from shared.storage.git import GitBlobStore
    from shared.storage.git_history import GitHistory


def open_dashboard_store(settings: Settings) -> BlobStore:
    """The store of the dashboards' YAML (`DASHBOARD_STORE_URL`). Connects to nothing yet."""
    return _open_store(settings.dashboard_store_url, "DASHBOARD_STORE_URL", settings)


def open_payload_store(settings: Settings) -> BlobStore:
    """The store of the payloads' durable copies (`PAYLOAD_STORE_URL`). Connects to nothing yet."""
    return _open_store(settings.payload_store_url, "PAYLOAD_STORE_URL", settings)


def open_git_store(settings: Settings) -> "GitBlobStore | None":
    """The store of the dashboards' YAML as what it is, where that is a Git working tree; else None."""
    from shared.storage.git import GitBlobStore

    place = _find_workdir(settings)
    return GitBlobStore(place, timeout_seconds=settings.storage_timeout_seconds) if place else None


def open_dashboard_history(settings: Settings) -> "GitHistory | None":
    """The commits of the store of the dashboards' YAML; None where it keeps none."""
    from shared.storage.git_history import GitHistory

    place = _find_workdir(settings)
    return GitHistory(place, timeout_seconds=settings.storage_timeout_seconds) if place else None


def _find_workdir(settings: Settings) -> Path | None:
    kind, _, place = settings.dashboard_store_url.partition(":")
    return Path(place) if kind == "git" and place else None


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
    if kind == "git" and rest:
        return TracedBlobStore(lambda: _open_git(rest, settings), kind)
    if kind == "file" and rest:
        return TracedBlobStore(lambda: _open_files(rest, settings), kind)
    if kind == "gs" and urlsplit(url).netloc:
        return TracedBlobStore(lambda: _open_bucket(url, settings), kind)
    raise InternalError(
        f"{setting} is {url!r}; accepted are git:PATH, file:PATH and gs://BUCKET/PREFIX.",
        remediation=f"Correct {setting} in the environment.",
    )


def _open_git(folder: str, settings: Settings) -> BlobStore:
    from shared.storage.git import GitBlobStore

    return GitBlobStore(Path(folder), timeout_seconds=settings.storage_timeout_seconds)


def _open_files(folder: str, settings: Settings) -> BlobStore:
    from shared.storage.files import FileBlobStore

    return FileBlobStore(Path(folder), timeout_seconds=settings.storage_timeout_seconds)


def _open_bucket(url: str, settings: Settings) -> BlobStore:
    from shared.storage.gcs import GcsBlobStore

    parts = urlsplit(url)
    return GcsBlobStore(
        parts.netloc,
        parts.path,
        lambda: make_gcs_client(settings),
        timeout_seconds=settings.storage_timeout_seconds,
    )
