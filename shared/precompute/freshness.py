"""Whether a stored result is still the answer."""

from dataclasses import dataclass
from datetime import datetime

from shared.dashboards.document import RefreshPolicy
from shared.database.models.runs import QueryResult
from shared.precompute.source_state import SourceState


@dataclass(frozen=True)
class Freshness:
    """`verified` says that the sources were looked at, not merely that the result is young."""

    unchanged: bool
    verified: bool
    reason: str


def judge(
    stored: QueryResult | None,
    current: SourceState | None,
    policy: RefreshPolicy,
    now: datetime,
    *,
    force: bool,
) -> Freshness:
    """Compare a stored result with its sources as they are now.

    Sources that cannot be watched (external tables, wildcards, CURRENT_DATE and its like) fall back to age:
    the result stands while it is younger than `max_age`.
    """
    if stored is None:
        return Freshness(False, False, "never computed")
    if force:
        return Freshness(False, False, "forced")
    before = stored.source_state
    if before.get("watchable") and current is not None and current.watchable:
        if before.get("tables") == current.to_json()["tables"]:
            return Freshness(True, True, "no source table changed")
        return Freshness(False, True, "a source table changed")
    age = (now - stored.as_of).total_seconds()
    if age <= policy.max_age_seconds:
        return Freshness(True, False, f"younger than max_age ({int(age)} s); its sources cannot be watched")
    return Freshness(False, False, "older than max_age; its sources cannot be watched")
