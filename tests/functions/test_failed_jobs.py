"""What a job that failed has cost stands in the answer, as it stands in the ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.database.models.costs import CostReservation, CostScope
from shared.database.repositories.reservations import BudgetLine
from shared.warehouse.bigquery.jobs import JobRunner
from tests.fixtures.functions import FunctionHost
from tests.fixtures.postgres import list_actions

MINIMUM = 10 * 2**20
NOW = datetime.now(UTC)
SLOW = (
    "SELECT COUNTIF(MOD(a * b + LENGTH(name) + {}, 7) = 3) AS n FROM people, "
    "UNNEST(GENERATE_ARRAY(1, 30000)) AS a, UNNEST(GENERATE_ARRAY(1, 20000)) AS b"
)
"""Takes the emulator longer than any deadline here; a number makes each one a query of its own."""
DASHBOARD = """\
version: 1
slug: shop
title: A slow one
dataset: shop
queries:
  slow: {{sql: "{}"}}
charts:
  - {{id: slow, title: Slow, query: slow, type: metric, value: n}}
"""


def read_day(functions: FunctionHost) -> dict[str, Any]:
    """What the ledger and the log of jobs say about today."""
    return dict(functions.call("costs", "GET", "/costs").json["data"]["totals"])


def test_a_refresh_that_timed_out_reports_what_the_ledger_has(functions: FunctionHost) -> None:
    functions.save_shop(DASHBOARD.format(SLOW.format(1)))
    functions.restart_with(warehouse_timeout_seconds=2.0)
    report = functions.precompute_shop()
    (query,) = report["queries"]
    assert (query["status"], query["error"]["code"]) == ("failed", "WAREHOUSE_TIMEOUT")
    assert query["job_id"].startswith("almanac_")
    day = read_day(functions)
    assert day["bytes_billed"] == MINIMUM  # a cancelled job is billed in full
    assert (report["totals"]["bytes_billed"], report["totals"]["usd_billed"]) == (MINIMUM, day["usd_billed"])
    assert report["totals"]["bytes_pending"] == day["bytes_reserved"] == 0


def test_a_job_nobody_can_be_asked_about_is_pending(
    functions: FunctionHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.save_shop(DASHBOARD.format(SLOW.format(2)))
    functions.restart_with(warehouse_timeout_seconds=2.0)
    monkeypatch.setattr(JobRunner, "read_bill", lambda *_: None)
    totals = functions.precompute_shop()["totals"]
    day = read_day(functions)
    assert totals["bytes_billed"] == day["bytes_billed"] == 0
    assert totals["bytes_pending"] == day["bytes_reserved"] > MINIMUM


def test_the_error_of_a_typed_query_says_what_it_cost(functions: FunctionHost) -> None:
    functions.restart_with(warehouse_timeout_seconds=2.0)
    body = {"sql": SLOW.format(3), "dataset": "shop"}
    answer = functions.call("sql_run", "POST", "/sql/run", json=body)
    assert answer.status_code == 504
    (cost,) = answer.json["error"]["details"]
    assert (cost["receipt"]["bytes_billed"], cost["bytes_pending"]) == (MINIMUM, 0)
    assert cost["receipt"]["usd_billed"] == "0.000060"
    assert list_actions(functions.container.database)[-1].bytes_billed == MINIMUM


def test_a_dashboard_without_room_does_not_fail_the_query_for_one_that_has(functions: FunctionHost) -> None:
    shared = DASHBOARD.format("SELECT COUNT(DISTINCT name) AS n FROM people")
    poor = shared.replace("dataset: shop", "dataset: shop\nbudget: {per_day: 15 MB}").replace(
        "shop", "poor", 1
    )
    for slug, yaml in (("poor", poor), ("shop", shared)):
        body = {"dashboards": [{"path": f"{slug}.yaml", "yaml": yaml}]}
        assert functions.call("dashboards_save", "POST", "/dashboards/save", json=body).status_code == 200
    with functions.container.database.begin() as uow:
        line = BudgetLine(CostScope.DASHBOARD, "poor", 10**9)
        row = CostReservation(
            id=uuid4(), created_at=NOW, expires_at=NOW + timedelta(days=1), bytes_reserved=10**7, actor="x",
            slug="poor", day=functions.container.budgets.today(),
        )  # fmt: skip
        uow.reservations.reserve(row, [line])
    response = functions.call("precompute", "POST", "/precompute", json={"slugs": ["poor", "shop"]})
    first, second = response.json["data"]["results"]
    assert [(one["slug"], one["totals"]["refreshed"]) for one in (first, second)] == [
        ("poor", 1),
        ("shop", 1),
    ]
    assert [one["totals"]["bytes_billed"] for one in (first, second)] == [0, MINIMUM]
