"""What a refresh does with large payloads: builds all of them, or finds that each would say what it says already."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from google.cloud.bigquery import SchemaField

from bench.unchanged import save_directly, store_unchanged
from deploy.local.alone.bigquery import BigQueryServer
from shared.container import Container

VARIANTS = 64
ROWS = 200_000
ROUNDS = 3
SLUG = "payloads"


@dataclass(frozen=True)
class PayloadCase:
    """Seconds of a refresh that builds every payload, and of those that find nothing new; bytes each wrote."""

    payload_bytes: int
    built_seconds: float
    built_bytes: int
    unchanged_seconds: float
    unchanged_bytes: int

    @property
    def ratio(self) -> float:
        """What an unchanged refresh takes of one that builds, which each of them did before."""
        return self.unchanged_seconds / self.built_seconds


def measure_payloads(
    container: Container, bigquery: BigQueryServer, refresh: Callable[[list[str]], float]
) -> PayloadCase:
    """Refresh a dashboard of many variants whose results are there and whose payloads are not, then again.

    No refresh of these sends a query; `refresh` gives the seconds of one.
    """
    bigquery.load_rows("shop.tiny", [SchemaField("id", "INT64")], [{"id": 1}])
    (units,) = save_directly(container, [_write_dashboard()])
    store_unchanged(container, units, _write_large_query(), "shop", ROWS)
    folder = Path(container.settings.payload_store_url.removeprefix("file:")) / "payloads" / SLUG
    built_seconds = refresh([SLUG])
    built_bytes = _measure_folder(folder)
    unchanged = statistics.median(refresh([SLUG]) for _ in range(ROUNDS))
    with container.database.begin() as uow:
        row = next(iter(uow.query_results.get_many([units[0].fingerprint]).values()))
    return PayloadCase(
        row.byte_count, built_seconds, built_bytes, unchanged, _measure_folder(folder) - built_bytes
    )


def _measure_folder(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _write_dashboard() -> str:
    values = ", ".join(map(str, range(VARIANTS)))
    return (
        f"version: 1\nslug: {SLUG}\ntitle: Large payloads\ndataset: shop\n"
        f"parameters:\n  - {{name: part, type: INT64, default: 0, values: [{values}]}}\n"
        'queries:\n  rows: {sql: "SELECT id FROM tiny WHERE id > @part"}\n'
        "charts:\n  - {id: rows, title: Rows, query: rows, type: table}\n"
    )


def _write_large_query() -> str:
    return (
        f"SELECT a AS number, CONCAT('order ', a, ' of customer ', MOD(a * 7919, 5003), ' in region ', "
        f"MOD(a * 104729, 97)) AS text FROM tiny, UNNEST(GENERATE_ARRAY(1, {ROWS})) AS a ORDER BY a"
    )
