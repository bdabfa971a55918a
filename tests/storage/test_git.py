"""What the Git store promises beyond the contract: real commits, and respect for what others do there."""

import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.errors import ConflictError, DependencyUnavailableError, InternalError, InvalidRequestError
from shared.storage.blob import ABSENT, BlobWrite
from shared.storage.disk import lock_file
from shared.storage.git import GitBlobStore

WHO = {"message": "A change", "author": "data@example.com"}
RunGit = Callable[..., str]


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return tmp_path / "workdir"


@pytest.fixture
def store(programs: None, workdir: Path) -> GitBlobStore:
    return GitBlobStore(workdir, timeout_seconds=20)


@pytest.fixture
def git(programs: None, workdir: Path) -> RunGit:
    """Runs Git as a person in the folder would."""
    identity = {"GIT_CONFIG_GLOBAL": os.devnull, "HOME": "/nonexistent"}
    for role in ("AUTHOR", "COMMITTER"):
        identity |= {f"GIT_{role}_NAME": "Somebody", f"GIT_{role}_EMAIL": "somebody@example.com"}

    def run(*arguments: str) -> str:
        command = ["git", "-c", "safe.directory=*", *arguments]
        done = subprocess.run(
            command, cwd=workdir, env=os.environ | identity, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    return run


def test_each_write_is_one_commit_with_author_and_message(store: GitBlobStore, git: RunGit) -> None:
    store.write_blobs(
        [BlobWrite("a.yaml", b"1"), BlobWrite("b/c.yaml", b"2")],
        message="Two\n\nmore words ☀",
        author="Zoë <z@e.org>",
    )
    store.delete_blobs(["a.yaml"], message="One less", author="z@e.org")
    assert git("log", "--format=%an|%ae|%cn|%s").splitlines() == [
        "z@e.org|z@e.org|Almanac|One less",
        "Zoë|z@e.org|Almanac|Two",
    ]
    assert git("log", "-1", "--format=%B", "HEAD~1") == "Two\n\nmore words ☀"
    assert git("ls-tree", "-r", "--name-only", "HEAD") == "b/c.yaml"
    assert git("symbolic-ref", "HEAD") == "refs/heads/main"


def test_a_save_is_a_commit_of_its_time_even_of_what_is_there_already(
    store: GitBlobStore, git: RunGit
) -> None:
    saved_at = datetime(2024, 2, 29, 23, 59, 58, 7, UTC)
    for message in ("One", "Again", "Again"):
        store.write_blobs([BlobWrite("a.yaml", b"1")], message=message, author="z@e.org", saved_at=saved_at)
    assert git("log", "--format=%s %aI").splitlines() == [
        "Again 2024-02-29T23:59:58+00:00",
        "One 2024-02-29T23:59:58+00:00",
    ]
    assert git("diff", "HEAD~1", "HEAD", "--name-only") == ""


def test_the_working_tree_follows_and_git_status_is_clean(
    store: GitBlobStore, git: RunGit, workdir: Path
) -> None:
    store.write_blobs([BlobWrite("a.yaml", b"1\r\n"), BlobWrite("b/c.yaml", b"2")], **WHO)
    store.delete_blobs(["b/c.yaml"], **WHO)
    assert (workdir / "a.yaml").read_bytes() == b"1\r\n"
    assert not (workdir / "b").exists()
    assert git("status", "--porcelain") == ""
    assert store.list_drift() == []
    git("fsck", "--strict")


def test_the_revision_is_gits_blob_id(store: GitBlobStore, git: RunGit) -> None:
    [revision] = store.write_blobs([BlobWrite("a.yaml", b"1")], **WHO)
    assert revision == git("rev-parse", "HEAD:a.yaml")


def test_unchanged_content_makes_no_commit(store: GitBlobStore, git: RunGit) -> None:
    [first] = store.write_blobs([BlobWrite("a.yaml", b"1")], **WHO)
    [second] = store.write_blobs([BlobWrite("a.yaml", b"1", expected_revision=first)], **WHO)
    store.delete_blobs(["never-there"], **WHO)
    assert first == second
    assert git("rev-list", "--count", "HEAD") == "1"


def test_a_thousand_blobs_are_one_commit(store: GitBlobStore, git: RunGit) -> None:
    store.write_blobs([BlobWrite(f"d/{n}.yaml", b"n: %d" % n) for n in range(1000)], **WHO)
    assert git("rev-list", "--count", "HEAD") == "1"
    assert git("status", "--porcelain") == ""
    [last] = store.read_blobs(["d/999.yaml"])
    assert last is not None
    assert last.data == b"n: 999"


@pytest.mark.parametrize("author", ["", '"<>,', "a\nb <x@y>", "\0", "Ünï <ü@e.org>", "x" * 5000])
def test_any_author_and_message_can_be_committed(store: GitBlobStore, git: RunGit, author: str) -> None:
    store.write_blobs([BlobWrite("a", b"1")], message="\0" + author + "\ud800", author=author)
    assert git("rev-list", "--count", "HEAD") == "1"


def test_edits_made_outside_are_drift_and_are_not_read(store: GitBlobStore, workdir: Path) -> None:
    store.write_blobs([BlobWrite(name, b"saved") for name in ("edited", "gone", "d/same")], **WHO)
    (workdir / "edited").write_bytes(b"edited")
    (workdir / "gone").unlink()
    (workdir / "new").write_bytes(b"new")
    (workdir / "d" / "link").symlink_to("/etc")
    assert store.list_drift() == ["d/link", "edited", "gone", "new"]
    blobs = store.read_blobs(["edited", "gone", "new"])
    assert [blob and blob.data for blob in blobs] == [b"saved", b"saved", None]


def test_a_save_keeps_the_file_somebody_edited_outside(store: GitBlobStore, workdir: Path) -> None:
    store.write_blobs([BlobWrite("a", b"1"), BlobWrite("b", b"1")], **WHO)
    (workdir / "a").write_bytes(b"precious edit")
    store.write_blobs([BlobWrite("a", b"2"), BlobWrite("b", b"2")], **WHO)
    assert (workdir / "a").read_bytes() == b"precious edit"
    assert (workdir / "b").read_bytes() == b"2"
    assert store.list_drift() == ["a"]
    store.write_blobs([BlobWrite("a", b"precious edit")], **WHO)
    assert store.list_drift() == []


def test_commits_made_with_git_itself_count(store: GitBlobStore, git: RunGit, workdir: Path) -> None:
    [revision] = store.write_blobs([BlobWrite("a.yaml", b"1")], **WHO)
    (workdir / "a.yaml").write_bytes(b"by hand")
    git("commit", "--all", "--message", "by hand")
    with pytest.raises(ConflictError):
        store.write_blobs([BlobWrite("a.yaml", b"2", expected_revision=revision)], **WHO)
    store.write_blobs([BlobWrite("a.yaml", b"3", expected_revision=git("rev-parse", "HEAD:a.yaml"))], **WHO)
    assert git("rev-list", "--count", "HEAD") == "3"
    assert (workdir / "a.yaml").read_bytes() == b"3"


def test_a_commit_made_between_reading_and_moving_the_branch_is_kept(workdir: Path, git: RunGit) -> None:
    commits = []

    def commit_by_hand(step: str) -> None:
        if step == "journal" and not commits:
            commits.append(git("commit", "--allow-empty", "--message", "by hand"))

    store = GitBlobStore(workdir, timeout_seconds=20, on_step=commit_by_hand)
    store.write_blobs([BlobWrite("a", b"1", expected_revision=ABSENT)], **WHO)
    assert git("log", "--format=%s").splitlines() == ["A change", "by hand"]


def test_hooks_signing_and_configuration_of_others_do_not_interfere(
    store: GitBlobStore, git: RunGit, workdir: Path, tmp_path: Path
) -> None:
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    hooks = workdir / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    for option in ("commit.gpgSign=true", "core.autocrlf=true", "core.fsmonitor=/bin/false"):
        git("config", *option.split("="))
    (workdir / ".gitattributes").write_text("* text eol=crlf filter=broken\n")
    store.write_blobs([BlobWrite("a", b"2\n")], **WHO)
    [blob] = store.read_blobs(["a"])
    assert blob is not None
    assert blob.data == b"2\n"
    assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("programs")
def test_a_workdir_inside_another_repository_is_its_own(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    store = GitBlobStore(tmp_path / "inner", timeout_seconds=20)
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    assert (tmp_path / "inner" / ".git").is_dir()
    assert list((tmp_path / ".git" / "refs" / "heads").iterdir()) == []


def test_concurrent_writers_of_different_paths_all_get_through(workdir: Path, git: RunGit) -> None:
    def write(number: int) -> None:
        own_store = GitBlobStore(workdir, timeout_seconds=60)
        own_store.write_blobs([BlobWrite(f"{number}", b"x", expected_revision=ABSENT)], **WHO)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))
    assert git("rev-list", "--count", "HEAD") == "16"
    assert git("status", "--porcelain") == ""


