"""What was billed, summed by user, dashboard, day or environment."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import text

from shared.database.models.costs import CostScope
from shared.database.repositories.base import Repository


class CostGrouping(StrEnum):
    """What a line of the report stands for."""

    USER = "user"
    DASHBOARD = "dashboard"
    DAY = "day"
    ENVIRONMENT = "environment"

    @property
    def scope(self) -> CostScope:
        """The ledger rows that add up to it: every byte is in the environment's row of its day."""
        return CostScope.ENVIRONMENT if self is CostGrouping.DAY else CostScope(self.value)


@dataclass(frozen=True)
class CostFilter:
    """Days are the budget's, in `time_zone`, both included; `only_key` leaves out every other line."""

    by: CostGrouping
    first_day: date
    last_day: date
    time_zone: str
    environment: str
    only_key: str | None = None


@dataclass(frozen=True)
class CostSums:
    """Bytes and jobs. `bytes_saved` is what jobs would have billed had the answer not been there already."""

    bytes_billed: int = 0
    bytes_reserved: int = 0
    bytes_saved: int = 0
    queries: int = 0
    cache_hits: int = 0
    failures: int = 0


@dataclass(frozen=True)
class CostLine:
    """One user, dashboard, day or environment."""

    key: str
    sums: CostSums


@dataclass(frozen=True)
class CostPage:
    """Some lines, and what all `total` of them add up to."""

    lines: tuple[CostLine, ...]
    totals: CostSums
    total: int


# The first line always comes along: it brings the totals when the page asked for is beyond the last.
_REPORT = text("""
WITH spent AS (
    SELECT CASE CAST(:by AS text) WHEN 'day' THEN CAST(day AS text) ELSE key END AS key,
           sum(bytes_billed) AS billed, sum(bytes_reserved) AS reserved
    FROM cost_ledger
    WHERE scope = :scope AND day BETWEEN :first_day AND :last_day
      AND (scope <> 'environment' OR key = :environment)
    GROUP BY 1
), ran AS (
    SELECT CASE CAST(:by AS text)
               WHEN 'user' THEN actor
               WHEN 'dashboard' THEN slug
               WHEN 'day' THEN CAST(CAST(started_at AT TIME ZONE :time_zone AS date) AS text)
               ELSE CAST(:environment AS text)
           END AS key,
           count(*) AS queries,
           count(*) FILTER (WHERE cache_hit) AS cache_hits,
           count(*) FILTER (WHERE status IN ('failed', 'cancelled')) AS failures,
           -- Jobs from before the column was there have the estimate only.
           coalesce(sum(coalesce(bytes_saved, CASE WHEN cache_hit THEN bytes_estimated END)), 0) AS saved
    FROM query_runs
    WHERE started_at >= CAST(:first_day AS date)::timestamp AT TIME ZONE :time_zone
      AND started_at < (CAST(:last_day AS date) + 1)::timestamp AT TIME ZONE :time_zone
    GROUP BY 1
), line AS (
    SELECT key, coalesce(billed, 0) AS billed, coalesce(reserved, 0) AS reserved, coalesce(saved, 0) AS saved,
           coalesce(queries, 0) AS queries, coalesce(cache_hits, 0) AS cache_hits,
           coalesce(failures, 0) AS failures
    FROM spent FULL JOIN ran USING (key)
    WHERE key IS NOT NULL AND (CAST(:only_key AS text) IS NULL OR key = :only_key)
), numbered AS (
    SELECT line.*,
           sum(billed) OVER () AS all_billed, sum(reserved) OVER () AS all_reserved,
           sum(saved) OVER () AS all_saved, sum(queries) OVER () AS all_queries,
           sum(cache_hits) OVER () AS all_hits, sum(failures) OVER () AS all_failures,
           count(*) OVER () AS total,
           row_number() OVER (
               ORDER BY CASE CAST(:by AS text) WHEN 'day' THEN key END, billed DESC, queries DESC, key
           ) AS position
    FROM line
)
SELECT * FROM numbered WHERE position = 1 OR position BETWEEN :first AND :last ORDER BY position
""")


class CostReportRepository(Repository):
    """Reads `cost_ledger` together with `query_runs`."""

    def read_page(self, wanted: CostFilter, page: int, page_size: int) -> CostPage:
        """Lines `(page - 1) * page_size` onwards: days in order, everything else with the dearest first."""
        first = (page - 1) * page_size + 1
        values = {
            "by": wanted.by.value,
            "scope": wanted.by.scope.value,
            "first_day": wanted.first_day,
            "last_day": wanted.last_day,
            "time_zone": wanted.time_zone,
            "environment": wanted.environment,
            "only_key": wanted.only_key,
            "first": first,
            "last": first + page_size - 1,
        }
        rows = self._session.execute(_REPORT, values).mappings().all()
        if not rows:
            return CostPage((), CostSums(), 0)
        head = rows[0]
        names = ("all_billed", "all_reserved", "all_saved", "all_queries", "all_hits", "all_failures")
        totals = CostSums(*(int(head[name]) for name in names))
        names = ("billed", "reserved", "saved", "queries", "cache_hits", "failures")
        lines = [
            CostLine(str(row["key"]), CostSums(*(int(row[name]) for name in names)))
            for row in rows
            if row["position"] >= first
        ]
        return CostPage(tuple(lines), totals, int(head["total"]))
