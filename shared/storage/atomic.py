"""Files that are replaced whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import DependencyUnavailableError, InvalidRequestError


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
    """Turn what the file system refuses into the project's errors."""
    try:
        yield
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise InvalidRequestError(f"A blob and a folder cannot share a name: {error.filename}.") from error
    except OSError as error:
        raise DependencyUnavailableError(
            f"The blob store at {root} does not work: {error.strerror}."
        ) from error
