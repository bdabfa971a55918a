"""What a refresh adds to the time its queries take at the warehouse, and what a large result takes in memory.

`python -m bench refresh`. Starts PostgreSQL and the emulator behind its gate for itself. The figures go to
docs/bench/refresh.md.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from google.cloud.bigquery import SchemaField
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bench.machine import describe_machine, describe_verdict
from bench.plot import Bar, write_bars
from bench.refresh_memory import MemoryCase, measure_memory
from bench.refresh_payloads import VARIANTS, PayloadCase, measure_payloads
from bench.unchanged import save_directly, store_unchanged
from deploy.local.alone.bigquery import BigQueryServer, start_bigquery
from deploy.local.alone.postgres import start_postgres
from deploy.local.parts import REPOSITORY
from shared.container import Container
from shared.dashboards.validators.parsed import DashboardSource
from shared.precompute.refresh.models import DashboardRefresh
from shared.saving.models import SaveItem
from shared.settings import Settings

REPORT = REPOSITORY / "docs" / "bench" / "refresh.md"
PLOT = REPORT.with_suffix(".svg")
UNCHANGED, PER_DASHBOARD = 1000, 50
CHANGED = 50
ROUNDS = 3
AIM = 0.10
"""The most that a refresh may take beyond the warehouse's own time over the parallel bound."""
SOURCE_ROWS = 100_000
MEMORY_ROWS = (1_000, 200_000)
AT_THE_WAREHOUSE = ("bigquery.dry_run", "bigquery.table", "bigquery.start", "bigquery.wait", "bigquery.read")
SCHEMA = [SchemaField("id", "INT64")]


@dataclass(frozen=True)
class Refresh:
    """Seconds of one refresh, and of its queries at the warehouse, `parallelism` of them side by side."""

    elapsed: float
    at_warehouse: float = 0.0
    parallelism: int = 1

    @property
    def bound(self) -> float:
        """What it would take if nothing but the warehouse took time."""
        return self.at_warehouse / self.parallelism

    @property
    def overhead(self) -> float:
        """What came on top of the bound, as a share of it."""
        return self.elapsed / self.bound - 1


def main() -> int:
    """Measure and write the report."""
    spans, machine = record_spans(), describe_machine()
    with start_services() as (container, bigquery):
        unchanged = measure_unchanged(container, bigquery)
        payloads = measure_payloads(
            container, bigquery, lambda slugs: refresh(container, slugs, {"skipped_unchanged": VARIANTS})
        )
        changed = measure_changed(container, bigquery, spans)
        memory = [measure_memory(container.settings, rows) for rows in MEMORY_ROWS]
        container.database.dispose()
    report = render(machine, unchanged, payloads, changed, memory)
    REPORT.write_text(report)
    draw(changed, memory)
    print(report)
    return 0


def record_spans() -> InMemorySpanExporter:
    """The spans of this process from now on."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@contextmanager
def start_services() -> Iterator[tuple[Container, BigQueryServer]]:
    """A process of the service on servers of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="almanac-bench-") as name,
        start_postgres() as postgres,
        start_bigquery(Path(name)) as bigquery,
    ):
        settings: Settings = postgres.settings(
            google_cloud_project=bigquery.project,
            bigquery_endpoint=bigquery.endpoint,
            bigquery_storage_endpoint=bigquery.storage_endpoint,
            allowed_datasets=["shop"],
            dashboard_store_url=f"git:{name}/workdir",
            payload_store_url=f"file:{name}/payloads",
            otel_traces_exporter="none",
            max_rows_per_query=max(MEMORY_ROWS),
            max_payload_bytes=100 * 10**6,
            database_pool_size=16,
        )
        yield Container(settings), bigquery


def measure_unchanged(container: Container, bigquery: BigQueryServer) -> Refresh:
    """A refresh that finds every table as it was."""
    bigquery.load_rows("shop.small", SCHEMA, [{"id": 1}])
    queries = [f"SELECT {index} AS n, COUNT(id) AS c FROM small" for index in range(UNCHANGED)]
    documents = [
        write_dashboard(f"unchanged-{start}", queries[start : start + PER_DASHBOARD])
        for start in range(0, UNCHANGED, PER_DASHBOARD)
    ]
    units = [unit for one in save_directly(container, documents) for unit in one]
    store_unchanged(container, units, "SELECT 0 AS n, COUNT(id) AS c FROM small", "shop")
    slugs = container.catalog.list_slugs()
    taken = [refresh(container, slugs, {"skipped_unchanged": UNCHANGED}) for _ in range(ROUNDS)]
    return Refresh(statistics.median(taken))


def measure_changed(
    container: Container, bigquery: BigQueryServer, spans: InMemorySpanExporter
) -> list[Refresh]:
    """Refreshes of queries whose table was replaced before each."""
    bigquery.load_rows("shop.orders", SCHEMA, [{"id": 0}])
    queries = [
        f"SELECT MOD(a, {index + 100}) AS bucket, COUNT(*) AS c, MAX(id) AS m "
        f"FROM orders, UNNEST(GENERATE_ARRAY(1, {SOURCE_ROWS})) AS a GROUP BY bucket"
        for index in range(CHANGED)
    ]
    source = DashboardSource("changed.yaml", write_dashboard("changed", queries))
    container.saving.save_dashboards([SaveItem(source)], author="bench@example.com", message="")
    refresh(container, ["changed"], {"refreshed": CHANGED})
    rounds = []
    for number in range(ROUNDS):
        bigquery.load_rows("shop.orders", SCHEMA, [{"id": number + 1}])
        spans.clear()
        elapsed = refresh(container, ["changed"], {"refreshed": CHANGED})
        rounds.append(Refresh(elapsed, sum_spans(spans), container.settings.warehouse_parallelism))
    return rounds


