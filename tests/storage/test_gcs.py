"""The Cloud Storage store when the network or the service misbehaves, with Google's client over the wire."""

import socket
import time
from collections.abc import Iterator

import pytest

from deploy.local.servers.fake_gcs import FakeGcsServer
from deploy.local.supervision.process import pick_free_port
from shared.errors import ConflictError, DependencyUnavailableError
from shared.settings import Settings
from shared.storage import gcs_calls
from shared.storage.blob import ABSENT, BlobWrite
from shared.storage.factory import make_gcs_client
from shared.storage.gcs import GcsBlobStore
from tests.fixtures.faulty_link import Fault, FaultyLink
from tests.storage.flaky_proxy import FlakyProxy

WHO = {"message": "A change ☀", "author": "data@example.com"}


def open_store(endpoint: str, bucket: str, timeout_seconds: float = 10) -> GcsBlobStore:
    settings = Settings(storage_endpoint=endpoint)
    return GcsBlobStore(bucket, "p", lambda: make_gcs_client(settings), timeout_seconds=timeout_seconds)


@pytest.fixture
def proxy(gcs_server: FakeGcsServer) -> Iterator[FlakyProxy]:
    with FlakyProxy(gcs_server.port).running() as running:
        yield running


@pytest.fixture
def store(proxy: FlakyProxy, bucket: str) -> GcsBlobStore:
    return open_store(proxy.endpoint, bucket)


def test_message_author_and_type_are_kept_with_the_object(
    store: GcsBlobStore, gcs_server: FakeGcsServer, bucket: str
) -> None:
    store.write_blobs([BlobWrite("a.bin", b"1", "application/x-special")], **WHO)
    client = make_gcs_client(Settings(storage_endpoint=gcs_server.endpoint))
    found = client.bucket(bucket).get_blob("p/a.bin")
    assert (found.metadata["message"], found.metadata["author"]) == (WHO["message"], WHO["author"])
    [blob] = store.read_blobs(["a.bin"])
    assert blob is not None
    assert blob.content_type == "application/x-special"
    client.close()


def test_a_write_whose_answer_was_lost_is_recognised_and_not_a_conflict(
    store: GcsBlobStore, proxy: FlakyProxy
) -> None:
    proxy.fail_first("POST", "lose")
    [revision] = store.write_blobs([BlobWrite("a", b"1", expected_revision=ABSENT)], **WHO)
    [blob] = store.read_blobs(["a"])
    assert blob is not None
    assert (blob.data, blob.revision) == (b"1", revision)
    assert [method for method, _ in proxy.requests].count("POST") == 1


def test_a_repeated_write_does_not_undo_what_came_between(store: GcsBlobStore, proxy: FlakyProxy) -> None:
    """The answer to the first write is lost; before it is repeated somebody else writes: theirs is newer."""
    [old] = store.write_blobs([BlobWrite("a", b"0")], **WHO)
    other = open_store(proxy.endpoint, store._bucket_name)
    state = {"fault": "lose"}

    def fault(method: str, path: str) -> str:
        if method == "POST" and state["fault"] == "lose":
            state["fault"] = "interfere"
            return "lose"
        if method == "GET" and state["fault"] == "interfere":
            state["fault"] = "done"
            other.write_blobs([BlobWrite("a", b"theirs")], **WHO)
        return "pass"

    proxy.fault = fault
    with pytest.raises(ConflictError):
        store.write_blobs([BlobWrite("a", b"mine", expected_revision=old)], **WHO)
    [blob] = store.read_blobs(["a"])
    assert blob is not None
    assert blob.data == b"theirs"


@pytest.mark.parametrize("kind", ["fail", "lose"])
def test_reads_writes_lists_and_deletes_survive_two_faults(
    store: GcsBlobStore, proxy: FlakyProxy, kind: str
) -> None:
    proxy.fail_first("POST", kind, 2)
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    proxy.fail_first("GET", kind, 2)
    assert [info.path for info in store.list_blobs()] == ["a"]
    proxy.fail_first("GET", kind, 2)
    [blob] = store.read_blobs(["a"])
    assert blob is not None
    proxy.fail_first("DELETE", kind, 2)
    store.delete_blobs(["a"], **WHO)
    assert store.list_blobs() == []


def test_corrupted_content_is_never_returned(store: GcsBlobStore, proxy: FlakyProxy) -> None:
    store.write_blobs([BlobWrite("a", b"exactly this")], **WHO)
    proxy.fail_first("GET", "corrupt")
    [blob] = store.read_blobs(["a"])
    assert blob is not None
    assert blob.data == b"exactly this"


