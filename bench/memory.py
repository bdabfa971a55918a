"""What results of many bytes take in memory, beside what they took at an earlier commit.

`python -m bench memory`. Starts PostgreSQL, the emulator behind its gate and an OpenID provider for itself; each
function is a process of its own, started alone as Cloud Run starts it. The figures go to docs/bench/memory.md.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench.machine import describe_machine, describe_verdict
from bench.processes import find_processes, read_largest_peak
from bench.states import NOW, find_states, run_function
from deploy.local.alone.bigquery import BigQueryServer, start_bigquery
from deploy.local.alone.postgres import start_postgres
from deploy.local.parts import REPOSITORY
from deploy.local.servers.oidc import OidcServer
from deploy.local.supervision.process import Service, pick_free_port

REPORT = REPOSITORY / "docs" / "bench" / "memory.md"
EDITOR = "editor@example.com"
PATIENCE_SECONDS = 600
ROWS, ROW_BYTES = 45_000, 9_600
MOST_PRECOMPUTE_MIB, MOST_SQL_RUN_MIB = 400, 150
SAMPLE_SQL = "SELECT REPEAT('x', 1000000) AS text FROM UNNEST(GENERATE_ARRAY(1, 1000)) LIMIT 100"
SMALL_SQL = "SELECT 1 AS one"
DASHBOARD = f"""\
version: 1
slug: large
title: Large
queries:
  large:
    sql: >-
      SELECT n, CONCAT(REPEAT('x', {ROW_BYTES - 5}), CAST(n AS STRING)) AS text
      FROM UNNEST(GENERATE_ARRAY(1, {ROWS})) AS n
    max_rows: {ROWS}
charts:
  - {{id: large, title: Large, query: large, type: table}}
"""


@dataclass(frozen=True)
class Peak:
    """The most a function's process took for one request, Python and its libraries included, and what it answered."""

    mib: float
    answer: str


@dataclass(frozen=True)
class Peaks:
    """One state of the code."""

    precompute: Peak
    sql_run: Peak
    small_sql_run: Peak

    @property
    def sample_mib(self) -> float:
        """What large rows take beyond what one small row takes."""
        return self.sql_run.mib - self.small_sql_run.mib


@dataclass(frozen=True)
class _Caller:
    source: Path
    folder: Path
    environment: dict[str, str]
    bearer: str

    def call(self, function: str, path: str, body: object) -> Peak:
        """One POST to a new process of the function."""
        with run_function(self.source, function, 4, self.folder, self.environment) as port:
            processes = find_processes(port)
            with requests.Session() as http:
                http.trust_env = False
                response = http.post(
                    f"http://127.0.0.1:{port}{path}", json=body, timeout=PATIENCE_SECONDS,
                    headers={"Authorization": self.bearer},
                )  # fmt: skip
            if not response.ok:
                raise RuntimeError(f"{path} answered {response.status_code}: {response.text[:300]}")
            return Peak(read_largest_peak(processes) / 2**20, _describe(response.json()["data"]))


def main() -> int:
    """Measure both states in turn and write the report."""
    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="almanac-bench-") as name:
        folder = Path(name)
        with start_bigquery(folder) as bigquery, _start_oidc(folder / "oidc") as oidc:
            peaks = {
                state: _measure(source, folder / f"run-{state}", bigquery, oidc)
                for state, source in find_states(folder).items()
            }
    report = _render(machine, peaks)
    REPORT.write_text(report)
    print(report)
    return 0


@contextmanager
def _start_oidc(folder: Path) -> Iterator[OidcServer]:
    server = OidcServer(folder, pick_free_port(), ["http://localhost:8080/auth/callback"])
    with Service(server.spec()).serving():
        yield server


def _measure(source: Path, folder: Path, bigquery: BigQueryServer, oidc: OidcServer) -> Peaks:
    with start_postgres() as postgres:
        environment = {
            "DATABASE_URL": postgres.url,
            "GOOGLE_CLOUD_PROJECT": bigquery.project,
            "BIGQUERY_ENDPOINT": bigquery.endpoint,
            "BIGQUERY_STORAGE_ENDPOINT": bigquery.storage_endpoint,
            "ALLOWED_DATASETS": "shop",
            "DASHBOARD_STORE_URL": f"git:{folder}/workdir",
            "PAYLOAD_STORE_URL": f"file:{folder}/payloads",
            "WAREHOUSE_TIMEOUT_SECONDS": str(PATIENCE_SECONDS),
            "WAREHOUSE_CALL_TIMEOUT_SECONDS": str(PATIENCE_SECONDS),
            "WAREHOUSE_METADATA_TIMEOUT_SECONDS": "60",
            "OIDC_ISSUER": oidc.issuer,
            "OIDC_DISCOVERY_URL": oidc.discovery_url,
            "OIDC_CLIENT_ID": oidc.client_id,
            "OIDC_CLIENT_SECRET": oidc.client_secret,
            "ALLOWED_DOMAINS": "example.com",
            "EDITOR_EMAILS": EDITOR,
        }
        caller = _Caller(source, folder, environment, f"Bearer {oidc.fetch_id_token(EDITOR)}")
        caller.call(
            "dashboards_save",
            "/dashboards/save",
            {"dashboards": [{"path": "large.yaml", "yaml": DASHBOARD}], "message": "Large"},
        )
        return Peaks(
            precompute=caller.call("precompute", "/precompute", {"slugs": ["large"]}),
            sql_run=caller.call("sql_run", "/sql/run", {"sql": SAMPLE_SQL}),
            small_sql_run=caller.call("sql_run", "/sql/run", {"sql": SMALL_SQL}),
        )


def _describe(data: dict[str, Any]) -> str:
    if "rows" in data:
        return f"{len(data['rows'])} rows{', truncated' if data['truncated'] else ''}"
    result = data["results"][0]
    if "queries" not in result:
        return "saved"
    query = result["queries"][0]
    return query["error"]["code"] if query["error"] else f"{query['rows']} rows"


def _render(machine: str, peaks: dict[str, Peaks]) -> str:
    now = peaks[NOW]
    refreshed = describe_verdict(now.precompute.mib < MOST_PRECOMPUTE_MIB)
    sampled = describe_verdict(now.sql_run.mib < MOST_SQL_RUN_MIB)
    rows = "\n".join(
        f"| {state} | {_show(one.precompute)} | {_show(one.sql_run)} | {_show(one.small_sql_run)} | "
        f"{one.sample_mib:.0f} |"
        for state, one in peaks.items()
    )
    return f"""# What do results of many bytes take in memory?

`python -m bench memory` on {machine}. Each function alone, a new process for each request; the peak is the largest \
resident size its process ever had, in MiB, Python and all libraries included.

`precompute` refreshes a query of {ROWS:,} rows of {ROW_BYTES:,} bytes, {ROWS * ROW_BYTES / 1e6:.0f} MB together; \
`sql_run` runs `{SAMPLE_SQL}`, and beside it a query of one row.

The aims: `precompute` under {MOST_PRECOMPUTE_MIB} MiB ({refreshed}); `sql_run` under {MOST_SQL_RUN_MIB} MiB \
({sampled}), of which one row takes Python and Google's client; rows are read page by page, without Arrow and gRPC.

| state | `precompute`, {ROWS * ROW_BYTES / 1e6:.0f} MB | `sql_run`, 100 rows of 1 MB | `sql_run`, one row | \
the rows of 1 MB alone |
| --- | ---: | ---: | ---: | ---: |
{rows}
"""


def _show(peak: Peak) -> str:
    return f"{peak.mib:.0f} ({peak.answer})"


if __name__ == "__main__":
    sys.exit(main())
