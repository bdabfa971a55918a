"""Names of what is kept in the cache and in the blob stores."""

from uuid import UUID

DASHBOARDS_FOLDER = "dashboards"
"""The folder of the dashboard store that holds one folder per dashboard."""


def head_key(slug: str) -> str:
    """Which version of a dashboard is current, and what its parameters are.

    A key of its own for heads with a checksum: a release that knows none would fail on one.
    """
    return f"dash:{slug}:head"


def query_key(slug: str, fingerprint: str, version: int) -> str:
    """One query's encoded result."""
    return f"dash:{slug}:q:{fingerprint}:v:{version}"


def payload_key(slug: str, variant_hash: str, version: int) -> str:
    """One variant's assembled payload."""
    return f"dash:{slug}:p:{variant_hash}:v:{version}"


def pointer_key(slug: str, variant_hash: str, version: int) -> str:
    """Where the payload lies that one variant is served from."""
    return f"dash:{slug}:at:{variant_hash}:v:{version}"


def stream_key(slug: str, path: str) -> str:
    """The Arrow stream that lies at `path`; named by content, so good in every version."""
    return f"dash:{slug}:s:{path}"


def result_path(fingerprint: str, content_sha256: str, writer: UUID) -> str:
    """Where a query's result lies in the payload store; each writer has a path of its own, never used again."""
    return f"results/{fingerprint[:2]}/{fingerprint}/{content_sha256}-{writer.hex}"


def stream_path(result_blob_path: str) -> str:
    """Where the Arrow stream of a result lies: beside it."""
    return f"{result_blob_path}.arrow"


def payload_path(slug: str, version: int, variant_hash: str, writer: UUID) -> str:
    """Where a variant's payload lies in the payload store; each writer has a path of its own."""
    return f"payloads/{slug}/{version}/{variant_hash}/{writer.hex}"


def blob_folder(slug: str) -> str:
    """The folder of a dashboard and its SQL files in the dashboard store."""
    return f"{DASHBOARDS_FOLDER}/{slug}"


def dashboard_path(slug: str) -> str:
    """Where a dashboard's YAML lies in the dashboard store."""
    return f"{blob_folder(slug)}/{slug}.yaml"
