"""Files on a disk: replaced whole or not at all, and a lock between threads and processes."""

import errno
import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import DependencyUnavailableError, InvalidRequestError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_ROOM_BYTES = 64 * 1024
_LOG = logging.getLogger(__name__)


def replace_file(path: Path, data: bytes, temporary_folder: Path, *, durable: bool = True) -> None:
    """Write `data` to `path`: a reader sees the old bytes or the new ones, also after a crash.

    `temporary_folder` must be on the same file system. Missing parent folders are created. When not
    `durable`, the caller makes the bytes survive a loss of power, for many files at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary_folder.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=temporary_folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            if durable:
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def remove_file(path: Path, root: Path) -> None:
    """Remove `path` if it is there, and the folders between it and `root` that this leaves empty."""
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == root or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_below(path: Path, root: Path) -> bool:
    """True when no symbolic link leads from `root` out of it on the way to `path`."""
    return path.parent.resolve().is_relative_to(root.resolve())


@contextmanager
def translate_file_errors(root: Path) -> Iterator[None]:
    """Turn what the file system refuses into the project's errors, which never say where the store lies."""
    try:
        yield
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        name = hide_place(str(error.filename), root)
        raise InvalidRequestError(f"A blob and a folder cannot share a name: {name}.") from error
    except OSError as error:
        _LOG.exception("The blob store at %s does not work", root)
        if error.errno in _FULL:
            raise make_full_error() from error
        raise DependencyUnavailableError(f"The blob store does not work: {error.strerror}.") from error


def make_full_error() -> DependencyUnavailableError:
    """What is said when a store has no room left."""
    return DependencyUnavailableError(
        "The disk of the blob store is full.",
        remediation="Nothing was lost. Make room on the disk of the store, and try again.",
    )


def is_full(said: str, root: Path) -> bool:
    """Whether a program that said this failed because there is no room left below `root`."""
    # Git does not always say why it could not write.
    named = any(os.strerror(number) in said for number in _FULL)
    return named or shutil.disk_usage(root).free < _ROOM_BYTES


def hide_place(text: str, root: Path) -> str:
    """`text` without the folder that the store lies in, which is nobody's business but the server's."""
    return text.replace(f"{root}/", "").replace(str(root), "the store")


_POLL_SECONDS = 0.005


@contextmanager
def lock_file(path: Path, timeout_seconds: float) -> Iterator[int]:
    """Hold the lock on `path`; yields its file descriptor, which child processes may be given to share it.

    Raises DependencyUnavailableError when somebody else holds it for longer than `timeout_seconds`. The
    kernel releases it when the last process that has the descriptor ends, however it ends.
    """
    # flock belongs to the open file, so threads that each open it exclude one another too.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, path, timeout_seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise DependencyUnavailableError(
                    f"The blob store is busy: its lock was held for {timeout_seconds:g} s."
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
