"""Settings to stores."""

from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deploy.local.servers.fake_gcs import FakeGcsServer
from shared.errors import ConflictError, InternalError
from shared.settings import Settings
from shared.storage.blob import ABSENT, BlobWrite
from shared.storage.factory import open_dashboard_store, open_payload_store

WHO = {"message": "A change", "author": "data@example.com"}


def test_urls_name_git_files_and_buckets(tmp_path: Path, gcs_server: FakeGcsServer, bucket: str) -> None:
    settings = Settings(
        dashboard_store_url=f"git:{tmp_path}/workdir", payload_store_url=f"file:{tmp_path}/payloads"
    )
    open_dashboard_store(settings).write_blobs([BlobWrite("a", b"1")], **WHO)
    open_payload_store(settings).write_blobs([BlobWrite("a", b"1")], **WHO)
    assert (tmp_path / "workdir" / ".git").is_dir()
    assert (tmp_path / "payloads" / "a").read_bytes() == b"1"
    google = Settings(payload_store_url=f"gs://{bucket}/x/y", storage_endpoint=gcs_server.endpoint)
    open_payload_store(google).write_blobs([BlobWrite("a", b"1")], **WHO)
    whole = Settings(payload_store_url=f"gs://{bucket}", storage_endpoint=gcs_server.endpoint)
    assert [info.path for info in open_payload_store(whole).list_blobs()] == ["x/y/a"]


@pytest.mark.parametrize("url", ["", "git:", "file:", "gs:///x", "s3://bucket", "/plain/path"])
def test_another_url_names_the_setting_and_what_is_accepted(url: str) -> None:
    with pytest.raises(InternalError, match=r"PAYLOAD_STORE_URL.*git:PATH, file:PATH and gs://BUCKET/PREFIX"):
        open_payload_store(Settings(payload_store_url=url))


def test_opening_touches_nothing(tmp_path: Path) -> None:
    open_dashboard_store(Settings(dashboard_store_url=f"git:{tmp_path}/workdir"))
    assert list(tmp_path.iterdir()) == []


def test_calls_leave_spans_with_the_error_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    store = open_payload_store(Settings(payload_store_url=f"file:{tmp_path}"))
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    with pytest.raises(ConflictError):
        store.write_blobs([BlobWrite("a", b"1", expected_revision=ABSENT)], **WHO)
    assert store.list_drift() == []
    first, second, third = spans.get_finished_spans()
    assert (first.name, dict(first.attributes or {})) == (
        "storage.write",
        {"storage.kind": "file", "storage.items": 1},
    )
    assert (second.attributes or {})["error.type"] == "CONFLICT"
    assert third.name == "storage.drift"
