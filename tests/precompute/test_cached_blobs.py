"""Copies in the cache: only the one that is current is believed, whoever wrote last."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from deploy.local.servers.valkey import ValkeyServer
from shared.cache.cache import Cache
from shared.cache.factory import open_cache
from shared.precompute.payload.cached_blobs import (
    POINTER_TTL_SECONDS,
    CachedBlobs,
    Pointer,
    UnreadableBlobError,
    make_copy,
)
from shared.settings import Settings
from shared.storage.blob import Blob, BlobStore, BlobWrite
from shared.storage.files import FileBlobStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = Pointer("p/old", NOW), Pointer("p/new", NOW + timedelta(seconds=1))
WRITTEN = {OLD: NOW + timedelta(seconds=2), NEW: NOW + timedelta(seconds=3)}


@pytest.fixture(params=["memory", "valkey"])
def cache(servers: None, request: pytest.FixtureRequest) -> Cache:
    if request.param == "memory":
        return open_cache(Settings(cache_url="memory://"))
    server: ValkeyServer = request.getfixturevalue("valkey_server")
    cache = open_cache(Settings(cache_url=server.url, cache_timeout_seconds=5))
    with redis.Redis.from_url(server.url) as client:
        client.delete("pointer", "copy")
    return cache


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    store = FileBlobStore(tmp_path, timeout_seconds=5)
    store.write_blobs(
        [BlobWrite(OLD.path, b"old"), BlobWrite(NEW.path, b"new")], message="Test", author="a@example.com"
    )
    return store


def read_text(data: bytes) -> str:
    if not data.isalpha():
        raise ValueError("not text")
    return data.decode()


def find(blobs: CachedBlobs, pointer: Callable[[], Pointer | None]) -> str | None:
    def find_pointer() -> tuple[Pointer, datetime] | None:
        found = pointer()
        return (found, WRITTEN[found]) if found else None

    found = blobs.find_current("pointer", "copy", find_pointer, read_text)
    if found is None:
        return None
    assert found[1] == {"old": OLD, "new": NEW}[found[0]].checked_at
    return found[0]


def publish(cache: Cache, pointer: Pointer, text: bytes) -> None:
    """What a refresh does."""
    cache.set_many({"copy": make_copy(pointer.path, text)}, 60)
    cache.set_newest_many({"pointer": pointer.stamp(WRITTEN[pointer])}, POINTER_TTL_SECONDS)


def test_a_reader_that_comes_late_brings_nothing_old_back(cache: Cache, store: BlobStore) -> None:
    read_blobs = store.read_blobs

    class Overtaken:
        """While the old blob is read a refresh publishes the new one."""

        def read_blobs(self, paths: list[str]) -> list[Blob | None]:
            found = read_blobs(paths)
            if paths == [OLD.path]:
                publish(cache, NEW, b"new")
            return found

    slow = CachedBlobs(cache, Overtaken(), 60)  # type: ignore[arg-type]
    assert find(slow, lambda: OLD) == "old"
    assert cache.get_many(["copy"]) == [make_copy(OLD.path, b"old")]
    blobs = CachedBlobs(cache, store, 60)
    assert find(blobs, lambda: pytest.fail("the pointer is cached")) == "new"
    assert cache.get_many(["copy"]) == [make_copy(NEW.path, b"new")]


def test_a_pointer_that_comes_late_does_not_replace_a_newer_one(cache: Cache, store: BlobStore) -> None:
    blobs = CachedBlobs(cache, store, 60)

    def look_up_slowly() -> Pointer:
        publish(cache, NEW, b"new")
        return OLD

    assert find(blobs, look_up_slowly) == "old"
    assert find(blobs, lambda: pytest.fail("the pointer is cached")) == "new"


def test_a_copy_that_cannot_be_read_is_replaced(cache: Cache, store: BlobStore) -> None:
    publish(cache, NEW, b"\0")
    assert find(CachedBlobs(cache, store, 60), lambda: None) == "new"
    assert cache.get_many(["copy"]) == [make_copy(NEW.path, b"new")]


def test_a_blob_that_is_gone_is_looked_up_anew(cache: Cache, store: BlobStore) -> None:
    store.delete_blobs([OLD.path], message="Test", author="a@example.com")
    cache.set_newest_many({"pointer": OLD.stamp(WRITTEN[OLD])}, 60)
    blobs = CachedBlobs(cache, store, 60)
    assert find(blobs, lambda: NEW) == "new"
    assert find(blobs, lambda: pytest.fail("the pointer is cached")) == "new"


def test_a_check_moves_the_pointer_and_leaves_the_copy(cache: Cache, store: BlobStore) -> None:
    publish(cache, NEW, b"new")
    later = Pointer(NEW.path, NOW + timedelta(hours=1))
    cache.set_newest_many({"pointer": later.stamp(NOW + timedelta(hours=1))}, 60)
    blobs = CachedBlobs(cache, store, 60)
    found = blobs.find_current("pointer", "copy", lambda: pytest.fail("the pointer is cached"), read_text)
    assert found == ("new", later.checked_at)


def test_a_pointer_of_another_release_is_passed_over(cache: Cache, store: BlobStore) -> None:
    cache.set_newest_many({"pointer": (1, b"p/old")}, 60)
    assert find(CachedBlobs(cache, store, 60), lambda: NEW) == "new"


def test_many_are_read_at_once_and_kept(cache: Cache, store: BlobStore) -> None:
    cache.set_many({"pointer": make_copy(OLD.path, b"cached")}, 60)
    blobs = CachedBlobs(cache, store, 60)
    wanted = {"pointer": OLD.path, "copy": NEW.path, "none": "p/none"}
    assert blobs.read_many(wanted, lambda _, data: read_text(data).encode()) == {
        OLD.path: b"cached",
        NEW.path: b"new",
    }
    assert cache.get_many(["copy", "none"]) == [make_copy(NEW.path, b"new"), None]


def test_of_many_a_damaged_copy_is_read_from_the_store(cache: Cache, store: BlobStore) -> None:
    cache.set_many({"pointer": make_copy(OLD.path, b"\0"), "copy": make_copy(NEW.path, b"new")}, 60)
    store.write_blobs([BlobWrite(NEW.path, b"\0")], message="Test", author="a@example.com")
    blobs = CachedBlobs(cache, store, 60)
    found = blobs.read_many({"pointer": OLD.path, "copy": NEW.path}, lambda _, data: read_text(data))
    assert found == {OLD.path: "old", NEW.path: "new"}
    assert cache.get_many(["pointer"]) == [make_copy(OLD.path, b"old")]


def test_what_is_damaged_in_both_places_is_told_from_what_is_gone(cache: Cache, store: BlobStore) -> None:
    publish(cache, NEW, b"\0")
    store.write_blobs([BlobWrite(NEW.path, b"\0")], message="Test", author="a@example.com")
    blobs = CachedBlobs(cache, store, 60)
    with pytest.raises(UnreadableBlobError, match=NEW.path):
        find(blobs, lambda: NEW)
    assert find(blobs, lambda: OLD) == "old"


def test_a_damaged_pointer_with_a_high_number_gives_way(cache: Cache, store: BlobStore) -> None:
    cache.set_many({"pointer": b"9007199254740991 garbage"}, 60)
    blobs = CachedBlobs(cache, store, 60)
    assert find(blobs, lambda: NEW) == "new"
    assert find(blobs, lambda: pytest.fail("the pointer is cached")) == "new"
