"""What the gate remembers, in one SQLite file: receipts of jobs, cached results, when tables changed."""

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deploy.local.gate.billing import Accuracy, Outcome, Receipt
from deploy.local.gate.tables import TableName

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    project TEXT, job_id TEXT, outcome TEXT, processed INTEGER, billed INTEGER, created_ms INTEGER,
    receipt TEXT, resource TEXT, PRIMARY KEY (project, job_id)
);
CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, project TEXT, job_id TEXT, created_ms INTEGER);
CREATE TABLE IF NOT EXISTS changes (
    name TEXT PRIMARY KEY, modified_ms INTEGER NOT NULL, emulator_ms INTEGER, rows TEXT, streamed_ms INTEGER
);
"""


def now_ms() -> int:
    """Milliseconds since 1970, as BigQuery writes times."""
    return time.time_ns() // 1_000_000


class Ledger:
    """The gate's memory; with the path `:memory:` it lasts as long as the process."""

    def __init__(self, path: Path | str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # --- jobs

    def save_job(
        self, project: str, job_id: str, receipt: Receipt, resource: Mapping[str, Any] | None = None
    ) -> None:
        """Remember a job's receipt; `resource` is the whole job where the emulator's is another or none."""
        row = (project, job_id, receipt.outcome, receipt.processed, receipt.billed, now_ms())
        texts = (json.dumps(asdict(receipt)), json.dumps(resource) if resource else None)
        self._database.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, *texts))

    def forget_job(self, project: str, job_id: str) -> None:
        """Forget a job the emulator did not accept."""
        self._database.execute("DELETE FROM jobs WHERE project = ? AND job_id = ?", (project, job_id))

    def job(self, project: str, job_id: str) -> tuple[Receipt, dict[str, Any] | None] | None:
        """A job's receipt, and its resource when it was refused here or failed in other words than the emulator's."""
        sql = "SELECT receipt, resource FROM jobs WHERE project = ? AND job_id = ?"
        row = self._database.execute(sql, (project, job_id)).fetchone()
        return (_read_receipt(json.loads(row[0])), json.loads(row[1]) if row[1] else None) if row else None

    def summary(self) -> dict[str, int]:
        """How many query jobs had which outcome, and the bytes of all of them."""
        sql = "SELECT outcome, COUNT(*), SUM(processed), SUM(billed) FROM jobs GROUP BY outcome"
        rows = self._database.execute(sql).fetchall()
        counts: dict[str, int] = {str(outcome): 0 for outcome in Outcome}
        counts |= {outcome: count for outcome, count, _, _ in rows}
        paid = [row for row in rows if row[0] != Outcome.REFUSED]
        return {
            **counts,
            "bytes_processed": sum(row[2] for row in paid),
            "bytes_billed": sum(row[3] for row in paid),
        }

    # --- cached results

    def save_result(self, key: str, project: str, job_id: str) -> None:
        """Remember which job computed the result filed under `key`."""
        row = (key, project, job_id, now_ms())
        self._database.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", row)

    def result(self, key: str, max_age_ms: int) -> tuple[str, str] | None:
        """Project and id of the job that computed this result, if it is young enough."""
        sql = "SELECT project, job_id FROM results WHERE key = ? AND created_ms > ?"
        row = self._database.execute(sql, (key, now_ms() - max_age_ms)).fetchone()
        return (row[0], row[1]) if row else None

    # --- tables

    def touch(self, name: TableName, *, streamed: bool = False) -> None:
        """Note that a table changed just now."""
        moment = now_ms()
        self._database.execute(
            "INSERT INTO changes (name, modified_ms, streamed_ms) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO "
            "UPDATE SET modified_ms = MAX(?2, modified_ms + 1), rows = NULL, "
            "streamed_ms = COALESCE(?3, streamed_ms)",
            (str(name), moment, moment if streamed else None),
        )

    def touch_all(self) -> None:
        """Note that any table may have changed just now."""
        sql = "UPDATE changes SET modified_ms = MAX(?, modified_ms + 1), rows = NULL"
        self._database.execute(sql, (now_ms(),))

    def streamed_since(self, name: TableName, moment_ms: int) -> bool:
        """Whether rows were streamed into the table after `moment_ms`."""
        sql = "SELECT 1 FROM changes WHERE name = ? AND streamed_ms > ?"
        return self._database.execute(sql, (str(name), moment_ms)).fetchone() is not None

    def modified_ms(self, resource: Mapping[str, Any]) -> int:
        """When the table in this REST resource last changed.

        The emulator keeps the time of creation through DML and loads, and has none for some tables. So the
        time is the latest of: what the emulator says, the last change that passed through the gate, and the
        moment its number of rows was first seen to differ (the Storage Write API passes the gate by).
        """
        name = str(TableName.from_rest(resource["tableReference"]))
        emulator_ms, rows = int(resource.get("lastModifiedTime") or 0), str(resource.get("numRows"))
        sql = "SELECT modified_ms, emulator_ms, rows FROM changes WHERE name = ?"
        known = self._database.execute(sql, (name,)).fetchone()
        modified = _latest(known, emulator_ms, rows, kept="etag" in resource)
        self._database.execute(
            "INSERT INTO changes (name, modified_ms, emulator_ms, rows) VALUES (?1, ?2, ?3, ?4) "
            "ON CONFLICT (name) DO UPDATE SET modified_ms = ?2, emulator_ms = ?3, rows = ?4",
            (name, modified, emulator_ms, rows),
        )
        return modified


def _latest(
    known: tuple[int, int | None, str | None] | None, emulator_ms: int, rows: str, *, kept: bool
) -> int:
    """`kept` says that the emulator stores the time, instead of answering the present each time."""
    if known is None:
        return emulator_ms
    modified, known_emulator_ms, known_rows = known
    if known_rows is not None and known_rows != rows:
        modified = max(now_ms(), modified + 1)
    if kept and emulator_ms != known_emulator_ms:
        modified = max(modified, emulator_ms)
    return modified


def _read_receipt(stored: Mapping[str, Any]) -> Receipt:
    return Receipt(
        outcome=Outcome(stored["outcome"]),
        processed=stored["processed"],
        billed=stored["billed"],
        accuracy=Accuracy(stored["accuracy"]),
        referenced=tuple(TableName(*name) for name in stored["referenced"]),
    )