def test_a_name_cannot_be_blob_and_folder(store: GitBlobStore) -> None:
    store.write_blobs([BlobWrite("a/b", b"1")], **WHO)
    for path in ("a", "a/b/c"):
        with pytest.raises(InvalidRequestError, match="share a name"):
            store.write_blobs([BlobWrite(path, b"2")], **WHO)
    assert [info.path for info in store.list_blobs()] == ["a/b"]


def test_a_path_git_itself_refuses_is_a_bad_request(store: GitBlobStore) -> None:
    with pytest.raises(InvalidRequestError, match="Git does not accept"):
        store.write_blobs([BlobWrite("git~1/x", b"1")], **WHO)
    assert store.list_blobs() == []


def test_nothing_is_written_through_a_symbolic_link(
    store: GitBlobStore, workdir: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    (workdir / "d").symlink_to(outside)
    store.write_blobs([BlobWrite("d/x", b"2")], **WHO)
    assert list(outside.iterdir()) == []
    [blob] = store.read_blobs(["d/x"])
    assert blob is not None
    assert blob.data == b"2"


@pytest.mark.usefixtures("programs")
def test_a_lock_held_too_long_is_a_clear_error_in_time(workdir: Path) -> None:
    store = GitBlobStore(workdir, timeout_seconds=0.3)
    store.list_blobs()
    started = time.monotonic()
    with (
        lock_file(workdir / ".git" / "almanac" / "lock", 1),
        pytest.raises(DependencyUnavailableError, match="busy"),
    ):
        store.write_blobs([BlobWrite("a", b"1")], **WHO)
    assert time.monotonic() - started < 2


def test_a_missing_git_says_so(store: GitBlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DependencyUnavailableError, match="git was not found"):
        store.list_blobs()


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((DependencyUnavailableError, InvalidRequestError)):
        GitBlobStore(tmp_path / "file" / "workdir", timeout_seconds=1).list_blobs()


def test_a_corrupt_repository_is_an_error_and_not_an_empty_store(store: GitBlobStore, workdir: Path) -> None:
    store.write_blobs([BlobWrite("a", b"1")], **WHO)
    (workdir / ".git" / "refs" / "heads" / "main").write_text("garbage\n")
    with pytest.raises(InternalError, match="not a commit"):
        store.read_blobs(["a"])
