"""Loading files into a table: all of them or none.

Load and copy jobs cost nothing (https://cloud.google.com/bigquery/pricing#free); what a file may be is BigQuery's to
say: https://cloud.google.com/bigquery/docs/batch-loading-data.
"""

import gzip
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from shared.errors import ConflictError, InvalidRequestError
from shared.warehouse.bigquery.failures import make_retry, translated_failures

if TYPE_CHECKING:
    from google.cloud import bigquery

CALL_TIMEOUT_SECONDS = 60.0
JOB_TIMEOUT_SECONDS = 1800.0
_STAGING_HOURS = 6
_SHOWN_ERRORS = 3


class Disposition(StrEnum):
    """What becomes of rows that the table has: without either there must be no such table."""

    CREATE = "create"
    APPEND = "append"
    REPLACE = "replace"


@dataclass(frozen=True)
class Load:
    """What is to be loaded where.

    `table` is `dataset.table` or `project.dataset.table`; `source_format` is BigQuery's name of the files' format, one
    for all of them. `partition_by` is a column (DATE, DATETIME or TIMESTAMP: by day), `cluster_by` up to four columns;
    both belong to a table that is made.
    """

    files: Sequence[Path]
    table: str
    source_format: str
    disposition: Disposition = Disposition.CREATE
    partition_by: str | None = None
    cluster_by: Sequence[str] = ()


@dataclass(frozen=True)
class Loaded:
    """The table as it is now: its full name, its rows, and its columns as (name, type)."""

    table: str
    rows: int
    columns: Sequence[tuple[str, str]]
    dataset_made: bool


def load_files(client: "bigquery.Client", load: Load, note: Callable[[Path], None]) -> Loaded:
    """Load every file, calling `note` after each.

    Several files go into a table of their own first, which is then copied over: a broken row in the last of them leaves
    nothing behind. Raises ConflictError when the table exists and nothing was said about that, InvalidRequestError in
    BigQuery's words with the file's name, and what translated_failures raises.
    """
    target = f"{client.project}.{load.table}" if load.table.count(".") == 1 else load.table
    with translated_failures(f"loading {load.table}"):
        _check_target(client, load, target)
        dataset_made = _ensure_dataset(client, target)
        if len(load.files) == 1:
            _load(client, load, load.files[0], target, _write_disposition(load.disposition))
            note(load.files[0])
        else:
            _load_through_staging(client, load, target, note)
        table = client.get_table(target, **_bounds())
    columns = [(field.name, field.field_type) for field in table.schema]
    return Loaded(target, int(table.num_rows or 0), columns, dataset_made)


def _check_target(client: "bigquery.Client", load: Load, target: str) -> None:
    from google.cloud.exceptions import NotFound

    if load.disposition is not Disposition.CREATE:
        return
    try:
        client.get_table(target, **_bounds())
    except NotFound:
        return
    raise ConflictError(
        f"{load.table} exists already; nothing was loaded.",
        remediation="--append adds the rows to it, --replace puts them in place of its rows; or choose another name.",
    )


def _ensure_dataset(client: "bigquery.Client", target: str) -> bool:
    from google.cloud.exceptions import Conflict, NotFound

    dataset = target.rpartition(".")[0]
    try:
        client.get_dataset(dataset, **_bounds())
    except NotFound:
        try:
            client.create_dataset(dataset, **_bounds())
        except Conflict:
            return False
        return True
    return False


def _load_through_staging(
    client: "bigquery.Client", load: Load, target: str, note: Callable[[Path], None]
) -> None:
    staging = f"{target.rpartition('.')[0]}.almanac_load_{uuid.uuid4().hex}"
    try:
        for file in load.files:
            _load(client, load, file, staging, "WRITE_APPEND")
            note(file)
        _expire(client, staging)
        with _said_of(load.table):
            _copy(client, load, staging, target)
    finally:
        client.delete_table(staging, not_found_ok=True, **_bounds())


def _copy(client: "bigquery.Client", load: Load, staging: str, target: str) -> None:
    from google.cloud import bigquery

    is_new = load.disposition is Disposition.CREATE
    if is_new:
        # With the columns of what was loaded, and the layout that was asked for.
        described = bigquery.Table(target, client.get_table(staging, **_bounds()).schema)
        described.time_partitioning = _partitioning(load)
        described.clustering_fields = list(load.cluster_by) or None
        client.create_table(described, **_bounds())
    config = bigquery.CopyJobConfig(write_disposition=_write_disposition(load.disposition))
    try:
        client.copy_table(staging, target, job_config=config, **_bounds()).result(timeout=JOB_TIMEOUT_SECONDS)
    except Exception:
        if is_new:
            client.delete_table(target, not_found_ok=True, **_bounds())
        raise


def _expire(client: "bigquery.Client", staging: str) -> None:
    """Should this process die, BigQuery deletes what it leaves."""
    table = client.get_table(staging, **_bounds())
    table.expires = datetime.now(UTC) + timedelta(hours=_STAGING_HOURS)
    client.update_table(table, ["expires"], **_bounds())


def _write_disposition(disposition: Disposition) -> str:
    return {
        Disposition.CREATE: "WRITE_EMPTY",
        Disposition.APPEND: "WRITE_APPEND",
        Disposition.REPLACE: "WRITE_TRUNCATE",
    }[disposition]


def _load(client: "bigquery.Client", load: Load, file: Path, table: str, disposition: str) -> None:
    config = _configure(load, disposition)
    with _said_of(str(file)), _open(file) as stream:
        job = client.load_table_from_file(stream, table, job_config=config, timeout=CALL_TIMEOUT_SECONDS)
        job.result(timeout=JOB_TIMEOUT_SECONDS)


def _open(file: Path) -> IO[bytes]:
    """The file's content; BigQuery reads what is not compressed in parallel."""
    return cast("IO[bytes]", gzip.open(file)) if file.suffix.lower() == ".gz" else file.open("rb")


@contextmanager
def _said_of(name: str) -> Iterator[None]:
    """Name the file, or the table, that BigQuery refuses inside the block."""
    from google.api_core.exceptions import BadRequest

    try:
        yield
    except (BadRequest, gzip.BadGzipFile, EOFError) as error:
        raise InvalidRequestError(
            f"{name}: {_describe(error)} Nothing was loaded.",
            remediation="Correct the file, or what is said about it, and load again.",
        ) from error


def _configure(load: Load, disposition: str) -> "bigquery.LoadJobConfig":
    from google.cloud import bigquery

    config = bigquery.LoadJobConfig(
        source_format=load.source_format, write_disposition=disposition, autodetect=True
    )
    config.time_partitioning = _partitioning(load)
    config.clustering_fields = list(load.cluster_by) or None
    return config


def _partitioning(load: Load) -> "bigquery.TimePartitioning | None":
    from google.cloud import bigquery

    return bigquery.TimePartitioning(field=load.partition_by) if load.partition_by else None


def _describe(error: Exception) -> str:
    """The first things that are said to be wrong, each once, as sentences."""
    entries = getattr(error, "errors", None) or ()
    said = [str(entry.get("message", "")) for entry in entries] or [str(getattr(error, "message", error))]
    distinct = list(dict.fromkeys(text.strip() for text in said if text.strip()))
    return " ".join(text if text.endswith(".") else f"{text}." for text in distinct[:_SHOWN_ERRORS])


def _bounds() -> dict[str, Any]:
    """A deadline and a retry of ours: Google's own goes on for ten minutes."""
    return {"retry": make_retry(CALL_TIMEOUT_SECONDS), "timeout": CALL_TIMEOUT_SECONDS}
