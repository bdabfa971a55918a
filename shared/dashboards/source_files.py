"""Dashboards from a folder: each YAML file with the SQL files it names, nothing from outside the folder."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from shared.dashboards.definition.limits import DEFAULT_LIMITS, ValidationLimits
from shared.dashboards.validators.parsed import DashboardSource
from shared.dashboards.validators.sql import describe_unsafe_path
from shared.dashboards.yaml.reading import read_yaml

SUFFIXES = (".yaml", ".yml")


class SourceFileError(Exception):
    """A file cannot be read as part of a dashboard; the message says why."""


class _FileTooLargeError(SourceFileError):
    """A file has more bytes than are read; nothing of it is handed on."""

    def __init__(self, size: int, max_bytes: int) -> None:
        super().__init__(f"it has {size} bytes; at most {max_bytes} are read")
        self.size = size


def find_dashboards(folder: Path) -> list[Path]:
    """Every dashboard file below `folder`, sorted; hidden folders are passed over."""
    found = [path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file()]
    return sorted(path for path in found if not _is_hidden(path.relative_to(folder)))


def load_sources(
    paths: Sequence[Path], root: Path, limits: ValidationLimits = DEFAULT_LIMITS
) -> list[DashboardSource]:
    """Read dashboard files, in input order; `root` is the folder that nothing may lead out of.

    Paths in diagnostics are as given. A YAML file that cannot be read raises SourceFileError, one that is too
    large has its size in the source's `unread_bytes`; a SQL file that cannot be read is told in `file_errors`.
    """
    return [_load_source(path, root, limits) for path in paths]


def find_sql_files(path: str, content: str | bytes, limits: ValidationLimits = DEFAULT_LIMITS) -> list[str]:
    """What a dashboard's queries name after `file:`, sorted, as written."""
    data = read_yaml(path, content, limits).data
    queries = data.get("queries") if isinstance(data, dict) else None
    written = queries.values() if isinstance(queries, dict) else ()
    names = [query.get("file") for query in written if isinstance(query, dict)]
    return sorted({name for name in names if isinstance(name, str)})


def _load_source(path: Path, root: Path, limits: ValidationLimits) -> DashboardSource:
    try:
        content = _read_inside(path, root, limits.max_bytes)
    except _FileTooLargeError as error:
        return DashboardSource(str(path), "", unread_bytes=error.size)
    return attach_files(path, content, root, limits)


def attach_files(
    path: Path, content: bytes, root: Path, limits: ValidationLimits = DEFAULT_LIMITS
) -> DashboardSource:
    """A dashboard of `content`, as if it stood at `path`, with the SQL files it names; as `load_sources`."""
    files: dict[str, str] = {}
    errors: dict[str, str] = {}
    # Most dashboards name no file, and reading YAML is what validation takes longest for.
    may_name_files = b"file" in content or b"\\" in content
    for name in find_sql_files(str(path), content, limits) if may_name_files else ():
        if describe_unsafe_path(name) is not None:
            continue
        try:
            sql = _read_inside(path.parent / PurePosixPath(name), root, limits.max_bytes)
            files[name] = sql.decode("utf-8-sig")
        except UnicodeDecodeError:
            errors[name] = "it is not UTF-8 text"
        except SourceFileError as error:
            errors[name] = str(error)
    return DashboardSource(str(path), content, files, errors)


def _read_inside(path: Path, root: Path, max_bytes: int) -> bytes:
    """All bytes of a regular file whose real place is below `root`. Raises SourceFileError for any other."""
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root.resolve(strict=True)):
            raise SourceFileError("it lies outside the dashboards folder, or a symbolic link leads there")
        if not stat.S_ISREG(real.stat().st_mode):
            raise SourceFileError("it is not a regular file")
        with real.open("rb") as file:
            content = file.read(max_bytes + 1)
            size = max(os.fstat(file.fileno()).st_size, len(content))
    except FileNotFoundError as error:
        raise SourceFileError("it does not exist") from error
    except (OSError, RuntimeError) as error:
        raise SourceFileError(f"it cannot be read ({error.__class__.__name__})") from error
    if len(content) > max_bytes:
        raise _FileTooLargeError(size, max_bytes)
    return content


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
