"""Whether a stored result is still the answer."""

from dataclasses import dataclass
from datetime import datetime

from shared.dashboards.definition.document import RefreshPolicy
from shared.dashboards.definition.schedule import is_due
from shared.database.models.runs import QueryResult
from shared.precompute.freshness.source_state import SourceState


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
    the result stands while it is younger than `max_age` and the schedule did not fire since.
    """
    if stored is None:
        return Freshness(False, False, "never computed")
    if force:
        return Freshness(False, False, "forced")
    if current is not None and has_changed(stored, current):
        return Freshness(False, True, "a source table changed")
    if current is not None and stored.source_state.get("watchable") and current.watchable:
        return Freshness(True, True, "no source table changed")
    return _judge_age(stored.as_of, policy, now)


def has_changed(stored: QueryResult, current: SourceState) -> bool:
    """True when a table has another time than the job saw, or one later than the job."""
    before: dict[str, str] = stored.source_state.get("tables", {})
    return any(
        datetime.fromisoformat(changed) >= stored.as_of if name not in before else before[name] != changed
        for name, changed in current.tables.items()
    )


def _judge_age(as_of: datetime, policy: RefreshPolicy, now: datetime) -> Freshness:
    age = (now - as_of).total_seconds()
    if age > policy.max_age_seconds:
        return Freshness(False, False, "older than max_age; its sources cannot be watched")
    # A schedule as long as max_age fires when the result is a few seconds younger.
    if policy.schedule and is_due(policy.schedule, policy.time_zone, as_of, now):
        return Freshness(False, False, "the schedule fired; its sources cannot be watched")
    return Freshness(True, False, f"younger than max_age ({int(age)} s); its sources cannot be watched")
