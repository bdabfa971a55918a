"""What was billed, summed by user, dashboard, day or environment, alone or together."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

from sqlalchemy import text

from shared.database.repositories.base import Repository


class CostGrouping(StrEnum):
    """What a line of the report stands for."""

    USER = "user"
    DASHBOARD = "dashboard"
    DAY = "day"
    ENVIRONMENT = "environment"


@dataclass(frozen=True)
class CostFilter:
    """Days are the budget's, in `time_zone`, both included; a line stands for one value of each of `by`.

    `user` and `slug` leave out what others, or queries of other dashboards, cost.
    """

    by: Sequence[CostGrouping]
    first_day: date
    last_day: date
    time_zone: str
    environment: str
    user: str | None = None
    slug: str | None = None


@dataclass(frozen=True)
class CostSums:
    """Bytes and jobs. `bytes_saved` is what jobs would have billed had the answer not been there already.

    The budgets were charged `bytes_settled`: what was billed, and all that was reserved for the `unknown` jobs of
    which BigQuery did not tell what they billed. `bytes_billed` is at least that much.
    """

    bytes_billed: int = 0
    bytes_settled: int = 0
    unknown: int = 0
    bytes_reserved: int = 0
    bytes_saved: int = 0
    queries: int = 0
    cache_hits: int = 0
    failures: int = 0


@dataclass(frozen=True)
class CostLine:
    """The sums of one value of each grouping; None is what has none: a typed query has no dashboard."""

    values: dict[CostGrouping, str | None]
    sums: CostSums


@dataclass(frozen=True)
class CostPage:
    """Some lines, and what all `total` of them add up to."""

    lines: tuple[CostLine, ...]
    totals: CostSums
    total: int


# Money is in the reservations, open or settled: the budgets' ledger is their sum, by one key at a time only. The
# first line always comes along: it brings the totals when the page asked for is beyond the last.
_REPORT = text("""
WITH entry AS (
    SELECT actor, slug, day, coalesce(bytes_billed, 0) AS bytes_billed,
           coalesce(bytes_settled, bytes_billed, 0) AS bytes_settled,
           CASE WHEN settled_at IS NOT NULL AND bytes_billed IS NULL THEN 1 ELSE 0 END AS unknown,
           CASE WHEN settled_at IS NULL THEN bytes_reserved ELSE 0 END AS bytes_reserved,
           0 AS bytes_saved, 0 AS queries, 0 AS cache_hits, 0 AS failures
    FROM cost_reservations
    WHERE day BETWEEN :first_day AND :last_day
    UNION ALL
    -- Jobs from before receipts were kept have the estimate only.
    SELECT actor, slug, CAST(started_at AT TIME ZONE :time_zone AS date), 0, 0, 0, 0,
           coalesce(bytes_saved, CASE WHEN cache_hit THEN bytes_estimated END, 0),
           1, CASE WHEN cache_hit THEN 1 ELSE 0 END, CASE WHEN status IN ('failed', 'cancelled') THEN 1 ELSE 0 END
    FROM query_runs
    WHERE started_at >= CAST(:first_day AS date)::timestamp AT TIME ZONE :time_zone
      AND started_at < (CAST(:last_day AS date) + 1)::timestamp AT TIME ZONE :time_zone
), line AS (
    SELECT CASE WHEN CAST(:by_user AS boolean) THEN actor END AS "user",
           CASE WHEN CAST(:by_dashboard AS boolean) THEN slug END AS dashboard,
           CASE WHEN CAST(:by_day AS boolean) THEN CAST(day AS text) END AS day,
           sum(bytes_billed) AS bytes_billed, sum(bytes_settled) AS bytes_settled, sum(unknown) AS unknown,
           sum(bytes_reserved) AS bytes_reserved,
           sum(bytes_saved) AS bytes_saved, sum(queries) AS queries, sum(cache_hits) AS cache_hits,
           sum(failures) AS failures
    FROM entry
    WHERE (CAST(:user AS text) IS NULL OR actor = :user) AND (CAST(:slug AS text) IS NULL OR slug = :slug)
    GROUP BY 1, 2, 3
), numbered AS (
    SELECT line.*, CAST(:environment AS text) AS environment,
           sum(bytes_billed) OVER () AS all_bytes_billed, sum(bytes_settled) OVER () AS all_bytes_settled,
           sum(unknown) OVER () AS all_unknown, sum(bytes_reserved) OVER () AS all_bytes_reserved,
           sum(bytes_saved) OVER () AS all_bytes_saved, sum(queries) OVER () AS all_queries,
           sum(cache_hits) OVER () AS all_cache_hits, sum(failures) OVER () AS all_failures,
           count(*) OVER () AS total,
           row_number() OVER (
               ORDER BY CASE WHEN CAST(:day_first AS boolean) THEN day END, bytes_settled DESC, queries DESC,
                        "user", dashboard, day
           ) AS position
    FROM line
)
SELECT * FROM numbered WHERE position = 1 OR position BETWEEN :first AND :last ORDER BY position
""")
_SUMS = [field.name for field in fields(CostSums)]


class CostReportRepository(Repository):
    """Reads `cost_reservations` together with `query_runs`."""

    def read_page(self, wanted: CostFilter, page: int, page_size: int) -> CostPage:
        """Lines `(page - 1) * page_size` onwards: the dearest first, within each day when `by` begins with it."""
        first = (page - 1) * page_size + 1
        values = {
            **{
                f"by_{one.value}": one in wanted.by
                for one in CostGrouping
                if one is not CostGrouping.ENVIRONMENT
            },
            "day_first": wanted.by[0] is CostGrouping.DAY,
            "first_day": wanted.first_day,
            "last_day": wanted.last_day,
            "time_zone": wanted.time_zone,
            "environment": wanted.environment,
            "user": wanted.user,
            "slug": wanted.slug,
            "first": first,
            "last": first + page_size - 1,
        }
        rows = self._session.execute(_REPORT, values).mappings().all()
        if not rows:
            return CostPage((), CostSums(), 0)
        lines = [
            CostLine(
                {one: row[one.value] for one in wanted.by}, CostSums(*(int(row[name]) for name in _SUMS))
            )
            for row in rows
            if row["position"] >= first
        ]
        totals = CostSums(*(int(rows[0][f"all_{name}"]) for name in _SUMS))
        return CostPage(tuple(lines), totals, int(rows[0]["total"]))