def test_a_service_that_keeps_failing_is_unavailable_in_time(proxy: FlakyProxy, bucket: str) -> None:
    store = open_store(proxy.endpoint, bucket, timeout_seconds=1)
    proxy.fault = lambda _method, _path: "fail"
    for call in (lambda: store.read_blobs(["a"]), lambda: store.write_blobs([BlobWrite("a", b"1")], **WHO)):
        started = time.monotonic()
        with pytest.raises(DependencyUnavailableError, match="InternalServerError"):
            call()
        assert time.monotonic() - started < 3


def test_a_refused_connection_is_unavailable_in_time() -> None:
    store = open_store(f"http://127.0.0.1:{pick_free_port()}", "bucket", timeout_seconds=1)
    started = time.monotonic()
    with pytest.raises(DependencyUnavailableError):
        store.list_blobs()
    assert time.monotonic() - started < 3


def test_a_silent_server_is_unavailable_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = open_store(f"http://127.0.0.1:{silent.getsockname()[1]}", "bucket", timeout_seconds=1)
        started = time.monotonic()
        with pytest.raises(DependencyUnavailableError):
            store.read_blobs(["a"])
        assert time.monotonic() - started < 3


def test_a_missing_bucket_is_named_as_the_cause(gcs_server: FakeGcsServer) -> None:
    store = open_store(gcs_server.endpoint, "no-such-bucket")
    with pytest.raises(DependencyUnavailableError) as caught:
        store.write_blobs([BlobWrite("a", b"1")], **WHO)
    assert "bucket exists" in caught.value.remediation


def test_stores_under_different_prefixes_do_not_see_each_other(
    gcs_server: FakeGcsServer, bucket: str
) -> None:
    settings = Settings(storage_endpoint=gcs_server.endpoint)
    inner, outer = (
        GcsBlobStore(bucket, prefix, lambda: make_gcs_client(settings), timeout_seconds=10)
        for prefix in ("/one/", "")
    )
    inner.write_blobs([BlobWrite("a", b"1")], **WHO)
    assert [info.path for info in inner.list_blobs()] == ["a"]
    assert [info.path for info in outer.list_blobs()] == ["one/a"]


def test_many_blobs_are_listed_over_several_pages(gcs_server: FakeGcsServer, bucket: str) -> None:
    store = open_store(gcs_server.endpoint, bucket, timeout_seconds=60)
    paths = [f"{number:04}" for number in range(1100)]
    store.write_blobs([BlobWrite(path, b"") for path in paths], **WHO)
    assert [info.path for info in store.list_blobs()] == paths


def test_a_silence_costs_one_caller_its_timeout_and_the_others_are_told_at_once(
    gcs_server: FakeGcsServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gcs_calls, "PAUSE_SECONDS", 1.0)
    with FaultyLink(gcs_server.port).running() as link:
        store = open_store(f"http://127.0.0.1:{link.port}", bucket, timeout_seconds=1)
        store.write_blobs([BlobWrite(path, b"1") for path in ("a", "b")], **WHO)
        with link.suffering(Fault.BLACK_HOLE):
            with pytest.raises(DependencyUnavailableError, match="did not answer as it should"):
                store.read_blobs(["a", "b"])
            began = time.monotonic()
            for call in (
                lambda: store.read_blobs(["a"]),
                lambda: store.find_missing(["a"]),
                lambda: store.list_blobs(),
                lambda: store.write_blobs([BlobWrite("c", b"1")], **WHO),
                lambda: store.delete_blobs(["a"], **WHO),
            ):
                with pytest.raises(DependencyUnavailableError, match="left alone"):
                    call()
            assert time.monotonic() - began < 0.5
        time.sleep(1.1)
        # All of a batch is let through, not its first alone.
        assert [blob and blob.data for blob in store.read_blobs(["a", "b"])] == [b"1", b"1"]


def test_a_service_that_answers_with_errors_is_asked_each_time(proxy: FlakyProxy, bucket: str) -> None:
    store = open_store(proxy.endpoint, bucket, timeout_seconds=0.5)
    proxy.fault = lambda _method, _path: "fail"
    for _ in range(2):
        with pytest.raises(DependencyUnavailableError, match="InternalServerError"):
            store.read_blobs(["a"])
