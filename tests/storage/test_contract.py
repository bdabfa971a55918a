"""What every blob store promises; each test runs on files, Git and Cloud Storage."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.errors import ConflictError, InvalidRequestError
from shared.storage.blob import ABSENT, BlobStore, BlobWrite
from tests.storage.conftest import OpenStore

WHO = {"message": "A change", "author": "Data Engineer <data@example.com>"}
YAML = "application/yaml"
UNKNOWN_REVISION = "123456789"

BAD_PATHS = [
    "", "/", "/etc/passwd", "a//b", "a/", "..", "../a", "a/../b", "./a", "a/./b", "a\\b", "a\0b", "a\nb",
    ".git/config", "a/.git/hooks/x", ".lock", "\ud800", "a /b", " a", "x" * 201,
    "/".join(["x" * 100] * 9), "C:\\x", "a/\u202eb",
]  # fmt: skip


def test_reads_what_was_written_byte_for_byte(store: BlobStore) -> None:
    data = os.urandom(300_000) + b"\r\n\0\xff"
    [revision] = store.write_blobs([BlobWrite("a/b.bin", data)], **WHO)
    [blob] = store.read_blobs(["a/b.bin"])
    assert blob is not None
    assert (blob.path, blob.data, blob.revision) == ("a/b.bin", data, revision)
    assert blob.content_type == "application/octet-stream"


def test_empty_and_large_blobs_come_back(store: BlobStore) -> None:
    large = os.urandom(9 * 1024 * 1024)  # over the size Google's client sends in one request
    store.write_blobs([BlobWrite("empty", b""), BlobWrite("large", large)], **WHO)
    empty_blob, large_blob = store.read_blobs(["empty", "large"])
    assert empty_blob is not None
    assert empty_blob.data == b""
    assert large_blob is not None
    assert large_blob.data == large


def test_answers_in_input_order_with_none_for_what_is_missing(store: BlobStore) -> None:
    store.write_blobs([BlobWrite("b.yaml", b"b", YAML), BlobWrite("a.yaml", b"a", YAML)], **WHO)
    blobs = store.read_blobs(["missing", "b.yaml", "a.yaml", "b.yaml", "a.yaml/below", "b"])
    assert [blob and blob.data for blob in blobs] == [None, b"b", b"a", b"b", None, None]
    assert blobs[1] is not None
    assert blobs[1].content_type == YAML


def test_says_which_of_many_are_missing(store: BlobStore) -> None:
    store.write_blobs([BlobWrite("nyc/a", b"a"), BlobWrite("b", b"")], **WHO)
    assert store.find_missing(["nyc/a", "b", "nyc", "nyc/a/below", "c"]) == {"nyc", "nyc/a/below", "c"}
    store.delete_blobs(["b"], **WHO)
    assert store.find_missing(["nyc/a", "b"]) == {"b"}
    assert store.find_missing([]) == set()
    with pytest.raises(InvalidRequestError):
        store.find_missing(["../b"])


def test_an_empty_store_holds_nothing_and_empty_calls_do_nothing(store: BlobStore) -> None:
    assert store.read_blobs(["a"]) == [None]
    assert store.list_blobs() == []
    assert store.read_blobs([]) == []
    assert store.write_blobs([], **WHO) == []
    store.delete_blobs([], **WHO)


def test_another_opening_sees_the_same_blobs(open_store: OpenStore) -> None:
    open_store().write_blobs([BlobWrite("dashboards/ünïcode ☀.yaml", b"x: 1\n", YAML)], **WHO)
    [blob] = open_store().read_blobs(["dashboards/ünïcode ☀.yaml"])
    assert blob is not None
    assert blob.data == b"x: 1\n"
    assert [info.path for info in open_store().list_blobs()] == ["dashboards/ünïcode ☀.yaml"]


def test_lists_by_string_prefix_sorted_with_size_and_revision(store: BlobStore) -> None:
    paths = ["nyc.yaml", "nyc/b", "nyc/a", "other", "nyc/a-b", "nyc/deep/er"]
    revisions = dict(
        zip(paths, store.write_blobs([BlobWrite(p, p.encode()) for p in paths], **WHO), strict=True)
    )
    listed = store.list_blobs("nyc")
    assert [info.path for info in listed] == ["nyc.yaml", "nyc/a", "nyc/a-b", "nyc/b", "nyc/deep/er"]
    assert all(info.size == len(info.path) and info.revision == revisions[info.path] for info in listed)
    assert [info.path for info in store.list_blobs("nyc/")] == ["nyc/a", "nyc/a-b", "nyc/b", "nyc/deep/er"]
    assert len(store.list_blobs()) == 6
    assert store.list_blobs("zzz") == []


def test_new_content_has_a_new_revision(store: BlobStore) -> None:
    [first] = store.write_blobs([BlobWrite("a", b"1")], **WHO)
    [second] = store.write_blobs([BlobWrite("a", b"2", expected_revision=first)], **WHO)
    assert first != second
    [blob] = store.read_blobs(["a"])
    assert blob is not None
    assert (blob.data, blob.revision) == (b"2", second)


def test_without_precondition_the_last_writer_wins(store: BlobStore) -> None:
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    store.write_blobs([BlobWrite("a", b"2")], **WHO)
    [blob] = store.read_blobs(["a"])
    assert blob is not None
    assert blob.data == b"2"


def test_absent_means_the_path_must_not_exist(store: BlobStore) -> None:
    [revision] = store.write_blobs([BlobWrite("a", b"1", expected_revision=ABSENT)], **WHO)
    with pytest.raises(ConflictError, match="a changed meanwhile"):
        store.write_blobs([BlobWrite("a", b"2", expected_revision=ABSENT)], **WHO)
    [blob] = store.read_blobs(["a"])
    assert blob is not None
    assert (blob.data, blob.revision) == (b"1", revision)


@pytest.mark.parametrize("expected", [UNKNOWN_REVISION, "0" * 40, "not-a-revision"])
def test_a_stale_or_foreign_revision_is_a_conflict(store: BlobStore, expected: str) -> None:
    store.write_blobs([BlobWrite("there", b"1")], **WHO)
    for path in ("there", "not-there"):
        with pytest.raises(ConflictError) as caught:
            store.write_blobs([BlobWrite(path, b"2", expected_revision=expected)], **WHO)
        assert caught.value.details[0]["path"] == path
    blobs = store.read_blobs(["there", "not-there"])
    assert [blob and blob.data for blob in blobs] == [b"1", None]


def test_one_conflict_in_a_batch_stops_all_of_it(store: BlobStore) -> None:
    [revision] = store.write_blobs([BlobWrite("a", b"1")], **WHO)
    batch = [
        BlobWrite("a", b"2", expected_revision=revision),
        BlobWrite("b", b"2", expected_revision=UNKNOWN_REVISION),
        BlobWrite("c", b"2"),
    ]
    with pytest.raises(ConflictError, match="b changed"):
        store.write_blobs(batch, **WHO)
    assert [blob and blob.data for blob in store.read_blobs(["a", "b", "c"])] == [b"1", None, None]


def test_deletes_and_can_delete_again(store: BlobStore) -> None:
    store.write_blobs([BlobWrite("d/a", b"1"), BlobWrite("d/b", b"2")], **WHO)
    store.delete_blobs(["d/a", "never/there"], **WHO)
    store.delete_blobs(["d/a"], **WHO)
    assert [info.path for info in store.list_blobs()] == ["d/b"]
    store.delete_blobs(["d/b"], **WHO)
    assert store.list_blobs() == []
    store.write_blobs([BlobWrite("d", b"a blob where a folder was", expected_revision=ABSENT)], **WHO)
    assert [info.path for info in store.list_blobs()] == ["d"]


def test_equal_content_is_still_there_after_writing_it_again(store: BlobStore) -> None:
    [revision] = store.write_blobs([BlobWrite("a", b"1")], **WHO)
    [again] = store.write_blobs([BlobWrite("a", b"1", expected_revision=revision)], **WHO)
    [blob] = store.read_blobs(["a"])
    assert blob is not None
    assert (blob.data, blob.revision) == (b"1", again)


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_could_lead_elsewhere_is_refused(store: BlobStore, path: str) -> None:
    with pytest.raises(InvalidRequestError, match="relative"):
        store.read_blobs([path])
    with pytest.raises(InvalidRequestError, match="relative"):
        store.write_blobs([BlobWrite("good", b"1"), BlobWrite(path, b"2")], **WHO)
    with pytest.raises(InvalidRequestError, match="relative"):
        store.delete_blobs([path], **WHO)
    assert store.list_blobs() == []


def test_a_batch_that_contradicts_itself_is_refused(store: BlobStore) -> None:
    with pytest.raises(InvalidRequestError, match="twice"):
        store.write_blobs([BlobWrite("a", b"1"), BlobWrite("a", b"2")], **WHO)
    with pytest.raises(InvalidRequestError, match="folder"):
        store.write_blobs([BlobWrite("a", b"1"), BlobWrite("a/b", b"2")], **WHO)
    assert store.list_blobs() == []


def test_of_twenty_writers_expecting_the_same_revision_one_wins(open_store: OpenStore) -> None:
    [revision] = open_store().write_blobs([BlobWrite("hot.yaml", b"start")], **WHO)
    contents = [bytes([65 + number]) * 50_000 for number in range(20)]

    def write(content: bytes) -> str | None:
        change = BlobWrite("hot.yaml", content, expected_revision=revision)
        try:
            return open_store().write_blobs([change], **WHO)[0]
        except ConflictError:
            return None

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(write, contents))
    winners = [content for content, result in zip(contents, results, strict=True) if result]
    assert len(winners) == 1
    [blob] = open_store().read_blobs(["hot.yaml"])
    assert blob is not None
    assert blob.data == winners[0]
    assert blob.revision in results


def test_readers_never_see_a_torn_blob(open_store: OpenStore) -> None:
    store = open_store()
    contents = {letter * 200_000 for letter in (b"a", b"b")}
    store.write_blobs([BlobWrite("hot", b"a" * 200_000)], **WHO)

    def write(_: int) -> None:
        for content in sorted(contents):
            store.write_blobs([BlobWrite("hot", content)], **WHO)

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(write, number) for number in range(6)]
        seen = []
        while not all(task.done() for task in writing):
            seen.extend(blob and blob.data for blob in store.read_blobs(["hot"]))
        for task in writing:
            task.result()
    assert seen
    assert set(seen) <= contents
