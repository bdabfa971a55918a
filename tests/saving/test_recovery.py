"""The rows of payloads and results are lost, their blobs are not: what was computed is served again, for nothing."""

from pathlib import Path
from typing import Any

import pg8000.native

from shared.precompute.assembly.recovery import RecoveryReport
from tests.fixtures.functions import FunctionHost
from tests.saving.lost import lose_database

_OF_ITS_TIME = ("checked_at", "age_seconds", "stale")
"""Members of `data` that say when it was last looked at, which is not kept with it."""


def recover(
    host: FunctionHost, emptying: pg8000.native.Connection, *, dry_run: bool = False
) -> RecoveryReport:
    lose_database(host, emptying)
    assert host.container.index_restorer.restore_index(dry_run=False).versions == 1
    return host.container.result_recovery.recover(dry_run=dry_run)


def read_data(host: FunctionHost, day: str = "2024-01-01") -> tuple[str | None, dict[str, Any]]:
    answer = host.call("data", "GET", f"/data/shop?day={day}")
    assert answer.status_code == 200, answer.text
    data = dict(answer.json["data"])
    return answer.headers.get("ETag"), {key: one for key, one in data.items() if key not in _OF_ITS_TIME}


def refresh(host: FunctionHost) -> tuple[list[str], int]:
    report = host.precompute_shop()
    return [one["status"] for one in report["queries"]], report["totals"]["bytes_billed"]


def test_the_same_is_served_and_the_next_refresh_bills_nothing(
    computed_shop: FunctionHost, emptying: pg8000.native.Connection
) -> None:
    before = [read_data(computed_shop, day) for day in ("2024-01-01", "2024-01-02")]
    report = recover(computed_shop, emptying)
    assert (report.payloads, report.results, report.expired, report.problems) == (2, 3, 0, [])
    assert [read_data(computed_shop, day) for day in ("2024-01-01", "2024-01-02")] == before
    statuses, billed = refresh(computed_shop)
    assert (set(statuses), billed) == ({"skipped_unchanged"}, 0)


def test_a_dry_run_counts_and_writes_nothing(
    computed_shop: FunctionHost, emptying: pg8000.native.Connection
) -> None:
    report = recover(computed_shop, emptying, dry_run=True)
    assert (report.payloads, report.results) == (2, 3)
    assert computed_shop.call("data", "GET", "/data/shop").status_code == 404
    again = computed_shop.container.result_recovery.recover(dry_run=False)
    assert again == report
    assert computed_shop.container.result_recovery.recover(dry_run=False).payloads == 0


def test_a_damaged_payload_and_a_missing_result_cost_themselves_alone(
    computed_shop: FunctionHost, emptying: pg8000.native.Connection, tmp_path: Path
) -> None:
    payload = min((tmp_path / "payloads" / "payloads").rglob("*/*/*/*"))
    payload.write_bytes(payload.read_bytes()[:-1])
    results = [one for one in (tmp_path / "payloads" / "results").rglob("*-*") if one.suffix != ".arrow"]
    report = recover(computed_shop, emptying)
    assert report.payloads == 1
    (problem,) = report.problems
    assert problem.startswith(
        f"payloads/{payload.relative_to(tmp_path / 'payloads' / 'payloads')} is not taken: "
    )
    assert problem.endswith("The next refresh makes it again.")
    for one in results:
        one.unlink()
    report = recover(computed_shop, emptying)
    assert (report.payloads, report.results) == (1, 0)
    assert (
        sum(
            "is not taken: it is not there. The next refresh runs its query." in one
            for one in report.problems
        )
        == 2
    )
    refresh(computed_shop)
    assert read_data(computed_shop)[1]["queries"]["count"]["rows"] == 1


def test_payloads_of_no_saved_version_are_left_alone_and_replaced_ones_expire(
    computed_shop: FunctionHost, emptying: pg8000.native.Connection, tmp_path: Path
) -> None:
    computed_shop.precompute_shop(force=True)
    other = tmp_path / "payloads" / "payloads" / "gone" / "7" / ("0" * 64)
    other.mkdir(parents=True)
    (other / ("0" * 32)).write_bytes(b"x")
    report = recover(computed_shop, emptying)
    assert report.payloads == 2
    assert report.problems == ["1 payloads of gone version 7, which is not saved, are left alone."]
    # Both payloads, and three results with their streams, were made anew.
    assert report.expired == 2 + 2 * 3
    assert emptying.run("SELECT count(*) FROM expired_blobs") == [[8]]
