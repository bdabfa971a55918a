"""A span around every call of a blob store."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace

from shared.errors import AlmanacError
from shared.storage.blob import Blob, BlobInfo, BlobStore, BlobWrite


class TracedBlobStore:
    """Passes everything on to `store`; spans are named `storage.<call>` and say which store and how many."""

    def __init__(self, store: BlobStore, kind: str) -> None:
        self.store = store
        self._kind = kind
        # The API, not shared.telemetry: storage and telemetry are siblings and know nothing of each other.
        self._tracer = trace.get_tracer("almanac.storage")

    def read_blobs(self, paths: Sequence[str]) -> list[Blob | None]:
        """See `BlobStore.read_blobs`."""
        with self._span("read", len(paths)):
            return self.store.read_blobs(paths)

    def write_blobs(self, writes: Sequence[BlobWrite], *, message: str, author: str) -> list[str]:
        """See `BlobStore.write_blobs`."""
        with self._span("write", len(writes)):
            return self.store.write_blobs(writes, message=message, author=author)

    def delete_blobs(self, paths: Sequence[str], *, message: str, author: str) -> None:
        """See `BlobStore.delete_blobs`."""
        with self._span("delete", len(paths)):
            self.store.delete_blobs(paths, message=message, author=author)

    def list_blobs(self, prefix: str = "") -> list[BlobInfo]:
        """See `BlobStore.list_blobs`."""
        with self._span("list", 1):
            return self.store.list_blobs(prefix)

    def find_missing(self, paths: Sequence[str]) -> set[str]:
        """See `BlobStore.find_missing`."""
        with self._span("find_missing", len(paths)):
            return self.store.find_missing(paths)

    def list_drift(self) -> list[str]:
        """See `BlobStore.list_drift`."""
        with self._span("drift", 1):
            return self.store.list_drift()

    @contextmanager
    def _span(self, name: str, count: int) -> Iterator[None]:
        attributes: dict[str, str | int] = {"storage.kind": self._kind, "storage.items": count}
        with self._tracer.start_as_current_span(
            f"storage.{name}", kind=trace.SpanKind.CLIENT, attributes=attributes
        ) as span:
            try:
                yield
            except AlmanacError as error:
                span.set_attribute("error.type", error.code.value)
                raise
