"""`load`: files into a table, of the local stack or of BigQuery itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from almanac_cli.context import JsonOption, answering, get_session
from almanac_cli.errors import UsageError
from almanac_cli.output import print_json, print_line
from almanac_cli.progress import show_progress
from almanac_cli.warehouse import GoogleOption, ProjectOption, asking_bigquery, check_table, find_place
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.warehouse.bigquery.loads import Loaded

# The formats of load jobs, by a file's name: https://cloud.google.com/bigquery/docs/batch-loading-data
_FORMATS = {
    ".csv": "CSV",
    ".ndjson": "NEWLINE_DELIMITED_JSON",
    ".jsonl": "NEWLINE_DELIMITED_JSON",
    ".json": "NEWLINE_DELIMITED_JSON",
    ".parquet": "PARQUET",
}
_CLUSTERING_COLUMNS = 4


def load(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(help="CSV, NDJSON or Parquet files, then DATASET.TABLE.", metavar="FILE… TABLE"),
    ],
    append: Annotated[bool, typer.Option("--append", help="Add to the rows the table has.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put them in place of its rows.")] = False,
    partition_by: Annotated[
        str | None, typer.Option(help="A DATE, DATETIME or TIMESTAMP column: one partition a day.")
    ] = None,
    cluster_by: Annotated[str | None, typer.Option(help="Up to four columns, with commas between.")] = None,
    google: GoogleOption = False,
    project: ProjectOption = None,
    location: Annotated[
        str, typer.Option(envvar="BIGQUERY_LOCATION", help="Where a dataset is made that is missing.")
    ] = "US",
    as_json: JsonOption = False,
) -> None:
    """Load files into a table, all of them or none. BigQuery does not charge for it."""
    with answering(as_json=as_json):
        *files, table = paths
        if append and replace:
            raise UsageError("--append and --replace exclude each other.")
        settings = find_place(
            get_session(context).configuration.url, google=google, project=project, location=location
        )
        loaded = _load(settings, files, table, _name_disposition(append, replace), partition_by, cluster_by)
        if as_json:
            columns = [{"name": name, "type": type_name} for name, type_name in loaded.columns]
            print_json({"table": loaded.table, "rows": loaded.rows, "columns": columns})
        else:
            _show(loaded)


def _name_disposition(append: bool, replace: bool) -> str:
    return "append" if append else "replace" if replace else "create"


def _load(
    settings: Settings,
    files: Sequence[str],
    table: str,
    disposition: str,
    partition_by: str | None,
    cluster_by: str | None,
) -> "Loaded":
    checked = [_check_file(Path(file)) for file in files]
    if not checked:
        raise UsageError("Name at least one file, and then the table.", remediation=_example(table))
    check_table(table, _example("sales.orders"))
    clustering = [name.strip() for name in (cluster_by or "").split(",") if name.strip()]
    if len(clustering) > _CLUSTERING_COLUMNS:
        raise UsageError(f"A table is clustered by at most {_CLUSTERING_COLUMNS} columns.")
    with asking_bigquery():
        from shared.warehouse.bigquery.clients import WarehouseClients
        from shared.warehouse.bigquery.loads import Disposition, Load, load_files

        what = Load(checked, table, _find_format(checked), Disposition(disposition), partition_by, clustering)
        with show_progress("Loading", "loaded", len(checked)) as advance:
            return load_files(WarehouseClients(settings).rest, what, lambda _: advance())


def _check_file(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    if is_empty:
        raise UsageError(f"{path} is empty.")
    return path


def _find_format(files: Sequence[Path]) -> str:
    found = {_FORMATS.get(Path(file.name.lower().removesuffix(".gz")).suffix) for file in files}
    if None in found:
        known = ", ".join(_FORMATS)
        raise UsageError(f"Files end in one of {known}, or in one of these and .gz.")
    if len(found) > 1:
        raise UsageError(
            "The files of one call have one format.", remediation="Load the others with --append."
        )
    return str(found.pop())


def _example(table: str) -> str:
    return f"For example: almanac load orders.csv {table if '.' in table else 'sales.orders'}"


def _show(loaded: "Loaded") -> None:
    if loaded.dataset_made:
        print_line(f"Made the dataset {loaded.table.rpartition('.')[0]}.")
    print_line(f"{loaded.table} has {loaded.rows:,} rows now. Its columns:")
    width = max(len(name) for name, _ in loaded.columns)
    for name, type_name in loaded.columns:
        print_line(f"  {name:<{width}}  {type_name}")
    _, dataset, name = loaded.table.split(".")
    print_line(f"Next: almanac run 'SELECT * FROM {dataset}.{name}' --rows 5")  # noqa: S608
    print_line(f"A dashboard may read it where ALLOWED_DATASETS has {dataset}.")
