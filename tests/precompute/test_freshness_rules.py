"""When a stored result is still the answer: the rules alone, with every clock set by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.dashboards.definition.document import RefreshPolicy
from shared.database.models.runs import QueryResult
from shared.precompute.freshness.look import find_newest_change, judge
from shared.warehouse.source_state import UNKNOWN, SourceState

AS_OF = datetime(2026, 3, 3, 6, 0, 5, tzinfo=UTC)
BEFORE = (AS_OF - timedelta(hours=1)).isoformat()
AFTER = (AS_OF + timedelta(seconds=1)).isoformat()
DAILY = RefreshPolicy.model_validate({"schedule": "0 6 * * *", "max_age": "24h"})
UNSCHEDULED = RefreshPolicy.model_validate({"max_age": "24h"})
SAME, CHANGED = "no source table changed", "a source table changed"


def make_stored(tables: dict[str, str], *, watchable: bool = True) -> QueryResult:
    return QueryResult(as_of=AS_OF, source_state=SourceState(tables, watchable).to_json())


def decide(
    stored: QueryResult,
    current: SourceState | None,
    policy: RefreshPolicy = UNSCHEDULED,
    later: timedelta = timedelta(minutes=1),
) -> tuple[bool, str]:
    verdict = judge(stored, current, policy, AS_OF + later, force=False)
    return verdict.unchanged, verdict.reason


@pytest.mark.parametrize("watchable", [True, False])
@pytest.mark.parametrize(
    ("stored", "current"),
    [
        ({"t": BEFORE}, {"t": AFTER}),
        ({"t": UNKNOWN}, {"t": AFTER}),
        ({}, {"t": AFTER}),
        ({}, {"t": AS_OF.isoformat()}),
        ({"t": BEFORE}, {"t": BEFORE, "v": AFTER}),
    ],
)
def test_a_source_seen_newer_than_the_result_is_never_skipped_by_age(
    stored: dict[str, str], current: dict[str, str], watchable: bool
) -> None:
    row = make_stored(stored, watchable=watchable)
    assert decide(row, SourceState(current, watchable)) == (False, CHANGED)


@pytest.mark.parametrize(
    ("offset", "is_seen"),
    [(timedelta(microseconds=-1), True), (timedelta(), False), (timedelta(microseconds=1), False)],
)
def test_a_table_changed_in_the_very_instant_of_the_job_is_not_trusted(
    offset: timedelta, is_seen: bool
) -> None:
    """BigQuery tells both in milliseconds: within one, nobody knows which came first."""
    changed = (AS_OF + offset).isoformat()
    current = SourceState({"t": changed}, True)
    seen = current.limit_to(AS_OF, deterministic=True)
    assert seen == SourceState({"t": changed if is_seen else UNKNOWN}, True)
    expected = (True, SAME) if is_seen else (False, CHANGED)
    assert decide(QueryResult(as_of=AS_OF, source_state=seen.to_json()), current) == expected


def test_what_is_not_deterministic_is_not_watched() -> None:
    assert not SourceState({"t": BEFORE}, True).limit_to(AS_OF, deterministic=False).watchable


def test_a_view_found_later_is_no_change_when_it_is_older_than_the_result() -> None:
    seen = SourceState({"t": BEFORE, "v": BEFORE}, True)
    assert decide(make_stored({"t": BEFORE}), seen) == (True, SAME)


def test_a_result_stored_as_watchable_is_judged_by_age_once_its_sources_are_not() -> None:
    unchanged, reason = decide(make_stored({"t": BEFORE}), SourceState({"t": BEFORE}, False))
    assert unchanged
    assert "cannot be watched" in reason


@pytest.mark.parametrize("current", [None, SourceState(), SourceState({"t": BEFORE}, False)])
def test_a_schedule_as_long_as_max_age_runs_what_cannot_be_watched_at_every_tick(
    current: SourceState | None,
) -> None:
    row = make_stored({"t": BEFORE}, watchable=False)
    tick, second = timedelta(days=1) - timedelta(seconds=5), timedelta(seconds=1)
    assert decide(row, current, DAILY, tick + second) == (
        False,
        "the schedule fired; its sources cannot be watched",
    )
    assert decide(row, current, DAILY, tick - second)[0]
    assert decide(row, current, UNSCHEDULED, tick + second)[0]


def test_what_can_be_watched_is_not_run_because_a_schedule_fired() -> None:
    assert decide(make_stored({"t": BEFORE}), SourceState({"t": BEFORE}, True), DAILY, timedelta(days=3)) == (
        True,
        SAME,
    )


def test_a_source_that_was_read_and_is_gone_is_no_matter_of_age() -> None:
    gone = SourceState({}, False, absent=frozenset({"t"}))
    for watchable in (True, False):
        assert decide(make_stored({"t": BEFORE}, watchable=watchable), gone) == (
            False,
            "t is not found any more",
        )
    unchanged, _ = decide(make_stored({"other": BEFORE}), gone)  # it never could be read: the job did without
    assert unchanged


def test_a_wildcard_of_other_tables_has_changed_and_nobody_knows_when() -> None:
    stored = QueryResult(
        as_of=AS_OF, source_state=SourceState({"e_*": BEFORE}, True, shards={"e_*": "two"}).to_json()
    )
    assert decide(stored, SourceState({"e_*": BEFORE}, True, shards={"e_*": "two"})) == (True, SAME)
    fewer = SourceState({"e_*": BEFORE}, True, shards={"e_*": "one"})
    assert decide(stored, fewer) == (False, CHANGED)
    assert find_newest_change(stored, fewer) is None


def test_a_source_in_another_location_is_planned_again() -> None:
    before = SourceState({"t": BEFORE}, True, locations=("US",))
    stored = QueryResult(as_of=AS_OF, source_state=before.to_json())
    moved = SourceState({"t": BEFORE}, True, locations=("EU",))
    assert decide(stored, before) == (True, SAME)
    assert decide(stored, moved) == (False, "a source is in another location now")
    assert decide(make_stored({"t": BEFORE}), moved) == (True, SAME)  # stored before locations were


def test_the_reason_names_what_cannot_be_watched_and_a_few_at_most() -> None:
    unwatched = {f"t{number}": "rows are streamed into it" for number in range(5)}
    _, reason = decide(make_stored({"t": BEFORE}), SourceState({"t": BEFORE}, False, unwatched))
    assert "cannot be watched (t0: rows are streamed into it; t1: " in reason
    assert "t3" not in reason
    stored = QueryResult(as_of=AS_OF, source_state=SourceState({}, False, {"e_*": "too many"}).to_json())
    assert "(e_*: too many)" in decide(stored, SourceState())[1]
