"""The drill of docs/operations.md with 1,000 dashboards: each store is lost in turn and restored from the others.

Starts a PostgreSQL and a BigQuery emulator of its own. The figures go to docs/bench/restore.md.
"""

import hashlib
import shutil
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from google.cloud.bigquery import SchemaField

from deploy.local.alone.bigquery import start_bigquery
from deploy.local.alone.postgres import RunningPostgres, start_postgres
from deploy.local.parts import REPOSITORY
from deploy.local.servers.postgres_files import find_program
from shared.container import Container
from shared.dashboards.definition.head import hash_variant
from shared.dashboards.keys import dashboard_path, payload_path, result_path, stream_path
from shared.precompute.payload.payload import Payload, PayloadResult
from shared.saving.publishing import VersionNote
from shared.storage.blob import BlobWrite
from shared.storage.git_commands import CommitNote
from shared.storage.git_history import PastSave

REPORT = REPOSITORY / "docs" / "bench" / "restore.md"
DASHBOARDS, VERSIONS = 1000, 3
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_YAML = """\
version: 1
slug: {slug}
title: Number {number}, as of version {version}
dataset: shop
queries:
  count: {{sql: "SELECT COUNT(*) + {number} AS people FROM people"}}
charts:
  - {{id: people, title: People, query: count, type: metric, value: people}}
"""
_RESULT = b'{"columns":[{"name":"people","type":"INT64"}],"rows":1,"values":[[1]],"truncated":false'
_PEOPLE = [SchemaField("id", "INT64")]


def main() -> int:
    """Measure and write the report."""
    with tempfile.TemporaryDirectory(prefix="almanac-drill-") as name:
        folder = Path(name)
        (folder / "bigquery").mkdir()
        with start_postgres() as postgres, start_bigquery(folder / "bigquery", one_thread=True) as bigquery:
            bigquery.load_rows("shop.people", _PEOPLE, [{"id": 1}])

            def start() -> Container:
                return Container(
                    postgres.settings(
                        google_cloud_project=bigquery.project,
                        bigquery_endpoint=bigquery.endpoint,
                        bigquery_storage_endpoint=bigquery.storage_endpoint,
                        allowed_datasets=["shop"],
                        dashboard_store_url=f"git:{folder / 'workdir'}",
                        payload_store_url=f"file:{folder / 'payloads'}",
                        otel_traces_exporter="none",
                    )
                )

            report = _render(_drill(start, postgres, folder))
    REPORT.write_text(report)
    print(report)
    return 0


def _drill(start: Callable[[], Container], postgres: RunningPostgres, folder: Path) -> dict[str, float]:
    _make_stores(start())
    times: dict[str, float] = {}

    def measure[T](what: str, call: Callable[[], T]) -> T:
        before = time.perf_counter()
        answer = call()
        times[what] = time.perf_counter() - before
        return answer

    index = measure(
        "PostgreSQL lost: index, versions, plans and lineage from Git",
        lambda: start().index_restorer.restore_index(dry_run=False),
    )
    _check((index.dashboards, index.versions, index.problems), (DASHBOARDS, DASHBOARDS * VERSIONS, []))
    found = measure(
        "payloads and results from the payload store",
        lambda: start().result_recovery.recover(dry_run=False),
    )
    _check((found.payloads, found.results, found.problems), (DASHBOARDS, DASHBOARDS, []))
    measure(
        "today's spending from BigQuery (an empty list)",
        lambda: start().spending_reader.read_days_back(None, dry_run=False),
    )
    shutil.rmtree(folder / "workdir")
    files = measure(
        "the work tree lost: every version committed again from PostgreSQL",
        lambda: start().files_restorer.restore_files(dry_run=False),
    )
    _check((files.versions, files.problems), (DASHBOARDS * VERSIONS, []))
    dump, bundle = str(folder / "almanac.dump"), str(folder / "almanac.bundle")
    address = postgres.url.replace("postgresql+pg8000", "postgresql")
    measure("backup: pg_dump", lambda: _run(str(find_program("pg_dump")), "-Fc", "-f", dump, address))
    git = ("git", "-c", "safe.directory=*", "-C", str(folder / "workdir"))
    measure("backup: git bundle", lambda: _run(*git, "bundle", "create", "-q", bundle, "--all"))
    postgres.server.create_database("restored")
    restored = postgres.server.database_url("restored").replace("postgresql+pg8000", "postgresql")
    measure(
        "both lost: pg_restore",
        lambda: _run(str(find_program("pg_restore")), "--no-owner", "-d", restored, dump),
    )
    clone = str(folder / "clone")
    measure("both lost: git clone of the bundle", lambda: _run("git", "clone", "-q", bundle, clone))
    return times


def _make_stores(container: Container) -> None:
    saves = []
    for version in range(1, VERSIONS + 1):
        for number in range(DASHBOARDS):
            slug, saved_at = f"board-{number}", _BEGAN + timedelta(hours=version, seconds=number)
            message = VersionNote(((slug, version),), "", saved_at).write()
            text = _YAML.format(slug=slug, number=number, version=version)
            note = CommitNote(message, "data@example.com", saved_at)
            saves.append(PastSave(note, {dashboard_path(slug): text.encode()}))
    store = container.files_restorer.store
    if store is None:
        raise RuntimeError("the drill needs a Git store")
    store.replay(saves, None)
    writes = [write for number in range(DASHBOARDS) for write in _make_payload(f"board-{number}")]
    container.payload_store.write_blobs(writes, message="", author="")


def _make_payload(slug: str) -> list[BlobWrite]:
    """A payload of the one variant, and the result that it is made of."""
    digest = hashlib.sha256(_RESULT).hexdigest()
    path = result_path(hashlib.sha256(slug.encode()).hexdigest(), digest, uuid4())
    payload = Payload.encode(
        b'"parameters":{}', slug=slug, version=VERSIONS, as_of=_BEGAN, max_age_seconds=3600,
        max_stale_seconds=7200, has_error=False, content_sha256=digest,
        results={"count": PayloadResult(stream_path(path), _BEGAN)},
    )  # fmt: skip
    place = payload_path(slug, VERSIONS, hash_variant({}), uuid4())
    return [BlobWrite(path, zlib.compress(_RESULT)), BlobWrite(place, payload.to_bytes())]


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _check(found: object, wanted: object) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} was restored, not {wanted}")


def _render(times: dict[str, float]) -> str:
    rows = "\n".join(f"| {what} | {seconds:.1f} |" for what, seconds in times.items())
    return f"""\
# Restoring {DASHBOARDS:,} dashboards of {VERSIONS} versions

By `python -m bench restore`, which loses each store in turn; [operations](../operations.md#backup-and-restore) says
when which is done. Seconds, on a machine with two processors that does other work besides.

| | s |
| --- | ---: |
{rows}
"""
