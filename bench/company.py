"""A thousand dashboards: what each call over all of them takes, beside an earlier commit, and a plan without dry runs.

`python -m bench company`. Starts PostgreSQL and the emulator behind its gate for itself. The figures go to
docs/bench/company.md.
"""

import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from google.cloud.bigquery import SchemaField

from bench.machine import describe_machine, describe_verdict
from bench.samples import make_company
from bench.states import NOW, find_states
from bench.unchanged import save_directly
from deploy.local.alone.bigquery import BigQueryServer, start_bigquery
from deploy.local.alone.postgres import start_postgres
from deploy.local.parts import REPOSITORY
from shared.container import Container
from shared.dashboards.definition.head import hash_variant
from shared.dashboards.plans.expansion import QueryUnit
from shared.errors import AlmanacError
from shared.schemas.plans import CompileItem
from shared.warehouse.models.queries import QueryRequest

REPORT = REPOSITORY / "docs" / "bench" / "company.md"
BEFORE = "9a698b8"
DATASET, TABLE = "nyc", "flights"
SCHEMA = [
    SchemaField("flight_date", "DATE"),
    *(SchemaField(name, "INT64") for name in ("dep_delay", "hour", "distance")),
]
ROWS = [{"flight_date": "2013-01-01", "dep_delay": 3, "hour": 6, "distance": 700}]
DRY_RUN_DASHBOARDS = 20
CALL_MS, PLAN_SECONDS = 300, 20
_HISTORY = (
    """INSERT INTO payloads
              (id, dashboard_id, version, variant_hash, etag, blob_path, as_of, checked_at, byte_count)
       SELECT gen_random_uuid(), id, 1, :variant, 'W/"1"', 'payloads/' || slug,
              now() - interval '1 minute', now(), 1000
       FROM dashboards_index""",
    """INSERT INTO query_runs
              (id, slug, query_name, version, fingerprint, job_id, status, purpose, actor, bytes_estimated,
               bytes_billed, bytes_processed, bytes_saved, cache_hit, cap_bytes, started_at, finished_at)
       SELECT gen_random_uuid(), slug, 'query_' || query, 1,
              encode(sha256(convert_to(slug || query, 'UTF8')), 'hex'), 'job', 'succeeded', 'precompute',
              'scheduler@example.com', 1000000, 10485760, 1000000, 0, false, 1000000000,
              now() - day * interval '1 day', now() - day * interval '1 day' + interval '1 second'
       FROM dashboards_index, generate_series(0, 4) AS query, generate_series(0, 9) AS day""",
    """INSERT INTO cost_ledger (id, scope, key, day, bytes_billed)
       SELECT gen_random_uuid(), 'dashboard', slug, current_date - day, 52428800
       FROM dashboards_index, generate_series(0, 9) AS day""",
    "ANALYZE",
)


@dataclass(frozen=True)
class Plans:
    """Seconds of planning all `count` dashboards by kept answers, and of `asked` of them by dry runs."""

    count: int
    kept_seconds: float
    asked: int
    asked_seconds: float


def main() -> int:
    """Measure and write the report."""
    machine = describe_machine()
    with (
        tempfile.TemporaryDirectory(prefix="almanac-bench-") as name,
        _start(Path(name)) as (container, bigquery),
    ):
        edges, plans = _seed(container, bigquery), _measure_plans(container)
        calls = {
            state: _measure_calls(source, container)
            for state, source in find_states(Path(name), BEFORE).items()
        }
        container.database.dispose()
    report = _render(machine, edges, plans, calls)
    REPORT.write_text(report)
    print(report)
    return 0


@contextmanager
def _start(folder: Path) -> Iterator[tuple[Container, BigQueryServer]]:
    with start_postgres() as postgres, start_bigquery(folder) as bigquery:
        settings = postgres.settings(
            google_cloud_project=bigquery.project,
            bigquery_endpoint=bigquery.endpoint,
            bigquery_storage_endpoint=bigquery.storage_endpoint,
            allowed_datasets=[DATASET],
            dashboard_store_url=f"git:{folder}/workdir",
            payload_store_url=f"file:{folder}/payloads",
            warehouse_metadata_timeout_seconds=60,
            database_statement_timeout_seconds=120,
            otel_traces_exporter="none",
        )
        yield Container(settings), bigquery


