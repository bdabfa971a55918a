"""The Git store with damaged or forgotten files of its own and of Git's, and on a disk that is full."""

import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.storage.blob import BlobWrite
from shared.storage.git import GitBlobStore
from tests.storage.test_git_crashes import WHO, die_at, fill, read_all, run_git

NEW = [b"new", b"new", b"new", b"old"]
HOUR = 3600
pytestmark = [
    pytest.mark.usefixtures("programs"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def age(place: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(place, (then, then))


def list_kept(workdir: Path, name: str) -> list[Path]:
    return list((workdir / ".git").rglob(f"{name}.damaged-*"))


JOURNALS = [
    b"",
    b"{",
    b"\0\xff" * 20,
    b"[]",
    b"{}",
    b'{"commit": 1, "changes": []}',
    b'{"commit": "a", "changes": [1]}',
]


@pytest.mark.parametrize("step", ["branch", "file", "index"])
@pytest.mark.parametrize("journal", [*JOURNALS, "cut short", "folder"])
def test_a_damaged_journal_is_set_aside_and_the_save_finished(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, step: str, journal: bytes | str
) -> None:
    fill(tmp_path)
    die_at(step, tmp_path)
    place = tmp_path / ".git" / "almanac" / "journal.json"
    content = place.read_bytes()
    place.unlink()
    if isinstance(journal, bytes):
        place.write_bytes(journal)
    elif journal == "folder":
        place.mkdir()
    else:
        place.write_bytes(content[: len(content) // 2])
    with caplog.at_level(logging.WARNING):
        store = GitBlobStore(tmp_path, timeout_seconds=20)
        assert read_all(store) == NEW
    assert store.list_drift() == []
    assert run_git(tmp_path, "status", "--porcelain") == ""
    assert len(list_kept(tmp_path, "journal.json")) == 1
    assert "journal.json of the Git store cannot be read and is kept as" in caplog.text
    store.write_blobs([BlobWrite("a", b"later")], **WHO)
    assert run_git(tmp_path, "status", "--porcelain") == ""


def test_a_damaged_journal_of_a_save_that_was_not_reached_changes_nothing(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "c").write_bytes(b"edited outside")
    die_at("journal", tmp_path)
    (tmp_path / ".git" / "almanac" / "journal.json").write_bytes(b"{")
    store = GitBlobStore(tmp_path, timeout_seconds=20)
    assert read_all(store) == [b"old", b"old", None, b"old"]
    assert store.list_drift() == ["c"]
    assert (tmp_path / "c").read_bytes() == b"edited outside"


@pytest.mark.parametrize("index", [b"", b"DIRC", b"garbage" * 100, None])
def test_a_damaged_index_is_set_aside_and_made_again(tmp_path: Path, index: bytes | None) -> None:
    fill(tmp_path)
    place = tmp_path / ".git" / "index"
    if index is None:
        place.unlink()
    else:
        place.write_bytes(index)
    GitBlobStore(tmp_path, timeout_seconds=20).read_blobs(["a"])
    assert run_git(tmp_path, "status", "--porcelain") == ""
    assert len(list_kept(tmp_path, "index")) == (index is not None)


def test_an_index_damaged_under_an_open_store_is_made_again_by_the_next_save(tmp_path: Path) -> None:
    store = fill(tmp_path)
    place = tmp_path / ".git" / "index"
    place.write_bytes(place.read_bytes()[:-9])
    store.write_blobs([BlobWrite("a", b"new")], **WHO)
    assert run_git(tmp_path, "status", "--porcelain") == ""
    assert read_all(store)[0] == b"new"


def test_what_somebody_staged_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "a").write_bytes(b"staged")
    run_git(tmp_path, "add", "a")
    GitBlobStore(tmp_path, timeout_seconds=20).read_blobs(["a"])
    assert run_git(tmp_path, "diff", "--cached", "--name-only") == "a"


@pytest.mark.parametrize("opened_anew", [False, True])
def test_an_index_lock_left_behind_goes_and_the_index_follows(tmp_path: Path, opened_anew: bool) -> None:
    store = fill(tmp_path)
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    store.write_blobs([BlobWrite("a", b"new")], **WHO)
    # It may be somebody's whose editor is open.
    assert lock.exists()
    age(lock, 2 * HOUR)
    if opened_anew:
        store = GitBlobStore(tmp_path, timeout_seconds=20)
    store.write_blobs([BlobWrite("d/b", b"new")], **WHO)
    assert not lock.exists()
    assert run_git(tmp_path, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["config.lock", "packed-refs.lock", "HEAD.lock", "refs/heads/main.lock"])
@pytest.mark.parametrize("seconds", [60, -HOUR], ids=["old", "ahead of the clock"])
def test_other_locks_left_behind_keep_nobody_from_saving(tmp_path: Path, name: str, seconds: int) -> None:
    fill(tmp_path)
    lock = tmp_path / ".git" / name
    lock.touch()
    age(lock, seconds)
    GitBlobStore(tmp_path, timeout_seconds=20).write_blobs([BlobWrite("a", b"new")], **WHO)
    assert not lock.exists()


def test_a_file_where_the_staging_folder_should_be_is_no_obstacle(tmp_path: Path) -> None:
    store = fill(tmp_path)
    (tmp_path / ".git" / "almanac" / "staging").write_bytes(b"")
    store.write_blobs([BlobWrite("a", b"new")], **WHO)
    assert read_all(store)[0] == b"new"


FILL_THE_DISK = """
import json, pathlib, subprocess, sys
from shared.errors import DependencyUnavailableError
from shared.storage.blob import BlobWrite
from shared.storage.files import FileBlobStore
from shared.storage.git import GitBlobStore

root = pathlib.Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", root], check=True)
make = GitBlobStore if sys.argv[2] == "git" else FileBlobStore
place = root / "store"
who = {"message": "A change", "author": "data@example.com"}
store = make(place, timeout_seconds=20)
store.write_blobs([BlobWrite("a", b"old"), BlobWrite("b", b"old")], **who)
filler = root / "filler"
with open(filler, "wb", buffering=0) as file:
    try:
        while True:
            file.write(b"x" * 512)
    except OSError:
        pass
said = []
for reopened in (False, True):
    if reopened:
        store = make(place, timeout_seconds=20)
    for size in (10, 5_000, 300_000):
        try:
            content = bytes(range(256)) * (size // 256) + b"new"
            store.write_blobs([BlobWrite("a", content), BlobWrite("b", b"new")], **who)
        except DependencyUnavailableError as error:
            said.append(error.message + error.remediation)
        else:
            said.append("written")
            break
    found = [blob.data for blob in store.read_blobs(["a", "b"])]
    assert "written" in said or found == [b"old", b"old"], found
filler.unlink()
store.write_blobs([BlobWrite("a", b"new"), BlobWrite("b", b"new")], **who)
found = [blob.data for blob in make(place, timeout_seconds=20).read_blobs(["a", "b"])]
assert found == [b"new", b"new"], found
assert store.list_drift() == []
if sys.argv[2] == "git":
    status = ["git", "-c", "safe.directory=*", "status", "--porcelain"]
    assert subprocess.run(status, cwd=place, check=True, capture_output=True).stdout == b""
print(json.dumps(said))
"""


@pytest.mark.parametrize("kind", ["git", "file"])
def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path, kind: str) -> None:
    """On a file system of its own, in a namespace where its maker may mount one."""
    unshare = shutil.which("unshare")
    own = [str(unshare), "--user", "--map-root-user", "--mount"]
    if unshare is None or subprocess.run([*own, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine makes no user namespaces")
    command = [*own, sys.executable, "-c", FILL_THE_DISK, str(tmp_path), kind]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "The disk of the blob store is full." in done.stdout
    assert str(tmp_path) not in done.stdout
