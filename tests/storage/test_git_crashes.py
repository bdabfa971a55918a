"""The Git store after kill -9 between any two steps of a save."""

import multiprocessing
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from shared.storage.blob import BlobWrite
from shared.storage.git import GitBlobStore

WHO = {"message": "A change", "author": "data@example.com"}
STEPS = ["objects", "tree", "commit", "journal", "branch", "file", "file:2", "index"]
REACHED = {"branch", "file", "file:2", "index"}
_FORK = multiprocessing.get_context("fork")

# Other tests may have left threads, and the children of these tests do nothing that needs their locks.
pytestmark = [
    pytest.mark.usefixtures("programs"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def die_at(wanted: str, workdir: Path) -> None:
    """Change two blobs, delete one and add one, in a process that is killed right after the step `wanted`."""
    name, _, occurrence = wanted.partition(":")
    seen = []

    def on_step(step: str) -> None:
        seen.append(step)
        if step == name and seen.count(step) == int(occurrence or 1):
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        store = GitBlobStore(workdir, timeout_seconds=20, on_step=on_step)
        writes = [BlobWrite("a", b"new"), BlobWrite("d/b", b"new"), BlobWrite("added", b"new")]
        store.write_blobs(writes, **WHO)

    process = _FORK.Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def run_git(workdir: Path, *arguments: str) -> str:
    command = ["git", "-c", "safe.directory=*", *arguments]
    return subprocess.run(command, cwd=workdir, check=True, capture_output=True, text=True).stdout.strip()


def fill(workdir: Path) -> GitBlobStore:
    store = GitBlobStore(workdir, timeout_seconds=20)
    store.write_blobs([BlobWrite("a", b"old"), BlobWrite("d/b", b"old"), BlobWrite("c", b"old")], **WHO)
    return store


def read_all(store: GitBlobStore) -> list[bytes | None]:
    return [blob and blob.data for blob in store.read_blobs(["a", "d/b", "added", "c"])]


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_any_step_the_store_is_whole(tmp_path: Path, step: str) -> None:
    fill(tmp_path)
    die_at(step, tmp_path)
    store = GitBlobStore(tmp_path, timeout_seconds=20)
    expected = [b"new", b"new", b"new", b"old"] if step in REACHED else [b"old", b"old", None, b"old"]
    assert read_all(store) == expected
    assert store.list_drift() == []
    assert run_git(tmp_path, "status", "--porcelain") == ""
    run_git(tmp_path, "fsck", "--strict")
    store.write_blobs([BlobWrite("a", b"later")], **WHO)
    assert run_git(tmp_path, "status", "--porcelain") == ""
    assert not list((tmp_path / ".git" / "almanac").glob("journal*"))


@pytest.mark.parametrize("step", STEPS)
def test_a_store_that_was_open_all_along_repairs_with_its_next_save(tmp_path: Path, step: str) -> None:
    store = fill(tmp_path)
    die_at(step, tmp_path)
    store.write_blobs([BlobWrite("later", b"later")], **WHO)
    assert store.list_drift() == []
    assert run_git(tmp_path, "status", "--porcelain") == ""


@pytest.mark.parametrize("step", ["branch", "file"])
def test_repair_leaves_files_changed_outside_alone(tmp_path: Path, step: str) -> None:
    fill(tmp_path)
    (tmp_path / "c").write_bytes(b"edited before")
    die_at(step, tmp_path)
    (tmp_path / "added").write_bytes(b"edited after")
    store = GitBlobStore(tmp_path, timeout_seconds=20)
    assert store.list_drift() == ["added", "c"]
    assert (tmp_path / "added").read_bytes() == b"edited after"
    assert (tmp_path / "c").read_bytes() == b"edited before"
    assert read_all(store) == [b"new", b"new", b"new", b"old"]


def test_repair_follows_what_was_committed_after_the_crash(tmp_path: Path) -> None:
    fill(tmp_path)
    die_at("branch", tmp_path)
    (tmp_path / "a").write_bytes(b"by hand")
    run_git(tmp_path, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "-m", "x", "a")
    store = GitBlobStore(tmp_path, timeout_seconds=20)
    assert store.list_drift() == []
    assert read_all(store) == [b"by hand", b"new", b"new", b"old"]
    assert run_git(tmp_path, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["refs/heads/main.lock", "HEAD.lock"])
def test_a_lock_that_a_killed_git_left_is_broken_when_it_is_old(tmp_path: Path, name: str) -> None:
    store = fill(tmp_path)
    lock = tmp_path / ".git" / name
    lock.touch()
    minute_ago = time.time() - 60
    os.utime(lock, (minute_ago, minute_ago))
    store.write_blobs([BlobWrite("a", b"new")], **WHO)
    assert store.list_drift() == []
    assert not lock.exists()


def test_killed_at_random_moments_with_its_children_no_save_is_torn(tmp_path: Path) -> None:
    """Each save writes two blobs with one number: they must never differ, and numbers never go back."""
    chance = random.Random(7)
    reached = 0
    for _ in range(12):
        process = _FORK.Process(target=save_for_ever, args=(tmp_path,))
        process.start()
        time.sleep(chance.uniform(0.1, 0.5))
        os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
        age_locks(tmp_path)
        store = GitBlobStore(tmp_path, timeout_seconds=20)
        assert store.list_drift() == []
        one, two = store.read_blobs(["one", "two"])
        assert (one and one.data) == (two and two.data)
        assert one is None or int(one.data) >= reached
        reached = int(one.data) if one else 0
    assert reached > 0
    run_git(tmp_path, "fsck", "--strict")


def save_for_ever(workdir: Path) -> None:
    os.setpgid(0, 0)
    store = GitBlobStore(workdir, timeout_seconds=20)
    [blob] = store.read_blobs(["one"])
    number = int(blob.data) if blob else 0
    while True:
        number += 1
        store.write_blobs([BlobWrite("one", b"%d" % number), BlobWrite("two", b"%d" % number)], **WHO)


def age_locks(workdir: Path) -> None:
    """Let the locks that killed Gits left look as old as they are after a restart of the machine."""
    later = time.time() - 60
    for lock in (workdir / ".git").rglob("*.lock"):
        os.utime(lock, (later, later))