def _seed(container: Container, bigquery: BigQueryServer) -> int:
    """Write the company's dashboards with what is kept of them; how many edges of lineage they have."""
    bigquery.load_rows(f"{DATASET}.{TABLE}", SCHEMA, ROWS)
    documents = dict(make_company())
    expanded = save_directly(container, list(documents.values()))
    _keep_prices(container, [unit for units in expanded for unit in units])
    for slugs in _split(list(documents), 100):
        compiled = container.compilation.compile_dashboards(
            container.catalog.load_sources(slugs), actor="bench@example.com", all_variants=True
        )
        graphs = container.dashboard_lineage.extract(compiled)
        with container.database.begin() as uow:
            rows = uow.dashboards.get_by_slugs(slugs)
            for slug, graph in graphs.items():
                container.dashboard_lineage.save(uow, rows[slug].id, 1, graph)
    container.publisher.publish_pending(list(documents))
    with container.database.engine.begin() as connection:
        for statement in _HISTORY:
            connection.exec_driver_sql(statement.replace(":variant", f"'{hash_variant({})}'"))
        return int(connection.exec_driver_sql("SELECT count(*) FROM lineage_edges").scalar_one())


def _split(slugs: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(slugs), size):
        yield slugs[start : start + size]


def _keep_prices(container: Container, units: Sequence[QueryUnit]) -> None:
    """Dry-run one query, and keep its answer as that of every one of `units`."""
    request = QueryRequest(units[0].sql, default_dataset=DATASET)
    (answer,) = container.warehouse.dry_run_queries([request])
    if isinstance(answer, AlmanacError):
        raise answer
    requests = [replace(request, fingerprint=unit.fingerprint) for unit in units]
    reader = container.source_states.begin_refresh()
    container.kept_dry_runs.keep(requests, [answer] * len(requests), reader)


def _measure_plans(container: Container) -> Plans:
    slugs = container.catalog.list_slugs()
    asking = Container(copy.replace(container.settings, dry_run_kept_seconds=0))
    kept = _plan(container, slugs)
    asked = _plan(asking, slugs[:DRY_RUN_DASHBOARDS])
    asking.database.dispose()
    return Plans(len(slugs), kept, DRY_RUN_DASHBOARDS, asked)


def _plan(container: Container, slugs: Sequence[str]) -> float:
    started = time.perf_counter()
    sources = container.catalog.load_sources(slugs)
    for one in container.compilation.iterate_dashboards(
        sources, actor="bench@example.com", all_variants=True
    ):
        if not one.valid:
            raise RuntimeError(f"the bench's own dashboard is not valid: {one.diagnostics}")
        CompileItem.from_compiled(one).model_dump_json()
    return time.perf_counter() - started


def _measure_calls(source: Path, container: Container) -> dict[str, float]:
    """Milliseconds of each call, by a process of the state at `source`."""
    settings = container.settings
    table = f"{settings.google_cloud_project}.{DATASET}.{TABLE}"
    done = subprocess.run(
        [sys.executable, REPOSITORY / "bench" / "company_calls.py", table],
        cwd=source, capture_output=True, text=True, check=True,
        env={
            **os.environ,
            "PYTHONPATH": str(source),
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "DATABASE_STATEMENT_TIMEOUT_SECONDS": "120",
            "GOOGLE_CLOUD_PROJECT": settings.google_cloud_project,
            "ALLOWED_DATASETS": DATASET,
            "DASHBOARD_STORE_URL": settings.dashboard_store_url,
            "PAYLOAD_STORE_URL": settings.payload_store_url,
        },
    )  # fmt: skip
    return {name: float(ms) for name, ms in json.loads(done.stdout.splitlines()[-1]).items()}


def _render(machine: str, edges: int, plans: Plans, calls: dict[str, dict[str, float]]) -> str:
    now, before = calls[NOW], calls.get(BEFORE, {})
    rows = "\n".join(
        f"| {name} | {ms:.0f} | {_compare(before.get(name), ms)} | {describe_verdict(ms < CALL_MS)} |"
        for name, ms in now.items()
    )
    kept, asked = (
        1000 * s / n for s, n in ((plans.kept_seconds, plans.count), (plans.asked_seconds, plans.asked))
    )
    return f"""# What do a thousand dashboards make of each call?

`python -m bench company` on {machine}. {plans.count:,} dashboards of three to six queries that all read one table, \
the same ones every time, with {edges:,} edges of lineage, 50 jobs of each and ten days of costs. Each figure is the \
best of five calls of the service with the encoding of its answer, by a process of its own; HTTP comes on top.

The aim: under {CALL_MS} ms. Everything before was measured in the same run, at commit {BEFORE}.

| call | ms | before, ms | |
| --- | ---: | ---: | --- |
{rows}

The aim of plans: all dashboards in under {PLAN_SECONDS} s when nothing changed \
({describe_verdict(plans.kept_seconds < PLAN_SECONDS)}). By kept answers {plans.count:,} of them took \
{plans.kept_seconds:.1f} s, {kept:.0f} ms each; {plans.asked} by dry runs, which the emulator answers on the same \
cores, {asked:.0f} ms each: {asked / kept:.0f} times as long.
"""


def _compare(before: float | None, now: float) -> str:
    return "-" if before is None else f"{before:.0f} ({before / now:.1f} times)"


if __name__ == "__main__":
    sys.exit(main())