def refresh(container: Container, slugs: list[str], expected: dict[str, int]) -> float:
    """Seconds of one refresh, whose queries must end as `expected`."""
    before = time.perf_counter()
    events = list(container.precompute.refresh_dashboards(slugs, actor="bench@example.com"))
    elapsed = time.perf_counter() - before
    totals = [event.totals for event in events if isinstance(event, DashboardRefresh)]
    found = {status: sum(getattr(one, status) for one in totals) for status in expected}
    if found != expected:
        raise RuntimeError(f"expected {expected}, got {found}")
    return elapsed


def sum_spans(spans: InMemorySpanExporter) -> float:
    """Seconds spent waiting for BigQuery, all threads together."""
    return sum(
        (span.end_time - span.start_time) / 1e9
        for span in spans.get_finished_spans()
        if span.name in AT_THE_WAREHOUSE and span.end_time and span.start_time
    )


def write_dashboard(slug: str, queries: list[str]) -> str:
    """A dashboard with a table for each query."""
    names = [f"q{index}" for index in range(len(queries))]
    sql = "".join(f'  {name}: {{sql: "{text}"}}\n' for name, text in zip(names, queries, strict=True))
    charts = "".join(f"  - {{id: {name}, title: Table, query: {name}, type: table}}\n" for name in names)
    return f"version: 1\nslug: {slug}\ntitle: {uuid4()}\ndataset: shop\nqueries:\n{sql}charts:\n{charts}"


def render(
    machine: str,
    unchanged: Refresh,
    payloads: PayloadCase,
    changed: list[Refresh],
    memory: list[MemoryCase],
) -> str:
    """The report."""
    middle = sorted(changed, key=lambda one: one.overhead)[len(changed) // 2]
    rounds = "\n".join(
        f"| {number} | {one.elapsed:.2f} | {one.at_warehouse:.2f} | {one.bound:.2f} | {one.overhead:+.1%} |"
        for number, one in enumerate(changed, 1)
    )
    smallest = memory[0]
    sizes = "\n".join(
        f"| {one.rows:,} | {one.total_rows:,} | {one.read_by} | {one.payload_bytes / 1e6:.1f} | "
        f"{one.peak_mib:.0f} | {one.peak_mib / smallest.peak_mib:.2f} | {one.seconds:.1f} |"
        for one in memory
    )
    return f"""# What does a refresh cost beside the warehouse?

`python -m bench refresh` on {machine}. \
PostgreSQL, the emulator and the service share them with each other, so read the ratios.

![Refresh of changed queries and memory of large results](refresh.svg)

## Nothing changed

{UNCHANGED:,} queries in {UNCHANGED // PER_DASHBOARD} dashboards over one table: {unchanged.elapsed:.2f} s (median of \
{ROUNDS}), {unchanged.elapsed / UNCHANGED * 1000:.1f} ms per query. No query is sent; the table's metadata is read once.

{describe_payloads(payloads)}

## {CHANGED} queries changed

Their table was replaced. The bound is the time of all their calls to the warehouse (dry run, table metadata, start, \
wait, read) divided by the {middle.parallelism} that may run side by side; what is above it is the service's own.

| round | seconds | at the warehouse | bound | above the bound |
| ---: | ---: | ---: | ---: | ---: |
{rounds}

The median is {middle.overhead:+.1%}; the aim is at most {AIM:.0%} ({describe_verdict(middle.overhead <= AIM)}). \
{CHANGED} is no multiple of {middle.parallelism}, so part of it is the end of \
the refresh, when the last queries leave threads free.

## Large results

{memory[-1].source_rows:,} rows aggregated, each time by a new process that keeps the first rows; the peak is the \
largest resident size the process ever had.

| rows kept | rows of the result | read by | payload MB | peak MiB | against {smallest.rows:,} rows | seconds |
| ---: | ---: | --- | ---: | ---: | ---: | ---: |
{sizes}
"""


def describe_payloads(case: PayloadCase) -> str:
    """What building large payloads takes against finding that they are there."""
    return f"""## Nothing changed, and the payloads are large

{VARIANTS} variants with a result of {case.payload_bytes / 1e6:.1f} MB each, no query sent. The first refresh builds \
and compresses every payload, as one that finds nothing new would if it wrote down in them when it looked; the next \
ones find that each would say what it says already.

| refresh | seconds | against building | MB written |
| --- | ---: | ---: | ---: |
| builds every payload | {case.built_seconds:.2f} | 1.0000 | {case.built_bytes / 1e6:.1f} |
| finds nothing new | {case.unchanged_seconds:.2f} | {case.ratio:.4f} | {case.unchanged_bytes / 1e6:.1f} |"""


def draw(changed: list[Refresh], memory: list[MemoryCase]) -> None:
    """Write the plot."""
    refreshes = [
        bar
        for number, one in enumerate(changed, 1)
        for bar in (
            Bar(f"round {number}, bound", one.bound, f"{one.bound:.2f} s", is_reference=True),
            Bar(f"round {number}, refresh", one.elapsed, f"{one.elapsed:.2f} s"),
        )
    ]
    sizes = [Bar(f"{one.rows:,} rows", one.peak_mib, f"{one.peak_mib:.0f} MiB") for one in memory]
    panels = [(f"{CHANGED} changed queries, seconds", refreshes), ("Peak memory of a refresh, MiB", sizes)]
    write_bars(PLOT, panels)


if __name__ == "__main__":
    sys.exit(main())
