"""What the file store promises beyond the contract."""

import hashlib
import time
from pathlib import Path

import pytest

from shared.errors import DependencyUnavailableError, InvalidRequestError
from shared.storage.blob import BlobWrite
from shared.storage.disk import lock_file
from shared.storage.files import FileBlobStore

WHO = {"message": "A change", "author": "data@example.com"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def store(root: Path) -> FileBlobStore:
    return FileBlobStore(root, timeout_seconds=5)


def test_the_revision_is_the_sha256_of_the_content(store: FileBlobStore) -> None:
    assert store.write_blobs([BlobWrite("a", b"1")], **WHO) == [hashlib.sha256(b"1").hexdigest()]


def test_what_a_killed_writer_left_is_never_a_blob_and_goes_with_the_next_write(
    store: FileBlobStore, root: Path
) -> None:
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    (root / ".writing" / "tmpabc").write_bytes(b"half a fi")
    assert [info.path for info in store.list_blobs()] == ["a"]
    store.write_blobs([BlobWrite("b", b"2")], **WHO)
    assert list((root / ".writing").iterdir()) == []


def test_unchanged_content_does_not_touch_the_file(store: FileBlobStore, root: Path) -> None:
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    before = (root / "a").stat()
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    assert (root / "a").stat().st_ino == before.st_ino


def test_symbolic_links_lead_nowhere(store: FileBlobStore, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    assert store.read_blobs(["folder/secret", "file"]) == [None, None]
    for path in ("folder/new", "file"):
        with pytest.raises(InvalidRequestError, match="symbolic link"):
            store.write_blobs([BlobWrite(path, b"2")], **WHO)
    store.delete_blobs(["folder/secret", "file"], **WHO)
    assert (outside / "secret").read_text() == "secret"
    assert [info.path for info in store.list_blobs()] == ["a"]


def test_a_name_cannot_be_blob_and_folder(store: FileBlobStore) -> None:
    store.write_blobs([BlobWrite("a/b", b"1")], **WHO)
    for path in ("a", "a/b/c"):
        with pytest.raises(InvalidRequestError, match="folder"):
            store.write_blobs([BlobWrite("fine", b"2"), BlobWrite(path, b"2")], **WHO)
    assert [info.path for info in store.list_blobs()] == ["a/b"]


def test_a_lock_held_too_long_is_a_clear_error_in_time(root: Path) -> None:
    store = FileBlobStore(root, timeout_seconds=0.2)
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    started = time.monotonic()
    with lock_file(root / ".lock", 1), pytest.raises(DependencyUnavailableError, match="busy"):
        store.write_blobs([BlobWrite("a", b"2")], **WHO)
    assert time.monotonic() - started < 2


def test_a_disk_that_does_not_take_writes_is_unavailable() -> None:
    store = FileBlobStore(Path("/proc/nowhere"), timeout_seconds=1)
    with pytest.raises(DependencyUnavailableError):
        store.write_blobs([BlobWrite("a", b"1")], **WHO)
