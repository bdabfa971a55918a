"""The peak memory of a process that refreshes one query with a large result."""

import multiprocessing
import resource
import time
from dataclasses import dataclass

from shared.container import Container
from shared.dashboards.validators.parsed import DashboardSource
from shared.precompute.refresh.models import DashboardRefresh
from shared.saving.models import SaveItem
from shared.settings import Settings

SOURCE_ROWS = 5_000_000
GROUPS = 1_000_000


@dataclass(frozen=True)
class MemoryCase:
    """A refresh that keeps `rows` of `total_rows`; `peak_mib` of the whole process, Python included."""

    rows: int
    total_rows: int
    source_rows: int
    read_by: str
    payload_bytes: int
    peak_mib: float
    seconds: float


def measure_memory(settings: Settings, rows: int) -> MemoryCase:
    """Refresh in a process of its own, which starts from nothing."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_refresh, (settings, rows))


def _refresh(settings: Settings, rows: int) -> MemoryCase:
    container = Container(settings)
    slug = f"large-{rows}"
    source = DashboardSource(f"{slug}.yaml", _write_dashboard(slug, rows))
    container.saving.save_dashboards([SaveItem(source)], author="bench@example.com", message="")
    before = time.perf_counter()
    events = container.precompute.refresh_dashboards([slug], actor="bench@example.com")
    report = next(event for event in events if isinstance(event, DashboardRefresh))
    elapsed = time.perf_counter() - before
    (query,) = report.queries
    if report.variants_ready != 1 or query.rows != rows:
        raise RuntimeError(f"not refreshed: {query.error or report.problems}")
    container.database.dispose()
    read_by = "storage_read" if rows >= settings.storage_read_min_rows else "rest"
    # Linux counts in KiB: getrusage(2).
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return MemoryCase(rows, GROUPS, SOURCE_ROWS, read_by, report.payload_bytes, peak_mib, elapsed)


def _write_dashboard(slug: str, rows: int) -> str:
    sql = (
        f"SELECT MOD(a, {GROUPS}) AS bucket, COUNT(*) AS orders, SUM(a) AS total, "
        f"CONCAT('customer ', MOD(a, 5000)) AS customer FROM UNNEST(GENERATE_ARRAY(1, {SOURCE_ROWS})) AS a "
        f"GROUP BY bucket, customer"
    )
    return (
        f"version: 1\nslug: {slug}\ntitle: Large\nqueries:\n"
        f'  large: {{sql: "{sql}", max_rows: {rows}}}\n'
        f"charts:\n  - {{id: large, title: Large, query: large, type: table}}\n"
    )
