"""What the query guard costs: per statement of its corpus, and as a share of a dry run in the same run.

`python -m bench guard`, or `python -m bench.guard`. Needs the running stack (`make up`), whose gate answers the
dry runs. The figures go to docs/bench/guard.md.
"""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import yaml

from deploy.local.environment import DATASET, PROJECT
from deploy.local.parts import REPOSITORY
from deploy.local.seed import SAMPLES
from deploy.local.stack import Stack
from shared.dashboards.plans.expansion import ExpansionLimits, expand_dashboard, make_request
from shared.dashboards.validation import validate_dashboards
from shared.dashboards.validators.parsed import DashboardSource
from shared.settings import Settings
from shared.warehouse.bigquery.clients import WarehouseClients
from shared.warehouse.bigquery.jobs import JobRunner
from shared.warehouse.guard.guard import GuardPolicy, QueryGuard
from shared.warehouse.models.queries import QueryRequest

CORPUS = REPOSITORY / "tests" / "guard" / "corpus.yaml"
REPORT = REPOSITORY / "docs" / "bench" / "guard.md"
CORPUS_ROUNDS = 20
QUERY_ROUNDS = 10


@dataclass(frozen=True)
class Spread:
    """Milliseconds of many measurements."""

    p50: float
    p99: float
    worst: float
    count: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Spread":
        """From single measurements."""
        ordered = sorted(one * 1000 for one in seconds)
        return cls(
            statistics.median(ordered), ordered[int(len(ordered) * 0.99) - 1], ordered[-1], len(ordered)
        )


def main() -> int:
    """Measure and write the report."""
    settings = Settings(google_cloud_project=PROJECT, bigquery_endpoint=Stack().bigquery_endpoint)
    policy, corpus = read_corpus()
    requests = read_sample_queries()
    on_corpus = measure_corpus(QueryGuard(policy), corpus)
    on_queries, dry_runs = measure_queries(requests, settings)
    report = render(len(corpus), on_corpus, len(requests), on_queries, dry_runs)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report)
    print(report)
    return 0


def read_corpus() -> tuple[GuardPolicy, list[tuple[str, str | None]]]:
    """The corpus's policy, and every statement it lets through with its default dataset."""
    policy, groups = yaml.safe_load_all(CORPUS.read_text(encoding="utf-8"))
    allowed = [
        (case["sql"], case.get("default_dataset", DATASET))
        for cases in groups.values()
        for case in cases
        if case.get("verdict", "allow") == "allow"
    ]
    return GuardPolicy(**policy), allowed


def read_sample_queries() -> list[QueryRequest]:
    """Every job of a refresh of the sample dashboards."""
    limits = ExpansionLimits(PROJECT, 50_000, 64)
    found = []
    for path in sorted(SAMPLES.rglob("*.yaml")):
        files = {str(one.relative_to(path.parent)): one.read_text() for one in path.parent.rglob("*.sql")}
        source = DashboardSource(str(path), path.read_text(), files)
        parsed = validate_dashboards([source])[0].parsed
        if parsed.definition is None:
            raise RuntimeError(f"{path} is not valid")
        expansion = expand_dashboard(parsed.definition, parsed.sql_texts, limits, all_variants=True)
        found += [make_request(unit, parsed.definition, actor="bench") for unit in expansion.units]
    return found


def measure_corpus(guard: QueryGuard, corpus: Sequence[tuple[str, str | None]]) -> Spread:
    """The guard alone, over the corpus."""
    taken = []
    for sql, dataset in corpus:
        guard.check(sql, dataset)  # the first time imports and compiles
        taken += [
            time_call(lambda sql=sql, dataset=dataset: guard.check(sql, dataset))
            for _ in range(CORPUS_ROUNDS)
        ]
    return Spread.of(taken)


def measure_queries(requests: Sequence[QueryRequest], settings: Settings) -> tuple[Spread, Spread]:
    """The guard and the dry run of the same queries, in turn."""
    clients = WarehouseClients(settings)
    runner = JobRunner(clients, settings)
    guard = QueryGuard(GuardPolicy(PROJECT, [DATASET]))
    guarded: list[float] = []
    planned: list[float] = []
    runner.dry_run(requests[0])  # connects
    for _ in range(QUERY_ROUNDS):
        for request in requests:
            guarded.append(
                time_call(lambda request=request: guard.check(request.sql, request.default_dataset))
            )
            planned.append(time_call(lambda request=request: runner.dry_run(request)))
    clients.rest.close()
    return Spread.of(guarded), Spread.of(planned)


def time_call(call: Callable[[], object]) -> float:
    """Seconds one call takes."""
    before = time.perf_counter()
    call()
    return time.perf_counter() - before


def render(statements: int, on_corpus: Spread, queries: int, on_queries: Spread, dry_runs: Spread) -> str:
    """The report."""
    rows = "\n".join(
        f"| {name} | {spread.count} | {spread.p50:.2f} | {spread.p99:.2f} | {spread.worst:.2f} |"
        for name, spread in (
            (f"guard, {statements} allowed statements of the corpus", on_corpus),
            (f"guard, {queries} queries of the sample dashboards", on_queries),
            ("dry run of the same queries through the metering gate", dry_runs),
        )
    )
    share = on_queries.p50 / dry_runs.p50
    return f"""# What does the guard cost?

`python -m bench guard` on {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}. Every \
query passes the guard before anything is sent to BigQuery; the dry run that follows is the second witness.

| what | checks | p50 ms | p99 ms | worst ms |
| --- | ---: | ---: | ---: | ---: |
{rows}

At the median the guard adds {share:.1%} to a dry run against an emulator on the same machine, where no network lies
between. A dry run at BigQuery takes longer, and the share is smaller there.
"""


if __name__ == "__main__":
    sys.exit(main())
